"""People's sign-ins: device codes (RFC 8628), authorization codes with PKCE (RFC 7636), refresh tokens.

What is under way lives in memory only, and little of it: a sign-in ends with the cloud.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit

from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.entra import errors
from codesign_wizard.practice.entra.models import GUID, OPENID, Directory, Grant, Tenant, User

# the public client that azure-identity and the Azure CLI sign people in with
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
# Microsoft's public clients, which every tenant knows, as a sign-in page names them
PUBLIC_CLIENTS = {
    AZURE_CLI: "Microsoft Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Microsoft Azure PowerShell",
}
DEVICE_CODE_SECONDS = 900
INTERVAL = 5  # seconds between two polls
_CODE_SECONDS = 600
_MAXIMUM = 500  # of each kind under way; the oldest give way
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is read as another
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MODES = ("query", "fragment", "form_post")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_ANY_TENANT = ("common", "organizations")

T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """What is asked for: an audience for a client; ``tenant`` is ``None`` for whatever the person's is."""

    tenant: Tenant | None
    client: str
    scope: str
    audience: str

    def has(self, name: str) -> bool:
        """Tell whether the scope holds *name*."""
        return name in self.scope.split()


@dataclass(frozen=True)
class SignedIn:
    """A finished sign-in: what the tokens say, and the wish they answer."""

    grant: Grant
    wish: Wish
    nonce: str = ""


@dataclass
class DeviceCode:
    """A device that waits: ``expires`` in the cloud's seconds since the epoch."""

    device_code: str
    user_code: str
    wish: Wish
    expires: int
    interval: int = INTERVAL
    polled: float = 0.0  # time.monotonic()
    user: User | None = None
    declined: bool = False


@dataclass(frozen=True)
class Authorization:
    """A judged request to the authorize endpoint (RFC 6749, 4.1.1)."""

    wish: Wish
    redirect_uri: str
    state: str
    mode: str
    challenge: str
    method: str
    nonce: str


@dataclass
class _Code:
    asked: Authorization
    user: User
    expires: int
    redeemed: bool = False


@dataclass(frozen=True)
class _Refresh:
    client: str
    tenant: Tenant
    user: User


class RedirectedError(Exception):
    """A refusal that the client is told at its redirect address (RFC 6749, 4.1.2.1)."""

    def __init__(self, error: errors.EntraError, redirect_uri: str, state: str, mode: str) -> None:
        super().__init__(error.text)
        self.error = error
        self.redirect_uri, self.state, self.mode = redirect_uri, state, mode


