"""From words to a command: options in any order, an optional scenario, errors in one sentence.

The options of all commands work before and after the command's name. ``--practice`` takes the following word
only if that is the name of a scenario. No secret is taken from the command line, where every program of the
computer can read it.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from codesign_wizard.commands.usage_words import teach
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.redact import remember
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.commands.context import Context
    from codesign_wizard.commands.output import Outcome

PROGRAM = "codesign-wizard"

WRONG = FindingKind(
    "usage.wrong",
    Severity.ERROR,
    "{why}",
    "The command line has an unknown word, or one too many or too few.",
)
SECRET = FindingKind(
    "usage.secret-argument",
    Severity.ERROR,
    "A secret never goes into a command line, where others can read it: {option} is not taken.",
    "An option was used that would carry a secret or a password on the command line.",
)
# each is a module beside this one, imported only when it is the one that is wanted;
# functions, so that the words are translated when they are shown
COMMANDS: dict[str, Callable[[], str]] = {
    "gui": lambda: tr("opens the wizard"),
    "doctor": lambda: tr("looks for what keeps signing from working; changes nothing"),
    "permissions": lambda: tr("shows what the application may do in the vault; grants what is missing"),
    "csr": lambda: tr("makes a signing request in the vault, shows, saves or drops it"),
    "certificate": lambda: tr("judges the vault's certificate, merges the CA's answer, renews"),
    "sign": lambda: tr("signs one .exe or .dll, or a .pkg, .app or program for macOS"),
    "verify": lambda: tr("judges the signatures of one file as Windows or macOS would"),
    "trial": lambda: tr("builds or takes an installer, signs, time-stamps and verifies it"),
    "inspect": lambda: tr("says what files are, whose, until when, and what is wrong"),
    "identity": lambda: tr("judges Apple .p12 files, makes them without a Mac, re-exports them"),
    "notary": lambda: tr(
        "tries the App Store Connect key, submits to Apple's notary service, explains its log"
    ),
    "staple": lambda: tr("puts Apple's ticket into a package or an app, or validates the one in it"),
    "server": lambda: tr("compares and applies a Comet Server's settings, proves its own builds"),
    "report": lambda: tr("writes what is kept, or a fresh diagnosis, as a report without secrets"),
    "profile": lambda: tr("shows and changes what is configured"),
    "practice": lambda: tr("runs the practice cloud for other programs, plays a CA, lists what it plays"),
}
_VALUED: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("--profile", "NAME", lambda: tr("the profile to use, by name or id (default: the one used last)")),
    ("--proxy", "URL", lambda: tr("the proxy, in place of HTTPS_PROXY")),
    ("--ca-bundle", "FILE", lambda: tr("certificates in PEM, trusted in addition to the system's")),
    ("--timeout", "SECONDS", lambda: tr("how long one attempt may take")),
    ("--vault", "NAME", lambda: tr("the vault's name or address")),
    ("--certificate", "NAME", lambda: tr("the certificate's name")),
    ("--tenant", "ID", lambda: tr("the tenant's ID or domain")),
    ("--application", "ID", lambda: tr("the application's (client) ID")),
    ("--state", "DIR", lambda: tr("practice: keep accounts and profile in this folder")),
)
_SECRET_OPTION = re.compile(r"--?[a-z0-9-]*(?:secret|passw(?:or)?d|passphrase)(?P<value>=.*)?\Z", re.I | re.S)


class WrongUsage(Exception):  # an answer for the person, not a fault
    """The words make no command; ``finding`` says why, ``command`` what was meant as far as it is known."""

    def __init__(self, finding: Finding, command: str = "") -> None:
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


@dataclass
class _Words:
    """The words of a command line in their order, without the command, and what was seen on the way."""

    command: str | None
    rest: list[str]
    practising: bool
    # the word after --practice, when it is no scenario
    after_practice: str = ""


def parse(arguments: Sequence[str]) -> Parsed:
    """Return the command that *arguments* name; raises ``WrongUsage``."""
    teach()
    _refuse_secrets(arguments)
    words = _split(arguments)
    if words.command is None:
        if any(word in ("-h", "--help") for word in words.rest):
            return _text("help", _overview())
        if "--version" in words.rest:
            from codesign_wizard import __version__

            return _text("version", f"{PROGRAM} {__version__}")
    name = words.command or "gui"
    if name not in COMMANDS:
        raise _unknown(name, words)
    module = importlib.import_module(f"codesign_wizard.commands.{name}")
    parser = _Parser(name, COMMANDS[name]())
    parser.after_practice = words.after_practice
    module.add_arguments(parser)
    _add_common(parser)
    if any(word in ("-h", "--help") for word in words.rest):
        return _text(name, parser.format_help())
    options, extra = parser.parse_known_intermixed_args(words.rest)
    # argparse leaves the sign that ends the options among the words
    extra = [word for word in extra if word != "--"]
    if extra:
        raise _extra(extra[0], name, parser, words)
    _check(options, name)
    full = " ".join(part for part in (name, getattr(options, "what", None)) if isinstance(part, str) and part)
    return Parsed(full, options, options.practice, module.run)


class _Parser(argparse.ArgumentParser):
    def __init__(self, name: str, words: str) -> None:
        super().__init__(
            prog=f"{PROGRAM} {name}",
            description=f"{words[:1].upper()}{words[1:]}.".replace("%", "%%"),
            allow_abbrev=False,
            add_help=False,
        )
        self._name = name
        self.after_practice = ""  # the word after --practice, when it is no scenario

    def error(self, message: str) -> NoReturn:
        if self.after_practice and repr(self.after_practice) in message:
            known = scenario_names()
            why = tr("There is no scenario called {name}.").format(name=self.after_practice)
            raise WrongUsage(_wrong(why, _near(self.after_practice, known)), self._name)
        detail = tr("{program} {command} --help lists what it takes.").format(
            program=PROGRAM, command=self._name
        )
        raise WrongUsage(_wrong(_sentence(message), detail), self._name)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(tr("options for all commands"))
    for flag, value, words in _VALUED:
        group.add_argument(flag, metavar=value, help=words())
    group.add_argument(
        "--practice",
        metavar="[SCENARIO]",
        help=tr("work on practice accounts, in which SCENARIO is wrong if given"),
    )
    for flag, text in (
        ("--json", tr("print one JSON document")),
        ("--quiet", tr("no progress, no log, and only what is wrong")),
        ("--verbose", tr("the whole log on standard error, and all evidence")),
        ("--yes", tr("answer every question with yes")),
        ("--secret-stdin", tr("read the application's secret from standard input")),
    ):
        group.add_argument(flag, action="store_true", help=text)
    group.add_argument("-h", "--help", action="store_true", help=tr("say this"))


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [
        tr("usage: {program} [COMMAND] [OPTIONS]").format(program=PROGRAM),
        "",
        tr("Sets up and proves code signing of a branded backup client."),
        "",
        tr("commands:"),
        *(f"  {name:<{width}}  {words()}" for name, words in COMMANDS.items()),
        "",
        tr("{program} COMMAND --help says what a command takes. Without one, the wizard opens.").format(
            program=PROGRAM
        ),
        tr("To try it without accounts: {program} trial all --practice").format(program=PROGRAM),
        tr("What can go wrong, to be tried one by one: {program} practice scenarios").format(program=PROGRAM),
        "",
    ]
    parser = argparse.ArgumentParser(PROGRAM, add_help=False)
    _add_common(parser)
    common = parser.format_help()
    return "\n".join(lines) + "\n" + common[common.index(tr("options for all commands")) :]


def _text(name: str, text: str) -> Parsed:
    def say(context: Context) -> Outcome:
        from codesign_wizard.commands.output import Outcome

        return Outcome(result={"text": text}, lines=text.splitlines())

    return Parsed(name, argparse.Namespace(), None, say)


def _split(arguments: Sequence[str]) -> _Words:
    """Find the command: the first word that is no option, no option's value and no scenario."""
    words = _Words(None, [], False)
    valued = {flag for flag, _, _ in _VALUED}
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            words.rest += [word, *waiting]
            break
        if word == "--practice":
            words.practising = True
            scenario = ""
            if waiting and not waiting[0].startswith("-"):
                if waiting[0] in scenario_names():
                    scenario = waiting.pop(0)
                else:
                    words.after_practice = waiting[0]
            words.rest.append(f"--practice={scenario}")
        elif word in valued and waiting:
            words.rest += [word, waiting.pop(0)]
        elif words.command is None and not word.startswith("-"):
            words.command = word
        else:
            words.practising = words.practising or word.startswith("--practice=")
            words.rest.append(word)
    return words


