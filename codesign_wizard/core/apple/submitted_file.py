"""What of a file is submitted to the notary service, and how it is known again once a ticket is stapled.

A package's ticket stands behind its archive, an app's in a file of its own: without it both are what Apple
judged. An app, which is a folder, is sent as a zip made for it, the same bytes for the same content.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple import staple
from codesign_wizard.core.apple.bundle import RESOURCES_FILE, BundleError, looks_like_bundle, walk
from codesign_wizard.core.apple.macho import is_macho
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.zipped_app import zip_app
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

_TAKEN = (".pkg", ".zip", ".dmg")
_TICKET = f"Contents/{RESOURCES_FILE}"
_CHUNK = 4 << 20


@dataclass(frozen=True)
class Sendable:
    """What is uploaded for a path: a file, its SHA-256 (hexadecimal), its size in bytes.

    ``bare`` is the SHA-256 of the same without a stapled ticket, where there is one; else it is ``sha256``.
    """

    file: Path
    sha256: str
    size: int
    bare: str


def check_file(path: Path) -> None:
    """Raise ``InputError`` for what cannot be notarised."""
    if path.is_dir():
        if not looks_like_bundle(path):
            raise _wrong(path, tr("it is a folder and no app: there is no program in it"))
        return
    try:
        require_file(path)
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not start:
        raise _wrong(path, tr("it is empty"))
    if is_macho(start):
        raise _wrong(path, tr("a program alone is not taken; put it into a package, an app or a .zip"))
    if path.suffix.lower() not in _TAKEN:
        raise _wrong(path, tr("it is neither .pkg, .app, .zip nor .dmg"))


@contextmanager
def sendable(job: JobContext, path: Path) -> Iterator[Sendable]:
    """Yield what is uploaded for *path*; an app's zip lives as long as this.

    Raises ``InputError`` and ``Cancelled``.
    """
    check_file(path)
    if not path.is_dir():
        sha256, size = _digest(job, path)
        yield Sendable(path, sha256, size, without_ticket(job, path) or sha256)
        return
    with tempfile.TemporaryDirectory(prefix="codesign-wizard-") as folder:
        packed = Path(folder) / f"{path.resolve().stem}.zip"
        try:
            job.progress(0, None, tr("Packing {file}").format(file=shown(path.name)))
            zip_app(job, path, packed, without=(_TICKET,))
        except BundleError as error:
            raise _wrong(path, str(error)) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        sha256, size = _digest(job, packed)
        yield Sendable(packed, sha256, size, sha256)


def identity(job: JobContext, path: Path) -> str:
    """Return what *path* is known again by, hexadecimal: a file's SHA-256, or an app's content's.

    An app's does not change when a ticket is stapled. Raises ``OSError``, ``BundleError``, ``Cancelled``.
    """
    if not path.is_dir():
        return _sha256(job, path)
    digest = hashlib.sha256()
    for entry in walk(path):
        job.check_cancelled()
        if entry.path == _TICKET:
            continue
        runs = entry.kind == "file" and bool((path / entry.path).stat().st_mode & 0o111)
        content = _sha256(job, path / entry.path) if entry.kind == "file" else entry.target
        digest.update(
            "\0".join((entry.kind, entry.path, str(runs), content, "")).encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()


def without_ticket(job: JobContext, path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a package without its ticket; "" for what has none.

    Raises ``Cancelled``.
    """
    try:
        target = staple.open_target(path)
        if target.ticket is None or target.kind != "package":
            return ""
        return _sha256(job, path, target.end)
    except (InputError, OSError):
        return ""  # then it is what it is


def _digest(job: JobContext, path: Path) -> tuple[str, int]:
    try:
        total = path.stat().st_size
        sha256, done = hashlib.sha256(), 0
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                sha256.update(chunk)
                done += len(chunk)
                job.progress(done, total, tr("Reading {file}").format(file=shown(path.name)))
    except OSError as error:
        raise _unreadable(path, error) from error
    return sha256.hexdigest(), done


def _sha256(job: JobContext, path: Path, end: int | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK if end is None else min(_CHUNK, end - file.tell())):
            job.check_cancelled()
            digest.update(chunk)
    return digest.hexdigest()


def _wrong(path: Path, why: str) -> InputError:
    return InputError(found.WRONG_FILE(file=shown(path.name) or str(path), why=why))


def _unreadable(path: Path, error: OSError) -> InputError:
    why = error.strerror or str(error)
    return InputError(found.FILE_UNREADABLE(file=shown(path.name) or str(path), why=why))
