"""The practice cloud's clock, which a scenario can set wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """The time by which the cloud dates headers, tokens and certificates' validity."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the cloud's time in UTC."""
        return datetime.now(UTC) + self.offset

    def timestamp(self) -> int:
        """Return the cloud's time in seconds since the epoch."""
        return int(self.now().timestamp())

    def http_date(self) -> str:
        """Return the cloud's time as an HTTP date (RFC 9110, 5.6.7)."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)
