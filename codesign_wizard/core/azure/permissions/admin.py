"""An administrator's sign-in: the ``az`` session, the system's browser, or a device code.

azure-identity's own credentials, over this program's network. Nothing of it is kept on disk: the session ends
with the program. Browser: OAuth 2.0 authorization code with PKCE (RFC 7636) and a redirect to loopback (RFC
8252); device code: RFC 8628.
"""

from __future__ import annotations

import re
import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from codesign_wizard.core.azure.identifiers import guid_of
from codesign_wizard.core.azure.permissions import admin_findings as kinds
from codesign_wizard.core.azure.permissions.arm import Arm
from codesign_wizard.core.azure.signin import read_claims
from codesign_wizard.core.azure.signin_findings import Refusal, read_refusal
from codesign_wizard.core.clouds import Cloud
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.finding import Evidence, Finding, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, call_cancellable
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret, redact

if TYPE_CHECKING:
    from azure.core.pipeline.transport import HttpTransport

AZ_TIMEOUT = 40  # seconds; the first run after a start of the computer is slow
_BROWSER_STARTS = 1.0  # seconds after which a browser that has not ended counts as open
BROWSER_TIMEOUT = 300  # seconds for a person to get through the pages
DEVICE_CODE_TIMEOUT = 900  # seconds; Entra ID's codes live as long
_SPARE = timedelta(minutes=5)  # a token is renewed this long before its end
_SLACK = 15.0  # seconds that the credential's own time-out is given to speak first


T = TypeVar("T")


class AdminWay(StrEnum):
    """How an administrator signs in."""

    AZ = "az"
    BROWSER = "browser"
    DEVICE_CODE = "device-code"


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person types where: ``code`` at ``address``, before ``expires`` (UTC)."""

    address: str
    code: str
    expires: datetime

    @property
    def open_address(self) -> str:
        """The address that a browser is given; Entra ID's form takes the code from the person only."""
        return self.address


class AdminSession:
    """A signed-in administrator. ``account`` is a user name, or an application's id; ``tenant_id`` a GUID."""

    def __init__(self, account: str, tenant_id: str, cloud: Cloud, way: AdminWay, caller: _Caller) -> None:
        self.account = account
        self.tenant_id = tenant_id
        self.cloud = cloud
        self.way = way
        self._caller = caller

    def finding(self) -> Finding:
        """Return who signed in, for the list of findings."""
        evidence = Evidence(time=utc_now(), more={"tenant-id": self.tenant_id, "way": self.way.value})
        return kinds.SIGNED_IN(account=self.account, evidence=evidence)

    def token(self, scope: str = "", *, job: JobContext | None = None) -> Secret:
        """Return a token for *scope*, "" for Azure Resource Manager; renewed without asking the person.

        *job* makes the wait cancellable. Raises ``CodesignError`` and ``Cancelled``.
        """
        return self._caller.token(scope or self.cloud.management_scope, job)

    def graph(self, job: JobContext, network: Network) -> Arm:
        """Return Microsoft Graph, to be asked as this administrator; raises as ``token``."""
        token = self.token(self.cloud.graph_scope, job=job)
        return Arm(job, network, self.cloud, token, account=self.account, host=self.cloud.graph_host)


def sign_in_admin(
    job: JobContext,
    network: Network,
    cloud: Cloud,
    tenant_id: str,
    way: AdminWay,
    *,
    show_code: Callable[[DeviceCode], None],
    open_browser: Callable[[str], bool] | None = None,
) -> AdminSession:
    """Sign an administrator in to *tenant_id* ("" for the account's own tenant), for Azure Resource Manager.

    *show_code* is told what to type where; *open_browser* is given the address of the sign-in page and tells
    whether it could open it (``None``: the system's browser). Both are called on another thread, once.
    Cancelling takes effect at once. Raises ``CodesignError`` with one of ``azure.admin.*`` or ``network.*``,
    ``InputError`` for a bad CA bundle, and ``Cancelled``.
    """
    caller = _Caller(job, network, cloud, tenant_id, way)
    token, account = caller.begin(show_code, open_browser)
    claims = read_claims(token)
    given = str(claims.get("tid") or "").lower()
    wanted = guid_of(tenant_id)
    if wanted and given and given != wanted:
        raise CodesignError(
            kinds.TENANT_OTHER(
                given=given,
                tenant=wanted,
                evidence=Evidence(time=utc_now(), more={"tenant-given": given, "tenant-wanted": wanted}),
                remedies=[kinds.login_remedy(cloud, tenant_id)],
            )
        )
    named = next(
        (
            str(claims[name])
            for name in ("upn", "unique_name", "preferred_username", "appid")
            if claims.get(name)
        ),
        "",
    )
    return AdminSession(account or named, given or wanted, cloud, way, caller)