class SignIns:
    """Every sign-in of a person that is under way, and the refresh tokens of those that are done."""

    def __init__(self, clock: Clock, directory: Directory) -> None:
        self._clock = clock
        self._directory = directory
        self._lock = threading.Lock()
        self._devices: dict[str, DeviceCode] = {}
        self._codes: dict[str, _Code] = {}
        self._refreshes: dict[str, _Refresh] = {}

    def tenant(self, wish: Wish) -> Tenant:
        """Return the tenant whose people may answer *wish*."""
        return wish.tenant or self._directory.tenants[0]

    def wish(self, identifier: str, form: dict[str, str], *, public: bool) -> Wish:
        """Judge tenant, client and scope of a request; raises ``EntraError``."""
        tenant = None
        if identifier.lower() not in _ANY_TENANT:
            if identifier.lower() == "consumers":
                raise errors.tenant_missing()
            tenant = self._directory.tenant(identifier, public=public)
        elif not public:
            raise errors.tenant_missing()
        here = tenant or self._directory.tenants[0]
        client = form.get("client_id", "")
        if not client:
            raise errors.parameter_missing("client_id")
        if not GUID.fullmatch(client):
            raise errors.application_malformed(client)
        if client.lower() not in PUBLIC_CLIENTS:
            if here.application(client.lower()) is None:
                raise errors.application_unknown(client, here.name)
            # what is registered here are confidential clients, to which nothing of a person's was given out
            raise errors.grant_malformed() if form.get("client_secret") else errors.secret_missing()
        scope = form.get("scope", "").strip()
        if not scope:
            raise errors.parameter_missing("scope")
        return Wish(tenant, client.lower(), scope, self._audience(scope, here))

    def _audience(self, scope: str, tenant: Tenant) -> str:
        resources = []
        for each in scope.split():
            if each in OPENID:
                continue
            resource, slash, _ = each.rpartition("/")
            if not slash or "://" not in resource:
                raise errors.scope_invalid(each)
            resources.append(resource)
        if len(set(resources)) > 1:
            raise errors.scope_of_two_resources(scope)
        resource = resources[0] if resources else "https://graph.microsoft.com"
        return self._directory.resource(resource, tenant)

    def _keep(self, kept: dict[str, T], name: str, value: T) -> None:
        while len(kept) >= _MAXIMUM:
            del kept[next(iter(kept))]
        kept[name] = value

    # device codes

    def begin_device(self, wish: Wish) -> DeviceCode:
        """Return a new code for a device."""
        with self._lock:
            taken = {each.user_code for each in self._devices.values()}
            user_code = ""
            while not user_code or user_code in taken:
                user_code = "".join(secrets.choice(_ALPHABET) for _ in range(9))
            code = DeviceCode(
                secrets.token_urlsafe(96), user_code, wish, self._clock.timestamp() + DEVICE_CODE_SECONDS
            )
            self._keep(self._devices, code.device_code, code)
            return code

    def waiting(self, user_code: str) -> DeviceCode:
        """Return the device that waits for *user_code*, typed in any form; raises ``KeyError``."""
        wanted = re.sub(r"[\s-]", "", user_code).upper()
        with self._lock:
            for code in self._devices.values():
                open_yet = code.user is None and not code.declined
                if code.user_code == wanted and open_yet and code.expires > self._clock.timestamp():
                    return code
        raise KeyError(user_code)

    def approve(self, user_code: str, user: User | None = None) -> None:
        """Sign *user* (the tenant's administrator) in on the device; raises ``KeyError``."""
        code = self.waiting(user_code)
        code.user = user or self.tenant(code.wish).users[0]

    def decline(self, user_code: str) -> None:
        """Refuse the device as a person does by Cancel; raises ``KeyError``."""
        self.waiting(user_code).declined = True

    def redeem_device(self, identifier: str, form: dict[str, str], *, public: bool) -> SignedIn:
        """Judge a poll; raises ``EntraError``, ``authorization_pending`` among them."""
        client = self._client(identifier, form, public=public)
        device_code = form.get("device_code", "")
        if not device_code:
            raise errors.parameter_missing("device_code")
        with self._lock:
            code = self._devices.get(device_code)
            if code is None or code.wish.client != client:
                raise errors.device_code_unknown()
            if code.declined:
                del self._devices[device_code]
                raise errors.device_declined()
            if code.expires <= self._clock.timestamp():
                raise errors.device_code_expired()
            if code.user is None:
                now = time.monotonic()
                early = code.polled and now - code.polled < code.interval - 1  # what the way takes
                code.polled = now
                if early:
                    code.interval += 5
                    raise errors.slow_down()
                raise errors.authorization_pending()
            del self._devices[device_code]
        return self._signed_in(code.wish, code.user)

    # the browser

    def authorization(self, identifier: str, query: dict[str, str], *, public: bool) -> Authorization:
        """Judge a request to the authorize endpoint.

        Raises ``EntraError`` for what must be shown to the person, and ``RedirectedError``.
        """
        client = self._client(identifier, query, public=public)
        redirect_uri = query.get("redirect_uri", "")
        if not redirect_uri:
            raise errors.parameter_missing("redirect_uri")
        if not loopback(redirect_uri):
            raise errors.redirect_unknown(redirect_uri, client)
        mode = query.get("response_mode") or "query"
        state = query.get("state", "")
        try:
            if mode not in _MODES:
                raise errors.response_mode_unsupported(mode)
            if query.get("response_type") != "code":
                raise errors.response_type_unsupported(query.get("response_type", ""), client)
            method = query.get("code_challenge_method") or "plain"
            challenge = query.get("code_challenge", "")
            if challenge and not _UNRESERVED.fullmatch(challenge):
                raise errors.challenge_malformed()
            if method not in ("S256", "plain"):
                raise errors.challenge_method_unknown()
            wish = self.wish(identifier, query, public=public)
            if query.get("prompt") == "none":
                raise errors.login_required()
        except errors.EntraError as error:
            told = mode if mode in _MODES else "query"
            raise RedirectedError(error, redirect_uri, state, told) from error
        return Authorization(wish, redirect_uri, state, mode, challenge, method, query.get("nonce", ""))

    def authorize(self, asked: Authorization, user: User) -> str:
        """Return a code for *user*, good for ten minutes and one token."""
        code = "1." + secrets.token_urlsafe(72)
        with self._lock:
            self._keep(self._codes, code, _Code(asked, user, self._clock.timestamp() + _CODE_SECONDS))
        return code

    def redeem_code(self, identifier: str, form: dict[str, str], *, public: bool) -> SignedIn:
        """Judge the redemption of a code (RFC 6749, 4.1.3; RFC 7636, 4.6); raises ``EntraError``."""
        client = self._client(identifier, form, public=public)
        if not form.get("code"):
            raise errors.parameter_missing("code")
        with self._lock:
            held = self._codes.get(form["code"])
            if held is None or held.asked.wish.client != client:
                raise errors.grant_malformed()
            asked = held.asked
            if held.redeemed:
                raise errors.code_redeemed()
            if held.expires <= self._clock.timestamp():
                raise errors.code_expired()
            if form.get("redirect_uri", "") != asked.redirect_uri:
                raise errors.redirect_differs(form.get("redirect_uri", ""), asked.redirect_uri)
            if asked.challenge and not _proves(form.get("code_verifier", ""), asked):
                raise errors.verifier_wrong()
            held.redeemed = True
        wish = self.wish(identifier, {"scope": asked.wish.scope, **form}, public=public)
        return replace(self._signed_in(wish, held.user), nonce=asked.nonce)

    # afterwards

    def refresh_token(self, signed_in: SignedIn) -> str:
        """Return a refresh token for the same person and client."""
        assert signed_in.grant.user is not None, "applications have none"
        token = "1." + secrets.token_urlsafe(96)
        with self._lock:
            held = _Refresh(signed_in.wish.client, signed_in.grant.tenant, signed_in.grant.user)
            self._keep(self._refreshes, token, held)
        return token

    def refresh(self, identifier: str, form: dict[str, str], *, public: bool) -> SignedIn:
        """Judge a refresh token, which is good for any resource (RFC 6749, 6); raises ``EntraError``."""
        wish = self.wish(identifier, form, public=public)
        if not form.get("refresh_token"):
            raise errors.parameter_missing("refresh_token")
        with self._lock:
            held = self._refreshes.get(form["refresh_token"])
        if held is None or held.client != wish.client:
            raise errors.grant_malformed()
        return self._signed_in(replace(wish, tenant=wish.tenant or held.tenant), held.user)

    def session(self, identifier: str, resource: str, user: User, home: Tenant) -> Grant:
        """Return what a session of ``az`` gets for *resource*; raises ``EntraError``."""
        tenant = self._directory.tenant(identifier) if identifier else home
        wish = Wish(tenant, AZURE_CLI, "", self._directory.resource(resource, tenant))
        return self._signed_in(wish, user).grant

    def _client(self, identifier: str, form: dict[str, str], *, public: bool) -> str:
        return self.wish(identifier, {**form, "scope": "openid"}, public=public).client

    def _signed_in(self, wish: Wish, user: User) -> SignedIn:
        tenant = self.tenant(wish)
        if user not in tenant.users:
            home = next(each for each in self._directory.tenants if user in each.users)
            raise errors.user_not_in_tenant(
                user.principal_name, home.tenant_id, tenant.tenant_id, wish.client
            )
        return SignedIn(Grant(tenant, wish.client, user.object_id, wish.audience, user), wish)


def loopback(address: str) -> bool:
    """Tell whether *address* may be redirected to: this computer, by plain http (RFC 8252, 7.3)."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    clean = "#" not in address and "@" not in parts.netloc and address.isprintable() and address.isascii()
    return parts.scheme == "http" and host in _LOOPBACK and clean and not set(address) & set(" \"'<>\\")


def _proves(verifier: str, asked: Authorization) -> bool:
    made = verifier
    if asked.method == "S256":
        digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
        made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(made.encode("utf-8", "surrogatepass"), asked.challenge.encode())
