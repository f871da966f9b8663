"""Judging a signed Windows program as Windows would, every check a finding.

Rules: "Windows Authenticode Portable Executable Signature Format", Microsoft's root programme, the
CA/Browser Forum's code signing baseline requirements. The time that counts is the time stamp's if there is
one that holds, else now.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.authenticode import checks, cms, pe
from codesign_wizard.core.authenticode.der import DerError
from codesign_wizard.core.authenticode.refusals import UNREADABLE
from codesign_wizard.core.authenticode.roots import Purpose, RootStore
from codesign_wizard.core.authenticode.timestamp import Token, TokenError, check_token, find_certificate
from codesign_wizard.core.certificate_json import certificate_json, chain_json, describe_key
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
    blocks,
    iso,
    worst_first,
)
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import days_left, days_until, mark, tr, translate

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement

_MAXIMUM_SIGNATURES = 16
# a certificate with this usage ends its signatures when it ends, whatever the time stamp (wintrust.h,
# szOID_KP_LIFETIME_SIGNING)
_LIFETIME_SIGNING = "1.3.6.1.4.1.311.10.3.13"
_RULE_FROM = datetime(2026, 3, 1, tzinfo=UTC)
_POLICIES = {
    "2.23.140.1.3": mark("extended validation (EV)"),
    "2.23.140.1.4.1": mark("organisation or individual validation (OV, IV)"),
}
_NOT_FOR_LONG = timedelta(days=30)


@dataclass(frozen=True)
class SignatureReport:
    """One signature of a file: who, when, how judged. Nested ones stand after their outer one."""

    place: str
    digest_algorithm: str = ""
    digest: str = ""
    certificate: x509.Certificate | None = None
    chain: Judgement | None = None
    description: str = ""
    url: str = ""
    timestamp: Token | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def publisher(self) -> str:
        """The name Windows shows, or "" when there is no readable certificate."""
        from codesign_wizard.core.authenticode import trust

        return "" if self.certificate is None else trust.name(self.certificate)

    def to_json(self) -> dict[str, Any]:
        """Return the signature as documented in docs/json.md."""
        document: dict[str, Any] = {
            "place": self.place,
            "digest_algorithm": self.digest_algorithm,
            "digest": self.digest,
            "description": self.description,
            "url": self.url,
            "signer": None if self.certificate is None else certificate_json(self.certificate),
            "chain": chain_json(self.chain),
            "timestamp": None,
        }
        if self.timestamp is not None:
            document["timestamp"] = {
                "time": iso(self.timestamp.time),
                "serial": f"{self.timestamp.serial:x}",
                "digest_algorithm": self.timestamp.digest_algorithm,
                "signer": certificate_json(self.timestamp.certificate),
                "chain": chain_json(self.timestamp.chain),
            }
        return document


@dataclass(frozen=True)
class Verification:
    """What the verification of a file found, the worst first."""

    path: Path
    architecture: str
    signatures: list[SignatureReport]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not blocks(self.findings)

    @property
    def extra_roots_used(self) -> bool:
        """Whether anything counts only because of a root added by setting."""
        return checks.by_extra_roots(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the verification as documented in docs/json.md."""
        return {
            "file": str(self.path),
            "architecture": self.architecture,
            "ok": self.ok,
            "extra_roots_used": self.extra_roots_used,
            "signatures": [signature.to_json() for signature in self.signatures],
        }


def verify_file(
    job: JobContext, path: Path, *, roots: RootStore, now: datetime | None = None
) -> Verification:
    """Judge the signatures of *path*; *now* is for files without a time stamp.

    Raises ``InputError`` when the file is no Windows program or cannot be read, and ``Cancelled``.
    """
    now = now or datetime.now(UTC)
    try:
        require_file(path)
        with path.open("rb", buffering=0) as file:
            layout = pe.read_layout(file, path)
            verification = _Verifier(job, path, layout, roots, now).verify(file)
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name or str(path), why=error.strerror or str(error))) from error
    if os.name == "nt":
        from codesign_wizard.core.authenticode.windows import ask_windows

        asked = ask_windows(path)
        findings = worst_first([*verification.findings, *([asked] if asked is not None else [])])
        verification = Verification(path, verification.architecture, verification.signatures, findings)
    return verification


