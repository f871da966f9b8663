"""A private key is read whatever its form; one whose numbers do not fit is none."""

from __future__ import annotations

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from codesign_wizard.core.private_key import load_private_key

E = 65537


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(E, 1024)


def written(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encoding: Encoding = Encoding.DER,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(encoding, PrivateFormat.PKCS8, encryption or NoEncryption())


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_every_form_is_read(key: rsa.RSAPrivateKey, encoding: Encoding) -> None:
    for each in (key, ec.generate_private_key(ec.SECP256R1())):
        assert load_private_key(written(each, encoding), None).public_key() == each.public_key()
        locked = written(each, encoding, BestAvailableEncryption(b"key-canary"))
        assert load_private_key(locked, b"key-canary").public_key() == each.public_key()
        with pytest.raises(ValueError, match="password"):
            load_private_key(locked, b"another")
        with pytest.raises(TypeError):
            load_private_key(locked, None)


def made(p: int, q: int, d: int, **other: int) -> bytes:
    numbers = {"dmp1": d % (p - 1), "dmq1": d % (q - 1), "iqmp": pow(q, -1, p), **other}
    public = rsa.RSAPublicNumbers(E, p * q)
    private = rsa.RSAPrivateNumbers(
        p, q, d, numbers["dmp1"], numbers["dmq1"], numbers["iqmp"], public_numbers=public
    )
    return written(private.private_key(unsafe_skip_rsa_key_validation=True))


def test_numbers_that_do_not_fit_are_no_key(key: rsa.RSAPrivateKey) -> None:
    numbers = key.private_numbers()
    p, q, d = numbers.p, numbers.q, numbers.d
    assert load_private_key(made(p, q, d), None)
    for damaged in (made(p, q, d + 2), made(p, q, d, iqmp=numbers.iqmp + 1), made(p, q, d, dmp1=3)):
        with pytest.raises(ValueError, match="Invalid private key"):
            load_private_key(damaged, None)


def test_a_factor_that_is_no_prime_is_found_by_its_signature(key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(E, 1024).private_numbers()
    p, q = other.p * other.q, key.private_numbers().q
    while math.gcd(E, (p - 1) * (q - 1)) != 1:
        p += 2 * q
    with pytest.raises(ValueError, match="Invalid private key: it does not sign"):
        load_private_key(made(p, q, pow(E, -1, math.lcm(p - 1, q - 1))), None)
