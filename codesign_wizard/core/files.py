"""Writing files so that nobody ever sees half of one.

A draft lies hidden beside its target, ``.NAME.MARK.codesign.part``, and its writer has it in use. What a
killed writer left there goes with the next write to the same target on the same computer: nobody has it in
use any more.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from codesign_wizard.core.in_use import hold, take
from codesign_wizard.core.text import tr

_LONG_NAME = 200
_END = ".codesign.part"
_MARK = re.compile("[0-9a-f]{8}")
_IN_USE, _DRAFT, _FORMER = "in-use", "draft", "former"  # in the folder that a folder's draft lies in
_UNHELD = 60.0  # seconds that an empty folder stays: its writer may be about to have it in use


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
    _sweep(target)
    draft, handle = _new_draft(target, 0o600 if private else 0o666)
    try:
        try:
            yield draft
            if not private and target.exists():
                os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
        finally:
            # Windows neither moves nor removes what is open
            if sys.platform == "win32":
                os.close(handle)
        os.replace(draft, target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    finally:
        if sys.platform != "win32":
            os.close(handle)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside *target* that takes its place when the block ends well.

    On any exception *target* stays what it was; it may be a folder, a file or nothing. Raises ``OSError``.
    """
    require_folder_of(target)
    with hidden_folder(target) as place:
        draft, former = place / _DRAFT, place / _FORMER
        draft.mkdir()
        yield draft
        exists = os.path.lexists(target)
        if exists:
            target.rename(former)
        try:
            draft.rename(target)
        except OSError:
            if exists:
                former.rename(target)
            raise


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
        # Windows removes nothing that is open
        if sys.platform == "win32":
            os.close(handle)
        shutil.rmtree(place, ignore_errors=True)
        if sys.platform != "win32":
            os.close(handle)


def write_atomic(target: Path, data: bytes, *, private: bool = False) -> None:
    """Write *data* to *target* in one step; its folder is made if missing. Raises ``OSError``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, private=private) as draft:
        draft.write_bytes(data)


def _new_draft(target: Path, mode: int) -> tuple[Path, int]:
    """Return a new, empty draft and its handle, which has it in use."""
    while True:
        draft = _beside(target)
        # not mkstemp: it would leave 0600 on a file that others may be meant to read
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
        hold(handle)
        if os.fstat(handle).st_nlink:
            return draft, handle
        os.close(handle)  # another process swept it before it was in use


def _new_place(target: Path) -> tuple[Path, int]:
    """Return a new folder for a folder's draft, and the handle of a file in it that is in use."""
    while True:
        place = _beside(target)
        place.mkdir()
        handle = os.open(place / _IN_USE, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        hold(handle)
        if os.fstat(handle).st_nlink:
            return place, handle
        os.close(handle)


def _beside(target: Path) -> Path:
    return target.with_name(f"{_beginning(target)}{os.urandom(4).hex()}{_END}")


def _beginning(target: Path) -> str:
    # a name of 255 bytes, the most that file systems take, leaves no room for more
    shown = target.name if len(os.fsencode(target.name)) <= _LONG_NAME else ""
    return f".{shown}.{_computer()}"


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
    if sys.platform != "win32" and seen.st_uid != os.getuid():
        return
    if stat.S_ISREG(seen.st_mode):
        handle = take(left)
        if handle is not None:
            _end(handle, left.unlink)
    elif stat.S_ISDIR(seen.st_mode):
        if not (left / _IN_USE).exists():
            if time.time() - seen.st_mtime > _UNHELD:
                left.rmdir()  # only when it is empty
            return
        handle = take(left / _IN_USE)
        if handle is not None:
            former = left / _FORMER
            if os.path.lexists(former) and not os.path.lexists(target):
                former.rename(target)  # killed while the new one took its place
            _end(handle, lambda: shutil.rmtree(left, ignore_errors=True))


def _end(handle: int, remove: Callable[[], object]) -> None:
    """Remove what *handle* has in use, and close it."""
    # the other way round on Windows, which removes nothing that is open
    if sys.platform == "win32":
        os.close(handle)
        remove()
        return
    try:
        remove()
    finally:
        os.close(handle)
