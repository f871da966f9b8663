"""The window under test: offscreen, with profiles in a temporary folder and secrets in memory."""

from __future__ import annotations

import gc
import os

# before Qt is imported anywhere: without a display it would end the process
os.environ["QT_QPA_PLATFORM"] = "offscreen"

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codesign_wizard.core.flow import CERTIFICATE, STEPS
from codesign_wizard.core.job import LogLevel
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.opening import open_session
from codesign_wizard.session import Session
from tests.gui.driving import discard, finish, wait_idle

# what may be a window of its own; Qt names windows by their classes
_WINDOWS = ("MainWindow", "QDialog", "QFileDialog", "QMenu", "QComboBoxPrivateContainer", "QTipLabel")

if TYPE_CHECKING:
    from PySide6.QtGui import QWindow
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow
    from tests.gui.certificate_driving import Opening


@pytest.fixture(scope="session")
def qapp_cls() -> Any:
    """The application dressed as the wizard dresses it."""
    from codesign_wizard import app

    class Made:
        def __new__(cls, arguments: list[str]) -> Any:
            return app.application()

    return Made


@pytest.fixture(autouse=True)
def _collected_on_this_thread() -> Iterator[None]:
    """As the wizard has it while a window is open; other tests have no event loop that collects."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


@pytest.fixture
def session(store: ProfileStore) -> Session:
    """A session on an empty profile of the person's own."""
    profile = Profile(id="mine-1", name="Own product")
    store.save(profile)
    return Session(profile, store, secrets=MemoryStore())


@pytest.fixture
def open_window(qtbot: QtBot, qapp: Any) -> Iterator[Callable[..., MainWindow]]:
    """Return a function that opens the wizard on a session.

    Unexpected errors in the log fail the test, and so does a part that was told to show before it was put
    into the window: it is a window of its own for a moment, and takes the focus with it.
    """
    from codesign_wizard import app

    windows: list[MainWindow] = []
    strays: list[str] = []

    def focused(other: QWindow | None) -> None:
        if other is None and any(each.isVisible() for each in windows):
            strays.append("the focus is nowhere, as after a window that was there for a moment")
        elif other is not None and not other.objectName().startswith(_WINDOWS):
            strays.append(other.objectName())

    qapp.focusWindowChanged.connect(focused)

    def opened(session: Session, **more: Any) -> MainWindow:
        window = app.build_window(session, **more)
        window.show()
        windows.append(window)
        return window

    yield opened
    qapp.focusWindowChanged.disconnect(focused)
    for window in windows:
        finish(window, qtbot)
        window.close()
        errors = [line.text for line in window.log_model.lines if line.level is LogLevel.ERROR]
        discard(window)
        if not getattr(window, "errors_expected", False):
            assert not errors, f"logged as error: {errors}"
    if not any(getattr(window, "others_expected", False) for window in windows):
        assert not strays, f"parts that were windows of their own: {strays}"


@pytest.fixture
def window(open_window: Callable[..., MainWindow], session: Session) -> MainWindow:
    """The wizard on an empty profile."""
    return open_window(session)


@pytest.fixture
def practice() -> Iterator[Callable[..., Session]]:
    """Return a function that opens a session on practice accounts, on a page if its step is given."""
    opened: list[Session] = []

    def opening(scenario: str | None = None, *, page: str = "") -> Session:
        session = open_session(practice=True, scenario=scenario)
        opened.append(session)
        if page:
            session.profile.page = page
            session.profile.reached = [step.key for step in STEPS]
        return session

    yield opening
    for session in opened:
        session.close()


@pytest.fixture
def page_on(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> Opening:
    """Return a function that opens the page *Certificate*, for a name if one is given, and looks."""
    from PySide6.QtCore import Qt

    from codesign_wizard.pages.certificate import CertificatePage

    def opened(name: str = "", scenario: str | None = None) -> tuple[MainWindow, CertificatePage]:
        session = practice(scenario, page=CERTIFICATE)
        if name:
            session.profile.windows.azure.certificate_name = name
        window = open_window(session)
        page = window.page
        assert isinstance(page, CertificatePage)
        qtbot.mouseClick(page.look_button, Qt.MouseButton.LeftButton)
        wait_idle(window, qtbot)
        return window, page

    return opened
