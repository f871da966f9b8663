"""The same work on many things, on every processor: ``survey`` in several processes of this program.

Python runs the code of one thread at a time, and a profile's diagnosis is a twentieth of a second of it. What
the others need goes to them over a pipe, secrets too: never as an argument, never through a file. They end
with this process, however it ends: their pipe is closed then. Nobody else writes into these pipes, so what
comes out of them is taken as it is (``pickle``).
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import WORK_FOR_ANOTHER, Job, JobContext, LogLine
from codesign_wizard.core.language import current_language, use_language
from codesign_wizard.core.library_log import listen_to_libraries
from codesign_wizard.core.redact import Secret, know, known
from codesign_wizard.core.survey import AT_ONCE, survey

_MOST = 4  # processes; each holds a part of ``AT_ONCE``
_WORTH = 20  # items that take as long as one more process does to begin
# Windows: no console of its own, and none of ours to press Ctrl-C at
_OF_ITS_OWN = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_LOOK = 0.1  # seconds between two looks, on Windows, whether the pipe is closed
_GRACE = 3.0  # seconds for a process to end by itself when it is asked to

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Learned(NamedTuple):
    """What another process hides by now: a finding that it makes may hold it, and is shown by this one."""

    forms: frozenset[str]


def processes_for(items: int) -> int:
    """Return how many processes are worth their beginning for so many *items*; 1 means none but this one."""
    return max(1, min(_processors(), _MOST, items // _WORTH))


def _processors() -> int:
    # a container may be allowed fewer than there are; other systems do not tell
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(
    job: JobContext,
    items: Sequence[Item],
    work: Callable[[JobContext, Item], Result],
    text: str,
    *,
    processes: int | None = None,
    logged: bool = True,
    told: Callable[[int, Result | Finding], None] = lambda place, outcome: None,
) -> list[Result | Finding]:
    """Return what ``survey`` returns, with the work done by so many *processes* side by side.

    *work*, the *items* and the results must be such as pickle takes, and may hold a ``Secret`` on the way
    there. Without *processes* there are as many as the machine has use for. What one that fails leaves undone
    is done in this process. *told* is as for ``survey``. Raises ``Cancelled``.
    """
    many = processes_for(len(items)) if processes is None else processes
    if many < 2:
        return survey(job, items, work, text, logged=logged, told=told)
    job.check_cancelled()
    shares = [list(enumerate(items))[number::many] for number in range(many)]
    heard: SimpleQueue[Any] = SimpleQueue()
    done: dict[int, Result | Finding] = {}
    helpers: list[_Helper] = []

    def take(message: Any) -> None:
        if isinstance(message, _Learned):
            know(message.forms)
        elif isinstance(message, LogLine):
            job.log(message.level, message.text, part=message.part, request_id=message.request_id)
        elif message is not None:
            number, outcome = message
            done[number] = outcome
            told(number, outcome)

    try:
        for share in shares:
            with suppress(OSError):  # what cannot be begun is done here, below
                helpers.append(_Helper(heard, (work, share, max(1, AT_ONCE // many), logged)))
        under_way = len(helpers)
        while under_way:
            job.check_cancelled()
            try:
                message = heard.get(timeout=0.05)
            except Empty:
                continue
            if message is None:
                under_way -= 1
            before = len(done)
            take(message)
            if len(done) > before:
                job.progress(len(done), len(items), text)
    except Cancelled:
        # what was done by then and not heard yet
        with suppress(Empty):
            while True:
                take(heard.get_nowait())
        raise
    finally:
        _end(helpers)
    left = [number for number in range(len(items)) if number not in done]
    rest = survey(
        job,
        [items[each] for each in left],
        work,
        text,
        logged=logged,
        told=lambda place, outcome: told(left[place], outcome),
    )
    done.update(zip(left, rest, strict=True))
    return [done[number] for number in range(len(items))]


class _Helper:
    """Another process of this program, and the thread that hears what it tells."""

    def __init__(self, told: SimpleQueue[Any], given: object) -> None:
        data = pickled((current_language(), given))
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # what goes wrong there is done again here, and told then
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for this process, which tells the others
            start_new_session=os.name != "nt",
            creationflags=_OF_ITS_OWN,
        )
        self._sender = threading.Thread(target=self._send, args=(data,), daemon=True, name="process-in")
        self._sender.start()
        threading.Thread(target=self._hear, args=(told,), daemon=True, name="process-out").start()

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended, which the other thread hears
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def _hear(self, told: SimpleQueue[Any]) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout as pipe:
                while True:
                    told.put(pickle.load(pipe))  # noqa: S301
        # EOFError when all is told; anything else says that it ended in the middle of a word, or that it
        # speaks of what is not here, as a program does that was brought up to date meanwhile
        except Exception:
            told.put(None)

    def ask_to_end(self) -> None:
        """Close its pipe, which cancels what it does."""
        if self._sender.is_alive():  # it does not even listen, and closing would wait for it
            self._process.kill()
            return
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended already
            self._process.stdin.close()

    def end_by(self, moment: float) -> None:
        """Wait until *moment* (``time.monotonic``) at the latest, then kill."""
        try:
            self._process.wait(max(0.0, moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end(helpers: Sequence[_Helper]) -> None:
    for helper in helpers:
        helper.ask_to_end()
    moment = time.monotonic() + _GRACE
    for helper in helpers:
        helper.end_by(moment)


def _command() -> list[str]:
    # the stand-alone app is its own interpreter
    own = [] if getattr(sys, "frozen", False) else ["-P", "-m", "codesign_wizard"]
    return [sys.executable, *own, WORK_FOR_ANOTHER]


class _Pickler(pickle.Pickler):
    """Lets secrets through, which no other pickler does: this one writes into a pipe of our own."""

    def reducer_override(self, value: object) -> Any:
        return (Secret, (value.reveal(),)) if isinstance(value, Secret) else NotImplemented


def pickled(value: object) -> bytes:
    """Return *value* for ``pickle``, secrets as they are: for the pipe to a process of this program only."""
    data = io.BytesIO()
    _Pickler(data, pickle.HIGHEST_PROTOCOL).dump(value)
    return data.getvalue()


def serve() -> int:
    """Do what another process of this program asks for on standard input; returns the exit code."""
    # nothing that anybody prints may come between
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    told: set[str] = set()

    def tell(message: object) -> None:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with lock:
            out.write(data)
            out.flush()

    def learned() -> _Learned:
        with lock:
            new = frozenset(known() - told)
            told.update(new)
        return _Learned(new)

    language, (work, share, at_once, logged) = pickle.load(sys.stdin.buffer)  # noqa: S301
    use_language(language)
    if logged:
        listen_to_libraries(tell)
    job = Job(on_log=tell)
    threading.Thread(target=_cancel_at_end, args=(job,), daemon=True, name="process-end").start()

    def one(own: JobContext, numbered: tuple[int, Any]) -> None:
        number, item = numbered
        try:
            outcome = work(own, item)
        except CodesignError as error:
            outcome = error.finding
        tell(learned())
        tell((number, outcome))

    try:
        survey(job, share, one, "", at_once=at_once, logged=logged)
    # the other has ended, or wants no more: there is nobody to tell
    except (OSError, Cancelled):
        return 1
    return 0


def _cancel_at_end(job: Job) -> None:
    # not through sys.stdin, whose lock the interpreter wants when it ends
    with suppress(OSError):
        if sys.platform == "win32":
            _until_closed_on_windows()
        else:
            while os.read(0, 1):
                pass
    job.cancel()


def _until_closed_on_windows() -> None:
    """Return never, and raise ``OSError`` once the pipe on standard input is closed.

    While somebody waits in a read Windows lets nobody else ask for the same pipe, as libraries do of standard
    input when they are loaded: their import would hang (https://github.com/numpy/numpy/issues/24290).
    """
    windows, files = (importlib.import_module(name) for name in ("_winapi", "msvcrt"))
    pipe = files.get_osfhandle(0)
    while True:
        windows.PeekNamedPipe(pipe, 0)
        time.sleep(_LOOK)
