"""Lets a page find its height before it is painted.

Showing a part of a page lays the page out at once, in the height that it still has, and Qt makes the page
higher only when it comes to the request for that: in between lies a paint, in which all cards are squeezed
into the window for as long as the next job's answer takes. So the page is asked before each paint.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QScrollArea, QWidget

_PASSES = 4  # text that is given another width wants another height
_PAINT = QEvent.Type.UpdateRequest


class Settling(QObject):
    """Settles the page of *window* that *page* returns, whenever the window is about to be painted.

    What it gives may be taken back, which asks for a paint again: after some times in a row it lets that be.
    """

    def __init__(self, window: QWidget, page: Callable[[], QScrollArea | None]) -> None:
        super().__init__(window)
        self._page = page
        self._given = 0  # times in a row
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is _PAINT:
            page = self._page()
            if page is None or _lacking(page) is None:
                self._given = 0
            elif self._given < _PASSES:
                self._given += 1
                settle(page)
        return False


def settle(page: QScrollArea) -> None:
    """Give what *page* scrolls the height that it needs, if it has less."""
    for _ in range(_PASSES):
        lacking = _lacking(page)
        if lacking is None:
            return
        content, needed = lacking
        content.resize(content.width(), needed)


def _lacking(page: QScrollArea) -> tuple[QWidget, int] | None:
    """Return the content of *page* and the height that it needs, ``None`` where it has that."""
    content: QWidget | None = page.widget()
    layout = content.layout() if content is not None else None
    if content is None or layout is None or not content.isVisible():
        return None
    needed = layout.totalHeightForWidth(content.width())
    return (content, needed) if content.height() < needed else None
