"""Summary: what works, what ends when, what each party must do next; the report and the text for support."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QVBoxLayout, QWidget

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.expiry import Ending, Known, endings, parse_end, reminders_of
from codesign_wizard.core.finding import Finding, FindingKind, Severity, utc_now
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.report import build_report, search_secrets, support_text, write_report
from codesign_wizard.core.report_open import open_report
from codesign_wizard.core.summary import Move, StepLine, Summary, summarise
from codesign_wizard.core.text import in_days, tr
from codesign_wizard.core.verdict import when
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import SEVERITY_MARKS, Mark, px, standing_mark
from codesign_wizard.widgets.basics import (
    Card,
    Columns,
    CopyButton,
    MarkView,
    announce,
    button,
    clear,
    column,
    hairline,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.fields import CheckedField
from codesign_wizard.widgets.pieces import Banner, severity_word

NOT_A_DATE = FindingKind(
    "settings.not-a-date",
    Severity.ERROR,
    "Write a date as year-month-day, such as 2027-05-01.",
    "A typed end is not a date of that form: correct it, or leave the field empty.",
)


class SummaryPage(Page):
    """The last step, and what the button *Report* opens."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Summary"),
            tr("What works, what ends when, what comes next; and the report to hand on."),
        )
        self._shown: tuple[Any, ...] = ()
        self.banner = Banner()
        self.add(self.banner)
        self.add(self._report())
        left, right = QWidget(), QWidget()
        first, second = QVBoxLayout(left), QVBoxLayout(right)
        for box in (first, second):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(px(14))
        first.addWidget(self._steps())
        first.addStretch(1)
        second.addWidget(self._ends())
        second.addStretch(1)
        self.add(Columns(left, right, share=(1, 1)))
        self.next_card = Card(tr("What to do next"), note=tr("Who has to act, from what was found."))
        self.next_box = QVBoxLayout()
        self.next_box.setSpacing(px(8))
        self.next_card.body.addLayout(self.next_box)
        self.add(self.next_card)
        self.done()

    def _report(self) -> Card:
        card = Card(
            tr("Report"),
            note=tr(
                "One file with all of this, the evidence and the settings. Secrets are not in it, and "
                "folders are shortened. Dropped on this window it opens again, only to be read."
            ),
        )
        self.save_button = button(tr("Sa&ve report…"), self._ask_where, "primary")
        self.copy = CopyButton(self.support_text, tr("Copy for support"))
        for each in (self.save_button, self.copy):
            each.setProperty("reads", True)
        self.saved = label("", "soft")
        self.saved.hide()
        card.body.addLayout(row(self.save_button, self.copy, None))
        card.body.addWidget(self.saved)
        return card

    def _steps(self) -> Card:
        card = Card(tr("What was checked"))
        self.step_grid = _grid()
        card.body.addLayout(self.step_grid)
        return card

    def _ends(self) -> Card:
        card = Card(tr("What ends when"))
        self.end_grid = _grid()
        card.body.addLayout(self.end_grid)
        self.secret_end = self._end_field(tr("Secre&t ends on"), "client_secret")
        self.membership_end = self._end_field(tr("&Membership ends on"), "apple_membership")
        for each in (self.secret_end, self.membership_end):
            card.body.addWidget(each)
        self.calendar = button(tr("Save cale&ndar file…"), self._ask_where_calendar)
        self.calendar.setAccessibleName(tr("Save reminders of all known ends for a calendar"))
        self.calendar.setProperty("reads", True)
        self.calendar_saved = label("", "soft")
        self.calendar_saved.hide()
        card.body.addLayout(row(self.calendar, None))
        card.body.addWidget(self.calendar_saved)
        return card

    def _end_field(self, name: str, member: str) -> CheckedField:
        field = CheckedField(name, check=_check_end, hint=tr("such as 2027-05-01"), label_width=140)
        field.edited.connect(lambda text: self._typed(member, text))
        return field

    def refresh(self) -> None:
        profile = self.workspace.profile
        summary = summarise(profile)
        # the only warning that comes with a step out of date is that one: what is wrong is told before
        old = any(each.state is StepState.OUT_OF_DATE for each in summary.lines)
        stale = Mark.OUT_OF_DATE if old and summary.severity is Severity.WARNING else None
        self.banner.say(summary.severity, summary.title, summary.text, mark=stale)
        # who reads somebody else's report has not come to save it once more
        restyle(self.save_button, "kind", "" if self.workspace.session.origin is not None else "primary")
        self._show(summary)
        ends = {each.key: each for each in summary.endings}
        for field, key, typed in (
            (self.secret_end, "client-secret", profile.ends.client_secret),
            (self.membership_end, "apple-membership", profile.ends.apple_membership),
        ):
            # asked for only where nothing else tells it
            field.setVisible(key in ends and ends[key].known in (Known.UNKNOWN, Known.TYPED))
            if field.text != typed:
                field.set(typed)
        self.calendar.setEnabled(any(each.ends is not None for each in summary.endings))

    def shown(self) -> None:
        session = self.workspace.session
        if session.origin is None:
            # what is copied is searched for the secrets of the profile: they have to be known by then
            store, key = session, session.profile.id
            self.workspace.runner.start(
                lambda job: search_secrets(store.secrets, key), tr("Asking the keyring"), quiet=True
            )

    def support_text(self) -> str:
        """Return what *Copy for support* copies."""
        return support_text(self._document())

    def save_report(self, target: Path) -> None:
        """Write the report, as HTML or JSON by its ending, on a thread."""
        session = self.workspace.session

        def work(job: Job) -> tuple[Path, list[Finding]]:
            found = search_secrets(session.secrets, session.profile.id) if session.origin is None else []
            write_report(self._document(), target)
            return target, found

        task = self.workspace.runner.start(work, tr("Saving the report"), quiet=True, harmless=True)
        workspace = self.workspace
        # whichever page is there by then: what the keyring kept back is to be known
        task.done.connect(lambda told: workspace.tell(told[1]))
        self.follow(task, done=lambda told: _tell_saved(self.saved, told[0]))
        task.failed.connect(self.workspace.notice)

    def save_calendar(self, target: Path) -> None:
        """Write reminders of all known ends, on a thread."""
        profile = deepcopy(self.workspace.profile)

        def work(job: Job) -> Path:
            from codesign_wizard.core.certificates.reminders import calendar
            from codesign_wizard.core.files import write_atomic
            from codesign_wizard.core.report import UNWRITABLE

            try:
                write_atomic(target, calendar(reminders_of(endings(profile), profile.name)))
            except OSError as error:
                raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error
            return target

        task = self.workspace.runner.start(work, tr("Saving reminders"), quiet=True, harmless=True)
        self.follow(task, done=lambda path: _tell_saved(self.calendar_saved, path))
        task.failed.connect(self.workspace.notice)

    def _document(self) -> dict[str, Any]:
        session = self.workspace.session
        if session.origin is not None:
            # what was made elsewhere keeps its time and its versions
            return open_report(session.origin.path).document
        practice = session.practice is not None
        return build_report(deepcopy(session.profile), practice=practice, scenario=session.scenario)

    def _ask_where(self) -> None:
        from codesign_wizard.core.certificates.reminders import file_name

        name = file_name(self.workspace.profile.name).removesuffix("-renewal.ics")
        path, _ = QFileDialog.getSaveFileName(
            self,
            tr("Save the report"),
            f"{name}-{datetime.now(UTC):%Y-%m-%d}.html",
            tr("For people (*.html);;For programs (*.json)"),
        )
        if path:
            self.save_report(Path(path))

    def _ask_where_calendar(self) -> None:
        from codesign_wizard.core.certificates.reminders import file_name

        name = file_name(self.workspace.profile.name)
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save reminders for the calendar"), name, tr("Calendar files (*.ics)")
        )
        if path:
            self.save_calendar(Path(path))

    def _typed(self, member: str, text: str) -> None:
        setattr(self.workspace.profile.ends, member, text.strip())
        self.workspace.edited()

    # -- what is shown

    def _show(self, summary: Summary) -> None:
        shown = (summary.title, summary.lines, summary.endings, summary.moves)
        if shown == self._shown:
            return
        self._shown = shown
        for layout in (self.step_grid, self.end_grid, self.next_box):
            clear(layout)
        for place, line in enumerate(summary.lines):
            self._add_step(place, line)
        now = utc_now()
        for place, end in enumerate(summary.endings):
            self._add_end(place, end, now)
        self._add_moves(summary.moves)

    def _add_step(self, place: int, line: StepLine) -> None:
        fine = line.state is StepState.DONE and line.standing.severity is Severity.OK
        word = line.standing.words if fine else line.standing.told  # what lasts how long stands beside
        mark = MarkView(standing_mark(line.standing), f"{line.step.title}: {word}")
        self.step_grid.addWidget(mark, place, 0, Qt.AlignmentFlag.AlignTop)
        time = (
            tr("{state}, checked {time}").format(state=word, time=when(line.obtained))
            if line.obtained
            else word
        )
        words = column(label(line.step.title), label(time, "label"), gap=1)
        if line.text and line.text not in self.banner.title:  # where it is the answer, once is enough
            words.addWidget(label(line.text, "label"))
        self.step_grid.addLayout(words, place, 1)

    def _add_end(self, place: int, end: Ending, now: datetime) -> None:
        days = end.days(now) or 0
        gone = end.ends is not None and end.ends <= now
        if gone:
            mark, text = Mark.ERROR, tr("ended")
        elif end.near(now):
            mark, text = Mark.WARNING, in_days(days)
        elif end.ends is not None:
            mark, text = Mark.OK, in_days(days)
        elif end.known is Known.NEVER:
            mark, text = Mark.OK, tr("no end")
        else:
            mark, text = Mark.EMPTY, tr("not known")
        date = f"{end.ends:%Y-%m-%d}, {text}" if end.ends is not None else text
        self.end_grid.addWidget(MarkView(mark, f"{end.what}: {date}"), place, 0, Qt.AlignmentFlag.AlignTop)
        words = column(label(end.what), label(date, "label"), gap=1)
        if end.note:
            words.addWidget(label(end.note, "label"))
        self.end_grid.addLayout(words, place, 1)

    def _add_moves(self, moves: list[Move]) -> None:
        if not moves:
            self.next_box.addWidget(label(tr("Nothing: everybody has done their part."), "soft"))
        for place, party in enumerate(dict.fromkeys(each.party for each in moves)):
            if place:
                self.next_box.addWidget(hairline())
            self.next_box.addWidget(label(party.words, "heading"))
            for move in [each for each in moves if each.party is party]:
                mark = column(MarkView(SEVERITY_MARKS[move.severity], severity_word(move.severity)), None)
                what = label(move.what)
                opener = button(tr("Show"), partial(self.workspace.go.emit, move.page), "link")
                words = column(what, gap=1)
                # a link is higher than a line of words: mark and words begin lower, to stand on its line
                lower = max(0, opener.sizeHint().height() - what.fontMetrics().height()) // 2
                for each in (mark, words):
                    each.setContentsMargins(0, lower, 0, 0)
                if move.how:
                    words.addWidget(label(move.how, "label"))
                words.addStretch(1)  # the first line stays beside the mark
                line = row(gap=12)
                line.addLayout(mark)
                line.addLayout(words, 1)
                if move.page in {step.key for step in self.workspace.flow.steps()}:
                    opener.setAccessibleName(tr("Show: {what}").format(what=move.what))
                    line.addWidget(opener, 0, Qt.AlignmentFlag.AlignTop)
                self.next_box.addLayout(line)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(px(12))
    grid.setVerticalSpacing(px(10))
    grid.setColumnStretch(1, 1)
    return grid


def _check_end(text: str) -> list[Finding]:
    return [] if not text.strip() or parse_end(text) is not None else [NOT_A_DATE()]


def _tell_saved(told: QLabel, path: Path) -> None:
    told.setText(tr("Saved as {name}").format(name=path.name))
    told.setToolTip(str(path))
    told.show()
    announce(told, told.text())
