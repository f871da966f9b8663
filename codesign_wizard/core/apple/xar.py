"""Reading xar archives, the outer form of macOS packages, with every length checked against the file.

A xar is a header, a table of contents (zlib-compressed XML) and a heap; the heap begins with the digest of
the *compressed* table. Sources: mackyle/xar, "xar archive format"; indygreg/apple-platform-rs, ``apple-xar``.
"""

from __future__ import annotations

import base64
import bz2
import hashlib
import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from codesign_wizard.core.apple import xml_tree
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.xml_tree import Node, XmlError
from codesign_wizard.core.chunk_file import ChunkFile
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

MAGIC = b"xar!"
HEADER = struct.Struct(">4sHHQQI")  # magic, header size, version, TOC compressed, TOC uncompressed, digest
SHA1, SHA256, SHA512 = 1, 3, 4
_DIGESTS = {SHA1: "sha1", 2: "md5", SHA256: "sha256", SHA512: "sha512"}
RAW = "application/octet-stream"
ZLIB = "application/x-gzip"  # the name is gzip's, the bytes are a zlib stream

MAXIMUM_TOC = 16 << 20
MAXIMUM_ENTRIES = 20_000
MAXIMUM_SIGNATURE = 1 << 20
_MAXIMUM_TOC_PACKED = 4 << 20
_CHUNK = 1 << 18
_LZMA_MEMORY = 128 << 20
# what a small archive may unpack to, and a large one for each of its bytes
_FREE, _RATIO = 512 << 20, 100
# a single file that is held in memory: this much, or this many times what it takes in the archive
_FREE_FILE, _RATIO_FILE = 16 << 20, 200


class XarError(ValueError):
    """The archive contradicts itself, or is more than is read; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Data:
    """Where an entry's bytes are: ``offset`` and ``length`` in the heap, ``size`` when unpacked.

    ``archived`` and ``extracted`` are (digest name, hexadecimal digest) or ``None``.
    """

    offset: int
    length: int
    size: int
    encoding: str
    archived: tuple[str, str] | None
    extracted: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link in the archive; ``path`` has ``/`` between its parts and never leads outside."""

    path: str
    kind: str
    node: Node = field(repr=False, compare=False)
    data: Data | None = None


@dataclass(frozen=True, slots=True)
class SignaturePlace:
    """A signature's place in the heap, and the certificates (DER) named beside it, leaf first."""

    style: str
    offset: int
    size: int
    certificates: list[bytes]


