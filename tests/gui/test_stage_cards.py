"""The stages of a job stand in rows that give way when one of them says more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from codesign_wizard.core.job import StageState
from codesign_wizard.widgets.stage_cards import StageCards

if TYPE_CHECKING:
    from typing import Any

    from pytestqt.qtbot import QtBot

LONG = (
    "Signed 14 programs of the app with the hardened runtime, stamped by http://timestamp.example.com/rfc3161"
)
RAIL = 280  # what the rail and the page's margins take of the window's width


def settle() -> None:
    for _ in range(4):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


def too_low(cards: StageCards) -> list[str]:
    return [
        f"{one.text()!r}: {one.height()} < {one.heightForWidth(one.width())}"
        for one in cards.findChildren(QLabel)
        if one.isVisible() and one.wordWrap() and one.height() + 1 < one.heightForWidth(one.width())
    ]


@pytest.mark.parametrize("width", [1024, 860])
@pytest.mark.parametrize("count", [4, 6, 8])
def test_what_a_stage_says_after_it_was_shown_is_not_cut(
    qtbot: QtBot, qapp: Any, count: int, width: int
) -> None:
    cards = StageCards([(str(number), f"Stage {number}") for number in range(count)])
    page = QScrollArea()
    page.setWidgetResizable(True)
    content = QWidget()
    box = QVBoxLayout(content)
    box.addWidget(cards)
    box.addStretch(1)
    page.setWidget(content)
    qtbot.addWidget(page)
    page.resize(width - RAIL, 700)
    page.show()
    settle()
    short = cards.height()
    for key in ("0", str(count - 1)):
        cards.set(key, StageState.RUNNING, LONG)
        settle()
        assert too_low(cards) == []
    assert cards.height() > short
    # fewer of them, arranged anew
    cards.choose([str(number) for number in range(count - 1)])
    settle()
    assert too_low(cards) == []
    cards.reset()
    settle()
    assert cards.height() <= short, "the room is given back"
    cards.set("1", StageState.DONE, LONG)
    settle()
    assert too_low(cards) == []


def test_a_files_name_is_not_torn_from_its_ending(qapp: Any) -> None:
    cards = StageCards([("build", "Build")])
    cards.set("build", StageState.DONE, "practice_backup-setup.pkg, 227.7 kB")
    words = cards.cards["build"].words
    assert "_\u200bbackup-setup.pkg," in words.text()
    assert "227.7\u00a0kB" in QLabel.text(words), "nor a number from its unit"
    cards.set("build", StageState.DONE, "timestamp.example.com")
    assert cards.cards["build"].words.text() == "timestamp.\u200bexample.com"
