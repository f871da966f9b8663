"""``verify``: judges the signatures of one file as Windows would."""

from __future__ import annotations

import argparse
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file and extra roots."""
    parser.add_argument("file", type=Path, help="an .exe or .dll")
    add_root_arguments(parser)


def add_root_arguments(parser: argparse.ArgumentParser) -> None:
    """Take roots that count besides Microsoft's; the result says when one was needed."""
    parser.add_argument(
        "--extra-root", action="append", metavar="PEM", help="trust these roots for code signing, too"
    )
    parser.add_argument(
        "--extra-timestamp-root",
        action="append",
        metavar="PEM",
        help="trust these roots for time stamps, too",
    )


def run(context: Context) -> Outcome:
    """Verify the file."""
    from codesign_wizard.core.authenticode.verify import verify_file

    result = verify_file(context.job, context.options.file, roots=context.session.roots())
    return Outcome(result.findings, result.to_json())
