"""Says a finished text in another of the program's languages: what was kept in one, or goes out in English.

Results are kept as the words that were shown, with their values in them. Here the messages that a text was
made from are found again, by what stands between their fields, and put together from the other language's;
a value may be such a text itself. What none of them fits stays as it is: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from string import Formatter
from typing import Any

from codesign_wizard.core.language import ENGLISH, catalogue

_LEAST = 3  # letters between the fields: with fewer a message would fit almost anything
_DIGITS = ("whole", "tenths")  # fields that hold nothing else, as in "1.5 MB": these fit no other text
_PREFIX = 4
_MOST = 24  # sentences of one text that are tried together
_LONGEST = 4000  # characters; longer is not of our making
_END = re.compile(r"[.!?]\s")
_SENTENCE = re.compile(r"(?<=[.!?:;,…])(\s+)|(\n+)")


@dataclass(frozen=True, slots=True)
class _Message:
    """A message with fields: how to know it, and its parts in the other language (text, field)."""

    pattern: re.Pattern[str]
    weight: int
    names: tuple[str, ...]
    parts: tuple[tuple[str, str | None], ...]


def retell(text: str, before: str, after: str) -> str:
    """Return *text*, said in the language *before*, in the language *after*, as far as it is known."""
    if before == after or not text.strip() or len(text) > _LONGEST:
        return text
    if ENGLISH not in (before, after):
        return retell(retell(text, before, ENGLISH), ENGLISH, after)
    return _told(text, before, after)


def retell_all(value: Any, before: str, after: str) -> Any:
    """Return the JSON *value* with every string in it retold; names stay."""
    if isinstance(value, str):
        return retell(value, before, after)
    if isinstance(value, Mapping):
        return {name: retell_all(item, before, after) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [retell_all(item, before, after) for item in value]
    return value


@lru_cache(maxsize=4096)
def _told(text: str, before: str, after: str) -> str:
    whole, sure = _whole(text, before, after)
    if sure and whole is not None:
        return whole
    # several messages after each other: the longest runs of sentences that are one, from the left
    pieces = [piece for piece in _SENTENCE.split(text) if piece]
    if not 1 < len(pieces) <= 2 * _MOST:
        return text if whole is None else whole
    said, place = [], 0
    while place < len(pieces):
        unsure: tuple[str, int] | None = None
        for end in range(len(pieces), place, -1):
            found, certain = _whole("".join(pieces[place:end]), before, after)
            if found is not None and certain:
                break
            if found is not None and unsure is None:
                unsure = found, end
        else:
            found, end = unsure or (pieces[place], place + 1)
        said.append(found)
        place = end
    return "".join(said)


def _whole(text: str, before: str, after: str) -> tuple[str | None, bool]:
    """Return the one message *text* is, in the other language, or ``None``; and whether it is no more.

    It may be more where a value holds the end of a sentence: what follows it may be another message.
    """
    exact, by_start, others = _book(before, after)
    if text in exact:
        return exact[text], True
    best: tuple[int, _Message, re.Match[str]] | None = None
    for message in (*by_start.get(text[:_PREFIX], ()), *others):
        if best is None or message.weight > best[0]:
            match = message.pattern.fullmatch(text)
            if match is not None:
                best = (message.weight, message, match)
    if best is None:
        lower = text[:1].lower() + text[1:]
        # a message may have been put at the beginning of a sentence
        found, sure = _whole(lower, before, after) if lower != text else (None, False)
        return (None if found is None else found[:1].upper() + found[1:]), sure
    values = {
        name: _told(value, before, after) for name, value in zip(best[1].names, best[2].groups(), strict=True)
    }
    sure = not any(_END.search(value) for value in best[2].groups())
    return "".join(words + (values[name] if name is not None else "") for words, name in best[1].parts), sure


@cache
def _book(before: str, after: str) -> tuple[dict[str, str], dict[str, list[_Message]], list[_Message]]:
    """Return the messages without fields, those with them by how they begin, and the others with them."""
    words = catalogue(after if before == ENGLISH else before)
    pairs = words.items() if before == ENGLISH else ((told, source) for source, told in words.items())
    exact: dict[str, str] = {}
    by_start: dict[str, list[_Message]] = {}
    others: list[_Message] = []
    for here, there in pairs:
        parts = _parts(here)
        if all(name is None for _, name in parts):
            exact.setdefault(here.format(), there.format())
            continue
        message = _message(parts, _parts(there))
        if message is None:
            continue
        start = parts[0][0][:_PREFIX]
        (by_start.setdefault(start, []) if len(start) == _PREFIX else others).append(message)
    return exact, by_start, others


def _message(parts: list[tuple[str, str | None]], other: list[tuple[str, str | None]]) -> _Message | None:
    text = "".join(words for words, _ in parts)
    if sum(map(str.isalpha, text)) < _LEAST and not {name for _, name in parts if name} <= set(_DIGITS):
        return None
    names: list[str] = []
    pattern = ""
    for words, name in parts:
        pattern += re.escape(words)
        if name is None:
            continue
        if name in names:
            pattern += rf"\{names.index(name) + 1}"
        else:
            names.append(name)
            pattern += r"(\d+)" if name in _DIGITS else "(.+?)"
    return _Message(re.compile(pattern, re.DOTALL), len(text), tuple(names), tuple(other))


def _parts(text: str) -> list[tuple[str, str | None]]:
    # a value was put in by its format already: its name is all that counts
    return [(words, name) for words, name, _, _ in Formatter().parse(text)]
