"""Entra ID on the wire: discovery, keys, the token endpoints of both versions.

People's sign-ins are in ``people_routes``.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from codesign_wizard.practice.entra import errors
from codesign_wizard.practice.entra.models import GUID
from codesign_wizard.practice.entra.people_routes import PeopleRoutes
from codesign_wizard.practice.entra.tokens import LIFETIME
from codesign_wizard.practice.wire.messages import Request, Response, Service, json_response
from codesign_wizard.practice.wire.router import Handler, Router

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

PUBLIC_HOSTS = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")
# the alias groups as the real instance discovery lists them; the first of each is what it prefers
CLOUDS = (
    ("login.windows.net", PUBLIC_HOSTS),
    (
        "login.partner.microsoftonline.cn",
        ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"),
    ),
    ("login.microsoftonline.de", ("login.microsoftonline.de",)),
    ("login.microsoftonline.us", ("login.microsoftonline.us", "login.usgovcloudapi.net")),
    ("login-us.microsoftonline.com", ("login-us.microsoftonline.com",)),
)
_HOSTS = tuple(host for _, hosts in CLOUDS for host in hosts)
_DEVICE_HOSTS = ("microsoft.com", "www.microsoft.com")  # whose /devicelogin people are told to open
_TENANTLESS = ("common", "organizations", "consumers")


def service(world: World) -> Service:
    """Return the service for the hosts of every cloud; the practice tenants live in the public one."""
    return Service("entra", (*_HOSTS, *_DEVICE_HOSTS), Entra(world).handle)


class Entra:
    """Leads requests to the directory and words its answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = PeopleRoutes(world, self._public)
        self._router: Router[Handler] = Router()
        add = self._router.add
        add("GET", "/{tenant}/discovery/instance", self._instance)
        add("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        add("GET", "/{tenant}/.well-known/openid-configuration", self._configuration_1)
        add("GET", "/{tenant}/discovery/v2.0/keys", self._keys)
        add("GET", "/{tenant}/discovery/keys", self._keys)
        add("POST", "/{tenant}/oauth2/v2.0/token", self._token)
        add("POST", "/{tenant}/oauth2/token", self._token)
        add("POST", "/{tenant}/oauth2/v2.0/devicecode", self._people.device_code)
        for method in ("GET", "POST"):
            add(method, "/{tenant}/oauth2/v2.0/authorize", self._people.authorize)
            add(method, "/{tenant}/oauth2/deviceauth", self._people.device_login)
        self._device_router: Router[Handler] = Router()
        for method in ("GET", "POST"):
            self._device_router.add(method, "/devicelogin", self._people.device_login)

    def handle(self, request: Request) -> Response:
        """Answer *request*."""
        trace = str(uuid.uuid4())
        given = request.headers.get("client-request-id")
        correlation = given if GUID.fullmatch(given) else str(uuid.uuid4())
        router = self._device_router if request.host in _DEVICE_HOSTS else self._router
        handler, known = router.find(request)
        if handler is not None:
            try:
                response = handler(request)
            except errors.EntraError as error:
                response = self._refusal(request, error, trace, correlation)
        elif known:
            response = self._refusal(request, errors.post_only(request.method), trace, correlation)
        else:
            response = Response(404, b"", [])
        response.headers += [
            ("Cache-Control", "no-store, no-cache"),
            ("Pragma", "no-cache"),
            ("Expires", "-1"),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("X-Content-Type-Options", "nosniff"),
            ("x-ms-request-id", trace),
            ("x-ms-ests-server", "2.1.22456.6 - WEULR1 ProdSlices"),
            ("X-XSS-Protection", "0"),
        ]
        if request.headers.get("return-client-request-id").lower() == "true":
            response.headers.append(("client-request-id", correlation))
        return response

    def _instance(self, request: Request) -> Response:
        endpoint = request.query.get("authorization_endpoint", "")
        host = endpoint.removeprefix("https://").partition("/")[0].lower()
        if host not in _HOSTS:
            raise errors.instance_unknown()
        tenant = endpoint.removeprefix("https://").partition("/")[2].partition("/")[0] or "common"
        document = {
            "tenant_discovery_endpoint": f"https://{host}/{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": request.query.get("api-version", "1.1"),
            "metadata": [
                {
                    "preferred_network": preferred if hosts != PUBLIC_HOSTS else PUBLIC_HOSTS[0],
                    "preferred_cache": preferred,
                    "aliases": list(hosts),
                }
                for preferred, hosts in CLOUDS
            ],
        }
        return json_response(200, document, [("Access-Control-Allow-Origin", "*")])

    def _configuration(self, request: Request) -> Response:
        place, tenant, region = self._configured(request)
        base = f"https://{self._network_host(request)}/{place}"
        issuer = f"https://{self._network_host(request)}/{tenant}/v2.0"
        return self._configuration_document(base, "/v2.0", issuer, region)

    def _configuration_1(self, request: Request) -> Response:
        place, tenant, region = self._configured(request)
        base = f"https://{self._network_host(request)}/{place}"
        return self._configuration_document(base, "", f"https://sts.windows.net/{tenant}/", region)

    def _configured(self, request: Request) -> tuple[str, str, str | None]:
        """Return the tenant as addresses name it, its id as issuers do, and its region."""
        identifier = request.values["tenant"]
        if identifier.lower() in _TENANTLESS:
            return identifier.lower(), "{tenantid}", None
        tenant = self._world.directory.tenant(identifier, public=self._public(request))
        return tenant.tenant_id, tenant.tenant_id, tenant.region

    def _configuration_document(self, base: str, version: str, issuer: str, region: str | None) -> Response:
        methods = [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
            "self_signed_tls_client_auth",
        ]
        document: dict[str, Any] = {
            "token_endpoint": f"{base}/oauth2{version}/token",
            "token_endpoint_auth_methods_supported": methods,
            "jwks_uri": f"{base}/discovery{version}/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
            "authorization_endpoint": f"{base}/oauth2{version}/authorize",
            "device_authorization_endpoint": f"{base}/oauth2{version}/devicecode",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{base}/oauth2{version}/logout",
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
                "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username",
                "name", "tid", "ver", "at_hash", "c_hash", "email",
            ],
            "kerberos_endpoint": f"{base}/kerberos",
            "tenant_region_scope": region,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
            "rbac_url": "https://pas.windows.net",
        }  # fmt: skip
        return json_response(200, document, [("Access-Control-Allow-Origin", "*")])

    def _keys(self, request: Request) -> Response:
        _, tenant, _ = self._configured(request)
        version_2 = "/v2.0/" in request.path.lower()
        issuer = f"https://{self._network_host(request)}/{tenant}/v2.0" if version_2 else None
        return json_response(200, self._world.tokens.key_set(issuer), [("Access-Control-Allow-Origin", "*")])

    def _token(self, request: Request) -> Response:
        version_1 = "/v2.0/" not in request.path.lower()
        form = request.form()
        self._add_basic(request, form)
        answer = None if version_1 else self._people.token(request, form)
        if answer is not None:
            return answer
        grant = self._world.directory.client_credentials(
            request.values["tenant"], form, version_1=version_1, public=self._public(request)
        )
        token = self._world.tokens.issue(grant)
        if not version_1:
            return json_response(
                200,
                {
                    "token_type": "Bearer",
                    "expires_in": LIFETIME,
                    "ext_expires_in": LIFETIME,
                    "access_token": token,
                },
            )
        now = self._world.clock.timestamp()
        return json_response(
            200,
            {
                "token_type": "Bearer",
                "expires_in": str(LIFETIME),
                "ext_expires_in": str(LIFETIME),
                "expires_on": str(now + LIFETIME),
                "not_before": str(now - 300),
                "resource": grant.audience,
                "access_token": token,
            },
        )

    def _add_basic(self, request: Request, form: dict[str, str]) -> None:
        """Take the client's id and secret from Basic authentication (RFC 6749, 2.3.1), if it is there."""
        scheme, _, value = request.headers.get("Authorization").partition(" ")
        if scheme.lower() != "basic":
            return
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return
        form.setdefault("client_id", unquote_plus(user))
        form.setdefault("client_secret", unquote_plus(password))

    def _refusal(self, request: Request, error: errors.EntraError, trace: str, correlation: str) -> Response:
        time = self._world.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        document: dict[str, Any] = {
            "error": error.error,
            "error_description": f"AADSTS{error.number}: {error.text} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {time}",
            "error_codes": [error.number],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        if error.uri:
            document["error_uri"] = f"https://{self._network_host(request)}/error?code={error.number}"
        if error.suberror:
            document["suberror"] = error.suberror
        return json_response(error.status, document)

    def _network_host(self, request: Request) -> str:
        return PUBLIC_HOSTS[0] if self._public(request) else request.host

    def _public(self, request: Request) -> bool:
        return request.host in PUBLIC_HOSTS
