"""A Portable Executable from its sections: headers, import table, relocations, checksum.

Source: Microsoft, "PE Format".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from codesign_wizard.core.authenticode.pe import checksum

SECTION_ALIGNMENT = 0x1000
_FILE_ALIGNMENT = 0x200
_E_LFANEW = 0x80
# one date for all, so that the bytes stay the same; zero would look like a damaged file
_BUILT = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())

# What DOS runs:   push cs ; pop ds ; mov dx, 14 ; mov ah, 9 ; int 21h ; mov ax, 4C01h ; int 21h
_DOS_PROGRAM = bytes.fromhex("0E 1F BA 0E 00 B4 09 CD 21 B8 01 4C CD 21")
_DOS_TEXT = b"This program cannot be run in DOS mode.\r\r\n$"

CODE = 0x6000_0020  # contains code, execute, read
READ_ONLY = 0x4000_0040  # initialised data, read
DISCARDABLE = 0x4200_0040  # the same, not needed once loaded

IMPORT, RESOURCE, BASE_RELOCATION, IMPORT_ADDRESSES = 1, 2, 5, 12  # data directories


@dataclass(frozen=True, slots=True)
class Machine:
    """What differs between processors. ``system`` is the oldest Windows, as major and minor version."""

    number: int
    plus: bool
    image_base: int
    system: tuple[int, int]
    # HIGH_ENTROPY_VA 0x20, DYNAMIC_BASE 0x40, NX_COMPAT 0x100, NO_SEH 0x400, TERMINAL_SERVER_AWARE 0x8000
    dll_characteristics: int

    @property
    def pointer(self) -> int:
        """Bytes in an address."""
        return 8 if self.plus else 4


MACHINES = {
    "x64": Machine(0x8664, True, 0x1_4000_0000, (6, 0), 0x8160),
    "x86": Machine(0x014C, False, 0x0040_0000, (6, 0), 0x8540),
    "arm64": Machine(0xAA64, True, 0x1_4000_0000, (6, 2), 0x8160),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the image: eight octets of name at most, its address, its bytes, its flags."""

    name: str
    rva: int
    data: bytes
    flags: int


@dataclass(frozen=True, slots=True)
class Imports:
    """An import section's bytes, its descriptors' size, and the slots of the functions by name (RVA)."""

    data: bytes
    descriptors: int
    addresses_at: int
    addresses_size: int
    slots: dict[str, int]


