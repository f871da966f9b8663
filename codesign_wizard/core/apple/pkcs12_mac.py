"""The integrity check of a .p12 file: whether a password is the right one, whatever the rest holds.

RFC 7292, 4 and appendix B. ``cryptography`` says "invalid password or data" for both; this tells them apart.
"""

from __future__ import annotations

import hashlib
import hmac

from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import Element

KEY, IV, MAC = 1, 2, 3  # RFC 7292, B.3
# done in Python, so that no file keeps anybody waiting for more than about a second
_MAXIMUM_ITERATIONS = 300_000
_DIGESTS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def fits(members: list[Element], content: bytes, password: bytes | None) -> bool | None:
    """Tell whether *password* (UTF-8) passes the MAC; ``None`` when the file has none that can be asked.

    *members* are those of the outer SEQUENCE, *content* the octets that the MAC is over. Raises ``DerError``
    and ``ValueError`` for what is no MAC.
    """
    if len(members) < 3:
        return None
    info, salt, *rest = members[2].expect(der.SEQUENCE).children()
    algorithm, told = info.children()
    digest = _DIGESTS.get(der.read_oid(algorithm.first()))
    iterations = der.read_integer(rest[0]) if rest else 1
    if digest is None or not 1 <= iterations <= _MAXIMUM_ITERATIONS:
        return None
    # none at all and an empty one are two passwords: the empty one has its two octets of zero
    secret = b"" if password is None else (password.decode("utf-8") + "\0").encode("utf-16-be")
    size = hashlib.new(digest, usedforsecurity=False).digest_size
    key = derive(secret, salt.value, MAC, size, iterations, digest)
    return hmac.compare_digest(hmac.new(key, content, digest).digest(), told.value)


def derive(
    password: bytes, salt: bytes, purpose: int, size: int, iterations: int, digest: str = "sha1"
) -> bytes:
    """Return *size* octets of key, IV or MAC key (RFC 7292, B.2); *password* is a BMPString with its end."""
    block = hashlib.new(digest, usedforsecurity=False).block_size

    def filled(text: bytes) -> bytes:
        length = -(-len(text) // block) * block
        return (text * (length // len(text) + 1))[:length] if text else b""

    mixed = filled(salt) + filled(password)
    result = b""
    while len(result) < size:
        part = bytes([purpose]) * block + mixed
        for _ in range(iterations):
            part = hashlib.new(digest, part, usedforsecurity=False).digest()
        result += part
        addend = int.from_bytes((part * block)[:block], "big") + 1
        pieces = (mixed[place : place + block] for place in range(0, len(mixed), block))
        mixed = b"".join(
            ((int.from_bytes(piece, "big") + addend) % (1 << 8 * block)).to_bytes(block, "big")
            for piece in pieces
        )
    return result[:size]
