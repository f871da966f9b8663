"""The permissions as a table: what is asked for, what for, and what is known of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from codesign_wizard import theme
from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Model, Permission, Purpose
from codesign_wizard.core.azure.permissions.report import Report, Row, State
from codesign_wizard.core.finding import Certainty
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px

Index = QModelIndex | QPersistentModelIndex

_MOST_ROWS = 11  # shown at a time
_SIGNS = {State.GRANTED: "✓", State.MISSING: "✕", State.LIKELY: "~", State.UNTESTABLE: "?"}


class Column(IntEnum):
    """The table's columns, left to right."""

    NAME = 0
    PURPOSE = 1
    STATE = 2


def short_name(permission: Permission) -> str:
    """Return the permission's name without what all of them have in common."""
    if permission.model is Model.RBAC:
        return permission.name.removeprefix(PREFIX)
    return f"{permission.kind}/{permission.name}"


def purpose_words(permission: Permission) -> str:
    """Return what the permission is needed for, in a few words."""
    if Purpose.SIGN in permission.purposes:
        return tr("sign a client")
    if Purpose.LIFE in permission.purposes:
        return tr("request, renew")
    if Purpose.DOCUMENTED in permission.purposes:
        return tr("documentation only")
    return tr("not asked for")


def state_words(row: Row) -> str:
    """Return sign and word for what is known; what is only likely says so."""
    if row.state is State.MISSING and row.certainty is Certainty.LIKELY:
        return f"{_SIGNS[State.LIKELY]} {tr('Likely missing')}"
    return signed(row.state)


def signed(state: State) -> str:
    """Return sign and word of *state*."""
    return f"{_SIGNS[state]} {state.words}"


def missing_rows(report: Report) -> list[Row]:
    """Return what is asked for and not known to be granted, what is missing first."""
    rank = {State.MISSING: 0, State.UNTESTABLE: 1, State.LIKELY: 2}
    wanted = [row for row in report.rows if row.permission.asked_for and row.state is not State.GRANTED]
    return sorted(wanted, key=lambda row: (rank[row.state], _need(row.permission)))


def _need(permission: Permission) -> int:
    """Return 0 for what signing needs, 1 for what the certificate's life needs, 2 for the rest."""
    needs = (Purpose.SIGN, Purpose.LIFE)
    return next((place for place, need in enumerate(needs) if need in permission.purposes), len(needs))


class MatrixModel(QAbstractTableModel):
    """Rows of the matrix."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown."""
        return tuple(self._rows)

    def set(self, rows: Sequence[Row]) -> None:
        """Show *rows* in place of the former ones."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self._rows) if parent is None or not parent.isValid() else 0

    def columnCount(self, parent: Index | None = None) -> int:
        return len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Permission"), tr("Needed to"), tr("State"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(row, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                # a screen reader meets one cell at a time: each names its line
                return f"{short_name(row.permission)}: {_text(row, column)}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.permission.group}: {row.permission.label}\n{row.permission.name}"
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(_ink(row, column))
            case Qt.ItemDataRole.FontRole:
                return theme.font(11.5, mono=True) if column == Column.NAME else _state_font(column)
        return None


def _text(row: Row, column: int) -> str:
    if column == Column.NAME:
        return short_name(row.permission)
    if column == Column.PURPOSE:
        return purpose_words(row.permission)
    # in few letters: the whole words stand below, with the evidence
    short = {State.UNTESTABLE: tr("Not testable"), State.LIKELY: tr("Likely")}.get(row.state)
    return f"{_SIGNS[row.state]} {short}" if short else state_words(row)


def _state_font(column: int) -> Any:
    return theme.font(bold=True) if column == Column.STATE else theme.font()


def _ink(row: Row, column: int) -> str:
    look = theme.tokens()
    if column != Column.STATE:
        return look.ink if column == Column.NAME else look.soft
    return {
        State.GRANTED: look.ok,
        State.MISSING: look.warning if row.certainty is Certainty.LIKELY else look.error,
        State.LIKELY: look.warning,
        State.UNTESTABLE: look.soft,
    }[row.state]


class _Delegate(QStyledItemDelegate):
    """Keeps the colour that says the state on the line that is chosen, too."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        palette = option.palette
        look = theme.tokens()
        ink = QColor(look.on_selection) if look.contrast else index.data(Qt.ItemDataRole.ForegroundRole)
        palette.setColor(QPalette.ColorRole.HighlightedText, ink)
        option.palette = palette


