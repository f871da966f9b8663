"""Putting values into commands that a person pastes: quoted for the shell that will read them.

sh: POSIX.1-2017, Shell Command Language, 2.2.2 (nothing is special within single quotes, and a single quote
cannot occur there). PowerShell: about_Quoting_Rules (within single quotes only the quote itself is special,
written twice; the typographic single quotes count as quotes too).
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_POWERSHELL_QUOTES = re.compile("(['‘’‚‛])")


def sh(text: str) -> str:
    """Return *text* as one word for sh; control characters, which end a line there, are left out."""
    return "'" + _CONTROL.sub("", text).replace("'", "'\"'\"'") + "'"


def powershell(text: str) -> str:
    """Return *text* as one string for PowerShell; control characters are left out."""
    return "'" + _POWERSHELL_QUOTES.sub(r"\1\1", _CONTROL.sub("", text)) + "'"


def quoted(text: str) -> str:
    """Quote for sh and PowerShell alike; what could end the quotes is left out.

    For names whose rules allow no quotes anyway; where a value is free, take ``sh`` or ``powershell``.
    """
    return "'" + _POWERSHELL_QUOTES.sub("", _CONTROL.sub("", text)) + "'"
