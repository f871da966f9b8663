"""What a file is, whose, until when, and what is wrong with it; told from its content, not its name."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore

_MAXIMUM_SMALL = 4 << 20  # certificates and key files are far smaller
_CHUNK = 4 << 20

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
    "A .p12 (.pfx) file is encrypted, and no password was given.",
)
WRONG_PASSWORD = FindingKind(
    "inspect.password-wrong",
    Severity.ERROR,
    "The password does not open {file}, or the file is damaged.",
    "A .p12 (.pfx) file is encrypted with another password than the one given.",
)
OPEN_KEY = FindingKind(
    "inspect.private-key-open",
    Severity.WARNING,
    "{file} holds a private key that no password protects: whoever has the file has the key.",
    "A private key in PEM that is not encrypted.",
)
EXPIRED = FindingKind(
    "inspect.certificate-expired",
    Severity.WARNING,
    "The certificate of {name} expired on {date}.",
    "The certificate is out of its validity now.",
)
NOT_YET = FindingKind(
    "inspect.certificate-not-yet-valid",
    Severity.WARNING,
    "The certificate of {name} is valid only from {date}.",
    "The certificate's validity has not begun, or this computer's clock is wrong.",
)
PROFILE = FindingKind(
    "inspect.profile",
    Severity.INFO,
    "{file} holds settings without secrets; nothing of it is taken over by looking at it.",
    "A profile that profile export wrote.",
)
SMALL_KEY = FindingKind(
    "inspect.certificate-key-small",
    Severity.WARNING,
    "The key of {name} is too small for new code-signing certificates: {key}.",
    "Code-signing certificates need RSA of 3072 bits or more (CA/Browser Forum) since June 2021.",
)
TRUSTED = FindingKind(
    "inspect.certificate-trusted",
    Severity.OK,
    "Windows trusts {name} for code signing, by {root}.",
    "With the other certificates in the file it leads to a root of Microsoft's programme.",
)
NOT_TRUSTED = FindingKind(
    "inspect.certificate-not-trusted",
    Severity.INFO,
    "From this file alone Windows would not trust {name} for code signing: {why}.",
    "An issuer is not in the file, or the chain ends in a root that Windows does not know.",
)
PURPOSE = FindingKind(
    "inspect.certificate-purpose",
    Severity.INFO,
    "The certificate of {name} is good for: {purposes}.",
    "The extended key usages of the certificate, in words.",
)
APPLE = FindingKind(
    "inspect.certificate-apple",
    Severity.INFO,
    "The certificate of {name} is of Apple's kind {kind}, of team {team}.",
    "The certificate has the mark of one of Apple's kinds of certificates.",
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
        return {"kind": self.kind, "title": self.title, **self.details}


def inspect_file(
    job: JobContext,
    path: Path,
    password: Secret | None = None,
    *,
    roots: RootStore | None = None,
    apple_roots: AppleRoots | None = None,
) -> Inspection:
    """Say what *path* is; *roots* are what a program's signatures are judged by (Microsoft's without).

    *apple_roots* are the same for what is signed for macOS.

    Raises ``InputError`` when it cannot be read or begins like something it is not, and ``Cancelled``.
    """
    try:
        if path.is_dir() and _is_bundle(path):
            from codesign_wizard.core.apple.code_inspect import inspect_code

            return inspect_code(job, path, apple_roots)
        require_file(path)
        with path.open("rb") as file:
            start = file.read(2048)
        size = path.stat().st_size
        from codesign_wizard.core import report

        if start[:2] == b"MZ":
            return _program(job, path, roots)
        if start[:4] == b"xar!":
            from codesign_wizard.core.apple.package_inspect import inspect_package

            return inspect_package(job, path, apple_roots)
        if _is_macho(start):
            from codesign_wizard.core.apple.code_inspect import inspect_code

            return inspect_code(job, path, apple_roots)
        if report.is_report(start):
            return _report(path)
        if start.lstrip()[:1] == b"{":
            held = _profile(path)
            if held is not None:
                return held
        data = path.read_bytes() if size <= _MAXIMUM_SMALL else b""
        if b"-----BEGIN " in data[:65536] or data[:1] == b"\x30":
            found = _certificates(path, data, password, roots, apple_roots)
            if found is not None:
                return found
        return _wrapped(path, data, roots) or _other(job, path)
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name or str(path), why=error.strerror or str(error))) from error


def _report(path: Path) -> Inspection:
    from codesign_wizard.core.report import open_report

    opened = open_report(path)
    verdict, profile = opened.document["verdict"], opened.profile
    facts = [
        (tr("Profile"), profile.name),
        (tr("Made"), opened.origin.words),
        (tr("Verdict"), " ".join(str(verdict[each]) for each in ("title", "detail") if verdict[each])),
    ]
    grave = (Severity.ERROR, Severity.WARNING)
    findings = [
        each for result in profile.results.values() for each in result.findings if each.severity in grave
    ]
    title = tr("{file} is a report of Codesign Wizard on {name}.").format(file=path.name, name=profile.name)
    return Inspection("report", title, facts, findings, {"report": opened.document})


def _profile(path: Path) -> Inspection | None:
    """Return what a profile is that somebody exported, ``None`` for any other JSON."""
    import json

    from codesign_wizard.core.profile import Profile

    if path.stat().st_size > _MAXIMUM_SMALL:
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict) or not {"schema", "id", "name", "windows", "macos"} <= set(
            document
        ):
            return None
        held = Profile.from_json(document)
    except (ValueError, RecursionError, InputError):
        return None
    azure, title = held.windows.azure, tr("{file} is a profile of Codesign Wizard: {name}.")
    facts = [
        (tr("Vault"), azure.vault_name),
        (tr("Certificate"), azure.certificate_name),
        (tr("Application ID"), azure.application_id),
        (tr("Tenant ID"), azure.tenant_id),
        (tr("Apple team"), held.macos.team),
        (tr("Server"), held.server.address),
    ]
    found = PROFILE(
        file=path.name,
        remedies=[
            Remedy(
                title=tr("Take it in beside your own: codesign-wizard profile import {file}").format(
                    file=path.name
                )
            )
        ],
    )
    return Inspection(
        "profile",
        title.format(file=path.name, name=held.name),
        [fact for fact in facts if fact[1]],
        [found],
        {"profile": {"id": held.id, "name": held.name}},
    )


def _is_bundle(path: Path) -> bool:
    from codesign_wizard.core.apple.bundle import looks_like_bundle

    return looks_like_bundle(path)


def _is_macho(start: bytes) -> bool:
    from codesign_wizard.core.apple.macho import is_macho

    return is_macho(start)


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


def _certificates(
    path: Path, data: bytes, password: Secret | None, roots: RootStore | None, apple: AppleRoots | None
) -> Inspection | None:
    if re.search(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|-----BEGIN ENCRYPTED PRIVATE KEY-----", data):
        return _private_key(path, data, roots)
    request = _request(path, data)
    if request is not None:
        return request
    found = _load(data)
    if found is not None:
        from codesign_wizard.core.authenticode.trust import BROKEN

        try:
            return _described(path, *found, roots)
        except BROKEN as error:
            # what is broken inside shows only when it is read
            raise InputError(DAMAGED(file=path.name, what=tr("a certificate"), detail=str(error))) from error
    if data[:1] == b"\x30" and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" in data[:128]:
        return _p12(path, data, password, roots, apple)
    wrapped = _wrapped(path, data, roots)
    if wrapped is not None:
        return wrapped
    if b"-----BEGIN CERTIFICATE-----" in data or b"-----BEGIN PKCS7-----" in data:
        raise InputError(DAMAGED(file=path.name, what=tr("a certificate")))
    return None


def _private_key(path: Path, data: bytes, roots: RootStore | None) -> Inspection:
    from codesign_wizard.core.certificates.answer_findings import PRIVATE_KEY

    # RFC 7468, 11; RFC 1421, 4.6.1.1 for the older form with a header
    encrypted = b"BEGIN ENCRYPTED" in data or b"Proc-Type: 4,ENCRYPTED" in data
    title = (
        tr("{file} is a private key in PEM, encrypted.")
        if encrypted
        else tr("{file} is a private key in PEM, not encrypted.")
    )
    findings = [] if encrypted else [OPEN_KEY(file=path.name, certainty=Certainty.COMPUTED)]
    beside = _wrapped(path, data, roots)
    if beside is None or "certificates" not in beside.details:
        return Inspection("private-key", title.format(file=path.name), [], findings, {"encrypted": encrypted})
    # as openssl pkcs12 writes both into one file
    title = (
        tr("{file} holds a private key in PEM, encrypted, and beside it:")
        if encrypted
        else tr("{file} holds a private key in PEM, not encrypted, and beside it:")
    )
    # that there is a key is said already
    others = [each for each in beside.findings if each.id != PRIVATE_KEY.id]
    return dataclasses.replace(
        beside,
        kind="private-key",
        title=title.format(file=path.name),
        findings=[*findings, *others],
        details={"encrypted": encrypted, **beside.details},
    )


def _request(path: Path, data: bytes) -> Inspection | None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    from codesign_wizard.core.authenticode.verify import describe_key

    try:
        load = x509.load_pem_x509_csr if b"-----BEGIN " in data else x509.load_der_x509_csr
        request = load(data)
        subject, key = request.subject.rfc4514_string(), describe_key(request)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    title = tr("{file} is a certificate signing request: what a certification authority is sent.")
    facts, findings = _request_details(data)
    return Inspection(
        "certificate-request",
        title.format(file=path.name),
        [(tr("Subject"), subject), *facts],
        findings,
        {"subject": subject, "key": key},
    )


def _request_details(data: bytes) -> tuple[list[tuple[str, str]], list[Finding]]:
    from codesign_wizard.core.certificates.request import SIGNATURE_WRONG, SigningRequest, check_request

    try:
        request = SigningRequest.read(data)
    except CodesignError as error:
        return [], [error.finding]
    # it may be for Apple or a web server: what code signing asks for is no fault of it
    findings = [
        each
        if each.id == SIGNATURE_WRONG.id or each.severity is Severity.OK
        else dataclasses.replace(each, severity=Severity.INFO)
        for each in check_request(request)
    ]
    return request.words(), findings


def _wrapped(path: Path, data: bytes, roots: RootStore | None) -> Inspection | None:
    """Return what CAs wrap certificates in, or programs a request: a zip, a mail, a page, bare base64.

    Raises ``InputError`` for what can only be a certificate or a request, and is damaged.
    """
    from codesign_wizard.core.certificates.bundle import read_bundle
    from codesign_wizard.core.certificates.forms import Kind, Piece, read_pieces

    if not data:
        return None
    piece = Piece(path.name, data)
    bundle = read_bundle([piece])
    if bundle.certificates:
        found = _described(path, "certificates", bundle.certificates, roots)
        return dataclasses.replace(found, findings=[*bundle.findings, *found.findings])
    parts = read_pieces([piece])
    for part in parts:
        request = _request(path, part.data) if part.kind is Kind.REQUEST else None
        if request is not None:
            return request
    if data[:1] == b"\x30" and [each.kind for each in parts] == [Kind.DAMAGED]:
        raise InputError(DAMAGED(file=path.name, what=tr("a certificate"), detail=parts[0].text))
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
            with warnings.catch_warnings():
                # PKCS #7 in BER is read all the same
                warnings.simplefilter("ignore")
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


def _p12(
    path: Path, data: bytes, password: Secret | None, roots: RootStore | None, apple: AppleRoots | None
) -> Inspection:
    from codesign_wizard.core.inspect_p12 import inspect_p12

    def describe(certificates: list[x509.Certificate]) -> Inspection:
        return _described(path, "p12", certificates, roots)

    return inspect_p12(path.name, data, password, describe, apple)


def _described(
    path: Path, kind: str, certificates: list[x509.Certificate], roots: RootStore | None
) -> Inspection:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.verify import certificate_json

    facts: list[tuple[str, str]] = []
    findings: list[Finding] = []
    for certificate in certificates:
        shown = certificate_json(certificate)
        facts += [
            (tr("Subject"), shown["subject"]),
            (tr("Issuer"), shown["issuer"]),
            (tr("Valid"), f"{shown['not_before'][:10]} – {shown['not_after'][:10]}"),
            (tr("Key"), shown["key"]),
            (tr("Serial number"), shown["serial"]),
            (tr("Thumbprint (SHA-1)"), shown["sha1"]),
            (tr("Thumbprint (SHA-256)"), shown["sha256"]),
        ]
        findings += _judged(certificate, certificates, roots)
    first, count = trust.name(certificates[0]), len(certificates)
    # CAs send their root first as well: what a person looks for is the certificate that issued no other
    ends = [each for each in certificates if not any(_issued(each, other) for other in certificates)]
    if count == 1:
        title = tr("{file} is the certificate of {name}.").format(file=path.name, name=first)
    elif len({each.subject for each in ends}) == 1:
        title = tr("{file} holds the certificate of {name}, and {count} more.").format(
            file=path.name, count=count - 1, name=trust.name(ends[0])
        )
    else:
        title = tr("{file} holds {count} certificates; the first is that of {name}.").format(
            file=path.name, count=count, name=first
        )
    if kind == "p12":
        title = tr("{file} holds a key and the certificate of {name}.").format(file=path.name, name=first)
    details = {"certificates": [certificate_json(certificate) for certificate in certificates]}
    return Inspection(kind, title, facts, findings, details)


def _issued(issuer: x509.Certificate, other: x509.Certificate) -> bool:
    return other.issuer == issuer.subject and other.subject != issuer.subject


def _judged(
    certificate: x509.Certificate, beside: list[x509.Certificate], roots: RootStore | None
) -> Iterator[Finding]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.core.apple.certificates import Kind, classify, team
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.roots import Purpose, RootStore

    now, name, computed = datetime.now(UTC), trust.name(certificate), Certainty.COMPUTED
    usages = trust.usages(certificate)
    if usages:
        purposes = ", ".join(sorted(_PURPOSES.get(oid, oid) for oid in usages))
        yield PURPOSE(name=name, purposes=purposes, certainty=computed)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        yield EXPIRED(name=name, date=end.date().isoformat(), certainty=computed)
    if now < begin:
        yield NOT_YET(name=name, date=begin.date().isoformat(), certainty=computed)
    apple = classify(certificate)
    if apple not in (Kind.OTHER, Kind.AUTHORITY):
        # what Windows would say of it does not matter
        yield APPLE(name=name, kind=apple.label, team=team(certificate) or "–", certainty=computed)
        return
    if Purpose.CODE_SIGNING.value not in (usages or ()) or _is_authority(certificate):
        return
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 3072:
        yield SMALL_KEY(name=name, key=f"RSA {key.key_size}", certainty=computed)
    others = [each.public_bytes(Encoding.DER) for each in beside if each != certificate]
    chain = trust.judge(certificate, others, roots or RootStore.microsoft(), Purpose.CODE_SIGNING, now)
    if chain.trusted:
        yield TRUSTED(name=name, root=trust.name(chain.path[-1]), certainty=computed)
    elif begin <= now <= end:
        yield NOT_TRUSTED(name=name, why=chain.text, certainty=computed)


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _other(job: JobContext, path: Path) -> Inspection:
    from codesign_wizard.core.authenticode.refusals import describe

    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = path.stat().st_size
        what = describe(file, size)
        done = 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            job.progress(done, size, path.name)
    finding = UNKNOWN(file=path.name, what=what, certainty=Certainty.COMPUTED)
    # what it is says the sentence already
    facts = [(tr("Size"), tr("{n} bytes").format(n=size)), (tr("SHA-256"), digest.hexdigest())]
    return Inspection("other", finding.title, facts, [finding], {"sha256": digest.hexdigest()})
