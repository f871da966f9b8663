"""Azure Resource Manager on the wire: tokens, versions, scopes, and the way to each operation.

Order: API version, token, subscription and its tenant, the caller's rights, existence, body. Lists of
subscriptions and resources hold what the caller may see; everything else is refused in whole.
"""

from __future__ import annotations

import re
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from codesign_wizard.practice.entra.models import GUID
from codesign_wizard.practice.entra.tokens import TokenError, base64url, from_base64url
from codesign_wizard.practice.management import errors, responses
from codesign_wizard.practice.management.call import Call, Handler, properties
from codesign_wizard.practice.management.grants import Grants, Manager
from codesign_wizard.practice.management.group_routes import GroupRoutes
from codesign_wizard.practice.management.vault_life import VAULTS
from codesign_wizard.practice.management.vault_routes import VaultRoutes
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import Router, split

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

T = TypeVar("T")

HOST = "management.azure.com"
PAGE = 200
_RESOURCES = ("2014-04-01", "2014-06-01", "2014-07-01", "2014-08-01", "2014-11-01", "2015-01-01",
              "2015-11-01", "2016-02-01", "2016-06-01", "2016-07-01", "2016-09-01", "2017-05-10",
              "2018-02-01", "2018-05-01", "2018-07-01", "2018-11-01", "2019-03-01", "2019-05-01",
              "2019-05-10", "2019-06-01", "2019-07-01", "2019-08-01", "2019-10-01", "2019-11-01",
              "2020-01-01", "2020-05-01", "2020-06-01", "2020-08-01", "2020-09-01", "2020-10-01",
              "2021-01-01", "2021-04-01", "2022-01-01", "2022-09-01", "2022-12-01", "2023-07-01",
              "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01")  # fmt: skip
_AUTHORIZATION = ("2015-07-01", "2018-01-01-preview", "2018-07-01-preview", "2020-04-01-preview",
                  "2020-08-01-preview", "2020-10-01-preview", "2021-04-01-preview", "2022-04-01",
                  "2022-05-01-preview", "2024-07-01-preview")  # fmt: skip
_KEY_VAULT = ("2015-06-01", "2016-10-01", "2018-02-14", "2019-09-01", "2020-04-01-preview",
              "2021-04-01-preview", "2021-06-01-preview", "2021-10-01", "2021-11-01-preview",
              "2022-02-01-preview", "2022-07-01", "2022-11-01", "2023-02-01", "2023-07-01",
              "2024-04-01-preview", "2024-11-01", "2024-12-01-preview", "2025-05-01", "2026-02-01",
              "2026-05-15")  # fmt: skip
_ROOTS = ("subscriptions", "providers", "tenants")  # below them the real one has far more than is played
# what Resource Manager counts requests as (request-limits-and-throttling)
_COUNTED = {"GET": "reads", "HEAD": "reads", "PUT": "writes", "PATCH": "writes", "POST": "writes",
            "DELETE": "deletes"}  # fmt: skip
_GRANTS = ("permissions", "roleassignments", "roledefinitions", "denyassignments")
# learn.microsoft.com/rest/api/resources/resources/list: parts of a name or of a resource group's
_WITHIN = re.compile(
    r"substringof\(\s*'(?P<value>(?:[^']|'')*)'\s*,\s*(?P<name>name|resourceGroup)\s*\)", re.IGNORECASE
)
_PROVIDER = "/providers/microsoft.keyvault/"
_FAR_TIME = "%m/%d/%Y %I:%M:%S %p"


def service(world: World) -> Service:
    """Return the service."""
    return Service("management", (HOST,), Management(world).handle)