class _Caller:
    """Runs a credential's blocking calls so that they can be cancelled, and explains what they raise."""

    def __init__(
        self, job: JobContext, network: Network, cloud: Cloud, tenant_id: str, way: AdminWay
    ) -> None:
        self.job, self.network, self.cloud, self.tenant_id, self.way = job, network, cloud, tenant_id, way
        self.watch = _Watch(job)
        self.credential: Any = None
        self._tokens: dict[str, tuple[Secret, datetime]] = {}

    def begin(
        self, show_code: Callable[[DeviceCode], None], open_browser: Callable[[str], bool] | None
    ) -> tuple[Secret, str]:
        """Sign in with the person; return a token for Resource Manager, and the account's name or ""."""
        redirect: list[str] = []

        def run() -> tuple[Secret, str]:
            self.credential = self._credential(show_code)
            if self.way is AdminWay.AZ:
                return self._ask(self.cloud.management_scope), ""
            with _browser(redirect, open_browser):
                record = self.credential.authenticate(scopes=[self.cloud.management_scope])
            return self._ask(self.cloud.management_scope), str(record.username)

        limit = {AdminWay.AZ: AZ_TIMEOUT, AdminWay.BROWSER: BROWSER_TIMEOUT}.get(
            self.way, DEVICE_CODE_TIMEOUT
        )
        try:
            return self._call(run, limit, self.job)
        except BaseException as error:
            # what still waits for the person must not outlive the sign-in
            self.watch.stopped.set()
            for address in redirect if isinstance(error, Cancelled) else ():
                _release(address)
            raise

    def token(self, scope: str, job: JobContext | None) -> Secret:
        """Return a token that is good for at least five minutes, from memory if there is one."""
        kept = self._tokens.get(scope)
        if kept is not None and kept[1] - datetime.now(UTC) > _SPARE:
            return kept[0]
        limit = AZ_TIMEOUT if self.way is AdminWay.AZ else 3 * self.network.settings.timeout
        return self._call(lambda: self._ask(scope), limit, job or self.job)

    def _ask(self, scope: str) -> Secret:
        answer = self.credential.get_token(scope)
        token = Secret(str(answer.token))
        self._tokens[scope] = (token, datetime.fromtimestamp(answer.expires_on, UTC))
        return token

    def _call(self, run: Callable[[], T], limit: float, job: JobContext) -> T:
        try:
            return call_cancellable(job, run, timeout=limit + _SLACK, name="admin-sign-in")
        except (Cancelled, CodesignError):
            raise
        except Exception as error:
            # Ctrl-C ends a browser that a terminal started as well: that is no failure of the browser's
            job.check_cancelled()
            finding = self._explain(error)
            if finding is None:
                raise
            raise CodesignError(finding) from error

    def _credential(self, show_code: Callable[[DeviceCode], None]) -> Any:
        """Return azure-identity's credential; made on the working thread, for its import takes a while."""
        import azure.identity

        if self.way is AdminWay.AZ:
            return azure.identity.AzureCliCredential(tenant_id=self.tenant_id, process_timeout=AZ_TIMEOUT)
        options: dict[str, Any] = {
            "tenant_id": self.tenant_id or None,
            "authority": self.cloud.authority_host,
            "disable_automatic_authentication": True,  # only ``authenticate`` may ask the person
            "transport": self.watch.transport(self.network),
            "retry_total": 2,
        }
        if self.way is AdminWay.BROWSER:
            return azure.identity.InteractiveBrowserCredential(timeout=BROWSER_TIMEOUT, **options)

        def prompt(url: str, code: str, expires: datetime) -> None:
            show_code(DeviceCode(url, code, expires))

        return azure.identity.DeviceCodeCredential(
            timeout=DEVICE_CODE_TIMEOUT, prompt_callback=prompt, **options
        )

    def _explain(self, error: Exception) -> Finding | None:
        """Return what *error* means; ``None`` for a fault of this program."""
        from azure.core.exceptions import AzureError
        from azure.identity import AuthenticationRequiredError, CredentialUnavailableError

        text = redact(str(error))
        if isinstance(error, TimeoutError):
            if self.way is AdminWay.AZ:
                return self._az_failed(text)
            return kinds.timed_out()
        if self.way is not AdminWay.AZ:  # which speaks for itself, over its own network
            failure = self.network.failure(error, f"https://{self.cloud.authority_host}/")
            if failure is not None:
                return failure.finding
        if isinstance(error, ValueError):  # azure-identity's own check of the tenant's form
            return kinds.TENANT_UNKNOWN(
                tenant=self.tenant_id, cloud=self.cloud.name, evidence=Evidence(message=text, time=utc_now())
            )
        if not isinstance(error, AzureError):
            return None
        if isinstance(error.__cause__, _BrowserNotOpenedError) or "open a browser" in text:
            return self._no_browser(text)
        refusal = self.watch.refusal or _refusal_in(text)
        if refusal.number or refusal.error:
            return kinds.explain(refusal, self.cloud, self.tenant_id, az=self.way is AdminWay.AZ)
        if isinstance(error, AuthenticationRequiredError):
            return kinds.SIGN_IN_AGAIN(evidence=refusal.evidence)
        if isinstance(error, CredentialUnavailableError) and self.way is AdminWay.AZ:
            return self._az_unavailable(text)
        if isinstance(error, CredentialUnavailableError):
            return self._no_browser(text)
        if "Timed out" in text:
            return kinds.timed_out(refusal)
        if "Unable to get authority configuration" in text:
            return kinds.TENANT_UNKNOWN(
                tenant=self.tenant_id, cloud=self.cloud.name, evidence=refusal.evidence
            )
        if self.way is AdminWay.AZ:
            return self._az_failed(text)
        return kinds.explain(refusal, self.cloud, self.tenant_id, az=False)

    def _az_unavailable(self, text: str) -> Finding:
        evidence = Evidence(message=text, time=utc_now())
        if "not found" in text:
            return kinds.AZ_MISSING(evidence=evidence, remedies=[kinds.install_remedy()])
        if "az login" in text:
            return kinds.AZ_NOT_SIGNED_IN(
                evidence=evidence, remedies=[kinds.login_remedy(self.cloud, self.tenant_id)]
            )
        return self._az_failed(text)

    def _az_failed(self, text: str) -> Finding:
        return kinds.AZ_FAILED(
            evidence=Evidence(message=text, time=utc_now()),
            remedies=[kinds.login_remedy(self.cloud, self.tenant_id), kinds.other_way_remedy()],
        )

    def _no_browser(self, text: str) -> Finding:
        return kinds.NO_BROWSER(
            evidence=Evidence(message=text, time=utc_now()), remedies=[kinds.other_way_remedy()]
        )


