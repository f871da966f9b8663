"""Pictures of every page in its main states, light and dark, in two sizes: ``dev.py screenshots DIR``.

Everything shown comes from the practice cloud and from folders that are removed afterwards; no picture holds
a secret, because no page ever shows one. The names of the files do not depend on the run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, PERMISSIONS, START, STEPS, WINDOWS_TRIAL
from codesign_wizard.core.language import ENGLISH, VARIABLE, use_language
from codesign_wizard.core.profile import Profile, ProfileStore, new_profile
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.core.text import tr
from codesign_wizard.scenes_apple import apple_files, apple_passwords, macos_trial, without_a_mac
from codesign_wizard.scenes_certificate import certificate, renewal
from codesign_wizard.scenes_level import level, level_empty, level_refused
from codesign_wizard.scenes_notary import macos_notarise, macos_refused
from codesign_wizard.scenes_server import server_apply, server_sign_in, server_trouble
from codesign_wizard.scenes_summary import report, summary
from codesign_wizard.session import PRACTICE_PROFILE, Overrides, Session, open_session

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType
    from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

    from codesign_wizard.pages.base import Page
    from codesign_wizard.pages.key_vault import KeyVaultPage
    from codesign_wizard.pages.permissions import PermissionsPage
    from codesign_wizard.pages.settings import SettingsPage
    from codesign_wizard.pages.start import StartPage
    from codesign_wizard.pages.what_if import WhatIfPage
    from codesign_wizard.pages.windows_trial import WindowsTrialPage
    from codesign_wizard.window import MainWindow

P = TypeVar("P", bound="Page")

SIZES = ((1180, 760), (860, 640))  # device-independent pixels: the sketches' size, and a small laptop's
SCHEMES = ("light", "dark")


class Look(NamedTuple):
    """A way all pages are shown; ``name`` stands in the pictures' names, the scale is the text's."""

    name: str = ""
    scale: float = 1.0
    sizes: Sequence[tuple[int, int]] = SIZES
    mirrored: bool = False
    contrast: bool = False


LOOKS = {
    "normal": Look(),
    "large": Look("large", 2.0, ((1720, 1280),)),  # 200 %, on what the small size has room for
    "contrast": Look("contrast", contrast=True),
    "mirrored": Look("mirrored", mirrored=True),  # as for a language that is written from right to left
}
USUAL = ("normal", "large")

_PATIENCE_S = 120.0  # for a busy machine
_QUICK_S = 1.0  # time-out for servers that are down on purpose


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
        from PySide6.QtCore import Qt

        self.look = look
        way = Qt.LayoutDirection.RightToLeft if look.mirrored else Qt.LayoutDirection.LeftToRight
        self.app.setLayoutDirection(way)
        self._apply(self._scheme or SCHEMES[0])

    def _apply(self, scheme: str) -> None:
        from PySide6.QtCore import Qt

        from codesign_wizard import theme

        dark = scheme == "dark"
        theme.apply(
            self.app,
            Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light,
            scale=self.look.scale,
            contrast=theme.contrast_palette(dark=dark) if self.look.contrast else None,
        )
        self._scheme = scheme

    @contextmanager
    def window(self, session: Session) -> Iterator[MainWindow]:
        """Open the wizard on *session*; it is closed, with all that runs, at the end."""
        from codesign_wizard import app as wizard

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

    def take(self, window: MainWindow, name: str, *, at: QWidget | None = None) -> None:
        """Photograph *window* as *name* in each scheme and size; *at* is scrolled to the top of the page."""
        from PySide6.QtCore import QPoint

        from codesign_wizard import theme
        from codesign_wizard.measuring import clipped, overlapping

        # dressing takes longest: begin with the scheme that is on
        for scheme in sorted(SCHEMES, key=lambda one: one != self._scheme):
            if scheme != self._scheme:
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
                for problem in (*clipped(window), *overlapping(window)):
                    self.cut.setdefault(str(problem), []).append(path.stem)
                if not window.grab().save(str(path), "PNG"):
                    raise NotTaken(tr("{path} could not be written.").format(path=path))
                self.written.append(path)

    def _settle(self) -> None:
        from PySide6.QtCore import QCoreApplication, QEvent

        # outside an event loop nothing is deleted; windows that are gone would be dressed on and on
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        # text that wraps asks for another height only after it has been laid out once
        for _ in range(8):
            self.app.processEvents()


def _page(window: MainWindow, kind: type[P]) -> P:
    page = window.page
    assert isinstance(page, kind)
    return page


def _key_vault(window: MainWindow) -> KeyVaultPage:
    from codesign_wizard.pages.key_vault import KeyVaultPage

    return _page(window, KeyVaultPage)


def _permissions(window: MainWindow) -> PermissionsPage:
    from codesign_wizard.pages.permissions import PermissionsPage

    return _page(window, PermissionsPage)


def _settings(window: MainWindow) -> SettingsPage:
    from codesign_wizard.pages.settings import SettingsPage

    return _page(window, SettingsPage)


def _start(window: MainWindow) -> StartPage:
    from codesign_wizard.pages.start import StartPage

    return _page(window, StartPage)


def _trial(window: MainWindow) -> WindowsTrialPage:
    from codesign_wizard.pages.windows_trial import WindowsTrialPage

    return _page(window, WindowsTrialPage)


def _what_if(window: MainWindow) -> WhatIfPage:
    from codesign_wizard.pages.what_if import WhatIfPage

    return _page(window, WhatIfPage)


def _focus_page(window: MainWindow) -> None:
    from PySide6.QtCore import Qt

    window.page.setFocus(Qt.FocusReason.OtherFocusReason)


# --- the scenes, each with the states it shows ---


def fresh(studio: Studio) -> None:
    """A person's own, empty profile: nothing typed, nothing proved."""
    from codesign_wizard.widgets.pieces import Tabs

    with studio.own(new_profile("My product")) as window:
        studio.take(window, "start-fresh")
        window.go_next()
        studio.idle(window)
        studio.take(window, "key-vault-empty")
        page = _key_vault(window)
        page.none_yet.open()
        studio.take(window, "key-vault-none-yet", at=page.none_yet)
        for tabs in page.none_yet.findChildren(Tabs):
            tabs.bar.setCurrentIndex(1)
        studio.take(window, "key-vault-none-yet-az", at=page.none_yet)
        page.none_yet.open(False)
        for key, text in (("vault_name", "harbour_signing"), ("application_id", "2f6c1a0e-8d1b-4d1c-9b7e")):
            _type(page.fields[key].edit, text)
            page.fields[key].judge(accuse=True)
        page.recognise("good morning")
        page.secret.edit.setText("0f8fad5b-d9cb-469f-a165-70867728950e")
        page.secret.commit()
        studio.idle(window)
        studio.take(window, "key-vault-mistakes")
        window.show_step(PERMISSIONS)
        studio.take(window, "permissions-nothing-yet")
        window.show_step(CERTIFICATE)
        window.show_step(WINDOWS_TRIAL)
        studio.take(window, "windows-trial-nothing-yet")
        window.open_panel("settings")
        studio.take(window, "settings")
        settings = _settings(window)
        for field, text in (
            (settings.proxy, "ftp://proxy"),
            (settings.bundle, "ca.pem"),
            (settings.timeout, "0"),
        ):
            _type(field.edit, text)
            field.judge(accuse=True)
        studio.take(window, "settings-mistakes")
        window.open_inspect("")
        studio.take(window, "inspect-empty")


