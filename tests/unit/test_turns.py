"""Work lets the window go first, for a moment; the window never waits for itself."""

from __future__ import annotations

import threading
import time

import pytest

from codesign_wizard.core import turns
from codesign_wizard.core.job import Job


@pytest.fixture(autouse=True)
def _ended() -> object:
    yield
    turns.end()


def waited() -> float:
    """Return how long a job on another thread took to look around."""
    took: list[float] = []

    def work() -> None:
        began = time.monotonic()
        Job().check_cancelled()
        took.append(time.monotonic() - began)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(30)
    return took[0]


def test_work_waits_for_the_end_of_a_turn_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_AT_MOST_S", 0.2)
    turns.begin()
    began = time.monotonic()
    Job().check_cancelled()  # on the window's own thread
    assert time.monotonic() - began < 0.1
    assert 0.1 < waited() < 20, "a turn that does not end holds nobody for ever"
    monkeypatch.setattr(turns, "_AT_MOST_S", 60)
    turns.begin()
    threading.Timer(0.05, turns.end).start()
    assert waited() < 30
    assert waited() < 30, "and after its end nobody waits"
