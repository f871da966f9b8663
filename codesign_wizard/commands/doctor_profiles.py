"""``doctor --all-profiles``: every profile for itself, a bounded number at a time."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.survey import survey
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.notary_api import NotaryApi
    from codesign_wizard.session import Session


@dataclass(frozen=True)
class _Kept:
    """What a profile's diagnosis takes from the keyring, asked for before the threads begin."""

    session: Session
    systems: tuple[str, ...]
    application: Secret | None = None
    apple: Any = None
    api_key: Any = None
    server: Secret | None = None
    wanted: Any = None
    failed: InputError | None = None  # a value of the profile that cannot be used


@dataclass
class _Told:
    findings: list[Finding] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


def all_profiles(context: Context, systems: Callable[[Profile], tuple[bool, bool, bool]]) -> Outcome:
    """Diagnose every profile; *systems* says whether Windows, macOS and the server are looked at."""
    session = context.session
    # practice sets its own anew in each run: what is in the folder is the last run's
    ours = session.profile
    stored, unreadable = session.profiles.read_all()
    profiles = [ours if each.id == ours.id else each for each in stored]
    if context.practising and ours.id not in [each.id for each in profiles]:
        profiles.append(ours)  # made for this run, and never saved
    given = context.application_secret() if context.options.secret_stdin else None
    # a keyring may ask the person to unlock it: once, and not from eight threads at a time
    with context.waiting_for_person():
        kept = {each.id: _kept(session.beside(each), systems(each), given) for each in profiles}

    def look(job: JobContext, profile: Profile) -> _Told:
        told = _Told()
        failed = kept[profile.id].failed
        if failed is not None:
            told.findings.append(failed.finding)
        for name in kept[profile.id].systems:
            try:
                _SYSTEMS[name](job, kept[profile.id], told)
            except CodesignError as error:
                # what was found before must not be lost with it
                told.findings.append(error.finding)
        return told

    with _many_threads():
        outcomes = survey(context.job, profiles, look, tr("Looking at the profiles"))
    findings: list[Finding] = list(unreadable)
    lines, documents = [], []
    for profile, outcome in zip(profiles, outcomes, strict=True):
        own = [outcome] if isinstance(outcome, Finding) else outcome.findings
        own = list({(each.id, each.title): each for each in worst_first(own)}.values())
        problems = [each for each in own if each.severity is Severity.ERROR]
        lines.append(
            f"{'✗' if problems else '✓'} {profile.name}" + (f": {problems[0].title}" if problems else "")
        )
        findings += [_of_profile(each, profile.name) for each in problems]
        documents.append(
            {
                "id": profile.id,
                "name": profile.name,
                "ok": not problems,
                "looked_at": list(kept[profile.id].systems),
                "findings": [each.to_json() for each in own],
                "facts": {},
                **({} if isinstance(outcome, Finding) else outcome.more),
            }
        )
    return Outcome(
        findings,
        {"profiles": documents},
        lines=lines,
        clear=tr("Signing works in every profile, as far as was looked ({n}).").format(n=len(profiles))
        if profiles
        else tr("There are no profiles yet."),
        blocked=tr("Signing will not work in every profile until this is mended."),
    )


@contextmanager
def _many_threads() -> Iterator[None]:
    """Let threads that mostly wait hand over less often, and the collector not look at what stays anyway."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(0.02)
    gc.freeze()
    gc.set_threshold(50_000, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _kept(session: Session, looked: tuple[bool, bool, bool], given: Secret | None) -> _Kept:
    windows, macos, server = looked
    systems = tuple(name for name, on in zip(_SYSTEMS, looked, strict=True) if on)
    try:
        return _Kept(
            session,
            systems,
            (given or session.application_secret()) if windows else None,
            session.apple_options() if macos else None,
            session.api_key() if macos else None,
            session.server_password() if server else None,
            session.server_wanted() if server else None,
        )
    except InputError as error:
        return _Kept(session, (), failed=error)


def _windows(job: JobContext, kept: _Kept, told: _Told) -> None:
    from codesign_wizard.core.doctor import doctor_windows

    own = kept.session
    result = doctor_windows(job, own.network, own.azure_options(), kept.application, roots=own.roots())
    told.findings += result.findings
    told.more["facts"] = dict(result.facts)


def _macos(job: JobContext, kept: _Kept, told: _Told) -> None:
    from codesign_wizard.core.apple.api_key import none
    from codesign_wizard.core.apple.doctor import doctor_macos

    own = kept.session

    def open_api() -> tuple[NotaryApi, list[Finding]]:
        if kept.api_key is None:
            raise InputError(none())
        return own.notary_api(kept.api_key), []

    result = doctor_macos(
        job,
        kept.apple,
        roots=own.apple_roots(),
        timestamper=own.apple_timestamper(),
        open_api=open_api if own.macos_level() != LEVELS[0] else None,
    )
    told.findings += result.findings
    told.more["macos"] = {"facts": dict(result.facts), "identities": result.identities}


def _server(job: JobContext, kept: _Kept, told: _Told) -> None:
    from codesign_wizard.core.comet.desk import ServerDesk, doctor_server

    own = kept.session
    told.more["server"] = None
    with ServerDesk.open(
        job,
        own.network,
        own.server_address(),
        own.server_user,
        kept.server,
        own.server_journal(),
        code=own.server_code(),
        plain_http=own.profile.server.plain_http,
    ) as desk:
        found, comparison = doctor_server(job, desk, kept.wanted)
        told.findings += [*found, *desk.close()]
    if comparison is not None:
        told.more["server"] = comparison.to_json()


_SYSTEMS: dict[str, Callable[[JobContext, _Kept, _Told], None]] = {
    "windows": _windows,
    "macos": _macos,
    "server": _server,
}


def _of_profile(finding: Finding, name: str) -> Finding:
    more = {"profile": name, **finding.evidence.more}
    return replace(finding, evidence=replace(finding.evidence, more=more))
