"""Microsoft Graph on the wire: applications, service principals, people and groups; who may change what."""

from __future__ import annotations

import json
import re
import urllib.parse
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.entra.models import Application, Group, ServicePrincipal, Tenant, User
from codesign_wizard.practice.entra.tokens import TokenError
from codesign_wizard.practice.graph import changes, documents, errors, filters
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

HOST = "graph.microsoft.com"
_AUDIENCES = (f"https://{HOST}", f"https://{HOST}/", "00000003-0000-0000-c000-000000000000")
# as addresses and contexts spell them
_KINDS = {each.lower(): each for each in ("applications", "servicePrincipals", "users", "groups")}
_KEY = re.compile(r"(applications|serviceprincipals)\(appid='([^']*)'\)", re.IGNORECASE)
_METADATA = f"https://{HOST}/v1.0/$metadata"
_UNPLAYED = ("$expand", "$orderby", "$search", "$skip", "$skiptoken", "$top")

Thing = Application | ServicePrincipal | User | Group


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
            tenant, caller = self._caller(request)
            response = _Asked(self._world, request, tenant, caller).answer()
        except errors.GraphError as error:
            inner = {
                "date": self._world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": request.headers.get("client-request-id") or request_id,
            }
            told: dict[str, Any] = {"code": error.code, "message": error.message}
            if error.detail:
                told["details"] = [{"code": error.detail, "message": error.message}]
            response = json_response(error.status, {"error": {**told, "innerError": inner}})
        response.headers += [("request-id", request_id), ("Cache-Control", "no-cache")]
        return response

    def _caller(self, request: Request) -> tuple[Tenant, User]:
        """Return the tenant that the caller may read, and who it is: an application here holds no right."""
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
                for user in tenant.users:
                    if user.object_id == claims.get("oid"):
                        return tenant, user
        if split(request.path)[1:2] == ("me",):
            raise errors.not_delegated()
        raise errors.denied()


