"""How a bundle is laid out: where its Info.plist, program and sealed files are (Apple, Bundle Structures)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import entitlements, macho
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.text import tr

SIGNATURE_FOLDER = "_CodeSignature"
RESOURCES_FILE = "CodeResources"
_MAXIMUM_PLIST = 4 << 20
_MAXIMUM_ENTRIES = 500_000
_MAXIMUM_DEPTH = 64


class BundleError(ValueError):
    """The folder is no bundle, or cannot be one; the text says why, in words for a person."""


@dataclass(frozen=True)
class Bundle:
    """A bundle, or one version of a framework.

    ``folder`` is the bundle itself. ``root`` is where sealed paths count from: ``Contents``, ``Versions/A``,
    or the folder. ``executable`` is the main program's path below ``root``, "" if there is none.
    """

    folder: Path
    root: Path
    info_path: Path | None
    info: dict[str, Any]
    info_data: bytes | None
    executable: str

    @property
    def identifier(self) -> str:
        """CFBundleIdentifier, or ""."""
        value = self.info.get("CFBundleIdentifier")
        return value if isinstance(value, str) else ""

    @property
    def program(self) -> Path:
        """The main program."""
        return self.root / self.executable

    @property
    def resources_file(self) -> Path:
        """Where the seal is."""
        return self.root / SIGNATURE_FOLDER / RESOURCES_FILE

    @property
    def has_resources(self) -> bool:
        """Whether there is a folder ``Resources``, which decides about the rules of the seal."""
        return is_folder(self.root / "Resources")


@dataclass(frozen=True)
class Entry:
    """Something in a bundle: its path below the root with slashes; ``kind`` is file, folder or link."""

    path: str
    kind: str
    size: int = 0
    target: str = ""


def is_file(path: Path) -> bool:
    """Tell whether *path* itself, not what a link leads to, is an ordinary file."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Tell whether *path* itself, not what a link leads to, is a folder."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def looks_like_bundle(folder: Path) -> bool:
    """Tell whether *folder* is laid out as a bundle with a program in it."""
    try:
        return any(each.executable for each in open_bundles(folder))
    except (BundleError, OSError):
        return False


def open_bundles(folder: Path) -> list[Bundle]:
    """Return the bundle in *folder*; of a versioned framework each version, the current one last.

    Raises ``BundleError`` and ``OSError``.
    """
    if is_folder(folder / "Contents"):
        contents = folder / "Contents"
        return [_open(folder, contents, contents / "Info.plist", "MacOS/")]
    versions = folder / "Versions"
    if is_folder(versions):
        names = sorted(each.name for each in os.scandir(versions) if each.is_dir(follow_symlinks=False))
        current = versions / "Current"
        latest = str(current.readlink()) if current.is_symlink() else ""
        # the version that others link against counts for the whole
        names.sort(key=lambda name: name == latest)
        found = [
            _open(folder, versions / name, versions / name / "Resources" / "Info.plist", "") for name in names
        ]
        if found:
            return found
    for place in (folder / "Info.plist", folder / "Resources" / "Info.plist"):
        if is_file(place):
            return [_open(folder, folder, place, "")]
    raise BundleError(tr("it has neither a folder Contents nor an Info.plist"))


def _open(folder: Path, root: Path, info_path: Path, prefix: str) -> Bundle:
    info: dict[str, Any] = {}
    data: bytes | None = None
    if is_folder(info_path.parent) and is_file(info_path):
        if info_path.stat().st_size > _MAXIMUM_PLIST:
            raise BundleError(tr("its Info.plist is too large to be one"))
        data = info_path.read_bytes()
        try:
            info = entitlements.parse(data)
        except entitlements.EntitlementsError as error:
            raise BundleError(tr("its Info.plist cannot be read: {why}").format(why=error)) from error
    name = info.get("CFBundleExecutable")
    if not isinstance(name, str) or not name:
        name = folder.name.rsplit(".", 1)[0]
    if "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
        raise BundleError(tr("its Info.plist names a program outside of it"))
    executable = prefix + name
    program = root / executable
    # a folder that is a link could lead the signature out of the bundle
    if not is_folder(program.parent) or not is_file(program):
        executable = ""
    return Bundle(folder, root, info_path if data is not None else None, info, data, executable)


def walk(root: Path) -> Iterator[Entry]:
    """Yield everything below *root* in order, folders before what is in them; links are not followed.

    Raises ``BundleError`` for what is neither file, folder nor link, and ``OSError``.
    """
    count = 0
    pending: list[tuple[Path, str, int]] = [(root, "", 0)]
    while pending:
        folder, prefix, depth = pending.pop()
        if depth > _MAXIMUM_DEPTH:
            raise BundleError(tr("its folders are nested too deeply"))
        folders = []
        for item in sorted(os.scandir(folder), key=lambda each: each.name):
            count += 1
            if count > _MAXIMUM_ENTRIES:
                raise BundleError(tr("it holds more files than any program"))
            path = prefix + item.name
            if item.is_symlink():
                yield Entry(path, "link", target=Path(item.path).readlink().as_posix())
            elif item.is_dir(follow_symlinks=False):
                yield Entry(path, "folder")
                folders.append((Path(item.path), path + "/", depth + 1))
            elif item.is_file(follow_symlinks=False):
                yield Entry(path, "file", item.stat(follow_symlinks=False).st_size)
            else:
                raise BundleError(tr("{path} is neither a file nor a folder").format(path=shown(path)))
        pending += reversed(folders)


def holds_macho(path: Path) -> bool:
    """Tell whether the file begins like Mach-O."""
    with path.open("rb") as file:
        return macho.is_macho(file.read(8))
