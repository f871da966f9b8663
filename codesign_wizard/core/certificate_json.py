"""Certificates and their chains as every document has them, see docs/json.md."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.finding import iso

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement


def describe_key(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return the key's kind and size, such as ``RSA 3072`` or ``EC secp256r1``."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def certificate_json(certificate: x509.Certificate) -> dict[str, Any]:
    """Return what identifies a certificate; thumbprints and serial number in lower-case hexadecimal."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from codesign_wizard.core.authenticode import trust

    encoded = certificate.public_bytes(Encoding.DER)
    return {
        "name": trust.name(certificate),
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "sha1": hashlib.sha1(encoded, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "key": describe_key(certificate),
        "not_before": iso(certificate.not_valid_before_utc),
        "not_after": iso(certificate.not_valid_after_utc),
    }


def chain_json(chain: Judgement | None) -> dict[str, Any] | None:
    """Return what a chain was judged to be, and its certificates by name."""
    from codesign_wizard.core.authenticode import trust

    if chain is None:
        return None
    return {
        "trusted": chain.trusted,
        "extra_root": chain.extra,
        "problem": None if chain.problem is None else chain.problem.value,
        "certificates": [trust.name(certificate) for certificate in chain.path],
    }
