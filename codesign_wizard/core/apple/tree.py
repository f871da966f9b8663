"""The files of a payload, unpacked into a folder or in memory, with what the folder cannot hold beside them.

Modes, owners, times and links are kept in the tree, so that a package is built again right on any system;
the folder holds the contents. Nothing is ever written outside it.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.apple import cpio, fat
from codesign_wizard.core.apple.bom import Checksum, Item, Slice
from codesign_wizard.core.apple.cpio import CpioError, Entry, Writable
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

_CHUNK = 1 << 20
_MAXIMUM_DEPTH = 256
_FILE, _FOLDER = 0o100644, 0o40755
_NAME_ERRORS = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}
# what Windows does not take in a name, or takes for something else
_FOREIGN = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a file: bytes, ``cksum``, and those of a universal program's parts."""

    size: int
    checksum: int
    slices: tuple[Slice, ...] = ()


class Tree:
    """Files by path; ``.`` is the root. ``folder`` is where they lie, or ``None`` when all are in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self._contents: dict[str, bytes] = {}
        # links that are known but could not be made in the folder
        self.unlinked: set[str] = set()
        self._identities: dict[tuple[int, int], str] = {}

    @property
    def links(self) -> Mapping[str, str]:
        """Symbolic links and their targets: some systems cannot make them in the folder."""
        return {path: entry.link for path, entry in self.entries.items() if entry.is_link}

    def place(self, path: str) -> Path:
        """Return where the file or folder *path* lies; raises ``ValueError`` for a tree in memory."""
        if self.folder is None:
            raise ValueError("the tree is in memory")
        return self.folder if path == "." else self.folder.joinpath(*path.split("/"))

    def add(self, entry: Entry, data: bytes = b"") -> None:
        """Add a file, folder or link to a tree in memory."""
        self.entries[entry.path] = replace(entry, size=len(data))
        self._contents[entry.path] = data

    def open(self, path: str) -> BinaryIO:
        """Return the file *path*, to be read."""
        if path in self._contents:
            return io.BytesIO(self._contents[path])
        return self.place(path).open("rb")

    # unpacking

    def extract(self, job: JobContext, stream: BinaryIO) -> None:
        """Unpack the cpio archive *stream* into the folder, which is empty.

        Raises ``CpioError`` for what leads elsewhere or is no file, folder or link, ``OSError``,
        ``Cancelled``.
        """
        reader = cpio.Reader(stream)
        for entry in reader:
            job.check_cancelled()
            self._check(entry)
            if entry.is_folder:
                self._make_folder(entry)
            elif entry.is_link:
                self._make_link(entry)
            else:
                self._make_file(job, entry, reader.chunks())
        if "." not in self.entries:
            self.entries["."] = Entry(".", _FOLDER)

    def _check(self, entry: Entry) -> None:
        if not (entry.is_file or entry.is_folder or entry.is_link):
            raise CpioError(tr("{name} is a device or a pipe").format(name=shown(entry.path)))
        if entry.path in self.entries or (entry.path == "." and not entry.is_folder):
            raise CpioError(tr("{name} is in it twice").format(name=shown(entry.path)))
        parts = entry.path.split("/")
        if len(parts) > _MAXIMUM_DEPTH:
            raise CpioError(tr("its folders are nested too deeply"))
        if os.name == "nt" and any(part != "." and _FOREIGN.search(part) for part in parts):
            raise CpioError(tr("{name} is no name for a file on Windows").format(name=shown(entry.path)))
        # a folder that was not named is made; one that is a link or a file would lead elsewhere
        above = ""
        for part in parts[:-1]:
            above = f"{above}/{part}" if above else part
            known = self.entries.get(above)
            if known is None:
                self._make_folder(Entry(above, _FOLDER, entry.uid, entry.gid, entry.mtime))
            elif not known.is_folder:
                raise CpioError(tr("a file name in it leads elsewhere"))

    def _make_folder(self, entry: Entry) -> None:
        if entry.path != ".":
            self._new(entry, lambda place: place.mkdir(0o700))
        self.entries[entry.path] = entry

    def _make_link(self, entry: Entry) -> None:
        try:
            self._new(entry, lambda place: place.symlink_to(entry.link))
        except (OSError, NotImplementedError):
            if os.name != "nt":
                raise
            # Windows lets only some people make links; the tree knows it all the same
            self.unlinked.add(entry.path)
        self.entries[entry.path] = entry

    def _make_file(self, job: JobContext, entry: Entry, chunks: Iterator[bytes]) -> None:
        twin = self._identities.get(entry.identity) if entry.links > 1 and not entry.size else None
        if twin is not None:
            # a further name of a file whose bytes came with the first one
            size = self.place(twin).stat().st_size
            self._copy(job, entry, _pieces(self.open(twin)))
        else:
            size = entry.size
            self._copy(job, entry, chunks)
        if entry.links > 1 and size:
            self._identities[entry.identity] = entry.path
        self.entries[entry.path] = replace(entry, size=size, links=1)

    def _copy(self, job: JobContext, entry: Entry, chunks: Iterator[bytes]) -> None:
        def write(place: Path) -> None:
            with place.open("xb") as file:
                for chunk in chunks:
                    job.check_cancelled()
                    file.write(chunk)
            if entry.mode & 0o111:
                place.chmod(0o700)

        self._new(entry, write)

    def _new(self, entry: Entry, make: Callable[[Path], object]) -> None:
        try:
            make(self.place(entry.path))
        except FileExistsError as error:
            # two names that this system takes for one, as APFS and NTFS do with capitals
            raise CpioError(tr("{name} is in it twice").format(name=shown(entry.path))) from error
        except (UnicodeError, ValueError) as error:
            if isinstance(error, CpioError):
                raise
            raise CpioError(tr("a file name in it cannot be used")) from error
        except OSError as error:
            # the archive's fault, not the disk's
            if error.errno in _NAME_ERRORS:
                raise CpioError(tr("a file name in it cannot be used")) from error
            raise

    # taking up what was changed

    def refresh(self) -> None:
        """Take up what was added to the folder, changed in it, or removed from it.

        What is new gets its folder's owner, and mode 644, or 755 for programs and folders. Raises
        ``OSError``.
        """
        if self.folder is None:
            return
        found: dict[str, os.stat_result] = {}
        self._scan(self.folder, "", found)
        for path in list(self.entries):
            if path != "." and path not in found and path not in self.unlinked:
                del self.entries[path]
        for path, status in found.items():
            self.entries[path] = self._taken_up(path, status)

    def _scan(self, folder: Path, prefix: str, found: dict[str, os.stat_result]) -> None:
        with os.scandir(folder) as inside:
            for each in inside:
                found[prefix + each.name] = status = each.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    self._scan(Path(each.path), f"{prefix}{each.name}/", found)

    def _taken_up(self, path: str, status: os.stat_result) -> Entry:
        known = self.entries.get(path)
        # a Path would tidy the target, which is to stay as it is
        link = os.readlink(self.place(path)) if stat.S_ISLNK(status.st_mode) else ""  # noqa: PTH115
        if known is not None and stat.S_IFMT(known.mode) == stat.S_IFMT(status.st_mode):
            size = status.st_size if known.is_file else 0
            return replace(known, size=size, link=link.replace(os.sep, "/") if link else known.link)
        above = self.entries[path.rpartition("/")[0] or "."]
        if stat.S_ISDIR(status.st_mode):
            return Entry(path, _FOLDER, above.uid, above.gid, above.mtime)
        if link:
            return Entry(path, 0o120755, above.uid, above.gid, above.mtime, link=link.replace(os.sep, "/"))
        mode = 0o100755 if os.name != "nt" and status.st_mode & 0o100 else _FILE
        return Entry(path, mode, above.uid, above.gid, int(status.st_mtime), status.st_size)

    # packing

    def ordered(self) -> list[Entry]:
        """Return the entries, each folder before what is in it, by the bytes of their names."""
        return sorted(
            self.entries.values(),
            key=lambda entry: (
                [] if entry.path == "." else entry.path.encode("utf-8", "surrogateescape").split(b"/")
            ),
        )

    def write(self, job: JobContext, stream: Writable) -> dict[str, Written]:
        """Write a cpio archive to *stream*; return what was written of files and links, by path.

        Raises ``CpioError`` when a file changes meanwhile or does not fit, ``OSError``, ``Cancelled``.
        """
        writer = cpio.Writer(stream)
        written: dict[str, Written] = {}
        ordered = self.ordered()
        total = sum(entry.size for entry in ordered)
        done = 0
        for entry in ordered:
            job.check_cancelled()
            writer.add(entry)
            if entry.is_link:
                target = entry.link.encode("utf-8", "surrogateescape")
                written[entry.path] = Written(len(target), Checksum(target).value)
            elif entry.is_file:
                with self.open(entry.path) as file:
                    written[entry.path] = self._write_file(job, entry, file, stream, done, total)
            done += entry.size
        writer.close()
        return written

    def _write_file(
        self, job: JobContext, entry: Entry, file: BinaryIO, stream: Writable, done: int, total: int
    ) -> Written:
        parts = fat.parts(file, entry.size)
        file.seek(0)
        whole, sums = Checksum(), [Checksum() for _ in parts]
        size = 0
        for chunk in _pieces(file):
            for part, checksum in zip(parts, sums, strict=True):
                inside = chunk[max(part.offset - size, 0) : max(part.offset + part.size - size, 0)]
                checksum.update(inside)
            whole.update(chunk)
            size += len(chunk)
            if size > entry.size:
                break
            stream.write(chunk)
            job.progress(done + size, total, entry.path)
        if size != entry.size:
            raise CpioError(tr("{name} changed while it was packed").format(name=shown(entry.path)))
        slices = tuple(
            Slice(part.processor, part.subtype, part.size, checksum.value)
            for part, checksum in zip(parts, sums, strict=True)
        )
        return Written(size, whole.value, slices)

    def items(self, written: Mapping[str, Written], former: Mapping[str, Item]) -> list[Item]:
        """Return the entries as a bill of materials lists them.

        *former* are those of the package before: what it alone knows of a path (a folder's size) is kept.
        """
        result = []
        for entry in self.ordered():
            known = written.get(entry.path, Written(0, 0))
            old = former.get(entry.path)
            size = old.size if old is not None and entry.is_folder else known.size
            result.append(
                Item(
                    entry.path,
                    entry.mode,
                    entry.uid,
                    entry.gid,
                    entry.mtime,
                    size,
                    known.checksum,
                    entry.link,
                    known.slices,
                )
            )
        return result


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
