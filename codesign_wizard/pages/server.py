"""Server: what a Comet Server has beside this profile; applied, undone, proved by its own clients."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt

from codesign_wizard.core.comet import words
from codesign_wizard.core.comet.kept import Kept
from codesign_wizard.core.comet.settings import FileFields
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import SERVER, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when
from codesign_wizard.pages.base import AskingPage
from codesign_wizard.pages.server_jobs import CODE_NEEDED, ServerJobs
from codesign_wizard.pages.server_parts import DifferencesCard, ProveCard, SignInCard
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import MARGIN, Mark, px
from codesign_wizard.widgets.basics import announce, restyle
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner


class ServerPage(AskingPage):
    """The page; what it lets do on the server is in ``jobs``, and its session is ended with the page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Server"),
            tr("The server that signs your clients: what it has, what this profile holds, and the proof."),
            name_width=240,
        )
        self.jobs = ServerJobs(self)
        self.interrupted = ""  # when a change began in whose middle a run ended
        self._shown: object = None
        self.banner = Banner()
        self.problems = FindingList(tr("What was checked"))
        self.problems.again.connect(lambda finding: self.jobs.look_again())
        self.sign_in = SignInCard(self.jobs.connect_server, self._practise)
        self.sign_in.edited.connect(self._edited)
        self.sign_in.again.clicked.connect(lambda: self.jobs.look_again())
        self.sign_in.out.clicked.connect(lambda: self.jobs.sign_out())
        self.sign_in.password.committed.connect(self._password_given)
        self.sign_in.password.forget.connect(self._password_forgotten)
        self.question.changed.connect(self._asked)
        self.differences = DifferencesCard(self.jobs.ask_apply, self.jobs.ask_undo, self._fields_chosen)
        self.proof = ProveCard(self.jobs.prove)
        self.proof.chosen_changed.connect(self._platforms_chosen)
        self.judged = FindingList(tr("How they were judged"))
        self.judged.again.connect(lambda finding: self.jobs.prove())
        for each in (self.problems, self.judged):
            each.link.connect(self.link)
        above = (self.banner, self.problems, self.sign_in, self.question, self.differences)
        for part in (*above, self.proof, self.judged):
            self.add(part)
        self.done()
        workspace.replaced.connect(self._let_go)

    # -- showing

    def refresh(self) -> None:
        self.sign_in.show_profile(self.workspace.profile)
        if self.jobs.desk is not None and self.jobs.signed_in_as != self.jobs.who():
            self.jobs.sign_out()  # the profile speaks of another server or person now
        self.show_now()

    def shown(self) -> None:
        self._ask_keyring()

    def leaving(self) -> None:
        self.sign_in.password.commit()
        self.jobs.sign_out()

    def end(self) -> None:
        super().end()
        if self.jobs.task is not None:
            self.jobs.task.cancel()  # not abandoned: who has signed in by now is signed out again

    def _let_go(self) -> None:
        """Another profile is open, and this page is over: nothing of it may be kept there."""
        self.sign_in.password.edit.clear()
        self.jobs.end_session()

    def told(self) -> Collection[str]:
        """Return that a code was asked for: the field for it says so, and no result."""
        return (CODE_NEEDED,) if self.jobs.code_asked else ()

    def focus_problem(self) -> bool:
        return self.problems.focus_first() or self.judged.focus_first()

    def kept(self) -> Kept:
        """Return what the step's result keeps."""
        return Kept.of(self.workspace.profile.results.get(SERVER))

    def show_now(self, *, anew: bool = False) -> None:
        """Show how things are, where that is not what stands there; *anew* in any case."""
        flow, profile = self.workspace.flow, self.workspace.profile
        result, inputs = profile.results.get(SERVER), flow.inputs(SERVER)
        connected, state = self.jobs.desk is not None, flow.state(SERVER)
        shown = (id(result), state, inputs, connected, id(self.jobs.task), self.interrupted)
        if shown == self._shown and not anew:
            return
        self._shown = shown
        kept = self.kept()
        busy = self.jobs.task is not None
        looked = kept.looked
        self.sign_in.show_session(looked if connected else None)
        self.differences.setVisible(bool(looked is not None and looked.lines) and not self.question.asking)
        if looked is not None:
            chosen = words.suggested(kept, inputs)
            fields = profile.server.file_fields
            self.differences.show_look(kept, chosen, connected=connected, fields=fields)
        self.proof.setVisible(looked is not None)
        self.proof.show_look(kept, profile, connected=connected, busy=busy)
        self.let_use((self.sign_in, self.differences, self.problems), not busy)
        if not busy:
            self._show_results(kept, inputs, old=state is StepState.OUT_OF_DATE, connected=connected)
        self._choose_primary()

    def _show_results(self, kept: Kept, inputs: str, *, old: bool, connected: bool) -> None:
        proof = kept.proved
        self.proof.show_clients(proof.clients if proof is not None else [])
        current = kept.current_proof(inputs)
        # what asks for attention comes first; how a good proof was judged stands below it
        quiet = (Severity.OK, Severity.INFO)
        good = [each for each in current.findings if each.severity in quiet] if current is not None else []
        if current is None or not current.ok:
            good = []  # what a failed one tells besides explains it
        self.judged.set(good, can_check=connected)
        told = [each for each in kept.findings(inputs) if each not in good]
        self.problems.set(words.for_a_page(told), can_check=connected)
        severity, title, text = words.answer(kept, inputs, old=old, connected=connected)
        mark = Mark.OUT_OF_DATE if old else Mark.NOW if severity is Severity.INFO else None
        if self.interrupted and not connected:
            # what was seen before may not be so any more
            title = tr("A change of the server's settings was interrupted.")
            text = tr("A change that began {time} was interrupted. Sign in: what became of it is said then.")
            severity, mark = Severity.WARNING, None
            text = text.format(time=self.interrupted)
        elif proof is not None and current is None and not old:
            stale = tr("The clients below were judged {time}, before the last change.")
            text = f"{text} {stale.format(time=when(proof.time))}".strip()
        self.banner.say(severity, title, text, mark=mark)

    def _choose_primary(self) -> None:
        """One button a page is the thing to do next; while a question is asked, it is there."""
        connected, quiet = self.jobs.desk is not None, not self.question.asking
        to_apply = connected and self.differences.go.isEnabled()
        proved = self.workspace.flow.state(SERVER) is StepState.DONE  # then it is Next
        for part, next_thing in (
            (self.sign_in.go, not connected),
            (self.differences.go, to_apply),
            (self.proof.go, connected and not to_apply and not proved),
        ):
            restyle(part, "kind", "primary" if next_thing and quiet else "")

    def _asked(self) -> None:
        looked = self.kept().looked
        self.differences.setVisible(bool(looked is not None and looked.lines) and not self.question.asking)
        self._choose_primary()
        if self.question.asking:
            self.ensureWidgetVisible(self.question, 0, px(MARGIN))

    # -- what is typed

    def _edited(self) -> None:
        server, form = self.workspace.profile.server, self.sign_in
        server.address = form.address.text if words.may_be_kept(form.address.edit.text()) else ""
        server.user = form.user.text
        server.plain_http = form.plain.isChecked()
        self.workspace.edited()

    def _fields_chosen(self, fields: FileFields) -> None:
        self.workspace.profile.server.file_fields = fields.value
        self.workspace.edited()
        self.jobs.look_again()

    def _platforms_chosen(self, numbers: list[int]) -> None:
        result = self.workspace.profile.results.get(SERVER)
        if result is not None:
            result.details["chosen"] = numbers
            self._shown = None
            self.workspace.edited()

    # -- the password

    def _ask_keyring(self) -> None:
        """Open the keyring on a thread, and look whether a change was interrupted."""
        session = self.workspace.session

        def look(job: Job) -> tuple[str, str, bool, str]:
            from codesign_wizard.core.comet.work import interrupted

            store, password = session.secrets, session.server_password()
            return store.place, store.reason, password is not None, interrupted(session.server_journal())

        task = self.workspace.runner.start(look, tr("Asking the keyring"), quiet=True)
        self.follow(task, done=self._keyring_answered)
        task.failed.connect(self.workspace.notice)

    def _keyring_answered(self, answer: tuple[str, str, bool, str]) -> None:
        place, reason, known, self.interrupted = answer
        field = self.sign_in.password
        if known:
            field.show_saved(place, [])
        elif not field.edit.text():
            field.set_place(place, reason)
        self.show_now()

    def _password_given(self, secret: Secret) -> None:
        session = self.workspace.session
        self.jobs.given = secret

        def keep(job: Job) -> str:
            session.set_server_password(secret)
            return session.secrets.place

        task = self.workspace.runner.start(keep, tr("Storing the password"), quiet=True, lasting=True)
        field = self.sign_in.password
        self.follow(task, done=field.show_saved, failed=field.show_problem)

    def _password_forgotten(self) -> None:
        session, self.jobs.given = self.workspace.session, None
        task = self.workspace.runner.start(
            lambda job: session.set_server_password(None),
            tr("Forgetting the password"),
            quiet=True,
            lasting=True,
        )
        self.follow(task, done=lambda nothing: self.sign_in.password.show_empty())
        task.failed.connect(self.workspace.notice)

    def _practise(self) -> None:
        practice = self.workspace.session.practice
        if practice is not None:
            self.sign_in.code.edit.setText(practice.server_code())
            self.sign_in.go.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- the end of a job

    def over(self, *, cancelled: bool) -> None:
        """Show what a job left, and go where the person goes on."""
        self.show_now(anew=True)
        self.verticalScrollBar().setValue(0)
        code = self.sign_in.code_row.isVisibleTo(self) and self.jobs.desk is None
        if cancelled:
            self.banner.say(Severity.INFO, tr("Cancelled. Nothing was changed."), mark=Mark.NOT_APPLICABLE)
        elif code and not self.kept().failure:
            user = self.workspace.profile.server.user
            self.banner.say(
                Severity.INFO,
                tr("The server asks for a one-time code for {user}.").format(user=user),
                tr("Type the code that the authenticator app shows now, and sign in."),
                mark=Mark.NOW,
            )
        announce(self, self.banner.title, assertive=True)
        if code:
            self.take_focus(self.sign_in.code.edit)
            self.ensureWidgetVisible(self.sign_in.code, 0, px(MARGIN))
        elif not self.focus_problem():
            self.take_focus(self)
