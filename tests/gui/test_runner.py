"""What is asked of a task between its start and the thread that it runs on; and what is imported ahead."""

from __future__ import annotations

import subprocess
import sys
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


def test_what_lasts_runs_to_its_end_though_its_answer_is_wanted_no_more(qtbot: QtBot, qapp: Any) -> None:
    """A password that is being kept, say, while other files are given."""
    runner, gate, kept = Runner(), threading.Event(), []
    others = [runner.start(lambda job: gate.wait(30), "Working", lasting=True) for _ in range(4)]
    task = runner.start(lambda job: kept.append(job.check_cancelled()), "Keeping", lasting=True)
    told = told_by(task)
    task.abandon()
    gate.set()
    qtbot.waitUntil(lambda: not runner.tasks)
    assert (kept, told, len(others)) == ([None], ["finished"], 4)
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


def test_what_pages_need_is_imported_ahead_on_a_thread_and_the_pages_on_the_windows(
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
    left, made, held = [1, 2, 3], list[int](), [True, False, True]

    def prepare() -> bool:
        if not left:
            return False
        made.append(left.pop())
        return True

    def busy() -> bool:
        return bool(held) and held.pop()

    ahead.Ahead(["closed.before"], prepare, busy, parent).stop()
    own = ahead.Ahead(["one", "two"], prepare, busy, parent)
    qtbot.waitUntil(lambda: not left and not own._turn.isActive())
    assert made == [3, 2, 1]
    assert held == [], "it waited for jobs"
    left.append(9)
    own.again()
    qtbot.waitUntil(lambda: not left)
    assert told == [
        *((name, False) for name in ahead.WORK),
        *((name, True) for name in ("one", "two", *ahead._LATER)),
    ]
    assert all(find_spec(name) for name in ahead._LATER)


def test_nothing_of_qts_is_imported_on_the_thread_and_nothing_else_is_left_for_the_windows() -> None:
    program = (
        "import sys\n"
        "from importlib import import_module\n"
        "from codesign_wizard import ahead, window, window_pages\n"
        "def ours(): return {name for name in sys.modules if name.startswith('codesign_wizard.')}\n"
        "first = ours()\n"
        "for name in ahead.WORK: import_module(name)\n"
        "work = ours()\n"
        "for name in window_pages.MODULES: import_module(name)\n"
        "parts = ('codesign_wizard.pages', 'codesign_wizard.widgets')\n"
        "print(sorted(name for name in work - first if name.startswith(parts)))\n"
        "print(sorted(name for name in ours() - work if not name.startswith(parts)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"], "ahead.WORK lacks what is in the second list"
