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
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import Card, Facts, announce, button, keep_side, label
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner, FileDrop

if TYPE_CHECKING:
    from codesign_wizard.core.inspection import Inspection


_PASSWORD = ("inspect.password-needed", "inspect.password-wrong")


class InspectPage(Page):
    """The panel *Inspect a file*."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Inspect a file"),
            tr("What it is, whose, until when, and what is wrong with it. The file is only read, here."),
        )
        self._task: Task | None = None
        self._path: Path | None = None
        self.banner = Banner()
        self.banner.hide()
        self.add(self.banner)
        self.drop = FileDrop(
            tr("Drop a file here: .exe, .dll, .pkg, .zip, .cer, .crt, .pem, .csr, .p7b, .p12, .pfx or .p8"),
            tr("Choose a file…"),
            tr("All files (*)"),
        )
        self.drop.chosen.connect(self.look_at)
        self.add(self.drop)
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
        box.addWidget(button(tr("Open with this password"), self._with_password))
        self.password_row.hide()
        self.add(self.password_row)
        self.card = Card(tr("The file"))
        self.facts = Facts(name_width=140)
        self.card.body.addWidget(self.facts)
        self.card.hide()
        self.add(self.card)
        self.findings = FindingList(tr("What was checked"))
        self.findings.again.connect(lambda finding: self._again())
        self.findings.link.connect(self.link)
        self.add(self.findings)
        self.done()

    def shown(self) -> None:
        if self._path is None:
            self.drop.choose.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def look_at(self, path: str, password: Secret | None = None) -> None:
        """Inspect the file at *path*, on a thread."""
        self._path = Path(path)
        if self._task is not None:
            self._task.abandon()
        file, workspace = self._path, self.workspace
        session = workspace.session
        self.drop.say(file.name, str(file))
        self.banner.say(Severity.INFO, tr("Reading {name}.").format(name=file.name), mark=Mark.NOW)
        self.banner.show()
        self.card.hide()
        self.findings.hide()
        # asked only where a password can be meant: these two kinds are encrypted as a rule
        self.password_row.setVisible(file.suffix.casefold() in (".p12", ".pfx"))

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
        severity, title, text = verdict(found.findings, found.title)
        told = [one for one in found.findings if one.title == found.title]
        if told:
            # the one finding that says what it is need not be counted besides
            text = told[0].detail if len(found.findings) == 1 else text
        # the sentence says first what it is; what is wrong follows it
        self.banner.say(severity, found.title, title if title != found.title else text)
        # a file that was read asks for no password any more
        locked = any(one.id in _PASSWORD for one in found.findings)
        self.password_row.setVisible(locked)
        if locked:
            self.take_focus(self.password)
        self.facts.set(found.facts)
        self.card.setVisible(bool(found.facts))
        self.findings.set(found.findings)
        announce(self, self.banner.title)

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
