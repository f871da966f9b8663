"""Mach-O files, thin and universal, as code signing needs to know them (mach-o/loader.h, mach-o/fat.h).

Only headers and load commands are read, every length checked against what holds it; code itself is streamed
by whoever hashes or copies it, so that memory does not grow with the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.text import tr

FAT_MAGIC, FAT_MAGIC_64 = 0xCAFEBABE, 0xCAFEBABF
_THIN = {
    b"\xfe\xed\xfa\xce": (">", False),
    b"\xfe\xed\xfa\xcf": (">", True),
    b"\xce\xfa\xed\xfe": ("<", False),
    b"\xcf\xfa\xed\xfe": ("<", True),
}

MH_OBJECT, MH_EXECUTE = 1, 2
_FILE_TYPES = {
    1: "object",
    2: "executable",
    6: "dylib",
    7: "dylinker",
    8: "bundle",
    10: "dSYM",
    11: "kext",
}

LC_SEGMENT, LC_SEGMENT_64, LC_CODE_SIGNATURE = 0x1, 0x19, 0x1D
LC_VERSION_MIN_MACOSX, LC_BUILD_VERSION = 0x24, 0x32
SIGNATURE_COMMAND_SIZE = 16

_CPU_64 = 0x01000000
_CPU_NAMES = {
    7: "i386",
    7 | _CPU_64: "x86_64",
    12: "arm",
    12 | _CPU_64: "arm64",
    18: "ppc",
    18 | _CPU_64: "ppc64",
}
_ZERO_FILL = (0x1, 0xC, 0x12)  # S_ZEROFILL, S_GB_ZEROFILL, S_THREAD_LOCAL_ZEROFILL

# far above what linkers write
_MAXIMUM_IMAGES = 32
_MAXIMUM_COMMANDS = 16384
_MAXIMUM_COMMANDS_SIZE = 8 << 20
_MAXIMUM_SEGMENTS = 1024
_MAXIMUM_SECTIONS = 16384
_MAXIMUM_PLIST = 4 << 20


class MachoError(ValueError):
    """The file contradicts itself, or is not Mach-O; the text says why, in words for a person."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: ``command`` is its load command's offset in the image; sizes in bytes."""

    name: str
    command: int
    file_offset: int
    file_size: int
    vm_size: int


@dataclass(frozen=True, slots=True)
class SignatureCommand:
    """LC_CODE_SIGNATURE: ``command`` its offset in the image, and where the signature's data lie in it."""

    command: int
    offset: int
    size: int


@dataclass(frozen=True)
class Image:
    """One architecture. ``offset`` and ``size`` place it in the file; all other offsets count from there.

    ``header`` holds the mach header and the load commands; ``first_content`` is where the first byte that is
    neither lies; ``sdk`` is the SDK's version as load commands pack it (0x000F0500 is 15.5), 0 if unknown.
    """

    offset: int
    size: int
    align: int
    order: str
    is_64: bool
    cpu_type: int
    cpu_subtype: int
    file_type: int
    command_count: int
    header: bytes
    segments: list[Segment]
    first_content: int
    signature: SignatureCommand | None
    sdk: int
    platform: int
    info_plist: tuple[int, int] | None

    @property
    def architecture(self) -> str:
        """The name that Apple's tools use: ``arm64``, ``x86_64``; unknown ones by number."""
        name = _CPU_NAMES.get(self.cpu_type, f"cpu {self.cpu_type:#x}")
        return "arm64e" if name == "arm64" and self.cpu_subtype & 0xFFFFFF == 2 else name

    @property
    def kind(self) -> str:
        """``executable``, ``dylib``, ``bundle`` …, or the number of an unknown file type."""
        return _FILE_TYPES.get(self.file_type, str(self.file_type))

    @property
    def is_executable(self) -> bool:
        """Whether it is a main program."""
        return self.file_type == MH_EXECUTE

    def segment(self, name: str) -> Segment | None:
        """Return the segment *name*, or ``None``."""
        return next((each for each in self.segments if each.name == name), None)

    @property
    def content_end(self) -> int:
        """Where the code ends and a signature lies or may be put, before it is rounded up."""
        if self.signature is not None:
            return self.signature.offset
        linkedit = self.segment("__LINKEDIT")
        return self.size if linkedit is None else linkedit.file_offset + linkedit.file_size


