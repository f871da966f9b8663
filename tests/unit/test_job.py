"""Calls on threads of their own, which are used again; nobody waits for a slow one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.job import Job, call_cancellable, side_by_side


def test_threads_are_used_again_and_never_two_calls_at_a_time() -> None:
    job, seen = Job(), []
    for _ in range(20):
        seen.append(call_cancellable(job, threading.get_ident, timeout=5, name="one"))
    assert len(set(seen)) == 1

    together = threading.Barrier(4, timeout=10)  # breaks unless four are there at once
    calls: list[Callable[[], int]] = [together.wait] * 4
    assert sorted(side_by_side(job, calls, at_once=4)) == [0, 1, 2, 3]


def test_side_by_side_keeps_to_its_number_and_tells_what_was_raised() -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def call() -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return 1

    assert sum(side_by_side(Job(), [call] * 12, at_once=3)) == 12
    assert 1 <= most <= 3
    assert list(side_by_side(Job(), [], at_once=3)) == []

    def broken() -> int:
        raise KeyError("what was raised")

    begun = []
    with pytest.raises(KeyError, match="what was raised"):
        list(side_by_side(Job(), [broken, lambda: begun.append(1)], at_once=1))
    assert begun == []


def test_a_call_under_way_is_left_behind() -> None:
    job, free = Job(), threading.Event()
    threading.Timer(0.1, job.cancel).start()
    with pytest.raises(Cancelled):
        list(side_by_side(job, [lambda: free.wait(30)] * 2, at_once=2))
    with pytest.raises(Cancelled):
        call_cancellable(job, lambda: free.wait(30), timeout=30)
    waiting = Job()
    with pytest.raises(TimeoutError):
        call_cancellable(waiting, lambda: free.wait(30), timeout=0.1)
    # its thread is not given to the next
    assert call_cancellable(waiting, lambda: 1, timeout=5) == 1
    free.set()
