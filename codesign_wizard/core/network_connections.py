"""Connections kept open between requests: to connect and agree on keys takes longer than to ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

_AT_MOST = 64  # idle sessions, all together
# Longer idle, a connection may be dead without anybody knowing: the machine slept, a VPN changed, or the
# server ends it at this moment (the soonest that is usual is after 5 seconds), and a POST is not repeated.
_LONGEST_IDLE = 4.0  # seconds


@dataclass(frozen=True, slots=True)
class _Idle:
    origin: str
    session: requests.Session = field(repr=False)
    since: float


class Connections:
    """Sessions that were used and may be used again, each by one borrower at a time; safe with threads.

    A session belongs to one *origin* (scheme, host and port), so that it has one connection.
    """

    def __init__(self, make: Callable[[], requests.Session]) -> None:
        self._make = make
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()

    def borrow(self, origin: str) -> requests.Session:
        """Return the session that was last given back for *origin*, or a new one; raises as *make* does."""
        found = None
        with self._lock:
            stale = self._drop_stale()
            for each in reversed(self._idle):
                if each.origin == origin:
                    found = each
                    self._idle.remove(each)
                    break
        for old in stale:
            old.session.close()
        return self._make() if found is None else found.session

    def give_back(self, origin: str, session: requests.Session) -> None:
        """Keep *session* for the next to ask *origin*; what went wrong is closed instead, not given back."""
        with self._lock:
            stale = self._drop_stale()
            self._idle.append(_Idle(origin, session, time.monotonic()))
            if len(self._idle) > _AT_MOST:
                stale.append(self._idle.pop(0))
        for old in stale:
            old.session.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.session.close()

    def _drop_stale(self) -> list[_Idle]:
        oldest = time.monotonic() - _LONGEST_IDLE
        stale = [each for each in self._idle if each.since < oldest]
        self._idle = [each for each in self._idle if each.since >= oldest]
        return stale
