"""``gui``: opens the wizard."""

from __future__ import annotations

import argparse
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Evidence, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

NO_DISPLAY = FindingKind(
    "usage.no-display",
    Severity.ERROR,
    "There is no display to open the wizard on.",
    "The wizard needs a desktop; the same work is done headless by the other commands.",
)

NO_WINDOW = FindingKind(
    "usage.no-window",
    Severity.ERROR,
    "The wizard cannot be opened: a library that its window needs is missing.",
    "PySide6 or a system library that Qt opens is not installed.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take whether the window only proves that it opens."""
    parser.add_argument(
        "--close",
        action="store_true",
        help=tr("close the window again once it is there: to test an installation"),
    )


def run(context: Context) -> Outcome:
    """Open the wizard and wait until it is closed."""
    from codesign_wizard.app import display_available, run_gui

    if not display_available():
        return Outcome([NO_DISPLAY(remedies=_headless())], code=2)
    options = context.options
    practice = options.practice
    try:
        code = run_gui(
            practice=practice is not None,
            scenario=practice or None,
            profile=options.profile,
            state=Path(options.state) if options.state else None,
            overrides=context.overrides(),
            close=options.close,
        )
    except ImportError as error:
        # Qt itself, or a library of the system that it opens, such as libEGL.so.1
        raise InputError(
            NO_WINDOW(
                evidence=Evidence(message=str(error)),
                remedies=[Remedy(title=tr("Install it.")), *_headless()],
            )
        ) from error
    return Outcome(code=code, silent=not options.json)


def _headless() -> list[Remedy]:
    return [
        Remedy(
            title=tr("Work in the terminal: codesign-wizard doctor windows, codesign-wizard trial windows.")
        ),
        Remedy(title=tr("Without accounts: codesign-wizard trial all --practice.")),
    ]
