"""The practice CA's answer to a signing request, in the forms in which CAs send theirs.

PEM: RFC 7468. PKCS #7 without content, the usual .p7b: RFC 2315, 9.1, the certificates only.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from codesign_wizard.practice.authority import CodeSigningAuthority

Files = list[tuple[str, bytes]]

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
