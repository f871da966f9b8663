"""The server's own way to the vault: the documented REST calls, with the five options it was given.

learn.microsoft.com/rest/api/keyvault: certificates/get-certificate, keys/sign. The requests go to the
practice services as they would over the wire; what they refuse is told in their words.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils

from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.practice.entra.routes import service as entra
from codesign_wizard.practice.keyvault.routes import service as keyvault
from codesign_wizard.practice.wire.messages import Headers, Request

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_SIGN_IN = "login.microsoftonline.com"
_API = "api-version=7.4"
_RSA = {"sha256": "RS256", "sha384": "RS384", "sha512": "RS512"}
_EC = {"sha256": "ES256", "sha384": "ES384", "sha512": "ES512"}


class VaultError(Exception):
    """The vault or Entra ID refused; the text is theirs."""


@dataclass(frozen=True)
class AzureSettings:
    """The five options as they stand in the server's settings."""

    vault_name: str
    certificate_name: str
    application_id: str
    application_secret: str
    tenant_id: str


class VaultSigner:
    """A ``core.signing.Signer`` whose key is in the practice vault."""

    description = "Azure Key Vault"
    findings: Sequence[Finding] = ()

    def __init__(self, world: World, settings: AzureSettings) -> None:
        self._world = world
        self._token = self._sign_in(settings)
        host = f"{settings.vault_name}.vault.azure.net"
        name = urllib.parse.quote(settings.certificate_name, safe="")
        document = self._ask("GET", host, f"/certificates/{name}/?{_API}")
        self._key = urllib.parse.urlsplit(str(document.get("kid", "")))
        leaf = x509.load_der_x509_certificate(base64.b64decode(str(document.get("cer", ""))))
        self._leaf = leaf
        authority = world.code_signing.intermediate
        self.certificate_chain = [leaf, authority] if leaf.issuer == authority.subject else [leaf]

    def close(self) -> None:
        """Nothing is kept open."""

    def sign(self, job: JobContext, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
        """Have *digest* signed; raises ``VaultError``."""
        elliptic = isinstance(self._leaf.public_key(), ec.EllipticCurvePublicKey)
        body = {
            "alg": (_EC if elliptic else _RSA)[algorithm.value],
            "value": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }
        answer = self._ask("POST", self._key.hostname or "", f"{self._key.path}/sign?{_API}", body)
        text = str(answer.get("value", ""))
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if not elliptic:
            return value
        half = len(value) // 2
        return utils.encode_dss_signature(
            int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
        )

    def _sign_in(self, settings: AzureSettings) -> str:
        form = urllib.parse.urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": settings.application_id,
                "client_secret": settings.application_secret,
                "scope": "https://vault.azure.net/.default",
            }
        )
        path = f"/{urllib.parse.quote(settings.tenant_id, safe='')}/oauth2/v2.0/token"
        headers = [("Content-Type", "application/x-www-form-urlencoded")]
        answer = self._send("POST", _SIGN_IN, path, form.encode(), headers)
        if "access_token" not in answer:
            raise VaultError(str(answer.get("error_description") or answer.get("error") or "no token"))
        return str(answer["access_token"])

    def _ask(self, method: str, host: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = [("Authorization", f"Bearer {self._token}"), ("Content-Type", "application/json")]
        answer = self._send(method, host, path, b"" if body is None else json.dumps(body).encode(), headers)
        if "error" in answer:
            error = answer["error"]
            inner = (error.get("innererror") or {}).get("code", "") if isinstance(error, dict) else ""
            words = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else str(error)
            raise VaultError(f"{words} {inner}".strip())
        return answer

    def _send(
        self, method: str, host: str, path: str, body: bytes, headers: list[tuple[str, str]]
    ) -> dict[str, Any]:
        service = entra(self._world) if host == _SIGN_IN else keyvault(self._world)
        if not service.serves(host):
            raise VaultError(f"dial tcp: lookup {host}: no such host")
        request = Request(method, path, "HTTP/1.1", Headers(headers), body, "https", host, 443)
        answer = (self._world.conditions.answers.get(host) or service.handle)(request)
        try:
            document = json.loads(answer.body)
        except ValueError:
            raise VaultError(f"{host}: HTTP {answer.status}") from None
        return document if isinstance(document, dict) else {}
