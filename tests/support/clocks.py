"""How much work something was, whatever else the machine does at the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float, what: object = "") -> Iterator[None]:
    """Fail when the block takes this thread more than *seconds* of processor time.

    Waiting for a processor that others have does not count: a bound that is generous on an idle machine holds
    on a busy one, and what grows out of hand still passes it. *what* names the case in the failure.
    """
    began = time.thread_time()
    yield
    taken = time.thread_time() - began
    assert taken < seconds, f"{taken:.1f} s of processor time {what}"
