"""Server: what a Comet Server has beside this profile; applied, undone, proved by its own clients."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from codesign_wizard.core.comet import words
from codesign_wizard.core.comet.kept import Changed, Kept, Proved
from codesign_wizard.core.comet.settings import FileFields
from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.flow import SERVER, StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.server_parts import DifferencesCard, ProveCard, SignInCard, stage_facts
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import MARGIN, Mark, px
from codesign_wizard.widgets.basics import announce, restyle
from codesign_wizard.widgets.confirm import Question
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from codesign_wizard.core.comet.apply import Applied
    from codesign_wizard.core.comet.desk import ServerDesk
    from codesign_wizard.core.comet.work import Proving, Seen
    from codesign_wizard.session import Session

_CODE_NEEDED = "server.sign-in.code-needed"
_REFUSED = "server.sign-in.refused"
_SESSION_ENDED = "server.sign-in.session-ended"


class ServerPage(Page):
    """The page. The session on the server lives as long as the page, and is ended with it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Server"),
            tr("The server that signs your clients: what it has, what this profile holds, and the proof."),
        )
        self._task: Task | None = None
        self.desk: ServerDesk | None = None  # signed in
        self.seen: Seen | None = None  # the last look, with what would be sent
        self._signed_in_as: tuple[str, ...] = ()  # where and as whom, as the profile had it then
        self._given: Secret | None = None  # a password, until it is known to be kept
        self._interrupted = ""
        self._shown: object = None
        self._ended: dict[str, tuple[StageState, str]] = {}
        self._cancelled = False
        self.banner = Banner()
        self.problems = FindingList(tr("What was checked"))
        self.problems.again.connect(lambda finding: self.look_again())
        self.sign_in = SignInCard(self.connect_server, self._practise)
        self.sign_in.edited.connect(self._edited)
        self.sign_in.again.clicked.connect(lambda: self.look_again())
        self.sign_in.out.clicked.connect(lambda: self.sign_out())
        self.sign_in.password.committed.connect(self._password_given)
        self.sign_in.password.forget.connect(self._password_forgotten)
        self.question = Question(name_width=230)
        self.question.changed.connect(self._asked)
        self.differences = DifferencesCard(self.ask_apply, self.ask_undo, self._fields_chosen)
        self.proof = ProveCard(self.prove)
        self.proof.chosen_changed.connect(self._platforms_chosen)
        self.judged = FindingList(tr("How they were judged"))
        self.judged.again.connect(lambda finding: self.prove())
        for each in (self.problems, self.judged):
            each.link.connect(self.link)
        above = (self.banner, self.problems, self.sign_in, self.question, self.differences)
        for part in (*above, self.proof, self.judged):
            self.add(part)
        self.done()
        workspace.replaced.connect(self._let_go)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc anywhere on the page is the answer to a question that changes nothing."""
        if event.key() == Qt.Key.Key_Escape and self.question.asking:
            self.question.decline()
        else:
            super().keyPressEvent(event)

    # -- showing

    def refresh(self) -> None:
        self.sign_in.show_profile(self.workspace.profile)
        if self.desk is not None and self._signed_in_as != self._who():
            self.sign_out()  # the profile speaks of another server or person now
        self._show()

    def shown(self) -> None:
        self._ask_keyring()

    def leaving(self) -> None:
        self.sign_in.password.commit()
        self.sign_out()

    def _let_go(self) -> None:
        """Another profile is open, and this page is over: nothing of it may be kept there."""
        self.sign_in.password.edit.clear()
        self._end_session()

    def focus_problem(self) -> bool:
        return self.problems.focus_first() or self.judged.focus_first()

    def kept(self) -> Kept:
        """Return what the step's result keeps."""
        return Kept.of(self.workspace.profile.results.get(SERVER))

    def _show(self) -> None:
        flow, profile = self.workspace.flow, self.workspace.profile
        result, inputs = profile.results.get(SERVER), flow.inputs(SERVER)
        connected, state = self.desk is not None, flow.state(SERVER)
        shown = (id(result), state, inputs, connected, id(self._task), self._interrupted)
        if shown == self._shown:
            return
        self._shown = shown
        kept = self.kept()
        busy = self._task is not None
        looked = kept.looked
        self.sign_in.show_session(looked if connected else None)
        self.differences.setVisible(bool(looked is not None and looked.lines) and not self.question.asking)
        if looked is not None:
            chosen = words.suggested(kept, inputs)
            fields = profile.server.file_fields
            self.differences.show_look(kept, chosen, connected=connected, fields=fields)
        self.proof.setVisible(looked is not None)
        self.proof.show_look(kept, profile, connected=connected)
        for part in (self.sign_in, self.differences, self.proof):
            part.setEnabled(not busy)
        self.problems.setEnabled(not busy)
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
        if self._interrupted and not connected:
            text = tr("A change that began {time} was interrupted. Sign in: what became of it is said then.")
            severity, mark = Severity.WARNING, None
            text = text.format(time=self._interrupted)
        elif proof is not None and current is None and not old:
            stale = tr("The clients below were judged {time}, before the last change.")
            text = f"{text} {stale.format(time=when(proof.time))}".strip()
        self.banner.say(severity, title, text, mark=mark)

    def _choose_primary(self) -> None:
        """One button a page is the thing to do next; while a question is asked, it is there."""
        connected, quiet = self.desk is not None, not self.question.asking
        to_apply = connected and self.differences.go.isEnabled()
        for part, next_thing in (
            (self.sign_in.go, not connected),
            (self.differences.go, to_apply),
            (self.proof.go, connected and not to_apply),
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
        self.look_again()

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
        task.done.connect(self._keyring_answered)
        task.failed.connect(self.workspace.notice)

    def _keyring_answered(self, answer: tuple[str, str, bool, str]) -> None:
        place, reason, known, self._interrupted = answer
        field = self.sign_in.password
        if known:
            field.show_saved(place, [])
        elif not field.edit.text():
            field.set_place(place, reason)
        self._show()

    def _password_given(self, secret: Secret) -> None:
        session = self.workspace.session
        self._given = secret

        def keep(job: Job) -> str:
            session.set_server_password(secret)
            return session.secrets.place

        task = self.workspace.runner.start(keep, tr("Storing the password"), quiet=True, lasting=True)
        task.done.connect(self.sign_in.password.show_saved)
        task.failed.connect(self.sign_in.password.show_problem)

    def _password_forgotten(self) -> None:
        session, self._given = self.workspace.session, None
        task = self.workspace.runner.start(
            lambda job: session.set_server_password(None),
            tr("Forgetting the password"),
            quiet=True,
            lasting=True,
        )
        task.done.connect(lambda nothing: self.sign_in.password.show_empty())
        task.failed.connect(self.workspace.notice)

    def _practise(self) -> None:
        practice = self.workspace.session.practice
        if practice is not None:
            self.sign_in.code.edit.setText(practice.server_code())
            self.sign_in.go.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- the session

    def _who(self) -> tuple[str, ...]:
        """Return which server the profile speaks of, and as whom."""
        server = self.workspace.profile.server
        return server.address, server.user

    def _session_now(self) -> Callable[[], Session]:
        """Return what gives a job the session as it is now: what is typed meanwhile is not for it.

        To be called on the job's thread: opening the keyring takes a moment.
        """
        session, profile = self.workspace.session, deepcopy(self.workspace.profile)
        return lambda: session.beside(profile)

    def connect_server(self) -> None:
        """Sign in, once, and look; changes nothing."""
        if self._task is not None or self.workspace.runner.foreground is not None:
            return
        self.sign_in.password.commit()
        session, profile, password = self._session_now(), self.workspace.profile, self._given
        fields, plain = FileFields(profile.server.file_fields), profile.server.plain_http
        self._signed_in_as = self._who()
        typed = self.sign_in.code.edit.text().strip()
        code = Secret(typed) if typed else None

        def look(job: Job) -> tuple[ServerDesk, Seen]:
            from codesign_wizard.core.comet import work

            keeper = session()
            desk = work.connect(job, keeper, password=password, code=code, plain_http=plain)
            try:
                return desk, work.look(job, desk, keeper.server_wanted(), fields)
            except BaseException:
                desk.close()
                raise

        self._begin(look, tr("Signing in to the server"), self._connected)

    def _connected(self, answer: tuple[ServerDesk, Seen], inputs: str) -> None:
        self.desk, seen = answer
        self._given, self._interrupted = None, ""
        self.sign_in.ask_code(False)
        self._looked(seen, inputs)

    def sign_out(self) -> None:
        """End the session on the server, on a thread of its own; what keeps it open is told."""
        self.question.close_question()
        if self._end_session():
            self._show()

    def _end_session(self) -> bool:
        desk, self.desk, self.seen = self.desk, None, None
        if desk is None:
            return False
        task = self.workspace.runner.start(
            lambda job: desk.close(), tr("Signing out of the server"), quiet=True, lasting=True
        )
        task.done.connect(self._signed_out)
        return True

    def _signed_out(self, notes: list[Finding]) -> None:
        for each in notes:
            self.workspace.notice.emit(each)

    def look_again(self) -> None:
        """Compare again; signs in first where nobody is."""
        desk = self.desk
        if desk is None:
            self.connect_server()
            return
        session, fields = self._session_now(), FileFields(self.workspace.profile.server.file_fields)

        def look(job: Job) -> Seen:
            from codesign_wizard.core.comet import work

            return work.look(job, desk, session().server_wanted(), fields)

        self._begin(look, tr("Looking at the server"), self._looked)

    def _looked(self, seen: Seen, inputs: str, *, changed: Changed | None = None) -> None:
        self.seen = seen
        kept = self.kept()
        kept.looked, kept.failure = replace(seen.looked, inputs=inputs), None
        if changed is not None:
            kept.changed = changed
        elif kept.changed is not None:
            # what is so now was seen just now
            told = [each for each in kept.changed.findings if not blocks([each])]
            kept.changed = replace(kept.changed, findings=told)
        proof = kept.proved
        renewed = self.workspace.flow.state(SERVER) is StepState.OUT_OF_DATE
        if proof is not None and (changed is not None or renewed):
            kept.proved = replace(proof, changed_since=True)
        self._record(kept, inputs)

    # -- changing

    def ask_apply(self) -> None:
        """Show exactly what would be changed, and ask."""
        looked, parts = self.kept().looked, self.differences.table.chosen()
        if self.desk is None or self.seen is None or looked is None or not parts:
            return
        lines = words.change_lines(looked, parts)
        count = len(lines)
        self.question.ask(
            tr("Change this on {host}?").format(host=looked.host),
            tr(
                "Only these; everything else goes back as it came. The old values are kept, and the new ones "
                "are read back and compared."
            ),
            tr("Change 1 setting") if count == 1 else tr("Change {n} settings").format(n=count),
            lambda: self._apply(parts),
            facts=lines,
        )

    def _apply(self, parts: list[Any]) -> None:
        desk, seen, session = self.desk, self.seen, self._session_now()
        fields = FileFields(self.workspace.profile.server.file_fields)
        if desk is None or seen is None:
            return
        labels = [label for label, _ in words.change_lines(seen.looked, parts)]

        def change(job: Job) -> tuple[Applied, Seen | None]:
            from codesign_wizard.core.comet import work

            return work.change(job, desk, seen, parts, session().server_wanted(), fields)

        self._begin(change, tr("Changing the server's settings"), self._changer(labels, undone=False))

    def ask_undo(self) -> None:
        """Show what would be set back, and ask."""
        desk, looked = self.desk, self.kept().looked
        if desk is None or looked is None:
            return
        from codesign_wizard.core.comet.work import undo_lines

        lines = undo_lines(desk.journal)
        self.question.ask(
            tr("Give {host} its old values back?").format(host=looked.host),
            tr("These are the values from before the last change; nothing else is touched."),
            tr("Undo the change"),
            lambda: self._undo([label for label, _ in lines]),
            facts=lines,
        )

    def _undo(self, labels: list[str]) -> None:
        desk, session = self.desk, self._session_now()
        fields = FileFields(self.workspace.profile.server.file_fields)
        if desk is None:
            return

        def take_back(job: Job) -> tuple[Applied, Seen | None]:
            from codesign_wizard.core.comet import work

            return work.take_back(job, desk, session().server_wanted(), fields)

        self._begin(take_back, tr("Giving the old values back"), self._changer(labels, undone=True))

    def _changer(
        self, labels: list[str], *, undone: bool
    ) -> Callable[[tuple[Applied, Seen | None], str], None]:
        def done(answer: tuple[Applied, Seen | None], inputs: str) -> None:
            applied, seen = answer
            changed = Changed(labels, list(applied.findings), inputs, undone)
            if seen is not None:
                self._looked(seen, inputs, changed=changed)
                return
            # it was changed, and could not be looked at again: what was seen before holds no more
            kept, self.seen = self.kept(), None
            kept.looked, kept.changed, kept.failure = None, changed, None
            self._record(kept, inputs)
            self.sign_out()

        return done

    # -- the proof

    def prove(self) -> None:
        """Let the server build the chosen clients, and judge them."""
        desk, seen, session = self.desk, self.seen, self._session_now()
        platforms = self.proof.platforms()
        if desk is None or seen is None or not platforms or self._task is not None:
            return
        numbers = [each.number for each in platforms]

        def prove(job: Job) -> Proving:
            from codesign_wizard.core.comet import work

            keeper = session()
            return work.prove(job, keeper, desk, seen, numbers, keeper.server_wanted())

        self.judged.set([])
        self._ended = {}
        task = self._begin(prove, tr("The server builds its clients"), self._proved)
        if task is None:
            return
        self.proof.begin(platforms)
        self.proof.setEnabled(True)
        task.stage.connect(self._stage)
        task.progress.connect(self._progress)
        self.ensureWidgetVisible(self.proof, 0, px(MARGIN))

    def _stage(self, key: str, state: StageState, text: str) -> None:
        self._ended[key] = (state, text)
        for each in self.proof.rows.values():
            each.stages.set(key, state, text)

    def _progress(self, done: int, total: int | None, text: str) -> None:
        for each in self.proof.rows.values():
            each.stages.progress(done, total, text)

    def _proved(self, proving: Proving, inputs: str) -> None:
        kept = self.kept()
        clients = [
            replace(each, facts={**each.facts, **stage_facts(each.platform.number, self._ended)})
            for each in proving.clients
        ]
        kept.proved, kept.failure = Proved(clients, proving.findings, inputs), None
        self._record(kept, inputs)

    # -- jobs

    def _begin(
        self, work: Callable[[Job], Any], name: str, done: Callable[[Any, str], object]
    ) -> Task | None:
        """Run *work*; *done* is given its answer and the fingerprint of the settings it began with."""
        if self._task is not None or self.workspace.runner.foreground is not None:
            return None
        inputs = self.workspace.flow.inputs(SERVER)
        task = self._task = self.workspace.runner.start(work, name)
        task.done.connect(lambda answer: done(answer, inputs))
        task.failed.connect(lambda finding: self._failed(finding, inputs))
        task.cancelled.connect(self._was_cancelled)
        task.finished.connect(self._over)
        self._cancelled = False
        self.banner.say(
            Severity.INFO, f"{name}…", tr("Cancelling leaves the server as it was."), mark=Mark.NOW
        )
        self._show()
        return task

    def _failed(self, finding: Finding, inputs: str) -> None:
        if finding.id == _SESSION_ENDED:
            self.sign_out()
        if finding.id == _CODE_NEEDED:
            self.sign_in.ask_code(True, practising=self.workspace.session.practice is not None)
            return
        if finding.id.startswith("server.sign-in."):
            self._given = None
        if finding.id == _REFUSED:
            self.sign_in.password.show_saved(self.sign_in.password.place, [finding])
        kept = self.kept()
        kept.failure = finding
        self._record(kept, inputs)

    def _record(self, kept: Kept, inputs: str) -> None:
        self.workspace.flow.record(
            SERVER, kept.findings(inputs), kept.facts(inputs), inputs=inputs, details=kept.details(inputs)
        )
        self.workspace.edited()

    def _was_cancelled(self) -> None:
        self._cancelled = True

    def _over(self) -> None:
        self._task = None
        self._shown = None
        self._show()
        self.verticalScrollBar().setValue(0)
        code = self.sign_in.code_row.isVisibleTo(self) and self.desk is None
        if self._cancelled:
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
            self.sign_in.code.edit.setFocus(Qt.FocusReason.OtherFocusReason)
            self.ensureWidgetVisible(self.sign_in.code, 0, px(MARGIN))
        elif not self.focus_problem():
            self.setFocus(Qt.FocusReason.OtherFocusReason)
