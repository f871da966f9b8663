"""Every Apple scenario met by a trial: stopped before the upload where Apple would refuse the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.practice.notary import models
from codesign_wizard.practice.scenarios import Scenario, all_scenarios

APPLE = [each for each in all_scenarios() if each.area == "Apple"]
ISSUES = "apple.notary.issue-"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "PROCESSING", 0.1)


def trial(scenario: str, folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    command = ["trial", "macos", "--level", "staple", "--output", str(folder), *words]
    code = main([*command, "--practice", scenario, "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    errors = {each["id"] for each in document["findings"] if each["severity"] == "error"}
    assert code == bool(errors)
    for each in document["findings"]:
        if each["severity"] == "error":
            assert each["remedies"], each["id"]
    return document


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        (None, "apple.api-key.accepted"),
        *((each.name, each.expects[0]) for each in APPLE if each.command == ("notary", "check")),
    ],
)
def test_the_diagnosis_asks_apple_about_the_key_where_the_level_needs_it(
    name: str | None, finding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for level, asked in (("notarise", True), ("sign-only", False)):
        words = ["doctor", "macos", "--level", level, "--practice", *filter(None, [name])]
        code = main([*words, "--json"])
        told = json.loads(capsys.readouterr().out)
        found = {each["id"]: each for each in told["findings"]}
        assert (finding in found) is asked
        assert code == (asked and name is not None)
        assert "apple.doctor.test-signature" in found, "signing works all the same"
        assert ("api_key" in told["result"]["macos"]["facts"]) is asked
        assert not asked or name is None or found[finding]["remedies"]


def test_a_refused_key_does_not_keep_anybody_from_signing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "macos", "--level", "notarise", "--practice", "agreement-missing"]) == 1
    assert "Signing works; nothing can be notarised" in capsys.readouterr().out


@pytest.mark.parametrize("scenario", APPLE, ids=lambda each: each.name)
def test_a_trial_gives_the_scenarios_findings(
    scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = set(scenario.expects)
    faulty = "apple.notary.invalid" in expected
    words = ["--anyway"] if faulty else [each for each in scenario.command[2:] if each != "--staple"]
    told = trial(scenario.name, tmp_path, capsys, *words)
    found = {each["id"]: each for each in told["findings"]}
    assert expected <= set(found)
    errors = {key for key, each in found.items() if each["severity"] == "error"}
    assert errors <= expected
    if "apple.notary.in-progress" in expected:
        assert told["result"]["macos"]["state"]["done"] == ["upload"]
    if not faulty:
        return
    assert told["result"]["macos"]["state"]["data"]["refused"] == "processing"
    # looked at beforehand, the same is found, and nothing is sent
    before = trial(scenario.name, tmp_path, capsys)
    predicted = {each["id"]: each for each in before["findings"] if each["severity"] == "error"}
    assert set(predicted) == {"apple.notary.preflight", *(expected - {"apple.notary.invalid"})}
    assert "submission" not in before["result"]["macos"]["state"]["data"]
    for key in predicted:
        if key.startswith(ISSUES):
            told_of = found[key]["detail"]
            # of a file without any signature, what else is missing is said to follow from that
            assert "shows the same" in told_of or "follows from its not being signed" in told_of
            for each in (found[key], predicted[key]):
                assert each["remedies"][0]["title"].startswith("tools.zip is an archive")
