"""Universal Mach-O files: where the part for each processor lies (``mach-o/fat.h``)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

_MAGIC, _MAGIC_64 = 0xCAFEBABE, 0xCAFEBABF
_PART, _PART_64 = struct.Struct(">IIIII"), struct.Struct(">IIQQII")
# Java classes begin alike, their version (45 and up) where the count of parts stands
_MAXIMUM_PARTS = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One processor's part: Mach-O processor type and subtype, bytes from the file's start, length."""

    processor: int
    subtype: int
    offset: int
    size: int


def parts(file: BinaryIO, size: int) -> list[Part]:
    """Return the parts of the *file* of *size* bytes; empty when it is not universal or is damaged."""
    file.seek(0)
    head = file.read(8 + _PART_64.size * _MAXIMUM_PARTS)
    if len(head) < 8:
        return []
    magic, count = struct.unpack_from(">II", head)
    form = {_MAGIC: _PART, _MAGIC_64: _PART_64}.get(magic)
    if form is None or not 0 < count <= _MAXIMUM_PARTS or 8 + count * form.size > len(head):
        return []
    found = [Part(*form.unpack_from(head, 8 + number * form.size)[:4]) for number in range(count)]
    return found if all(part.offset + part.size <= size for part in found) else []
