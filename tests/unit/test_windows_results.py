"""A diagnosis is kept under the steps that it is about."""

from __future__ import annotations

from typing import Any

import pytest

from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.report import Report, Row, State
from codesign_wizard.core.finding import Certainty, Finding, Severity
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, Flow, StepState
from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.windows_results import kept_report, record_diagnosis

FOUND = Finding("azure.vault.found", Severity.OK, "The vault is there.")
WORKS = Finding("azure.signature.works", Severity.OK, "It signs.")
SECRET = Finding("azure.sign-in.secret-wrong", Severity.ERROR, "Wrong.")
MISSING = Finding("azure.permission.missing", Severity.ERROR, "Not allowed.")
ADMIN = Finding("azure.admin.cancelled", Severity.ERROR, "Nobody signed in.")
REPORT = Report(
    Model.RBAC, tuple(Row(each, State.MISSING, Certainty.OBSERVED) for each in permissions(Model.RBAC))
)


@pytest.fixture
def flow() -> Flow:
    return Flow(new_profile("Test"))


def record(flow: Flow, *findings: Finding, report: Report | None = None, asked: str = KEY_VAULT) -> None:
    record_diagnosis(flow, findings, {"tenant_id": "t"}, report, inputs=flow.inputs(asked), asked=asked)


def ids(flow: Flow, key: str) -> list[str] | None:
    result: Any = flow.profile.results.get(key)
    return None if result is None else [finding.id for finding in result.findings]


def test_a_missing_permission_is_the_second_steps_problem(flow: Flow) -> None:
    record(flow, FOUND, MISSING, report=REPORT)
    assert ids(flow, KEY_VAULT) == ["azure.vault.found"]
    assert ids(flow, PERMISSIONS) == ["azure.permission.missing"]
    assert flow.state(KEY_VAULT) is StepState.DONE
    assert flow.state(PERMISSIONS) is StepState.ATTENTION


def test_a_signature_that_works_says_something_about_both(flow: Flow) -> None:
    record(flow, FOUND, WORKS, report=REPORT)
    assert ids(flow, KEY_VAULT) == ["azure.vault.found", "azure.signature.works"]
    assert ids(flow, PERMISSIONS) == ["azure.signature.works"]


def test_a_sign_in_that_fails_leaves_the_permissions_as_they_were(flow: Flow) -> None:
    record(flow, FOUND, WORKS, report=REPORT)
    before = flow.profile.results[PERMISSIONS]
    record(flow, SECRET)
    assert flow.state(KEY_VAULT) is StepState.ATTENTION
    assert flow.profile.results[PERMISSIONS] is before


def test_asked_for_on_the_permissions_page_what_stopped_it_is_told_there(flow: Flow) -> None:
    record(flow, SECRET, asked=PERMISSIONS)
    assert ids(flow, PERMISSIONS) == ["azure.sign-in.secret-wrong"]
    assert ids(flow, KEY_VAULT) == ["azure.sign-in.secret-wrong"]


def test_an_administrators_refusal_is_no_fault_of_the_vaults(flow: Flow) -> None:
    record(flow, FOUND, ADMIN, report=REPORT, asked=PERMISSIONS)
    assert ids(flow, KEY_VAULT) == ["azure.vault.found"]
    assert flow.state(PERMISSIONS) is StepState.ATTENTION


def test_the_matrix_survives_in_the_profile(flow: Flow) -> None:
    record(flow, MISSING, report=REPORT)
    kept = kept_report(flow.profile.results[PERMISSIONS])
    assert kept is not None
    assert [row.permission.key for row in kept.rows] == [row.permission.key for row in REPORT.rows]
    assert [each.id for each in kept.findings] == ["azure.permission.missing"]
    flow.profile.results[PERMISSIONS].details["report"]["model"] = "another"
    assert kept_report(flow.profile.results[PERMISSIONS]) is None
