"""Time-stamp servers in their order."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import button, row


class ServerList(QWidget):
    """The time-stamp servers in their order: edit in place, add, remove, move."""

    changed = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Time-stamp servers, in the order in which they are asked"))
        self.list.setFixedHeight(px(112))
        self.list.setEditTriggers(
            QListWidget.EditTrigger.DoubleClicked | QListWidget.EditTrigger.EditKeyPressed
        )
        self.list.itemChanged.connect(lambda item: self._tell())
        self.add = button(tr("Add"), self._add, "small")
        self.add.setAccessibleName(tr("Add a time-stamp server"))
        self.remove = button(tr("Remove"), self._remove, "small")
        self.remove.setAccessibleName(tr("Remove the selected time-stamp server"))
        self.up = button(tr("Up"), lambda: self._move(-1), "small")
        self.up.setAccessibleName(tr("Move the selected time-stamp server up"))
        self.down = button(tr("Down"), lambda: self._move(1), "small")
        self.down.setAccessibleName(tr("Move the selected time-stamp server down"))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        box.addWidget(self.list)
        box.addLayout(row(self.add, self.remove, self.up, self.down, None, gap=4))

    def set(self, servers: list[str]) -> None:
        """Show *servers*; what is being edited stays."""
        if servers == self.servers or self.list.state() is QListWidget.State.EditingState:
            return
        chosen = self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        for server in servers:
            self._item(server)
        self.list.blockSignals(False)
        self.list.setCurrentRow(min(max(chosen, 0), len(servers) - 1))

    @property
    def servers(self) -> list[str]:
        """The addresses as shown, without empty ones."""
        texts = [self.list.item(place).text().strip() for place in range(self.list.count())]
        return [text for text in texts if text]

    def _item(self, text: str) -> QListWidgetItem:
        item = QListWidgetItem(text)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        self.list.addItem(item)
        return item

    def _tell(self) -> None:
        self.changed.emit(self.servers)

    def _add(self) -> None:
        item = self._item("http://")
        self.list.setCurrentItem(item)
        self.list.editItem(item)

    def _remove(self) -> None:
        place = self.list.currentRow()
        if place >= 0:
            self.list.takeItem(place)
            self._tell()

    def _move(self, step: int) -> None:
        place = self.list.currentRow()
        if place < 0 or not 0 <= place + step < self.list.count():
            return
        self.list.blockSignals(True)
        item = self.list.takeItem(place)
        self.list.insertItem(place + step, item)
        self.list.setCurrentRow(place + step)
        self.list.blockSignals(False)
        self._tell()
