"""macOS level and API key: how far the server goes for customers, and the key that Apple wants for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import key_work as work
from codesign_wizard.core.apple import level_words
from codesign_wizard.core.apple.identity_words import for_a_page
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import MACOS_LEVEL, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.api_key import ApiKeyCard
from codesign_wizard.widgets.basics import announce, label
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.level_cards import LevelCards
from codesign_wizard.widgets.pieces import Banner, Fold


class MacosLevelPage(Page):
    """The seventh page. The level is kept as it is chosen, the key in the keyring as it is given."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("macOS level and API key"),
            tr("How far the server goes before it hands a client to your customers."),
        )
        self._task: Task | None = None
        self.seen: work.KeySeen | None = None
        self._problem: Finding | None = None  # of a file that is no key, or a job that failed
        self._shown: object = None
        self.banner = Banner()
        self.levels = LevelCards(level_words.cards(workspace.flow, kept=None))
        self.levels.chosen.connect(self._choose)
        self.why = Fold(tr("&Which one?"))
        for text in level_words.recommendation():
            self.why.body.addWidget(label(text))
        self.key = ApiKeyCard()
        self.key.given.connect(self.take)
        self.key.forgotten.connect(self.forget)
        self.key.typed.connect(self._typed)
        self.key.check.connect(self.check)
        self.findings = FindingList(tr("What Apple said"))
        self.findings.again.connect(lambda _: self._again())
        self.findings.link.connect(self.link)
        self.accepted = FindingList(tr("What Apple said"))
        self.accepted.link.connect(self.link)
        for part in (self.banner, self.findings, self.levels, self.why, self.key, self.accepted):
            self.add(part)
        self.done()

    # -- showing

    def refresh(self) -> None:
        workspace, macos = self.workspace, self.workspace.profile.macos
        cards = level_words.cards(workspace.flow, kept=self._kept, found=self._found)
        self.levels.show_cards(cards, macos.level)
        self.key.show_state(macos.api_key, self.seen, self._note())
        busy, lacks = self._task is not None, self._lacking()
        # one thing to do next: once Apple has answered, or where nobody has to, it is Next
        wanted = macos.level != level_words.SIGN_ONLY
        # what Apple refuses it refuses again, until something is mended
        answered = workspace.flow.state(MACOS_LEVEL) in (StepState.DONE, StepState.ATTENTION)
        self.key.show_check(lacks, busy=busy, first=wanted and not answered)
        self.key.hold(self._task is not None and not self._task.quiet)
        if not busy:
            self._show_findings()
            self._say()

    def missing(self) -> str:
        macos = self.workspace.profile.macos
        if macos.level == level_words.SIGN_ONLY or self.workspace.flow.state(MACOS_LEVEL) != "in-progress":
            return ""
        return self._lacking()

    def _lacking(self) -> str:
        own = self.workspace.profile.macos.api_key
        return level_words.lacking(own, kept=self._kept, found=self._found)

    @property
    def _kept(self) -> bool | None:
        return self.seen.kept if self.seen is not None else None

    @property
    def _found(self) -> bool:
        return self.seen is not None and bool(self.seen.found)

    def shown(self) -> None:
        """Look whether a key is kept and where its file lies, which may have come since."""
        if self._task is None and self.seen is None:
            session = self.workspace.session
            self._begin(tr("Looking for the API key"), lambda job: work.look(session), self._seen, quiet=True)

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def _note(self) -> str:
        if self.workspace.profile.macos.level == level_words.SIGN_ONLY:
            return tr("Not needed at the level “sign only”; it can be made ready here all the same.")
        return tr(
            "A team key with access “Developer” is enough. It is made in App Store Connect, Users and "
            "Access, Integrations."
        )

    def _show_findings(self) -> None:
        result = self.workspace.profile.results.get(MACOS_LEVEL)
        found = [self._problem] if self._problem is not None else list(result.findings) if result else []
        shown = (id(result), id(self._problem))
        if shown != self._shown:
            self._shown = shown
            quiet = [each for each in found if each.severity in (Severity.OK, Severity.INFO)]
            self.findings.set(for_a_page([each for each in found if each not in quiet]))
            self.accepted.set(for_a_page(quiet), can_check=False)

    def _say(self) -> None:
        if self._problem is not None:
            self.banner.say(*verdict([self._problem], ""))
            return
        severity, title, text = level_words.said(self.workspace.flow, kept=self._kept, found=self._found)
        self.banner.say(severity, title, text, mark=Mark.NOW if severity is Severity.INFO else None)

    # -- what is chosen and typed

    def _choose(self, level: str) -> None:
        macos = self.workspace.profile.macos
        if macos.level != level:
            macos.level = level
            self.workspace.edited()
            announce(self.levels, self.banner.title)

    def _typed(self) -> None:
        own = self.workspace.profile.macos.api_key
        key_id, issuer_id = self.key.key_id.text, self.key.issuer.text
        if (key_id, issuer_id) != (own.key_id, own.issuer_id):
            # what Apple accepted was with the former ids
            own.key_id, own.issuer_id, own.accepted = key_id, issuer_id, ""
            self._problem = None
            self.workspace.edited()

    def _ids(self) -> work.Ids:
        own = self.workspace.profile.macos.api_key
        return work.Ids(own.key_id, own.issuer_id, own.named, own.accepted)

    # -- jobs

    def take(self, path: str) -> None:
        """Keep the key in the file at *path*, and read its ids off it."""
        session, ids = self.workspace.session, self._ids()
        self._begin(
            tr("Reading the key"),
            lambda job: work.take(session, Path(path), ids),
            self._taken,
            keep=self._keeper(),
            quiet=True,
            lasting=True,
        )

    def forget(self) -> None:
        """Take the key out of the keyring, with its ids."""
        session = self.workspace.session
        self._begin(
            tr("Forgetting the key"),
            lambda job: work.forget(session),
            self._taken,
            keep=self._keeper(),
            quiet=True,
            lasting=True,
        )

    def _keeper(self) -> Callable[[work.KeySeen], None]:
        """Return what keeps that the key is another now, in the profile that is open now."""
        workspace, session = self.workspace, self.workspace.session

        def keep(seen: work.KeySeen) -> None:
            session.profile.results.pop(MACOS_LEVEL, None)
            workspace.edited_in(session)

        return keep

    def check(self) -> None:
        """Ask Apple whether the key may notarise."""
        workspace, ids = self.workspace, self._ids()
        # what is found is of this profile, whichever is open at the end
        flow, session, profile = workspace.flow, workspace.session, workspace.profile
        inputs = flow.inputs(MACOS_LEVEL)

        def keep(checked: work.Checked) -> None:
            if flow.inputs(MACOS_LEVEL) == inputs and checked.accepted:
                profile.macos.api_key.accepted = checked.accepted
            flow.record(MACOS_LEVEL, checked.findings, {}, inputs=inputs)
            workspace.edited_in(session)

        self._begin(tr("Checking with Apple"), lambda job: work.check(job, session, ids), keep=keep)

    def _again(self) -> None:
        if self._problem is not None:
            self._problem = None
            self.refresh()
            self.take_focus(self.key.missing)
        else:
            self.check()

    def _begin(
        self,
        name: str,
        job: Callable[[Job], Any],
        done: Callable[[Any], object] | None = None,
        *,
        keep: Callable[[Any], object] | None = None,
        quiet: bool = False,
        lasting: bool = False,
    ) -> None:
        """Run *job*; *done* is for the page, *keep* for the profile, which may not be open any more."""
        if self._task is not None:
            return
        if not quiet and self.workspace.runner.foreground is not None:
            return
        task = self._task = self.workspace.runner.start(job, name, quiet=quiet, lasting=lasting)
        self._problem = None
        shown: dict[str, Callable[..., object]] = {"done": done} if done is not None else {}
        self.follow(task, failed=self._failed, finished=self._over, **shown)
        if keep is not None:
            task.done.connect(keep)
        if not quiet:
            self.banner.say(
                Severity.INFO, f"{name}…", tr("Cancelling leaves everything as it was."), mark=Mark.NOW
            )
        self.refresh()

    def _failed(self, finding: Finding) -> None:
        self._problem = finding

    def _over(self) -> None:
        task, self._task = self._task, None
        self.refresh()
        if task is None or task.name == tr("Looking for the API key"):
            return
        announce(self, self.banner.title, assertive=True)
        if not self.findings.focus_first():
            self.take_focus(self.key.missing if task.quiet else self.key.ask)

    def _seen(self, seen: work.KeySeen) -> None:
        self.seen = seen

    def _taken(self, seen: work.KeySeen) -> None:
        self.seen = seen
        warned = [each for each in seen.told if each.severity is Severity.WARNING]
        self._problem = warned[0] if warned else None
        self.key.show_ids(self.workspace.profile.macos.api_key)
