"""The log's lines as a table. 100,000 lines and more: an own index of the visible ones, appended in batches.

A proxy model would call Python for each row (0.8 s for 100,000); keeping the numbers of the visible lines
filters them in one pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from codesign_wizard import theme
from codesign_wizard.core.job import LogLevel, LogLine
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import tr

Index = QModelIndex | QPersistentModelIndex

_MOST = 200_000  # lines kept
_DROP = 20_000  # lines dropped at once when there are more
_RANK = {level: place for place, level in enumerate(LogLevel)}


class Column(IntEnum):
    """The table's columns, left to right."""

    LOCAL = 0
    UTC = 1
    LEVEL = 2
    PART = 3
    TEXT = 4
    REQUEST = 5


def level_word(level: LogLevel) -> str:
    """Return what *level* is called in the log."""
    return {
        LogLevel.DEBUG: tr("detail"),
        LogLevel.INFO: tr("info"),
        LogLevel.WARNING: tr("warn"),
        LogLevel.ERROR: tr("error"),
    }[level]


def clock(time: datetime) -> str:
    """Return the time of day of *time* to the millisecond."""
    return f"{time:%H:%M:%S}.{time.microsecond // 1000:03d}"


def as_text(lines: Iterable[LogLine]) -> str:
    """Return *lines* as text, a line each, times in UTC, redacted once more as a whole."""
    rows = []
    for line in lines:
        request = f" [{line.request_id}]" if line.request_id else ""
        time = line.time.astimezone(UTC)
        rows.append(
            f"{time:%Y-%m-%dT}{clock(time)}Z {line.level.value:<7} {line.part:<10} {line.text}{request}\n"
        )
    return redact("".join(rows))


class LogModel(QAbstractTableModel):
    """All lines, of which those that pass the filter are rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[LogLine] = []
        self._first = 0  # number of _lines[0]; numbers stay when old lines are dropped
        self._visible: list[int] = []
        self._least = _RANK[LogLevel.INFO]
        self._search = ""
        self._requests_only = False

    @property
    def total(self) -> int:
        """How many lines there are, visible or not."""
        return len(self._lines)

    @property
    def lines(self) -> Sequence[LogLine]:
        """Every line that is kept."""
        return tuple(self._lines)

    def visible_line(self, row: int) -> LogLine:
        """Return the line shown in *row*."""
        return self._lines[self._visible[row] - self._first]

    def append(self, lines: Sequence[LogLine]) -> None:
        """Add *lines* at the end; the oldest go when there are too many."""
        if not lines:
            return
        start = self._first + len(self._lines)
        new = [start + place for place, line in enumerate(lines) if self._passes(line)]
        if new:
            rows = len(self._visible)
            self.beginInsertRows(QModelIndex(), rows, rows + len(new) - 1)
            self._lines.extend(lines)
            self._visible.extend(new)
            self.endInsertRows()
        else:
            self._lines.extend(lines)
        if len(self._lines) > _MOST:
            self._drop(len(self._lines) - _MOST + _DROP)

    def set_filter(self, *, least: LogLevel, search: str, requests_only: bool = False) -> None:
        """Show lines of at least this level that hold *search* (any case) anywhere."""
        self._least = _RANK[least]
        self._search = search.casefold().strip()
        self._requests_only = requests_only
        self.beginResetModel()
        self._visible = [number for number, line in enumerate(self._lines, self._first) if self._passes(line)]
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._visible)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(self.visible_line(index.row()), index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._ink(self.visible_line(index.row()), index.column())
        if role == Qt.ItemDataRole.ToolTipRole and index.column() in (Column.TEXT, Column.REQUEST):
            return self._cell(self.visible_line(index.row()), index.column())
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return (tr("Local time"), tr("UTC"), tr("Level"), tr("Part"), tr("What"), tr("Request id"))[section]

    def _passes(self, line: LogLine) -> bool:
        if _RANK[line.level] < self._least or (self._requests_only and not line.request_id):
            return False
        search = self._search
        return not search or (
            search in line.text.casefold() or search in line.part.casefold() or search in line.request_id
        )

    def _drop(self, count: int) -> None:
        first = self._first + count
        rows = bisect_left(self._visible, first)
        if rows:
            self.beginRemoveRows(QModelIndex(), 0, rows - 1)
        del self._visible[:rows]
        del self._lines[:count]
        self._first = first
        if rows:
            self.endRemoveRows()

    @staticmethod
    def _cell(line: LogLine, column: int) -> str:
        match column:
            case Column.LOCAL:
                return clock(line.time.astimezone())
            case Column.UTC:
                return clock(line.time.astimezone(UTC))
            case Column.LEVEL:
                return level_word(line.level)
            case Column.PART:
                return line.part
            case Column.TEXT:
                return line.text
        return line.request_id

    @staticmethod
    def _ink(line: LogLine, column: int) -> QColor | None:
        look = theme.tokens()
        if line.level is LogLevel.ERROR and column in (Column.LEVEL, Column.TEXT):
            return QColor(look.error)
        if line.level is LogLevel.WARNING and column in (Column.LEVEL, Column.TEXT):
            return QColor(look.warning)
        if column != Column.TEXT:
            return QColor(look.faint)
        return QColor(look.soft if line.level is LogLevel.DEBUG else look.ink)