def way(studio: Studio) -> None:
    """The whole way on practice accounts, all in order; then the same profile opened again."""
    with studio.practice() as window:
        studio.take(window, "start-practice")
        window.go_next()
        studio.idle(window)
        page = _key_vault(window)
        studio.wait(lambda: page._found is not None, tr("the look without the secret"))
        studio.take(window, "key-vault-filled")
        studio.take(window, "key-vault-looked", at=page.looked)
        page.run_sign_in()
        studio.idle(window)
        _focus_page(window)
        studio.take(window, "key-vault-signed-in")
        studio.take(window, "key-vault-options", at=page.sign_in.parentWidget())
        window.go_next()
        studio.take(window, "permissions-good")
        permissions = _permissions(window)
        studio.take(window, "permissions-evidence", at=permissions.matrix)
        window.go_next()
        studio.idle(window)
        studio.take(window, "certificate-good")
        window.go_next()
        studio.take(window, "windows-trial-ready")
        trial = _trial(window)
        trial.run()
        studio.idle(window)
        _focus_page(window)
        studio.take(window, "windows-trial-good")
        studio.take(window, "windows-trial-settings", at=trial.drop)
        trial.details.click()
        studio.take(window, "windows-trial-details", at=trial.findings)
        trial.details.click()
        window.show_log()
        studio.take(window, "log")
        window.log_dock.hide()
        signed = window.workspace.profile.results[WINDOWS_TRIAL].facts["file"]
        window.open_inspect(signed)
        studio.idle(window)
        studio.take(window, "inspect-signed")
        window.open_panel("settings")
        studio.take(window, "settings-practice")
        window.show_step(START)
        studio.take(window, "start-done")
        studio.take(window, "start-needs", at=_start(window).need_grid.parentWidget())
        done = deepcopy(window.workspace.profile)
    again(studio, done)


