"""A command that is told to stop: what it leaves, what it says, how soon. And the served practice cloud."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard import cli
from tests.support.command_line import ROOT, STARTED, ids, posix


def _started(words: list[object], until: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*STARTED, *map(str, words), "--json", "--verbose"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    for line in process.stderr:
        if until in line:
            return process
    raise AssertionError(f"it ended before {until!r}")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_waiting_command_at_once(number: int) -> None:
    process = _started(["doctor", "windows", "--practice", "slow", "--timeout", "60"], "Options: done")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)  # the vault would hold its answer for 30 s
    assert process.returncode == cli.INTERRUPTED == 130
    found = json.loads(out)
    assert found["ok"] is False
    assert ids(found) == {"internal.interrupted"}
    assert "Traceback" not in err


@posix
def test_ctrl_c_in_the_wait_for_a_grant_says_that_the_grant_stays(tmp_path: Path) -> None:
    words = ["permissions", "grant", "--practice", "rbac-none", "--as", "az", "--yes", "--state", tmp_path]

    def interrupted() -> dict[str, Any]:
        process = _started(words, "Waiting until the vault knows it")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "Traceback" not in err
        found: dict[str, Any] = json.loads(out)
        return found

    document = interrupted()
    # and what was granted by then
    assert ids(document) == {"azure.admin.grant-interrupted", "azure.admin.granted"}
    assert [each["kind"] for each in document["result"]["granted"]] == ["role-assignment"] * 2
    # the next run goes on with the wait, however late it is, and nobody is asked for a yes
    words.remove("--yes")
    file = tmp_path / "scenarios" / "rbac-none" / "world.json"
    world = json.loads(file.read_bytes())
    for each in world["authorization"]["assignments"]:
        if each["effective_from"] > each["created"]:
            each["effective_from"] += 600.0
    file.write_text(json.dumps(world), encoding="utf-8")
    document = interrupted()
    assert ids(document) == {"azure.admin.wait-interrupted"}
    assert document["result"]["granted"] == []


@posix
def test_an_interrupted_trial_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    words = ["trial", "windows", "--practice", "timestamp-slow", "--timeout", "30", "--output", output]
    process = _started(words, "Sign: done")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert not (tmp_path / "new").exists()


@posix
def test_practice_serve_runs_until_it_is_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*STARTED, "practice", "serve", "--until-stdin-closes", "--verbose"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    assert all(line.startswith("export ") for line in lines)
    proxy = lines[0].split("=", 1)[1].strip()
    asked = subprocess.run(
        [sys.executable, "-c", f"import urllib.request as u; u.install_opener(u.build_opener("
         f"u.ProxyHandler({{'http': '{proxy}'}}))); print(u.urlopen('http://pki.example/ca.crt').status)"],
        capture_output=True,
        text=True,
        timeout=30,
    )  # fmt: skip
    assert asked.stdout.strip() == "200", asked.stderr
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "GET http://pki.example/ca.crt 200" in err


@posix
def test_practice_serve_gives_one_document_with_the_accounts() -> None:
    process = subprocess.Popen(
        [*STARTED, "practice", "serve", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    text = ""
    while not text.endswith("\n}\n"):
        text += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert rest == ""
    assert process.returncode == 0
    found = json.loads(text)
    assert found["command"] == "practice serve"
    accounts = found["result"]
    assert accounts["environment"]["AZURE_CLIENT_SECRET"] == accounts["application_secret"]
    assert "•" not in accounts["application_secret"]
    assert not Path(accounts["ca_file"]).exists()


@posix
def test_a_second_ctrl_c_does_not_ask(tmp_path: Path) -> None:
    code = (
        "import sys, time; from codesign_wizard import cli; from codesign_wizard.commands import verify\n"
        "def stubborn(context):\n    print('at it', file=sys.stderr, flush=True)\n"
        "    while True: time.sleep(0.05)\n"
        "verify.run = stubborn; sys.exit(cli.main(['verify', 'x', '--json']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the first one asks the work to stop"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert ids(json.loads(out)) == {"internal.interrupted"}
