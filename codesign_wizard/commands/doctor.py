"""``doctor``: looks for what keeps signing from working, from names to a test signature. Changes nothing."""

from __future__ import annotations

import argparse

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.text import tr

NOT_HERE = FindingKind(
    "usage.windows-only",
    Severity.INFO,
    "This version looks at Windows signing only; macOS and server come later.",
    "The word all stands for what this version can do.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to look at."""
    parser.add_argument("what", nargs="?", choices=("windows", "all"), default="all", help="what to look at")


def run(context: Context) -> Outcome:
    """Diagnose the profile's Windows options."""
    from codesign_wizard.core.doctor import doctor_windows

    session = context.session
    result = doctor_windows(
        context.job, session.network, session.azure_options(), session.application_secret()
    )
    findings = list(result.findings)
    if context.options.what == "all":
        findings.append(NOT_HERE())
    facts = [(_words(name), value) for name, value in result.facts.items()]
    return Outcome(findings, {"facts": dict(result.facts)}, facts)


def _words(name: str) -> str:
    return tr("{name}").format(name=name.replace("_", " ").replace("-", " "))
