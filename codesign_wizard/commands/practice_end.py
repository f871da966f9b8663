"""How a trial on practice accounts ends for people: what was made, what it is worth, what to do next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr


def practice_end(outcome: Outcome, *, kept: bool, level: str) -> Outcome:
    """Return *outcome* with its end in words for one who tries the program; what programs read stays.

    *kept* says that the person chose the folder, *level* how far the trial for macOS goes. A trial that did
    not come to its end says why already.
    """
    windows, macos = outcome.result.get("windows") or {}, outcome.result.get("macos") or {}
    from codesign_wizard.core.apple.notary_findings import IN_PROGRESS

    waits = any(finding.id == IN_PROGRESS.id for finding in outcome.findings)
    if outcome.exit_code or waits or not (windows.get("file") or macos.get("file")):
        return outcome
    commands = [line for line in outcome.notes if line.startswith(" ")]
    notes = [
        *_made(windows, macos, kept=kept),
        "",
        tr("What it is worth:"),
        *(f"  {line}" for line in _worth(windows=bool(windows), macos=bool(macos))),
        "",
        tr("What next:"),
        *_next(macos=bool(macos), level=level),
    ]
    if commands:
        notes += ["", tr("What other programs say of it:"), *commands]
    return replace(outcome, notes=notes, clear=_closing(level if macos else ""))


def _made(windows: dict[str, Any], macos: dict[str, Any], *, kept: bool) -> list[str]:
    files = [
        (windows.get("file"), tr("the installer for Windows, signed")),
        (windows.get("zip"), tr("the same in a zip, as a server gives it out")),
        (macos.get("file"), tr("the package for macOS, signed")),
    ]
    roots = dict.fromkeys([*windows.get("practice_roots", []), *macos.get("practice_roots", [])])
    files += [(each, tr("the authorities by which it can be checked")) for each in roots]
    made = [(Path(path), words) for path, words in files if path]
    folder = made[0][0].parent
    room = max(len(path.name) for path, _ in made)
    return [
        tr("What was made, in {folder}:").format(folder=folder),
        *(f"  {path.name:<{room}}  {words}" for path, words in made),
        *([] if kept else [f"  ({tr('removed after a day; --output DIR puts them where they stay')})"]),
    ]


def _worth(*, windows: bool, macos: bool) -> list[str]:
    if windows and macos:
        trusts = tr("So neither Windows nor macOS trusts these files, and nobody should be given them.")
    elif windows:
        trusts = tr("So Windows does not trust this file, and nobody should be given it.")
    else:
        trusts = tr("So macOS does not trust this file, and nobody should be given it.")
    return [
        tr("The steps were those with real accounts, and so are the checks."),
        tr("The signatures are by practice authorities, which only this program knows."),
        trusts,
    ]


def _next(*, macos: bool, level: str) -> list[str]:
    steps = [
        ("codesign-wizard", tr("the wizard, which leads through it with your own accounts")),
        ("codesign-wizard practice scenarios", tr("what can go wrong, each to be tried and explained")),
    ]
    if macos and level != LEVELS[2]:
        steps.append(
            (
                "codesign-wizard trial macos --practice --level staple",
                tr("the same with Apple's notary, stapled"),
            )
        )
    room = max(len(command) for command, _ in steps)
    return [f"  {command:<{room}}  {words}" for command, words in steps]


def _closing(level: str) -> str:
    """Return the closing sentence; *level* is that of macOS, "" when Windows alone was tried."""
    if level == LEVELS[2]:
        return tr("It works in practice: signed, time-stamped, verified, notarised and stapled.")
    if level == LEVELS[1]:
        return tr("It works in practice: signed, time-stamped, verified and notarised.")
    return tr("It works in practice: signed, time-stamped and verified.")
