"""The diagnosis of many profiles, a bounded number at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job, JobContext

AT_ONCE = 8  # profiles under way; each holds a few connections

Item = TypeVar("Item")
Result = TypeVar("Result")


def survey(
    job: JobContext, items: Sequence[Item], work: Callable[[JobContext, Item], Result], text: str
) -> list[Result | Finding]:
    """Return *work* of each item in their order, or the finding of the ``CodesignError`` that it raised.

    Each gets a job of its own that is cancelled with *job*; *text* names the progress. Raises ``Cancelled``.
    """
    done = 0
    lock = threading.Lock()
    stop = threading.Event()

    def one(item: Item) -> Result | Finding:
        nonlocal done
        own = Job(
            on_log=lambda line: job.log(line.level, line.text, part=line.part, request_id=line.request_id),
            cancel_event=stop,
        )
        try:
            outcome: Result | Finding = work(own, item)
        except CodesignError as error:
            outcome = error.finding
        with lock:
            done += 1
            if not stop.is_set():
                job.progress(done, len(items), text)
        return outcome

    job.check_cancelled()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="survey") as pool:
        futures = [pool.submit(one, item) for item in items]
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
