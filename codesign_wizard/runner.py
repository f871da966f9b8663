"""Runs the work of ``core`` on threads, and brings its events to the window in batches.

Work never touches a widget: its listeners put events into a deque, which a 25 ms timer empties on the main
thread. That keeps the window quick however much a job logs, and keeps every event before the job's end.
"""

from __future__ import annotations

import itertools
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractEventDispatcher, QObject, QTimer, Signal

from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from codesign_wizard.core.job import Job, LogLevel, LogLine

UNEXPECTED = FindingKind(
    "wizard.unexpected",
    Severity.ERROR,
    "Something happened that the wizard does not know.",
    "A fault of the program itself: its makers need the details in the log, which can be saved from there.",
)

_INTERVAL_MS = 25
_AT_MOST = 2000  # events a turn, so that a flood cannot hold the window
_AT_MOST_S = 0.01  # and seconds
_LOOK = 16  # events between two looks at the clock
_LINES = 1000  # that a job may log between two turns
_WAIT_S = 0.25  # and what it waits for a turn at most
_THREADS = 4
# seconds; Windows measures such waits in milliseconds, and would not wait at all for less than one
_SWITCH_S = 0.001 if sys.platform == "win32" else 0.0002
_LET_GO_MS = 2000
_numbers = itertools.count(1)


def unexpected(error: BaseException) -> Finding:
    """Return the finding for an exception that nobody foresaw."""
    return UNEXPECTED(
        detail=tr("What you were doing was stopped; nothing you typed is lost."),
        evidence=Evidence(code=type(error).__name__, message=str(error), time=utc_now()),
        remedies=[Remedy(title=tr("Try again. If it comes back, save the log and send it to support."))],
    )


class Task(QObject):
    """One job under way. Exactly one of ``done``, ``failed``, ``cancelled`` is emitted, then ``finished``."""

    stage = Signal(str, object, str)  # key, StageState, text
    progress = Signal(object, object, str)  # done, total or None, text; object: they may pass 32 bits
    done = Signal(object)  # what the work returned
    failed = Signal(object)  # Finding
    cancelled = Signal()
    finished = Signal()

    def __init__(self, name: str, *, quiet: bool, lasting: bool = False, harmless: bool = False) -> None:
        super().__init__()
        # here, not above, as all that is only needed once something runs: the first window is there sooner
        from codesign_wizard.core.job import Job, JobLabel

        self.name = name
        self.quiet = quiet  # a quiet task is told on its page only, and never holds Next
        self.lasting = lasting  # runs to its end, even when the window closes: it keeps what was given
        self.harmless = harmless  # reads or writes a file that the person named, and nothing else
        self.job = Job(label=JobLabel(next(_numbers), name))
        self.stop = ""  # what to cancel it is called, where it goes on elsewhere and is only not waited for
        self.text = ""
        self.since = time.monotonic()  # it has said the same
        self.lines = 0  # logged since the window last had shown them all
        self._abandoned = False

    @property
    def seconds(self) -> float:
        """How long it has been at what it says it does; a text that counts by itself is never old."""
        return time.monotonic() - self.since

    def cancel(self) -> None:
        """Ask the work to stop; ``cancelled`` follows, or its end if that comes first."""
        self.job.cancel()

    def abandon(self) -> None:
        """Cancel, unless it lasts, and emit nothing but ``finished`` any more: the answer is not wanted."""
        self._abandoned = True
        if not self.lasting:
            self.job.cancel()

    def deliver(self, kind: str, values: tuple[Any, ...]) -> None:
        """Emit the event *kind*; called by the runner on the main thread."""
        if self._abandoned:
            return
        if kind == "progress":
            self._say(values[2] or self.text)
        elif kind == "stage":
            self._say("")  # it was of the stage before
        getattr(self, kind).emit(*values)

    def _say(self, text: str) -> None:
        if text != self.text:
            self.text, self.since = text, time.monotonic()


