"""The end that somebody else decides: logging off, a shutdown, SIGTERM. What is typed is kept first.

Qt hands on a session's end of Windows, macOS and X11 (``commitDataRequest``). A signal reaches Python only
when Python runs, and a window at rest runs none: a socket wakes it.
"""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QObject, QSocketNotifier, QTimer

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from codesign_wizard.runner import Runner
    from codesign_wizard.window import MainWindow

_PATIENCE_MS = 3000  # a system that logs off waits some seconds before it kills
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Ending(QObject):
    """Keeps everything in time; ``release`` gives the signals back. Only on the main thread."""

    def __init__(self, app: QApplication, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._former: dict[int, Any] = {}
        self._asked = 0
        # the manager is not kept: the session may go on, when another program refuses its end
        app.commitDataRequest.connect(lambda manager: self.keep())
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        for name in _SIGNALS:
            number = getattr(signal, name, None)  # there is no SIGHUP on Windows
            if number is not None:
                self._former[number] = signal.signal(number, self._signalled)

    def keep(self) -> None:
        """Keep what is typed: secrets go to the keyring on a thread, which is waited for, not for ever."""
        window = self._window
        window.keep_typed()
        runner = window.runner
        if any(task.lasting for task in runner.tasks):
            loop = QEventLoop()
            often = QTimer()
            often.timeout.connect(partial(_leave_when_kept, loop, runner))
            often.start(10)
            QTimer.singleShot(_PATIENCE_MS, loop, loop.quit)
            # a person's input would change what is being kept
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        window.workspace.save()

    def release(self) -> None:
        """Give the signals back to whom they belonged."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._notifier.setEnabled(False)
        self._here.close()
        self._there.close()

    def _signalled(self, number: int, frame: object) -> None:
        self._asked += 1

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            self._here.recv(64)
        if not self._asked:
            return  # another signal's byte
        # closing cancels what runs, waits for its end, and saves
        self._window.close()


def _leave_when_kept(loop: QEventLoop, runner: Runner) -> None:
    if not any(task.lasting for task in runner.tasks):
        loop.quit()
