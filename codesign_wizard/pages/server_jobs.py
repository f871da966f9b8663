"""What the page *Server* lets do on the server: the session, a look, a change, its undo, the proof."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from codesign_wizard.core.comet import words
from codesign_wizard.core.comet.kept import Changed, Kept, Proved
from codesign_wizard.core.comet.settings import FileFields
from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.flow import SERVER, StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.pages.server_parts import stage_facts
from codesign_wizard.theme import MARGIN, Mark, px

if TYPE_CHECKING:
    from codesign_wizard.core.comet.apply import Applied
    from codesign_wizard.core.comet.desk import ServerDesk
    from codesign_wizard.core.comet.work import Proving, Seen
    from codesign_wizard.pages.server import ServerPage
    from codesign_wizard.pages.workspace import Workspace
    from codesign_wizard.runner import Task
    from codesign_wizard.session import Session

CODE_NEEDED = "server.sign-in.code-needed"
_REFUSED = "server.sign-in.refused"
_SESSION_ENDED = "server.sign-in.session-ended"


class ServerJobs(QObject):
    """The jobs of one page, one at a time; ``desk`` is the session on the server, ``seen`` the last look."""

    def __init__(self, page: ServerPage) -> None:
        super().__init__(page)
        self._page = page
        self.task: Task | None = None
        self.desk: ServerDesk | None = None  # signed in
        self.seen: Seen | None = None  # the last look, with what would be sent
        self.signed_in_as: tuple[str, ...] = ()  # where and as whom, as the profile had it then
        self.given: Secret | None = None  # a password, until it is known to be kept
        self.ended: dict[str, tuple[StageState, str]] = {}  # the proof's stages
        self.code_asked = False  # for a one-time code, in the life of the page
        self._cancelled = False

    # -- the session

    def who(self) -> tuple[str, ...]:
        """Return which server the profile speaks of, and as whom."""
        server = self._page.workspace.profile.server
        return server.address, server.user

    def _session_now(self) -> Callable[[], Session]:
        """Return what gives a job the session as it is now: what is typed meanwhile is not for it.

        To be called on the job's thread: opening the keyring takes a moment.
        """
        session, profile = self._page.workspace.session, deepcopy(self._page.workspace.profile)
        return lambda: session.beside(profile)

    def connect_server(self) -> None:
        """Sign in, once, and look; changes nothing."""
        if self.task is not None or self._page.workspace.runner.foreground is not None:
            return
        self._page.sign_in.password.commit()
        session, profile, password = self._session_now(), self._page.workspace.profile, self.given
        fields, plain = FileFields(profile.server.file_fields), profile.server.plain_http
        self.signed_in_as = self.who()
        typed = self._page.sign_in.code.edit.text().strip()
        code = Secret(typed) if typed else None

        told: list[Finding] = []  # by a session that nobody else gets hold of

        def look(job: Job) -> tuple[ServerDesk, Seen]:
            from codesign_wizard.core.comet import work

            keeper = session()
            desk = work.connect(job, keeper, password=password, code=code, plain_http=plain)
            try:
                return desk, work.look(job, desk, keeper.server_wanted(), fields)
            except BaseException:
                told.extend(desk.close())
                raise

        workspace = self._page.workspace
        task = self._begin(look, tr("Signing in to the server"), self._connected)
        if task is not None:
            task.finished.connect(lambda: workspace.tell(told))

    def _connected(self, answer: tuple[ServerDesk, Seen], inputs: str) -> None:
        self.desk, seen = answer
        self.given, self._page.interrupted = None, ""
        self._page.sign_in.ask_code(False)
        self._looked(seen, inputs)

    def sign_out(self) -> None:
        """End the session on the server, on a thread of its own; what keeps it open is told."""
        self._page.question.close_question()
        if self.end_session():
            self._page.show_now()

    def end_session(self) -> bool:
        """End the session on a thread, if there is one; return whether there was."""
        desk, self.desk, self.seen = self.desk, None, None
        if desk is None:
            return False
        _close(self._page.workspace, desk)
        return True

    def look_again(self) -> None:
        """Compare again; signs in first where nobody is."""
        desk = self.desk
        if desk is None:
            self.connect_server()
            return
        session, fields = self._session_now(), FileFields(self._page.workspace.profile.server.file_fields)

        def look(job: Job) -> Seen:
            from codesign_wizard.core.comet import work

            return work.look(job, desk, session().server_wanted(), fields)

        self._begin(look, tr("Looking at the server"), self._looked)

    def _looked(self, seen: Seen, inputs: str, *, changed: Changed | None = None) -> None:
        self.seen = seen
        kept = self._page.kept()
        kept.looked, kept.failure = replace(seen.looked, inputs=inputs), None
        if changed is not None:
            kept.changed = changed
        elif kept.changed is not None:
            # what is so now was seen just now
            told = [each for each in kept.changed.findings if not blocks([each])]
            kept.changed = replace(kept.changed, findings=told)
        proof = kept.proved
        renewed = self._page.workspace.flow.state(SERVER) is StepState.OUT_OF_DATE
        if proof is not None and (changed is not None or renewed):
            kept.proved = replace(proof, changed_since=True)
        self._record(kept, inputs)

    # -- changing

    def ask_apply(self) -> None:
        """Show exactly what would be changed, and ask."""
        looked, parts = self._page.kept().looked, self._page.differences.table.chosen()
        if self.desk is None or self.seen is None or looked is None or not parts:
            return
        lines = words.change_lines(looked, parts)
        count = len(lines)
        self._page.question.ask(
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
        fields = FileFields(self._page.workspace.profile.server.file_fields)
        if desk is None or seen is None:
            return
        labels = [label for label, _ in words.change_lines(seen.looked, parts)]

        def change(job: Job) -> tuple[Applied, Seen | None]:
            from codesign_wizard.core.comet import work

            return work.change(job, desk, seen, parts, session().server_wanted(), fields)

        self._begin(change, tr("Changing the server's settings"), self._changer(labels, undone=False))

    def ask_undo(self) -> None:
        """Show what would be set back, and ask."""
        desk, looked = self.desk, self._page.kept().looked
        if desk is None or looked is None:
            return
        from codesign_wizard.core.comet.work import undo_lines

        lines = undo_lines(desk.journal)
        self._page.question.ask(
            tr("Give {host} its old values back?").format(host=looked.host),
            tr("These are the values from before the last change; nothing else is touched."),
            tr("Undo the change"),
            lambda: self._undo([label for label, _ in lines]),
            facts=lines,
        )

    def _undo(self, labels: list[str]) -> None:
        desk, session = self.desk, self._session_now()
        fields = FileFields(self._page.workspace.profile.server.file_fields)
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
            kept, self.seen = self._page.kept(), None
            kept.looked, kept.changed, kept.failure = None, changed, None
            self._record(kept, inputs)
            self.sign_out()

        return done

    # -- the proof

    def prove(self) -> None:
        """Let the server build the chosen clients, and judge them."""
        desk, seen, session = self.desk, self.seen, self._session_now()
        platforms = self._page.proof.platforms()
        if desk is None or seen is None or not platforms or self.task is not None:
            return
        numbers = [each.number for each in platforms]

        def prove(job: Job) -> Proving:
            from codesign_wizard.core.comet import work

            keeper = session()
            return work.prove(job, keeper, desk, seen, numbers, keeper.server_wanted())

        self._page.judged.set([])
        self.ended = {}
        task = self._begin(prove, tr("The server builds its clients"), self._proved)
        if task is None:
            return
        self._page.proof.begin(platforms)
        task.stage.connect(self._stage)
        task.progress.connect(self._progress)
        self._page.ensureWidgetVisible(self._page.proof, 0, px(MARGIN))

    def _stage(self, key: str, state: StageState, text: str) -> None:
        self.ended[key] = (state, text)
        for each in self._page.proof.rows.values():
            each.stages.set(key, state, text)

    def _progress(self, done: int, total: int | None, text: str) -> None:
        for each in self._page.proof.rows.values():
            each.stages.progress(done, total, text)

    def _proved(self, proving: Proving, inputs: str) -> None:
        kept = self._page.kept()
        clients = [
            replace(each, facts={**each.facts, **stage_facts(each.platform.number, self.ended)})
            for each in proving.clients
        ]
        kept.proved, kept.failure = Proved(clients, proving.findings, inputs), None
        self._record(kept, inputs)

    # -- jobs

    def _begin(
        self, work: Callable[[Job], Any], name: str, done: Callable[[Any, str], object]
    ) -> Task | None:
        """Run *work*; *done* is given its answer and the fingerprint of the settings it began with."""
        if self.task is not None or self._page.workspace.runner.foreground is not None:
            return None
        workspace = self._page.workspace
        inputs, session = workspace.flow.inputs(SERVER), workspace.session
        task = self.task = workspace.runner.start(work, name)

        page = self._page

        def here() -> bool:
            return workspace.session is session and not page.gone

        def answered(answer: Any) -> None:
            if here():
                done(answer, inputs)
            elif isinstance(answer, tuple) and hasattr(answer[0], "close"):
                # signed in for a profile, or a page, that is not open any more
                _close(workspace, answer[0])

        def failed(finding: Finding) -> None:
            if here():
                self._failed(finding, inputs)

        task.done.connect(answered)
        task.failed.connect(failed)
        task.cancelled.connect(self._was_cancelled)
        task.finished.connect(self._over)
        self._cancelled = False
        self._page.banner.say(
            Severity.INFO, f"{name}…", tr("Cancelling leaves the server as it was."), mark=Mark.NOW
        )
        self._page.show_now()
        return task

    def _failed(self, finding: Finding, inputs: str) -> None:
        if finding.id == _SESSION_ENDED:
            self.sign_out()
        if finding.id == CODE_NEEDED:
            self.code_asked = True
            self._page.sign_in.ask_code(True, practising=self._page.workspace.session.practice is not None)
            return
        if finding.id.startswith("server.sign-in."):
            self.given = None
        if finding.id == _REFUSED:
            field = self._page.sign_in.password
            field.show_saved(field.place, [words.refused_password(finding)])
        kept = self._page.kept()
        kept.failure = finding
        self._record(kept, inputs)

    def _record(self, kept: Kept, inputs: str) -> None:
        self._page.workspace.flow.record(
            SERVER, kept.findings(inputs), kept.facts(inputs), inputs=inputs, details=kept.details(inputs)
        )
        self._page.workspace.edited()

    def _was_cancelled(self) -> None:
        self._cancelled = True

    def _over(self) -> None:
        self.task = None
        if not self._page.gone:
            self._page.over(cancelled=self._cancelled)


def _close(workspace: Workspace, desk: ServerDesk) -> None:
    """End a session on a thread; what keeps it open is told by the window: the page may be gone by then."""
    task = workspace.runner.start(
        lambda job: desk.close(), tr("Signing out of the server"), quiet=True, lasting=True
    )
    task.done.connect(workspace.tell)
