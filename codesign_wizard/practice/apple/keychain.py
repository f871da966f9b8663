"""Writing a .p12 file as Keychain Access does: certificates under RC2-40, keys under 3DES, SHA-1 throughout.

No library at hand writes this old form any more, and people have it everywhere (RFC 7292; RC2: RFC 2268).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from codesign_wizard.core.apple.pkcs12_mac import IV, KEY, MAC, derive
from codesign_wizard.core.authenticode import der

ITERATIONS = 2048
_DATA = "1.2.840.113549.1.7.1"
_ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
_SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2"
_CERTIFICATE_BAG = "1.2.840.113549.1.12.10.1.3"
_X509 = "1.2.840.113549.1.9.22.1"
_LOCAL_KEY_ID = "1.2.840.113549.1.9.21"
_PBE_3DES = "1.2.840.113549.1.12.1.3"
_PBE_RC2_40 = "1.2.840.113549.1.12.1.6"
_SHA1 = "1.3.14.3.2.26"
_SALT_SIZE = 8

# RFC 2268, 2: "a random permutation of the values 0 to 255, based on the digits of pi"
_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)


def export(
    identities: Sequence[tuple[rsa.RSAPrivateKey, x509.Certificate]],
    password: str,
    *,
    others: Iterable[x509.Certificate] = (),
    rc2: bool = True,
    iterations: int = ITERATIONS,
) -> bytes:
    """Return a .p12 with the identities and other certificates, under *password*, which may be empty.

    With *rc2* false the certificates are under 3DES as the keys are, as newer systems write.
    """
    secret = (password + "\0").encode("utf-16-be")
    certificates, keys = [], []
    for key, certificate in identities:
        local = hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).digest()
        certificates.append(_certificate_bag(certificate, local))
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        sealed = der.sequence(*_sealed(_PBE_3DES, secret, plain, iterations))
        keys.append(_bag(_SHROUDED_KEY_BAG, sealed, local))
    certificates += [_certificate_bag(each, None) for each in others]
    scheme = _PBE_RC2_40 if rc2 else _PBE_3DES
    algorithm, encrypted = _sealed(scheme, secret, der.sequence(*certificates), iterations)
    content = der.read(encrypted).value
    safe = der.sequence(
        der.sequence(
            der.oid(_ENCRYPTED_DATA),
            der.tlv(
                0xA0,
                der.sequence(der.integer(0), der.sequence(der.oid(_DATA), algorithm, der.tlv(0x80, content))),
            ),
        ),
        *([_data(der.sequence(*keys))] if keys else []),
    )
    salt = os.urandom(_SALT_SIZE)
    mac = hmac.new(derive(secret, salt, MAC, 20, iterations), safe, "sha1").digest()
    digest = der.sequence(der.sequence(der.oid(_SHA1), der.null()), der.octet_string(mac))
    mac_data = der.sequence(digest, der.octet_string(salt), der.integer(iterations))
    return der.sequence(der.integer(3), _data(safe), mac_data)


def rc2_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt whole blocks of 8 octets with RC2 in CBC; the effective key length is the key's (RFC 2268)."""
    words = _expanded(key)
    last, done = iv, []
    for place in range(0, len(data), 8):
        block = bytes(a ^ b for a, b in zip(data[place : place + 8], last, strict=True))
        last = _rc2_block(words, block)
        done.append(last)
    return b"".join(done)


def _expanded(key: bytes) -> list[int]:
    size = len(key)
    octets = bytearray(key.ljust(128, b"\0"))
    for place in range(size, 128):
        octets[place] = _PI[(octets[place - 1] + octets[place - size]) & 0xFF]
    octets[128 - size] = _PI[octets[128 - size]]
    for place in range(127 - size, -1, -1):
        octets[place] = _PI[octets[place + 1] ^ octets[place + size]]
    return [int.from_bytes(octets[place : place + 2], "little") for place in range(0, 128, 2)]


def _rc2_block(words: Sequence[int], block: bytes) -> bytes:
    r = [int.from_bytes(block[place : place + 2], "little") for place in range(0, 8, 2)]
    used = 0
    for rounds in (5, 6, 5):
        for _ in range(rounds):
            for i, shift in enumerate((1, 2, 3, 5)):
                mix = (r[i - 1] & r[i - 2]) + (~r[i - 1] & r[i - 3])
                value = (r[i] + words[used] + mix) & 0xFFFF
                r[i] = (value << shift | value >> (16 - shift)) & 0xFFFF
                used += 1
        if used < 64:
            for i in range(4):
                r[i] = (r[i] + words[r[i - 1] & 63]) & 0xFFFF
    return b"".join(each.to_bytes(2, "little") for each in r)


def _sealed(scheme: str, password: bytes, plain: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return the AlgorithmIdentifier and the encrypted OCTET STRING."""
    salt = os.urandom(_SALT_SIZE)
    gap = 8 - len(plain) % 8
    padded = plain + bytes([gap]) * gap
    iv = derive(password, salt, IV, 8, iterations)
    if scheme == _PBE_RC2_40:
        encrypted = rc2_cbc(derive(password, salt, KEY, 5, iterations), iv, padded)
    else:
        encryptor = Cipher(TripleDES(derive(password, salt, KEY, 24, iterations)), modes.CBC(iv)).encryptor()
        encrypted = encryptor.update(padded) + encryptor.finalize()
    algorithm = der.sequence(der.oid(scheme), der.sequence(der.octet_string(salt), der.integer(iterations)))
    return algorithm, der.octet_string(encrypted)


def _certificate_bag(certificate: x509.Certificate, local: bytes | None) -> bytes:
    encoded = der.octet_string(certificate.public_bytes(Encoding.DER))
    return _bag(_CERTIFICATE_BAG, der.sequence(der.oid(_X509), der.tlv(0xA0, encoded)), local)


def _bag(kind: str, value: bytes, local: bytes | None) -> bytes:
    attributes = []
    if local is not None:
        values = der.set_of(der.octet_string(local))
        attributes.append(der.set_of(der.sequence(der.oid(_LOCAL_KEY_ID), values)))
    return der.sequence(der.oid(kind), der.tlv(0xA0, value), *attributes)


def _data(content: bytes) -> bytes:
    return der.sequence(der.oid(_DATA), der.tlv(0xA0, der.octet_string(content)))
