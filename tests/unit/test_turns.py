"""Work lets the window go first, for a moment; the window never waits for itself."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

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


class Over(threading.Event):
    """The end of a turn, which notes how long it was waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return self.is_set()


def test_a_turn_holds_work_once_for_a_moment_even_if_nobody_tells_of_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, over = [1000.0], Over()
    monkeypatch.setattr(turns, "_over", over)
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: now[0]))
    turns.begin()
    Job().check_cancelled()
    assert over.waits == [], "the window never waits for itself"
    waited()
    assert over.waits == [pytest.approx(turns._AT_MOST_S)]
    # in a loop that is not Qt's own its timers come, and the end of no turn is heard of
    for _ in range(10):
        now[0] += 0.025
        turns.begin()
    waited()
    assert len(over.waits) == 1
    turns.end()
    waited()
    assert len(over.waits) == 1
    turns.begin()
    waited()
    assert over.waits[1:] == [pytest.approx(turns._AT_MOST_S)], "the next turn of Qt's loop counts again"


def test_work_goes_on_at_the_end_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_AT_MOST_S", 60)
    turns.begin()
    threading.Timer(0.05, turns.end).start()
    assert waited() < 30
    assert waited() < 30, "and after its end nobody waits"
