"""JSON objects changed as text: a few members get new values, every other byte stays what it was.

A server newer than this program sends members that it does not know, and numbers that no float holds. What is
not read cannot be damaged: ``Members`` finds where each value stands, and ``replaced`` puts others in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from codesign_wizard.core.text import tr

_BLANK = re.compile(r"[ \t\r\n]*")


class DocumentError(ValueError):
    """The text is no JSON object that can be read; the message says where."""


def _number(text: str) -> str:
    return text


# numbers are stepped over, not read: one may have more digits than Python converts
_SCANNER = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_number)


class Members:
    """The members of the JSON object *text*, in order; of a repeated name the last counts (as in Go).

    Raises ``DocumentError``.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0
        try:
            self._read()
        except RecursionError as error:
            raise DocumentError(tr("it is nested too deeply")) from error
        except DocumentError:
            raise
        except ValueError as error:
            raise DocumentError(str(error)) from error

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Any:
        return iter(self._places)

    def raw(self, name: str) -> str:
        """Return the value's text; raises ``KeyError``."""
        start, end = self._places[name]
        return self.text[start:end]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value read as JSON, or *default* without one."""
        return json.loads(self.raw(name)) if name in self._places else default

    def object(self, name: str) -> Members:
        """Return the members of the object *name*; an empty one for ``null`` or when it is missing."""
        raw = self.raw(name) if name in self._places else "null"
        return Members("{}" if raw == "null" else raw)

    def replaced(self, values: Mapping[str, str]) -> str:
        """Return the text with the members of *values* (JSON text each) put in; new ones come last."""
        pieces: list[str] = []
        done = 0
        known = sorted((self._places[name], name) for name in values if name in self._places)
        for (start, end), name in known:
            pieces += [self.text[done:start], values[name]]
            done = end
        pieces.append(self.text[done : self._end])
        comma = "," if self._places else ""
        for name, value in values.items():
            if name not in self._places:
                pieces.append(f"{comma}{json.dumps(name)}:{value}")
                comma = ","
        pieces.append(self.text[self._end :])
        return "".join(pieces)

    def _read(self) -> None:
        text = self.text
        place = self._skip(0)
        if text[place : place + 1] != "{":
            raise DocumentError(tr("it is no JSON object"))
        place = self._skip(place + 1)
        self._end = place
        while text[place : place + 1] != "}":
            if text[place : place + 1] != '"':
                raise DocumentError(tr("a name is missing at character {place}").format(place=place))
            name, place = _SCANNER.raw_decode(text, place)
            place = self._skip(place)
            if text[place : place + 1] != ":":
                raise DocumentError(tr("a colon is missing at character {place}").format(place=place))
            start = self._skip(place + 1)
            _, end = _SCANNER.raw_decode(text, start)
            self._places[name] = (start, end)
            self._end = end
            place = self._skip(end)
            if text[place : place + 1] == ",":
                place = self._skip(place + 1)
                if text[place : place + 1] == "}":
                    raise DocumentError(tr("a comma too many at character {place}").format(place=place))
            elif text[place : place + 1] != "}":
                raise DocumentError(tr("it breaks off at character {place}").format(place=place))
        if self._skip(place + 1) != len(text):
            raise DocumentError(tr("something follows it at character {place}").format(place=place + 1))

    def _skip(self, place: int) -> int:
        found = _BLANK.match(self.text, place)
        return found.end() if found is not None else place


def same(one: str, other: str) -> bool:
    """Tell whether two JSON texts mean the same: order and spacing aside, numbers by their exact value."""
    return one == other or _meaning(one) == _meaning(other)


def _meaning(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_exact, parse_float=_exact, parse_constant=_number)
    except (ValueError, RecursionError):
        return text


def _exact(text: str) -> tuple[str, Any]:
    # a number must not equal the string of its digits
    return ("number", Decimal(text))
