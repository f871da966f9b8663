"""Runs the wizard on practice accounts again and again, each time ended otherwise.

A program of its own: ``python -m tests.support.killed_window STATE PLACE,PLACE,…`` forks a child for each
place, so that what takes long to import is imported once; at ``in-peace`` it is not ended before it is done.
It prints a line of JSON for each child: the place, how it ended, and what the child told of the window as it
found it and as it left it. The later pages' places are in ``killed_journeys``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QTimer

from codesign_wizard import app, ending, window
from codesign_wizard.core import files
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.flow import KEY_VAULT, WINDOWS_TRIAL
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.profile import Profile
from codesign_wizard.pages import key_vault, start, windows_trial
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.practice import cloud
from tests.support import keys, killed_journeys

IMPORTED = (window, ending, key_vault, start, windows_trial, cloud)
_PATIENCE = 60.0  # seconds for a child, which needs two
Steps = Iterator[Callable[[], bool]]


_pipe = -1  # of the child, to its parent


def _kill() -> None:
    """As the system kills; what the parent reads tells that it was here, and not by somebody else."""
    os.write(_pipe, json.dumps({"here": True}).encode() + b"\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _before_replacing(suffix: str) -> None:
    """Kill when a draft is whole and about to take the place of a file whose name ends so."""
    own = os.replace

    def instead(source: Any, target: Any) -> None:
        if str(target).endswith(suffix):
            _kill()
        own(source, target)

    files.os.replace = instead  # type: ignore[attr-defined]  # the module's own os, and everybody's


def _type(own: window.MainWindow, text: str) -> None:
    """Type the product's name, as the page hears of it."""
    page = own.page_of("start")
    assert isinstance(page, start.StartPage)
    page.product.edit.setText(text)
    page.product.edited.emit(text)


def _told(own: window.MainWindow) -> dict[str, Any]:
    profile = own.workspace.profile
    return {
        "page": own.key,
        "product": profile.product_name,
        "results": {key: result.ok for key, result in profile.results.items()},
        "notices": own.notices.count(),
    }


def _stuck(own: window.MainWindow) -> dict[str, Any]:
    """Return what tells why a child waits in vain."""
    page: Any = own.page
    banner = getattr(page, "banner", None)
    return {
        **_told(own),
        "tasks": [f"{each.name}: {each.text}" for each in own.runner.tasks],
        "banner": f"{banner.title} {banner.text}" if banner is not None else "",
        "log": [f"{each.part}: {each.text}" for each in own.log_model.lines][-30:],
    }


def _kept(workspace: Workspace) -> Profile:
    """Return the profile as it is kept, an empty one before it was saved for the first time."""
    try:
        return workspace.session.profiles.load(workspace.profile.id)
    except InputError:
        return Profile(id=workspace.profile.id, name="")


def _way(place: str, own: window.MainWindow, tell: Callable[[str, Any], None]) -> Steps:
    """What the child does; every yield waits for its condition."""
    runner, workspace = own.runner, own.workspace
    yield lambda: workspace.session.practice is not None and own.stack.count() > 0 and not runner.tasks
    if place in killed_journeys.WAYS:
        yield from killed_journeys.WAYS[place](place, own, tell, _kill)
    tell("found", _told(own))
    if place == "saving":
        _before_replacing(".json")
        _type(own, "Never kept")
        yield lambda: False
    if place == "typed":
        _type(own, "Typed")
        yield lambda: _kept(workspace).product_name == "Typed"
        own.show_step(KEY_VAULT)
        yield lambda: not runner.tasks
        page = own.page
        assert isinstance(page, key_vault.KeyVaultPage)
        page.sign_in.click()
        yield lambda: not runner.tasks
        yield lambda: KEY_VAULT in _kept(workspace).results
        _kill()
    if place == "terminated":
        _type(own, "Typed as it was told to end")
        os.kill(os.getpid(), signal.SIGTERM)
        yield lambda: False
    if place == "logged-off":
        _type(own, "Typed before logging off")
        own.findChildren(ending.Ending)[0].keep()
        _kill()  # the system does not wait for more
    workspace.flow.go("permissions")
    workspace.flow.go("certificate")
    own.show_step(WINDOWS_TRIAL)
    # what is changed is saved in a moment, and a quick trial would be killed before
    yield lambda: not runner.tasks and _kept(workspace).page == own.key
    page = own.page
    assert isinstance(page, windows_trial.WindowsTrialPage)
    if place == "signing":
        stage = Job.stage

        def killing(job: Job, key: str, state: StageState, text: str = "") -> None:
            if key == "sign" and state is StageState.RUNNING:
                _kill()
            stage(job, key, state, text)

        Job.stage = killing  # type: ignore[method-assign]
    elif place == "writing":
        _before_replacing(".exe")
    elif place == "closed":
        page.go.click()
        yield lambda: bool(runner.tasks)
        own.close()
        yield lambda: False
    page.go.click()
    yield lambda: not runner.tasks and WINDOWS_TRIAL in workspace.profile.results
    workspace.save()
    tell("left", {**_told(own), "file": workspace.profile.results[WINDOWS_TRIAL].facts.get("file", "")})
    own.close()
    yield lambda: False


def _child(place: str, state: Path, write: int) -> int:
    global _pipe
    _pipe = write

    def tell(name: str, value: Any) -> None:
        os.write(write, json.dumps({name: value}).encode() + b"\n")

    build = app.build_window

    def building(*arguments: Any, **more: Any) -> window.MainWindow:
        own = build(*arguments, **more)
        way = _way(place, own, tell)
        waits = [next(way)]
        end = time.monotonic() + _PATIENCE

        def look() -> None:
            if time.monotonic() > end:
                tell("stuck", _stuck(own))
                faulthandler.dump_traceback()
                os._exit(99)
            try:
                if waits[0]():
                    waits[0] = next(way)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(97)

        often = QTimer(own)
        often.timeout.connect(look)
        often.start(10)
        return own

    app.build_window = building
    files._FRESH = 0.0  # the next start is not a minute later
    return app.run_gui(practice=True, scenario=killed_journeys.SCENARIOS.get(place), state=state)


def run(state: Path, places: list[str]) -> None:
    """Start the wizard once for each place, and print what became of each."""
    for place in places:
        print(json.dumps({"place": place, **_ended(place, state)}), flush=True)


def _ended(place: str, state: Path) -> dict[str, Any]:
    """Run one child to its end, and return how it ended and what it told."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        code = 98
        try:
            code = _child(place, state, write)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = [json.loads(line) for line in pipe.read().splitlines()]
    _, status = os.waitpid(child, 0)
    ended: dict[str, Any] = {"killed": os.WIFSIGNALED(status), "code": os.waitstatus_to_exitcode(status)}
    for each in told:
        ended |= each
    return ended


if __name__ == "__main__":
    keys.install()
    run(Path(sys.argv[1]), sys.argv[2].split(","))