class Management:
    """Leads requests through the checks, and words the answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._router: Router[Handler] = Router()
        add = self._router.add
        base = "/subscriptions/{subscription}"
        add("GET", "/subscriptions", self._subscriptions)
        add("GET", "/tenants", self._tenants)
        add("GET", base, self._subscription)
        add("GET", f"{base}/resources", self._resources)
        add("GET", f"{base}/resourceGroups/{{group}}/resources", self._resources)
        GroupRoutes(world, self._router, self._listed)
        self._vault_routes = VaultRoutes(world, self._router, self._listed)

    def handle(self, request: Request) -> Response:
        """Answer *request*."""
        tenant = ""
        try:
            path = "/" + "/".join(each for each in split(request.path) if each)
            subscription = self._world.authorization.subscription(path)
            tenant = subscription.tenant_id if subscription is not None else ""
            response = self._answer(request, path)
            if request.method == "HEAD" and response.status == 200:
                response = Response(204)  # whether there is something has no other answer
        except errors.ArmError as refusal:
            response = json_response(
                refusal.status, {"error": {"code": refusal.code, "message": refusal.message}}
            )
            if refusal.status == 401:
                response.headers.append(("WWW-Authenticate", _challenge(tenant, refusal)))
        return self._dress(request, response)

    def _answer(self, request: Request, path: str) -> Response:
        if not request.parameters.get("api-version"):
            raise errors.version_missing()
        claims = self._claims(request)
        manager = Manager(self._world, claims)
        self._enter(manager, path)
        found = _authorization_path(path)
        if found is not None:
            scope, kind, name = found
            if kind not in _GRANTS:
                raise errors.not_played(request.method, path)
            self._check_version(request, _AUTHORIZATION, kind, "")
            return self._grants(request, manager, scope, kind, name)
        plain = Request(request.method, path, request.version, request.headers, request.body)
        handler, known = self._router.find(plain)
        if handler is None:
            real = known or path.split("/")[1].lower() in _ROOTS
            raise errors.not_played(request.method, path) if real else errors.path_unknown(path)
        request.values = plain.values
        below = path.lower().rpartition(_PROVIDER)[2]
        if below not in (path.lower(), "register"):  # registering is Resource Manager's own
            self._check_version(request, _KEY_VAULT, "vaults", "westeurope")
        elif request.parameters["api-version"] not in _RESOURCES:
            raise errors.version_invalid(request.parameters["api-version"], _RESOURCES)
        return handler(Call(request, path, manager))

    def _claims(self, request: Request) -> Mapping[str, Any]:
        scheme, _, token = request.headers.get("Authorization").partition(" ")
        if not scheme:
            raise errors.token_missing()
        try:
            claims = self._world.tokens.check(token.strip())
        except TokenError as error:
            raise errors.token_invalid() from error
        if scheme.lower() != "bearer":
            raise errors.token_invalid()
        if not errors.audience_known(str(claims.get("aud"))):
            raise errors.audience_invalid(str(claims.get("aud")))
        now = self._world.clock.now()
        expiry = claims.get("exp")
        if not isinstance(expiry, int) or expiry + 300 <= now.timestamp():
            then = responses.time(expiry if isinstance(expiry, int) else 0.0)
            raise errors.token_expired(then, now.strftime(_FAR_TIME))
        return claims

    def _enter(self, manager: Manager, path: str) -> None:
        """Refuse a subscription that does not exist, or is another tenant's."""
        parts = path.strip("/").split("/")
        if parts[0].lower() != "subscriptions" or len(parts) < 2:
            return
        subscription = self._world.authorization.subscription(path)
        if subscription is None:
            raise errors.subscription_missing(parts[1])
        if subscription.tenant_id != manager.tenant_id:
            raise errors.tenant_wrong(manager.issuer, subscription.tenant_id)

    def _check_version(self, request: Request, known: Sequence[str], kind: str, location: str) -> None:
        version = request.parameters["api-version"]
        if version not in known:
            raise errors.version_unregistered(version, kind, location, known)

    def _grants(self, request: Request, manager: Manager, scope: str, kind: str, name: str) -> Response:
        grants = Grants(self._world, manager, scope)
        method, text = request.method, request.parameters.get("$filter", "")
        if kind == "permissions" and method == "GET" and not name:
            return self._page(request, grants.permissions())
        if kind == "roleassignments":
            if method == "GET":
                if not name:
                    return self._page(request, grants.assignments(text))
                return json_response(200, grants.assignment(name))
            if method == "PUT" and name:
                made, document = grants.assign(name, properties(request))
                return json_response(201 if made else 200, document)
            if method == "DELETE" and name:
                removed = grants.remove(name)
                return Response(204) if removed is None else json_response(200, removed)
        if kind == "roledefinitions":
            if method == "GET":
                if not name:
                    return self._page(request, grants.definitions(text))
                return json_response(200, grants.definition(name))
            if method == "PUT" and name:
                return json_response(201, grants.define(name, properties(request)))
            if method == "DELETE" and name:
                gone = grants.undefine(name)
                return Response(204) if gone is None else json_response(200, gone)
        if kind == "denyassignments" and method == "GET":
            if not name:
                return self._page(request, grants.denials(text))
            return json_response(200, grants.denial(name))
        raise errors.not_played(method, request.path)

    # resources

    def _subscriptions(self, call: Call) -> Response:
        held = [responses.subscription(each) for each in call.manager.subscriptions()]
        document = {"value": held, "count": {"type": "Total", "value": len(held)}}
        return json_response(200, document)

    def _tenants(self, call: Call) -> Response:
        tenant_id = call.manager.tenant_id
        tenant = self._world.directory.tenant(tenant_id)
        document = {
            "id": f"/tenants/{tenant_id}",
            "tenantId": tenant_id,
            "countryCode": "NZ",
            "displayName": tenant.name,
            "domains": tenant.domains,
            "tenantCategory": "Home",
            "defaultDomain": tenant.domains[0],
            "tenantType": "AAD",
        }
        return json_response(200, {"value": [document]})

    def _subscription(self, call: Call) -> Response:
        found = call.subscription(self._world)
        call.manager.demand("Microsoft.Resources/subscriptions/read", found.scope)
        return json_response(200, responses.subscription(found))

    def _resources(self, call: Call) -> Response:
        found = call.subscription(self._world)
        group = call.request.values.get("group", "")
        wanted = _comparisons(call.request.parameters.get("$filter", ""))
        if not call.manager.known_in(found):
            raise call.manager.refused("Microsoft.Resources/subscriptions/resources/read", found.scope)
        if group and not found.resource_group(group):
            raise errors.group_missing(group)
        seen = []
        for vault in self._vault_routes.held(found, group):
            document = responses.resource(vault)
            told = {
                "resourcetype": VAULTS,
                "name": vault.name,
                "location": vault.location,
                "resourcegroup": vault.resource_group,
            }
            if all(
                value.lower() in told[name].lower() if within else value.lower() == told[name].lower()
                for name, value, within in wanted
            ) and call.manager.may(f"{VAULTS}/read", vault.arm_id):
                seen.append(document)
        return self._page(call.request, seen)

    def _listed(self, call: Call, items: list[dict[str, Any]]) -> Response:
        return self._page(call.request, items)

    def _page(self, request: Request, items: list[T]) -> Response:
        query = request.parameters
        top = query.get("$top", "")
        size = min(int(top), PAGE) if top.isascii() and top.isdigit() and int(top) else PAGE
        try:
            start = max(int(from_base64url(query.get("$skiptoken", "")) or b"0"), 0)
        except ValueError as error:
            raise errors.ArmError(400, "InvalidSkipToken", "The provided skip token is not valid.") from error
        document: dict[str, Any] = {"value": items[start : start + size]}
        if start + size < len(items):
            more = {**query, "$skiptoken": base64url(str(start + size).encode())}
            document["nextLink"] = f"https://{HOST}{request.path}?{urllib.parse.urlencode(more, safe='$')}"
        return json_response(200, document)

    def _dress(self, request: Request, response: Response) -> Response:
        request_id = str(uuid.uuid4())
        given = request.headers.get("x-ms-correlation-request-id") or request.headers.get(
            "x-ms-client-request-id"
        )
        correlation = given if GUID.fullmatch(given) else str(uuid.uuid4())
        now = self._world.clock.now()
        response.headers += [
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Expires", "-1"),
            ("x-ms-request-id", request_id),
            ("x-ms-correlation-request-id", correlation),
            ("x-ms-routing-request-id", f"WESTEUROPE:{now:%Y%m%dT%H%M%SZ}:{request_id}"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        kind = _COUNTED.get(request.method)
        if kind and response.status != 401:
            response.headers.append((f"x-ms-ratelimit-remaining-subscription-{kind}", "249"))
        return response


def _authorization_path(path: str) -> tuple[str, str, str] | None:
    """Return scope, type and name of a path of Microsoft.Authorization; scopes keep their spelling."""
    lower = path.lower()
    marker = "/providers/microsoft.authorization/"
    place = lower.rfind(marker)
    if place < 0:
        return None
    kind, _, name = path[place + len(marker) :].partition("/")
    scope = urllib.parse.unquote(path[:place]) or "/"
    return scope, kind.lower(), urllib.parse.unquote(name)


def _comparisons(text: str) -> list[tuple[str, str, bool]]:
    """Return the comparisons of a filter on resources, joined by *and*; raises ``ArmError``.

    Each is a property, a value, and whether the value may be a part of the property's.
    """
    found = []
    for part in _split_and(text):
        within = _WITHIN.fullmatch(part)
        if within is not None:
            found.append((within["name"].lower(), within["value"].replace("''", "'"), True))
            continue
        name, operator, value = (*part.split(" ", 2), "", "")[:3]
        known = ("resourcetype", "name", "location", "resourcegroup")
        if name.lower() not in known or operator != "eq" or not value[:1] == value[-1:] == "'":
            raise errors.filter_invalid(text)
        found.append((name.lower(), value[1:-1].replace("''", "'"), False))
    return found


def _split_and(text: str) -> list[str]:
    """Split at ``and`` outside quotes."""
    parts, current = [], ""
    for index, piece in enumerate(text.split("'")):
        if index % 2:
            current += f"'{piece}'"
            continue
        first, *more = piece.split(" and ")
        current += first
        for each in more:
            parts.append(current)
            current = each
    return [each.strip() for each in (*parts, current) if each.strip()]


def _challenge(tenant: str, refusal: errors.ArmError) -> str:
    if refusal.code == "AuthenticationFailed":
        what = "The authentication failed because of missing 'Authorization' header."
    else:
        what = refusal.message.replace('"', "'")
    return (
        f'Bearer authorization_uri="https://login.windows.net/{tenant}", error="invalid_token", '
        f'error_description="{what}"'
    )
