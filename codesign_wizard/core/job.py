"""A piece of work and its surroundings: progress, log, cancellation.

Work takes a ``JobContext`` and knows nothing of threads or windows. The window runs it on a worker thread and
forwards the events; the terminal runs it in place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol, TypeVar, cast

from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.redact import redact
from codesign_wizard.core.turns import give_way

T = TypeVar("T")

# the one argument of a process of this program that works for another one (core.processes); no command's name
WORK_FOR_ANOTHER = "work-for-another-process"


class LogLevel(StrEnum):
    """Levels of a log line, least important first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class StageState(StrEnum):
    """Where a stage of a longer job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    ATTENTION = "attention"
    FAILED = "failed"
    SKIPPED = "skipped"


class JobLabel(NamedTuple):
    """Which job a line is of: its number in this run of the program, and what it is called."""

    number: int
    name: str


class LogLine(NamedTuple):
    """One line of the log, redacted. ``part`` is who speaks (``vault``, ``sign-in``, ``timestamp``).

    ``job`` is ``None`` for what belongs to no job of the window.
    """

    time: datetime
    level: LogLevel
    part: str
    text: str
    request_id: str = ""
    job: JobLabel | None = None


class JobContext(Protocol):
    """What work is given."""

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        """Tell how far the present stage is, in its own unit; *total* is ``None`` when not known."""

    def log(self, level: LogLevel, text: str, *, part: str = "", request_id: str = "") -> None:
        """Add a line to the log."""

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        """Tell that stage *key* of the job (``build``, ``sign``, …) has reached *state*."""

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if the person has asked to stop."""

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise ``Cancelled`` when the person asks to stop."""


@dataclass
class Job:
    """A ``JobContext`` that keeps its events or hands them to listeners.

    Listeners are called on the thread that works, so they must be quick and thread-safe.
    """

    on_progress: Callable[[int, int | None, str], None] | None = None
    on_log: Callable[[LogLine], None] | None = None
    on_stage: Callable[[str, StageState, str], None] | None = None
    cancel_event: threading.Event = field(default_factory=threading.Event)
    label: JobLabel | None = None

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        self.check_cancelled()
        if self.on_progress is not None:
            self.on_progress(done, total, redact(text))

    def log(self, level: LogLevel, text: str, *, part: str = "", request_id: str = "") -> None:
        give_way()
        if self.on_log is not None:
            self.on_log(LogLine(datetime.now(UTC), level, part, redact(text), request_id, self.label))

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        if self.on_stage is not None:
            self.on_stage(key, state, redact(text))

    def check_cancelled(self) -> None:
        give_way()
        if self.cancel_event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        if self.cancel_event.wait(seconds):
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop; safe from any thread."""
        self.cancel_event.set()


class _Hand(threading.Thread):
    """A daemon thread that makes one call after the other: to start one takes longer than many a call."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._calls: SimpleQueue[tuple[str, Callable[[], None]]] = SimpleQueue()
        self.start()

    def take(self, name: str, call: Callable[[], None]) -> None:
        self._calls.put((name, call))

    def run(self) -> None:
        while True:
            try:
                name, call = self._calls.get(timeout=_IDLE)
            except Empty:
                with _hands_lock:
                    # one that was taken from the list a moment ago has a call coming
                    if self in _hands:
                        _hands.remove(self)
                        return
                continue
            self.name = name
            give_way()
            call()
            del call  # and what it holds

    def rest(self) -> None:
        with _hands_lock:
            _hands.append(self)


_IDLE = 5.0  # seconds until a thread without work ends
_hands_lock = threading.Lock()
_hands: list[_Hand] = []


def may_wait() -> bool:
    """Tell whether this thread may wait for a socket: it is left behind when its job is cancelled."""
    return isinstance(threading.current_thread(), _Hand)


def _hand() -> _Hand:
    with _hands_lock:
        if _hands:
            return _hands.pop()
    return _Hand()


def call_cancellable(job: JobContext, call: Callable[[], T], *, timeout: float, name: str = "") -> T:
    """Run the blocking *call* so that cancelling takes effect at once, and never wait over *timeout* seconds.

    The call goes to a daemon thread of its own, which is left behind on cancellation or time-out (the
    time-outs of its socket end it); use this only for calls that leave nothing half done. Raises what the
    call raises, ``Cancelled``, or ``TimeoutError``.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    finished = threading.Event()

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # handed to the caller's thread, whatever it is
            failure.append(error)
        finally:
            # first: the next call is often made at once
            hand.rest()
            finished.set()

    job.check_cancelled()
    hand = _hand()
    hand.take(name or "call", work)
    end = time.monotonic() + timeout
    while not finished.wait(0.05):
        job.check_cancelled()
        if time.monotonic() > end:
            raise TimeoutError(f"no answer within {timeout:g} s")
    if failure:
        raise failure[0]
    return outcome[0]


def side_by_side(
    job: JobContext, calls: Iterable[Callable[[], T]], *, at_once: int, name: str = ""
) -> Iterator[T]:
    """Make *calls*, *at_once* of them at a time, each on a daemon thread, and yield the results as they come.

    Raises what a call raises, or ``Cancelled``; those under way are left behind then, and no other is begun.
    """
    done: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    waiting = iter(calls)

    def begin() -> bool:
        call = next(waiting, None)
        if call is None:
            return False
        hand = _hand()

        def work() -> None:
            result, failure = None, None
            try:
                result = call()
            except BaseException as error:  # handed to the caller's thread, whatever it is
                failure = error
            hand.rest()
            done.put((result, failure))

        hand.take(name or "call", work)
        return True

    under_way = sum(begin() for _ in range(at_once))
    while under_way:
        job.check_cancelled()
        try:
            result, failure = done.get(timeout=0.05)
        except Empty:
            continue
        if failure is not None:
            raise failure
        under_way += begin() - 1
        yield cast(T, result)
