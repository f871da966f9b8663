"""Secrets in memory, and the last line of defence against showing one.

A secret is carried as ``Secret``, whose ``repr`` and ``str`` hide it. Every sink (log, report, JSON, crash
message) passes its text through ``redact`` as well, which knows every secret made in this process.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from functools import cache

HIDDEN = "••••••"
_MINIMUM = 4  # shorter values would blank out ordinary words
_LINE = 32
_WIDTHS = (64, 76)  # characters in a line of PEM (RFC 7468) and of MIME (RFC 2045)
_FOR_URLS = str.maketrans("+/", "-_")

_lock = threading.Lock()


@cache
def _shapes() -> tuple[re.Pattern[str], ...]:
    """Return what is a secret by its form; compiled with the first text, which comes after the window."""
    return (
        # bearer tokens and other JSON Web Tokens: header.payload.signature
        re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        re.compile(r"(?i)(?<=client_secret=)[^&\s\"']+"),
        re.compile(r"(?i)(?<=authorization: )(?:basic|bearer) \S+"),
        # user and password inside a URL, as in a proxy address; not where we say ourselves how to write them
        re.compile(r"(?<=://)(?!USER:PASSWORD@HOST:PORT)[^/@\s:]+:[^/@\s]+(?=@)"),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
    )


class _Known:
    """The values to hide, by their beginnings: a long run knows hundreds, and looks through every line."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._by_start: dict[str, set[str]] = {}
        self.update(values)

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self._by_start.values())

    def copy(self) -> _Known:
        """Return another that holds the same."""
        return _Known(self)

    def update(self, values: Iterable[str]) -> None:
        """Hide *values*, of ``_MINIMUM`` characters at least."""
        for value in values:
            self._by_start.setdefault(value[:_MINIMUM], set()).add(value)

    def within(self, text: str) -> list[str]:
        """Return the values in *text*, the longest first."""
        # tokens begin alike: there are few beginnings, however many values
        met = [values for start, values in self._by_start.items() if start in text]
        found = [value for values in met for value in values if value in text]
        return sorted(found, key=len, reverse=True)


_known = _Known()


class Secret:
    """A value that must not be shown. ``reveal`` gives it to the one call that needs it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    def reveal(self) -> str:
        """Return the plain value."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(••••••)"

    def __str__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is never pickled")


def remember(value: str) -> None:
    """Hide *value*, also in its URL-encoded form, in everything that is redacted from now on."""
    value = value.strip()
    if len(value) < _MINIMUM:
        return
    forms = {
        value,
        urllib.parse.quote(value, safe="", errors="replace"),
        urllib.parse.quote_plus(value, errors="replace"),
        # as it stands inside a JSON text that somebody quotes
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        # a line of a key in PEM is as good as the key
        *(line for line in value.splitlines() if len(line) >= _LINE and line[:1] != "-"),
    }
    with _lock:
        _known.update(forms)


def remember_bytes(value: bytes) -> None:
    """Hide *value*, a key for one, as it is written out: base64, whole or in lines, hexadecimal, ``repr``."""
    import base64

    whole = base64.b64encode(value).decode()
    cut = [whole[at : at + width] for width in _WIDTHS for at in range(0, len(whole), width)]
    plain = value.hex()
    forms = {
        whole,
        whole.rstrip("="),
        whole.rstrip("=").translate(_FOR_URLS),
        *(line for line in cut if len(line) >= _LINE),
        plain,
        plain.upper(),
        value.hex(":"),
        repr(value)[2:-1],
    }
    with _lock:
        _known.update(form for form in forms if len(form) >= _LINE)


def known() -> set[str]:
    """Return every value that is hidden, in each of its forms: for another process of this program only."""
    with _lock:
        return set(_known)


def know(forms: Iterable[str]) -> None:
    """Hide *forms*, which another process's ``known`` returned."""
    with _lock:
        _known.update(forms)


def redact(text: str) -> str:
    """Return *text* with every known secret and everything of a secret's shape blanked out."""
    with _lock:
        known = _known.within(text)
    for value in known:
        text = text.replace(value, HIDDEN)
    for shape in _shapes():
        text = shape.sub(HIDDEN, text)
    return text
