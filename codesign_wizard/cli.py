"""The command line: finds the command, runs it, prints one outcome, gives the exit code.

Exit codes: 0 no error among the findings, 1 at least one, 2 wrong usage or unreadable input, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from codesign_wizard.commands.arguments import WrongUsage, parse
from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome, Printer
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.text import tr

INTERRUPTED = 130

UNEXPECTED = FindingKind(
    "internal.unexpected",
    Severity.ERROR,
    "Something happened that this version does not expect: {what}.",
    "A fault of the program itself; --verbose shows where.",
)
CANCELLED = FindingKind(
    "internal.interrupted",
    Severity.WARNING,
    "Interrupted; everything is as it was.",
    "The person ended the command.",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (without the program's name) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    printer = Printer.for_arguments(arguments)
    if not sys.warnoptions:
        # what libraries tell their developers is no news for the person
        warnings.simplefilter("ignore")
    try:
        return _main(arguments, printer)
    except BrokenPipeError:
        # whoever read the output has enough; Python would complain again while it closes it
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        return 1


def main_gui() -> int:
    """Open the wizard: the entry point without a console."""
    return main(["gui", *sys.argv[1:]])


def _main(arguments: list[str], printer: Printer) -> int:
    try:
        parsed = parse(arguments)
    except WrongUsage as error:
        printer.begin(error.command, None)
        return printer.end(Outcome([error.finding], code=2))
    except SystemExit as error:  # --help and --version have printed what they say
        return int(error.code or 0)
    printer.begin(parsed.name, parsed.practice)
    context = Context(parsed, printer)
    try:
        with context:
            outcome = parsed.run(context)
    except InputError as error:
        outcome = Outcome([error.finding], code=2)
    except CodesignError as error:
        outcome = Outcome([error.finding])
    except (Cancelled, KeyboardInterrupt):
        outcome = Outcome([CANCELLED()], code=INTERRUPTED)
    except BrokenPipeError:
        raise
    except Exception as error:  # never a traceback: what went wrong is a finding, its place in the log
        printer.trace(error)
        outcome = Outcome([_unexpected(error)])
    return printer.end(outcome)


def _unexpected(error: Exception) -> Finding:
    return UNEXPECTED(
        what=type(error).__name__,
        evidence=Evidence(message=str(error), time=utc_now()),
        remedies=[Remedy(title=tr("Run it again with --verbose and send what it prints to support."))],
    )
