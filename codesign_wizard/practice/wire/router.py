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

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        if len(segments) != len(self.segments):
            return None
        values: dict[str, str] = {}
        for pattern, segment in zip(self.segments, segments, strict=True):
            if pattern.startswith("{"):
                values[pattern[1:-1]] = urllib.parse.unquote(segment)
            elif pattern.lower() != urllib.parse.unquote(segment).lower():
                return None
        return values


class Router(Generic[H]):
    """Routes in the order they were added. Paths are compared without case and without a last slash."""

    def __init__(self) -> None:
        self._routes: list[_Route[H]] = []

    def add(self, method: str, pattern: str, handler: H) -> None:
        """Let *handler* answer *method* (``*`` for any) on *pattern*, whose ``{names}`` become values."""
        self._routes.append(_Route(method, split(pattern), handler))

    def find(self, request: Request) -> tuple[H | None, bool]:
        """Return the handler, and whether the path is known under any method.

        The request's ``values`` are set from the pattern.
        """
        segments = split(request.path)
        known = False
        for route in self._routes:
            values = route.match(segments)
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
