"""Imports what the pages need while the person looks at the first one.

An import takes the window's thread for as long as it lasts, and a page has dozens: in the first trial of a
run they made half of the window's longest pause.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

from codesign_wizard.core import turns

AFTER_MS = 1000
# what the pages import only once they are used
_LATER = (
    "codesign_wizard.widgets.order",
    "codesign_wizard.core.azure",
    "codesign_wizard.core.azure.options",
    "codesign_wizard.core.files",
    "codesign_wizard.core.locked",
    "codesign_wizard.core.macos_trial_state",
    "codesign_wizard.core.apple.submissions",
)


class Ahead(QObject):
    """Imports *pages*, and what they use later, on a thread of its own, a moment after it was made.

    The thread is waited for at the program's end, which therefore tells it to ``stop``: a thread that is in
    an import then would be ended within Qt's own code.
    """

    def __init__(self, pages: Iterable[str], parent: QObject) -> None:
        super().__init__(parent)
        self._names = (*pages, *_LATER)
        self._stopped = threading.Event()
        QTimer.singleShot(AFTER_MS, self, self._start)

    def stop(self) -> None:
        """Import no further module."""
        self._stopped.set()

    def _start(self) -> None:
        if not self._stopped.is_set():
            threading.Thread(target=_import, args=(self._names, self._stopped), name="ahead").start()


def _import(names: Iterable[str], stopped: threading.Event) -> None:
    for name in names:
        if stopped.is_set():
            return
        turns.give_way()
        import_module(name)
