"""The diagnosis of many profiles, a bounded number at a time."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job, JobContext, LogLine

AT_ONCE = 8  # profiles under way; each holds a few connections

Item = TypeVar("Item")
Result = TypeVar("Result")


def survey(
    job: JobContext,
    items: Sequence[Item],
    work: Callable[[JobContext, Item], Result],
    text: str,
    *,
    at_once: int = AT_ONCE,
    logged: bool = True,
    told: Callable[[int, Result | Finding], None] = lambda place, outcome: None,
) -> list[Result | Finding]:
    """Return *work* of each item in their order, or the finding of the ``CodesignError`` that it raised.

    So many are under way *at_once*. Each gets a job of its own that is cancelled with *job*, and whose lines
    go to that one's log if they are *logged*; *text* names the progress. *told* is given each outcome with
    its item's place as soon as it is there, one at a time on any thread. Raises ``Cancelled``, and tells none
    after that.
    """
    done = 0
    lock = threading.Lock()
    stop = threading.Event()

    def log(line: LogLine) -> None:
        job.log(line.level, line.text, part=line.part, request_id=line.request_id)

    def one(place: int, item: Item) -> Result | Finding:
        nonlocal done
        own = Job(on_log=log if logged else None, cancel_event=stop)
        try:
            outcome: Result | Finding = work(own, item)
        except CodesignError as error:
            outcome = error.finding
        with lock:
            done += 1
            told(place, outcome)
            if not stop.is_set():
                job.progress(done, len(items), text)
        return outcome

    job.check_cancelled()
    with _many_threads(), ThreadPoolExecutor(at_once, thread_name_prefix="survey") as pool:
        futures = [pool.submit(one, place, item) for place, item in enumerate(items)]
        try:
            for future in futures:
                while not future.done():
                    job.wait(0.05)
            return [future.result() for future in futures]
        except (Cancelled, KeyboardInterrupt):
            stop.set()
            for future in futures:
                future.cancel()
            raise


@contextmanager
def _many_threads() -> Iterator[None]:
    """Let threads that mostly wait hand over less often, and the collector not look at what stays anyway."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(0.02)
    gc.freeze()
    gc.set_threshold(50_000, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
