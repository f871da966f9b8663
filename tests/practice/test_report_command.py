"""``report`` and ``doctor --expiring`` on practice accounts: what they write, print and return."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import command_line


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    said = command_line.run(capsys, *words)
    return said.code, said.document


def test_a_fresh_report_opens_again_and_is_only_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    code, made = run(capsys, "report", "--practice", "secret-expired", "--fresh", "--output", file, "--json")
    assert code == 0
    assert made["result"]["verdict"]["severity"] == "error"
    code, found = run(capsys, "inspect", file, "--json")
    assert code == 1
    assert "azure.sign-in.secret-expired" in [each["id"] for each in found["findings"]]
    seen = found["result"][0]["report"]
    assert seen["practice"] == {"scenario": "secret-expired"}
    (finding,) = [each for each in seen["findings"] if each["id"] == "azure.sign-in.secret-expired"]
    assert finding["party"] == "azure-administrator"
    assert finding["evidence"]["code"] == "AADSTS7000222"
    assert finding["evidence"]["request_id"]
    code, again = run(capsys, "doctor", "--profile", file, "--json")
    assert (code, [each["id"] for each in again["findings"]]) == (1, ["report.read-only"])
    assert "inspect FILE" in again["findings"][0]["remedies"][0]["title"]
    code, changed = run(capsys, "profile", "set", "name=x", "--profile", file, "--json")
    assert (code, [each["id"] for each in changed["findings"]]) == (1, ["report.read-only"])
    # the other form of the same report
    code, _ = run(capsys, "report", "--profile", file, "--output", tmp_path / "same.json", "--json")
    assert code == 0
    assert json.loads((tmp_path / "same.json").read_text("utf-8"))["made"] == made["result"]["made"]


def test_what_ends_within_the_days_makes_the_exit_code_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("doctor", "windows", "--practice", "--json", "--state", tmp_path / "state", "--expiring")
    code, far = run(capsys, *words, 10)
    assert code == 0
    (profile,) = far["result"]["expiring"]["profiles"]
    (end,) = [each for each in profile["endings"] if each["key"] == "certificate"]
    assert end["known"] == "seen"
    calendar = tmp_path / "ends.ics"
    code, near = run(capsys, *words, end["days"] + 1, "--calendar", calendar)
    assert code == 1
    assert [each["id"] for each in near["findings"] if each["severity"] == "error"] == ["expiry.soon"]
    # four each of the certificate and of the intermediate above it
    assert {"certificate", "issuer-certificate"} <= {
        each["key"] for each in profile["endings"] if each["ends"]
    }
    assert calendar.read_bytes().count(b"BEGIN:VEVENT") == 8


def test_of_nothing_known_no_empty_calendar_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calendar = tmp_path / "ends.ics"
    code, said = run(capsys, "doctor", "--expiring", 30, "--calendar", calendar, "--json")
    assert code == 1  # nothing is set up
    assert "expiry.calendar-empty" in [each["id"] for each in said["findings"]]
    assert not calendar.exists()