class _Asked:
    """One request of a person."""

    def __init__(self, world: World, request: Request, tenant: Tenant, caller: User) -> None:
        self._world, self._request = world, request
        self._tenant, self._caller = tenant, caller

    def answer(self) -> Response:
        """Lead the request to what it names; raises ``GraphError``."""
        for name in self._request.parameters:
            if name in _UNPLAYED:
                raise errors.not_played(name)
        parts = [urllib.parse.unquote(each) for each in split(self._request.path)]
        if not parts or parts[0].lower() not in ("v1.0", "beta"):
            raise errors.segment_unknown(parts[0] if parts else "")
        _, *rest = parts
        first = rest[0].lower() if rest else ""
        if first == "me":
            return self._me([each.lower() for each in rest[1:]])
        if [each.lower() for each in rest] == ["directoryobjects", "getbyids"]:
            return self._by_ids()
        key = _KEY.fullmatch(rest[0]) if rest else None
        if key is not None:
            return self._object(key[1].lower(), key[2], rest[1:], by_application=True)
        if first not in _KINDS:
            raise errors.not_played(rest[0]) if rest else errors.segment_unknown("")
        if len(rest) > 1:
            return self._object(first, rest[1], rest[2:], by_application=False)
        if self._request.method == "POST":
            return self._make(first)
        self._only_read()
        fits = filters.test(self._request.parameters.get("$filter", ""))
        found = [documents.of(self._tenant, each) for each in self._held(first) if self._known(each)]
        return self._page(_KINDS[first], [each for each in found if fits(each)])

    def _held(self, kind: str) -> list[Thing]:
        tenant = self._tenant
        held: dict[str, Sequence[Thing]] = {
            "applications": tenant.applications,
            "serviceprincipals": tenant.service_principals,
            "users": tenant.users,
            "groups": tenant.groups,
        }
        return list(held[kind])

    def _known(self, found: Thing) -> bool:
        """Tell whether *found* is there long enough to be known everywhere; by its own id it is at once."""
        created = found.created if isinstance(found, Application | ServicePrincipal) else ""
        if not created or not self._world.replication:
            return True
        age = self._world.clock.now() - datetime.fromisoformat(created)
        return age.total_seconds() >= self._world.replication

    def _only_read(self) -> None:
        if self._request.method not in ("GET", "HEAD"):
            raise errors.method_wrong()

    def _me(self, rest: list[str]) -> Response:
        self._only_read()
        if not rest:
            return self._single(200, "users", self._caller)
        if rest != ["ownedobjects"]:
            raise errors.not_played(rest[-1])
        owned: list[Thing] = [
            each for each in self._tenant.applications if self._caller.object_id in each.owners
        ]
        return self._page("directoryObjects", [documents.typed(self._tenant, each) for each in owned])

    def _by_ids(self) -> Response:
        if self._request.method != "POST":
            raise errors.method_wrong()
        ids = self._body().get("ids")
        if not isinstance(ids, list):
            raise errors.property_invalid("ids", "DirectoryObject")
        wanted = {str(each).lower() for each in ids}
        held = [each for kind in _KINDS for each in self._held(kind) if each.object_id in wanted]
        return self._page("directoryObjects", [documents.typed(self._tenant, each) for each in held])

    def _object(self, kind: str, name: str, rest: list[str], *, by_application: bool) -> Response:
        found = next((each for each in self._held(kind) if _called(each, name, by_application)), None)
        if found is None:
            raise errors.missing(name)
        step = rest[0].lower() if rest else ""
        if len(rest) > 1:
            raise errors.not_played(rest[-1])
        if isinstance(found, Application) and step in ("addpassword", "removepassword"):
            return self._password(found, step)
        if not step and self._request.method == "PATCH":
            return self._change(found)
        if self._request.method not in ("GET", "HEAD"):
            raise errors.not_played(f"{self._request.method} {_KINDS[kind]}")
        if not step:
            return self._single(200, _KINDS[kind], found)
        return self._page("directoryObjects", [documents.typed(self._tenant, each) for each in
                                               self._beside(found, step)])  # fmt: skip

    def _beside(self, found: Thing, step: str) -> list[Thing]:
        """Return what the last step of an address leads to from *found*."""
        tenant = self._tenant
        if step in ("memberof", "transitivememberof") and isinstance(found, ServicePrincipal | User):
            groups = tenant.groups_of(found.object_id)
            direct = step == "memberof"
            return [each for each in groups if not direct or found.object_id in each.members]
        if step == "owners" and isinstance(found, Application):
            return [each for each in tenant.users if each.object_id in found.owners]
        if step == "members" and isinstance(found, Group):
            kinds = ("users", "groups", "serviceprincipals")
            return [one for kind in kinds for one in self._held(kind) if one.object_id in found.members]
        raise errors.not_played(step)

    # changes

    def _make(self, kind: str) -> Response:
        self._demand(None)
        body = self._body()
        made: Application | ServicePrincipal
        now = self._world.clock.now()
        with self._world.lock:
            if kind == "applications":
                made = changes.make_application(self._tenant, self._caller.object_id, body, now)
            elif kind == "serviceprincipals":
                made = changes.make_service_principal(self._tenant, body, now, self._known)
            else:
                raise errors.not_played(f"POST {_KINDS[kind]}")
            self._world.save()
        return self._single(201, _KINDS[kind], made)

    def _change(self, found: Thing) -> Response:
        body = self._body()
        with self._world.lock:
            if isinstance(found, Application):
                self._demand(found)
                changes.change_application(found, body)
            elif isinstance(found, ServicePrincipal):
                self._demand(self._tenant.application(found.application_id))
                changes.change_service_principal(found, body)
            else:
                raise errors.not_played("PATCH")
            self._world.save()
        return Response(204)

    def _password(self, found: Application, step: str) -> Response:
        if self._request.method != "POST":
            raise errors.method_wrong()
        self._demand(found)
        body = self._body()
        with self._world.lock:
            if step == "removepassword":
                changes.remove_password(found, body)
                self._world.save()
                return Response(204)
            made = changes.add_password(found, body, self._world.clock.now())
            self._world.save()
        context = {"@odata.context": f"{_METADATA}#microsoft.graph.passwordCredential"}
        return json_response(200, context | documents.credential(made, text=True))

    def _demand(self, application: Application | None) -> None:
        """Raise ``GraphError`` unless the caller may change the application, or register one."""
        if not self._tenant.may_change(self._caller.object_id, application):
            raise errors.denied()

    def _body(self) -> dict[str, Any]:
        try:
            found = json.loads(self._request.body)
        except (ValueError, RecursionError) as error:  # nested too deeply
            raise errors.body_unreadable() from error
        if not isinstance(found, dict):
            raise errors.body_unreadable()
        return found

    # answers

    def _single(self, status: int, kind: str, found: Thing) -> Response:
        context = {"@odata.context": f"{_METADATA}#{kind}/$entity"}
        return json_response(status, context | self._selected(documents.of(self._tenant, found)))

    def _page(self, kind: str, found: list[dict[str, Any]]) -> Response:
        context = {"@odata.context": f"{_METADATA}#{kind}"}
        return json_response(200, {**context, "value": [self._selected(each) for each in found]})

    def _selected(self, document: dict[str, Any]) -> dict[str, Any]:
        chosen = self._request.parameters.get("$select", "").split(",")
        wanted = {each.strip().lower() for each in chosen if each.strip()}
        return {
            name: value
            for name, value in document.items()
            if not wanted or name.lower() in wanted or name.startswith("@")
        }


def _called(found: Thing, name: str, by_application: bool) -> bool:
    """Tell whether an address calls *found* by *name*."""
    if by_application:
        return isinstance(found, Application | ServicePrincipal) and found.application_id == name.lower()
    names = [found.object_id]
    if isinstance(found, User):
        names.append(found.principal_name.lower())
    return name.lower() in names