class _Verifier:
    def __init__(
        self, job: JobContext, path: Path, layout: pe.Layout, roots: RootStore, now: datetime
    ) -> None:
        self.job, self.path, self.layout, self.roots, self.now = job, path, layout, roots, now
        self.digests: dict[str, bytes] = {}

    def verify(self, file: Any) -> Verification:
        try:
            entries = pe.read_entries(file, self.layout)
        except ValueError as error:
            return self._result([], [checks.TABLE(file=self.path.name, why=str(error))])
        strange = next((each for each in entries if each.revision not in pe.WIN_CERT_REVISIONS), None)
        if strange is not None:
            why = tr("an entry is of the unknown revision {number}").format(number=f"{strange.revision:#06x}")
            return self._result([], [checks.TABLE(file=self.path.name, why=why)])
        signatures = [entry.data for entry in entries if entry.kind == pe.WIN_CERT_TYPE_PKCS]
        if not signatures:
            return self._result([], [self._unsigned()])
        reports: list[SignatureReport] = []
        for number, data in enumerate(signatures, 1):
            place = tr("signature") if len(signatures) == 1 else tr("signature {n}").format(n=number)
            reports += self._judged(file, data, place)
        findings = [finding for report in reports for finding in report.findings]
        findings.append(checks.REVOCATION())
        return self._result(reports, findings)

    def _result(self, reports: list[SignatureReport], findings: list[Finding]) -> Verification:
        return Verification(self.path, self.layout.architecture, reports, worst_first(findings))

    def _unsigned(self) -> Finding:
        return checks.UNSIGNED(
            file=self.path.name,
            certainty=Certainty.COMPUTED,
            detail=tr("Windows shows an unknown publisher and SmartScreen warns."),
            remedies=[Remedy(title=tr("Sign it."))],
        )

    def _judged(self, file: Any, data: bytes, place: str) -> list[SignatureReport]:
        """Judge the outer signature and, breadth first, everything nested in it."""
        reports: list[SignatureReport] = []
        waiting = [(data, place)]
        while waiting and len(reports) < _MAXIMUM_SIGNATURES:
            encoded, name = waiting.pop(0)
            report, nested = self._one(file, encoded, name)
            reports.append(report)
            first = len(reports) + len(waiting)
            waiting += [
                (each, tr("nested signature {n}").format(n=first + offset))
                for offset, each in enumerate(nested)
            ]
        return reports

    def _one(self, file: Any, data: bytes, place: str) -> tuple[SignatureReport, list[bytes]]:
        from codesign_wizard.core.authenticode.trust import BROKEN

        try:
            parsed = cms.parse(data)
            if parsed.content_type != cms.SPC_INDIRECT_DATA:
                raise DerError("its content is not an Authenticode digest")
            if len(parsed.signers) != 1:
                raise DerError(f"it has {len(parsed.signers)} signers in place of one")
            algorithm, digest = cms.read_indirect_data(parsed.content)
            signer = parsed.signers[0]
            if not parsed.announces(signer):
                raise DerError("its list of digest algorithms lacks its own")
            certificate = find_certificate(parsed, signer)
            if certificate is None:
                raise DerError("the signer's certificate is not in it")
            report = self._report(file, data, parsed, signer, certificate, (algorithm, digest), place)
            nested = [each.encoded for each in signer.unsigned.get(cms.NESTED_SIGNATURE, [])]
            report.to_json()  # what is broken inside a certificate shows only when it is read
        except BROKEN as error:
            finding = checks.MALFORMED(signature=place, why=str(error) or type(error).__name__)
            return SignatureReport(place, findings=[self._placed(finding, place)]), []
        return report, nested

    def _report(
        self,
        file: Any,
        data: bytes,
        parsed: cms.SignedData,
        signer: cms.SignerInfo,
        certificate: x509.Certificate,
        digest: tuple[str, bytes],
        place: str,
    ) -> SignatureReport:
        from codesign_wizard.core.authenticode import trust

        publisher = trust.name(certificate)
        findings: list[Finding] = []
        rest = data[len(parsed.encoded) :]
        if rest.strip(b"\0") or len(rest) > 7:
            # what EnableCertPaddingCheck refuses (Microsoft security advisory 2915720)
            findings.append(
                checks.TABLE(file=self.path.name, why=tr("something stands behind the signature"))
            )
        findings += self._digest(file, *digest, signer.digest_algorithm)
        problem = cms.check_signer(signer, cms.SPC_INDIRECT_DATA, parsed.content_octets, certificate)
        findings.append(
            checks.SIGNATURE_WRONG(why=problem, certainty=Certainty.COMPUTED)
            if problem
            else checks.SIGNATURE_OK(signer=publisher, certainty=Certainty.COMPUTED)
        )
        stamp, stamp_findings = self._timestamp(signer, certificate)
        outlives = stamp is not None and _LIFETIME_SIGNING not in (trust.usages(certificate) or ())
        when = stamp.time.astimezone(UTC) if stamp is not None and outlives else self.now
        chain = trust.judge(certificate, parsed.certificates, self.roots, Purpose.CODE_SIGNING, when)
        findings += [
            *stamp_findings,
            *_chain_findings(chain, publisher),
            *_usage(certificate),
            _key(certificate),
        ]
        findings += _life(certificate, self.now)
        description, url = cms.read_opus_info(signer)
        return SignatureReport(
            place,
            digest[0],
            digest[1].hex(),
            certificate,
            chain,
            description,
            url,
            stamp,
            [self._placed(finding, place) for finding in findings],
        )

    @staticmethod
    def _placed(finding: Finding, place: str) -> Finding:
        evidence = finding.evidence
        placed = dataclasses.replace(evidence, more={"place": place, **evidence.more})
        return dataclasses.replace(finding, evidence=placed)

    def _digest(self, file: Any, algorithm: str, digest: bytes, signer_algorithm: str) -> Iterator[Finding]:
        if algorithm not in self.digests:
            total = self.layout.content_end
            try:
                self.digests[algorithm] = pe.authenticode_digest(
                    file,
                    self.layout,
                    algorithm,
                    step=lambda done: self.job.progress(done, total, self.path.name),
                )
            except ValueError as error:
                raise InputError(UNREADABLE(file=self.path.name, why=str(error))) from error
        actual = self.digests[algorithm]
        if actual == digest:
            yield checks.DIGEST_OK(digest=_shown(algorithm), certainty=Certainty.COMPUTED)
        else:
            yield checks.DIGEST_WRONG(
                certainty=Certainty.COMPUTED,
                evidence=Evidence(more={"signed": digest.hex(), "actual": actual.hex()}),
                remedies=[Remedy(title=tr("Take the file from where it was signed, or sign it again."))],
            )
        for used in {algorithm, signer_algorithm} & {"md5", "sha1"}:
            yield checks.OLD_DIGEST(digest=_shown(used), certainty=Certainty.COMPUTED)

    def _timestamp(
        self, signer: cms.SignerInfo, certificate: x509.Certificate
    ) -> tuple[Token | None, list[Finding]]:
        tokens = signer.unsigned.get(cms.RFC3161_TOKEN, [])
        if not tokens:
            if cms.LEGACY_COUNTERSIGNATURE in signer.unsigned:
                return None, [checks.LEGACY_COUNTERSIGNATURE()]
            date = certificate.not_valid_after_utc.date().isoformat()
            return None, [checks.TIMESTAMP_MISSING(date=date, certainty=Certainty.COMPUTED)]
        from codesign_wizard.core.authenticode import trust

        try:
            token = check_token(tokens[0].encoded, signer.signature, self.roots)
        except TokenError as error:
            return None, [checks.TIMESTAMP_WRONG(why=str(error), certainty=Certainty.COMPUTED)]
        if not token.chain.trusted:
            return None, [checks.TIMESTAMP_WRONG(why=token.chain.text, certainty=Certainty.COMPUTED)]
        kind = checks.TIMESTAMP_EXTRA if token.chain.extra else checks.TIMESTAMP_OK
        time = token.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        server = trust.name(token.certificate)
        return token, [kind(server=server, time=time, certainty=Certainty.COMPUTED)]


