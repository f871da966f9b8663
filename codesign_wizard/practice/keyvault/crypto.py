"""Signing and verifying as Key Vault does: over a digest, answers in JSON Web Algorithms' forms.

RFC 7518, 3.3 to 3.5; Key Vault's "about keys: details": ECDSA signatures are r and s side by side, each as
long as the curve's order; PS* uses a salt as long as the digest; RSNULL pads what it
is given and does nothing else.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from codesign_wizard.practice.key_making import PrivateKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVE_OF = {"ES256": "secp256r1", "ES256K": "secp256k1", "ES384": "secp384r1", "ES512": "secp521r1"}
ALGORITHMS = (*(f"{family}{size}" for family in ("RS", "PS") for size in _HASHES), "RSNULL", *_CURVE_OF)
ENCRYPTIONS = ("RSA-OAEP", "RSA-OAEP-256", "RSA1_5")
CURVE_NAMES = {"secp256r1": "P-256", "secp256k1": "P-256K", "secp384r1": "P-384", "secp521r1": "P-521"}
CURVE_SIZES = {"P-256": 256, "P-256K": 256, "P-384": 384, "P-521": 521}


def digest_size(algorithm: str) -> int | None:
    """Return how many bytes *algorithm* signs, or ``None`` for RSNULL."""
    return None if algorithm == "RSNULL" else _hash(algorithm).digest_size


def fits(key: PrivateKey, algorithm: str) -> bool:
    """Tell whether *algorithm* works with this type of key and curve."""
    if isinstance(key, rsa.RSAPrivateKey):
        return algorithm[:2] in ("RS", "PS")
    return _CURVE_OF.get(algorithm) == key.curve.name


def sign(key: PrivateKey, algorithm: str, value: bytes) -> bytes:
    """Return the signature of the digest *value*; raises ``ValueError`` if it is too long for RSNULL."""
    if isinstance(key, rsa.RSAPrivateKey):
        if algorithm == "RSNULL":
            return _sign_raw(key, value)
        return key.sign(value, _padding(algorithm), Prehashed(_hash(algorithm)))
    r, s = decode_dss_signature(key.sign(value, ec.ECDSA(Prehashed(_hash(algorithm)))))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify(key: PrivateKey, algorithm: str, value: bytes, signature: bytes) -> bool:
    """Tell whether *signature* is one of *key*'s over the digest *value*."""
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            if algorithm == "RSNULL":
                return signature == _sign_raw(key, value)
            key.public_key().verify(signature, value, _padding(algorithm), Prehashed(_hash(algorithm)))
            return True
        size = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * size:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        key.public_key().verify(encode_dss_signature(r, s), value, ec.ECDSA(Prehashed(_hash(algorithm))))
        return True
    except InvalidSignature:
        return False


def encrypt(key: rsa.RSAPrivateKey, algorithm: str, value: bytes) -> bytes:
    """Return *value* encrypted to *key* (RFC 7518, 4.2 and 4.3); raises ``ValueError`` if it is too long."""
    return key.public_key().encrypt(value, _encryption(algorithm))


def decrypt(key: rsa.RSAPrivateKey, algorithm: str, value: bytes) -> bytes:
    """Return what *value* was before ``encrypt``; raises ``ValueError``."""
    return key.decrypt(value, _encryption(algorithm))


def _encryption(algorithm: str) -> padding.AsymmetricPadding:
    if algorithm == "RSA1_5":
        return padding.PKCS1v15()
    # RSA-OAEP is with SHA-1 by definition (RFC 7518, 4.3)
    chosen: hashes.HashAlgorithm = (
        hashes.SHA256() if algorithm.endswith("-256") else hashes.SHA1()  # noqa: S303
    )
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm[2:5]]


def _padding(algorithm: str) -> padding.AsymmetricPadding:
    if algorithm.startswith("RS"):
        return padding.PKCS1v15()
    chosen = _hash(algorithm)
    return padding.PSS(padding.MGF1(chosen), chosen.digest_size)


def _sign_raw(key: rsa.RSAPrivateKey, value: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 without a DigestInfo (RFC 8017, 8.2 less step 2 of 9.2); raises ``ValueError``."""
    size = (key.key_size + 7) // 8
    if len(value) > size - 11:
        raise ValueError("too long for the key")
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(value)) + b"\x00" + value
    numbers = key.private_numbers()
    return pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")
