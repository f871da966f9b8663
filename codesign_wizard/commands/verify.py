"""``verify``: judges the signatures of one file as Windows would, or as macOS would, by what it is."""

from __future__ import annotations

import argparse
from datetime import UTC
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.macos import verify as verify_for_macos
from codesign_wizard.commands.macos_arguments import add_level_argument, is_for_macos
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file and extra roots."""
    parser.add_argument("file", type=Path, metavar="FILE", help=tr("an .exe, .dll, .pkg, .app or Mach-O"))
    add_level_argument(parser)
    add_root_arguments(parser)


def add_root_arguments(parser: argparse.ArgumentParser) -> None:
    """Take roots that count besides Microsoft's and Apple's; the result says when one was needed."""
    parser.add_argument(
        "--extra-root", action="append", metavar="PEM", help=tr("trust these roots for code signing, too")
    )
    parser.add_argument(
        "--extra-timestamp-root",
        action="append",
        metavar="PEM",
        help=tr("trust these roots for time stamps, too"),
    )


def run(context: Context) -> Outcome:
    """Verify the file."""
    if is_for_macos(context.options.file):
        return verify_for_macos(context)
    from codesign_wizard.core.authenticode.checks import accepted
    from codesign_wizard.core.authenticode.verify import verify_file

    result = verify_file(context.job, context.options.file, roots=context.session.roots())
    facts = [(tr("File"), str(result.path)), (tr("Architecture"), result.architecture)]
    for report in result.signatures:
        place = report.place[:1].upper() + report.place[1:]
        facts.append((place, report.publisher or tr("not readable")))
        if report.description:
            facts.append((tr("Description"), report.description))
        if report.timestamp is not None:
            facts.append((tr("Time stamp"), when(report.timestamp.time.astimezone(UTC))))
    return Outcome(
        result.findings,
        result.to_json(),
        facts,
        clear=accepted(result.findings, tr("The file is signed, and Windows will accept it.")),
        blocked=tr("Windows will not accept this file as it is."),
    )
