"""A vault, Entra ID and Resource Manager that are well, and one answer of which is not.

What leads there is an adapter below ``requests``: an answer may be anything, to the byte, and each request is
written down with whether it carried a token.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from tests.support import pki

GUID = "11111111-2222-4333-8444-555555555555"
OTHER_GUID = "22222222-2222-4333-8444-555555555555"
OPTIONS = AzureOptions("spoilt", "code", GUID.replace("1", "a"), GUID)
VAULT = OPTIONS.vault_url
SECRET = Secret("canary~Secret.of-the-spoilt-world-0123")
VERSION = "0123456789abcdef0123456789abcdef"
KEY = f"{VAULT}/keys/code/{VERSION}"
RESOURCE = f"/subscriptions/{GUID}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/{OPTIONS.vault_name}"
CHALLENGE = (
    f'Bearer authorization="https://login.microsoftonline.com/{GUID}", resource="https://vault.azure.net"'
)
ELSEWHERE = 'Bearer authorization="https://login.microsoftonline.com/x", resource="https://evil.example"'
IIS = (
    b"<!DOCTYPE html><html><head><title>403 - Forbidden</title><style>p {margin: 0}</style></head>"
    b"<body><h2>You do not have permission to view this directory.</h2></body></html>"
)


@dataclass(frozen=True)
class Reply:
    """An answer; ``body`` is sent as it is, anything but bytes as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def refusal(status: int, code: str, message: str, inner: str = "") -> Reply:
    """Return a refusal in the vault's form."""
    error: dict[str, Any] = {"code": code, "message": message}
    return Reply({"error": {**error, **({"innererror": {"code": inner}} if inner else {})}}, status)


@dataclass(frozen=True)
class Asked:
    """A request: what it is for, where it went, and whether a token went with it."""

    what: str
    host: str
    target: str
    with_token: bool


