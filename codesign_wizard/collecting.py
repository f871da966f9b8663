"""Python's collector of cycles, kept to the thread that Qt's objects belong to.

It runs on whichever thread happens to allocate, and would destroy there what a page left behind: a timer or
a widget destroyed on another thread than its own ends the process (doc.qt.io/qt-6/threads-qobject.html).
"""

from __future__ import annotations

import gc
import time
from typing import ClassVar

from PySide6.QtCore import QObject, QTimer

_EVERY_MS = 500
_OLDEST = 2  # of the three generations
_LONG_S = 60  # without more than the youngest generation
_FULL_S = 300  # without the oldest one


class Collector(QObject):
    """Collects on the thread that makes it, as often as Python would have; nobody else does from then on.

    While jobs run, which is when the window has most to do, only what is young is looked at: the oldest
    generation takes 0.05 s, in which nothing else happens. It has its turn when they have ended, and every
    few minutes of a job that lasts: Apple's notary may take an hour.
    """

    busy: ClassVar[bool] = False  # whether jobs run

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._since = time.monotonic()  # when more than the youngest generation was collected
        self._full = self._since  # when the oldest one was
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
        if not due:
            return
        oldest, now = due[-1], time.monotonic()
        if now - self._full > _FULL_S:
            oldest = _OLDEST
        elif self.busy:
            oldest = min(oldest, 1 if now - self._since > _LONG_S else 0)
        if oldest:
            self._since = now
        if oldest == _OLDEST:
            self._full = now
        gc.collect(oldest)
