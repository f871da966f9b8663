"""A card that tells before anything was done what will be looked at, or what may come of it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.text import BULLET
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import Card, CodeBox, column, hairline, label
from codesign_wizard.widgets.labels import beginning


class PreviewCard(Card):
    """Lines of a few words and a sentence each, behind a bullet where *bullets* says so."""

    def __init__(
        self,
        title: str,
        lines: Iterable[tuple[str, str]],
        *,
        note: str = "",
        bullets: bool = False,
        mono: bool = False,
    ) -> None:
        super().__init__(title, note=note)
        for place, (words, text) in enumerate(lines):
            if place:
                self.body.addWidget(hairline())
            self.body.addLayout(self._line(words, text, bullets=bullets, mono=mono))
        # in a narrow column its texts need more lines than the card would like
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.body.addStretch(1)

    def _line(self, words: str, text: str, *, bullets: bool, mono: bool) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(px(8))
        if bullets:
            line.addWidget(label(BULLET.strip(), "soft", wrap=False), 0, Qt.AlignmentFlag.AlignTop)
        below: QWidget = label(text, "soft")
        if mono:
            below = CodeBox(text, words, "fact")
            below.setFont(theme.font(11.5, mono=True))
        line.addLayout(column(label(words), below, gap=2), 1)
        return line


class Legend(QWidget):
    """Signs with their words, each in its colour, and what they mean."""

    def __init__(self, lines: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        for words, role, meaning in lines:
            box.addLayout(column(label(beginning(words), role), label(meaning, "soft"), gap=1))
