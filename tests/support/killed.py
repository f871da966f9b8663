"""Runs a command again and again, each time killed (SIGKILL) at the next place, and once to its end.

A program of its own: ``python -m tests.support.killed STATE PLACE,PLACE,… COMMAND…`` forks a child for each
place before any thread is started, so that what takes long to import is imported once. It prints a line of
JSON for each child: place, signal or exit code, and the last one's document. Parts of uploads are small.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from codesign_wizard.cli import main
from codesign_wizard.core import macos_trial
from codesign_wizard.core.apple import notary, notary_submit, notary_upload, staple
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.practice import cloud
from codesign_wizard.practice.notary import models
from codesign_wizard.practice.s3 import errors

PART = 8 << 10  # the package has six of them, whatever its signatures and tickets add


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(
    owner: Any,
    name: str,
    when: Callable[..., bool],
    kill: Callable[[], None] = _kill,
    *,
    after: bool = False,
) -> None:
    """Replace a function by itself, killing before (or after) a call for which *when* is true."""
    own = getattr(owner, name)

    def instead(*arguments: Any, **named: Any) -> Any:
        if not after and when(*arguments):
            kill()
        result = own(*arguments, **named)
        if after and when(*arguments):
            kill()
        return result

    setattr(owner, name, instead)


def _arm(place: str) -> None:
    always = lambda *_: True  # noqa: E731  # one line each
    match place:
        case "announced":  # Apple has given an id, and nothing was sent
            kill_at(notary_submit._Bringing, "_upload", always)
        case "part":  # in the middle of the third, two having arrived
            kill_at(notary_upload._Run, "_tell", lambda run, done: done > 2 * PART)
        case "uploaded":  # the storage has it all, and that was not noted
            kill_at(notary_upload._Run, "_complete", always, after=True)
        case "log":  # judged, and that was not noted
            kill_at(notary, "_patient_log", always)
        case "stapled":  # the ticket is in the file, and that was not noted
            kill_at(macos_trial.SignedTrial, "changed", always)
            kill_at(staple, "staple", always, after=True)
        case _:
            kill_at(Job, "stage", lambda _, key, state, *__: key == place and state is StageState.RUNNING)


def small_parts() -> None:
    """Let a small package be uploaded in several parts."""
    errors.MINIMUM_PART = 1 << 10
    notary_upload.SINGLE = PART
    notary_upload.part_size = lambda size: PART


def _child(place: str, words: list[str], write: int) -> None:
    models.PROCESSING = 0.0
    small_parts()
    if place:
        _arm(place)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = main(words)
    os.write(write, json.dumps({"code": code, "told": json.loads(said.getvalue())}).encode())


def run(places: list[str], words: list[str]) -> None:
    """Run *words* once for each place, then once more, and print what became of each."""
    assert cloud, "imported for the children"
    for place in [*places, ""]:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            try:
                _child(place, words, write)
            finally:
                os.close(write)
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps({"place": place, "killed": killed, **json.loads(told or b"{}")}), flush=True)


if __name__ == "__main__":
    run([each for each in sys.argv[1].split(",") if each], sys.argv[2:])
