"""The one sentence that a page says first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.text import tr


def verdict(findings: Iterable[Finding], clear: str, blocked: str = "") -> tuple[Severity, str, str]:
    """Return how grave *findings* are, the sentence that says so, and a smaller one below it.

    *clear* is the sentence when nothing stands in the way. *blocked* is it when something does: what comes of
    that, for a page where the findings themselves stand right below. Elsewhere it is the worst finding's own,
    so that nobody has to look further for the answer.
    """
    ordered = worst_first(findings)
    errors = [finding for finding in ordered if finding.severity is Severity.ERROR]
    warnings = [finding for finding in ordered if finding.severity is Severity.WARNING]
    if errors and blocked:
        return Severity.ERROR, blocked, _below(len(errors), len(warnings))
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
        parts.append(_warnings(warnings))
    return tr("Besides: {parts}.").format(parts=", ".join(parts)) if parts else ""


def _below(errors: int, warnings: int) -> str:
    """Return how much stands below; nothing where it is one problem, which cannot be overlooked."""
    if errors == 1 and not warnings:
        return ""
    parts = [tr("1 problem") if errors == 1 else tr("{n} problems").format(n=errors)]
    if warnings:
        parts.append(_warnings(warnings))
    return tr("Below: {parts}.").format(parts=", ".join(parts))


def _warnings(count: int) -> str:
    return tr("1 warning") if count == 1 else tr("{n} warnings").format(n=count)
