"""The one sentence that a page says first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.text import tr


def verdict(findings: Iterable[Finding], clear: str) -> tuple[Severity, str, str]:
    """Return how grave *findings* are, the sentence that says so, and a smaller one below it.

    *clear* is the sentence when nothing stands in the way. The first sentence is the worst finding's own,
    so that nobody has to look further for the answer.
    """
    ordered = worst_first(findings)
    errors = [finding for finding in ordered if finding.severity is Severity.ERROR]
    warnings = [finding for finding in ordered if finding.severity is Severity.WARNING]
    if errors:
        return Severity.ERROR, errors[0].title, _besides(len(errors) - 1, len(warnings))
    if warnings:
        return Severity.WARNING, clear, _besides(0, len(warnings))
    return Severity.OK, clear, ""


def when(time: datetime) -> str:
    """Return *time* as a person and a log both read it: date and time in UTC."""
    if time.tzinfo is not None:
        time = time.astimezone(UTC)
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def readable(fact: str) -> str:
    """Return *fact* as it stands, or as a person reads it if it is a time in ISO 8601."""
    try:
        time = datetime.fromisoformat(fact) if fact[10:11] == "T" else None
    except ValueError:
        time = None
    return fact if time is None else when(time)


def _besides(errors: int, warnings: int) -> str:
    parts = []
    if errors:
        parts.append(tr("1 more problem") if errors == 1 else tr("{n} more problems").format(n=errors))
    if warnings:
        parts.append(tr("1 warning") if warnings == 1 else tr("{n} warnings").format(n=warnings))
    return tr("Besides: {parts}.").format(parts=", ".join(parts)) if parts else ""
