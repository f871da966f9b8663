"""Secrets in memory, and the last line of defence against showing one.

A secret is carried as ``Secret``, whose ``repr`` and ``str`` hide it. Every sink (log, report, JSON, crash
message) passes its text through ``redact`` as well, which knows every secret made in this process.
"""

from __future__ import annotations

import json
import re
import threading
import urllib.parse

HIDDEN = "••••••"
_MINIMUM = 4  # shorter values would blank out ordinary words
_LINE = 32

_lock = threading.Lock()
_known: set[str] = set()

_SHAPES = (
    # bearer tokens and other JSON Web Tokens: header.payload.signature
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"(?i)(?<=client_secret=)[^&\s\"']+"),
    re.compile(r"(?i)(?<=authorization: )(?:basic|bearer) \S+"),
    # user and password inside a URL, as in a proxy address
    re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
)


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
    with _lock:
        _known.add(value)
        _known.add(urllib.parse.quote(value, safe="", errors="replace"))
        _known.add(urllib.parse.quote_plus(value, errors="replace"))
        # as it stands inside a JSON text that somebody quotes
        _known.add(json.dumps(value)[1:-1])
        _known.add(json.dumps(value, ensure_ascii=False)[1:-1])
        # a line of a key in PEM is as good as the key
        _known.update(line for line in value.splitlines() if len(line) >= _LINE and line[:1] != "-")


def redact(text: str) -> str:
    """Return *text* with every known secret and everything of a secret's shape blanked out."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for value in known:
        if value in text:
            text = text.replace(value, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    return text
