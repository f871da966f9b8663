"""Granting: what is shown is what is done, it only ever adds, and it is waited for."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from codesign_wizard.core import clouds
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.admin import AdminSession
from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, Purpose, permissions, wanted
from codesign_wizard.core.azure.permissions.grant import (
    GrantPlan,
    Waited,
    carry_out,
    plan_grant,
    wait_until_effective,
)
from codesign_wizard.core.azure.permissions.management import read_access
from codesign_wizard.core.azure.permissions.remedies import CUSTOM_ROLES, least_actions
from codesign_wizard.core.azure.permissions.report import Observation, Report, Row, Source, State
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Certainty, Finding
from codesign_wizard.core.job import Job, JobContext
from codesign_wizard.core.network_findings import TIMEOUT
from codesign_wizard.core.redact import Secret
from tests.support import az
from tests.unit.azure.permissions_admin import vendor
from tests.unit.azure.permissions_admin.arm_world import (
    CERTIFICATES_OFFICER,
    CRYPTO_OFFICER,
    GROUP,
    PRINCIPAL,
    SUBSCRIPTION,
    VAULT_ID,
    ArmWorld,
    error,
    forbidden,
)
from tests.unit.azure.permissions_admin.vendor import TENANT

OPTIONS = AzureOptions("contoso", "code-signing", "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10", TENANT)
TOKEN = Secret("token-of-the-test")


class Administrator(AdminSession):
    """One who signed in before."""

    def __init__(self) -> None:
        self.account, self.tenant_id, self.cloud = "admin@contoso.example", TENANT, clouds.PUBLIC

    def token(self, scope: str = "", *, job: JobContext | None = None) -> Secret:
        return TOKEN


def plan(world: ArmWorld, purpose: Purpose = Purpose.DOCUMENTED, *, least: bool = False) -> GrantPlan:
    network = vendor.network(world.answer)
    access = read_access(
        Job(), network, OPTIONS, TOKEN, PRINCIPAL, resource_id=VAULT_ID, graph_token=lambda: TOKEN
    )
    report = Report(access.model)
    return plan_grant(report, access, object_id=PRINCIPAL, purpose=purpose, least=least, options=OPTIONS)


def do(world: ArmWorld, made: GrantPlan, job: Job | None = None) -> list[Finding]:
    return carry_out(job or Job(), vendor.network(world.answer), Administrator(), made)


def ids(findings: list[Finding]) -> list[str]:
    return [each.id.removeprefix("azure.admin.") for each in findings]


def roles_held(world: ArmWorld) -> set[tuple[str, str]]:
    return {
        (each["roleDefinitionId"], each["scope"])
        for each in world.assignments.values()
        if each["principalId"] == PRINCIPAL
    }


def test_an_rbac_vault_gets_the_two_documented_roles_on_itself_and_nothing_else() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world)
    assert [step.method for step in made.steps] == ["PUT", "PUT"]
    assert made.steps
    assert {step.scope for step in made.steps} == {VAULT_ID}
    assert all(PRINCIPAL in step.to_whom for step in made.steps)
    assert world.writes == []
    before = world.state()
    assert ids(do(world, made)) == ["granted", "granted"]
    assert roles_held(world) == {(CERTIFICATES_OFFICER, VAULT_ID), (CRYPTO_OFFICER, VAULT_ID)}
    after = world.state()
    assert {**after, "assignments": {}} == {**before, "assignments": {}}
    assert all(each["principalType"] == "ServicePrincipal" for each in world.assignments.values())
    assert not plan(world).steps


def test_what_is_shown_is_what_is_sent() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world)
    do(world, made)
    sent = [(call.method, call.path, call.json()) for call in world.writes]
    assert sent == [(step.method, step.url.partition("?")[0], step.body) for step in made.steps]


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("rbac", [False, True])
def test_every_step_can_be_handed_on_as_a_command(rbac: bool, least: bool, tmp_path: Any) -> None:
    made = plan(ArmWorld(rbac=rbac), least=least)
    for step in made.steps:
        assert az.check(step.az, tmp_path)
        assert step.powershell
        assert step.portal
        assert step.title
        assert step.before
        assert step.after
        assert step.to_json()["request"]["method"] == "PUT"


def test_only_the_role_that_is_missing_is_given() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CERTIFICATES_OFFICER, f"/subscriptions/{SUBSCRIPTION}", GROUP, "Group")
    (step,) = plan(world).steps
    assert "Key Vault Crypto Officer" in step.title


def test_a_role_on_one_object_or_under_a_condition_is_not_enough() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CERTIFICATES_OFFICER, f"{VAULT_ID}/certificates/code-signing")
    world.assign(CRYPTO_OFFICER, VAULT_ID, condition="@Resource[x] == 'y'")
    assert len(plan(world).steps) == 2


def test_policies_count_for_nothing_on_an_rbac_vault_and_stay_as_they_are() -> None:
    world = ArmWorld(rbac=True)
    entry = {
        "tenantId": TENANT,
        "objectId": PRINCIPAL,
        "permissions": {"keys": ["all"], "certificates": ["all"]},
    }
    world.vault["properties"]["accessPolicies"] = [entry]
    made = plan(world)
    assert len(made.steps) == 2
    do(world, made)
    assert world.vault["properties"]["accessPolicies"] == [entry]


def test_a_deny_assignment_is_named_as_what_no_grant_helps_against() -> None:
    world = ArmWorld(rbac=True)
    permission = {"dataActions": ["*"], "notDataActions": []}
    properties = {
        "denyAssignmentName": "No keys",
        "permissions": [permission],
        "principals": [{"id": PRINCIPAL}],
    }
    world.denials.append({"id": "/d/1", "properties": {**properties, "scope": VAULT_ID}})
    for role in (CERTIFICATES_OFFICER, CRYPTO_OFFICER):
        world.assign(role, VAULT_ID)
    made = plan(world)
    assert not made.steps
    assert len(made.notes) == 1
    assert "No keys" in made.notes[0]
    # a role beside those would help as little as they do
    assert not plan(world, least=True).steps


def test_what_is_denied_is_granted_with_the_rest_and_not_waited_for() -> None:
    world = ArmWorld(rbac=True)
    denied = "Microsoft.KeyVault/vaults/keys/sign/action"
    properties = {
        "denyAssignmentName": "No signing",
        "permissions": [{"dataActions": [denied], "notDataActions": []}],
        "principals": [{"id": PRINCIPAL}],
        "scope": VAULT_ID,
    }
    world.denials.append({"id": "/d/1", "properties": properties})
    made = plan(world)
    assert len(made.steps) == 2
    assert any("No signing" in note for note in made.notes)
    actions = {each.action for each in made.wanted}
    assert denied not in actions
    assert len(actions) == len(wanted(Model.RBAC, Purpose.DOCUMENTED)) - 1


@pytest.mark.parametrize("purpose", Purpose)
def test_the_least_role_is_made_once_and_assigned_on_the_vault(purpose: Purpose) -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, purpose, least=True)
    before = world.state()
    assert ids(do(world, made)) == ["granted", "granted"]
    (name,) = set(world.definitions) - set(before["definitions"])
    definition = world.definitions[name]
    assert definition["roleName"] == CUSTOM_ROLES[purpose]
    (one,) = definition["permissions"]
    assert one["dataActions"] == least_actions(purpose)
    assert definition["assignableScopes"] == [f"/subscriptions/{SUBSCRIPTION}"]
    assert roles_held(world) == {(name, VAULT_ID)}
    assert not plan(world, purpose, least=True).steps


def test_a_role_of_ours_that_somebody_widened_keeps_all_it_has() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, Purpose.SIGN, least=True)
    name = made.steps[0].url.partition("?")[0]
    kept = {"actions": ["Microsoft.Support/*"], "notActions": [], "notDataActions": []}
    world.definitions[name] = {
        "roleName": CUSTOM_ROLES[Purpose.SIGN],
        "type": "CustomRole",
        "permissions": [{**kept, "dataActions": ["Microsoft.KeyVault/vaults/secrets/*"]}],
        "assignableScopes": [f"/subscriptions/{SUBSCRIPTION}", "/subscriptions/other"],
    }
    assert ids(do(world, made)) == ["granted", "granted"]
    after = world.definitions[name]
    assert after["permissions"][0]["actions"] == ["Microsoft.Support/*"]
    assert after["permissions"][0]["dataActions"] == [
        "Microsoft.KeyVault/vaults/secrets/*", *least_actions(Purpose.SIGN),
    ]  # fmt: skip
    assert after["assignableScopes"][1] == "/subscriptions/other"


def test_a_role_of_ours_that_somebody_narrowed_is_left_so_and_not_called_granted() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, Purpose.SIGN, least=True)
    do(world, made)
    name = made.steps[0].url.partition("?")[0]
    world.assignments.clear()
    world.definitions[name]["permissions"][0]["notDataActions"] = ["Microsoft.KeyVault/vaults/keys/*"]
    before, (found,) = world.state(), do(world, made)
    assert found.id == "azure.admin.role-narrowed"
    assert "keys/sign/action" in found.title
    assert "certificates/read" not in found.title
    assert world.state() == before
    assert not any(each.az for each in found.remedies)


def test_a_role_of_ours_with_wider_patterns_is_enough_as_it_is() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, Purpose.SIGN, least=True)
    do(world, made)
    name = made.steps[0].url.partition("?")[0]
    world.definitions[name]["permissions"][0]["dataActions"] = ["microsoft.keyvault/vaults/*"]
    assert ids(do(world, made))[0] == "already-granted"


def test_a_name_that_another_subscription_took_gets_a_number() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, Purpose.SIGN, least=True)
    world.definitions["/subscriptions/other/x"] = {"roleName": CUSTOM_ROLES[Purpose.SIGN], "permissions": []}
    assert ids(do(world, made)) == ["granted", "granted"]
    name = made.steps[0].url.partition("?")[0]
    assert world.definitions[name]["roleName"] == f"{CUSTOM_ROLES[Purpose.SIGN]} {SUBSCRIPTION[:8]}"
    assert (name, VAULT_ID) in roles_held(world)


def by_hand(world: ArmWorld, **more: Any) -> str:
    """Make the smallest role as the command of the remedy does: under an id that nobody knows before."""
    name = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"
    one = {"actions": [], "notActions": [], "notDataActions": []}
    world.definitions[name] = {
        "roleName": CUSTOM_ROLES[Purpose.SIGN],
        "type": "CustomRole",
        "permissions": [{**one, "dataActions": list(reversed(least_actions(Purpose.SIGN))), **more}],
        "assignableScopes": [f"/subscriptions/{SUBSCRIPTION}"],
    }
    return name


def test_a_role_that_the_command_made_is_taken_and_not_made_again() -> None:
    world = ArmWorld(rbac=True)
    made, name = plan(world, Purpose.SIGN, least=True), by_hand(world)
    before = set(world.definitions)
    assert ids(do(world, made)) == ["already-granted", "granted"]
    assert set(world.definitions) == before
    assert roles_held(world) == {(name, VAULT_ID)}
    assert not plan(world, Purpose.SIGN, least=True).steps


@pytest.mark.parametrize(
    "content",
    [
        {"dataActions": ["Microsoft.KeyVault/vaults/secrets/*", *least_actions(Purpose.SIGN)]},
        {"dataActions": least_actions(Purpose.SIGN)[:1]},
        {"notDataActions": ["Microsoft.KeyVault/vaults/keys/sign/action"]},
        {"actions": ["*/read"]},
        {"condition": "@Resource[x] == 'y'"},
    ],
)
def test_a_role_of_the_same_name_that_holds_something_else_is_left_alone(content: dict[str, Any]) -> None:
    world = ArmWorld(rbac=True)
    made, name = plan(world, Purpose.SIGN, least=True), by_hand(world, **content)
    before = copy.deepcopy(world.definitions[name])
    assert ids(do(world, made)) == ["granted", "granted"]
    own = made.steps[0].url.partition("?")[0]
    assert world.definitions[own]["roleName"] == f"{CUSTOM_ROLES[Purpose.SIGN]} {SUBSCRIPTION[:8]}"
    assert world.definitions[name] == before
    assert roles_held(world) == {(own, VAULT_ID)}


def test_an_assignment_that_is_there_by_now_is_no_error() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world)
    world.assign(CRYPTO_OFFICER, VAULT_ID)
    before = len(world.assignments)
    assert ids(do(world, made)) == ["granted", "already-granted"]
    assert len(world.assignments) == before + 1


def policies(world: ArmWorld, *entries: dict[str, Any]) -> None:
    world.vault["properties"]["accessPolicies"] = [{"tenantId": TENANT, **each} for each in entries]


def test_an_access_policy_gets_the_ticks_beside_all_it_had() -> None:
    world = ArmWorld(rbac=False)
    other = {"objectId": GROUP, "permissions": {"keys": ["get"]}}
    held = {"keys": ["Get", "purge"], "certificates": ["list"], "secrets": ["get"], "storage": ["getsas"]}
    compound = {"objectId": PRINCIPAL, "applicationId": "a", "permissions": {"keys": ["sign"]}}
    policies(world, other, {"objectId": PRINCIPAL, "permissions": held}, compound)
    made = plan(world)
    (step,) = made.steps
    assert "Cryptographic Operations" in step.detail
    assert "purge" in step.before
    before = world.state()
    assert ids(do(world, made)) == ["granted"]
    entries = world.vault["properties"]["accessPolicies"]
    assert entries[:2] == [{"tenantId": TENANT, **other}, {"tenantId": TENANT, **compound}]
    ticks = entries[2]["permissions"]
    documented = wanted(Model.POLICY, Purpose.DOCUMENTED)
    assert {name.lower() for name in ticks["keys"]} == {
        "purge", *(each.name.lower() for each in documented if each.kind == "keys"),
    }  # fmt: skip
    assert "delete" not in ticks["certificates"]
    assert (ticks["secrets"], ticks["storage"]) == (["get"], ["getsas"])
    after = world.state()
    after["vault"]["properties"]["accessPolicies"] = before["vault"]["properties"]["accessPolicies"]
    assert after == before
    assert not plan(world).steps


def test_what_is_ticked_after_the_plan_was_shown_is_kept_too() -> None:
    world = ArmWorld(rbac=False)
    made = plan(world, Purpose.SIGN, least=True)
    policies(world, {"objectId": PRINCIPAL.upper(), "permissions": {"keys": ["list"], "secrets": ["get"]}})
    do(world, made)
    ticks = [each["permissions"] for each in world.vault["properties"]["accessPolicies"]]
    assert ticks[-1] == {"certificates": ["get"], "keys": ["list", "sign"], "secrets": ["get"]}


def test_all_stays_all() -> None:
    world = ArmWorld(rbac=False)
    policies(world, {"objectId": PRINCIPAL, "permissions": {"keys": ["all"], "certificates": ["All"]}})
    assert not plan(world).steps


def test_exact_ticks_are_no_more_than_the_purpose_needs() -> None:
    world = ArmWorld(rbac=False)
    do(world, plan(world, Purpose.SIGN, least=True))
    (entry,) = world.vault["properties"]["accessPolicies"]
    assert entry["permissions"] == {"keys": ["sign"], "certificates": ["get"]}


WRITE = "Microsoft.Authorization/roleAssignments/write"


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        (forbidden(WRITE), "may-not-grant"),
        (error(409, "ScopeLocked", "The scope cannot perform write operation because of locks"), "locked"),
        (
            error(403, "RequestDisallowedByPolicy", "Resource was disallowed by policy."),
            "disallowed-by-policy",
        ),
        (error(400, "PrincipalNotFound", f"Principal {PRINCIPAL} does not exist."), "principal-unknown"),
        (error(400, "RoleAssignmentLimitExceeded", "No more role assignments can be created"), "limit"),
        (error(400, "SomethingNew", "Words of the vendor\nmore"), "refused"),
    ],
)
def test_a_refused_grant_is_explained_and_ends_the_plan_with_the_commands(reply: Any, finding: str) -> None:
    world = ArmWorld(rbac=True)
    made = plan(world)
    world.refuse["PUT"] = reply
    (found,) = do(world, made)
    assert found.id == f"azure.admin.{finding}"
    assert found.evidence.code == reply.document["error"]["code"]
    assert found.evidence.request_id == "r-2"
    handed_on = found.remedies[-1]
    assert (handed_on.az or "").count("az role assignment create") == 2
    steps = "\n".join(handed_on.portal)
    assert "Key Vault Certificates Officer" in steps
    assert "Key Vault Crypto Officer" in steps
    assert steps.count("Wait up to") == 1
    assert world.assignments == {}
    if finding == "may-not-grant":
        assert WRITE in found.title
        assert "admin@contoso.example" in found.title
    if finding == "refused":
        assert "Words of the vendor" in found.title
        assert "more" not in found.title


def test_whoever_may_is_told_the_whole_way_to_a_role_of_ones_own() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world, least=True)
    world.refuse["PUT"] = forbidden(WRITE)
    (found,) = do(world, made)
    steps = found.remedies[-1].portal
    assert any("Add custom role" in step for step in steps)
    assert sum("Add role assignment" in step for step in steps) == 1


def test_each_step_is_told_as_soon_as_it_is_done() -> None:
    world = ArmWorld(rbac=True)
    made, told = plan(world), []
    job = Job()

    def done(step: Any, finding: Finding) -> None:
        told.append((step, finding.id))
        job.cancel()

    with pytest.raises(Cancelled):
        carry_out(job, vendor.network(world.answer), Administrator(), made, done=done)
    assert told == [(made.steps[0], "azure.admin.granted")]
    assert len(world.assignments) == 1


def test_a_cancelled_grant_changes_nothing_more() -> None:
    world = ArmWorld(rbac=True)
    made = plan(world)
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        do(world, made, job)
    assert world.writes == []


# --- Waiting ---


class Clock:
    """A clock and a job whose waits take no time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.job = Job()
        self.cancel_at = 1e9
        self.job.wait = self.wait  # type: ignore[method-assign]
        self.ticks: list[tuple[float, float]] = []

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.cancel_at:
            raise Cancelled

    def until(self, probe: Callable[[], Report], purpose: Any = Purpose.SIGN, timeout: float = 600) -> Waited:
        return wait_until_effective(
            self.job, probe, purpose, timeout=timeout,
            tick=lambda gone, left: self.ticks.append((gone, left)), clock=lambda: self.now,
        )  # fmt: skip


