"""The command line: finds the command, runs it, prints one outcome, gives the exit code.

Exit codes: 0 no error among the findings, 1 at least one, 2 wrong usage or unreadable input, 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace

from codesign_wizard.commands.arguments import Parsed, WrongUsage, parse
from codesign_wizard.commands.context import CANCELLED, INTERRUPTED, Context
from codesign_wizard.commands.hints import with_hints, with_keyring
from codesign_wizard.commands.output import Outcome, Printer
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.job import WORK_FOR_ANOTHER
from codesign_wizard.core.language import ENGLISH, start_language, use_language
from codesign_wizard.core.text import tr
from codesign_wizard.crash import hide_secrets

_COLLECT_AFTER = 50_000  # new objects; Python's own is 700

UNEXPECTED = FindingKind(
    "internal.unexpected",
    Severity.ERROR,
    "Something happened that this version does not expect (reference {reference}).",
    "A fault of the program itself; the reference tells its makers where, --verbose shows it.",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (without the program's name) and return the exit code."""
    hide_secrets()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and arguments == [WORK_FOR_ANOTHER]:
        from codesign_wizard.core.processes import serve

        return serve()
    printer = Printer.for_arguments(arguments)
    # what programs read is the same everywhere, docs/json.md
    use_language(ENGLISH) if printer.as_json else start_language()
    if not sys.warnoptions:
        # what libraries tell their developers is no news for the person
        warnings.simplefilter("ignore")
    outcome = _outcome(arguments, printer, alone=argv is None)
    return printer.end(replace(outcome, findings=with_hints(outcome.findings)))


def main_gui() -> int:
    """Open the wizard: the entry point without a console."""
    return main(["gui", *sys.argv[1:]])


def _outcome(arguments: list[str], printer: Printer, *, alone: bool) -> Outcome:
    try:
        parsed = parse(arguments)
        if alone and parsed.name != "gui":
            # what is imported stays, and looking through it for cycles takes a twentieth of a short run
            gc.set_threshold(_COLLECT_AFTER)
        printer.begin(parsed.name, parsed.practice)
        with Context(parsed, printer) as context:
            outcome = _run(parsed, context)
            return replace(outcome, findings=with_keyring(outcome.findings, context.keyring_trouble))
    except WrongUsage as error:
        printer.begin(error.command, None)
        return Outcome([error.finding], code=2)
    except CodesignError as error:
        return _raised(error)
    except (Cancelled, KeyboardInterrupt):
        return Outcome([CANCELLED()], code=INTERRUPTED)
    except Exception as error:  # never a traceback: what went wrong is a finding, its place in the log
        printer.trace(error)
        return Outcome([_unexpected(error)])


def _run(parsed: Parsed, context: Context) -> Outcome:
    try:
        return parsed.run(context)
    except CodesignError as error:  # told while it is known what kept the keyring from being asked
        return _raised(error)


def _raised(error: CodesignError) -> Outcome:
    return Outcome([error.finding], code=2 if isinstance(error, InputError) else None)


def _unexpected(error: Exception) -> Finding:
    import hashlib
    import traceback

    # names and lines only: the same fault has the same reference on every machine
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    reference = hashlib.sha256("|".join([type(error).__name__, *places]).encode()).hexdigest()[:8]
    return UNEXPECTED(
        reference=reference,
        evidence=Evidence(code=type(error).__name__, time=utc_now()),
        remedies=[
            Remedy(
                title=tr(
                    "Try again. If it comes back, run it with --verbose and send what it prints to support."
                )
            )
        ],
    )
