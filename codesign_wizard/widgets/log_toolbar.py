"""The line above the log: which lines are shown, and what can be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QBoxLayout, QButtonGroup, QWidget

from codesign_wizard import theme
from codesign_wizard.core.job import LogLevel
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import button, label, row
from codesign_wizard.widgets.labels import isolated
from codesign_wizard.widgets.search import SearchEdit

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_SEARCH_MS = 150
_REQUESTS = 3  # number of the pill that shows lines with a request id only


class LogToolbar(QWidget):
    """Pills, the search and the buttons; where both do not stand side by side, the buttons go below."""

    filtered = Signal()  # something else is to be shown

    def __init__(self) -> None:
        super().__init__()
        self.levels = QButtonGroup(self)
        self.levels.setExclusive(True)
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
            self.levels.addButton(pill, number)
            pills.append(pill)
        self.levels.idClicked.connect(lambda number: self.filtered.emit())
        self.search = SearchEdit()
        self.search.setPlaceholderText(tr("Search"))
        self.search.setAccessibleName(tr("Search the log"))
        self.search.setProperty("kind", "search")
        self.search.setMaximumWidth(px(190))
        self.search.setMinimumWidth(px(80))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SEARCH_MS)
        self._timer.timeout.connect(self.filtered)
        self.search.textChanged.connect(lambda text: self._timer.start())
        self.follow = button("", kind="flat")
        self.follow.setCheckable(True)
        self.follow.setAccessibleName(tr("Follow new lines"))
        self.follow.toggled.connect(self._say_following)
        self.folder = button("", kind="flat")
        self.say_folded(False)
        self.copy_all = button(tr("Copy all"), kind="flat")
        self.copy_all.setAccessibleName(tr("Copy the whole log, redacted"))
        self.copy_all.setToolTip(tr("The whole log; secrets are left out"))
        self.save = button(tr("Save…"), kind="flat")
        self.save.setAccessibleName(tr("Save the log to a file"))
        self.floater = button(tr("Float"), kind="flat")
        self.floater.setAccessibleName(tr("Show the log in a window of its own"))
        self.hider = button(tr("Hide"), kind="flat")
        self.hider.setAccessibleName(tr("Hide the log"))
        heading = label(tr("Log"), "heading", wrap=False)
        seeing = row(heading, 4, *pills, self.search, None, gap=6)
        doing = row(None, self.follow, self.folder, self.copy_all, self.save, self.floater, self.hider, gap=6)
        self._lines = seeing, doing
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.addLayout(seeing, 1)
        self._box.addLayout(doing)
        self._box.setSpacing(px(4))
        # a flat button's words stand in from its edge
        self._box.setContentsMargins(theme.margins(theme.MARGIN, 5, theme.MARGIN - 6, 5))

    @property
    def least(self) -> LogLevel:
        """The lowest level of the lines that are to be shown."""
        return {1: LogLevel.DEBUG, 2: LogLevel.WARNING, _REQUESTS: LogLevel.DEBUG}.get(
            self.levels.checkedId(), LogLevel.INFO
        )

    @property
    def requests_only(self) -> bool:
        """Whether only lines with a request id are to be shown."""
        return self.levels.checkedId() == _REQUESTS

    def show_requests(self) -> None:
        """Ask for every line with a request id, at once."""
        self.search.clear()
        self.levels.button(_REQUESTS).setChecked(True)
        self._timer.stop()
        self.filtered.emit()

    def say_folded(self, folded: bool) -> None:
        """Say what the button that folds every job does next."""
        self.folder.setText(tr("Unfold jobs") if folded else tr("Fold jobs"))
        self.folder.setAccessibleName(
            tr("Show every job's lines") if folded else tr("Fold every job to one line")
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < sum(line.minimumSize().width() for line in self._lines)
        self._box.setDirection(
            QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        )

    def _say_following(self, on: bool) -> None:
        self.follow.setText(isolated(tr("Following ✓") if on else tr("Follow")))
