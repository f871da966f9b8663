"""Killed in the middle of the way to Apple and started again: the same submission, and nothing sent twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no fork, and no SIGKILL")


def run(tmp_path: Path, places: Sequence[str], *words: object) -> tuple[dict[str, Any], list[str]]:
    """Kill the command at each place, then let it end; return its document, and what was submitted."""
    state, temporary = tmp_path / "state", tmp_path / "tmp"
    temporary.mkdir()
    command = [*map(str, words), "--practice", "--state", str(state), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed", ",".join(places), *command],
        env=dict(os.environ) | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    *killed, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["place"], each["killed"]) for each in killed] == [(place, True) for place in places]
    assert last["code"] == 0, last
    seen = json.loads((state / "notary.json").read_text())["submissions"]
    return last["told"], [each["submission_id"] for each in seen]


def practised(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run a command here, which makes the practice world's keys quicker, and return its document."""
    assert main([*map(str, words), "--practice", "--state", str(tmp_path / "state"), "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_killed_trial_goes_on_with_the_same_submission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    practised(tmp_path, capsys, "notary", "check")
    # other places of it are the window's, in tests/gui/test_killed_window.py
    told, seen = run(
        tmp_path, ["uploaded"], "trial", "macos", "--level", "staple", "--output", tmp_path / "out"
    )
    kept = told["result"]["macos"]["state"]
    assert kept["done"] == ["upload", "processing", "staple", "validate"]
    assert "trial.macos.goes-on" in {each["id"] for each in told["findings"]}
    assert seen == [kept["data"]["submission"]]
    assert told["result"]["macos"]["verification"]["stapled"] is True


def test_a_killed_submission_goes_on_as_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signed = practised(tmp_path, capsys, "trial", "macos", "--level", "sign-only", "--output", tmp_path)
    package = Path(signed["result"]["macos"]["file"])
    places = ("announced", "part", "log", "stapled")
    told, seen = run(tmp_path, places, "notary", "submit", package, "--wait", "--staple")
    assert seen == [told["result"]["id"]]
    assert told["result"]["state"] == "accepted"
    assert "apple.notary.already-submitted" in {each["id"] for each in told["findings"]}
    # it was in the file when the last of them was killed
    assert (told["result"]["staple"]["stapled"], told["result"]["staple"]["changed"]) == (True, False)
    assert package.read_bytes()[-16:-12] == b"t8lr"
