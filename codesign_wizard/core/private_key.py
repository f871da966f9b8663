"""Private keys read without holding up the window.

``cryptography`` looks whether an RSA key's factors are prime while it holds the interpreter: 0.07 s for 2048
bits and half a second for 4096, in which no other thread of the program runs. Here the key's numbers are
checked against each other, and the key against itself by a signature, during which the interpreter is free:
what passes signs and decrypts as its public key says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_LARGEST = 16384  # bits; OpenSSL's own limit for a public key (OPENSSL_RSA_MAX_MODULUS_BITS)
_TRIED = b"is this key one?"


def load_private_key(data: bytes, password: bytes | None) -> PrivateKeyTypes:
    """Return the key of *data*, PKCS #8 or traditional, in DER or PEM, encrypted when *password* is given.

    Raises ``ValueError``, ``TypeError`` (a password too many, or none) and ``UnsupportedAlgorithm`` as
    ``cryptography`` does.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if data.lstrip().startswith(b"-----") else load_der_private_key
    key = load(data, password, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        _check(key)
    return key


def _check(key: rsa.RSAPrivateKey) -> None:
    """Raise ``ValueError`` unless the numbers fit together (RFC 8017, 3.2) and the key signs as it says."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    numbers = key.private_numbers()
    public = numbers.public_numbers
    n, e, d, p, q = public.n, public.e, numbers.d, numbers.p, numbers.q
    if n.bit_length() > _LARGEST:
        raise ValueError("Invalid private key: too large")
    sound = (
        min(p, q) > 2
        and p % 2 == q % 2 == e % 2 == 1
        and p * q == n
        and d * e % (p - 1) == d * e % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )
    if not sound:
        raise ValueError("Invalid private key: its numbers do not fit together")
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    try:
        key.public_key().verify(key.sign(_TRIED, scheme, digest), _TRIED, scheme, digest)
    except InvalidSignature as error:
        raise ValueError("Invalid private key: it does not sign") from error
