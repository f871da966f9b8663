"""The one sentence about Apple's certificates: what is there, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from codesign_wizard.core.apple.identity_desk import MOVED, Waits
from codesign_wizard.core.apple.identity_findings import TEAMS_DIFFER
from codesign_wizard.core.certificates.desk_words import days_words, since_words
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import CERTIFICATE_EXPIRES
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict

if TYPE_CHECKING:
    from codesign_wizard.core.apple.requests import Assembled, PendingRequest


def waiting_words(
    waits: Waits, pending: Sequence[PendingRequest], now: datetime | None = None
) -> tuple[str, str]:
    """Return sentence and smaller sentence for a step that is not done; *pending* are requests made here."""
    if waits is Waits.PASSWORD:
        return tr("Type the password of the files."), tr(
            "It was chosen when they were exported or written here. They are read on this computer only."
        )
    if pending:
        since = since_words(min(each.made for each in pending), now or datetime.now(UTC))
        if len(pending) > 1:
            return tr("Two signing requests wait for Apple's certificates."), since
        kind = pending[0].kind.label
        return tr("The request for {kind} waits for Apple's certificate.").format(kind=kind), since
    missing = {Waits.INSTALLER: "Installer", Waits.APPLICATION: "Application"}.get(waits)
    if missing is not None:
        return tr("The {name} certificate is still missing.").format(name=missing), tr(
            "Both are needed: one signs the package, the other the programs inside."
        )
    return tr("No certificates yet."), tr(
        "Drop the two .p12 files that a Mac exported, or make the signing requests here, without a Mac."
    )


def missing_words(waits: Waits | None, *, pending: bool, unwritten: bool) -> str:
    """Return what is missing for going on, as a sentence; "" where both certificates are there.

    *waits* is what the files that were read wait for, ``None`` where none was read; *pending* tells that
    requests made here wait for Apple, *unwritten* that what Apple answered is not in .p12 files yet.
    """
    if unwritten:
        return tr("The .p12 files are not written yet.")
    if waits is Waits.PASSWORD:
        return tr("The password of the files is still missing.")
    if pending and waits is None:
        return tr("Apple's certificates are still missing.")
    missing = {Waits.INSTALLER: "Installer", Waits.APPLICATION: "Application"}.get(waits or Waits.NOTHING)
    return tr("The {name} certificate is still missing.").format(name=missing) if missing else ""


def judged_words(
    findings: Sequence[Finding], facts: Mapping[str, str], now: datetime | None = None
) -> tuple[Severity, str, str]:
    """Return how grave it is and both sentences, for files that were judged."""
    owner = facts.get("installer_owner", "") or facts.get("application_owner", "")
    clear = tr("Both certificates can sign, for {owner} (team {team}).").format(
        owner=owner, team=facts.get("team", "?")
    )
    severity, title, text = verdict(findings, clear)
    if severity is not Severity.ERROR:
        try:
            ends = datetime.fromisoformat(facts[CERTIFICATE_EXPIRES])
        except (KeyError, ValueError):
            return severity, title, text
        left = days_words(ends, now or datetime.now(UTC))
        until = tr("The first of them ends on {date}, {left}.").format(
            date=ends.date().isoformat(), left=left
        )
        text = f"{until} {text}".strip()
    return severity, title, text


def for_a_page(findings: Sequence[Finding]) -> list[Finding]:
    """Return *findings* without the steps that name a command: the page has a button for each."""
    return [
        replace(
            finding,
            remedies=tuple(
                replace(remedy, portal=tuple(step for step in remedy.portal if "`" not in step))
                for remedy in finding.remedies
            ),
        )
        for finding in findings
    ]


def mendable(findings: Sequence[Finding]) -> list[Finding]:
    """Return those of *findings* that a page may offer a way on for.

    Files of two teams have no team that could become the profile's.
    """
    if not any(each.id == TEAMS_DIFFER.id for each in findings):
        return list(findings)
    return [each for each in findings if each.id != "apple.options.other-team"]


def moved_words(findings: Sequence[Finding]) -> str:
    """Return what was put where it belongs, as a sentence for each; "" where nothing was."""
    return " ".join(each.title for each in findings if each.id == MOVED.id)


def assembled_words(made: Assembled) -> tuple[Severity, str, str]:
    """Return how grave it is and both sentences, for certificates that met their keys."""
    severity, title, text = verdict(made.findings, tr("The certificates fit the keys made here."))
    if made.identities:
        text = f"{text} {tr('They are not written yet: say where the .p12 files go.')}".strip()
    return severity, title, text
