"""The files of words, ``resources/translations``: how they are written, merged, and what is wrong in them.

Qt Linguist's form (TS 2.1) with one context. The template has every message without a translation; a
language's file has the same messages in the same order, so that a merge keeps what is translated, marks what
is new as unfinished, and drops what is gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from xml.sax.saxutils import escape

from codesign_wizard.core.language import parse
from tools.sources import ROOT

FOLDER = ROOT / "resources" / "translations"
CONTEXT = "codesign_wizard"


@dataclass(frozen=True, slots=True)
class Message:
    """One literal and the module in which it was met first."""

    text: str
    module: str


def language_files(folder: Path = FOLDER) -> dict[str, Path]:
    """Return the file of each language there is, by its code."""
    return {path.stem.removeprefix(f"{CONTEXT}_"): path for path in sorted(folder.glob(f"{CONTEXT}_*.ts"))}


def known(path: Path) -> dict[str, str]:
    """Return the finished translations in the file *path*, by source; {} when there is none."""
    return parse(path.read_bytes()) if path.is_file() else {}


def catalogue(messages: Iterable[Message], code: str = "", words: Mapping[str, str] | None = None) -> str:
    """Return a TS file: every text once, in order of first use, without line numbers, which only churn.

    Without *words* it is the template; what *words* do not translate is marked as unfinished.
    """
    words = words or {}
    language = f' language="{code}"' if code else ""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1"{language} sourcelanguage="en_GB">',
        "<context>",
        f"    <name>{CONTEXT}</name>",
    ]
    for message in unique(messages):
        told = words.get(message.text, "")
        state = "" if told else ' type="unfinished"'
        lines += [
            "    <message>",
            f'        <location filename="{message.module}"/>',
            f"        <source>{escape(message.text)}</source>",
            f"        <translation{state}>{escape(told)}</translation>",
            "    </message>",
        ]
    return "\n".join([*lines, "</context>", "</TS>", ""])


def unique(messages: Iterable[Message]) -> list[Message]:
    """Return the messages, each text once."""
    return list({message.text: message for message in reversed(list(messages))}.values())[::-1]


# --- what is wrong with a translation ---

_SPACE = re.compile(r"\A(\s*).*?(\s*)\Z", re.S)
_MNEMONIC = re.compile(r"&(?=\w)")
# what is typed or opened, and so the same in every language
_LITERAL = re.compile(
    r"(?<![\w-])--[a-z][a-z0-9-]*|https?://[^\s{}]+[^\s{}.,;:)]|%(?:\(\w+\))?[sr]\b|\b[A-Z]+_[A-Z_]+\b"
)
_ENDS = (".", ":", "…", "?", ";", ",")
# no-break spaces and what has no width: it would be copied, searched and logged with the text
_UNSEEN = re.compile("[\u00a0\u00ad\u200b-\u200f\u202f\u2060\ufeff]")
# the signs that open and close, and those of another language
_QUOTES = {"de": ("„", "“", "”")}


def flaws(source: str, told: str, code: str) -> Iterator[str]:
    """Yield what a machine can see to be wrong with *told*, the translation of *source* into *code*."""
    if _fields(source) != _fields(told):
        yield "its {fields} differ"
    if _around(source) != _around(told):
        yield "the white space around it differs"
    if source.count("\n") != told.count("\n"):
        yield "it has another number of lines"
    if len(_MNEMONIC.findall(source)) != len(_MNEMONIC.findall(told)):
        yield "the letter to press (&) is missing, or one too many"
    if "  " in told and "  " not in source:
        yield "it has two spaces in a row"
    if _UNSEEN.search(told):
        yield "it has a sign that cannot be seen; pages keep words in one line by themselves"
    missing = [each for each in _LITERAL.findall(source) if each not in told]
    if missing:
        yield f"it lacks {missing[0]}"
    end = source.rstrip()[-1:]
    if end in _ENDS and told.rstrip()[-1:] != end:
        yield f"it does not end in {end}"
    elif end not in _ENDS and told.rstrip()[-1:] in (".", ":", ";", ","):
        yield f"it ends in {told.rstrip()[-1:]}"
    if told.count('"') % 2 or told.count("(") != told.count(")"):
        yield "quotes or brackets do not pair"
    opening, closing, foreign = _QUOTES.get(code, ("“", "”", ""))
    if told.count(opening) != told.count(closing) or (foreign and foreign in told):
        yield "quotes do not pair"


def _fields(text: str) -> Counter[tuple[str, str | None, str | None]]:
    try:
        return Counter(
            (name, spec, how) for _, name, spec, how in Formatter().parse(text) if name is not None
        )
    except ValueError:
        return Counter({("a brace that does not pair", None, None): 1})


def _around(text: str) -> tuple[str, ...]:
    found = _SPACE.match(text)
    return found.groups() if found and text.strip() else (text,)
