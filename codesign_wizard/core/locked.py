"""One process at a time in a folder, for the milliseconds that reading, merging and replacing a file take."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PATIENCE = 2.0  # seconds; nobody holds it for longer than a write takes
_PAUSE = 0.01


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of *folder*, which exists; the value tells whether it was had.

    The system lets it go with the process, so that a killed one blocks nobody. Where there are no locks (some
    network drives), or another process is stuck with it, the block runs without: not to write at all would
    lose more.
    """
    try:
        handle = _open(folder)
    except OSError:
        yield False
        return
    try:
        yield _taken(handle)
    finally:
        with suppress(OSError):
            _release(handle)
        os.close(handle)


def _taken(handle: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            _take(handle)
        except OSError as error:
            # held by another: EAGAIN, or EACCES on Windows
            if not isinstance(error, BlockingIOError | PermissionError) or time.monotonic() > end:
                return False
            time.sleep(_PAUSE)
        else:
            return True


if sys.platform == "win32":
    import msvcrt

    def _open(folder: Path) -> int:
        # a folder cannot be locked there: a file in it can, and stays
        return os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _release(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _open(folder: Path) -> int:
        return os.open(folder, os.O_RDONLY)

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
