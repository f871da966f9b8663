"""The requests that tell of a permission without changing anything.

The service looks at firewall, token, permission and then at the operation itself (learn.microsoft.com/azure/
key-vault/general/authentication, "Key Vault request operation flow"). So a request about a name that does not
exist is refused with 403 where the permission is missing, and answered with 404 where it is there. For some
operations no published answer proves that order: their 404 counts as *likely*. What has no request that is
certainly without effect (create, import, recover, delete, …) is not asked at all.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DIGEST = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
_NO_VERSION = "0" * 32


@dataclass(frozen=True, slots=True)
class Probe:
    """One request. ``{name}`` stands for a fresh random name in ``path``.

    ``sure`` tells whether published answers prove that a caller without the permission is refused with 403
    before the service looks whether the name exists: only then does a 404 say that the permission is there.
    """

    kind: str
    name: str  # the permission's, as access policies call it
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    sure: bool = False

    @property
    def words(self) -> str:
        """The permission as a refusal names it: ``keys sign``."""
        return f"{self.kind} {self.name}"


def _crypto(name: str, operation: str, **more: str) -> Probe:
    body = {"alg": "RS256", "value": _DIGEST, **more}
    return Probe("keys", name, "POST", f"/keys/{{name}}/{_NO_VERSION}/{operation}", body)


PROBES: tuple[Probe, ...] = (
    Probe("certificates", "get", "GET", "/certificates/{name}/", sure=True),
    Probe("keys", "get", "GET", "/keys/{name}/", sure=True),
    Probe("certificates", "list", "GET", "/certificates?maxresults=1", sure=True),
    Probe("keys", "list", "GET", "/keys?maxresults=1", sure=True),
    # the service looks for the name before it looks at what is to be merged, so this is never a certificate
    Probe("certificates", "create", "POST", "/certificates/{name}/pending/merge", {"x5c": ["dGVzdA=="]}),
    Probe(
        "certificates", "update", "PATCH", "/certificates/{name}/pending", {"cancellation_requested": True}
    ),
    Probe("certificates", "backup", "POST", "/certificates/{name}/backup"),
    Probe("certificates", "restore", "POST", "/certificates/restore", {"value": "AA"}),
    Probe("certificates", "managecontacts", "GET", "/certificates/contacts"),
    Probe("certificates", "listissuers", "GET", "/certificates/issuers?maxresults=1"),
    Probe("certificates", "getissuers", "GET", "/certificates/issuers/{name}"),
    _crypto("sign", "sign"),
    _crypto("verify", "verify", digest=_DIGEST),
    _crypto("encrypt", "encrypt"),
    _crypto("decrypt", "decrypt"),
    _crypto("wrapKey", "wrapkey"),
    _crypto("unwrapKey", "unwrapkey"),
    Probe("keys", "update", "PATCH", f"/keys/{{name}}/{_NO_VERSION}", {}),
    Probe("keys", "backup", "POST", "/keys/{name}/backup"),
    Probe("keys", "getrotationpolicy", "GET", "/keys/{name}/rotationpolicy"),
)

# asked for what it refuses only: nobody needs to read secrets, and a refusal tells the vault's model and id
MODEL_PROBE = Probe("secrets", "get", "GET", "/secrets/{name}/")


def verify_body(key: Mapping[str, Any]) -> dict[str, str]:
    """Return what asks a key (a JSON Web Key) to verify zeros, by an algorithm that it knows (RFC 7518)."""
    algorithm, size = {
        "P-256": ("ES256", 32), "P-384": ("ES384", 48), "P-521": ("ES512", 64),
    }.get(str(key.get("crv") or ""), ("RS256", 32))  # fmt: skip
    signature = bytes(256)
    if algorithm != "RS256":
        signature = bytes({"ES256": 64, "ES384": 96, "ES512": 132}[algorithm])
    else:
        # Base64urlUInt (RFC 7518, 2): three bytes for four characters; the longest RSA key has 512 bytes
        modulus = str(key.get("n") or "")
        signature = bytes(min(len(modulus) * 3 // 4, 512) or 256)
    return {"alg": algorithm, "digest": _base64url(bytes(size)), "value": _base64url(signature)}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
