"""zlib and gzip streams without compression (RFC 1950, 1951, 1952), written by hand.

Compressors differ from one system and version to the next; where the same input must give the same bytes
everywhere, nothing is compressed.
"""

from __future__ import annotations

import struct
import zlib

_BLOCK = 0xFFFF  # the largest stored block (RFC 1951, 3.2.4)
# deflate, no name, no time, fastest, made on an unknown system
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"


class _Packer:
    """Cuts what it is given into stored blocks; used like ``zlib.compressobj``."""

    def __init__(self, header: bytes) -> None:
        self._out = header
        self._rest = bytearray()

    def compress(self, data: bytes) -> bytes:
        """Return what is complete after *data*."""
        self._account(data)
        self._rest += data
        out = bytearray(self._out)
        self._out = b""
        while len(self._rest) > _BLOCK:
            out += _block(self._rest[:_BLOCK], last=False)
            del self._rest[:_BLOCK]
        return bytes(out)

    def flush(self) -> bytes:
        """Return the rest of the stream."""
        out = self._out + _block(self._rest, last=True) + self._trailer()
        self._out = b""
        return out

    def _account(self, data: bytes) -> None:
        raise NotImplementedError

    def _trailer(self) -> bytes:
        raise NotImplementedError


class ZlibPacker(_Packer):
    """Writes a zlib stream."""

    def __init__(self) -> None:
        super().__init__(b"\x78\x01")
        self._sum = zlib.adler32(b"")

    def _account(self, data: bytes) -> None:
        self._sum = zlib.adler32(data, self._sum)

    def _trailer(self) -> bytes:
        return struct.pack(">I", self._sum)


class GzipPacker(_Packer):
    """Writes a gzip stream."""

    def __init__(self) -> None:
        super().__init__(_GZIP_HEADER)
        self._sum, self._size = zlib.crc32(b""), 0

    def _account(self, data: bytes) -> None:
        self._sum, self._size = zlib.crc32(data, self._sum), self._size + len(data)

    def _trailer(self) -> bytes:
        return struct.pack("<II", self._sum, self._size & 0xFFFFFFFF)


def _block(data: bytes | bytearray, *, last: bool) -> bytes:
    return struct.pack("<BHH", int(last), len(data), len(data) ^ 0xFFFF) + bytes(data)
