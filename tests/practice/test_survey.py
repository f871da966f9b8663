"""Many profiles at a time: each is told for itself, and one that is wrong hides none of the others."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core import processes
from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.job import Job, JobContext
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.survey import AT_ONCE, survey
from codesign_wizard.practice.cloud import PracticeCloud


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a proxy that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def profile(cloud: PracticeCloud, number: int) -> Profile:
    made = Profile(id=f"partner-{number}", name=f"Partner {number}")
    azure, accounts = made.windows.azure, cloud.accounts
    azure.vault_name, azure.certificate_name = accounts.vault_name, accounts.certificate_name
    azure.application_id, azure.tenant_id = accounts.application_id, accounts.tenant_id
    made.network.proxy, made.network.ca_bundle = cloud.proxy_url, str(cloud.ca_file)
    return made


def test_every_profile_is_told_for_itself(
    cloud: PracticeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ProfileStore(tmp_path / "profiles")
    for number in range(12):
        made = profile(cloud, number)
        if number == 3:
            made.windows.azure.vault_name = "nobody-has-this-one"
        if number == 7:
            made.windows.azure.application_id = "no guid"
        store.save(made)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", cloud.accounts.application_secret)
    code = main(["doctor", "windows", "--all-profiles", "--json"])
    text = capsys.readouterr().out
    assert cloud.accounts.application_secret not in text
    document = json.loads(text)
    assert code == 1
    told = {each["name"]: each for each in document["result"]["profiles"]}
    assert sorted(told) == sorted(f"Partner {number}" for number in range(12))
    assert {name for name, each in told.items() if not each["ok"]} == {"Partner 3", "Partner 7"}
    assert told["Partner 1"]["facts"]["application_id"] == cloud.accounts.application_id
    whose = {each["evidence"]["profile"] for each in document["findings"]}
    assert whose == {"Partner 3", "Partner 7"}


def test_several_processes_find_what_one_finds(
    cloud: PracticeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ProfileStore(tmp_path / "profiles")
    for number in range(4):
        made = profile(cloud, number)
        made.server_wanted = number == 0
        if number == 2:
            made.windows.azure.certificate_name = "nothing-of-this-name"
        store.save(made)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", cloud.accounts.application_secret)

    def told(many: int) -> list[dict[str, Any]]:
        monkeypatch.setattr(processes, "processes_for", lambda items: many)
        assert main(["doctor", "--all-profiles", "--json"]) == 1
        text = capsys.readouterr().out
        assert cloud.accounts.application_secret not in text
        return [
            {
                "ids": sorted(finding["id"] for finding in each["findings"]),
                # when a token ends is another with each
                "facts": {name: value for name, value in each["facts"].items() if name != "token_expires"},
                **{name: each[name] for name in ("id", "ok", "looked_at")},
            }
            for each in json.loads(text)["result"]["profiles"]
        ]

    begun: list[list[str]] = []
    real = processes.subprocess.Popen

    def begin(command: list[str], **how: Any) -> Any:
        begun.append(command)
        return real(command, **how)

    monkeypatch.setattr(processes.subprocess, "Popen", begin)
    alone = told(1)
    assert begun == []
    assert told(2) == alone
    assert len(begun) == 2
    assert [each["ok"] for each in alone] == [False, True, False, True]
    assert alone[0]["looked_at"] == ["windows", "server"], "the server has no address, which is told"


def test_all_is_what_each_profile_wants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ["--practice", "--state", str(tmp_path), "--json"]
    assert main(["profile", "set", "server=yes", *here]) == 0
    capsys.readouterr()
    assert main(["doctor", "--all-profiles", *here]) == 0
    (only,) = json.loads(capsys.readouterr().out)["result"]["profiles"]
    assert only["looked_at"] == ["windows", "macos", "server"]
    assert {"azure.signature.works", "apple.doctor.test-signature", "server.sign-in.ok"} <= {
        each["id"] for each in only["findings"]
    }
    assert only["facts"]["publisher"]
    assert only["macos"]["facts"]["team"] == "PRACTICE01"
    assert only["server"]["different"] > 0


@pytest.mark.parametrize("many", [1, 2])
def test_what_was_found_before_an_interruption_is_told(
    many: int,
    silent: str,
    cloud: PracticeCloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = ProfileStore(tmp_path / "profiles")
    for number in range(4):
        made = profile(cloud, number)
        if number > 1:
            made.windows.azure.vault_name = "-"  # is refused as it stands
        else:
            made.network.proxy = silent
        store.save(made)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", cloud.accounts.application_secret)
    monkeypatch.setattr(processes, "processes_for", lambda items: many)
    progress = Job.progress

    def interrupt(job: Job, done: int, total: int | None, text: str = "") -> None:
        progress(job, done, total, text)
        if done == 2 and total == 4:
            job.cancel()

    monkeypatch.setattr(Job, "progress", interrupt)
    code = main(["doctor", "windows", "--all-profiles", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 130
    assert document["ok"] is False
    assert "internal.interrupted" in [each["id"] for each in document["findings"]]
    told = {each["name"]: each["looked_at"] for each in document["result"]["profiles"]}
    assert told == {
        "Partner 0": [], "Partner 1": [], "Partner 2": ["windows"], "Partner 3": ["windows"],
    }  # fmt: skip


def test_no_more_at_once_than_is_said_and_cancelled_together() -> None:
    under_way, most = 0, 0
    lock = threading.Lock()
    job = Job()

    def work(own: JobContext, number: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            if number == 30:
                job.cancel()
            own.wait(0.01 if number < 30 else 60)
        finally:
            with lock:
                under_way -= 1
        return number

    assert survey(Job(), range(25), work, "") == list(range(25))
    assert most == AT_ONCE
    began = time.monotonic()
    with pytest.raises(Cancelled):
        survey(job, range(40), work, "")
    assert time.monotonic() - began < 10
    assert under_way == 0
