"""Imports what the pages need, and makes them, while the person looks at the first one.

An import takes the window's thread for as long as it lasts, and a page has dozens: in the first trial of a
run they made half of the window's longest pause. So what has nothing of Qt is imported on a thread. The pages
themselves follow on the window's thread, one a turn: Qt's side must not be making a class on another thread
while the window looks classes up. Then the pages are made, one a turn as well, and not while a job runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

from codesign_wizard.core import turns

AFTER_MS = 1000
_BETWEEN_MS = 20
_REST_MS = 60
# what the pages import, and these in turn the rest of it; then what they import only once they are used
WORK = (
    "codesign_wizard.playing",
    "codesign_wizard.core.inspect_words",
    "codesign_wizard.core.needs",
    "codesign_wizard.core.report_open",
    "codesign_wizard.core.windows_results",
    "codesign_wizard.core.apple.identity_work",
    "codesign_wizard.core.apple.identity_words",
    "codesign_wizard.core.apple.key_work",
    "codesign_wizard.core.apple.later_words",
    "codesign_wizard.core.apple.level_words",
    "codesign_wizard.core.apple.trial_words",
    "codesign_wizard.core.authenticode.checks",
    "codesign_wizard.core.azure.permissions.ahead",
    "codesign_wizard.core.certificates.ahead",
    "codesign_wizard.core.certificates.desk",
    "codesign_wizard.core.certificates.desk_words",
    "codesign_wizard.core.certificates.kept",
    "codesign_wizard.core.certificates.subject_checks",
    "codesign_wizard.core.comet.work",
    "codesign_wizard.core.comet.words",
    "codesign_wizard.core.azure.options",
    "codesign_wizard.core.locked",
    "codesign_wizard.core.macos_trial_state",
    "codesign_wizard.core.apple.submissions",
)
_LATER = ("codesign_wizard.widgets.order", "codesign_wizard.widgets.spoken")  # of Qt's, once a page stands


class Ahead(QObject):
    """Imports the modules *pages*, and what they use, a moment after it was made.

    Then it calls *prepare* until that says that it had nothing left to make; *busy* tells when not to. The
    thread is waited for at the program's end, which therefore tells it to ``stop``.
    """

    def __init__(
        self, pages: Iterable[str], prepare: Callable[[], bool], busy: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._pages = [*pages, *_LATER]
        self._prepare = prepare
        self._busy = busy
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=_import, args=(WORK, self._stopped), name="ahead")
        self._turn = QTimer(self)
        self._turn.timeout.connect(self._next)
        self._started = False
        QTimer.singleShot(AFTER_MS, self, self._start)

    def stop(self) -> None:
        """Import and make nothing further."""
        self._stopped.set()
        self._turn.stop()

    def again(self) -> None:
        """Make the pages anew: those that were made are gone."""
        if self._started and not self._stopped.is_set():
            self._turn.start(_BETWEEN_MS)

    def _start(self) -> None:
        if not self._stopped.is_set():
            self._started = True
            self._thread.start()
            self._turn.start(_BETWEEN_MS)

    def _next(self) -> None:
        if self._thread.is_alive():
            return
        if self._pages:
            import_module(self._pages.pop(0))
            return
        self._turn.setInterval(_REST_MS)  # a page takes longer to make: whoever types meanwhile goes first
        if not self._busy() and not self._prepare():
            self._turn.stop()


def _import(names: Iterable[str], stopped: threading.Event) -> None:
    for name in names:
        if stopped.is_set():
            return
        turns.give_way()
        import_module(name)