def seen(state: State, *, source: Source = Source.PROBE, only: str = "") -> Report:
    def row(permission: Permission) -> Row:
        now = State.GRANTED if only and permission.name != only else state
        observation = Observation(source, now, Certainty.OBSERVED, "seen")
        return Row(permission, now, Certainty.OBSERVED, (observation,))

    return Report(Model.RBAC, tuple(row(each) for each in permissions(Model.RBAC)))


def test_waiting_ends_as_soon_as_the_vault_agrees() -> None:
    clock = Clock()
    looks: list[float] = []

    def probe() -> Report:
        looks.append(clock.now)
        return seen(State.GRANTED if clock.now >= 40 else State.MISSING)

    waited = clock.until(probe)
    assert waited.effective
    assert ids(waited.findings) == ["effective"]
    assert 40 <= waited.seconds <= 56
    assert all(later - earlier <= 15.5 for earlier, later in pairwise(looks))
    assert clock.ticks[0] == (0.0, 600.0)
    assert all(round(gone + left) == 600 for gone, left in clock.ticks)
    assert len(clock.ticks) >= 40


def test_one_permission_that_is_refused_is_enough_to_wait_on() -> None:
    clock = Clock()
    sign = "Microsoft.KeyVault/vaults/keys/sign/action"
    waited = clock.until(lambda: seen(State.MISSING, only=sign), timeout=30)
    assert not waited.effective
    assert ids(waited.findings) == ["not-yet-effective"]
    assert clock.now <= 31
    assert clock.until(lambda: seen(State.MISSING, only="Microsoft.KeyVault/vaults/keys/delete")).effective


