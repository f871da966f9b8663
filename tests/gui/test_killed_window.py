"""However the wizard ends, at whatever moment: the next start goes on, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no fork, and no SIGKILL")

KILLED = ("saving", "typed", "logged-off", "signing", "writing")  # no chance to do anything any more
CLOSED = ("terminated", "closed")


def run(tmp_path: Path, places: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Start the wizard for each place, one after the other; return what became of each start."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_window", str(tmp_path / "state"), ",".join(places)],
        env=dict(os.environ) | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout, done.stderr)  # shown when anything fails
    starts = {each["place"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert [each["stuck"] for each in starts.values() if "stuck" in each] == [], "waited in vain"
    return starts


def well_kept(state: Path) -> None:
    """Nothing in the folder of the state is half written."""
    documents = sorted(state.rglob("*.json"))
    assert documents
    for path in documents:
        json.loads(path.read_text("utf-8"))
    assert list((state / "profiles").glob(".*.part")) == []


def test_however_it_ends_the_next_start_goes_on_and_nothing_is_half_written(tmp_path: Path) -> None:
    places = ["saving", "typed", "terminated", "signing", "logged-off", "writing", "closed", "in-peace"]
    assert sorted(places) == sorted((*KILLED, *CLOSED, "in-peace"))
    starts = run(tmp_path, places)
    assert {name: each["killed"] for name, each in starts.items()} == (
        dict.fromkeys(places, False) | dict.fromkeys(KILLED, True)
    )
    assert all(starts[name].get("here") for name in KILLED)
    assert [starts[name]["code"] for name in (*CLOSED, "in-peace")] == [0, 0, 0]
    found = {name: each["found"] for name, each in starts.items()}
    first = found["saving"]["product"]
    assert found["typed"]["product"] == first, "the save that was cut short left the former profile whole"
    assert (found["terminated"]["product"], found["terminated"]["page"]) == ("Typed", "key-vault")
    assert found["terminated"]["results"]["key-vault"] is True
    assert found["signing"]["product"] == "Typed as it was told to end"
    # cut short in the midst of signing: the page is there again, and no result is made up
    assert found["logged-off"]["page"] == "windows-trial"
    assert found["writing"]["product"] == "Typed before logging off"
    assert "windows-trial" not in found["in-peace"]["results"]
    assert found["in-peace"]["page"] == "windows-trial"
    assert all(each["notices"] == 0 for each in found.values())
    # and in peace it comes to its end, from where the others left it
    left = starts["in-peace"]["left"]
    assert left["results"] | {"key-vault": True, "windows-trial": True} == left["results"]
    assert Path(left["file"]).read_bytes()[:2] == b"MZ"
    assert [path.name for path in Path(left["file"]).parent.iterdir() if path.suffix == ".part"] == []
    well_kept(tmp_path / "state")


def test_what_was_begun_with_apple_the_server_and_the_vault_is_gone_on_with(tmp_path: Path) -> None:
    macos = ["build", "sign-package", "upload", "logged-off-uploading", "waiting", "stapled", "notarised"]
    others = ["applying", "undoing", "proving", "requesting", "merging", "merged"]
    others += ["recovering", "recovered", "granting", "granted"]
    starts = run(tmp_path, [*macos, *others])
    in_peace = ("waiting", "notarised", "merged", "recovered", "granted")
    killed = {name: (each["killed"], each.get("here", False)) for name, each in starts.items()}
    assert killed == {name: (name not in in_peace, name not in in_peace) for name in [*macos, *others]}
    assert [starts[name]["code"] for name in in_peace] == [0] * len(in_peace)
    found = {name: each["found"] for name, each in starts.items()}

    # whatever stage it was ended at: one file, one submission, and the way on is offered
    assert {found[name]["go"] for name in macos[:3]} == {"Sign and &verify"}
    assert [found[name]["go"].removeprefix("&Go on: ") for name in macos[3:]] == [
        "Upload",
        "Upload",
        "Apple",
        "Staple",
    ]
    left = starts["notarised"]["left"]
    (submission,) = left["submitted"]
    assert found["logged-off-uploading"]["submitted"] == [submission]
    assert "is signed; the upload to Apple is not finished." in found["waiting"]["banner"]
    assert f"The submission {submission} is kept" in found["stapled"]["banner"]
    assert left["state"] == "done"
    assert {"trial.macos.goes-on", "apple.staple.already", "apple.staple.valid"} <= set(left["found"])
    assert Path(left["file"]).read_bytes()[-16:-12] == b"t8lr"
    assert [path.name for path in Path(left["file"]).parent.iterdir()] == [Path(left["file"]).name]

    # the server has all of it or nothing, and what became of it is told once
    assert starts["applying"]["before"]["macos"] == "done"  # though this practice is in another place
    assert "was interrupted" not in starts["applying"]["before"]["banner"]
    for name, told in (
        ("undoing", "server.apply.interrupted-saved"),
        ("proving", "server.undo.interrupted-saved"),
    ):
        assert "was interrupted. Sign in: what became of it" in starts[name]["before"]["banner"]
        assert told in found[name]["found"]
    assert found["proving"]["banner"].startswith("Not as in this profile: 14")  # as before the change
    assert not list((tmp_path / "tmp").glob("codesign-wizard-practice-*/server-*"))

    # the vault has it, and it is picked up there
    assert "holds no certificate fresh yet" in found["requesting"]["banner"]
    assert "A signing request waits for the CA's answer." in found["merging"]["banner"]
    assert found["merged"]["state"] == "done"
    assert found["recovering"]["found"] == ["certificate.request.name-deleted"]
    assert (found["recovered"]["state"], found["recovered"]["found"]) == ("done", found["merged"]["found"])
    assert starts["granting"]["plan"][1:] == starts["granted"]["plan"]
    assert len(starts["granted"]["plan"]) == 1
    well_kept(tmp_path / "state")


def test_what_was_begun_with_apples_files_a_report_and_the_settings_is_gone_on_with(tmp_path: Path) -> None:
    places = ["importing", "repacking", "repacked-one", "repacked", "key-given", "key-checked"]
    places += ["reporting", "settings", "reported"]
    starts = run(tmp_path, places)
    in_peace = ("repacked", "key-checked", "reported")
    killed = {name: (each["killed"], each.get("here", False)) for name, each in starts.items()}
    assert killed == {name: (name not in in_peace, name not in in_peace) for name in places}
    assert [starts[name]["code"] for name in in_peace] == [0, 0, 0]
    found = {name: each["found"] for name, each in starts.items()}
    left = {name: starts[name]["left"] for name in in_peace}
    # files are where they were, half of a new one is nowhere, and both come to be
    assert {found[name]["files"] for name in places[:4]} == {2}
    assert found["repacking"]["left"] == found["repacked-one"]["left"] == []
    assert [Path(each).suffix for each in found["repacked"]["left"]] == [".p12"], "the first one, whole"
    assert left["repacked"]["files"] == 2
    assert [Path(each).suffix for each in left["repacked"]["left"]] == [".p12", ".p12"]
    assert left["repacked"]["state"] == "done"
    # the key that was taken is there
    assert found["key-given"]["kept"] is None
    assert "PRIVATE KEY" in found["key-checked"]["kept"]
    assert left["key-checked"]["state"] == "done"
    # the former report stands until the new one is whole; what was typed is kept
    assert found["settings"]["report"] == "mer one"
    assert found["reported"]["timeout"] == 33.0
    assert left["reported"] == {"report": "</html>", "beside": ["report.html"]}
    well_kept(tmp_path / "state")
