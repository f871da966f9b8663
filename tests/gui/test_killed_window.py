"""However the wizard ends, at whatever moment: the next start goes on, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no fork, and no SIGKILL")

KILLED = ("saving", "typed", "logged-off", "signing", "writing")  # no chance to do anything any more
CLOSED = ("terminated", "closed")


def test_however_it_ends_the_next_start_goes_on_and_nothing_is_half_written(tmp_path: Path) -> None:
    state, temporary = tmp_path / "state", tmp_path / "tmp"
    temporary.mkdir()
    places = ["saving", "typed", "terminated", "signing", "logged-off", "writing", "closed"]
    assert sorted(places) == sorted(KILLED + CLOSED)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_window", str(state), ",".join(places)],
        env=dict(os.environ) | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    starts = {each["place"]: each for each in map(json.loads, done.stdout.splitlines())}
    print(done.stdout)  # shown when anything below fails
    assert {name: each["killed"] for name, each in starts.items()} == (
        dict.fromkeys(places, False) | dict.fromkeys(KILLED, True) | {"": False}
    ), done.stderr
    assert all(starts[name].get("here") for name in KILLED)
    assert [starts[name]["code"] for name in (*CLOSED, "")] == [0, 0, 0], done.stderr
    found = {name: each["found"] for name, each in starts.items()}
    first = found["saving"]["product"]
    assert found["typed"]["product"] == first, "the save that was cut short left the former profile whole"
    assert (found["terminated"]["product"], found["terminated"]["page"]) == ("Typed", "key-vault")
    assert found["terminated"]["results"]["key-vault"] is True
    assert found["signing"]["product"] == "Typed as it was told to end"
    # cut short in the midst of signing: the page is there again, and no result is made up
    assert found["logged-off"]["page"] == "windows-trial"
    assert found["writing"]["product"] == "Typed before logging off"
    assert "windows-trial" not in found[""]["results"]
    assert found[""]["page"] == "windows-trial"
    assert all(each["notices"] == 0 for each in found.values())
    # and in peace it comes to its end, from where the others left it
    left = starts[""]["left"]
    assert left["results"] | {"key-vault": True, "windows-trial": True} == left["results"]
    assert Path(left["file"]).read_bytes()[:2] == b"MZ"
    assert [path.name for path in Path(left["file"]).parent.iterdir() if path.suffix == ".part"] == []
    documents = sorted(state.rglob("*.json"))
    assert documents
    for path in documents:
        json.loads(path.read_text("utf-8"))
    assert list((state / "profiles").glob(".*.part")) == []
