"""Words that a person reads: one function to mark and translate them.

``tr`` takes a *literal* only, so that the strings can be collected from the source; values are put in
afterwards: ``tr("{name} was not found.").format(name=name)``. A check refuses f-strings and variables, and
``tr`` where a module is imported: the language is not chosen yet. What is declared there is marked with
``mark`` and translated when it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

BULLET = "•  "  # begins a line of a finding's detail that is one of several things

_translator: Callable[[str], str] | None = None
# of this thread and of what it runs, so that a report can be written while the window goes on in its language
_in_english: ContextVar[bool] = ContextVar("in_english", default=False)

# control characters, among them what a terminal obeys; line separators; marks that turn the direction of
# what follows (Unicode TR 36, 2.3); halves of characters
_UNSHOWN = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def tr(text: str) -> str:
    """Return *text* in the language of the person, or as it stands when there is no translation."""
    return text if _translator is None or _in_english.get() else _translator(text)


def mark(text: str) -> str:
    """Return the literal *text* as it is: collected here, translated by ``translate`` when it is shown."""
    return text


def translate(text: str) -> str:
    """Return *text*, known only at run time but collected elsewhere (a finding's title), translated."""
    return tr(text)


@contextmanager
def in_english() -> Iterator[None]:
    """Let ``tr`` return the source language within the block, in this thread."""
    before = _in_english.set(True)
    try:
        yield
    finally:
        _in_english.reset(before)


def install_translator(translator: Callable[[str], str] | None) -> None:
    """Let *translator* answer ``tr`` from now on; ``None`` gives the source language back."""
    global _translator
    _translator = translator


def shown(text: str, *, keep: str = "") -> str:
    """Return foreign *text*, such as a name in a certificate, as it can be shown on one line.

    What would move the cursor, turn the writing or begin a line becomes a replacement sign, but for *keep*.
    """
    if "\n" in keep:
        text = text.replace("\r\n", "\n")  # one end of a line, as Windows and HTTP write it
    return re.sub(_UNSHOWN, lambda found: found[0] if found[0] in keep else "\ufffd", text)


def size_words(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size >= 1e6:
        return tr("{whole}.{tenths} MB").format(**_tenths(size / 1e6))
    return tr("{whole}.{tenths} kB").format(**_tenths(size / 1e3))


def seconds_words(seconds: float) -> str:
    """Return how long something took, in seconds, as people read it."""
    return tr("{whole}.{tenths} s").format(**_tenths(seconds))


def _tenths(number: float) -> dict[str, str]:
    """Return *number* to one place, in two parts: the sign between them is the language's."""
    whole, _, tenths = f"{number:.1f}".partition(".")
    return {"whole": whole, "tenths": tenths}


def days_until(end: datetime, now: datetime) -> int:
    """Return how many days *end* is away by the calendar (UTC), as the dates that are shown have it.

    The one way of counting: by hours, two ends on one date were a day apart in words. 0 on the day itself,
    negative after it.
    """
    return (end.astimezone(UTC).date() - now.astimezone(UTC).date()).days


def in_days(days: int) -> str:
    """Return when something is that comes in *days*, as people read it."""
    if days == 0:
        return tr("today")
    return tr("in 1 day") if days == 1 else tr("in {n} days").format(n=days)


def days_left(days: int) -> str:
    """Return how long something lasts that ends in *days*, as people read it."""
    if days == 0:
        return tr("ends today")
    return tr("1 day left") if days == 1 else tr("{n} days left").format(n=days)
