"""Azure Resource Manager from the wire: tokens, rights, lists, filters, grants that then work."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from codesign_wizard.practice.entra.models import Group
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from codesign_wizard.practice.keyvault.routes import KeyVault
from codesign_wizard.practice.management import routes
from codesign_wizard.practice.management.authorization import EVERYONE, DenyAssignment, management_group
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES
from codesign_wizard.practice.wire.messages import Headers, Request

ROLES = "/providers/Microsoft.Authorization"
VAULTS = "2023-07-01"


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def filtered(text: str) -> str:
    return f"$filter={quote(text)}"


# tokens and versions


def test_the_order_of_the_first_checks(client: Any) -> None:
    vault = client.cloud.world.vault.arm_id
    assert error(client.arm(vault, token="", version="")) == (400, "MissingApiVersionParameter")
    refused = client.arm(vault, token="", version=VAULTS)
    assert error(refused) == (401, "AuthenticationFailed")
    # the subscription's tenant is told to everybody
    assert (
        f'authorization_uri="https://login.windows.net/{client.cloud.accounts.tenant_id}"'
        in (refused.headers["WWW-Authenticate"])
    )
    assert error(client.arm(vault, token="x.y.z", version=VAULTS)) == (401, "InvalidAuthenticationToken")
    wrong = client.arm(vault, token=client.token(), version=VAULTS)
    assert error(wrong) == (401, "InvalidAuthenticationTokenAudience")
    assert "'https://vault.azure.net'" in wrong.json()["error"]["message"]
    assert error(client.arm("/subscriptions/nobody", version=VAULTS)) == (404, "SubscriptionNotFound")
    other = client.cloud.world.other_vault
    foreign = client.arm(other.arm_id, version=VAULTS)
    assert error(foreign) == (401, "InvalidAuthenticationTokenTenant")
    assert other.tenant_id in foreign.json()["error"]["message"]


def test_a_token_runs_out(start: Callable[..., Any]) -> None:
    own = start()
    token = own.token_for()
    assert own.arm("/subscriptions", token=token, version="2022-12-01").status_code == 200
    own.cloud.world.clock.offset = timedelta(hours=2)
    assert (
        error(own.arm("/subscriptions", token=token, version="2022-12-01"))[1] == "ExpiredAuthenticationToken"
    )


def test_versions_of_the_providers(client: Any) -> None:
    vault = client.cloud.world.vault.arm_id
    for version in ("2026-05-15", VAULTS):
        assert client.arm(vault, version=version).status_code == 200
    unknown = client.arm(vault, version="2000-01-01")
    assert error(unknown) == (400, "NoRegisteredProviderFound")
    assert "2026-05-15" in unknown.json()["error"]["message"]
    assert error(client.arm("/subscriptions", version="x")) == (400, "InvalidApiVersionParameter")
    assert error(client.arm(f"{vault}{ROLES}/permissions", version=VAULTS))[1] == "NoRegisteredProviderFound"


def test_what_is_not_played_says_so(client: Any) -> None:
    vault = client.cloud.world.vault.arm_id
    group = vault.partition("/providers/")[0]
    assert error(client.arm(group, "DELETE", version="2021-04-01")) == (501, "NotImplemented")
    assert error(client.arm(f"{vault}{ROLES}/locks", version="2016-09-01")) == (501, "NotImplemented")
    metrics = f"{vault}/providers/Microsoft.Insights/metrics"
    assert error(client.arm(metrics, version="2021-05-01")) == (501, "NotImplemented")
    assert error(client.arm("/subscriptions/x/y")) == (404, "SubscriptionNotFound")
    # what the real one has besides, by whatever version
    for path in (f"{vault}{ROLES}/locks", f"{vault}{ROLES}/roleEligibilitySchedules", f"{vault}/secrets"):
        assert error(client.arm(path, version="2020-10-01")) == (501, "NotImplemented")
    assert error(client.arm("/elsewhere")) == (404, "InvalidResourceType")


def test_whether_there_is_something_is_answered_without_a_body(client: Any) -> None:
    vault = client.cloud.world.vault.arm_id
    group = vault.partition("/providers/")[0]
    for path, version in ((group, "2021-04-01"), (vault, VAULTS)):
        found = client.arm(path, "HEAD", version=version)
        assert found.status_code == 204
        assert "x-ms-ratelimit-remaining-subscription-reads" in found.headers
        assert client.arm(f"{path}-no", "HEAD", version=version).status_code == 404


# resources


def test_the_vault_by_subscription_resource_group_and_name(client: Any) -> None:
    world = client.cloud.world
    vault, base = world.vault, f"/subscriptions/{world.vault.subscription_id}"
    listed = client.arm("/subscriptions", version="2022-12-01").json()["value"]
    assert [each["subscriptionId"] for each in listed] == [vault.subscription_id]
    assert listed[0]["tenantId"] == world.tenant.tenant_id
    wanted = filtered(f"resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{vault.name.upper()}'")
    found = client.arm(f"{base}/resources", version="2021-04-01", query=wanted).json()["value"]
    assert [each["id"] for each in found] == [vault.arm_id]
    part = f"substringof('{vault.name[2:].upper()}', name) and resourceGroup eq 'rg-code-signing'"
    kind = "resourceType eq 'Microsoft.KeyVault/vaults'"  # as Key Vault's SDKs ask, by their own version
    for version, wanted in (("2021-04-01", part), ("2015-11-01", kind)):
        found = client.arm(f"{base}/resources", version=version, query=filtered(wanted)).json()["value"]
        assert [each["id"] for each in found] == [vault.arm_id]
    for wanted in ("name eq 'no'", "substringof('no', name)", "resourceGroup eq 'rg'"):
        found = client.arm(f"{base}/resources", version="2021-04-01", query=filtered(wanted)).json()
        assert found == {"value": []}
    assert error(client.arm(f"{base}/resources", version="2021-04-01", query=filtered("x"))) == (
        400, "InvalidFilterInQueryString",
    )  # fmt: skip
    whole = client.arm(vault.arm_id.upper(), version=VAULTS).json()  # ids have no case
    assert whole["properties"]["vaultUri"] == f"{client.vault_url}/"
    assert whole["properties"]["enableRbacAuthorization"] is True
    assert whole["properties"]["sku"]["name"] == "premium"
    for path in (f"{base}/providers/Microsoft.KeyVault/vaults",
                 f"{base}/resourceGroups/rg-code-signing/providers/Microsoft.KeyVault/vaults"):  # fmt: skip
        assert [each["id"] for each in client.arm(path, version=VAULTS).json()["value"]] == [vault.arm_id]
    resources = f"{base}/resourceGroups/rg/resources"
    assert error(client.arm(resources, version="2021-04-01")) == (404, "ResourceGroupNotFound")
    assert error(client.arm(vault.arm_id + "x", version=VAULTS)) == (404, "ResourceNotFound")
    missing = vault.arm_id.replace("rg-code-signing", "rg")
    for path in (missing, missing.rpartition("/")[0]):
        assert error(client.arm(path, version=VAULTS)) == (404, "ResourceGroupNotFound")


def test_the_networking_of_a_vault(start: Callable[..., Any]) -> None:
    own = start("firewall")
    properties = own.arm(own.cloud.world.vault.arm_id, version=VAULTS).json()["properties"]
    assert properties["networkAcls"]["defaultAction"] == "Deny"
    assert properties["networkAcls"]["ipRules"] == [{"value": "198.51.100.24/32"}]
    assert properties["publicNetworkAccess"] == "Enabled"


def test_who_has_no_role_sees_nothing(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    principal = world.tenant.service_principals[0].object_id
    world.authorization.assignments = [
        each for each in world.authorization.assignments if each.principal_id != principal
    ]
    vault, base = world.vault.arm_id, f"/subscriptions/{world.vault.subscription_id}"
    assert own.arm("/subscriptions", who="application", version="2022-12-01").json()["value"] == []
    refused = own.arm(vault, who="application", version=VAULTS)
    assert refused.json()["error"] == {
        "code": "AuthorizationFailed",
        "message": f"The client '{own.cloud.accounts.application_id}' with object id '{principal}' does not "
        "have authorization to perform action 'Microsoft.KeyVault/vaults/read' over scope "
        f"'{vault}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    }
    for path in (f"{base}/resources", f"{vault}{ROLES}/permissions"):
        version = "2022-04-01" if ROLES in path else "2021-04-01"
        assert error(own.arm(path, who="application", version=version)) == (403, "AuthorizationFailed")


# what the caller may


def test_an_officers_own_permissions_are_told_exactly(client: Any) -> None:
    vault = client.cloud.world.vault.arm_id
    crooked = vault.replace("KeyVault/vaults", "KeyVault//vaults")  # as azure-mgmt-authorization asks
    for path in (vault, crooked):
        told = client.arm(f"{path}{ROLES}/permissions", who="application").json()["value"]
        assert {action for each in told for action in each["dataActions"]} == {
            f"Microsoft.KeyVault/vaults/{each}"
            for each in ("certificatecas/*", "certificates/*", "certificatecontacts/write", "keys/*",
                         "keyrotationpolicies/*")
        }  # fmt: skip
    # the roles' own vaults/*/read leaves the vault itself out
    assert error(client.arm(vault, who="application", version=VAULTS)) == (403, "AuthorizationFailed")


# role assignments


def listed(client: Any, scope: str, text: str) -> set[tuple[str, str]]:
    query = filtered(text) if text else ""
    answer = client.arm(f"{scope}{ROLES}/roleAssignments", query=query)
    assert answer.status_code == 200, answer.text
    names = {role.role_id: role.name for role in BUILT_IN_ROLES.values()}
    return {
        (each["properties"]["principalId"], names[each["properties"]["roleDefinitionId"].rpartition("/")[2]])
        for each in answer.json()["value"]
    }


def test_assignments_are_listed_at_above_and_below_and_through_groups(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    vault, subscription = world.vault.arm_id, f"/subscriptions/{world.vault.subscription_id}"
    principal, admin = world.tenant.service_principals[0].object_id, world.administrator.object_id
    inner, outer = Group(str(uuid.uuid4()), "inner", [principal]), Group(str(uuid.uuid4()), "outer")
    outer.members = [inner.object_id]
    world.tenant.groups += [inner, outer]
    world.assign(outer.object_id, "Key Vault Reader", management_group("practice-it"), principal_type="Group")
    world.assign(principal, "Key Vault Crypto User", f"{vault}/keys/code-signing")
    officers = {(principal, "Key Vault Certificates Officer"), (principal, "Key Vault Crypto Officer")}
    through_group = {(outer.object_id, "Key Vault Reader")}
    below = {(principal, "Key Vault Crypto User")}
    owners = {(admin, "Owner"), (world.reader.object_id, "Reader")}
    assert listed(own, vault, "") == officers | through_group | below | owners
    assert listed(own, vault, "atScope()") == officers | through_group | owners
    assert listed(own, vault, f"atScope() and assignedTo('{principal}')") == officers | through_group
    assert listed(own, vault, f"assignedTo('{principal}')") == officers | through_group | below
    assert listed(own, vault, f"principalId eq '{principal}'") == officers | below
    assert listed(own, vault, f"assignedTo('{outer.object_id}')") == set()
    assert listed(own, subscription, "atScope()") == owners | through_group
    bad = own.arm(f"{vault}{ROLES}/roleAssignments", query=filtered("principalName eq 'x'"))
    assert error(bad) == (400, "UnsupportedQuery")


def test_lists_come_in_pages(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "PAGE", 3)
    url = f"{client.cloud.world.vault.arm_id}{ROLES}/roleAssignments"
    first = client.arm(url, query=filtered("atScope()")).json()
    assert len(first["value"]) == 3
    token = client.token_for()
    second = client.session.get(first["nextLink"], headers={"Authorization": f"Bearer {token}"}).json()
    assert len(second["value"]) == 1
    assert "nextLink" not in second
    assert not {each["id"] for each in first["value"]} & {each["id"] for each in second["value"]}


def assignment(world: Any, role: str, **more: Any) -> dict[str, Any]:
    base = f"/subscriptions/{world.vault.subscription_id}"
    return {
        "properties": {
            "roleDefinitionId": f"{base}{ROLES}/roleDefinitions/{BUILT_IN_ROLES[role].role_id}",
            "principalId": world.tenant.service_principals[0].object_id,
            "principalType": "ServicePrincipal",
            **more,
        }
    }


def test_a_granted_role_works_after_a_while_and_is_kept(start: Callable[..., Any], tmp_path: Any) -> None:
    own = start(state=tmp_path)
    world = own.cloud.world
    principal = world.tenant.service_principals[0].object_id
    world.authorization.assignments = [
        each for each in world.authorization.assignments if each.principal_id != principal
    ]
    assert own.vault("/keys").status_code == 403
    url = f"{world.vault.arm_id}{ROLES}/roleAssignments/{uuid.uuid4()}"
    body = assignment(world, "Key Vault Crypto User", description="for the backup server")
    assert error(own.arm(url, "PUT", who="reader", body=body)) == (403, "AuthorizationFailed")
    made = own.arm(url, "PUT", body=body)
    assert made.status_code == 201
    told = made.json()["properties"]
    assert (told["scope"], told["description"], told["createdBy"]) == (
        world.vault.arm_id, "for the backup server", world.administrator.object_id,
    )  # fmt: skip
    assert abs(datetime.fromisoformat(told["createdOn"]) - world.clock.now()) < timedelta(minutes=1)
    assert own.vault("/keys").status_code == 403  # not known to the vault yet
    world.clock.offset = timedelta(seconds=world.propagation)
    assert own.vault("/keys").status_code == 200
    assert own.arm(url, "PUT", body=body).status_code == 200  # the same again
    again = own.arm(f"{world.vault.arm_id}{ROLES}/roleAssignments/{uuid.uuid4()}", "PUT", body=body)
    assert error(again) == (409, "RoleAssignmentExists")
    own.cloud.stop()
    later = start(state=tmp_path)
    assert later.cloud.world.authorization.assignments[-1].description == "for the backup server"
    deleted = later.arm(url, "DELETE")
    assert (deleted.status_code, deleted.json()["name"]) == (200, url.rpartition("/")[2])
    assert later.arm(url, "DELETE").status_code == 204
    assert error(later.arm(url)) == (404, "RoleAssignmentNotFound")


def test_who_may_assign_some_roles_only(start: Callable[..., Any]) -> None:
    """The condition that the portal writes for *Allow user to only assign selected roles*."""
    own = start()
    world, vault = own.cloud.world, own.cloud.world.vault.arm_id
    of, roles = "Microsoft.Authorization/roleAssignments", ", ".join(
        BUILT_IN_ROLES[each].role_id for each in ("Key Vault Reader", "Key Vault Crypto User")
    )  # fmt: skip
    clauses = [
        f"((!(ActionMatches{{'{of}/{action}'}})) OR (@{source}[{of}:RoleDefinitionId] "
        f"ForAnyOfAnyValues:GuidEquals {{{roles}}} AND @{source}[{of}:PrincipalType] "
        "ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}))"
        for action, source in (("write", "Request"), ("delete", "Resource"))
    ]
    role = "Role Based Access Control Administrator"
    world.assign(world.reader.object_id, role, vault, principal_type="User", condition=" AND ".join(clauses))
    url = f"{vault}{ROLES}/roleAssignments"

    def grant(role: str, **more: Any) -> Any:
        body = assignment(world, role, **more)
        return own.arm(f"{url}/{uuid.uuid4()}", "PUT", who="reader", body=body)

    made = grant("Key Vault Crypto User")
    assert made.status_code == 201
    assert error(grant("Key Vault Administrator")) == (403, "AuthorizationFailed")
    person = {"principalId": world.reader.object_id, "principalType": "User"}
    assert error(grant("Key Vault Reader", **person)) == (403, "AuthorizationFailed")
    first = own.arm(url, query=filtered("atScope()")).json()["value"][0]["name"]
    assert error(own.arm(f"{url}/{first}", "DELETE", who="reader")) == (403, "AuthorizationFailed")
    assert own.arm(made.json()["id"], "DELETE", who="reader").status_code == 200


def test_assignments_that_cannot_be(client: Any) -> None:
    world = client.cloud.world
    base = f"{world.vault.arm_id}{ROLES}/roleAssignments"
    reader = "Key Vault Reader"

    def put(name: str = "", scope: str = "", **more: Any) -> tuple[int, str]:
        body = assignment(world, reader, **more)
        return error(client.arm(f"{scope or base}/{name or uuid.uuid4()}", "PUT", body=body))

    role = assignment(world, reader)["properties"]["roleDefinitionId"]
    assert put("no-guid") == (400, "InvalidRoleAssignmentId")
    assert put(principalId=str(uuid.uuid4()), principalType="") == (400, "PrincipalNotFound")
    assert put(principalId=world.administrator.object_id) == (400, "UnmatchedPrincipalType")
    assert put(roleDefinitionId=role[:-4] + "0000") == (404, "RoleDefinitionDoesNotExist")
    assert put(condition="((")[1] == "InvalidCondition"
    assert put(principalId="x")[1] == put(roleDefinitionId=None)[1] == "InvalidRequestContent"
    assert put(scope=base.replace(world.vault.name, "no")) == (404, "ResourceNotFound")
    assert put(scope=base.replace("rg-code-signing", "no")) == (404, "ResourceGroupNotFound")
    held = world.authorization.assignments[0]
    assert put(held.assignment_id) == (400, "RoleAssignmentUpdateNotPermitted")
    assert error(client.arm(f"{base}/{uuid.uuid4()}", "PUT", body=[]))[1] == "InvalidRequestContent"


def test_the_registrations_object_id_is_taken_when_the_request_says_what_it_is(
    start: Callable[..., Any],
) -> None:
    own = start()
    world = own.cloud.world
    wrong = world.tenant.applications[0].object_id
    body = assignment(world, "Key Vault Reader", principalId=wrong)
    url = f"{world.vault.arm_id}{ROLES}/roleAssignments/{uuid.uuid4()}"
    assert own.arm(url, "PUT", body=body).status_code == 201
    assert (wrong, "Key Vault Reader") in listed(own, world.vault.arm_id, f"principalId eq '{wrong}'")


# role definitions


def test_a_custom_role_is_made_found_and_works(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    subscription = f"/subscriptions/{world.vault.subscription_id}"
    role_id = str(uuid.uuid4())
    url = f"{subscription}{ROLES}/roleDefinitions/{role_id}"

    def body(**more: Any) -> dict[str, Any]:
        permissions = {"actions": [], "notActions": [], "notDataActions": [],
                       "dataActions": ["Microsoft.KeyVault/vaults/keys/sign/action"]}  # fmt: skip
        properties = {"roleName": "Client signing", "description": "d", "type": "CustomRole",
                      "permissions": [permissions], "assignableScopes": [subscription]}  # fmt: skip
        return {"properties": properties | more}

    assert error(own.arm(url)) == (404, "RoleDefinitionDoesNotExist")
    assert error(own.arm(url, "PUT", who="reader", body=body()))[0] == 403
    made = own.arm(url, "PUT", body=body())
    assert made.status_code == 201
    assert made.json()["id"] == url
    taken = own.arm(f"{subscription}{ROLES}/roleDefinitions/{uuid.uuid4()}", "PUT", body=body())
    assert error(taken) == (409, "RoleDefinitionWithSameNameExists")
    bad = [{"dataActions": ["sign it"]}]
    assert error(own.arm(url, "PUT", body=body(permissions=bad))) == (400, "InvalidActionOrNotAction")
    assert error(own.arm(url, "PUT", body=body(assignableScopes=[])))[0] == 400
    found = own.arm(
        f"{world.vault.arm_id}{ROLES}/roleDefinitions", query=filtered("roleName eq 'client signing'")
    )
    assert [each["name"] for each in found.json()["value"]] == [role_id]
    principal = world.tenant.service_principals[0].object_id
    world.authorization.assignments = [
        each for each in world.authorization.assignments if each.principal_id != principal
    ]
    grant = assignment(world, "Reader", roleDefinitionId=url)
    assert own.arm(f"{world.vault.arm_id}{ROLES}/roleAssignments/{uuid.uuid4()}", "PUT", body=grant).ok
    world.clock.offset = timedelta(minutes=1)
    sign = {"alg": "RS256", "value": "A" * 43}
    assert own.vault("/keys/code-signing/sign", "POST", body=sign).status_code == 200
    assert own.vault("/keys").status_code == 403
    # it goes once nobody holds it
    assert error(own.arm(url, "DELETE")) == (400, "RoleDefinitionHasAssignments")
    assert error(own.arm(url, "DELETE", who="reader"))[0] == 403
    world.authorization.assignments.pop()
    assert own.arm(url, "DELETE").json()["name"] == role_id
    assert own.arm(url, "DELETE").status_code == 204
    assert error(own.arm(url)) == (404, "RoleDefinitionDoesNotExist")


def test_who_may_give_key_vaults_roles_alone_gives_no_others(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    held = world.authorization.assignments
    administrator, scope = world.administrator.object_id, world.vault.arm_id
    world.authorization.assignments = [each for each in held if each.principal_id != administrator]
    world.assign(administrator, "Key Vault Data Access Administrator", scope)

    def give(role: str) -> Any:
        body = assignment(world, role, principalId=administrator, principalType="User")
        return own.arm(f"{scope}{ROLES}/roleAssignments/{uuid.uuid4()}", "PUT", body=body)

    assert error(give("Owner")) == (403, "AuthorizationFailed")
    assert error(give("Key Vault Certificate User")) == (403, "AuthorizationFailed")
    assert give("Key Vault Crypto Officer").status_code == 201
    (told,) = own.arm(f"{scope}{ROLES}/permissions").json()["value"][:1]
    assert "a4417e6f-fecd-4de8-b567-7b0420556985" in told["condition"]


def test_a_parameters_name_has_no_case(client: Any) -> None:
    scope = client.cloud.world.vault.arm_id
    of_nobody = quote(f"principalId eq '{uuid.uuid4()}'")
    query = f"Api-Version=2022-04-01&$Filter={of_nobody}"
    found = client.arm(f"{scope}{ROLES}/roleAssignments", version="", query=query)
    assert found.json() == {"value": []}
    assert len(client.vault("/keys?MaxResults=1").json()["value"]) == 1


def test_built_in_roles(client: Any) -> None:
    scope = client.cloud.world.vault.arm_id
    base = f"/subscriptions/{client.cloud.world.vault.subscription_id}{ROLES}/roleDefinitions"
    role = BUILT_IN_ROLES["Key Vault Crypto Officer"]
    url = f"{base}/{role.role_id}"
    told = client.arm(url).json()
    assert (told["id"], told["properties"]["type"]) == (url, "BuiltInRole")
    assert told["properties"]["permissions"][0]["dataActions"] == list(role.data_actions)
    assert len(client.arm(f"{scope}{ROLES}/roleDefinitions").json()["value"]) >= len(BUILT_IN_ROLES)
    body = {"properties": {"roleName": "Mine", "permissions": [{}], "assignableScopes": ["/"]}}
    assert error(client.arm(url, "PUT", body=body)) == (403, "RoleDefinitionIsBuiltIn")
    assert error(client.arm(url, "DELETE")) == (403, "RoleDefinitionIsBuiltIn")


# deny assignments


def test_a_deny_assignment_is_listed_and_wins_in_the_vault(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    principal = world.tenant.service_principals[0].object_id
    denial = DenyAssignment(
        [EVERYONE], ["Microsoft.KeyVault/vaults/keys/sign/action"],
        f"/subscriptions/{world.vault.subscription_id}",
        excluded_principal_ids=[world.administrator.object_id],
    )  # fmt: skip
    world.authorization.denials = [denial]
    found = own.arm(
        f"{world.vault.arm_id}{ROLES}/denyAssignments", query=filtered(f"assignedTo('{principal}')")
    )
    (told,) = found.json()["value"]
    assert told["properties"]["principals"] == [{"id": EVERYONE, "type": "SystemDefined"}]
    assert told["properties"]["excludePrincipals"][0]["type"] == "User"
    refused = own.vault("/keys/none/sign", "POST", body={}).json()["error"]["message"]
    assert f"DenyAssignmentId: '{denial.deny_id}'" in refused


def test_a_deny_assignment_on_the_management_plane(start: Callable[..., Any]) -> None:
    own = start()
    world = own.cloud.world
    world.authorization.denials = [
        DenyAssignment([world.administrator.object_id], [], world.vault.arm_id,
                       actions=["Microsoft.KeyVault/vaults/read"])
    ]  # fmt: skip
    assert error(own.arm(world.vault.arm_id, version=VAULTS)) == (403, "DenyAssignmentAuthorizationFailed")
    assert own.arm(world.vault.arm_id, who="reader", version=VAULTS).status_code == 200


# access policies


def test_access_policies_are_added_to_replaced_and_removed(start: Callable[..., Any], tmp_path: Any) -> None:
    own = start(state=tmp_path)
    world = own.cloud.world
    vault, principal = world.vault, world.tenant.service_principals[0].object_id
    vault.access.rbac = False
    vault.access.policies = [AccessPolicy(principal, keys=["Get"], secrets=["list"])]

    def change(operation: str, who: str = "administrator", **permissions: list[str]) -> Any:
        entry = {"tenantId": vault.tenant_id, "objectId": principal, "permissions": permissions}
        body = {"properties": {"accessPolicies": [entry]}}
        return own.arm(
            f"{vault.arm_id}/accessPolicies/{operation}", "PUT", who=who, version=VAULTS, body=body
        )

    assert error(change("add", who="reader", keys=["sign"])) == (403, "AuthorizationFailed")
    assert own.vault("/certificates").status_code == 403
    added = change("add", keys=["get", "sign"], certificates=["list"])
    assert added.json()["properties"]["accessPolicies"] == [
        {
            "tenantId": vault.tenant_id, "objectId": principal,
            "permissions": {"keys": ["Get", "sign"], "certificates": ["list"], "secrets": ["list"],
                            "storage": []},
        }
    ]  # fmt: skip
    assert own.vault("/certificates").status_code == 200
    for bad in ({"keys": ["signs"]}, {"words": ["get"]}, {"keys": "get"}):
        assert error(change("add", **bad)) == (400, "BadRequest")
    change("remove", keys=["GET", "sign"], secrets=["list"])
    assert vault.access.policies[0].permissions()["keys"] == []
    assert change("replace", keys=["all"]).status_code == 200
    assert own.vault("/keys").status_code == 200
    own.cloud.stop()
    kept = start(state=tmp_path)
    assert kept.cloud.world.vault.access.policies == [AccessPolicy(principal, keys=["all"])]
    assert json.loads((tmp_path / "world.json").read_text())["schema"] == 2


def test_a_compound_identity_is_an_entry_of_its_own(start: Callable[..., Any]) -> None:
    own = start()
    vault = own.cloud.world.vault
    one, app = str(uuid.uuid4()), str(uuid.uuid4())
    entries = [
        {"tenantId": vault.tenant_id, "objectId": one, "permissions": {"keys": ["get"]}, **more}
        for more in ({}, {"applicationId": app})
    ]
    body = {"properties": {"accessPolicies": entries}}
    assert own.arm(f"{vault.arm_id}/accessPolicies/add", "PUT", version=VAULTS, body=body).ok
    assert [each.application_id for each in vault.access.policies] == ["", app]


# what makes resource groups and vaults


def put(own: Any, path: str, body: Any, *, who: str = "administrator", version: str = "2026-02-01") -> Any:
    return own.arm(path, "PUT", who=who, version=version, body=body)


def vault_body(own: Any, **properties: Any) -> dict[str, Any]:
    sku = {"family": "A", "name": "premium"}
    known = {"tenantId": own.cloud.accounts.tenant_id, "sku": sku, "accessPolicies": []}
    return {"location": "westeurope", "properties": {**known, **properties}}


def place_of(own: Any, group: str = "code-signing") -> str:
    return f"/subscriptions/{own.cloud.world.vault.subscription_id}/resourceGroups/{group}"


def test_a_resource_group_is_made_once(start: Callable[..., Any]) -> None:
    own = start()
    group = place_of(own)
    assert own.arm(group, "HEAD", version="2024-11-01").status_code == 404
    assert error(own.arm(group, version="2024-11-01")) == (404, "ResourceGroupNotFound")
    there = {"location": "West Europe"}
    refused = put(own, group, there, who="reader", version="2024-11-01")
    assert error(refused) == (403, "AuthorizationFailed")
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in refused.json()["error"]["message"]
    made = put(own, group, there, version="2024-11-01")
    assert (made.status_code, made.json()["location"]) == (201, "westeurope")
    assert own.arm(group, "HEAD", version="2024-11-01").status_code == 204
    assert put(own, group.upper(), there, version="2024-11-01").status_code == 200
    moved = put(own, group, {"location": "northeurope"}, version="2024-11-01")
    assert error(moved) == (409, "InvalidResourceGroupLocation")
    for body, code in (
        ({}, "LocationRequired"),
        ({"location": "mars"}, "LocationNotAvailableForResourceGroup"),
    ):
        assert error(put(own, place_of(own, "x"), body, version="2024-11-01")) == (400, code)
    named = own.arm(
        f"/subscriptions/{own.cloud.world.vault.subscription_id}/resourceGroups", version="2024-11-01"
    )
    assert [each["name"] for each in named.json()["value"]] == ["code-signing", "rg-code-signing"]


@pytest.fixture
def empty(start: Callable[..., Any]) -> Any:
    """A cloud with an empty resource group, where names resolve and grants work at once."""
    own = start()
    own.cloud.world.dns = own.cloud.world.propagation = 0.0
    assert put(own, place_of(own), {"location": "westeurope"}, version="2024-11-01").status_code == 201
    return own


def test_a_new_vault_is_in_dns_when_it_says_so(empty: Any) -> None:
    world = empty.cloud.world
    world.dns = 3600.0
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-1"
    made = put(empty, path, vault_body(empty))
    assert made.json()["properties"]["provisioningState"] == "RegisteringDns"
    assert made.headers["Retry-After"] == "1"
    host = "https://fresh-1.vault.azure.net/certificates?api-version=7.4"
    with pytest.raises(requests.ConnectionError, match="503"):
        empty.session.get(host, timeout=20)
    world.clock.offset = timedelta(hours=1, seconds=1)
    assert empty.arm(path, version=VAULTS).json()["properties"]["provisioningState"] == "Succeeded"
    assert empty.session.get(host, timeout=20).status_code == 401


def test_what_is_deleted_under_way_disturbs_no_other_request(empty: Any) -> None:
    world = empty.cloud.world
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-7"
    put(empty, path, vault_body(empty))
    vault = world.vaults.named("fresh-7")
    auditor = world.reader.object_id
    one = world.assign(auditor, "Key Vault Reader", path, principal_type="User").assignment_id
    world.assign(auditor, "Key Vault Crypto User", path, principal_type="User")
    subscription = world.authorization.subscription(path)

    def others_read() -> list[Any]:
        return [world.authorization.assignments, world.vaults._vaults, subscription.resource_groups]

    def undisturbed(method: str, path: str, version: str, body: Any = None) -> bool:
        read = others_read()
        before = [each.copy() for each in read]
        assert empty.arm(path, method, version=version, body=body).status_code < 300
        return read == before != others_read()

    gone = f"/subscriptions/{vault.subscription_id}/providers/Microsoft.KeyVault/locations/westeurope"
    assert undisturbed("PUT", place_of(empty, "another"), "2024-11-01", {"location": "westeurope"})
    assert undisturbed("DELETE", f"{path}{ROLES}/roleAssignments/{one}", "2022-04-01")
    assert undisturbed("DELETE", path, VAULTS)
    assert undisturbed("POST", f"{gone}/deletedVaults/fresh-7/purge", VAULTS)
    # one that reached the vault when it was there
    late = Request("GET", "/keys?api-version=7.4", "HTTP/1.1", Headers(), host=vault.host)
    assert KeyVault(world).handle(late).status == 503


@pytest.mark.parametrize(
    ("version", "given", "roles"),
    [("2026-02-01", {}, True), (VAULTS, {}, False), (VAULTS, {"enableRbacAuthorization": True}, True),
     ("2026-02-01", {"enableRbacAuthorization": False}, False)],
)  # fmt: skip
def test_a_vault_goes_by_what_its_version_says_when_nothing_is_said(
    empty: Any, version: str, given: dict[str, Any], roles: bool
) -> None:
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-2"
    made = put(empty, path, vault_body(empty, **given), version=version).json()["properties"]
    assert (made["enableRbacAuthorization"], made["sku"]["name"]) == (roles, "premium")
    # a later change that does not name it leaves it, whatever its version
    for later in (VAULTS, "2026-05-15"):
        again = put(empty, path, vault_body(empty), version=later).json()["properties"]
        assert again["enableRbacAuthorization"] is roles
    patched = empty.arm(path, "PATCH", version=VAULTS, body={"tags": {"a": "b"}}).json()
    assert (patched["tags"], patched["properties"]["enableRbacAuthorization"]) == ({"a": "b"}, roles)


def test_who_may_make_a_vault_and_where(empty: Any) -> None:
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-3"
    for who in ("reader", "application"):
        refused = put(empty, path, vault_body(empty), who=who)
        assert error(refused) == (403, "AuthorizationFailed")
        assert "Microsoft.KeyVault/vaults/write" in refused.json()["error"]["message"]
    elsewhere = path.replace("code-signing", "nowhere")
    assert error(put(empty, elsewhere, vault_body(empty))) == (404, "ResourceGroupNotFound")


def test_names_are_the_whole_worlds(empty: Any) -> None:
    world = empty.cloud.world
    vaults = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults"
    check = f"/subscriptions/{world.vault.subscription_id}/providers/Microsoft.KeyVault/checkNameAvailability"

    def ask(name: str) -> dict[str, Any]:
        body = {"name": name, "type": "Microsoft.KeyVault/vaults"}
        return dict(empty.arm(check, "POST", version=VAULTS, body=body).json())

    for name in ("ab", "1abc", "a--b", "abc-", "a" * 25, "a_b"):
        assert error(put(empty, f"{vaults}/{name}", vault_body(empty))) == (400, "VaultNameNotValid")
        assert ask(name)["reason"] == "AccountNameInvalid"
    # the other tenant's as well as the own one's in another group
    for taken in (world.other_vault, world.vault):
        assert error(put(empty, f"{vaults}/{taken.name.upper()}", vault_body(empty))) == (
            409, "VaultAlreadyExists",
        )  # fmt: skip
        assert ask(taken.name)["reason"] == "AlreadyExists"
    assert ask("free-name") == {"nameAvailable": True}


def test_a_deleted_vault_keeps_its_name_and_comes_back_without_its_grants(empty: Any) -> None:
    world = empty.cloud.world
    base = f"/subscriptions/{world.vault.subscription_id}/providers/Microsoft.KeyVault"
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-4"
    put(empty, path, vault_body(empty, softDeleteRetentionInDays=7))
    world.assign(world.tenant.service_principals[0].object_id, "Key Vault Reader", path)
    assert empty.arm(path, "DELETE", version=VAULTS).status_code == 200
    assert empty.arm(path, "DELETE", version=VAULTS).status_code == 204
    assert error(empty.arm(path, version=VAULTS)) == (404, "ResourceNotFound")
    assert error(put(empty, path, vault_body(empty))) == (409, "ConflictError")
    (gone,) = empty.arm(f"{base}/deletedVaults", version=VAULTS).json()["value"]
    times = [gone["properties"][name] for name in ("deletionDate", "scheduledPurgeDate")]
    begin, end = (datetime.fromisoformat(each) for each in times)
    assert (gone["properties"]["vaultId"], end - begin) == (path, timedelta(days=7))
    assert empty.arm(f"{base}/locations/westeurope/deletedVaults/fresh-4", version=VAULTS).status_code == 200
    body = vault_body(empty, createMode="recover")
    assert put(empty, path, body).json()["properties"]["softDeleteRetentionInDays"] == 7
    assert not [each for each in world.authorization.assignments if each.scope == path]
    assert error(put(empty, path, vault_body(empty, softDeleteRetentionInDays=8))) == (400, "BadRequest")
    empty.arm(path, "DELETE", version=VAULTS)
    purge = f"{base}/locations/westeurope/deletedVaults/fresh-4/purge"
    assert error(empty.arm(purge, "POST", who="reader", version=VAULTS)) == (403, "AuthorizationFailed")
    assert empty.arm(purge, "POST", version=VAULTS).status_code == 200
    assert put(empty, path, vault_body(empty, enablePurgeProtection=True)).status_code == 200
    assert error(put(empty, path, vault_body(empty, enablePurgeProtection=False))) == (400, "BadRequest")
    empty.arm(path, "DELETE", version=VAULTS)
    assert error(empty.arm(purge, "POST", version=VAULTS)) == (400, "MethodNotAllowed")
    # what the cloud begins with is needed: it comes back, and is never purged
    own = world.vault
    empty.arm(own.arm_id, "DELETE", version=VAULTS)
    purge = f"{base}/locations/westeurope/deletedVaults/{own.name}/purge"
    assert error(empty.arm(purge, "POST", version=VAULTS)) == (501, "NotImplemented")
    assert put(empty, own.arm_id, vault_body(empty, createMode="recover")).status_code == 200
    assert world.vault.certificates


def test_the_firewall_of_a_vault_is_set_and_works(start: Callable[..., Any]) -> None:
    own = start("firewall")
    path = own.cloud.world.vault.arm_id
    read = own.arm(path, version=VAULTS).json()
    rules = read["properties"]["networkAcls"]
    assert own.vault("/certificates").status_code == 403
    rules["ipRules"] += [{"value": "203.0.113.0/24"}]
    assert put(own, path, read).json()["properties"]["networkAcls"]["ipRules"] == rules["ipRules"]
    assert own.vault("/certificates").status_code == 200
    body = {"properties": {"publicNetworkAccess": "Disabled"}}
    assert own.arm(path, "PATCH", version=VAULTS, body=body).status_code == 200
    assert own.vault("/certificates").status_code == 403
    for broken in (
        {"ipRules": [{"value": "x"}]},
        {"defaultAction": "x"},
        {"virtualNetworkRules": [{"id": "x"}]},
    ):
        body = {"properties": {"networkAcls": broken}}
        assert error(own.arm(path, "PATCH", version=VAULTS, body=body)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "given",
    [{"tenantId": str(uuid.uuid4())}, {"sku": {"name": "gold"}}, {"enableSoftDelete": False},
     {"softDeleteRetentionInDays": 6}, {"enableRbacAuthorization": "yes"}, {"publicNetworkAccess": "x"},
     {"enablePurgeProtection": "no"},
     {"accessPolicies": [{"objectId": "x"}]}, {"networkAcls": "x"}],
)  # fmt: skip
def test_a_vault_that_cannot_be_so_is_not_made(empty: Any, given: dict[str, Any]) -> None:
    path = f"{place_of(empty)}/providers/Microsoft.KeyVault/vaults/fresh-5"
    assert error(put(empty, path, vault_body(empty, **given))) == (400, "BadRequest")
    assert error(empty.arm(path, version=VAULTS)) == (404, "ResourceNotFound")


def test_providers_and_locations(client: Any) -> None:
    base = f"/subscriptions/{client.cloud.world.vault.subscription_id}"
    registered = client.arm(f"{base}/providers/microsoft.keyvault", version="2024-11-01").json()
    assert (registered["namespace"], registered["registrationState"]) == ("Microsoft.KeyVault", "Registered")
    register = f"{base}/providers/Microsoft.KeyVault/register"
    for version in ("2024-11-01", "2021-04-01"):  # one that Key Vault's own provider does not know
        assert client.arm(register, "POST", version=version).status_code == 200
    refused = client.arm(register, "POST", who="reader", version="2024-11-01")
    assert error(refused) == (403, "AuthorizationFailed")
    unknown = client.arm(f"{base}/providers/Microsoft.Nothing", version="2024-11-01")
    assert error(unknown) == (404, "InvalidResourceNamespace")
    places = client.arm(f"{base}/locations", version="2022-12-01").json()["value"]
    assert "westeurope" in [each["name"] for each in places]


def test_what_was_made_is_kept(start: Callable[..., Any], tmp_path: Path) -> None:
    own = start(state=tmp_path)
    put(own, place_of(own), {"location": "westeurope"}, version="2024-11-01")
    path = f"{place_of(own)}/providers/Microsoft.KeyVault/vaults/fresh-6"
    put(own, path, vault_body(own, networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "1.2.3.4"}]}))
    own.cloud.stop()
    again = start(state=tmp_path)
    kept = again.arm(path, version=VAULTS).json()["properties"]
    assert kept["networkAcls"]["ipRules"] == [{"value": "1.2.3.4/32"}]
    assert again.arm(place_of(again), "HEAD", version="2024-11-01").status_code == 204
