"""Inspect: what a file is, whose, until when, and what is wrong with it. Opened from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.inspect_welcome import InspectWelcome
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import Card, Facts, announce, button, clear, column, keep_side, label
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner, FileDrop
from codesign_wizard.widgets.secret_field import reveal_button

if TYPE_CHECKING:
    from codesign_wizard.core.inspection import Inspection


_NAME_WIDTH = 168
_PASSWORD = ("inspect.password-needed", "inspect.password-wrong")


class InspectPage(Page):
    """The panel *Inspect a file*."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Inspect a file"),
            tr("What it is, whose, until when, and what is wrong with it. The file is only read."),
        )
        self._task: Task | None = None
        self._path: Path | None = None
        self._opening = False  # with a password that was typed
        self.banner = Banner()
        self.banner.hide()
        self.add(self.banner)
        self.drop = FileDrop("", tr("Choose a file…"), tr("All files (*)"), folders=True)
        self.drop.chosen.connect(self.look_at)
        self.drop.hide()
        self.add(self.drop)
        self.welcome = InspectWelcome()
        self.welcome.chosen.connect(self.look_at)
        self.box.addWidget(self.welcome, 1)
        self.password_row = QWidget()
        box = QHBoxLayout(self.password_row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        self.password = QLineEdit()
        keep_side(self.password)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setAccessibleName(tr("Password of the file"))
        self.password.returnPressed.connect(self._with_password)
        words = label(tr("&Password"), wrap=False)
        words.setTextFormat(Qt.TextFormat.AutoText)
        words.setBuddy(self.password)
        box.addWidget(words)
        box.addWidget(self.password, 1)
        box.addWidget(reveal_button(self.password, self.password.accessibleName()))
        box.addWidget(button(tr("Open with this password"), self._with_password, "primary"))
        self.password_row.hide()
        self.add(self.password_row)
        self.card = Card(tr("The file"))
        self.facts = Facts(name_width=_NAME_WIDTH)
        self.card.body.addWidget(self.facts)
        self.card.hide()
        self.add(self.card)
        self.parts = QWidget()
        self._parts = column(gap=14)
        self.parts.setLayout(self._parts)
        self.parts.hide()
        self.add(self.parts)
        self.findings = FindingList(tr("What was checked"))
        self.findings.again.connect(lambda finding: self._again())
        self.findings.link.connect(self.link)
        self.add(self.findings)
        self.below = QWidget()  # takes the room that is left, in the place of the welcome
        self.below.hide()
        self.box.addWidget(self.below, 1)

    def shown(self) -> None:
        drop = self.welcome if self._path is None else self.drop
        drop.choose.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def look_at(self, path: str, password: Secret | None = None) -> None:
        """Inspect the file at *path*, on a thread."""
        self._path = Path(path)
        # the place to drop on shrinks: what is found needs the room
        self.drop.show()
        if self.window().focusWidget() is self.welcome.choose:
            self.take_focus(self.drop.choose)
        self.welcome.hide()
        self.below.show()
        if self._task is not None:
            self._task.abandon()
        file, workspace = self._path, self.workspace
        session = workspace.session
        self.drop.say(file.name, str(file))
        self.banner.say(Severity.INFO, tr("Reading {name}.").format(name=file.name), mark=Mark.NOW)
        self.banner.show()
        self.card.hide()
        self.parts.hide()
        self.findings.hide()
        self._opening = password is not None
        # asked only where a password can be meant: these two kinds are encrypted as a rule
        self.password_row.setVisible(self._opening or file.suffix.casefold() in (".p12", ".pfx"))

        def work(job: Job) -> Inspection:
            from codesign_wizard.core.inspect import inspect_file

            return inspect_file(job, file, password, roots=session.roots(), apple_roots=session.apple_roots())

        self._task = workspace.runner.start(work, tr("Reading {name}").format(name=file.name), harmless=True)
        self._task.done.connect(self._read)
        self._task.failed.connect(self._not_read)
        self._task.cancelled.connect(self._cancelled)

    def _read(self, found: Inspection) -> None:
        self._task = None
        if found.kind == "report" and self._path is not None:
            self.workspace.open_report(self._path)
            return
        below, rest = found.lead()
        locked = [one for one in rest if one.id in _PASSWORD]
        if locked:
            # the field for it stands right below
            below, rest = locked[0].title, [one for one in rest if one not in locked]
        severity = verdict(found.findings, found.title)[0]
        _, title, text = verdict(rest, found.title)
        # the sentence says first what it is; what is wrong follows it
        first, then = found.title, below or (title if title != found.title else text)
        if locked and self._opening:
            # somebody typed one, and what the file is was said before
            first, then = then, first
        self.banner.say(severity, first, then)
        # a file that was read asks for no password any more
        self.password_row.setVisible(bool(locked))
        if locked:
            self.take_focus(self.password)
        self.facts.set(found.facts)
        self.card.setVisible(bool(found.facts))
        clear(self._parts)
        for part in found.parts:
            card = Card(part.name, note=part.role)
            card.body.addWidget(Facts(part.facts, name_width=_NAME_WIDTH))
            self._parts.addWidget(card)
        self.parts.setVisible(bool(found.parts))
        self.findings.set(rest)
        announce(self, self.banner.title)
        if self._opening and not locked and not self.findings.focus_first():
            # the field that had the focus is gone: on to where the next file is given, as after any other
            self.take_focus(self.drop.choose)

    def _not_read(self, finding: Finding) -> None:
        self._task = None
        self.banner.say(finding.severity, finding.title, finding.detail)
        self.findings.set([finding])
        if self.password_row.isVisible():
            self.take_focus(self.password)
            self.password.selectAll()
        announce(self, finding.title)

    def _cancelled(self) -> None:
        self._task = None
        self.banner.say(Severity.INFO, tr("Cancelled."), mark=Mark.NOT_APPLICABLE)

    def _again(self) -> None:
        if self._path is not None:
            self.look_at(str(self._path))

    def _with_password(self) -> None:
        if self._path is not None:
            self.look_at(str(self._path), Secret(self.password.text()))
            self.password.clear()
