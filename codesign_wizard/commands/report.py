"""``report``: what is kept of the profile, or a fresh diagnosis, as a file for people or for machines."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from codesign_wizard.commands import doctor
from codesign_wizard.commands.arguments import WRONG, WrongUsage
from codesign_wizard.commands.context import Context
from codesign_wizard.commands.expiring import fresh_profile
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.report import SAVED, build_report, search_secrets, support_text, write_report
from codesign_wizard.core.report_open import open_report
from codesign_wizard.core.text import tr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take where it goes and whether to look anew; with --fresh, what ``doctor`` takes."""
    doctor.add_arguments(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=tr("where it goes, .html or .json; without it the short text for support is printed"),
    )
    parser.add_argument("--fresh", action="store_true", help=tr("run doctor first, and report on that"))


def run(context: Context) -> Outcome:
    """Write the report, or print the text for support."""
    options, session = context.options, context.session
    if options.all_profiles or options.expiring is not None or options.calendar is not None:
        raise _wrong(tr("report takes neither --all-profiles nor --expiring nor --calendar."))
    if options.fresh and session.origin is not None:
        _ = session.network  # says that nothing is run from a report
    findings: list[Finding] = []
    if session.origin is None:
        with context.waiting_for_person():
            findings += search_secrets(session.secrets, session.profile.id)
    profile = fresh_profile(context, doctor.diagnose(context)) if options.fresh else session.profile
    if session.origin is not None:
        # what was made elsewhere keeps its time and its versions
        document = open_report(session.origin.path).document
    else:
        document = build_report(profile, practice=context.practising, scenario=session.scenario)
    if options.output is None:
        return Outcome(findings, document, lines=support_text(document).splitlines())
    write_report(document, options.output)
    saved = SAVED(file=str(options.output))
    size = len(json.dumps(document))
    return Outcome(
        [*findings, saved],
        {
            "file": str(options.output),
            "made": document["made"],
            "verdict": document["verdict"],
            "characters": size,
        },
    )


def _wrong(why: str) -> WrongUsage:
    return WrongUsage(WRONG(why=why), "report")
