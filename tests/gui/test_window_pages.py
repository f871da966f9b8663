"""Pages that are made before they are asked for: nothing of them is shown, kept or left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from codesign_wizard.core.flow import KEY_VAULT, START, STEPS
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


def test_a_prepared_page_is_the_one_that_is_opened(window: MainWindow) -> None:
    opened = set(window.pages.opened)
    while window.pages.prepare():
        pass
    assert window.stack.count() == len(STEPS)
    assert set(window.pages.opened) == opened, "nothing but what was asked for counts as opened"
    ready = {type(each).__name__: each for each in map(window.stack.widget, range(window.stack.count()))}
    window.workspace.flow.go(KEY_VAULT)
    window.show_step(KEY_VAULT)
    assert window.page is ready["KeyVaultPage"]
    assert window.stack.count() == len(STEPS)


def test_a_prepared_page_keeps_nothing_and_goes_with_the_profile(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    while window.pages.prepare():
        pass
    before = window.workspace.profile.to_json()
    every = map(window.stack.widget, range(window.stack.count()))
    others = [each for each in every if each is not window.page]
    left: list[QWidget] = []
    for each in others:
        monkeypatch.setattr(each, "leaving", lambda each=each: left.append(each))
    window.keep_typed()
    assert left == [], "what was never shown has nothing typed"
    assert window.workspace.profile.to_json() == before
    window.workspace.replaced.emit()
    assert window.stack.count() == 1
    qtbot.waitUntil(lambda: not any(isValid(each) for each in others))
    assert window.pages.prepare(), "and they are made anew for the other profile"


def test_a_prepared_page_asks_nobody(window: MainWindow, qtbot: QtBot) -> None:
    """A keyring may ask the person in turn, who has not come near a secret yet."""
    wait_idle(window, qtbot)
    while window.pages.prepare():
        assert window.runner.tasks == []
    running = [each for each in window.stack.findChildren(QTimer) if each.isActive()]
    assert running == [], "and nothing is about to"
    window.workspace.flow.go(KEY_VAULT)
    window.show_step(KEY_VAULT)
    assert [each.name for each in window.runner.tasks] == ["Asking the keyring"]
    wait_idle(window, qtbot)
    window.show_step(START)
    window.show_step(KEY_VAULT)
    assert window.runner.tasks == [], "once is enough"
