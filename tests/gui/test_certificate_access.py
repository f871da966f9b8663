"""The page *Certificate* for everybody: names, keyboard, room, no window that flashes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget

from codesign_wizard.core.certificates.desk import Stage
from tests.gui.driving import wait_idle
from tests.gui.test_access import CONTROLS, cut, walk

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow
from tests.gui.certificate_driving import FORM, NAME, Opening, answer, make, stage


def test_the_whole_form_by_keyboard_alone(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    window.activateWindow()
    page.begin_part.write.setFocus()
    qtbot.keyClick(page.begin_part.write, Qt.Key.Key_Space)
    fields = page.form.form.fields
    qtbot.waitUntil(lambda: fields["organization"].edit.hasFocus())
    for key in ("organization", "common_name", "locality", "state", "country"):
        focused = QGuiApplication.focusObject()
        assert focused is fields[key].edit
        qtbot.keyClick(focused, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(focused, Qt.Key.Key_Delete)
        qtbot.keyClicks(focused, FORM.get(key, "").encode("ascii", "ignore").decode())
        qtbot.keyClick(fields[key].edit, Qt.Key.Key_Tab)
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.question.yes.hasFocus())
    wait_idle(window, qtbot)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Escape)
    assert not page.question.isVisible()
    assert stage(window.workspace.session) is Stage.FREE
    assert page.form.isVisible()
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.question.yes.hasFocus())
    wait_idle(window, qtbot)
    qtbot.keyClick(page.question.yes, Qt.Key.Key_Space)
    wait_idle(window, qtbot)
    assert stage(window.workspace.session) is Stage.PENDING


class Windows(QObject):
    """Keeps the names of windows that come up besides the wizard's own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(type(watched).__name__)
        return False


def test_no_part_is_a_window_of_its_own_for_a_moment(
    page_on: Opening, qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    windows = Windows()
    qapp.installEventFilter(windows)
    window, page = page_on(NAME)
    make(window, page, qtbot)
    page.answering.take_text("good morning")
    wait_idle(window, qtbot)
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    qapp.removeEventFilter(windows)
    # on a desktop such a window flashes, and takes the focus with it
    assert windows.seen == ["MainWindow"]


def shortcomings(window: MainWindow, qtbot: QtBot) -> list[str]:
    """Return what keeps somebody from using the page as it stands: names, keyboard, room."""
    found: list[str] = []
    for interface in walk(QAccessible.queryAccessibleInterface(window)):
        named = interface.text(QAccessible.Text.Name).strip()
        if interface.role() in CONTROLS and not interface.state().invisible and not named:
            found.append(f"no name: {interface.object()}")
    letters: dict[str, str] = {}
    for one in window.findChildren(QWidget):
        if isinstance(one, QAbstractButton | QLabel) and one.isVisible():
            text = one.text().replace("&&", "")
            if "&" in text and not (isinstance(one, QLabel) and one.buddy() is None):
                letter = text[text.index("&") + 1].lower()
                if letter in letters:
                    found.append(f"the same key: {text} and {letters[letter]}")
                letters[letter] = text
    window.activateWindow()
    window.page.setFocus()
    reached: set[object] = set()
    for _ in range(300):
        focused = window.focusWidget()
        if focused in reached and focused is window.page:
            break
        reached.add(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    found += [
        f"not reached: {one.accessibleName() or one.text()}"
        for one in window.page.findChildren(QWidget)
        if isinstance(one, QAbstractButton | QLineEdit)
        and one.isVisible()
        and one.isEnabled()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one not in reached
    ]
    for width, height in ((860, 640), (1024, 700), (1600, 1000)):
        window.resize(width, height)
        # text that wraps asks for another height only after it has been laid out once
        for _ in range(6):
            QCoreApplication.processEvents()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        found += [f"{width}: {each}" for each in cut(window)]
    return found


def test_every_state_of_the_page_can_be_used_by_everybody(
    page_on: Opening, qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = page_on()
    seen: dict[str, list[str]] = {"held": shortcomings(window, qtbot)}
    page.requesting.write()
    page.form.form.more.open()
    page.form.form.extended.open()
    page.form.form.fields["country"].set("UK")
    seen["form"] = shortcomings(window, qtbot)
    page.form.form.fields["country"].set("NZ")
    page.requesting.check()
    wait_idle(window, qtbot)
    assert page.question.isVisible()
    seen["question"] = shortcomings(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    page.ca.fold.open()
    page.request.tabs.bar.setCurrentIndex(1)
    QApplication.processEvents()
    assert page.request.text.horizontalScrollBar().maximum() == 0, "its lines have room"
    seen["renewing"] = shortcomings(window, qtbot)
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    seen["fits"] = shortcomings(window, qtbot)
    page.requesting.ask_drop()
    seen["dropping"] = shortcomings(window, qtbot)
    page.question.no.click()
    page.answering.take_text("good morning")
    wait_idle(window, qtbot)
    seen["mistake"] = shortcomings(window, qtbot)
    window.workspace.profile.windows.azure.certificate_name = NAME
    page.look()
    wait_idle(window, qtbot)
    assert page.begin_part.isVisible()
    seen["free"] = shortcomings(window, qtbot)
    assert {name: found for name, found in seen.items() if found} == {}