def again(studio: Studio, done: Profile) -> None:
    """Profiles with results, opened another day: where it was left, with the times of what was found."""
    profiles = [deepcopy(done) for _ in range(3)]
    for profile, name in zip(profiles, ("My product", "Second brand", "Old brand"), strict=True):
        profile.id, profile.name = f"{PRACTICE_PROFILE}-{name.casefold().replace(' ', '-')}", name
    expired = profiles[2].results[KEY_VAULT]
    expired.facts["certificate_expires"] = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    with studio.own(*profiles) as window:
        studio.take(window, "start-profiles")
    with studio.own(*profiles, page=WINDOWS_TRIAL) as window:
        studio.take(window, "resume")
        trial = _trial(window)
        _type(trial.description.edit, "Backup client")
        studio.take(window, "windows-trial-out-of-date")


def wrong_secret(studio: Studio) -> None:
    """A sign-in that Microsoft refuses, explained; and the question before going on all the same."""
    with studio.practice("secret-wrong", page=KEY_VAULT) as window:
        page = _sign_in(studio, window)
        studio.take(window, "key-vault-wrong-secret")
        seen = page.findings.views[0].seen
        if seen is not None:
            seen.open()
        studio.take(window, "key-vault-wrong-secret-seen", at=seen)
        window.go_next()
        studio.take(window, "key-vault-go-on")
        window.footer.anyway.emit()
        window.show_step(WINDOWS_TRIAL)
        studio.take(window, "windows-trial-vault-cannot-sign")
        window.show_step(START)
        studio.take(window, "start-attention")
        window.unexpected(RuntimeError("only for the picture"))
        studio.take(window, "notice")


def firewall(studio: Studio) -> None:
    """A vault whose firewall keeps this computer out."""
    from codesign_wizard.widgets.pieces import Tabs

    with studio.practice("firewall", page=KEY_VAULT) as window:
        page = _sign_in(studio, window)
        studio.take(window, "key-vault-firewall")
        for tabs in page.findings.views[0].findChildren(Tabs):
            tabs.bar.setCurrentIndex(1)
        studio.take(window, "key-vault-firewall-az")


def no_role(studio: Studio) -> None:
    """No role on the vault; an administrator signs in by a code, and sees what would be granted."""
    from codesign_wizard.core.azure.permissions.admin import AdminWay
    from codesign_wizard.widgets.basics import CodeBox

    with studio.practice("rbac-none", page=PERMISSIONS) as window:
        page = _look(studio, window)
        studio.take(window, "permissions-none")
        page.way.setCurrentIndex(page.way.findData(AdminWay.DEVICE_CODE))
        page.sign_in_admin()
        studio.wait(page.code_part.isVisible, tr("the code"))
        studio.take(window, "permissions-code", at=page.admin_card)
        _, code = page.code_part.findChildren(CodeBox)[0].toPlainText().splitlines()
        window.workspace.session.approve_sign_in(code)
        studio.idle(window)
        _focus_page(window)
        studio.take(window, "permissions-plan", at=page.admin_card)


