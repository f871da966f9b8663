"""The one listening socket of the practice cloud: a forward proxy that ends TLS itself.

It listens on 127.0.0.1 only, and opens no connection to anywhere: a host is either a service in this process
or does not exist.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from codesign_wizard.core.turns import give_way
from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.conditions import Conditions
from codesign_wizard.practice.wire import proxy
from codesign_wizard.practice.wire.messages import Request, Response, Service
from codesign_wizard.practice.wire.stream import BadMessageError, ClosedError, Stream, wants_more

_PORTS = {"https": 443, "http": 80}
HANDSHAKE_SECONDS = 30.0
MAXIMUM_BODY = 64 << 10  # of what a browser sends to this address itself
MAXIMUM_UPLOAD = 6 << 30
UPLOAD_SECONDS = 3600.0  # for the body of a request to a service that reads it itself
_DISCARDED = 32 << 20  # of a refused body: clients listen when they have sent theirs
_INVALID_HOST = (
    b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\r\n'
    b"<HTML><HEAD><TITLE>Bad Request</TITLE>\r\n"
    b'<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>\r\n'
    b"<BODY><h2>Bad Request - Invalid Hostname</h2>\r\n"
    b"<hr><p>HTTP Error 400. The request hostname is invalid.</p>\r\n</BODY></HTML>\r\n"
)


class Server:
    """Accepts connections and leads each request to its service, one daemon thread a connection."""

    def __init__(
        self,
        services: Sequence[Service],
        conditions: Conditions,
        clock: Clock,
        tls_context: Callable[[str], ssl.SSLContext],
    ) -> None:
        self._services = services
        self._conditions = conditions
        self._clock = clock
        self._tls_context = tls_context
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None
        self.on_answer: Callable[[str], None] | None = None  # told of each answer, on the connection's thread
        self.front: Callable[[Request], Response] | None = None  # what the address itself answers
        self.streamed_front: tuple[str, ...] = ()  # paths below which it reads bodies itself
        self.problems: list[str] = []  # tracebacks of handlers; a test looks that there are none

    def start(self) -> int:
        """Listen on a free port of 127.0.0.1 and return it."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, name="practice-accept", daemon=True)
        self._acceptor.start()
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Close every socket and wait for the threads to end."""
        self._conditions.stopping.set()
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # closing a socket does not wake an accept on every system; a connection does
        with socket.socket() as waker:
            waker.settimeout(1)
            with suppress(OSError):  # the acceptor may have ended already
                waker.connect(listener.getsockname())
        if self._acceptor is not None:
            self._acceptor.join(2)
        listener.close()
        with self._lock:
            open_now = dict(self._connections)
        for connection in open_now:
            _shut(connection)
        deadline = time.monotonic() + 3
        for thread in open_now.values():
            thread.join(max(deadline - time.monotonic(), 0))

    def hang_up(self) -> None:
        """Close every connection that is open now; who asks again meets the network as it has become."""
        with self._lock:
            open_now = list(self._connections)
        for connection in open_now:
            _shut(connection)

    def resolves(self, host: str) -> bool:
        """Tell whether *host* exists on the practice network."""
        return self._service(host) is not None

    def _service(self, host: str) -> Service | None:
        return next((service for service in self._services if service.serves(host)), None)

    def _accept(self) -> None:
        while (listener := self._listener) is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if self._conditions.stopping.is_set():
                connection.close()
                return
            thread = threading.Thread(
                target=self._connection, args=(connection,), name="practice-connection", daemon=True
            )
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _connection(self, connection: socket.socket) -> None:
        current = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target = self._proxy(Stream(connection))
            if target is not None:
                tunnel = self._tunnel(connection, *target)
                if tunnel is not None:
                    current = tunnel.socket
                    self._origin(tunnel, *target)
        except (ClosedError, OSError, ValueError):
            pass  # the client left, or stop closed the socket; there is nobody to tell
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            _close(current)

    def _proxy(self, stream: Stream) -> tuple[str, int, str] | None:
        """Answer requests to the proxy itself until the end, or return where a CONNECT leads."""
        while True:
            request: Request | None = None
            try:
                request = stream.read_head()
                if request is None:
                    return None
                give_way()
                if request.method == "CONNECT":
                    target, refusal = self._connect_target(request)
                    if refusal is None and target is not None:
                        stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        return target
                    response = refusal or proxy.invalid_url(request.target)
                else:
                    response = self._forward(stream, request)
            except BadMessageError as error:
                response = proxy.bad_message(error.status, str(error))
            if not self._reply(stream, request, response):
                return None

    def _connect_target(self, request: Request) -> tuple[tuple[str, int, str] | None, Response | None]:
        host, _, port_text = request.target.rpartition(":")
        host = host.lower().rstrip(".")
        if not host or not port_text.isascii() or not port_text.isdigit() or int(port_text) > 65535:
            return None, proxy.invalid_url(request.target)
        port = int(port_text)
        refusal = self._gate(request, host, port, f"https://{host}/*" if port == 443 else request.target)
        scheme = next((scheme for scheme, number in _PORTS.items() if number == port), "")
        return (host, port, scheme), refusal

    def _gate(self, request: Request, host: str, port: int, url: str) -> Response | None:
        login = self._conditions.proxy_login
        if login is not None and not proxy.login_given(request, login):
            return proxy.login_wanted(url, login)
        service = self._service(host)
        if service is None:
            return proxy.name_unknown(host, url)
        open_ports = {_PORTS[scheme] for scheme in service.schemes}
        if port not in open_ports or host in self._conditions.refused:
            return proxy.connection_refused(host, url)
        return None

    def _forward(self, stream: Stream, request: Request) -> Response:
        """Answer a request in absolute form (RFC 9112, 3.2.2), or one to this address itself."""
        if self.front is not None and self._own(request):
            if request.path.startswith(self.streamed_front):
                return self._streamed(stream, request, MAXIMUM_UPLOAD, self.front)
            stream.read_body(request, MAXIMUM_BODY)
            return self._answer(request, self.front)
        try:
            url = urlsplit(request.target)
            host, port = (url.hostname or "").lower().rstrip("."), url.port
        except ValueError:
            host, port, url = "", None, urlsplit("")
        if url.scheme not in _PORTS or not host:
            response = proxy.invalid_url(request.target)
            response.close = True  # the body, if any, was not read
            return response
        port = port or _PORTS[url.scheme]
        refusal = self._gate(request, host, port, request.target)
        if refusal is not None:
            refusal.close = refusal.close or _has_body(request)
            return refusal
        request.scheme, request.host, request.port = url.scheme, host, port
        return self._dispatch(stream, request)

    def _tunnel(self, connection: socket.socket, host: str, port: int, scheme: str) -> Stream | None:
        if host in self._conditions.resets:
            # the handshake has begun by the time the connection is torn down
            connection.settimeout(HANDSHAKE_SECONDS)
            connection.recv(1)
            _reset(connection)
            return None
        if scheme == "http":
            return Stream(connection)
        connection.settimeout(HANDSHAKE_SECONDS)
        context = self._tls_context(host)
        secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            # wrapping takes the descriptor over: this is the socket to close now
            thread = self._connections.pop(connection, None)
            self._connections[secured] = thread or threading.current_thread()
        try:
            if self._conditions.stopping.is_set():  # stop may have looked before this socket was there
                raise ClosedError("the practice cloud stops")
            secured.do_handshake()
        except (OSError, ValueError, ClosedError):
            with self._lock:
                self._connections.pop(secured, None)
            _close(secured)
            return None
        return Stream(secured)

    def _origin(self, stream: Stream, host: str, port: int, scheme: str) -> None:
        """Answer requests inside a tunnel until the client ends."""
        try:
            while True:
                request: Request | None = None
                try:
                    request = stream.read_head()
                    if request is None:
                        return
                    request.scheme, request.port = scheme, port
                    # HTTP/1.1 without Host is refused (RFC 9112, 3.2), like a name of no service here
                    default = host if request.version == "HTTP/1.0" else ""
                    named = request.headers.get("Host", default).partition(":")[0].lower().rstrip(".")
                    request.host = named
                    if self._service(named) is None:
                        response = Response(
                            400, _INVALID_HOST, [("Content-Type", "text/html; charset=us-ascii")], close=True
                        )
                    else:
                        response = self._dispatch(stream, request)
                except BadMessageError as error:
                    response = Response(error.status, str(error).encode(), close=True)
                    response.headers.append(("Content-Type", "text/plain; charset=utf-8"))
                if not self._reply(stream, request, response):
                    return
        finally:
            with self._lock:
                self._connections.pop(stream.socket, None)

    def _dispatch(self, stream: Stream, request: Request) -> Response:
        service = self._service(request.host)
        assert service is not None, "the caller has looked"
        handle = self._conditions.answers.get(request.host) or service.handle
        if service.streaming:
            return self._streamed(stream, request, service.maximum_body, handle)
        stream.read_body(request, service.maximum_body)
        self._hold(request)
        return self._answer(request, handle)

    def _hold(self, request: Request) -> None:
        give_way()  # the window that it is practised in
        self._conditions.hold(request.host)
        if self._conditions.stopping.is_set():
            raise ClosedError("the practice cloud stops")

    def _streamed(
        self, stream: Stream, request: Request, maximum: int, handle: Callable[[Request], Response]
    ) -> Response:
        """Let *handle* read the body itself; what it leaves is thrown away."""
        request.stream = body = stream.body(request, maximum, seconds=UPLOAD_SECONDS)
        self._hold(request)
        response = self._answer(request, handle)
        if not response.reset and not body.discard(_DISCARDED):
            response.close = True
        return response

    def _own(self, request: Request) -> bool:
        """Tell whether a browser came to this address; one led here under another name did not."""
        if self._listener is None or not request.target.startswith("/"):
            return False
        port = self._listener.getsockname()[1]
        return request.headers.get("Host").lower() in (f"127.0.0.1:{port}", f"localhost:{port}")

    def _answer(self, request: Request, handle: Callable[[Request], Response]) -> Response:
        try:
            return handle(request)
        except (BadMessageError, ClosedError):
            raise  # a body that its service reads itself
        except Exception:  # a fault of ours: kept for who looks, and the server goes on
            self.problems.append(traceback.format_exc())
            return Response(500, b"", close=True)

    def _reply(self, stream: Stream, request: Request | None, response: Response) -> bool:
        """Send the answer; tell whether the connection goes on."""
        if response.reset:
            _reset(stream.socket)
            return False
        if self.on_answer is not None and request is not None:
            whole = "://" in request.target or not request.host
            where = request.target if whole else f"{request.scheme}://{request.host}{request.target}"
            address, _, query = where.partition("?")
            if "Signature=" in query:
                query = "…"  # whoever has a signed address may use it
            shown = f"{address}?{query}" if query else address
            self.on_answer(f"{request.method} {shown} {response.status}")
        keep = not response.close and request is not None and wants_more(request)
        stream.answer(request, response, self._clock.http_date(), keep=keep)
        return keep


def _has_body(request: Request) -> bool:
    return "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0"


def _reset(connection: socket.socket) -> None:
    """Close with a RST: linger on, for no time."""
    layout = "hh" if sys.platform == "win32" else "ii"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
    connection.close()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError, ValueError):  # not connected any more
        connection.shutdown(socket.SHUT_RDWR)


def _close(connection: socket.socket) -> None:
    """End the connection so that what was sent still arrives, even with unread input waiting."""
    try:
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(1)
            connection.unwrap()
        else:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(0.5)
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline and connection.recv(65536):
                continue
    except (OSError, ValueError):
        pass  # gone already
    finally:
        connection.close()
