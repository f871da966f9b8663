"""What the server delivered as a client: looked at by its bytes, and unpacked without trusting it."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import shown, tr

_CHUNK = 1 << 20
_MAXIMUM_ENTRIES = 10_000
_MAXIMUM_UNPACKED = 8 << 30
_ENCRYPTED = 1
_NAME = 100
# besides an installer these mean nothing; anything else is data that a loader would install
_PAPERS = (".txt", ".md", ".html", ".htm", ".rtf", ".pdf", ".url")


class DeliveryError(ValueError):
    """It is nothing that installs; the message says what it is."""


@dataclass(frozen=True)
class Delivery:
    """Files of a delivery: those to judge (unpacked), and the names of all others."""

    windows: list[Path] = field(default_factory=list)
    packages: list[Path] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    packed: bool = False

    @property
    def data_files(self) -> list[str]:
        """The others that are no papers."""
        return [each for each in self.others if PurePosixPath(each).suffix.lower() not in _PAPERS]


def is_refusal_like(start: bytes) -> bool:
    """Tell whether a body that begins with *start* is text where a file should be."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"<", b"[")


def open_delivery(job: JobContext, path: Path, folder: Path) -> Delivery:
    """Return what is in the delivered file *path*; programs and packages are unpacked into *folder*.

    Nothing is written outside *folder* whatever names are in it, no link is made, and what unpacks to more
    than 8 GiB is refused. Raises ``DeliveryError``, ``OSError``, ``Cancelled``.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"MZ":
        return Delivery(windows=[path])
    if start == b"xar!":
        return Delivery(packages=[path])
    if start not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise DeliveryError(tr("it is neither a zip, a Windows program, nor a macOS package"))
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpacked(job, archive, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DeliveryError(tr("the zip is damaged: {why}").format(why=shown(str(error)))) from error


def _unpacked(job: JobContext, archive: zipfile.ZipFile, folder: Path) -> Delivery:
    entries = archive.infolist()
    if len(entries) > _MAXIMUM_ENTRIES:
        raise DeliveryError(tr("the zip has more than {n} files").format(n=_MAXIMUM_ENTRIES))
    found = Delivery(packed=True)
    left = _MAXIMUM_UNPACKED
    for number, entry in enumerate(entries, 1):
        if entry.is_dir():
            continue
        suffix = PurePosixPath(entry.filename.replace("\\", "/")).suffix.lower()
        if suffix not in (".exe", ".msi", ".pkg"):
            found.others.append(shown(entry.filename))
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise DeliveryError(tr("a file in the zip is locked with a password"))
        place = folder / str(number)
        place.mkdir()
        target = place / _plain(entry.filename)
        with archive.open(entry) as source, target.open("wb") as sink:
            left -= _copy(job, source, sink, left, entry.file_size, target.name)
        (found.packages if suffix == ".pkg" else found.windows).append(target)
    return found


def _copy(job: JobContext, source: IO[bytes], sink: IO[bytes], most: int, total: int, name: str) -> int:
    done = 0
    while chunk := source.read(_CHUNK):
        done += len(chunk)
        if done > most:
            raise DeliveryError(tr("it unpacks to more than any installer has"))
        sink.write(chunk)
        job.progress(done, max(total, done), name)
    return done


def _plain(name: str) -> str:
    """Return the last part of a name in a zip, as every file system takes it."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(char if char.isalnum() or char in " ._-()+" else "_" for char in shown(last)).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    return f"{stem[:_NAME]}{dot}{suffix[:8]}" if plain.strip("_.") else "file"
