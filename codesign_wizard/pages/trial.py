"""What the pages of both trials are: stages, the result with its file, and how it was judged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from codesign_wizard.core.files import replacing, replacing_folder
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import Card, Facts, announce, button, label, restyle, row
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner
from codesign_wizard.widgets.stage_cards import StageCards

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_SAVED = FindingKind(
    "trial.not-saved",
    Severity.ERROR,
    "The signed file could not be saved as {name}.",
    "The trial's file could not be copied where the person chose, for the reason told; another place may do.",
)

STAGE = "stage."  # facts that remember how a stage ended, to show it again after a restart
_NAME_WIDTH = 128


@dataclass(frozen=True)
class Outcome:
    """What a trial's job leaves to be kept."""

    findings: Sequence[Finding]
    facts: Mapping[str, str]
    details: Mapping[str, Any] = field(default_factory=dict)


class TrialPage(Page):
    """A trial's page: ``work`` and ``show_facts`` are the trial's own, and what it says besides.

    *key* is the step, *stages* key and name each, *note* says whom the work asks for what.
    """

    def __init__(
        self,
        workspace: Workspace,
        key: str,
        title: str,
        subtitle: str,
        stages: Iterable[tuple[str, str]],
        note: str,
    ) -> None:
        super().__init__(workspace, title, subtitle)
        self.key = key
        self._task: Task | None = None
        self._inputs = ""
        self.used: list[QWidget] = []  # what a trial is begun with: not to be changed while one runs
        self._shown: object = None
        self._ended: dict[str, tuple[StageState, str]] = {}
        self.banner = Banner()
        self.stages = StageCards(stages)
        self.go = button(tr("Sign and &verify"), self.run, "primary")
        action = QWidget()
        self.note = label(note, "soft")
        self.action = row(self.go, self.note, gap=12)
        self.action.setStretch(1, 1)
        action.setLayout(self.action)
        self.result_card = Card(tr("The signed file"))
        self.facts = Facts(name_width=_NAME_WIDTH)
        self.findings = FindingList(tr("How it was judged"))
        self.findings.again.connect(lambda finding: self.run())
        self.findings.link.connect(self.link)
        for part in (self.banner, self.stages, action, self.result_card, self.findings):
            self.add(part)
        self._fill_result()

    def _fill_result(self) -> None:
        self.show_file = button(tr("Show the &file"), self._show_file)
        self.save_file = button(tr("Save t&he signed file…"), self._ask_where)
        self.details = button(tr("&Details"), self._toggle_details)
        self.details.setProperty("reads", True)
        self.details.setCheckable(True)
        self.saved = label("", "ok")
        self.saved.hide()
        body = self.result_card.body
        body.addWidget(self.facts)
        self.add_to_result(body)
        body.addSpacing(px(4))
        body.addLayout(row(self.show_file, self.save_file, self.details, self.saved, None))
        self.result_card.hide()

    # -- what differs

    def add_to_result(self, body: Any) -> None:
        """Add to the card of the result what the trial says besides."""

    def work(self) -> Callable[[Job], Outcome]:
        """Return the trial by the settings as they are now, to be run on a thread."""
        raise NotImplementedError

    def show_facts(self, result: StepResult) -> list[tuple[str, str]]:
        """Show what the card says besides; return the facts of *result* in words."""
        raise NotImplementedError

    def clear_words(self, result: StepResult) -> str:
        """Return the sentence for a trial that found nothing wrong."""
        raise NotImplementedError

    def blocked_words(self, result: StepResult) -> str:
        """Return what came of a trial that found something wrong; "" for the worst finding's own sentence."""
        return ""

    def say_not_yet(self) -> None:
        """Say in the banner what stands in the way of a first trial, if anything does."""
        raise NotImplementedError

    def relied(self) -> object:
        """Return what is said of the steps that the trial relies on: once it changes, it is said anew."""
        raise NotImplementedError

    def told_besides(self) -> Sequence[str]:
        """Return the ids of findings that the card tells better, where the result is good."""
        return ()

    def shown_findings(self, result: StepResult) -> Sequence[Finding]:
        """Return the findings of *result* as they are shown."""
        return result.findings

    def say_left(self) -> bool:
        """Show a trial that was left on its way, if there is one; tells whether there is."""
        return False

    def left(self) -> object:
        """Return what tells one such trial from another, ``None`` without one."""
        return None

    def elsewhere_first(self) -> bool:
        """Tell whether a trial cannot succeed before something is done on another page."""
        return False

    def save_pattern(self) -> str:
        """Return what files the result can be saved as."""
        raise NotImplementedError

    # -- the trial

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def show_request(self, request_id: str) -> bool:
        """As any page's; Details is opened where the finding is folded away."""
        if not self.details.isVisibleTo(self) or self.details.isChecked():
            return super().show_request(request_id)
        if super().show_request(request_id):
            return True
        if not self.findings.speaks_of(request_id):
            return False
        self.details.setChecked(True)
        self._toggle_details()
        return super().show_request(request_id)

    def run(self) -> None:
        """Sign and verify, on a thread."""
        workspace = self.workspace
        if self._task is not None or not workspace.may_begin():
            return
        self._inputs = workspace.flow.inputs(self.key)
        self._task = workspace.runner.start(self.work(), tr("Signing and verifying"))
        # not before: that something runs lets the page be shown anew, with the former result
        self.stages.reset()
        self._ended = {}
        self.result_card.hide()
        self.findings.hide()
        self._let_work(False)
        self.banner.say(
            Severity.INFO,
            tr("Signing and verifying."),
            tr("Cancelling leaves everything as it was."),
            mark=Mark.NOW,
        )
        self._task.stage.connect(self._stage)
        self._task.progress.connect(self._progress)
        self._task.done.connect(self._finished)
        self._task.failed.connect(self._failed)
        self._task.cancelled.connect(self._cancelled)
        self._task.finished.connect(self._over)
        self.verticalScrollBar().setValue(0)

    def _let_work(self, allowed: bool) -> None:
        self.let_use((self.go, *self.used), allowed)

    def _stage(self, key: str, state: StageState, text: str) -> None:
        self.stages.set(key, state, text)
        self._ended[key] = (state, text)

    def _progress(self, done: int, total: int | None, text: str) -> None:
        self.stages.progress(done, total, text)

    def _finished(self, outcome: Outcome) -> None:
        self._record(outcome)

    def _failed(self, finding: Finding) -> None:
        self.stages.stop(StageState.FAILED, "")
        self._record(Outcome([finding], {}))

    def _record(self, outcome: Outcome) -> None:
        facts = dict(outcome.facts)
        for key, card in self.stages.cards.items():
            state = StageState.FAILED if card.state is StageState.RUNNING else card.state
            facts[STAGE + key] = f"{state.value}|{self._ended.get(key, (state, ''))[1]}"
        self.workspace.flow.record(
            self.key, outcome.findings, facts, inputs=self._inputs, details=outcome.details
        )
        self.workspace.edited()

    def _cancelled(self) -> None:
        self.stages.stop(StageState.SKIPPED, tr("cancelled"))

    def _over(self) -> None:
        task, self._task = self._task, None
        self._let_work(True)
        self._shown = None
        cancelled = task is not None and task.job.cancel_event.is_set()
        if cancelled and not self.has_result() and self.left() is None:
            self.banner.say(
                Severity.INFO, tr("Cancelled. Nothing was left behind."), mark=Mark.NOT_APPLICABLE
            )
            self.stages.undo(tr("not kept"))
            self._shown = "cancelled"
        else:
            self.show_result()
        announce(self, self.banner.title, assertive=True)
        if not self.findings.focus_first():
            self.take_focus(self.go)

    def has_result(self) -> bool:
        """Tell whether there is a result for the settings as they are."""
        return self.workspace.flow.state(self.key) in (StepState.DONE, StepState.ATTENTION)

    # -- the result

    def show_result(self) -> None:
        """Show the result that is kept, unless one is under way."""
        if self._task is not None:
            return
        workspace = self.workspace
        result = workspace.profile.results.get(self.key)
        state = workspace.flow.state(self.key)
        shown = (id(result), state, self.relied(), self.left())
        if shown == self._shown or (self._shown == "cancelled" and result is None):
            return
        self._shown = shown
        # one thing to do next: once it is signed and verified, it is Next
        quiet = state is StepState.DONE or self.elsewhere_first()
        restyle(self.go, "kind", "" if quiet else "primary")
        if self.say_left():
            self.result_card.hide()
            self.findings.hide()
            return
        if result is None:
            self.result_card.hide()
            self.findings.hide()
            self.say_not_yet()
            return
        severity, title, text = verdict(result.findings, self.clear_words(result), self.blocked_words(result))
        time = when(result.obtained)
        if state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since this trial. Sign and verify again."),
                tr("The result below is of {time}.").format(time=time),
                mark=Mark.OUT_OF_DATE,
            )
        else:
            stamp = tr("Checked {time}.").format(time=time)
            if workspace.session.practice is not None and severity is Severity.OK:
                stamp = f"{tr('Practice roots are made up: this is as good as it gets here.')} {stamp}"
            self.banner.say(severity, title, f"{text} {stamp}".strip())
        self._restore_stages(result)
        facts = self.show_facts(result)
        self.facts.set(facts)
        file = self._file()
        self.result_card.setVisible(result.ok and bool(facts))
        self.show_file.setVisible(file is not None)
        self.save_file.setVisible(file is not None)
        self.saved.hide()
        besides = self.told_besides() if result.ok else ()
        self.findings.set(
            [one for one in self.shown_findings(result) if one.id not in besides],
            passed=self.details.isChecked() or not result.ok,
        )

    def _file(self) -> Path | None:
        """Return the signed file, if it is still there."""
        result = self.workspace.profile.results.get(self.key)
        name = result.facts.get("file", "") if result is not None else ""
        path = Path(name)
        return path if name and path.exists() else None

    def _restore_stages(self, result: StepResult) -> None:
        for key in self.stages.cards:
            state, _, text = result.facts.get(STAGE + key, "").partition("|")
            try:
                self.stages.set(key, StageState(state), text)
            except ValueError:
                self.stages.set(key, StageState.WAITING)

    def _toggle_details(self) -> None:
        self.findings.show_passed(self.details.isChecked())

    def _show_file(self) -> None:
        file = self._file()
        if file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(file.parent)))

    def _ask_where(self) -> None:
        source = self._file()
        if source is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save the signed file"), source.name, self.save_pattern()
        )
        if path:
            self.save_to(source, Path(path))

    def save_to(self, source: Path, target: Path) -> None:
        """Copy the signed file, or an app's folder, to *target*, in one step and on a thread."""

        def work(job: Job) -> Path:
            from codesign_wizard.core.errors import CodesignError

            try:
                if source.is_dir():
                    _copy_folder(source, target)
                else:
                    with replacing(target) as draft:
                        shutil.copyfile(source, draft)
            except (OSError, shutil.Error) as error:
                raise CodesignError(
                    NOT_SAVED(name=target.name, evidence=Evidence(message=str(error)))
                ) from error
            return target

        task = self.workspace.runner.start(work, tr("Saving the signed file"), quiet=True)
        task.done.connect(self._file_saved)
        task.failed.connect(self.workspace.notice)

    def _file_saved(self, target: Path) -> None:
        self.saved.setText(tr("Saved as {name}").format(name=target.name))
        self.saved.show()
        announce(self.saved, self.saved.text())


def _copy_folder(source: Path, target: Path) -> None:
    """Copy an app, links as links; a folder that is there already is left alone. Raises ``OSError``."""
    if target.exists():
        raise FileExistsError(tr("there is something of this name already"))
    with replacing_folder(target) as draft:
        shutil.copytree(source, draft, symlinks=True, dirs_exist_ok=True)