def test_what_an_administrator_reads_is_no_proof_that_it_works() -> None:
    clock = Clock()
    assert not clock.until(lambda: seen(State.GRANTED, source=Source.ADMIN), timeout=10).effective


def test_a_plans_own_permissions_can_be_waited_for() -> None:
    clock = Clock()
    some = [each for each in permissions(Model.RBAC) if each.name.endswith("keys/sign/action")]
    report = seen(State.MISSING, only="Microsoft.KeyVault/vaults/keys/delete")
    assert clock.until(lambda: report, some).effective


def test_a_look_that_fails_is_repeated_and_told_at_the_end() -> None:
    clock = Clock()

    def probe() -> Report:
        raise CodesignError(TIMEOUT(host="contoso.vault.azure.net", seconds="20"))

    waited = clock.until(probe, timeout=20)
    assert [each.id for each in waited.findings] == ["azure.admin.not-yet-effective", "network.timeout"]


def test_waiting_can_be_ended_by_the_person() -> None:
    clock = Clock()
    clock.cancel_at = 5
    with pytest.raises(Cancelled):
        clock.until(lambda: seen(State.MISSING))
    assert clock.now == 5


def test_what_a_group_ticks_is_not_ticked_again() -> None:
    world = ArmWorld(rbac=False)
    documented = [each.name for each in wanted(Model.POLICY, Purpose.DOCUMENTED) if each.kind == "keys"]
    policies(world, {"objectId": GROUP, "permissions": {"keys": documented}})
    (step,) = plan(world).steps
    (entry,) = step.body["properties"]["accessPolicies"]
    assert entry["permissions"]["keys"] == []
    assert len(entry["permissions"]["certificates"]) == 14


