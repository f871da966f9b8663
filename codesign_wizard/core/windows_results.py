"""One diagnosis for Windows, kept as the results of the steps that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from codesign_wizard.core.azure.permissions.report import Report
from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, Flow, StepState
from codesign_wizard.core.step_result import StepResult

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
    facts = {**_secret_end(flow, inputs), **facts}
    permissions = [each for each in findings if each.id.startswith((AREA, _ADMIN))]
    others = [each for each in findings if each not in permissions]
    if report is not None:
        # with what kept the vault from answering all of it, and whether it signs
        beside = [each for each in others if each in report.findings or each.id.startswith(_SIGNATURE)]
        details = {"report": report.to_json()}
        flow.record(PERMISSIONS, [*permissions, *beside], facts, inputs=inputs, details=details)
    elif asked == PERMISSIONS or permissions:
        stopped = [each for each in others if each.severity is Severity.ERROR]
        flow.record(PERMISSIONS, [*permissions, *stopped], {}, inputs=inputs)
    if asked == KEY_VAULT or report is not None or blocks(others):
        flow.record(KEY_VAULT, others, facts, inputs=inputs)


def _secret_end(flow: Flow, inputs: str) -> dict[str, str]:
    """Return when the secret ends, as an administrator saw it before: it is the same secret still."""
    told = [
        result
        for key in (PERMISSIONS, KEY_VAULT)
        for result in [flow.profile.results.get(key)]
        if result is not None and result.inputs == inputs and "secret_expires" in result.facts
    ]
    if not told:
        return {}
    newest = max(told, key=lambda each: each.facts.get("secret_seen", ""))
    return {name: value for name, value in newest.facts.items() if name.startswith("secret_")}


def kept_report(result: StepResult) -> Report | None:
    """Return the matrix kept in a result of *Permissions*; ``None`` without one that can be read."""
    details: Mapping[str, Any] = result.details
    try:
        return Report.from_json(details["report"], result.findings)
    except (KeyError, TypeError, ValueError):
        return None  # kept by another version: the findings beside it still tell the answer


def known_permissions(flow: Flow) -> tuple[str, Report | None]:
    """Return the vault's tier and its matrix as *Permissions* found them.

    "" and ``None`` where nobody has looked, or something changed since.
    """
    result = flow.profile.results.get(PERMISSIONS)
    if result is None or flow.state(PERMISSIONS) is StepState.OUT_OF_DATE:
        return "", None
    report = kept_report(result)
    return (str(report.facts.get("sku", "")), report) if report is not None else ("", None)
