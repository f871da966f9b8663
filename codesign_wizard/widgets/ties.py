"""What keeps words together in a line on the screen: a number and its unit, a date and its time of day.

None of it is in a text that is copied, kept or written: it is put in where a text is shown.
"""

from __future__ import annotations

import re

_TIE = "\u00a0"  # a space where no line ends
_JOINER = "\u2060"  # of no width: a place where no line ends
_SCHEME = re.compile(r"(?<=\w://)(?=\w)")
_TIED_HYPHEN = "\u2011"  # a hyphen where none does
TIED = re.compile(f"[{_TIE}{_JOINER}{_TIED_HYPHEN}]")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?: UTC\b)?")
# a sentence that a moment makes up but for a word or two
_STAMP = re.compile(rf"(?:(?<=[.!?:] )|^)(?:[^\W\d_]+ ){{1,2}}(?={_MOMENT.pattern}\.)")
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|kB|MB|GB|GiB|[Bb]its?|USD)\b)")
# a number that is not part of a date, a version or a name, and the word that it counts
_COUNTED = re.compile(r"(?<![\w.,:/-])(\d+) (?=[^\W\d_]{1,10}\b)")
# of two parts, as German has them: the first alone at the end of a line reads as another word
_COMPOUND = re.compile(r"\b([^\W\d_]{2,7})-(?=[A-ZÄÖÜ][a-zäöüß]{2,12}\b)")
_LONGEST_PAIR = 26  # letters of two words that are kept in one line


def accompanied(text: str) -> str:
    """Return *text* with its last two words in one line, so that none stands alone in the last one."""
    words = text.rsplit(" ", 2)
    if len(words) < 3 or len(words[1]) + len(words[2]) > _LONGEST_PAIR:
        return text
    return f"{words[0]} {words[1]}{_TIE}{words[2]}"


def together(text: str) -> str:
    """Return *text* for the screen, with date and time of day, a number and its unit on one line."""
    text = _COUNTED.sub(lambda found: found[1] + _TIE, _UNIT.sub(_TIE, text))
    return _MOMENT.sub(lambda found: found[0].replace(" ", _TIE), text)


def stamped(text: str) -> str:
    """Return *text* as ``together`` does, and what little stands before a moment in its line, too."""
    return together(_STAMP.sub(lambda found: found[0].replace(" ", _TIE), text))


def joined(text: str) -> str:
    """Return *text* for the screen with each address in one piece up to the end of its host."""
    return _SCHEME.sub(_JOINER, text)


def unbroken(text: str) -> str:
    """Return *text* with short compounds, such as German names of pages, each on one line."""
    return _COMPOUND.sub(rf"\1{_TIED_HYPHEN}", text)
