"""What a window shows in words, and which of it has not the room it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QStyle,
    QStyleOptionFrame,
    QTableView,
    QWidget,
)

from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import Choice
from codesign_wizard.widgets.pieces import Tabs

_SLACK = 1  # pixels: sizes are whole, advances are not


@dataclass(frozen=True)
class Shown:
    """A text and the widget that shows it; ``where`` is ``text``, ``hint``, ``tip`` or ``name``."""

    widget: QWidget
    where: str
    text: str

    def __str__(self) -> str:
        return f"{type(self.widget).__name__} {self.where}: {self.text!r}"


@dataclass(frozen=True)
class Clipped:
    """A text that has not the room it needs, in device-independent pixels."""

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


def texts(root: QWidget) -> Iterator[Shown]:
    """Yield every text that *root* shows or says to a screen reader, but what a person typed or may type."""
    for each in visible(root):
        if isinstance(each, QLabel | QAbstractButton) and each.text():
            yield Shown(each, "text", each.text())
        elif isinstance(each, QComboBox):
            yield from (Shown(each, "text", each.itemText(place)) for place in range(each.count()))
        elif isinstance(each, QLineEdit | QPlainTextEdit) and each.placeholderText():
            yield Shown(each, "hint", each.placeholderText())
        elif isinstance(each, QTableView) and each.model() is not None:
            model = each.model()
            for section in range(model.columnCount()):
                head = model.headerData(section, Qt.Orientation.Horizontal)
                if isinstance(head, str) and not head.isdigit():
                    yield Shown(each, "text", head)
        if each.toolTip():
            yield Shown(each, "tip", each.toolTip())
        if each.accessibleName():
            yield Shown(each, "name", each.accessibleName())
        if each.accessibleDescription():
            yield Shown(each, "name", each.accessibleDescription())


def clipped(root: QWidget) -> Iterator[Clipped]:
    """Yield the labels, buttons, choices and hints in *root* whose text is cut, on purpose or not."""
    for each in visible(root):
        if isinstance(each, QLabel):
            yield from _label(each)
        elif isinstance(each, QAbstractButton) and each.text() and not isinstance(each.parent(), Tabs):
            yield from _compared(each, each.text(), each.minimumSizeHint().width(), each.width())
        elif isinstance(each, Choice):
            needed = each.fontMetrics().horizontalAdvance(each.currentText())
            yield from _compared(each, each.currentText(), needed, each.width() - px(38))
        elif isinstance(each, QLineEdit) and not each.text():
            needed = each.fontMetrics().horizontalAdvance(each.placeholderText())
            yield from _compared(each, each.placeholderText(), needed, _inside(each).width() - 4)


def _label(label: QLabel) -> Iterator[Clipped]:
    text = label.text().replace("&", "") if label.buddy() is not None else label.text()
    if not text or label.textFormat() is Qt.TextFormat.RichText or label.pixmap().width():
        return
    room = label.contentsRect()
    margin = 2 * label.margin() + max(label.indent(), 0)
    metrics = label.fontMetrics()
    if not label.wordWrap():
        needed = max(metrics.horizontalAdvance(line) for line in text.split("\n"))
        yield from _compared(label, text, needed, room.width() - margin)
        return
    flags = int(Qt.TextFlag.TextWordWrap | label.alignment())
    needs = metrics.boundingRect(QRect(0, 0, room.width() - margin, 1 << 16), flags, text)
    yield from _compared(label, text, needs.width(), room.width() - margin)
    yield from _compared(label, text, needs.height(), room.height())


def _compared(widget: QWidget, text: str, needed: float, given: float) -> Iterator[Clipped]:
    if needed > given + _SLACK:
        yield Clipped(widget, text, math.ceil(needed), math.floor(given))


def _inside(edit: QLineEdit) -> QRect:
    option = QStyleOptionFrame()
    edit.initStyleOption(option)
    return edit.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, edit)
