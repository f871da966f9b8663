"""The two places for Apple's identities, Installer and Application: what lies where, and whether it fits.

People mix the two files up, put both identities into one, and choose two passwords. So each file is tried
with every password that is known, and lies where its certificate says, wherever it was put; what was moved
is told.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity, iso, utc_now, worst_first
from codesign_wizard.core.flow import CERTIFICATE_EXPIRES
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    # what opens and judges takes its time to import: the window's page does without until it reads
    from codesign_wizard.core.apple.identity import IdentityReport
    from codesign_wizard.core.apple.trust import AppleRoots

PLACES = (Kind.INSTALLER, Kind.APPLICATION)
SHORT = {Kind.INSTALLER: "installer", Kind.APPLICATION: "application"}
_ASKS = (found.PASSWORD_MISSING.id, found.PASSWORD_WRONG.id)
Reading = Callable[[Path, Kind], "tuple[IdentityReport, int]"]

MOVED = FindingKind(
    "apple.identity.moved",
    Severity.INFO,
    "{file} is the {kind} certificate: it was moved there.",
    "A file was given in the place of the other kind; it counts where it belongs.",
)
LEFT_OUT = FindingKind(
    "apple.identity.left-out",
    Severity.WARNING,
    "Two files were taken; these were not looked at: {files}.",
    "More than two files were given at once, where there is a place for each of two certificates.",
)
SHARED = FindingKind(
    "apple.identity.shared",
    Severity.WARNING,
    "{file} holds both identities, and programs differ in which one they take.",
    "One .p12 file has the Installer and the Application identity in it: both are found here.",
)


class Waits(StrEnum):
    """What is still missing where nothing is wrong; kept as the result's ``OPEN``."""

    NOTHING = ""
    PASSWORD = "password"  # a word, no secret
    INSTALLER = "installer"
    APPLICATION = "application"


@dataclass(frozen=True)
class Look:
    """What lies in the two places. ``files`` and ``reports`` have a member for each place that is filled.

    ``locked`` are the places whose file no known password opens, ``moved`` tells of what changed its place,
    ``foreign`` are those whose certificate is of another team than the profile says.
    ``passwords`` is the place in the sequence of known passwords that opens each file, -1 where none is
    needed.
    """

    files: Mapping[Kind, Path]
    reports: Mapping[Kind, IdentityReport]
    findings: Sequence[Finding]
    locked: Sequence[Kind] = ()
    moved: Sequence[Finding] = ()
    passwords: Mapping[Kind, int] = field(default_factory=dict)
    foreign: Sequence[Kind] = ()

    @property
    def waits(self) -> Waits:
        """What is to be given next, where nothing is wrong yet."""
        if any(each.id == found.PASSWORD_MISSING.id for each in self.findings):
            return Waits.PASSWORD
        missing = next((kind for kind in PLACES if kind not in self.files), None)
        return {Kind.INSTALLER: Waits.INSTALLER, Kind.APPLICATION: Waits.APPLICATION}.get(
            missing or Kind.OTHER, Waits.NOTHING
        )

    @property
    def opened(self) -> Sequence[Kind]:
        """The places whose file is a .p12 that could be opened."""
        return [kind for kind, report in self.reports.items() if report.opened]

    def severities(self) -> dict[str, str]:
        """Return how grave the worst is that was found in each place, by ``installer`` and ``application``.

        A place that only waits for its password is left out.
        """
        told = {}
        for kind, report in self.reports.items():
            if not any(each.id == found.PASSWORD_MISSING.id for each in report.findings):
                worst = worst_first(report.findings)[0].severity
                # a note, such as an issuer that is put beside it, leaves it good
                told[SHORT[kind]] = (Severity.OK if worst is Severity.INFO else worst).value
            if kind in self.foreign:
                told[SHORT[kind]] = Severity.ERROR.value
        return told

    def facts(self) -> dict[str, str]:
        """Return what is kept of the look: ``installer_name``…, and when the first of the two ends."""
        facts: dict[str, str] = {}
        ends: list[datetime] = []
        for kind, report in self.reports.items():
            described = report.certificate
            if described is None:
                continue
            short = SHORT[kind]
            facts |= {
                f"{short}_name": described.common_name,
                f"{short}_kind": described.kind.label,
                f"{short}_owner": described.owner,
                f"{short}_team": described.team,
                f"{short}_issued": iso(described.since),
                f"{short}_expires": iso(described.until),
                f"{short}_sha256": described.sha256,
            }
            if report.identity is not None:
                from codesign_wizard.core.authenticode import trust

                root = [report.identity.root] if report.identity.root is not None else []
                chain = [trust.name(each) for each in [*report.identity.chain[1:], *root]]
                facts[f"{short}_chain"] = " → ".join(chain)
                ends.append(described.until)
            if report.structure is not None:
                words = ", ".join(report.structure.schemes) or tr("not encrypted")
                facts[f"{short}_protection"] = words
        if ends:
            facts[CERTIFICATE_EXPIRES] = iso(min(ends))
        teams = {report.identity.team for report in self.reports.values() if report.identity is not None}
        if len(teams) == 1:
            facts["team"] = teams.pop()
        return facts


