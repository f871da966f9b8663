"""Putting values into commands that a person pastes: quoted for the shell that will read them.

sh: POSIX.1-2017, Shell Command Language, 2.2.2 (nothing is special within single quotes, and a single quote
cannot occur there). PowerShell: about_Quoting_Rules (within single quotes only the quote itself is special,
written twice; the typographic single quotes count as quotes too).
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_POWERSHELL_QUOTES = re.compile("(['‘’‚‛])")
_WIDTH = 76  # characters of a line that a page shows without scrolling


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


def sh_lines(command: str) -> str:
    """Return *command* with its long lines broken before options, each going on as sh has it (2.2.1)."""
    return _lines(command, " \\")


def powershell_lines(command: str) -> str:
    """Return *command* with its long lines broken before parameters, each ending in a grave accent."""
    return _lines(command, " `")


def _lines(command: str, goes_on: str) -> str:
    return "\n".join(_line(each, goes_on) for each in command.split("\n"))


def _line(line: str, goes_on: str) -> str:
    if len(line) <= _WIDTH or line.startswith("#"):
        return line
    return f"{goes_on}\n  ".join(_filled(_options(line)))


def _options(line: str) -> list[str]:
    """Return *line* cut at each blank that an option follows, outside quotes."""
    parts, begin, quote = [], 0, ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == " " and line[place + 1 : place + 2] == "-":
            parts.append(line[begin:place])
            begin = place + 1
    return [*parts, line[begin:]]


def _filled(parts: list[str]) -> list[str]:
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) > _WIDTH:
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return lines
