"""What of a window's text has not the room it needs, and what lies over something else.

The pictures of ``dev.py screenshots`` and the tests of the window measure with it; the program itself never.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF
from PySide6.QtWidgets import (
    QAbstractButton,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionFrame,
    QTabBar,
    QTableView,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import Choice
from codesign_wizard.widgets.shell import RailButton

_SLACK = 1  # pixels: sizes are whole, advances are not
_MOST_ROWS = 200


@dataclass(frozen=True)
class Clipped:
    """A text that has not the room it needs, or a widget that lies where another one does, in pixels."""

    widget: QWidget
    text: str
    needed: int
    given: int

    def __str__(self) -> str:
        inside = self.widget.parentWidget()
        return (
            f"{type(self.widget).__name__} in {type(inside).__name__}: {self.text!r} needs {self.needed}, "
            f"has {self.given}"
        )


def visible(root: QWidget) -> Iterator[QWidget]:
    """Yield the widgets of *root* that can be seen or scrolled to, itself first."""
    yield root
    for each in root.findChildren(QWidget):
        if each.isVisible() and each.window() is root.window():
            yield each


def clipped(root: QWidget) -> Iterator[Clipped]:
    """Yield the labels, buttons, choices, tabs, cells and hints in *root* that are cut, on purpose or not."""
    for each in visible(root):
        if isinstance(each, QLabel):
            yield from _label(each)
        elif isinstance(each, RailButton):
            needed = QFontMetrics(theme.font(bold=each.isChecked())).horizontalAdvance(each.step.title)
            yield from _compared(each, each.step.title, needed, each.width() - px(46))
        elif isinstance(each, QAbstractButton) and each.text() and not isinstance(each.parent(), QTabBar):
            yield from _button(each)
        elif isinstance(each, Choice):
            needed = each.fontMetrics().horizontalAdvance(each.currentText())
            yield from _compared(each, each.currentText(), needed, each.width() - px(38))
        elif isinstance(each, QLineEdit) and not each.text():
            needed = each.fontMetrics().horizontalAdvance(each.placeholderText())
            yield from _compared(each, each.placeholderText(), needed, _inside(each).width() - 4)
        elif isinstance(each, QTabBar):
            yield from _tabs(each)
        elif isinstance(each, QTableView):
            yield from _cells(each)


def overlapping(root: QWidget) -> Iterator[Clipped]:
    """Yield what lies over a neighbour in the same layout, and what sticks out of its place."""
    for parent in visible(root):
        layout = parent.layout()
        if layout is None:
            continue
        if isinstance(parent.parentWidget(), QScrollArea) or isinstance(parent, QScrollArea):
            continue
        placed = [
            each
            for each in parent.children()
            if isinstance(each, QWidget)
            and each.isVisible()
            and not each.isWindow()
            and layout.indexOf(each) >= 0
        ]
        for place, one in enumerate(placed):
            for other in placed[:place]:
                over = one.geometry().intersected(other.geometry())
                if min(over.width(), over.height()) > _SLACK:
                    yield Clipped(one, f"{_words(one)} lies over {_words(other)}", over.height(), 0)
            if one.geometry().right() > parent.rect().right() + _SLACK:
                yield Clipped(one, f"{_words(one)} sticks out", one.geometry().right(), parent.rect().right())


def _words(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    return text or widget.accessibleName() or type(widget).__name__


def _button(button: QAbstractButton) -> Iterator[Clipped]:
    # some wrap their words, and then need height rather than width
    if button.hasHeightForWidth():
        yield from _compared(button, button.text(), button.heightForWidth(button.width()), button.height())
        return
    # a push button's words may come nearer to its edge, what is drawn here keeps its distance
    wanted = (button.minimumSizeHint() if isinstance(button, QPushButton) else button.sizeHint()).width()
    if button.minimumWidth() == button.maximumWidth():
        # worked out for its words; Qt's own hint is never less than 80 where it does not go by our sheet
        wanted = button.fontMetrics().horizontalAdvance(button.text().replace("&", "")) + 2 * px(6)
    yield from _compared(button, button.text(), wanted, button.width())
    yield from _compared(button, button.text(), button.fontMetrics().height(), button.height())


def _label(label: QLabel) -> Iterator[Clipped]:
    text = QLabel.text(label)  # as it is shown: some of its words may be kept in one line
    if not text or label.textFormat() is Qt.TextFormat.RichText or label.pixmap().width():
        return
    room = label.contentsRect()
    margin = 2 * label.margin() + max(label.indent(), 0)
    metrics = label.fontMetrics()
    shown = text.replace("&", "") if label.buddy() is not None else text
    if not label.wordWrap():
        needed = max(metrics.horizontalAdvance(line) for line in shown.split("\n"))
        yield from _compared(label, text, needed, room.width() - margin)
        yield from _compared(label, text, metrics.height(), room.height())
        return
    flags = int(Qt.TextFlag.TextWordWrap | label.alignment())
    needs = metrics.boundingRect(QRect(0, 0, room.width() - margin, 1 << 16), flags, shown)
    yield from _compared(label, text, needs.width(), room.width() - margin)
    yield from _compared(label, text, needs.height(), room.height())


def _tabs(bar: QTabBar) -> Iterator[Clipped]:
    bold = QFontMetrics(theme.font(bold=True))
    for place in range(bar.count()):
        box, text = bar.tabRect(place), bar.tabText(place)
        yield from _compared(bar, text, bold.horizontalAdvance(text), box.width() - 2 * px(10))
        yield from _compared(bar, text, box.right(), bar.width())


def _cells(table: QTableView) -> Iterator[Clipped]:
    model, heads = table.model(), table.horizontalHeader()
    # the style sheet's padding, and what the style keeps for the frame of the focus
    frame = table.style().pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, None, table) + 1
    around = 2 * (px(6) + frame)
    for column in range(model.columnCount()):
        stretched = heads.sectionResizeMode(column) is heads.ResizeMode.Stretch
        # the log's messages are as long as they are
        if table.isColumnHidden(column) or (stretched and table.property("role") != "matrix"):
            continue
        # a cell that lacks a part of a pixel is elided
        texts = [(QFontMetricsF(heads.font()), model.headerData(column, Qt.Orientation.Horizontal))]
        for row in range(min(model.rowCount(), _MOST_ROWS)):
            if table.columnSpan(row, column) > 1:  # a heading across all columns
                continue
            index = model.index(row, column)
            font = index.data(Qt.ItemDataRole.FontRole)
            texts.append((QFontMetricsF(table.font() if font is None else font), index.data()))
        # one of a column is enough to tell
        widest = max(texts, key=lambda one: one[0].horizontalAdvance(str(one[1] or "")))
        text = str(widest[1] or "")
        needed, given = widest[0].horizontalAdvance(text), heads.sectionSize(column) - around
        if needed > given:
            yield Clipped(table, text, math.ceil(needed), given)


def _compared(widget: QWidget, text: str, needed: float, given: float) -> Iterator[Clipped]:
    if needed > given + _SLACK:
        yield Clipped(widget, text, math.ceil(needed), math.floor(given))


def _inside(edit: QLineEdit) -> QRect:
    option = QStyleOptionFrame()
    edit.initStyleOption(option)
    return edit.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, edit)
