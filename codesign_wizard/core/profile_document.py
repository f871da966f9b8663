"""A profile's dataclasses as a JSON document and back; members this version does not know are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr

NO_MEMBERS = ("stored", "places")  # fields of the dataclasses that are no members of the document
_UNKNOWN = "unknown"  # the one that holds the members nobody here knows

R = TypeVar("R")

# to evaluate the annotations of a profile takes longer than to read it
_hints = lru_cache(maxsize=64)(get_type_hints)


def encode(value: Any) -> Any:
    """Return *value* as the document has it: an object for a dataclass, with the members it did not know."""
    if isinstance(value, StepResult):
        return value.to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {
            member.name: encode(getattr(value, member.name))
            for member in dataclasses.fields(value)
            if member.name not in (_UNKNOWN, *NO_MEMBERS)
        }
        return {**getattr(value, _UNKNOWN, {}), **members}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    return value


def decode(kind: type[R], document: Mapping[str, Any], where: str = "") -> R:
    """Return the dataclass *kind* from what ``encode`` made; *where* begins its members' names in errors.

    What it does not know goes to its ``unknown``. Raises ``TypeError`` or ``ValueError``.
    """
    of: Any = kind  # a dataclass that is compared has no hash, but its class does
    hints = _hints(of)
    values: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in document.items():
        if name not in hints or name in (_UNKNOWN, *NO_MEMBERS):
            unknown[name] = value
        else:
            values[name] = _decoded_member(hints[name], value, f"{where}{name}")
    return kind(**values, unknown=unknown)  # type: ignore[call-arg]  # every dataclass here has it


def take_over(into: Any, value: Any) -> None:
    """Make the dataclass *into* equal to *value*, part by part: others hold on to its parts."""
    for member in dataclasses.fields(into):
        if member.name in NO_MEMBERS:
            continue
        own, other = getattr(into, member.name), getattr(value, member.name)
        if dataclasses.is_dataclass(own):
            take_over(own, other)
        elif own != other:
            setattr(into, member.name, other)


def _decoded_member(hint: Any, value: Any, where: str) -> Any:
    if type(value) is hint:
        return value  # most of them
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ValueError(tr("{where} is not an object").format(where=where))
        return decode(hint, value, f"{where}.")
    if get_origin(hint) is dict and get_args(hint)[1] is StepResult and isinstance(value, Mapping):
        return _decoded_results(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint == list[str] and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value)
    raise ValueError(tr("{where} has the wrong type").format(where=where))


def _decoded_results(document: Mapping[str, Any]) -> dict[str, StepResult]:
    results = {}
    for key, value in document.items():
        try:
            results[str(key)] = StepResult.from_json(value)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # a result can be had again; the settings beside it must not be lost with it
    return results
