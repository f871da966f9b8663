"""``inspect``: says what files are, whose, until when, and what is wrong with them."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.commands.sign import p12_password
from codesign_wizard.commands.verify import add_root_arguments
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.text import tr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the files."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=".exe .dll .csr .cer .crt .pem .p7b .p12 .pfx .zip .pkg .app",
    )
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("read a .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)"),
    )
    add_root_arguments(parser)


def _of(path: Path, finding: Finding) -> Finding:
    """Say which of several files the finding is about, unless it says so."""
    if path.name in finding.title:
        return finding
    return dataclasses.replace(finding, title=f"{path.name}: {finding.title}")


def _table(facts: Sequence[tuple[str, str]], indent: str) -> list[str]:
    room = max((len(name) for name, _ in facts), default=0)
    return [f"{indent}{name:<{room}}  {value}" for name, value in facts]


def run(context: Context) -> Outcome:
    """Inspect the files one after the other; one that cannot be read does not hide the others."""
    from codesign_wizard.core.inspect import inspect_file

    options = context.options
    password = p12_password(context)
    roots, apple_roots = context.session.roots(), context.session.apple_roots()
    findings: list[Finding] = []
    documents: list[dict[str, object]] = []
    lines: list[str] = []
    unreadable = False
    for path in options.files:
        try:
            found = inspect_file(context.job, path, password, roots=roots, apple_roots=apple_roots)
        except InputError as error:
            unreadable = True
            findings.append(error.finding)
            documents.append({"file": str(path), "kind": "unreadable", "title": error.finding.title})
            continue
        findings += [_of(path, each) if len(options.files) > 1 else each for each in found.findings]
        documents.append({"file": str(path), **found.to_json()})
        if lines:
            lines.append("")
        lines.append(found.title)
        lines += _table(found.facts, "  ")
        for part in found.parts:
            lines += [f"  {part.role}: {part.name}", *_table(part.facts, "    ")]
    return Outcome(
        findings,
        documents,
        lines=lines,
        code=2 if unreadable else None,
        blocked=tr("Not all is as it should be."),
    )
