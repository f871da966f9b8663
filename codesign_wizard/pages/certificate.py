"""Certificate: what the vault holds, judged; the signing request; the CA's answer; renewal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from codesign_wizard.core.certificates.desk import (
    CertificateDesk,
    DeskState,
    Stage,
    headline,
    since_words,
    what_is_made,
    what_is_merged,
)
from codesign_wizard.core.finding import Finding, Severity, blocks, worst_first
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, OPEN, PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.certificate_parts import (
    AnswerCard,
    BeginPart,
    CaCard,
    FormPart,
    WaysOn,
    answer_words,
    flexible,
)
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import GAP, Mark
from codesign_wizard.widgets.basics import Columns, announce, button, column, label, restyle, row
from codesign_wizard.widgets.certificate import ChainCard, HeldCard, RequestCard, names
from codesign_wizard.widgets.confirm import Question
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from codesign_wizard.core.certificates.bundle import Answer
    from codesign_wizard.core.certificates.forms import Piece
    from codesign_wizard.core.certificates.request import RequestOptions

_QUIET = (Severity.OK, Severity.INFO)
_EXPIRES_SOON = "certificate.judge.expires-soon"


class CertificatePage(Page):
    """The fourth page. What it shows is the vault's state as last looked at, kept in the profile."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Certificate"),
            tr("What the vault holds, and the way to the next certificate. You confirm every change first."),
        )
        self._task: Task | None = None
        self._inputs = ""
        self._shown: object = None
        self._state: DeskState | None = None
        self._writing = False  # whether the form for a request is open
        self._before: list[Finding] | None = None  # what was said against a request
        self._answer: Answer | None = None
        self._source: Callable[[], Sequence[Piece]] | None = None  # where the answer came from
        self._looked = False  # whether this run of the program has looked
        self.banner = Banner()
        self.question = Question()
        self.question.changed.connect(self._choose_primary)
        self.problems = FindingList(tr("What was checked"))
        self.problems.again.connect(lambda finding: self.check_again())
        self.problems.link.connect(self.link)
        self.ways = WaysOn()
        self.ways.chosen.connect(self._go_on)
        self.begin = BeginPart(self.write_request, lambda: workspace.go.emit(KEY_VAULT))
        self.form = FormPart(self.check_before, self.leave_form)
        self.form.edited.connect(self._form_edited)
        workspace.merged.connect(self._form_changed_elsewhere)
        self.request = RequestCard(self._ask_where_request, self.ask_drop)
        self.answer = AnswerCard(self._ask_merge, self._practice_answers)
        self.answer.drop.files.connect(self.take_files)
        self.answer.paste.given.connect(self.take_text)
        self.ca = CaCard(self.ask_proof)
        side = QWidget()
        side.setLayout(column(flexible(self.ca), flexible(self.answer), None, gap=GAP))
        self.pending = flexible(Columns(flexible(self.request), side, share=(3, 2)))
        self.held_card = HeldCard(self.write_request, self._ask_where_reminders)
        self.chain = ChainCard()
        self.held = Columns(self.held_card, self.chain, share=(3, 2), level=True)
        self.judged = FindingList(tr("How it was judged"))
        self.judged.link.connect(self.link)
        self.look_button = button(tr("Loo&k in the vault"), self.look, "primary")
        self.look_note = label(
            tr("Reads the vault and asks the CA about revocation. Changes nothing."), "soft"
        )
        self.look_row = QWidget()
        actions = row(self.look_button, self.look_note, gap=12)
        actions.setStretch(1, 1)
        self.look_row.setLayout(actions)
        states: tuple[QWidget, ...] = (self.begin, self.form, self.pending, self.held)
        for part in (self.banner, self.question, self.problems, self.ways, *states):
            self.add(part)
        self.add(self.look_row)
        self.add(self.judged)
        self.done()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc anywhere on the page is the answer to a question that changes nothing."""
        if event.key() == Qt.Key.Key_Escape and self.question.asking:
            self.question.decline()
        else:
            super().keyPressEvent(event)

    # -- showing

    def refresh(self) -> None:
        self._show_result()

    def shown(self) -> None:
        """Look at once when the sign-in has worked before: a request waits in the vault, not here."""
        ready = self.workspace.flow.state(KEY_VAULT) is StepState.DONE
        if ready and not self._looked and self._task is None:
            self._look(quiet=True)

    def leaving(self) -> None:
        self._keep_form()

    def focus_problem(self) -> bool:
        return self.problems.focus_first()

    def _show_result(self) -> None:
        workspace = self.workspace
        state = workspace.flow.state(CERTIFICATE)
        result = workspace.profile.results.get(CERTIFICATE)
        shown = (id(result), state, self._writing, id(self._before), id(self._answer), id(self._task))
        if shown == self._shown:
            return
        self._shown = shown
        self._state = _kept(result)
        busy = self._task is not None
        self._show_parts()
        for part in (self.begin, self.form, self.pending, self.held_card, self.look_button, self.ways):
            part.setEnabled(not busy)
        if not busy:
            self._show_findings(result)
            self._say(result, state)

    def _show_parts(self) -> None:
        desk, writing = self._state, self._writing
        pending = desk is not None and desk.request is not None
        held = desk is not None and desk.stage.held
        # a name that is deleted or taken has its ways on below the problem
        self.begin.setVisible(desk is not None and desk.stage is Stage.FREE and not writing)
        self.form.setVisible(writing)
        self.pending.setVisible(pending and not writing)
        self.held.setVisible(held and not writing)
        self.look_row.setVisible(not writing)
        if desk is not None:
            self.begin.show_state(desk)
            if desk.request is not None:
                self.request.show_request(desk.request)
            if held:
                self.held_card.show_state(desk)
                self.chain.show_state(desk)
        # with an answer in hand there is nothing more to do at the CA
        self.ca.setVisible(self._answer is None)
        self.answer.offer_merge(self._answer is not None and self._answer.ok)
        self.answer.offer_practice(self._practice_forms())
        self.look_button.setText(tr("Loo&k in the vault") if desk is None else tr("Loo&k again"))
        self._choose_primary()

    def _choose_primary(self) -> None:
        """One button a page is the thing to do next; while a question is asked, it is there."""
        desk, quiet = self._state, not self.question.asking
        pending = desk is not None and desk.request is not None
        ready = self._answer is not None and self._answer.ok
        due = desk is not None and not pending and (desk.stage is Stage.RENEWAL_DUE or _ended(desk))
        for part, next_thing in (
            (self.look_button, desk is None and not self._writing),
            (self.begin.write, True),
            (self.form.check, True),
            (self.request.save, pending and self._answer is None),
            (self.answer.merge, ready),
            (self.held_card.renew, due),
        ):
            restyle(part, "kind", "primary" if next_thing and quiet else "")

    def _show_findings(self, result: StepResult | None) -> None:
        kept = list(result.findings) if result is not None else []
        desk = self._state
        # the banner says this one, and better: by the days that are left now
        told = _EXPIRES_SOON if desk is not None and desk.stage is Stage.RENEWAL_DUE else ""
        if self._writing:
            self.problems.set(self._before or (), can_check=False)
            self.ways.offer(self._before or ())
            self.judged.hide()
            return
        if self._answer is not None:
            self.problems.set(self._answer.findings, can_check=self._source is not None)
            self.ways.offer(())
        else:
            self.problems.set([each for each in kept if each.severity not in _QUIET and each.id != told])
            self.ways.offer(kept)
        quiet = [each for each in kept if each.severity in _QUIET and each.id != told]
        self.judged.set(quiet, can_check=False)

    def _say(self, result: StepResult | None, state: StepState) -> None:
        desk = self._state
        if self._writing:
            self._say_form()
        elif self._answer is not None:
            severity, title, _ = verdict(self._answer.findings, tr("The answer fits the request."))
            text = tr("Nothing was changed in the vault.")
            if self._answer.ok:
                text = tr("It is not in the vault yet: merging it is the last step.")
            self.banner.say(severity, title, text)
        elif result is None:
            self.banner.say(
                Severity.INFO,
                tr("Nobody has looked yet what the vault holds."),
                tr("A few seconds, and nothing changes there."),
                mark=Mark.NOW,
            )
        elif state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since this was looked at. Look again."),
                tr("The result below is of {time}.").format(time=when(result.obtained)),
                mark=Mark.OUT_OF_DATE,
            )
        elif desk is None or result.details.get("failed"):
            severity, title, text = verdict(result.findings, tr("The vault answers."))
            before = result.details.get("seen")
            if desk is not None and before:
                text = tr("What is shown below is of {time}.").format(time=before)
            self.banner.say(severity, title, text)
        else:
            severity, title, text = headline(desk)
            stamp = tr("Seen {time}.").format(time=when(result.obtained))
            now = Mark.NOW if severity is Severity.INFO else None
            self.banner.say(severity, title, f"{text} {stamp}".strip(), mark=now)

    def _say_form(self) -> None:
        if self._before is not None and blocks(self._before):
            severity, title, text = verdict(self._before, "")
            self.banner.say(severity, title, f"{text} {tr('Nothing was made.')}".strip())
            return
        renewal = self._state is not None and self._state.stage.held
        self.banner.say(
            Severity.INFO,
            tr("A request for the next version: the present one keeps signing until you merge the answer.")
            if renewal
            else tr("Fill in who the certificate is for."),
            tr("The vault makes the key and the request. You see what is made before it is."),
            mark=Mark.NOW,
        )

    # -- jobs

    def _begin(
        self,
        name: str,
        work: Callable[[CertificateDesk, Job], Any],
        done: Callable[[Any], object],
        *,
        failed: Callable[[Finding], object] | None = None,
        quiet: bool = False,
        changing: bool = False,
    ) -> bool:
        """Run *work*; after a *changing* job that was cancelled a look tells whether it was too late."""
        if self._task is not None or (self.workspace.runner.foreground is not None and not quiet):
            return False
        session = self.workspace.session
        options = session.azure_options()
        self._inputs = self.workspace.flow.inputs(CERTIFICATE)

        def run(job: Job) -> Any:
            # made on the thread: the network's first use takes its time
            network, secret = session.network, session.application_secret
            return work(CertificateDesk(network, options, secret, session.roots), job)

        task = self._task = self.workspace.runner.start(run, name, quiet=quiet)
        task.done.connect(done)
        task.failed.connect(failed or self._failed)
        task.finished.connect(lambda: self._over(task, changing=changing, quiet=quiet))
        self.banner.say(Severity.INFO, f"{name}…", self._promise(changing), mark=Mark.NOW)
        self._show_result()
        if not quiet:
            self.verticalScrollBar().setValue(0)
        return True

    @staticmethod
    def _promise(changing: bool) -> str:
        return "" if changing else tr("Nothing changes in the vault.")

    def _over(self, task: Task, *, changing: bool, quiet: bool) -> None:
        if self._task is task:
            self._task = None
        self._shown = None
        self._show_result()
        if changing and task.job.cancel_event.is_set():
            self.look()
            return
        if quiet:
            return
        announce(self, self.banner.title, assertive=True)
        if not self.question.asking and not self.problems.focus_first():
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _failed(self, finding: Finding) -> None:
        """Keep the problem; what was seen before stays below it."""
        former = self.workspace.profile.results.get(CERTIFICATE)
        details = dict(former.details) if former is not None else {}
        if former is not None and "seen" not in details and details.get("desk"):
            details["seen"] = when(former.obtained)
        details["failed"] = True
        facts = former.facts if former is not None else {}
        self.workspace.flow.record(CERTIFICATE, [finding], facts, inputs=self._inputs, details=details)
        self.workspace.edited()

    def _record(self, desk: DeskState) -> None:
        details = {"desk": desk.to_json(), OPEN: desk.stage.value if desk.stage.open else ""}
        flow = self.workspace.flow
        flow.record(CERTIFICATE, desk.findings, desk.facts, inputs=self._inputs, details=details)
        if desk.request is None or (self._state and self._state.request and self._changed(desk)):
            self._forget_answer()
        self.workspace.edited()

    def _changed(self, desk: DeskState) -> bool:
        former = self._state.request if self._state is not None else None
        return former is None or desk.request is None or former.pem != desk.request.pem

    def look(self) -> None:
        """Look what the vault holds; changes nothing."""
        self._look(quiet=False)

    def _look(self, *, quiet: bool) -> None:
        if self._begin(tr("Looking what the vault holds"), CertificateDesk.look, self._record, quiet=quiet):
            self._looked = True
            self.question.close_question()

    def check_again(self) -> None:
        """Check again what is shown: the answer as it was given, else the vault."""
        if self._answer is not None and self._source is not None:
            self._check(self._source)
        else:
            self.look()

    # -- the request

    def write_request(self) -> None:
        """Open the form, filled with what was typed before or with the present certificate's subject."""
        settings = self.workspace.profile.windows.request
        fields = self.form.form.fields
        typed = {key: str(getattr(settings, key)) for key in fields}
        if not any(typed.values()) and self._state is not None:
            typed = {key: self._state.subject.get(key, "") for key in fields}
        self.form.form.set(typed, settings.key, settings.hardware)
        self.form.show_preview()
        self._writing, self._before = True, None
        self._forget_answer()
        self._show_result()
        self.verticalScrollBar().setValue(0)
        fields["organization"].edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave_form(self) -> None:
        """Close the form; what is typed stays."""
        self._keep_form()
        self._writing, self._before = False, None
        self.question.close_question()
        self._show_result()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _form_edited(self) -> None:
        self._keep_form()
        self.question.close_question()
        if self._before is not None:
            self._before = None  # it was of what was typed before
            self._show_result()

    def _form_changed_elsewhere(self) -> None:
        # what the form shows is written at the next keystroke: it must not undo the other window's change
        if self._writing:
            settings, form = self.workspace.profile.windows.request, self.form.form
            typed = {key: str(getattr(settings, key)) for key in form.fields}
            form.set(typed, settings.key, settings.hardware)

    def _keep_form(self) -> None:
        if not self._writing:
            return
        settings, form = self.workspace.profile.windows.request, self.form.form
        for key, value in form.values().items():
            setattr(settings, key, value)
        settings.key, settings.hardware = form.key_name, not form.software.isChecked()
        self.workspace.edited()

    def check_before(self) -> None:
        """Ask the vault whether the request can be made; then show exactly what would be."""
        if self.form.form.focus_wrong():
            return
        asked = self.form.form.asked()
        tier, permissions = self._known()

        def work(desk: CertificateDesk, job: Job) -> list[Finding]:
            return desk.before_request(job, asked, tier=tier, permissions=permissions)

        self.question.close_question()
        self._begin(
            tr("Checking before anything is made"),
            work,
            lambda found: self._checked_before(found, asked),
            failed=lambda finding: self._checked_before([finding], asked),
        )

    def _checked_before(self, found: list[Finding], asked: RequestOptions) -> None:
        self._before = worst_first(found)
        if blocks(found):
            return
        options = self.workspace.session.azure_options()
        renewal = self._state is not None and self._state.stage.held
        self.question.ask(
            tr("Make this in the vault?"),
            tr("Nothing has been made so far. This is all that will be:"),
            tr("Make it no&w"),
            lambda: self._make(asked),
            facts=what_is_made(options, asked, renewal=renewal),
        )

    def _make(self, asked: RequestOptions) -> None:
        self._begin(
            tr("Making the signing request"),
            lambda desk, job: desk.request(job, asked),
            self._made,
            failed=lambda finding: self._checked_before([finding], asked),
            changing=True,
        )

    def _made(self, desk: DeskState) -> None:
        self._writing, self._before = False, None
        self._record(desk)

    def _known(self) -> tuple[str, Any]:
        """Return the vault's tier and the permissions as the page Permissions found them, if it did."""
        from codesign_wizard.core.azure.permissions.report import Report

        result = self.workspace.profile.results.get(PERMISSIONS)
        if result is None or self.workspace.flow.state(PERMISSIONS) is StepState.OUT_OF_DATE:
            return "", None
        try:
            report = Report.from_json(result.details["report"], result.findings)
        except (KeyError, TypeError, ValueError):
            return "", None  # nothing was found out, or another version kept it
        return str(report.facts.get("sku", "")), report

    def ask_drop(self) -> None:
        """Ask before the request is dropped, saying plainly what is lost."""
        desk = self._state
        if desk is None or desk.request is None:
            return
        since = since_words(desk.request.since, datetime.now(UTC))
        self.question.ask(
            tr("Drop the signing request {name}?").format(name=desk.name),
            since,
            tr("&Drop it"),
            self._drop,
            no=tr("Kee&p it"),
            lost=tr(
                "Lost for good: its key. A certificate that the CA issues for this request, even one that is "
                "paid for, can then never be used; the CA would have to issue it anew for another request."
            ),
        )
        self.verticalScrollBar().setValue(0)

    def _drop(self) -> None:
        self._begin(tr("Dropping the request"), CertificateDesk.drop, self._record, changing=True)

    def _go_on(self, way: str) -> None:
        """Do what one of the buttons below a problem says."""
        match way:
            case "resume":
                self.leave_form()
                self.look()
            case "recover":
                self._ask_recover()
            case "software":
                self.form.form.software.setChecked(True)
            case "name":
                self.workspace.go.emit(KEY_VAULT)
            case "permissions":
                self.workspace.go.emit(PERMISSIONS)

    def _ask_recover(self) -> None:
        options = self.workspace.session.azure_options()
        self.question.ask(
            tr("Bring the deleted certificate back?"),
            tr("All its versions come back as they were, and can sign again."),
            tr("&Recover it"),
            lambda: self._begin(tr("Recovering"), CertificateDesk.recover, self._recovered, changing=True),
            facts=[
                (tr("In the vault"), options.vault_name),
                (tr("Certificate"), options.certificate_name),
            ],
        )

    def _recovered(self, desk: DeskState) -> None:
        self._writing, self._before = False, None
        self._record(desk)

    # -- the CA's answer

    def take_files(self, paths: list[str]) -> None:
        """Check the files that were dropped or chosen."""
        chosen = [Path(path) for path in paths]

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.bundle import read_files

            return read_files(chosen)

        self._check(read, names([path.name for path in chosen]))

    def take_text(self, text: str) -> None:
        """Check a text that was pasted."""

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.forms import Piece

            return [Piece.of_text(text)]

        self._check(read, tr("the pasted text"))

    def _practice_forms(self) -> Sequence[tuple[str, str]]:
        cloud = self.workspace.session.practice
        return [(form, answer_words(form)) for form in cloud.answer_forms] if cloud is not None else []

    def _practice_answers(self, form: str) -> None:
        cloud, pem = self.workspace.session.practice, self.request.pem
        if cloud is None:
            return

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.forms import Piece

            try:
                return [Piece(name, data) for name, data in cloud.answer_request(pem, form)]
            except ValueError as error:
                # as a CA would: by a mail that says why not
                return [Piece.of_text(str(error), tr("the CA's refusal"))]

        self._check(read, tr("the practice CA's answer"))

    def _check(self, source: Callable[[], Sequence[Piece]], given: str = "") -> None:
        self.question.close_question()
        begun = self._begin(
            tr("Checking the CA's answer"),
            lambda desk, job: desk.check(job, source()),
            lambda answer: self._checked(answer, source),
            failed=self._not_checked,
        )
        if begun and given:
            self.answer.say_given(given)

    def _checked(self, answer: Answer, source: Callable[[], Sequence[Piece]]) -> None:
        self._answer, self._source = answer, source
        if answer.ok:
            self._ask_merge()

    def _not_checked(self, finding: Finding) -> None:
        from codesign_wizard.core.certificates.bundle import Answer

        self._answer, self._source = Answer(findings=[finding]), None

    def _forget_answer(self) -> None:
        self._answer = self._source = None
        self.answer.say_given("")

    def _ask_merge(self) -> None:
        answer = self._answer
        if answer is None or not answer.ok:
            return
        self.question.ask(
            tr("Merge this into the vault?"),
            tr("It fits the request. The certificate and its issuers go there; the root stays out."),
            tr("Mer&ge it now"),
            lambda: self._merge(answer),
            facts=what_is_merged(self.workspace.session.azure_options(), answer),
        )
        self.verticalScrollBar().setValue(0)

    def _merge(self, answer: Answer) -> None:
        self._begin(
            tr("Merging the answer"),
            lambda desk, job: desk.merge(job, answer),
            self._merged,
            failed=self._not_checked,
            changing=True,
        )

    def _merged(self, desk: DeskState) -> None:
        self._forget_answer()
        self._record(desk)

    # -- files to take along

    def _ask_where_request(self) -> None:
        desk = self._state
        if desk is None or desk.request is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save the signing request"), f"{desk.name}.csr", tr("Signing requests (*.csr *.pem)")
        )
        if path:
            self.save_request(Path(path))

    def save_request(self, target: Path) -> None:
        """Save the request as PEM for the CA."""
        self._save(target, self.request.pem.encode("ascii"), self.request.saved)

    def _ask_where_reminders(self) -> None:
        from codesign_wizard.core.certificates.reminders import file_name

        desk = self._state
        if desk is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save reminders for the calendar"), file_name(desk.name), tr("Calendar files (*.ics)")
        )
        if path:
            self.save_reminders(Path(path))

    def save_reminders(self, target: Path) -> None:
        """Save a calendar file with the days 60, 30 and 14 before the end."""
        from codesign_wizard.core.certificates.reminders import calendar, reminders

        desk = self._state
        if desk is not None and desk.expires is not None:
            found = reminders(desk.vault, desk.name, desk.expires)
            self._save(target, calendar(found), self.held_card.saved)

    def _save(self, target: Path, data: bytes, told: QWidget) -> None:
        def work(job: Job) -> Path:
            from codesign_wizard.core.authenticode.refusals import UNWRITABLE
            from codesign_wizard.core.errors import InputError
            from codesign_wizard.core.files import write_atomic

            try:
                write_atomic(target, data)
            except OSError as error:
                raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error
            return target

        task = self.workspace.runner.start(work, tr("Saving {name}").format(name=target.name), quiet=True)
        task.done.connect(lambda path: _tell_saved(told, path))
        task.failed.connect(self.workspace.notice)

    def ask_proof(self) -> None:
        """Ask the vault for its proof that the key is in hardware."""
        self._begin(tr("Asking for the proof"), CertificateDesk.attestation, self.ca.show_proof)


def _kept(result: StepResult | None) -> DeskState | None:
    if result is None:
        return None
    try:
        return DeskState.from_json(result.details["desk"], result.findings, result.facts)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # nothing was seen, or another version kept it: the findings still tell the answer


def _ended(desk: DeskState) -> bool:
    return desk.expires is not None and desk.expires <= datetime.now(UTC)


def _tell_saved(told: Any, path: Path) -> None:
    told.setText(tr("Saved as {name}").format(name=path.name))
    told.show()
    announce(told, told.text())
