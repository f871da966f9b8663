"""What was submitted to Apple, on the macOS trial's page: asked for again, and Apple's log explained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard.core.apple import key_work
from codesign_wizard.core.apple.later_words import explained, state_words, submission_line
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    CopyButton,
    MarkView,
    announce,
    button,
    clear,
    column,
    hairline,
    label,
    row,
)
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Fold

if TYPE_CHECKING:
    from codesign_wizard.core.apple.submissions import Record

_MARKS = {
    "uploading": Mark.NOW,
    "processing": Mark.NOW,
    "accepted": Mark.OK,
    "invalid": Mark.ERROR,
    "rejected": Mark.ERROR,
    "abandoned": Mark.NOT_APPLICABLE,
}
_MOST = 20


class Submissions(Fold):
    """The submissions of this profile, the newest first, folded; hidden while there are none."""

    link = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(tr("S&ubmissions to Apple"))
        self.workspace = workspace
        self.records: Sequence[Record] = ()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.card = Card()
        self.card.note.setText(tr("They stay with Apple and cannot be withdrawn. A new one is not faster."))
        self.card.note.show()
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(px(9))
        self.card.body.addWidget(holder)
        self.findings = FindingList(tr("What Apple said"))
        self.findings.link.connect(self.link)
        self.body.addWidget(self.card)
        self.body.addWidget(self.findings)
        self._asks: list[QWidget] = []
        self.hide()

    def read(self) -> None:
        """Read the notes that are kept beside the profile."""
        records = self.workspace.session.submissions().all()[:_MOST]
        if list(records) != list(self.records):
            self.records = records
            self._fill()
        self.setVisible(bool(records))

    def refresh(self) -> None:
        """Let nobody ask while something else is under way."""
        for each in self._asks:
            each.setEnabled(self.workspace.runner.foreground is None)

    def _fill(self) -> None:
        clear(self._list)
        self._asks = []
        for place, record in enumerate(self.records):
            if place:
                self._list.addWidget(hairline())
            state = state_words(record)
            ask = button(
                tr("Ask again") if record.open else tr("Explain"), partial(self.ask, record), "small"
            )
            ask.setAccessibleName(
                tr("What Apple says of {file}, {id}").format(file=record.name, id=record.id)
            )
            self._asks.append(ask)
            copy = CopyButton(partial(str, record.id), tr("Copy the ID"), "small")
            copy.setAccessibleName(tr("Copy the submission ID {id}").format(id=record.id))
            mark = MarkView(_MARKS[record.state.value], state)
            told = column(label(f"{submission_line(record)}: {state}"), label(record.id, "mono"), gap=2)
            line = row(mark, told, ask, copy, gap=10)
            line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
            line.setStretch(1, 1)
            self._list.addLayout(line)

    def ask(self, record: Record) -> None:
        """Ask Apple how *record* stands, and explain its log."""
        workspace, session = self.workspace, self.workspace.session
        if not workspace.may_begin():
            return
        own = workspace.profile.macos.api_key
        ids = key_work.Ids(own.key_id, own.issuer_id, own.named, own.accepted)

        def status(job: Job) -> list[Finding]:
            from codesign_wizard.core.apple import notary

            key, known = key_work.usable(session, ids)
            look = Path(record.file) if record.file else None
            return notary.status(job, session.notary_desk(key, known), record.id, look=look).findings

        task = workspace.runner.start(status, tr("Asking Apple"))
        task.done.connect(self._told)
        task.failed.connect(self._not_told)
        task.finished.connect(self.read)

    def _not_told(self, finding: Finding) -> None:
        self._told([finding])

    def _told(self, findings: list[Finding]) -> None:
        self.findings.set(explained(findings), can_check=False)
        if findings:
            announce(self, findings[0].title, assertive=True)
        if self.isVisible() and not self.findings.focus_first():
            self.button.setFocus(Qt.FocusReason.OtherFocusReason)