def some_permissions(studio: Studio) -> None:
    """What is missing of the rest: one role of two, and the portal's template without signing."""
    for scenario, name in (
        ("rbac-certificates-only", "permissions-missing"),
        ("policy-template-without-crypto", "permissions-template"),
    ):
        with studio.practice(scenario, page=PERMISSIONS) as window:
            page = _look(studio, window)
            studio.take(window, name)
            studio.take(window, f"{name}-matrix", at=page.matrix)
    with studio.practice("firewall", page=PERMISSIONS) as window:
        _look(studio, window)
        studio.take(window, "permissions-firewall")


def not_yet(studio: Studio) -> None:
    """A grant that the vault does not know of yet; and the wait for one."""
    with studio.practice("rbac-propagating", page=PERMISSIONS) as window:
        page = _look(studio, window)
        _sign_in_admin(studio, window, page)
        _focus_page(window)
        studio.take(window, "permissions-propagating")
    with studio.practice("rbac-none", page=PERMISSIONS) as window:
        practice = window.workspace.session.practice
        assert practice is not None
        practice.world.propagation = 600.0  # the wait is given up before that
        page = _look(studio, window)
        _sign_in_admin(studio, window, page)
        page.grant()
        studio.wait(page.countdown.isVisible, tr("the countdown"))
        _focus_page(window)
        studio.take(window, "permissions-waiting", at=page.admin_card)
        window.runner.cancel()
        studio.idle(window)


def _sign_in_admin(studio: Studio, window: MainWindow, page: PermissionsPage) -> None:
    from codesign_wizard.core.azure.permissions.admin import AdminWay
    from codesign_wizard.widgets.basics import CodeBox

    page.way.setCurrentIndex(page.way.findData(AdminWay.DEVICE_CODE))
    page.sign_in_admin()
    studio.wait(page.code_part.isVisible, tr("the code"))
    _, code = page.code_part.findChildren(CodeBox)[0].toPlainText().splitlines()
    window.workspace.session.approve_sign_in(code)
    studio.idle(window)


def _look(studio: Studio, window: MainWindow) -> PermissionsPage:
    page = _permissions(window)
    page.run()
    studio.idle(window)
    _focus_page(window)
    return page


def signing_in(studio: Studio) -> None:
    """A sign-in under way at a vault that is slow to answer."""
    with studio.practice("slow", page=KEY_VAULT) as window:
        page = _key_vault(window)
        page.run_sign_in()
        task = window.runner.foreground
        studio.wait(lambda: task is None or task.seconds > 1, tr("the sign-in"))
        studio.take(window, "key-vault-signing-in")


def running(studio: Studio) -> None:
    """A trial under way, waiting for a time-stamp server that does not answer; then cancelled."""
    with studio.practice("timestamp-slow", page=WINDOWS_TRIAL) as window:
        trial = _trial(window)
        trial.run()
        stage = trial.stages.cards["time-stamp"]
        studio.wait(lambda: "3 s" in stage.words.text(), tr("the time stamp"))
        studio.take(window, "windows-trial-running")
        window.runner.cancel()
        studio.idle(window)
        studio.take(window, "windows-trial-cancelled")


def no_time_stamp(studio: Studio) -> None:
    """A trial that fails because no time-stamp server works."""
    with studio.practice("all-timestamps-down", page=WINDOWS_TRIAL) as window:
        trial = _trial(window)
        trial.run()
        studio.idle(window)
        studio.take(window, "windows-trial-problem")
        window.show_log()
        studio.take(window, "windows-trial-problem-log")


def one_time_stamp(studio: Studio) -> None:
    """A trial that ends well although the first time-stamp server is down."""
    with studio.practice("timestamp-down", page=WINDOWS_TRIAL) as window:
        trial = _trial(window)
        trial.run()
        studio.idle(window)
        studio.take(window, "windows-trial-warning")


def what_if(studio: Studio) -> None:
    """The scenarios of the practice: all of them, found by a word, one on and explained, off again."""
    with studio.practice() as window:
        window.workspace.what_if.emit()
        studio.take(window, "what-if")
        page = _what_if(window)
        page.search.setText("expired")
        studio.take(window, "what-if-found")
        window.workspace.play("firewall")
        studio.idle(window)
        studio.take(window, "what-if-on")
        _sign_in(studio, window)
        _focus_page(window)
        studio.take(window, "what-if-explained")
        window.show_step(START)
        studio.take(window, "start-what-if")
        window.workspace.what_if.emit()
        studio.take(window, "what-if-which")
        window.workspace.play(None)
        studio.idle(window)
        studio.take(window, "what-if-off")


