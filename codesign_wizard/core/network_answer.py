"""What a server answered, whatever its status."""

from __future__ import annotations

import email.utils
import json as json_codec
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Microsoft's, Apple's and Amazon's
_REQUEST_IDS = (
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "client-request-id",
    "x-request-id",
    "x-apple-request-uuid",
    "x-apple-jingle-correlation-key",
    "x-amz-request-id",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status; header names in lower case, ``seconds`` is how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    seconds: float

    @property
    def request_id(self) -> str:
        """The id that the vendor's support asks for, or ""."""
        for name in _REQUEST_IDS:
            if self.headers.get(name):
                return self.headers[name]
        return ""

    @property
    def time(self) -> datetime | None:
        """The server's own time from its Date header (UTC), or ``None``."""
        return parse_http_date(self.headers.get("date", ""))

    def json(self) -> Any:
        """Return the body as JSON; raises ``ValueError``."""
        try:
            return json_codec.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def parse_http_date(text: str) -> datetime | None:
    """Return an HTTP-date (RFC 9110, 5.6.7) in UTC, or ``None``."""
    try:
        found = email.utils.parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
