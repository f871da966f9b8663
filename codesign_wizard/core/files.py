"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codesign_wizard.core.text import tr

_LONG_NAME = 200


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
    a new one gets the ordinary one, or 0600 with *private*. Raises ``OSError``, also for a target that is no
    ordinary file.
    """
    require_replaceable(target)
    require_folder_of(target)
    # a name of 255 bytes, the most that file systems take, leaves no room for more
    shown = target.name if len(os.fsencode(target.name)) <= _LONG_NAME else ""
    draft = target.with_name(f".{shown}.{os.urandom(6).hex()}.part")
    # not mkstemp: it would leave 0600 on a file that others may be meant to read
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    try:
        yield draft
        if not private and target.exists():
            os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
        os.replace(draft, target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise


def write_atomic(target: Path, data: bytes, *, private: bool = False) -> None:
    """Write *data* to *target* in one step; its folder is made if missing. Raises ``OSError``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target, private=private) as draft:
        draft.write_bytes(data)
