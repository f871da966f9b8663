"""One request under way: what is sent, how long it may take, how much may come back."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import LocationValueError
from urllib3.util import Timeout, parse_url

from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_failure import TooLargeError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import HTTPConnectionPool

_PIECE = 64 << 10
_CONNECTING = 10.0  # seconds at most


class Adapter(HTTPAdapter):
    """The connections of a session, whose TLS trusts what *context* trusts."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._pools: dict[tuple[str, str | None], HTTPConnectionPool] = {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

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
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: Timeout,
        proxy: str | None,
    ) -> BaseHTTPResponse:
        """Send a request to an https address and return the answer, whose body is still to be read.

        Past the preparation of ``requests``, which looks at every part of an address and every header several
        times over: that takes longer than the sending. Raises what urllib3 raises.
        """
        parts = parse_url(url)
        if not parts.host:
            raise requests.exceptions.InvalidURL(url)
        return self._pool(parts.host, parts.port, proxy).urlopen(
            method,
            parts.request_uri,
            body,
            headers,
            retries=self.max_retries,
            redirect=False,
            assert_same_host=False,
            timeout=timeout,
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, host: str, port: int | None, proxy: str | None) -> HTTPConnectionPool:
        key = (f"{host}:{port}", proxy)
        pool = self._pools.get(key)
        if pool is None:
            manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
            pool = self._pools[key] = manager.connection_from_host(
                host, port, "https", pool_kwargs={"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}
            )
        return pool


@dataclass
class Attempt:
    """One request under way, on a thread of its own; ``timeout`` is in seconds, ``maximum`` in bytes."""

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
        deadline = began + self.timeout
        with self._answer() as (status, headers, pieces):
            body = bytearray()
            for piece in pieces:
                body += piece
                if len(body) > self.maximum:
                    raise TooLargeError
                if time.monotonic() > deadline:
                    raise TimeoutError
        return Answer(status, headers, bytes(body), self.url, time.monotonic() - began)

    @contextmanager
    def _answer(self) -> Iterator[tuple[int, dict[str, str], Iterator[bytes]]]:
        """Give status, headers by their names in lower case, and the body's pieces."""
        adapter = self.session.get_adapter(self.url)
        parts = urlsplit(self.url)
        # a name and a password in the address are for requests to make a header of
        plain = parts.scheme == "https" and "@" not in parts.netloc
        if plain and not self.follow and isinstance(adapter, Adapter):
            with closing(self._straight(adapter)) as answer:
                headers = {name.lower(): value for name, value in answer.headers.itermerged()}
                yield answer.status, headers, answer.stream(_PIECE, decode_content=True)
            return
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

    def _straight(self, adapter: Adapter) -> BaseHTTPResponse:
        headers = {**{name: str(value) for name, value in self.session.headers.items()}, **self.headers}
        body = self.data
        if isinstance(body, Mapping):
            body = urlencode(body)
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if isinstance(body, str):
            body = body.encode()
        timeout = Timeout(connect=min(self.timeout, _CONNECTING), read=self.timeout)
        try:
            return adapter.open(
                self.method, self.url, headers, body, timeout, self.session.proxies.get("https")
            )
        except LocationValueError as error:
            raise requests.exceptions.InvalidURL(self.url) from error
        except OSError:
            raise  # a certificate's error is a ValueError too
        except ValueError:
            # its words hold the header's value, which may be a secret
            raise requests.exceptions.InvalidHeader("a header has a character that HTTP forbids") from None
