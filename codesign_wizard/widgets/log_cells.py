"""How a cell of the log is painted: plain text, a job's row across its columns, the chosen row marked."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from codesign_wizard import theme
from codesign_wizard.theme import px
from codesign_wizard.widgets.log_model import Column, Index, LogModel

_LINE = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute) | int(Qt.TextFlag.TextSingleLine)
_LEFT = _LINE | int(Qt.AlignmentFlag.AlignLeft)
_RIGHT = _LINE | int(Qt.AlignmentFlag.AlignRight)
_JOB = (Column.PART, Column.TEXT, Column.REQUEST)  # a job's row has one text in place of these


def padding() -> int:
    """Return how far a cell's text stands in from either side: as far as the heads of the columns do."""
    return px(9)


def colours(model: LogModel, index: Index, *, chosen: bool) -> tuple[str, QColor]:
    """Return what a cell is painted on and written in."""
    look = theme.tokens()
    if chosen:
        return look.selection, theme.ink(look.on_selection)
    ground = look.surface if model.group(index.row()) is None else look.sunken
    return ground, model.data(index, Qt.ItemDataRole.ForegroundRole)


class LogCells(QStyledItemDelegate):
    """Draws the cells from here, not by the style sheet's own way, which takes twice as long.

    While a job logs much, all of them are drawn anew with every batch.
    """

    def __init__(self, view: QTableView) -> None:
        super().__init__(view)
        self._view = view

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, LogModel)
        row, column, room = index.row(), index.column(), option.rect
        group = model.group(row)
        across = group is not None and column in _JOB
        rtl = option.direction is Qt.LayoutDirection.RightToLeft
        if across:
            # each of its cells paints all of it: which of them are asked to is the view's affair
            index, column, room = model.index(row, Column.TEXT), Column.TEXT, self._across(row)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        ground, ink = colours(model, index, chosen=chosen)
        if chosen or group is not None:
            painter.fillRect(room, theme.ink(ground))
        if chosen and column == self._first():
            # a ground alone is hardly seen
            bar = QRect(room.right() + 1 - px(3) if rtl else room.left(), room.top(), px(3), room.height())
            painter.fillRect(bar, theme.ink(theme.tokens().accent))
        if group is not None and (across or column == Column.LEVEL):
            # it hangs before the job's name, which stands below its head as what belongs to the job does
            words = self._across(row)
            left = words.right() + 1 - px(7) if rtl else words.left() - px(5)
            box = QRectF(left, room.top(), px(12), room.height())
            painter.setLayoutDirection(option.direction)
            name = model.data(model.index(row, Column.TEXT), Qt.ItemDataRole.ForegroundRole)
            shown = ink if chosen else name
            theme.paint_chevron(painter, box, down=not model.is_folded(group), ink=shown.name())
        text = model.data(index)
        if not text:
            return
        own = None if group is None else model.data(index, Qt.ItemDataRole.FontRole)
        font = option.font if own is None else own
        metrics = option.fontMetrics if own is None else QFontMetrics(font)
        room = room.adjusted(padding(), 0, -padding(), 0)
        painter.setFont(font)
        painter.setPen(ink)
        if rtl:  # ids and addresses read from left to right wherever their column stands
            painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)
        # how many lines a job has stands at the end
        mode = Qt.TextElideMode.ElideMiddle if across else Qt.TextElideMode.ElideRight
        shown = metrics.elidedText(text, mode, room.width())
        painter.drawText(room, _RIGHT if rtl else _LEFT, shown)

    def _across(self, row: int) -> QRect:
        """Return where the text of a job's row stands."""
        model, room = self._view.model(), QRect()
        for column in _JOB:
            room = room.united(self._view.visualRect(model.index(row, column)))
        return room

    def _first(self) -> int:
        return Column.UTC if self._view.isColumnHidden(Column.LOCAL) else Column.LOCAL