def look(
    files: Mapping[Kind, Path],
    passwords: Sequence[Secret],
    *,
    fresh: Kind | None = None,
    team: str = "",
    roots: AppleRoots | None = None,
    now: datetime | None = None,
) -> Look:
    """Judge the files in their places, moving what lies wrong; reads files, changes none.

    *passwords* are the known ones in the order to try them; *fresh* is the place that a file was put into
    just now, which makes another one give way where both are of one kind. *team* is the one that both must
    be of, "" for any. The findings are worst first.
    """
    from codesign_wizard.core.apple.identity_pair import judge_pair
    from codesign_wizard.core.apple.options import OTHER_TEAM, choose_team
    from codesign_wizard.core.apple.trust import AppleRoots as Roots

    roots, now = roots or Roots(), now or utc_now()

    @functools.cache  # opening takes its time, by intent of the format
    def read(path: Path, place: Kind) -> tuple[IdentityReport, int]:
        return _opened(path, place, passwords, roots, now)

    places, moved = _settle(dict(files), fresh, read)
    reports, used = {}, {}
    for kind, path in places.items():
        reports[kind], used[kind] = read(path, kind)
    locked = [kind for kind, report in reports.items() if any(each.id in _ASKS for each in report.findings)]
    findings = [each for report in reports.values() for each in report.findings]
    if len(places) == len(PLACES):
        one, other = (reports[kind] for kind in PLACES)
        known = [passwords[used[kind]] if used[kind] >= 0 else None for kind in PLACES]
        findings = judge_pair(one, other, *known).findings
    if len(set(places.values())) < len(places):
        # found in both places, so neither is hidden; what is said of the file is said once
        findings = _once(each for each in findings if each.id != found.SEVERAL.id)
        findings.append(SHARED(file=next(iter(places.values())).name, remedies=[_write_each()]))
    foreign = []
    for kind, report in reports.items():
        if report.identity is not None and team and report.identity.team != team:
            foreign.append(kind)
            findings.append(
                OTHER_TEAM(file=report.name, team=report.identity.team, wanted=team, remedies=[choose_team()])
            )
    return Look(places, reports, worst_first(findings), locked, moved, used, foreign)


def by_name(paths: Sequence[Path], given: Kind | None) -> dict[Kind, Path]:
    """Return where files that came together lie at first; what is in them may move them afterwards.

    A single one lies where it was *given*; of several the name decides where it tells, else their order.
    """
    if len(paths) == 1:
        return {given or _named(paths[0]) or Kind.INSTALLER: paths[0]}
    first, second = paths[:2]
    turned = _named(first) is Kind.APPLICATION or _named(second) is Kind.INSTALLER
    pair = (second, first) if turned else (first, second)
    return dict(zip(PLACES, pair, strict=True))


def left_out(paths: Sequence[Path]) -> list[Finding]:
    """Return what to say of files that were given beyond those that found a place."""
    if not paths:
        return []
    files = ", ".join(path.name for path in paths)
    return [LEFT_OUT(files=files, remedies=[Remedy(title=tr("Give one of them in place of another."))])]


def _named(path: Path) -> Kind | None:
    name = path.name.casefold()
    return next((kind for kind, short in SHORT.items() if short[:5] in name), None)


def _opened(
    path: Path, place: Kind, passwords: Sequence[Secret], roots: AppleRoots, now: datetime
) -> tuple[IdentityReport, int]:
    """Return the report by the first password that opens the file, and its place; -1 for none."""
    from codesign_wizard.core.apple.identity_judge import read_identity

    bare = read_identity(path, None, wanted=place, roots=roots, now=now)
    if not any(each.id == found.PASSWORD_MISSING.id for each in bare.findings):
        return bare, -1
    for number, password in enumerate(passwords):
        report = read_identity(path, password, wanted=place, roots=roots, now=now)
        if not any(each.id in _ASKS for each in report.findings):
            return report, number
    if not passwords:
        return bare, -1
    return report, -1


def _settle(
    files: dict[Kind, Path], fresh: Kind | None, read: Reading
) -> tuple[dict[Kind, Path], list[Finding]]:
    """Return the places with what lies wrong moved, and what to say of it."""
    kinds = {kind: _kind(read(path, kind)[0]) for kind, path in files.items()}
    wrong = [kind for kind in files if kinds[kind] is _other(kind)]
    moved: list[Finding] = []
    if len(wrong) == len(PLACES):
        files = {_other(kind): path for kind, path in files.items()}
    elif wrong and (_other(wrong[0]) not in files or wrong[0] is fresh):
        files[_other(wrong[0])] = files.pop(wrong[0])
    else:
        wrong = []
    moved += [MOVED(file=files[_other(kind)].name, kind=_other(kind).label) for kind in wrong]
    for kind in PLACES:
        empty = _other(kind)
        if empty in files or kind not in files:
            continue
        report, _ = read(files[kind], kind)
        if any(each.kind is empty for each in report.others):
            files[empty] = files[kind]
    return {kind: files[kind] for kind in PLACES if kind in files}, moved


def _write_each() -> Remedy:
    return Remedy(
        title=tr("Write each identity to a file of its own."),
        portal=(tr("Run `codesign-wizard identity repack` with the file."),),
    )


def _kind(report: IdentityReport) -> Kind | None:
    return report.identity.kind if report.identity is not None else None


def _other(kind: Kind) -> Kind:
    return Kind.APPLICATION if kind is Kind.INSTALLER else Kind.INSTALLER


def _once(findings: Iterable[Finding]) -> list[Finding]:
    told: list[Finding] = []
    for each in findings:
        if each not in told:
            told.append(each)
    return told
