"""One diagnosis for Windows, kept as the results of the steps that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from codesign_wizard.core.azure.permissions.report import Report
from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, Flow
from codesign_wizard.core.profile import StepResult

AREA = "azure.permission."
# an administrator's sign-in is made for the permissions, and says nothing of the application's own
_ADMIN = "azure.admin."
_SIGNATURE = "azure.signature."


def record_diagnosis(
    flow: Flow,
    findings: Iterable[Finding],
    facts: Mapping[str, str],
    report: Report | None,
    *,
    inputs: str,
    asked: str,
) -> None:
    """Record what a diagnosis found under *Key Vault* and under *Permissions*.

    *inputs* is the fingerprint taken when it began, *asked* the step it was asked for on: that one always
    gets a result, with what kept the diagnosis from going further. *Permissions* is left as it was when a
    diagnosis asked for elsewhere did not come to the permissions.
    """
    findings = list(findings)
    permissions = [each for each in findings if each.id.startswith((AREA, _ADMIN))]
    others = [each for each in findings if each not in permissions]
    if report is not None:
        signature = [each for each in others if each.id.startswith(_SIGNATURE)]
        details = {"report": report.to_json()}
        flow.record(PERMISSIONS, [*permissions, *signature], facts, inputs=inputs, details=details)
    elif asked == PERMISSIONS or permissions:
        stopped = [each for each in others if each.severity is Severity.ERROR]
        flow.record(PERMISSIONS, [*permissions, *stopped], {}, inputs=inputs)
    if asked == KEY_VAULT or report is not None or blocks(others):
        flow.record(KEY_VAULT, others, facts, inputs=inputs)


def kept_report(result: StepResult) -> Report | None:
    """Return the matrix kept in a result of *Permissions*; ``None`` without one that can be read."""
    details: Mapping[str, Any] = result.details
    try:
        return Report.from_json(details["report"], result.findings)
    except (KeyError, TypeError, ValueError):
        return None  # kept by another version: the findings beside it still tell the answer
