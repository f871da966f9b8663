"""``practice``: runs the practice cloud, lists what it can play, writes sample files, answers requests."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.commands.context import Context, not_started
from codesign_wizard.commands.events import PRACTICE
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job, LogLevel
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.practice.scenarios import Scenario


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do."""
    from codesign_wizard.practice.answers import FAULTS, FORMS

    parser.add_argument("what", choices=("serve", "scenarios", "files", "issue"), help=tr("what to do"))
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help=tr("files: the folder to write to; issue: the signing request to answer"),
    )
    parser.add_argument(
        "--form", choices=FORMS, default="pem", help=tr("issue: the form in which the practice CA answers")
    )
    parser.add_argument(
        "--apple",
        choices=("installer", "application"),
        help=tr("issue: answer as Apple's site does, with a certificate of this kind"),
    )
    parser.add_argument("--fault", choices=FAULTS, help=tr("issue: what is wrong with the answer"))
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="DIR", help=tr("issue: where files go (default: here)")
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help=tr("serve: end when standard input is closed")
    )
    parser.add_argument(
        "--notary-seconds",
        type=float,
        metavar="SECONDS",
        help=tr("serve: how long Apple's notary takes (default: 1; the real one takes minutes)"),
    )
    parser.add_argument(
        "--shell",
        choices=("sh", "powershell"),
        default="powershell" if os.name == "nt" else "sh",
        help=tr("serve: whose assignments to print"),
    )


def run(context: Context) -> Outcome:
    """Serve, list the scenarios, write sample files, or answer a signing request."""
    what, paths = context.options.what, context.options.paths
    if len(paths) != (what in ("files", "issue")):
        from codesign_wizard.commands.arguments import WRONG

        why = tr("practice files takes one folder, practice issue one request, the others nothing.")
        raise InputError(WRONG(why=why))
    if what == "issue":
        from codesign_wizard.commands.practice_issue import issue

        return issue(context, paths[0])
    if what == "files":
        from codesign_wizard.commands.practice_files import write_files

        return write_files(context, paths[0])
    return _serve(context) if what == "serve" else _scenarios()


def _scenarios() -> Outcome:
    from codesign_wizard.practice.scenarios import all_scenarios

    result = [
        {
            "name": each.name,
            "area": each.area,
            "summary": each.summary,
            "command": " ".join(each.command),
            "expects": each.expects,
        }
        for each in all_scenarios()
    ]
    return Outcome([], result, lines=_by_area(all_scenarios()))


def _by_area(scenarios: Sequence[Scenario]) -> list[str]:
    """Return the scenarios as lines, below each area's name and the command that shows most of them."""
    from codesign_wizard.playing import area_title

    width = max(len(each.name) for each in scenarios)
    lines: list[str] = []
    for area in dict.fromkeys(each.area for each in scenarios):
        own = [each for each in scenarios if each.area == area]
        commands = [" ".join(each.command) for each in own]
        usual = max(commands, key=commands.count)
        lines += ["", f"{area_title(area)}: codesign-wizard {usual} --practice NAME"]
        for each, command in zip(own, commands, strict=True):
            other = "" if command == usual else f" ({command})"
            lines.append(f"  {each.name:<{width}}  {each.summary}{other}")
    return lines[1:]


def _serve(context: Context) -> Outcome:
    from codesign_wizard.practice import client_settings
    from codesign_wizard.practice.cloud import PracticeCloud

    options, job = context.options, context.job
    try:
        cloud = PracticeCloud(
            options.practice or None,
            state=Path(options.state) if options.state else None,
            on_answer=lambda line: job.log(LogLevel.INFO, line, part=PRACTICE),
            notary_seconds=options.notary_seconds,
        )
        cloud.start()
    except OSError as error:
        raise not_started(error) from error
    with cloud:
        shell = client_settings.posix_lines if options.shell == "sh" else client_settings.powershell_lines
        lines = shell(client_settings.environment(cloud))
        # the accounts are the practice cloud's own and worth nothing elsewhere: they are meant to be read
        context.printer.publish(
            Outcome(result=client_settings.description(cloud), lines=lines, given_out=True)
        )
        if not options.quiet:
            page = cloud.browser_url("https://microsoft.com/devicelogin")
            context.printer.events.say(tr("A device code is typed here: {address}").format(address=page))
            context.printer.events.say(tr("The practice cloud runs until Ctrl-C."))
        if options.until_stdin_closes:
            threading.Thread(target=_until_closed, args=(job,), daemon=True).start()
        with suppress(Cancelled):  # Ctrl-C is how it is meant to end
            while True:
                job.wait(0.5)  # Windows tells of Ctrl-C between two waits only
    for problem in cloud.problems:
        job.log(LogLevel.ERROR, problem, part=PRACTICE)
    return Outcome(silent=True)


def _until_closed(job: Job) -> None:
    while sys.stdin is not None and sys.stdin.readline():
        continue
    job.cancel()
