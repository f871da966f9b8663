"""Writing xar archives: a heap gathered in a file, a table of contents over it, and room for signatures.

The table is digested as it is compressed, and signatures lie in the heap before the files: so their sizes
are settled first, every file's offset follows from them, and the signatures themselves are made last.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from codesign_wizard.core.apple import stored, xml_tree
from codesign_wizard.core.apple.xar import HEADER, MAGIC, RAW, SHA256, ZLIB, Data
from codesign_wizard.core.apple.xml_tree import Node
from codesign_wizard.core.job import JobContext

_CHUNK = 1 << 20
_KEY_INFO = "http://www.w3.org/2000/09/xmldsig#"
DIGEST = "sha256"


@dataclass(frozen=True)
class Room:
    """Room for a signature: ``style`` (``RSA`` or ``CMS``), bytes, and the chain in DER, leaf first."""

    style: str
    size: int
    certificates: Sequence[bytes]


@dataclass(frozen=True)
class Table:
    """A table that is settled: ``head`` is header and compressed table, ``digest`` what is signed."""

    head: bytes
    digest: bytes


class Heap:
    """Collects the bytes of files one after the other in *file*, digesting them as they pass."""

    def __init__(self, file: BinaryIO, *, plain: bool = False) -> None:
        """*plain* packs without compression, so that the bytes do not depend on the compressor."""
        self._file, self._plain = file, plain
        self.size = 0

    def add(self, job: JobContext, chunks: Iterable[bytes], *, packed: bool) -> Data:
        """Add a file; with *packed* as a zlib stream, else as it is. Raises ``OSError``, ``Cancelled``."""
        sink = self.sink(packed=packed)
        for chunk in chunks:
            job.check_cancelled()
            sink.write(chunk)
        return sink.finish()

    def sink(self, *, packed: bool) -> Sink:
        """Return where to write the next file; it must be finished before another is begun."""
        return Sink(self, _packer(self._plain) if packed else None)

    def put(self, chunk: bytes) -> None:
        """Append bytes as they are; called by a ``Sink``."""
        self._file.write(chunk)
        self.size += len(chunk)


class Sink:
    """Takes the bytes of one file of a heap."""

    def __init__(self, heap: Heap, packer: stored.ZlibPacker | zlib._Compress | None) -> None:
        self._heap, self._packer = heap, packer
        self._start, self._size = heap.size, 0
        self._inside, self._outside = hashlib.new(DIGEST), hashlib.new(DIGEST)

    def write(self, chunk: bytes, /) -> None:
        """Take bytes; raises ``OSError``."""
        self._size += len(chunk)
        self._inside.update(chunk)
        if self._packer is None:
            self._heap.put(chunk)
        else:
            self._pack(self._packer.compress(chunk))

    def _pack(self, packed: bytes) -> None:
        self._outside.update(packed)
        self._heap.put(packed)

    def finish(self) -> Data:
        """Return what was written and where."""
        if self._packer is not None:
            self._pack(self._packer.flush())
        archived = self._inside if self._packer is None else self._outside
        return Data(
            self._start,
            self._heap.size - self._start,
            self._size,
            RAW if self._packer is None else ZLIB,
            (DIGEST, archived.hexdigest()),
            (DIGEST, self._inside.hexdigest()),
        )


def _packer(plain: bool) -> stored.ZlibPacker | zlib._Compress:
    return stored.ZlibPacker() if plain else zlib.compressobj(6)


def data_node(data: Data) -> Node:
    """Return the ``data`` element that tells where a file's bytes are."""
    node = Node("data")
    node.add("length", str(data.length))
    node.add("offset", str(data.offset))
    node.add("size", str(data.size))
    node.add("encoding", style=data.encoding)
    for tag, checksum in (("extracted-checksum", data.extracted), ("archived-checksum", data.archived)):
        if checksum is not None:
            node.add(tag, checksum[1], style=checksum[0])
    return node


def file_node(
    number: int,
    name: str,
    data: Data | None,
    *,
    mode: int,
    time: datetime,
    owner: tuple[int, str] = (0, "root"),
    group: tuple[int, str] = (0, "wheel"),
) -> Node:
    """Return the ``file`` element for a file, or a folder when *data* is ``None``; *mode* has permissions."""
    node = Node("file", {"id": str(number)})
    if data is not None:
        node.children.append(data_node(data))
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    for tag in ("ctime", "mtime", "atime"):
        node.add(tag, moment)
    node.add("group", group[1])
    node.add("gid", str(group[0]))
    node.add("user", owner[1])
    node.add("uid", str(owner[0]))
    node.add("mode", f"{mode:04o}")
    node.add("type", "directory" if data is None else "file")
    node.add("name", name)
    return node


def new_toc(files: Iterable[Node], time: datetime) -> Node:
    """Return a ``toc`` element with *files*, made at *time*."""
    toc = Node("toc")
    toc.add("creation-time", time.strftime("%Y-%m-%dT%H:%M:%S"))
    toc.children.extend(files)
    return toc


def settle(toc: Node, shift: Callable[[int], int], rooms: Sequence[Room], *, plain: bool = False) -> Table:
    """Return the finished table for *toc*, which is not changed.

    Former checksum and signatures are dropped. *shift* turns an offset in *toc* into one that counts from the
    end of the signatures; the signatures lie in the order of *rooms* after the checksum.
    """
    result = toc.copy()
    gone = ("checksum", "signature", "x-signature", "signature-creation-time")
    result.children = [child for child in result.children if child.tag not in gone]
    size = hashlib.new(DIGEST).digest_size
    front = [_place("checksum", DIGEST, 0, size, ())]
    offset = size
    for room in rooms:
        tag = "signature" if room.style == "RSA" else "x-signature"
        front.append(_place(tag, room.style, offset, room.size, room.certificates))
        offset += room.size
    for node in result.walk():
        if node.tag in ("data", "ea"):
            for child in node.all("offset"):
                child.text = str(offset + shift(int(child.text)))
    result.children[:0] = front
    xml = xml_tree.write(Node("xar", children=[result]))
    packer = _packer(plain)
    packed = packer.compress(xml) + packer.flush()
    head = HEADER.pack(MAGIC, HEADER.size, 1, len(packed), len(xml), SHA256) + packed
    return Table(head, hashlib.new(DIGEST, packed).digest())


def _place(tag: str, style: str, offset: int, size: int, certificates: Sequence[bytes]) -> Node:
    node = Node(tag, {"style": style})
    node.add("offset", str(offset))
    node.add("size", str(size))
    if certificates:
        inside = node.add("KeyInfo", xmlns=_KEY_INFO).add("X509Data")
        for certificate in certificates:
            inside.add("X509Certificate", base64.b64encode(certificate).decode())
    return node


def write(target: BinaryIO, table: Table, signatures: Sequence[bytes], rooms: Sequence[Room]) -> None:
    """Write all that comes before the files: header, table, checksum, and signatures filled up with zeros.

    Raises ``ValueError`` when a signature is larger than its room.
    """
    target.write(table.head)
    target.write(table.digest)
    for signature, room in zip(signatures, rooms, strict=True):
        if len(signature) > room.size:
            raise ValueError("a signature is larger than its room")
        target.write(signature.ljust(room.size, b"\0"))


def copy_stream(job: JobContext, source: BinaryIO, target: BinaryIO, length: int) -> None:
    """Copy *length* bytes; raises ``EOFError`` when there are fewer."""
    while length:
        job.check_cancelled()
        chunk = source.read(min(_CHUNK, length))
        if not chunk:
            raise EOFError("fewer bytes than expected")
        target.write(chunk)
        length -= len(chunk)
