"""The samples' icon as macOS wants it: an ``icns`` file of PNG pictures.

Nothing in the pictures is compressed, so that the bytes do not depend on a compressor's version. Sources:
W3C, "Portable Network Graphics"; Apple, "Icon Services" (the types of an icon family).
"""

from __future__ import annotations

import struct
import zlib

from codesign_wizard.core.apple.stored import ZlibPacker
from codesign_wizard.core.samples import icon, lettering

_TYPES = {16: b"icp4", 32: b"icp5", 128: b"ic07"}
_BITMAP_HEADER = 40
_LEGIBLE = 128  # smaller pictures have no room for a name
_NAME_MARGIN, _NAME_TOP, _NAME_BOTTOM = 10, 72, 120  # in pixels of that picture, below the tick


def family(product: str = "") -> bytes:
    """Return the icon in each size, the largest with the name *product* on it."""
    parts = []
    for size, kind in _TYPES.items():
        picture = png(size, product if size >= _LEGIBLE else "")
        parts.append(kind + struct.pack(">I", 8 + len(picture)) + picture)
    body = b"".join(parts)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def png(size: int, product: str = "") -> bytes:
    """Return the icon as a picture of *size* by *size* pixels, with the name *product* below the tick."""
    dots = lettering.dots(product, size - 2 * _NAME_MARGIN, _NAME_BOTTOM - _NAME_TOP)
    bitmap = bytearray(icon.bitmap(size, raised=bool(dots))[_BITMAP_HEADER:])
    row = size * 4
    for x, y in dots:
        at = (size - 1 - y - _NAME_TOP) * row + (x + _NAME_MARGIN) * 4
        bitmap[at : at + 4] = b"\xff" * 4
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
