"""Reading a vault's grants with an administrator's token: everything, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import Model
from codesign_wizard.core.azure.permissions.evaluate import VaultAccess, evaluate
from codesign_wizard.core.azure.permissions.management import read_access, unread
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import is_at
from codesign_wizard.core.redact import Secret
from tests.unit.azure.permissions_admin import vendor
from tests.unit.azure.permissions_admin.arm_world import (
    CRYPTO_OFFICER,
    GROUP,
    PRINCIPAL,
    REGISTRATION,
    SUBSCRIPTION,
    VAULT_ID,
    ArmWorld,
    error,
    forbidden,
)
from tests.unit.azure.permissions_admin.vendor import TENANT, Reply

OPTIONS = AzureOptions("contoso", "code-signing", "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10", TENANT)
TOKEN = Secret("token-of-the-test")


def read(
    world: ArmWorld, resource_id: str = VAULT_ID, graph: Callable[[], Secret] | None = lambda: TOKEN
) -> VaultAccess:
    before = world.state()
    network = vendor.network(world.answer)
    try:
        return read_access(
            Job(), network, OPTIONS, TOKEN, PRINCIPAL, resource_id=resource_id, account="admin",
            graph_token=graph,
        )  # fmt: skip
    finally:
        assert world.writes == []
        assert world.state() == before


def refused(world: ArmWorld, resource_id: str = VAULT_ID) -> CodesignError:
    with pytest.raises(CodesignError) as caught:
        read(world, resource_id)
    return caught.value


def test_everything_of_the_vault_is_read() -> None:
    access = read(ArmWorld(rbac=True))
    assert access.model is Model.RBAC
    assert (access.resource_id, access.name, access.sku, access.tenant_id) == (
        VAULT_ID, "contoso", "premium", TENANT,
    )  # fmt: skip
    assert (access.location, access.public_network, access.default_action) == (
        "westeurope",
        "Enabled",
        "Deny",
    )
    assert (access.ip_rules, access.bypass, access.private_endpoints) == (
        ("203.0.113.7/32",),
        "AzureServices",
        1,
    )
    assert access.soft_delete
    assert access.purge_protection
    assert access.unknowns == ()


def test_the_vault_is_found_in_whatever_subscription_it_is() -> None:
    assert read(ArmWorld(rbac=True), "").resource_id == VAULT_ID


def test_role_assignments_are_read_over_all_pages_with_their_definitions_once_each() -> None:
    world = ArmWorld(rbac=True)
    subscription = f"/subscriptions/{SUBSCRIPTION}"
    world.assign(CRYPTO_OFFICER, subscription)
    world.assign(CRYPTO_OFFICER, VAULT_ID, GROUP, "Group", condition="@Resource[x] == 'y'")
    world.assign(CRYPTO_OFFICER, f"{VAULT_ID}/keys/code-signing")
    access = read(world)
    assert [each.scope for each in access.assignments] == [
        subscription, VAULT_ID, f"{VAULT_ID}/keys/code-signing",
    ]  # fmt: skip
    assert access.assignments[1].condition == "@Resource[x] == 'y'"
    assert access.assignments[0].condition == ""
    assert access.assignments[0].created is not None
    assert access.groups == (GROUP,)
    (definition,) = access.definitions
    assert definition.name == "Key Vault Crypto Officer"
    assert "Microsoft.KeyVault/vaults/keys/*" in definition.data_actions


def test_deny_assignments_are_read_with_whom_they_spare() -> None:
    world = ArmWorld(rbac=True)
    everybody = "00000000-0000-0000-0000-000000000000"
    permission = {"dataActions": ["*"], "notDataActions": ["Microsoft.KeyVault/vaults/*/read"]}
    world.denials.append(
        {
            "id": "/deny/1",
            "properties": {
                "denyAssignmentName": "No keys",
                "permissions": [permission],
                "principals": [{"id": everybody, "type": "SystemDefined"}],
                "excludePrincipals": [{"id": PRINCIPAL.upper(), "type": "ServicePrincipal"}],
                "scope": VAULT_ID,
                "doNotApplyToChildScopes": True,
            },
        }
    )
    (denial,) = read(world).denials
    assert denial.name == "No keys"
    assert denial.principal_ids == (everybody,)
    assert denial.excluded_principal_ids == (PRINCIPAL,)
    assert denial.data_actions == ("*",)
    assert denial.not_data_actions == ("Microsoft.KeyVault/vaults/*/read",)
    assert denial.does_not_apply_to_child_scopes


def test_a_group_that_a_denial_for_everybody_spares_is_looked_up() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CRYPTO_OFFICER, VAULT_ID)
    everybody = "00000000-0000-0000-0000-000000000000"
    properties = {
        "permissions": [{"dataActions": ["*"], "notDataActions": []}],
        "principals": [{"id": everybody, "type": "SystemDefined"}],
        "excludePrincipals": [{"id": GROUP, "type": "Group"}],
        "scope": VAULT_ID,
    }
    world.denials.append({"id": "/deny/1", "properties": properties})
    sign = "Microsoft.KeyVault/vaults/keys/sign/action"
    assert evaluate(read(world), PRINCIPAL, "")[sign].state is State.GRANTED
    assert evaluate(read(world, graph=None), PRINCIPAL, "")[sign].state is State.UNTESTABLE
    properties["excludePrincipals"] = []
    assert evaluate(read(world, graph=None), PRINCIPAL, "")[sign].state is State.MISSING


def test_each_set_of_a_roles_permissions_is_judged_by_itself() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CRYPTO_OFFICER, VAULT_ID)
    keys = "Microsoft.KeyVault/vaults/keys"
    sets = [
        {"dataActions": [f"{keys}/*"], "notDataActions": [f"{keys}/sign/action"]},
        {"dataActions": [f"{keys}/sign/action", f"{keys}/read"], "notDataActions": [f"{keys}/verify/action"]},
        {"dataActions": ["Microsoft.KeyVault/vaults/certificates/*"], "condition": "@Resource[x] == 'y'"},
    ]
    world.definitions[CRYPTO_OFFICER] = {"roleName": "Several", "permissions": sets}
    told = evaluate(read(world), PRINCIPAL, "")
    assert {told[f"{keys}/{each}"].state for each in ("sign/action", "verify/action", "read")} == {
        State.GRANTED
    }
    conditional = told["Microsoft.KeyVault/vaults/certificates/read"]
    assert conditional.state is State.UNTESTABLE
    assert conditional.evidence.more["condition"] == "@Resource[x] == 'y'"
    # a definition that tells nothing is not one that gives nothing
    world.definitions[CRYPTO_OFFICER] = {"roleName": "Untold"}
    assert evaluate(read(world), PRINCIPAL, "")[f"{keys}/read"].state is State.UNTESTABLE


def test_a_group_of_another_tenant_counts_as_a_group() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CRYPTO_OFFICER, VAULT_ID, GROUP, "ForeignGroup")
    sign = evaluate(read(world), PRINCIPAL, "")["Microsoft.KeyVault/vaults/keys/sign/action"]
    assert (sign.state, sign.evidence.more["through-group"]) == (State.GRANTED, GROUP)


def policy_world() -> ArmWorld:
    world = ArmWorld(rbac=False)
    world.vault["properties"]["accessPolicies"] = [
        {
            "tenantId": TENANT,
            "objectId": PRINCIPAL.upper(),
            "permissions": {"Keys": ["Get", "UnwrapKey"], "certificates": ["all"], "secrets": ["get"]},
        },
        {"tenantId": TENANT, "objectId": GROUP, "applicationId": PRINCIPAL, "permissions": {"keys": None}},
    ]
    return world


def test_access_policies_are_read_however_they_are_capitalised() -> None:
    access = read(policy_world())
    assert access.model is Model.POLICY
    own, compound = access.policies
    assert (own.object_id, own.application_id) == (PRINCIPAL, "")
    assert (own.keys, own.certificates, own.secrets) == (("Get", "UnwrapKey"), ("all",), ("get",))
    assert (compound.application_id, compound.keys) == (PRINCIPAL, ())
    assert access.groups == (GROUP,)


def test_an_access_policy_of_another_tenant_is_not_called_a_grant() -> None:
    world = policy_world()
    entry = world.vault["properties"]["accessPolicies"][0]
    entry["tenantId"] = REGISTRATION
    told = evaluate(read(world), PRINCIPAL, "")
    assert told["keys/get"].state is State.UNTESTABLE
    assert REGISTRATION in told["keys/get"].text
    assert told["keys/sign"].state is State.MISSING


def test_groups_that_nobody_could_tell_are_said_to_be_unknown() -> None:
    world = policy_world()
    assert any("groups" in each for each in read(world, graph=None).unknowns)
    world.refuse["/v1.0/"] = error(403, "Authorization_RequestDenied", "Insufficient privileges")
    assert any("Insufficient privileges" in each for each in read(world).unknowns)


def test_the_registrations_own_id_is_asked_for_where_nothing_counts() -> None:
    world = policy_world()
    assert read(world).registration_id == ""
    world.vault["properties"]["accessPolicies"] = [{"objectId": REGISTRATION, "permissions": {}}]
    assert read(world).registration_id == REGISTRATION
    world.refuse["/v1.0/applications"] = error(403, "Authorization_RequestDenied", "Insufficient privileges")
    silent = read(world)
    assert (silent.registration_id, silent.unknowns) == ("", ())


def test_a_vault_whose_model_was_never_set_goes_by_access_policies() -> None:
    world = ArmWorld(rbac=False)
    del world.vault["properties"]["enableRbacAuthorization"]
    assert read(world).model is Model.POLICY


@pytest.mark.parametrize(
    ("piece", "word"),
    [("/roleAssignments", "role assignments"), ("/denyAssignments", "deny assignments"),
     ("/roleDefinitions/", "role definition")],
)  # fmt: skip
def test_what_may_not_be_read_is_named_and_the_rest_is_told(piece: str, word: str) -> None:
    world = ArmWorld(rbac=True)
    world.assign(CRYPTO_OFFICER, VAULT_ID)
    world.refuse[piece] = forbidden("Microsoft.Authorization/x/read")
    access = read(world)
    assert access.sku == "premium"
    assert any(each.startswith(word) and "AuthorizationFailed" not in word for each in access.unknowns)
    assert any("Microsoft.Authorization/x/read" in each for each in access.unknowns)
    findings = unread(access)
    assert {each.id for each in findings} == {"azure.admin.partly-read"}
    assert any(word in each.title for each in findings)


def test_an_account_that_may_not_see_the_vault_is_told_what_it_lacks() -> None:
    world = ArmWorld(rbac=True)
    world.refuse[f"GET {VAULT_ID}"] = forbidden("Microsoft.KeyVault/vaults/read")
    finding = refused(world).finding
    assert finding.id == "azure.admin.not-allowed"
    assert "Microsoft.KeyVault/vaults/read" in finding.title
    assert finding.evidence.status == 403
    assert finding.evidence.code == "AuthorizationFailed"
    assert finding.evidence.request_id == "r-2"
    assert finding.evidence.more["correlation-id"] == "c-1"


def test_a_vault_that_no_subscription_shows_is_not_found() -> None:
    world = ArmWorld(rbac=True)
    world.refuse["/resources"] = Reply(200, {"value": []})
    finding = refused(world, "").finding
    assert finding.id == "azure.admin.vault-not-found"
    assert finding.evidence.more["subscriptions"] == "2"
    gone = ArmWorld(rbac=True)
    gone.refuse[f"GET {VAULT_ID}"] = error(404, "ResourceNotFound", "was not found")
    assert refused(gone).finding.id == "azure.admin.vault-not-found"


def test_a_subscription_that_may_not_be_read_does_not_end_the_search() -> None:
    world = ArmWorld(rbac=True)
    world.refuse["/subscriptions/other/resources"] = forbidden("Microsoft.Resources/x/read")
    assert read(world, "").resource_id == VAULT_ID


def test_an_older_api_is_used_where_the_newest_is_not_known() -> None:
    world = ArmWorld(rbac=True)
    world.newest_api = False
    assert read(world).sku == "premium"


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        (
            error(401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer"),
            "token-refused",
        ),
        (error(401, "ExpiredAuthenticationToken", "The access token expiry"), "token-refused"),
        (Reply(200, raw=b"<html>proxy</html>"), "refused"),
        (Reply(400, raw=b""), "refused"),
        (Reply(418, raw=b'{"error": {"code": '), "refused"),
        (Reply(403, raw=b"<html>no</html>"), "not-allowed"),
    ],
)
def test_whatever_answers_is_explained(reply: Reply, finding: str) -> None:
    world = ArmWorld(rbac=True)
    world.refuse["/vaults/"] = reply
    found = refused(world).finding
    assert found.id == f"azure.admin.{finding}"
    assert found.evidence.status == reply.status
    json.dumps(found.to_json())


def test_a_token_goes_to_no_other_host_than_its_own() -> None:
    world = ArmWorld(rbac=True)
    link = {"value": [], "nextLink": "https://elsewhere.example/?api-version=x"}
    world.refuse["/roleAssignments"] = Reply(200, link)
    assert read(world).assignments == ()  # the world refuses every other host


def test_a_cancelled_job_asks_nothing() -> None:
    job = Job()
    job.cancel()
    world = ArmWorld(rbac=True)
    with pytest.raises(Cancelled):
        read_access(job, vendor.network(world.answer), OPTIONS, TOKEN, PRINCIPAL, resource_id=VAULT_ID)


def test_a_role_on_another_vault_or_resource_group_is_seen_and_counts_for_nothing_here() -> None:
    world = ArmWorld(rbac=True)
    other = VAULT_ID.replace("contoso", "contoso-test")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/elsewhere"
    for scope in (other, group, f"{group}/providers/Microsoft.Storage/storageAccounts/x"):
        world.assign(CRYPTO_OFFICER, scope)
    access = read(world)
    assert [each.scope for each in access.assignments] == [other, group]
    assert {each.state for each in evaluate(access, PRINCIPAL, "code-signing").values()} == {State.MISSING}
    world.refuse[f"/subscriptions/{SUBSCRIPTION}/providers/"] = forbidden("Microsoft.Authorization/x/read")
    assert read(world).assignments == ()
    assert read(world).unknowns == ()


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://management.azure.com/x", True),
        ("https://Management.Azure.com:443/x", True),
        ("https://management.azure.com:444/x", False),
        ("http://management.azure.com/x", False),
        ("http://management.azure.com:443/x", False),
        ("https://user@management.azure.com/x", False),
        ("https://management.azure.com.evil.example/x", False),
        ("https://[bad", False),
    ],
)
def test_the_port_of_https_is_a_services_own_and_no_other_is(url: str, own: bool) -> None:
    assert is_at(url, "management.azure.com") is own
