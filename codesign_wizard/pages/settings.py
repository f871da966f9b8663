"""Settings: how to reach the vendors, which roots are trusted besides Microsoft's, and the language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QApplication, QFileDialog, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from codesign_wizard.core import proxy_login
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.language import ENGLISH, languages
from codesign_wizard.core.network_findings import proxy_form
from codesign_wizard.core.preferences import LANGUAGE, keep_preference, read_preference
from codesign_wizard.core.text import tr
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import Card, Choice, button, keep_ltr, label, row
from codesign_wizard.widgets.fields import CheckedField, path_row
from codesign_wizard.widgets.labels import begin
from codesign_wizard.widgets.pieces import Banner
from codesign_wizard.widgets.proxy_login import ProxyLogin

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from codesign_wizard.session import Session

BAD_PROXY = FindingKind(
    "settings.proxy",
    Severity.ERROR,
    "This is not the address of a proxy.",
    "A proxy is written http://host:port, with user and password before the host where it asks for them.",
)
NO_FILE = FindingKind(
    "settings.no-file",
    Severity.ERROR,
    "There is no such file.",
    "The CA bundle in the settings was moved, removed, or is a folder: choose it anew, or clear the field.",
)


class SettingsPage(Page):
    """The panel *Settings*; everything is kept in the profile as it is typed."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Settings"),
            tr("Kept in this profile as you type. An empty field means the default."),
        )
        self.banner = Banner()
        self.banner.say(
            Severity.INFO,
            tr("Practice sets these itself."),
            tr("Its own proxy and certificates lead to the practice accounts; your settings are untouched."),
        )
        self.add(self.banner)
        self.network_card = Card(
            tr("Network"),
            note=tr(
                "Used for every call: to Microsoft, Apple, time-stamp servers, certificate authorities and "
                "the Comet Server."
            ),
        )
        self.proxy = CheckedField(
            tr("&Proxy"), check=_check_proxy, hint=tr("from the environment, or http://proxy:8080")
        )
        # at the end of typing, not at every key: half of it may be half a password
        self.proxy.edit.editingFinished.connect(self._proxy_typed)
        self.login = ProxyLogin()
        self.login.forget.clicked.connect(self._forget_password)
        self._asked: object = None  # for which profile and address the keyring was asked
        self._keeping = ""  # the address that is on its way to the keyring
        self.bundle = CheckedField(
            tr("&CA bundle"), check=_check_file, hint=tr("a PEM file, besides the system's"), path=True
        )
        self.bundle.edited.connect(lambda text: self._network("ca_bundle", text))
        self.timeout = CheckedField(
            tr("&Time-out"),
            check=_check_timeout,
            hint="20",
            short=72,
            note=tr("Seconds for one attempt; what does not answer is tried again."),
        )
        self.timeout.edited.connect(self._timeout_typed)
        self.network_card.body.addWidget(self.proxy)
        self.network_card.body.addWidget(self.login)
        self.network_card.body.addWidget(
            path_row(self.bundle, lambda: self._choose(lambda path: self._set_bundle(path)))
        )
        self.network_card.body.addWidget(self.timeout)
        self.add(self.network_card)
        self.roots_card = Card(
            tr("Roots trusted besides Microsoft's"),
            note=tr(
                "For a private authority. Your customers' Windows does not know it; results will say so."
            ),
        )
        self.roots = PathList(tr("Roots for code signing"))
        self.roots.changed.connect(lambda paths: self._put("extra_roots", paths))
        self.stamp_roots = PathList(tr("Roots for time stamps"))
        self.stamp_roots.changed.connect(lambda paths: self._put("extra_timestamp_roots", paths))
        for part in (self.roots, self.stamp_roots):
            self.roots_card.body.addWidget(part)
        self.add(self.roots_card)
        # the password may have gone to the keyring only now
        workspace.changed.connect(self._show_proxy)
        self.language = LanguageCard()
        self.add(self.language)
        self.done()

    def refresh(self) -> None:
        profile = self.workspace.profile
        practising = self.workspace.practising
        self.banner.setVisible(practising)
        self.network_card.setEnabled(not practising)
        self.roots_card.setEnabled(not practising)
        if self.bundle.text != profile.network.ca_bundle:
            self.bundle.set(profile.network.ca_bundle)
        self._show_proxy()
        if not self.timeout.edit.hasFocus() and self.timeout.text != f"{profile.network.timeout:g}":
            self.timeout.set(f"{profile.network.timeout:g}")
        self.roots.set(profile.extra_roots)
        self.stamp_roots.set(profile.extra_timestamp_roots)

    def leaving(self) -> None:
        self._proxy_typed()

    def focus_problem(self) -> bool:
        for field in (self.proxy, self.bundle, self.timeout):
            if field.findings:
                field.edit.setFocus()
                return True
        return False

    def _choose(self, take: Callable[[str], object]) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a PEM file"), "", _pem_pattern())
        if path:
            take(path)

    def _set_bundle(self, path: str) -> None:
        self.bundle.set(path)
        self._network("ca_bundle", path)

    # -- the proxy and its password

    def _proxy_typed(self) -> None:
        """Take the address that was typed; what the keyring has to do with it happens on a thread."""
        text, session = self.proxy.text, self.workspace.session
        if not self.proxy.edit.isModified() or text == self._keeping or (text and _check_proxy(text)):
            return
        former = session.profile.network.proxy
        if proxy_login.split(text)[1] is None and not proxy_login.names_user(former):
            self.proxy.edit.setModified(False)
            self._network("proxy", text)
            return
        self._keeping = text

        def keep(job: Job) -> list[Finding]:
            return list(session.networking.proxy_not_kept()) if session.networking.set_proxy(text) else []

        def kept(told: list[Finding]) -> None:
            if self.workspace.session is not session:
                # another profile was opened meanwhile, and this page is gone
                for finding in [*told, *_saved(session)]:
                    self.workspace.notice.emit(finding)
                return
            self._keeping = ""
            self._asked = None
            if not self.gone and self.proxy.text == text:
                self.proxy.edit.setModified(False)
            for finding in told:
                self.workspace.notice.emit(finding)
            self.workspace.edited()

        def failed(finding: Finding) -> None:
            self._keeping = ""
            self.workspace.notice.emit(finding)

        task = self.workspace.runner.start(keep, tr("Storing the password"), quiet=True, lasting=True)
        task.done.connect(kept)
        task.failed.connect(failed)

    def _show_proxy(self) -> None:
        address = proxy_login.split(self.workspace.profile.network.proxy)[0]
        # what is being typed is kept when it is whole
        if self.proxy.text != address and not self.proxy.edit.isModified():
            self.proxy.set(address)
        self._ask_keyring()

    def _ask_keyring(self) -> None:
        """Look on a thread whether the password of the proxy's user is kept; once for an address."""
        session = self.workspace.session
        address = session.profile.network.proxy
        if not proxy_login.names_user(address) or self.workspace.practising or session.origin is not None:
            self.login.hide()
            self.proxy.grade(Severity.OK)
            self._asked = None
            return
        asked = (session, address)
        if not self.isVisible() or self._asked == asked:
            return
        self._asked = asked

        def look(job: Job) -> tuple[bool, str, str]:
            known = session.networking.proxy_password() is not None
            return known, session.secrets.place, session.secrets.reason

        def answered(answer: tuple[bool, str, str]) -> None:
            if self._asked == asked:
                self.login.say(*answer)
                # the address is one, but with this alone the proxy may let nobody through
                self.proxy.grade(Severity.OK if answer[0] else Severity.INFO)

        task = self.workspace.runner.start(look, tr("Asking the keyring"), quiet=True)
        self.follow(task, done=answered)
        task.failed.connect(self.workspace.notice)

    def _forget_password(self) -> None:
        session = self.workspace.session

        def forgotten(nothing: object) -> None:
            self._asked = None
            self.take_focus(self.proxy.edit)
            self._ask_keyring()

        task = self.workspace.runner.start(
            lambda job: session.networking.forget_proxy_password(),
            tr("Forgetting the password"),
            quiet=True,
            lasting=True,
        )
        self.follow(task, done=forgotten)
        task.failed.connect(self.workspace.notice)

    def _network(self, name: str, value: object) -> None:
        setattr(self.workspace.profile.network, name, value)
        self.workspace.edited()

    def _timeout_typed(self, text: str) -> None:
        if not _check_timeout(text):
            self._network("timeout", float(text))

    def _put(self, name: str, paths: list[str]) -> None:
        setattr(self.workspace.profile, name, paths)
        self.workspace.edited()


