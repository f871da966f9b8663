"""The upload to Apple's storage: an Amazon S3 object, in parts that are each sent until they have arrived.

botocore signs and reads (SigV4 with the session token and the digest of every body); the bytes go over our
own network, so that proxy, CA bundle, time-outs and cancelling are the same as everywhere (``before-send``
of botocore's documented events). See ``docs/architecture.md`` for why it is this client.

A part counts as arrived by S3's own word: its answer, or its list of parts. Small files go in one request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.apple.notary_storage import (
    PART,
    PassingError,
    Storage,
    UploadGoneError,
    without_frames,
)
from codesign_wizard.core.apple.submissions import Upload
from codesign_wizard.core.apple.upload_body import SentFile, Slice, changed, unreadable
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import size_words, tr

SINGLE = 8 << 20  # up to here one request; above, parts of at least this size


_MAXIMUM_PARTS = 9_000  # S3 takes 10,000


_ATTEMPTS = 7  # failures in a row, with nothing arriving between them


_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Uploaded:
    """What an upload did in this run, in bytes: sent now, and found there from before."""

    sent: int
    found: int


def part_size(size: int) -> int:
    """Return the part size in bytes for a file of *size* bytes: whole MiB, at most 9,000 parts."""
    least = -(-size // _MAXIMUM_PARTS)
    return max(SINGLE, -(-least // (1 << 20)) * (1 << 20))


def part_length(progress: Upload, size: int, number: int) -> int:
    """Return the length in bytes of a part (from 1) of a file of *size* bytes."""
    return max(0, min(progress.part_size, size - (number - 1) * progress.part_size))


def arrived(progress: Upload, size: int) -> int:
    """Return how many bytes of a file of *size* bytes are noted as arrived."""
    return sum(part_length(progress, size, number) for number in progress.parts)


def upload_file(
    job: JobContext,
    network: Network,
    access: UploadAccess,
    path: Path,
    size: int,
    progress: Upload,
    note: Callable[[], None],
) -> Uploaded:
    """Bring *path* (of *size* bytes) to its place; *progress* says what is there, and is kept up to date.

    *note* is called whenever *progress* has changed and is to be kept. Raises ``AccessEndedError``,
    ``UploadGoneError``, ``CodesignError`` and ``Cancelled``; what arrived stays in *progress*.
    """
    with network.session() as session:
        s3 = Storage(job, network, session, access)
        return _Run(job, s3, path, size, progress, note).run()


class _Run:
    def __init__(
        self, job: JobContext, s3: Storage, path: Path, size: int, progress: Upload, note: Callable[[], None]
    ) -> None:
        self.job, self.s3, self.path, self.size = job, s3, path, size
        self.state, self.note = progress, note
        self.sent = 0

    def run(self) -> Uploaded:
        try:
            with SentFile(self.path) as file:
                if self.size <= SINGLE:
                    self._single(file)
                    return Uploaded(self.size, 0)
                return self._parts(file)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _single(self, file: SentFile) -> None:
        piece = Slice(file, 0, self.size)
        self._tell(0)
        self._patiently(lambda: self.s3.put(piece, self._step(0)), lambda: False)
        self._tell(self.size)

    def _parts(self, file: SentFile) -> Uploaded:
        state = self.state
        if not state.upload_id or not state.part_size:
            state.part_size, state.parts, state.completing = part_size(self.size), {}, False
            state.upload_id = self._patiently(self.s3.begin, lambda: "")
            self.note()
        else:
            try:
                self._compare(file)
            except UploadGoneError:
                if not state.completing:
                    raise
                # killed after S3 had put the parts together, and before that was noted
                self._tell(self.size)
                return Uploaded(0, self.size)
        count = -(-self.size // state.part_size)
        before = arrived(state, self.size)
        done = before
        self._tell(done)
        for number in range(1, count + 1):
            if number in state.parts:
                continue
            self.job.check_cancelled()
            piece = self._slice(file, number)
            state.parts[number] = self._send(number, piece, done)
            self.note()
            done += len(piece)
            self._tell(done)
        if self.path.stat().st_size != self.size:
            raise changed(self.path)
        self._complete()
        return Uploaded(self.size - before, before)

    def _send(self, number: int, piece: Slice, done: int) -> str:
        """Send a part until S3 has it; return its ETag."""
        tag = piece.tag()

        def arrived() -> str:
            # the answer may be what was lost, and not the part
            there = self.s3.parts(self.state.upload_id, number)
            held = (there or {}).get(number)
            return tag if held == (tag, len(piece)) else ""

        def send() -> str:
            return self.s3.part(self.state.upload_id, number, piece, self._step(done))

        return str(self._patiently(send, arrived))

    def _complete(self) -> None:
        asked = False
        self.state.completing = True
        self.note()

        def complete() -> bool:
            nonlocal asked
            try:
                self.s3.complete(self.state.upload_id, self.state.parts)
            except UploadGoneError:
                # asked before, and the answer was lost: then it is complete
                if not asked:
                    raise
            except NetworkError:
                asked = True
                raise
            return True

        self._patiently(complete, lambda: False)

    def _compare(self, file: SentFile) -> None:
        """Hold what was noted against what S3 has, and that against the file."""
        state = self.state
        there = self._patiently(lambda: (self.s3.parts(state.upload_id),), lambda: ())[0]
        if there is None:
            return  # not allowed to look: then our own notes count, and S3 judges them in the end
        parts = {}
        for number, (tag, length) in there.items():
            if not 1 <= number <= -(-self.size // state.part_size) or length != self._length(number):
                continue
            # a bucket with its own encryption keys has other ETags; then what we noted decides
            if tag == self._slice(file, number).tag() or state.parts.get(number) == tag:
                parts[number] = tag
        state.parts = parts
        self.note()

    def _patiently(self, call: Callable[[], Any], arrived: Callable[[], Any]) -> Any:
        """Call until it succeeds; *arrived* says after a failure whether it did in truth."""
        failure: CodesignError | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause = min(_LONGEST_PAUSE, 0.25 * 2**attempt)
                self.s3.network.pause(self.job, pause, tr("Going on in {seconds} s"), part=PART)
                try:
                    told = arrived()
                except (NetworkError, PassingError) as error:
                    failure = _as_finding(error)
                    continue
                if told:
                    return told
            try:
                return call()
            except NetworkError as error:
                if error.kind not in (FailureKind.RESET, FailureKind.TIMEOUT, FailureKind.OTHER):
                    raise
                failure = without_frames(error)
            except PassingError as error:
                failure = without_frames(_as_finding(error))
        assert failure is not None
        raise self._given_up(failure) from failure

    def _given_up(self, failure: CodesignError) -> CodesignError:
        done = arrived(self.state, self.size)
        return CodesignError(
            found.UPLOAD_FAILED(
                done=size_words(done),
                total=size_words(self.size),
                detail=tr("The last failure: {title}").format(title=failure.finding.title),
                evidence=failure.finding.evidence,
                remedies=[
                    Remedy(
                        title=tr(
                            "Start again: the upload goes on where it stopped, with the same submission."
                        )
                    ),
                    *failure.finding.remedies,
                ],
            )
        )

    def _slice(self, file: SentFile, number: int) -> Slice:
        return Slice(file, (number - 1) * self.state.part_size, self._length(number))

    def _length(self, number: int) -> int:
        return part_length(self.state, self.size, number)

    def _step(self, done: int) -> Callable[[int], None]:
        return lambda count: self._tell(done + count)

    def _tell(self, done: int) -> None:
        self.job.progress(
            done,
            self.size,
            tr("{done} of {total}").format(done=size_words(done), total=size_words(self.size)),
        )


def _as_finding(error: NetworkError | PassingError) -> CodesignError:
    return error if isinstance(error, NetworkError) else CodesignError(error.finding)
