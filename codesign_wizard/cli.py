"""The command line: find the command, run it, say what came of it. Never a traceback."""

from __future__ import annotations

import os
import sys
import warnings
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.events import Events
from codesign_wizard.commands.interrupts import INTERRUPTED, interruptible
from codesign_wizard.commands.invocation import Invocation
from codesign_wizard.commands.options import Parsed, parse
from codesign_wizard.commands.output import (
    Outcome,
    Section,
    document,
    print_document,
    print_outcome,
    standard_error,
    standard_output,
)
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.job import Job, LogLevel
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from datetime import datetime

CANCELLED = FindingKind(
    "internal.cancelled",
    Severity.INFO,
    "Cancelled. Things were left as they were.",
    "The person stopped the work with Ctrl-C.",
)
UNEXPECTED = FindingKind(
    "internal.unexpected",
    Severity.ERROR,
    "Something happened that the program does not know (reference {reference}).",
    "A fault of the program itself; the reference tells its makers where.",
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv* (without the program's name) and return the exit code.

    0: no error was found; 1: at least one; 2: wrong usage or unreadable input; 130: interrupted.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not sys.warnoptions:
        # a library's warnings are for its users, who are not the people at this terminal
        warnings.simplefilter("ignore")
    return _Run(arguments).code()


class _Run:
    def __init__(self, arguments: Sequence[str]) -> None:
        own = list(arguments)
        self.arguments = own
        # known before the command line is understood: a wrong one is to be told in JSON too
        options = own[: own.index("--")] if "--" in own else own
        self.json = "--json" in options
        self.quiet = "--quiet" in options
        self.verbose = "--verbose" in options
        self.started: datetime = utc_now()
        self.parsed: Parsed | None = None
        self.events = Events(standard_error(), quiet=self.quiet, verbose=self.verbose)
        self.job = self.events.job()

    def code(self) -> int:
        interrupted = False
        try:
            outcome = self._outcome()
        except (Cancelled, KeyboardInterrupt):
            interrupted = True
            outcome = Outcome([Section(findings=[CANCELLED()])])
        except InputError as error:
            outcome = Outcome([Section(findings=[error.finding])], wrong_use=True)
        except CodesignError as error:
            outcome = Outcome([Section(findings=[error.finding])])
        # whatever it is, a person gets a sentence and not a traceback
        except Exception as error:
            outcome = Outcome([Section(findings=[self._unexpected(error)])])
        finally:
            self.events.close()
        said = self._say(outcome, interrupted)
        return INTERRUPTED if interrupted else outcome.exit_code or said

    def _outcome(self) -> Outcome:
        parsed = self.parsed = parse(self.arguments)
        if parsed.help:
            text = parsed.help.rstrip("\n") + "\n"
            return Outcome(text=text, result={"help": parsed.help})
        assert parsed.module is not None, "only help is without a command"
        invocation = Invocation(parsed.name, parsed.action, parsed.options, self.job, self.events, os.environ)
        with interruptible(self.job, self._say_cancelling):
            outcome = parsed.module.run(invocation)
            self.job.check_cancelled() if not outcome.sections and not outcome.result else None
        return outcome

    def _say_cancelling(self) -> None:
        self.events.say(tr("Cancelling. Ctrl-C again stops at once."))

    def _say(self, outcome: Outcome, interrupted: bool) -> int:
        """Write the outcome; returns 0, or 1 when it could not be written."""
        stream = standard_output()
        try:
            if self.json:
                content = document(outcome, self._command(), self._practice(), self.started)
                content["ok"] = content["ok"] and not interrupted
                print_document(content, stream)
            elif interrupted:
                self.events.say(CANCELLED().title)
            else:
                print_outcome(outcome, stream, quiet=self.quiet, verbose=self.verbose)
        except BrokenPipeError:
            _leave(stream)  # the reader has seen enough; that is no error of ours
        except OSError as error:
            self.events.say(tr("The result could not be written: {why}").format(why=error.strerror or error))
            _leave(stream)
            return 1
        return 0

    def _command(self) -> str:
        """Return the command's words, as far as they were understood."""
        parsed = self.parsed
        if parsed is None:
            return ""
        target = getattr(parsed.options, "target", None) or ""
        return " ".join(word for word in (parsed.name, parsed.action, target) if word)

    def _practice(self) -> dict[str, Any] | None:
        options = self.parsed.options if self.parsed is not None else None
        name = getattr(options, "practice", None)
        return None if name is None else {"scenario": name or None}

    def _unexpected(self, error: Exception) -> Finding:
        import hashlib
        import traceback

        trace = "".join(traceback.format_exception(error))
        # the same fault gives the same reference on every machine: names and lines, no paths, no values
        places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        reference = hashlib.sha256("|".join([type(error).__name__, *places]).encode()).hexdigest()[:8]
        self.job.log(LogLevel.DEBUG, trace, part="internal")
        return UNEXPECTED(
            reference=reference,
            detail=tr("What was being done was stopped; what was there before is unchanged."),
            evidence=Evidence(code=type(error).__name__, time=utc_now()),
            remedies=[
                Remedy(
                    title=tr(
                        "Try again. If it comes back, run it with --verbose and send the log to support."
                    )
                )
            ],
        )


def _leave(stream: Any) -> None:
    """Point standard output at nothing, so that the interpreter does not stumble over it at its end."""
    try:
        hole = os.open(os.devnull, os.O_WRONLY)
        os.dup2(hole, stream.fileno())
        os.close(hole)
    except (OSError, ValueError):
        return  # it has no descriptor, so nothing is flushed to one


if TYPE_CHECKING:
    _: tuple[type[Job], Callable[..., int]] = (Job, main)
