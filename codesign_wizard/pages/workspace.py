"""What the pages share: the session, the way through it, the runner, and saving what is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.flow import Flow
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr
from codesign_wizard.runner import Runner, Task
from codesign_wizard.session import PRACTICE_PROFILE, Session

if TYPE_CHECKING:
    from codesign_wizard.core.job import Job
    from codesign_wizard.playing import Switched

UNDER_WAY = FindingKind(
    "profile.job-under-way",
    Severity.WARNING,
    "{wanted} has to wait: “{what}” is under way.",
    "What a running job finds is for the open profile: wait for its end or cancel it, then open another.",
)

_SAVE_AFTER_MS = 400


class Workspace(QObject):
    """The open session. Pages write into ``profile`` and call ``edited``."""

    changed = Signal()  # the profile or a result: states and reasons may differ now
    merged = Signal()  # another window changed the profile as well: fields may hold other values now
    replaced = Signal()  # another session or profile: every page starts anew
    notice = Signal(object)  # Finding to be shown above the page
    inspect = Signal(str)  # path of a file that was dropped or chosen
    go = Signal(str)  # key of the step to open
    what_if = Signal()  # the choice of scenarios is asked for
    played = Signal(object)  # Switched: a scenario of the practice was switched on or off

    def __init__(
        self,
        session: Session,
        runner: Runner,
        *,
        open_practice: Callable[[], Session] | None = None,
        open_own: Callable[[], Session] | None = None,
    ) -> None:
        super().__init__()
        self.session = session
        self._open_practice = open_practice
        self._open_own = open_own
        self.runner = runner
        self.flow = Flow(session.profile)
        self.starting_practice = False
        self._before_report: Session | None = None
        self._own: Session | None = None  # what to return to when practice ends
        self._unsaved = False
        self._gone: set[Session] = set()  # whose profile was forgotten
        self._switching: Task | None = None  # a scenario, on or off
        self._moved: object = None  # the session and its address that the keyring was asked to take
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)
        runner.reading = session.origin is not None

    @property
    def profile(self) -> Profile:
        """The profile at work."""
        return self.session.profile

    @property
    def practising(self) -> bool:
        """Whether practice accounts are in use or on their way."""
        return self.starting_practice or self.session.practice is not None

    def edited(self) -> None:
        """Tell that the profile changed: it is saved in a moment."""
        self._unsaved = True
        self._timer.start()
        self.changed.emit()

    def save(self) -> None:
        """Save now what is not saved yet; a failure is shown above the page."""
        self._tell(self._save())

    def _save(self) -> Sequence[Finding]:
        self._timer.stop()
        if not self._unsaved or self.session.origin is not None:
            return []
        self._unsaved = False
        try:
            told = self.session.save_without_keyring()
            if self.session.practice is None:
                self.session.profiles.set_last_used(self.profile.id)
        except CodesignError as error:
            self._unsaved = True  # tried again with the next change, and on closing
            self.notice.emit(error.finding)
            return []
        self._move_proxy_password()
        return told

    def _move_proxy_password(self) -> None:
        """Take the proxy's password, which an earlier version's file holds, to the keyring, on a thread."""
        session = self.session
        asked = (session, session.profile.network.proxy)
        if not session.networking.holds_proxy_password or self._moved == asked:
            return
        self._moved = asked

        def moved(told: Sequence[Finding]) -> None:
            self.tell(told)
            self.edited_in(session)

        task = self.runner.start(
            lambda job: session.networking.keep_proxy_password(),
            tr("Storing the password"),
            quiet=True,
            lasting=True,
        )
        task.done.connect(moved)
        task.failed.connect(self.notice)

    def catch_up(self) -> None:
        """Take over what another window saved of this profile meanwhile."""
        try:
            self._tell(self.session.profiles.catch_up(self.profile))
        except CodesignError as error:
            self.notice.emit(error.finding)

    def edited_in(self, session: Session) -> None:
        """Tell that the profile of *session* changed, saved at once if it is open no more."""
        if self.session is session:
            self.edited()
            return
        if session in self._gone:
            return
        try:
            session.save_without_keyring()
        except CodesignError as error:
            self.notice.emit(error.finding)

    def tell(self, findings: Sequence[Finding]) -> None:
        """Show *findings* above the page, whichever it is by now."""
        for finding in findings:
            self.notice.emit(finding)

    def _tell(self, findings: Sequence[Finding]) -> None:
        self.tell(findings)
        if findings:
            self.merged.emit()
            self.changed.emit()

    def may_begin(self) -> bool:
        """Whether a job may begin that the footer speaks of; says above the page what keeps it waiting."""
        task = self.runner.foreground
        if task is not None:
            self.notice.emit(UNDER_WAY(what=task.name, wanted=tr("What you asked for")))
        return task is None

    def may_forget(self) -> bool:
        """Whether the profile may be forgotten; says above the page what is under way, if it may not.

        A secret that the keyring takes only then would stay there.
        """
        wanted = tr("The removal of the profile")
        task = next((each for each in self.runner.tasks if each.lasting), None)
        if task is not None:
            self.notice.emit(UNDER_WAY(what=task.name, wanted=wanted))
        return task is None and self.may_leave(wanted)

    def may_leave(self, wanted: str) -> bool:
        """Whether another profile may be opened; says above the page what is under way, if it may not.

        *wanted* begins that sentence: it is what has to wait.

        A job puts what it finds into the profile it was begun for: it would be lost.
        """
        task = next((each for each in self.runner.tasks if not (each.quiet or each.harmless)), None)
        if task is None:
            return True
        detail = tr("What it finds is for {name}, which stays open. Wait for its end or cancel it below.")
        self.notice.emit(
            UNDER_WAY(what=task.name, wanted=wanted, detail=detail.format(name=self.profile.name))
        )
        return False

    def replace(self, session: Session) -> None:
        """Go on with another session; the former one is saved but not closed."""
        told = self._save()
        self.session = session
        self.flow = Flow(session.profile)
        self.runner.reading = session.origin is not None
        self.replaced.emit()
        self.tell(told)  # of the former one, but nobody has seen it yet

    def open_report(self, path: Path) -> None:
        """Go on with the report at *path*, which is only read; ``close_report`` returns."""

        def work(job: Job) -> Session:
            from codesign_wizard.opening import report_session

            return report_session(path)

        name = tr("Opening {name}").format(name=path.name)
        task = self.runner.start(work, name, harmless=True)
        task.done.connect(self._report_opened)
        task.failed.connect(self.notice)

    def close_report(self) -> None:
        """Go back to what was open before the report."""
        if self.session.origin is None:
            return
        before, self._before_report = self._before_report, None
        if before is None and self._open_own is not None:
            try:
                before = self._open_own()
            except CodesignError as error:
                self.notice.emit(error.finding)
        if before is not None:
            self.replace(before)

    def _report_opened(self, session: Session) -> None:
        if not self.may_leave(tr("The report")):
            return
        if self.session.origin is None:
            self._before_report = self.session
        self.replace(session)

    def open_profile(self, profile: Profile) -> None:
        """Go on with another profile of the same store, unless a job is under way."""
        if self.may_leave(tr("The profile {name}").format(name=profile.name)):
            self.take_profile(profile)

    def forgotten(self) -> None:
        """Tell that the profile is there no more: what was changed since must not bring it back."""
        self._timer.stop()
        self._unsaved = False
        session = self.session
        self._gone.add(session)
        for task in self.runner.tasks:
            if task.lasting:  # it may give the keyring a secret that was typed since
                task.finished.connect(lambda: self._forget_secrets(session))

    def _forget_secrets(self, session: Session) -> None:
        def work(job: Job) -> None:
            from codesign_wizard.core.profile_secrets import forget_all

            forget_all(session.secrets, session.profile.id)

        task = self.runner.start(work, tr("Forgetting the profile"), quiet=True, lasting=True)
        task.failed.connect(self.notice)

    def take_profile(self, profile: Profile) -> None:
        """Go on with another profile of the same store, whatever is under way in this one."""
        former = self.session
        session = Session(
            profile,
            former.profiles,
            overrides=former.overrides,
            # the keyring is the same for every profile; opening it again would take its time
            secrets=former.opened_secrets,
        )
        self.replace(session)
        session.profiles.set_last_used(profile.id)

    @property
    def can_practise(self) -> bool:
        """Whether practice accounts can be started from here."""
        return self.session.origin is None and self._open_practice is not None and not self.practising

    def start_practice(self, opening: Callable[[], Session] | None = None) -> None:
        """Start the practice cloud on a thread, then go on with it; *opening* replaces the usual way."""
        opening = opening or self._open_practice
        if self.practising or opening is None:
            return
        if not self.may_leave(tr("The start of the practice")):
            return
        self.starting_practice = True
        work = opening
        task = self.runner.start(lambda job: work(), tr("Starting the practice accounts"))
        task.done.connect(self._practice_started)
        task.failed.connect(self._practice_failed)
        task.cancelled.connect(self._practice_not_started)
        self.changed.emit()

    @property
    def can_play(self) -> bool:
        """Whether a scenario can be switched now: nothing is under way in a practice that lets it."""
        practice = self.session.practice
        return practice is not None and practice.can_play and self.runner.foreground is None

    def play(self, name: str | None) -> None:
        """Switch the scenario *name* of the practice on in place of the one before; ``None``: off."""
        if not self.can_play:
            return
        self.save()
        session = self.session

        def work(job: Job) -> Any:
            from codesign_wizard.playing import switch

            return switch(job, session, name)

        words = tr("Switching it off") if name is None else tr("Making it go wrong")
        task = self._switching = self.runner.start(work, words, lasting=True)
        task.done.connect(lambda switched: self._has_played(session, switched))
        task.failed.connect(self.notice)
        task.finished.connect(self._switched)

    def _switched(self) -> None:
        self._switching = None

    def _has_played(self, session: Session, switched: Switched) -> None:
        from codesign_wizard.playing import settle

        if switched.told is not None:
            self.notice.emit(switched.told)
        if self.session is not session:
            return  # a report was opened meanwhile: what is practised is nothing of its
        settle(self.profile, switched)
        if switched.offer is not None:
            self.flow.go(switched.offer.pages[0])
        self.edited()
        self.played.emit(switched)

    def end_practice(self) -> None:
        """Go back to the person's own profile and let the practice cloud end."""
        practice = self.session
        if practice.practice is None:
            return
        if self._switching is not None:
            # the cloud must not end, nor another profile be open, under it
            self._switching.finished.connect(self.end_practice)
            return
        if not self.may_leave(tr("The end of the practice")):
            return
        own, self._own = self._own, None
        if own is None and self._open_own is not None:
            try:
                own = self._open_own()
            except CodesignError as error:
                self.notice.emit(error.finding)
        if own is None:
            return
        self.replace(own)
        self.runner.start(
            lambda job: practice.close(), tr("Ending the practice accounts"), quiet=True, lasting=True
        )

    def _practice_started(self, session: Any) -> None:
        self.starting_practice = False
        # the session that only filled the time until now is nothing to return to
        if self.session.profile.id != PRACTICE_PROFILE:
            self._own = self.session
        self.replace(session)

    def _practice_failed(self, finding: object) -> None:
        self._practice_not_started()
        self.notice.emit(finding)

    def _practice_not_started(self) -> None:
        self.starting_practice = False
        self.changed.emit()
