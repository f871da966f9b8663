"""What the trials for Windows and for macOS share: stages, a folder to work in, refusals of a place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import hidden_folder, require_replaceable
from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.text import size_words, tr

_WORK = "trial"

OUTPUT = FindingKind(
    "trial.output.unwritable",
    Severity.ERROR,
    "The folder {folder} cannot be written: {why}.",
    "The output folder cannot be made, is no folder, or is full.",
)
SAME_FILE = FindingKind(
    "trial.output.is-input",
    Severity.ERROR,
    "The output would be {file} itself, which is to be signed.",
    "The trial never changes the file it was given.",
)


class Stages:
    """The job, remembering which stage is under way so that a failure is shown where it happened.

    Stages that are not among *keys*, which parts of the work tell for themselves, are not passed on.
    """

    def __init__(self, job: JobContext, keys: Sequence[str]) -> None:
        self._job, self._keys = job, list(keys)
        self._present = self._keys[0]
        self._ended: set[str] = set()
        self.progress = job.progress
        self.log = job.log
        self.check_cancelled = job.check_cancelled
        self.wait = job.wait

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        """Tell that a stage has reached *state*; it is the present one from now on."""
        if key not in self._keys:
            return
        self._present = key
        if state is not StageState.RUNNING:
            self._ended.add(key)
        self._job.stage(key, state, text)

    def fail(self, text: str = "") -> None:
        """Show the present stage as failed, with *text*, and those that have not ended as skipped."""
        self._job.stage(self._present, StageState.FAILED, text)
        for key in self._keys:
            if key not in self._ended and key != self._present:
                self._job.stage(key, StageState.SKIPPED)


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder of our own inside the output folder, so that moving from it is a rename.

    What had to be made of the output folder and stayed empty goes, too.
    """
    made: list[Path] = []
    try:
        try:
            place = folder.absolute()
            while not place.exists() and place != place.parent:
                made.append(place)
                place = place.parent
            folder.mkdir(parents=True, exist_ok=True)
            with hidden_folder(folder / _WORK) as work:
                yield work
        except OSError as error:
            raise InputError(OUTPUT(folder=str(folder), why=error.strerror or str(error))) from error
    finally:
        for each in made:
            try:
                each.rmdir()
            except OSError:
                break  # it holds the result, or was never made


def check_replaceable(path: Path) -> None:
    """Raise ``InputError`` where something stands that must not give way to a file."""
    from codesign_wizard.core.authenticode.refusals import UNWRITABLE

    try:
        require_replaceable(path)
    except OSError as error:
        raise InputError(UNWRITABLE(file=path.name, why=error.strerror or str(error))) from error


def refuse_same(own: Path, target: Path) -> None:
    """Raise ``InputError`` when the output would be the input."""
    if is_same(own, target):
        raise InputError(
            SAME_FILE(file=own.name, remedies=[Remedy(title=tr("Choose another name or another folder."))])
        )


def is_same(one: Path, other: Path) -> bool:
    """Tell whether both lead to one file."""
    try:
        return one.samefile(other)
    except OSError:
        return False  # one is missing or cannot be reached, which is told when it is used


def size_text(path: Path) -> str:
    """Return the file's size for people."""
    try:
        size = path.stat().st_size
    except OSError:
        return tr("not readable")
    return size_words(size)