@dataclass(frozen=True)
class Binary:
    """A Mach-O file: one image, or several in a universal file, in the order of the file's table."""

    size: int
    images: list[Image] = field(default_factory=list)
    universal: bool = False
    wide: bool = False  # a table with 64-bit offsets


def is_macho(start: bytes) -> bool:
    """Tell whether a file that begins with *start* (8 bytes or more) is Mach-O; a Java class is not."""
    if start[:4] in _THIN:
        return True
    if len(start) < 8 or int.from_bytes(start[:4], "big") not in (FAT_MAGIC, FAT_MAGIC_64):
        return False
    # a class file has its version there, 45 or more
    return 0 < int.from_bytes(start[4:8], "big") <= _MAXIMUM_IMAGES


def read(file: BinaryIO) -> Binary:
    """Return what the open *file* holds; raises ``MachoError`` and ``OSError``."""
    size = file.seek(0, 2)
    start = _at(file, 0, min(size, 8), size)
    if start[:4] in _THIN:
        return Binary(size, [_image(file, 0, size, 0)])
    if not is_macho(start):
        raise MachoError(tr("it is not a macOS program"))
    wide = int.from_bytes(start[:4], "big") == FAT_MAGIC_64
    count = int.from_bytes(start[4:8], "big")
    form = struct.Struct(">IIQQII" if wide else ">IIIII")
    table = _at(file, 8, count * form.size, size)
    images: list[Image] = []
    for number in range(count):
        cpu_type, cpu_subtype, offset, length, align = form.unpack_from(table, number * form.size)[:5]
        if offset < 8 + len(table) or offset + length > size:
            raise MachoError(tr("part {number} lies outside the file").format(number=number + 1))
        if any(offset < each.offset + each.size and each.offset < offset + length for each in images):
            raise MachoError(tr("two of its parts overlap"))
        if align > 20:
            raise MachoError(tr("part {number} has an alignment no program has").format(number=number + 1))
        image = _image(file, offset, length, align)
        if (image.cpu_type, image.cpu_subtype & 0xFFFFFF) != (cpu_type, cpu_subtype & 0xFFFFFF):
            raise MachoError(
                tr("part {number} is for another processor than the table says").format(number=number + 1)
            )
        images.append(image)
    return Binary(size, images, True, wide)


def _at(file: BinaryIO, offset: int, length: int, end: int) -> bytes:
    if offset + length > end:
        raise MachoError(tr("it is cut short"))
    file.seek(offset)
    data = file.read(length)
    if len(data) != length:
        raise MachoError(tr("it is cut short"))
    return data


def _image(file: BinaryIO, offset: int, size: int, align: int) -> Image:
    start = _at(file, offset, min(28, size), offset + size)
    if len(start) < 28 or start[:4] not in _THIN:
        if start[:7] == b"!<arch>":
            raise MachoError(tr("it is a static library, which is not signed"))
        raise MachoError(tr("it is cut short or not a macOS program"))
    order, is_64 = _THIN[start[:4]]
    cpu_type, cpu_subtype, file_type, count, length = struct.unpack_from(f"{order}5I", start, 4)
    fixed = 32 if is_64 else 28
    if count > _MAXIMUM_COMMANDS or length > _MAXIMUM_COMMANDS_SIZE:
        raise MachoError(tr("it has more load commands than any program"))
    header = _at(file, offset, fixed + length, offset + size)
    reader = _Commands(header, order, size, fixed)
    reader.read(count)
    return Image(
        offset=offset,
        size=size,
        align=align,
        order=order,
        is_64=is_64,
        cpu_type=cpu_type,
        cpu_subtype=cpu_subtype,
        file_type=file_type,
        command_count=count,
        header=header,
        segments=reader.segments,
        first_content=min(reader.first_content, size),
        signature=reader.signature,
        sdk=reader.sdk,
        platform=reader.platform,
        info_plist=reader.info_plist,
    )


