"""Make ``docs/findings.md`` from the declarations in the code, and ``docs/modules.md`` from its docstrings.

    python -m tools.findings            write both
    python -m tools.findings --check    say which is out of date

Every ``FindingKind`` registers itself when its module is imported, so every module of the program is imported
first: the window, too, and practice have findings of their own.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from itertools import groupby
from pathlib import Path

from codesign_wizard.core.finding import FindingKind, all_kinds
from tools import modules
from tools.sources import PACKAGE, ROOT, is_current, write

TARGET = ROOT / "docs" / "findings.md"

_HEAD = """# Findings

Every finding that this version can report, by id. This page is made from the code by
`python -m tools.findings`; `dev.py check` refuses a stale one.

An id is stable: scripts may rely on it. Only severity *error* makes the exit code 1. The severity here is the
usual one; a finding can be reported with another where the case asks for it. How to read one is in the
[README](../README.md#reading-a-diagnosis), the JSON form in [json.md](json.md).
"""


def load() -> list[FindingKind]:
    """Import every module of the program and return the kinds of findings by id."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if path.stem != "__main__":  # a program: it would begin
            importlib.import_module(name.removesuffix(".__init__"))
    return all_kinds()


def page(kinds: list[FindingKind]) -> str:
    """Return the page: one table for each area, the word before an id's first dot."""
    lines = [_HEAD]
    for area, members in groupby(kinds, key=lambda kind: kind.id.split(".")[0]):
        lines += [f"## {area}", "", "| id | severity | says | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| `{kind.id}` | {kind.severity.value} | {_cell(kind.title)} | {_cell(kind.meaning)} |"
            for kind in members
        ]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments: list[str] | None = None, *, target: Path = TARGET) -> int:
    """Write or check both pages; return 1 when one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.findings")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    old = 0
    for path, text in ((target, page(load())), (target.with_name(modules.NAME), modules.page())):
        if not check:
            write(path, text)
        elif not is_current(path, text):
            print(f"docs/{path.name} is out of date: run python -m tools.findings in the environment")
            old = 1
    return old


if __name__ == "__main__":
    sys.exit(main())
