"""An app in a zip, as it is downloaded: unpacked with its links and modes, changed, and packed again.

Unix modes are in the upper half of a member's external attributes (APPNOTE.TXT 4.4.15, "made by" Unix), as
``ditto`` and Info-ZIP write them; a symbolic link is a member whose bytes are its target.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

from codesign_wizard.core.apple import code_outside
from codesign_wizard.core.apple.bundle import BundleError, looks_like_bundle, walk
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.authenticode.refusals import UNREADABLE, UNWRITABLE
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

_CHUNK = 1 << 20
_MAXIMUM_LINK = 4096
_MAXIMUM_ENTRIES = 500_000
# programs pack to a third or a fourth; what claims far more than that is a trap
_FREE, _RATIO = 512 << 20, 100
_UNIX = 3
# macOS' own zips carry what a file system's extended attributes hold in a folder of this name
_METADATA = "__MACOSX"
_TIME = (2020, 1, 1, 0, 0, 0)

DAMAGED = FindingKind(
    "apple.zip.damaged",
    Severity.ERROR,
    "{file} cannot be unpacked: {why}.",
    "The zip is damaged, encrypted, leads outside of its folder, or unpacks to far more than an app.",
)
NO_APP = FindingKind(
    "apple.zip.no-app",
    Severity.ERROR,
    "{file} holds no app.",
    "No folder at the top of the zip is an app with a program in it.",
)


def zip_app(job: JobContext, app: Path, target: Path, *, without: Collection[str] = ()) -> None:
    """Pack the app into a new zip as ``ditto -c -k --keepParent`` does: under its name, links and modes kept.

    The same content makes the same bytes: dates are left out, and so is what *without* names (paths below
    the app, with slashes). Raises ``BundleError``, ``OSError`` and ``Cancelled``.
    """
    with replacing(target.resolve()) as draft:
        _pack(job, app, draft, f"{app.resolve().name}/", without)


class ZipError(ValueError):
    """The zip does not hold; the text says why, for a person."""


def changed_zip(
    job: JobContext, source: Path, target: Path, change: Callable[[Path], None], *, work: Path | None = None
) -> None:
    """Unpack the zip *source*, let *change* change each app at its top, and pack it into *target*.

    Raises ``InputError``, what *change* raises, and ``Cancelled``; *target* is then what it was before.
    """
    try:
        with tempfile.TemporaryDirectory(
            prefix="codesign-wizard-", dir=work or target.resolve().parent
        ) as name:
            folder = Path(name)
            apps = unpack(job, source, folder)
            for app in apps:
                change(app)
            with replacing(target.resolve()) as draft:
                _pack(job, folder, draft)
    except BundleError as error:
        raise InputError(damaged(source, str(error))) from error
    except OSError as error:
        raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error


def unpack(job: JobContext, source: Path, folder: Path) -> list[Path]:
    """Unpack the zip into the empty *folder*; return the apps at its top. Raises ``InputError``."""
    try:
        with zipfile.ZipFile(source) as archive:
            _Unpacking(job, archive, folder, source.stat().st_size).run()
    except (ZipError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(damaged(source, _why(error))) from error
    # zlib.error is no ValueError; names and dates that no file system takes are
    except (ValueError, OverflowError, ArithmeticError) as error:
        raise InputError(damaged(source, _why(error))) from error
    except OSError as error:
        raise InputError(UNREADABLE(file=source.name, why=error.strerror or str(error))) from error
    except Exception as error:
        if type(error).__module__ not in ("zlib", "lzma", "_lzma"):
            raise
        raise InputError(damaged(source, str(error))) from error
    apps = [each for each in sorted(folder.iterdir()) if each.suffix == ".app" and looks_like_bundle(each)]
    if not apps:
        raise InputError(NO_APP(file=source.name))
    return apps


def damaged(path: Path, why: str) -> Finding:
    """Return the finding for a zip that cannot be unpacked."""
    return DAMAGED(file=path.name, why=why, remedies=[Remedy(title=tr("Pack or download it again."))])


def _why(error: Exception) -> str:
    if isinstance(error, ZipError):
        return str(error)
    if isinstance(error, RuntimeError) and "password" in str(error):
        return tr("it is encrypted")
    return tr("it is damaged")


class _Unpacking:
    def __init__(self, job: JobContext, archive: zipfile.ZipFile, folder: Path, size: int) -> None:
        self.job, self.archive, self.folder = job, archive, folder
        self.left = _FREE + _RATIO * size
        self.links: dict[str, str] = {}

    def run(self) -> None:
        members = self.archive.infolist()
        if len(members) > _MAXIMUM_ENTRIES:
            raise ZipError(tr("it holds more files than any program"))
        for done, member in enumerate(members):
            self.job.progress(done, len(members), shown(member.filename))
            path = self._path(member.filename)
            if path is not None:
                self._one(member, path)
        # last of all: nothing is ever unpacked through a link
        for name, target in self.links.items():
            place = self.folder / name
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(target)
            except (FileExistsError, NotADirectoryError) as error:
                raise ZipError(tr("{name} is in it twice").format(name=shown(name))) from error

    def _path(self, name: str) -> str | None:
        parts = PurePosixPath(name).parts
        if not parts or parts[0] == _METADATA:
            return None
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
            raise ZipError(tr("a file name in it leads elsewhere"))
        return "/".join(parts)

    def _one(self, member: zipfile.ZipInfo, path: str) -> None:
        mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
        place = self.folder / path
        if stat.S_ISLNK(mode):
            self._link(member, path)
            return
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ZipError(tr("{name} is a device or a pipe").format(name=shown(path)))
        try:
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                return
            place.parent.mkdir(parents=True, exist_ok=True)
            with self.archive.open(member) as packed, place.open("xb") as file:
                while chunk := packed.read(_CHUNK):
                    self.job.check_cancelled()
                    self.left -= len(chunk)
                    if self.left < 0:
                        raise ZipError(tr("it unpacks to far more than an app holds"))
                    file.write(chunk)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise ZipError(tr("{name} is in it twice").format(name=shown(path))) from error
        if os.name != "nt" and mode & 0o111:
            place.chmod(0o755)

    def _link(self, member: zipfile.ZipInfo, path: str) -> None:
        if member.file_size > _MAXIMUM_LINK:
            raise ZipError(tr("a file name in it leads elsewhere"))
        target = os.fsdecode(self.archive.read(member))
        if code_outside.leads_out(self.folder / path, target, self.folder):
            raise ZipError(tr("a file name in it leads elsewhere"))
        if path in self.links:
            raise ZipError(tr("{name} is in it twice").format(name=shown(path)))
        self.links[path] = target


def _pack(
    job: JobContext, folder: Path, draft: Path, prefix: str = "", without: Collection[str] = ()
) -> None:
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        if prefix:
            top = zipfile.ZipInfo(prefix, _TIME)
            top.create_system = _UNIX
            top.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
            archive.writestr(top, b"")
        for entry in walk(folder):
            job.check_cancelled()
            if entry.path in without:
                continue
            place = folder / entry.path
            info = zipfile.ZipInfo(prefix + entry.path + ("/" if entry.kind == "folder" else ""), _TIME)
            info.create_system = _UNIX
            info.compress_type = zipfile.ZIP_DEFLATED
            if entry.kind == "link":
                info.external_attr = (stat.S_IFLNK | 0o755) << 16
                archive.writestr(info, os.fsencode(entry.target))
            elif entry.kind == "folder":
                info.external_attr = (stat.S_IFDIR | 0o755) << 16 | 0x10
                archive.writestr(info, b"")
            else:
                runs = bool(place.stat().st_mode & 0o111)
                info.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
                info.file_size = entry.size
                with place.open("rb") as file, archive.open(info, "w") as packed:
                    shutil.copyfileobj(file, packed, _CHUNK)
