"""What a trial for macOS is asked for, keeps between runs, and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codesign_wizard.core.finding import Finding, blocks
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.profile import LEVELS

if TYPE_CHECKING:
    from codesign_wizard.core.apple.forms import Form
    from codesign_wizard.core.apple.options import AppleOptions
    from codesign_wizard.core.apple.sign_any import SignedFile
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.apple.verify_any import Verification
    from codesign_wizard.core.authenticode.timestamp import Timestamper


@dataclass
class TrialState:
    """How far a trial came: the signed file with its SHA-256 (hex), the later steps that are done.

    For an app, which is a folder, ``sha256`` is over all that is in it, but for a stapled ticket. ``data`` is
    what later steps keep for themselves, by their key; JSON, and no secret. ``source`` tells the same trial
    again: what was signed, where to, with which certificates.
    """

    file: str
    sha256: str
    done: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the state as a profile keeps it."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "done": list(self.done),
            "data": self.data,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, document: object) -> TrialState | None:
        """Return what ``to_json`` wrote, or ``None`` for what cannot be read: the trial then begins anew."""
        if not isinstance(document, Mapping):
            return None
        file, digest, done, data = (document.get(name) for name in ("file", "sha256", "done", "data"))
        if not (isinstance(file, str) and isinstance(digest, str) and file and digest):
            return None
        if not (isinstance(done, list) and isinstance(data, dict)):
            return None
        return cls(file, digest, [str(each) for each in done], data, str(document.get("source") or ""))


@dataclass
class SignedTrial:
    """What a later step works on: the signed file in its place, and the state it may add to."""

    file: Path
    state: TrialState
    verification: Verification
    _keep: Callable[[TrialState], None]
    was_changed: bool = False

    def keep(self) -> None:
        """Keep the state now, as after a submission whose id must not be lost."""
        self._keep(self.state)

    def changed(self, job: JobContext) -> None:
        """Tell that the file was changed (a ticket stapled), so that it is known again later."""
        self.was_changed = True
        self.state.sha256 = identity_of(job, self.file)
        self.keep()


class LaterStep(Protocol):
    """A stage after signing. ``key`` names it, ``level`` is the lowest level that has it."""

    @property
    def key(self) -> str:
        """The stage's name, as ``upload``."""

    @property
    def level(self) -> str:
        """``notarise`` or ``staple``."""

    def run(self, job: JobContext, trial: SignedTrial) -> Sequence[Finding]:
        """Do the work, leaving the file whole whatever happens; an error among the findings ends the trial.

        Raises ``CodesignError`` or ``Cancelled``; the step is then run again when the trial goes on.
        """


@dataclass
class MacosTrialRequest:
    """What to do. ``level`` is one of ``profile.LEVELS``; without *input_file* the sample is built.

    ``output_name`` is the file's name when it is not to be made from the product's or the input's. ``keep``
    is called with the state whenever it has changed.
    """

    options: AppleOptions
    roots: AppleRoots
    timestamper: Timestamper | None
    output_folder: Path
    product_name: str
    level: str = LEVELS[0]
    input_file: Path | None = None
    output_name: str = ""
    later: Sequence[LaterStep] = ()
    keep: Callable[[TrialState], None] = lambda _: None

    def steps(self) -> list[LaterStep]:
        """Return the later steps of the level."""
        return [each for each in self.later if LEVELS.index(each.level) <= LEVELS.index(self.level)]


@dataclass(frozen=True)
class MacosTrialResult:
    """What came of it. ``file`` is ``None`` when nothing was written; ``facts`` have stable names."""

    findings: list[Finding]
    file: Path | None = None
    form: Form | None = None
    signed: SignedFile | None = None
    verification: Verification | None = None
    facts: dict[str, str] = field(default_factory=dict)
    state: TrialState | None = None
    level: str = LEVELS[0]
    pending: tuple[str, ...] = ()  # later steps that are not done: Apple may still be at work

    @property
    def ok(self) -> bool:
        """Whether a signed file was written that verifies, and every step of its level was done."""
        return self.file is not None and not self.pending and not blocks(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the result as documented in docs/json.md."""
        document: dict[str, Any] = {"level": self.level}
        if self.signed is not None:
            document |= self.signed.to_json()
        document |= {
            "file": None if self.file is None else str(self.file),
            "facts": self.facts,
            "verification": None if self.verification is None else self.verification.to_json(),
            "state": None if self.state is None else self.state.to_json(),
        }
        return document


def identity_of(job: JobContext, path: Path) -> str:
    """Return what the file or bundle at *path* is known by."""
    from codesign_wizard.core.apple.submitted_file import identity

    return identity(job, path)
