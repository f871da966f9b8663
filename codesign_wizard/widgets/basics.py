"""Small pieces that every page is made of: labels, buttons, cards, marks, rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QMimeData, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QPainter
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.labels import announce as announce
from codesign_wizard.widgets.labels import button as button
from codesign_wizard.widgets.labels import isolated
from codesign_wizard.widgets.labels import keep_ltr as keep_ltr
from codesign_wizard.widgets.labels import keep_side as keep_side
from codesign_wizard.widgets.labels import label as label
from codesign_wizard.widgets.labels import restyle as restyle
from codesign_wizard.widgets.ties import together

if TYPE_CHECKING:
    # the classes of events and their enumerations are made when first named: not for an annotation
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QPaintEvent, QResizeEvent, QWheelEvent

L = TypeVar("L", bound=QBoxLayout)

_CONFIRM_MS = 2000

# a GUID, which a label breaks at some of its hyphens only: not where a digit follows
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
# a thumbprint, a digest, a key's version: nothing in it is a place to break
_HEX = re.compile(r"\b[0-9a-f]{24,}\b", re.IGNORECASE)
_HEX_GROUP = re.compile(r"[0-9a-f]{8}(?=[0-9a-f])", re.IGNORECASE)
_BREAK = "\u200b"  # of no width


def breakable(text: str) -> str:
    """Return *text* with a place to break behind each hyphen of a GUID, and behind 8 digits of other hex."""
    text = _GUID.sub(lambda found: found[0].replace("-", f"-{_BREAK}"), text)
    return _HEX.sub(lambda found: _HEX_GROUP.sub(lambda group: group[0] + _BREAK, found[0]), text)


def set_pill(pill: QPushButton, text: str) -> None:
    """Give a checkable pill its *text*, and the room that it needs once it is checked and bold."""
    pill.setText(text)
    needed = QFontMetrics(theme.font(11.5, bold=True)).horizontalAdvance(text.replace("&", ""))
    pill.setFixedWidth(needed + 2 * px(10) + 4)


def row(*items: QWidget | QLayout | int | None, gap: int = 8) -> QHBoxLayout:
    """Return a row; a number is a fixed gap, ``None`` takes the room that is left."""
    return _filled(QHBoxLayout(), items, gap)


def column(*items: QWidget | QLayout | int | None, gap: int = 8) -> QVBoxLayout:
    """Return a column; a number is a fixed gap, ``None`` takes the room that is left."""
    return _filled(QVBoxLayout(), items, gap)


def _filled(box: L, items: Iterable[QWidget | QLayout | int | None], gap: int) -> L:
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(px(gap))
    for item in items:
        if item is None:
            box.addStretch(1)
        elif isinstance(item, int):
            box.addSpacing(px(item))
        elif isinstance(item, QWidget):
            box.addWidget(item)
        else:
            box.addLayout(item)
    return box


def clear(layout: QLayout) -> None:
    """Remove and delete everything in *layout*."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            return
        inner, widget = item.layout(), item.widget()
        if inner is not None:
            clear(inner)
        if widget is not None:
            widget.hide()  # deletion comes later; it must not be seen or reached until then
            widget.deleteLater()


