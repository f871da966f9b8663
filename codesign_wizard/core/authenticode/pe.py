"""Portable Executable files, as far as signing goes: where things are, the digest, the certificate table.

Sources: Microsoft, "PE Format"; "Windows Authenticode Portable Executable Signature Format" (2008).
Everything is read in pieces: memory does not grow with the file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.authenticode.refusals import CHANGED, malformed, not_a_pe
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.text import tr

MAXIMUM_SIZE = 0xFFFF_FFFF  # offsets in the file are 32 bits wide
_MAXIMUM_TABLE = 64 << 20
# both found by measuring: smaller pieces make the two threads wait for each other
_HASH_CHUNK = 8 << 20
_SUM_CHUNK = 512 << 10

_PE32 = 0x10B
_PE32_PLUS = 0x20B
MACHINES = {
    0x014C: "x86",
    0x8664: "x64",
    0xAA64: "arm64",
    0x01C4: "arm",
    0x01C0: "arm",
    0x0200: "ia64",
    0x0EBC: "efi",
    0xA641: "arm64ec",
    0xA64E: "arm64x",
    0x5064: "riscv64",
    0x6264: "loongarch64",
}

WIN_CERT_REVISION_2 = 0x0200
# 1.0 is still "supported for purposes of verifying legacy Authenticode signatures" ("PE Format")
WIN_CERT_REVISIONS = (0x0100, WIN_CERT_REVISION_2)
WIN_CERT_TYPE_PKCS = 0x0002


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets in bytes from the start of the file. ``content_end`` is where the signed bytes end."""

    size: int
    machine: int
    plus: bool
    checksum: int
    directory: int
    table: int
    table_size: int

    @property
    def content_end(self) -> int:
        """End of what the digest covers: the certificate table's start, or the file's end."""
        return self.table if self.table else self.size

    @property
    def architecture(self) -> str:
        """The machine in words, or its number."""
        return MACHINES.get(self.machine, f"{self.machine:#06x}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One WIN_CERTIFICATE of the table; ``data`` is what follows its eight octets, with the padding."""

    revision: int
    kind: int
    data: bytes


def read_layout(file: BinaryIO, path: Path) -> Layout:
    """Return where things are in an open file; raises ``InputError`` naming what is wrong, or what it is."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    dos = file.read(0x40)
    if dos[:2] != b"MZ":
        raise InputError(not_a_pe(path, file, size))
    if len(dos) < 0x40:
        raise InputError(malformed(path, tr("its DOS header is cut short")))
    if size > MAXIMUM_SIZE:
        raise InputError(malformed(path, tr("it is larger than 4 GiB, which a signature cannot cover")))
    new = struct.unpack_from("<I", dos, 0x3C)[0]
    if new < 0x40 or new % 4:
        # not every DOS program has a new header at all
        raise InputError(
            not_a_pe(path, file, size)
            if new == 0
            else malformed(path, tr("its PE header overlaps the DOS header or is not aligned"))
        )
    if new + 24 > size:
        raise InputError(malformed(path, tr("its PE header lies behind the end of the file")))
    file.seek(new)
    head = file.read(24)
    if head[:4] != b"PE\0\0":
        raise InputError(not_a_pe(path, file, size))
    machine, sections, optional_size = struct.unpack_from("<HH12xH", head, 4)
    optional = file.read(optional_size)
    if len(optional) < optional_size or optional_size < 2:
        raise InputError(malformed(path, tr("its optional header is missing or cut short")))
    magic = struct.unpack_from("<H", optional)[0]
    if magic not in (_PE32, _PE32_PLUS):
        raise InputError(malformed(path, tr("its optional header is of an unknown kind")))
    plus = magic == _PE32_PLUS
    directories = 112 if plus else 96
    if optional_size < directories:
        raise InputError(malformed(path, tr("its optional header is cut short")))
    count = struct.unpack_from("<I", optional, directories - 4)[0]
    if count < 5 or optional_size < directories + 40:
        raise InputError(
            malformed(path, tr("it has no place for a signature (fewer than five data directories)"))
        )
    headers_end = new + 24 + optional_size + 40 * sections
    if headers_end > size:
        raise InputError(malformed(path, tr("its section table is cut short")))
    table, table_size = struct.unpack_from("<II", optional, directories + 32)
    layout = Layout(
        size=size,
        machine=machine,
        plus=plus,
        checksum=new + 24 + 64,
        directory=new + 24 + directories + 32,
        table=table,
        table_size=table_size,
    )
    _check_table(layout, path, headers_end)
    _check_sections(file.read(40 * sections), layout, path)
    return layout


def _check_table(layout: Layout, path: Path, headers_end: int) -> None:
    table, size = layout.table, layout.table_size
    if not table and not size:
        return
    if not table or not size:
        raise InputError(malformed(path, tr("its certificate table has a size but no place, or the reverse")))
    if table < headers_end:
        raise InputError(malformed(path, tr("its certificate table overlaps the headers")))
    if table + size > layout.size:
        raise InputError(malformed(path, tr("its certificate table reaches behind the end of the file")))
    if table % 8:
        raise InputError(malformed(path, tr("its certificate table is not aligned to eight bytes")))
    if table + size != layout.size:
        raise InputError(malformed(path, tr("there is data behind its certificate table")))
    if size > _MAXIMUM_TABLE:
        raise InputError(malformed(path, tr("its certificate table is larger than any signature")))


def _check_sections(table: bytes, layout: Layout, path: Path) -> None:
    for offset in range(0, len(table), 40):
        raw_size, raw = struct.unpack_from("<II", table, offset + 16)
        if raw and raw_size and raw + raw_size > layout.content_end:
            raise InputError(malformed(path, tr("a section reaches behind the end of the file")))


def read_entries(file: BinaryIO, layout: Layout) -> list[Entry]:
    """Return the certificate table's entries; raises ``ValueError`` when they do not fit into it."""
    if not layout.table:
        return []
    file.seek(layout.table)
    data = file.read(layout.table_size)
    entries, offset = [], 0
    while offset < len(data):
        if offset + 8 > len(data):
            raise ValueError(tr("an entry of the certificate table is cut short"))
        length, revision, kind = struct.unpack_from("<IHH", data, offset)
        if length < 8 or offset + length > len(data):
            raise ValueError(
                tr("an entry of the certificate table says it has {length} bytes").format(length=length)
            )
        # the filling up to the next entry counts as well: nothing may hide in it
        following = offset + length + -length % 8
        entries.append(Entry(revision, kind, data[offset + 8 : following]))
        offset = following
    return entries


def authenticode_digest(
    file: BinaryIO,
    layout: Layout,
    algorithm: str,
    *,
    padding: int = 0,
    step: Callable[[int], None] | None = None,
) -> bytes:
    """Return the Authenticode digest of the file (section "Calculating the PE Image Hash").

    The checksum, the certificate table's directory entry and the table itself are left out; *padding* zero
    bytes are added at the end. *step* is told how many bytes are done, and may raise to stop.
    """
    digest = hashlib.new(algorithm)
    buffer = bytearray(_HASH_CHUNK)
    view = memoryview(buffer)
    skips = ((layout.checksum, 4), (layout.directory, 8))
    position = 0
    for gap, length in (*skips, (layout.content_end, 0)):
        file.seek(position)
        while position < gap:
            count = file.readinto(view[: min(_HASH_CHUNK, gap - position)])  # type: ignore[attr-defined]  # raw files have it
            if not count:
                raise ValueError(tr("the file became shorter while it was read"))
            digest.update(view[:count])
            position += count
            if step is not None:
                step(position)
        position += length
    digest.update(b"\0" * padding)
    return digest.digest()


def word_sum(file: BinaryIO, layout: Layout, stop: threading.Event | None = None) -> int:
    """Return the sum of the content's 16-bit little-endian words modulo 65535.

    Checksum and directory entry count as zero. A big-integer addition of whole chunks is the same sum:
    65536 is 1 modulo 65535.
    """
    total = 0
    buffer = bytearray(_SUM_CHUNK)
    view = memoryview(buffer)
    position, end = 0, layout.content_end
    file.seek(0)
    while position < end:
        if stop is not None and stop.is_set():
            return 0
        count = 0
        wanted = min(_SUM_CHUNK, end - position)
        while count < wanted:
            more = file.readinto(view[count:wanted])  # type: ignore[attr-defined]  # raw files have it
            if not more:
                raise ValueError(tr("the file became shorter while it was read"))
            count += more
        for gap, length in ((layout.checksum, 4), (layout.directory, 8)):
            start, stop_at = max(gap - position, 0), min(gap + length - position, count)
            if start < stop_at:
                view[start:stop_at] = bytes(stop_at - start)
        total += int.from_bytes(view[:count], "little")
        position += count
    return total % 0xFFFF


def checksum(words: int, size: int) -> int:
    """Return the header's checksum from the sum of all words modulo 65535 (as ImageHlp computes it)."""
    # a sum that is not empty folds to 65535, never to 0
    return (words % 0xFFFF or 0xFFFF) + size & 0xFFFF_FFFF


def copy_content(source: BinaryIO, draft: BinaryIO, length: int, stop: threading.Event) -> None:
    """Copy the first *length* bytes, by the kernel where it can; ends early when *stop* is set."""
    copied = 0
    copy = getattr(os, "copy_file_range", None)
    while copy is not None and copied < length and not stop.is_set():
        try:
            count = copy(source.fileno(), draft.fileno(), min(length - copied, 16 << 20), copied, copied)
        except OSError:
            break  # another file system, or a kernel without it: copied by hand below
        if not count:
            break
        copied += count
    source.seek(copied)
    draft.seek(copied)
    while copied < length and not stop.is_set():
        piece = source.read(min(length - copied, 1 << 20))
        if not piece:
            raise ValueError(tr("the file became shorter while it was read"))
        draft.write(piece)
        copied += len(piece)


def table_bytes(signature: bytes) -> bytes:
    """Return the table for one PKCS #7 signature; its length counts the padding, as signtool's does."""
    padding = -len(signature) % 8
    header = struct.pack("<IHH", 8 + len(signature) + padding, WIN_CERT_REVISION_2, WIN_CERT_TYPE_PKCS)
    return header + signature + bytes(padding)


def finish(draft: BinaryIO, layout: Layout, words: int, signature: bytes) -> int:
    """Put padding, table, directory entry and checksum into the copied content; return the checksum."""
    start = layout.content_end + -layout.content_end % 8
    table = table_bytes(signature)
    if start + len(table) > MAXIMUM_SIZE:
        raise ValueError(tr("the signed file would be larger than 4 GiB"))
    entry = struct.pack("<II", start, len(table))
    words += int.from_bytes(entry, "little") + int.from_bytes(table, "little")
    value = checksum(words, start + len(table))
    draft.seek(layout.content_end)
    draft.write(bytes(start - layout.content_end))
    draft.write(table)
    draft.truncate()
    draft.seek(layout.directory)
    draft.write(entry)
    draft.seek(layout.checksum)
    draft.write(struct.pack("<I", value))
    draft.flush()
    return value


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file gives: the digest to sign, and the word sum for the checksum."""

    digest: bytes
    words: int


def scan_and_copy(
    source: Path, draft: Path, layout: Layout, algorithm: str, step: Callable[[int], None] | None = None
) -> Scan:
    """Hash *source*, add up its words and copy its content to *draft*, all three at the same time.

    Three threads, because hashing and copying run outside Python's lock. Raises ``InputError`` when the file
    changed meanwhile, ``OSError``, and whatever *step* raises; the draft is then to be thrown away.
    """
    stop = threading.Event()
    failures: list[BaseException] = []
    sums: list[int] = []

    def add() -> None:
        with source.open("rb", buffering=0) as file:
            sums.append(word_sum(file, layout, stop))

    def copy() -> None:
        with source.open("rb", buffering=0) as file, draft.open("r+b") as out:
            copy_content(file, out, layout.content_end, stop)

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # raised again on the caller's thread
                failures.append(error)
                stop.set()

        return run

    before = source.stat()
    if before.st_size != layout.size:
        raise InputError(CHANGED(file=source.name))
    threads = [threading.Thread(target=guarded(work), daemon=True) for work in (add, copy)]
    for thread in threads:
        thread.start()
    try:
        with source.open("rb", buffering=0) as file:
            digest = authenticode_digest(
                file,
                layout,
                algorithm,
                padding=-layout.content_end % 8,
                step=step,
            )
    except BaseException:
        stop.set()
        raise
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    after = source.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(CHANGED(file=source.name))
    shutil.copymode(source, draft)
    return Scan(digest, sums[0])
