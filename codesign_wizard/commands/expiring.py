"""``doctor --expiring``: what ends within some days, for a scheduled task that looks at the exit code.

A diagnosis leaves nothing behind, so what it saw is put into a copy of the profile beside what is kept there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.expiry import endings, reminders_of, within
from codesign_wizard.core.finding import Finding, FindingKind, Severity, utc_now
from codesign_wizard.core.flow import KEY_VAULT, Flow
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr

_MOST_DAYS = 3650

CALENDAR = FindingKind(
    "expiry.calendar-saved",
    Severity.OK,
    "Saved as {file}: {reminders}.",
    "The calendar file was written.",
)
CALENDAR_EMPTY = FindingKind(
    "expiry.calendar-empty",
    Severity.WARNING,
    "No calendar file was written: of nothing is known when it ends.",
    "Reminders were asked for, and there is no day to be reminded of yet.",
)


def add_expiring_argument(parser: argparse.ArgumentParser) -> None:
    """Take the number of days, and where reminders go."""
    parser.add_argument(
        "--expiring",
        type=_days,
        metavar="DAYS",
        help=tr("also tell what ends within DAYS, or has ended; the exit code is 1 then"),
    )
    parser.add_argument(
        "--calendar", type=Path, metavar="FILE", help=tr("save reminders of all known ends (.ics)")
    )


def _days(text: str) -> int:
    days = int(text)
    if not 0 <= days <= _MOST_DAYS:
        raise ValueError(text)
    return days


def with_endings(context: Context, outcome: Outcome) -> Outcome:
    """Return *outcome* with what ends soon, by what it saw and what the profiles keep."""
    options = context.options
    now = utc_now()
    session = context.session
    profiles = list(session.profiles.list()) if options.all_profiles else [fresh_profile(context, outcome)]
    findings: list[Finding] = []
    documents = []
    lines = []
    for profile in profiles:
        if options.all_profiles:
            put_facts(profile, _facts_of(outcome, profile.id))
        ends = endings(profile)
        own = within(ends, options.expiring, now=now, severity=Severity.ERROR)
        if options.all_profiles:
            own = [_named(each, profile.name) for each in own if each.severity is Severity.ERROR]
        findings += own
        documents.append({"profile": profile.id, "endings": [each.to_json(now) for each in ends]})
        for each in ends:
            when = f"{each.ends:%Y-%m-%d}" if each.ends else _no_end(each.known.value)
            lines.append((f"{profile.name}: {each.what}" if options.all_profiles else each.what, when))
    if options.calendar is not None:
        findings.append(_save_calendar(options.calendar, profiles))
    result = outcome.result if isinstance(outcome.result, dict) else {}
    # what could not be looked at is an error of the diagnosis, and makes the exit code 1 as well
    return replace(
        outcome,
        findings=[*outcome.findings, *findings],
        result={**result, "expiring": {"days": options.expiring, "profiles": documents}},
        facts=[*outcome.facts, *lines],
    )


def fresh_profile(context: Context, outcome: Outcome) -> Profile:
    """Return a copy of the session's profile with what a diagnosis found in its former results' place."""
    session = context.session
    profile = deepcopy(session.profile)
    options = session.azure_options()
    azure = profile.windows.azure
    azure.vault_name, azure.certificate_name = options.vault_name, options.certificate_name
    azure.application_id, azure.tenant_id = options.application_id, options.tenant_id
    _record(profile, outcome, context.options.what)
    return profile


def _record(profile: Profile, outcome: Outcome, what: str) -> None:
    from codesign_wizard.core.azure.permissions.report import Report
    from codesign_wizard.core.windows_results import record_diagnosis

    flow = Flow(profile)
    parts = _parts(outcome.findings, what)
    result: Mapping[str, Any] = outcome.result if isinstance(outcome.result, Mapping) else {}
    facts = result.get("facts") or {}
    if parts["windows"] or facts:
        matrix = result.get("permissions")
        report = Report.from_json(matrix) if matrix else None
        inputs = flow.inputs(KEY_VAULT)
        record_diagnosis(flow, parts["windows"], facts, report, inputs=inputs, asked=KEY_VAULT)
    for system in ("macos", "server"):
        own = result.get(system)
        told = own.get("facts", own) if isinstance(own, Mapping) else {}
        if parts[system] or told:
            texts = {str(name): value for name, value in told.items() if isinstance(value, str)}
            flow.record(f"doctor-{system}", parts[system], texts, inputs="")


def _parts(findings: Any, what: str) -> dict[str, list[Finding]]:
    """Return the findings by the system that they are about; the command's own remarks are left out."""
    parts: dict[str, list[Finding]] = {"windows": [], "macos": [], "server": []}
    for finding in findings:
        area = finding.id.partition(".")[0]
        if area == "usage":
            continue
        about = {"apple": "macos", "identity": "macos", "server": "server"}.get(area, "windows")
        parts[what if what in parts else about].append(finding)
    return parts


def put_facts(profile: Profile, facts: Mapping[str, str]) -> None:
    """Let *facts* of a diagnosis count in *profile* as seen now, for what ends."""
    if facts:
        Flow(profile).record(KEY_VAULT, [], facts)


def _facts_of(outcome: Outcome, profile_id: str) -> Mapping[str, str]:
    for each in outcome.result.get("profiles", ()):
        if each["id"] == profile_id:
            facts: Mapping[str, str] = each["facts"]
            return facts
    return {}


def _named(finding: Finding, name: str) -> Finding:
    more = {"profile": name, **finding.evidence.more}
    return replace(finding, evidence=replace(finding.evidence, more=more))


def _save_calendar(target: Path, profiles: list[Profile]) -> Finding:
    from codesign_wizard.core.certificates.reminders import calendar, reminders_words
    from codesign_wizard.core.files import write_atomic
    from codesign_wizard.core.report import UNWRITABLE

    found = [each for profile in profiles for each in reminders_of(endings(profile), profile.name)]
    if not found:
        return CALENDAR_EMPTY()
    try:
        write_atomic(target, calendar(found))
    except OSError as error:
        raise InputError(UNWRITABLE(file=str(target), why=error.strerror or str(error))) from error
    return CALENDAR(reminders=reminders_words(len(found)), file=str(target))


def _no_end(known: str) -> str:
    return tr("no end") if known == "never" else tr("not known")
