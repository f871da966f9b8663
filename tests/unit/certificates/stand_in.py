"""A small stand-in for the routes of a vault that requests need, below Microsoft's own clients.

It keeps real keys, makes real requests, and refuses in the service's words (recorded in public issues and in
Microsoft's documentation). What it is asked is written down.
"""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.certificates.subject import Subject, SubjectError
from codesign_wizard.core.certificates.vault import CertificateVault
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from tests.support import pki

GUID = "11111111-2222-4333-8444-555555555555"
OPTIONS = AzureOptions("stand-in", "code", GUID, GUID.replace("1", "a"))
VAULT = OPTIONS.vault_url
CREATED = 1_790_000_000

FORBIDDEN = (
    "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
    "role definitions were changed recently, please observe propagation time.\r\nCaller: appid={id};"
    "oid={id};iss=https://sts.windows.net/{id}/\r\nAction: 'Microsoft.KeyVault/vaults/{action}'\r\n"
    "Resource: '/subscriptions/{id}/resourcegroups/rg/providers/microsoft.keyvault/vaults/stand-in'\r\n"
    "Assignment: (not found)\r\n"
)
MISMATCH = (
    "The public key of the end-entity certificate in the specified X.509 certificate content does not match "
    "the public part of the specified private key. Please check if certificate is valid"
)
IN_PROGRESS = (
    "A new key vault certificate can not be created or imported while a pending key vault certificate's "
    "status is inProgress."
)
DELETED = (
    "Certificate {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
    "this state, the certificate can only be recovered or purged."
)


class Refused(Exception):
    """A refusal in the service's form."""

    def __init__(self, status: int, code: str, message: str, inner: str = "") -> None:
        super().__init__(message)
        self.status = status
        error: dict[str, Any] = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.body = {"error": error}


