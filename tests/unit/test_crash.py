"""What Python writes of an exception that nobody catches holds no secret, even where its own words fail."""

from __future__ import annotations

import sys
import weakref

import pytest

from codesign_wizard import crash
from codesign_wizard.core.redact import Secret
from tests.support.canary import leaks

CANARY = "8Q~planted-beside-an-error.0123456789+/="


class Thing:
    """Something that can be referred to weakly."""


class Callback:
    """What fails as it is called, and again as it is named."""

    def __call__(self, _: object) -> None:
        raise ValueError(f"called {CANARY}")

    def __repr__(self) -> str:
        raise KeyboardInterrupt(f"named {CANARY}")


@pytest.fixture(autouse=True)
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    Secret(CANARY)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    crash.hide_secrets()


def fail() -> None:
    thing = Thing()
    kept = weakref.ref(thing, Callback())
    del thing
    assert kept() is None


def test_what_cannot_be_named_is_told_by_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    fail()
    said = capsys.readouterr().err
    assert "<Callback>" in said
    assert "ValueError: called " in said
    assert "KeyboardInterrupt" not in said
    assert leaks(CANARY, said) == []


def test_what_cannot_be_redacted_is_told_by_its_type_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceback.format_exception", lambda _: 1 / 0)
    fail()
    sys.excepthook(OSError, OSError(CANARY), None)
    assert capsys.readouterr().err == "ValueError\nOSError\n"
