"""What the tests of the window do again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, Qt

from codesign_wizard.core.flow import KEY_VAULT, WINDOWS_TRIAL
from codesign_wizard.core.job import LogLevel, LogLine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.widgets.shell import RailButton
    from codesign_wizard.window import MainWindow

PATIENCE = 30_000  # milliseconds


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
    """Wait until no job is under way, and what came of it is shown."""
    qtbot.waitUntil(lambda: not window.runner.tasks, timeout=timeout)
    # what was put into a layout is shown, and gets the focus that it was given, a turn later
    QCoreApplication.processEvents()


def still_cut(qtbot: QtBot, measured: Callable[[], Iterable[object]]) -> list[str]:
    """Return what is *measured* once the layouts have come to rest, which takes turns of any length."""
    with suppress(qtbot.TimeoutError):
        qtbot.waitUntil(lambda: not list(measured()), timeout=3000)
    return [str(each) for each in measured()]


def pause(qtbot: QtBot, milliseconds: int) -> None:
    """Let the event loop run for a moment."""
    end = time.monotonic() + milliseconds / 1000
    qtbot.waitUntil(lambda: time.monotonic() > end, timeout=milliseconds + 2000)


def to_key_vault(window: MainWindow, qtbot: QtBot) -> None:
    """Go on from the page *Start* and wait for what the next one looks for."""
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    wait_idle(window, qtbot)


def to_trial(window: MainWindow, qtbot: QtBot) -> None:
    """Go on to the trial; the steps between look by themselves where they do, and hold nobody up."""
    for _ in window.workspace.flow.steps():
        if window.key != WINDOWS_TRIAL:
            qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == WINDOWS_TRIAL


def sign_in(window: MainWindow, qtbot: QtBot) -> None:
    """Sign in on the page *Key Vault*, and wait for what comes of it."""
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    assert window.runner.foreground is not None
    wait_idle(window, qtbot, PATIENCE)


def errors(window: MainWindow) -> list[str]:
    """Return the ids of the errors that the page shows."""
    return [view.finding.id for view in window.page.findings.views if view.finding.severity == "error"]


def page_facts(window: MainWindow) -> list[tuple[str, str]]:
    """Return what the page tells of who signs in: name and value each."""
    from codesign_wizard.widgets.basics import CodeBox

    pairs = []
    for box in window.page.who.findChildren(CodeBox):
        name, _, value = box.accessibleName().partition(": ")
        pairs.append((name, value))
    return pairs
