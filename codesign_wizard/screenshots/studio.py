"""The studio: opens windows on practice accounts or on a person's own profiles, and photographs them.

Everything shown comes from the practice cloud and from folders that are removed afterwards; no picture holds
a secret, because no page ever shows one. The names of the files do not depend on the run.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt

from codesign_wizard import app as wizard
from codesign_wizard import theme
from codesign_wizard.core.flow import START, STEPS
from codesign_wizard.core.language import use_language
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.core.text import tr
from codesign_wizard.opening import open_session
from codesign_wizard.overrides import Overrides
from codesign_wizard.screenshots.looks import LOOKS, Look
from codesign_wizard.screenshots.measuring import clipped, overlapping
from codesign_wizard.session import Session
from codesign_wizard.theme.contrast import contrast_palette

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from codesign_wizard.core.job import StageState
    from codesign_wizard.window import MainWindow

_PATIENCE_S = 600.0  # for a busy machine
_QUICK_S = 3.0  # time-out for servers that are down on purpose
_PNG_QUALITY = 80  # of 100: little packed, in a third of the time


class NotTaken(Exception):
    """A picture could not be taken or written; the text says which and why."""


class Studio:
    """Takes the pictures: opens windows, waits for them, photographs them in each scheme and size."""

    def __init__(self, app: QApplication, folder: Path, scratch: Path) -> None:
        self.app = app
        self.folder = folder
        self.scratch = scratch
        self.written: list[Path] = []
        self.cut: dict[str, list[str]] = {}  # what has not the room it needs, and the pictures that show it
        self.look = LOOKS["normal"]
        self._scheme = ""

    def dress(self, look: Look) -> None:
        """Show what follows as *look* says; windows that are open stay as they are."""
        self.look = look
        use_language(look.language)
        way = Qt.LayoutDirection.RightToLeft if look.mirrored else Qt.LayoutDirection.LeftToRight
        self.app.setLayoutDirection(way)
        self._apply(self._scheme if self._scheme in look.schemes else look.schemes[0])

    def _apply(self, scheme: str) -> None:
        dark = scheme == "dark"
        theme.apply(
            self.app,
            Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light,
            scale=self.look.scale,
            contrast=contrast_palette(dark=dark) if self.look.contrast else None,
        )
        self._scheme = scheme

    @contextmanager
    def window(self, session: Session) -> Iterator[MainWindow]:
        """Open the wizard on *session*; it is closed, with all that runs, at the end."""
        # its path stands in pictures, and nothing is to stay of it
        output = self.scratch / "Codesign Wizard" / session.profile.id
        session.output_folder = lambda: output  # type: ignore[method-assign]  # for this one session only
        window = wizard.build_window(session, open_practice=lambda: session)
        window.show()
        try:
            yield window
        finally:
            window.close()
            self.wait(lambda: not window.isVisible(), tr("the window to close"))
            window.deleteLater()
            self._settle()

    @contextmanager
    def practice(self, scenario: str | None = None, *, page: str = START) -> Iterator[MainWindow]:
        """Open the wizard on practice accounts, on the step *page*."""
        overrides = Overrides(timeout=_QUICK_S if scenario == "all-timestamps-down" else None)
        with open_session(practice=True, scenario=scenario, overrides=overrides) as session:
            session.profile.page = page
            session.profile.macos_wanted = session.profile.server_wanted = True
            ways = [step.key for step in STEPS]
            session.profile.reached = ways[: ways.index(page) + 1]
            with self.window(session) as window:
                yield window

    @contextmanager
    def own(self, *profiles: Profile, page: str = START) -> Iterator[MainWindow]:
        """Open the wizard on the first of *profiles*, as on a person's own accounts."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            store = ProfileStore(Path(folder))
            for profile in profiles:
                store.save(profile)
            profiles[0].page = page
            with self.window(Session(profiles[0], store, secrets=MemoryStore())) as window:
                yield window

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Let the window live until *until* holds; raises ``NotTaken`` when it never does."""
        end = time.monotonic() + _PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise NotTaken(tr("Waiting for {what} took too long.").format(what=what))
            self.app.processEvents()
            time.sleep(0.01)

    def idle(self, window: MainWindow) -> None:
        """Wait until nothing is under way."""
        self.wait(lambda: not window.runner.tasks, tr("the work to end"))

    @contextmanager
    def held(
        self,
        window: MainWindow,
        at: Callable[[str, StageState], bool],
        what: str,
        *,
        begin: Callable[[], object] | None = None,
    ) -> Iterator[None]:
        """Hold the job that is under way where it tells of a stage that *at* knows, for pictures of it.

        Clocks stand still as well: however fast the machine is, the pictures show the same. To be called
        before the job can come there: before the window lives on, or *begin* lets the job go on.
        """
        from PySide6.QtCore import QTimer

        task = window.runner.foreground
        assert task is not None
        tell, there, go_on = task.job.on_stage, threading.Event(), threading.Event()
        assert tell is not None

        def hold(key: str, state: StageState, text: str) -> None:
            tell(key, state, text)
            if at(key, state):
                there.set()
                go_on.wait(_PATIENCE_S)

        task.job.on_stage = hold
        shown: list[bool] = []  # the event was delivered: the next look at the page has it
        task.stage.connect(lambda key, state, text: shown.append(at(key, state)))
        clocks: list[QTimer] = []
        if begin is not None:
            begin()
        try:
            self.wait(lambda: there.is_set() and any(shown), what)
            window.runner.changed.emit()  # the footer says what is so now, not at its clock's next turn
            running = [each for each in window.findChildren(QTimer) if each.isActive()]
            clocks = [each for each in running if not each.isSingleShot()]
            for each in clocks:
                each.stop()
            yield
        finally:
            for each in clocks:
                each.start()
            go_on.set()

    def take(self, window: MainWindow, name: str, *, at: QWidget | None = None) -> None:
        """Photograph *window* as *name* in each scheme and size; *at* is scrolled to the top of the page."""
        # dressing takes longest: begin with the scheme that is on
        for scheme in sorted(self.look.schemes, key=lambda one: one != self._scheme):
            measured = scheme != self._scheme  # colours change no size
            if measured:
                self._apply(scheme)
            for width, height in self.look.sizes:
                window.resize(width, height)
                self._settle()
                bar = window.page.verticalScrollBar()
                top = at.mapTo(window.page.content, QPoint(0, 0)).y() if at is not None else 0
                bar.setValue(top - theme.px(12))
                self._settle()
                parts = [name, scheme, self.look.name, f"{width}x{height}"]
                path = self.folder / f"{'-'.join(filter(None, parts))}.png"
                if not measured:
                    for problem in (*clipped(window), *overlapping(window)):
                        self.cut.setdefault(str(problem), []).append(path.stem)
                if not window.grab().save(str(path), "PNG", _PNG_QUALITY):
                    raise NotTaken(tr("{path} could not be written.").format(path=path))
                self.written.append(path)

    def _settle(self) -> None:
        # outside an event loop nothing is deleted; windows that are gone would be dressed on and on
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        # text that wraps asks for another height only after it has been laid out once
        for _ in range(8):
            self.app.processEvents()
