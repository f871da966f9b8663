"""What the step *Certificate* keeps of its looks at the vault, and what of it is shown as a problem."""

from __future__ import annotations

from codesign_wizard.core.certificates.desk import DeskState, Stage
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import CERTIFICATE, OPEN, Flow
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.verdict import when

_DESK, _FAILED, _SEEN = "desk", "failed", "seen"
_QUIET = (Severity.OK, Severity.INFO)
_EXPIRES_SOON = "certificate.judge.expires-soon"


def kept_desk(result: StepResult | None) -> DeskState | None:
    """Return what was seen last, or ``None`` where nothing was, or another version kept it."""
    if result is None:
        return None
    try:
        return DeskState.from_json(result.details[_DESK], result.findings, result.facts)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # the findings still tell the answer


def record_look(flow: Flow, desk: DeskState, inputs: str) -> None:
    """Keep *desk*, obtained with the settings whose fingerprint is *inputs*."""
    details = {_DESK: desk.to_json(), OPEN: desk.stage.value if desk.stage.open else ""}
    flow.record(CERTIFICATE, desk.findings, desk.facts, inputs=inputs, details=details)


def record_failure(flow: Flow, finding: Finding, inputs: str) -> None:
    """Keep why a look failed; what was seen before stays, with the time at which it was."""
    former = flow.profile.results.get(CERTIFICATE)
    details = dict(former.details) if former is not None else {}
    if former is not None and _SEEN not in details and details.get(_DESK):
        details[_SEEN] = when(former.obtained)
    details[_FAILED] = True
    facts = former.facts if former is not None else {}
    flow.record(CERTIFICATE, [finding], facts, inputs=inputs, details=details)


def failed(result: StepResult) -> bool:
    """Tell whether the last look failed."""
    return bool(result.details.get(_FAILED))


def seen_before(result: StepResult) -> str:
    """Return when what is shown was seen, where the last look failed; else ""."""
    return str(result.details.get(_SEEN, ""))


def problems_and_quiet(
    result: StepResult | None, desk: DeskState | None
) -> tuple[list[Finding], list[Finding]]:
    """Return what is shown as a problem and what was found to be well, of what *result* keeps.

    That the end is near stands in neither: the sentence above says it, and better, by the days left now.
    """
    told = _EXPIRES_SOON if desk is not None and desk.stage is Stage.RENEWAL_DUE else ""
    kept = [each for each in result.findings if each.id != told] if result is not None else []
    problems = [each for each in kept if each.severity not in _QUIET]
    return problems, [each for each in kept if each.severity in _QUIET]