def test_what_is_granted_and_yet_refused_is_only_waited_for() -> None:
    world = ArmWorld(rbac=True)
    for role in (CERTIFICATES_OFFICER, CRYPTO_OFFICER):
        world.assign(role, VAULT_ID)
    network = vendor.network(world.answer)
    access = read_access(Job(), network, OPTIONS, TOKEN, PRINCIPAL, resource_id=VAULT_ID)
    made = plan_grant(seen(State.MISSING), access, object_id=PRINCIPAL, purpose=Purpose.SIGN, least=False)
    assert not made.steps
    assert "may not know yet" in made.notes[0]


def test_what_the_documentation_ticks_is_ticked_though_another_tick_may_include_it() -> None:
    world = ArmWorld(rbac=False)
    ticked = {
        "keys": [each.name for each in wanted(Model.POLICY, Purpose.DOCUMENTED) if each.kind == "keys"],
        "certificates": [
            each.name
            for each in wanted(Model.POLICY, Purpose.DOCUMENTED)
            if each.kind == "certificates" and each.name not in ("getissuers", "listissuers")
        ],
    }
    world.vault["properties"]["accessPolicies"] = [
        {"tenantId": TENANT, "objectId": PRINCIPAL, "permissions": ticked}
    ]
    (step,) = plan(world).steps
    assert "2 permissions" in step.title
    do(world, plan(world))
    assert not plan(world).steps


