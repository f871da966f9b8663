"""Microsoft Graph on the wire: applications, service principals, and the groups they are in; reading only."""

from __future__ import annotations

import re
import urllib.parse
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.entra.models import Application, ClientSecret, Group, ServicePrincipal, Tenant
from codesign_wizard.practice.entra.tokens import TokenError
from codesign_wizard.practice.graph import errors
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

HOST = "graph.microsoft.com"
_AUDIENCES = (f"https://{HOST}", f"https://{HOST}/", "00000003-0000-0000-c000-000000000000")
_KINDS = ("applications", "serviceprincipals")
_KEY = re.compile(r"(applications|serviceprincipals)\(appid='([^']*)'\)", re.IGNORECASE)
_FILTER = re.compile(r"\s*appId\s+eq\s+'([^']*)'\s*")


def service(world: World) -> Service:
    """Return the service."""
    return Service("graph", (HOST,), Graph(world).handle)


class Graph:
    """Checks the caller, finds the object, words the answer."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, request: Request) -> Response:
        """Answer *request*."""
        request_id = str(uuid.uuid4())
        try:
            response = self._answer(request, self._tenant(request))
        except errors.GraphError as error:
            inner = {
                "date": self._world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": request.headers.get("client-request-id") or request_id,
            }
            document = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
            response = json_response(error.status, document)
        response.headers += [("request-id", request_id), ("Cache-Control", "no-cache")]
        return response

    def _tenant(self, request: Request) -> Tenant:
        """Return the tenant that the caller may read: a person of its, for an application holds no right."""
        scheme, _, token = request.headers.get("Authorization").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise errors.token_missing()
        if token.count(".") != 2:
            raise errors.token_malformed()
        try:
            claims = self._world.tokens.check(token)
        except TokenError as error:
            raise errors.token_untrue() from error
        if claims.get("aud") not in _AUDIENCES:
            raise errors.audience_invalid()
        expiry = claims.get("exp")
        if not isinstance(expiry, int) or expiry + 300 <= self._world.clock.timestamp():
            raise errors.token_expired()
        for tenant in self._world.directory.tenants:
            if tenant.tenant_id == claims.get("tid"):
                if any(each.object_id == claims.get("oid") for each in tenant.users):
                    return tenant
                raise errors.denied()
        raise errors.denied()

    def _answer(self, request: Request, tenant: Tenant) -> Response:
        parts = [urllib.parse.unquote(each) for each in split(request.path)]
        if not parts or parts[0].lower() not in ("v1.0", "beta") or request.method not in ("GET", "HEAD"):
            raise errors.segment_unknown(parts[0] if parts else "")
        _, *rest = parts
        key = _KEY.fullmatch(rest[0]) if rest else None
        if key is not None:
            return self._object(request, tenant, key[1].lower(), key[2], rest[1:], by_application=True)
        if not rest or rest[0].lower() not in _KINDS:
            raise errors.segment_unknown(rest[0] if rest else "")
        kind = rest[0].lower()
        if len(rest) == 1:
            return self._list(request, tenant, kind)
        return self._object(request, tenant, kind, rest[1], rest[2:], by_application=False)

    def _list(self, request: Request, tenant: Tenant, kind: str) -> Response:
        found: list[Any] = list(tenant.applications if kind == "applications" else tenant.service_principals)
        wanted = request.query.get("$filter", "")
        if wanted:
            told = _FILTER.fullmatch(wanted)
            if told is None:
                raise errors.filter_unsupported()
            found = [each for each in found if each.application_id == told[1].lower()]
        return self._page(request, kind, [self._document(tenant, each) for each in found])

    def _object(
        self,
        request: Request,
        tenant: Tenant,
        kind: str,
        name: str,
        rest: list[str],
        *,
        by_application: bool,
    ) -> Response:
        held: list[Any] = list(tenant.applications if kind == "applications" else tenant.service_principals)
        found = next(
            (
                each
                for each in held
                if (each.application_id if by_application else each.object_id) == name.lower()
            ),
            None,
        )
        if found is None:
            raise errors.missing(name)
        if not rest:
            chosen = _select(request, self._document(tenant, found))
            context = {"@odata.context": f"https://{HOST}/v1.0/$metadata#{kind}/$entity"}
            return json_response(200, context | chosen)
        step = rest[0].lower()
        if len(rest) > 1 or kind == "applications" or step not in ("memberof", "transitivememberof"):
            raise errors.segment_unknown(rest[-1])
        groups = tenant.groups_of(found.object_id)
        if step == "memberof":
            groups = [each for each in groups if found.object_id in each.members]
        documents = [{"@odata.type": "#microsoft.graph.group", **_group(each)} for each in groups]
        return self._page(request, "directoryObjects", documents)

    def _page(self, request: Request, kind: str, documents: list[dict[str, Any]]) -> Response:
        return json_response(
            200,
            {
                "@odata.context": f"https://{HOST}/v1.0/$metadata#{kind}",
                "value": [_select(request, each) for each in documents],
            },
        )

    def _document(self, tenant: Tenant, found: Application | ServicePrincipal) -> dict[str, Any]:
        if isinstance(found, Application):
            return {
                "id": found.object_id,
                "appId": found.application_id,
                "displayName": found.name,
                "signInAudience": "AzureADMyOrg",
                "passwordCredentials": [_credential(each) for each in found.secrets],
            }
        registered = tenant.application(found.application_id)
        return {
            "id": found.object_id,
            "accountEnabled": found.enabled,
            "appId": found.application_id,
            "appOwnerOrganizationId": tenant.tenant_id,
            "displayName": registered.name if registered else "",
            "servicePrincipalType": "Application",
        }


def _credential(secret: ClientSecret) -> dict[str, Any]:
    """Return a secret as Graph lists it: never its value, but its first three characters."""
    return {
        "customKeyIdentifier": None,
        "displayName": secret.name or None,
        "endDateTime": _utc(secret.expires),
        "hint": secret.hint,
        "keyId": secret.key_id,
        "secretText": None,
        "startDateTime": _utc(secret.starts) if secret.starts else None,
    }


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _group(group: Group) -> dict[str, Any]:
    return {"id": group.object_id, "displayName": group.name, "securityEnabled": True, "mailEnabled": False}


def _select(request: Request, document: dict[str, Any]) -> dict[str, Any]:
    wanted = {each.strip().lower() for each in request.query.get("$select", "").split(",") if each.strip()}
    return {
        name: value
        for name, value in document.items()
        if not wanted or name.lower() in wanted or name.startswith("@")
    }
