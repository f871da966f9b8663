"""What the tests of the window do again and again."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent

from codesign_wizard.core.job import LogLevel, LogLine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.widgets.shell import RailButton
    from codesign_wizard.window import MainWindow


def finish(window: MainWindow, qtbot: QtBot) -> None:
    """Cancel what still runs and wait for its end."""
    window.runner.cancel()
    qtbot.waitUntil(lambda: not window.runner.tasks, timeout=15_000)


def discard(window: MainWindow) -> None:
    """Close the window and delete it: what is kept is styled anew whenever a test changes the theme."""
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)


def rail(window: MainWindow, key: str) -> RailButton:
    """Return the button of the step *key* in the rail."""
    return next(one for one in window.rail.buttons if one.step.key == key)


def lines(
    count: int, level: LogLevel = LogLevel.INFO, text: str = "Asked the vault for {n}"
) -> list[LogLine]:
    """Return *count* log lines."""
    now = datetime.now(UTC)
    return [LogLine(now, level, "vault", text.format(n=number), f"id-{number}") for number in range(count)]


def wait_idle(window: MainWindow, qtbot: QtBot, timeout: int = 30_000) -> None:
    """Wait until no job is under way."""
    qtbot.waitUntil(lambda: not window.runner.tasks, timeout=timeout)


def pause(qtbot: QtBot, milliseconds: int) -> None:
    """Let the event loop run for a moment."""
    end = time.monotonic() + milliseconds / 1000
    qtbot.waitUntil(lambda: time.monotonic() > end, timeout=milliseconds + 2000)