def unreadable(studio: Studio) -> None:
    """*Inspect* with a file that is not signed, and with one that nobody can read."""
    from codesign_wizard.core.sample import build_sample

    program = studio.scratch / "tool.exe"
    program.write_bytes(build_sample("Tool", "x64"))
    with studio.own(new_profile("My product")) as window:
        window.open_inspect(str(program))
        studio.idle(window)
        studio.take(window, "inspect-unsigned")
        keys = studio.scratch / "key.p12"
        keys.write_bytes(b"no PKCS #12 at all")
        window.open_inspect(str(keys))
        studio.idle(window)
        studio.take(window, "inspect-problem")


SCENES: dict[str, Callable[[Studio], None]] = {
    scene.__name__: scene
    for scene in (
        fresh,
        way,
        wrong_secret,
        firewall,
        no_role,
        some_permissions,
        not_yet,
        signing_in,
        running,
        no_time_stamp,
        one_time_stamp,
        what_if,
        unreadable,
        certificate,
        renewal,
        apple_files,
        apple_passwords,
        without_a_mac,
        level,
        level_empty,
        level_refused,
        macos_trial,
        macos_notarise,
        macos_refused,
        server_sign_in,
        server_apply,
        server_trouble,
        summary,
        report,
    )
}


def _type(edit: QLineEdit, text: str) -> None:
    edit.setText(text)
    edit.textEdited.emit(text)


def _sign_in(studio: Studio, window: MainWindow) -> KeyVaultPage:
    page = _key_vault(window)
    page.run_sign_in()
    studio.idle(window)
    if not any(view.finding.severity is Severity.ERROR for view in page.findings.views):
        raise NotTaken(tr("The practice accounts should have refused the sign-in, and did not."))
    return page


def main(folder: str, *, scenes: Sequence[str] = tuple(SCENES), looks: Sequence[str] = USUAL) -> int:
    """Write the pictures of *scenes* in each of *looks* into *folder*; returns the exit code.

    1, with one sentence on stderr, when the folder cannot be written or a page does not come to its state;
    also 1, with a line for each, when all were taken and a text has not the room it needs.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        return _fail(
            tr("The pictures cannot be written to {folder}: {reason}.").format(folder=folder, reason=reason)
        )
    from PySide6.QtCore import qInstallMessageHandler

    from codesign_wizard import app as wizard
    from codesign_wizard import theme

    # whatever the machine speaks, so that pictures are the same everywhere
    use_language(os.environ.get(VARIABLE) or ENGLISH)
    app = wizard.application()
    with ExitStack() as ending:
        ending.callback(theme.apply, app, scale=1.0)
        ending.callback(app.setLayoutDirection, app.layoutDirection())
        # the offscreen platform remarks again and again that it has no frame to give hints to
        former = qInstallMessageHandler(_remark)
        ending.callback(qInstallMessageHandler, former)
        scratch = ending.enter_context(tempfile.TemporaryDirectory(prefix="codesign-wizard-"))
        studio = Studio(app, target, Path(scratch))
        try:
            for look in looks:
                studio.dress(LOOKS[look])
                for name in scenes:
                    SCENES[name](studio)
        except NotTaken as problem:
            return _fail(str(problem))
    sys.stdout.write(tr("{n} pictures are in {folder}.").format(n=len(studio.written), folder=folder) + "\n")
    for cut, pictures in studio.cut.items():
        where = pictures[0] if len(pictures) == 1 else f"{pictures[0]} (+{len(pictures) - 1})"
        sys.stderr.write(f"{where}: {cut}\n")
    return 1 if studio.cut else 0


def _remark(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    if text and "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")


def _fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(LOOKS):
        raise SystemExit(
            tr("Say where the pictures go: python3 dev.py screenshots DIR [LOOK…]. There is {looks}.").format(
                looks=", ".join(LOOKS)
            )
        )
    raise SystemExit(main(sys.argv[1], looks=sys.argv[2:] or USUAL))
