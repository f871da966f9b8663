"""What a file is, whose, until when, and what is wrong with it; told from its content, not its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Severity
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.roots import RootStore

_MAXIMUM_SMALL = 4 << 20  # certificates and key files are far smaller

UNREADABLE = FindingKind(
    "inspect.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)
UNKNOWN = FindingKind(
    "inspect.unknown",
    Severity.WARNING,
    "{file} is of no kind that is inspected here: {what}.",
    "The file is no Windows program, certificate or .p12.",
)
PASSWORD = FindingKind(
    "inspect.password-needed",
    Severity.WARNING,
    "{file} needs its password to be opened.",
    "A .p12 (.pfx) file is encrypted; its password was not given or is wrong.",
)
EXPIRED = FindingKind(
    "inspect.certificate-expired",
    Severity.WARNING,
    "The certificate of {name} expired on {date}.",
    "The certificate is out of its validity now.",
)
PURPOSE = FindingKind(
    "inspect.certificate-purpose",
    Severity.INFO,
    "The certificate of {name} is good for: {purposes}.",
    "The extended key usages of the certificate, in words.",
)
DAMAGED = FindingKind(
    "inspect.damaged",
    Severity.ERROR,
    "{file} begins like {what} but cannot be read.",
    "The file is damaged or was cut short.",
)

_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "TLS servers",
    "1.3.6.1.5.5.7.3.2": "TLS clients",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "e-mail",
    "1.3.6.1.5.5.7.3.8": "time stamps",
    "1.3.6.1.5.5.7.3.9": "OCSP",
    "2.5.29.37.0": "anything",
}


@dataclass(frozen=True)
class Inspection:
    """What was found: ``kind`` is stable, ``title`` one sentence, ``facts`` pairs for people in order."""

    kind: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as documented in docs/json.md."""
        return {"kind": self.kind, "title": self.title, "facts": dict(self.facts), **self.details}


def inspect_file(
    job: JobContext, path: Path, password: Secret | None = None, *, roots: RootStore | None = None
) -> Inspection:
    """Say what *path* is; *roots* are what a program's signatures are judged by (Microsoft's without).

    Raises ``InputError`` when it cannot be read or begins like something it is not, and ``Cancelled``.
    """
    try:
        if path.is_dir():
            raise InputError(UNREADABLE(file=path.name or str(path), why=tr("it is a folder")))
        with path.open("rb") as file:
            start = file.read(64)
        size = path.stat().st_size
        if start[:2] == b"MZ":
            return _program(job, path, roots)
        data = path.read_bytes() if size <= _MAXIMUM_SMALL else b""
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name, why=error.strerror or str(error))) from error
    if b"-----BEGIN " in data[:65536] or data[:1] == b"\x30":
        found = _certificates(path, data, password)
        if found is not None:
            return found
    return _other(path)


def _program(job: JobContext, path: Path, roots: RootStore | None) -> Inspection:
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.verify import verify_file

    result = verify_file(job, path, roots=roots or RootStore.microsoft())
    facts = [(tr("Kind"), tr("Windows program, {machine}").format(machine=result.architecture))]
    for report in result.signatures:
        facts.append((report.place.capitalize(), report.publisher or tr("not readable")))
        if report.description:
            facts.append((tr("Description"), report.description))
        if report.timestamp is not None:
            time = report.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            facts.append((tr("Time stamp"), time))
    if not result.signatures:
        title = tr("{file} is a Windows program that is not signed.").format(file=path.name)
    else:
        title = tr("{file} is a Windows program signed by {publisher}.").format(
            file=path.name, publisher=result.signatures[0].publisher or tr("somebody unreadable")
        )
    return Inspection("windows-program", title, facts, result.findings, {"verification": result.to_json()})