def align(number: int, multiple: int) -> int:
    """Return the next multiple of *multiple* that is not below *number*."""
    return -(-number // multiple) * multiple


def imports(libraries: dict[str, list[str]], rva: int, pointer: int) -> Imports:
    """Return the import tables for *libraries* (functions by name), laid out for the address *rva*.

    In order: the address table that the loader fills in, the descriptors, the look-up tables, hints with
    names, the libraries' names.
    """
    counts = [len(functions) + 1 for functions in libraries.values()]
    table = sum(counts) * pointer
    descriptors = 20 * (len(libraries) + 1)
    lookup = align(table + descriptors, 8)
    position = lookup + table
    names = bytearray()
    thunks: list[int] = []
    slots: dict[str, int] = {}
    library_names: list[int] = []
    for library, functions in libraries.items():
        for function in functions:
            slots[function] = rva + len(thunks) * pointer
            thunks.append(rva + position + len(names))
            entry = struct.pack("<H", 0) + function.encode("ascii") + b"\0"
            names += entry + bytes(len(entry) % 2)
        thunks.append(0)
        library_names.append(rva + position + len(names))
        encoded = library.encode("ascii") + b"\0"
        names += encoded + bytes(len(encoded) % 2)
    values = b"".join(thunk.to_bytes(pointer, "little") for thunk in thunks)
    rows = bytearray()
    passed = 0
    for count, name in zip(counts, library_names, strict=True):
        rows += struct.pack("<IIIII", rva + lookup + passed, 0, 0, name, rva + passed)
        passed += count * pointer
    rows += bytes(20)
    head = values + bytes(rows)
    return Imports(
        data=head + bytes(lookup - len(head)) + values + bytes(names),
        descriptors=rva + table,
        addresses_at=rva,
        addresses_size=table,
        slots=slots,
    )


def relocations(addresses: list[int]) -> bytes:
    """Return base relocations (IMAGE_REL_BASED_HIGHLOW) for 32-bit *addresses*, all on one 4 KiB page."""
    page = addresses[0] & ~0xFFF
    entries = b"".join(struct.pack("<H", 3 << 12 | address - page) for address in addresses)
    entries += bytes(len(entries) % 4)  # the block ends at a multiple of four; type 0 is a filler
    return struct.pack("<II", page, 8 + len(entries)) + entries


def executable(
    machine: Machine, sections: list[Section], entry: int, directories: dict[int, tuple[int, int]]
) -> bytes:
    """Return the whole file. *directories* maps a directory's number to its address and size."""
    optional_size = 240 if machine.plus else 224
    headers_size = align(
        _E_LFANEW + 4 + 20 + optional_size + 40 * len(sections),
        _FILE_ALIGNMENT,
    )
    characteristics = 0x0022 if machine.plus else 0x0102  # executable; large addresses, or 32 bits
    coff = struct.pack(
        "<HHIIIHH", machine.number, len(sections), _BUILT, 0, 0, optional_size, characteristics
    )
    table = bytearray()
    position = headers_size
    for part in sections:
        size = align(len(part.data), _FILE_ALIGNMENT)
        table += struct.pack(
            "<8sIIIIIIHHI",
            part.name.encode("ascii"),
            len(part.data),
            part.rva,
            size,
            position,
            0,
            0,
            0,
            0,
            part.flags,
        )
        position += size
    optional = _optional_header(machine, sections, entry, headers_size, directories)
    image = bytearray(_dos_header() + b"PE\0\0" + coff + optional + table)
    image += bytes(headers_size - len(image))
    for part in sections:
        image += part.data + bytes(-len(part.data) % _FILE_ALIGNMENT)
    words = int.from_bytes(image, "little") % 0xFFFF  # the sum of 16-bit words modulo 65535
    struct.pack_into("<I", image, _E_LFANEW + 24 + 64, checksum(words, len(image)))
    return bytes(image)


def _optional_header(
    machine: Machine,
    sections: list[Section],
    entry: int,
    headers_size: int,
    directories: dict[int, tuple[int, int]],
) -> bytes:
    code = sum(align(len(part.data), _FILE_ALIGNMENT) for part in sections if part.flags == CODE)
    data = sum(align(len(part.data), _FILE_ALIGNMENT) for part in sections if part.flags != CODE)
    code_at = next(part.rva for part in sections if part.flags == CODE)
    data_at = next(part.rva for part in sections if part.flags != CODE)
    last = sections[-1]
    image_size = align(last.rva + len(last.data), SECTION_ALIGNMENT)
    header = struct.pack("<HBBIIIII", 0x20B if machine.plus else 0x10B, 14, 0, code, data, 0, entry, code_at)
    if machine.plus:
        header += struct.pack("<Q", machine.image_base)
    else:
        header += struct.pack("<II", data_at, machine.image_base)
    header += struct.pack("<II", SECTION_ALIGNMENT, _FILE_ALIGNMENT)
    header += struct.pack("<HHHHHH", *machine.system, 0, 0, *machine.system)
    header += struct.pack("<IIII", 0, image_size, headers_size, 0)  # the checksum comes last
    header += struct.pack("<HH", 2, machine.dll_characteristics)  # subsystem: Windows GUI
    word = "Q" if machine.plus else "I"
    header += struct.pack(f"<4{word}", 0x100000, 0x1000, 0x100000, 0x1000)  # stack and heap
    header += struct.pack("<II", 0, 16)
    for number in range(16):
        header += struct.pack("<II", *directories.get(number, (0, 0)))
    return header


def _dos_header() -> bytes:
    header = struct.pack("<2s13H", b"MZ", 0x90, 3, 0, 4, 0, 0xFFFF, 0, 0xB8, 0, 0, 0, 0x40, 0)
    header += bytes(0x3C - len(header)) + struct.pack("<I", _E_LFANEW)
    header += _DOS_PROGRAM + _DOS_TEXT
    return header + bytes(_E_LFANEW - len(header))
