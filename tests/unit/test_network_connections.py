"""Sessions kept between requests: by origin, one borrower at a time, and not for long."""

from __future__ import annotations

import pytest
import requests

from codesign_wizard.core import network_connections
from codesign_wizard.core.network_connections import Connections


class Kept(requests.Session):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_one_borrower_at_a_time_and_the_last_given_back_first() -> None:
    connections = Connections(Kept)
    first, second = connections.borrow("https://a.example"), connections.borrow("https://a.example")
    assert first is not second
    connections.give_back("https://a.example", first)
    connections.give_back("https://a.example", second)
    assert connections.borrow("https://b.example") not in (first, second)
    assert connections.borrow("https://a.example") is second
    assert connections.borrow("https://a.example") is first


def test_what_was_idle_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(network_connections.time, "monotonic", lambda: now)
    connections = Connections(Kept)
    old = Kept()
    connections.give_back("https://a.example", old)
    now += 60
    fresh = connections.borrow("https://a.example")
    assert old.closed
    assert fresh is not old

    connections.give_back("https://a.example", fresh)
    many = [Kept() for _ in range(200)]
    for each in many:
        connections.give_back("https://b.example", each)
    assert isinstance(fresh, Kept)
    assert fresh.closed
    assert 0 < sum(not each.closed for each in many) < len(many)
    connections.close()
    assert all(each.closed for each in many)