def _certificates(path: Path, data: bytes, password: Secret | None) -> Inspection | None:
    if re.search(rb"-----BEGIN CERTIFICATE REQUEST-----|-----BEGIN [A-Z ]*PRIVATE KEY-----", data):
        return None
    found = _load(data)
    if found is not None:
        return _described(path, *found)
    if data[:1] == b"\x30" and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" in data[:128]:
        return _p12(path, password)
    if b"-----BEGIN CERTIFICATE-----" in data or b"-----BEGIN PKCS7-----" in data:
        raise InputError(DAMAGED(file=path.name, what=tr("a certificate")))
    return None


def _load(data: bytes) -> tuple[str, list[x509.Certificate]] | None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs7

    loaders: tuple[tuple[str, Callable[[], list[x509.Certificate]]], ...] = (
        ("certificates", lambda: x509.load_pem_x509_certificates(data)),
        ("certificates", lambda: [x509.load_der_x509_certificate(data)]),
        ("certificates-p7b", lambda: pkcs7.load_pem_pkcs7_certificates(data)),
        ("certificates-p7b", lambda: pkcs7.load_der_pkcs7_certificates(data)),
    )
    for kind, load in loaders:
        try:
            certificates = load()
            # what is broken inside shows only when it is read
            for certificate in certificates:
                certificate.public_key()
                list(certificate.extensions)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension):
            continue
        if certificates:
            return kind, certificates
    return None


def _p12(path: Path, password: Secret | None) -> Inspection:
    from codesign_wizard.core.local_signer import LocalSigner

    try:
        signer = LocalSigner.open(path, password)
    except InputError as error:
        if "password" in error.finding.title:
            kind = tr("{file} is a .p12 file: certificates and a key, encrypted.").format(file=path.name)
            return Inspection("p12", kind, [], [PASSWORD(file=path.name)])
        return Inspection("p12", tr("{file} is a .p12 file.").format(file=path.name), [], [error.finding])
    described = _described(path, "p12", list(signer.certificate_chain))
    return Inspection("p12", described.title, described.facts, described.findings, described.details)


def _described(path: Path, kind: str, certificates: list[x509.Certificate]) -> Inspection:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.verify import certificate_json

    facts: list[tuple[str, str]] = []
    findings: list[Finding] = []
    now = datetime.now(UTC)
    for certificate in certificates:
        shown = certificate_json(certificate)
        facts += [
            (tr("Subject"), shown["subject"]),
            (tr("Issuer"), shown["issuer"]),
            (tr("Valid"), f"{shown['not_before'][:10]} – {shown['not_after'][:10]}"),
            (tr("Key"), shown["key"]),
            (tr("Serial number"), shown["serial"]),
            (tr("SHA-256"), shown["sha256"]),
        ]
        name = trust.name(certificate)
        usages = trust.usages(certificate)
        if usages:
            purposes = ", ".join(sorted(_PURPOSES.get(oid, oid) for oid in usages))
            findings.append(PURPOSE(name=name, purposes=purposes, certainty=Certainty.COMPUTED))
        if now > certificate.not_valid_after_utc:
            date = certificate.not_valid_after_utc.date().isoformat()
            findings.append(EXPIRED(name=name, date=date, certainty=Certainty.COMPUTED))
    first = trust.name(certificates[0])
    title = (
        tr("{file} is the certificate of {name}.").format(file=path.name, name=first)
        if len(certificates) == 1
        else tr("{file} holds {count} certificates; the first is that of {name}.").format(
            file=path.name, count=len(certificates), name=first
        )
    )
    details = {"certificates": [certificate_json(certificate) for certificate in certificates]}
    return Inspection(kind, title, facts, findings, details)


def _other(path: Path) -> Inspection:
    from codesign_wizard.core.authenticode.refusals import describe

    with path.open("rb") as file:
        what = describe(file, path.stat().st_size)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    finding = UNKNOWN(file=path.name, what=what, certainty=Certainty.COMPUTED)
    return Inspection("other", finding.title, [(tr("SHA-256"), digest)], [finding])
