"""Key Vault on the wire: the order of checks, headers, paging, and the way to each operation.

Order (learn.microsoft.com/azure/key-vault/general/authentication, "request operation flow"): network rules,
token, permission, then the operation itself, in which existence comes before content. A request without any
token gets the challenge first: real refusals by the firewall name the caller, so they have seen a token.
"""

from __future__ import annotations

import json
import urllib.parse
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from codesign_wizard.practice.entra.models import GUID, VAULT_RESOURCE
from codesign_wizard.practice.entra.tokens import TokenError, base64url, from_base64url, unchecked_claims
from codesign_wizard.practice.keyvault import errors, responses
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import Caller
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

T = TypeVar("T")

VERSIONS = (
    "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-06-01-preview", "2025-07-01",
    "2026-04-01",
)  # fmt: skip
_LARGEST_PAGE = 25
_KEY_OPERATIONS = ("sign", "verify", "encrypt", "decrypt", "wrapkey", "unwrapkey", "release")
_FORBIDDEN_PAGE = (
    b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/'
    b'xhtml1-strict.dtd">\r\n<html xmlns="http://www.w3.org/1999/xhtml">\r\n<head>\r\n'
    b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"/>\r\n'
    b"<title>403 - Forbidden: Access is denied.</title>\r\n</head>\r\n<body>\r\n"
    b'<div id="header"><h1>Server Error</h1></div>\r\n<div id="content">\r\n'
    b"<h2>403 - Forbidden: Access is denied.</h2>\r\n"
    b"<h3>You do not have permission to view this directory or page using the credentials that you "
    b"supplied.</h3>\r\n</div>\r\n</body>\r\n</html>\r\n"
)


def service(world: World) -> Service:
    """Return the service for all vaults; only those that exist have a name in DNS."""
    return Service(
        "keyvault",
        ("*.vault.azure.net",),
        KeyVault(world).handle,
        exists=lambda host: world.vaults.find(host) is not None,
    )


