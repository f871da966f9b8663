"""The levels side by side, a card each: one of them is chosen, by pointer or by arrow keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QBoxLayout, QButtonGroup, QRadioButton, QSizePolicy, QWidget

from codesign_wizard import theme
from codesign_wizard.core.apple.level_words import LevelCard, Line, Sign
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import Card, MarkView, clear, label, restyle, row
from codesign_wizard.widgets.findings import clear_heading

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent, QPaintEvent

_MARKS = {
    Sign.THERE: Mark.OK,
    Sign.UNCERTAIN: Mark.WARNING,
    Sign.OPEN: Mark.WARNING,  # not the hollow one: beside the choice above it, it would look like another
    Sign.MISSING: Mark.ERROR,
    Sign.NEUTRAL: Mark.NOT_APPLICABLE,
}


def sign_word(line: Line) -> str:
    """Return what the sign before *line* means."""
    if line.needed:
        return {
            Sign.THERE: tr("needed, and there"),
            Sign.UNCERTAIN: tr("needed, not known yet"),
            Sign.OPEN: tr("needed, and not given yet"),
            Sign.MISSING: tr("needed, and missing"),
            Sign.NEUTRAL: tr("not needed"),
        }[line.sign]
    return {
        Sign.THERE: tr("good"),
        Sign.UNCERTAIN: tr("mind this"),
        Sign.MISSING: tr("bad"),
        Sign.NEUTRAL: tr("to know"),
    }[line.sign]


class LevelChoice(QRadioButton):
    """A radio button drawn with the theme's signs; its text is a heading, in two lines where it is narrow."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def _heading(self) -> QFont:
        return theme.font(bold=True)

    def sizeHint(self) -> QSize:
        words = QFontMetrics(self._heading()).size(Qt.TextFlag.TextSingleLine, self.text())
        return QSize(words.width() + px(32), max(px(24), words.height() + px(6)))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(80), px(24))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        room = QRect(0, 0, max(1, width - self._indent()), 10_000)
        words = QFontMetrics(self._heading()).boundingRect(room, Qt.TextFlag.TextWordWrap, self.text())
        return max(px(24), words.height() + px(6))

    def _indent(self) -> int:
        return px(theme.MARK_SIZE) + px(9)

    def hitButton(self, point: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = px(theme.MARK_SIZE)
        box = theme.placed(self, QRectF(0, (self.height() - side) / 2, side, side))
        idle = Mark.EMPTY if self.isEnabled() else Mark.CLOSED
        theme.paint_mark(painter, box, Mark.NOW if self.isChecked() else idle)
        look = theme.tokens()
        painter.setFont(self._heading())
        painter.setPen(theme.ink(look.ink if self.isEnabled() else look.disabled))
        words = theme.placed(self, QRectF(self.rect()).adjusted(self._indent(), 0, 0, 0)).toRect()
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(words, int(flags) | int(Qt.TextFlag.TextWordWrap), self.text())
        if self.hasFocus():
            theme.paint_focus(painter, QRectF(words.adjusted(-px(5), 0, px(5), 0).intersected(self.rect())))
        painter.end()


class _LineView(QWidget):
    def __init__(self, line: Line) -> None:
        super().__init__()
        word = sign_word(line)
        self.setAccessibleName(f"{word}: {line.text}")
        mark = MarkView(_MARKS[line.sign], word)
        mark.setToolTip(word)
        box = row(mark, gap=9)
        box.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        box.addWidget(label(line.text, "soft" if line.sign is Sign.NEUTRAL else ""), 1)
        self.setLayout(box)


class LevelView(Card):
    """One level; a click anywhere on it chooses it."""

    def __init__(self, card: LevelCard) -> None:
        super().__init__()
        clear_heading(self)
        self.level = card.level
        self.choice = LevelChoice(card.title)
        self.choice.setAccessibleName(card.title)
        self.summary = label(card.summary, "soft")
        self._lines = QWidget()
        self._list = QBoxLayout(QBoxLayout.Direction.TopToBottom, self._lines)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(px(7))
        self.body.addWidget(self.choice)
        self.body.addWidget(self.summary)
        self.body.addSpacing(px(2))
        self.body.addWidget(self._lines)
        self.body.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.lines: Sequence[Line] = ()

    def show_card(self, card: LevelCard, *, chosen: bool) -> None:
        """Show what is there and what is missing."""
        restyle(self, "active", "true" if chosen else "false")
        if self.choice.isChecked() != chosen:
            self.choice.setChecked(chosen)
        if list(card.lines) != list(self.lines):
            self.lines = card.lines
            clear(self._list)
            for line in card.lines:
                self._list.addWidget(_LineView(line))
        missing = [each.text for each in card.lines if each.needed and each.sign in (Sign.MISSING, Sign.OPEN)]
        self.choice.setAccessibleDescription(" ".join([card.summary, *missing]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.choice.setFocus(Qt.FocusReason.MouseFocusReason)
        self.choice.click()


class LevelCards(QWidget):
    """All levels beside each other, below each other where the page is narrow; ``chosen`` tells the level."""

    chosen = Signal(str)

    def __init__(self, cards: Iterable[LevelCard]) -> None:
        super().__init__()
        self.setAccessibleName(tr("Level"))
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(px(12))
        self._group = QButtonGroup(self)
        self.views = {card.level: LevelView(card) for card in cards}
        for view in self.views.values():
            self._group.addButton(view.choice)
            self._box.addWidget(view, 1)
            # arrow keys check it too; a state that was set is no choice
            view.choice.clicked.connect(lambda _=False, level=view.level: self.chosen.emit(level))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_cards(self, cards: Iterable[LevelCard], level: str) -> None:
        """Show *cards*, with *level* chosen."""
        for card in cards:
            self.views[card.level].show_card(card, chosen=card.level == level)

    def minimumSizeHint(self) -> QSize:
        # beside each other they would hold the page wider than it is, and never give way
        hint = super().minimumSizeHint()
        return QSize(max(view.minimumSizeHint().width() for view in self.views.values()), hint.height())

    def resizeEvent(self, event: QEvent) -> None:
        narrow = self.width() < px(theme.NARROW)
        way = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if self._box.direction() != way:
            self._box.setDirection(way)
            self.updateGeometry()
