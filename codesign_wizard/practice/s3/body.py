"""Bodies as clients send them, checked on the way: plain, or cut into chunks with signatures and trailers.

"Signature calculations for the Authorization header: transferring payload in multiple chunks" (with and
without trailing headers) in the Amazon S3 API reference.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator

from codesign_wizard.practice.s3 import checksums, errors
from codesign_wizard.practice.s3.checksums import Checksum
from codesign_wizard.practice.s3.signature import UNSIGNED, Authorized, hmac_sha256
from codesign_wizard.practice.wire.messages import Request

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = f"{SIGNED_CHUNKS}-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_STREAMING = {SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER}
_EMPTY = hashlib.sha256(b"").hexdigest()
_SMALLEST_CHUNK = 8 << 10
_LONGEST_LINE = 16 << 10
_HASH = re.compile(r"[0-9a-f]{64}")


class Payload:
    """The bytes of an object or part, and whether they are what the client says.

    ``size`` is what was announced. After ``chunks`` has come to its end, ``etag`` is the MD5 in hex and
    ``checksums`` those that the client sent, by algorithm, in base64.
    """

    def __init__(self, request: Request, authorized: Authorized) -> None:
        """Read the headers; raises ``S3Error``."""
        self._request = request
        self._authorized = authorized
        self._mode = authorized.payload
        if self._mode not in _STREAMING and self._mode != UNSIGNED and not _HASH.fullmatch(self._mode):
            raise errors.invalid_argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
                "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                "x-amz-content-sha256",
                self._mode,
            )
        self.size = self._announced()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if _HASH.fullmatch(self._mode) else None
        self._expected: dict[str, str] = {}
        self._running: dict[str, Checksum] = {}
        self._trailer = request.headers.get("x-amz-trailer").strip().lower()
        self._take_headers()
        self.etag = ""
        self.checksums: dict[str, str] = {}

    def _announced(self) -> int:
        name = "x-amz-decoded-content-length" if self._mode in _STREAMING else "Content-Length"
        value = self._request.headers.get(name)
        if not value.isascii() or not value.isdigit():
            raise errors.missing_length()
        return int(value)

    def _take_headers(self) -> None:
        for name, value in self._request.headers:
            algorithm = name.lower().removeprefix(checksums.PREFIX)
            if algorithm != name.lower() and algorithm in checksums.ALGORITHMS:
                self._expect(algorithm, value)
        given = self._request.headers.get("Content-MD5")
        if given:
            try:
                right = len(base64.b64decode(given, validate=True)) == 16
            except binascii.Error:
                right = False
            if not right:
                raise errors.S3Error(
                    400,
                    "InvalidDigest",
                    "The Content-MD5 you specified was invalid.",
                    {"Content-MD5": given},
                )
        if self._trailer:
            algorithm = self._trailer.removeprefix(checksums.PREFIX)
            if algorithm not in checksums.ALGORITHMS or self._mode not in (
                UNSIGNED_TRAILER,
                SIGNED_CHUNKS_TRAILER,
            ):
                raise errors.invalid_request(
                    "The value specified in the x-amz-trailer header is not supported"
                )
            self._running[algorithm] = checksums.ALGORITHMS[algorithm]()
        elif self._mode in (UNSIGNED_TRAILER, SIGNED_CHUNKS_TRAILER):
            raise errors.invalid_request("The x-amz-trailer header is missing")

    def _expect(self, algorithm: str, value: str) -> None:
        try:
            right = len(base64.b64decode(value, validate=True))
        except binascii.Error:
            right = 0
        if right != len(checksums.ALGORITHMS[algorithm]().digest()):
            raise errors.invalid_request(f"Value for {checksums.PREFIX}{algorithm} header is invalid.")
        self._expected[algorithm] = value
        self._running.setdefault(algorithm, checksums.ALGORITHMS[algorithm]())

    def chunks(self) -> Iterator[bytes]:
        """Yield the object's bytes; raises ``S3Error``: what was yielded before that is to be thrown away."""
        body = self._request.stream
        raw = iter(()) if body is None else body.chunks()
        done = 0
        for piece in _Chunked(self, raw).pieces() if self._mode in _STREAMING else raw:
            done += len(piece)
            if done > self.size:
                raise errors.incomplete_body()
            self._md5.update(piece)
            if self._sha256 is not None:
                self._sha256.update(piece)
            for running in self._running.values():
                running.update(piece)
            yield piece
        if done != self.size:
            raise errors.incomplete_body()
        self._check()

    def _check(self) -> None:
        if self._sha256 is not None and self._sha256.hexdigest() != self._mode:
            raise errors.payload_hash_differs(self._mode, self._sha256.hexdigest())
        given = self._request.headers.get("Content-MD5")
        computed = base64.b64encode(self._md5.digest()).decode()
        if given and given != computed:
            raise errors.bad_digest(
                "The Content-MD5 you specified did not match what we received.",
                {"ExpectedDigest": given, "CalculatedDigest": computed},
            )
        for algorithm, running in self._running.items():
            value = checksums.text(running)
            if self._expected.get(algorithm) != value:
                raise errors.bad_digest(
                    f"The {algorithm.upper()} you specified did not match the calculated checksum."
                )
            self.checksums[algorithm] = value
        self.etag = self._md5.hexdigest()

    def take_trailer(self, name: str, value: str) -> None:
        """Take the checksum that came behind the last chunk; raises ``S3Error``."""
        if name != self._trailer:
            raise errors.S3Error(
                400,
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform to our "
                "published schema.",
            )
        self._expect(name.removeprefix(checksums.PREFIX), value)

    @property
    def authorized(self) -> Authorized:
        """Who sends it."""
        return self._authorized

    @property
    def mode(self) -> str:
        """What was signed as the body's hash."""
        return self._mode


