"""The one way out: proxy, certificates, time-outs and retries for every client of the program.

TLS trusts what the operating system trusts, and a CA bundle added to that. Practice is nothing but another
proxy and another bundle.
"""

from __future__ import annotations

import json as json_codec
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codesign_wizard.core import network_findings as findings
from codesign_wizard.core import network_trust
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Evidence, Finding
from codesign_wizard.core.job import JobContext, LogLevel, call_cancellable, may_wait
from codesign_wizard.core.network_answer import Answer, parse_http_date
from codesign_wizard.core.network_connections import Connections
from codesign_wizard.core.network_failure import FailureKind, classify
from codesign_wizard.core.proxy_login import is_address, joined, split, usable
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    import requests
    from azure.core.pipeline.transport import RequestsTransport

    from codesign_wizard.core.redact import Secret

_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_LONGEST_WAIT = 30.0  # seconds spent waiting between attempts, all together


class NetworkError(CodesignError):
    """No answer came; ``finding`` is one of ``network.*`` and ``kind`` says why."""

    def __init__(self, finding: Finding, kind: FailureKind) -> None:
        super().__init__(finding)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to get out. ``timeout`` is in seconds for one attempt; ``cache`` is the folder for what is fetched.

    An empty ``proxy`` or ``ca_bundle`` means the environment's (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE,
    SSL_CERT_FILE), unless ``use_environment`` is false. ``login_of`` is the profile whose password belongs to
    the user that ``proxy`` names, "" when nobody is to be asked for one. ``pace`` shortens every pause
    between two attempts: practice's services need no mercy.
    """

    proxy: str = ""
    login_of: str = ""
    ca_bundle: str = ""
    timeout: float = 20.0
    use_environment: bool = True
    cache: str = ""
    pace: float = 1.0


class Network:
    """Sends every request of the program by one set of ``settings``; safe to use from several threads.

    *password* is asked once, by the first who sends something, for the password of the proxy's user: to ask a
    keyring takes a moment, and is not for the thread of a window. What it raises, sending raises.
    """

    def __init__(
        self, settings: NetworkSettings, password: Callable[[], Secret | None] | None = None
    ) -> None:
        self.settings = settings
        self._password = password
        self._proxy: str | None = None
        self._connections = Connections(self.session)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts the system's roots and the CA bundle; raises ``InputError``.

        It may be shared with others: leave it as it is.
        """
        bundle = self.ca_bundle()
        try:
            if bundle:
                require_file(Path(bundle))
            return network_trust.context(bundle)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                findings.CA_BUNDLE(
                    file=bundle,
                    detail=tr("It must hold certificates in PEM."),
                    evidence=Evidence(message=str(error)),
                )
            ) from error

    def ca_bundle(self) -> str:
        """Return the file of additional CAs, from the settings or the environment, or ""."""
        if self.settings.ca_bundle or not self.settings.use_environment:
            return self.settings.ca_bundle
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            value = os.environ.get(name, "")
            # a folder of hashed certificates is the system's own store, which is asked anyway
            if value and not Path(value).is_dir():
                return value
        return ""

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy that *url* is reached through, or ``None``; raises ``InputError``."""
        if self.settings.proxy:
            return self._own_proxy()
        if not self.settings.use_environment:
            return None
        from requests.utils import get_environ_proxies, select_proxy

        proxy = select_proxy(url, get_environ_proxies(url))
        return _checked(proxy) if proxy else None

    def _own_proxy(self) -> str:
        if self._proxy is None:
            address = _checked(self.settings.proxy)
            password = None if self._password is None else self._password()
            self._proxy = usable(joined(address, password))
        return self._proxy

    def session(self) -> requests.Session:
        """Return a new session by these settings, for one thread; close it. Raises ``InputError``."""
        import requests

        from codesign_wizard.core.network_attempt import Adapter

        session = requests.Session()
        session.trust_env = False
        # a session may serve several in turn: what a server would have it remember is nobody's
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = Adapter(self.ssl_context())
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        if self.settings.proxy:
            proxy = self._own_proxy()
            session.proxies = {"http": proxy, "https": proxy}
        return session

    def borrow(self, url: str) -> requests.Session:
        """Return a session for requests to the host of *url*, connected already where one was given back.

        Raises ``InputError``.
        """
        return self._connections.borrow(_origin(url))

    def give_back(self, url: str, session: requests.Session) -> None:
        """Keep *session*, borrowed for *url*, for the next; one that failed is closed instead."""
        self._connections.give_back(_origin(url), session)

    def close(self) -> None:
        """Close the connections that nobody uses; the next request opens its own."""
        self._connections.close()

    def azure_transport(
        self, session: requests.Session | None = None, *, only: str = ""
    ) -> RequestsTransport:
        """Return a transport for the Azure SDK over *session*, or ``session()``; raises ``InputError``.

        It sends to the host *only*, where that is given: else what an answer names would be asked next, with
        a token, if it asks for one in order. ``NetworkError`` tells of any other.

        Each of its requests ends by the time-out, also where the answer drips, and takes no answer that is
        larger than any should be: it raises ``TimeoutError`` and ``TooLargeError``, which the SDK hands on.
        """
        from azure.core.pipeline.transport import RequestsTransport

        from codesign_wizard.core.network_attempt import bounded, whole

        network = self

        class Transport(RequestsTransport):  # type: ignore[misc]  # untyped upstream
            # the SDK would ask the environment itself, also where that is switched off
            def send(self, request: Any, *, proxies: Any = None, **kwargs: Any) -> Any:
                if only and not is_at(request.url, only):
                    host = urlsplit(request.url).netloc.rpartition("@")[2]
                    why = tr("an answer leads there, and no token is for it")
                    raise NetworkError(findings.OTHER(host=host, why=why), FailureKind.OTHER)
                proxy = network.proxy_for(request.url)
                chosen = {"http": proxy, "https": proxy} if proxy else {}
                with whole(network.settings.timeout):
                    return super().send(request, proxies=chosen, hooks={"response": bounded}, **kwargs)

        return Transport(
            session=self.session() if session is None else session,
            session_owner=False,
            use_env_settings=False,
            connection_timeout=min(self.settings.timeout, 10.0),
            read_timeout=self.settings.timeout,
        )

    def request(
        self,
        job: JobContext,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | Mapping[str, str] | None = None,
        json: object | None = None,
        part: str = "",
        retries: int = 2,
        timeout: float | None = None,
        max_body: int = 8 << 20,
        follow: bool = False,
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Idempotent requests are repeated at most *retries* times when there was no answer or one of 408, 429,
        500, 502, 503, 504; Retry-After is honoured as long as all waits stay within 30 seconds. Raises
        ``NetworkError`` when no answer came, ``InputError`` for a bad CA bundle, ``Cancelled``.
        """
        if _scheme(url) not in ("http", "https"):
            raise NetworkError(findings.OTHER(host=url, why=tr("it is no http address")), FailureKind.OTHER)
        sent = {"User-Agent": "codesign-wizard", **(headers or {})}
        if json is not None:
            data = json_codec.dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        seconds = self.settings.timeout if timeout is None else timeout
        tries = 1 + (retries if method.upper() in _IDEMPOTENT else 0)
        waited = 0.0
        for attempt in range(1, tries + 1):
            try:
                answer = self._once(job, method, url, sent, data, part, seconds, max_body, follow)
            except NetworkError as error:
                passing = error.kind in (FailureKind.RESET, FailureKind.TIMEOUT)
                if attempt == tries or not passing:
                    raise
                wait = 0.5 * attempt
            else:
                if answer.status not in _RETRIED or attempt == tries:
                    return answer
                wait = _retry_after(answer, default=0.5 * 2 ** (attempt - 1))
                if waited + wait > _LONGEST_WAIT:
                    return answer
            self.pause(job, wait, tr("Trying again in {seconds} s"), part=part)
            waited += wait
        raise AssertionError("the last attempt returns or raises")

    def pause(self, job: JobContext, seconds: float, text: str = "", *, part: str = "") -> None:
        """Wait between two attempts, saying so in *text* with its ``{seconds}``; raises ``Cancelled``."""
        seconds *= self.settings.pace
        if text:
            job.log(LogLevel.INFO, text.format(seconds=f"{seconds:g}"), part=part)
        job.wait(seconds)

    @contextmanager
    def _borrowed(self, url: str) -> Iterator[requests.Session]:
        session = self.borrow(url)
        try:
            yield session
        except BaseException:
            # its thread may be at work yet
            session.close()
            raise
        self.give_back(url, session)

    def _once(
        self,
        job: JobContext,
        method: str,
        url: str,
        headers: dict[str, str],
        data: bytes | str | Mapping[str, str] | None,
        part: str,
        seconds: float,
        maximum: int,
        follow: bool,
    ) -> Answer:
        from codesign_wizard.core.network_attempt import Attempt

        shown = f"{method} {url.partition('?')[0]}"
        with self._borrowed(url) as session:
            proxy = self.proxy_for(url)
            session.proxies = {"http": proxy, "https": proxy} if proxy else {}
            attempt = Attempt(method, url, headers, data, seconds, maximum, follow, session)
            try:
                if may_wait():
                    job.check_cancelled()
                    answer = attempt.run()
                else:
                    # the slack lets the socket's own time-out speak first
                    answer = call_cancellable(job, attempt.run, timeout=seconds + 2.0, name="request")
            except Exception as error:
                failure = self.failure(error, url, seconds)
                if failure is None:
                    raise
                job.log(LogLevel.WARNING, f"{shown}: {failure.finding.title}", part=part)
                raise failure from error
        job.log(
            LogLevel.INFO,
            f"{shown} {answer.status}, {round(answer.seconds * 1000)} ms",
            part=part,
            request_id=answer.request_id,
        )
        return answer

    def failure(self, error: BaseException, url: str, seconds: float | None = None) -> NetworkError | None:
        """Return what an exception of requests, the socket or the Azure SDK means; ``None`` for others."""
        from codesign_wizard.core import network_explain

        seconds = self.settings.timeout if seconds is None else seconds
        proxy = self.proxy_for(url)
        kind, message = classify(error)
        if kind is None:
            return None
        finding = network_explain.explain(kind, message, url, proxy, seconds)
        if finding.id == findings.RESET.id:
            kind = FailureKind.RESET  # also where it first looked like the proxy's refusal
        return NetworkError(finding, kind)


def _retry_after(answer: Answer, default: float) -> float:
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told) if len(told) < 7 else _LONGEST_WAIT + 1
    date = parse_http_date(told)
    return default if date is None else max(0.0, (date - datetime.now(UTC)).total_seconds())


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # brackets without an IPv6 address
        return ""


def is_at(url: str, host: str) -> bool:
    """Tell whether *url* leads to *host* by https and its own port, which a vault's next page names."""
    try:
        parts = urlsplit(url.lower())
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc in (host.lower(), f"{host.lower()}:443")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _checked(proxy: str) -> str:
    """Return *proxy* with its scheme; raises ``InputError`` where it is no proxy's address."""
    if not is_address(proxy):
        raise InputError(
            findings.PROXY_ADDRESS(
                proxy=split(proxy)[0], detail=findings.proxy_form(), remedies=findings.proxy_remedies()
            )
        )
    return proxy if "://" in proxy else f"http://{proxy}"
