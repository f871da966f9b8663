"""A proxy's tunnel that is cut while it is being made: a reset, tried again; a refusal is neither."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkError, NetworkSettings
from codesign_wizard.core.network_failure import FailureKind, classify
from tests.support.pki import issue, key

HOST = "storage.vendor.example"
ALLOWED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SAID = {
    "fail": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "forbid": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "babble": b"\x15\x03\x01\x00\x02\x02\x46",  # an alert of TLS: that port wants something else
    "halve": ALLOWED[:10],
}
CUTS = [
    f"{act} {place}"
    for act in ("close", "reset")
    for place in ("at once", "unanswered", "answered", "in TLS")
]


class Quick(Job):
    """A job whose pauses take no time."""

    def wait(self, seconds: float) -> None:
        self.check_cancelled()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = issue(HOST, key("p256-host"), None, ca=True, usage=None, host=HOST)
    path = tmp_path_factory.mktemp("tunnel") / "host.pem"
    pem = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + made.pem)
    return path


@contextmanager
def proxy(certificate: Path, *script: str) -> Iterator[tuple[Network, list[str]]]:
    """A proxy that does with each connection what *script* says, and leads all later ones to the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    seen: list[str] = []

    def serve(connection: socket.socket, what: str) -> None:
        with connection, suppress(OSError):  # whoever only asks what the proxy says goes away
            act, _, place = what.partition(" ")
            connection.settimeout(10)
            if place != "at once":
                connection.recv(4096)
            if act == "drawl":
                time.sleep(0.2)
            if place not in ("at once", "unanswered"):
                connection.sendall(SAID.get(act, ALLOWED))
            if place == "in TLS":
                connection.recv(4096)
            if act == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if act in ("lead", "drawl"):
                with context.wrap_socket(connection, server_side=True) as tls:
                    asked = b""
                    while not asked.endswith(b"bytes" if asked.startswith(b"PUT") else b"\r\n\r\n"):
                        asked += tls.recv(4096)
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nit")
            if act == "keep":
                connection.recv(4096)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            seen.append(script[len(seen)] if len(seen) < len(script) else "lead")
            threading.Thread(target=serve, args=(connection, seen[-1]), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings = NetworkSettings(
            proxy=address, ca_bundle=str(certificate), timeout=10, use_environment=False
        )
        try:
            yield Network(settings), seen
        finally:
            if os.name == "nt":
                server.close()
            else:
                server.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits
            thread.join(10)


@pytest.mark.parametrize(
    "cut",
    [
        # the proxy lost its own connection; asked what it has against the host, it has nothing
        ("fail", "allow"),
        ("halve",),
        *((each,) for each in CUTS),
    ],
    ids=" ".join,
)
def test_a_tunnel_cut_while_it_is_made_is_tried_again(certificate: Path, cut: tuple[str, ...]) -> None:
    with proxy(certificate, *cut) as (network, seen):
        answer = network.request(Quick(), "PUT", f"https://{HOST}/part", data=b"bytes")
    assert (answer.status, answer.body) == (200, b"it")
    assert seen == [*cut, "lead"]


@pytest.mark.parametrize("cut", [("fail", "allow"), *((each,) for each in CUTS)], ids=" ".join)
def test_a_tunnel_that_is_always_cut_is_a_reset_in_the_end(certificate: Path, cut: tuple[str, ...]) -> None:
    with proxy(certificate, *cut * 3) as (network, seen), pytest.raises(NetworkError) as caught:
        network.request(Quick(), "GET", f"https://{HOST}/part")
    finding = caught.value.finding
    assert caught.value.kind is FailureKind.RESET
    assert finding.id == "network.connection-reset"
    assert HOST in finding.title
    assert network.settings.proxy in finding.detail
    assert finding.remedies
    assert seen == [*cut * 3]


def test_what_the_proxy_said_once_is_more_than_its_silence_afterwards(certificate: Path) -> None:
    with (
        proxy(certificate, "fail", "close unanswered") as (network, seen),
        pytest.raises(NetworkError) as caught,
    ):
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.finding.id == "network.name-unknown"
    assert caught.value.finding.evidence.status == 502
    assert seen == ["fail", "close unanswered"]


def test_what_the_proxy_refuses_is_not_tried_again(certificate: Path) -> None:
    with (
        proxy(certificate, "forbid", "forbid") as (network, seen),
        pytest.raises(NetworkError) as caught,
    ):
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.kind is FailureKind.PROXY
    assert caught.value.finding.id == "network.proxy-refused"
    assert seen == ["forbid", "forbid"]


def test_a_port_that_speaks_something_else_is_told_so_at_once(certificate: Path) -> None:
    with proxy(certificate, "babble") as (network, seen), pytest.raises(NetworkError) as caught:
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.finding.id == "network.other"
    assert "another protocol" in caught.value.finding.title
    assert "proxy's address and port" in caught.value.finding.remedies[0].title
    assert seen == ["babble"]


def test_a_proxy_that_is_not_there_cannot_be_reached(certificate: Path) -> None:
    with proxy(certificate) as (network, seen):
        pass
    with pytest.raises(NetworkError) as caught:
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.finding.id == "network.proxy-unreachable"
    assert network.settings.proxy in caught.value.finding.title
    assert caught.value.finding.remedies
    assert seen == []


def test_a_slow_proxy_is_awaited_and_a_silent_one_times_out(certificate: Path) -> None:
    with proxy(certificate, "drawl", "keep unanswered", "keep in TLS") as (network, seen):
        assert network.request(Quick(), "GET", f"https://{HOST}/part").body == b"it"
        for _ in range(2):
            with pytest.raises(NetworkError) as caught:
                network.request(Quick(), "GET", f"https://{HOST}/part", retries=0, timeout=0.3)
            assert caught.value.kind is FailureKind.TIMEOUT
            assert caught.value.finding.id == "network.timeout"
    assert seen == ["drawl", "keep unanswered", "keep in TLS"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Tunnel connection failed: 407 Proxy Authentication Required", FailureKind.PROXY_LOGIN),
        # a port and an address in memory that hold the digits by chance
        ("Cannot connect to proxy: HTTPSConnection(host='proxy', port=40780) at 0x7f407c", FailureKind.OTHER),
    ],
)
def test_a_login_is_wanted_only_where_the_proxy_says_so(words: str, kind: FailureKind) -> None:
    assert classify(OSError(words))[0] is kind
