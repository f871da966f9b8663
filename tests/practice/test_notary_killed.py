"""Killed in the middle of the way to Apple and started again: the same submission, and nothing sent twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no fork, and no SIGKILL")

# in the middle of a part; all there and not noted; stapled and not noted
PLACES = ("part", "uploaded", "stapled")


def test_a_killed_trial_goes_on_with_the_same_submission(tmp_path: Path) -> None:
    state, temporary = tmp_path / "state", tmp_path / "tmp"
    temporary.mkdir()
    words = ["trial", "macos", "--practice", "--state", str(state), "--level", "staple", "--json"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.killed",
            ",".join(PLACES),
            *words,
            "--output",
            tmp_path / "out",
        ],
        env=dict(os.environ) | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    *killed, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["place"], each["killed"]) for each in killed] == [(place, True) for place in PLACES]
    assert last["code"] == 0, last
    kept = last["told"]["result"]["macos"]["state"]
    assert kept["done"] == ["upload", "processing", "staple", "validate"]
    assert "trial.macos.goes-on" in {each["id"] for each in last["told"]["findings"]}
    # what Apple's side saw
    submissions = json.loads((state / "notary.json").read_text())["submissions"]
    assert [each["submission_id"] for each in submissions] == [kept["data"]["submission"]]
    assert last["told"]["result"]["macos"]["verification"]["stapled"] is True
