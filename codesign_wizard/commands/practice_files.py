"""``practice files DIR``: sample files with the mistakes people make, each with its judging command."""

from __future__ import annotations

import tempfile
from pathlib import Path

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.text import tr

UNWRITABLE = FindingKind(
    "practice.files-unwritable",
    Severity.ERROR,
    "The sample files cannot be written to {folder}: {why}.",
    "The folder cannot be made or written to, or it is full.",
)


def write_files(context: Context, folder: Path) -> Outcome:
    """Write the files and the roots to judge them by; an own file of the same name is asked about first."""
    from codesign_wizard.commands.practice_code_files import code_files
    from codesign_wizard.practice.apple.authority import AppleAuthority
    from codesign_wizard.practice.apple.files import ROOTS, apple_files
    from codesign_wizard.practice.state import State

    options = context.options
    authority = AppleAuthority(State(Path(options.state) if options.state else None))
    with tempfile.TemporaryDirectory(prefix="codesign-wizard-") as work:
        files = [*apple_files(authority), *code_files(context.job, authority, Path(work))]
    if any((folder / each.name).exists() for each in files):
        context.confirm(tr("The sample files in {folder} will be replaced.").format(folder=folder))
    try:
        write_atomic(folder / ROOTS, authority.pem())
        for each in files:
            context.job.check_cancelled()
            write_atomic(folder / each.name, each.data)
    except OSError as error:
        raise InputError(UNWRITABLE(folder=str(folder), why=error.strerror or str(error))) from error
    result = {
        "folder": str(folder),
        "roots": ROOTS,
        "files": [
            {
                "name": each.name,
                "summary": each.summary,
                "password": each.password,
                "command": " ".join([*each.command, "--extra-root", ROOTS]),
                "expects": list(each.expects),
            }
            for each in files
        ],
    }
    width = max(len(each.name) for each in files)
    lines = [
        f"{each.name:<{width}}  {each.summary}"
        + (
            ""
            if each.password is None
            else tr(" (password: {password})").format(password=repr(each.password))
        )
        for each in files
    ]
    notes = [
        tr("Judge one in that folder, as: {command}").format(
            command=f"identity check expired.p12 --password-stdin --extra-root {ROOTS}"
        ),
        tr("Or a package or program, as: {command}").format(
            command=f"verify damaged.pkg --extra-root {ROOTS}"
        ),
    ]
    # the passwords open practice files only and are meant to be read
    return Outcome([], result, lines=lines, notes=notes, given_out=True)
