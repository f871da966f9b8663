"""The diagnosis for macOS: from the two .p12 files to a test signature. It changes nothing anywhere.

Stages, in order: identities, time-stamp, signature, and from the level “notarise” on the API key, with which
Apple's notary service is asked a harmless question. What an error makes pointless is skipped. The test
signature is over a small program and a package made for it in a folder that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple.options import AppleOptions, Identities, judge_identities
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Severity, blocks, iso, worst_first
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import DigestAlgorithm

if TYPE_CHECKING:
    from codesign_wizard.core.apple.identity import IdentityReport
    from codesign_wizard.core.apple.notary_api import NotaryApi
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamper

IDENTITIES, TIMESTAMP, SIGNATURE = STAGES = ("identities", "time-stamp", "signature")
API_KEY = "api-key"

STAMPED = FindingKind(
    "apple.doctor.time-stamp",
    Severity.OK,
    "The time-stamp server {server} answers, and its time stamp holds.",
    "A time stamp was asked for, as signing does; it is thrown away.",
)
CLOCK = FindingKind(
    "apple.doctor.clock",
    Severity.WARNING,
    "This computer's clock is {minutes} minutes off the time-stamp server's.",
    "A signature claims the time of this computer; one that is far off confuses people and programs.",
)
SIGNED = FindingKind(
    "apple.doctor.test-signature",
    Severity.OK,
    "A test program and a test package were signed by team {team}, and their signatures hold.",
    "Both were made in a temporary folder, signed with the two identities, and verified.",
)
_CLOCK_OFF = 300


@dataclass(frozen=True)
class AppleDoctorResult:
    """Findings in the order they were made; ``facts`` by stable names; ``identities`` are for JSON."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    identities: list[dict[str, Any]] = field(default_factory=list)


def doctor_macos(
    job: JobContext,
    options: AppleOptions,
    *,
    roots: AppleRoots,
    timestamper: Timestamper,
    open_api: Callable[[], tuple[NotaryApi, list[Finding]]] | None = None,
    now: datetime | None = None,
) -> AppleDoctorResult:
    """Diagnose the identities, Apple's time-stamp server, and signing itself; every refusal is a finding.

    *open_api* gives the notary service as the API key opens it, with what is to be said of the key, or
    raises ``CodesignError``; ``None`` where the level needs none. Raises ``InputError`` and ``Cancelled``.
    """
    return _Doctor(job, options, roots, timestamper, open_api, now).run()


class _Doctor:
    def __init__(
        self,
        job: JobContext,
        options: AppleOptions,
        roots: AppleRoots,
        timestamper: Timestamper,
        open_api: Callable[[], tuple[NotaryApi, list[Finding]]] | None,
        now: datetime | None,
    ) -> None:
        self.open_api = open_api
        self.job, self.options, self.roots, self.timestamper = job, options, roots, timestamper
        self.now = now
        self.identities = Identities()
        self.facts: dict[str, str] = {}
        self.documents: list[dict[str, Any]] = []

    def run(self) -> AppleDoctorResult:
        findings: list[Finding] = []
        usable = True
        steps = dict(zip(STAGES, (self._identities, self._timestamp, self._signature), strict=True))
        if self.open_api is not None:
            steps[API_KEY] = self._api_key
        for key, step in steps.items():
            self.job.check_cancelled()
            # whether the server answers does not depend on the files
            if key == SIGNATURE and not usable:
                self.job.stage(key, StageState.SKIPPED)
                continue
            self.job.stage(key, StageState.RUNNING)
            try:
                found = list(step())
            except CodesignError as error:
                found = [error.finding]
            findings += found
            usable = usable and not blocks(found)
            self.job.stage(key, StageState.FAILED if blocks(found) else StageState.DONE)
        return AppleDoctorResult(worst_first(findings), self.facts, self.documents)

    def _identities(self) -> Iterable[Finding]:
        report = judge_identities(self.options, roots=self.roots, now=self.now)
        for name, each in (("application", report.application), ("installer", report.installer)):
            if each is not None:
                self.documents.append({"place": name, **self._described(name, each)})
        self.identities = Identities(
            None if report.application is None else report.application.identity,
            None if report.installer is None else report.installer.identity,
        )
        if self.identities.team:
            self.facts["team"] = self.identities.team
        return report.findings

    def _described(self, name: str, report: IdentityReport) -> dict[str, Any]:
        described = report.certificate
        if described is not None:
            self.facts[name] = described.common_name
            self.facts[f"{name}_issuer"] = described.issuer
            self.facts[f"{name}_expires"] = iso(described.until)
        return {
            "file": report.name,
            "opened": report.opened,
            "kind": None if described is None else described.kind.value,
            "name": None if described is None else described.common_name,
            "team": None if described is None else described.team,
            "expires": None if described is None else iso(described.until),
        }

    def _timestamp(self) -> Iterable[Finding]:
        stamp = self.timestamper.stamp(self.job, b"diagnosis", DigestAlgorithm.SHA256)
        self.facts["timestamp_server"] = stamp.server
        yield from stamp.findings
        yield STAMPED(server=stamp.host)
        off = abs((datetime.now(UTC) - stamp.time.astimezone(UTC)).total_seconds())
        if off > _CLOCK_OFF:
            yield CLOCK(minutes=round(off / 60))

    def _api_key(self) -> Iterable[Finding]:
        from codesign_wizard.core.apple.api_key_findings import ACCEPTED

        assert self.open_api is not None
        api, findings = self.open_api()
        self.facts["api_key"] = api.key.key_id
        yield from findings
        api.test(self.job)
        yield ACCEPTED(key_id=api.key.key_id)

    def _signature(self) -> Iterable[Finding]:
        from codesign_wizard.core.apple.package_sign import sign_package
        from codesign_wizard.core.apple.package_verify import verify_package
        from codesign_wizard.core.apple.sample import build_sample
        from codesign_wizard.core.apple.sign_macho import sign_macho
        from codesign_wizard.core.apple.verify_code import verify_code
        from codesign_wizard.core.samples import macho

        job, identities, roots = self.job, self.identities, self.roots
        with tempfile.TemporaryDirectory(prefix="codesign-wizard-") as name:
            program, package = Path(name) / "diagnosis", Path(name) / "diagnosis.pkg"
            program.write_bytes(macho.program("Diagnosis."))
            build_sample(job, "Diagnosis", package)
            sign_macho(
                job, program, program, identities.application_signer, timestamp=self.timestamper, roots=roots
            )
            sign_package(
                job, package, package, identities.installer_signer, timestamp=self.timestamper, roots=roots
            )
            code = verify_code(job, program, trust=roots)
            judged = verify_package(job, package, roots=roots)
        wrong = [each for each in (*code.findings, *judged.findings) if each.severity is Severity.ERROR]
        if not wrong:
            return [SIGNED(team=identities.team, certainty=Certainty.OBSERVED)]
        return wrong
