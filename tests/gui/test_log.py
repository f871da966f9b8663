"""The log keeps up with floods, filters, follows, copies and saves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from codesign_wizard.core.job import Job, LogLevel, LogLine
from codesign_wizard.core.redact import Secret
from codesign_wizard.widgets.log_model import Column, LogModel, as_text
from codesign_wizard.widgets.log_pane import LogPane
from tests.gui.driving import lines, wait_idle

if TYPE_CHECKING:
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


@pytest.fixture
def pane(window: MainWindow) -> LogPane:
    window.show_log()
    pane = window.log_dock.widget()
    assert isinstance(pane, LogPane)
    return pane


def test_the_model_keeps_qts_rules_while_it_grows_filters_and_drops(
    qtmodeltester: ModelTester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codesign_wizard.widgets.log_model._MOST", 50)
    monkeypatch.setattr("codesign_wizard.widgets.log_model._DROP", 20)
    model = LogModel()
    qtmodeltester.check(model)
    model.append(lines(40))
    model.append(lines(5, LogLevel.DEBUG))
    assert model.rowCount() == 40
    model.append(lines(20))
    assert model.total == 30
    assert model.visible_line(model.rowCount() - 1).text == "Asked the vault for 19"
    model.set_filter(least=LogLevel.DEBUG, search="for 4")
    assert [model.visible_line(row).text for row in range(model.rowCount())] == [
        "Asked the vault for 4",
        "Asked the vault for 4",
    ]


def test_a_hundred_thousand_lines_do_not_hold_the_window(
    pane: LogPane, window: MainWindow, qtbot: QtBot
) -> None:
    def work(job: Job) -> None:
        for number in range(100_000):
            job.log(LogLevel.INFO, f"Line {number} of a long log, as long as lines usually are", part="vault")

    pauses: list[float] = []
    last = time.thread_time()

    def beat() -> bool:
        nonlocal last
        now = time.thread_time()
        pauses.append(now - last)
        last = now
        return pane.model.total == 100_000

    window.runner.start(work, "Logging")
    qtbot.waitUntil(beat, timeout=90_000)
    # this thread's own work between two beats: 10 ms on an idle machine, and nowhere near a freeze
    assert sorted(pauses)[-3] < 0.5
    assert pane.view.verticalScrollBar().value() == pane.view.verticalScrollBar().maximum()
    began = time.thread_time()
    pane.model.set_filter(least=LogLevel.INFO, search="line 99999")
    assert time.thread_time() - began < 1
    assert pane.model.rowCount() == 1
    wait_idle(window, qtbot)


def test_scrolling_up_holds_the_log_and_its_end_follows_again(pane: LogPane, qtbot: QtBot) -> None:
    pane.add(lines(500))
    bar = pane.view.verticalScrollBar()
    assert pane.follow.isChecked()
    bar.setValue(10)
    assert not pane.follow.isChecked()
    pane.add(lines(100))
    assert bar.value() == 10
    bar.setValue(bar.maximum())
    assert pane.follow.isChecked()
    pane.add(lines(100))
    assert bar.value() == bar.maximum()


def test_level_pills_and_search_choose_the_lines(pane: LogPane, qtbot: QtBot) -> None:
    pane.add([*lines(3), *lines(2, LogLevel.WARNING, "Slow {n}"), *lines(4, LogLevel.DEBUG, "Detail {n}")])
    shown = pane.model.rowCount
    assert shown() == 5
    for name, count in (("Details", 9), ("Warnings", 2), ("All", 5)):
        pill = next(one for one in pane._levels.buttons() if one.text() == name)
        qtbot.mouseClick(pill, Qt.MouseButton.LeftButton)
        assert shown() == count
    qtbot.keyClicks(pane.search, "SLOW 1")
    qtbot.waitUntil(lambda: shown() == 1)


def test_selected_lines_are_copied_whole_with_time_and_request_id(pane: LogPane, qtbot: QtBot) -> None:
    pane.add(lines(5))
    pane.view.selectRow(1)
    pane.view.setFocus()
    pane.copy_selected()
    text = QGuiApplication.clipboard().text()
    assert "Asked the vault for 1 [id-1]" in text
    assert text.count("\n") == 1


def test_all_is_copied_and_saved_without_secrets(
    pane: LogPane, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    Secret("practice~value-of-a-secret")
    pane.add(lines(2, text="The value was practice~value-of-a-secret {n}"))
    qtbot.mouseClick(pane.copy_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "The value was" in QGuiApplication.clipboard().text())
    assert "practice~value" not in QGuiApplication.clipboard().text()
    pane.save_to(tmp_path / "wizard.log")
    wait_idle(window, qtbot)
    assert "practice~value" not in (tmp_path / "wizard.log").read_text("utf-8")
    assert (tmp_path / "wizard.log").read_text("utf-8").count("\n") == 2


def test_times_are_told_in_utc_to_the_millisecond() -> None:
    line = LogLine(datetime(2026, 11, 23, 10, 42, 7, 204_000, UTC), LogLevel.INFO, "vault", "Asked", "r-1")
    assert as_text([line]).startswith("2026-11-23T10:42:07.204Z info")
    model = LogModel()
    model.append([line])
    assert model.index(0, Column.UTC).data() == "10:42:07.204"


def test_the_log_hides_floats_and_comes_back(window: MainWindow, pane: LogPane, qtbot: QtBot) -> None:
    dock = window.log_dock
    assert dock.isVisible()
    assert window.log_bar.isHidden()
    qtbot.mouseClick(pane.floater, Qt.MouseButton.LeftButton)
    assert dock.isFloating()
    qtbot.mouseClick(pane.floater, Qt.MouseButton.LeftButton)
    assert not dock.isFloating()
    qtbot.mouseClick(pane.hider, Qt.MouseButton.LeftButton)
    assert dock.isHidden()
    assert window.log_bar.isVisible()
    pane.add(lines(3))
    qtbot.mouseClick(window.log_bar.button, Qt.MouseButton.LeftButton)
    assert dock.isVisible()


def test_lines_logged_before_the_log_is_first_shown_are_there(
    open_window: Callable[..., MainWindow], window: MainWindow, qtbot: QtBot
) -> None:
    window.runner.log(LogLevel.INFO, "Early word")
    qtbot.waitUntil(lambda: window.log_model.total == 1)
    assert window.log_bar.count.text() == "1 line"
    window.show_log()
    pane = window.log_dock.widget()
    assert isinstance(pane, LogPane)
    assert pane.model.visible_line(0).text == "Early word"
