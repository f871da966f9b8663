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
# the roles of labels that say a state
STATE_ROLES = {
    State.GRANTED: "ok",
    State.MISSING: "error",
    State.LIKELY: "warning",
    State.UNTESTABLE: "soft",
}


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


def state_role(row: Row) -> str:
    """Return the role of a label that says the state: its colour is that of the table."""
    if row.state is State.MISSING and row.certainty is Certainty.LIKELY:
        return "warning"
    return STATE_ROLES[row.state]


def grouped(rows: Sequence[Row]) -> list[Row | str]:
    """Return *rows* below the portal's headings, or the roles', each with how many of them are granted."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.permission.group, []).append(row)
    lines: list[Row | str] = []
    for group, held in groups.items():
        granted = sum(row.state is State.GRANTED for row in held)
        lines.append(tr("{group}: {n} of {m} granted").format(group=group, n=granted, m=len(held)))
        lines += held
    return lines


def missing_rows(report: Report) -> list[Row]:
    """Return what is asked for and missing, what signing needs first."""
    return _asked_for(report, State.MISSING)


def uncertain_rows(report: Report) -> list[Row]:
    """Return what is asked for and neither missing nor known to be granted, untestable first."""
    return [*_asked_for(report, State.UNTESTABLE), *_asked_for(report, State.LIKELY)]


def _asked_for(report: Report, state: State) -> list[Row]:
    found = [row for row in report.rows if row.permission.asked_for and row.state is state]
    return sorted(found, key=lambda row: _need(row.permission))


def _need(permission: Permission) -> int:
    """Return 0 for what signing needs, 1 for what the certificate's life needs, 2 for the rest."""
    needs = (Purpose.SIGN, Purpose.LIFE)
    return next((place for place, need in enumerate(needs) if need in permission.purposes), len(needs))


class MatrixModel(QAbstractTableModel):
    """Lines of the matrix: a permission each, and the headings above some of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[Row | str] = []

    @property
    def rows(self) -> Sequence[Row]:
        """The permissions that are shown, without the headings."""
        return tuple(line for line in self.lines if not isinstance(line, str))

    def row(self, place: int) -> Row | None:
        """Return the permission in the line *place*; ``None`` for a heading, and where there is no line."""
        line = self.lines[place] if 0 <= place < len(self.lines) else ""
        return None if isinstance(line, str) else line

    def set(self, lines: Sequence[Row | str]) -> None:
        """Show *lines* in place of the former ones."""
        self.beginResetModel()
        self.lines = list(lines)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self.lines) if parent is None or not parent.isValid() else 0

    def flags(self, index: Index) -> Qt.ItemFlag:
        # arrow keys pass over a heading
        return Qt.ItemFlag.NoItemFlags if self.row(index.row()) is None else super().flags(index)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (tr("Permission"), tr("Needed to"), tr("State"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.lines[index.row()], index.column()
        if isinstance(row, str):
            return _heading(row, role) if column == Column.NAME else None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(row, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return _spoken(row, column)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.permission.group}: {row.permission.label}\n{row.permission.name}"
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(_ink(row, column))
            case Qt.ItemDataRole.FontRole:
                return theme.font(11.5, mono=True) if column == Column.NAME else _state_font(column)
        return None


def _heading(text: str, role: int) -> Any:
    match role:
        case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
            return text
        case Qt.ItemDataRole.ForegroundRole:
            return QColor(theme.tokens().soft)
        case Qt.ItemDataRole.FontRole:
            return theme.font(11.5, bold=True)
    return None


def _text(row: Row, column: int) -> str:
    if column == Column.NAME:
        return short_name(row.permission)
    if column == Column.PURPOSE:
        return purpose_words(row.permission)
    # in few letters: the whole words stand below, with the evidence
    short = {State.UNTESTABLE: tr("Not testable"), State.LIKELY: tr("Likely")}.get(row.state)
    return f"{_SIGNS[row.state]} {short}" if short else state_words(row)


def _spoken(row: Row, column: int) -> str:
    """Return what a screen reader says of a cell: it meets one at a time, up and down those of the names."""
    name, state = short_name(row.permission), state_words(row).partition(" ")[2]
    if column == Column.NAME:
        return f"{name}: {state}, {purpose_words(row.permission)}"
    return f"{name}: {state if column == Column.STATE else purpose_words(row.permission)}"


def _state_font(column: int) -> Any:
    return theme.font(bold=True) if column == Column.STATE else theme.font()


def _ink(row: Row, column: int) -> str:
    look = theme.tokens()
    if column != Column.STATE:
        return look.ink if column == Column.NAME else look.soft
    return str(getattr(look, state_role(row)))


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

    def set(self, lines: Sequence[Row | str]) -> None:
        """Show *lines*, rows and headings, the first row chosen.

        The one that was chosen before stays so if it is still there.
        """
        before = self.rows.row(self.currentIndex().row())
        key = before.permission.key if before is not None else ""
        self.clearSpans()
        self.rows.set(lines)
        for place, line in enumerate(lines):
            if isinstance(line, str):
                self.setSpan(place, 0, 1, len(Column))
        rows = self.rows.rows
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
        places = self._places()
        again = [place for place in places if (row := self.rows.row(place)) and row.permission.key == key]
        if places:
            self._choose((again or places)[0])

    def _places(self) -> list[int]:
        """Return the lines that are no headings."""
        return [place for place in range(self.rows.rowCount()) if self.rows.row(place) is not None]

    def sizeHint(self) -> QSize:
        # what is not shown yet has not asked for its rows' heights either
        shown = min(self.rows.rowCount(), _MOST_ROWS)
        # half a row more says that there are more
        half = px(14) if self.rows.rowCount() > shown else 0
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
            self._choose(self._places()[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # at its ends the page may scroll on
        places, place = self._places(), self.currentIndex().row()
        leaving = (event.key() == Qt.Key.Key_Down and place >= max(places, default=0)) or (
            event.key() == Qt.Key.Key_Up and place <= min(places, default=0)
        )
        if leaving:
            event.ignore()
            return
        super().keyPressEvent(event)

    def _choose(self, place: int) -> None:
        # not selectRow(): it takes the column at the table's edge, which there is none of yet right to left
        self.setCurrentIndex(self.rows.index(place, Column.NAME))

    def _tell(self, place: int) -> None:
        row = self.rows.row(place)
        if row is None:
            return
        if place and self.rows.row(place - 1) is None:
            # its heading comes into view with it: there is no other way to it by the keyboard
            self.scrollTo(self.rows.index(place - 1, Column.NAME))
        self.chosen.emit(row)
