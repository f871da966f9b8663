"""Two .p12 files given as Installer and Application: each judged, and whether they fit together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from codesign_wizard.core.apple import identity_findings as found
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity import Identity, IdentityReport
from codesign_wizard.core.apple.identity_judge import read_identity
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.finding import Certainty, Finding, Remedy, blocks, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr


@dataclass(frozen=True)
class PairReport:
    """Two files, judged together; ``findings`` are those of each and of both."""

    installer: IdentityReport
    application: IdentityReport
    findings: list[Finding]
    swapped: bool = False
    one_password: bool = True

    @property
    def ok(self) -> bool:
        """Whether the server could sign with them."""
        return not blocks(self.findings)


def check_pair(
    installer: Path,
    application: Path,
    installer_password: Secret | None,
    application_password: Secret | None,
    *,
    now: datetime | None = None,
    roots: AppleRoots | None = None,
) -> PairReport:
    """Judge two files given as Installer and Application, and whether they fit together."""
    now, roots = now or utc_now(), roots or AppleRoots()
    return judge_pair(
        read_identity(installer, installer_password, wanted=Kind.INSTALLER, now=now, roots=roots),
        read_identity(application, application_password, wanted=Kind.APPLICATION, now=now, roots=roots),
        installer_password,
        application_password,
    )


def judge_pair(
    first: IdentityReport,
    second: IdentityReport,
    installer_password: Secret | None,
    application_password: Secret | None,
) -> PairReport:
    """Judge two files that were read, Installer and Application, and whether they fit together."""
    findings = [*first.findings, *second.findings]
    kinds = [report.identity.kind if report.identity is not None else None for report in (first, second)]
    swapped = kinds == [Kind.APPLICATION, Kind.INSTALLER]
    if kinds[0] is not None and kinds[0] == kinds[1] and kinds[0].is_developer_id:
        missing = Kind.INSTALLER if kinds[0] is Kind.APPLICATION else Kind.APPLICATION
        findings = [each for each in findings if each.id != found.SWAPPED.id]
        findings.append(
            found.BOTH_SAME(
                kind=kinds[0].label,
                missing=missing.label,
                certainty=Certainty.COMPUTED,
                remedies=[found.make_anew(missing.label)],
            )
        )
    one_password = (first.opened and second.opened) and (
        (installer_password or Secret("")) == (application_password or Secret(""))
    )
    if first.opened and second.opened and not one_password:
        findings.append(found.PASSWORDS_DIFFER(certainty=Certainty.COMPUTED, remedies=[found.repack()]))
    if first.identity is not None and second.identity is not None:
        teams = first.identity.team, second.identity.team
        if all(teams) and teams[0] != teams[1]:
            findings.append(_teams_differ(first.identity, second.identity))
    if not blocks(findings) and first.identity is not None:
        findings.append(found.PAIR_FITS(team=first.identity.team, certainty=Certainty.COMPUTED))
    return PairReport(first, second, findings, swapped, one_password)


def _teams_differ(first: Identity, second: Identity) -> Finding:
    names = [f"{each.description.owner} ({each.team})" for each in (first, second)]
    return found.TEAMS_DIFFER(
        first=names[0],
        second=names[1],
        certainty=Certainty.COMPUTED,
        remedies=[
            Remedy(
                title=tr(
                    "Choose the team that publishes the program, and get the other certificate from it."
                ),
                portal=(tr("On Apple's site, the team is chosen at the top right, by its name."),),
                url=found.CERTIFICATES_PAGE,
            )
        ],
    )
