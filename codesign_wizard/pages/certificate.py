"""Certificate: what the vault holds, judged; the signing request; the CA's answer; renewal.

The page shows and runs; what it lets do is in ``certificate_request``, ``certificate_answer`` and
``certificate_files``, what it is made of in ``certificate_parts``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from codesign_wizard.core.certificates.desk import CertificateDesk, DeskState, Stage
from codesign_wizard.core.certificates.desk_words import Said, answer_words, form_words, standing_words
from codesign_wizard.core.certificates.kept import kept_desk, problems_and_quiet, record_failure, record_look
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.pages.base import AskingPage
from codesign_wizard.pages.before_looking import certificate_preview, key_vault_first
from codesign_wizard.pages.certificate_answer import Answering
from codesign_wizard.pages.certificate_files import Saving
from codesign_wizard.pages.certificate_parts import AnswerCard, BeginPart, CaCard, FormPart, WaysOn, flexible
from codesign_wizard.pages.certificate_request import Requesting
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import GAP, Mark
from codesign_wizard.widgets.basics import Columns, announce, button, column, label, restyle, row
from codesign_wizard.widgets.certificate import ChainCard, HeldCard, RequestCard
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner


class CertificatePage(AskingPage):
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
        self._looked = False  # whether this run of the program has looked
        self.desk: DeskState | None = None
        self._first: Said | None = None  # why Key Vault comes first, where nobody has looked
        requesting = self.requesting = Requesting(self)
        answering = self.answering = Answering(self)
        saving = self.saving = Saving(self)
        self.banner = Banner()
        self.question.changed.connect(self._choose_primary)
        self.problems = FindingList(tr("What was checked"))
        self.problems.again.connect(lambda finding: self.check_again())
        self.problems.link.connect(self.link)
        self.ways = WaysOn()
        self.ways.chosen.connect(self._go_on)
        self.begin_part = BeginPart(requesting.write, lambda: workspace.go.emit(KEY_VAULT))
        self.form = FormPart(requesting.check, requesting.leave)
        self.form.edited.connect(requesting.edited)
        self.form.form.judged.connect(self.show_result)
        workspace.merged.connect(requesting.changed_elsewhere)
        self.request = RequestCard(saving.ask_where_request, requesting.ask_drop)
        self.answer = AnswerCard(answering.ask_merge, answering.practise)
        self.answer.drop.files.connect(answering.take_files)
        self.answer.paste.given.connect(answering.take_text)
        self.ca = CaCard(self.ask_proof)
        side = QWidget()
        side.setLayout(column(flexible(self.ca), flexible(self.answer), None, gap=GAP))
        self.pending = flexible(Columns(flexible(self.request), side, share=(3, 2)))
        self.held_card = HeldCard(requesting.write, saving.ask_where_reminders)
        self.chain = ChainCard()
        self.held = Columns(self.held_card, self.chain, share=(3, 2), level=True)
        self.judged = FindingList(tr("How it was judged"))
        self.judged.link.connect(self.link)
        self.look_button = button(tr("Loo&k in the vault"), self.look, "primary")
        self.look_note = label("", "soft")
        self.look_row = QWidget()
        self.go_first = button(tr("Go to Ke&y Vault"), lambda: workspace.go.emit(KEY_VAULT), "primary")
        self.go_first.setProperty("reads", True)
        actions = row(self.go_first, self.look_button, self.look_note, gap=12)
        actions.setStretch(2, 1)
        self.look_row.setLayout(actions)
        states: tuple[QWidget, ...] = (self.begin_part, self.form, self.pending, self.held)
        for part in (self.banner, self.question, self.problems, self.ways, *states):
            self.add(part)
        self.add(self.look_row)
        self.preview = certificate_preview()
        self.add(self.preview)
        self.add(self.judged)
        self.done()

    # -- showing

    def refresh(self) -> None:
        self.show_result()

    def shown(self) -> None:
        """Look at once when the sign-in has worked before: a request waits in the vault, not here."""
        ready = self.workspace.flow.state(KEY_VAULT) is StepState.DONE
        if ready and not self._looked and self._task is None:
            self._look(quiet=True)

    def leaving(self) -> None:
        self.requesting.keep()

    def focus_problem(self) -> bool:
        if self.requesting.writing and self.form.form.focus_wrong():
            return True
        return self.problems.focus_first()

    @property
    def held_now(self) -> bool:
        """Whether a certificate was seen in the vault: what is asked for then is a renewal."""
        return self.desk is not None and self.desk.stage.held

    def show_result(self) -> None:
        """Show how things are, where that is not what stands there."""
        workspace, requesting = self.workspace, self.requesting
        state = workspace.flow.state(CERTIFICATE)
        result = workspace.profile.results.get(CERTIFICATE)
        work = (requesting.writing, id(requesting.before), id(self.answering.given), id(self._task))
        first = self._first = key_vault_first(workspace) if result is None else None
        shown = (id(result), state, first, self.form.form.wrong(), *work)
        if shown == self._shown:
            return
        self._shown = shown
        self.desk = kept_desk(result)
        busy = self._task is not None
        self._show_parts()
        parts = (self.begin_part, self.form, self.pending, self.held_card, self.look_button, self.ways)
        self.let_use(parts, not busy)
        if not busy:
            self._show_findings(result)
            self._say(result, state)

    def _show_parts(self) -> None:
        desk, writing = self.desk, self.requesting.writing
        pending = desk is not None and desk.request is not None
        # a name that is deleted or taken has its ways on below the problem
        self.begin_part.setVisible(desk is not None and desk.stage is Stage.FREE and not writing)
        self.form.setVisible(writing)
        self.pending.setVisible(pending and not writing)
        self.held.setVisible(self.held_now and not writing)
        self.look_row.setVisible(not writing)
        result = self.workspace.profile.results.get(CERTIFICATE)
        self.preview.setVisible(result is None and not writing)
        self.go_first.setVisible(self._first is not None)
        # with nothing to ask by there is nothing to look for
        can_look = self._first is None or self._first[0] is not Severity.INFO
        self.look_button.setVisible(can_look)
        self.look_note.setText(
            tr("Reads the vault and asks the CA about revocation. Changes nothing.")
            if can_look
            else tr("Then the vault can be read. That changes nothing.")
        )
        if desk is not None:
            self.begin_part.show_state(desk)
            if desk.request is not None:
                self.request.show_request(desk.request)
            if desk.stage.held:
                self.held_card.show_state(desk)
                self.chain.show_state(desk)
        # with an answer in hand there is nothing more to do at the CA
        self.ca.setVisible(self.answering.given is None)
        self.answer.offer_merge(self.answering.fits)
        self.answer.offer_practice(self.answering.practice_forms())
        self.look_button.setText(tr("Loo&k in the vault") if desk is None else tr("Loo&k again"))
        self._choose_primary()

    def _choose_primary(self) -> None:
        """One button a page is the thing to do next; while a question is asked, it is there."""
        desk, quiet = self.desk, not self.question.asking
        stale = self.workspace.flow.state(CERTIFICATE) is StepState.OUT_OF_DATE
        unseen = (desk is None or stale) and not self.requesting.writing and self._first is None
        for part, next_thing in (
            (self.look_button, unseen),
            (self.begin_part.write, True),
            (self.form.check, True),
            (
                self.request.save,
                desk is not None and desk.request is not None and self.answering.given is None,
            ),
            (self.answer.merge, self.answering.fits),
            (self.held_card.renew, desk is not None and desk.to_renew() and not stale),
        ):
            restyle(part, "kind", "primary" if next_thing and quiet else "")

    def _show_findings(self, result: StepResult | None) -> None:
        if self.requesting.writing:
            before = self.requesting.before or ()
            self.problems.set(before, can_check=False)
            self.ways.offer(before)
            self.judged.hide()
            return
        problems, quiet = problems_and_quiet(result, self.desk)
        if self.answering.given is not None:
            can_check = self.answering.source is not None
            self.problems.set(self.answering.given.findings, can_check=can_check)
            self.ways.offer(())
        else:
            self.problems.set(problems)
            self.ways.offer(result.findings if result is not None else ())
        self.judged.set(quiet, can_check=False)

    def _say(self, result: StepResult | None, state: StepState) -> None:
        if self.requesting.writing:
            wrong = self.form.form.wrong()
            said = form_words(self.requesting.before, renewal=self.held_now, wrong=wrong)
        elif self.answering.given is not None:
            self.banner.say(*answer_words(self.answering.given))
            return
        else:
            said = self._first or standing_words(result, state, self.desk)
            if state is StepState.OUT_OF_DATE:
                self.banner.say(*said, mark=Mark.OUT_OF_DATE)
                return
        self.banner.say(*said, mark=Mark.NOW if said[0] is Severity.INFO else None)

    # -- jobs

    def begin(
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
        over = partial(self._over, task, changing=changing, quiet=quiet)
        self.follow(task, done=done, failed=failed or self._failed, finished=over)
        promise = "" if changing else tr("Nothing changes in the vault.")
        self.banner.say(Severity.INFO, f"{name}…", promise, mark=Mark.NOW)
        self.show_result()
        if not quiet:
            self.verticalScrollBar().setValue(0)
        return True

    def _over(self, task: Task, *, changing: bool, quiet: bool) -> None:
        if self._task is task:
            self._task = None
        self._shown = None
        self.show_result()
        if changing and task.job.cancel_event.is_set():
            self.look()
            return
        if quiet:
            return
        announce(self, self.banner.title, assertive=True)
        if not self.question.asking and not self.problems.focus_first():
            self.take_focus(self)

    def _failed(self, finding: Finding) -> None:
        """Keep the problem; what was seen before stays below it."""
        record_failure(self.workspace.flow, finding, self._inputs)
        self.workspace.edited()

    def record(self, desk: DeskState) -> None:
        """Keep what was seen; an answer was for the request that waited then, and for no other."""
        record_look(self.workspace.flow, desk, self._inputs)
        former = self.desk.request if self.desk is not None else None
        if desk.request is None or (former is not None and former.pem != desk.request.pem):
            self.answering.forget()
        self.workspace.edited()

    def look(self) -> None:
        """Look what the vault holds; changes nothing."""
        self._look(quiet=False)

    def _look(self, *, quiet: bool) -> None:
        if self.begin(tr("Looking what the vault holds"), CertificateDesk.look, self.record, quiet=quiet):
            self._looked = True
            self.question.close_question()

    def check_again(self) -> None:
        """Check again what is shown: the answer as it was given, else the vault."""
        if self.answering.given is not None and self.answering.source is not None:
            self.answering.check(self.answering.source)
        else:
            self.look()

    def ask_proof(self) -> None:
        """Ask the vault for its proof that the key is in hardware."""
        self.begin(tr("Asking for the proof"), CertificateDesk.attestation, self.ca.show_proof)

    def _go_on(self, way: str) -> None:
        """Do what one of the buttons below a problem says."""
        match way:
            case "resume":
                self.requesting.leave()
                self.look()
            case "recover":
                self.requesting.ask_recover()
            case "software":
                self.form.form.software.setChecked(True)
            case "name":
                self.workspace.go.emit(KEY_VAULT)
            case "permissions":
                self.workspace.go.emit(PERMISSIONS)
