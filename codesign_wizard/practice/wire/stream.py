"""Reading HTTP/1.x off a socket (RFC 9112), with limits and time-outs, and writing answers."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

from codesign_wizard.practice.wire.messages import Headers, Request, Response

MAXIMUM_HEAD = 128 << 10
MAXIMUM_LINE = 16 << 10
HEAD_SECONDS = 60.0  # an idle kept-alive connection is dropped after this, a dribbling client as well
BODY_SECONDS = 60.0
_METHOD = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class ClosedError(Exception):
    """The other side is gone, or said nothing in time."""


class BadMessageError(Exception):
    """What came is not HTTP that can be answered otherwise; ``status`` is the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Stream:
    """A connection on which requests are read and answers written, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._buffer = b""

    def read_head(self) -> Request | None:
        """Return the next request without its body, or ``None`` when the other side has ended.

        Nothing behind the head is taken off a plain socket, so that TLS can follow a CONNECT. Raises
        ``ClosedError`` and ``BadMessageError``.
        """
        deadline = time.monotonic() + HEAD_SECONDS
        head = self._buffer
        while True:
            head = head.lstrip(b"\r\n")  # empty lines before a request are ignored (RFC 9112, 2.2)
            end = _end_of_head(head)
            if end >= 0:
                self._buffer = head[end:]
                return _parse_head(head[:end])
            if len(head) > MAXIMUM_HEAD:
                raise BadMessageError(431, "the header fields are too large")
            more = self._receive_head(head, deadline)
            if not more:
                if head.strip():
                    raise BadMessageError(400, "the request was cut short")
                return None
            head += more

    def _receive_head(self, head: bytes, deadline: float) -> bytes:
        if isinstance(self.socket, ssl.SSLSocket):
            return self._receive(65536, deadline)
        peeked = self._receive(65536, deadline, socket.MSG_PEEK)
        end = _end_of_head(head + peeked)
        wanted = len(peeked) if end < 0 else end - len(head)
        return self._receive(max(wanted, 1), deadline) if peeked else b""

    def read_body(self, request: Request, maximum: int) -> None:
        """Read the request's body into it, answering ``Expect: 100-continue`` first.

        Raises ``ClosedError`` and ``BadMessageError`` (413 over *maximum* bytes).
        """
        request.body = b"".join(self.body(request, maximum).chunks())

    def body(self, request: Request, maximum: int, *, seconds: float = BODY_SECONDS) -> BodyReader:
        """Return what reads the request's body; nothing of it is read yet.

        *seconds* is the time for the whole body. Raises ``BadMessageError``, as the reader does, and that
        ``ClosedError``.
        """
        headers = request.headers
        codings = headers.tokens("Transfer-Encoding")
        lengths = set(headers.get_all("Content-Length"))
        if codings and codings != {"chunked"}:
            raise BadMessageError(501, "the transfer coding is not known")
        if codings and lengths:
            raise BadMessageError(400, "both Transfer-Encoding and Content-Length")
        if len(lengths) > 1 or any(not each.isascii() or not each.isdigit() for each in lengths):
            raise BadMessageError(400, "Content-Length is not one number")
        length = int(lengths.pop()) if lengths else 0
        if length > maximum:
            raise BadMessageError(413, "the body is too large")
        awaited = "100-continue" in headers.tokens("Expect") and request.version == "HTTP/1.1"
        return BodyReader(self, length, maximum, chunked=bool(codings), awaited=awaited, seconds=seconds)

    def pieces(self, length: int, deadline: float) -> Iterator[bytes]:
        """Yield *length* bytes as they come; raises ``ClosedError``."""
        missing = length
        if self._buffer and missing:
            piece, self._buffer = self._buffer[:missing], self._buffer[missing:]
            missing -= len(piece)
            yield piece
        while missing > 0:
            more = self._receive(min(missing, 1 << 18), deadline)
            if not more:
                raise ClosedError("the body was cut short")
            missing -= len(more)
            yield more

    def line(self, deadline: float) -> bytes:
        """Return the next line without its end; raises ``ClosedError`` and ``BadMessageError``."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAXIMUM_LINE:
                raise BadMessageError(400, "a line is too long")
            more = self._receive(65536, deadline)
            if not more:
                raise ClosedError("the body was cut short")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _receive(self, size: int, deadline: float, flags: int = 0) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ClosedError("nothing came in time")
        try:
            self.socket.settimeout(left)
            return self.socket.recv(size, flags) if flags else self.socket.recv(size)
        except (OSError, ValueError) as error:  # ValueError: closed from another thread
            raise ClosedError(str(error)) from error

    def send(self, data: bytes) -> None:
        """Send all of *data*; raises ``ClosedError``."""
        try:
            self.socket.settimeout(BODY_SECONDS)
            self.socket.sendall(data)
        except (OSError, ValueError) as error:
            raise ClosedError(str(error)) from error

    def answer(self, request: Request | None, response: Response, date: str, *, keep: bool) -> None:
        """Send *response*, its length and connection headers completed; raises ``ClosedError``."""
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        names = {name.lower() for name, _ in response.headers}
        head += [f"{name}: {value}" for name, value in response.headers]
        if response.status >= 200 and response.status != 204 and "content-length" not in names:
            head.append(f"Content-Length: {len(response.body)}")
        if "date" not in names:
            head.append(f"Date: {date}")
        if not keep:
            head.append("Connection: close")
        elif request is not None and request.version == "HTTP/1.0":
            head.append("Connection: keep-alive")
        bare = response.status in (204, 304) or (request is not None and request.method == "HEAD")
        body = b"" if bare else response.body
        self.send(("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace") + body)


