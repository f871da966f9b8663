"""Key Vault on the wire: the order of checks up to the permission, and headers.

Order (learn.microsoft.com/azure/key-vault/general/authentication, "request operation flow"): network rules,
token, permission, then the operation itself, in which existence comes before content. A request without any
token gets the challenge first: real refusals by the firewall name the caller, so they have seen a token.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.entra.models import GUID, VAULT_RESOURCE
from codesign_wizard.practice.entra.tokens import TokenError, unchecked_claims
from codesign_wizard.practice.keyvault import errors, responses
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.operations import Operation
from codesign_wizard.practice.keyvault.permissions import Caller
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

VERSIONS = (
    "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-06-01-preview", "2025-07-01",
    "2026-04-01",
)  # fmt: skip
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
        exists=lambda host: _in_dns(world, host),
    )


def _in_dns(world: World, host: str) -> bool:
    vault = world.vaults.find(host)
    return vault is not None and vault.resolves_from <= world.clock.now().timestamp()


class KeyVault:
    """Leads requests through the checks to the vault's rules, and words the answers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, request: Request) -> Response:
        """Answer *request*, which was sent to a vault that existed when it came."""
        vault = self._world.vaults.find(request.host)
        if vault is None:  # deleted since
            return Response(503, close=True)
        if not any(split(request.path)):
            # an empty path never reaches the service behind the web server (dotnet/sign#827)
            return Response(403, _FORBIDDEN_PAGE, [("Content-Type", "text/html")])
        try:
            caller = self._authenticate(vault, request)
            vault.count()
            self._check_version(request)
            response = Operation(self._world, vault, caller, request).run()
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
        version = request.parameters.get("api-version", "")
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


def _caller(claims: Mapping[str, Any]) -> Caller:
    groups = claims.get("groups")
    return Caller(
        str(claims.get("appid", "")),
        str(claims.get("oid", "")),
        str(claims.get("iss", "")),
        tuple(map(str, groups)) if isinstance(groups, list) else (),
        for_itself=claims.get("idtyp") == "app",
    )
