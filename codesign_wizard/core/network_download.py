"""A large answer, streamed to where the caller wants it: memory stays flat, cancelling works at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from codesign_wizard.core.finding import Evidence, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_findings import OTHER
from codesign_wizard.core.text import tr

_PIECE = 256 << 10
_AHEAD = 8  # pieces read before the caller has taken them
_TICK = 0.1
_LEAST = 16 << 10  # a slow line brings more in a second


@dataclass(frozen=True)
class Head:
    """An answer before its body: header names in lower case; ``length`` in bytes, ``None`` when not told."""

    status: int
    headers: Mapping[str, str]

    @property
    def length(self) -> int | None:
        """The body's announced length; a compressed body has another one."""
        text = self.headers.get("content-length", "")
        plain = not self.headers.get("content-encoding")
        return int(text) if plain and text.isascii() and text.isdigit() else None


def download(
    job: JobContext,
    network: Network,
    url: str,
    *,
    data: Mapping[str, str],
    take: Callable[[bytes], None],
    part: str = "",
    first: float = 60.0,
    stall: float = 60.0,
    maximum: int = 4 << 30,
    waiting: Callable[[float], None] | None = None,
    text: str = "",
) -> Head:
    """POST the form *data* and hand the body to *take*, piece by piece, on the calling thread.

    *first* are the seconds that the answer may take to begin; after that, each *stall* seconds must bring
    ``_LEAST`` bytes or the end, since a server that drips would be waited for for ever. *waiting* is called
    with the seconds waited until it begins. Redirections are not followed. Raises ``NetworkError``,
    ``InputError``, ``Cancelled``, and what *take* raises.
    """
    pieces: queue.Queue[Head | bytes | Exception | None] = queue.Queue(_AHEAD)
    ended = threading.Event()
    session = network.session()
    proxy = network.proxy_for(url)
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}

    def put(piece: Head | bytes | Exception | None) -> None:
        while not ended.is_set():
            with suppress(queue.Full):
                pieces.put(piece, timeout=_TICK)
                return

    def read() -> None:
        try:
            with session.post(
                url,
                data=data,
                headers={"User-Agent": "codesign-wizard"},
                timeout=(10.0, max(first, stall)),
                allow_redirects=False,
                stream=True,
            ) as answer:
                put(Head(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}))
                for piece in answer.iter_content(_PIECE):
                    put(piece)
                    if ended.is_set():
                        return
            put(None)
        except Exception as error:  # handed to the caller's thread, whatever it is
            put(error)

    threading.Thread(target=read, name="download", daemon=True).start()
    try:
        return _receive(job, network, url, pieces, take, (part, text), first, stall, maximum, waiting)
    finally:
        ended.set()
        session.close()


def _receive(
    job: JobContext,
    network: Network,
    url: str,
    pieces: queue.Queue[Head | bytes | Exception | None],
    take: Callable[[bytes], None],
    words: tuple[str, str],
    first: float,
    stall: float,
    maximum: int,
    waiting: Callable[[float], None] | None,
) -> Head:
    part, text = words
    head: Head | None = None
    done, began = 0, time.monotonic()
    last, least = began, 0  # since when, and from which size on, it counts as stalled
    while True:
        job.check_cancelled()
        now = time.monotonic()
        limit = first if head is None else stall
        if now - last > limit and pieces.empty():
            failure = network.failure(TimeoutError(), url, limit)
            assert failure is not None, "a time-out is always one of the network's"
            raise failure from None
        try:
            piece = pieces.get(timeout=_TICK)
        except queue.Empty:
            if waiting is not None and head is None:
                waiting(now - began)
            continue
        if piece is None:
            assert head is not None, "the head comes first"
            return head
        if isinstance(piece, Head):
            head, last = piece, time.monotonic()
            job.log(LogLevel.INFO, f"POST {url.partition('?')[0]} {head.status}", part=part)
        elif isinstance(piece, Exception):
            failure = network.failure(piece, url)
            if failure is None:
                raise piece
            job.log(LogLevel.WARNING, f"POST {url.partition('?')[0]}: {failure.finding.title}", part=part)
            raise failure from piece
        else:
            done += len(piece)
            if done > maximum:
                raise _too_large(url)
            take(piece)
            if done >= least:
                last, least = time.monotonic(), done + _LEAST
            total = head.length if head is not None else None
            job.progress(done, total if total and total >= done else None, text)


def _too_large(url: str) -> NetworkError:
    from urllib.parse import urlsplit

    from codesign_wizard.core.network_failure import FailureKind

    finding = OTHER(
        host=urlsplit(url).hostname or url,
        why=tr("the answer is larger than any should be"),
        evidence=Evidence(time=utc_now()),
    )
    return NetworkError(finding, FailureKind.TOO_LARGE)
