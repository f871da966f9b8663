"""From words to a command: options in any order, an optional scenario, errors in one sentence."""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from codesign_wizard import __version__
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.commands.context import Context
    from codesign_wizard.commands.output import Outcome

WRONG = FindingKind(
    "usage.wrong",
    Severity.ERROR,
    "{why}",
    "The command line has an unknown word, or one too many or too few.",
)
LATER = FindingKind(
    "usage.later",
    Severity.ERROR,
    "{command} is not part of this version.",
    "A command that a later version brings.",
)

# each is a module beside this one, imported only when it is the one that is wanted
COMMANDS = {
    "gui": "opens the wizard",
    "doctor": "looks for what keeps signing from working; changes nothing",
    "sign": "signs one .exe or .dll",
    "verify": "judges the signatures of one .exe or .dll as Windows would",
    "trial": "builds or takes an installer, signs, time-stamps and verifies it",
    "inspect": "says what files are, whose, until when, and what is wrong",
    "profile": "shows and changes what is configured",
    "practice": "runs the practice cloud for other programs, and lists what it can play",
}
LATER_COMMANDS = frozenset(
    {"permissions", "csr", "certificate", "identity", "notary", "staple", "server", "report"}
)
# words after a command that a later version brings
LATER_WORDS = {
    "doctor": frozenset({"macos", "server"}),
    "trial": frozenset({"macos"}),
    "practice": frozenset({"files", "issue"}),
}
_VALUED = (
    ("--profile", "NAME", "the profile to use (default: the one used last)"),
    ("--proxy", "URL", "the proxy, in place of HTTPS_PROXY"),
    ("--ca-bundle", "FILE", "certificates in PEM, trusted in addition to the system's"),
    ("--timeout", "SECONDS", "how long one attempt may take"),
    ("--vault", "NAME", "the vault's name or address"),
    ("--certificate", "NAME", "the certificate's name"),
    ("--tenant", "ID", "the tenant's ID or domain"),
    ("--application", "ID", "the application's (client) ID"),
    ("--state", "DIR", "practice: keep accounts and profile in this folder"),
)
_NO_SECRETS = ("--secret", "--client-secret", "--password", "--p12-password", "--application-secret")


class WrongUsage(Exception):  # an answer for the person, not a fault
    """The words make no command; ``finding`` says why, ``command`` what was meant as far as it is known."""

    def __init__(self, finding: Finding, command: str) -> None:
        super().__init__(finding.title)
        self.finding = finding
        self.command = command


@dataclass(frozen=True)
class Parsed:
    """A command and its options. ``practice`` is ``None``, or the scenario's name, "" without one."""

    name: str
    options: argparse.Namespace
    practice: str | None
    run: Callable[[Context], Outcome]


def parse(arguments: Sequence[str]) -> Parsed:
    """Return the command that *arguments* name; raises ``WrongUsage``, or ``SystemExit`` after help."""
    words = _with_scenario(list(arguments))
    place = _command_place(words)
    if place is None:
        if any(word in ("-h", "--help") for word in words):
            _overview().print_help()
            raise SystemExit(0)
        if "--version" in words:
            print(f"codesign-wizard {__version__}")  # what the option is for
            raise SystemExit(0)
        name = "gui"
    else:
        name = words.pop(place)
    if name in LATER_COMMANDS:
        raise WrongUsage(LATER(command=name), name)
    if name not in COMMANDS:
        raise _unknown(name)
    module = importlib.import_module(f"codesign_wizard.commands.{name}")
    parser = _Parser(name, COMMANDS[name])
    _add_common(parser)
    module.add_arguments(parser)
    for word in words:
        if word.partition("=")[0] in _NO_SECRETS:
            raise WrongUsage(
                _wrong(
                    tr("A secret never goes into a command line, where others can read it."),
                    tr("Use --secret-stdin or --password-stdin, the environment, or the keyring."),
                ),
                name,
            )
        if word in LATER_WORDS.get(name, ()):
            raise WrongUsage(LATER(command=f"{name} {word}"), f"{name} {word}")
    options = parser.parse_args(words)
    full = " ".join(part for part in (name, getattr(options, "what", None)) if isinstance(part, str) and part)
    return Parsed(full, options, options.practice, module.run)


class _Parser(argparse.ArgumentParser):
    def __init__(self, name: str, words: str) -> None:
        super().__init__(
            prog=f"codesign-wizard {name}", description=words.capitalize() + ".", allow_abbrev=False
        )
        self._name = name

    def error(self, message: str) -> NoReturn:
        detail = tr("codesign-wizard {command} --help lists what it takes.").format(command=self._name)
        raise WrongUsage(_wrong(_sentence(message), detail), self._name)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options for all commands")
    for flag, value, words in _VALUED:
        group.add_argument(flag, metavar=value, help=words)
    group.add_argument(
        "--practice",
        metavar="SCENARIO",
        help="work on practice accounts, in which SCENARIO is wrong if given",
    )
    group.add_argument("--json", action="store_true", help="print one JSON document")
    group.add_argument("--quiet", action="store_true", help="no progress and no log")
    group.add_argument("--verbose", action="store_true", help="the whole log on standard error")
    group.add_argument("--yes", action="store_true", help="answer every question with yes")
    group.add_argument(
        "--secret-stdin", action="store_true", help="read the application's secret from standard input"
    )


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {words}" for name, words in COMMANDS.items())
    return argparse.ArgumentParser(
        prog="codesign-wizard",
        usage="codesign-wizard [COMMAND] [OPTIONS]",
        description=f"Sets up and proves code signing of a branded backup client.\n\ncommands:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="codesign-wizard COMMAND --help says what a command takes. Without one, the wizard opens.",
    )


def _command_place(words: list[str]) -> int | None:
    """Return where the command stands: the first word that is neither an option nor an option's value."""
    valued = {flag for flag, _, _ in _VALUED}
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return place
    return None


def _with_scenario(words: list[str]) -> list[str]:
    """Join ``--practice`` with the scenario that follows it, if the next word is one."""
    if "--practice" not in words:
        return _checked_scenario(words)
    from codesign_wizard.practice.scenarios import all_scenarios

    known = {scenario.name for scenario in all_scenarios()}
    joined: list[str] = []
    waiting = False
    for word in words:
        if waiting and word in known:
            joined[-1] = f"--practice={word}"
        else:
            joined.append("--practice=" if word == "--practice" else word)
        waiting = word == "--practice"
    return joined


def _checked_scenario(words: list[str]) -> list[str]:
    for word in words:
        name = word.removeprefix("--practice=")
        if name != word and name:
            from codesign_wizard.practice.scenarios import all_scenarios

            known = [scenario.name for scenario in all_scenarios()]
            if name not in known:
                why = tr("There is no scenario called {name}.").format(name=name)
                raise WrongUsage(_wrong(why, _near(name, known)), "practice")
    return words


def _unknown(name: str) -> WrongUsage:
    why = tr("There is no command called {name}.").format(name=name)
    return WrongUsage(_wrong(why, _near(name, [*COMMANDS, *LATER_COMMANDS])), name)


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 3)
    if near:
        return tr("Near to it: {names}.").format(names=", ".join(near))
    return tr("There are: {names}.").format(names=", ".join(sorted(known)))


def _wrong(why: str, detail: str) -> Finding:
    return WRONG(
        why=why,
        detail=detail,
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("codesign-wizard --help lists the commands."))],
    )


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
