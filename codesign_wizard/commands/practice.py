"""``practice``: runs the practice cloud for other programs, and lists what it can play."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.text import tr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do."""
    parser.add_argument("what", choices=("serve", "scenarios"), help="what to do")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="serve: end when standard input is closed"
    )


def run(context: Context) -> Outcome:
    """Serve, or list the scenarios."""
    return _serve(context) if context.options.what == "serve" else _scenarios()


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
    width = max(len(each.name) for each in all_scenarios())
    return Outcome([], result, lines=[f"{each.name:<{width}}  {each.summary}" for each in all_scenarios()])


def _serve(context: Context) -> Outcome:
    from codesign_wizard.practice.cloud import PracticeCloud

    options = context.options
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    context.job.cancel_event = ended
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with PracticeCloud(
        options.practice or None, state=Path(options.state) if options.state else None
    ) as cloud:
        if options.json:
            text = json.dumps(cloud.describe(), indent=2)
        else:
            text = "\n".join(cloud.shell_lines())
        # the accounts are the practice cloud's own and worth nothing elsewhere: they are meant to be read
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        context.printer.say(tr("The practice cloud runs until Ctrl-C."))
        if options.until_stdin_closes:
            threading.Thread(target=_until_closed, args=(ended,), daemon=True).start()
        while not ended.wait(0.5):
            continue
    return Outcome(silent=True)


def _until_closed(ended: threading.Event) -> None:
    while sys.stdin.readline():
        continue
    ended.set()
