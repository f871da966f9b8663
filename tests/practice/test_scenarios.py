"""Every scenario, run as a person would run it, gives its findings and no other error."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.cli import main
from codesign_wizard.commands.arguments import COMMANDS
from codesign_wizard.practice.scenarios import all_scenarios

# what the commands of this version can be asked
PLAYED = [each for each in all_scenarios() if each.command[0] in COMMANDS]


@pytest.mark.parametrize("scenario", PLAYED, ids=lambda each: each.name)
def test_a_scenario_gives_its_findings_and_no_other_error(
    scenario: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = list(scenario.command)
    if command[0] == "trial" or command[:2] == ["server", "prove"]:
        command += ["--output", str(tmp_path / "out")]
    code = main([*command, "--practice", scenario.name, "--json"])
    document = json.loads(capsys.readouterr().out)
    found = {finding["id"]: finding for finding in document["findings"]}
    errors = {key for key, finding in found.items() if finding["severity"] == "error"}
    assert set(scenario.expects) <= set(found), f"found {sorted(found)}"
    assert errors <= set(scenario.expects)
    assert code == (1 if errors else 0)
    assert document["ok"] is not bool(errors)
    assert document["practice"] == {"scenario": scenario.name}
    for key in scenario.expects:
        finding = found[key]
        assert finding["title"].endswith(".")
        assert finding["evidence"], "a refusal comes with what was seen"
        if finding["severity"] == "error":
            assert finding["remedies"], "an error comes with a fix"


def test_without_a_scenario_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "windows", "--practice", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {finding["severity"] for finding in document["findings"]} == {"ok"}


def test_the_list_names_the_command_and_what_it_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["practice", "scenarios", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["result"]
    assert {"secret-wrong", "vault-unknown", "all-timestamps-down"} <= {each["name"] for each in listed}
    assert all(set(each) >= {"name", "summary", "command", "expects"} for each in listed)
    asked = {shlex.split(each["command"])[0] for each in listed}
    assert asked == {"doctor", "permissions", "trial", "certificate", "csr", "server", "notary"}
