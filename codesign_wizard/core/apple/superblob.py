"""The container of a code signature: a SuperBlob with one blob a slot (xnu, osfmk/kern/cs_blobs.h)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from codesign_wizard.core.text import tr

MAGIC_REQUIREMENT = 0xFADE0C00
MAGIC_REQUIREMENTS = 0xFADE0C01
MAGIC_CODE_DIRECTORY = 0xFADE0C02
MAGIC_SIGNATURE = 0xFADE0CC0
MAGIC_ENTITLEMENTS = 0xFADE7171
MAGIC_ENTITLEMENTS_DER = 0xFADE7172
MAGIC_CMS = 0xFADE0B01

SLOT_CODE_DIRECTORY = 0
SLOT_INFO = 1
SLOT_REQUIREMENTS = 2
SLOT_RESOURCES = 3
SLOT_ENTITLEMENTS = 5
SLOT_ENTITLEMENTS_DER = 7
SLOT_ALTERNATES = range(0x1000, 0x1005)
SLOT_CMS = 0x10000

_MAXIMUM_BLOBS = 64


class BlobError(ValueError):
    """The signature's container is damaged; the text says how, in words for a person."""


def blob(magic: int, content: bytes) -> bytes:
    """Return *content* with the header of a blob: magic and length, big endian."""
    return struct.pack(">II", magic, len(content) + 8) + content


def content(data: bytes, magic: int) -> bytes:
    """Return what a blob of the kind *magic* holds; raises ``BlobError``."""
    if len(data) < 8:
        raise BlobError(tr("a part of the signature is cut short"))
    found, length = struct.unpack_from(">II", data)
    if found != magic or length != len(data):
        raise BlobError(tr("a part of the signature is not what its place says"))
    return data[8:]


def build(blobs: Mapping[int, bytes], magic: int = MAGIC_SIGNATURE) -> bytes:
    """Return the SuperBlob of *blobs*, by slot, in the order given."""
    place = 12 + 8 * len(blobs)
    index = b""
    for slot, data in blobs.items():
        index += struct.pack(">II", slot, place)
        place += len(data)
    return struct.pack(">III", magic, place, len(blobs)) + index + b"".join(blobs.values())


def parse(data: bytes, magic: int = MAGIC_SIGNATURE) -> dict[int, bytes]:
    """Return the blobs of a SuperBlob by slot; zeros may follow it. Raises ``BlobError``."""
    if len(data) < 12:
        raise BlobError(tr("the signature is cut short"))
    found, length, count = struct.unpack_from(">III", data)
    if found != magic:
        raise BlobError(tr("the signature does not begin like one"))
    if length > len(data) or count > _MAXIMUM_BLOBS or 12 + 8 * count > length:
        raise BlobError(tr("the signature's table does not fit"))
    blobs: dict[int, bytes] = {}
    taken: list[tuple[int, int]] = [(0, 12 + 8 * count)]
    for number in range(count):
        slot, place = struct.unpack_from(">II", data, 12 + 8 * number)
        if slot in blobs:
            raise BlobError(tr("a part of the signature is there twice"))
        if place + 8 > length:
            raise BlobError(tr("a part of the signature lies outside of it"))
        size = struct.unpack_from(">I", data, place + 4)[0]
        end = place + size
        if size < 8 or end > length or any(place < other and start < end for start, other in taken):
            raise BlobError(tr("a part of the signature lies outside of it or in another part"))
        taken.append((place, end))
        blobs[slot] = data[place:end]
    return blobs
