"""The macOS sample's programs, written byte by byte: universal Mach-O files for Intel and Apple silicon.

An executable prints a text with ``puts`` of libSystem and ends with 0; a library exports one function that
returns a number. Nothing else is in them, and no tool of Apple's is needed to make them. Sources:
``mach-o/loader.h``, ``mach-o/nlist.h``, ``mach-o/fat.h``; dyld's ``MachOAnalyzer`` for what it insists on;
Intel SDM volume 2; Arm Architecture Reference Manual (A64); System V ABI; Apple, "Writing ARM64 code for
Apple platforms".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_MAGIC = 0xFEEDFACF
_EXECUTABLE, _LIBRARY = 2, 6
_FLAGS = 0x85  # MH_NOUNDEFS | MH_DYLDLINK | MH_TWOLEVEL
_POSITION_INDEPENDENT, _NO_REEXPORTS = 0x200000, 0x100000
_BASE = 0x1_0000_0000
_COMMAND_ROOM = 16  # for LC_CODE_SIGNATURE, which signing adds
_MINIMUM_OS = 11 << 16  # 11.0, the first on Apple silicon
_SYSTEM = "/usr/lib/libSystem.B.dylib"
_FAT = struct.Struct(">IIIII")


@dataclass(frozen=True)
class Machine:
    """What differs between processors: Mach-O type and subtype, page size, alignment in universal files."""

    name: str
    processor: int
    subtype: int
    page: int
    alignment: int


INTEL = Machine("x86_64", 0x1000007, 3, 0x1000, 12)
ARM = Machine("arm64", 0x100000C, 0, 0x4000, 14)
MACHINES = (INTEL, ARM)


def program(text: str) -> bytes:
    """Return a universal executable that prints *text* and a line break; *text* has no NUL."""
    return universal([executable(machine, text) for machine in MACHINES])


def framework(install_name: str, symbol: str, number: int) -> bytes:
    """Return a universal library that is found as *install_name* and exports ``int symbol(void)``."""
    return universal([library(machine, install_name, symbol, number) for machine in MACHINES])


def universal(images: Sequence[bytes]) -> bytes:
    """Return the images, one for each of ``MACHINES``, in one file, aligned as ``lipo`` does it."""
    head = struct.pack(">II", 0xCAFEBABE, len(images))
    body = b""
    start = 1 << MACHINES[0].alignment
    for machine, image in zip(MACHINES, images, strict=True):
        place = _align(start + len(body), 1 << machine.alignment)
        body = body.ljust(place - start, b"\0") + image
        head += _FAT.pack(machine.processor, machine.subtype, place, len(image), machine.alignment)
    return head.ljust(start, b"\0") + body


def executable(machine: Machine, text: str) -> bytes:
    """Return a program for one processor that prints *text*."""
    words = text.encode() + b"\0"
    # the code's length does not depend on addresses
    length = len(_print(machine, 0, 0, 0))
    start = (machine.page - length - len(words)) & ~15
    pointer = _BASE + machine.page
    code = _print(machine, _BASE + start, _BASE + start + length, pointer)
    linked = _Linked(
        bind=_bind("_puts", segment=2),
        exports=b"",
        defined=[("__mh_execute_header", _BASE, 0x10), ("_main", _BASE + start, 0)],
        undefined=["_puts"],
        indirect=[2],
    )
    sections = [
        _section("__text", "__TEXT", _BASE + start, length, start, 4, 0x80000400),
        _section("__cstring", "__TEXT", _BASE + start + length, len(words), start + length, 0, 2),
    ]
    pointers = [_section("__got", "__DATA", pointer, 8, machine.page, 3, 6)]
    commands = [
        _segment("__PAGEZERO", 0, _BASE, 0, 0, 0, []),
        _segment("__TEXT", _BASE, machine.page, 0, machine.page, 5, sections),
        _segment("__DATA", pointer, machine.page, machine.page, machine.page, 3, pointers),
    ]
    image = _Image(machine, _EXECUTABLE, _FLAGS | _POSITION_INDEPENDENT, commands, start, code + words, 2)
    more = [
        _text_command(0xE, 12, "/usr/lib/dyld"),  # LC_LOAD_DYLINKER
        struct.pack("<IIQQ", 0x80000028, 24, start, 0),  # LC_MAIN: offset, default stack
        _load_library(0xC, _SYSTEM, (0, 0x10000, 0x10000)),
    ]
    return image.built(linked, more)


def library(machine: Machine, install_name: str, symbol: str, number: int) -> bytes:
    """Return a library for one processor."""
    code = _return(machine, number)
    start = (machine.page - len(code)) & ~15
    linked = _Linked(
        bind=b"",
        exports=_exports(f"_{symbol}", start),
        defined=[(f"_{symbol}", start, 0)],
        undefined=[],
        indirect=[],
    )
    sections = [_section("__text", "__TEXT", start, len(code), start, 4, 0x80000400)]
    commands = [_segment("__TEXT", 0, machine.page, 0, machine.page, 5, sections)]
    image = _Image(machine, _LIBRARY, _FLAGS | _NO_REEXPORTS, commands, start, code, 1, base=0)
    more = [
        _load_library(0xC, _SYSTEM, (0, 0x10000, 0x10000)),
    ]
    return image.built(linked, more, first=[_load_library(0xD, install_name, (1, 0x10000, 0x10000))])


# machine code


def _print(machine: Machine, code: int, text: int, pointer: int) -> bytes:
    """Return ``main``: call the function behind *pointer* with *text*, return 0."""
    if machine is INTEL:
        out = bytes.fromhex("55 48 89 E5")  # push rbp ; mov rbp, rsp    aligns the stack to 16
        out += bytes.fromhex("48 8D 3D")  # lea rdi, [rip+text]
        out += struct.pack("<i", _distance(text, code + len(out) + 4))
        out += bytes.fromhex("FF 15")  # call [rip+pointer]
        out += struct.pack("<i", _distance(pointer, code + len(out) + 4))
        return out + bytes.fromhex("31 C0 5D C3")  # xor eax, eax ; pop rbp ; ret
    words = [
        0xA9BF_7BFD,  # stp x29, x30, [sp, #-16]!
        0x9100_03FD,  # mov x29, sp
        _adrp(0, text, code + 8),  # adrp x0, text
        0x9100_0000 | (text & 0xFFF) << 10,  # add x0, x0, #offset in the page
        _adrp(8, pointer, code + 16),  # adrp x8, pointer
        0xF940_0108 | (pointer & 0xFFF) >> 3 << 10,  # ldr x8, [x8, #offset]: in units of eight bytes
        0xD63F_0100,  # blr x8
        0x5280_0000,  # mov w0, #0
        0xA8C1_7BFD,  # ldp x29, x30, [sp], #16
        0xD65F_03C0,  # ret
    ]
    return struct.pack(f"<{len(words)}I", *words)


def _return(machine: Machine, number: int) -> bytes:
    """Return a function that returns *number* (16 bits)."""
    if machine is INTEL:
        return b"\xb8" + struct.pack("<I", number) + b"\xc3"  # mov eax, number ; ret
    return struct.pack("<II", 0x5280_0000 | number << 5, 0xD65F_03C0)  # mov w0, #number ; ret


def _distance(target: int, after: int) -> int:
    # the first pass, which only measures, has no addresses
    return target - after if target else 0


def _adrp(register: int, target: int, at: int) -> int:
    # the distance in 4 KiB pages, its low two bits apart from the others
    pages = (target >> 12) - (at >> 12)
    return 0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5 | register


# what dyld reads


def _uleb(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _bind(symbol: str, segment: int) -> bytes:
    """Return the opcodes that put *symbol* of the first library into the first pointer of *segment*."""
    return (
        bytes([0x11])  # BIND_OPCODE_SET_DYLIB_ORDINAL_IMM 1
        + bytes([0x40])  # BIND_OPCODE_SET_SYMBOL_TRAILING_FLAGS_IMM
        + symbol.encode()
        + b"\0"
        + bytes([0x51])  # BIND_OPCODE_SET_TYPE_IMM, pointer
        + bytes([0x70 | segment])  # BIND_OPCODE_SET_SEGMENT_AND_OFFSET_ULEB
        + _uleb(0)
        + bytes([0x90, 0x00])  # BIND_OPCODE_DO_BIND, BIND_OPCODE_DONE
    )


def _exports(symbol: str, offset: int) -> bytes:
    """Return a trie with one symbol at *offset* from the image's start."""
    value = _uleb(0) + _uleb(offset)  # regular symbol, address
    leaf = _uleb(len(value)) + value + b"\0"
    edge = symbol.encode() + b"\0"
    # no value at the root, one edge, and where its node begins: fewer than 128 bytes on
    return b"\0\x01" + edge + bytes([3 + len(edge)]) + leaf


