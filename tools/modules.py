"""``docs/modules.md``: every module with the first sentence of its docstring, folder by folder.

Written and checked together with the page of findings, see ``tools.findings``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tools.sources import ROOT

NAME = "modules.md"
_DOCSTRING = re.compile(r'"""(.*?)"""', re.S)
_FOLDERS = ("codesign_wizard", "tools", "benchmarks", "tests/support")

_HEAD = """# Modules

Every module in a line, in the words with which it begins. This page is made from the code together with
[findings.md](findings.md). What the parts are for, and which may ask which, is in
[architecture.md](architecture.md).

Names that come again: `…_findings` declares what the modules beside it can find, where that is long;
`…_words` says it to people, for window and terminal alike; `scenes_…` are states of pages for pictures; in
`practice` each service has `models` (state and rules), `routes` and `responses` (the wire) and `errors` (the
vendor's words).
"""


def page() -> str:
    """Return the page: a list for each folder."""
    lines = [_HEAD]
    for folder, modules in groupby(_modules(), key=lambda module: module.parent):
        lines += [f"## {folder.as_posix()}", ""]
        lines += [f"- `{module.stem}`: {_sentence(ROOT / module)}" for module in modules]
        lines.append("")
    return "\n".join(lines)


def _modules() -> Iterator[Path]:
    for folder in _FOLDERS:
        found = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
        # a folder's own modules before those of the folders in it
        for path in sorted(found, key=lambda each: (each.parent.as_posix(), each.stem)):
            if path.name != "__init__.py":
                yield path


def _sentence(path: Path) -> str:
    """Return the first sentence of the module's docstring, or its first paragraph if that is one."""
    # not ast: parsing all of it takes seconds, for the first lines of each
    begins = _DOCSTRING.match(path.read_text(encoding="utf-8"))
    paragraph = " ".join(begins[1].partition("\n\n")[0].split()) if begins else ""
    end = paragraph.find(". ")
    sentence = paragraph if end < 0 else paragraph[: end + 1]
    return sentence.replace("``", "`").replace("<", "&lt;")
