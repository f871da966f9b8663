"""Private keys read without holding up the window.

``cryptography`` looks whether an RSA key's factors are prime while it holds the interpreter: 0.07 s for 2048
bits and half a second for 4096, in which no other thread of the program runs. Here the key's numbers are
checked against each other, and the key against itself by a signature, during which the interpreter is free:
what passes signs and decrypts as its public key says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.redact import remember, remember_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_LARGEST = 8192  # bits; Apple certifies keys of 2048, and at 16384 one signature takes seconds
_EXPONENT = 1 << 256  # FIPS 186-5, A.1.1: 2^16 < e < 2^256; smaller ones were once common
_TRIED = b"is this key one?"


class UnusableKeyError(ValueError):
    """The key was read, so the password is right, but nothing can be signed with it."""


def load_private_key(data: bytes, password: bytes | None) -> PrivateKeyTypes:
    """Return the key of *data*, PKCS #8 or traditional, in DER or PEM, encrypted when *password* is given.

    Raises ``ValueError``, ``TypeError`` (a password too many, or none) and ``UnsupportedAlgorithm`` as
    ``cryptography`` does; ``UnusableKeyError`` for an RSA key that is none.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if data.lstrip().startswith(b"-----") else load_der_private_key
    key = load(data, password, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        _check(key)
    hide(key)
    return key


def hide(key: PrivateKeyTypes) -> None:
    """Let nothing that is shown or written from now on hold *key*, in whatever form it came."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):  # no other is signed with
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            remember_bytes(key.private_bytes(Encoding.DER, form, NoEncryption()))
        numbers = key.private_numbers()
        if isinstance(numbers, rsa.RSAPrivateNumbers):
            secret: tuple[int, ...] = (
                numbers.d,
                numbers.p,
                numbers.q,
                numbers.dmp1,
                numbers.dmq1,
                numbers.iqmp,
            )
        else:
            secret = (numbers.private_value,)
        for each in secret:
            remember(str(each))
            remember_bytes(each.to_bytes((each.bit_length() + 7) // 8))


def _check(key: rsa.RSAPrivateKey) -> None:
    """Raise ``UnusableKeyError`` unless its numbers fit (RFC 8017, 3.2) and it signs as it says."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    numbers = key.private_numbers()
    public = numbers.public_numbers
    n, e, d, p, q = public.n, public.e, numbers.d, numbers.p, numbers.q
    if n.bit_length() > _LARGEST:
        raise UnusableKeyError(f"Invalid private key: over {_LARGEST} bits")
    # the bounds first: what follows takes long with numbers as large as a file can hold
    sound = (
        min(p, q) > 2
        and max(p, q, d) < n
        and 2 < e < _EXPONENT
        and 0 < numbers.iqmp < p
        and p % 2 == q % 2 == e % 2 == 1
        and p * q == n
        and d * e % (p - 1) == d * e % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )
    if not sound:
        raise UnusableKeyError("Invalid private key: its numbers do not fit together")
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    try:
        key.public_key().verify(key.sign(_TRIED, scheme, digest), _TRIED, scheme, digest)
    except (InvalidSignature, ValueError) as error:
        raise UnusableKeyError("Invalid private key: it does not sign") from error
