"""The command line in this process and in one of its own, and what is read of its documents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from codesign_wizard.cli import main

ROOT = Path(__file__).parents[2]
# what a person starts, with practice keys that cost nothing
STARTED = [sys.executable, "-m", "tests.support.started"]
CANARY = "canary~Secret.9f31c0/+=ü"
posix = pytest.mark.skipif(os.name == "nt", reason="signals and descriptors of POSIX")


class Said(NamedTuple):
    """What a command ended with and wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The document on standard output, which holds together with the exit code."""
        found: dict[str, Any] = json.loads(self.out)
        assert found["ok"] is (self.code == 0), found["findings"]
        return found


Run = Callable[..., Said]
Document = Callable[..., tuple[int, dict[str, Any]]]


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Said:
    """Run a command in this process; no fault may show as a traceback."""
    capsys.readouterr()
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return Said(code, said.out, said.err)


def program(
    *words: object, check: int | None = None, environment: Mapping[str, str] | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, where that is the point; with *check* it must end so."""
    done = subprocess.run(
        [*STARTED, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        text=True,
        encoding="utf-8",
        timeout=60,
        **{"capture_output": True, **more},
    )
    assert "Traceback" not in (done.stderr or "") + (done.stdout or "")
    if check is not None:
        assert done.returncode == check, done
    return done


def ids(document: Mapping[str, Any], *severities: str) -> set[str]:
    """Return the ids of a document's findings, all or those of the *severities*."""
    found = document["findings"]
    return {each["id"] for each in found if not severities or each["severity"] in severities}


def errors(document: Mapping[str, Any]) -> list[str]:
    """Return the ids of a document's errors, in its order."""
    return [each["id"] for each in document["findings"] if each["severity"] == "error"]