def scenario_names() -> list[str]:
    """Return the names of all scenarios; this imports the practice cloud."""
    from codesign_wizard.practice.scenarios import all_scenarios

    return [scenario.name for scenario in all_scenarios()]


def _check(options: argparse.Namespace, name: str) -> None:
    if options.quiet and options.verbose:
        raise WrongUsage(_wrong(tr("--quiet and --verbose contradict each other."), ""), name)
    if options.state is not None and options.practice is None and name != "practice":
        raise WrongUsage(_wrong(tr("--state is for --practice only."), ""), name)
    if options.practice:
        known = scenario_names()
        if options.practice not in known:
            why = tr("There is no scenario called {name}.").format(name=options.practice)
            raise WrongUsage(_wrong(why, _near(options.practice, known)), name)


def _refuse_secrets(arguments: Sequence[str]) -> None:
    for place, word in enumerate(arguments):
        if word == "--":
            return
        found = _SECRET_OPTION.match(word)
        if found is None:
            continue
        # from here on it is hidden wherever it might be repeated
        remember((found["value"] or "=")[1:] or "".join(arguments[place + 1 : place + 2]))
        raise WrongUsage(
            SECRET(
                option=word.partition("=")[0],
                remedies=[
                    Remedy(
                        title=tr(
                            "Use --secret-stdin or --password-stdin, the environment (AZURE_CLIENT_SECRET, "
                            "CODESIGN_WIZARD_P12_PASSWORD), or the keyring: profile set --secret-stdin."
                        )
                    ),
                    Remedy(title=tr("Make a new one: this one may be in the shell's history now.")),
                ],
            )
        )


