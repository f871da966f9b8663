"""Looking and granting as window and terminal do it, on the practice cloud."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.azure.permissions.check import Check
from codesign_wizard.core.azure.permissions.remedies import CUSTOM_ROLES, least_actions
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.practice.management.roles import custom_role
from codesign_wizard.practice.scenarios import all_scenarios, find_scenario, rbac
from tests.support.administrator import Administrator

MENDED = [
    each.name
    for each in all_scenarios()
    if each.area in ("RBAC", "access policy")
    # no grant helps against a deny assignment, and time alone against what is not known yet
    and each.name not in ("rbac-deny", "rbac-propagating")
    # and nothing is missing there
    and each.name not in ("policy-documented", "policy-excess")
]


def errors(looked: Any) -> list[str]:
    return [each.id for each in looked.findings if each.severity is Severity.ERROR]


def start(who: Any) -> tuple[Check, Any]:
    return Check(who.network, who.options, lambda: who.secret), Administrator(who.cloud)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that keeps the scenarios' worlds apart: the keys in it are made once for all of them."""
    return tmp_path_factory.mktemp("kept")


@pytest.mark.parametrize("scenario", MENDED)
def test_what_is_granted_mends_it(scenario: str, person: Callable[..., Any], kept: Path) -> None:
    """The terminal's ``permissions grant --state DIR``, and the same ``doctor`` in a run of its own."""
    who = person(scenario, state=kept)
    who.cloud.world.propagation = 0.0
    check, admin = start(who)
    looked = check.look(Job(), admin)
    # signing works there, and what is wrong with it is only a warning
    assert len(errors(looked)) == (0 if scenario == "rbac-single-object" else 1)
    plan = check.plan(looked, Purpose.DOCUMENTED, least=False)
    assert plan.steps
    assert plan.notes == ()
    after = check.grant(Job(), looked, admin, plan, tick=lambda gone, left: None)
    assert errors(after) == []
    who.cloud.stop()
    check, _ = start(person(scenario, state=kept))
    again = check.look(Job())  # as ``doctor windows`` does, without the administrator's eyes
    assert errors(again) == []
    assert not {each.id for each in again.findings} & set(find_scenario(scenario).expects)
    assert "azure.signature.works" in [each.id for each in again.findings]


@pytest.mark.parametrize("scenario", ["rbac-none", "policy-none"])
@pytest.mark.parametrize("least", [False, True])
def test_a_grant_is_shown_made_and_waited_for(scenario: str, least: bool, person: Callable[..., Any]) -> None:
    who = person(scenario)
    world = who.cloud.world
    world.propagation = 600.0
    check, admin = start(who)
    looked = check.look(Job(), admin)
    assert len(errors(looked)) == 1
    purpose = Purpose.SIGN if least else Purpose.DOCUMENTED
    plan = check.plan(looked, purpose, least=least)
    assert plan.steps
    ticks: list[tuple[float, float]] = []

    def tick(gone: float, left: float) -> None:
        ticks.append((gone, left))
        if len(ticks) == 2:
            for each in world.authorization.assignments:
                each.effective_from = 0.0

    again = check.grant(Job(), looked, admin, plan, tick=tick)
    assert errors(again) == []
    ids = [each.id for each in again.findings]
    assert "azure.signature.works" in ids
    assert len(ids) == len(set(ids)) or least or ids.count("azure.admin.granted") > 1
    assert again.report is not None
    states = {each.purpose: each.state for each in again.report.verdicts()}
    assert states[purpose] is not State.MISSING
    if "rbac" in scenario:
        # roles take a while: the countdown goes down
        assert len(ticks) > 1
        assert all(left > 0 for _, left in ticks)
        assert [left for _, left in ticks] == sorted((left for _, left in ticks), reverse=True)
    assert not check.plan(again, purpose, least=least).steps


def test_a_role_made_by_hand_is_taken_for_the_least_grant(person: Callable[..., Any]) -> None:
    who = person("rbac-none")
    world = who.cloud.world
    world.propagation = 0.0
    role = custom_role(
        "abababab-0000-4000-8000-000000000001",
        CUSTOM_ROLES[Purpose.SIGN],
        least_actions(Purpose.SIGN),
        scopes=[f"/subscriptions/{world.vault.subscription_id}"],
    )
    world.authorization.custom_roles = [role]
    check, admin = start(who)
    looked = check.look(Job(), admin)
    plan = check.plan(looked, Purpose.SIGN, least=True)
    after = check.grant(Job(), looked, admin, plan, tick=lambda gone, left: None)
    assert "azure.signature.works" in [each.id for each in after.findings]
    assert world.authorization.custom_roles == [role]