class Xar:
    """An archive opened for reading; a context manager.

    ``toc`` is the ``toc`` element; ``digest_name`` the digest of the header, ``digest`` the one computed over
    the compressed table, ``recorded`` the one found in the heap.
    """

    def __init__(self, path: Path) -> None:
        """Open and read the table; raises ``OSError`` and ``XarError``."""
        self.path = path
        self._file: BinaryIO = path.open("rb")
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Xar:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> None:
        self.file_size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        header = self._file.read(HEADER.size)
        if len(header) < HEADER.size or not header.startswith(MAGIC):
            raise XarError(tr("it is no xar archive"))
        _, header_size, version, packed_size, size, kind = HEADER.unpack(header)
        if version != 1 or not HEADER.size <= header_size <= 256:
            raise XarError(tr("it is of an unknown version"))
        if packed_size > min(_MAXIMUM_TOC_PACKED, self.file_size) or size > MAXIMUM_TOC:
            raise XarError(tr("its table of contents is larger than any package's"))
        if kind not in _DIGESTS:
            raise XarError(tr("its digest is of an unknown kind"))
        self.digest_name = _DIGESTS[kind]
        self._file.seek(header_size)
        packed = self._file.read(packed_size)
        if len(packed) != packed_size:
            raise XarError(tr("it is cut short"))
        self.digest = hashlib.new(self.digest_name, packed, usedforsecurity=False).digest()
        self.heap: int = header_size + packed_size
        self.xml = _inflate(packed, size)
        try:
            root = xml_tree.parse(self.xml)
        except XmlError as error:
            raise XarError(tr("its table of contents cannot be read: {why}").format(why=error)) from error
        toc = root.find("toc") if root.tag == "xar" else None
        if toc is None:
            raise XarError(tr("its table of contents is missing"))
        self.toc = toc
        self.recorded = self._recorded()
        self.signatures = [self._signature(node) for node in toc.children if node.tag.endswith("signature")]
        self.entries = list(self._entries())
        held = [entry.data for entry in self.entries if entry.data is not None]
        # the same bytes named again and again would unpack to anything
        if sum(each.length for each in held) > self.file_size:
            raise XarError(tr("two of its files overlap"))
        if sum(each.size for each in held) > _FREE + _RATIO * self.file_size:
            raise XarError(tr("it unpacks to far more than a package holds"))
        self._by_path = {entry.path: entry for entry in self.entries}
        if len(self._by_path) != len(self.entries):
            raise XarError(tr("two of its files have the same name"))

    def _recorded(self) -> bytes:
        node = self.toc.find("checksum")
        if node is None:
            raise XarError(tr("the digest of its table of contents is missing"))
        if node.attributes.get("style", "").lower() != self.digest_name:
            raise XarError(tr("its header and its table of contents name different digests"))
        offset, size = _number(node, "offset"), _number(node, "size")
        if size != len(self.digest):
            raise XarError(tr("the digest of its table of contents has the wrong length"))
        return self.heap_bytes(offset, size)

    def heap_bytes(self, offset: int, size: int) -> bytes:
        """Return *size* bytes of the heap (at most ``MAXIMUM_SIGNATURE``); raises ``XarError``."""
        if size > MAXIMUM_SIGNATURE or self.heap + offset + size > self.file_size:
            raise XarError(tr("it is cut short"))
        self._file.seek(self.heap + offset)
        return self._file.read(size)

    def _signature(self, node: Node) -> SignaturePlace:
        certificates = []
        for each in node.walk():
            if each.tag.rpartition(":")[2] == "X509Certificate":
                try:
                    certificates.append(base64.b64decode(each.text))
                except ValueError as error:
                    raise XarError(tr("a certificate in it cannot be read")) from error
        place = SignaturePlace(
            node.attributes.get("style", "").upper(),
            _number(node, "offset"),
            _number(node, "size"),
            certificates[:64],
        )
        if place.size > MAXIMUM_SIGNATURE or self.heap + place.offset + place.size > self.file_size:
            raise XarError(tr("a signature in it lies outside the file"))
        return place

    def signature(self, style: str) -> SignaturePlace | None:
        """Return the signature of *style* (``RSA`` or ``CMS``), or ``None``."""
        return next((each for each in self.signatures if each.style == style), None)

    def _entries(self) -> Iterator[Entry]:
        pending = [("", node) for node in reversed(self.toc.all("file"))]
        count = 0
        while pending:
            parent, node = pending.pop()
            count += 1
            if count > MAXIMUM_ENTRIES:
                raise XarError(tr("it has more files than any package"))
            path = f"{parent}/{_name(node)}" if parent else _name(node)
            kind = node.value("type") or "file"
            data = node.find("data")
            yield Entry(path, kind, node, None if data is None else self._data(data))
            pending.extend((path, child) for child in reversed(node.all("file")))

    def _data(self, node: Node) -> Data:
        encoding = node.find("encoding")
        data = Data(
            offset=_number(node, "offset"),
            length=_number(node, "length"),
            size=_number(node, "size"),
            encoding=RAW if encoding is None else encoding.attributes.get("style", RAW),
            archived=_checksum(node.find("archived-checksum")),
            extracted=_checksum(node.find("extracted-checksum")),
        )
        if self.heap + data.offset + data.length > self.file_size:
            raise XarError(tr("it is cut short"))
        return data

    @property
    def heap_end(self) -> int:
        """Where in the file the last thing of the heap ends; a stapled ticket follows."""
        ends = [len(self.digest)]
        ends += [place.offset + place.size for place in self.signatures]
        ends += [entry.data.offset + entry.data.length for entry in self.entries if entry.data is not None]
        return self.heap + max(ends)

    def get(self, path: str) -> Entry | None:
        """Return the entry at *path*, or ``None``."""
        return self._by_path.get(path)

    def section(self, offset: int, length: int) -> BinaryIO:
        """Return a stream over *length* bytes of the heap; it may be read beside others."""
        return io.BufferedReader(_Section(self._file, self.heap + offset, length), _CHUNK)

    def copy(self, job: JobContext, offset: int, length: int, target: BinaryIO) -> None:
        """Copy *length* bytes of the heap to *target*.

        Raises ``XarError`` when there are fewer, ``OSError``, ``Cancelled``.
        """
        buffer = memoryview(bytearray(_CHUNK))
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.heap + offset)
            while length:
                job.check_cancelled()
                count = file.readinto(buffer[:length])
                if not count:
                    raise XarError(tr("it is cut short"))
                target.write(buffer[:count])
                length -= count

    def extents(self) -> list[tuple[int, int]]:
        """Return offset and length of everything in the heap that files and their attributes refer to.

        Sorted, each once, without what is empty. Raises ``XarError`` when something lies outside the file or
        two overlap in part.
        """
        found: set[tuple[int, int]] = set()
        for node in self.toc.walk():
            if node.tag in ("data", "ea") and node.find("offset") is not None:
                found.add((_number(node, "offset"), _number(node, "length")))
        ordered = sorted(each for each in found if each[1])
        end = 0
        for offset, length in ordered:
            if offset < end or self.heap + offset + length > self.file_size:
                raise XarError(tr("two of its files overlap"))
            end = offset + length
        return ordered

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the unpacked bytes of a file, checking both digests and the size.

        Raises ``XarError``: what was yielded before that is not to be trusted.
        """
        data = entry.data
        if data is None:
            return
        archived, extracted = _Check(data.archived), _Check(data.extracted)
        if data.encoding == RAW and data.archived == data.extracted:
            extracted = _Check(None)
        done = 0
        decoder = _decoder(data.encoding)
        with self.section(data.offset, data.length) as stream:
            try:
                while packed := stream.read(_CHUNK):
                    archived.update(packed)
                    for chunk in decoder.feed(packed):
                        done += len(chunk)
                        if done > data.size:
                            raise XarError(tr("{name} is longer than it says").format(name=shown(entry.path)))
                        extracted.update(chunk)
                        yield chunk
            except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
                raise XarError(tr("{name} cannot be unpacked").format(name=shown(entry.path))) from error
        if done != data.size:
            raise XarError(tr("{name} is shorter than it says").format(name=shown(entry.path)))
        if not archived.holds() or not extracted.holds():
            raise XarError(tr("{name} is not what its digest says").format(name=shown(entry.path)))

    def open(self, entry: Entry) -> BinaryIO:
        """Return a stream over the unpacked bytes; reading raises ``XarError`` as ``chunks`` does."""
        return io.BufferedReader(ChunkFile(self.chunks(entry)), _CHUNK)

    def read(self, entry: Entry, limit: int) -> bytes:
        """Return a whole small file; raises ``XarError`` when it has over *limit* bytes."""
        data = entry.data
        if data is not None and data.size > min(limit, max(_FREE_FILE, _RATIO_FILE * data.length)):
            raise XarError(tr("{name} is larger than any package's").format(name=shown(entry.path)))
        return b"".join(self.chunks(entry))


class _Section(io.RawIOBase):
    """A part of a file, with a position of its own."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file, self._at, self._end = file, start, start + length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        chunk = self._file.read(min(len(buffer), self._end - self._at))
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class _Check:
    """A digest that should come out; one that is not named always holds."""

    def __init__(self, wanted: tuple[str, str] | None) -> None:
        self._wanted = wanted
        self._hash = None if wanted is None else hashlib.new(wanted[0], usedforsecurity=False)

    def update(self, chunk: bytes) -> None:
        if self._hash is not None:
            self._hash.update(chunk)

    def holds(self) -> bool:
        return self._hash is None or self._wanted is None or self._hash.hexdigest() == self._wanted[1]


