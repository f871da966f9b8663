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
    load_der_private_key,
    pkcs12,
)

from codesign_wizard.core.apple import pkcs12 as reader
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.private_key import UnusableKeyError, load_private_key

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
        # one wrong password in 256 unlocks something, which then is no key
        with pytest.raises(ValueError, match=r"password|Could not deserialize") as refused:
            load_private_key(locked, b"another")
        assert not isinstance(refused.value, UnusableKeyError)
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


def whole(p: int, q: int, e: int, d: int) -> bytes:
    """Return the numbers as RFC 8017, A.1.2 writes them, whatever they are."""

    inverse = pow(q, -1, p) if math.gcd(p, q) == 1 else 1  # two numbers that are no primes may share a factor
    numbers = (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), inverse)
    return der.sequence(*map(der.integer, numbers))


def test_numbers_out_of_bounds_are_refused(key: rsa.RSAPrivateKey) -> None:
    numbers = key.private_numbers()
    p, q, d = numbers.p, numbers.q, numbers.d
    around = math.lcm(p - 1, q - 1)
    assert load_private_key(whole(p, q, E, d), None).public_key() == key.public_key()
    bad = [
        whole(p, q, 1, 1),
        whole(p + 2, q + 2, 1, 1),
        whole(p, q, around + 1, 1),
        whole(p, q, (1 << 60_000) + 1, d),
        whole(p, q, E, d + around * (1 << 5000)),
    ]
    for each in bad:
        with pytest.raises(UnusableKeyError, match="do not fit together"):
            load_private_key(each, None)
    with pytest.raises(UnusableKeyError, match="over 8192 bits"):
        load_private_key(whole((1 << 8192) + 1, (1 << 8192) + 3, E, d), None)


def test_a_p12_with_such_a_key_is_refused_without_another_reader(
    key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = key.private_numbers()
    bad = load_der_private_key(
        made(numbers.p, numbers.q, numbers.d + 2), None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(bad, rsa.RSAPrivateKey)
    data = pkcs12.serialize_key_and_certificates(None, bad, None, None, BestAvailableEncryption(b"opens"))
    # the other one looks whether the factors are prime, however large they are, and holds up the window
    monkeypatch.setattr(reader, "_load", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(reader.Pkcs12Error, match="do not fit together") as raised:
        reader.open_p12(data, "opens")
    assert raised.value.reason is reader.Reason.CONTENT
