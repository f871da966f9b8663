"""The frame: the way through the steps, jobs in the footer, closing, resuming, unexpected errors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from codesign_wizard import app
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.flow import (
    KEY_VAULT,
    SERVER,
    START,
    STEPS,
    SUMMARY,
    WINDOWS_TRIAL,
    Group,
    StepState,
)
from codesign_wizard.core.job import Job, LogLevel
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.pages.notice import Notice
from codesign_wizard.session import Session
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

TOLD = FindingKind("test.told", Severity.INFO, "Told.", "Only in tests.")
BROKEN = FindingKind("test.broken", Severity.ERROR, "The {what} is broken.", "Only in tests.")


def notices(window: MainWindow) -> list[Notice]:
    return [one for one in window.findChildren(Notice) if one.isVisible()]


def forever(job: Job) -> None:
    while True:
        job.wait(0.01)


def test_a_window_needs_a_display() -> None:
    assert app.display_available({"QT_QPA_PLATFORM": "offscreen"})
    assert app.display_available({"DISPLAY": ":0"}) or sys.platform in ("win32", "darwin")
    if sys.platform.startswith("linux"):
        assert app.display_available({"WAYLAND_DISPLAY": "wayland-0"})
        assert not app.display_available({})
        assert not app.display_available({"QT_QPA_PLATFORM": "xcb"})


def test_next_and_back_walk_the_steps_and_the_profile_remembers(window: MainWindow, qtbot: QtBot) -> None:
    assert window.key == START
    assert window.footer.next_button.text() == "&Next: Key Vault"
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    assert window.footer.reason.text() == "Nobody has signed in yet."
    after = [step.key for step in window.workspace.flow.steps()][2:]
    for key in after:
        qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
        assert window.key == key
    assert window.key == SUMMARY
    assert window.footer.next_button.isHidden()
    for _ in after:
        qtbot.mouseClick(window.footer.back_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    wait_idle(window, qtbot)
    window.workspace.save()
    assert window.workspace.session.profiles.load("mine-1").page == KEY_VAULT


def test_a_step_whose_turn_has_not_come_cannot_be_opened(window: MainWindow, qtbot: QtBot) -> None:
    trial = rail(window, WINDOWS_TRIAL)
    assert not trial.isEnabled()
    assert "step before" in trial.accessibleDescription()
    qtbot.mouseClick(trial, Qt.MouseButton.LeftButton)
    assert window.key == START


def test_the_rail_is_walked_by_arrow_keys(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.rail.buttons[0].setFocus()
    qtbot.keyClick(window.rail.buttons[0], Qt.Key.Key_Down)
    assert window.rail.buttons[1].hasFocus()
    qtbot.keyClick(window.rail.buttons[1], Qt.Key.Key_Down)
    assert window.rail.buttons[-1].hasFocus(), "what cannot be opened is passed over"
    qtbot.keyClick(window.rail.buttons[-1], Qt.Key.Key_Up)
    qtbot.keyClick(window.rail.buttons[1], Qt.Key.Key_Return)
    assert window.key == KEY_VAULT


def test_steps_that_do_not_apply_are_left_out_and_come_back(window: MainWindow, qtbot: QtBot) -> None:
    page = window.page

    def shown() -> list[str]:
        return [one.step.key for one in window.rail.buttons]

    every = [step.key for step in STEPS if step.key != SERVER]
    windows = [step.key for step in STEPS if step.key in every and step.group is not Group.MACOS]
    assert shown() == windows
    qtbot.mouseClick(page.server, Qt.MouseButton.LeftButton)
    assert shown() == [*windows[:-1], SERVER, SUMMARY]
    qtbot.mouseClick(page.server, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.macos, Qt.MouseButton.LeftButton)
    assert shown() == every
    qtbot.mouseClick(page.windows, Qt.MouseButton.LeftButton)
    assert shown() == [key for key in every if key in (START, SUMMARY) or key not in windows]
    assert window.footer.next_button.text() == "&Next: Apple certificates"
    qtbot.mouseClick(page.macos, Qt.MouseButton.LeftButton)
    assert shown() == [START, SUMMARY]
    assert window.footer.next_button.text() == "&Next: Summary"
    qtbot.mouseClick(page.windows, Qt.MouseButton.LeftButton)
    assert shown() == windows


def test_a_running_job_is_told_holds_next_and_is_cancelled_by_escape(
    window: MainWindow, qtbot: QtBot
) -> None:
    task = window.runner.start(forever, "Doing something")
    assert window.footer.reason.text() == "Doing something…"
    assert not window.footer.next_button.isEnabled()
    assert window.footer.cancel_button.isVisible()
    with qtbot.waitSignal(task.cancelled, timeout=3000):
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    wait_idle(window, qtbot)
    assert window.footer.next_button.isEnabled()
    assert window.footer.cancel_button.isHidden()


def test_a_long_wait_says_how_long(window: MainWindow, qtbot: QtBot) -> None:
    task = window.runner.start(forever, "Waiting")
    task.since -= 7
    qtbot.waitUntil(lambda: window.footer.reason.text() == "Waiting… (7 s)", timeout=20_000)


def test_a_wait_that_counts_by_itself_is_not_counted_twice(window: MainWindow, qtbot: QtBot) -> None:
    task = window.runner.start(forever, "Notarise")
    task.since -= 70
    task.deliver("progress", (1, None, "Apple has been at work for 1 min 10 s"))
    window._show_job()
    assert window.footer.reason.text() == "Notarise · Apple has been at work for 1 min 10 s…"
    task.since -= 7
    task.deliver("progress", (2, None, "Apple has been at work for 1 min 10 s"))
    window._show_job()
    assert window.footer.reason.text().endswith("(7 s)"), "the same words for long are counted"


def test_going_on_with_a_problem_asks_once_in_the_footer(window: MainWindow, qtbot: QtBot) -> None:
    window.show_step(KEY_VAULT)
    window.workspace.flow.record(KEY_VAULT, [BROKEN(what="vault")], {})
    window.workspace.edited()
    assert window.rail.buttons[1].step.state is StepState.ATTENTION
    assert window.rail.buttons[1].step.note == "1 problem"
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    assert "Go on all the same?" in window.footer.reason.text()
    qtbot.mouseClick(window.footer.stay_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    assert not window.footer.asking
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.footer.anyway_button, Qt.MouseButton.LeftButton)
    after = window.workspace.flow.steps()[2].key
    assert window.key == after
    window.go_back()
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == after, "the same problem is asked about once"


def test_closing_while_a_job_runs_cancels_it_and_closes_when_it_has_ended(
    window: MainWindow, qtbot: QtBot
) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        begun.set()
        try:
            forever(job)
        finally:
            may_end.wait(20)
            ended.set()

    window.runner.start(work, "Doing something")
    qtbot.waitUntil(begun.is_set, timeout=20_000)
    window.close()
    assert not ended.is_set(), "closing must not wait on the window's thread"
    assert window.isVisible()
    assert not window.isEnabled()
    may_end.set()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert ended.is_set()


def test_nothing_begins_once_the_window_closes_but_what_keeps_something(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.runner.start(forever, "Doing something")
    window.close()
    ran, ends = [], []
    late = window.runner.start(lambda job: ran.append("late"), "Looking", quiet=True)
    late.cancelled.connect(lambda: ends.append("cancelled"))
    late.finished.connect(lambda: ends.append("finished"))
    window.runner.start(lambda job: ran.append("kept"), "Storing", quiet=True, lasting=True)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert ran == ["kept"]
    assert ends == ["cancelled", "finished"]
    after = window.runner.start(lambda job: ran.append("after"), "Storing", lasting=True)
    with qtbot.waitSignal(after.finished, timeout=20_000):
        pass
    assert ran == ["kept"], "the threads have ended: nothing can begin, and nothing is raised"


def test_what_is_typed_survives_closing_at_once(
    window: MainWindow, qtbot: QtBot, store: ProfileStore
) -> None:
    window.page.product.edit.clear()
    qtbot.keyClicks(window.page.product.edit, "Harbour Backup")
    window.close()
    assert store.load("mine-1").product_name == "Harbour Backup"


def test_reopening_continues_on_the_same_page_with_the_same_result(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot, store: ProfileStore
) -> None:
    window = open_window(session)
    window.show_step(KEY_VAULT)
    result = window.workspace.flow.record(
        KEY_VAULT, [BROKEN(what="vault", remedies=[Remedy("Mend it.")])], {}
    )
    window.workspace.edited()
    wait_idle(window, qtbot)
    window.close()

    again = open_window(Session(store.load("mine-1"), store, secrets=MemoryStore()))
    assert again.key == KEY_VAULT
    assert again.page.banner.title == "Signing in does not work yet."
    assert f"{result.obtained:%Y-%m-%d %H:%M:%S} UTC" in again.page.banner.text
    assert [view.finding.id for view in again.page.findings.views] == ["test.broken"]


def test_changing_what_a_result_relied_on_marks_it_out_of_date(window: MainWindow, qtbot: QtBot) -> None:
    window.show_step(KEY_VAULT)
    later = [step.key for step in window.workspace.flow.steps()][1:-1]
    for key in later:
        window.workspace.flow.record(key, [], {})
    window.workspace.edited()
    assert [one.step.state for one in window.rail.buttons] == [StepState.DONE] * (2 + len(later))
    qtbot.keyClicks(window.page.fields["vault_name"].edit, "other-vault")
    assert [one.step.state for one in window.rail.buttons[1:-1]] == [StepState.OUT_OF_DATE] * len(later)
    assert "out of date" in rail(window, WINDOWS_TRIAL).accessibleName()
    assert window.footer.reason.text() == "Something changed since this was checked: check it again."
    assert window.page.banner.title == "Something changed since this was checked. Sign in again."


def test_an_exception_in_a_slot_is_shown_as_a_finding_and_its_trace_is_in_the_log(
    window: MainWindow, qtbot: QtBot, monkeypatch: object
) -> None:
    window.errors_expected = True
    window.unexpected(ValueError("not foreseen"))
    qtbot.waitUntil(lambda: window.log_model.total > 0)
    (notice,) = notices(window)
    assert notice.finding.id == "wizard.unexpected"
    assert notice.finding.evidence.message == "not foreseen"
    assert window.log_model.lines[0].level is LogLevel.ERROR
    window.unexpected(ValueError("again"))
    assert len(notices(window)) == 1, "one of a kind at a time"


def test_one_notice_after_the_other_takes_nothing_else_apart(window: MainWindow, qtbot: QtBot) -> None:
    window.errors_expected = True
    for number in range(200):
        window.unexpected(ValueError(str(number)))
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
    (last,) = notices(window)
    assert last.finding.evidence.message == "199"
    last.dismiss()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    window.unexpected(ValueError("once more"))
    assert [each.finding.evidence.message for each in notices(window)] == ["once more"]


def test_the_hook_catches_what_a_slot_raises(window: MainWindow, qtbot: QtBot) -> None:
    window.errors_expected = True
    former = sys.excepthook
    app._catch(window)
    try:
        sys.excepthook(RuntimeError, RuntimeError("from a slot"), None)
    finally:
        sys.excepthook = former
    assert [one.finding.evidence.code for one in notices(window)] == ["RuntimeError"]


def test_a_job_that_fails_unforeseen_ends_as_a_finding(window: MainWindow, qtbot: QtBot) -> None:
    window.errors_expected = True

    def work(job: Job) -> None:
        raise KeyError("missing")

    task = window.runner.start(work, "Doing something")
    with qtbot.waitSignal(task.failed) as caught:
        pass
    assert caught.args[0].id == "wizard.unexpected"


def test_events_come_before_the_end_of_a_job_and_in_their_order(window: MainWindow, qtbot: QtBot) -> None:
    from codesign_wizard.core.job import StageState

    seen: list[object] = []

    def work(job: Job) -> str:
        job.stage("build", StageState.RUNNING)
        for number in range(20):
            job.progress(number, 5_000_000_000, "bytes")
        job.stage("build", StageState.DONE, "ready")
        return "result"

    task = window.runner.start(work, "Building")
    task.stage.connect(lambda key, state, text: seen.append(state))
    task.progress.connect(lambda done, total, text: seen.append(done))
    task.done.connect(seen.append)
    task.finished.connect(lambda: seen.append("end"))
    wait_idle(window, qtbot)
    told = [each for each in seen if isinstance(each, int) and not isinstance(each, bool)]
    assert told == sorted(told)
    assert told[-1] == 19, "of how far it is the last word is told, whatever is left out before it"
    others = [each for each in seen if each not in told]
    assert others == [StageState.RUNNING, StageState.DONE, "result", "end"]
    assert seen.index(19) == seen.index(StageState.DONE) - 1


def test_an_abandoned_job_says_nothing_more(window: MainWindow, qtbot: QtBot) -> None:
    seen: list[object] = []
    task = window.runner.start(lambda job: "late", "Looking", quiet=True)
    task.done.connect(seen.append)
    task.abandon()
    wait_idle(window, qtbot)
    assert seen == []


def test_a_failing_save_is_told_and_tried_again(
    window: MainWindow, qtbot: QtBot, monkeypatch: object
) -> None:
    workspace = window.workspace
    kept = workspace.session.save_without_keyring
    calls: list[int] = []

    def failing() -> Sequence[Finding]:
        calls.append(1)
        if len(calls) == 1:
            raise CodesignError(BROKEN(what="disk"))
        return kept()

    workspace.session.save_without_keyring = failing  # type: ignore[method-assign]
    workspace.edited()
    qtbot.waitUntil(lambda: bool(notices(window)), timeout=3000)
    window.close()
    assert len(calls) == 2


def test_settings_and_inspect_open_from_anywhere_and_return(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.header.settings_button, Qt.MouseButton.LeftButton)
    assert window.page.title.text() == "Settings"
    assert window.footer.back_button.text() == "&Back to Start"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.page.title.text() == "Start"
    qtbot.mouseClick(window.header.inspect_button, Qt.MouseButton.LeftButton)
    assert window.page.title.text() == "Inspect a file"
    qtbot.mouseClick(window.footer.back_button, Qt.MouseButton.LeftButton)
    assert window.page.title.text() == "Start"


def test_practice_opens_no_browser(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.starting_practice = True
    window.open_link("https://learn.microsoft.com/entra/")
    assert QGuiApplication.clipboard().text() == "https://learn.microsoft.com/entra/"
    assert "copied" in window.footer.reason.text()


def test_the_window_shows_before_practice_is_there(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    gate = threading.Event()

    def slow() -> Session:
        gate.wait(5)
        return session

    window = open_window(app.waiting_session(), open_practice=slow)
    window.workspace.start_practice()
    assert window.header.badge.isHidden(), "not before it is there"
    assert window.header.what_if_button.isHidden()
    assert not window.footer.next_button.isEnabled()
    assert window.page.practice_text.text().startswith("Practice accounts are on their way")
    assert window.page.banner.title == "The practice accounts are being started."
    answered: list[int] = []
    QTimer.singleShot(0, lambda: answered.append(1))
    qtbot.waitUntil(lambda: bool(answered), timeout=20_000)
    gate.set()
    qtbot.waitUntil(lambda: window.workspace.session is session, timeout=3000)
    assert window.header.profile.text() == "Own product"


def test_what_was_said_of_one_profile_goes_when_another_is_opened_but_what_failed_stays(
    window: MainWindow, store: ProfileStore
) -> None:
    window.notices.show_notice(TOLD())
    window.notices.show_notice(BROKEN(what="file"))
    assert [one.finding.id for one in notices(window)] == ["test.told", "test.broken"]
    other = Profile(id="other-1", name="Other")
    store.save(other)
    window.workspace.open_profile(other)
    assert [one.finding.id for one in notices(window)] == ["test.broken"]
    window.notices.show_notice(TOLD())
    assert [one.finding.id for one in notices(window)] == ["test.broken", "test.told"], "it can be said again"