class _Copy:
    """An encoding that changes nothing."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Inflater:
    """A zlib or gzip stream, unpacked in pieces of bounded size."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._object.eof:
            yield self._object.decompress(data, _CHUNK)
            data = self._object.unconsumed_tail


class _Other:
    """A bzip2 or xz stream, unpacked in pieces of bounded size."""

    def __init__(self, unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._object = unpacker

    def feed(self, data: bytes) -> Iterator[bytes]:
        while not self._object.eof:
            chunk = self._object.decompress(data, _CHUNK)
            data = b""
            yield chunk
            if self._object.needs_input:
                return


def _decoder(encoding: str) -> _Copy | _Inflater | _Other:
    match encoding:
        case "application/octet-stream":
            return _Copy()
        case "application/x-gzip" | "application/zlib":
            return _Inflater()
        case "application/x-bzip2":
            return _Other(bz2.BZ2Decompressor())
        case "application/x-lzma" | "application/x-xz":
            return _Other(lzma.LZMADecompressor(memlimit=_LZMA_MEMORY))
    raise XarError(tr("its files are packed in an unknown way"))


def _inflate(packed: bytes, size: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, size + 1)
    except zlib.error as error:
        raise XarError(tr("its table of contents cannot be unpacked")) from error
    if len(data) != size:
        raise XarError(tr("its table of contents has another size than it says"))
    return data


def _number(node: Node, tag: str) -> int:
    text = node.value(tag)
    # 18 digits: above any file, below what arithmetic on 64 bits holds
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise XarError(tr("a number in its table of contents is missing or wrong"))
    return int(text)


def _checksum(node: Node | None) -> tuple[str, str] | None:
    if node is None:
        return None
    style = node.attributes.get("style", "").lower()
    if style not in _DIGESTS.values():
        raise XarError(tr("a digest in it is of an unknown kind"))
    return style, node.text.strip().lower()


def _name(node: Node) -> str:
    name = node.find("name")
    text = "" if name is None else name.text
    if name is not None and name.attributes.get("enctype") == "base64":
        try:
            text = base64.b64decode(text).decode()
        except ValueError as error:
            raise XarError(tr("a file name in it cannot be read")) from error
    if text in ("", ".", "..") or any(bad in text for bad in "/\\\0") or len(text.encode()) > 255:
        raise XarError(tr("a file name in it leads elsewhere"))
    return text