def _chain_findings(chain: Judgement, publisher: str) -> Iterator[Finding]:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.trust import Problem

    def make(kind: FindingKind, **values: str) -> Finding:
        return dataclasses.replace(kind(**values), certainty=Certainty.COMPUTED)  # type: ignore[arg-type]  # title's words only

    if chain.trusted:
        root = trust.name(chain.path[-1])
        yield make(checks.CHAIN_EXTRA if chain.extra else checks.CHAIN_OK, publisher=publisher, root=root)
    elif chain.problem is Problem.SELF_SIGNED:
        yield make(checks.SELF_SIGNED, publisher=publisher)
    elif chain.problem in (Problem.EXPIRED, Problem.NOT_YET_VALID):
        yield make(checks.EXPIRED, why=chain.text)
    elif chain.problem is not Problem.USAGE or Purpose.CODE_SIGNING.value in (
        trust.usages(chain.path[0]) or ()
    ):  # a leaf of another kind is told by the usage check
        yield make(checks.CHAIN_WRONG, publisher=publisher, why=chain.text)
    if chain.problem is Problem.INCOMPLETE:
        yield make(checks.INTERMEDIATES, issuer=trust.issuer_name(chain.path[-1]))


def _usage(certificate: x509.Certificate) -> Iterator[Finding]:
    from cryptography import x509

    from codesign_wizard.core.authenticode import trust

    try:
        may_sign = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        may_sign = True
    fits = may_sign and Purpose.CODE_SIGNING.value in (trust.usages(certificate) or ())
    yield (checks.USAGE_OK if fits else checks.USAGE_WRONG)(certainty=Certainty.COMPUTED)


def _key(certificate: x509.Certificate) -> Finding:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = certificate.public_key()
    shown = describe_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        kind = checks.KEY_OK if key.key_size >= 3072 else checks.KEY_SMALL
        severity = Severity.ERROR if key.key_size < 2048 else None
        return kind(key=shown, severity=severity, certainty=Certainty.COMPUTED)
    return checks.KEY_EC(key=shown, certainty=Certainty.COMPUTED)


def _life(certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    end, start = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if now <= end:
        yield checks.EXPIRES(
            date=end.date().isoformat(),
            left=days_left(days_until(end, now)),
            severity=Severity.WARNING if end - now < _NOT_FOR_LONG else None,
            certainty=Certainty.COMPUTED,
        )
    if start >= _RULE_FROM:
        yield checks.LIFETIME(certainty=Certainty.COMPUTED)
    yield checks.POLICY(kind=_policy(certificate), certainty=Certainty.COMPUTED)


def _policy(certificate: x509.Certificate) -> str:
    from cryptography import x509

    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return tr("not stated")
    for policy in policies:
        if policy.policy_identifier.dotted_string in _POLICIES:
            return translate(_POLICIES[policy.policy_identifier.dotted_string])
    return tr("not stated")


def _shown(algorithm: str) -> str:
    return algorithm.upper().replace("SHA", "SHA-")
