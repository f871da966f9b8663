"""Temporary folders of practice runs, and what killed runs left of them.

A running cloud holds a lock on a file in its folder, which the system lets go of when the process ends,
however it ends. The folders with a trial's files are named after their cloud's folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.in_use import hold, take

CLOUD = "codesign-wizard-cloud-"
OUTPUT = "codesign-wizard-practice-"
_LOCK = "in-use"
_STALE = 24 * 3600.0  # seconds
_AT_ONCE = 50  # a start must not take long, whatever has piled up


def make_folder() -> tuple[Path, BinaryIO]:
    """Return a new private folder for a cloud, and its lock, which is let go of by closing it."""
    folder = Path(tempfile.mkdtemp(prefix=CLOUD))
    lock = (folder / _LOCK).open("wb")
    hold(lock.fileno())
    return folder, lock


def make_output(folder: Path) -> Path:
    """Return a new folder for the files of a trial in the cloud of *folder*."""
    return Path(tempfile.mkdtemp(prefix=f"{OUTPUT}{folder.name.removeprefix(CLOUD)}-"))


def clear(place: Path | None = None, now: float | None = None) -> list[Path]:
    """Remove this user's practice folders that are a day old and belong to no running cloud; return them.

    What cannot be looked at or removed stays.
    """
    place = place or Path(tempfile.gettempdir())
    limit = (time.time() if now is None else now) - _STALE
    removed: list[Path] = []
    try:
        folders = sorted(each for each in place.iterdir() if each.name.startswith((CLOUD, OUTPUT)))
    except OSError:
        return removed
    for folder in folders:
        if len(removed) >= _AT_ONCE:
            break
        if not _old(folder, limit) or _in_use(_cloud_of(folder)):
            continue
        shutil.rmtree(folder, ignore_errors=True)  # follows no links
        if not folder.exists():
            removed.append(folder)
    return removed


def _cloud_of(folder: Path) -> Path:
    if folder.name.startswith(CLOUD):
        return folder
    label, dash, _ = folder.name.removeprefix(OUTPUT).rpartition("-")
    return folder.with_name(f"{CLOUD}{label}") if dash else folder


def _old(folder: Path, limit: float) -> bool:
    """Tell whether it is a folder of this user, and nothing was put into it lately."""
    try:
        seen = folder.lstat()
        if not stat.S_ISDIR(seen.st_mode) or (sys.platform != "win32" and seen.st_uid != os.getuid()):
            return False
        return seen.st_mtime < limit and all(each.lstat().st_mtime < limit for each in folder.iterdir())
    except OSError:
        return False


def _in_use(folder: Path) -> bool:
    try:
        handle = take(folder / _LOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # if it cannot be known, it is
    if handle is not None:
        os.close(handle)
    return handle is None
