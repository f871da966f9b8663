"""CodeDirectory: the list of hashes that a code signature signs (xnu, cs_blobs.h, CS_CodeDirectory)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from codesign_wizard.core.apple import superblob
from codesign_wizard.core.text import tr

PAGE_SIZE = 4096
FLAG_ADHOC = 0x2
FLAG_RUNTIME = 0x10000
FLAG_LINKER_SIGNED = 0x20000
EXEC_MAIN_BINARY = 0x1
EXEC_ALLOW_UNSIGNED = 0x10
EXEC_DEBUGGER = 0x20
EXEC_JIT = 0x40
EXEC_SKIP_LIBRARY_VALIDATION = 0x80

HASHES = {1: ("sha1", 20), 2: ("sha256", 32), 3: ("sha256", 20), 4: ("sha384", 48)}
_SHA256 = 2
_CDHASH_LENGTH = 20
_VERSION = 0x20500
_FIXED = struct.Struct(">9I4BI")
_FIXED_SIZE = 96
_MINIMUM_VERSION, _MAXIMUM_VERSION = 0x20001, 0x2F000
_MAXIMUM_SPECIAL = 32
_MAXIMUM_SLOTS = 1 << 24
_CHUNK = 1 << 20


class DirectoryError(superblob.BlobError):
    """The CodeDirectory contradicts itself; the text says how, in words for a person."""


@dataclass(frozen=True)
class CodeDirectory:
    """A CodeDirectory. ``special`` maps slot numbers (1 is Info.plist) to hashes, absent ones left out.

    ``page_size`` is in bytes, 0 for one hash over everything; ``runtime`` a version as load commands pack it.
    """

    identifier: str
    team: str
    flags: int
    hash_type: int
    page_size: int
    code_limit: int
    special: Mapping[int, bytes]
    hashes: Sequence[bytes]
    exec_base: int = 0
    exec_limit: int = 0
    exec_flags: int = 0
    runtime: int = 0
    version: int = _VERSION
    platform: int = 0
    encoded: bytes = b""

    @property
    def digest(self) -> str:
        """hashlib's name of the hash."""
        return HASHES[self.hash_type][0]

    @property
    def hash_size(self) -> int:
        """Length of a hash in bytes."""
        return HASHES[self.hash_type][1]

    @property
    def full_hash(self) -> bytes:
        """The whole digest of the blob, by its own kind of hash."""
        return hashlib.new(self.digest, self.encoded).digest()

    @property
    def cdhash(self) -> bytes:
        """What identifies the code everywhere: the digest cut to 20 bytes."""
        return self.full_hash[:_CDHASH_LENGTH]

    @property
    def runtime_version(self) -> str:
        """The runtime version as people write it, such as ``15.5.0``, or ""."""
        return version_text(self.runtime) if self.runtime else ""


def version_text(packed: int) -> str:
    """Return ``15.5.0`` for 0x000F0500."""
    return f"{packed >> 16}.{packed >> 8 & 0xFF}.{packed & 0xFF}"


def slot_hash(data: bytes, digest: str = "sha256", size: int = 32) -> bytes:
    """Return the hash of a special slot's content."""
    return hashlib.new(digest, data).digest()[:size]