class Spoilt(BaseAdapter):
    """The world; ``spoil`` gives answers in place of its own, by what is asked."""

    def __init__(self, **spoil: Reply | Callable[[str], Reply]) -> None:
        super().__init__()
        self.spoil = dict(spoil)
        self.asked: list[Asked] = []
        self.leaf = pki.leaf("rsa3072")

    @property
    def network(self) -> Network:
        """What leads here, and nowhere else."""
        world = self

        class Here(Network):
            def session(self) -> requests.Session:
                session = requests.Session()
                session.trust_env = False
                session.mount("https://", world)
                return session

        return Here(NetworkSettings(use_environment=False, timeout=5, pace=0.001))

    def close(self) -> None:
        return

    def send(self, request: Any, **_: Any) -> requests.Response:
        parts = urlsplit(request.url)
        token = "Authorization" in request.headers
        what = _what(parts.hostname or "", parts.path, request.method, token)
        self.asked.append(Asked(what, parts.hostname or "", parts.path, token))
        spoil = self.spoil.get(what)
        reply = spoil(request.url) if callable(spoil) else spoil or self._well(what, request)
        response = requests.Response()
        response.status_code, response.request, response.url = reply.status, request, request.url
        response.headers.update(
            {"Content-Type": "application/json", "x-ms-request-id": "r-1", **reply.headers}
        )
        response.raw = HTTPResponse(
            io.BytesIO(reply.content), headers=response.headers, status=reply.status, preload_content=False
        )
        return response

    def certificate(self, **other: Any) -> dict[str, Any]:
        """Return what *Get Certificate* gives."""
        der = self.leaf.certificate.public_bytes(Encoding.DER)
        return {
            "id": f"{VAULT}/certificates/code/{VERSION}",
            "kid": KEY,
            "x5t": base64url(self.leaf.certificate.fingerprint(hashes.SHA1())),
            "cer": base64.b64encode(der).decode(),
            "attributes": {"enabled": True, "created": 1_790_000_000, "updated": 1_790_000_000},
            **other,
        }

    def key(self, **other: Any) -> dict[str, Any]:
        """Return what *Get Key* gives."""
        public = self.leaf.certificate.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        modulus = public.public_numbers().n
        key = {"kid": KEY, "kty": "RSA-HSM", "key_ops": ["sign"], "e": "AQAB"}
        key["n"] = base64url(modulus.to_bytes(384, "big"))
        return {"key": {**key, **other}, "attributes": {"enabled": True, "hsmPlatform": "2"}}

    def _well(self, what: str, request: Any) -> Reply:
        match what:
            case "challenge":
                return Reply({"error": {"code": "Unauthorized"}}, 401, {"WWW-Authenticate": CHALLENGE})
            case "openid":
                return Reply({"issuer": f"https://login.microsoftonline.com/{GUID}/v2.0"})
            case "token":
                claims = {"oid": OTHER_GUID, "tid": GUID, "appid": OPTIONS.application_id}
                token = f"e30.{base64url(json.dumps(claims).encode())}.c2ln"
                return Reply({"token_type": "Bearer", "expires_in": 3599, "access_token": token})
            case "certificate":
                return Reply(self.certificate())
            case "key":
                return Reply(self.key())
            case "sign":
                return Reply(
                    {"kid": KEY, "value": base64url(self.signature(json.loads(request.body)["value"]))}
                )
            case "verify":
                return Reply({"value": False})
            case "list" | "denials":
                return Reply({"value": []})
            case "subscriptions":
                return Reply({"value": [{"id": f"/subscriptions/{GUID}"}]})
            case "resources":
                return Reply({"value": [{"id": RESOURCE, "name": OPTIONS.vault_name}]})
            case "own":
                return Reply({"value": [{"dataActions": ["Microsoft.KeyVault/vaults/*"]}]})
            case "vault":
                return Reply({"id": RESOURCE, "properties": {"enableRbacAuthorization": True}})
            case "elsewhere":
                # a service of its own, whose challenge is in order
                return Reply({"error": {}}, 401, {"WWW-Authenticate": ELSEWHERE})
        kind = "Key" if request.url.startswith(f"{VAULT}/keys") else "Certificate"
        return refusal(
            404, f"{kind}NotFound", f"A {kind.lower()} with (name/id) x was not found in this vault."
        )

    def signature(self, digest: str) -> bytes:
        """Return the key's signature of *digest*, which is Base64url."""
        key = self.leaf.key
        assert isinstance(key, rsa.RSAPrivateKey)
        data = base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
        return key.sign(data, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


def base64url(data: bytes) -> str:
    """Return *data* as a JSON Web Key holds it (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_VAULT_PATHS = (
    ("probe", r".*/wizard-probe-.*"),
    ("list", r"/(certificates|keys|certificates/issuers)"),
    ("versions", r"/certificates/code/versions"),
    ("pending", r"/certificates/code/pending"),
    ("certificate", r"/certificates/code/.*"),
    ("sign", r"/keys/code/.*/sign"),
    ("verify", r"/keys/code/.*/verify"),
    ("key", r"/keys/code/.*"),
)
_MANAGEMENT_PATHS = (
    ("subscriptions", r"/subscriptions"),
    ("resources", r".*/resources"),
    ("own", r".*/permissions"),
    ("denials", r".*/denyAssignments"),
    ("vault", r".*/vaults/[^/]+"),
)


def _what(host: str, path: str, method: str, token: bool) -> str:
    if host == OPTIONS.cloud.authority_host:
        return "token" if method == "POST" else "openid"
    if host == OPTIONS.vault_host and not token:
        return "challenge"
    paths = {OPTIONS.vault_host: _VAULT_PATHS, OPTIONS.cloud.management_host: _MANAGEMENT_PATHS}.get(host)
    if paths is None:
        return "elsewhere"
    return next((what for what, pattern in paths if re.fullmatch(pattern, path)), "other")
