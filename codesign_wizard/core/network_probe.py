"""Looking closer when a request failed: what the proxy says, and whose certificate is shown."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_SECONDS = 5.0
_MAXIMUM = 64 << 10
_NAME_WORDS = (
    "err_dns_fail",
    "dns_unresolved",
    "unable to determine ip",
    "host not found",
    "name or service",
    "dns",
)


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """The proxy's own answer to a CONNECT: status, its error code if it names one, the first words."""

    status: int
    code: str
    text: str

    @property
    def name_unknown_for_sure(self) -> bool:
        """Whether the proxy says that the name does not resolve."""
        return any(word in f"{self.code} {self.text}".lower() for word in _NAME_WORDS)

    @property
    def name_unknown(self) -> bool:
        """Whether the name probably does not resolve: proxies answer 502 to 504 then."""
        return self.name_unknown_for_sure or self.status in (502, 503, 504)


def ask_proxy(url: str, proxy: str | None) -> ProxyAnswer | None:
    """Ask *proxy* for *url*'s host by hand and return its answer to the CONNECT.

    ``None`` without a proxy, and from one that gives no answer. Raises ``OSError`` when it is not there.
    """
    if proxy is None:
        return None
    try:
        connection = _proxy_socket(proxy)
    except (ConnectionResetError, ConnectionAbortedError):
        return None  # it was there to end it
    with connection:
        try:
            return _parse(_connect(connection, proxy, url))
        except OSError:
            return None


def presented_issuer(url: str, proxy: str | None) -> str:
    """Return the issuer of the certificate that *url*'s host shows here, "" when it cannot be had."""
    from cryptography import x509

    parts = urlsplit(url)
    host = parts.hostname or ""
    # nothing is sent over this connection: it only shows who answers
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _proxy_socket(proxy) if proxy else _direct(host, parts.port or 443) as connection:
            if proxy:
                _connect(connection, proxy, url)
            with context.wrap_socket(connection, server_hostname=host) as tls:
                shown = tls.getpeercert(binary_form=True)
        if not shown:
            return ""
        return x509.load_der_x509_certificate(shown).issuer.rfc4514_string()
    except (OSError, ValueError):
        return ""  # evidence to add if it can be had; the finding stands without


def _direct(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=_SECONDS)


def _proxy_socket(proxy: str) -> socket.socket:
    parts = urlsplit(proxy)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise OSError("the proxy's port is no number") from error
    connection = _direct(parts.hostname or "", port)
    if parts.scheme == "https":
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    return connection


def _connect(connection: socket.socket, proxy: str, url: str) -> bytes:
    target = urlsplit(url)
    authority = f"{target.hostname}:{target.port or (443 if target.scheme == 'https' else 80)}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    login = urlsplit(proxy)
    if login.username:
        pair = f"{unquote(login.username)}:{unquote(login.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    data = b""
    end = time.monotonic() + _SECONDS
    while b"\r\n\r\n" not in data and len(data) < _MAXIMUM:
        connection.settimeout(max(0.01, end - time.monotonic()))
        more = connection.recv(4096)
        if not more:
            break
        data += more
    if data.split(b" ", 2)[1:2] != [b"200"]:
        connection.settimeout(1.0)
        end = time.monotonic() + _SECONDS
        try:
            while len(data) < _MAXIMUM and time.monotonic() < end and (more := connection.recv(4096)):
                data += more
        except TimeoutError:
            return data  # an answer kept alive: what came is what there is
    connection.settimeout(_SECONDS)
    return data


def _parse(data: bytes) -> ProxyAnswer | None:
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    lines = head.split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return None
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
    }
    code = fields.get("x-squid-error") or fields.get("x-proxy-error") or fields.get("proxy-status", "")
    return ProxyAnswer(int(words[1]), code, " ".join(_plain(body).split())[:400] or lines[0])


def _plain(body: str) -> str:
    text, inside = [], False
    for char in body:
        if char == "<":
            inside = True
        elif char == ">":
            inside = False
            text.append(" ")
        elif not inside:
            text.append(char)
    return "".join(text)
