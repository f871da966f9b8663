"""The way to Apple on practice accounts, and a search for every secret of it in all that was written."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from codesign_wizard.cli import main
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_attempt import Attempt
from codesign_wizard.practice.notary import models
from tests.support import macho
from tests.support.canary import leaks

# what belongs to the practice cloud in the state folder, and holds its side of the secrets
CLOUDS = ("*.key.pem", "apple-account.json", "s3.json", "keyring.json")
HELD_BY_THE_CLOUD = ("the API key", "the password of the .p12 files", "awsSecretAccessKey")


class Wire:
    """What went over the wire and is secret, by what it is."""

    def __init__(self) -> None:
        self.secrets: dict[str, set[str]] = {}

    def add(self, name: str, value: str) -> None:
        assert len(value) > 11, f"{name} is too short to search for"
        self.secrets.setdefault(name, set()).add(value)

    def see(self, url: str, authorization: str, body: bytes) -> None:
        if urlsplit(url).hostname == "appstoreconnect.apple.com":
            self.add("token", authorization.removeprefix("Bearer "))
            told = json.loads(body)["data"] if body.startswith(b"{") else {}
            attributes = told.get("attributes", {}) if isinstance(told, dict) else {}
            for name in ("awsSecretAccessKey", "awsSessionToken", "developerLogUrl"):
                if name in attributes:
                    self.add(name, attributes[name])
            for name, values in parse_qs(urlsplit(attributes.get("developerLogUrl", "")).query).items():
                if name in ("Signature", "x-amz-security-token"):
                    self.add(f"the log's {name}", values[0])


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    seen, own = Wire(), Attempt.run

    def run(attempt: Attempt) -> Answer:
        answer = own(attempt)
        seen.see(attempt.url, attempt.headers.get("Authorization", ""), answer.body)
        return answer

    monkeypatch.setattr(Attempt, "run", run)
    return seen


def test_no_secret_is_left_on_the_way_to_apple(
    tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "PROCESSING", 0.0)
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    state, refused = tmp_path / "state", tmp_path / "refused.zip"
    with zipfile.ZipFile(refused, "w") as archive:
        archive.writestr("program", macho.thin("arm64"))
    said = []
    for words in (
        ["trial", "macos", "--level", "staple", "--output", str(tmp_path / "output"), "--verbose"],
        ["notary", "submit", str(refused), "--anyway", "--verbose", "--json"],
    ):
        main([*words, "--practice", "--state", str(state)])
        told = capfd.readouterr()
        said.append(told.out + told.err)
    # the secrets that lie on this computer
    password = json.loads((state / "apple-account.json").read_text())["password"]
    wire.add("the password of the .p12 files", password)
    (key_file,) = state.glob("api-key-*.key.pem")
    for line in key_file.read_text().splitlines():
        if not line.startswith("-"):
            wire.add("the API key", line)
    assert sorted(wire.secrets) == [
        "awsSecretAccessKey",
        "awsSessionToken",
        "developerLogUrl",
        "the API key",
        "the log's Signature",
        "the log's x-amz-security-token",
        "the password of the .p12 files",
        "token",
    ]
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    clouds = [path for path in everything if path.parent == state and any(map(path.match, CLOUDS))]
    ours = [path for path in everything if path not in clouds]
    # the search finds what is there to be found, and looks where the run has written
    assert all(any(leaks(value, *clouds) for value in wire.secrets[name]) for name in HELD_BY_THE_CLOUD)
    assert '"apple.notary.invalid"' in said[1]
    assert all("developer_log.json 200" in each for each in said)
    submissions = state / "apple" / "practice" / "submissions"
    assert len({*submissions.glob("*.json"), *submissions.glob("logs/*.json")} & set(ours)) == 4
    assert tmp_path / "output" / "practice-backup-setup.pkg" in ours
    for name, values in wire.secrets.items():
        for value in values:
            assert leaks(value, *ours, *said) == [], name
