"""How wide the log's columns are: as wide as what stands in them, and all that is left for the words."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QHeaderView, QTableView

from codesign_wizard import theme
from codesign_wizard.core.job import LogLevel
from codesign_wizard.theme import px
from codesign_wizard.widgets.log_cells import padding
from codesign_wizard.widgets.log_model import Column, LogModel, level_word

_TIME = "00:00:00.000"
_WHOLE, _SHORT = "0" * 36, "0" * 9  # a request id, and its first characters with the sign for more
_LEAST = 28  # characters of what a line says: columns go until there is room for them
# what goes first where room is short; tips and copies have it anyway
_LESSER = (Column.UTC, Column.REQUEST, Column.PART)


class LogColumns:
    """Measures the columns of the log's table and leaves out those that there is no room for."""

    def __init__(self, view: QTableView, model: LogModel) -> None:
        self._view = view
        self._model = model
        self._fitted: object = None  # what was last measured: a person's own widths stay until that changes
        # where the local time is UTC, one column says it all
        self._local = datetime.now().astimezone().utcoffset() != timedelta(0)
        heads = view.horizontalHeader()
        heads.setSectionResizeMode(Column.TEXT, QHeaderView.ResizeMode.Stretch)
        heads.setMinimumSectionSize(px(40))

    def fit(self) -> None:
        """Give each column its width in the view as wide as it is."""
        width = self._view.viewport().width()
        # whole where there is room for it beside the words
        self._model.short_ids = width < px(1100)
        widths = self._widths()
        shown = set(Column) if self._local else set(Column) - {Column.LOCAL}
        for column in _LESSER if self._local else _LESSER[1:]:
            if sum(widths[each] for each in shown) <= width:
                break
            shown.discard(column)
        if self._fitted == (widths, shown):
            return
        self._fitted = (widths, shown)
        for each in Column:
            if each is not Column.TEXT:
                self._view.setColumnWidth(each, widths[each])
            self._view.setColumnHidden(each, each not in shown)

    def _widths(self) -> dict[Column, int]:
        """Return the room that each column needs, the words' the least that they are worth."""
        texts = {
            Column.LOCAL: [_TIME],
            Column.UTC: [_TIME],
            Column.LEVEL: [level_word(level) for level in LogLevel],
            Column.PART: self._model.parts,
            Column.TEXT: ["0" * _LEAST],
            Column.REQUEST: [_SHORT if self._model.short_ids else _WHOLE],
        }
        cells = QFontMetricsF(theme.font(11.5, mono=True))
        heads = QFontMetricsF(self._view.horizontalHeader().font())
        widths = {}
        for column, words in texts.items():
            widest = max((cells.horizontalAdvance(word) for word in words), default=0.0)
            head = heads.horizontalAdvance(self._model.headerData(column, Qt.Orientation.Horizontal))
            # a cell that lacks a part of a pixel is elided
            widths[column] = math.ceil(max(widest, head)) + 2 * padding()
        return widths