class Matrix(QTableView):
    """The table: as high as its rows, up to so many that what is said of one can stand below."""

    chosen = Signal(object)  # the Row

    def __init__(self) -> None:
        super().__init__()
        self.rows = MatrixModel(self)
        self._purpose = 0  # width of its column, in pixels
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        self.setProperty("role", "matrix")
        self.setAccessibleName(tr("Permissions"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setCornerButtonEnabled(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        numbers = self.verticalHeader()
        numbers.hide()
        numbers.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        numbers.setDefaultSectionSize(px(28))
        heads = self.horizontalHeader()
        heads.setHighlightSections(False)
        heads.setSectionsClickable(False)
        heads.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        heads.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        for column in (Column.PURPOSE, Column.STATE):
            heads.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self.selectionModel().currentRowChanged.connect(lambda now, before: self._tell(now.row()))

    def set(self, rows: Sequence[Row]) -> None:
        """Show *rows*, the first of them chosen; the one chosen before stays so if it is still there."""
        before = self.currentIndex().row()
        key = self.rows.rows[before].permission.key if 0 <= before < len(self.rows.rows) else ""
        self.rows.set(rows)
        heads = self.horizontalHeader()
        for column in (Column.PURPOSE, Column.STATE):
            # parts of a pixel count: a text that lacks one of them is cut by two letters
            metrics = QFontMetricsF(_state_font(column))
            longest = max((metrics.horizontalAdvance(_text(row, column)) for row in rows), default=0.0)
            width = max(math.ceil(longest) + px(18), heads.sectionSizeHint(column))
            heads.resizeSection(column, width)
            if column is Column.PURPOSE:
                self._purpose = width  # a hidden column has no width that could be asked for
        self._leave_out()
        self.setFixedHeight(self.sizeHint().height())
        places = [place for place, row in enumerate(rows) if row.permission.key == key]
        if rows:
            self._choose(places[0] if places else 0)

    def sizeHint(self) -> QSize:
        # what is not shown yet has not asked for its rows' heights either
        shown = min(len(self.rows.rows), _MOST_ROWS)
        # half a row more says that there are more
        half = px(14) if len(self.rows.rows) > shown else 0
        height = shown * px(28) + half + self.horizontalHeader().sizeHint().height() + 2
        return QSize(super().sizeHint().width(), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._leave_out()

    def _leave_out(self) -> None:
        """Leave out what a permission is needed for, where its name would be cut."""
        metrics = QFontMetricsF(theme.font(11.5, mono=True))
        name = max(
            (metrics.horizontalAdvance(short_name(row.permission)) for row in self.rows.rows), default=0
        )
        heads = self.horizontalHeader()
        needed = math.ceil(name) + px(18) + self._purpose + heads.sectionSize(Column.STATE)
        self.setColumnHidden(Column.PURPOSE, self.viewport().width() < needed)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.rows.rows:
            self._choose(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # at its ends the page may scroll on
        last = self.rows.rowCount() - 1
        place = self.currentIndex().row()
        leaving = (event.key() == Qt.Key.Key_Down and place >= last) or (
            event.key() == Qt.Key.Key_Up and place <= 0
        )
        if leaving:
            event.ignore()
            return
        super().keyPressEvent(event)

    def _choose(self, place: int) -> None:
        # not selectRow(): it takes the column at the table's edge, which there is none of yet right to left
        self.setCurrentIndex(self.rows.index(place, Column.NAME))

    def _tell(self, place: int) -> None:
        if 0 <= place < len(self.rows.rows):
            self.chosen.emit(self.rows.rows[place])
