"""What was uploaded, opened: packages, zip archives, and each of them inside the other."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from codesign_wizard.core.apple import bundle, macho
from codesign_wizard.core.apple.bundle import Bundle, BundleError
from codesign_wizard.core.apple.package import BROKEN, Package
from codesign_wizard.core.job import JobContext
from codesign_wizard.practice.notary import cms, code, issues, package, seal
from codesign_wizard.practice.notary.code import Judgement
from codesign_wizard.practice.notary.issues import Issue, Ticketed

_MAXIMUM_DEPTH = 5
_MAXIMUM_ENTRIES = 500_000
_MAXIMUM_UNPACKED = 20 << 30
_RATIO, _FREE = 200, 1 << 30
_CHUNK = 1 << 20
_BAD_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # encrypted
    ValueError,
    FileExistsError,
    NotADirectoryError,
)


class Unreadable(Exception):
    """The archive is damaged, or is none that the service takes."""


class Opening:
    """Opens one upload in *folder*, which is empty, and judges everything in it."""

    def __init__(self, job: JobContext, folder: Path, trust: cms.Trust, now: datetime) -> None:
        self._job = job
        self._folder = folder
        self._trust = trust
        self._now = now
        self._count = 0
        self._unpacked = 0
        self.result = Judgement()

    def judge(self, path: Path, name: str) -> Judgement:
        """Judge the upload *path*, called *name*; raises ``OSError`` and ``Cancelled``."""
        try:
            self._open(path, name, 0)
        except Unreadable:
            self.result.issues.append(Issue(name, issues.UNREADABLE.format(name=name)))
        if not self.result.issues and not any(each.architecture for each in self.result.ticketed):
            # such a package is accepted all the same; a zip archive has nothing to be accepted
            packed = any(each.path == name for each in self.result.ticketed)
            text = issues.NO_CODE.format(name=name) if packed else issues.NO_CODE_ZIP
            self.result.issues.append(Issue(name, text, severity="warning" if packed else "error"))
        return self.result

    def _open(self, path: Path, shown: str, depth: int) -> None:
        kind = _kind(path)
        if depth > _MAXIMUM_DEPTH or not kind:
            raise Unreadable
        if kind == "xar":
            self._package(path, shown, depth)
        else:
            self._zip(path, shown, depth)

    def _package(self, path: Path, shown: str, depth: int) -> None:
        try:
            with Package(path) as opened:
                found, ticketed = package.judge(opened.archive, shown, self._trust, self._now)
                self.result.issues += found
                if ticketed is not None:
                    self.result.ticketed.append(ticketed)
                for component in opened.components:
                    below = f"{shown}/{component.folder or component.name}"
                    for part in ("Payload", "Scripts"):
                        folder = self._new_folder()
                        if opened.extract(self._job, component, part, folder) is not None:
                            self._walk(folder, f"{below} Contents/{part}", depth)
                        shutil.rmtree(folder, ignore_errors=True)
        except BROKEN as error:
            raise Unreadable from error

    def _zip(self, path: Path, shown: str, depth: int) -> None:
        folder = self._new_folder()
        try:
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    self._extract(archive, entry, folder, path.stat().st_size)
        except _BAD_ZIP as error:
            raise Unreadable from error
        self._walk(folder, shown, depth)
        shutil.rmtree(folder, ignore_errors=True)

    def _extract(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, packed: int) -> None:
        self._job.check_cancelled()
        self._count += 1
        parts = [part for part in entry.filename.split("/") if part not in ("", ".")]
        if self._count > _MAXIMUM_ENTRIES or ".." in parts or "\0" in entry.filename or not parts:
            raise Unreadable
        if parts[0] == "__MACOSX":
            return  # AppleDouble files, which are no part of what is installed
        place = folder.joinpath(*parts)
        mode = entry.external_attr >> 16
        if not _stays(place.parent, folder):
            raise Unreadable
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            place.symlink_to(archive.read(entry).decode("utf-8", "surrogateescape")[:4096])
            return
        with archive.open(entry) as source, place.open("xb") as target:
            while piece := source.read(_CHUNK):
                self._job.check_cancelled()
                self._unpacked += len(piece)
                if self._unpacked > min(_MAXIMUM_UNPACKED, _FREE + _RATIO * packed):
                    raise Unreadable
                target.write(piece)

    def _walk(self, root: Path, shown: str, depth: int) -> None:
        programs = dict(_main_programs(root))
        for path in _regular_files(root):
            self._job.check_cancelled()
            where = f"{shown}/{path.relative_to(root).as_posix()}"
            with path.open("rb") as file:
                start = file.read(8)
            if macho.is_macho(start):
                self._program(path, where, shown, root, programs.get(path))
            elif depth < _MAXIMUM_DEPTH and _kind(path):
                try:
                    self._open(path, where, depth + 1)
                except Unreadable:
                    continue  # a file that only begins like an archive is nobody's program

    def _program(self, path: Path, where: str, shown: str, root: Path, owner: Bundle | None) -> None:
        around = None if owner is None else seal.surroundings(owner)
        found = code.judge(path, where, self._trust, around, self._now)
        if owner is not None:
            above = f"{shown}/{owner.folder.relative_to(root).as_posix()}".removesuffix("/.")
            self.result.ticketed += [
                Ticketed(above, each.digest_type, each.digest, each.architecture) for each in found.ticketed
            ]
        self.result.issues += found.issues
        self.result.ticketed += found.ticketed

    def _new_folder(self) -> Path:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder


def _kind(path: Path) -> str:
    """Return ``xar``, ``zip``, or "" for anything else."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"xar!":
        return "xar"
    return "zip" if start in (b"PK\x03\x04", b"PK\x05\x06") else ""


def _stays(place: Path, folder: Path) -> bool:
    """Tell whether nothing on the way from *folder* to *place* is a link or a file."""
    while place != folder:
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return False
        place = place.parent
    return True


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(folder) / name
            if bundle.is_file(path):
                yield path


def _main_programs(root: Path) -> Iterator[tuple[Path, Bundle]]:
    """Yield the main program of every bundle below *root*, and the bundle."""
    for folder, _, _ in os.walk(root):
        path = Path(folder)
        if not (bundle.is_folder(path / "Contents") or (path != root and "." in path.name)):
            continue
        try:
            for each in bundle.open_bundles(path):
                if each.executable:
                    yield each.program, each
        except (BundleError, OSError):
            continue
