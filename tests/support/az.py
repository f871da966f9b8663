"""The Azure CLI's own argument parser, from a record of the options it declares (``az_options.json``).

A script is run by the real shell with a stand-in for ``az`` that only writes down what it is given; then each
command must parse.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

_RECORD = Path(__file__).with_name("az_options.json")
# what a script may need besides the shell's own commands
_TOOLS = ("cat", "sleep")


class NotWellFormedError(Exception):
    """``az`` would refuse the command; the text says why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NotWellFormedError(message)


@cache
def _record() -> dict[str, Any]:
    return dict(json.loads(_RECORD.read_text(encoding="utf-8")))


@cache
def _parser(name: str) -> _Parser:
    record = _record()
    parser = _Parser(prog=f"az {name}", add_help=False, allow_abbrev=False)
    for option in (*record["global"], *record["commands"][name]):
        takes = option.get("takes", 1)
        if takes == 0:
            parser.add_argument(*option["names"], action="store_true")
            continue
        choices = option.get("choices")
        parser.add_argument(
            *option["names"],
            required=option.get("required", False),
            nargs=None if takes == 1 else takes,
            type=_choice(choices) if choices else str,
        )
    return parser


def _choice(choices: list[str]) -> Any:
    """Return a reader of one of *choices*; as in ``az``, case does not count."""
    known = {each.lower(): each for each in choices}

    def read(text: str) -> str:
        if text.lower() not in known:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {choices}")
        return known[text.lower()]

    return read


def parse(words: list[str]) -> tuple[str, argparse.Namespace]:
    """Return the command's name and options; *words* come after ``az``. Raises ``NotWellFormedError``."""
    known = _record()["commands"]
    for length in range(len(words), 0, -1):
        name = " ".join(words[:length])
        if name in known:
            try:
                return name, _parser(name).parse_args(words[length:])
            except NotWellFormedError as error:
                raise NotWellFormedError(f"{error}: az {' '.join(words)[:400]}") from error
    raise NotWellFormedError(f"no such command in the record: az {' '.join(words)[:200]}")


def install(folder: Path, program: str) -> Path:
    """Put *program* (with its #! line) into a folder for PATH as ``az``; return that folder."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    file = place / "az"
    file.write_text(program, encoding="utf-8")
    file.chmod(0o755)
    for tool in _TOOLS:
        real = shutil.which(tool)
        assert real is not None
        if not (place / tool).exists():
            (place / tool).symlink_to(real)
    return place


def shell(script: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run *script* by bash in *folder*, where nothing but *path* and the shell's own commands is found."""
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=folder,
        env={"PATH": str(path), "HOME": str(folder), "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")},
        capture_output=True,
        text=True,
        timeout=60,
    )


_RECORDER = """#!/bin/sh
printf '%s\\0' "$@" >> "$HOME/calls"
printf '\\n' >> "$HOME/calls"
printf 'VALUE\\n'
"""


def calls(script: str, folder: Path) -> list[list[str]]:
    """Run *script* with a stand-in ``az`` that answers VALUE; return the words of every call, in order.

    Fails when the shell finds the script wanting, or when it leaves anything in *folder*.
    """
    path = install(folder, _RECORDER)
    log = folder / "calls"
    log.unlink(missing_ok=True)
    done = shell(script, folder, path)
    assert done.returncode == 0, (script, done.stderr)
    assert done.stderr == "", (script, done.stderr)
    written = log.read_text(encoding="utf-8") if log.exists() else ""
    log.unlink(missing_ok=True)
    left = sorted(each.name for each in folder.iterdir())
    assert left == ["bin"], (script, left)
    return [line.split("\0")[:-1] for line in written.split("\0\n") if line for line in [line + "\0"]]


def check(script: str, folder: Path) -> list[tuple[str, argparse.Namespace]]:
    """Return every command of *script* as ``az`` understands it; raises ``NotWellFormedError``."""
    return [parse(words) for words in calls(script, folder)]
