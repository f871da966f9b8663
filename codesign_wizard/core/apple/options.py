"""What signing for macOS needs of a person: two .p12 files and their one password."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity import Identity, IdentityReport
from codesign_wizard.core.apple.identity_judge import read_identity
from codesign_wizard.core.apple.identity_pair import judge_pair
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
    worst_first,
)
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import Signer
from codesign_wizard.core.text import tr

FIELDS = {Kind.APPLICATION: "application_file", Kind.INSTALLER: "installer_file"}

MISSING = FindingKind(
    "apple.options.missing",
    Severity.ERROR,
    "No .p12 file is named for {kind}.",
    "Programs are signed with Developer ID Application, packages with Developer ID Installer.",
)
OTHER_TEAM = FindingKind(
    "apple.options.other-team",
    Severity.ERROR,
    "{file} is of team {team}; the profile says {wanted}.",
    "The profile names the team that both certificates must be of.",
)


def choose_team() -> Remedy:
    """Return what to do where the profile names another team than the certificates."""
    return Remedy(
        title=tr("Give the certificates of that team, or mend the team in the profile."),
        portal=(tr("Run `codesign-wizard profile set macos.team=` to let any team be right."),),
    )


@dataclass(frozen=True)
class AppleOptions:
    """Where the two identities are (``None`` for not named), their one password, the team they must be of.

    Both may be one file that holds both identities. ``team`` "" takes any.
    """

    application_file: Path | None = None
    installer_file: Path | None = None
    password: Secret | None = None
    team: str = ""

    def file(self, kind: Kind) -> Path | None:
        """Return the file named for ``Kind.APPLICATION`` or ``Kind.INSTALLER``."""
        found: Path | None = getattr(self, FIELDS[kind])
        return found


@dataclass(frozen=True)
class Identities:
    """The identities that were opened, and what was noticed about them that is no obstacle."""

    application: Identity | None = None
    installer: Identity | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def team(self) -> str:
        """The team of both."""
        return next((each.team for each in (self.application, self.installer) if each is not None), "")

    @property
    def application_signer(self) -> Signer:
        """The key that signs programs; raises ``CodesignError`` when it was not opened."""
        return self._signer(self.application, Kind.APPLICATION)

    @property
    def installer_signer(self) -> Signer:
        """The key that signs packages; raises ``CodesignError`` when it was not opened."""
        return self._signer(self.installer, Kind.INSTALLER)

    @staticmethod
    def _signer(identity: Identity | None, kind: Kind) -> Signer:
        if identity is None:
            raise InputError(missing(kind))
        return identity.signer()


def missing(kind: Kind) -> Finding:
    """Return the finding for a .p12 that nobody named."""
    remedy = Remedy(
        title=tr("Name the .p12 file that holds your “{kind}” certificate and its key.").format(
            kind=kind.label
        )
    )
    return MISSING(
        kind=kind.label,
        certainty=Certainty.COMPUTED,
        evidence=Evidence(more={"field": FIELDS[kind]}),
        remedies=[remedy],
    )


@dataclass(frozen=True)
class IdentitiesReport:
    """The files, judged: what each is, and everything that was found, the worst first."""

    application: IdentityReport | None
    installer: IdentityReport | None
    findings: list[Finding]
    one_password: bool = True


def judge_identities(
    options: AppleOptions,
    *,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
    kinds: Sequence[Kind] = (Kind.APPLICATION, Kind.INSTALLER),
) -> IdentitiesReport:
    """Judge the files of *kinds*, and where it is both, whether they fit together; never raises for them."""
    findings = []
    reports: dict[Kind, IdentityReport] = {}
    for kind in kinds:
        path = options.file(kind)
        if path is None:
            findings.append(missing(kind))
        else:
            reports[kind] = read_identity(path, options.password, wanted=kind, roots=roots, now=now)
    if options.application_file == options.installer_file:
        reports = {kind: _without_several(report) for kind, report in reports.items()}
    installer, application = reports.get(Kind.INSTALLER), reports.get(Kind.APPLICATION)
    one_password = True
    if installer is not None and application is not None:
        pair = judge_pair(installer, application, options.password, options.password)
        findings += pair.findings
        one_password = pair.one_password
    else:
        findings += [each for report in reports.values() for each in report.findings]
    for report in reports.values():
        identity = report.identity
        if identity is not None and options.team and identity.team not in ("", options.team):
            remedy = choose_team()
            findings.append(
                OTHER_TEAM(
                    file=report.name,
                    team=identity.team,
                    wanted=options.team,
                    certainty=Certainty.COMPUTED,
                    remedies=[remedy],
                )
            )
    unique = {(each.id, each.title): each for each in findings}
    return IdentitiesReport(application, installer, worst_first(unique.values()), one_password)


def open_identities(
    options: AppleOptions,
    *,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
    kinds: Sequence[Kind] = (Kind.APPLICATION, Kind.INSTALLER),
) -> Identities:
    """Return what to sign with; raises ``RefusedIdentities`` when one of *kinds* cannot be used.

    An expired certificate cannot: macOS would refuse what it signs.
    """
    report = judge_identities(options, roots=roots, now=now, kinds=kinds)
    if any(each.severity is Severity.ERROR for each in report.findings):
        raise RefusedIdentities(report.findings)
    return Identities(
        report.application.identity if report.application is not None else None,
        report.installer.identity if report.installer is not None else None,
        [each for each in report.findings if each.severity is not Severity.OK],
    )


class RefusedIdentities(CodesignError):
    """The .p12 files cannot be signed with; ``findings`` has everything about them, the worst first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings[0])
        self.findings = list(findings)


def _without_several(report: IdentityReport) -> IdentityReport:
    """Leave out what one file for both must have: several identities."""
    from codesign_wizard.core.apple.identity_findings import SEVERAL

    kept = [each for each in report.findings if each.id != SEVERAL.id]
    return dataclasses.replace(report, findings=kept)
