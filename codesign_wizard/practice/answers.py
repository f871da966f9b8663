"""The practice CA's answer to a signing request, in the forms in which CAs send theirs, and wrong ones.

PEM: RFC 7468. PKCS #7 without content, the usual .p7b: RFC 2315, 9.1, the certificates only.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs7, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from codesign_wizard.practice.authority import LEAF_DAYS, CodeSigningAuthority, PublicKey
from codesign_wizard.practice.key_making import generate_key

Files = list[tuple[str, bytes]]

# the password of the .pfx that a careless CA sends
PFX_PASSWORD = "practice"
_NOISE = 50 << 20
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n"
    b"<body><form>Please sign in to download your certificate.</form></body></html>\n"
)
_README = b"Thank you for your order. Please find your certificate and its issuers enclosed.\r\n"
_ZIP_TIME = (2026, 1, 1, 0, 0, 0)


def answer(
    authority: CodeSigningAuthority, leaf: x509.Certificate, others: Sequence[x509.Certificate], form: str
) -> Files:
    """Return the files, name and content each, in which *leaf* is sent; ``KeyError`` for an unknown form.

    *others* are certificates of another authority, which some CAs put in for good measure.
    """
    return _FORMS[form](leaf, authority.intermediate, authority.root, others)


def _pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _zipped(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data)
    return target.getvalue()


def _mail(leaf: x509.Certificate, issuer: x509.Certificate) -> bytes:
    quoted = "".join(f"> {line}\r\n" for line in _pem(leaf, issuer).decode().splitlines())
    return f"Dear customer,\r\n\r\nyour certificate is ready:\r\n\r\n{quoted}\r\nYour CA\r\n".encode()


Form = Callable[[x509.Certificate, x509.Certificate, x509.Certificate, Sequence[x509.Certificate]], Files]

_FORMS: dict[str, Form] = {
    "pem": lambda leaf, issuer, root, others: [("certificate.pem", _pem(leaf, issuer))],
    # nothing but the leaf: the issuer is fetched from where the certificate names it
    "der": lambda leaf, issuer, root, others: [("certificate.cer", _der(leaf))],
    "p7b-der": lambda leaf, issuer, root, others: [
        ("certificate.p7b", pkcs7.serialize_certificates([leaf, issuer, root], Encoding.DER))
    ],
    "p7b-pem": lambda leaf, issuer, root, others: [
        ("certificate.p7b", pkcs7.serialize_certificates([leaf, issuer, root], Encoding.PEM))
    ],
    "zip": lambda leaf, issuer, root, others: [
        (
            "order-20260114.zip",
            _zipped(
                [
                    ("readme.txt", _README),
                    ("chain/root.crt", _pem(root)),
                    ("chain/intermediate.crt", _pem(issuer)),
                    ("certificate.crt", _pem(leaf)),
                ]
            ),
        )
    ],
    "files": lambda leaf, issuer, root, others: [
        ("root.crt", _der(root)),
        ("intermediate.crt", _pem(issuer)),
        ("certificate.cer", _der(leaf)),
    ],
    "text": lambda leaf, issuer, root, others: [("mail.txt", _mail(leaf, issuer))],
    "root-first": lambda leaf, issuer, root, others: [("bundle.pem", _pem(root, issuer, leaf))],
    "extra": lambda leaf, issuer, root, others: [
        ("bundle.pem", _pem(*others, issuer, leaf, leaf, root, issuer))
    ],
}
FORMS: tuple[str, ...] = tuple(_FORMS)


def read_request(data: bytes) -> x509.CertificateSigningRequest:
    """Return the signing request in *data*: PEM, DER, or the vault's bare base64; raises ``ValueError``."""
    if data.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_csr(data)
    if not data.startswith(b"\x30"):
        # as ``az keyvault certificate pending show --query csr`` prints it
        with contextlib.suppress(ValueError):
            data = base64.b64decode(b"".join(data.split()), validate=True)
    return x509.load_der_x509_csr(data)


def respond(
    authority: CodeSigningAuthority,
    request: x509.CertificateSigningRequest,
    form: str,
    others: Sequence[x509.Certificate],
    *,
    fault: str = "",
    now: datetime,
) -> Files:
    """Answer *request* in *form*, or with what *fault* of ``FAULTS`` makes of the answer.

    Raises ``KeyError`` for an unknown form or fault, ``ValueError`` (``authority.CsrError``) when the request
    is not taken.
    """
    if form not in _FORMS:
        raise KeyError(form)
    if fault in _FILES:
        return _FILES[fault](authority, request, now)
    leaf = _LEAVES[fault](authority, request, now) if fault else authority.issue(request, start=now)
    return answer(authority, leaf, others, form)


def _issued(
    authority: CodeSigningAuthority,
    request: x509.CertificateSigningRequest,
    start: datetime,
    *,
    key: PublicKey | None = None,
    tls: bool = False,
) -> x509.Certificate:
    """Return a certificate without a look at the request's key; for *key* in its place if there is one."""
    asked = request.public_key() if key is None else key
    if not isinstance(asked, PublicKey):
        raise ValueError("the key is neither RSA nor EC")
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if tls else ExtendedKeyUsageOID.CODE_SIGNING
    return authority.issue_for(asked, request.subject, start=start, usages=(purpose,))


def _pfx(authority: CodeSigningAuthority, request: x509.CertificateSigningRequest, now: datetime) -> Files:
    key = generate_key("rsa-3072")
    leaf = _issued(authority, request, now, key=key.public_key())
    locked = BestAvailableEncryption(PFX_PASSWORD.encode())
    data = pkcs12.serialize_key_and_certificates(b"certificate", key, leaf, [authority.intermediate], locked)
    return [("certificate.pfx", data)]


Leaf = Callable[[CodeSigningAuthority, x509.CertificateSigningRequest, datetime], x509.Certificate]
Wrong = Callable[[CodeSigningAuthority, x509.CertificateSigningRequest, datetime], Files]

_LEAVES: dict[str, Leaf] = {
    "other-key": lambda ca, request, now: _issued(ca, request, now, key=_public("rsa-3072")),
    "rsa-2048": lambda ca, request, now: _issued(ca, request, now, key=_public("rsa-2048")),
    # whatever the request's key is, also one that is too small
    "unchecked": _issued,
    "tls": lambda ca, request, now: _issued(ca, request, now, tls=True),
    "expired": lambda ca, request, now: _issued(ca, request, now - timedelta(days=LEAF_DAYS + 10)),
    "not-yet": lambda ca, request, now: _issued(ca, request, now + timedelta(days=10)),
}
_FILES: dict[str, Wrong] = {
    "issuers-only": lambda ca, request, now: [("chain.pem", _pem(ca.intermediate, ca.root))],
    "web-page": lambda ca, request, now: [("certificate.cer", _PAGE)],
    "pfx": _pfx,
    "empty": lambda ca, request, now: [("certificate.cer", b"")],
    "noise": lambda ca, request, now: [("certificate.p7b", os.urandom(_NOISE))],
}
FAULTS: tuple[str, ...] = (*_LEAVES, *_FILES)


def _public(kind: str) -> PublicKey:
    return generate_key(kind).public_key()
