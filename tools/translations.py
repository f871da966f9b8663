"""Collect what people read from the source into ``resources/translations/codesign_wizard.ts``.

    python -m tools.translations            write the template
    python -m tools.translations --check    say what is wrong, and whether the template is out of date

``tr`` takes one literal: an f-string or a variable would be looked up by its value at run time and never be
found, silently (``pyside6-lupdate`` extracts the raw text of an f-string). The titles of findings are
collected from ``FindingKind(...)`` for the same template, because ``tr`` is called there with what was
declared elsewhere.
The file is Qt Linguist's (TS 2.1), with one context.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from xml.sax.saxutils import escape

from tools.sources import ROOT, is_current, modules, shown, write

TEMPLATE = ROOT / "resources" / "translations" / "codesign_wizard.ts"
CONTEXT = "codesign_wizard"
# the module that declares tr and translate passes on what it is given
_DECLARES = "codesign_wizard/core/text.py"


@dataclass(frozen=True, slots=True)
class Message:
    """One literal and the module in which it was met first."""

    text: str
    module: str


def collect(tree: ast.Module, module: str) -> tuple[list[Message], list[str]]:
    """Return the messages of one module in order, and what is wrong with its calls, a sentence each."""
    messages: list[Message] = []
    problems: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name == "tr":
            argument = _only_argument(node)
        elif name == "FindingKind":
            argument = _title(node)
        else:
            continue
        where = f"{module}:{node.lineno}"
        if isinstance(argument, ast.JoinedStr):
            problems.append(f"{where}: {name} is given an f-string; write .format(name=...) after the call")
        elif not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            problems.append(f"{where}: {name} needs one literal string")
        else:
            messages.append(Message(argument.value, module))
            problems += [f"{where}: {problem}" for problem in _bad_fields(argument.value)]
    return messages, problems


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _only_argument(call: ast.Call) -> ast.expr | None:
    return call.args[0] if len(call.args) == 1 and not call.keywords else None


def _title(call: ast.Call) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == "title":
            return keyword.value
    return call.args[2] if len(call.args) > 2 else None


def _bad_fields(text: str) -> Iterator[str]:
    """Yield what a translator could not keep: fields without a name, or braces that do not pair."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as problem:
        yield f"its braces do not pair ({problem})"
        return
    for name in fields:
        if not name.split(".")[0].split("[")[0].isidentifier():
            yield f"the field {{{name}}} needs a name"


def template(messages: list[Message]) -> str:
    """Return the TS file: every text once, in order of first use, without line numbers, which only churn."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        '<TS version="2.1" sourcelanguage="en_GB">',
        "<context>",
        f"    <name>{CONTEXT}</name>",
    ]
    seen: set[str] = set()
    for message in messages:
        if message.text in seen:
            continue
        seen.add(message.text)
        lines += [
            "    <message>",
            f'        <location filename="{message.module}"/>',
            f"        <source>{escape(message.text)}</source>",
            '        <translation type="unfinished"></translation>',
            "    </message>",
        ]
    return "\n".join([*lines, "</context>", "</TS>", ""])


def collect_all() -> tuple[list[Message], list[str]]:
    """Collect from every module of the package."""
    messages: list[Message] = []
    problems: list[str] = []
    for path, tree in modules():
        module = shown(path)
        if module == _DECLARES:
            continue
        found, wrong = collect(tree, module)
        messages += found
        problems += wrong
    return messages, problems


def main(arguments: list[str] | None = None, *, target: Path = TEMPLATE) -> int:
    """Write or check the template; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.translations")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    messages, problems = collect_all()
    text = template(messages)
    if check and not is_current(target, text):
        problems.append("the template is out of date: run python -m tools.translations in the environment")
    for problem in problems:
        print(problem)
    if not check:
        write(target, text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