@dataclass(frozen=True)
class _Linked:
    """What goes into __LINKEDIT. A defined symbol is (name, address, description)."""

    bind: bytes
    exports: bytes
    defined: list[tuple[str, int, int]]
    undefined: list[str]
    indirect: list[int]


@dataclass(frozen=True)
class _Image:
    """An image but for __LINKEDIT: *contents* lie at *start* in the first page, *pages* pages come before."""

    machine: Machine
    kind: int
    flags: int
    segments: list[bytes]
    start: int
    contents: bytes
    pages: int
    base: int = _BASE

    def built(self, linked: _Linked, more: Sequence[bytes], first: Sequence[bytes] = ()) -> bytes:
        """Return the file; *first* stand before the commands that name tables, *more* after them."""
        at = self.pages * self.machine.page
        parts: list[bytes] = []

        def put(data: bytes) -> tuple[int, int]:
            place = at + sum(map(len, parts))
            parts.append(data.ljust(_align(len(data), 8), b"\0"))
            return (place, len(parts[-1])) if data else (0, 0)

        bind, exports = put(linked.bind), put(linked.exports)
        names = b" \0"
        symbols = b""
        for name, address, description in linked.defined:
            # N_SECT | N_EXT, in the first section
            symbols += struct.pack("<IBBHQ", len(names), 0x0F, 1, description, address)
            names += name.encode() + b"\0"
        for name in linked.undefined:
            # N_EXT, from the first library
            symbols += struct.pack("<IBBHQ", len(names), 0x01, 0, 0x0100, 0)
            names += name.encode() + b"\0"
        count = len(linked.defined) + len(linked.undefined)
        table = put(symbols)
        indirect = put(struct.pack(f"<{len(linked.indirect)}I", *linked.indirect))
        strings = put(names)
        tail = b"".join(parts)

        defined, undefined = len(linked.defined), len(linked.undefined)
        dynamic = [
            0,
            0,
            0,
            defined,
            defined,
            undefined,
            *[0] * 6,
            indirect[0],
            len(linked.indirect),
            *[0] * 4,
        ]
        commands = [
            *self.segments,
            _segment(
                "__LINKEDIT", self.base + at, _align(len(tail), self.machine.page), at, len(tail), 1, []
            ),
            *first,
            struct.pack("<12I", 0x80000022, 48, 0, 0, *bind, 0, 0, 0, 0, *exports),  # LC_DYLD_INFO_ONLY
            struct.pack("<6I", 0x2, 24, table[0], count, *strings),  # LC_SYMTAB
            struct.pack("<20I", 0xB, 80, *dynamic),  # LC_DYSYMTAB
            struct.pack("<6I", 0x32, 24, 1, _MINIMUM_OS, _MINIMUM_OS, 0),  # LC_BUILD_VERSION, macOS
            *more,
        ]
        whole = self._whole(commands, bytes(16), tail)
        # an identifier that follows from the contents, marked as made in an own way (RFC 9562, 5.8)
        digest = bytearray(hashlib.sha256(whole).digest()[:16])
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
        return self._whole(commands, bytes(digest), tail)

    def _whole(self, commands: Sequence[bytes], identifier: bytes, tail: bytes) -> bytes:
        commands = [*commands, struct.pack("<II", 0x1B, 24) + identifier]  # LC_UUID
        listed = b"".join(commands)
        head = struct.pack(
            "<8I",
            _MAGIC,
            self.machine.processor,
            self.machine.subtype,
            self.kind,
            len(commands),
            len(listed),
            self.flags,
            0,
        )
        if len(head) + len(listed) + _COMMAND_ROOM > self.start:
            raise ValueError("no room is left for a signature's load command")
        page = (head + listed).ljust(self.start, b"\0") + self.contents
        return page.ljust(self.pages * self.machine.page, b"\0") + tail


