"""Routes: from method and path to the function that answers."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from codesign_wizard.practice.wire.messages import Request, Response

Handler = Callable[[Request], Response]
H = TypeVar("H")


@dataclass(frozen=True)
class _Route(Generic[H]):
    method: str
    segments: tuple[str, ...]
    handler: H

    def match(self, segments: tuple[str, ...], folded: tuple[str, ...]) -> dict[str, str] | None:
        """Return the values of the pattern's names in *segments*, which are *folded* in lower case."""
        for pattern, segment in zip(self.segments, folded, strict=True):
            if pattern != segment and not pattern.startswith("{"):
                return None
        return {
            pattern[1:-1]: segment
            for pattern, segment in zip(self.segments, segments, strict=True)
            if pattern.startswith("{")
        }


class Router(Generic[H]):
    """Routes in the order they were added. Paths are compared without case and without a last slash."""

    def __init__(self) -> None:
        self._routes: dict[int, list[_Route[H]]] = {}  # by the number of segments

    def add(self, method: str, pattern: str, handler: H) -> None:
        """Let *handler* answer *method* (``*`` for any) on *pattern*, whose ``{names}`` become values."""
        segments = tuple(each if each.startswith("{") else each.lower() for each in split(pattern))
        self._routes.setdefault(len(segments), []).append(_Route(method, segments, handler))

    def find(self, request: Request) -> tuple[H | None, bool]:
        """Return the handler, and whether the path is known under any method.

        The request's ``values`` are set from the pattern.
        """
        segments = tuple(map(urllib.parse.unquote, split(request.path)))
        folded = tuple(map(str.lower, segments))
        known = False
        for route in self._routes.get(len(segments), ()):
            values = route.match(segments, folded)
            if values is None:
                continue
            known = True
            if route.method in ("*", "GET" if request.method == "HEAD" else request.method):
                request.values = values
                return route.handler, True
        return None, known


def split(path: str) -> tuple[str, ...]:
    """Return the segments of a path, an empty last one dropped; empty ones in between are kept."""
    segments = path.split("/")[1:]
    if segments and not segments[-1]:
        segments.pop()
    return tuple(segments)
