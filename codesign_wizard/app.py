"""Starts the window. Nothing of Qt is imported before it is known that there is a display."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

from codesign_wizard.core.text import tr

_PATIENCE_MS = 60_000
_ICON_MS = 100
_ENDING_MS = 50

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from codesign_wizard.ending import Ending
    from codesign_wizard.overrides import Overrides
    from codesign_wizard.session import Session
    from codesign_wizard.window import MainWindow


def display_available(environment: Mapping[str, str] | None = None) -> bool:
    """Tell whether a window can be opened: without a display Qt would end the process (exit code 134)."""
    environment = os.environ if environment is None else environment
    if environment.get("QT_QPA_PLATFORM", "").partition(":")[0] in ("offscreen", "minimal", "vnc"):
        return True
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def run_gui(
    *,
    practice: bool = False,
    scenario: str | None = None,
    profile: str | None = None,
    state: Path | None = None,
    overrides: Overrides | None = None,
    close: bool = False,
) -> int:
    """Open the wizard and return the exit code when it is closed.

    *practice*, *scenario*, *profile*, *state*, *overrides*: as for ``opening.open_session``. With *close* the
    window is closed as soon as its first page stands, and the practice accounts if they were asked for; the
    code is 1 when that does not happen. Raises ``InputError`` when the profile cannot be opened, before any
    window is shown.
    """
    # making Qt's classes sets off the collector again and again, for nothing: all of it stays
    gc.disable()
    from codesign_wizard.opening import is_report_path, open_session

    opened: list[bool] = []

    def open_practice(name: str | None = None) -> Session:
        session = open_session(
            practice=True, scenario=name, state=state, overrides=overrides, signing=("windows", "macos")
        )
        if len(session.profile.reached) == 1 and not session.profile.results:
            # the whole way can be tried; what was chosen in a state that is kept stays chosen
            session.profile.macos_wanted = session.profile.server_wanted = True
        return session

    def open_own() -> Session:
        # from a report that was opened on the command line the way leads to the person's own profile
        stored = None if profile is not None and opened and is_report_path(profile) else profile
        opened.append(True)
        return open_session(profile=stored, overrides=overrides)

    app = application()
    from PySide6.QtCore import QTimer

    session = waiting_session() if practice else open_own()
    window = build_window(session, open_practice=open_practice, open_own=open_own, frame_first=True)
    _catch(window)
    window.show()
    gc.freeze()
    if practice:
        window.workspace.start_practice(lambda: open_practice(scenario))
    if close:
        _close_when_there(app, window, practice=practice)
    endings: list[Ending] = []
    QTimer.singleShot(_ENDING_MS, window, lambda: endings.append(_prepare(app, window)))
    code = app.exec()
    for ending in endings:
        ending.release()
    window.workspace.session.close()
    return code


def main_gui() -> int:
    """Open the wizard from a desktop's menu: the command ``gui``, whose options it takes."""
    from codesign_wizard.cli import main

    return main(["gui", *sys.argv[1:]])


def application() -> QApplication:
    """Return the application, made and dressed at the first call."""
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance()
    if isinstance(app, QApplication):
        return app
    _spare_our_sources()
    from codesign_wizard import theme
    from codesign_wizard.collecting import Collector

    app = QApplication(["codesign-wizard", *theme.arguments()])
    app.setApplicationName("codesign-wizard")
    app.setApplicationDisplayName(tr("Codesign Wizard"))
    Collector(app)
    _speak(app)
    _be_known(app)
    theme.start(app)
    return app


def _spare_our_sources() -> None:
    """Keep Qt's side from reading the source of each of our modules that is imported from here on.

    It looks whether they speak of PySide6, as those do that may switch its features (bugreports.qt.io,
    PYSIDE-2029). None of ours does, and forty sources take time that the first window should have. Where a
    version of it looks in another way, nothing is changed.
    """
    feature = sys.modules.get("shibokensupport.feature")
    look: Callable[[ModuleType], bool] | None = getattr(feature, "_mod_uses_pyside", None)
    if feature is not None and callable(look):
        asks = look

        def uses(module: ModuleType) -> bool:
            return module.__name__.startswith("codesign_wizard.") or asks(module)

        feature._mod_uses_pyside = uses  # type: ignore[attr-defined]  # a private name, as said above


