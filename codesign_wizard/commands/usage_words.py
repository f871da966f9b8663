"""What argparse itself says, in the person's language.

argparse asks gettext, under the names ``_`` and ``ngettext`` of its module, for each of its sentences when it
says it. Those names are replaced by a look into our own catalogue; a sentence of another version of Python
that does not stand here stays English.
"""

from __future__ import annotations

import argparse

from codesign_wizard.core.text import mark, translate

_SAID = frozenset(
    (
        mark("usage: "),
        mark("positional arguments"),
        mark("options"),
        mark("argument %(argument_name)s: %(message)s"),
        mark("the following arguments are required: %s"),
        mark("one of the arguments %s is required"),
        mark("not allowed with argument %s"),
        mark("ignored explicit argument %r"),
        mark("expected one argument"),
        mark("expected at most one argument"),
        mark("expected at least one argument"),
        mark("expected %s arguments"),
        mark("invalid %(type)s value: %(value)r"),
        mark("invalid choice: %(value)r (choose from %(choices)s)"),
    )
)


def _said(text: str) -> str:
    return translate(text) if text in _SAID else text


def _counted(one: str, more: str, n: int) -> str:
    return _said(one if n == 1 else more)


def teach() -> None:
    """Let argparse speak with our words from now on."""
    vars(argparse).update(_=_said, ngettext=_counted)
