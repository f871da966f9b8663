"""What a command says: one JSON document, or findings and facts for people; log and progress beside it."""

from __future__ import annotations

import io
import json
import os
import sys
import textwrap
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO

from codesign_wizard import __version__
from codesign_wizard.core.finding import Finding, Severity, blocks, iso, utc_now, worst_first
from codesign_wizard.core.job import LogLevel, LogLine, StageState
from codesign_wizard.core.redact import redact
from codesign_wizard.core.text import tr

_WIDTH = 100
_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·", Severity.OK: "✓"}
_PLAIN = {Severity.ERROR: "x", Severity.WARNING: "!", Severity.INFO: "-", Severity.OK: "v"}
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36", Severity.OK: "32"}
_STAGE_WORDS = {
    StageState.DONE: "done",
    StageState.ATTENTION: "attention",
    StageState.FAILED: "failed",
    StageState.SKIPPED: "skipped",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a command: findings, the JSON ``result``, ``facts`` and ``lines`` for people.

    ``code`` is the exit code where the findings alone do not decide it; ``silent`` says nothing more.
    """

    findings: Sequence[Finding] = ()
    result: Any = field(default_factory=dict)
    facts: Sequence[tuple[str, str]] = ()
    lines: Sequence[str] = ()
    code: int | None = None
    silent: bool = False
    quiet_ok: bool = False

    @property
    def exit_code(self) -> int:
        """0 without errors, 1 with, or the command's own."""
        return self.code if self.code is not None else int(blocks(self.findings))


class Printer:
    """Standard output for results, standard error for everything on the way."""

    def __init__(self, *, as_json: bool, quiet: bool, verbose: bool) -> None:
        self._json = as_json
        self._quiet = quiet
        self._verbose = verbose
        self._command = ""
        self._practice: str | None = None
        self._started: datetime = utc_now()
        self._bar = False
        self._stage = ""
        self._last = 0.0
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # a console of another encoding gets question marks, not an exception
                stream.reconfigure(errors="replace")

    @classmethod
    def for_arguments(cls, arguments: Sequence[str]) -> Printer:
        """Return a printer by the options among *arguments*, before they are known to be right."""
        return cls(
            as_json="--json" in arguments, quiet="--quiet" in arguments, verbose="--verbose" in arguments
        )

    @property
    def as_json(self) -> bool:
        """Whether one JSON document is wanted."""
        return self._json

    def begin(self, command: str, practice: str | None) -> None:
        """Remember what is being done; *practice* as in ``Parsed``."""
        self._command, self._practice = command, practice
        self._started = utc_now()

    def end(self, outcome: Outcome) -> int:
        """Print the outcome and return the exit code."""
        self._clear()
        if outcome.silent:
            return outcome.exit_code
        if self._json:
            self._write(self._document(outcome))
        else:
            self._people(outcome)
        sys.stdout.flush()
        return outcome.exit_code

    # -- on the way

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Draw a bar on a terminal; elsewhere nothing."""
        if self._quiet or self._verbose or not _is_terminal(sys.stderr):
            return
        now = time.monotonic()
        if now - self._last < 0.1:
            return
        self._last = now
        if total:
            filled = round(24 * min(done / total, 1.0))
            bar = "█" * filled + "░" * (24 - filled)
            shown = f"{self._stage:<11} {bar} {done / 1e6:.0f} / {total / 1e6:.0f} MB {text}"
        else:
            shown = f"{self._stage:<11} {text}"
        sys.stderr.write(f"\r\x1b[K{shown[:_WIDTH]}")
        sys.stderr.flush()
        self._bar = True

    def log(self, line: LogLine) -> None:
        """Write a line of the log: all with --verbose, else warnings and errors."""
        if self._quiet or (not self._verbose and line.level in (LogLevel.DEBUG, LogLevel.INFO)):
            return
        if not self._verbose and self._json:
            return
        self._clear()
        request = f" [{line.request_id}]" if line.request_id else ""
        clock = line.time.strftime("%H:%M:%S")
        sys.stderr.write(f"{clock}Z {line.level.value:<7} {line.part:<10} {redact(line.text)}{request}\n")
        sys.stderr.flush()

    def stage(self, key: str, state: StageState, text: str) -> None:
        """Write a line when a stage ends."""
        self._stage = key
        if self._quiet or self._json or state not in _STAGE_WORDS:
            return
        self._clear()
        tail = f" {text}" if text else ""
        sys.stderr.write(f"  {key:<11} {_STAGE_WORDS[state]}{tail}\n")
        sys.stderr.flush()

    def say(self, text: str) -> None:
        """Write a sentence to standard error, unless it shall be quiet."""
        if not self._quiet:
            self._clear()
            sys.stderr.write(redact(text) + "\n")
            sys.stderr.flush()

    def trace(self, error: Exception) -> None:
        """With --verbose, write where an unexpected error came from, redacted."""
        if self._verbose:
            self._clear()
            sys.stderr.write(redact("".join(traceback.format_exception(error))))

    def _clear(self) -> None:
        if self._bar:
            sys.stderr.write("\r\x1b[K")
            self._bar = False

    # -- at the end

    def _document(self, outcome: Outcome) -> str:
        document = {
            "schema": 1,
            "tool": {"name": "codesign-wizard", "version": __version__},
            "command": self._command,
            "practice": None if self._practice is None else {"scenario": self._practice or None},
            "started": iso(self._started),
            "finished": iso(utc_now()),
            "ok": outcome.exit_code == 0,
            "findings": [finding.to_json() for finding in worst_first(outcome.findings)],
            "result": outcome.result,
        }
        return redact(json.dumps(document, indent=2, ensure_ascii=not _is_utf8(sys.stdout))) + "\n"

    def _people(self, outcome: Outcome) -> None:
        for line in outcome.lines:
            self._write(redact(line) + "\n")
        if outcome.facts:
            width = max(len(name) for name, _ in outcome.facts)
            for name, value in outcome.facts:
                self._write(redact(f"{name:<{width}}  {value}") + "\n")
        if outcome.lines or outcome.facts:
            self._write("\n" if outcome.findings else "")
        for finding in worst_first(outcome.findings):
            self._finding(finding)
        if outcome.findings and not outcome.quiet_ok:
            self._write(self._closing(outcome) + "\n")

    def _finding(self, finding: Finding) -> None:
        marks = _MARKS if _is_utf8(sys.stdout) else _PLAIN
        mark = marks[finding.severity]
        word = "" if finding.severity is Severity.OK else f"{finding.severity.value}: "
        if finding.certainty.value == "likely":
            word += tr("likely: ")
        head = f"{mark} {word}{redact(finding.title)}"
        self._write(self._coloured(head, finding.severity) + "\n")
        if finding.severity is Severity.OK and not self._verbose:
            return
        if finding.detail:
            self._block(redact(finding.detail))
        if finding.severity in (Severity.ERROR, Severity.WARNING) or self._verbose:
            for name, value in finding.evidence.to_json().items():
                self._block(f"{name}: {value}", hanging=True)
        for remedy in finding.remedies:
            self._block(f"→ {remedy.title}" if _is_utf8(sys.stdout) else f"> {remedy.title}")
            for number, step in enumerate(remedy.portal, 1):
                self._block(f"{number}. {step}", indent=6, hanging=True)
            for name, script in (("az", remedy.az), ("PowerShell", remedy.powershell)):
                if script:
                    self._write(f"      {name}:\n" + textwrap.indent(script.rstrip(), " " * 8) + "\n")
            if remedy.url:
                self._write(f"      {remedy.url}\n")

    def _closing(self, outcome: Outcome) -> str:
        counts = dict.fromkeys(Severity, 0)
        for finding in outcome.findings:
            counts[finding.severity] += 1
        if counts[Severity.ERROR]:
            return tr("{errors} to mend, {warnings} to look at.").format(
                errors=counts[Severity.ERROR], warnings=counts[Severity.WARNING]
            )
        if counts[Severity.WARNING]:
            return tr("The way is clear; {warnings} to look at.").format(warnings=counts[Severity.WARNING])
        return tr("The way is clear.")

    def _block(self, text: str, *, indent: int = 4, hanging: bool = False) -> None:
        start = " " * indent
        for line in text.splitlines():
            self._write(
                textwrap.fill(
                    line,
                    _WIDTH,
                    initial_indent=start,
                    subsequent_indent=start + ("   " if hanging else ""),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                + "\n"
            )

    def _coloured(self, text: str, severity: Severity) -> str:
        if not _is_terminal(sys.stdout) or os.environ.get("NO_COLOR"):
            return text
        return f"\x1b[{_COLOURS[severity]}m{text}\x1b[0m"

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf8sig", "cp65001")
