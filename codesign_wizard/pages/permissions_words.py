"""What the page Permissions says first, where something stands in the way."""

from __future__ import annotations

from collections.abc import Sequence

from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.azure.permissions.report import Report, State
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.text import tr

_PROPAGATING = "azure.permission.propagating"  # its module is for looking, which a page opens without


def to_be_granted(findings: Sequence[Finding]) -> bool:
    """Tell whether an administrator may have something to mend.

    What is granted already wants waiting, and so does a vault that gave no answer.
    """
    return any(
        each.severity is Severity.ERROR
        and each.id != _PROPAGATING
        and not each.id.startswith(("azure.vault.", "network."))
        for each in findings
    )


def clock(seconds: float) -> str:
    """Return a length of time to the second: ``45 s``, ``9 min 59 s``."""
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return tr("{count} s").format(count=rest)
    return tr("{minutes} min {count} s").format(minutes=minutes, count=rest)


def blocked(report: Report | None) -> str:
    """Return what comes of the problems that were found: whether the application may sign all the same."""
    signing = {each.purpose: each.state for each in report.verdicts()} if report is not None else {}
    match signing.get(Purpose.SIGN):
        case None:
            return tr("What the application may do could not be found out.")
        case State.MISSING:
            return tr("The application may not sign yet.")
        case State.GRANTED:
            return tr("The application may sign, but a problem stands in the way.")
        case _:
            return tr("Whether the application may sign is not certain.")
