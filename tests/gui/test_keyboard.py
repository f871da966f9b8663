"""The whole way with the keyboard alone: every key goes to what has the focus, nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QPushButton, QWidget

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
from codesign_wizard.widgets.basics import CopyButton
from codesign_wizard.widgets.pieces import Tabs
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.session import Session
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
            keys.alt("K")
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


def test_a_grant_with_an_administrators_account(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    """From the first look to a wait that is ended, and nobody has to search for what came of a key."""
    session = practice("rbac-none", page=PERMISSIONS)
    window = open_window(session)
    window.errors_expected = True
    window.resize(1024, 700)
    page, keys = window.page, Keyboard(window, qtbot)
    card = page.admin.card

    def in_sight(part: QWidget) -> bool:
        return not part.visibleRegion().isEmpty()

    keys.alt("K")
    keys.until(lambda: bool(page.findings.views))
    assert page.findings.views[0].hasFocus(), "the first problem"
    # the table, then what was seen of its line, then the remedy's ways and buttons
    keys.tab_to(page.table.matrix)
    keys.press(Qt.Key.Key_Down)
    assert page.table.matrix.currentIndex().row() == 1
    keys.tab_to(page.findings.views[0].findChild(Tabs).bar)
    keys.use(next(one for one in page.findings.views[0].findChildren(CopyButton) if one.isVisible()))
    assert QGuiApplication.clipboard().text().startswith("Key vaults, ")

    keys.tab_to(card.way)
    keys.press(Qt.Key.Key_Down)
    keys.use(card.go)
    qtbot.waitUntil(card.code_part.isVisible, timeout=PATIENCE)
    assert card.copy is not None
    assert card.copy.hasFocus()
    qtbot.waitUntil(lambda: in_sight(card.copy))
    keys.use(next(one for one in card.code_part.findChildren(QPushButton) if "practice" in one.text()))
    keys.idle()
    assert card.what.hasFocus(), "what is to be done next"
    assert in_sight(card.what)
    session.practice.world.propagation = 600.0
    keys.use(card.grant_now)
    qtbot.waitUntil(card.countdown.isVisible, timeout=PATIENCE)
    assert page.hasFocus(), "not the button that leaves the page"
    qtbot.waitUntil(lambda: in_sight(card.countdown))
    keys.press(Qt.Key.Key_Escape)
    keys.idle()
    qtbot.waitUntil(lambda: page.findings.views[0].hasFocus(), timeout=PATIENCE)  # shown a turn later


def test_the_focus_stays_on_the_page_while_its_form_is_closed(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("slow", page=KEY_VAULT))
    window.errors_expected = True
    keys = Keyboard(window, qtbot)
    keys.idle()
    keys.use(window.page.sign_in)
    qtbot.waitUntil(lambda: window.runner.foreground is not None)
    assert window.page.hasFocus()
    keys.press(Qt.Key.Key_Escape)
    keys.idle()
    assert window.page.sign_in.hasFocus()


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