class KeyVault:
    """Leads requests through the checks to the vault's rules, and words the answers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, request: Request) -> Response:
        """Answer *request*, which was sent to a vault that exists."""
        vault = self._world.vaults.find(request.host)
        assert vault is not None, "the name resolved"
        segments = split(request.path)
        if not any(segments):
            # an empty path never reaches the service behind the web server (dotnet/sign#827)
            return Response(403, _FORBIDDEN_PAGE, [("Content-Type", "text/html")])
        try:
            caller = self._authenticate(vault, request)
            vault.count()
            self._check_version(request)
            response = _Operation(self._world, vault, caller, request, segments).run()
        except errors.VaultError as refusal:
            response = json_response(refusal.status, responses.error(refusal))
            if refusal.retry_after is not None:
                response.headers.append(("Retry-After", str(refusal.retry_after)))
            if refusal.status == 401:
                response.headers.append(("WWW-Authenticate", self._challenge(vault)))
        return self._dress(vault, request, response)

    def _authenticate(self, vault: Vault, request: Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization").partition(" ")
        token = token.strip()
        if scheme.lower() not in ("bearer", "pop") or not token:
            raise errors.token_missing()
        claims = unchecked_claims(token)
        vault.admit(self._world.client_address, _caller(claims).text())
        if token.count(".") != 2:
            raise errors.token_malformed()
        try:
            claims = self._world.tokens.check(token)
        except TokenError as error:
            if "signature" in str(error):
                raise errors.signature_invalid() from error
            raise errors.signature_key_unknown(error.header) from error
        issuer = f"https://sts.windows.net/{vault.tenant_id}/"
        if claims.get("iss") != issuer:
            raise errors.issuer_invalid(issuer, str(claims.get("iss")))
        if claims.get("aud") != VAULT_RESOURCE:
            raise errors.audience_invalid(VAULT_RESOURCE, str(claims.get("aud")))
        now, skew = self._world.clock.timestamp(), 300
        if not isinstance(claims.get("exp"), int) or claims["exp"] + skew <= now:
            raise errors.token_expired()
        if isinstance(claims.get("nbf"), int) and claims["nbf"] - skew > now:
            raise errors.token_not_yet_valid()
        return _caller(claims)

    def _check_version(self, request: Request) -> None:
        version = request.query.get("api-version", "")
        if not version:
            raise errors.version_missing()
        if version not in VERSIONS:
            raise errors.version_unknown(version, VERSIONS[-1])

    def _challenge(self, vault: Vault) -> str:
        return (
            f'Bearer authorization="https://login.microsoftonline.com/{vault.tenant_id}", '
            f'resource="{VAULT_RESOURCE}"'
        )

    def _dress(self, vault: Vault, request: Request, response: Response) -> Response:
        response.headers += [
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Expires", "-1"),
            ("x-ms-keyvault-region", vault.location),
            ("x-ms-request-id", str(uuid.uuid4())),
            ("x-ms-keyvault-service-version", "1.9.2854.1"),
            (
                "x-ms-keyvault-network-info",
                f"conn_type=Ipv4;addr={self._world.client_address};act_addr_fam=InterNetwork;",
            ),
            ("X-Content-Type-Options", "nosniff"),
            ("Strict-Transport-Security", "max-age=31536000;includeSubDomains"),
        ]
        client_id = request.headers.get("x-ms-client-request-id")
        if GUID.fullmatch(client_id):
            response.headers.append(("x-ms-client-request-id", client_id))
        return response


class _Operation:
    """One authenticated request on its way: permission, existence, content."""

    def __init__(
        self, world: World, vault: Vault, caller: Caller, request: Request, segments: Sequence[str]
    ) -> None:
        self._world = world
        self._vault = vault
        self._caller = caller
        self._request = request
        self._segments = [urllib.parse.unquote(segment) for segment in segments]

    def run(self) -> Response:
        """Carry the operation out; raises ``VaultError``."""
        collection, *rest = self._segments
        if collection.lower() == "certificates":
            return self._certificates(rest)
        if collection.lower() == "keys":
            return self._keys(rest)
        raise errors.path_unknown(self._request.path)

    def _permit(self, group: str, permission: str, name: str = "") -> None:
        now = self._world.clock.now().timestamp()
        self._vault.permit(self._caller, group, permission, name, now)

    def _only(self, *methods: str) -> None:
        if self._request.method not in methods:
            raise errors.method_not_allowed(self._request.method)

    def _certificates(self, rest: list[str]) -> Response:
        vault, state = self._vault, self._world.state
        if not rest:
            self._only("GET")
            self._permit("certificates", "list")
            held = [each for _, each in sorted(vault.certificates.items()) if each.versions]
            return self._page(
                held,
                lambda each: responses.certificate_item(vault, each, each.versions[-1], state, whole=True),
            )
        name, detail = rest[0], "/".join(rest[1:]).lower()
        if detail == "versions":
            self._only("GET")
            self._permit("certificates", "list", name)
            certificate = vault.certificate(name)
            return self._page(
                list(reversed(certificate.versions)),
                lambda each: responses.certificate_item(vault, certificate, each, state, whole=False),
            )
        if detail == "policy" and self._request.method == "GET":
            self._permit("certificates", "get", name)
            return json_response(200, responses.certificate_policy(vault, vault.certificate(name)))
        if detail == "pending" and self._request.method == "GET":
            self._permit("certificates", "get", name)
            raise errors.pending_missing(name)
        if self._request.method != "GET" or len(rest) > 2 or detail in ("policy", "pending"):
            raise errors.operation_unknown(self._request.method, detail or name)
        self._permit("certificates", "get", name)
        found, version = vault.certificate_version(name, detail)
        return json_response(
            200, responses.certificate_bundle(vault, found, version, state, latest=not detail)
        )

    def _keys(self, rest: list[str]) -> Response:
        vault, state = self._vault, self._world.state
        if not rest:
            self._only("GET")
            self._permit("keys", "list")
            held = [each for _, each in sorted(vault.keys.items()) if each.versions]
            return self._page(
                held, lambda each: responses.key_item(vault, each, each.versions[-1], whole=True)
            )
        name, *more = rest
        if [each.lower() for each in more] == ["versions"]:
            self._only("GET")
            self._permit("keys", "list", name)
            key = vault.keys.get(name.lower())
            # a name without any version lists as empty, as recorded from the service
            versions = list(reversed(key.versions)) if key else []
            return self._page(
                versions,
                lambda each: responses.key_item(vault, vault.keys[name.lower()], each, whole=False),
            )
        # an unversioned operation comes as keys/NAME//sign from the SDK, and as keys/NAME/sign from others
        operation = more[-1].lower() if more else ""
        if operation in _KEY_OPERATIONS and len(more) <= 2:
            return self._use_key(name, more[0] if len(more) == 2 else "", operation)
        if self._request.method != "GET" or len(more) > 1:
            raise errors.operation_unknown(self._request.method, operation or name)
        self._permit("keys", "get", name)
        found, version = vault.key_version(name, operation)
        return json_response(200, responses.key_bundle(vault, found, version, state))

    def _use_key(self, name: str, version: str, operation: str) -> Response:
        if self._request.method != "POST" or operation not in ("sign", "verify"):
            raise errors.operation_unknown(self._request.method, operation)
        self._permit("keys", operation, name)
        key, chosen = self._vault.key_version(name, version)  # existence before content
        body = self._body()
        algorithm = self._text(body, "alg")
        kid = f"https://{self._vault.host}/keys/{key.name}/{chosen.version}"
        state, clock = self._world.state, self._world.clock
        if operation == "sign":
            digest = self._bytes(body, "value")
            value = self._vault.sign(state, clock, name, chosen.version, algorithm, digest)
            return json_response(200, {"kid": kid, "value": base64url(value)})
        digest, signature = self._bytes(body, "digest"), self._bytes(body, "value")
        good = self._vault.verify(state, clock, name, chosen.version, algorithm, digest, signature)
        return json_response(200, {"value": good})

    def _body(self) -> dict[str, Any]:
        try:
            document = json.loads(self._request.body)
        except ValueError as error:
            raise errors.property_invalid() from error
        if not isinstance(document, dict):
            raise errors.property_invalid()
        return document

    def _text(self, body: dict[str, Any], name: str) -> str:
        value = body.get(name)
        if not isinstance(value, str) or not value:
            raise errors.property_invalid(name)
        return value

    def _bytes(self, body: dict[str, Any], name: str) -> bytes:
        """Return a base64url member; the service takes plain base64 as well, as jsign sends it."""
        try:
            return from_base64url(self._text(body, name))
        except ValueError as error:
            raise errors.property_invalid(name) from error

    def _page(self, items: list[T], render: Callable[[T], dict[str, Any]]) -> Response:
        query = self._request.query
        size = query.get("maxresults", str(_LARGEST_PAGE))
        if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= _LARGEST_PAGE:
            raise errors.property_invalid("maxresults")
        try:
            start = int(from_base64url(query.get("$skiptoken", "")) or b"0")
        except ValueError as error:
            raise errors.property_invalid("$skiptoken") from error
        end = start + int(size)
        link = None
        if end < len(items):
            token = base64url(str(end).encode())
            link = (
                f"https://{self._vault.host}:443{self._request.path}?api-version={query['api-version']}"
                f"&$skiptoken={token}&maxresults={size}"
            )
        return json_response(
            200, {"value": [render(item) for item in items[max(start, 0) : end]], "nextLink": link}
        )


def _caller(claims: dict[str, Any]) -> Caller:
    groups = claims.get("groups")
    return Caller(
        str(claims.get("appid", "")),
        str(claims.get("oid", "")),
        str(claims.get("iss", "")),
        tuple(map(str, groups)) if isinstance(groups, list) else (),
    )
