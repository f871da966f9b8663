"""Python's collector of cycles, kept to the thread that Qt's objects belong to.

It runs on whichever thread happens to allocate, and would destroy there what a page left behind: a timer or
a widget destroyed on another thread than its own ends the process (doc.qt.io/qt-6/threads-qobject.html).
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 500


class Collector(QObject):
    """Collects on the thread that makes it, as often as Python would have; nobody else does from then on."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation whose time has come, by the interpreter's own thresholds."""
        due = [
            each
            for each, (count, limit) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True))
            if limit and count > limit
        ]
        if due:
            gc.collect(due[-1])