class _Watch:
    """Stands between a credential and the network: ends it when told, and keeps what was refused.

    The credentials keep only a part of Entra ID's error body.
    """

    def __init__(self, job: JobContext) -> None:
        self.job = job
        self.stopped = threading.Event()
        self.refusal: Refusal | None = None

    def saw(self, method: str, url: str, status: int, body: bytes, headers: Any) -> None:
        """Keep a refusal (another answer clears it) and log the answer."""
        address = url.partition("?")[0]
        self.job.log(LogLevel.INFO, f"{method} {address} {status}", part="admin-sign-in")
        self.refusal = None
        if status >= 400:
            lower = {str(name).lower(): str(value) for name, value in dict(headers).items()}
            refusal = read_refusal(status, body, lower)
            # the device code's own way of saying "not yet" (RFC 8628, 3.5)
            if refusal.error not in ("authorization_pending", "slow_down"):
                self.refusal = refusal

    def transport(self, network: Network) -> HttpTransport[Any, Any]:
        """Return the network's transport, watched. Raises ``InputError``."""
        from azure.core.pipeline.transport import HttpTransport

        watch, inner = self, network.azure_transport()

        class Watched(HttpTransport[Any, Any]):
            def send(self, request: Any, **kwargs: Any) -> Any:
                if watch.stopped.is_set():
                    raise Cancelled
                answer = inner.send(request, **kwargs)
                watch.saw(request.method, request.url, answer.status_code, answer.content, answer.headers)
                return answer

            def open(self) -> None:
                inner.open()

            def close(self) -> None:
                inner.close()

            def __exit__(self, *args: Any) -> None:
                inner.close()

        return Watched()