def test_of_a_plan_that_was_refused_half_way_what_was_granted_is_said(person: Callable[..., Any]) -> None:
    who = person()
    rbac.rbac_none(who.cloud.world)
    check, admin = start(who)
    looked = check.look(Job(), admin)
    plan = check.plan(looked, Purpose.DOCUMENTED, least=False)
    first, second = plan.steps
    body = {"properties": {**second.body["properties"], "roleDefinitionId": "/none"}}
    half = replace(plan, steps=(first, replace(second, body=body)))
    done: list[Any] = []
    after = check.grant(
        Job(), looked, admin, half, tick=lambda gone, left: None, done=lambda step, _: done.append(step)
    )
    assert done == [first]
    assert [each.id for each in after.findings[:2]] == ["azure.admin.granted", "azure.admin.refused"]
    assert (after.findings[1].remedies[-1].az or "").count("az role assignment create") == 1
    assert (
        check.plan(check.look(Job(), admin), Purpose.DOCUMENTED, least=False).steps[0].title == second.title
    )


def test_waiting_can_be_given_up_and_the_grant_stays(person: Callable[..., Any]) -> None:
    who = person()
    rbac.rbac_none(who.cloud.world)
    who.cloud.world.propagation = 600.0
    check, admin = start(who)
    looked = check.look(Job(), admin)
    job = Job()
    with pytest.raises(Cancelled):
        check.grant(
            job,
            looked,
            admin,
            check.plan(looked, Purpose.DOCUMENTED, least=False),
            tick=lambda gone, left: job.cancel(),
        )
    later = check.look(Job(), admin)
    assert errors(later) == ["azure.permission.propagating"]
    assert check.plan(later, Purpose.DOCUMENTED, least=False).only_to_wait
    # a grant of long ago is known to every vault: what it refuses all the same is no matter of waiting
    for each in who.cloud.world.authorization.assignments:
        each.created -= 2 * 24 * 3600
    later = check.look(Job(), admin)
    assert errors(later) == ["azure.permission.contradiction"]
    assert not check.plan(later, Purpose.DOCUMENTED, least=False).only_to_wait


def test_an_error_holds_what_a_case_with_microsoft_needs(person: Callable[..., Any]) -> None:
    who = person()
    rbac.rbac_none(who.cloud.world)
    check, _ = start(who)
    looked = check.look(Job())
    (error,) = [each for each in looked.findings if each.severity is Severity.ERROR]
    told = error.to_json()["evidence"]
    principal = who.cloud.world.tenant.service_principals[0].object_id
    assert told["request_id"]
    assert told["time"].endswith("Z")
    assert (told["application-id"], told["object-id"]) == (who.options.application_id, principal)
    assert told["resource"].lower() == who.cloud.world.vault.arm_id.lower()
    assert told["action"].startswith("Microsoft.KeyVault/vaults/")
    (signed_in,) = [each for each in looked.findings if each.id == "azure.sign-in.ok"]
    assert signed_in.to_json()["evidence"]["time"].endswith("Z")
    assert who.secret.reveal() not in str([each.to_json() for each in looked.findings])


def test_against_a_deny_assignment_nothing_is_granted_and_it_is_named(person: Callable[..., Any]) -> None:
    who = person("rbac-deny")
    check, admin = start(who)
    looked = check.look(Job(), admin)
    assert errors(looked) == ["azure.permission.denied"]
    plan = check.plan(looked, Purpose.DOCUMENTED, least=False)
    assert not plan.steps
    assert not plan.only_to_wait
    (error,) = [each for each in looked.findings if each.severity is Severity.ERROR]
    denial = who.cloud.world.authorization.denials[0]
    assert error.to_json()["evidence"]["deny-assignment"] == denial.deny_id
    assert any("Deny assignments" in step for step in error.remedies[0].portal)
    assert all("role assignment create" not in (each.az or "") for each in error.remedies)
