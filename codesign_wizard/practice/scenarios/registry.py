"""The registry of scenarios; see the package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codesign_wizard.practice.world import World

Change = Callable[[World], None]


@dataclass(frozen=True)
class Scenario:
    """One thing that is wrong.

    ``command`` is what to run with ``--practice NAME``, without the program's name; it must yield the
    findings ``expects`` and no other error. ``kept`` says that all it changes is in the documents that a kept
    cloud has: with a folder it is made once, and what is done about it afterwards lasts.
    """

    name: str
    area: str
    summary: str
    command: list[str]
    expects: list[str]
    kept: bool = False


@dataclass(frozen=True)
class _Entry:
    area: str
    summary: Callable[[], str]
    command: tuple[str, ...]
    expects: tuple[str, ...]
    change: Change
    kept: bool


_entries: dict[str, _Entry] = {}


def scenario(
    name: str,
    area: str,
    summary: Callable[[], str],
    *,
    command: Sequence[str],
    expects: Sequence[str],
    kept: bool = False,
) -> Callable[[Change], Change]:
    """Register the decorated function as the scenario *name*.

    *summary* is a function so that it is translated when it is shown, not when it is imported.
    """

    def register(change: Change) -> Change:
        if name in _entries:
            raise ValueError(f"scenario registered twice: {name}")
        _entries[name] = _Entry(area, summary, tuple(command), tuple(expects), change, kept)
        return change

    return register


def registered(area: str) -> list[Scenario]:
    """Return the scenarios of *area* in the order they were registered."""
    return [
        Scenario(name, entry.area, entry.summary(), list(entry.command), list(entry.expects), entry.kept)
        for name, entry in _entries.items()
        if entry.area == area
    ]


def apply(name: str, world: World) -> None:
    """Change *world* as the scenario says; raises ``KeyError``."""
    _entries[name].change(world)