class _BrowserNotOpenedError(Exception):
    pass


# who opens addresses for the credential that runs on this thread
_opening = threading.local()
_registering = threading.Lock()
_registered = False


class _Opener(webbrowser.BaseBrowser):
    """Takes what azure-identity opens on a thread of ours; every other caller gets the system's browser."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        take: Callable[[str], bool] | None = getattr(_opening, "take", None)
        return take(url) if take is not None else False


class _browser:  # noqa: N801  # used as a context manager, like contextlib's
    """While it lasts, what ``webbrowser`` is asked on this thread goes to *open_browser*.

    azure-identity takes no function that opens the browser, but asks the standard library's ``webbrowser``,
    where browsers can be registered. The address for the answer is put into *redirect*.
    """

    def __init__(self, redirect: list[str], open_browser: Callable[[str], bool] | None) -> None:
        self._redirect, self._open = redirect, open_browser

    def __enter__(self) -> None:
        global _registered
        with _registering:
            if not _registered:
                webbrowser.register("codesign-wizard-sign-in", None, _Opener(), preferred=True)
                _registered = True
        _opening.take = self._take

    def __exit__(self, *_: object) -> None:
        _opening.take = None

    def _take(self, url: str) -> bool:
        self._redirect += parse_qs(urlsplit(url).query).get("redirect_uri", [])
        if self._open is None:
            return False  # the next in webbrowser's order
        _opening.take = None  # what *open_browser* asks ``webbrowser`` itself goes to the system's browser
        try:
            opened = self._open(url)
        finally:
            _opening.take = self._take
        if not opened:
            # a refusal is final: webbrowser would go on to the system's browser
            raise _BrowserNotOpenedError("the browser could not be opened")
        return True


def open_system_browser(address: str) -> bool:
    """Open *address* in the system's browser; return whether one could be started.

    What ``$BROWSER`` names may run for as long as its page is shown (a text browser, a script), and
    ``webbrowser`` waits for it. The sign-in cannot: until it listens, that page would not get its answer.
    """
    told: list[bool] = []
    opening = threading.Thread(
        target=lambda: told.append(webbrowser.open(address)), name="admin-browser", daemon=True
    )
    opening.start()
    opening.join(_BROWSER_STARTS)
    return told[0] if told else True


def _release(address: str) -> None:
    """End the credential's wait for the browser: answer in its place that it was cancelled."""
    parts = urlsplit(address)
    if parts.hostname is None or parts.port is None:
        return
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=1.0) as connection:
            connection.sendall(b"GET /?error=access_denied HTTP/1.0\r\n\r\n")
            while connection.recv(4096):
                pass  # closed before its answer is read to the end, it would complain on stderr
    except OSError:
        return  # it waits no more


def _refusal_in(text: str) -> Refusal:
    """Return what a credential's message tells of Entra ID's refusal; number 0 when it tells of none."""
    found = re.search(r"AADSTS(\d{1,9})", text)
    words = re.search(r"AADSTS.{0,600}", text, re.DOTALL)
    message = words[0] if words else text
    refusal = read_refusal(400, b"", {})
    more = {}
    for name, pattern in (("trace-id", "Trace ID"), ("correlation-id", "Correlation ID")):
        told = re.search(rf"{pattern}: ([0-9a-fA-F-]{{36}})", text)
        if told:
            more[name] = told[1]
    number = int(found[1]) if found else 0
    evidence = Evidence(
        code=f"AADSTS{number}" if number else None,
        message=text,
        request_id=more.get("trace-id"),
        time=utc_now(),
        more=more,
    )
    declined = "access_denied" if "access_denied" in text else ""
    plain = re.split(r"\s+Trace ID:", message, maxsplit=1)[0].strip()
    return replace(refusal, status=0, number=number, error=declined, text=plain, evidence=evidence)