def _unknown(name: str, words: _Words) -> WrongUsage:
    if words.practising:
        why = tr("{name} is neither a command nor a scenario.").format(name=name)
        return WrongUsage(_wrong(why, _near(name, [*scenario_names(), *COMMANDS])))
    why = tr("There is no command called {name}.").format(name=name)
    return WrongUsage(_wrong(why, _near(name, list(COMMANDS))))


def _extra(word: str, name: str, parser: argparse.ArgumentParser, words: _Words) -> WrongUsage:
    if word.startswith("-"):
        option = word.partition("=")[0]  # what follows may be anything, a secret among it
        known = [flag for action in _actions(parser) for flag in action.option_strings]
        why = tr("There is no option {option} here.").format(option=option)
        return WrongUsage(_wrong(why, _near(option, known)), name)
    if word == words.after_practice:
        why = tr("There is no scenario called {name}.").format(name=word)
        return WrongUsage(_wrong(why, _near(word, scenario_names())), name)
    return WrongUsage(_wrong(tr("{word} is one word too many.").format(word=word), ""), name)


def _actions(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    # argparse has no public way to ask
    return parser._actions


def _near(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3)
    if near:
        return tr("Near to it: {names}.").format(names=", ".join(near))
    return tr("There are: {names}.").format(names=", ".join(sorted(set(known))))


def _wrong(why: str, detail: str) -> Finding:
    return WRONG(
        why=why,
        detail=detail,
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("{program} --help lists the commands.").format(program=PROGRAM))],
    )


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
