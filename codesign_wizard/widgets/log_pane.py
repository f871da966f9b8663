"""The log: level filter, search, follow, copy, save; in the window's dock or floating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QButtonGroup,
    QDockWidget,
    QFileDialog,
    QHeaderView,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.job import LogLevel, LogLine
from codesign_wizard.core.text import tr
from codesign_wizard.runner import Runner
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import announce, button, keep_ltr, label, row
from codesign_wizard.widgets.log_model import Column, Index, LogModel, as_text
from codesign_wizard.widgets.search import SearchEdit

_SEARCH_MS = 150
_FLOOD = 100  # lines in a batch that nobody could read as they pass
_FLOOD_MS = 100
_WHOLE, _SHORT = "0" * 36, "0" * 9  # a request id, and its first characters with the sign for more
_KEYPAD = Qt.KeyboardModifier.KeypadModifier
_FLAGS = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine)


class _Cells(QStyledItemDelegate):
    """A cell as plain text; what a line says stands a step in from its job's row, which has an arrow.

    Drawn from here, not by the style sheet's own way with cells, which takes twice as long: while a job logs
    much, all of them are drawn anew with every batch.
    """

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, LogModel)
        row, column = index.row(), index.column()
        group = model.group(row)
        look = theme.tokens()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or group is not None:
            painter.fillRect(option.rect, theme.ink(look.selection if chosen else look.sunken))
        indented = column == Column.TEXT and (group is not None or model.visible_line(row).job is not None)
        pad = px(6) + 3  # as far as the heads of the columns stand in
        room = option.rect.adjusted(pad + (px(16) if indented else 0), 0, -pad, 0)
        if indented and group is not None:
            box = QRectF(option.rect.left() + px(4), option.rect.top(), px(12), option.rect.height())
            theme.paint_chevron(painter, box, down=not model.is_folded(group), ink=look.soft)
        text = model.data(index)
        if not text:
            return
        own = model.data(index, Qt.ItemDataRole.FontRole)
        font = option.font if own is None else own
        ink = model.data(index, Qt.ItemDataRole.ForegroundRole)
        painter.setFont(font)
        painter.setPen(theme.ink(look.on_selection) if chosen or ink is None else ink)
        metrics = option.fontMetrics if own is None else QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, _FLAGS, shown)


class LogView(QTableView):
    """The table; copying takes the selected lines whole. Left and Right fold a job and show it again."""

    request = Signal(str)  # a request id whose finding is asked for

    def __init__(self, model: LogModel) -> None:
        super().__init__()
        self._model = model
        self.setModel(model)
        self.setItemDelegate(_Cells(self))
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Log lines"))
        keep_ltr(self)
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
        # the time is fixed-width text of which nothing may be cut off
        clock = QFontMetrics(theme.font(11.5, mono=True)).horizontalAdvance("00:00:00.000") + px(20)
        for column, width in ((0, clock), (1, clock), (2, px(64)), (3, px(92))):
            self.setColumnWidth(column, width)
        heads.setSectionResizeMode(Column.TEXT, QHeaderView.ResizeMode.Stretch)
        heads.setMinimumSectionSize(px(40))
        # where the local time is UTC, one column says it all
        self.setColumnHidden(Column.LOCAL, datetime.now().astimezone().utcoffset() == timedelta(0))

    def toggle(self, row: int) -> None:
        """Fold away the lines of the job that *row* belongs to, or show them again."""
        header = self._model.header_of(row) if row >= 0 else -1
        group = self._model.group(header) if header >= 0 else None
        if group is not None:
            folded = not self._model.is_folded(group)
            self._model.fold(header, folded)
            self._to(header)
            announce(self, tr("Folded") if folded else tr("Unfolded"))

    def ask_request(self, row: int) -> None:
        """Ask for the finding of the request that the line in *row* belongs to."""
        if row >= 0 and self._model.group(row) is None:
            request_id = self._model.visible_line(row).request_id
            if request_id:
                self.request.emit(request_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        if row < 0 or event.modifiers() not in (Qt.KeyboardModifier.NoModifier, _KEYPAD):
            super().keyPressEvent(event)
            return
        group = self._model.group(row)
        if key == Qt.Key.Key_Left and group is None and self._model.header_of(row) >= 0:
            self._to(self._model.header_of(row))
        elif group is not None and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            if self._model.is_folded(group) is (key == Qt.Key.Key_Right):
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
        if self._model.group(index.row()) is not None:
            self.toggle(index.row())
        elif self._leads(index):
            self.ask_request(index.row())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        index = self.indexAt(event.position().toPoint())
        hand = index.isValid() and (self._model.group(index.row()) is not None or self._leads(index))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def _leads(self, index: QModelIndex) -> bool:
        """Tell whether this is a request id that leads to a finding."""
        if index.column() != Column.REQUEST or self._model.group(index.row()) is not None:
            return False
        return self._model.visible_line(index.row()).request_id in self._model.explained

    def _to(self, row: int) -> None:
        index = self._model.index(row, Column.TEXT)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._model.total and not self._model.rowCount():
            painter = QPainter(self.viewport())
            painter.setFont(theme.font())
            painter.setPen(theme.ink(theme.tokens().soft))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self._model.nothing)
            painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.viewport().width()
        # whole where there is room for it beside the words; the tip, the search and copies have it anyway
        self._model.short_ids = width < px(1100)
        longest = _SHORT if self._model.short_ids else _WHOLE
        room = QFontMetrics(theme.font(11.5, mono=True)).horizontalAdvance(longest) + px(20)
        head = self.horizontalHeader().sectionSizeHint(Column.REQUEST)
        self.setColumnWidth(Column.REQUEST, max(room, head))
        self.setColumnHidden(Column.REQUEST, width < px(560))


class LogPane(QWidget):
    """The log with everything that works on it."""

    hide_asked = Signal()
    float_asked = Signal()
    request = Signal(str)  # a request id whose finding is asked for

    def __init__(self, runner: Runner, model: LogModel) -> None:
        super().__init__()
        self.setProperty("role", "log")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._runner = runner
        self._moving = False  # whether the program scrolls, not the person
        self.model = model
        self.view = LogView(self.model)
        self._levels = QButtonGroup(self)
        self._levels.setExclusive(True)
        pills: list[QWidget | int | None] = []
        for number, (text, name) in enumerate(
            (
                (tr("All"), tr("Show all lines")),
                (tr("Details"), tr("Show all lines and details")),
                (tr("Warnings"), tr("Show warnings and errors only")),
                (tr("Requests"), tr("Show lines with a request id only")),
            )
        ):
            pill = button(text, kind="pill")
            pill.setCheckable(True)
            pill.setAccessibleName(name)
            pill.setChecked(number == 0)
            self._levels.addButton(pill, number)
            pills.append(pill)
        self._levels.idClicked.connect(lambda number: self._filter())
        self.search = SearchEdit()
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search the log"))
        self.search.setProperty("kind", "search")
        self.search.setMaximumWidth(px(190))
        self.search.setMinimumWidth(px(80))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SEARCH_MS)
        self._timer.timeout.connect(self._filter)
        self.search.textChanged.connect(lambda text: self._timer.start())
        self._painting = QTimer(self)
        self._painting.setSingleShot(True)
        self._painting.setInterval(_FLOOD_MS)
        self._painting.timeout.connect(lambda: self.view.viewport().setUpdatesEnabled(True))
        self.follow = button("", kind="flat")
        self.follow.setCheckable(True)
        self.follow.setAccessibleName(tr("Follow new lines"))
        self.follow.toggled.connect(self._follow_changed)
        self.folder = button(tr("Fold jobs"), lambda: self._fold_all(not self._all_folded), "flat")
        self.folder.setAccessibleName(tr("Fold every job to one line"))
        self._all_folded = False
        self.copy_all = button(tr("Copy all"), self._copy_all, "flat")
        self.copy_all.setAccessibleName(tr("Copy the whole log, redacted"))
        self.copy_all.setToolTip(tr("The whole log; secrets are left out"))
        self.save = button(tr("Save…"), self._ask_where, "flat")
        self.save.setAccessibleName(tr("Save the log to a file"))
        self.floater = button(tr("Float"), self.float_asked.emit, "flat")
        self.floater.setAccessibleName(tr("Show the log in a window of its own"))
        self.hider = button(tr("Hide"), self.hide_asked.emit, "flat")
        self.hider.setAccessibleName(tr("Hide the log"))
        heading = label(tr("Log"), "heading", wrap=False)
        seeing = row(heading, 4, *pills, self.search, None, gap=6)
        doing = row(None, self.follow, self.folder, self.copy_all, self.save, self.floater, self.hider, gap=6)
        self._bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._one_line, self._other_line = seeing, doing
        self._bar.addLayout(seeing, 1)
        self._bar.addLayout(doing)
        self._bar.setSpacing(px(4))
        self._bar.setContentsMargins(px(theme.MARGIN), px(5), px(theme.MARGIN) - px(6), px(5))
        self.setMinimumWidth(px(320))  # the bar folds; its width must not hold the window
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(self._bar)
        table = row(self.view)
        table.setContentsMargins(px(theme.MARGIN) - px(9), 0, 0, 0)
        box.addLayout(table, 1)
        self.follow.setChecked(True)
        self.view.request.connect(self.request)
        self._action(tr("Copy the selected lines"), self.copy_selected, QKeySequence.StandardKey.Copy)
        self._action(tr("Go to the finding"), lambda: self.view.ask_request(self.view.currentIndex().row()))
        self._action(tr("Fold or unfold the job"), lambda: self.view.toggle(self.view.currentIndex().row()))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.view.verticalScrollBar().valueChanged.connect(self._scrolled)
        runner.lines.connect(self.add)

    def add(self, lines: Sequence[LogLine]) -> None:
        """Add a batch of lines; a flood is painted ten times a second, not with every batch."""
        if len(lines) > _FLOOD and not self._painting.isActive():
            self.view.viewport().setUpdatesEnabled(False)
            self._painting.start()
        self._moving = True
        self.model.append(lines)
        self._moving = False
        if self.follow.isChecked():
            self._to_end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < self._one_line.minimumSize().width() + self._other_line.minimumSize().width()
        self._bar.setDirection(
            QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.follow.isChecked():
            self._to_end()

    def show_request(self, request_id: str) -> bool:
        """Show the last line of this request, whatever was filtered or folded; False when there is none."""
        if not self.model.has_request(request_id):
            return False
        row = self.model.show_request(request_id)
        if row < 0:
            self.search.clear()
            self._levels.button(3).setChecked(True)
            self._timer.stop()
            self._filter()
            row = self.model.show_request(request_id)
        self.follow.setChecked(False)
        self.view.selectRow(row)
        self.view.scrollTo(self.model.index(row, Column.TEXT), QTableView.ScrollHint.PositionAtCenter)
        self.follow.setChecked(False)  # scrolled to the end, the log would follow again
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def copy_selected(self) -> None:
        """Copy the selected lines as text, in their order; a folded job's row stands for all of its lines."""
        selection: QItemSelectionModel = self.view.selectionModel()
        rows = sorted({index.row() for index in selection.selectedRows()})
        if rows:
            self._put(as_text(line for number in rows for line in self.model.lines_of(number)))

    def save_to(self, path: Path) -> None:
        """Write every line to *path*, on a thread."""
        lines = self.model.lines
        task = self._runner.start(
            lambda job: write_atomic(path, as_text(lines).encode()), tr("Saving the log"), quiet=True
        )
        task.done.connect(lambda result: announce(self, tr("The log was saved.")))

    def _action(
        self, text: str, work: Callable[[], object], key: QKeySequence.StandardKey | None = None
    ) -> None:
        action = QAction(text, self.view)
        if key is not None:
            action.setShortcut(key)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda: work())
        self.view.addAction(action)

    def _fold_all(self, folded: bool) -> None:
        self._all_folded = folded
        self._moving = True
        self.model.fold_all(folded)
        self._moving = False
        self.folder.setText(tr("Unfold jobs") if folded else tr("Fold jobs"))
        self.folder.setAccessibleName(
            tr("Show every job's lines") if folded else tr("Fold every job to one line")
        )
        if self.follow.isChecked():
            self._to_end()

    def _copy_all(self) -> None:
        lines = self.model.lines
        task = self._runner.start(lambda job: as_text(lines), tr("Collecting the log"), quiet=True)
        task.done.connect(self._put)

    def _put(self, text: str) -> None:
        clipboard = QGuiApplication.clipboard()
        clipboard.setText(text)
        if clipboard.text() == text:
            said = tr("Copied ✓")
            announce(self, tr("The lines were copied."))
        else:
            said = tr("Not copied")
        self._flash(self.copy_all, said, tr("Copy all"))

    def _flash(self, where: QPushButton, text: str, after: str) -> None:
        where.setText(text)
        QTimer.singleShot(2000, where, lambda: where.setText(after))

    def _ask_where(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the log"), "codesign-wizard.log", "*.log")
        if path:
            self.save_to(Path(path))

    def _filter(self) -> None:
        least = {1: LogLevel.DEBUG, 2: LogLevel.WARNING}.get(self._levels.checkedId(), LogLevel.INFO)
        if self._levels.checkedId() == 3:
            least = LogLevel.DEBUG
        self._moving = True
        self.model.set_filter(
            least=least, search=self.search.text(), requests_only=self._levels.checkedId() == 3
        )
        self._moving = False
        if self.follow.isChecked():
            self._to_end()

    def _follow_changed(self, on: bool) -> None:
        self.follow.setText(tr("Following ✓") if on else tr("Follow"))
        if on:
            self._to_end()

    def _scrolled(self, value: int) -> None:
        # scrolling up holds the log, scrolling to its end follows again
        if not self._moving:
            self.follow.setChecked(value >= self.view.verticalScrollBar().maximum())

    def _to_end(self) -> None:
        self._moving = True
        self.view.scrollToBottom()
        self._moving = False


class LogDock(QDockWidget):
    """The log's dock: no title while docked, the system's own frame while floating."""

    def __init__(self, pane: LogPane) -> None:
        super().__init__(tr("Log"))
        self.setObjectName("log")
        self.setWidget(pane)
        self._none = QWidget()
        self.setTitleBarWidget(self._none)
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea)
        pane.hide_asked.connect(self.hide)
        pane.float_asked.connect(lambda: self.setFloating(not self.isFloating()))
        self.topLevelChanged.connect(self._dressed)

    def _dressed(self, floating: bool) -> None:
        self.setTitleBarWidget(None if floating else self._none)  # type: ignore[arg-type]  # None is Qt's default bar
        pane = self.widget()
        if isinstance(pane, LogPane):
            pane.floater.setText(tr("Dock") if floating else tr("Float"))
