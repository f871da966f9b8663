"""The log's lines as a table. 100,000 lines and more: an own index of the visible ones, appended in batches.

A proxy model would call Python for each row (0.8 s for 100,000); keeping the numbers of the visible lines
filters them in one pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from itertools import groupby
from operator import attrgetter
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from codesign_wizard import theme
from codesign_wizard.core.job import JobLabel, LogLevel, LogLine
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import tr

Index = QModelIndex | QPersistentModelIndex

_MOST = 200_000  # lines kept
_DROP = 20_000  # lines dropped at once when there are more
_SHORT_ID = 8  # characters of a request id where there is no room for all of them
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


class JobGroup:
    """The lines of one job, or (``job`` is ``None``) lines of no job that stand together."""

    __slots__ = ("began", "job", "last", "number", "rows", "worst")

    def __init__(self, number: int, job: JobLabel | None, began: datetime) -> None:
        self.number = number
        self.job = job
        self.began = began
        self.rows: list[int] = []  # numbers of the lines that pass the filter
        self.last = 0  # number of its last line, passing or not
        self.worst = 0  # rank of its worst line


class LogModel(QAbstractTableModel):
    """All lines, of which those that pass the filter are rows, each job's below a row of its own.

    A job's row folds its lines away. While something is searched for, everything found is shown, whatever is
    folded; what is folded then holds for this search only.
    """

    parts_grew = Signal()  # there is a line of a part that no line was of

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines: list[LogLine] = []
        self._first = 0  # number of _lines[0]; numbers stay when old lines are dropped
        self._visible: list[int] = []  # a row each: a line's number, or minus a group's
        self._groups: dict[int, JobGroup] = {}  # by number, in the order in which they began
        self._by_job: dict[JobLabel, JobGroup] = {}
        self._folded: set[JobLabel] = set()
        self._folded_here: set[JobLabel] = set()  # while something is searched for
        self._least = _RANK[LogLevel.INFO]
        self._search = ""
        self._requests_only = False
        self.short_ids = False  # whether request ids are shown by their first characters
        self.parts: set[str] = set()  # of the program, that lines were of
        self.explained: frozenset[str] = frozenset()  # request ids that a finding speaks of

    @property
    def total(self) -> int:
        """How many lines there are, visible or not."""
        return len(self._lines)

    @property
    def nothing(self) -> str:
        """Why there is no row though there are lines."""
        if self._search:
            return tr("No line matches.")
        if self._least == _RANK[LogLevel.INFO] and not self._requests_only:
            return tr("Only details so far: choose Details.")
        return tr("No line of this kind yet.")

    @property
    def lines(self) -> Sequence[LogLine]:
        """Every line that is kept, in the order in which they were logged."""
        return tuple(self._lines)

    def visible_line(self, row: int) -> LogLine:
        """Return the line shown in *row*, which is no job's."""
        return self._lines[self._visible[row] - self._first]

    def group(self, row: int) -> JobGroup | None:
        """Return the job whose row this is; ``None`` for a line's."""
        number = self._visible[row]
        return self._groups[-number] if number < 0 else None

    def lines_of(self, row: int) -> list[LogLine]:
        """Return what *row* stands for: its line, or the lines that its job folds away."""
        group = self.group(row)
        if group is None:
            return [self.visible_line(row)]
        return [self._lines[number - self._first] for number in group.rows] if self.is_folded(group) else []

    def is_folded(self, group: JobGroup) -> bool:
        """Tell whether the lines of *group* are folded away."""
        return group.job is not None and group.job in self._folding

    def append(self, lines: Sequence[LogLine]) -> None:
        """Add *lines*, each below its job's last one; the oldest go when there are too many."""
        for job, run in groupby(lines, attrgetter("job")):
            self._append(job, list(run))
        if not self.parts.issuperset(line.part for line in lines):
            self.parts.update(line.part for line in lines)
            self.parts_grew.emit()
        if len(self._lines) > _MOST:
            self._drop(len(self._lines) - _MOST + _DROP)

    def set_filter(self, *, least: LogLevel, search: str, requests_only: bool = False) -> None:
        """Show lines of at least this level that hold *search* (any case) anywhere."""
        self._least = _RANK[least]
        search = search.casefold().strip()
        if search != self._search:
            self._folded_here.clear()
        self._search = search
        self._requests_only = requests_only
        self._rebuild()

    def fold(self, row: int, folded: bool) -> None:
        """Fold away, or show again, the lines of the job whose row this is."""
        group = self.group(row)
        if group is None or group.job is None or self.is_folded(group) is folded:
            return
        first, last = row + 1, row + len(group.rows)
        if folded:
            self.beginRemoveRows(QModelIndex(), first, last)
            del self._visible[first : last + 1]
            self._folding.add(group.job)
            self.endRemoveRows()
        else:
            self.beginInsertRows(QModelIndex(), first, last)
            self._visible[first:first] = group.rows
            self._folding.discard(group.job)
            self.endInsertRows()
        self._row_changed(row)

    def fold_all(self, folded: bool) -> None:
        """Fold away, or show again, the lines of every job there is."""
        if folded:
            self._folding.update(self._by_job)
        else:
            self._folding.clear()
        self._rebuild()

    def header_of(self, row: int) -> int:
        """Return the row of the job that *row* belongs to, or -1 when it belongs to none."""
        group = self.group(row)
        if group is not None:
            return row
        job = self.visible_line(row).job
        return -1 if job is None else self._end_of(self._by_job[job]) - self._size(self._by_job[job])

    def show_request(self, request_id: str) -> int:
        """Return the row of the last line of this request, unfolded; -1 where no line passes the filter."""
        for place in range(len(self._lines) - 1, -1, -1):
            line = self._lines[place]
            if line.request_id == request_id and self._passes(line):
                if line.job is not None and line.job in self._folding:
                    group = self._by_job[line.job]
                    self.fold(self._end_of(group) - self._size(group), False)
                return self._visible.index(place + self._first)
        return -1

    def has_request(self, request_id: str) -> bool:
        """Tell whether any line, visible or not, is of this request."""
        return any(line.request_id == request_id for line in self._lines)

    def set_explained(self, request_ids: frozenset[str]) -> None:
        """Say of which requests a finding speaks: their ids lead there."""
        if request_ids != self.explained:
            self.explained = request_ids
            if self._visible:
                bottom = self.index(len(self._visible) - 1, Column.REQUEST)
                self.dataChanged.emit(self.index(0, Column.REQUEST), bottom)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._visible)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        group, column = self.group(index.row()), index.column()
        if group is not None:
            return self._header(group, column, role)
        if role == Qt.ItemDataRole.DisplayRole:
            text = self._cell(self.visible_line(index.row()), column)
            short = column == Column.REQUEST and self.short_ids and len(text) > _SHORT_ID
            return f"{text[:_SHORT_ID]}…" if short else text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            # whole, even where it is shown by its first characters
            return self._cell(self.visible_line(index.row()), column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._ink(self.visible_line(index.row()), column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(self.visible_line(index.row()), column)
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        return (tr("Local time"), tr("UTC"), tr("Level"), tr("Part"), tr("What"), tr("Request id"))[section]

    @property
    def _folding(self) -> set[JobLabel]:
        return self._folded_here if self._search else self._folded

    def _passes(self, line: LogLine) -> bool:
        if _RANK[line.level] < self._least or (self._requests_only and not line.request_id):
            return False
        search = self._search
        return not search or (
            search in line.text.casefold()
            or search in line.part.casefold()
            or search in line.request_id.casefold()
        )

    def _rebuild(self) -> None:
        self.beginResetModel()
        self._groups, self._by_job, self._visible = {}, {}, []
        start = self._first
        for job, run in groupby(self._lines, attrgetter("job")):
            lines = list(run)
            group = self._group_for(job, lines, start)
            group.rows += [number for number, line in enumerate(lines, start) if self._passes(line)]
            start += len(lines)
        for group in self._groups.values():
            if group.rows and group.job is not None:
                self._visible.append(-group.number)
            if not self.is_folded(group):
                self._visible += group.rows
        self.endResetModel()

    def _append(self, job: JobLabel | None, lines: list[LogLine]) -> None:
        start = self._first + len(self._lines)
        group = self._group_for(job, lines, start)
        passing = [number for number, line in enumerate(lines, start) if self._passes(line)]
        self._lines.extend(lines)
        if not passing:
            return
        end = self._end_of(group)
        new = [-group.number] if job is not None and not group.rows else []
        header = end - self._size(group)
        if not self.is_folded(group):
            new += passing
        if new:
            self.beginInsertRows(QModelIndex(), end, end + len(new) - 1)
            group.rows += passing
            self._visible[end:end] = new
            self.endInsertRows()
        else:
            group.rows += passing
        if job is not None:
            self._row_changed(header)

    def _group_for(self, job: JobLabel | None, lines: list[LogLine], start: int) -> JobGroup:
        last = next(reversed(self._groups.values()), None)
        group = last if job is None else self._by_job.get(job)
        if group is None or group.job != job:
            group = JobGroup(last.number + 1 if last is not None else 1, job, lines[0].time)
            self._groups[group.number] = group
            if job is not None:
                self._by_job[job] = group
        group.last = start + len(lines) - 1
        group.worst = max(group.worst, max(_RANK[line.level] for line in lines))
        return group

    def _size(self, group: JobGroup) -> int:
        if group.job is None or not group.rows:
            return len(group.rows)
        return 1 if self.is_folded(group) else 1 + len(group.rows)

    def _end_of(self, group: JobGroup) -> int:
        """Return the row after the last one of *group*: what still grows stands near the end."""
        end = len(self._visible)
        for other in reversed(self._groups.values()):
            if other is group:
                break
            end -= self._size(other)
        return end

    def _row_changed(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

    def _drop(self, count: int) -> None:
        first, row = self._first + count, 0
        for group in list(self._groups.values()):
            gone, size = bisect_left(group.rows, first), self._size(group)
            whole, lines = gone == len(group.rows), size - (group.job is not None and size > 0)
            # all of it with its header; or lines below the header; or, folded, only its count
            start, removed = (row, size) if whole else (row + size - lines, gone if lines else 0)
            if removed:
                self.beginRemoveRows(QModelIndex(), start, start + removed - 1)
                del self._visible[start : start + removed]
            del group.rows[:gone]
            if group.last < first:
                del self._groups[group.number]
                if group.job is not None:
                    del self._by_job[group.job]
            if removed:
                self.endRemoveRows()
            row += self._size(group)
        del self._lines[:count]
        self._first = first

    def _header(self, group: JobGroup, column: int, role: int) -> Any:
        assert group.job is not None
        if role == Qt.ItemDataRole.FontRole:
            return theme.font(11.5, bold=True) if column == Column.TEXT else None
        if role == Qt.ItemDataRole.BackgroundRole:
            return QColor(theme.tokens().sunken)
        if role == Qt.ItemDataRole.ForegroundRole:
            look = theme.tokens()
            if column == Column.LEVEL and group.worst >= _RANK[LogLevel.WARNING]:
                return QColor(look.error if group.worst == _RANK[LogLevel.ERROR] else look.warning)
            return QColor(look.ink if column == Column.TEXT else look.soft)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._header_cell(group, group.job, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == Column.TEXT:
            words = tr("{job}, folded") if self.is_folded(group) else tr("{job}, unfolded")
            return words.format(job=self._header_cell(group, group.job, column))
        return None

    @staticmethod
    def _header_cell(group: JobGroup, job: JobLabel, column: int) -> str:
        match column:
            case Column.LOCAL:
                return clock(group.began.astimezone())
            case Column.UTC:
                return clock(group.began.astimezone(UTC))
            case Column.LEVEL if group.worst >= _RANK[LogLevel.WARNING]:
                return level_word(list(LogLevel)[group.worst])
            case Column.TEXT:
                count = len(group.rows)
                lines = tr("1 line") if count == 1 else tr("{n} lines").format(n=count)
                return f"{job.name} · {lines}"
        return ""

    def _tip(self, line: LogLine, column: int) -> str | None:
        """Return the cell whole, and what has no room for a column of its own."""
        text = self._cell(line, column)
        match column:
            case Column.LOCAL:
                return f"{clock(line.time.astimezone(UTC))} {tr('UTC')}"
            case Column.TEXT:
                return f"{text}\n{line.request_id}" if line.request_id else text
            case Column.REQUEST if line.request_id in self.explained:
                return tr("{id}: go to its finding").format(id=line.request_id)
            case Column.REQUEST:
                return text
        return None

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

    def _ink(self, line: LogLine, column: int) -> QColor | None:
        look = theme.tokens()
        if column == Column.REQUEST and line.request_id in self.explained:
            return QColor(look.accent)
        if line.level is LogLevel.ERROR and column in (Column.LEVEL, Column.TEXT):
            return QColor(look.error)
        if line.level is LogLevel.WARNING and column in (Column.LEVEL, Column.TEXT):
            return QColor(look.warning)
        if column != Column.TEXT:
            return QColor(look.faint)
        return QColor(look.soft if line.level is LogLevel.DEBUG else look.ink)
