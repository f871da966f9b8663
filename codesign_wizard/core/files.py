"""Writing files so that nobody ever sees half of one.

A draft lies in a hidden folder beside its target, ``.NAME.MARK.codesign.part``, with a file in it that the
writer has in use; nobody ever writes into that one, since on some drives a lock forbids it. What a killed
writer left there goes with the next write to the same target on the same computer, a minute later: nobody
has it in use any more. What stood at the target is never among what goes before the new one has its place.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from codesign_wizard.core.in_use import hold, take
from codesign_wizard.core.text import tr

_LONG_NAME = 200
_END = ".codesign.part"
_MARK = re.compile("[0-9a-f]{8}")
# in the hidden folder: what stood at the target is "former" as long as it may have to come back
_IN_USE, _DRAFT, _FORMER, _GONE = "in-use", "draft", "former", "gone"
_FRESH = 60.0  # seconds that nothing is swept: its writer may be about to have it in use
_UNHELD = 24 * 3600.0  # seconds until what cannot be had in use counts as left
_TRIES = 3
# seconds between the tries to replace what somebody has open on Windows, as virus scanners for a moment
_PAUSES = (0.05, 0.1, 0.2, 0.4)
_SHARING = (5, 32)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION


def require_file(path: Path) -> None:
    """Raise ``OSError`` with a sentence's worth of reason unless *path* is an ordinary file.

    Opening a pipe would wait for somebody to write into it, and a device may never end.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, tr("it is a folder"))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, tr("it is no ordinary file"))


def require_replaceable(target: Path) -> None:
    """Raise ``OSError`` unless *target* is an ordinary file, or nothing yet.

    Something else must not give way to a file; for an administrator it would, ``/dev/null`` included.
    """
    with suppress(FileNotFoundError):
        require_file(target)


def require_folder_of(target: Path) -> None:
    """Raise ``OSError`` that names the folder *target* is to lie in, when there is none."""
    if not target.parent.exists():
        raise FileNotFoundError(
            errno.ENOENT, tr("there is no folder {folder}").format(folder=target.parent), str(target.parent)
        )


