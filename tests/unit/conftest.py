"""The command line with a profile folder of the test's own."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import command_line
from tests.support.command_line import Said


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Return a function that runs a command."""
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path / "config"))
    return lambda *words: command_line.run(capsys, *words)


@pytest.fixture
def document(run: Callable[..., Said]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that runs a command with ``--json``: exit code and document."""

    def call(*words: object) -> tuple[int, dict[str, Any]]:
        said = run(*words, "--json")
        found = said.document
        assert found["schema"] == 1
        assert found["started"].endswith("Z")
        assert found["started"] <= found["finished"]
        return said.code, found

    return call


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a text on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))
