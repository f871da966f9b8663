"""What is said while a command works, on standard error: log lines, ended stages, bars on a terminal only."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

from codesign_wizard.commands.streams import coloured, encodable
from codesign_wizard.core.finding import iso
from codesign_wizard.core.job import LogLevel, LogLine, StageState
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import shown, tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress, TaskID

_PATIENCE = 0.4  # seconds of work before a bar appears: a flicker tells nobody anything
# below this it may be requests, files or profiles as well as bytes, so no unit is said
_BYTES_FROM = 100_000
PRACTICE = "practice"


class Events:
    """Listens to a job, from any thread.

    The log is written with *verbose* only: what went wrong is told by the findings, once. Ended stages are
    told on a terminal, and with *verbose*: a program that reads standard error asked for no story. A stream
    that was closed is not written to again; the work goes on.
    """

    def __init__(self, stream: TextIO | None, *, quiet: bool, verbose: bool) -> None:
        self._stream = stream
        self._verbose = verbose
        terminal = stream is not None and stream.isatty()
        self._stages = verbose or (terminal and not quiet)
        self._bars = terminal and not quiet and stream is not None and coloured(stream)
        self._lock = threading.RLock()
        self._began = time.monotonic()
        self._stage = ""
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._stop_listening: Callable[[], None] | None = None

    def close(self) -> None:
        """Take the bar away, and stop listening to libraries."""
        self.pause()
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def pause(self) -> None:
        """Take the bar away, which would be drawn over a question; the next progress brings it back."""
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
                self._progress = None

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Draw a bar on a terminal; elsewhere nothing. *done* and *total* are in the stage's own unit."""
        if not self._bars or time.monotonic() - self._began < _PATIENCE:
            return
        with self._lock:
            if self._progress is None:
                self._show()
            if self._progress is not None and self._task is not None:
                self._progress.update(
                    self._task,
                    completed=done,
                    total=total,
                    description=self._stage or shown(redact(text)),
                    far=_far(done, total),
                )

    def log(self, line: LogLine) -> None:
        """Write a line of the log, with --verbose; a fault of the practice cloud itself always."""
        if not self._verbose and (line.part != PRACTICE or line.level is not LogLevel.ERROR):
            return
        request = f" [{line.request_id}]" if line.request_id else ""
        self.say(f"{iso(line.time)} {line.level.value:<7} {line.part:<10} {line.text}{request}")

    def stage(self, key: str, state: StageState, text: str) -> None:
        """Write a line when a stage ends."""
        names, words = _stage_names(), _state_words()
        with self._lock:
            self._stage = names.get(key, key)
            if self._stages and state in words:
                tail = f" ({text})" if text else ""
                self.say(f"{self._stage}: {words[state]}{tail}")
            if state in words:
                self._stage = ""  # what goes on now is something else, and says so itself

    def say(self, text: str) -> None:
        """Write a line for the person, redacted, above the bar if there is one."""
        with self._lock:
            if self._stream is None:
                return
            shown = encodable(redact(text), self._stream)
            try:
                if self._progress is not None:
                    self._progress.console.print(shown, markup=False, highlight=False, soft_wrap=True)
                else:
                    self._stream.write(shown + "\n")
                    self._stream.flush()
            except (OSError, ValueError):
                self._stream = None

    def listen_to_libraries(self) -> None:
        """Take what libraries log: it belongs to our log, not to standard error by itself."""
        if self._stop_listening is None:
            from codesign_wizard.core.library_log import listen_to_libraries

            self._stop_listening = listen_to_libraries(self.log)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[far]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._progress.add_task(self._stage, total=None, far="")
        self._progress.start()


def _far(done: int, total: int | None) -> str:
    """Return how far it is; "" where nobody knows how far it goes."""
    if not total:
        return ""
    if total < _BYTES_FROM:
        return f"{done}/{total}"
    from rich.filesize import decimal

    return f"{decimal(done)}/{decimal(total)}"


def _state_words() -> dict[StageState, str]:
    return {
        StageState.DONE: tr("done"),
        StageState.ATTENTION: tr("done, with warnings"),
        StageState.FAILED: tr("failed"),
        StageState.SKIPPED: tr("skipped"),
    }


def _stage_names() -> dict[str, str]:
    return {
        "build": tr("Build"),
        "hash": tr("Hash"),
        "sign": tr("Sign"),
        "time-stamp": tr("Time-stamp"),
        "embed": tr("Embed"),
        "verify": tr("Verify"),
        "options": tr("Options"),
        "network": tr("Network"),
        "sign-in": tr("Sign-in"),
        "permissions": tr("Permissions"),
        "vault": tr("Vault"),
        "signature": tr("Signature"),
        "identities": tr("Certificates"),
        "sign-binaries": tr("Programs"),
        "sign-package": tr("Package"),
        "upload": tr("Upload"),
        "processing": tr("Apple"),
        "log": tr("Apple's log"),
        "staple": tr("Staple"),
        "validate": tr("Validate"),
        "compare": tr("Compare"),
        "save": tr("Save"),
        "read-back": tr("Read back"),
        "unpack": tr("Unpack"),
    }