class _Commands:
    """Reads the load commands in *header*; everything found must lie within *size* bytes."""

    def __init__(self, header: bytes, order: str, size: int, fixed: int) -> None:
        self.header, self.order, self.size, self.fixed = header, order, size, fixed
        self.segments: list[Segment] = []
        self.signature: SignatureCommand | None = None
        self.first_content = size
        self.sdk = self.platform = self.sections = 0
        self.info_plist: tuple[int, int] | None = None

    def read(self, count: int) -> None:
        place = self.fixed
        for _ in range(count):
            command, length = self._unpack("2I", place, place + 8)
            end = place + length
            if length < 8 or length % 4 or end > len(self.header):
                raise MachoError(tr("a load command's length does not fit"))
            if command in (LC_SEGMENT, LC_SEGMENT_64):
                self._segment(place, end, command == LC_SEGMENT_64)
            elif command == LC_CODE_SIGNATURE:
                self._signature(place, end)
            elif command == LC_BUILD_VERSION:
                self.platform, _, self.sdk = self._unpack("3I", place + 8, end)
            elif command == LC_VERSION_MIN_MACOSX:
                _, self.sdk = self._unpack("2I", place + 8, end)
                self.platform = 1
            place = end

    def _unpack(self, form: str, place: int, end: int) -> tuple[int, ...]:
        if place + struct.calcsize(self.order + form) > min(end, len(self.header)):
            raise MachoError(tr("a load command is cut short"))
        return struct.unpack_from(self.order + form, self.header, place)

    def _signature(self, place: int, end: int) -> None:
        if self.signature is not None:
            raise MachoError(tr("it has two signatures"))
        offset, length = self._unpack("2I", place + 8, end)
        if offset < len(self.header) or offset + length > self.size:
            raise MachoError(tr("its signature lies outside the file"))
        self.signature = SignatureCommand(place, offset, length)

    def _segment(self, place: int, end: int, wide: bool) -> None:
        raw = self.header[place + 8 : place + 24]
        name = shown(raw.rstrip(b"\0").decode("ascii", "replace"))
        _, vm_size, offset, length = self._unpack("4Q" if wide else "4I", place + 24, end)
        sections = place + (72 if wide else 56)
        count = self._unpack("I", sections - 8, end)[0]
        if length and offset + length > self.size:
            raise MachoError(tr("segment {name} lies outside the file").format(name=name))
        if name == "__LINKEDIT" and any(each.name == name for each in self.segments):
            raise MachoError(tr("it has two segments {name}").format(name=name))
        self.segments.append(Segment(name, place, offset, length, vm_size))
        self.sections += count
        if len(self.segments) > _MAXIMUM_SEGMENTS or self.sections > _MAXIMUM_SECTIONS:
            raise MachoError(tr("it has more segments or sections than any program"))
        if length and offset:
            self.first_content = min(self.first_content, offset)
        for number in range(count):
            self._section(sections + number * (80 if wide else 68), end, wide)

    def _section(self, place: int, end: int, wide: bool) -> None:
        form = "2Q4I2I" if wide else "2I4I2I"
        values = self._unpack(form, place + 32, end)
        length, offset, flags = values[1], values[2], values[6]
        # sections without content may carry any offset
        if flags & 0xFF in _ZERO_FILL or not length or not offset:
            return
        self.first_content = min(self.first_content, offset)
        names = self.header[place : place + 32]
        if names[:16].rstrip(b"\0") == b"__info_plist" and names[16:].rstrip(b"\0") == b"__TEXT":
            if length > _MAXIMUM_PLIST or offset + length > self.size:
                raise MachoError(tr("its Info.plist lies outside the file"))
            self.info_plist = (offset, length)


def embedded_info_plist(file: BinaryIO, image: Image) -> bytes | None:
    """Return the Info.plist in the program itself (section __TEXT,__info_plist), or ``None``."""
    if image.info_plist is None:
        return None
    offset, length = image.info_plist
    return _at(file, image.offset + offset, length, image.offset + image.size)


def signature_data(file: BinaryIO, image: Image, maximum: int = 64 << 20) -> bytes:
    """Return the octets LC_CODE_SIGNATURE points at, or ``b""``; raises ``MachoError`` if over *maximum*."""
    if image.signature is None:
        return b""
    if image.signature.size > maximum:
        raise MachoError(tr("its signature is larger than any"))
    place = image.offset + image.signature.offset
    return _at(file, place, image.signature.size, image.offset + image.size)
