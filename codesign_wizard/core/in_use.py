"""Which files a process has in use: a lock that the system lets go of with the process, however that ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _OPEN = os.O_RDWR | os.O_BINARY
    # a locked part can be neither read nor written: one that no file reaches
    _PLACE = 1 << 40

    def hold(handle: int) -> bool:
        """Mark the open file as in use until it is closed; tell whether nobody else had done so."""
        with suppress(OSError):
            os.lseek(handle, _PLACE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    _OPEN = os.O_RDONLY | os.O_NOFOLLOW

    def hold(handle: int) -> bool:
        """Mark the open file as in use until it is closed; tell whether nobody else had done so."""
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False


def take(path: Path) -> int | None:
    """Return a handle of the file *path*, now in use here; ``None`` when it is so elsewhere.

    Where it cannot be known, as on drives without locks, it counts as in use. Raises ``OSError`` when it
    cannot be opened.
    """
    handle = os.open(path, _OPEN)
    if hold(handle):
        return handle
    os.close(handle)
    return None
