"""Takes the pictures of many scenes, several at a time, and tells what came of it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import qInstallMessageHandler

from codesign_wizard import app as wizard
from codesign_wizard import theme
from codesign_wizard.core.language import current_language, use_language
from codesign_wizard.core.text import tr
from codesign_wizard.screenshots.looks import LOOKS
from codesign_wizard.screenshots.studio import NotTaken, Studio
from codesign_wizard.screenshots.table import SCENES

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType


class Roll(NamedTuple):
    """What came of one scene in one look."""

    pictures: int
    cut: dict[str, list[str]]  # what has not the room it needs, and the pictures that show it
    problem: str = ""  # why pictures are missing, "" when none are


def main(
    folder: str,
    *,
    scenes: Sequence[str] = tuple(SCENES),
    looks: Sequence[str] = tuple(LOOKS),
    processes: int = 1,
) -> int:
    """Write the pictures of *scenes* in each of *looks* into *folder*; returns the exit code.

    1, with a line for each on stderr, when the folder cannot be written, a page does not come to its state,
    or a text has not the room it needs. What one scene lacks keeps no other from being taken. With more than
    one of *processes* so many are at work beside this one.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        words = tr("The pictures cannot be written to {folder}: {reason}.")
        sys.stderr.write(words.format(folder=folder, reason=reason) + "\n")
        return 1
    tasks = [(look, scene) for scene in scenes for look in looks]
    many = processes > 1 and len(tasks) > 1
    return _tell(target, _beside(target, tasks, processes) if many else _here(target, tasks))


def _here(folder: Path, tasks: Iterable[tuple[str, str]]) -> Iterator[Roll]:
    for look, scene in tasks:
        yield take(folder, look, scene)


def _beside(folder: Path, tasks: Sequence[tuple[str, str]], processes: int) -> Iterator[Roll]:
    # not forked: nothing of Qt may be shared
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context) as pool:
        asked = {pool.submit(take, folder, *task): task for task in tasks}
        for done, future in enumerate(as_completed(asked), 1):
            look, scene = asked[future]
            try:
                roll = future.result()
            except BrokenProcessPool:
                words = tr("{scene}, {look}: the process that took the pictures ended.")
                roll = Roll(0, {}, words.format(scene=scene, look=look))
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\x1b[K{done}/{len(tasks)} {scene}, {look}")
            yield roll
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def take(folder: Path, look: str, scene: str) -> Roll:
    """Take the pictures of one scene in one look, in this process; leaves the program as it was."""
    app = wizard.application()
    with ExitStack() as ending:
        ending.callback(theme.apply, app, scale=1.0)
        ending.callback(app.setLayoutDirection, app.layoutDirection())
        ending.callback(use_language, current_language())
        # the offscreen platform remarks again and again that it has no frame to give hints to
        former = qInstallMessageHandler(_remark)
        ending.callback(qInstallMessageHandler, former)
        scratch = ending.enter_context(tempfile.TemporaryDirectory(prefix="codesign-wizard-"))
        studio = Studio(app, folder, Path(scratch))
        problem = ""
        try:
            studio.dress(LOOKS[look])
            SCENES[scene](studio)
        except NotTaken as lacking:
            problem = f"{scene}, {look}: {lacking}"
        except Exception:  # a page that fails keeps no other page from being photographed; told in full
            problem = f"{scene}, {look}: {traceback.format_exc().rstrip()}"
        return Roll(len(studio.written), studio.cut, problem)


def _tell(folder: Path, rolls: Iterable[Roll]) -> int:
    count, cut, problems = 0, dict[str, list[str]](), list[str]()
    for roll in rolls:
        count += roll.pictures
        for what, pictures in roll.cut.items():
            cut.setdefault(what, []).extend(pictures)
        if roll.problem:
            problems.append(roll.problem)
    sys.stdout.write(tr("{n} pictures are in {folder}.").format(n=count, folder=folder) + "\n")
    for what, pictures in sorted(cut.items(), key=lambda one: one[1][0]):
        where = pictures[0] if len(pictures) == 1 else f"{pictures[0]} (+{len(pictures) - 1})"
        sys.stderr.write(f"{where}: {what}\n")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if cut or problems else 0


def _remark(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    if text and "propagateSizeHints" not in text:
        sys.stderr.write(f"{text}\n")
