"""How payloads are packed: gzip and pbzx read, gzip written, with the work bounded and memory flat.

pbzx: magic ``pbzx``, u64 chunk size, then for each chunk u64 unpacked size, u64 packed size and an xz stream,
or the bytes themselves where both sizes agree (big endian). Source: nrosenstein, "pbzx"; Apple's ``aa``.
"""

from __future__ import annotations

import io
import lzma
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from codesign_wizard.core.apple import stored
from codesign_wizard.core.apple.cpio import CpioError, Writable
from codesign_wizard.core.chunk_file import ChunkFile
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from concurrent.futures import Future

_CHUNK = 1 << 18
_MAXIMUM_PBZX_CHUNK = 64 << 20
_LZMA_MEMORY = 256 << 20
# a payload of nothing but zeros unpacks to 1,000 times its size; programs to three or four times
FREE = 512 << 20
RATIO = 100
_BLOCK = 1 << 20
_WINDOW = 1 << 15
_PROBE = 1 << 14
_LEVEL = 4  # twice as fast as 6, and 3 % larger on programs


def open_payload(stream: BinaryIO, packed_size: int, free: int = FREE) -> BinaryIO:
    """Return a stream over the cpio in *stream*, whichever way it is packed.

    Reading raises ``CpioError`` when it is damaged, or unpacks to far more than a package of *packed_size*
    bytes holds: 100 times as much, and *free* bytes besides.
    """
    start = stream.read(6)
    whole = _Joined(start, stream)
    if start.startswith(b"\x1f\x8b"):
        chunks = _gzip(whole)
    elif start.startswith(b"pbzx"):
        chunks = _pbzx(whole)
    elif start.startswith(b"0707"):
        chunks = _plain(whole)
    else:
        raise CpioError(tr("it is packed in an unknown way"))
    return io.BufferedReader(ChunkFile(_bounded(chunks, free + RATIO * packed_size)), _CHUNK)


class _Joined:
    """Bytes already read, and the stream they came from."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start, self._stream = start, stream

    def read(self, count: int) -> bytes:
        if self._start:
            part, self._start = self._start[:count], self._start[count:]
            return part
        return self._stream.read(count)

    def exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self.read(count)
            if not part:
                raise CpioError(tr("it is cut short"))
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _bounded(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield *chunks*; raises ``CpioError`` when they are more than *limit* bytes."""
    for chunk in chunks:
        limit -= len(chunk)
        if limit < 0:
            raise CpioError(tr("it unpacks to far more than a package holds"))
        yield chunk


def _plain(stream: _Joined) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _gzip(stream: _Joined) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    rest = b""
    try:
        while True:
            packed = rest or stream.read(_CHUNK)
            if not packed:
                break
            yield unpacker.decompress(packed, _CHUNK)
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                # several members may follow each other; zeros at the end are padding (RFC 1952, 2.2)
                rest = unpacker.unused_data.lstrip(b"\0") or stream.read(_CHUNK).lstrip(b"\0")
                if not rest:
                    return
                unpacker = zlib.decompressobj(31)
    except zlib.error as error:
        raise CpioError(tr("it cannot be unpacked")) from error
    raise CpioError(tr("it is cut short"))


def _pbzx(stream: _Joined) -> Iterator[bytes]:
    stream.exactly(12)
    while header := stream.read(1):
        size, packed = struct.unpack(">QQ", header + stream.exactly(15))
        if max(size, packed) > _MAXIMUM_PBZX_CHUNK:
            raise CpioError(tr("it unpacks to far more than a package holds"))
        if packed == size:
            yield stream.exactly(packed)
            continue
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
        done = 0
        try:
            part = unpacker.decompress(stream.exactly(packed), _CHUNK)
            while part or not unpacker.eof:
                done += len(part)
                if done > size or (not part and unpacker.needs_input):
                    raise CpioError(tr("it cannot be unpacked"))
                yield part
                part = b"" if unpacker.eof else unpacker.decompress(b"", _CHUNK)
        except (lzma.LZMAError, EOFError) as error:
            raise CpioError(tr("it cannot be unpacked")) from error
        if done != size:
            raise CpioError(tr("it cannot be unpacked"))


class GzipWriter:
    """Packs what is written as one gzip member, without name and time; blocks are packed side by side.

    The bytes do not depend on the number of processors: each block of 1 MiB is packed for itself with the
    32 KiB before it as its dictionary, as ``pigz`` does. With *plain* nothing is compressed. A context
    manager: leaving it stops the packing, finished or not.
    """

    def __init__(self, stream: Writable, *, plain: bool = False) -> None:
        from concurrent.futures import ThreadPoolExecutor  # brings logging, which reading does without

        self._stream = stream
        self._plain = stored.GzipPacker() if plain else None
        self._sum, self._size = 0, 0
        self._rest = bytearray()
        self._window = b""
        self._pending: deque[Future[bytes]] = deque()
        workers = min(os.cpu_count() or 1, 4)
        self._ahead = workers + 1
        self._pool = ThreadPoolExecutor(workers, "gzip")
        if not plain:
            stream.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")

    def __enter__(self) -> GzipWriter:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def write(self, data: bytes, /) -> None:
        """Take *data*; raises ``OSError``."""
        if self._plain is not None:
            self._stream.write(self._plain.compress(data))
            return
        self._sum = zlib.crc32(data, self._sum)
        self._size += len(data)
        self._rest += data
        while len(self._rest) > _BLOCK:
            self._give(bytes(self._rest[:_BLOCK]), last=False)
            del self._rest[:_BLOCK]

    def finish(self) -> None:
        """Write what is left; the stream below stays open."""
        if self._plain is not None:
            self._stream.write(self._plain.flush())
        else:
            self._give(bytes(self._rest), last=True)
            while self._pending:
                self._stream.write(self._pending.popleft().result())
            self._stream.write(struct.pack("<II", self._sum, self._size & 0xFFFFFFFF))

    def _give(self, block: bytes, *, last: bool) -> None:
        self._pending.append(self._pool.submit(_deflate, block, self._window, last))
        self._window = block[-_WINDOW:]
        while len(self._pending) > self._ahead:
            self._stream.write(self._pending.popleft().result())


def _deflate(block: bytes, window: bytes, last: bool) -> bytes:
    # pictures and archives inside a program do not get smaller, and trying takes longest of all
    level = _LEVEL if any(_packs(block, place) for place in (0, len(block) // 2)) else 0
    if window and level:
        packer = zlib.compressobj(level, zlib.DEFLATED, -15, zdict=window)
    else:
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(block) + packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _packs(block: bytes, place: int) -> bool:
    """Tell whether the bytes at *place* get smaller by more than a thirtieth."""
    probe = block[place : place + _PROBE]
    return len(zlib.compress(probe, 1)) * 30 < len(probe) * 29
