"""A language that nobody speaks: every text that went through ``tr`` is marked, accented, and longer.

What is shown without the marks was never translated; what is clipped would be in a language of longer words.
"""

from __future__ import annotations

import re

OPEN, CLOSE = "⟦", "⟧"
_ACCENTS = str.maketrans("aeioucnyAEIOUCNY", "áéíóúçñýÁÉÍÓÚÇÑÝ")
# kept as they are: values to be filled in, the letter to press, patterns of file names, what is typed
_KEPT = re.compile(
    r"(\{[^{}]*\}|\{\{|\}\}|%(?:\(\w+\))?[a-z]|&\w|\([^()]*\*[^()]*\);;|\([^()]*\*[^()]*\)|--[\w-]+)"
)
_LONGER = 0.4


def pseudo(text: str) -> str:
    """Return *text* in marks, with accents, by two fifths longer in words of the usual length."""
    if not text:
        return text
    parts = _KEPT.split(text)
    accented = "".join(part if place % 2 else part.translate(_ACCENTS) for place, part in enumerate(parts))
    more = round(len(text) * _LONGER)
    filling = "".join("~" if place % 8 != 1 or more < 4 else " " for place in range(more))
    return f"{OPEN}{accented}{filling.rstrip()}{CLOSE}"


def unmarked(text: str) -> str:
    """Return what of a shown *text* stands outside of all marks."""
    depth, rest = 0, []
    for sign in text:
        if sign == OPEN:
            depth += 1
        elif sign == CLOSE:
            depth = max(depth - 1, 0)
        elif not depth:
            rest.append(sign)
    return "".join(rest)
