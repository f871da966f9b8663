"""Entra ID, Resource Manager and Graph behind a ``Network`` without a wire: answers made by the tests."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from codesign_wizard.core.network import Network, NetworkSettings

TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
ACCOUNT = "admin@contoso.example"
CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


@dataclass(frozen=True)
class Call:
    """One request as the vendor saw it."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered: ``document`` as JSON, or ``raw``."""

    status: int
    document: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Vendor(HTTPAdapter):
    """Hands every request to *answer*, and keeps them."""

    def __init__(self, answer: Callable[[Call], Reply]) -> None:
        super().__init__()
        self.answer = answer
        self.calls: list[Call] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = request.body or b""
        call = Call(
            request.method or "",
            parts.netloc,
            unquote(parts.path),
            query,
            body.encode() if isinstance(body, str) else body,
            {name.lower(): value for name, value in request.headers.items()},
        )
        self.calls.append(call)
        reply = self.answer(call)
        content = json.dumps(reply.document).encode() if reply.raw is None else reply.raw
        headers = {"Content-Type": "application/json", "x-ms-request-id": "r-1", **reply.headers}
        raw = urllib3.HTTPResponse(io.BytesIO(content), headers, reply.status, preload_content=False)
        return self.build_response(request, raw)


class VendorNetwork(Network):
    """The real network but for its wire."""

    def __init__(self, vendor: Vendor) -> None:
        super().__init__(NetworkSettings(use_environment=False, timeout=5.0))
        self.vendor = vendor

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self.vendor)
        return session


def network(answer: Callable[[Call], Reply]) -> VendorNetwork:
    """Return a network where *answer* answers everything."""
    return VendorNetwork(Vendor(answer))


def jwt(claims: dict[str, Any]) -> str:
    """Return a token whose claims can be read; nobody here checks its signature."""

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


def tokens(nonce: str = "", tenant: str = TENANT, audience: str = "https://management.azure.com") -> Reply:
    """Return Entra ID's answer to a good sign-in."""
    now = int(time.time())
    common = {"tid": tenant, "oid": "admin-oid", "iat": now, "nbf": now, "exp": now + 3600}
    identity = {
        **common,
        "iss": f"https://login.microsoftonline.com/{tenant}/v2.0",
        "aud": CLIENT,
        "sub": "s",
        "preferred_username": ACCOUNT,
        **({"nonce": nonce} if nonce else {}),
    }
    info = base64.urlsafe_b64encode(json.dumps({"uid": "admin-oid", "utid": tenant}).encode()).rstrip(b"=")
    return Reply(
        200,
        {
            "token_type": "Bearer",
            "scope": f"{audience}/.default",
            "expires_in": 3599,
            "access_token": jwt({**common, "aud": audience, "upn": ACCOUNT}),
            "refresh_token": "refresh-token-of-the-test",
            "id_token": jwt(identity),
            "client_info": info.decode(),
        },
    )


def refusal(number: int, text: str, error: str = "invalid_grant", status: int = 400) -> Reply:
    """Return Entra ID's error body."""
    trace = "aaaaaaaa-1111-4222-8333-444444444444"
    words = (
        f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {trace} Timestamp: 2026-11-23 10:00:00Z"
    )
    document = {"error": error, "error_description": words, "error_codes": [number], "trace_id": trace}
    return Reply(status, {**document, "correlation_id": trace, "timestamp": "2026-11-23 10:00:00Z"})


def configuration(call: Call) -> Reply | None:
    """Answer the requests that come before the person does anything."""
    if call.path.endswith("/.well-known/openid-configuration"):
        tenant = call.path.split("/")[1]
        base = f"https://{call.host}/{tenant}"
        return Reply(
            200,
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            },
        )
    if "/discovery/instance" in call.path:
        raise AssertionError("a well-known authority needs no instance discovery")
    return None
