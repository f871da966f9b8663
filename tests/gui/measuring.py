"""What a window shows in words, to the eye and to a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTableView,
    QWidget,
)

from codesign_wizard.screenshots.measuring import visible


@dataclass(frozen=True)
class Shown:
    """A text and the widget that shows it; ``where`` is ``text``, ``hint``, ``tip`` or ``name``."""

    widget: QWidget
    where: str
    text: str

    def __str__(self) -> str:
        return f"{type(self.widget).__name__} {self.where}: {self.text!r}"


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
