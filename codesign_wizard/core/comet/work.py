"""What the page *Server* does, each as one piece of work on a signed-in desk.

Nothing in here waits for a person. ``look`` changes nothing; ``change`` and ``take_back`` change what was
shown and agreed to, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codesign_wizard.core.comet import findings as found
from codesign_wizard.core.comet import settings
from codesign_wizard.core.comet.answers import CometRefusalError
from codesign_wizard.core.comet.apply import setting_of
from codesign_wizard.core.comet.client import Platform
from codesign_wizard.core.comet.desk import Comparison, ServerDesk
from codesign_wizard.core.comet.kept import Client, KeptLine, KeptPlatform, Looked
from codesign_wizard.core.comet.settings import FileFields, Kind, Part, Wanted
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Finding, Severity, iso, utc_now, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

if TYPE_CHECKING:
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.comet.address import ServerAddress
    from codesign_wizard.core.comet.apply import Applied
    from codesign_wizard.core.comet.journal import Journal
    from codesign_wizard.core.comet.proof import Proof
    from codesign_wizard.core.network import Network

_HINDERS_BUILD = "server.build."


class Keeper(Protocol):
    """Where sign-in, roots and the profile's values are; a ``Session`` is one. May ask the keyring."""

    @property
    def network(self) -> Network:
        """Return the network."""

    @property
    def server_user(self) -> str:
        """Return the administrator."""

    def server_address(self) -> ServerAddress:
        """Return the address; raises ``InputError``."""

    def server_password(self) -> Secret | None:
        """Return the password."""

    def server_journal(self) -> Journal:
        """Return what was changed last."""

    def server_wanted(self) -> Wanted:
        """Return what the profile holds for the server."""

    def output_folder(self) -> Path:
        """Return where downloads go."""

    def roots(self) -> RootStore:
        """Return the roots for Windows."""

    def apple_roots(self) -> AppleRoots:
        """Return Apple's roots."""


@dataclass(frozen=True)
class Seen:
    """A look: the comparison, with what would be sent in it, the clients on offer, and what is kept."""

    comparison: Comparison
    platforms: list[Platform]
    looked: Looked


@dataclass(frozen=True)
class Proving:
    """How the server's clients were judged, and all that was found."""

    clients: list[Client]
    findings: list[Finding]


def connect(
    job: JobContext, keeper: Keeper, *, password: Secret | None, code: Secret | None, plain_http: bool
) -> ServerDesk:
    """Sign in, once, with *password* or the one that is kept; raises ``InputError``, ``CodesignError``."""
    return ServerDesk.open(
        job,
        keeper.network,
        keeper.server_address(),
        keeper.server_user,
        keeper.server_password() if password is None else password,
        keeper.server_journal(),
        code=code,
        plain_http=plain_http,
    )


def look(job: JobContext, desk: ServerDesk, wanted: Wanted, fields: FileFields) -> Seen:
    """Return the server beside the profile; a part that is only half filled in is left out, and told."""
    view = desk.look(job)
    parts, told = _complete(wanted, fields)
    prebuilt = [each for each in view.findings if each.id == found.PREBUILT.id]
    if prebuilt:
        parts = [Part.BUILD_MODE, *parts]
    comparison = desk.compare(job, wanted, parts, fields, view=view)
    if told and not parts:
        # that there is nothing to give is said better by what is missing
        kept = [each for each in comparison.findings if each.id != found.NOTHING.id]
        comparison = replace(comparison, findings=kept)
    comparison = replace(comparison, findings=worst_first([*comparison.findings, *prebuilt, *told]))
    tried = desk.try_here(job, wanted, comparison)
    comparison = replace(comparison, findings=worst_first([*comparison.findings, *tried]))
    can_build = not any(each.id.startswith(_HINDERS_BUILD) for each in view.findings)
    platforms = _platforms(job, desk) if can_build else []
    return Seen(comparison, platforms, _looked(desk, comparison, platforms, can_build=can_build))


def change(
    job: JobContext, desk: ServerDesk, seen: Seen, parts: Sequence[Part], wanted: Wanted, fields: FileFields
) -> tuple[Applied, Seen | None]:
    """Give the server what differs in *parts*; return what came of it and a new look, if there was time."""
    applied = desk.apply(job, seen.comparison.only(parts))
    return applied, _look_after(job, desk, wanted, fields)


def take_back(
    job: JobContext, desk: ServerDesk, wanted: Wanted, fields: FileFields
) -> tuple[Applied, Seen | None]:
    """Give the server its old values back; return what came of it and a new look, if there was time."""
    undone = desk.undo(job)
    return undone, _look_after(job, desk, wanted, fields)


def prove(
    job: JobContext, keeper: Keeper, desk: ServerDesk, seen: Seen, numbers: Sequence[int], wanted: Wanted
) -> Proving:
    """Let the server build its clients, one after the other, and judge them.

    Stages are told as ``STAGE.NUMBER``. Raises ``CodesignError`` when the first one could not even be asked
    for; ``Cancelled``, with nothing kept of what was not finished.
    """
    from codesign_wizard.core.comet.proof import ProveRequest
    from codesign_wizard.core.comet.prove import choose_platforms
    from codesign_wizard.core.comet.prove import prove as prove_all

    view = seen.comparison.view
    chosen = choose_platforms(
        seen.platforms, numbers, windows=wanted.azure is not None, macos=wanted.macos is not None
    )
    expected, doubts = desk.expected(job, wanted, desk.level(view))
    told: list[Finding] = list(doubts)
    proofs: list[Proof] = []
    for platform in chosen:
        request = ProveRequest(
            [platform],
            keeper.output_folder().absolute(),
            expected,
            keeper.network,
            keeper.roots(),
            keeper.apple_roots(),
        )
        try:
            proofs += prove_all(_Numbered(job, platform.number), desk.client, request)
        except CodesignError as error:
            if not proofs:
                raise
            # what was judged before must not be lost with it
            told.append(error.finding)
            break
    told += [each for proof in proofs for each in proof.findings]
    told += desk.explain_failure(job, view, proofs, wanted)
    unique = {(each.id, each.title): each for each in told}
    return Proving([_client(proof) for proof in proofs], worst_first(unique.values()))


