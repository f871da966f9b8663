"""The samples' icon as macOS wants it: an ``icns`` file of PNG pictures.

Nothing in the pictures is compressed, so that the bytes do not depend on a compressor's version. Sources:
W3C, "Portable Network Graphics"; Apple, "Icon Services" (the types of an icon family).
"""

from __future__ import annotations

import struct
import zlib

from codesign_wizard.core.apple.stored import ZlibPacker
from codesign_wizard.core.samples import icon

_TYPES = {16: b"icp4", 32: b"icp5", 128: b"ic07"}
_BITMAP_HEADER = 40


def family() -> bytes:
    """Return the icon in each size."""
    parts = []
    for size, kind in _TYPES.items():
        picture = png(size)
        parts.append(kind + struct.pack(">I", 8 + len(picture)) + picture)
    body = b"".join(parts)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def png(size: int) -> bytes:
    """Return the icon as a picture of *size* by *size* pixels."""
    bitmap = icon.bitmap(size)[_BITMAP_HEADER:]
    row = size * 4
    rows = bytearray()
    for y in reversed(range(size)):  # the bitmap stands on its head
        line = bytearray(bitmap[y * row : (y + 1) * row])
        line[0::4], line[2::4] = line[2::4], line[0::4]  # blue first there, red first here
        rows += b"\0" + line
    packer = ZlibPacker()
    packed = packer.compress(bytes(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
