"""The passwords of .p12 files and of waiting keys: by standard input, environment, keyring, or asked for."""

from __future__ import annotations

import sys

from codesign_wizard.commands.context import Context, environment_secret
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLE_PASSWORD
from codesign_wizard.core.text import tr

_ENVIRONMENT = "CODESIGN_WIZARD_P12_PASSWORD"


NEW_ENVIRONMENT = "CODESIGN_WIZARD_NEW_P12_PASSWORD"


KEYS_ENVIRONMENT = "CODESIGN_WIZARD_KEYS_PASSWORD"


_MAXIMUM_LINE = 4096


class Passwords:
    """The passwords that were given: by standard input a line a file, else the environment or the keyring."""

    def __init__(self, context: Context) -> None:
        self._context = context
        options = context.options
        lines = _lines(context) if options.password_stdin or options.new_password_stdin else []
        self.new: Secret | None = environment_secret(NEW_ENVIRONMENT)
        if options.new_password_stdin:
            self.new = lines.pop()
        self._lines = lines if options.password_stdin else []
        if options.password_stdin and not self._lines:
            raise InputError(_no_secret())
        self._given = environment_secret(_ENVIRONMENT)

    def of(self, place: int) -> Secret | None:
        """Return the password of the file in *place*; the last line counts for all that follow."""
        if self._lines:
            return self._lines[min(place, len(self._lines) - 1)]
        if self._given is None:
            session = self._context.session
            self._given = session.secrets.get(session.profile.id, APPLE_PASSWORD)
        return self._given

    @property
    def told(self) -> bool:
        """Whether one was given for this run."""
        return bool(self._lines) or environment_secret(_ENVIRONMENT) is not None


def _lines(context: Context) -> list[Secret]:
    if sys.stdin is None or sys.stdin.isatty():
        return [context.read_secret()]
    found = []
    try:
        for _ in range(8):
            line = sys.stdin.readline(_MAXIMUM_LINE + 1)
            if not line:
                break
            if len(line) > _MAXIMUM_LINE:
                raise InputError(_no_secret())
            found.append(Secret(line.rstrip("\r\n")))
    except UnicodeDecodeError as error:
        raise InputError(_no_secret()) from error
    if not found:
        raise InputError(_no_secret())
    return found


def _no_secret() -> Finding:
    from codesign_wizard.commands.context import NO_SECRET

    return NO_SECRET()


def asked_password(context: Context) -> Secret | None:
    """Ask for a new password, twice; ``None`` where nobody can be asked. Raises ``InputError``."""
    if not context.can_ask:
        return None
    first = context.ask_secret(tr("New password for the .p12 files: "))
    if first and context.ask_secret(tr("Once more: ")) != first:
        raise wrong_use(tr("The two are not the same."))
    return Secret(first) if first else None


def keys_password(context: Context, *, make: bool) -> Secret | None:
    """Return what the waiting keys are encrypted under; with *make* a new one where there is none."""
    given = environment_secret(KEYS_ENVIRONMENT)
    if given is not None:
        return given
    return context.session.apple_keys_password(make=make)


def wrong_use(why: str) -> CodesignError:
    """Return the error for words that do not fit together."""
    from codesign_wizard.commands.arguments import WRONG

    return InputError(WRONG(why=why))
