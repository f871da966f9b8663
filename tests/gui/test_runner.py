"""What is asked of a task between its start and the thread that it runs on; and what is imported ahead."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QObject

from codesign_wizard import ahead
from codesign_wizard.runner import Runner, Task

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


def told_by(task: Task) -> list[str]:
    told: list[str] = []
    for name in ("done", "failed", "cancelled", "finished"):
        getattr(task, name).connect(lambda *values, name=name: told.append(name))
    return told


@pytest.mark.parametrize(
    ("asked", "expected"), [("cancel", ["cancelled", "finished"]), ("abandon", ["finished"])]
)
def test_a_task_stopped_before_its_thread_never_runs(
    asked: str, expected: list[str], qtbot: QtBot, qapp: Any
) -> None:
    runner, ran = Runner(), []
    task = runner.start(ran.append, "Asking")
    told = told_by(task)
    getattr(task, asked)()
    qtbot.waitUntil(lambda: not runner.tasks)
    assert (told, ran) == (expected, [])
    runner.close()


def test_a_window_closed_before_a_task_s_thread_waits_for_what_lasts_alone(
    window: MainWindow, qtbot: QtBot
) -> None:
    ran: list[str] = []
    told = told_by(window.runner.start(lambda job: ran.append("asked"), "Asking"))
    window.close()
    kept = told_by(window.runner.start(lambda job: ran.append("kept"), "Keeping", lasting=True))
    assert window.isVisible(), "until both have ended"
    qtbot.waitUntil(lambda: not window.isVisible())
    assert (told, kept, ran) == (["cancelled", "finished"], ["done", "finished"], ["kept"])


def test_pages_are_imported_ahead_on_another_thread_until_told_to_stop(
    qtbot: QtBot, qapp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(ahead, "AFTER_MS", 0)
    monkeypatch.setattr(
        ahead,
        "import_module",
        lambda name: told.append((name, threading.current_thread() is threading.main_thread())),
    )
    parent = QObject()
    ahead.Ahead(["closed.before"], parent).stop()
    ahead.Ahead(["one", "two"], parent)
    qtbot.waitUntil(lambda: len(told) == 2 + len(ahead._LATER))
    assert told == [(name, False) for name in ("one", "two", *ahead._LATER)]
    assert all(find_spec(name) for name in ahead._LATER)
