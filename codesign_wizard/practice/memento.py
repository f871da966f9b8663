"""What practice objects hold at one moment, put back later into the same objects.

Services hold on to the world's objects, so a scenario is taken back where it was made: in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from codesign_wizard.practice.state import State

_OURS = "codesign_wizard.practice."
_VALUES = (str, int, float, bool, bytes, datetime, timedelta)
_CONTAINERS = (list, dict, set)


class Memento:
    """What *roots* and all that is reachable below them in practice's own objects and containers hold now."""

    def __init__(self, roots: Iterable[object]) -> None:
        self._held: list[tuple[Any, Any]] = []
        seen: set[int] = set()
        waiting = list(roots)
        while waiting:
            each = waiting.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, tuple):
                waiting += each
            elif isinstance(each, _CONTAINERS) or _ours(each):
                # what is held keeps its id from being another's
                self._held.append((each, _copy(each)))
                waiting += _below(each)

    @property
    def differs(self) -> bool:
        """Whether anything is not as it was."""
        return any(not _as_it_was(each, former) for each, former in self._held)

    def changes(self) -> Memento:
        """Return a memento of those objects alone that are not as they were."""
        made = Memento(())
        made._held = [pair for pair in self._held if not _as_it_was(*pair)]
        return made

    def restore(self) -> None:
        """Put everything back."""
        for each, former in self._held:
            if isinstance(each, list):
                each[:] = former
            elif isinstance(each, set):
                each.clear()
                each.update(former)
            else:
                held = each if isinstance(each, dict) else vars(each)
                # never without what a request under way may look for
                held.update(former)
                for name in held.keys() - former.keys():
                    del held[name]


def _ours(each: object) -> bool:
    # keys and certificates only come to what is kept, whatever is wrong
    module = type(each).__module__
    return module.startswith(_OURS) and hasattr(each, "__dict__") and not isinstance(each, State | type)


def _copy(each: Any) -> Any:
    return each.copy() if isinstance(each, _CONTAINERS) else dict(vars(each))


def _below(each: Any) -> Iterator[Any]:
    if isinstance(each, dict):
        yield from each.values()
    elif isinstance(each, list | set):
        yield from each
    else:
        yield from vars(each).values()


def _as_it_was(each: Any, former: Any) -> bool:
    if isinstance(each, set):
        return bool(each == former)
    if isinstance(each, list):
        return len(each) == len(former) and all(map(_same, each, former))
    held = each if isinstance(each, dict) else vars(each)
    return held.keys() == former.keys() and all(_same(held[key], former[key]) for key in held)


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, _VALUES) and type(one) is type(other) and one == other)
