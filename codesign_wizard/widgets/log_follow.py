"""Following: the log's end stays in sight while lines come, until a person scrolls away from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QAbstractButton

from codesign_wizard.widgets.log_view import LogView


class Following(QObject):
    """Keeps the last row of *view* in sight while *switch* is on; scrolling sets the switch."""

    def __init__(self, view: LogView, switch: QAbstractButton) -> None:
        super().__init__(view)
        self._view = view
        self._switch = switch
        self._bar = view.verticalScrollBar()
        self._moving = False  # whether the program scrolls, not the person
        switch.toggled.connect(self.keep_up)
        self._bar.valueChanged.connect(self._scrolled)
        view.resized.connect(self.keep_up)  # the end is elsewhere then

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While the program changes the rows: what moves then was not scrolled by anybody."""
        self._moving = True
        try:
            yield
        finally:
            self._moving = False
        self.keep_up()

    def keep_up(self) -> None:
        """Show the end, if it is followed."""
        if self._switch.isChecked():
            self._moving = True
            self._view.scrollToBottom()
            self._moving = False

    def _scrolled(self, value: int) -> None:
        # scrolling up holds the log, scrolling to its end follows again
        if not self._moving:
            self._switch.setChecked(value >= self._bar.maximum())
