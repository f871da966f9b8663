"""Why no answer came, read off the exceptions of requests, urllib3, the socket and the Azure SDK."""

from __future__ import annotations

import http.client
import re
import ssl
from enum import StrEnum
from typing import Any


class FailureKind(StrEnum):
    """Why no answer came."""

    NAME = "name"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROXY_LOGIN = "proxy-login"
    PROXY = "proxy"
    RESET = "reset"
    PROTOCOL = "protocol"
    TOO_LARGE = "too-large"
    OTHER = "other"


class TooLargeError(Exception):
    """The answer is larger than the caller takes."""


_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")


def tunnel_status(words: str) -> int | None:
    """Return the status of the proxy's answer to a CONNECT that http.client reports in *words*."""
    found = _TUNNEL.search(words)
    return int(found[1]) if found else None


def classify(error: BaseException) -> tuple[FailureKind | None, str]:
    """Return the kind by the innermost cause that says something, and its words."""
    if isinstance(error, TooLargeError):
        return FailureKind.TOO_LARGE, ""
    if isinstance(error, TimeoutError):
        # what was read until then may look like anything
        return FailureKind.TIMEOUT, str(error)
    causes = list(_causes(error))
    words = next((str(each) for each in reversed(causes) if str(each)), type(error).__name__)
    names = {type(each).__name__ for each in causes}
    text = " ".join(str(each) for each in causes)
    status = tunnel_status(text)
    kind = None
    if status == 407:
        kind = FailureKind.PROXY_LOGIN
    elif "CERTIFICATE_VERIFY_FAILED" in text or any(
        isinstance(each, ssl.SSLCertVerificationError) for each in causes
    ):
        kind = FailureKind.TLS
    elif status is not None:
        kind = FailureKind.PROXY
    elif "WRONG_VERSION_NUMBER" in text or any(_speaks_otherwise(each) for each in causes):
        kind = FailureKind.PROTOCOL
    elif "ProxyError" in names and not any(isinstance(each, _CUT) for each in causes):
        kind = FailureKind.PROXY
    elif "NameResolutionError" in names or "gaierror" in names:
        kind = FailureKind.NAME
    elif any(isinstance(each, ConnectionRefusedError) for each in causes):
        kind = FailureKind.REFUSED
    elif any(isinstance(each, TimeoutError) for each in causes) or names & _TIMEOUTS:
        kind = FailureKind.TIMEOUT
    elif (
        any(isinstance(each, ConnectionError) for each in causes if isinstance(each, OSError))
        or names & _RESETS
        or "EOF occurred" in text
        or "UNEXPECTED_EOF" in text
    ):
        kind = FailureKind.RESET
    elif _ANY & {base.__name__ for each in causes for base in type(each).__mro__} or any(
        isinstance(each, OSError) for each in causes
    ):
        kind = FailureKind.OTHER
    return kind, words


def _speaks_otherwise(error: BaseException) -> bool:
    """Tell whether the answer's first line is none of HTTP's; one that was cut short is another matter."""
    return (
        isinstance(error, http.client.BadStatusLine)
        and not isinstance(error, http.client.RemoteDisconnected)
        and not str(error).startswith("HTTP/")
    )


# urllib3 takes a connection that the proxy ends while it is being made for a proxy that is not there
_CUT = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_TIMEOUTS = {
    "ConnectTimeout",
    "ReadTimeout",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ServiceResponseTimeoutError",
}
_RESETS = {
    "ProtocolError",
    "RemoteDisconnected",
    "ConnectionResetError",
    "IncompleteRead",
    "ChunkedEncodingError",
}
_ANY = {
    "RequestException",
    "ServiceRequestError",
    "ServiceResponseError",
    "HTTPError",
    "SSLError",
    "InvalidURL",
}


def _causes(error: BaseException) -> Any:
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # urllib3 and the SDK put the cause into args, reason or inner_exception as well
        inner = [
            each.__cause__,
            each.__context__,
            getattr(each, "reason", None),
            getattr(each, "inner_exception", None),
        ]
        waiting += [one for one in (*inner, *each.args) if isinstance(one, BaseException)]
