"""cpio archives, the inside of a package's payload: odc read and written, newc read, both streamed.

odc (POSIX.1-1988, "Extended cpio format"): magic 070707, octal numbers, no padding. newc (SVR4): magic 070701
or 070702, hexadecimal numbers, name and data padded to four bytes. Both end with an entry ``TRAILER!!!``.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.text import tr

TRAILER = b"TRAILER!!!"
ODC_MAGIC = b"070707"
MAXIMUM_SIZE = 0o77777777777  # eleven octal digits
_ODC_LENGTHS = (6, 6, 6, 6, 6, 6, 6, 11, 6, 11)
_MAXIMUM_NAME = 4096
_MAXIMUM_LINK = 4096
_MAXIMUM_ENTRIES = 500_000
_CHUNK = 1 << 18


class Writable(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take *data*."""


class CpioError(ValueError):
    """The archive does not hold or leads elsewhere; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an archive says of a file. ``path`` has ``/`` between its parts, ``.`` being the root.

    ``mode`` has the kind's bits and permissions, ``mtime`` counts seconds since 1970, ``size`` bytes;
    ``link`` is a symbolic link's target.
    """

    path: str
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    link: str = ""
    links: int = 1
    identity: tuple[int, int] = (0, 0)

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Reader:
    """Reads an archive from a stream, entry by entry; what of a file is not read is skipped."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries up to the trailer; raises ``CpioError``."""
        for _ in range(_MAXIMUM_ENTRIES):
            self._skip()
            entry = self._entry()
            if entry is None:
                return
            yield entry
        raise CpioError(tr("it has more files than any package"))

    def chunks(self) -> Iterator[bytes]:
        """Yield the data of the entry given last; raises ``CpioError`` when it is cut short."""
        while self._left:
            chunk = self._stream.read(min(_CHUNK, self._left))
            if not chunk:
                raise CpioError(tr("it is cut short"))
            self._left -= len(chunk)
            yield chunk

    def _skip(self) -> None:
        for _ in self.chunks():
            pass
        self._exactly(self._padding)
        self._padding = 0

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            chunk = self._stream.read(count)
            if not chunk:
                raise CpioError(tr("it is cut short"))
            parts.append(chunk)
            count -= len(chunk)
        return b"".join(parts)

    def _entry(self) -> Entry | None:
        magic = self._exactly(6)
        if magic == ODC_MAGIC:
            device, inode, mode, uid, gid, links, _, mtime, length, size = self._odc()
            header = 0
        elif magic in (b"070701", b"070702"):
            numbers = [self._number(8, 16) for _ in range(13)]
            inode, mode, uid, gid, links, mtime, size = numbers[:7]
            device, length = numbers[7] << 32 | numbers[8], numbers[11]
            header = 110
        else:
            raise CpioError(tr("it is no cpio archive, or is damaged"))
        if not 1 < length <= _MAXIMUM_NAME:
            raise CpioError(tr("a file name in it is empty or too long"))
        name = self._exactly(length)
        if header:
            self._exactly(-(header + length) % 4)
        if name[-1:] != b"\0" or b"\0" in name[:-1]:
            raise CpioError(tr("a file name in it cannot be read"))
        if name[:-1] == TRAILER:
            return None
        self._left, self._padding = size, -size % 4 if header else 0
        link = ""
        if stat.S_ISLNK(mode):
            if not 0 < size <= _MAXIMUM_LINK:
                raise CpioError(tr("a link in it leads nowhere"))
            link = b"".join(self.chunks()).rstrip(b"\0").decode("utf-8", "surrogateescape")
            if not link or "\0" in link:
                raise CpioError(tr("a link in it leads nowhere"))
        return Entry(
            plain_path(name[:-1].decode("utf-8", "surrogateescape")),
            mode,
            uid,
            gid,
            mtime,
            size,
            link,
            links,
            (device, inode),
        )

    def _odc(self) -> list[int]:
        return [self._number(length, 8) for length in _ODC_LENGTHS]

    def _number(self, digits: int, base: int) -> int:
        text = self._exactly(digits)
        try:
            # int() would take signs, spaces and underscores as well
            if not text.isalnum():
                raise ValueError
            return int(text, base)
        except ValueError as error:
            raise CpioError(tr("a number in it is damaged")) from error


class Writer:
    """Writes an odc archive to a stream; inodes are counted from 1."""

    def __init__(self, stream: Writable) -> None:
        self._stream = stream
        self._inode = 0

    def add(self, entry: Entry) -> None:
        """Write an entry's header, and a link's target; exactly ``entry.size`` bytes of a file must follow.

        Raises ``CpioError`` for what the format cannot hold.
        """
        link = entry.link.encode("utf-8", "surrogateescape")
        size = len(link) if entry.is_link else entry.size
        # the root is named so, everything else from it on
        name = "." if entry.path == "." else f"./{entry.path}"
        # 18 bits; it only tells hard links apart, of which none is written
        self._inode = self._inode % 0o777777 + 1
        self._put(name.encode("utf-8", "surrogateescape"), entry, size, 2 if entry.is_folder else 1)
        self._stream.write(link if entry.is_link else b"")

    def close(self) -> None:
        """Write the trailer; the stream stays open."""
        self._inode = 0
        self._put(TRAILER, Entry(".", 0), 0, 1)

    def _put(self, name: bytes, entry: Entry, size: int, links: int) -> None:
        values = (
            0,
            self._inode,
            entry.mode,
            entry.uid,
            entry.gid,
            links,
            0,
            entry.mtime,
            len(name) + 1,
            size,
        )
        for value, digits in zip(values, _ODC_LENGTHS, strict=True):
            if not 0 <= value < 8**digits:
                raise CpioError(
                    tr("{name} does not fit into a package: too large, or an owner's number too high").format(
                        name=shown(entry.path)
                    )
                )
        fields = "".join(f"{value:0{digits}o}" for value, digits in zip(values, _ODC_LENGTHS, strict=True))
        self._stream.write(ODC_MAGIC + fields.encode() + name + b"\0")


def plain_path(name: str) -> str:
    """Return *name* without ``./`` and doubled ``/``; raises ``CpioError`` when it leads elsewhere."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise CpioError(tr("a file name in it leads elsewhere"))
    return "/".join(parts) or "."
