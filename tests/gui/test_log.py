"""The log keeps up with floods, filters, follows, copies and saves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QApplication, QPushButton, QStyleOptionViewItem

from codesign_wizard import theme
from codesign_wizard.core.finding import Evidence, FindingKind, Severity
from codesign_wizard.core.flow import KEY_VAULT
from codesign_wizard.core.job import Job, JobLabel, LogLevel, LogLine
from codesign_wizard.core.redact import Secret
from codesign_wizard.theme import px
from codesign_wizard.widgets.labels import isolated
from codesign_wizard.widgets.log_cells import padding
from codesign_wizard.widgets.log_model import Column, LogModel, as_text
from codesign_wizard.widgets.log_pane import LogPane
from tests.gui.driving import lines, wait_idle

if TYPE_CHECKING:
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


ONE, TWO = JobLabel(1, "One"), JobLabel(2, "Two")


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
    text = "Line {} of a long log, as long as lines usually are"
    pane.add(
        [LogLine(datetime.now(UTC), LogLevel.INFO, "vault", text.format(n), "", ONE) for n in range(60_000)]
    )

    def work(job: Job) -> None:
        for number in range(60_000, 100_000):
            job.log(LogLevel.INFO, text.format(number), part="vault")

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
    assert pane.model.rowCount() == 2, "its job, and the line"
    pane.model.set_filter(least=LogLevel.INFO, search="")
    pane.model.fold_all(True)
    assert time.thread_time() - began < 2
    assert pane.model.rowCount() == 2
    wait_idle(window, qtbot)


def test_a_job_waits_until_its_lines_are_shown_but_not_for_ever(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    begun, held_up, over = threading.Event(), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        begun.set()
        held_up.wait(30)
        for _ in range(2):  # with the window held up; then with one that shows what comes
            began = time.monotonic()
            for _ in range(1002):
                job.log(LogLevel.INFO, "A line")
            waited.append(time.monotonic() - began)
            over.set()
            window_goes_on.wait(30)

    window_goes_on = threading.Event()
    window.runner.start(work, "Logging")
    qtbot.waitUntil(begun.is_set)
    held_up.set()
    assert over.wait(30)
    assert waited[0] >= 0.25, "it was told to wait until the window has shown the lines"
    monkeypatch.setattr("codesign_wizard.runner._WAIT_S", 3600)
    window_goes_on.set()
    qtbot.waitUntil(lambda: window.log_model.total == 2 * 1002)
    wait_idle(window, qtbot)
    assert waited[1] < 60, "it goes on as soon as they are shown"


def of(job: JobLabel, *texts: str, level: LogLevel = LogLevel.INFO) -> list[LogLine]:
    now = datetime.now(UTC)
    return [LogLine(now, level, "vault", text, f"{job.number}-{text}", job) for text in texts]


def shown(model: LogModel) -> list[str]:
    texts = []
    for row in range(model.rowCount()):
        group = model.group(row)
        texts.append(
            model.visible_line(row).text if group is None else f"# {group.job.name} {len(group.rows)}"
        )
    return texts


def test_each_jobs_lines_stand_together_and_fold(qtmodeltester: ModelTester) -> None:
    model = LogModel()
    qtmodeltester.check(model)
    model.append([*of(ONE, "a", "b"), *of(TWO, "c"), *lines(1, text="none")])
    model.append([*of(ONE, "d"), *of(TWO, "e", level=LogLevel.DEBUG), *of(TWO, "f")])
    assert shown(model) == ["# One 3", "a", "b", "d", "# Two 2", "c", "f", "none"]
    assert [line.text for line in model.lines] == ["a", "b", "c", "none", "d", "e", "f"], "copied as logged"
    model.fold(0, True)
    model.append(of(ONE, "g"))
    assert shown(model) == ["# One 4", "# Two 2", "c", "f", "none"]
    assert [line.text for line in model.lines_of(0)] == ["a", "b", "d", "g"]
    assert model.index(0, Column.TEXT).data(Qt.ItemDataRole.AccessibleTextRole) == "One · 4 lines, folded"
    # a search shows what it finds, and leaves the folding as it was
    model.set_filter(least=LogLevel.INFO, search="1-d")
    assert shown(model) == ["# One 1", "d"]
    model.fold(0, True)
    assert shown(model) == ["# One 1"]
    model.set_filter(least=LogLevel.DEBUG, search="")
    assert shown(model) == ["# One 4", "# Two 3", "c", "e", "f", "none"]
    model.fold(0, False)
    assert shown(model)[:5] == ["# One 4", "a", "b", "d", "g"]
    assert [model.header_of(row) for row in (0, 3, 6, 9)] == [0, 0, 5, -1]
    model.fold_all(True)
    assert shown(model) == ["# One 4", "# Two 3", "none"]
    assert model.show_request("2-f") == 4
    assert shown(model) == ["# One 4", "# Two 3", "c", "e", "f", "none"]
    model.set_filter(least=LogLevel.WARNING, search="")
    assert model.show_request("2-f") == -1


def test_old_lines_are_dropped_out_of_their_jobs(
    qtmodeltester: ModelTester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codesign_wizard.widgets.log_model._MOST", 8)
    monkeypatch.setattr("codesign_wizard.widgets.log_model._DROP", 1)
    model = LogModel()
    qtmodeltester.check(model)
    model.append([*of(ONE, "a", "b"), *of(TWO, "c", "d"), *of(ONE, "e"), *lines(1, text="none")])
    model.fold(0, True)
    model.append(of(TWO, "f", "g", "h"))
    assert shown(model) == ["# One 1", "# Two 5", "c", "d", "f", "g", "h", "none"]
    model.append(of(TWO, "i", "j"))
    assert shown(model) == ["# One 1", "# Two 5", "f", "g", "h", "i", "j", "none"]
    model.append(of(TWO, "k", "l"))
    assert shown(model) == ["# Two 7", "f", "g", "h", "i", "j", "k", "l"]


def test_a_job_folds_by_click_and_by_keys_and_is_copied_whole(pane: LogPane, qtbot: QtBot) -> None:
    pane.add([*of(ONE, "a", "b"), *of(TWO, "c", "d")])
    view, model = pane.view, pane.model
    view.setFocus()
    view.selectRow(2)
    view.setCurrentIndex(model.index(2, Column.TEXT))
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.currentIndex().row() == 0, "from a line to its job"
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert shown(model) == ["# One 2", "# Two 2", "c", "d"]
    pane.copies.copy_selected()
    assert [line.rsplit(" ", 2)[1] for line in QGuiApplication.clipboard().text().splitlines()] == ["a", "b"]
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert model.rowCount() == 6
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert model.rowCount() == 4
    where = view.visualRect(model.index(1, Column.TEXT)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert shown(model) == ["# One 2", "# Two 2"]
    qtbot.mouseClick(pane.bar.folder, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(pane.bar.folder, Qt.MouseButton.LeftButton)
    assert model.rowCount() == 6
    assert pane.bar.folder.text() == "Fold jobs"


REFUSED = FindingKind("test.refused", Severity.ERROR, "Refused.", "Only in tests.")


def test_a_request_id_leads_to_its_finding_and_the_finding_to_its_line(
    pane: LogPane, window: MainWindow, qtbot: QtBot
) -> None:
    window.resize(1600, 900)
    finding = REFUSED(evidence=Evidence(status=403, request_id="1-b"))
    window.workspace.flow.record(KEY_VAULT, [finding], {})
    window.workspace.edited()
    pane.add([*of(ONE, "a", "b"), *of(TWO, "c")])
    qtbot.waitUntil(lambda: not pane.view.isColumnHidden(Column.REQUEST))
    where = pane.view.visualRect(pane.model.index(2, Column.REQUEST)).center()
    qtbot.mouseClick(pane.view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert window.key == KEY_VAULT
    (view,) = window.page.findings.views
    assert view.hasFocus()
    assert view.seen is not None
    assert view.seen.button.isChecked()
    # and back, though the line is filtered out and folded away
    pane.bar.search.setText("nothing like it")
    pane.model.set_filter(least=LogLevel.ERROR, search="nothing like it")
    pane.model.fold_all(True)
    window.log_dock.hide()
    back = next(one for one in view.seen.findChildren(QPushButton) if one.text() == "Show in the log")
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert pane.view.hasFocus()
    (row,) = {index.row() for index in pane.view.selectionModel().selectedRows()}
    assert pane.model.visible_line(row).request_id == "1-b"
    assert not pane.bar.follow.isChecked()
    # by the keyboard, from a line nobody speaks of, and from a finding of an earlier run
    qtbot.keyClick(pane.view, Qt.Key.Key_Return)
    assert view.hasFocus()
    pane.view.request.emit("2-c")
    assert window.footer.reason.text().startswith("No finding speaks of this request")
    window.open_link("log:of-yesterday")
    assert window.footer.reason.text().startswith("The log has no line of this request")
    wait_idle(window, qtbot)


def test_scrolling_up_holds_the_log_and_its_end_follows_again(pane: LogPane, qtbot: QtBot) -> None:
    pane.add(lines(500))
    bar = pane.view.verticalScrollBar()
    assert pane.bar.follow.isChecked()
    bar.setValue(10)
    assert not pane.bar.follow.isChecked()
    pane.add(lines(100))
    assert bar.value() == 10
    bar.setValue(bar.maximum())
    assert pane.bar.follow.isChecked()
    pane.add(lines(100))
    assert bar.value() == bar.maximum()


@pytest.mark.parametrize("size", [(1180, 760), (1180, 755), (860, 640), (860, 629)])
def test_rows_are_whole_and_the_last_one_in_sight_in_every_size(
    pane: LogPane, window: MainWindow, size: tuple[int, int]
) -> None:
    view = pane.view
    pane.add(lines(300))
    window.resize(*size)
    QApplication.processEvents()
    room = view.viewport().rect()
    assert pane.bar.follow.isChecked()
    assert view.visualRect(pane.model.index(299, Column.TEXT)).bottom() == room.bottom()
    assert view.visualRect(view.indexAt(QPoint(room.center().x(), 0))).top() == 0
    assert view.parentWidget().height() - view.height() < view.rowHeight(0), (
        "and as many as there is room for"
    )


@pytest.mark.parametrize("count", [1, 300])
def test_the_table_stands_within_the_pages_margins_whether_it_scrolls_or_not(
    pane: LogPane, window: MainWindow, count: int
) -> None:
    pane.add(lines(count))
    for width in (1180, 860):
        window.resize(width, 700)
        QApplication.processEvents()
        room = pane.view.viewport()
        assert pane.view.verticalScrollBar().isVisible() is (count > 1)
        assert room.mapTo(pane, QPoint(0, 0)).x() == px(theme.MARGIN)
        assert room.mapTo(pane, room.rect().topRight()).x() == pane.width() - px(theme.MARGIN) - 1


@pytest.mark.parametrize("away", [False, True])
def test_what_a_line_says_has_room_at_the_smallest_size(
    pane: LogPane, window: MainWindow, away: bool
) -> None:
    view = pane.view
    view._columns._local = away  # whether the local time is another than UTC
    for width in (1600, 860):
        window.resize(width, 640)
        QApplication.processEvents()
        pane.add([LogLine(datetime.now(UTC), LogLevel.INFO, "a-long-part", "Asked", "id", ONE)])
        text = QFontMetrics(theme.font(11.5, mono=True))
        assert view.columnWidth(Column.TEXT) > text.horizontalAdvance("0" * 28)
        assert view.columnWidth(Column.PART) > text.horizontalAdvance("a-long-part")
        assert view.isColumnHidden(Column.LOCAL) is not away
        assert view.isColumnHidden(Column.UTC) is (away and width == 860)
        assert not view.horizontalScrollBar().isVisible()
    assert view.isColumnHidden(Column.REQUEST)


def test_what_has_no_column_of_its_own_is_in_the_tips() -> None:
    model = LogModel()
    line = LogLine(datetime(2026, 11, 23, 10, 42, 7, 204_000, UTC), LogLevel.INFO, "vault", "Asked", "r-1")
    model.append([line])
    tips = [model.index(0, column).data(Qt.ItemDataRole.ToolTipRole) for column in Column]
    assert tips == ["10:42:07.204 UTC", None, None, None, "Asked\nr-1", "r-1"]


class Recorder(QPainter):
    """Keeps what is written with it, where, and from which side."""

    def __init__(self, image: QImage) -> None:
        super().__init__(image)
        self.written: list[tuple[QRect, int, str]] = []

    def drawText(self, *arguments: Any) -> None:  # type: ignore[override]  # one of its forms is used
        self.written.append(arguments[:3])


def written(pane: LogPane, row: int, column: Column) -> tuple[QRect, int, str]:
    """Return where, how and what the cell writes."""
    view, index = pane.view, pane.model.index(row, column)
    option = QStyleOptionViewItem()
    view.initViewItemOption(option)
    option.rect = view.visualRect(index)
    image = QImage(view.viewport().size(), QImage.Format.Format_RGB32)
    painter = Recorder(image)
    view.itemDelegate().paint(painter, option, index)
    painter.end()
    (only,) = painter.written
    return only


def test_a_jobs_row_is_written_across_the_columns_that_it_does_not_need(
    pane: LogPane, window: MainWindow
) -> None:
    window.resize(860, 640)
    pane.add(of(JobLabel(3, "Looking for the vault of somebody, and then for another one"), "a" * 300, "b"))
    pane.model.fold_all(True)
    QApplication.processEvents()
    room, _, text = written(pane, 0, Column.TEXT)
    assert text.endswith(" · 2 lines")
    assert room.width() > pane.view.columnWidth(Column.TEXT)
    assert (room, text) == written(pane, 0, Column.PART)[::2], "whichever of its cells is painted"
    pane.model.fold_all(False)
    assert written(pane, 1, Column.TEXT)[2].endswith("a…")


def test_a_job_and_its_lines_begin_below_the_head_of_their_column(pane: LogPane, window: MainWindow) -> None:
    window.resize(1180, 760)
    pane.add([*of(ONE, "a"), *lines(1)])
    QApplication.processEvents()
    head = pane.view.columnViewportPosition(Column.PART) + padding()
    assert [written(pane, row, Column.PART)[0].left() for row in range(2)] == [head, head]


@pytest.fixture
def mirrored(qapp: QApplication) -> Iterator[None]:
    """Lay everything out from right to left, as for a language that is written so."""
    before = qapp.layoutDirection()
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    qapp.setLayoutDirection(before)


def test_the_mirrored_log_begins_at_the_right_and_its_words_still_read_from_the_left(
    mirrored: None, pane: LogPane, window: MainWindow, qtbot: QtBot
) -> None:
    view = pane.view
    window.resize(860, 640)
    pane.add(of(ONE, *("x" * 300 for _ in range(100))))
    QApplication.processEvents()
    assert view.columnViewportPosition(Column.UTC) > view.columnViewportPosition(Column.TEXT)
    room = view.viewport()
    assert room.mapTo(pane, QPoint(0, 0)).x() == px(theme.MARGIN)
    assert room.mapTo(pane, room.rect().topRight()).x() == pane.width() - px(theme.MARGIN) - 1
    assert view.verticalScrollBar().mapTo(pane, QPoint(0, 0)).x() < px(theme.MARGIN)
    _, flags, text = written(pane, 1, Column.TEXT)
    assert text.endswith("x…")
    assert flags & Qt.AlignmentFlag.AlignRight.value
    assert flags & Qt.AlignmentFlag.AlignAbsolute.value, "nothing turns it round once more"
    assert pane.bar.follow.text() == isolated("Following ✓") != "Following ✓", "the tick stays where it is"
    # the arrow of a folded job points to the left
    view.setFocus()
    view.setCurrentIndex(pane.model.index(0, Column.TEXT))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert pane.model.rowCount() == 1
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert pane.model.rowCount() == 101
    pane.add(of(TWO, "asked"))
    assert pane.show_request("2-asked")
    assert [index.row() for index in view.selectionModel().selectedRows()] == [102]


def test_level_pills_and_search_choose_the_lines(pane: LogPane, qtbot: QtBot) -> None:
    pane.add([*lines(3), *lines(2, LogLevel.WARNING, "Slow {n}"), *lines(4, LogLevel.DEBUG, "Detail {n}")])
    shown = pane.model.rowCount
    assert shown() == 5
    for name, count in (("Details", 9), ("Warnings", 2), ("Requests", 9), ("All", 5)):
        pill = next(one for one in pane.bar.levels.buttons() if one.text() == name)
        qtbot.mouseClick(pill, Qt.MouseButton.LeftButton)
        assert shown() == count
    qtbot.keyClicks(pane.bar.search, "SLOW 1")
    qtbot.waitUntil(lambda: shown() == 1)


def test_a_log_without_rows_says_why() -> None:
    model = LogModel()
    model.append(lines(1, LogLevel.DEBUG))
    assert model.nothing == "Only details so far: choose Details."
    model.set_filter(least=LogLevel.WARNING, search="")
    assert model.nothing == "No line of this kind yet."
    model.set_filter(least=LogLevel.DEBUG, search="", requests_only=True)
    assert model.nothing == "No line of this kind yet."
    model.set_filter(least=LogLevel.INFO, search="nothing like it")
    assert model.nothing == "No line matches."


def test_a_screen_reader_hears_a_request_id_whole() -> None:
    model = LogModel()
    model.short_ids = True
    whole = "0123456789abcdef"
    model.append([LogLine(datetime.now(UTC), LogLevel.INFO, "vault", "Asked", whole)])
    cell = model.index(0, Column.REQUEST)
    assert cell.data() == "01234567…"
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == whole


def test_selected_lines_are_copied_whole_with_time_and_request_id(pane: LogPane, qtbot: QtBot) -> None:
    pane.add(lines(5))
    pane.view.selectRow(1)
    pane.view.setFocus()
    pane.copies.copy_selected()
    text = QGuiApplication.clipboard().text()
    assert "Asked the vault for 1 [id-1]" in text
    assert text.count("\n") == 1


def test_all_is_copied_and_saved_without_secrets(
    pane: LogPane, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    Secret("practice~value-of-a-secret")
    pane.add(lines(2, text="The value was practice~value-of-a-secret {n}"))
    qtbot.mouseClick(pane.bar.copy_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "The value was" in QGuiApplication.clipboard().text())
    assert "practice~value" not in QGuiApplication.clipboard().text()
    pane.copies.save_to(tmp_path / "wizard.log")
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
    window.others_expected = True  # a dock that floats is one
    assert dock.isVisible()
    assert window.log_bar.isHidden()
    qtbot.mouseClick(pane.bar.floater, Qt.MouseButton.LeftButton)
    assert dock.isFloating()
    qtbot.mouseClick(pane.bar.floater, Qt.MouseButton.LeftButton)
    assert not dock.isFloating()
    window.runner.lines.emit(lines(3))
    assert window.log_bar.count.text() == "3 lines", "with those that came last"
    qtbot.mouseClick(pane.bar.hider, Qt.MouseButton.LeftButton)
    assert dock.isHidden()
    assert window.log_bar.isVisible()
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
