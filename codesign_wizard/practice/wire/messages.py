"""HTTP messages as the services see them, and where on the network a service is."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol


class Headers:
    """Header fields in order; names without regard to case."""

    def __init__(self, fields: list[tuple[str, str]] | None = None) -> None:
        self._fields: list[tuple[str, str]] = []
        self._by_name: dict[str, list[str]] = {}
        for name, value in fields or ():
            self.add(name, value)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def get(self, name: str, default: str = "") -> str:
        """Return the first field called *name*."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """Return every field called *name*, in order."""
        return list(self._by_name.get(name.lower(), ()))

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        self._fields.append((name, value))
        self._by_name.setdefault(name.lower(), []).append(value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def tokens(self, name: str) -> set[str]:
        """Return the comma-separated elements of all fields called *name*, in lower case."""
        return {
            token.strip().lower()
            for value in self.get_all(name)
            for token in value.split(",")
            if token.strip()
        }


class Body(Protocol):
    """The body of a request to a service that reads it itself, its transfer coding taken off."""

    def chunks(self) -> Iterator[bytes]:
        """Yield what has not been read yet, as it comes."""


@dataclass
class Request:
    """One request, its body read and its transfer coding taken off.

    ``target`` is what stood in the request line; ``path`` and ``query`` are taken from it, still
    percent-encoded. ``scheme``, ``host`` (lower case, no port) and ``port`` say where it was sent. A service
    that is ``streaming`` finds ``body`` empty and reads ``stream``.
    """

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes = b""
    scheme: str = ""
    host: str = ""
    port: int = 0
    values: dict[str, str] = field(default_factory=dict)
    stream: Body | None = None

    @property
    def path(self) -> str:
        """The path, percent-encoded, at least ``/``."""
        return urllib.parse.urlsplit(_origin_form(self.target)).path or "/"

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; of a repeated one the first."""
        split = urllib.parse.urlsplit(_origin_form(self.target))
        found: dict[str, str] = {}
        for name, value in urllib.parse.parse_qsl(split.query, keep_blank_values=True):
            found.setdefault(name, value)
        return found

    @property
    def parameters(self) -> dict[str, str]:
        """As ``query``, the names in lower case: Azure's services read them without regard to it."""
        found: dict[str, str] = {}
        for name, value in self.query.items():
            found.setdefault(name.lower(), value)
        return found

    def form(self) -> dict[str, str]:
        """The body read as ``application/x-www-form-urlencoded``; of a repeated field the first."""
        found: dict[str, str] = {}
        text = self.body.decode("utf-8", "replace")
        for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
            found.setdefault(name, value)
        return found


def _origin_form(target: str) -> str:
    # a path of "//host/…" must not be taken for an authority
    return "/" + target.lstrip("/") if target.startswith("//") else target


@dataclass
class Response:
    """An answer. ``reset`` in its place tears the connection down without one."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False
    reset: bool = False

    @property
    def reason(self) -> str:
        """The reason phrase registered for the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Unknown"


def json_response(status: int, document: Any, headers: list[tuple[str, str]] | None = None) -> Response:
    """Return *document* as compact JSON, typed as Microsoft's services type it.

    Half a character, which JSON can hold and UTF-8 cannot, is a question mark.
    """
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    return Response(status, body, [("Content-Type", "application/json; charset=utf-8"), *(headers or [])])


@dataclass(frozen=True)
class Service:
    """A vendor's service on the practice network.

    ``hosts`` are host names, or ``*.suffix`` for one label before a suffix; ``exists`` tells whether a name
    that fits resolves in DNS; ``handle`` answers. A service listens on 443 for ``https`` and 80 for ``http``.
    One that is ``streaming`` reads bodies itself, piece by piece, or refuses them unread.
    """

    name: str
    hosts: tuple[str, ...]
    handle: Callable[[Request], Response]
    schemes: tuple[str, ...] = ("https",)
    exists: Callable[[str], bool] = lambda host: True
    maximum_body: int = 8 << 20
    streaming: bool = False

    def serves(self, host: str) -> bool:
        """Tell whether *host* is a name of this service that resolves."""
        for pattern in self.hosts:
            if pattern.startswith("*."):
                label, _, rest = host.partition(".")
                fits = bool(label) and rest == pattern[2:]
            else:
                fits = host == pattern
            if fits:
                return self.exists(host)
        return False
