"""``notary`` and ``staple`` on the command line, on practice accounts."""

from __future__ import annotations

import json
import random
import re
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple import notary_upload
from codesign_wizard.core.job import Job
from codesign_wizard.practice.notary import models
from codesign_wizard.practice.s3 import errors
from tests.support import apple_stand_in, command_line, macho
from tests.support.command_line import ids

Run = Callable[..., tuple[int, dict[str, Any]]]
PART = 16 << 10  # of an upload, here


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command on practice accounts that are kept between runs; return exit code and document."""

    def call(*words: object) -> tuple[int, dict[str, Any]]:
        said = command_line.run(capsys, *words, "--practice", "--state", tmp_path / "state", "--json")
        return said.code, said.document

    return call


def test_the_key_is_checked_and_a_wrong_one_explained(run: Run, tmp_path: Path) -> None:
    code, found = run("notary", "check")
    assert (code, ids(found)) == (0, {"apple.api-key.accepted"})
    assert found["result"]["accepted"] is True
    other = tmp_path / f"AuthKey_{apple_stand_in.KEY_ID}.p8"
    other.write_text(apple_stand_in.pem())
    code, found = run("notary", "check", "--key-file", other, "--keep")
    assert (code, ids(found)) == (1, {"apple.api-key.issuer-refused"})
    assert "PRIVATE KEY" not in json.dumps(found)
    # what Apple refused was not kept
    assert run("notary", "check")[0] == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["notary", "status"], "usage.notary-words"),
        (["notary", "check", "something"], "usage.notary-words"),
        (["notary", "nothing"], "usage.wrong"),
        (["notary", "status", "../x"], "apple.notary.submission-unknown"),
        (["notary", "log", "2efe2717-52ef-43a5-96dc-0797e4ca1041"], "apple.notary.log-not-ready"),
        (["notary", "submit", "nowhere.pkg"], "apple.notary.file-unreadable"),
        (["notary", "check", "--key-id", "x"], "apple.api-key.key-id-wrong"),
        (["notary", "check", "--key-file", "nowhere.p8"], "apple.api-key.unreadable"),
        (["staple", "nowhere.pkg"], "apple.staple.cannot"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(run: Run, words: list[str], expected: str) -> None:
    code, found = run(*words)
    assert code == (1 if expected.endswith(("submission-unknown", "log-not-ready")) else 2)
    assert ids(found) == {expected}


def test_submitted_left_and_come_back_to(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "programs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("program", macho.thin("arm64"))
    code, found = run("notary", "submit", path)
    assert code == 1
    assert found["findings"][0]["id"] == "apple.notary.preflight"
    assert found["result"]["id"] is None
    code, found = run("notary", "submit", path, "--anyway", "--no-wait")
    assert (code, ids(found)) == (0, {"apple.notary.submitted"})
    number = found["result"]["id"]
    code, again = run("notary", "submit", path, "--anyway", "--wait-at-most", "1")
    assert code == 1
    assert again["result"]["id"] == number
    assert again["result"]["state"] == "invalid"
    assert {"apple.notary.already-submitted", "apple.notary.invalid", "apple.notary.issue-unsigned"} <= set(
        ids(again)
    )
    code, log = run("notary", "log", number, "--file", path)
    unsigned = next(each for each in log["findings"] if each["id"] == "apple.notary.issue-unsigned")
    assert "shows the same" in unsigned["detail"]
    assert log["result"]["log"]["jobId"] == number
    code, listed = run("notary", "history")
    assert [(each["id"], each["state"], each["known_here"]) for each in listed["result"]] == [
        (number, "invalid", True)
    ]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Something to submit that no part of an upload holds whole."""
    path = tmp_path / "programs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("program", macho.thin("arm64"))
        archive.writestr("data", random.Random(7).randbytes(6 * PART))
    return path


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Press Ctrl-C at the first call of a function for which *when* is true."""

    def at(owner: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
        own, pressed = getattr(owner, name), []

        def instead(*arguments: Any, **named: Any) -> Any:
            if not pressed and when(*arguments):
                pressed.append(True)
                signal.raise_signal(signal.SIGINT)
            return own(*arguments, **named)

        monkeypatch.setattr(owner, name, instead)

    return at


def test_ctrl_c_ends_the_wait_and_says_what_goes_on(
    run: Run, programs: Path, interrupt: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PROCESSING", 600.0)
    interrupt(Job, "wait")
    code, found = run("notary", "submit", programs, "--anyway")
    number = found["result"]["id"]
    assert (code, found["result"]["state"]) == (130, "processing")
    for _ in range(2):
        (left,) = [each for each in found["findings"] if each["id"] == "apple.notary.in-progress"]
        assert number in left["title"]
        assert "cannot be withdrawn" in left["remedies"][0]["title"]
        assert f"notary status {number} --wait" in left["remedies"][-1]["title"]
        interrupt(Job, "wait")
        code, found = run("notary", "status", number, "--wait")
        assert (code, found["result"]["id"]) == (130, number)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files be uploaded in parts."""
    monkeypatch.setattr(notary_upload, "SINGLE", PART)
    monkeypatch.setattr(notary_upload, "part_size", lambda size: PART)
    monkeypatch.setattr(errors, "MINIMUM_PART", 1 << 10)


@pytest.mark.usefixtures("in_parts")
def test_ctrl_c_during_a_trials_upload_says_so_and_the_trial_goes_on(
    run: Run, tmp_path: Path, interrupt: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PROCESSING", 0.1)
    words = ["trial", "macos", "--level", "notarise", "--output", tmp_path / "out"]
    interrupt(notary_upload._Run, "_tell", lambda run, done: done > PART)
    code, found = run(*words)
    assert (code, ids(found)) == (130, {"apple.notary.upload-stopped"})
    state = found["result"]["macos"]["state"]
    assert (state["done"], Path(state["file"]).parent) == ([], tmp_path / "out")
    code, found = run(*words)
    assert code == 0, found
    assert {"trial.macos.goes-on", "apple.notary.upload-resumed"} <= ids(found)
    assert len(run("notary", "history")[1]["result"]) == 1, "nothing was submitted twice"


@pytest.mark.usefixtures("in_parts")
def test_ctrl_c_during_the_upload_says_what_is_there_and_it_goes_on(
    run: Run, programs: Path, interrupt: Callable[..., None]
) -> None:
    interrupt(notary_upload._Run, "_tell", lambda run, done: done > 2 * PART)
    code, found = run("notary", "submit", programs, "--anyway", "--no-wait")
    number = found["result"]["id"]
    assert (code, found["result"]["state"], ids(found)) == (130, "uploading", {"apple.notary.upload-stopped"})
    (stopped,) = found["findings"]
    assert number in stopped["title"]
    # what was on its way may have arrived
    assert re.search(r"stopped: (32\.8|49\.2) kB of 110\.\d kB are with", stopped["title"])
    assert "goes on where it stopped, with the same submission" in stopped["remedies"][0]["title"]
    code, again = run("notary", "submit", programs, "--anyway", "--no-wait")
    assert (code, again["result"]["id"], again["result"]["state"]) == (0, number, "processing")
    assert "apple.notary.upload-resumed" in ids(again)
