"""A piece of work and its surroundings: progress, log, cancellation.

Work takes a ``JobContext`` and knows nothing of threads or windows. The window runs it on a worker thread and
forwards the events; the terminal runs it in place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.redact import redact

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log, redacted. ``part`` is who speaks (``vault``, ``sign-in``, ``timestamp``)."""

    time: datetime
    level: LogLevel
    part: str
    text: str
    request_id: str = ""


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

    def progress(self, done: int, total: int | None, text: str = "") -> None:
        self.check_cancelled()
        if self.on_progress is not None:
            self.on_progress(done, total, redact(text))

    def log(self, level: LogLevel, text: str, *, part: str = "", request_id: str = "") -> None:
        if self.on_log is not None:
            self.on_log(LogLine(datetime.now(UTC), level, part, redact(text), request_id))

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        if self.on_stage is not None:
            self.on_stage(key, state, redact(text))

    def check_cancelled(self) -> None:
        if self.cancel_event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        if self.cancel_event.wait(seconds):
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop; safe from any thread."""
        self.cancel_event.set()


def call_cancellable(job: JobContext, call: Callable[[], T], *, timeout: float, name: str = "") -> T:
    """Run the blocking *call* so that cancelling takes effect at once, and never wait over *timeout* seconds.

    The call goes to a daemon thread, which is left behind on cancellation or time-out (its own socket
    time-outs end it); use this only for calls that leave nothing half done. Raises what the call raises,
    ``Cancelled``, or ``TimeoutError``.
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
            finished.set()

    job.check_cancelled()
    threading.Thread(target=work, name=name or "call", daemon=True).start()
    end = time.monotonic() + timeout
    while not finished.wait(0.05):
        job.check_cancelled()
        if time.monotonic() > end:
            raise TimeoutError(f"no answer within {timeout:g} s")
    if failure:
        raise failure[0]
    return outcome[0]