class Card(QFrame):
    """A surface with a hairline around it; its content goes into ``body``."""

    def __init__(self, heading: str = "", *, note: str = "") -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        pad = px(theme.CARD_PADDING)
        self.body.setContentsMargins(pad, pad - px(2), pad, pad)
        self.body.setSpacing(px(8))
        self.heading = label(heading, "heading")
        self.note = label(note, "soft")
        if heading:
            self.setAccessibleName(heading)
        # told to show before they have a parent, they would be windows of their own for a moment
        self.body.addWidget(self.heading)
        self.body.addWidget(self.note)
        self.heading.setVisible(bool(heading))
        self.note.setVisible(bool(note))
        # a card is as high as its content, and takes no more
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def sizeHint(self) -> QSize:
        # the hint is also the most a card is given: text that wraps needs more where the card is narrow
        hint = super().sizeHint()
        return QSize(hint.width(), max(hint.height(), self.body.totalHeightForWidth(self.width())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


def hairline() -> QFrame:
    """Return a thin line across."""
    made = QFrame()
    made.setProperty("role", "hairline")
    return made


class MarkView(QWidget):
    """One round state mark; its meaning is also its accessible name."""

    def __init__(self, mark: Mark = Mark.EMPTY, name: str = "", size: int = theme.MARK_SIZE) -> None:
        super().__init__()
        self._mark = mark
        self._size = size
        self.setAccessibleName(name)
        self.setFixedSize(px(size), px(size))

    @property
    def mark(self) -> Mark:
        """The mark that is shown."""
        return self._mark

    def set(self, mark: Mark, name: str = "") -> None:
        """Show *mark*; *name* is what it means here."""
        self._mark = mark
        self.setAccessibleName(name)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(self._size), px(self._size))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme.paint_mark(painter, QRectF(self.rect()), self._mark)
        painter.end()


class Choice(QComboBox):
    """A combo box drawn like the other fields."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMinimumHeight(px(theme.CONTROL_HEIGHT))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        # the style's own hint knows nothing of the room that is left around the words here
        texts = [self.itemText(place) for place in range(self.count())]
        widest = max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=0)
        return QSize(max(super().sizeHint().width() + px(16), widest + px(40)), px(theme.CONTROL_HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme.tokens()
        painter = QPainter(self)
        focused = self.hasFocus()
        theme.paint_field(painter, QRectF(self.rect()), focused=focused, enabled=self.isEnabled())
        painter.setPen(self.palette().windowText().color())
        room = QRectF(self.rect()).adjusted(px(10), 0, -px(28), 0)
        text = theme.placed(self, room).toRect()
        shown = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, isolated(shown))
        arrow = QRectF(self.width() - px(26), 0, px(16), self.height())
        theme.paint_chevron(painter, theme.placed(self, arrow), down=True, ink=look.soft)
        painter.end()


class Tick(QCheckBox):
    """A check box drawn from the theme, so that its state is plain in every scheme; its words may wrap."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text())
        return QSize(words.width() + px(30), max(px(24), words.height() + px(4)))

    def minimumSizeHint(self) -> QSize:
        longest = max(map(self.fontMetrics().horizontalAdvance, self.text().split() or [""]))
        return QSize(longest + px(30), px(24))

    def heightForWidth(self, width: int) -> int:
        flags = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextShowMnemonic)
        room = QRect(0, 0, width - px(26), px(10_000))
        return max(px(24), self.fontMetrics().boundingRect(room, flags, self.text()).height() + px(4))

    def hitButton(self, point: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = px(16)
        box = theme.placed(self, QRectF(1, (self.height() - side) / 2, side, side))
        theme.paint_tick(
            painter, box, checked=self.isChecked(), focused=self.hasFocus(), enabled=self.isEnabled()
        )
        words = theme.placed(self, QRectF(self.rect()).adjusted(px(26), 0, 0, 0)).toRect()
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        look = theme.tokens()
        painter.setPen(theme.ink(look.ink if self.isEnabled() else look.disabled))
        wrapped = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextShowMnemonic)
        painter.drawText(words, int(flags) | wrapped, isolated(self.text()))
        painter.end()


class CopyButton(QPushButton):
    """Copies what *text* returns, and says so only after the clipboard really holds it."""

    copied = Signal()

    def __init__(self, text: Callable[[], str], name: str = "", kind: str = "") -> None:
        self._words = name or tr("Copy")
        super().__init__(self._words)
        self._text = text
        self.setAutoDefault(False)
        if kind:
            self.setProperty("kind", kind)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._copy)

    def _copy(self) -> None:
        wanted = self._text()
        clipboard = QGuiApplication.clipboard()
        clipboard.setText(wanted)
        if clipboard.text() == wanted:
            self._say(tr("Copied ✓"))
            self.copied.emit()
        else:
            self._say(tr("Not copied"))

    def _say(self, text: str) -> None:
        self.setMinimumWidth(self.width())  # the row must not jump
        self.setText(text)
        announce(self, text)
        QTimer.singleShot(_CONFIRM_MS, self, lambda: self.setText(self._words))


class CodeBox(QTextEdit):
    """What a machine said or should be told: fixed-width, selectable, as high as its text, never edited.

    Without *wrap*, as a script wants it, each line stays one, and what is longer than the box is wide is
    scrolled to. With *most* lines it is no higher than these, so that both scroll bars are in view.
    """

    def __init__(
        self, text: str = "", name: str = "", role: str = "code", *, wrap: bool = True, most: int = 0
    ) -> None:
        super().__init__()
        self._wrap = wrap
        self._most = most
        self._wraps_ids = role == "fact"
        self.setProperty("role", role)
        # room around the text, as the style sheet has it for each role
        self._around = 2 * px(6) + 2 if role == "code" else 0
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        if not most:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if wrap:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        else:
            self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
            self.horizontalScrollBar().rangeChanged.connect(self._fit)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.setAccessibleName(name or tr("Text to copy"))
        if role == "fact":
            self.setFrameShape(QFrame.Shape.NoFrame)
            # as far down as a label's text stands
            self._around = 1
            self.setViewportMargins(0, 1, 0, 0)
            # not a stop for Tab: there are many, and each says its value in its name
            self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            if theme.mirrored():
                # an id keeps its direction, and stands beside its name
                option = self.document().defaultTextOption()
                option.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute)
                self.document().setDefaultTextOption(option)
        else:
            keep_ltr(self)
        self.setPlainText(text)

    def setPlainText(self, text: str) -> None:
        """Show *text*; an id among facts may go on below only where a part of it ends."""
        super().setPlainText(breakable(text) if self._wraps_ids else text)

    def toPlainText(self) -> str:
        """Return the text as it was given: without the places to break."""
        text = super().toPlainText()
        return text.replace(_BREAK, "") if self._wraps_ids else text

    def createMimeDataFromSelection(self) -> QMimeData:
        """Return what is copied or dragged: an id has to be whole where it is put in."""
        data = super().createMimeDataFromSelection()
        if self._wraps_ids:
            plain = QMimeData()
            plain.setText(data.text().replace(_BREAK, ""))
            return plain
        return data

    def _fit(self) -> None:
        height = round(self.document().size().height())
        if self._most:
            height = min(height, self._most * self.fontMetrics().lineSpacing())
        height += self._around
        bar = self.horizontalScrollBar()
        if not self._wrap and bar.maximum() > bar.minimum():
            height += bar.sizeHint().height()
        if self.height() != height or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # sideways it moves the script, else the page, unless the script has more lines than are shown
        upright = abs(event.angleDelta().x()) <= abs(event.angleDelta().y())
        if self._wrap or (upright and not self._most):
            event.ignore()
        else:
            super().wheelEvent(event)


