"""Small Mach-O files, made by hand: enough of one for load commands, code pages and a signature."""

from __future__ import annotations

import struct

CPU = {"x86_64": (0x01000007, 3), "arm64": (0x0100000C, 0), "i386": (7, 3), "ppc": (18, 0)}
EXECUTE, DYLIB, OBJECT = 2, 6, 1


def _name(text: str) -> bytes:
    return text.encode().ljust(16, b"\0")


def thin(
    architecture: str = "arm64",
    *,
    code: int = 10_000,
    file_type: int = EXECUTE,
    room: int = 64,
    linkedit: int = 37,
    sdk: int = 0x000F0500,
    info_plist: bytes = b"",
    seed: int = 1,
    body: bytes = b"",
) -> bytes:
    """Return an unsigned image with *code* bytes of text and *room* bytes behind its load commands.

    *body* is the text itself, in place of one made up.
    """
    code = len(body) or code
    wide = architecture in ("x86_64", "arm64")
    order = ">" if architecture == "ppc" else "<"
    fixed = 32 if wide else 28
    segment, section = (72, 80) if wide else (56, 68)
    sections = 2 if info_plist else 1
    length = segment + sections * section + segment + 24
    start = fixed + length + room
    text_end = -(-(start + code + len(info_plist)) // 4096) * 4096
    body = body or bytes((n * seed) % 251 for n in range(code))

    def make_segment(name: str, place: int, size: int, count: int) -> bytes:
        form = f"{order}2I16s4Q4I" if wide else f"{order}2I16s4I4I"
        own = segment + count * section
        vm = 0x10000 + -(-place // 16384) * 16384
        return struct.pack(
            form,
            0x19 if wide else 1,
            own,
            _name(name),
            vm,
            -(-size // 16384) * 16384,
            place,
            size,
            7,
            5,
            count,
            0,
        )

    def make_section(name: str, place: int, size: int) -> bytes:
        form = f"{order}16s16s2Q8I" if wide else f"{order}16s16s2I7I"
        rest = (place, 4, 0, 0, 0, 0, 0, 0) if wide else (place, 4, 0, 0, 0, 0, 0)
        return struct.pack(form, _name(name), _name("__TEXT"), 0x10000 + place, size, *rest)

    commands = make_segment("__TEXT", 0, text_end, sections) + make_section("__text", start, code)
    if info_plist:
        commands += make_section("__info_plist", start + code, len(info_plist))
    commands += make_segment("__LINKEDIT", text_end, linkedit, 0)
    commands += struct.pack(f"{order}6I", 0x32, 24, 1, 0x000B0000, sdk, 0)
    assert len(commands) == length
    magic = 0xFEEDFACF if wide else 0xFEEDFACE
    header = struct.pack(
        f"{order}7I{'I' if wide else ''}",
        magic,
        *CPU[architecture],
        file_type,
        4 - 1,
        length,
        0x200085,
        *((0,) if wide else ()),
    )
    head = header + commands + bytes(room) + body + info_plist
    return head.ljust(text_end, b"\0") + bytes(n % 256 for n in range(linkedit))


def universal(*images: bytes, wide: bool = False, align: int = 14) -> bytes:
    """Return a universal file of *images*."""
    entry = 32 if wide else 20
    offset = 8 + entry * len(images)
    table, data = b"", b""
    start = offset
    for image in images:
        order = ">" if image[0] == 0xFE else "<"
        cpu, subtype = struct.unpack_from(f"{order}2I", image, 4)
        place = -(-(start + len(data)) // (1 << align)) * (1 << align)
        data = data.ljust(place - start, b"\0") + image
        numbers = (cpu, subtype, place, len(image), align)
        table += struct.pack(">2I2Q2I", *numbers, 0) if wide else struct.pack(">5I", *numbers)
    return struct.pack(">2I", 0xCAFEBABF if wide else 0xCAFEBABE, len(images)) + table + data
