"""The window's turns: whoever computes on another thread lets the window go first.

Python lets one thread run at a time, and the window asks for its turn at every step of what it shows: each
time it would wait for all that compute. So it says when a turn of its own begins and ends, and work waits at
its next look around (``JobContext``), for a moment at most. Where there is no window, nobody waits.
"""

from __future__ import annotations

import threading
import time

_AT_MOST_S = 0.03

_over = threading.Event()
_over.set()
_until = 0.0
_window = 0


def begin() -> None:
    """Say, on the window's thread, that it has something to do now.

    A turn whose end was not heard of is not prolonged: another loop than Qt's own, as Windows runs while a
    window is dragged, dispatches Qt's timers but tells of no end, and work would wait for each of them.
    """
    global _until, _window
    if _over.is_set():
        _window = threading.get_ident()
        _until = time.monotonic() + _AT_MOST_S
        _over.clear()


def end() -> None:
    """Say that it waits for what comes next."""
    if not _over.is_set():
        _over.set()


def give_way() -> None:
    """Let the window have its turn; its own thread never waits here, and no other longer than a moment."""
    if not _over.is_set() and threading.get_ident() != _window:
        left = _until - time.monotonic()
        if left > 0:
            _over.wait(left)
