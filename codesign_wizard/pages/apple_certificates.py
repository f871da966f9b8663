"""Apple certificates: the Installer and the Application identity, judged; or made here, without a Mac."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from codesign_wizard.core.apple import identity_work as work
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import PLACES, SHORT, Look, Waits, by_name, left_out
from codesign_wizard.core.apple.identity_words import (
    assembled_words,
    for_a_page,
    judged_words,
    mendable,
    missing_words,
    moved_words,
    waiting_words,
)
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, OPEN, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.pages.apple_making import Making
from codesign_wizard.pages.apple_requests import RequestsPart
from codesign_wizard.pages.base import AskingPage
from codesign_wizard.pages.certificate_parts import WaysOn
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import MARGIN, Mark, px
from codesign_wizard.widgets.basics import Columns, announce, restyle
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.identity import IdentitySlot, PasswordCard
from codesign_wizard.widgets.identity_files import IdentityFiles
from codesign_wizard.widgets.pieces import Banner, Fold

if TYPE_CHECKING:
    from codesign_wizard.core.apple.requests import Assembled, PendingRequest

_QUIET = (Severity.OK, Severity.INFO)
_SHOWN_BY_PROMPT = "apple.identity.password-missing"


class AppleCertificatesPage(AskingPage):
    """The sixth page. What it shows was judged when it was opened, or when something was given."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Apple certificates"),
            tr("Two Developer ID identities of one team. They are read here and stay on this computer."),
        )
        self._task: Task | None = None
        self._left: list[Path] = []  # what was given beyond two files
        self._asks = False  # whether a password is asked for once the files were read
        self._answered = False  # whether one was typed, whose field may be gone once it was tried
        self._next: Callable[[], object] | None = None
        self._shown: object = None
        self.seen: Look | None = None  # with the keys; never kept
        self._known = 0  # how many passwords are known
        self._place = ""
        self._reason = ""  # why passwords are not kept
        self.assembled: Assembled | None = None
        self.pending: list[PendingRequest] = []
        self._problem: Finding | None = None  # of a job that failed
        self.banner = Banner()
        self.question.changed.connect(self._choose_primary)
        self.problems = FindingList(tr("What was checked"))
        self.problems.again.connect(lambda finding: self.check_again())
        self.problems.link.connect(self.link)
        self.ways = WaysOn(_ways)
        self.slots = {kind: IdentitySlot(kind) for kind in PLACES}
        for kind, slot in self.slots.items():
            slot.given.connect(partial(self.take_files, kind=kind))
            slot.cleared.connect(partial(self.clear, kind))
        self.places = Columns(*self.slots.values(), share=(1, 1), level=True)
        self.secrets = PasswordCard()
        self.secrets.given.connect(partial(self._password_given, other=False))
        self.secrets.given_other.connect(partial(self._password_given, other=True))
        self.secrets.forgotten.connect(self._forget_passwords)
        self.files = IdentityFiles()
        making = self.making = Making(self)
        self.ways.chosen.connect(self._take_way)
        self.files.write.connect(making.ask_write)
        self.files.leave.connect(making.leave_form)
        self.requests = RequestsPart(
            making.make_requests, making.ask_where_requests, making.ask_drop, making.practise
        )
        self.requests.answer.files.connect(self.take_files)
        self.requests.site.link.connect(self.link)
        self.fold = Fold(tr("No Mac? Make the signing requests here"))
        self.fold.body.setContentsMargins(0, 0, 0, 0)
        self.fold.body.addWidget(self.requests)
        self._folded: bool | None = None
        self.judged = FindingList(tr("How they were judged"))
        self.judged.link.connect(self.link)
        above: tuple[QWidget, ...] = (self.banner, self.question, self.problems, self.ways, self.files)
        for part in (*above, self.places, self.secrets, self.fold, self.judged):
            self.add(part)
        self.done()

    # -- showing

    def refresh(self) -> None:
        self._show()

    def shown(self) -> None:
        """Look at once: a file may have been exported anew, or replaced, since the last time."""
        self._find_pending()
        self._show()
        if self.seen is None and self._task is None and self.files_given():
            self.look()

    def leaving(self) -> None:
        self.seen = self.assembled = None

    def missing(self) -> str:
        result = self.workspace.profile.results.get(APPLE_CERTIFICATES)
        waits = Waits(result.details.get(OPEN, "")) if result is not None else None
        if self.workspace.flow.state(APPLE_CERTIFICATES) in (StepState.ATTENTION, StepState.OUT_OF_DATE):
            waits = Waits.NOTHING  # what is to be done then says the flow
        unwritten = self.assembled is not None and bool(self.assembled.identities)
        return missing_words(waits, pending=bool(self.pending), unwritten=unwritten)

    def focus_problem(self) -> bool:
        return self.problems.focus_first()

    def files_given(self) -> dict[Kind, Path]:
        """Return the files in the two places."""
        macos = self.workspace.profile.macos
        given = {Kind.INSTALLER: macos.installer_file, Kind.APPLICATION: macos.application_file}
        return {kind: Path(path) for kind, path in given.items() if path}

    def _put_files(self, files: Mapping[Kind, Path]) -> None:
        macos = self.workspace.profile.macos
        macos.installer_file, macos.application_file = (
            str(files[kind]) if kind in files else "" for kind in PLACES
        )

    def _find_pending(self) -> None:
        self.pending = work.pending_of(self.workspace.session)

    def _show(self) -> None:
        workspace, files = self.workspace, self.files_given()
        result = workspace.profile.results.get(APPLE_CERTIFICATES)
        state = workspace.flow.state(APPLE_CERTIFICATES)
        work_state = (id(self._task), id(self.assembled), id(self._problem), self._known)
        shown = (id(result), state, work_state, str(files), str(self.pending))
        if shown == self._shown:
            return
        self._shown = shown
        known = result if state is not StepState.OUT_OF_DATE else None
        for kind, slot in self.slots.items():
            told = known.details.get("severity", {}).get(SHORT[kind]) if known is not None else None
            severity = Severity(told) if told else None
            slot.show_file(str(files.get(kind, "")), known.facts if known is not None else {}, severity)
        self.secrets.setVisible(bool(files))
        self.secrets.show_state(self.seen, self._known, self._place, self._reason)
        self.requests.show_pending(self.pending, practising=workspace.session.practice is not None)
        opened = bool(self.pending) or len(files) < len(PLACES)
        if opened != self._folded:
            self._folded = opened
            self.fold.open(opened)
        parts = (self.places, self.secrets, self.files, self.fold, self.ways)
        self.let_use(parts, self._task is None or self._task.quiet)
        if self._task is None:
            self._show_findings(result)
            self._say(result, state)
        self._choose_primary()

    def _show_findings(self, result: StepResult | None) -> None:
        kept = list(result.findings) if result is not None else []
        if self._problem is not None:
            shown = [self._problem]
        elif self.assembled is not None:
            shown = self.assembled.findings
        else:
            shown = [each for each in kept if each.severity not in _QUIET]
        self.problems.set(for_a_page([each for each in shown if each.severity not in _QUIET]))
        self.ways.offer(mendable(shown) if self.files.isHidden() else ())
        told = self.assembled.findings if self.assembled is not None else kept
        self.judged.set([each for each in told if each.severity in _QUIET], can_check=False)

    def _say(self, result: StepResult | None, state: StepState) -> None:
        if self._problem is not None:
            self.banner.say(*verdict([self._problem], ""))
        elif self.assembled is not None:
            self.banner.say(*assembled_words(self.assembled))
        elif result is None or (result.ok and result.details.get(OPEN)):
            waits = Waits(result.details[OPEN]) if result is not None else Waits.NOTHING
            title, text = waiting_words(waits, self.pending)
            moved = moved_words(result.findings) if result is not None else ""
            self.banner.say(Severity.INFO, title, f"{moved} {text}".strip(), mark=Mark.NOW)
        elif state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since the certificates were read."),
                tr("The result below is of {time}.").format(time=when(result.obtained)),
                mark=Mark.OUT_OF_DATE,
            )
        else:
            severity, title, text = judged_words(result.findings, result.facts)
            stamp = tr("Read {time}.").format(time=when(result.obtained))
            parts = (moved_words(result.findings), text, stamp)
            self.banner.say(severity, title, " ".join(part for part in parts if part))

    def _choose_primary(self) -> None:
        """One button a page is the thing to do next; while a question is asked, it is there."""
        quiet, files = not self.question.asking, self.files_given()
        pending, form = bool(self.pending), not self.files.isHidden()
        for part, next_thing in (
            (self.files.go, form),
            (self.requests.made.make, not pending and not files),
            (self.requests.made.save, pending and not form and self.requests.made.saved.isHidden()),
        ):
            restyle(part, "kind", "primary" if next_thing and quiet else "")

    # -- jobs

    def begin(
        self,
        name: str,
        job: Callable[[Job], Any],
        done: Callable[[Any], object],
        *,
        quiet: bool = False,
        lasting: bool = False,
    ) -> None:
        """Run *job*; what it raises is shown as the page's problem."""
        if self._task is not None:
            if not self._task.quiet:
                return
            self._task.abandon()
        workspace, session = self.workspace, self.workspace.session
        task = self._task = workspace.runner.start(job, name, quiet=quiet, lasting=lasting)
        if lasting:  # kept in the profile of now, whichever is open by then, also where no answer is wanted
            task.finished.connect(lambda: workspace.edited_in(session))
        self.follow(task, done=done, failed=self._failed, finished=partial(self._over, task))
        self._problem = None
        self.banner.say(Severity.INFO, f"{name}…", mark=Mark.NOW)
        self._show()

    def _failed(self, finding: Finding) -> None:
        self._problem = finding

    def _over(self, task: Task) -> None:
        if self._task is not task:
            return
        self._task = None
        self._find_pending()
        self._shown = None
        self._show()
        step, self._next = self._next, None
        if step is not None:
            step()
            return
        announce(self, self.banner.title, assertive=True)
        asks, answered = self._asks, self._answered
        self._asks = self._answered = False
        if (asks or answered) and self.ask_password():
            return
        given = asks or answered
        if self.question.asking or (task.quiet and not given):
            return
        if not self.problems.focus_first() and (answered or not task.quiet):
            self.take_focus(self)
            self.verticalScrollBar().setValue(0)  # the answer stands there

    def ask_password(self) -> bool:
        """Put the focus where the password of what was given is typed; tells whether one is asked for."""
        seen = self.seen
        if seen is None or not seen.locked or not self.isVisible():
            return False
        field = self.secrets.other if self.secrets.other.isVisible() else self.secrets.first
        wanted = field.edit if field.edit.isVisible() else field.replace
        wanted.setFocus(Qt.FocusReason.OtherFocusReason)
        self.ensureWidgetVisible(field, 0, px(MARGIN))
        return True

    def look(self) -> None:
        """Read and judge the two files; changes none."""
        self._read({}, None, ())

    def check_again(self) -> None:
        """Read the files again; what was assembled and not written is forgotten."""
        self.assembled = self._problem = None
        if self.files_given():
            self.look()
        else:
            self._show()

    def _take_way(self, way: str) -> None:
        if way == "team":
            self.workspace.profile.macos.team = ""
            self.workspace.edited()
            self.look()
        else:
            self.making.open_repack()

    def take_files(self, paths: Sequence[str], kind: Kind | None = None) -> None:
        """Put the files into their places, or assemble them where they are Apple's answer."""
        self.question.close_question()
        self.making.leave_form(quiet=True)
        self._asks = True
        chosen = [Path(path) for path in paths]
        self._left = chosen[len(PLACES) :]
        self._read(by_name(chosen, kind), kind, chosen)

    def then(self, step: Callable[[], object]) -> None:
        """Do *step* once the job under way is over."""
        self._next = step

    def take_written(self, targets: Mapping[Kind, Path]) -> None:
        """Let the files that were written stand in their places, and judge them."""
        self._read(targets, None, ())

    def show_again(self) -> None:
        """Show everything as it is now."""
        self._shown = None
        self._show()

    def clear(self, kind: Kind) -> None:
        """Forget the file in the place of *kind*; the file itself stays where it is."""
        files = self.files_given()
        files.pop(kind, None)
        self._put_files(files)
        self.seen = None
        if files:
            self._show()
            self.look()
        else:
            self.workspace.profile.results.pop(APPLE_CERTIFICATES, None)
            self.workspace.edited()
        # with both places empty one begins at the first
        self.slots[kind if files else PLACES[0]].focus()

    def _read(self, given: Mapping[Kind, Path], fresh: Kind | None, answer: Sequence[Path]) -> None:
        session, files = self.workspace.session, {**self.files_given(), **given}
        team = self.workspace.profile.macos.team

        def read(job: Job) -> Assembled | work.Seen:
            if work.are_answers(session, answer):
                return work.assemble(session, answer)
            return work.look_again(session, files, fresh, team=team)

        self.begin(tr("Reading the certificates"), read, self._was_read, quiet=True)

    def _was_read(self, seen: Assembled | work.Seen) -> None:
        left, self._left = left_out(self._left), []
        if not isinstance(seen, work.Seen):
            self.assembled = seen
            if seen.identities:
                self.making.open_assembled()
            return
        self.seen, self._known = seen.look, seen.passwords
        self._place, self._reason = seen.place, seen.reason
        self._put_files(seen.look.files)
        told = [each for each in seen.look.findings if each.id != _SHOWN_BY_PROMPT]
        self.workspace.flow.record(
            APPLE_CERTIFICATES,
            [*seen.look.moved, *self.making.told, *left, *told],
            seen.look.facts(),
            details={OPEN: seen.look.waits.value, "severity": seen.look.severities()},
        )
        self.making.told = []
        self.workspace.edited()

    # -- passwords

    def _password_given(self, secret: Secret, *, other: bool) -> None:
        field = self.secrets.other if other else self.secrets.first
        # a field that was left for another part of the page takes the focus from nowhere
        self._asks, self._answered = True, self.window().focusWidget() is field.edit
        session, files = self.workspace.session, self.files_given()
        team = self.workspace.profile.macos.team

        def keep(job: Job) -> work.Seen:
            known = list(session.apple_passwords())
            first = known[0] if other and known else secret
            session.keep_apple_passwords(first, secret if first != secret else None)
            return work.look_again(session, files, team=team)

        self.begin(tr("Trying the password"), keep, self._was_read, quiet=True, lasting=True)

    def _forget_passwords(self) -> None:
        session, files = self.workspace.session, self.files_given()
        team = self.workspace.profile.macos.team

        def forget(job: Job) -> work.Seen:
            session.keep_apple_passwords(None)
            return work.look_again(session, files, team=team)

        self.begin(tr("Forgetting the password"), forget, self._was_read, quiet=True, lasting=True)


def _ways() -> dict[str, tuple[tuple[str, str], ...]]:
    return {
        "apple.identity.passwords-differ": (("repack", tr("Put both under one password…")),),
        "apple.options.other-team": (("team", tr("Let the files' team be the profile's")),),
        "apple.identity.shared": (("repack", tr("Write each to a file of its own…")),),
    }
