"""Temporary folders: gone at the end, and what a killed run left goes a day later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.opening import open_session
from codesign_wizard.practice import leftovers
from codesign_wizard.practice.cloud import PracticeCloud

DAY = 24 * 3600
_KILLED = """
import os, sys
from codesign_wizard.practice import leftovers
folder, lock = leftovers.make_folder()
(folder / "secret.pem").write_text("x")
output = leftovers.make_output(folder)
(output / "setup.exe").write_text("x")
print(folder, output, sep="\\n", flush=True)
sys.stdin.readline()
os._exit(9)  # as a kill: nothing is cleaned up
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary place of the test's own, also for the processes it starts."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def later(days: float = 1.1) -> float:
    return time.time() + days * DAY


def test_a_killed_run_is_cleared_away_a_day_later_and_a_running_one_never(place: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        folder, output = (Path(run.stdout.readline().strip()) for _ in range(2))
        assert {folder.parent, output.parent} == {place}
        assert leftovers.clear(place, later(30)) == []  # in use, however old
        run.communicate("\n", timeout=20)
    assert leftovers.clear(place) == []  # not a day old
    assert sorted(leftovers.clear(place, later())) == sorted([folder, output])
    assert list(place.iterdir()) == []


def test_the_next_start_clears(place: Path) -> None:
    old = place / f"{leftovers.CLOUD}abc"
    old.mkdir()
    (old / "left.pem").write_text("x")
    then = time.time() - 2 * DAY
    for each in (old / "left.pem", old):
        os.utime(each, (then, then))
    with PracticeCloud() as cloud:
        assert not old.exists()
        assert cloud.folder.parent == place
        output = cloud.new_output_folder()
    assert list(place.iterdir()) == [output]  # the trial's files outlive the run
    assert leftovers.clear(place, later()) == [output]


def test_what_is_not_ours_stays(place: Path) -> None:
    target = place / "precious"
    target.mkdir()
    (target / "file").write_text("x")
    (place / f"{leftovers.CLOUD}file").write_text("x")
    (place / "codesign-wizard-other").mkdir()
    inside = place / f"{leftovers.OUTPUT}abc-def"
    inside.mkdir()
    if sys.platform != "win32":
        (place / f"{leftovers.CLOUD}link").symlink_to(target)
        (inside / "link").symlink_to(target)
    assert leftovers.clear(place, later(3)) == [inside]
    assert (target / "file").read_text() == "x"
    assert (place / f"{leftovers.CLOUD}file").exists()
    assert (place / "codesign-wizard-other").exists()
    assert leftovers.clear(place / "nowhere") == []


def test_a_folder_in_which_something_is_new_stays(place: Path) -> None:
    folder = place / f"{leftovers.OUTPUT}abcdefgh"
    folder.mkdir()
    file = folder / "setup.exe"
    file.write_text("x")
    then = time.time() - 2 * DAY
    os.utime(folder, (then, then))
    assert leftovers.clear(place) == []
    os.utime(file, (then, then))
    assert leftovers.clear(place) == [folder]


def test_a_start_is_not_held_up_by_many(place: Path) -> None:
    for number in range(60):
        (place / f"{leftovers.CLOUD}{number:03}").mkdir()
    assert len(leftovers.clear(place, later())) == 50
    assert len(leftovers.clear(place, later())) == 10


def test_a_session_takes_its_az_off_the_path_again(place: Path) -> None:
    before = os.environ["PATH"]
    with open_session(practice=True) as session:
        assert session.practice is not None
        assert os.environ["PATH"].split(os.pathsep)[0] == str(session.practice.az_folder)
        beside: Any = session.beside(session.profile)
        assert beside.practice is session.practice
        assert session.output_folder().parent == place
    assert os.environ["PATH"] == before
    session.close()
    assert os.environ["PATH"] == before
