"""The log with everything that works on it, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QTableView, QVBoxLayout, QWidget

from codesign_wizard.core.job import LogLine
from codesign_wizard.core.text import tr
from codesign_wizard.runner import Runner
from codesign_wizard.theme import px
from codesign_wizard.widgets.log_copies import LogCopies
from codesign_wizard.widgets.log_follow import Following
from codesign_wizard.widgets.log_frame import LogFrame
from codesign_wizard.widgets.log_model import Column, LogModel
from codesign_wizard.widgets.log_toolbar import LogToolbar
from codesign_wizard.widgets.log_view import LogView

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

_FLOOD = 100  # lines in a batch that nobody could read as they pass
_FLOOD_MS = 100


class LogPane(QWidget):
    """The table of the log below its bar."""

    request = Signal(str)  # a request id whose finding is asked for

    def __init__(self, runner: Runner, model: LogModel) -> None:
        super().__init__()
        self.setProperty("role", "log")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(px(320))  # the bar folds; its width must not hold the window
        self.model = model
        self.bar = LogToolbar()
        self.view = LogView(model)
        self.copies = LogCopies(runner, self.view, self.bar.copy_all)
        self._following = Following(self.view, self.bar.follow)
        self._all_folded = False
        self._painting = QTimer(self)
        self._painting.setSingleShot(True)
        self._painting.setInterval(_FLOOD_MS)
        self._painting.timeout.connect(lambda: self.view.viewport().setUpdatesEnabled(True))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.bar)
        box.addWidget(LogFrame(self.view), 1)
        self.bar.follow.setChecked(True)
        self.bar.filtered.connect(self._filter)
        self.bar.folder.clicked.connect(lambda: self._fold_all(not self._all_folded))
        self.bar.copy_all.clicked.connect(self.copies.copy_all)
        self.bar.save.clicked.connect(self.copies.ask_where)
        self.view.request.connect(self.request)
        self._action(tr("Copy the selected lines"), self.copies.copy_selected, QKeySequence.StandardKey.Copy)
        self._action(tr("Go to the finding"), lambda: self.view.ask_request(self.view.currentIndex().row()))
        self._action(tr("Fold or unfold the job"), lambda: self.view.toggle(self.view.currentIndex().row()))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        runner.lines.connect(self.add)

    def add(self, lines: Sequence[LogLine]) -> None:
        """Add a batch of lines; a flood is painted ten times a second, not with every batch."""
        if len(lines) > _FLOOD and not self._painting.isActive():
            self.view.viewport().setUpdatesEnabled(False)
            self._painting.start()
        with self._following.changing():
            self.model.append(lines)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._following.keep_up()

    def show_request(self, request_id: str) -> bool:
        """Show the last line of this request, whatever was filtered or folded; False when there is none."""
        if not self.model.has_request(request_id):
            return False
        row = self.model.show_request(request_id)
        if row < 0:
            self.bar.show_requests()
            row = self.model.show_request(request_id)
        self.bar.follow.setChecked(False)
        index = self.model.index(row, Column.TEXT)
        self.view.setCurrentIndex(index)  # selectRow() finds no column where the first one is at the right
        self.view.scrollTo(index, QTableView.ScrollHint.PositionAtCenter)
        self.bar.follow.setChecked(False)  # scrolled to the end, the log would follow again
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

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
        with self._following.changing():
            self.model.fold_all(folded)
        self.bar.say_folded(folded)

    def _filter(self) -> None:
        with self._following.changing():
            self.model.set_filter(
                least=self.bar.least, search=self.bar.search.text(), requests_only=self.bar.requests_only
            )
