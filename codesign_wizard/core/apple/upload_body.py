"""The bodies of an upload: parts of a file that are read as they are sent.

No part is held whole. What a failed request leaves behind (its frames, in cycles that are collected some time
later) would hold the bytes too, and with many cuts memory would grow with the file.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Remedy
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

_STEP = 256 << 10  # bytes between two words on the progress


class SentFile:
    """The file that is sent, open; a request that was given up may read yet while its successor does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("rb")

    def __enter__(self) -> SentFile:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._file.close()

    def read(self, start: int, count: int) -> bytes:
        """Return *count* bytes from *start* on; raises ``CodesignError`` when they are not there."""
        try:
            with self._lock:
                self._file.seek(start)
                data = self._file.read(count)
        except OSError as error:
            # told apart here from the network's errors, which are the same type
            raise unreadable(self.path, error) from error
        if len(data) != count:
            raise changed(self.path)
        return data


class Slice:
    """A part of the file, as botocore takes a body and signs it: read piece by piece, more than once."""

    def __init__(self, file: SentFile, start: int, length: int) -> None:
        self._file, self._start, self._length = file, start, length
        self._place = 0

    def __len__(self) -> int:
        return self._length

    def again(self) -> Slice:
        """Return the same part with a place of its own, at the beginning."""
        return Slice(self._file, self._start, self._length)

    def tag(self) -> str:
        """Return the ETag that S3 gives these bytes: their MD5, quoted."""
        digest, piece = hashlib.md5(usedforsecurity=False), self.again()
        while data := piece.read(_STEP):
            digest.update(data)
        return f'"{digest.hexdigest()}"'

    def read(self, count: int = -1) -> bytes:
        """Return the next *count* bytes, or all; raises ``CodesignError``."""
        left = self._length - self._place
        data = self._file.read(self._start + self._place, left if count < 0 else min(left, count))
        self._place += len(data)
        return data

    def tell(self) -> int:
        """Return the place in the part."""
        return self._place

    def seek(self, place: int) -> int:
        """Go to *place* in the part."""
        self._place = max(0, min(place, self._length))
        return self._place


class Body:
    """A body that tells how much of it is on its way, and ends when the person asks to stop."""

    def __init__(self, job: JobContext, data: Slice, progress: Callable[[int], None]) -> None:
        self._job, self._data, self._progress = job, data.again(), progress
        self._told = 0

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(1 << 16):
            yield data

    def read(self, count: int = -1) -> bytes:
        """Return the next *count* bytes, or all."""
        self._job.check_cancelled()
        piece = self._data.read(count)
        place = self._data.tell()
        if place - self._told >= _STEP:
            self._told = place
            self._progress(place)
        return piece


def unreadable(path: Path, error: OSError) -> CodesignError:
    """Return the error of a file that cannot be read."""
    return CodesignError(found.FILE_UNREADABLE(file=shown(path.name), why=error.strerror or str(error)))


def changed(path: Path) -> CodesignError:
    """Return the error of a file that changed while it was sent."""
    return CodesignError(
        found.FILE_CHANGED(
            file=shown(path.name),
            certainty=Certainty.COMPUTED,
            remedies=[Remedy(title=tr("Wait until nothing writes to the file, then submit it again."))],
        )
    )