class BodyReader:
    """The body of one request, read as it is asked for.

    ``finished`` tells whether all of it has been taken off the connection.
    """

    def __init__(
        self, stream: Stream, length: int, maximum: int, *, chunked: bool, awaited: bool, seconds: float
    ) -> None:
        self._stream = stream
        self._length = length
        self._maximum = maximum
        self._chunked = chunked
        self._seconds = seconds
        # whether the client holds the body back until it is asked for (RFC 9110, 10.1.1)
        self.awaited = awaited
        self.finished = not chunked and not length
        self._pieces = self._read()

    def chunks(self) -> Iterator[bytes]:
        """Yield what has not been read yet; raises ``ClosedError`` and ``BadMessageError``."""
        return self._pieces

    def discard(self, most: int) -> bool:
        """Take what is left off the connection, *most* bytes of it; tell whether that was all."""
        if self.finished:
            return True
        if self.awaited:
            return False  # the client will not send it
        for piece in self._pieces:
            most -= len(piece)
            if most < 0:
                return False
        return self.finished

    def _read(self) -> Iterator[bytes]:
        if self.finished:
            return
        if self.awaited:
            self.awaited = False
            self._stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        deadline = time.monotonic() + self._seconds
        if self._chunked:
            yield from self._read_chunks(deadline)
        else:
            yield from self._stream.pieces(self._length, deadline)
        self.finished = True

    def _read_chunks(self, deadline: float) -> Iterator[bytes]:
        done = 0
        while True:
            size_text = self._stream.line(deadline).split(b";")[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError as error:
                raise BadMessageError(400, "a chunk has no size") from error
            if size < 0 or not size_text.isalnum():
                raise BadMessageError(400, "a chunk has no size")
            done += size
            if done > self._maximum:
                raise BadMessageError(413, "the body is too large")
            if not size:
                break
            yield from self._stream.pieces(size, deadline)
            if self._stream.line(deadline):
                raise BadMessageError(400, "a chunk is longer than it says")
        while self._stream.line(deadline):  # trailers mean nothing to any service here
            continue


def wants_more(request: Request) -> bool:
    """Tell whether the client keeps the connection open after this request (RFC 9112, 9.3)."""
    said = request.headers.tokens("Connection") | request.headers.tokens("Proxy-Connection")
    if "close" in said:
        return False
    return request.version == "HTTP/1.1" or "keep-alive" in said


def _end_of_head(data: bytes) -> int:
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    return min(ends, default=-1)


def _parse_head(head: bytes) -> Request:
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    parts = lines[0].split(" ")
    if len(lines[0]) > MAXIMUM_LINE:
        raise BadMessageError(414, "the request line is too long")
    if len(parts) != 3 or not parts[0] or not set(parts[0]) <= _METHOD or not parts[1]:
        raise BadMessageError(400, "this is not an HTTP request")
    if parts[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadMessageError(505 if parts[2].startswith("HTTP/") else 400, "the HTTP version is not known")
    headers = Headers()
    for line in lines[1:]:
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or not set(name) <= _METHOD:
            raise BadMessageError(400, "a header field is malformed")
        headers.add(name, value.strip(" \t"))
    return Request(method=parts[0], target=parts[1], version=parts[2], headers=headers)
