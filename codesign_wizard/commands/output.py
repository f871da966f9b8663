"""What a command says at its end: one JSON document, or facts and findings for people, on standard output.

Lines are laid out once, as pieces of text with a style; a terminal gets them through rich, everything else
plain. Commands, addresses and a vendor's own words are never wrapped, so that they can be copied.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TextIO

from codesign_wizard.commands.events import Events
from codesign_wizard.commands.streams import coloured, columns, encodable
from codesign_wizard.core.finding import (
    Certainty,
    Finding,
    Remedy,
    Severity,
    blocks,
    iso,
    utc_now,
    worst_first,
)
from codesign_wizard.core.job import LogLevel, LogLine
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import tr

_WIDTH = 100
_INDENT = 11
_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·", Severity.OK: "✓"}
_STYLES = {
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "ok": "bold green",
    "title": "bold",
    "soft": "dim",
}

Line = list[tuple[str, str]]  # pieces of a line: style, text


@dataclass(frozen=True)
class Outcome:
    """What came of a command: findings, the JSON ``result``, ``facts`` and ``lines`` for people.

    ``lines`` stand first and are kept whole; ``notes`` stand last. ``clear`` and ``blocked`` are the closing
    sentences without and with an error. ``code`` is the exit code where the findings alone do not decide it.
    ``silent`` says nothing more. ``given_out`` is for the practice accounts, which are meant to be read with
    their secrets.
    """

    findings: Sequence[Finding] = ()
    result: Any = field(default_factory=dict)
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()
    clear: str = ""
    blocked: str = ""
    code: int | None = None
    silent: bool = False
    given_out: bool = False

    @property
    def exit_code(self) -> int:
        """0 without errors, 1 with, or the command's own."""
        return self.code if self.code is not None else int(blocks(self.findings))


class Printer:
    """Standard output for results; ``events`` has standard error for everything on the way."""

    def __init__(self, *, as_json: bool, quiet: bool, verbose: bool) -> None:
        self._json = as_json
        self._quiet = quiet
        self._verbose = verbose
        self._command = ""
        self._practice: str | None = None
        self._started: datetime = utc_now()
        self.events = Events(sys.stderr, quiet=quiet, verbose=verbose)

    @classmethod
    def for_arguments(cls, arguments: Sequence[str]) -> Printer:
        """Return a printer by the options among *arguments*, before they are known to be right."""
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        return cls(as_json="--json" in options, quiet="--quiet" in options, verbose="--verbose" in options)

    @property
    def as_json(self) -> bool:
        """Whether one JSON document is wanted."""
        return self._json

    @property
    def verbose(self) -> bool:
        """Whether the whole log is wanted."""
        return self._verbose

    def begin(self, command: str, practice: str | None) -> None:
        """Remember what is being done; *practice* as in ``Parsed``."""
        self._command, self._practice = command, practice

    def end(self, outcome: Outcome) -> int:
        """Write the outcome and return the exit code: 1 when an outcome without errors cannot be written."""
        self.events.close()
        stream = sys.stdout
        # closed before the program began, as by >&-
        if outcome.silent or stream is None:
            return outcome.exit_code
        try:
            if self._json:
                stream.write(json.dumps(self._document(outcome), indent=2) + "\n")
            else:
                self._people(outcome, stream)
            stream.flush()
        except BrokenPipeError:
            _leave(stream)  # whoever reads has seen enough
        except OSError as error:
            _leave(stream)
            self.events.say(tr("The result could not be written: {why}.").format(why=error.strerror or error))
            return outcome.exit_code or 1
        return outcome.exit_code

    def publish(self, outcome: Outcome) -> int:
        """Write an outcome now, while the command goes on; see ``end``."""
        return self.end(outcome)

    def trace(self, error: Exception) -> None:
        """Put where an unexpected error came from into the log, redacted."""
        text = "".join(traceback.format_exception(error)).rstrip()
        self.events.log(LogLine(utc_now(), LogLevel.DEBUG, "internal", text))

    def _document(self, outcome: Outcome) -> dict[str, Any]:
        from codesign_wizard import __version__

        return {
            "schema": 1,
            "tool": {"name": "codesign-wizard", "version": __version__},
            "command": self._command,
            "practice": None if self._practice is None else {"scenario": self._practice or None},
            "started": iso(self._started),
            "finished": iso(utc_now()),
            "ok": outcome.exit_code == 0,
            "findings": [_redacted(finding.to_json()) for finding in worst_first(outcome.findings)],
            "result": outcome.result if outcome.given_out else _redacted(outcome.result),
        }

    def _people(self, outcome: Outcome, stream: TextIO) -> None:
        width = columns(stream, _WIDTH)
        lines = list(_laid_out(outcome, width, quiet=self._quiet, verbose=self._verbose))
        if not outcome.given_out:
            lines = [[(style, redact(text)) for style, text in line] for line in lines]
        lines = [[(style, encodable(text, stream)) for style, text in line] for line in lines]
        if not lines:
            return
        if not coloured(stream):
            stream.write("".join("".join(text for _, text in line).rstrip() + "\n" for line in lines))
            return
        # only for a terminal: importing it takes longer than many a command
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
        for line in lines:
            console.print(Text.assemble(*((text, _STYLES.get(style, "")) for style, text in line)))


