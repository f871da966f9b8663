"""The checksums that S3 takes beside Content-MD5 ("Checking object integrity in Amazon S3").

CRC32C and CRC64NVME are the reflected ones of RFC 3720, appendix B.4, and of the NVM Express specification.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol


class Checksum(Protocol):
    """Something that bytes are fed to."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the checksum, big endian."""


def _table(polynomial: int) -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


class _Crc:
    """A reflected CRC by table, byte for byte: some 10 MB a second."""

    def __init__(self, table: list[int], bits: int) -> None:
        self._table, self._size = table, bits // 8
        self._ones = (1 << bits) - 1
        self._value = self._ones

    def update(self, data: bytes, /) -> None:
        value, table = self._value, self._table
        for octet in data:
            value = value >> 8 ^ table[(value ^ octet) & 0xFF]
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._ones).to_bytes(self._size, "big")


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_CRC32C = _table(0x82F63B78)
_CRC64NVME = _table(0x9A6C9329AC4BC9B5)

ALGORITHMS: dict[str, Callable[[], Checksum]] = {
    "crc32": _Crc32,
    "crc32c": lambda: _Crc(_CRC32C, 32),
    "crc64nvme": lambda: _Crc(_CRC64NVME, 64),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
PREFIX = "x-amz-checksum-"


def text(checksum: Checksum) -> str:
    """Return a checksum as headers carry it, in base64."""
    return base64.b64encode(checksum.digest()).decode()
