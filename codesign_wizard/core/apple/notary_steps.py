"""The stages of a macOS trial after signing: upload, Apple's processing and its log, staple, verify.

Each is run on the signed file in its place, and can be run again: what a stage has reached is noted (the
submission in ``SubmissionStore``, its id in the trial's own state) before the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from codesign_wizard.core.apple import notary, notary_desk, notary_submit
from codesign_wizard.core.apple.notary import PATIENCE
from codesign_wizard.core.apple.notary_desk import PROCESSING, UPLOAD, Desk
from codesign_wizard.core.apple.staple import staple, validate
from codesign_wizard.core.apple.submissions import Record
from codesign_wizard.core.apple.ticket import PATIENCE as TICKET_PATIENCE
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network

STAPLE, VALIDATE = "staple", "validate"
SUBMISSION = "submission"  # the member of the trial's state with the submission's id


class Trial(Protocol):
    """What a stage works on: ``core.macos_trial.SignedTrial``."""

    @property
    def file(self) -> Path:
        """The signed file in its place."""

    @property
    def state(self) -> Any:
        """The trial's state; ``data`` is a dictionary that is kept."""

    def keep(self) -> None:
        """Keep the state now."""

    def changed(self, job: JobContext) -> None:
        """Tell that the file was changed."""


@dataclass
class Upload:
    """Bring the file to Apple, unless these bytes are there already.

    *open_desk* is called when the key is needed, so that asking for it is part of this stage. With *anyway*
    Apple gets the file whatever our own verification says of it.
    """

    open_desk: Callable[[], Desk]
    anyway: bool = False
    key = UPLOAD
    level = "notarise"

    def run(self, job: JobContext, trial: Trial) -> Sequence[Finding]:
        """Upload; what our verification says against it ends the stage."""
        outcome = notary_submit.submit(_Quiet(job), self.open_desk(), trial.file, look_first=not self.anyway)
        if outcome.record.id:
            trial.state.data[SUBMISSION] = outcome.record.id
            trial.keep()
        return outcome.findings


@dataclass
class Processing:
    """Wait for Apple's result, and explain it; no result within *patience* seconds is no success yet."""

    open_desk: Callable[[], Desk]
    patience: float = PATIENCE
    key = PROCESSING
    level = "notarise"

    def run(self, job: JobContext, trial: Trial) -> Sequence[Finding]:
        """Wait; raises ``CodesignError`` when Apple is still at work, so that the stage is run again."""
        desk = self.open_desk()
        outcome = notary.wait(
            _Quiet(job), desk, _record(desk, trial), patience=self.patience, look=trial.file
        )
        if outcome.record.open:
            raise CodesignError(outcome.findings[0])
        return outcome.findings


@dataclass
class Staple:
    """Put the ticket into the file."""

    network: Network
    patience: float = TICKET_PATIENCE
    key = STAPLE
    level = "staple"

    def run(self, job: JobContext, trial: Trial) -> Sequence[Finding]:
        """Staple; the trial is told when the file was changed by it."""
        result = staple(job, self.network, trial.file, patience=self.patience)
        if result.changed:
            trial.changed(job)
        return result.findings


@dataclass
class Validate:
    """Compare what is stapled now with what Apple gives out."""

    network: Network
    key = VALIDATE
    level = "staple"

    def run(self, job: JobContext, trial: Trial) -> Sequence[Finding]:
        """Validate."""
        return [
            each
            for each in validate(job, self.network, trial.file).findings
            if each.severity is not Severity.OK or each.id == "apple.staple.valid"
        ]


def later_steps(
    open_desk: Callable[[], Desk], network: Network, *, patience: float = PATIENCE, anyway: bool = False
) -> list[Upload | Processing | Staple | Validate]:
    """Return the stages in their order; the trial takes those of its level."""
    desks: list[Desk] = []

    def once() -> Desk:
        if not desks:
            desks.append(open_desk())
        return desks[0]

    ticket = min(TICKET_PATIENCE, patience)
    return [Upload(once, anyway), Processing(once, patience), Staple(network, ticket), Validate(network)]


def _record(desk: Desk, trial: Trial) -> Record:
    """Return the trial's submission; its note may have been lost, Apple knows it all the same."""
    known = desk.submissions.get(str(trial.state.data[SUBMISSION]))
    if known is not None:
        return known
    return notary_desk.unknown_record(desk, str(trial.state.data[SUBMISSION]), trial.file)


class _Quiet:
    """A job without stages of its own: the trial says where it stands."""

    def __init__(self, job: JobContext) -> None:
        self.progress = job.progress
        self.log = job.log
        self.check_cancelled = job.check_cancelled
        self.wait = job.wait

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        """Say nothing."""
