"""A JSON object as the server keeps it: each member's text as it was sent, numbers and all."""

from __future__ import annotations

import json
from typing import Any

_BLANK = " \t\r\n"
# numbers are only stepped over, so they are never read
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def split(text: str) -> dict[str, str]:
    """Return the members of the object *text*: name, and value as it stands there. Raises ``ValueError``."""
    members: dict[str, str] = {}
    place = _skip(text, 0)
    if text[place : place + 1] != "{":
        raise ValueError("not an object")
    place = _skip(text, place + 1)
    while text[place : place + 1] != "}":
        if text[place : place + 1] != '"':
            raise ValueError(f"a name was expected at {place}")
        name, place = _DECODER.raw_decode(text, place)
        place = _skip(text, place)
        if text[place : place + 1] != ":":
            raise ValueError(f"a colon was expected at {place}")
        place = _skip(text, place + 1)
        try:
            _, end = _DECODER.raw_decode(text, place)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        members[name] = text[place:end]
        place = _skip(text, end)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)
            if text[place : place + 1] == "}":
                raise ValueError("a comma before the end")
        elif text[place : place + 1] != "}":
            raise ValueError(f"a comma was expected at {place}")
    if text[_skip(text, place + 1) :]:
        raise ValueError("something behind the object")
    return members


def join(members: dict[str, str]) -> str:
    """Return the object of *members*."""
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


def value(members: dict[str, str], name: str, default: Any) -> Any:
    """Return the member *name* read as JSON, or *default* if there is none of *default*'s type."""
    if name not in members:
        return default
    try:
        found = json.loads(members[name])
    except ValueError:
        return default
    return found if type(found) is type(default) else default


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANK:
        place += 1
    return place