class Columns(QWidget):
    """Two parts beside each other, or one below the other where the page is narrow.

    *level*: both are as high as the higher one. *right_first*: the right one comes above the left one.
    *stacked_gap* is the room between them where one is below the other, at a text scale of 1.
    ``turned`` tells whether they are beside each other now.
    """

    turned = Signal(bool)

    def __init__(
        self,
        left: QWidget,
        right: QWidget,
        *,
        share: tuple[int, int] = (3, 2),
        level: bool = False,
        right_first: bool = False,
        stacked_gap: float = theme.GAP,
    ) -> None:
        super().__init__()
        self._parts = (left, right)
        self._gap = stacked_gap
        self._stacked = QBoxLayout.Direction.BottomToTop if right_first else QBoxLayout.Direction.TopToBottom
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(px(theme.GAP))
        for part, stretch in zip((left, right), share, strict=True):
            if level:
                part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
                self._box.addWidget(part, stretch)
            else:
                self._box.addWidget(part, stretch, Qt.AlignmentFlag.AlignTop)
        # not Maximum: that holds it at the height that its hint has, however many lines its texts wrap to
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        # beside each other they would hold the page wider than it is, and never give way
        hint = super().minimumSizeHint()
        return QSize(max(part.minimumSizeHint().width() for part in self._parts), hint.height())

    def resizeEvent(self, event: QEvent) -> None:
        narrow = self.width() < px(theme.NARROW)
        way = self._stacked if narrow else QBoxLayout.Direction.LeftToRight
        if self._box.direction() != way:
            self._box.setDirection(way)
            self._box.setSpacing(px(self._gap if narrow else theme.GAP))
            self.turned.emit(not narrow)
            self.updateGeometry()


class Facts(QWidget):
    """Named values below each other: names soft and aligned, values selectable."""

    GAP = 6  # between two of them, at a text scale of 1

    def __init__(self, facts: Iterable[tuple[str, str]] = (), *, name_width: int = 120) -> None:
        super().__init__()
        self._name_width = name_width
        self._shown: list[tuple[str, str]] = []
        self._rows: list[tuple[QLabel, CodeBox]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(12))
        self._grid.setVerticalSpacing(px(self.GAP))
        # the terms' own widths do not count once their rows were made anew
        self._grid.setColumnMinimumWidth(0, px(name_width))
        self._grid.setColumnStretch(1, 1)
        self.set(facts)

    def set(self, facts: Iterable[tuple[str, str]]) -> None:
        """Show *facts*, name and value each."""
        facts = list(facts)
        if facts == self._shown:
            return
        self._shown = facts
        metrics = QFontMetrics(theme.font())
        # wide enough for the longest word of any name: names wrap between words only
        longest = max(
            (metrics.horizontalAdvance(word) for name, _ in facts for word in name.split()), default=0
        )
        width = max(px(self._name_width), longest + 2)
        self._grid.setColumnMinimumWidth(0, width)
        # rows stay: to make one takes longer than all the rest
        while len(self._rows) > len(facts):
            for part in self._rows.pop():
                self._grid.removeWidget(part)
                part.hide()  # deletion comes later; it must not be seen or reached until then
                part.deleteLater()
        for place, (name, value) in enumerate(facts):
            if place == len(self._rows):
                term, text = label(name, "soft"), CodeBox(together(value), role="fact")
                self._grid.addWidget(term, place, 0, Qt.AlignmentFlag.AlignTop)
                self._grid.addWidget(text, place, 1)
                self._rows.append((term, text))
            term, text = self._rows[place]
            term.setText(name)
            term.setFixedWidth(width)
            text.setAccessibleName(f"{name}: {value}")
            # what Qt gives back, and copies, has common spaces again
            if text.toPlainText() != value:
                text.setPlainText(together(value))
