"""The ``$filter`` of Microsoft Graph, as far as clients of applications use it.

learn.microsoft.com/graph/filter-query-parameter: ``eq``, ``startswith``, ``any`` over a collection, ``and``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from codesign_wizard.practice.graph import errors

_VALUE = r"'((?:[^']|'')*)'"
_EQUAL = re.compile(rf"(\w+)\s+eq\s+{_VALUE}", re.IGNORECASE)
_STARTS = re.compile(rf"startswith\(\s*(\w+)\s*,\s*{_VALUE}\s*\)", re.IGNORECASE)
_ANY = re.compile(rf"(\w+)/any\(\s*(\w+)\s*:\s*\2\s+eq\s+{_VALUE}\s*\)", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
# what can be filtered by
_TEXTS = ("id", "appId", "displayName", "userPrincipalName")
_COLLECTIONS = ("identifierUris", "servicePrincipalNames")

Test = Callable[[dict[str, Any]], bool]


def test(text: str) -> Test:
    """Return what tells whether a document fits the filter *text* (empty: every one); raises ``GraphError``.

    Texts compare without case, as the directory compares them.
    """
    text = text.strip()
    terms: list[Test] = []
    place = 0
    while place < len(text):
        if terms:
            joined = _AND.match(text, place)
            if joined is None:
                raise errors.filter_unsupported()
            place = joined.end()
        term, place = _term(text, place)
        terms.append(term)
    return lambda document: all(term(document) for term in terms)


def _term(text: str, place: int) -> tuple[Test, int]:
    """Return the comparison that begins at *place*, and where it ends."""
    found = _ANY.match(text, place)
    if found is not None:
        name, value = _known(found[1], _COLLECTIONS), _unquoted(found[3])
        return lambda document: value in [each.lower() for each in document.get(name) or ()], found.end()
    found = _STARTS.match(text, place)
    if found is not None:
        name, value = _known(found[1], _TEXTS), _unquoted(found[2])
        return lambda document: _text(document, name).startswith(value), found.end()
    found = _EQUAL.match(text, place)
    if found is None:
        raise errors.filter_unsupported()
    name, value = _known(found[1], _TEXTS), _unquoted(found[2])
    return lambda document: _text(document, name) == value, found.end()


def _text(document: dict[str, Any], name: str) -> str:
    return str(document.get(name) or "").lower()


def _known(name: str, names: tuple[str, ...]) -> str:
    for each in names:
        if each.lower() == name.lower():
            return each
    raise errors.filter_unsupported()


def _unquoted(value: str) -> str:
    return value.replace("''", "'").lower()
