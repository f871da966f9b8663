"""Private keys as JSON Web Keys, as they are imported (RFC 7517; RFC 7518, 6.2 and 6.3)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from codesign_wizard.practice.entra.tokens import from_base64url
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import errors
from codesign_wizard.practice.keyvault.crypto import CURVE_NAMES

_SIZES = (2048, 3072, 4096)
_CURVES: dict[str, ec.EllipticCurve] = {
    name: curve
    for curve in (ec.SECP256R1(), ec.SECP256K1(), ec.SECP384R1(), ec.SECP521R1())
    for name in (CURVE_NAMES[curve.name],)
}


def read(given: dict[str, Any]) -> tuple[PrivateKey, str]:
    """Return the key and its kind (``rsa-3072``, ``ec-P-256``); raises ``VaultError``."""
    kind = given.get("kty")
    if kind in ("RSA", "RSA-HSM"):
        key = _rsa(given)
        if key.key_size not in _SIZES:
            raise errors.property_invalid("n")
        return key, f"rsa-{key.key_size}"
    if kind in ("EC", "EC-HSM"):
        return _ec(given), f"ec-{given['crv']}"
    raise errors.property_invalid("kty")


def _rsa(given: dict[str, Any]) -> rsa.RSAPrivateKey:
    n, e, d, p, q = (_number(given, member) for member in ("n", "e", "d", "p", "q"))
    try:
        numbers = rsa.RSAPrivateNumbers(
            p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
            rsa.RSAPublicNumbers(e, n),
        )  # fmt: skip
        return numbers.private_key()
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise errors.property_invalid("key") from error


def _ec(given: dict[str, Any]) -> ec.EllipticCurvePrivateKey:
    curve = _CURVES.get(str(given.get("crv")))
    if curve is None:
        raise errors.property_invalid("crv")
    x, y, d = (_number(given, member) for member in ("x", "y", "d"))
    try:
        return ec.EllipticCurvePrivateNumbers(d, ec.EllipticCurvePublicNumbers(x, y, curve)).private_key()
    except ValueError as error:
        raise errors.property_invalid("key") from error


def _number(given: dict[str, Any], member: str) -> int:
    value = given.get(member)
    try:
        data = from_base64url(value) if isinstance(value, str) else b""
    except ValueError as error:
        raise errors.property_invalid(member) from error
    if not data or len(data) > 600:  # more than any key this takes: 4096 bits, and a sign byte
        raise errors.property_invalid(member)
    return int.from_bytes(data, "big")
