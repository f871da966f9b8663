"""The whole way with the keyboard alone: every key goes to what has the focus, nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QWidget

from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    PERMISSIONS,
    SERVER,
    START,
    SUMMARY,
    WINDOWS_TRIAL,
    StepState,
)
from codesign_wizard.opening import open_session
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

PATIENCE = 120_000
_MOST_STOPS = 120


class Keyboard:
    """A person's ten fingers on a window."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.qtbot = qtbot
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press *key* where the focus is, once all that is made has been shown."""
        QCoreApplication.processEvents()
        self.qtbot.keyClick(self.window.focusWidget() or self.window, key, modifier)

    def alt(self, letter: str) -> None:
        """Press Alt with the underlined *letter*; a button is clicked a moment later, as it springs back."""
        self.press(Qt.Key(ord(letter)), Qt.KeyboardModifier.AltModifier)

    def tab_to(self, wanted: QWidget) -> None:
        """Press Tab until *wanted* has the focus; it must then be in sight."""
        for _ in range(_MOST_STOPS):
            if wanted.hasFocus():
                break
            self.press(Qt.Key.Key_Tab)
        name = wanted.accessibleName() or wanted
        assert wanted.hasFocus(), f"Tab does not lead to {name}, but to {self.window.focusWidget()}"
        assert not wanted.visibleRegion().isEmpty(), f"out of sight: {wanted.accessibleName() or wanted}"

    def use(self, wanted: QWidget) -> None:
        """Go to *wanted* with Tab and press Space."""
        self.tab_to(wanted)
        self.press(Qt.Key.Key_Space)

    def next(self, key: str) -> None:
        """Go on; the page *key* must open with the focus in it."""
        self.alt("N")
        self.qtbot.waitUntil(lambda: self.window.key == key, timeout=PATIENCE)
        self.idle()
        focused = self.window.focusWidget()
        assert focused is not None
        assert focused is self.window.page or self.window.page.isAncestorOf(focused), key

    def idle(self) -> None:
        """Wait until nothing is under way."""
        wait_idle(self.window, self.qtbot, PATIENCE)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until *holds*, and nothing is under way any more."""
        self.qtbot.waitUntil(holds, timeout=PATIENCE)
        self.idle()


def test_the_whole_way_from_start_to_summary(open_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    with open_session(practice=True) as session:
        window = open_window(session)
        keys = Keyboard(window, qtbot)
        flow = window.workspace.flow
        page = window.page
        keys.use(page.macos)
        keys.use(page.server)
        assert session.profile.macos_wanted
        assert session.profile.server_wanted

        keys.next(KEY_VAULT)
        keys.alt("G")
        keys.until(lambda: flow.state(KEY_VAULT) is StepState.DONE)

        keys.next(PERMISSIONS)
        if flow.state(PERMISSIONS) is not StepState.DONE:
            keys.alt("L")
            keys.until(lambda: flow.state(PERMISSIONS) is StepState.DONE)
        page = window.page
        keys.tab_to(page.table.matrix)
        before = page.table.matrix.currentIndex().row()
        keys.press(Qt.Key.Key_Down)
        assert page.table.matrix.currentIndex().row() == before + 1

        keys.next(CERTIFICATE)
        keys.until(lambda: flow.state(CERTIFICATE) is StepState.DONE)
        keys.next(WINDOWS_TRIAL)
        keys.alt("V")
        keys.until(lambda: flow.state(WINDOWS_TRIAL) is StepState.DONE)
        keys.next(APPLE_CERTIFICATES)
        assert flow.state(APPLE_CERTIFICATES) is StepState.DONE

        keys.next(MACOS_LEVEL)
        page = window.page
        keys.tab_to(page.levels.views["sign-only"].choice)
        keys.press(Qt.Key.Key_Right)
        assert session.profile.macos.level == "notarise"
        keys.press(Qt.Key.Key_Right)
        assert session.profile.macos.level == "staple"
        keys.alt("C")
        keys.until(lambda: flow.state(MACOS_LEVEL) is StepState.DONE)
        keys.next(MACOS_TRIAL)
        keys.alt("V")
        keys.until(lambda: flow.state(MACOS_TRIAL) is StepState.DONE)
        assert window.page.banner.title.startswith("Signed, notarised and stapled")

        keys.next(SERVER)
        page = window.page
        keys.alt("G")
        keys.until(lambda: bool(page.differences.table.chosen()))
        keys.alt("Y")
        keys.until(page.question.isVisible)
        assert page.question.yes.hasFocus()
        keys.press(Qt.Key.Key_Space)
        keys.until(lambda: "of them cannot be compared" in page.differences.last.text())

        keys.next(SUMMARY)
        keys.use(window.page.copy)
        copied = QGuiApplication.clipboard().text()
        assert copied.startswith("Codesign Wizard ")
        secret = session.application_secret()
        assert secret is not None
        assert secret.reveal() not in copied

        # what is opened from anywhere, and left by Esc; then back by the rail
        keys.alt("S")
        qtbot.waitUntil(lambda: window.page is window.page_of("settings"))
        keys.press(Qt.Key.Key_Escape)
        assert window.key == SUMMARY
        assert window.page is window.page_of(SUMMARY)
        keys.tab_to(rail(window, SUMMARY))
        for _ in range(len(window.rail.buttons)):
            keys.press(Qt.Key.Key_Up)
        keys.press(Qt.Key.Key_Return)
        assert window.key == START


def test_the_systems_own_keys_open_cancel_and_quit(window: MainWindow, qtbot: QtBot) -> None:
    keys = Keyboard(window, qtbot)
    for sequence, holds in (
        (QKeySequence.StandardKey.Open, lambda: window.page is window.page_of("inspect")),
        (QKeySequence.StandardKey.Cancel, lambda: window.page is window.page_of(START)),
        (QKeySequence.StandardKey.Quit, lambda: not window.isVisible()),
    ):
        bound = QKeySequence.keyBindings(sequence)
        if not bound and sequence is QKeySequence.StandardKey.Quit:
            continue  # Windows has none: its windows close by Alt+F4
        pressed = bound[0][0]
        keys.press(pressed.key(), pressed.keyboardModifiers())
        qtbot.waitUntil(holds)
