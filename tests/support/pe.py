"""Windows programs made for tests: as small as they can be, in every shape that matters."""

from __future__ import annotations

import struct


def small(*, plus: bool = True, machine: int = 0x8664, length: int = 1024, directories: int = 16) -> bytes:
    """Return a PE of *length* bytes with one section of 512 bytes at 512; what follows it is overlay."""
    optional = 112 + 8 * directories if plus else 96 + 8 * directories
    head = bytearray(512)
    struct.pack_into("<2s58xI", head, 0, b"MZ", 0x80)
    struct.pack_into("<4sHHIIIHH", head, 0x80, b"PE\0\0", machine, 1, 0, 0, 0, optional, 0x22)
    base = 0x98
    struct.pack_into("<HBBIII", head, base, 0x20B if plus else 0x10B, 14, 0, 512, 0, 0)
    struct.pack_into("<II", head, base + 16, 0x1000, 0x1000)
    if plus:
        struct.pack_into("<QII", head, base + 24, 0x140000000, 0x1000, 512)
    else:
        struct.pack_into("<IIII", head, base + 24, 0, 0x400000, 0x1000, 512)
    struct.pack_into("<HHHHHHIIIIHH", head, base + 40, 6, 0, 0, 0, 6, 0, 0, 0x2000, 512, 0, 2, 0x8100)
    sizes = base + 72
    if plus:
        struct.pack_into("<QQQQII", head, sizes, 0x100000, 0x1000, 0x100000, 0x1000, 0, directories)
    else:
        struct.pack_into("<IIIIII", head, sizes, 0x100000, 0x1000, 0x100000, 0x1000, 0, directories)
    struct.pack_into(
        "<8sIIIIIIHHI", head, base + optional, b".text", 16, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020
    )
    body = b"\x31\xc0\xc3" + b"\xcc" * 509
    rest = bytes(index * 37 % 251 for index in range(max(length - 1024, 0)))
    return (bytes(head) + body + rest)[:length] if length < 1024 else bytes(head) + body + rest