class LanguageCard(Card):
    """The language of the program, whatever the profile; what is open stays as it is until the next start."""

    def __init__(self) -> None:
        super().__init__(
            tr("Language"), note=tr("Of the whole program on this computer, not of this profile alone.")
        )
        self.chosen = Choice(tr("Language"))
        self.chosen.addItem(tr("As the system"), "")
        for code in languages():
            # in its own words: whoever looks for it may read no other
            name = "English" if code == ENGLISH else QLocale(code).nativeLanguageName()
            self.chosen.addItem(name[:1].upper() + name[1:], code)
        kept = self.chosen.findData(read_preference(LANGUAGE))
        self.chosen.setCurrentIndex(max(kept, 0))
        self.chosen.currentIndexChanged.connect(self._choose)
        self.note = label("", "soft")
        self.note.hide()
        self.body.addLayout(row(self.chosen, None))
        self.body.addWidget(self.note)

    def _choose(self) -> None:
        try:
            keep_preference(LANGUAGE, self.chosen.currentData())
        except OSError as error:
            self.note.setText(tr("It could not be kept: {why}.").format(why=error.strerror or error))
        else:
            self.note.setText(tr("The program speaks it from the next start on."))
        self.note.show()


class _Files(QListWidget):
    """A list that says so where there is nothing in it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            # the style sheet lets its own palette be paler
            painter.setPen(QApplication.palette().color(QPalette.ColorRole.PlaceholderText))
            room = self.viewport().rect().adjusted(px(10), px(8), -px(10), -px(8))
            side = begin() & ~Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, int(side | Qt.AlignmentFlag.AlignTop), tr("none"))
            painter.end()


class PathList(QWidget):
    """A list of files: add, remove."""

    changed = Signal(list)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.list = _Files()
        self.list.setAccessibleName(name)
        self.list.setFixedHeight(px(72))
        keep_ltr(self.list)  # paths
        # a path tells by both its ends
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.add = button(tr("Add…"), self._add, "small")
        self.add.setAccessibleName(tr("Add a file: {name}").format(name=name))
        self.remove = button(tr("Remove"), self._remove, "small")
        self.remove.setAccessibleName(tr("Remove the selected file: {name}").format(name=name))
        self.remove.setEnabled(False)
        self.list.currentRowChanged.connect(lambda place: self.remove.setEnabled(place >= 0))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(6))
        box.addWidget(label(name))
        box.addWidget(self.list)
        box.addLayout(row(self.add, self.remove, None, gap=6))

    def set(self, paths: list[str]) -> None:
        """Show *paths*."""
        if paths != self.paths:
            self.list.clear()
            self.remove.setEnabled(False)
            for path in paths:
                self._show(path)

    @property
    def paths(self) -> list[str]:
        """The files as shown."""
        return [self.list.item(place).text() for place in range(self.list.count())]

    def take(self, path: str) -> None:
        """Add *path*, once."""
        if path not in self.paths:
            self._show(path)
            self.changed.emit(self.paths)

    def _show(self, path: str) -> None:
        item = QListWidgetItem(path)
        item.setTextAlignment(begin())  # it reads from left to right, and begins where its name does
        item.setToolTip(path)
        self.list.addItem(item)

    def _add(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a PEM file"), "", _pem_pattern())
        if path:
            self.take(path)

    def _remove(self) -> None:
        place = self.list.currentRow()
        if place >= 0:
            self.list.takeItem(place)
            self.changed.emit(self.paths)


def _pem_pattern() -> str:
    return tr("Certificates (*.pem *.crt *.cer);;All files (*)")


def _saved(session: Session) -> Sequence[Finding]:
    """Write a profile that is open no more; return what there is to tell."""
    try:
        return session.save_without_keyring()
    except CodesignError as error:
        return [error.finding]


def _check_proxy(text: str) -> list[Finding]:
    return [] if proxy_login.is_address(text) else [BAD_PROXY(detail=proxy_form())]


def _check_timeout(text: str) -> list[Finding]:
    from codesign_wizard.overrides import parse_timeout

    try:
        parse_timeout(text, tr("the time-out"))
    except InputError as error:
        return [error.finding]
    return []


def _check_file(text: str) -> list[Finding]:
    return [] if Path(text).is_file() else [NO_FILE()]
