"""Whether an installed program does what the checkout does: the same commands, their documents compared.

Both work on practice accounts of a state of their own, so ids, digests, times and temporary paths differ;
everything else must not: exit codes, findings with what they carry, and every member of the results.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

STATE = ("--practice", "--state", "state")
FRESH = ("--certificate", "fresh")
# in this order, each in the same working folder: what one makes another takes
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("--help",),
    ("practice", "scenarios"),
    ("profile", "list"),
    ("doctor", "--expiring", "30"),
    ("profile", "set", "macos=yes", "server=yes", "macos.level=staple", *STATE),
    ("trial", "all", "--output", "out", *STATE),
    ("verify", "out/practice-backup-setup.exe"),
    ("verify", "out/practice-backup-setup.pkg"),
    ("inspect", "out/practice-backup-setup.exe", "out/practice-roots.pem"),
    ("csr", "create", "request.csr", *FRESH, "--yes", *STATE),
    ("practice", "issue", "request.csr", "--form", "p7b-der", "--state", "state"),
    ("certificate", "list", *STATE),
    ("permissions", "show", *STATE),
    ("identity", "request", "--output", "requests", *STATE),
    ("notary", "history", *STATE),
    ("server", "apply", "--yes", *STATE),
    ("doctor", *STATE),
    ("report", "--output", "report.json", *STATE),
    ("no-such-command",),
)
# all of them in one process, which saves most of the time: what main() gave for each, as JSON
IN_ONE = """
import contextlib, io, json, sys
from codesign_wizard.cli import main
done = []
for words in json.load(sys.stdin):
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = main(words)
        said.flush()
    done.append([code, said.buffer.getvalue().decode()])
json.dump(done, sys.stdout)
"""
Run = Callable[[Sequence[str]], tuple[int, str]]  # arguments with --json; exit code and standard output

_TIMEOUT = 300  # seconds, for a machine that is busy
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{30,}")
# with a digit in it, hexadecimal, or as Apple's ids of keys and teams, which a name may begin before
_ID = re.compile(r"\w*\d\w*|\b[0-9a-f]{6,}\b|\b(?:\w+_)?[A-Z]{8,}\b")


def in_one_process(
    python: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return ``documents`` of the program that *python* (with its options) finds, run in *folder*."""
    asked = json.dumps([[*words, "--json"] for words in COMMANDS])
    done = subprocess.run(
        [*python, "-P", "-c", IN_ONE],
        input=asked,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=_TIMEOUT,
    )
    answers = iter(json.loads(done.stdout))
    return documents(lambda words: tuple(next(answers)))


def documents(run: Run) -> list[dict[str, Any]]:
    """Return what came of every command, made comparable."""
    found = []
    for words in COMMANDS:
        code, said = run([*words, "--json"])
        found.append({"words": " ".join(words), "code": code, "said": comparable(json.loads(said))})
    return found


def comparable(document: Any) -> Any:
    """Return *document* with nothing in its texts that another run has otherwise."""
    if isinstance(document, Mapping):
        # an id may be a name, too
        return {_text(name): comparable(value) for name, value in document.items()}
    if isinstance(document, list):
        return [comparable(each) for each in document]
    if isinstance(document, str):
        return _text(document)
    return (
        type(document).__name__ if isinstance(document, (int, float)) and document not in (0, 1) else document
    )


def _text(text: str) -> str:
    return _ID.sub("#", _LONG.sub("#", text))


def differences(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each thing in which *theirs* is not as *ours*."""
    found: list[str] = []
    for one, other in zip(ours, theirs, strict=True):
        _compare(str(one["words"]), one, other, found)
    return found


def _compare(where: str, one: Any, other: Any, found: list[str]) -> None:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(each for each in other if each not in one)]:
            _compare(f"{where}: {name}", one.get(name, "missing"), other.get(name, "missing"), found)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            _compare(f"{where}[{number}]", left, right, found)
    elif one != other:
        found.append(f"{where} is {other!r} there, and {one!r} here"[:400])
