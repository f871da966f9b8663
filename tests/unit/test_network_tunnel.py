"""A proxy's tunnel that is cut while it is being made: a reset, tried again; a refusal is neither."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from codesign_wizard.core.job import Job
from codesign_wizard.core.network import FailureKind, Network, NetworkError, NetworkSettings

HOST = "storage.vendor.example"
ALLOWED = b"HTTP/1.1 200 Connection established\r\n\r\n"
FAILED = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Quick(Job):
    """A job whose pauses take no time."""

    def wait(self, seconds: float) -> None:
        self.check_cancelled()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tunnel") / "host.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def proxy(certificate: Path, *script: str) -> Iterator[tuple[Network, list[str]]]:
    """A proxy that does with each connection what *script* says, and leads all later ones to the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    seen: list[str] = []

    def serve(connection: socket.socket, what: str) -> None:
        with connection:
            connection.settimeout(10)
            connection.recv(4096)
            connection.sendall({"forbid": FORBIDDEN, "fail": FAILED}.get(what, ALLOWED))
            if what == "lead":
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        tls.recv(4096)
                        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nit")
                except OSError:
                    return  # it only asked whether the proxy lets it through

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
    ],
)
def test_a_tunnel_cut_while_it_is_made_is_tried_again(certificate: Path, cut: tuple[str, ...]) -> None:
    with proxy(certificate, *cut) as (network, seen):
        answer = network.request(Quick(), "PUT", f"https://{HOST}/part", data=b"bytes")
    assert (answer.status, answer.body) == (200, b"it")
    # urllib3 takes some cuts for the proxy's refusal, by chance; then the proxy is asked in between
    assert seen[: len(cut)] == list(cut)
    assert set(seen[len(cut) :]) == {"lead"}


def test_a_tunnel_that_is_always_cut_is_a_reset_in_the_end(certificate: Path) -> None:
    with (
        proxy(certificate, *["fail", "allow"] * 3) as (network, seen),
        pytest.raises(NetworkError) as caught,
    ):
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.kind is FailureKind.RESET
    assert caught.value.finding.id == "network.connection-reset"
    assert HOST in caught.value.finding.title
    assert seen == ["fail", "allow"] * 3


def test_what_the_proxy_refuses_is_not_tried_again(certificate: Path) -> None:
    with (
        proxy(certificate, "forbid", "forbid") as (network, seen),
        pytest.raises(NetworkError) as caught,
    ):
        network.request(Quick(), "GET", f"https://{HOST}/part")
    assert caught.value.kind is FailureKind.PROXY
    assert caught.value.finding.id == "network.proxy-refused"
    assert seen == ["forbid", "forbid"]