def test_beside_a_condition_the_second_run_has_nothing_to_do() -> None:
    world = ArmWorld(rbac=True)
    world.assign(CRYPTO_OFFICER, VAULT_ID, condition="@Resource[x] == 'y'")
    world.assign(CERTIFICATES_OFFICER, VAULT_ID)
    assert ids(do(world, plan(world))) == ["granted", "granted"]
    assert not plan(world).steps


def test_an_entry_of_another_tenant_stays_as_it_is() -> None:
    world = ArmWorld(rbac=False)
    foreign = {"tenantId": GROUP, "objectId": PRINCIPAL, "permissions": {"keys": ["purge"]}}
    world.vault["properties"]["accessPolicies"] = [foreign]
    made = plan(world, Purpose.SIGN, least=True)
    assert "purge" not in made.steps[0].az
    do(world, made)
    (sent,) = world.writes[0].json()["properties"]["accessPolicies"]
    assert (sent["tenantId"], sent["permissions"]["keys"]) == (TENANT, ["sign"])


def test_deny_assignments_that_could_not_be_read_are_no_reason_to_grant_again() -> None:
    world = ArmWorld(rbac=True)
    for role in (CERTIFICATES_OFFICER, CRYPTO_OFFICER):
        world.assign(role, VAULT_ID, GROUP, "Group")
    world.refuse["/denyAssignments"] = forbidden("Microsoft.Authorization/denyAssignments/read")
    assert not plan(world).steps
