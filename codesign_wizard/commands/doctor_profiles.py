"""``doctor --all-profiles``: every profile for itself, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from codesign_wizard.commands.context import CANCELLED, INTERRUPTED, Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core import long_secret, proxy_login
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.processes import spread
from codesign_wizard.core.profile import LEVELS, Profile, new_profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import (
    APPLE_API_KEY,
    APPLE_PASSWORD,
    APPLICATION_SECRET,
    PROXY_PASSWORD,
    SERVER_PASSWORD,
    SERVER_UNDO,
    MemoryStore,
)
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.notary_api import NotaryApi
    from codesign_wizard.overrides import Overrides
    from codesign_wizard.session import Session


class Asked(NamedTuple):
    """A profile, what is looked at, and what the keyring has for that, asked for before the look begins."""

    profile: Profile
    systems: tuple[str, ...]
    secrets: Mapping[str, Secret]


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
    # a keyring may ask the person to unlock it: once, and not from eight threads at a time
    with context.waiting_for_person():
        asked = [_ask(session.beside(each), systems(each)) for each in profiles]
    outcomes: dict[int, _Told | Finding] = {}
    interrupted = False
    try:
        spread(
            context.job,
            asked,
            Looker(session),
            tr("Looking at the profiles"),
            # the practice cloud is in this process, and so is the way to it
            processes=1 if context.practising else None,
            logged=context.printer.verbose,
            told=outcomes.__setitem__,
        )
    except Cancelled:
        # what was found out of the others by then took its time, and is not lost with the rest
        interrupted = True
    findings: list[Finding] = [*unreadable, *([CANCELLED()] if interrupted else [])]
    lines, documents = [], []
    for place, (profile, looked_at, secrets) in enumerate(asked):
        outcome = outcomes.get(place)
        if outcome is None:
            lines.append(tr("? {profile}: not looked at").format(profile=profile.name))
            documents.append(_not_looked_at(profile))
            continue
        own = [outcome] if isinstance(outcome, Finding) else outcome.findings
        if any(name.startswith(SERVER_UNDO) for name in secrets):
            with context.waiting_for_person():
                own = [*own, *_forget_undone(session.beside(profile))]
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
                "looked_at": list(looked_at),
                "findings": [each.to_json() for each in own],
                "facts": {},
                **({} if isinstance(outcome, Finding) else outcome.more),
            }
        )
    if interrupted:
        ended = tr("{n} of {all} profiles were looked at.").format(n=len(outcomes), all=len(asked))
        return Outcome(
            findings, {"profiles": documents}, lines=lines, clear=ended, blocked=ended, code=INTERRUPTED
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


def _not_looked_at(profile: Profile) -> dict[str, Any]:
    """Return what the document has of a profile that it did not come to before the person ended it."""
    return {
        "id": profile.id,
        "name": profile.name,
        "ok": False,
        "looked_at": [],
        "findings": [],
        "facts": {},
    }


def _ask(own: Session, looked: tuple[bool, bool, bool]) -> Asked:
    """Ask the keyring for what a look will ask for; raises ``CodesignError`` when it does not answer."""
    windows, macos, server = looked
    found: dict[str, Secret | None] = {}
    if windows or (server and own.profile.windows_wanted):
        found[APPLICATION_SECRET] = own.application_secret()
    if macos or (server and own.profile.macos_wanted):
        found[APPLE_PASSWORD] = own.apple_password()
        found[APPLE_API_KEY] = own.api_private_key()
    if server:
        found[SERVER_PASSWORD] = own.server_password()
        record = own.server_journal().read()
        if record is not None and record.phase.open:
            # by what the server had before it is seen what became of an interrupted change
            found |= long_secret.pieces(own.secrets, own.profile.id, SERVER_UNDO)
    if proxy_login.names_user(own.profile.network.proxy):
        found[PROXY_PASSWORD] = own.networking.proxy_password()
    systems = tuple(name for name, on in zip(_SYSTEMS, looked, strict=True) if on)
    return Asked(own.profile, systems, {name: each for name, each in found.items() if each is not None})


def _forget_undone(own: Session) -> list[Finding]:
    """Forget what undoing needed, if a look found all undone, which has no keyring; return what hinders."""
    from codesign_wizard.core.comet.journal import Phase

    journal = own.server_journal()
    record = journal.read()
    if record is None or record.phase is not Phase.UNDONE:
        return []
    try:
        journal.forget_old()
    except CodesignError as error:
        return [error.finding]
    return []


class Looker:
    """Looks at one profile: on any thread, and in another process too, which opens a session of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_looker, (self._session.profiles.folder, self._session.overrides)

    def __call__(self, job: JobContext, asked: Asked) -> _Told:
        own = self._session.beside(asked.profile, MemoryStore.of(asked.profile.id, asked.secrets))
        told = _Told()
        for name in asked.systems:
            try:
                _SYSTEMS[name](job, own, told)
            except CodesignError as error:
                # what was found before must not be lost with it
                told.findings.append(error.finding)
        return told


def _open_looker(folder: Path, overrides: Overrides) -> Looker:
    from codesign_wizard.session import Session

    return Looker(Session(new_profile(""), ProfileStore(folder), overrides=overrides, secrets=MemoryStore()))


def _windows(job: JobContext, own: Session, told: _Told) -> None:
    from codesign_wizard.core.doctor import doctor_windows

    secret = own.application_secret()
    result = doctor_windows(job, own.network, own.azure_options(), secret, roots=own.roots())
    told.findings += result.findings
    told.more["facts"] = dict(result.facts)


def _macos(job: JobContext, own: Session, told: _Told) -> None:
    from codesign_wizard.core.apple.api_key import none
    from codesign_wizard.core.apple.doctor import doctor_macos

    def open_api() -> tuple[NotaryApi, list[Finding]]:
        key = own.api_key()
        if key is None:
            raise InputError(none())
        return own.notary_api(key), []

    result = doctor_macos(
        job,
        own.apple_options(),
        roots=own.apple_roots(),
        timestamper=own.apple_timestamper(),
        open_api=open_api if own.macos_level() != LEVELS[0] else None,
    )
    told.findings += result.findings
    told.more["macos"] = {"facts": dict(result.facts), "identities": result.identities}


def _server(job: JobContext, own: Session, told: _Told) -> None:
    from codesign_wizard.core.comet.desk import ServerDesk, doctor_server

    told.more["server"] = None
    with ServerDesk.open(
        job,
        own.network,
        own.server_address(),
        own.server_user,
        own.server_password(),
        own.server_journal(),
        code=own.server_code(),
        plain_http=own.profile.server.plain_http,
    ) as desk:
        found, comparison = doctor_server(job, desk, own.server_wanted())
        told.findings += [*found, *desk.close()]
    if comparison is not None:
        told.more["server"] = comparison.to_json()


_SYSTEMS: dict[str, Callable[[JobContext, Session, _Told], None]] = {
    "windows": _windows,
    "macos": _macos,
    "server": _server,
}


def _of_profile(finding: Finding, name: str) -> Finding:
    more = {"profile": name, **finding.evidence.more}
    return replace(finding, evidence=replace(finding.evidence, more=more))
