"""The forward proxy: what it leads where, what it refuses, and what it survives."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography import x509

from codesign_wizard.practice import client_settings
from codesign_wizard.practice.cloud import PracticeCloud


def connect(cloud: PracticeCloud) -> socket.socket:
    host, _, port = cloud.proxy_url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def talk(cloud: PracticeCloud, data: bytes, *, end: bool = True) -> bytes:
    """Send *data*, say no more (*end*), and return all that comes back."""
    with connect(cloud) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer


def tunnel(cloud: PracticeCloud, host: str, port: int = 443) -> ssl.SSLSocket:
    connection = connect(cloud)
    connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    context = ssl.create_default_context(cafile=str(cloud.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does by default
    return context.wrap_socket(connection, server_hostname=host)


def test_names_that_do_not_exist_are_answered_as_squid_does(client: Any) -> None:
    for host in ("nope.vault.azure.net", "a.b.vault.azure.net", "vault.azure.net", "www.example.com",
                 "127.0.0.1", "localhost"):  # fmt: skip
        answer = talk(client.cloud, f"CONNECT {host}:443 HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n" in head
        assert host.encode() in body
    plain = client.session.get("http://www.example.com/")
    assert (plain.status_code, plain.headers["X-Squid-Error"]) == (503, "ERR_DNS_FAIL 0")


def test_a_host_listens_on_its_own_port_only(client: Any) -> None:
    for request in (
        b"CONNECT login.microsoftonline.com:80 HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"CONNECT pki.example:443 HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET http://login.microsoftonline.com/ HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"CONNECT login.microsoftonline.com:22 HTTP/1.1\r\nConnection: close\r\n\r\n",
    ):
        assert b"X-Squid-Error: ERR_CONNECT_FAIL 111" in talk(client.cloud, request)


def test_plain_http_through_a_tunnel(client: Any) -> None:
    answer = talk(
        client.cloud,
        b"CONNECT pki.example:80 HTTP/1.1\r\n\r\nGET /ca.crt HTTP/1.1\r\nHost: pki.example\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x01\x02 garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS without CONNECT
        (b"GET / HTTP/1.1\r\nHost: pki.example\r\n\r\n", 400),  # not a proxy's request
        (b"GET http:///x HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[::1/x HTTP/1.1\r\n\r\n", 400),
        (b"GET ftp://pki.example/x HTTP/1.1\r\n\r\n", 400),
        (b"GET http://pki.example:99999/x HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT pki.example HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT pki.example:x HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT :443 HTTP/1.1\r\n\r\n", 400),
        (b"GET http://pki.example/ca.crt HTTP/2.0\r\n\r\n", 505),
        (b"GET http://pki.example/ca.crt\r\n\r\n", 400),
        (b"GET http://pki.example/ca.crt HTTP/1.1\r\nBad Header: x\r\n\r\n", 400),
        (b"GET http://pki.example/ca.crt HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (b"GET http://pki.example/" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n", 400),
        (b"POST http://pki.example/ocsp HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"
         b"\r\n", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_served_gets_a_status(client: Any, sent: bytes, status: int) -> None:
    answer = talk(client.cloud, sent)
    assert answer.split(b" ")[1] == str(status).encode(), answer[:200]


@pytest.mark.parametrize(
    "sent",
    [b"", b"\r\n\r\n", b"GET http://pki.example/ca.c",
     b"POST http://pki.example/ocsp HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"],
)  # fmt: skip
def test_clients_that_leave_early_do_no_harm(client: Any, sent: bytes) -> None:
    talk(client.cloud, sent)
    assert client.session.get("http://pki.example/ca.crt").status_code == 200


def test_keep_alive_and_http_1_0(client: Any) -> None:
    get = b"GET http://pki.example/ca.crt HTTP/1.1\r\nHost: pki.example\r\n\r\n"
    close = get.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = talk(client.cloud, get + b"\r\n" + get + close + get, end=False)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3  # pipelined; nothing after close
    old = get.replace(b"HTTP/1.1", b"HTTP/1.0")
    answer = talk(client.cloud, old + old, end=False)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"\r\nConnection: close\r\n" in answer
    kept = old.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    answer = talk(client.cloud, kept + old, end=False)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert b"\r\nConnection: keep-alive\r\n" in answer


def test_head_has_the_length_and_no_body(client: Any) -> None:
    answer = talk(client.cloud, b"HEAD http://pki.example/ca.crt HTTP/1.1\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 0" not in head
    assert b"Content-Length: " in head
    assert body == b""


def test_expect_100_continue_and_chunks_in_pieces(client: Any) -> None:
    fields = "&".join(
        f"{name}={requests.utils.quote(value, safe='')}" for name, value in client.form().items()
    ).encode()
    path = client.token_url.removeprefix("https://login.microsoftonline.com")
    with tunnel(client.cloud, "login.microsoftonline.com") as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: login.microsoftonline.com\r\nTransfer-Encoding: chunked\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
        )
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for start in range(0, len(fields), 50):
            piece = fields[start : start + 50]
            connection.sendall(f"{len(piece):x};note=x\r\n".encode() + piece[:20])
            connection.sendall(piece[20:] + b"\r\n")
        connection.sendall(b"0\r\nTrailer: x\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"access_token"' in answer


def test_a_dribbling_client_is_served(client: Any) -> None:
    with connect(client.cloud) as connection:
        for octet in b"GET http://pki.example/ca.crt HTTP/1.1\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes((octet,)))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_does_not_wait_for_the_proxys_answer(client: Any) -> None:
    """CONNECT and the start of the TLS handshake in one write."""
    host = "login.microsoftonline.com"
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(client.cloud.ca_file))
    secured = context.wrap_bio(incoming, outgoing, server_hostname=host)
    with pytest.raises(ssl.SSLWantReadError):
        secured.do_handshake()
    with connect(client.cloud) as connection:
        connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode() + outgoing.read())
        answer = connection.recv(65536)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        incoming.write(rest)
        while True:
            try:
                secured.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(connection.recv(65536))
    assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_certificates_fit_the_name_asked_for_and_strict_verifiers(client: Any) -> None:
    vault = client.vault_url.removeprefix("https://")
    for host in ("login.microsoftonline.com", vault):
        with tunnel(client.cloud, host) as connection:
            names = connection.getpeercert()["subjectAltName"]
            assert names == (("DNS", host),)
    connection = connect(client.cloud)
    connection.sendall(b"CONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n")
    connection.recv(4096)
    context = ssl.create_default_context(cafile=str(client.cloud.ca_file))
    with context.wrap_socket(connection, server_hostname=vault) as secured:  # SNI decides
        assert secured.getpeercert()["subjectAltName"] == (("DNS", vault),)


def test_a_wrong_host_header_inside_a_tunnel(client: Any) -> None:
    for line in (b"Host: elsewhere.example\r\n", b""):
        with tunnel(client.cloud, "login.microsoftonline.com") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + line + b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_only_loopback_is_listened_on(client: Any) -> None:
    port = int(client.cloud.proxy_url.rpartition(":")[2])
    with socket.socket() as own:
        own.settimeout(1)
        address = socket.gethostbyname(socket.gethostname())
        if not address.startswith("127."):
            assert own.connect_ex((address, port)) != 0
    with socket.socket(socket.AF_INET6) as six:
        six.settimeout(1)
        with pytest.raises(OSError, match=r"."):
            six.connect(("::1", port))


def test_a_proxy_that_wants_a_login(start: Callable[..., Any]) -> None:
    own = start("proxy-login")
    login = client_settings.description(own.cloud)["proxy_login"]
    answer = talk(own.cloud, b"CONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 407 Proxy Authentication Required\r\n")
    assert b'\r\nProxy-Authenticate: Basic realm="Practice proxy"\r\n' in answer
    assert own.session.get("http://pki.example/ca.crt").status_code == 407
    for user, password in (("practice", "wrong"), (login["user"], login["password"])):
        place = own.cloud.proxy_url.replace("//", f"//{user}:{password}@")
        own.session.proxies = {"http": place, "https": place}
        status = own.session.get("http://pki.example/ca.crt").status_code
        assert status == (200 if password == login["password"] else 407)
    assert own.ask_token().status_code == 200


def test_inspection_shows_a_ca_that_nobody_gave_the_client(start: Callable[..., Any]) -> None:
    own = start("tls-inspected")
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        own.ask_token()
    connection = connect(own.cloud)
    connection.sendall(b"CONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n")
    connection.recv(4096)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connection, server_hostname="login.microsoftonline.com") as secured:
        der = secured.getpeercert(binary_form=True)
    assert der is not None
    issuer = x509.load_der_x509_certificate(der).issuer.rfc4514_string()
    assert "Web Gateway Inspection CA (practice)" in issuer


def test_a_reset_is_a_reset(start: Callable[..., Any]) -> None:
    own = start("connection-reset")
    with pytest.raises(requests.exceptions.ConnectionError, match=r"(?i)reset|closed"):
        own.vault("/certificates", token="x")
    assert own.ask_token().status_code == 200  # the rest of the network is well


def test_a_slow_vault_holds_its_answer_and_stop_does_not_wait_for_it(start: Callable[..., Any]) -> None:
    own = start("slow")
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        own.vault("/certificates", token="x", timeout=0.3)
    assert own.ask_token().status_code == 200
    own.cloud.stop()
    assert time.monotonic() - began < 15  # half of what the vault holds its answer


def test_slow_factor_shortens_the_wait(start: Callable[..., Any]) -> None:
    own = start("slow", slow_factor=0.01)
    began = time.monotonic()
    assert own.vault("/certificates").status_code == 200
    assert 0.3 <= time.monotonic() - began < 15


def test_nothing_is_left_after_stop(start: Callable[..., Any]) -> None:
    before = set(threading.enumerate())
    own = start()
    idle = connect(own.cloud)
    secured = tunnel(own.cloud, "login.microsoftonline.com")
    port, folder = int(own.cloud.proxy_url.rpartition(":")[2]), own.cloud.folder
    handshaking = connect(own.cloud)
    handshaking.sendall(b"CONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n")
    handshaking.recv(4096)
    assert folder.is_dir()
    began = time.monotonic()
    own.cloud.stop()
    own.cloud.stop()
    assert time.monotonic() - began < 10
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port)) != 0
    assert not folder.exists()
    for connection in (idle, secured, handshaking):
        connection.close()


def test_starting_is_quick() -> None:
    times = []
    for _ in range(3):
        began = time.process_time()
        with PracticeCloud():
            times.append(time.process_time() - began)
    # work, not waiting; most of it is making RSA keys, whose luck varies
    assert sorted(times)[1] < 4.0


def test_many_clients_at_once(client: Any) -> None:
    failures: list[str] = []

    def work() -> None:
        answer = requests.get(
            f"{client.vault_url}/certificates?api-version=7.4",
            proxies={"https": client.cloud.proxy_url},
            verify=str(client.cloud.ca_file),
            timeout=20,
        )
        if answer.status_code != 401:
            failures.append(answer.text)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