def _speak(app: QApplication) -> None:
    """Let Qt's own words, such as those on the buttons of its dialogs, be in the program's language."""
    from codesign_wizard.core.language import ENGLISH, current_language

    language = current_language()
    if language == ENGLISH:
        return
    from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator

    app.setLayoutDirection(QLocale(language).textDirection())
    translator = QTranslator(app)
    # not every language has them; Qt speaks English then
    if translator.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)


def _be_known(app: QApplication) -> None:
    """Let the desktop show the program as itself, not as the Python that runs it."""
    from PySide6.QtCore import QTimer

    from codesign_wizard import theme

    if sys.platform == "win32":
        import ctypes

        # the taskbar groups windows by this, else by the executable
        ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID("CodesignWizard.CodesignWizard")
    # the name of the .desktop entry: Wayland takes the icon from there
    app.setDesktopFileName("codesign-wizard")
    if not (sys.platform == "darwin" and getattr(sys, "frozen", False)):
        # macOS' bundle brings its own, in the sizes and with the margin that the Dock wants
        # once the first window stands: nobody sees it sooner
        QTimer.singleShot(_ICON_MS, app, lambda: app.setWindowIcon(theme.app_icon()))


def build_window(
    session: Session,
    *,
    open_practice: Callable[[], Session] | None = None,
    open_own: Callable[[], Session] | None = None,
    frame_first: bool = False,
) -> MainWindow:
    """Return the window on *session*, not shown yet; *frame_first*: as for ``MainWindow``."""
    from codesign_wizard.collecting import Collector
    from codesign_wizard.pages.workspace import Workspace
    from codesign_wizard.runner import Runner
    from codesign_wizard.theme import px
    from codesign_wizard.window import MainWindow

    runner = Runner()
    workspace = Workspace(session, runner, open_practice=open_practice, open_own=open_own)
    window = MainWindow(workspace, frame_first=frame_first)
    runner.setParent(window)
    workspace.setParent(window)
    runner.changed.connect(lambda: setattr(Collector, "busy", bool(runner.tasks)))
    window.resize(px(1180), px(760))
    return window


def waiting_session() -> Session:
    """Return an empty session that shows something while the practice cloud starts; it is never saved."""
    from codesign_wizard.core.profile import Profile
    from codesign_wizard.core.profile_store import ProfileStore
    from codesign_wizard.core.secrets import MemoryStore
    from codesign_wizard.session import PRACTICE_PROFILE, Session

    # a path that no file can be made under: this profile must leave nothing behind
    store = ProfileStore(Path(os.devnull) / "profiles")
    return Session(Profile(id=PRACTICE_PROFILE, name=tr("Practice")), store, secrets=MemoryStore())


def _close_when_there(app: QApplication, window: MainWindow, *, practice: bool) -> None:
    """Close *window* once all of it is there; end with 1 after a time that no machine needs."""
    from PySide6.QtCore import QTimer

    def look() -> None:
        workspace = window.workspace
        if practice and not workspace.practising:  # they could not be started
            app.exit(1)
        elif window.stack.count() and not workspace.starting_practice:
            window.close()

    often = QTimer(window)
    often.timeout.connect(look)
    often.start(50)
    QTimer.singleShot(_PATIENCE_MS, lambda: app.exit(1))


def _prepare(app: QApplication, window: MainWindow) -> Ending:
    from codesign_wizard.ending import Ending

    return Ending(app, window)


def _catch(window: MainWindow) -> None:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            window.close()
            return
        window.unexpected(error)

    sys.excepthook = hook
