"""Certificates, requests and keys as a look at a file shows them, bare or in whatever CAs wrap them."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Severity
from codesign_wizard.core.inspection import DAMAGED, Inspection, Part
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore


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


_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "TLS servers",
    "1.3.6.1.5.5.7.3.2": "TLS clients",
    "1.3.6.1.5.5.7.3.3": "code signing",
    "1.3.6.1.5.5.7.3.4": "e-mail",
    "1.3.6.1.5.5.7.3.8": "time stamps",
    "1.3.6.1.5.5.7.3.9": "OCSP",
    "2.5.29.37.0": "anything",
}


def inspect_certificates(
    path: Path, data: bytes, password: Secret | None, roots: RootStore | None, apple: AppleRoots | None
) -> Inspection | None:
    """Return what a file of certificates, keys or requests is, or ``None``; raises ``InputError``."""
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
    wrapped = inspect_wrapped(path, data, roots)
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
    beside = inspect_wrapped(path, data, roots)
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

    from codesign_wizard.core.certificate_json import describe_key

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
    from codesign_wizard.core.certificates.request import SigningRequest
    from codesign_wizard.core.certificates.request_check import SIGNATURE_WRONG, check_request

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


def inspect_wrapped(path: Path, data: bytes, roots: RootStore | None) -> Inspection | None:
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
    from codesign_wizard.core.certificate_json import certificate_json

    parts: list[Part] = []
    findings: list[Finding] = []
    for certificate in certificates:
        shown = certificate_json(certificate)
        facts = [
            (tr("Subject"), shown["subject"]),
            (tr("Issuer"), shown["issuer"]),
            (tr("Valid"), f"{shown['not_before'][:10]} – {shown['not_after'][:10]}"),
            (tr("Key"), shown["key"]),
            (tr("Serial number"), shown["serial"]),
            (tr("Thumbprint (SHA-1)"), shown["sha1"]),
            (tr("Thumbprint (SHA-256)"), shown["sha256"]),
        ]
        parts.append(Part(trust.name(certificate), _role(certificate), facts))
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
    if count == 1 and kind != "p12":
        return Inspection(kind, title, parts[0].facts, findings, details)
    return Inspection(kind, title, [], findings, details, parts)


def _role(certificate: x509.Certificate) -> str:
    """Return the certificate's place in a chain, in words."""
    if _is_authority(certificate):
        own = certificate.issuer == certificate.subject
        return tr("Root certificate") if own else tr("Intermediate certificate")
    return tr("Leaf certificate")


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