@contextmanager
def replacing(target: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a draft in *target*'s folder, and put it in *target*'s place when the block ends well.

    On any exception the draft is removed and *target* stays what it was. An existing target keeps its mode;
    a new one gets the ordinary one, or 0600 with *private*. The block writes into the draft; it does not put
    another file in its place. Raises ``OSError``, also for a target that is no ordinary file.
    """
    require_replaceable(target)
    require_folder_of(target)
    with hidden_folder(target) as place:
        draft = place / _DRAFT
        # not mkstemp: it would leave 0600 on a file that others may be meant to read
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
        yield draft
        if not private and target.exists():
            os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
        _replace(draft, target)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside *target* that takes its place when the block ends well.

    On any exception *target* stays what it was; it may be a folder, a file or nothing. Raises ``OSError``.
    """
    require_folder_of(target)
    with hidden_folder(target) as place:
        draft = place / _DRAFT
        draft.mkdir()
        yield draft
        put_folder(draft, target)


def put_folder(draft: Path, target: Path) -> None:
    """Rename the folder *draft* to *target*, on the same drive; what stood there goes.

    When that fails, what stood there comes back, or lies beside it, as the error says. Raises ``OSError``.
    """
    if not os.path.lexists(target):
        draft.rename(target)
        return
    with hidden_folder(target) as place:
        former = place / _FORMER
        try:
            target.rename(former)
            draft.rename(target)
        except BaseException as error:
            # where the draft has gone, it has its place
            if os.path.lexists(former) and os.path.lexists(draft):
                back = _give_back(former, target)
                if back != target and isinstance(error, OSError):
                    raise _beside_now(error, back) from error
            raise
        former.rename(place / _GONE)


@contextmanager
def in_place(draft: Path, target: Path) -> Iterator[None]:
    """Put the file *draft* in *target*'s place, for good when the block ends well.

    On any exception what stood there comes back, or lies beside it, as the error says. Raises ``OSError``.
    """
    with hidden_folder(target) as place:
        kept, former = place / _DRAFT, place / _FORMER
        stood = os.path.lexists(target)
        if stood:
            _keep(target, kept)
            kept.rename(former)  # whole: what is half copied never comes back
        try:
            _replace(draft, target)
        except BaseException:
            if stood:
                former.rename(place / _GONE)
            raise
        try:
            yield
        except BaseException as error:
            _take_back(former if stood else None, target, error)
            raise
        if stood:
            former.rename(place / _GONE)


def _keep(path: Path, copy: Path) -> None:
    try:
        os.link(path, copy)
    except OSError:
        # some file systems have no links
        shutil.copy2(path, copy)


def _take_back(former: Path | None, target: Path, error: BaseException) -> None:
    """Let *target* be what it was before *error*; raises ``OSError`` that says where it is otherwise."""
    if former is None:
        with suppress(OSError):  # a whole file; what went wrong first is what is to be told
            target.unlink()
        return
    try:
        _replace(former, target)
    except OSError:
        back = _give_back(former, target)
        if isinstance(error, OSError):
            raise _beside_now(error, back) from error


def _beside_now(error: OSError, back: Path) -> OSError:
    why = tr("{why}; what stood there is {former} now").format(why=error.strerror or str(error), former=back)
    return OSError(error.errno, why)


def _give_back(former: Path, target: Path) -> Path:
    """Put *former* at *target*, or beside it where that is taken, and return where it lies now."""
    stem, suffix = target.stem, target.suffix
    if len(os.fsencode(target.name)) > _LONG_NAME:
        stem, suffix = _digest(target.name), ""
    for name in (target.name, *(f"{stem} (former{mark}){suffix}" for mark in ("", " 2", " 3", " 4"))):
        back = target.with_name(name)
        if not os.path.lexists(back):
            with suppress(OSError):
                former.rename(back)
                return back
    return former  # the folder that it lies in stays, and the next write tries again


@contextmanager
def hidden_folder(beside: Path) -> Iterator[Path]:
    """Yield a new hidden folder beside *beside* and named after it, which goes when the block ends.

    Raises ``OSError``.
    """
    _sweep(beside)
    place, handle = _new_place(beside)
    try:
        yield place
    finally:
        if handle is not None:
            os.close(handle)  # some systems remove nothing that is open
        _remove(place)


def _remove(place: Path) -> None:
    if not os.path.lexists(place / _FORMER):
        shutil.rmtree(place, ignore_errors=True)


def _replace(draft: Path, target: Path) -> None:
    for pause in _PAUSES:
        try:
            os.replace(draft, target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _SHARING:
                raise
            time.sleep(pause)
        else:
            return
    os.replace(draft, target)


def written(text: str) -> bytes:
    """Return *text* as a file keeps it: half a character, which JSON from outside may hold, as a mark."""
    return text.encode("utf-8", "replace")


def write_atomic(target: Path, data: bytes, *, private: bool = False) -> None:
    """Write *data* to *target* in one step; its folder is made if missing. Raises ``OSError``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, private=private) as draft:
        draft.write_bytes(data)


def _new_place(target: Path) -> tuple[Path, int | None]:
    """Return a new hidden folder and the handle of its file that is in use.

    Without a handle, as on drives without locks, nobody can have it in use, and the file is not there.
    """
    for _ in range(_TRIES):
        place = _beside(target)
        place.mkdir()
        try:
            handle = os.open(place / _IN_USE, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except OSError as error:
            with suppress(OSError):
                place.rmdir()
            if isinstance(error, FileNotFoundError):
                continue  # swept, if the drive's clock is wrong
            raise
        if hold(handle) and os.path.lexists(place / _IN_USE):
            return place, handle
        os.close(handle)
        _remove(place)
    place = _beside(target)
    place.mkdir()
    return place, None


def _beside(target: Path) -> Path:
    return target.with_name(f"{_beginning(target)}{os.urandom(4).hex()}{_END}")


def _beginning(target: Path) -> str:
    # a name of 255 bytes, the most that file systems take, leaves no room for more
    shown = target.name if len(os.fsencode(target.name)) <= _LONG_NAME else _digest(target.name)
    return f".{shown}.{_computer()}"


def _digest(name: str) -> str:
    import hashlib  # which the first window has no use for

    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


@cache
def _computer() -> str:
    """Return eight signs for this computer: on a shared drive another one's locks may not be seen."""
    # here, not above: the first window writes nothing
    import hashlib
    import socket

    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _sweep(target: Path) -> None:
    """Remove the drafts of *target* that killed processes left; what cannot be looked at stays."""
    beginning = _beginning(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        for each in entries:
            mark = each.name.removeprefix(beginning).removesuffix(_END)
            if each.name == f"{beginning}{mark}{_END}" and _MARK.fullmatch(mark):
                with suppress(OSError):
                    _sweep_one(target.with_name(each.name), target)


def _sweep_one(left: Path, target: Path) -> None:
    seen = left.lstat()
    age = time.time() - seen.st_mtime
    if not stat.S_ISDIR(seen.st_mode) or age < _FRESH:
        return
    if sys.platform != "win32" and seen.st_uid != os.getuid():
        return
    former = left / _FORMER
    if not os.path.lexists(left / _IN_USE):
        if age > _UNHELD and os.path.lexists(former):
            _give_back(former, target)
        left.rmdir()  # only when it is empty
        return
    handle = take(left / _IN_USE)
    if handle is None:
        return
    try:
        if os.path.lexists(former):
            # killed while the new one took its place, or just before, when it stands there still
            if not _same(former, target):
                _give_back(former, target)
            else:
                former.unlink()
    finally:
        os.close(handle)
    _remove(left)


def _same(one: Path, other: Path) -> bool:
    """Tell whether both are names of one file, or files of the same content: one is a copy without links."""
    import filecmp  # which the first window has no use for

    try:
        return one.samefile(other) or filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
