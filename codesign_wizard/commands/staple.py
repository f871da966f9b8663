"""``staple``: puts Apple's ticket into a package or an app, or looks whether the right one is there."""

from __future__ import annotations

import argparse
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.text import tr


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the file, and whether to look only."""
    parser.add_argument("file", type=Path, metavar="FILE", help=tr("a .pkg or an .app that Apple notarised"))
    parser.add_argument("--validate", action="store_true", help=tr("look only: is the right ticket there?"))
    parser.add_argument(
        "--wait-at-most",
        type=float,
        default=5.0,
        metavar="MINUTES",
        help=tr("for a ticket that is not there yet; default: 5"),
    )


def run(context: Context) -> Outcome:
    """Staple or validate."""
    from codesign_wizard.core.apple.staple import open_target, staple, validate

    options = context.options
    context.reaches_out()
    network = context.session.network
    patience = max(0.0, options.wait_at_most * 60)
    try:
        if options.validate:
            result = validate(context.job, network, options.file)
        else:
            result = staple(context.job, network, options.file, patience=patience)
    except InputError:
        raise
    except CodesignError as error:
        target = open_target(options.file)
        document = {
            "file": str(options.file),
            "kind": target.kind,
            "record": target.record,
            "stapled": target.ticket is not None,
            "changed": False,
            "ticket_size": len(target.ticket or b""),
        }
        return Outcome([error.finding], document, blocked=tr("Nothing was changed."))
    facts = [(tr("File"), str(options.file))]
    if result.size:
        facts.append((tr("Ticket"), tr("{size} bytes").format(size=result.size)))
    return Outcome(
        result.findings,
        result.to_json(),
        facts,
        clear=tr("The ticket is stapled, and it is the right one."),
        blocked=tr("Without the right ticket a Mac has to ask Apple, which takes a network."),
    )
