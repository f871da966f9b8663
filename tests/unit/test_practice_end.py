"""What a person reads at the end of a trial on practice accounts."""

from __future__ import annotations

from dataclasses import replace

from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.practice_end import practice_end
from codesign_wizard.core.apple.notary_findings import IN_PROGRESS

_ROOTS = ["/out/practice-roots.pem"]
_WINDOWS = {"file": "/out/a-setup.exe", "zip": "/out/a-setup.zip", "practice_roots": _ROOTS}
_MACOS = {"file": "/out/a.pkg", "practice_roots": _ROOTS}
_COMMAND = "  osslsigncode verify -in /out/a-setup.exe"
BOTH = Outcome(
    result={"windows": _WINDOWS, "macos": _MACOS}, notes=["Another program's judgement:", _COMMAND], clear="x"
)


def test_the_end_says_what_was_made_what_it_is_worth_and_what_next() -> None:
    ended = practice_end(BOTH, kept=True, level="sign")
    text = "\n".join(ended.notes)
    for name in ("a-setup.exe", "a-setup.zip", "a.pkg", "practice-roots.pem"):
        assert text.count(f"  {name} ") == 1
    assert "neither Windows nor macOS trusts these files" in text
    assert "codesign-wizard practice scenarios" in text
    assert "--level staple" in text
    assert "removed after a day" not in text
    assert ended.notes[-1] == _COMMAND
    assert ended.clear == "It works in practice: signed, time-stamped and verified."
    assert ended.result is BOTH.result, "what programs read stays"


def test_it_fits_what_was_tried() -> None:
    windows = practice_end(replace(BOTH, result={"windows": _WINDOWS}), kept=False, level="staple")
    assert "removed after a day" in "\n".join(windows.notes)
    assert "macOS" not in "\n".join(windows.notes)
    assert "stapled" not in windows.clear
    macos = practice_end(replace(BOTH, result={"macos": _MACOS}, notes=[]), kept=True, level="staple")
    assert macos.clear.endswith("notarised and stapled.")
    assert "--level staple" not in "\n".join(macos.notes)


def test_a_trial_that_has_not_ended_well_is_left_as_it_is() -> None:
    waits = replace(BOTH, findings=[IN_PROGRESS(id="x", elapsed="1 s")])
    for outcome in (waits, replace(BOTH, code=1), replace(BOTH, result={"windows": {"file": None}})):
        assert practice_end(outcome, kept=True, level="staple") is outcome