def undo_lines(journal: Journal) -> list[tuple[str, str]]:
    """Return what *take_back* would set, by the form's labels and without secrets."""
    record = journal.read()
    lines = []
    for key, text in record.before.items() if record is not None else ():
        setting = setting_of(key)
        if setting is None:
            continue  # the format of a secret goes with the secret
        if setting.kind is Kind.SECRET:
            value = tr("empty") if text == '""' else tr("the former secret, from the keyring")
        elif text is None:
            value = tr("empty")
        else:
            held = json.loads(text)
            is_file = isinstance(held, str) and held.startswith(settings.RESOURCE)
            value = tr("the former file") if is_file else settings.words(setting, held)
        lines.append((setting.label, value))
    return lines


def interrupted(journal: Journal) -> str:
    """Return when a change began in whose middle a run ended, in words; "" when there is none."""
    record = journal.read()
    return when(record.time) if record is not None and record.phase.open else ""


def recommended(looked: Looked, *, windows: bool, macos: bool) -> list[int]:
    """Return one client for each wanted system: the one that the server recommends, or its first."""
    chosen = []
    for wanted, system in ((windows, "windows"), (macos, "macos")):
        fitting = [each for each in looked.platforms if each.system == system]
        if wanted and fitting:
            chosen.append(next((each for each in fitting if each.recommended), fitting[0]).number)
    return chosen


def _complete(wanted: Wanted, fields: FileFields) -> tuple[list[Part], list[Finding]]:
    """Return the parts that can be given as they are, and what the others lack, as warnings."""
    parts, told = [], []
    for part in wanted.parts():
        try:
            settings.desired(wanted, (part,), fields)
        except InputError as error:
            told.append(replace(error.finding, severity=Severity.WARNING))
        else:
            parts.append(part)
    return parts, told


def _look_after(job: JobContext, desk: ServerDesk, wanted: Wanted, fields: FileFields) -> Seen | None:
    """Look again after a change, which is done whatever becomes of this look."""
    try:
        return look(job, desk, wanted, fields)
    except Cancelled:
        return None
    except CodesignError as error:
        job.log(LogLevel.WARNING, error.finding.title, part="server")
        return None


def _platforms(job: JobContext, desk: ServerDesk) -> list[Platform]:
    try:
        offered = desk.client.platforms(job)
    except CometRefusalError as error:
        job.log(LogLevel.WARNING, error.finding.title, part="server")
        return []
    return [each for each in offered if each.windows or each.macos]


def _looked(
    desk: ServerDesk, comparison: Comparison, platforms: Sequence[Platform], *, can_build: bool
) -> Looked:
    version = comparison.view.version
    return Looked(
        host=desk.client.address.host,
        user=desk.client.user,
        version=version.version,
        drift=round(version.drift.total_seconds(), 1),
        lines=[
            KeptLine(each.setting.label, each.setting.part.value, each.server, each.here, each.state.value)
            for each in comparison.lines
        ],
        platforms=[_platform(each) for each in platforms],
        findings=list(comparison.findings),
        may_apply=comparison.may_apply,
        can_build=can_build,
        can_undo=desk.can_undo,
        time=utc_now(),
    )


def _platform(platform: Platform) -> KeptPlatform:
    system = "windows" if platform.windows else "macos"
    return KeptPlatform(platform.number, platform.title, system, platform.recommended)


def _client(proof: Proof) -> Client:
    """Return what people and other steps want to know of a proof."""
    from codesign_wizard.core.authenticode import trust

    facts: dict[str, str] = {}
    certificate = token = None
    if proof.windows is not None and proof.windows.signatures:
        signature = proof.windows.signatures[0]
        certificate, token = signature.certificate, signature.timestamp
        if certificate is not None:
            facts["certificate_expires"] = iso(certificate.not_valid_after_utc)
    elif proof.package is not None:
        certificate, token = proof.package.certificate, proof.package.timestamp
        facts["ticket"] = _ticket(proof)
        if certificate is not None:
            from cryptography.hazmat.primitives import hashes

            facts["installer_sha256"] = certificate.fingerprint(hashes.SHA256()).hex()
    if certificate is not None:
        facts["publisher"] = trust.name(certificate)
    if token is not None:
        facts["timestamp"] = f"{when(token.time)}, {trust.name(token.certificate)}"
    if proof.file is not None:
        facts["file"], facts["size"] = str(proof.file), str(proof.size)
    wrong = next((each for each in worst_first(proof.findings) if each.severity is Severity.ERROR), None)
    if wrong is not None:
        facts["problem"] = wrong.title
    facts["ended"] = iso(proof.ended)
    return Client(_platform(proof.platform), proof.ok, facts)


def _ticket(proof: Proof) -> str:
    told = {each.id for each in proof.findings}
    if proof.package is not None and proof.package.stapled:
        return "stapled"
    return "notarised" if "server.prove.notarised" in told else "none"


class _Numbered:
    """A job whose stages are told with a client's number: several are built one after the other."""

    def __init__(self, job: JobContext, number: int) -> None:
        self._job, self._number = job, number
        self.progress, self.log = job.progress, job.log
        self.check_cancelled, self.wait = job.check_cancelled, job.wait

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        """Pass it on as this client's."""
        self._job.stage(f"{key}.{self._number}", state, text)