def _section(
    name: str, segment: str, address: int, size: int, offset: int, alignment: int, flags: int
) -> bytes:
    names = name.encode().ljust(16, b"\0") + segment.encode().ljust(16, b"\0")
    # a section of pointers begins at the first entry of the indirect symbols
    return names + struct.pack("<QQIIIIIIII", address, size, offset, alignment, 0, 0, flags, 0, 0, 0)


def _segment(
    name: str, address: int, size: int, offset: int, length: int, protection: int, sections: Sequence[bytes]
) -> bytes:
    listed = b"".join(sections)
    return (
        struct.pack("<II", 0x19, 72 + len(listed))  # LC_SEGMENT_64
        + name.encode().ljust(16, b"\0")
        + struct.pack("<QQQQIIII", address, size, offset, length, protection, protection, len(sections), 0)
        + listed
    )


def _text_command(kind: int, offset: int, text: str, middle: bytes = b"") -> bytes:
    body = middle + text.encode() + b"\0"
    size = _align(offset + len(text.encode()) + 1, 8)
    return (struct.pack("<III", kind, size, offset) + body).ljust(size, b"\0")


def _load_library(kind: int, name: str, versions: tuple[int, int, int]) -> bytes:
    """Return a command that names a library: time stamp, current and compatible version."""
    return _text_command(kind, 24, name, struct.pack("<III", *versions))


def _align(value: int, step: int) -> int:
    return -(-value // step) * step