class StandIn(BaseAdapter):
    """The vault, as an adapter below ``requests``."""

    def __init__(self, tier: str = "premium") -> None:
        super().__init__()
        self.tier = tier
        self.certificates: dict[str, list[dict[str, Any]]] = {}
        self.pending: dict[str, dict[str, Any]] = {}
        self.deleted: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.denied: set[str] = set()
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.refuse: Refused | None = None
        self.lose_next_answer = False
        self.key_kinds = ["rsa3072", "rsa3072-other", "rsa3072-third"]

    @property
    def changes(self) -> list[str]:
        """The requests so far that were no reading."""
        return [each for each in self.asked if not each.startswith("GET")]

    def close(self) -> None:
        return

    def send(self, request: Any, **_: Any) -> requests.Response:
        parts = urlsplit(request.url)
        headers = {"Content-Type": "application/json", "x-ms-request-id": "req-1"}
        if "Authorization" not in request.headers:
            challenge = f'Bearer authorization="https://login.microsoftonline.com/{GUID}", resource="https://vault.azure.net"'
            return self._answer(request, 401, {}, {**headers, "WWW-Authenticate": challenge})
        self.asked.append(f"{request.method} {parts.path}")
        body = json.loads(request.body) if request.body else {}
        if body:
            self.bodies.append(body)
        try:
            if self.refuse is not None and request.method != "GET":
                raise self.refuse
            status, document = self._route(request.method, parts.path.strip("/"), parse_qs(parts.query), body)
        except Refused as refusal:
            status, document = refusal.status, refusal.body
        if self.lose_next_answer and request.method == "POST":
            self.lose_next_answer = False
            status, document = 503, {}
        return self._answer(request, status, document, headers)

    def _answer(self, request: Any, status: int, document: Any, headers: dict[str, str]) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.request = request
        response.url = request.url
        response.raw = HTTPResponse(
            io.BytesIO(json.dumps(document).encode()), headers=headers, status=status, preload_content=False
        )
        return response

    def _route(self, method: str, path: str, query: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        routes: list[tuple[str, str, str, Callable[..., tuple[int, Any]]]] = [
            ("POST", r"certificates/([^/]+)/create", "certificates/create/action", self.create),
            ("GET", r"certificates/([^/]+)/pending", "certificates/read", self.read_pending),
            ("DELETE", r"certificates/([^/]+)/pending", "certificates/update/action", self.drop),
            ("POST", r"certificates/([^/]+)/pending/merge", "certificates/create/action", self.merge),
            ("GET", r"certificates/([^/]+)/versions", "certificates/list", self.list_versions),
            ("GET", r"certificates/([^/]+)(?:/([^/]+))?", "certificates/read", self.read),
            ("GET", r"certificates", "certificates/list", self.list_all),
            ("GET", r"deletedcertificates/([^/]+)", "", self.read_deleted),
            ("POST", r"deletedcertificates/([^/]+)/recover", "certificates/recover/action", self.recover),
            ("GET", r"keys/([^/]+)/([^/]+)/attestation", "keys/read", self.attest),
            ("GET", r"keys/([^/]+)(?:/([^/]+))?", "keys/read", self.read_key),
        ]
        for wanted, pattern, permission, call in routes:
            found = re.fullmatch(pattern, path)
            if method == wanted and found:
                self._permit(permission)
                return call(*[each for each in found.groups() if each is not None], body=body, query=query)
        raise AssertionError(f"not played: {method} {path}")

    def _permit(self, permission: str) -> None:
        if permission in self.denied:
            raise Refused(403, "Forbidden", FORBIDDEN.format(id=GUID, action=permission), "ForbiddenByRbac")

    def create(self, name: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        policy = body["policy"]
        if name in self.deleted:
            raise Refused(409, "Conflict", DELETED.format(name=name), "ObjectIsDeletedButRecoverable")
        if name in self.pending and self.pending[name]["status"] == "inProgress":
            raise Refused(409, "Forbidden", IN_PROGRESS)
        if self.tier == "standard" and policy["key_props"]["kty"].endswith("-HSM"):
            raise Refused(400, "BadParameter", "Hardware key operation not allowed on standard vault")
        try:
            subject = Subject.parse(policy["x509_props"]["subject"])
        except SubjectError as error:
            raise Refused(
                400, "BadParameter", "The subject name provided is not a valid X500 name"
            ) from error
        key = pki.key(self.key_kinds[len(self.certificates.get(name, []))])
        builder = x509.CertificateSigningRequestBuilder(subject.to_name())
        usages = [x509.ObjectIdentifier(each) for each in policy["x509_props"]["ekus"]]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
        csr = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        version = f"{len(self.certificates.get(name, [])) + 1:032x}"
        self.pending[name] = {
            "id": f"{VAULT}/certificates/{name}/pending", "issuer": policy["issuer"],
            "csr": base64.b64encode(csr).decode(), "cancellation_requested": False, "status": "inProgress",
            "status_details": "Pending certificate created. Please Perform Merge to complete the request.",
            "request_id": "a76827a18b63421c917da80f28e9913d",
        }  # fmt: skip
        made = {"version": version, "cer": None, "tags": body.get("tags") or {}, "policy": policy, "key": key}
        self.certificates.setdefault(name, []).append({**made, "enabled": True})
        return 202, self.pending[name]

    def read_pending(self, name: str, **_: Any) -> tuple[int, Any]:
        if name not in self.pending:
            raise Refused(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")
        return 200, self.pending[name]

    def drop(self, name: str, **_: Any) -> tuple[int, Any]:
        _, operation = self.read_pending(name)
        del self.pending[name]
        self.certificates[name] = [each for each in self.certificates[name] if each["cer"]]
        return 200, operation

    def merge(self, name: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        _, operation = self.read_pending(name)
        if operation["status"] != "inProgress":
            raise Refused(403, "Forbidden", "Pending status must be in progress to allow update.")
        try:
            content = [base64.b64decode(each) for each in body["x5c"]]
            leaf = x509.load_der_x509_certificate(content[0])
        except ValueError as error:
            raise Refused(400, "BadParameter", "ASN1 bad tag value met") from error
        waiting = self.certificates[name][-1]
        encode = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if leaf.public_key().public_bytes(*encode) != waiting["key"].public_key().public_bytes(*encode):
            raise Refused(400, "BadParameter", MISMATCH)
        waiting["cer"] = leaf
        operation["status"] = "completed"
        return 201, self._bundle(name, waiting)

    def read(self, name: str, version: str = "", **_: Any) -> tuple[int, Any]:
        for each in reversed(self.certificates.get(name, [])):
            if each["version"] == version or (not version and each["cer"]):
                return 200, self._bundle(name, each, with_policy=not version)
        missing = f"A certificate with (name/id) {name} was not found in this key vault."
        raise Refused(404, "CertificateNotFound", missing)

    def list_versions(self, name: str, **_: Any) -> tuple[int, Any]:
        items = [self._item(name, each, each["version"]) for each in self.certificates.get(name, [])]
        return 200, {"value": items, "nextLink": None}

    def list_all(self, query: dict[str, Any], **_: Any) -> tuple[int, Any]:
        pending = query.get("includePending") == ["true"]
        items = [
            self._item(name, versions[-1])
            for name, versions in self.certificates.items()
            if versions and (pending or versions[-1]["cer"])
        ]
        return 200, {"value": items, "nextLink": None}

    def read_deleted(self, name: str, **_: Any) -> tuple[int, Any]:
        if name not in self.deleted:
            raise Refused(404, "CertificateNotFound", f"Deleted certificate not found: {name}")
        self._permit("certificates/read")
        times = {"deletedDate": CREATED, "scheduledPurgeDate": CREATED + 90 * 86400}
        recovery = {"recoveryId": f"{VAULT}/deletedcertificates/{name}", **times}
        return 200, {**self._bundle(name, self.deleted[name][-1]), **recovery}

    def recover(self, name: str, **_: Any) -> tuple[int, Any]:
        self.read_deleted(name)
        self.certificates[name] = self.deleted.pop(name)
        return 200, self._bundle(name, self.certificates[name][-1])

    def read_key(self, name: str, version: str = "", **_: Any) -> tuple[int, Any]:
        if name in self.keys:
            return 200, self.keys[name]
        for each in reversed(self.certificates.get(name, [])):
            if each["version"] == version:
                return 200, self.key_bundle(name, each)
        missing = f"A key with (name/id) {name} was not found in this key vault."
        raise Refused(404, "KeyNotFound", missing)

    def attest(self, name: str, version: str, **_: Any) -> tuple[int, Any]:
        _, bundle = self.read_key(name, version)
        if self.tier != "managed":
            raise Refused(400, "BadParameter", "Key attestation is not supported.")
        told = {
            "certificatePemFile": encoded(b"PEM"),
            "publicKeyAttestation": encoded(b"proof"),
            "version": "2.0",
        }
        bundle["attributes"]["attestation"] = told
        return 200, bundle

    def key_bundle(self, name: str, version: dict[str, Any]) -> dict[str, Any]:
        numbers = version["key"].public_key().public_numbers()
        assert isinstance(numbers, rsa.RSAPublicNumbers)
        properties = version["policy"]["key_props"]
        platform = "2" if properties["kty"].endswith("-HSM") else "0"
        return {
            "key": {
                "kid": f"{VAULT}/keys/{name}/{version['version']}", "kty": properties["kty"],
                "key_ops": ["sign", "verify"], "e": encoded(b"\x01\x00\x01"),
                "n": encoded(numbers.n.to_bytes(384, "big")),
            },
            "attributes": {"enabled": True, "exportable": False, "hsmPlatform": platform, "created": CREATED},
            "managed": True,
        }  # fmt: skip

    def _bundle(self, name: str, version: dict[str, Any], with_policy: bool = True) -> dict[str, Any]:
        document = self._item(name, version, version["version"])
        leaf = version["cer"]
        document |= {"kid": f"{VAULT}/keys/{name}/{version['version']}"}
        if leaf is not None:
            document["cer"] = base64.b64encode(leaf.public_bytes(Encoding.DER)).decode()
        if with_policy:
            document["policy"] = version["policy"]
        return document

    def _item(self, name: str, version: dict[str, Any], number: str = "") -> dict[str, Any]:
        created = CREATED + int(version["version"], 16)
        attributes = {"enabled": version["enabled"], "created": created, "updated": CREATED}
        item = {"id": f"{VAULT}/certificates/{name}/{number}".rstrip("/"), "tags": version["tags"]}
        leaf = version["cer"]
        if leaf is not None:
            item["x5t"] = encoded(leaf.fingerprint(hashes.SHA1()))
            attributes["nbf"] = int(leaf.not_valid_before_utc.timestamp())
            attributes["exp"] = int(leaf.not_valid_after_utc.timestamp())
        return {**item, "attributes": attributes}


class Credential:
    """Signs everybody in."""

    job: Any = None

    def meets(self, vault_url: str) -> bool:
        return True

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("token", int(time.time()) + 3600)


class StandInNetwork(Network):
    """A network in which every vault is the stand-in."""

    def __init__(self, vault: StandIn, cache: Path) -> None:
        super().__init__(NetworkSettings(use_environment=False, timeout=5.0, cache=str(cache)))
        self.vault = vault

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self.vault)
        return session


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def opened(vault: StandIn, cache: Path, name: str = "code") -> CertificateVault:
    """Return the product's view on the stand-in."""
    options = AzureOptions(OPTIONS.vault_name, name, OPTIONS.application_id, OPTIONS.tenant_id)
    credential: Any = Credential()
    return CertificateVault.open(
        Job(), StandInNetwork(vault, cache), options, Secret("canary-secret-value"), credential=credential
    )
