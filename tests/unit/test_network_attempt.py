"""Answers that drip, send on, never end, and headers that cannot be sent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from codesign_wizard.core.job import Job, side_by_side
from codesign_wizard.core.network import Network, NetworkError, NetworkSettings
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import FailureKind

Serve = Callable[[Callable[[socket.socket], None]], str]
NETWORK = Network(NetworkSettings(use_environment=False, timeout=0.5, pace=0.01))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that answers every connection by another one, and gives the address."""
    over = threading.Event()
    listeners: list[socket.socket] = []

    def start(answer: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def one(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                asked = b""
                while b"\r\n\r\n" not in asked and (more := connection.recv(65536)):
                    asked += more
                if asked:
                    answer(connection)

        def loop() -> None:
            with contextlib.suppress(OSError):
                while not over.is_set():
                    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=loop, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    over.set()
    for each in listeners:
        each.close()


def ask(url: str, **named: object) -> Answer:
    return NETWORK.request(Job(), "GET", url, retries=0, **named)  # type: ignore[arg-type]  # any of its options


def drips(beginning: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    return answer


def test_what_drips_ends_by_the_time_out_also_on_a_thread_that_may_wait(serve: Serve) -> None:
    urls = [
        serve(drips(b"HTTP/1.1 200 OK\r\nX: ")),
        serve(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")),
        serve(drips(b"HTTP/1.1 200 OK\r\n\r\n")),
    ]
    began = time.monotonic()

    def asked(url: str) -> FailureKind:
        with pytest.raises(NetworkError) as caught:
            ask(url)
        return caught.value.kind

    calls = [lambda url=url: asked(url) for url in urls]  # type: ignore[misc]  # bound now
    assert list(side_by_side(Job(), calls, at_once=3)) == [FailureKind.TIMEOUT] * 3
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("there", ["http://[::1", "mailto:somebody", "http://a:99999999/", "/again"])
def test_an_answer_that_sends_on_is_given_or_followed_to_an_end(serve: Serve, there: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 2\r\n\r\nhi".encode()
    # each from a server of its own: a connection that is kept may be closed the moment it is used again
    given = ask(serve(lambda connection: connection.sendall(moved)))
    assert (given.status, given.body) == (302, b"hi")
    with pytest.raises(NetworkError) as caught:
        ask(serve(lambda connection: connection.sendall(moved)), follow=True)
    assert caught.value.kind in (FailureKind.OTHER, FailureKind.RESET)


def test_the_body_of_what_sends_on_is_bounded_too(serve: Serve) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with pytest.raises(NetworkError) as caught:
        ask(serve(endless), max_body=1000)
    assert caught.value.kind is FailureKind.TOO_LARGE


def test_it_is_followed_where_it_leads_somewhere(serve: Serve) -> None:
    goal = serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoal"))
    moved = f"HTTP/1.1 301 Moved\r\nLocation: {goal}\r\nContent-Length: 0\r\n\r\n".encode()
    assert ask(serve(lambda connection: connection.sendall(moved)), follow=True).body == b"goal"


@pytest.mark.parametrize("value", ["Geheim-\u00fc-4711\r", "Geheim\nKanarie", "Geheim\u20ac"])
def test_a_header_that_cannot_be_sent_is_not_shown(serve: Serve, value: str) -> None:
    with pytest.raises(NetworkError) as caught:
        ask(serve(lambda connection: None), headers={"X-Password": value})
    told = str(caught.value.finding.to_json())
    assert "Geheim" not in told
    assert "HTTP forbids" in told
