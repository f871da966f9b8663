"""What macOS' own programs say of a file: ``codesign``, ``spctl`` and ``pkgutil``; on a Mac only.

Their answer stands beside ours, whatever it is (man pages codesign(1), spctl(8), pkgutil(1)).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple.forms import Form
from codesign_wizard.core.apple.gatekeeper import Answer, Gatekeeper
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.text import tr

# spctl asks Apple, which takes its time where the network is slow
_PATIENCE = 120.0
_STEP = 0.1
_MAXIMUM_TEXT = 4000

ACCEPTS = FindingKind(
    "apple.macos.accepts",
    Severity.OK,
    "macOS' own {program} accepts {file}.",
    "codesign, spctl or pkgutil, run on this Mac, ended without an error.",
)
REFUSES = FindingKind(
    "apple.macos.refuses",
    Severity.ERROR,
    "macOS' own {program} refuses {file}: {why}.",
    "codesign, spctl or pkgutil, run on this Mac, found something wrong.",
)
AS_EXPECTED = FindingKind(
    "apple.macos.refuses-as-expected",
    Severity.INFO,
    "macOS' own {program} does not let {file} through, as expected here: {why}.",
    "It is not notarised, or leads to roots that were added here and that this Mac does not know.",
)
NO_ANSWER = FindingKind(
    "apple.macos.no-answer",
    Severity.WARNING,
    "macOS' own {program} could not be asked about {file}: {why}.",
    "The program is missing, could not be started, or did not end in time.",
)


@dataclass(frozen=True)
class ToolAnswer:
    """What one of macOS' programs said: its exit code (``None`` without one) and its words."""

    program: str
    arguments: tuple[str, ...]
    code: int | None
    text: str

    @property
    def accepted(self) -> bool:
        """Whether it found nothing wrong."""
        return self.code == 0

    def to_json(self) -> dict[str, Any]:
        """Return the answer as documented in docs/json.md."""
        return {
            "program": self.program,
            "arguments": list(self.arguments),
            "exit_code": self.code,
            "text": self.text,
        }


def questions(path: Path, form: Form) -> list[tuple[str, ...]]:
    """Return the command lines that ask macOS about *path*; none for a zip, which it does not judge."""
    place = str(path.absolute())
    if form is Form.PACKAGE:
        return [
            ("pkgutil", "--check-signature", place),
            ("spctl", "--assess", "--type", "install", "--verbose=4", place),
        ]
    if form is Form.ZIP:
        return []
    verify = ("codesign", "--verify", "--strict", "--deep", "--verbose=2", place)
    return [verify, ("spctl", "--assess", "--type", "execute", "--verbose=4", place)]


def ask_macos(
    job: JobContext,
    path: Path,
    form: Form,
    expected: Gatekeeper,
    *,
    practice: bool = False,
    platform: str = sys.platform,
) -> tuple[list[ToolAnswer], list[Finding]]:
    """Ask macOS' programs and return their answers and the findings about them; nothing elsewhere.

    *expected* is our own judgement of Gatekeeper, *practice* tells that the file is accepted only by roots
    that a Mac does not know: refusals are then what is expected. Raises ``Cancelled``.
    """
    if platform != "darwin":
        return [], []
    answers, findings = [], []
    for command in questions(path, form):
        answer = _ask(job, command)
        answers.append(answer)
        findings.append(_finding(answer, path, expected, practice))
    return answers, findings


def _finding(answer: ToolAnswer, path: Path, expected: Gatekeeper, practice: bool) -> Finding:
    command = " ".join([answer.program, *answer.arguments[:-1]])
    evidence = Evidence(
        code=None if answer.code is None else f"{answer.program} {answer.code}",
        message=answer.text or None,
        more={"command": command},
    )
    why = _last_line(answer.text) or tr("it says nothing more")
    if answer.accepted:
        return ACCEPTS(evidence=evidence, program=answer.program, file=path.name)
    if answer.code is None:
        return NO_ANSWER(evidence=evidence, why=why, program=answer.program, file=path.name)
    not_notarised = answer.program == "spctl" and expected.online is not Answer.OPENS
    kind = AS_EXPECTED if practice or not_notarised else REFUSES
    return kind(evidence=evidence, why=why, program=answer.program, file=path.name)


def _last_line(text: str) -> str:
    lines = [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]
    # spctl says "rejected" in its first line and why in the next ones
    return "; ".join(lines[-2:])


def _ask(job: JobContext, command: Sequence[str]) -> ToolAnswer:
    program, *arguments = command
    found = shutil.which(program)
    if found is None:
        return ToolAnswer(program, tuple(arguments), None, tr("it is not there"))
    job.log(LogLevel.INFO, tr("Asking {program}").format(program=program), part="macos")
    try:
        process = subprocess.Popen(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        return ToolAnswer(program, tuple(arguments), None, error.strerror or str(error))
    with process:
        end = time.monotonic() + _PATIENCE
        try:
            while True:
                try:
                    text, _ = process.communicate(timeout=_STEP)
                    break
                except subprocess.TimeoutExpired:
                    job.check_cancelled()
                    if time.monotonic() > end:
                        process.kill()
                        why = tr("it did not end within {seconds} s").format(seconds=f"{_PATIENCE:g}")
                        return ToolAnswer(program, tuple(arguments), None, why)
        except BaseException:
            process.kill()
            raise
    return ToolAnswer(program, tuple(arguments), process.returncode, text[:_MAXIMUM_TEXT].strip())
