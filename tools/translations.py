"""Collect what people read from the source into the files of words, ``resources/translations``.

    python -m tools.translations            write the template, and merge it into the file of each language
    python -m tools.translations --check    say what is wrong, and which file is out of date
    python -m tools.translations --complete    the same, and what is not translated is wrong
    python -m tools.translations --list de     print what is unfinished, as a JSON object to fill in
    python -m tools.translations --take de FILE…    merge such objects, then write as the first

``tr`` takes one literal: an f-string or a variable would be looked up by its value at run time and never be
found, silently (``pyside6-lupdate`` extracts the raw text of an f-string). The titles of findings are
collected from ``FindingKind(...)`` and what ``mark`` marks, because ``tr`` is called there with what was
declared elsewhere. ``tr`` itself is refused where a module is imported: no language is chosen yet.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

from tools.catalogues import CONTEXT, FOLDER, Message, catalogue, flaws, known, language_files, unique
from tools.sources import is_current, modules, shown, write

# the module that declares tr and translate passes on what it is given
_DECLARES = "codesign_wizard/core/text.py"


def collect(tree: ast.Module, module: str) -> tuple[list[Message], list[str]]:
    """Return the messages of one module in order, and what is wrong with its calls, a sentence each."""
    messages: list[Message] = []
    problems: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name in ("tr", "mark"):
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
    problems += [
        f"{module}:{line}: tr is called when the module is imported; use mark here and translate later"
        for line in _at_import(tree)
    ]
    return messages, problems


def _at_import(node: ast.AST) -> Iterator[int]:
    """Yield the lines in which ``tr`` is called outside of functions, or as a parameter's default."""
    if isinstance(node, ast.Call) and _called(node) in ("tr", "translate"):
        yield node.lineno
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        inside: list[ast.AST] = [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        inside = []
    else:
        inside = list(ast.iter_child_nodes(node))
    for each in inside:
        yield from _at_import(each)


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


@cache
def collect_all() -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """Collect from every module of the package, once."""
    messages: list[Message] = []
    problems: list[str] = []
    for path, tree in modules():
        module = shown(path)
        found, wrong = collect(tree, module)
        messages += found
        # where ``tr`` is declared it is also given what is known at run time only
        problems += wrong if module != _DECLARES else ()
    return tuple(messages), tuple(problems)


def main(arguments: list[str] | None = None, *, folder: Path = FOLDER) -> int:
    """Do what the command line says; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.translations")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is wrong")
    parser.add_argument(
        "--complete", action="store_true", help="as --check; unfinished translations are wrong"
    )
    parser.add_argument("--list", metavar="CODE", help="print what is unfinished in a language, as JSON")
    parser.add_argument(
        "--take", nargs="+", metavar=("CODE", "FILE"), help="merge JSON files {English: translation} first"
    )
    options = parser.parse_args(arguments)
    messages, found = collect_all()
    problems = list(found)
    if options.list:
        told = known(folder / f"{CONTEXT}_{options.list}.ts")
        missing = {each.text: "" for each in unique(messages) if each.text not in told}
        print(json.dumps(missing, indent=1, ensure_ascii=False))
        return 0
    check = options.check or options.complete
    files = language_files(folder)
    added: dict[str, dict[str, str]] = {}
    if options.take:
        code, *sources = options.take
        files.setdefault(code, folder / f"{CONTEXT}_{code}.ts")
        added[code] = {}
        for source in sources:
            added[code] |= json.loads(Path(source).read_text(encoding="utf-8"))
    wanted = {folder / f"{CONTEXT}.ts": catalogue(messages)}
    for code, path in files.items():
        words = {**known(path), **added.get(code, {})}
        wanted[path] = catalogue(messages, code, words)
        missing_here = sum(1 for each in unique(messages) if not words.get(each.text))
        print(f"{code}: {missing_here} of {len(unique(messages))} unfinished")
        if options.complete and missing_here:
            problems.append(
                f"{path.name}: {missing_here} translations are missing (--list {code} names them)"
            )
        for each in unique(messages):
            if told_here := words.get(each.text, ""):
                problems += [
                    f"{path.name}: {flaw}: {each.text!r} -> {told_here!r}"
                    for flaw in flaws(each.text, told_here, code)
                ]
    for path, text in wanted.items():
        if not check:
            write(path, text)
        elif not is_current(path, text):
            problems.append(
                f"{path.name} is out of date: run python -m tools.translations in the environment"
            )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
