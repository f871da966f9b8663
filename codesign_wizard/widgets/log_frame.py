"""Where the log's table stands in its pane: within the page's margins, and as high as whole rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QSizePolicy, QTableView, QWidget

from codesign_wizard import theme
from codesign_wizard.theme import px

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent, QShowEvent


class LogFrame(QWidget):
    """Holds the table; its bar for scrolling stands in the margin, so that the columns end where pages do."""

    def __init__(self, view: QTableView) -> None:
        super().__init__()
        self._view = view
        view.setParent(self)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        view.verticalScrollBar().rangeChanged.connect(self._place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place()

    def _place(self) -> None:
        view, bar = self._view, self._view.verticalScrollBar()
        inside = view.contentsRect()
        frame = inside.left()
        scrolls = bar.sizeHint().width() if bar.maximum() > bar.minimum() else 0
        width = self.width() - 2 * px(theme.MARGIN) + 2 * frame + scrolls
        above = view.height() - inside.height() + view.horizontalHeader().sizeHint().height()
        row = view.verticalHeader().defaultSectionSize()
        height = above + max(1, (self.height() - above) // row) * row
        box = QRect(px(theme.MARGIN) - frame, 0, width, height)
        view.setGeometry(theme.placed(self, box.toRectF()).toRect())
