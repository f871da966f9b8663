"""What the pages show can be typed: every command line in them is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from codesign_wizard.commands.arguments import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINE = re.compile(r"^ *(?:echo \S+ \| )?codesign-wizard (.*)$", re.M)
_WORDS = re.compile(r"`codesign-wizard ([^`]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_is_taken(page: Path) -> None:
    text = page.read_text("utf-8").replace("\\\n", " ")
    shown = [*_LINE.findall(text), *(each for each in _WORDS.findall(text) if " " in each)]
    if page.name == "README.md":
        assert len(shown) > 50
    for line in shown:
        words = line.partition(" #")[0].partition(" | ")[0].replace("…", "x")
        parsed = parse(shlex.split(words))
        assert parsed.name, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