def size_of(identifier: str, team: str, special: int, code_limit: int) -> int:
    """Return the size of what ``build`` makes with *special* special slots for *code_limit* bytes of code."""
    names = len(identifier.encode()) + 1 + (len(team.encode()) + 1 if team else 0)
    return _FIXED_SIZE + names + 32 * (special + -(-code_limit // PAGE_SIZE))


def build(directory: CodeDirectory) -> bytes:
    """Return the blob: version 0x20500, SHA-256, pages of 4096 bytes (as Apple's tool, on arm64 too)."""
    identifier = directory.identifier.encode() + b"\0"
    team = directory.team.encode() + b"\0" if directory.team else b""
    special = max(directory.special, default=0)
    absent = bytes(32)
    slots = b"".join(directory.special.get(slot, absent) for slot in range(special, 0, -1))
    team_offset = _FIXED_SIZE + len(identifier) if team else 0
    hash_offset = _FIXED_SIZE + len(identifier) + len(team) + len(slots)
    wide = directory.code_limit >= 1 << 32
    length = hash_offset + 32 * len(directory.hashes)
    return b"".join(
        (
            _FIXED.pack(
                superblob.MAGIC_CODE_DIRECTORY,
                length,
                _VERSION,
                directory.flags,
                hash_offset,
                _FIXED_SIZE,
                special,
                len(directory.hashes),
                0xFFFFFFFF if wide else directory.code_limit,
                32,
                _SHA256,
                0,
                PAGE_SIZE.bit_length() - 1,
                0,
            ),
            struct.pack(">IIIQ", 0, team_offset, 0, directory.code_limit if wide else 0),
            struct.pack(">3Q", directory.exec_base, directory.exec_limit, directory.exec_flags),
            struct.pack(">2I", directory.runtime, 0),
            identifier,
            team,
            slots,
            *directory.hashes,
        )
    )


def parse(data: bytes) -> CodeDirectory:
    """Return the CodeDirectory in a blob; raises ``DirectoryError``."""
    try:
        superblob.content(data, superblob.MAGIC_CODE_DIRECTORY)
        values = _FIXED.unpack_from(data)
        _, length, version, flags, hash_offset, ident_offset, special, count, limit = values[:9]
        size, kind, platform, page = values[9:13]
        if not _MINIMUM_VERSION <= version <= _MAXIMUM_VERSION:
            raise DirectoryError(tr("its version is not known"))
        if kind not in HASHES or HASHES[kind][1] != size:
            raise DirectoryError(tr("its kind of hash is not known"))
        if page > 24 or special > _MAXIMUM_SPECIAL or count > _MAXIMUM_SLOTS:
            raise DirectoryError(tr("its numbers are beyond any program's"))
        scatter = struct.unpack_from(">I", data, 44)[0] if version >= 0x20100 else 0
        team_offset = struct.unpack_from(">I", data, 48)[0] if version >= 0x20200 else 0
        limit = (struct.unpack_from(">Q", data, 56)[0] if version >= 0x20300 else 0) or limit
        base, end, mode = struct.unpack_from(">3Q", data, 64) if version >= 0x20400 else (0, 0, 0)
        runtime = struct.unpack_from(">I", data, 88)[0] if version >= 0x20500 else 0
    except struct.error as error:
        raise DirectoryError(tr("it is cut short")) from error
    if scatter:
        raise DirectoryError(tr("it covers scattered code, which no program does"))
    if hash_offset < special * size or hash_offset + count * size > length:
        raise DirectoryError(tr("its hashes lie outside of it"))
    table = {slot: data[hash_offset - slot * size :][:size] for slot in range(1, special + 1)}
    return CodeDirectory(
        identifier=_name(data, ident_offset),
        team=_name(data, team_offset) if team_offset else "",
        flags=flags,
        hash_type=kind,
        page_size=1 << page if page else 0,
        code_limit=limit,
        special={slot: value for slot, value in table.items() if any(value)},
        hashes=[data[hash_offset + n * size :][:size] for n in range(count)],
        exec_base=base,
        exec_limit=end,
        exec_flags=mode,
        runtime=runtime,
        version=version,
        platform=platform,
        encoded=data,
    )


def _name(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset)
    if offset < 44 or end < 0 or end - offset > 1024:
        raise DirectoryError(tr("a name in it is not readable"))
    try:
        return data[offset:end].decode()
    except UnicodeDecodeError as error:
        raise DirectoryError(tr("a name in it is not readable")) from error


def page_hashes(
    file: BinaryIO,
    offset: int,
    limit: int,
    page_size: int,
    digest: str,
    size: int,
    step: Callable[[int], None],
) -> Iterator[bytes]:
    """Yield the hash of each page of *limit* bytes from *offset* on; *step* is told the bytes done.

    Raises ``DirectoryError`` when the file ends before.
    """
    make = getattr(hashlib, digest)
    if not page_size:
        whole = make()
        for chunk in _chunks(file, offset, limit, _CHUNK, step):
            whole.update(chunk)
        yield whole.digest()[:size]
        return
    for chunk in _chunks(file, offset, limit, max(_CHUNK, page_size), step):
        view = memoryview(chunk)
        for place in range(0, len(chunk), page_size):
            yield make(view[place : place + page_size]).digest()[:size]


class PageHasher:
    """Hashes a stream in pages of ``PAGE_SIZE`` with SHA-256, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._hashes: list[bytes] = []
        self._rest = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        start = 0
        if self._rest:
            start = min(PAGE_SIZE - len(self._rest), len(data))
            self._rest += data[:start]
            if len(self._rest) < PAGE_SIZE:
                return
            self._hashes.append(hashlib.sha256(self._rest).digest())
        end = start + (len(data) - start) // PAGE_SIZE * PAGE_SIZE
        view = memoryview(data)
        sha256 = hashlib.sha256
        self._hashes += [
            sha256(view[place : place + PAGE_SIZE]).digest() for place in range(start, end, PAGE_SIZE)
        ]
        self._rest = data[end:]

    def finish(self) -> list[bytes]:
        """Return the hashes, the last page's with them however short it is."""
        if self._rest:
            self._hashes.append(hashlib.sha256(self._rest).digest())
            self._rest = b""
        return self._hashes


def _chunks(
    file: BinaryIO, offset: int, limit: int, chunk_size: int, step: Callable[[int], None]
) -> Iterator[bytes]:
    file.seek(offset)
    done = 0
    while done < limit:
        chunk = file.read(min(chunk_size, limit - done))
        if len(chunk) != min(chunk_size, limit - done):
            raise DirectoryError(tr("the file ends before the code that was signed"))
        yield chunk
        done += len(chunk)
        step(done)