def _laid_out(outcome: Outcome, width: int, *, quiet: bool, verbose: bool) -> Iterator[Line]:
    findings = worst_first(outcome.findings)
    if quiet:
        findings = [each for each in findings if each.severity in (Severity.ERROR, Severity.WARNING)]
    # a command's plain lines are what was asked for; its facts are a comment
    for line in outcome.lines:
        yield [("", line)]
    if outcome.facts and not quiet:
        room = max(len(name) for name, _ in outcome.facts)
        for name, value in outcome.facts:
            for place, line in enumerate(value.splitlines() or [""]):
                yield [("soft", f"{'' if place else name:<{room}}  "), ("", line)]
    if findings and (outcome.lines or (outcome.facts and not quiet)):
        yield []
    for finding in findings:
        yield from _finding(finding, width, verbose=verbose)
    if quiet:
        return
    if outcome.notes:
        yield []
        for note in outcome.notes:
            yield [("", note)]
    yield from _closing(outcome, width)


def _finding(finding: Finding, width: int, *, verbose: bool) -> Iterator[Line]:
    words = {
        Severity.ERROR: tr("error"),
        Severity.WARNING: tr("warning"),
        Severity.INFO: tr("note"),
        Severity.OK: tr("ok"),
    }
    severity = finding.severity
    grave = severity in (Severity.ERROR, Severity.WARNING)
    title = finding.title
    if grave and finding.certainty is Certainty.LIKELY:
        title = tr("{title} (likely)").format(title=title)
    first, *more = _wrapped(title, width - _INDENT)
    pad = " " * _INDENT
    label = f"{_MARKS[severity]} {words[severity]}"
    style = "" if severity is Severity.OK else "title"
    yield [(severity.value, f"{label:<{_INDENT}}"), (style, first)]
    for line in more:
        yield [(style, pad + line)]
    if severity is Severity.OK and not verbose:
        return
    for line in _wrapped(finding.detail, width - _INDENT) if finding.detail else ():
        yield [("", pad + line)]
    if grave or verbose:
        yield from _evidence(finding, pad)
    for remedy in finding.remedies:
        yield from _remedy(remedy, pad, width)


def _evidence(finding: Finding, pad: str) -> Iterator[Line]:
    evidence = finding.evidence
    parts = (
        tr("status {status}").format(status=evidence.status) if evidence.status is not None else "",
        evidence.code or "",
        tr("request {id}").format(id=evidence.request_id) if evidence.request_id else "",
        iso(evidence.time) if evidence.time is not None else "",
    )
    head = ", ".join(part for part in parts if part)
    seen = [head] if head else []
    seen += (evidence.message or "").splitlines()
    seen += [f"{name}: {value}" for name, value in evidence.more.items()]
    for place, line in enumerate(seen):
        yield [("soft", f"{pad}  {line}" if place else f"{pad}{tr('What we saw:')} {line}")]


def _remedy(remedy: Remedy, pad: str, width: int) -> Iterator[Line]:
    for line in _wrapped(tr("What to do: {what}").format(what=remedy.title), width - len(pad)):
        yield [("", pad + line)]
    for number, step in enumerate(remedy.portal, 1):
        head, *tail = _wrapped(step, width - len(pad) - 16)
        yield [("soft", f"{pad}  {tr('Portal') if number == 1 else '':<10}  "), ("", f"{number}. {head}")]
        for line in tail:
            yield [("", f"{pad}  {'':<10}     {line}")]
    # the commands are quoted for the shell that is named
    for name, text in (("az (bash)", remedy.az), ("PowerShell", remedy.powershell), (tr("See"), remedy.url)):
        for place, line in enumerate((text or "").splitlines()):
            yield [("soft", f"{pad}  {'' if place else name:<10}  "), ("", line)]


def _closing(outcome: Outcome, width: int) -> Iterator[Line]:
    errors = sum(finding.severity is Severity.ERROR for finding in outcome.findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in outcome.findings)
    counts = []
    if errors:
        counts.append(tr("1 error") if errors == 1 else tr("{n} errors").format(n=errors))
    if warnings:
        counts.append(tr("1 warning") if warnings == 1 else tr("{n} warnings").format(n=warnings))
    sentence = outcome.blocked if errors else outcome.clear
    if not sentence:
        return
    severity = Severity.ERROR if errors else Severity.WARNING if warnings else Severity.OK
    text = f"{sentence} ({', '.join(counts)})" if counts else sentence
    first, *more = _wrapped(text, width - 2)
    yield []
    yield [(severity.value, f"{_MARKS[severity]} "), ("title", first)]
    for line in more:
        yield [("title", f"  {line}")]


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines += textwrap.wrap(paragraph, max(width, 20), break_long_words=False, break_on_hyphens=False) or [
            ""
        ]
    return lines


def _redacted(value: Any) -> Any:
    """Return *value* with every string in it redacted: in the finished text escapes would hide a secret."""
    # a long document says the same words many times over
    hidden = cache(redact)

    def inside(value: Any) -> Any:
        if isinstance(value, str):
            return hidden(value)
        if isinstance(value, Mapping):
            return {hidden(str(name)): inside(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [inside(item) for item in value]
        return value

    return inside(value)


def _leave(stream: TextIO) -> None:
    """Point the stream at nothing, so that the interpreter does not stumble over it at its end."""
    try:
        hole = os.open(os.devnull, os.O_WRONLY)
        os.dup2(hole, stream.fileno())
        os.close(hole)
    except (OSError, ValueError):
        return  # it has no descriptor, so nothing is flushed to one
