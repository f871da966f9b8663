"""The log's table: what keys, clicks and the pointer do in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from codesign_wizard import theme
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import announce
from codesign_wizard.widgets.labels import isolated
from codesign_wizard.widgets.log_cells import LogCells
from codesign_wizard.widgets.log_columns import LogColumns
from codesign_wizard.widgets.log_model import Column, LogModel

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class LogView(QTableView):
    """The table; copying takes the selected lines whole.

    Left and Right fold a job and show it again; the other way round where the arrow of its row points left.
    """

    request = Signal(str)  # a request id whose finding is asked for
    resized = Signal()

    def __init__(self, model: LogModel) -> None:
        super().__init__()
        self.log = model
        self.setModel(model)
        self.setItemDelegate(LogCells(self))
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Log lines"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(px(18))
        heads = self.horizontalHeader()
        heads.setHighlightSections(False)
        heads.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._columns = LogColumns(self, model)
        model.parts_grew.connect(self._columns.fit)

    def toggle(self, row: int) -> None:
        """Fold away the lines of the job that *row* belongs to, or show them again."""
        header = self.log.header_of(row) if row >= 0 else -1
        group = self.log.group(header) if header >= 0 else None
        if group is not None:
            folded = not self.log.is_folded(group)
            self.log.fold(header, folded)
            self._to(header)
            announce(self, tr("Folded") if folded else tr("Unfolded"))

    def ask_request(self, row: int) -> None:
        """Ask for the finding of the request that the line in *row* belongs to."""
        if row >= 0 and self.log.group(row) is None:
            request_id = self.log.visible_line(row).request_id
            if request_id:
                self.request.emit(request_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        if row < 0 or event.modifiers() not in (Qt.KeyboardModifier.NoModifier, _KEYPAD):
            super().keyPressEvent(event)
            return
        group = self.log.group(row)
        back, on = Qt.Key.Key_Left, Qt.Key.Key_Right
        if self.isRightToLeft():
            back, on = on, back
        if key == back and group is None and self.log.header_of(row) >= 0:
            self._to(self.log.header_of(row))
        elif group is not None and key in (back, on):
            if self.log.is_folded(group) is (key == on):
                self.toggle(row)
        elif group is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.toggle(row)
        elif group is None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.ask_request(row)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if event.button() is not Qt.MouseButton.LeftButton or not index.isValid() or not plain:
            return
        if len(self.selectionModel().selectedRows()) > 1:
            return  # the end of drawing a selection is no click
        if self.log.group(index.row()) is not None:
            self.toggle(index.row())
        elif self._leads(index):
            self.ask_request(index.row())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        hand = index.isValid() and (self.log.group(index.row()) is not None or self._leads(index))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def _leads(self, index: QModelIndex) -> bool:
        """Tell whether this is a request id that leads to a finding."""
        if index.column() != Column.REQUEST or self.log.group(index.row()) is not None:
            return False
        return self.log.visible_line(index.row()).request_id in self.log.explained

    def _to(self, row: int) -> None:
        index = self.log.index(row, Column.TEXT)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.log.total and not self.log.rowCount():
            painter = QPainter(self.viewport())
            painter.setFont(theme.font())
            painter.setPen(theme.ink(theme.tokens().soft))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, isolated(self.log.nothing))
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._columns.fit()
        self.resized.emit()
