"""The bill of materials of a package (``Bom``): every path with mode, owner, size and checksum.

A file of numbered blocks, all numbers big endian, with trees of paths in it. Sources: hogliux/bomutils
(``bom.h``, ``mkbom.cpp``); indygreg/apple-platform-rs (``apple-bom``); compared with files that Apple's tools
wrote: paths are ordered by the parent's number and the name's bytes, a universal program carries size and
checksum of each of its parts, and a file's record ends with four zeros.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from codesign_wizard.core.apple.cpio import CpioError, plain_path
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.text import tr

MAGIC = b"BOMStore"
MAXIMUM_SIZE = 128 << 20
FILE, FOLDER, LINK, DEVICE = 1, 2, 3, 4

_HEADER = struct.Struct(">8s6I")
_HEADER_SIZE = 512
_TREE = struct.Struct(">4sIIIIB")
_NODE = struct.Struct(">HHII")
_INFO = struct.Struct(">BBHHIIIIBI")  # kind, 1, flags, mode, uid, gid, mtime, size, 1, checksum
_SLICE = struct.Struct(">IIII")
_NODE_SIZE = 4096
_NODE_ENTRIES = 256
_ORDINARY, _UNIVERSAL = 0x000F, 0x200F
_MAXIMUM_DEPTH = 256
_MAXIMUM_SLICES = 16
_MAXIMUM_ITEMS = 500_000
# for every byte, the byte with its bits in the opposite order
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class BomError(ValueError):
    """The file does not hold; the text says why, for a person."""


class Checksum:
    """The CRC that POSIX ``cksum`` prints, fed piece by piece.

    It is CRC-32 with the bits the other way round and the length appended, so ``zlib`` does the work.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._crc, self._length = 0xFFFFFFFF, 0
        self.update(data)

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._crc = zlib.crc32(data.translate(_REVERSED), self._crc)
        self._length += len(data)

    @property
    def value(self) -> int:
        """The checksum of what was taken so far."""
        length = self._length.to_bytes((self._length.bit_length() + 7) // 8, "little")
        register = zlib.crc32(length.translate(_REVERSED), self._crc) ^ 0xFFFFFFFF
        return int(f"{register:032b}"[::-1], 2) ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a universal program: Mach-O processor and subtype, bytes, checksum."""

    processor: int
    subtype: int
    size: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Item:
    """One path. ``mode`` has the kind's bits; ``mtime`` is in seconds since 1970; the root is ``.``.

    ``kind`` is ``FILE``, ``FOLDER``, ``LINK`` or ``DEVICE``; 0 takes it from the mode. Apple's tools write
    kinds that contradict the mode for what they make up (``._`` files), and other ``flags`` for that.
    """

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    checksum: int = 0
    link: str = ""
    slices: tuple[Slice, ...] = ()
    kind: int = 0
    flags: int = 0

    @property
    def own_kind(self) -> int:
        """``FILE``, ``FOLDER``, ``LINK`` or ``DEVICE``."""
        if self.kind:
            return self.kind
        if stat.S_ISDIR(self.mode):
            return FOLDER
        if stat.S_ISLNK(self.mode):
            return LINK
        return FILE if stat.S_ISREG(self.mode) else DEVICE


@dataclass(frozen=True)
class Bom:
    """What a file holds; ``info`` are the totals for each processor, kept as they came."""

    items: list[Item]
    info: bytes = field(repr=False, default=b"")


class _Store:
    """The blocks of a file, each length checked."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER_SIZE or len(data) > MAXIMUM_SIZE or not data.startswith(MAGIC):
            raise BomError(tr("it is no bill of materials"))
        self.data = data
        _, version, _, index, index_length, names, names_length = _HEADER.unpack_from(data)
        if version != 1 or max(index + index_length, names + names_length) > len(data) or index_length < 4:
            raise BomError(tr("it is damaged"))
        count = int.from_bytes(data[index : index + 4], "big")
        if 4 + 8 * count > index_length:
            raise BomError(tr("it is damaged"))
        self._index, self.count = index + 4, count
        self.names = dict(self._names(names, names + names_length))

    def _names(self, place: int, end: int) -> Iterator[tuple[str, int]]:
        count = self.number(place)
        place += 4
        for _ in range(count):
            if place + 5 > end:
                raise BomError(tr("it is damaged"))
            block, length = self.number(place), self.data[place + 4]
            yield self.data[place + 5 : place + 5 + length].decode("latin-1"), block
            place += 5 + length

    def number(self, place: int) -> int:
        if place + 4 > len(self.data):
            raise BomError(tr("it is damaged"))
        return int.from_bytes(self.data[place : place + 4], "big")

    def place(self, block: int, least: int) -> tuple[int, int]:
        """Return where *block* begins and its length, which is at least *least*."""
        if not 0 < block < self.count:
            raise BomError(tr("it is damaged"))
        start, length = struct.unpack_from(">II", self.data, self._index + 8 * block)
        if length < least or start + length > len(self.data):
            raise BomError(tr("it is damaged"))
        return start, length

    def block(self, block: int, least: int) -> bytes:
        start, length = self.place(block, least)
        return self.data[start : start + length]

    def leaves(self, tree: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs of block numbers in the leaves of a tree, in order."""
        magic, version, child, _, _, _ = _TREE.unpack_from(self.block(tree, _TREE.size))
        if magic != b"tree" or version != 1:
            raise BomError(tr("it is damaged"))
        seen: set[int] = set()
        while child:
            if child in seen:
                raise BomError(tr("it is damaged"))
            seen.add(child)
            node = self.block(child, _NODE.size)
            leaf, count, forward, _ = _NODE.unpack_from(node)
            if _NODE.size + 8 * count > len(node) or (not leaf and not count):
                raise BomError(tr("it is damaged"))
            pairs = struct.unpack_from(f">{2 * count}I", node, _NODE.size)
            if leaf:
                yield from zip(pairs[::2], pairs[1::2], strict=True)
                child = forward
            else:
                child = pairs[0]


def read(data: bytes) -> Bom:
    """Return what is in *data*; raises ``BomError``."""
    store = _Store(data)
    info = store.block(store.names["BomInfo"], 12) if "BomInfo" in store.names else b""
    return Bom([item for item, _ in _items(store)], info)


def _items(store: _Store) -> Iterator[tuple[Item, int]]:
    """Yield each path with the block number of its record."""
    if "Paths" not in store.names:
        raise BomError(tr("it has no paths"))
    parents: dict[int, tuple[int, str]] = {}
    records: list[tuple[int, int]] = []
    for first, second in store.leaves(store.names["Paths"]):
        number, record = struct.unpack_from(">II", store.block(first, 8))
        name = store.block(second, 5)
        if number in parents or len(parents) == _MAXIMUM_ITEMS:
            raise BomError(tr("it is damaged"))
        text = name[4:].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        parents[number] = (int.from_bytes(name[:4], "big"), text)
        records.append((number, record))
    for number, record in records:
        yield _item(_path(parents, number), store.block(record, _INFO.size)), record


def _path(parents: Mapping[int, tuple[int, str]], number: int) -> str:
    parts: list[str] = []
    while number:
        if len(parts) > _MAXIMUM_DEPTH or number not in parents:
            raise BomError(tr("it is damaged"))
        number, name = parents[number]
        if not name or "/" in name:
            raise BomError(tr("a file name in it leads elsewhere"))
        parts.append(name)
    try:
        return plain_path("/".join(reversed(parts)))
    except CpioError as error:
        raise BomError(str(error)) from error


def _item(path: str, record: bytes) -> Item:
    kind, _, flags, mode, uid, gid, mtime, size, _, checksum = _INFO.unpack_from(record)
    link, slices = "", []
    rest = _INFO.size
    if record[rest : rest + 1] == b"\1" and kind == FILE:
        # an ordinary file's record goes on with the length of a link, which is zero
        count = int.from_bytes(record[rest + 1 : rest + 5], "big")
        if count > _MAXIMUM_SLICES or rest + 5 + count * _SLICE.size > len(record):
            raise BomError(tr("it is damaged"))
        slices = [Slice(*_SLICE.unpack_from(record, rest + 5 + n * _SLICE.size)) for n in range(count)]
    elif kind == LINK:
        length = int.from_bytes(record[rest : rest + 4], "big")
        if length > len(record) - rest - 4:
            raise BomError(tr("it is damaged"))
        target = record[rest + 4 : rest + 4 + length].split(b"\0", 1)[0]
        link = target.decode("utf-8", "surrogateescape")
    return Item(path, mode, uid, gid, mtime, size, checksum, link, tuple(slices), kind, flags)


def update(data: bytes, changed: Mapping[str, tuple[int, int, tuple[Slice, ...]]]) -> bytes | None:
    """Return *data* with new (size, checksum, parts) of the files in *changed*, all else left as it is.

    ``None`` when that cannot be done in place: a path is missing, or has another number of parts. Raises
    ``BomError``.
    """
    store = _Store(data)
    result = bytearray(data)
    left = set(changed)
    for item, record in _items(store):
        if item.path not in changed:
            continue
        size, checksum, slices = changed[item.path]
        if item.own_kind != FILE or len(slices) != len(item.slices) or size > 0xFFFFFFFF:
            return None
        start, _ = store.place(record, _INFO.size)
        struct.pack_into(">IBI", result, start + _INFO.size - 9, size, 1, checksum)
        for number, part in enumerate(slices):
            place = start + _INFO.size + 5 + number * _SLICE.size
            _SLICE.pack_into(result, place, part.processor, part.subtype, part.size, part.checksum)
        left.discard(item.path)
    return None if left else bytes(result)


class _Blocks:
    """Blocks on their way into a file; numbers count from 1 and may be given before the bytes."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def reserve(self) -> int:
        return self.add(b"")

    def add(self, data: bytes) -> int:
        self._blocks.append(data)
        return len(self._blocks)

    def set(self, number: int, data: bytes) -> None:
        self._blocks[number - 1] = data

    def file(self, names: Sequence[tuple[str, int]]) -> bytes:
        listed = struct.pack(">I", len(names)) + b"".join(
            struct.pack(">IB", block, len(name)) + name.encode() for name, block in names
        )
        place = _HEADER_SIZE + len(listed)
        table = [struct.pack(">III", len(self._blocks) + 1, 0, 0)]
        for block in self._blocks:
            table.append(struct.pack(">II", place, len(block)))
            place += len(block)
        # the list of free room: none, and two empty pointers
        index = b"".join(table) + bytes(4 + 16)
        header = _HEADER.pack(MAGIC, 1, len(self._blocks), place, len(index), _HEADER_SIZE, len(listed))
        return b"".join((header.ljust(_HEADER_SIZE, b"\0"), listed, *self._blocks, index))


def write(items: Iterable[Item], info: bytes = b"") -> bytes:
    """Return a file with *items* in any order; folders above an item must be among them.

    *info* are the totals of a former file (``Bom.info``). Raises ``BomError`` for what the format cannot
    hold: a file of 4 GiB or more.
    """
    blocks = _Blocks()
    ordered = _numbered(items)
    information = blocks.reserve()
    paths, first = blocks.reserve(), blocks.reserve()
    names = [("BomInfo", information), ("Paths", paths)]
    names.append(("HLIndex", _empty_tree(blocks, _NODE_SIZE)))
    index = blocks.reserve()
    blocks.set(index, struct.pack(">IIIB", 1, _empty_tree(blocks, 128), 0, 0))
    names += [("VIndex", index), ("Size64", _empty_tree(blocks, _NODE_SIZE))]

    pairs = []
    for number, (parent, item) in enumerate(ordered, 1):
        record = blocks.add(_record(item))
        name = item.path.rpartition("/")[2].encode("utf-8", "surrogateescape")
        file = blocks.add(struct.pack(">I", parent) + name + b"\0")
        pairs.append((blocks.add(struct.pack(">II", number, record)), file))
    blocks.set(paths, _TREE.pack(b"tree", 1, first, _NODE_SIZE, len(pairs), 0))
    _nodes(blocks, first, pairs)

    former = info[8:] if len(info) >= 12 else struct.pack(">I", 1) + bytes(16)
    blocks.set(information, struct.pack(">II", 1, len(pairs) + 1) + former)
    return blocks.file(names)


def _numbered(items: Iterable[Item]) -> list[tuple[int, Item]]:
    """Return (parent's number, item) breadth first, siblings by the bytes of their names; numbers from 1."""
    inside: dict[str, list[Item]] = {}
    root = None
    for item in items:
        if item.path == ".":
            root = item
        else:
            inside.setdefault(item.path.rpartition("/")[0] or ".", []).append(item)
    if root is None:
        raise BomError(tr("it has no root"))
    ordered = [(0, root)]
    for number, (_, item) in enumerate(ordered, 1):
        below = inside.pop(item.path, [])
        below.sort(key=lambda each: each.path.encode("utf-8", "surrogateescape"))
        # the loop goes on over what is added here
        ordered += [(number, each) for each in below]
    if inside:
        raise BomError(
            tr("a folder of {path} is missing in it").format(path=shown(next(iter(inside.values()))[0].path))
        )
    return ordered


def _record(item: Item) -> bytes:
    if item.size > 0xFFFFFFFF:
        raise BomError(tr("{path} is larger than 4 GiB").format(path=shown(item.path)))
    kind = item.own_kind
    flags = item.flags or (_UNIVERSAL if item.slices else _ORDINARY)
    owner = item.uid, item.gid
    record = _INFO.pack(
        kind,
        1,
        flags,
        item.mode & 0xFFFF,
        *owner,
        item.mtime & 0xFFFFFFFF,
        item.size,
        1,
        item.checksum,
    )
    if item.slices:
        parts = [(part.processor, part.subtype, part.size, part.checksum) for part in item.slices]
        record += struct.pack(">BI", 1, len(parts)) + b"".join(_SLICE.pack(*part) for part in parts)
    target = item.link.encode("utf-8", "surrogateescape") + b"\0" if kind == LINK else b""
    return record + struct.pack(">I", len(target)) + target + (b"" if kind == FOLDER else bytes(4))


def _empty_tree(blocks: _Blocks, size: int) -> int:
    tree = blocks.reserve()
    node = blocks.add(_NODE.pack(1, 0, 0, 0).ljust(size, b"\0"))
    blocks.set(tree, _TREE.pack(b"tree", 1, node, size, 0, 0))
    return tree


def _nodes(blocks: _Blocks, root: int, pairs: Sequence[tuple[int, int]], leaf: int = 1) -> None:
    """Write nodes over *pairs*, level by level, until one is enough, which becomes block *root*."""
    groups = [pairs[start : start + _NODE_ENTRIES] for start in range(0, len(pairs), _NODE_ENTRIES)]
    numbers = [root] if len(groups) <= 1 else [blocks.reserve() for _ in groups]
    for place, (number, group) in enumerate(zip(numbers, groups, strict=False)):
        after = numbers[place + 1] if place + 1 < len(numbers) else 0
        before = numbers[place - 1] if place else 0
        flat = [block for pair in group for block in pair]
        node = _NODE.pack(leaf, len(group), after, before) + struct.pack(f">{len(flat)}I", *flat)
        blocks.set(number, node.ljust(_NODE_SIZE, b"\0"))
    if len(groups) > 1:
        _nodes(
            blocks, root, [(number, group[-1][1]) for number, group in zip(numbers, groups, strict=True)], 0
        )