class _Chunked:
    """``aws-chunked``: HEX-SIZE[;chunk-signature=HEX] CRLF data CRLF, a last one of size 0, trailers."""

    def __init__(self, payload: Payload, raw: Iterator[bytes]) -> None:
        self._payload = payload
        self._raw = raw
        self._buffer = b""
        self._signed = payload.mode != UNSIGNED_TRAILER
        self._previous = payload.authorized.signature
        self._trailers = payload.mode != SIGNED_CHUNKS

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes inside; raises ``S3Error``."""
        small = False
        while True:
            head = self._line()
            size_text, _, extension = head.partition(";")
            try:
                size = int(size_text, 16)
            except ValueError:
                raise errors.incomplete_body() from None
            if size < 0:
                raise errors.incomplete_body()
            if size and small:
                raise errors.S3Error(
                    403,
                    "InvalidChunkSizeError",
                    "Only the last chunk is allowed to have a size less than 8192 bytes",
                )
            small = size < _SMALLEST_CHUNK
            digest = hashlib.sha256()
            for piece in self._exactly(size):
                digest.update(piece)
                yield piece
            if self._signed:
                self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{digest.hexdigest()}", extension)
            if not size:
                break
            if self._line():
                raise errors.incomplete_body()
        self._end()

    def _end(self) -> None:
        """Read what follows the last chunk: nothing, or trailers and their signature."""
        lines = []
        while line := self._line(last=True):
            lines.append(line)
        if not self._trailers:
            return
        text = ""
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "x-amz-trailer-signature":
                if self._signed:
                    content = hashlib.sha256(text.encode()).hexdigest()
                    self._check("AWS4-HMAC-SHA256-TRAILER", content, f"chunk-signature={value}")
                continue
            text += f"{name}:{value}\n"
            self._payload.take_trailer(name, value)
        if self._signed and not any(line.lower().startswith("x-amz-trailer-signature:") for line in lines):
            raise errors.signature_differs({})

    def _check(self, kind: str, content: str, extension: str) -> None:
        by = self._payload.authorized
        text = "\n".join((kind, by.stamp, by.scope, self._previous, content))
        right = hmac_sha256(by.key, text).hex()
        given = extension.strip().removeprefix("chunk-signature=")
        if not hmac.compare_digest(right.encode(), given.encode()):
            raise errors.signature_differs(
                {
                    "AWSAccessKeyId": by.credentials.access_key,
                    "StringToSign": text,
                    "SignatureProvided": given,
                    "StringToSignBytes": text.encode().hex(" "),
                }
            )
        self._previous = right

    def _line(self, *, last: bool = False) -> str:
        while b"\r\n" not in self._buffer:
            more = next(self._raw, b"")
            if not more:
                if last:
                    rest, self._buffer = self._buffer, b""
                    return rest.decode("latin-1")
                raise errors.incomplete_body()
            self._buffer += more
            if len(self._buffer) > _LONGEST_LINE and b"\r\n" not in self._buffer:
                raise errors.incomplete_body()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._buffer:
                self._buffer = next(self._raw, b"")
                if not self._buffer:
                    raise errors.incomplete_body()
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(piece)
            yield piece