class Runner(QObject):
    """The tasks under way: ``changed`` tells that one began or ended, ``lines`` brings the log in batches."""

    changed = Signal()
    lines = Signal(object)  # list of LogLine; object: Qt would make a list of its own of it
    idle = Signal()
    refused = Signal()  # a task was asked for while nothing may run

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._events: deque[tuple[Task | None, str, tuple[Any, ...]]] = deque()
        self._tasks: list[Task] = []
        # What a thread was given, until it has certainly let go of it: were it the last to, the pages and
        # tasks that its work refers to would be taken apart there, while Qt destroys widgets here.
        self._works: dict[Task, Callable[[Job], Any]] = {}
        self._waiting: deque[Task] = deque()  # for the window to show that they run
        self._ended: deque[tuple[float, Task, Callable[[Job], Any] | None]] = deque()
        self._executor: ThreadPoolExecutor | None = None
        self._stopping = False
        self._closed = False
        self.reading = False  # a report is open: only what is harmless runs
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._drain)

    @property
    def tasks(self) -> list[Task]:
        """The tasks under way, oldest first."""
        return list(self._tasks)

    @property
    def foreground(self) -> Task | None:
        """The task that the footer speaks of."""
        return next((task for task in self._tasks if not task.quiet), None)

    def start(
        self,
        work: Callable[[Job], Any],
        name: str,
        *,
        quiet: bool = False,
        lasting: bool = False,
        harmless: bool = False,
    ) -> Task:
        """Run *work* on a thread; *name* says in the present tense what happens ("Signing in").

        Once the window closes only what is *lasting* begins, and while a report is open only what is
        *harmless* (it reads or writes a file that the person named); all else ends as cancelled without
        having run.
        """
        task = Task(name, quiet=quiet, lasting=lasting, harmless=harmless)
        held = self.reading and not (harmless or lasting)
        if held and not quiet:
            self.refused.emit()
        if held or self._closed or (self._stopping and not lasting):
            self._tasks.append(task)
            self._events += [(task, "cancelled", ()), (task, "finished", ())]
            self._timer.start()
            return task
        if self._executor is None:
            # not at module level: the first window has no use for it
            from concurrent.futures import ThreadPoolExecutor

            # how long the window's thread waits for each one that computes: 5 ms add up to a stutter
            sys.setswitchinterval(_SWITCH_S)
            self._announce_turns()
            self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="wizard")
        put = self._events.append
        task.job.on_progress = lambda done, total, text: put((task, "progress", (done, total, text)))
        task.job.on_stage = lambda key, state, text: put((task, "stage", (key, state, text)))
        task.job.on_log = lambda line: self._take_line(task, line)
        self._tasks.append(task)
        self._works[task] = work
        self._timer.start()
        self._waiting.append(task)
        if lasting:
            self._begin()
        else:
            # once the window shows that it runs: it would wait for the interpreter at every step of that
            QTimer.singleShot(0, self, self._begin)
        self.changed.emit()
        return task

    def _begin(self) -> None:
        while self._waiting and self._executor is not None and not self._closed:
            task = self._waiting.popleft()
            self._executor.submit(self._work, task, self._works[task])

    def log(self, level: LogLevel, text: str, *, part: str = "") -> None:
        """Add a line of the window's own to the log; safe from any thread."""
        from codesign_wizard.core.job import Job

        job = Job(on_log=lambda line: self._events.append((None, "line", (line,))))
        job.log(level, text, part=part)
        QTimer.singleShot(0, self, self._drain)

    def cancel(self) -> bool:
        """Ask every task to stop, but the lasting ones; tells whether there was one."""
        stopped = [task for task in self._tasks if not task.lasting]
        for task in stopped:
            task.cancel()
        return bool(stopped)

    def stop(self) -> None:
        """Ask every task to stop, and let nothing begin any more but what is lasting."""
        self._stopping = True
        self.cancel()

    def close(self) -> None:
        """Let the threads end; only when idle. A timer that comes later starts nothing."""
        self._closed = True
        self._timer.stop()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _work(self, task: Task, work: Callable[[Job], Any]) -> None:
        from codesign_wizard.core.job import LogLevel

        try:
            task.job.check_cancelled()
            end: tuple[str, tuple[Any, ...]] = ("done", (work(task.job),))
        except Cancelled:
            end = ("cancelled", ())
        except CodesignError as error:
            end = ("failed", (error.finding,))
        # a pool thread swallows what it does not expect: it must become a finding
        except BaseException as error:
            task.job.log(LogLevel.ERROR, f"{type(error).__name__}: {error}", part="wizard")
            for line in traceback.format_exc().splitlines():
                task.job.log(LogLevel.DEBUG, line, part="wizard")
            end = ("failed", (unexpected(error),))
        self._events.append((task, *end))
        self._events.append((task, "finished", ()))

    def _take_line(self, task: Task, line: LogLine) -> None:
        """Take a line of *task*, on its thread, which may not log faster than the window shows it.

        Else it would take the interpreter from the window for as long as it logs, and memory without end.
        """
        self._events.append((None, "line", (line,)))
        task.lines += 1
        if task.lines > _LINES:
            end = time.monotonic() + _WAIT_S
            while task.lines > _LINES and time.monotonic() < end:
                if task.job.cancel_event.wait(_INTERVAL_MS / 5000):
                    break
            task.lines = 0

    def _announce_turns(self) -> None:
        """Let those who compute on threads know when the window has something to do."""
        from codesign_wizard.core import turns

        events = QAbstractEventDispatcher.instance()
        if events is not None:
            events.awake.connect(self._turn)
            events.aboutToBlock.connect(turns.end)

    def _turn(self) -> None:
        if self._tasks:
            from codesign_wizard.core import turns

            turns.begin()

    def _drain(self) -> None:
        from codesign_wizard.core import turns

        turns.begin()  # a timer's turn may come before the loop says that it is awake
        batch: list[LogLine] = []
        # of how far something is only the last word counts: a job says it for every piece it reads
        latest: dict[Task, tuple[Any, ...]] = {}
        end = time.perf_counter() + _AT_MOST_S
        for count in range(min(len(self._events), _AT_MOST)):
            # lines are many, and a result takes its time to be shown: the rest comes with the next turn
            if not count % _LOOK and time.perf_counter() > end:
                break
            task, kind, values = self._events.popleft()
            if task is None:
                batch.append(values[0])
                continue
            if kind == "progress":
                latest[task] = values
                continue
            if batch:  # what was logged before an event is shown before it
                self.lines.emit(batch)
                batch = []
            if task in latest:
                task.deliver("progress", latest.pop(task))
            if kind == "finished":
                self._finish(task)
            else:
                task.deliver(kind, values)
            if time.perf_counter() > end:
                break
        if batch:
            self.lines.emit(batch)
        for task, values in latest.items():
            task.deliver("progress", values)
        if not self._events:
            for task in self._tasks:
                task.lines = 0

    def _finish(self, task: Task) -> None:
        self._tasks.remove(task)
        # a call that was left behind may hold the job for a while yet
        task.job.on_progress = task.job.on_stage = task.job.on_log = None
        self._ended.append((time.monotonic(), task, self._works.pop(task, None)))
        QTimer.singleShot(_LET_GO_MS, self, self._let_go)
        task.finished.emit()
        self.changed.emit()
        if not self._tasks:
            if not self._events:
                self._timer.stop()
            self.idle.emit()

    def _let_go(self) -> None:
        long_ago = time.monotonic() - _LET_GO_MS / 2000
        while self._ended and self._ended[0][0] < long_ago:
            self._ended.popleft()
