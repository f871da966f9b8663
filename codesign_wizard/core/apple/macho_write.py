"""Making room for a signature in Mach-O: load commands, __LINKEDIT, the table of universal files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from codesign_wizard.core.apple.macho import (
    FAT_MAGIC,
    FAT_MAGIC_64,
    LC_CODE_SIGNATURE,
    LC_SEGMENT_64,
    SIGNATURE_COMMAND_SIZE,
    Binary,
    Image,
    MachoError,
)
from codesign_wizard.core.text import tr

SIGNATURE_ALIGNMENT = 16
_VM_PAGE = 1 << 14
_DEFAULT_ALIGN = {7: 12, 7 | 1 << 24: 12}  # x86; all others 14, as lipo does
_MAXIMUM_FILE = 1 << 32
# where the command count and the commands' size stand in a mach header
_COUNT_AT = 16


@dataclass(frozen=True)
class Plan:
    """How an image will look: its new header, where the signature begins, and how much room it has."""

    header: bytes
    copied: int
    signature_offset: int
    signature_size: int

    @property
    def size(self) -> int:
        """The image's new size in bytes."""
        return self.signature_offset + self.signature_size


def code_limit(image: Image) -> int:
    """Return where a new signature begins in *image*; raises ``MachoError`` if there is no place for one."""
    linkedit = image.segment("__LINKEDIT")
    if linkedit is None:
        raise MachoError(tr("it has no segment __LINKEDIT, where a signature belongs"))
    if any(each.file_offset > linkedit.file_offset and each.file_size for each in image.segments):
        raise MachoError(tr("its segment __LINKEDIT is not the last one"))
    end = linkedit.file_offset + linkedit.file_size
    signature = image.signature
    if signature is not None:
        if not linkedit.file_offset <= signature.offset <= end:
            raise MachoError(tr("its signature is not in the segment __LINKEDIT"))
        if signature.offset + signature.size < end - SIGNATURE_ALIGNMENT:
            raise MachoError(tr("something follows its signature"))
    return _aligned(image.content_end, SIGNATURE_ALIGNMENT)


def plan(image: Image, room: int) -> Plan:
    """Return how *image* is laid anew for a signature of up to *room* bytes; raises ``MachoError``."""
    start = code_limit(image)
    size = _aligned(room, SIGNATURE_ALIGNMENT)
    header = bytearray(image.header)
    order = image.order
    if image.signature is not None:
        place = image.signature.command
    else:
        place = len(header)
        if place + SIGNATURE_COMMAND_SIZE > image.first_content:
            raise MachoError(
                tr("there is no room for one more load command; link it with -headerpad 0x20 or more")
            )
        header += bytes(SIGNATURE_COMMAND_SIZE)
        count, length = struct.unpack_from(f"{order}2I", header, _COUNT_AT)
        struct.pack_into(f"{order}2I", header, _COUNT_AT, count + 1, length + SIGNATURE_COMMAND_SIZE)
    struct.pack_into(f"{order}4I", header, place, LC_CODE_SIGNATURE, SIGNATURE_COMMAND_SIZE, start, size)
    linkedit = image.segment("__LINKEDIT")
    if linkedit is None or start + size >= _MAXIMUM_FILE:
        raise MachoError(tr("it is too large for a signature"))
    file_size = start + size - linkedit.file_offset
    vm_size = _aligned(file_size, _VM_PAGE)
    wide = struct.unpack_from(f"{order}I", header, linkedit.command)[0] == LC_SEGMENT_64
    if wide:
        struct.pack_into(f"{order}Q", header, linkedit.command + 32, vm_size)
        struct.pack_into(f"{order}Q", header, linkedit.command + 48, file_size)
    else:
        struct.pack_into(f"{order}I", header, linkedit.command + 28, vm_size)
        struct.pack_into(f"{order}I", header, linkedit.command + 36, file_size)
    return Plan(bytes(header), image.content_end, start, size)


def place(binary: Binary, plans: list[Plan]) -> list[int]:
    """Return where each image will begin; raises ``MachoError`` when the file outgrows its table."""
    if not binary.universal:
        return [0]
    offset = 8 + len(plans) * (32 if binary.wide else 20)
    places = []
    for image, each in zip(binary.images, plans, strict=True):
        offset = _aligned(offset, 1 << align(image))
        places.append(offset)
        offset += each.size
    if not binary.wide and offset >= _MAXIMUM_FILE:
        raise MachoError(tr("it is too large for a signature"))
    return places


def align(image: Image) -> int:
    """Return the power of two that the image is aligned to in a universal file: what it was, or lipo's."""
    return image.align or _DEFAULT_ALIGN.get(image.cpu_type, 14)


def table(binary: Binary, plans: list[Plan], places: list[int]) -> bytes:
    """Return the universal header; empty for a thin file."""
    if not binary.universal:
        return b""
    parts = [struct.pack(">2I", FAT_MAGIC_64 if binary.wide else FAT_MAGIC, len(plans))]
    for image, each, offset in zip(binary.images, plans, places, strict=True):
        numbers = (image.cpu_type, image.cpu_subtype, offset, each.size, align(image))
        parts.append(struct.pack(">2I2Q2I", *numbers, 0) if binary.wide else struct.pack(">5I", *numbers))
    return b"".join(parts)


def _aligned(number: int, to: int) -> int:
    return -(-number // to) * to
