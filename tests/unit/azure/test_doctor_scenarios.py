"""Every sign-in and network scenario of the practice cloud, diagnosed: its own error and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from codesign_wizard.core.doctor import STAGES, doctor_windows
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.practice.scenarios import Scenario, all_scenarios

SCENARIOS = [
    each
    for each in all_scenarios()
    if each.command[:2] == ["doctor", "windows"]
    # nothing is in the way of signing there
    and each.name not in ("rbac-single-object", "policy-documented")
    # and what is wrong with these certificates shows only when they are judged by roots
    and not each.expects[0].startswith("certificate.")
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_scenario_yields_its_one_error(scenario: Scenario, person: Callable[..., Any]) -> None:
    who = person(scenario.name, 2.0 if "--timeout" in scenario.command else 20.0)
    stages: dict[str, StageState] = {}
    logged: list[str] = []
    job = Job(
        on_stage=lambda key, state, text: stages.__setitem__(key, state),
        on_log=lambda line: logged.append(line.text),
    )
    result = doctor_windows(job, who.network, who.options, who.secret)
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    assert [finding.id for finding in errors] == scenario.expects
    assert errors[0].remedies
    assert errors[0].evidence
    assert set(stages) == set(STAGES)
    failed = [key for key in STAGES if stages[key] is StageState.FAILED]
    assert len(failed) == 1
    # the vault is asked about permissions and for the certificate side by side
    fine = (StageState.SKIPPED, StageState.DONE) if failed == ["permissions"] else (StageState.SKIPPED,)
    assert all(stages[key] in fine for key in STAGES[STAGES.index(failed[0]) + 1 :])
    shown = "\n".join([*logged, *(str(finding.to_json()) for finding in result.findings)])
    assert who.secret.reveal() not in shown


def test_without_a_fault_everything_is_said_and_nothing_changed(person: Callable[..., Any]) -> None:
    who = person()
    before = who.cloud.world.vault.to_json()
    stages: dict[str, StageState] = {}
    job = Job(on_stage=lambda key, state, text: stages.__setitem__(key, state))
    result = doctor_windows(job, who.network, who.options, who.secret)
    assert [finding.id for finding in result.findings] == [
        "azure.vault.found",
        "azure.sign-in.ok",
        "azure.permission.enough",
        "azure.signature.works",
    ]
    assert stages == dict.fromkeys(STAGES, StageState.DONE)
    assert who.cloud.world.vault.to_json() == before
    principal = who.cloud.world.tenant.service_principals[0]
    assert result.identity is not None
    assert result.identity.object_id == principal.object_id == result.facts["object_id"]
    assert result.facts["application_id"] == who.options.application_id
    assert result.facts["vault_tenant"] == result.facts["tenant_id"] == who.options.tenant_id
    for name in ("publisher", "certificate", "certificate_expires", "key", "token_expires"):
        assert result.facts[name]


def test_a_tenant_given_by_its_domain_is_the_vaults(person: Callable[..., Any]) -> None:
    from dataclasses import replace

    from codesign_wizard.core.azure.discovery import discover

    who = person()
    tenant = who.cloud.world.tenant
    found = discover(Job(), who.network, replace(who.options, tenant_id=tenant.domains[0]))
    assert (found.ok, found.tenant_ok, found.tenant_id) == (True, True, tenant.tenant_id)
    assert discover(Job(), who.network, replace(who.options, tenant_id="")).vault_tenant == tenant.tenant_id
