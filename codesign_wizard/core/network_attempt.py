"""One request under way: what is sent, how long it may take, how much may come back."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationValueError
from urllib3.util import Timeout, make_headers, parse_url

from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_deadline import POOLS, Deadline
from codesign_wizard.core.network_failure import TooLargeError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import HTTPConnectionPool
    from urllib3.util import Url

_PIECE = 64 << 10
_CONNECTING = 10.0  # seconds at most
_SLACK = 1.0  # seconds: the socket's own time-out, which says more, speaks first
_REDIRECTS = 5
_LARGEST = 8 << 20  # bytes of an answer to the Azure SDK
_MOVED = (301, 302, 303, 307, 308)


class Adapter(HTTPAdapter):
    """The connections of a session, whose TLS trusts what *context* trusts."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._pools: dict[tuple[str, str | None], HTTPConnectionPool] = {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)
        if not proxy.lower().startswith("socks"):  # which has pools of its own
            manager.pool_classes_by_scheme = POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, True, cert)
        # requests would load certifi's list into the context at every connection
        kept = {key: value for key, value in pool.items() if key not in ("ca_certs", "ca_cert_dir")}
        return host, {**kept, "cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"

    def close(self) -> None:
        self._pools.clear()
        super().close()

    def open(
        self,
        method: str,
        parts: Url,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: Timeout,
        proxy: str | None,
    ) -> BaseHTTPResponse:
        """Send a request and return the answer, whose body is still to be read.

        Past the preparation of ``requests``, which looks at every part of an address and every header several
        times over: that takes longer than the sending. Raises what urllib3 raises.
        """
        plain = proxy is not None and parts.scheme == "http" and not proxy.lower().startswith("socks")
        # a proxy is told the whole address of what is not encrypted (RFC 9112, 3.2.2)
        target = parts._replace(auth=None, fragment=None).url if plain else parts.request_uri
        return self._pool(parts, proxy).urlopen(
            method,
            target,
            body,
            headers,
            retries=self.max_retries,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, parts: Url, proxy: str | None) -> HTTPConnectionPool:
        key = (f"{parts.scheme}://{parts.netloc}", proxy)
        pool = self._pools.get(key)
        if pool is None:
            manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
            trust = {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}
            pool = self._pools[key] = manager.connection_from_host(
                parts.host, parts.port, parts.scheme, pool_kwargs=trust
            )
        return pool


@dataclass
class Attempt:
    """One request under way; ``timeout`` is in seconds and for all of it, ``maximum`` in bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    data: bytes | str | Mapping[str, str] | None
    timeout: float
    maximum: int
    follow: bool
    session: requests.Session = field(repr=False)

    def run(self) -> Answer:
        """Send it and read the answer; raises what the libraries below raise, ``TooLargeError``."""
        began = time.monotonic()
        with whole(self.timeout), self._answer() as (status, headers, pieces):
            body = bytearray()
            for piece in pieces:
                body += piece
                if len(body) > self.maximum:
                    raise TooLargeError
                if time.monotonic() > began + self.timeout:
                    raise TimeoutError
        return Answer(status, headers, bytes(body), self.url, time.monotonic() - began)

    @contextmanager
    def _answer(self) -> Iterator[tuple[int, dict[str, str], Iterator[bytes]]]:
        """Give status, headers by their names in lower case, and the body's pieces."""
        adapter = self.session.get_adapter(self.url)
        if isinstance(adapter, Adapter):
            with closing(self._arrived(adapter)) as answer:
                headers = {name.lower(): value for name, value in answer.headers.itermerged()}
                yield answer.status, headers, answer.stream(_PIECE, decode_content=True)
            return
        # a session of somebody else's making
        with self.session.request(
            self.method,
            self.url,
            headers=self.headers,
            data=self.data,
            timeout=(min(self.timeout, _CONNECTING), self.timeout),
            stream=True,
            allow_redirects=self.follow,
        ) as told:
            headers = {name.lower(): value for name, value in told.headers.items()}
            yield told.status_code, headers, told.iter_content(_PIECE)

    def _arrived(self, adapter: Adapter) -> BaseHTTPResponse:
        """Return the answer, at the end of its redirects where they are followed."""
        method, url, data = self.method, self.url, self.data
        for _ in range(_REDIRECTS + 1):
            answer = self._straight(adapter, method, url, data)
            there = answer.headers.get("location") if self.follow and answer.status in _MOVED else None
            if there is None:
                return answer
            answer.close()
            url = _joined(url, there)
            if method != "HEAD" and answer.status in _MOVED[:3]:
                method, data = "GET", None  # as every client does (RFC 9110, 15.4.3)
        raise requests.exceptions.TooManyRedirects("it sends from one address to the next")

    def _straight(
        self, adapter: Adapter, method: str, url: str, data: bytes | str | Mapping[str, str] | None
    ) -> BaseHTTPResponse:
        given = {name.lower() for name in self.headers}
        own = {name: str(value) for name, value in self.session.headers.items() if name.lower() not in given}
        headers = {**own, **self.headers}
        if isinstance(data, Mapping):
            data = urlencode(data)
            if "content-type" not in given:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = data.encode() if isinstance(data, str) else data
        timeout = Timeout(connect=min(self.timeout, _CONNECTING), read=self.timeout)
        try:
            parts = parse_url(url)
            if not parts.host:
                raise LocationValueError("no host")
            if parts.auth and "authorization" not in given:
                headers.update(make_headers(basic_auth=unquote(parts.auth)))
            proxy = self.session.proxies.get(parts.scheme or "")
            return adapter.open(method, parts, headers, body, timeout, proxy)
        except LocationValueError as error:
            raise requests.exceptions.InvalidURL("the address is not understood") from error
        except OSError:
            raise  # a certificate's error is a ValueError too
        except ValueError:
            failed = True
        # not while the error is handled, whose words hold the header's value, which may be a secret
        assert failed
        raise requests.exceptions.InvalidHeader("an address or a header has a character that HTTP forbids")


def whole(seconds: float) -> Deadline:
    """Return what ends a request of *seconds* on this thread; the socket's own time-out speaks first."""
    return Deadline(seconds + _SLACK)


def bounded(answer: requests.Response, **_: Any) -> None:
    """Read the body of *answer*, in place of ``requests``, which takes any; raises ``TooLargeError``.

    For its hook ``response``, which it calls before it looks at the body.
    """
    body = bytearray()
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) > _LARGEST:
            answer.close()
            raise TooLargeError
    answer._content = bytes(body)


def _joined(url: str, there: str) -> str:
    try:
        joined = urljoin(url, there)
        scheme = urlsplit(joined).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise requests.exceptions.InvalidURL("it sends on to an address that is not understood")
    return joined
