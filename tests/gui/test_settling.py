"""No paint shows a page whose cards are squeezed into less than they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QApplication, QLabel

from codesign_wizard.core.flow import SERVER
from codesign_wizard.pages.server import ServerPage
from codesign_wizard.widgets import settling
from codesign_wizard.widgets.basics import Card
from codesign_wizard.widgets.settling import settle
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot

    from codesign_wizard.session import Session
    from codesign_wizard.window import MainWindow


class Squeezed(QObject):
    """Notes the cards that are painted in less height than their content needs."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.seen: list[tuple[str, int, int]] = []
        self.painted = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint and isinstance(watched, Card):
            self.painted += 1
            needed = watched.body.totalHeightForWidth(watched.width())
            if watched.height() < needed - 1:
                self.seen.append((watched.accessibleName(), watched.height(), needed))
        return False


def test_results_that_make_a_page_higher_are_never_painted_squeezed(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice(page=SERVER)
    session.profile.server_wanted = True
    window = open_window(session)
    page = window.page
    assert isinstance(page, ServerPage)
    wait_idle(window, qtbot)
    filter_ = Squeezed(window)
    application = QApplication.instance()
    assert application is not None
    application.installEventFilter(filter_)
    qtbot.mouseClick(page.sign_in.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    qtbot.waitUntil(page.differences.isVisible)
    qtbot.wait(50)
    application.removeEventFilter(filter_)
    assert filter_.painted > 3
    assert filter_.seen == []


def test_a_page_is_given_what_it_needs_and_no_less_than_it_has(window: MainWindow) -> None:
    page = window.page
    content = page.widget()
    before = content.height()
    settle(page)
    assert content.height() == before
    card = Card("Long")
    for number in range(60):
        card.body.addWidget(QLabel(f"Line {number}"))
    page.add(card)
    card.show()
    settle(page)
    assert content.height() >= content.layout().totalHeightForWidth(content.width())
    assert card.height() >= card.body.totalHeightForWidth(card.width())


def test_a_height_that_is_taken_back_each_time_is_not_given_for_ever(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, given = window.page, list[object]()
    lacks = [(page.widget(), 9999)]
    monkeypatch.setattr(settling, "_lacking", lambda page: lacks[0] if lacks else None)
    monkeypatch.setattr(settling, "settle", given.append)
    for _ in range(20):
        QApplication.sendEvent(window, QEvent(QEvent.Type.UpdateRequest))
    assert 0 < len(given) < 10
    lacks.clear()
    QApplication.sendEvent(window, QEvent(QEvent.Type.UpdateRequest))
    lacks.append((page.widget(), 9999))
    before = len(given)
    QApplication.sendEvent(window, QEvent(QEvent.Type.UpdateRequest))
    assert len(given) == before + 1, "and again once it had enough"
