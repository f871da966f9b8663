"""An end for a request whose answer drips: a socket's time-out begins anew with every byte."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_LOOK = 0.25  # seconds between two looks at what is under way
_lock = threading.Lock()
_under_way: set[Deadline] = set()
_watching = False
_here = threading.local()


class Deadline:
    """Within it, what this thread sends and reads ends after *seconds*: raises ``TimeoutError`` then.

    Only over connections of ``POOLS``; their socket is shut down, on which every wait for it ends.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._passed = False

    def __enter__(self) -> None:
        global _watching
        _here.deadline = self
        with _lock:
            _under_way.add(self)
            start, _watching = not _watching, True
        if start:
            threading.Thread(target=_watch, name="deadlines", daemon=True).start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _here.deadline = None
        with _lock:
            _under_way.discard(self)
            self._connection = self._socket = None  # the next may have it from now on
        if self._passed and (error is None or isinstance(error, Exception)):
            raise TimeoutError from error

    def serve(self, connection: HTTPConnection) -> None:
        """Note that *connection* is what is waited for now."""
        with _lock:
            self._connection, self._socket = connection, connection.sock

    def look(self, now: float) -> None:
        """Shut the socket down when the time is over; called under the lock."""
        if now <= self._end:
            return
        self._passed = True
        # a connection lets go of its socket while an answer without a length is read from it
        sock = (self._connection and self._connection.sock) or self._socket
        if sock is not None:
            # the plain socket's own: TLS says no good-bye to one that does not listen
            with suppress(OSError):  # it is closed already
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _watch() -> None:
    global _watching
    while True:
        time.sleep(_LOOK)
        with _lock:
            if not _under_way:
                _watching = False
                return
            now = time.monotonic()
            for each in _under_way:
                each.look(now)


def _serve(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None:
        deadline.serve(connection)


class _Plain(HTTPConnection):
    def connect(self) -> None:
        _serve(self)
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:
        _serve(self)
        super().request(*args, **kwargs)
        _serve(self)  # with a socket by now


class _Secure(_Plain, HTTPSConnection):
    """The same, by what comes next in the order of its bases."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS = {"http": _PlainPool, "https": _SecurePool}  # a pool manager's ``pool_classes_by_scheme``
