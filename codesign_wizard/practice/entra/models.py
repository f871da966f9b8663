"""Tenants, applications and their service principals, and the rules by which a token is given out."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import string
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.entra import errors

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_NO_TENANT = ("common", "organizations", "consumers")
OPENID = ("openid", "profile", "email", "offline_access")  # scopes that name no resource
SECRET_CHARACTERS = string.ascii_letters + string.digits + "._-~"

VAULT_RESOURCE = "https://vault.azure.net"
# resources that every tenant holds, by identifier URI, with their application ids
RESOURCES = {
    VAULT_RESOURCE: "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    "https://management.azure.com": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "https://management.core.windows.net": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "https://graph.microsoft.com": "00000003-0000-0000-c000-000000000000",
}


@dataclass
class ClientSecret:
    """A password credential: ``key_id`` is what the portal calls Secret ID."""

    key_id: str
    value: str
    expires: str  # ISO 8601 with offset
    starts: str = ""
    name: str = ""  # what the portal calls Description

    @property
    def hint(self) -> str:
        """The first three characters, which the portal and Microsoft Graph show."""
        return self.value[:3]

    @classmethod
    def make(cls, expires: datetime, *, starts: datetime | None = None, name: str = "") -> ClientSecret:
        """Return a new secret in the shape Entra gives them: 40 characters, ``8Q~`` from the fourth on."""
        head = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(3))
        tail = "".join(secrets.choice(SECRET_CHARACTERS) for _ in range(34))
        return cls(
            str(uuid.uuid4()),
            f"{head}8Q~{tail}",
            expires.isoformat(),
            starts.isoformat() if starts else "",
            name,
        )

    def expired(self, now: datetime) -> bool:
        """Tell whether the secret is past its day."""
        return datetime.fromisoformat(self.expires) <= now


@dataclass
class Application:
    """An app registration; ``object_id`` is the registration's own, not the service principal's."""

    application_id: str
    object_id: str
    name: str
    secrets: list[ClientSecret] = field(default_factory=list)
    identifier_uris: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)  # object ids of those who may change it, too
    created: str = ""  # ISO 8601 with offset


@dataclass
class ServicePrincipal:
    """An enterprise application: what roles and policies name, by its object id."""

    object_id: str
    application_id: str
    enabled: bool = True
    blocked_by_policy: bool = False
    created: str = ""  # ISO 8601 with offset


@dataclass
class User:
    """A person's account. There is no password: the practice sign-in page asks for none."""

    object_id: str
    name: str
    principal_name: str  # what they type to sign in: name@domain


@dataclass
class Group:
    """A security group; ``members`` are object ids, of other groups too."""

    object_id: str
    name: str
    members: list[str] = field(default_factory=list)


@dataclass
class Tenant:
    """A directory in the public cloud. The first of its ``users`` is its administrator."""

    tenant_id: str
    name: str
    domains: list[str]
    region: str
    applications: list[Application] = field(default_factory=list)
    service_principals: list[ServicePrincipal] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def application(self, application_id: str) -> Application | None:
        """Return the application registered here."""
        return next((each for each in self.applications if each.application_id == application_id), None)

    def service_principal(self, application_id: str) -> ServicePrincipal | None:
        """Return the service principal here of an application."""
        return next((each for each in self.service_principals if each.application_id == application_id), None)

    def may_change(self, user_id: str, application: Application | None = None) -> bool:
        """Tell whether a person may change *application*, or register a new one: here no member may."""
        owns = application is not None and user_id in application.owners
        return owns or (bool(self.users) and user_id == self.users[0].object_id)

    def groups_of(self, object_id: str) -> list[Group]:
        """Return the groups that a principal is in, directly or through other groups."""
        found: dict[str, Group] = {}
        wanted = [object_id]
        while wanted:
            member = wanted.pop()
            for group in self.groups:
                if member in group.members and group.object_id not in found:
                    found[group.object_id] = group
                    wanted.append(group.object_id)
        return list(found.values())

    def kind_of(self, object_id: str) -> str:
        """Return ``ServicePrincipal``, ``User`` or ``Group`` for a principal's object id, or nothing."""
        for kind, held in (
            ("ServicePrincipal", self.service_principals),
            ("User", self.users),
            ("Group", self.groups),
        ):
            if any(each.object_id == object_id for each in held):
                return kind
        return ""


@dataclass(frozen=True)
class Grant:
    """What a token is to say: ``principal_id`` is the object id of the service principal, or of ``user``."""

    tenant: Tenant
    application_id: str
    principal_id: str
    audience: str
    user: User | None = None


class Directory:
    """All tenants of the practice cloud, and the rules of the client credentials grant; people: people.py."""

    def __init__(self, clock: Clock, tenants: list[Tenant]) -> None:
        self._clock = clock
        self.tenants = tenants

    def tenant(self, identifier: str, *, public: bool = True) -> Tenant:
        """Return the tenant of this GUID or verified domain; raises ``EntraError``.

        Only the public cloud (*public*) knows any.
        """
        wanted = identifier.lower()
        for tenant in self.tenants if public else ():
            if wanted == tenant.tenant_id or wanted in tenant.domains:
                return tenant
        if GUID.fullmatch(identifier) or _DOMAIN.fullmatch(identifier):
            raise errors.tenant_unknown(identifier)
        raise errors.tenant_malformed(identifier)

    def client_credentials(
        self, identifier: str, form: dict[str, str], *, version_1: bool, public: bool = True
    ) -> Grant:
        """Judge a token request (RFC 6749, 4.4) in the order Entra does; raises ``EntraError``.

        *form* has the client's id and secret also when they came by Basic authentication. *version_1* is the
        older endpoint, which takes ``resource`` in place of ``scope``.
        """
        if identifier.lower() in _NO_TENANT:
            raise errors.tenant_missing()
        tenant = self.tenant(identifier, public=public)
        grant = form.get("grant_type", "")
        if not grant:
            raise errors.parameter_missing("grant_type")
        if grant != "client_credentials":
            raise errors.grant_unsupported(grant)
        client = form.get("client_id", "")
        if not client:
            raise errors.parameter_missing("client_id")
        audience = self._audience(form, tenant, version_1=version_1)
        application, principal = self._client(client, tenant)
        self._credential(form, application)
        if principal.blocked_by_policy:
            raise errors.conditional_access()
        return Grant(tenant, application.application_id, principal.object_id, audience)

    def _audience(self, form: dict[str, str], tenant: Tenant, *, version_1: bool) -> str:
        wanted = form.get("resource" if version_1 else "scope", "").strip()
        if not wanted:
            raise errors.parameter_missing("resource" if version_1 else "scope")
        if version_1:
            resource = wanted
        else:
            # some clients (MSAL for Go) ask for OpenID's scopes, too, which an application cannot have
            named = [each for each in wanted.split() if each not in OPENID]
            if len(named) != 1 or "/" not in named[0]:
                raise errors.scope_invalid(wanted)
            if not named[0].endswith("/.default"):
                raise errors.scope_not_default(wanted)
            resource = named[0].removesuffix("/.default")
        return self.resource(resource, tenant)

    def resource(self, resource: str, tenant: Tenant) -> str:
        """Return *resource* if the tenant holds it, as its tokens name it; raises ``EntraError``."""
        # found by its URI, with or without a last slash, or by its application id, which may have a prefix
        for uri, application_id in RESOURCES.items():
            if resource.lower() in (uri, uri + "/", application_id, f"spn:{application_id}"):
                return resource
        raise errors.resource_unknown(resource, tenant.tenant_id)

    def _client(self, client: str, tenant: Tenant) -> tuple[Application, ServicePrincipal]:
        if not GUID.fullmatch(client) or not client.replace("0", "").replace("-", ""):
            raise errors.application_malformed(client)
        application = tenant.application(client.lower())
        if application is None:
            raise errors.application_unknown(client, tenant.name)
        principal = tenant.service_principal(application.application_id)
        if principal is None:
            raise errors.service_principal_missing(application.application_id, tenant.tenant_id)
        if not principal.enabled:
            raise errors.application_disabled(application.application_id, application.name)
        return application, principal

    def _credential(self, form: dict[str, str], application: Application) -> None:
        given = form.get("client_secret", "")
        if not given:
            assertion = form.get("client_assertion")
            raise _assertion_refused(assertion, application) if assertion else errors.secret_missing()
        for secret in application.secrets:
            if hmac.compare_digest(secret.value.encode(), given.encode()):
                if secret.expired(self._clock.now()):
                    raise errors.secret_expired(application.application_id)
                return
        raise errors.secret_wrong(application.application_id)

    def to_json(self) -> dict[str, Any]:
        """Return the tenants for keeping."""
        return {"tenants": [asdict(tenant) for tenant in self.tenants]}


def _assertion_refused(assertion: str, application: Application) -> errors.EntraError:
    """Return the refusal of a certificate's proof (RFC 7523): no application here has a certificate."""
    try:
        header = json.loads(_base64url(assertion.partition(".")[0]))
        used = _base64url(str(header.get("x5t") or header.get("x5t#S256") or ""))
    except (ValueError, AttributeError, RecursionError):  # no JSON, no object, nested too deeply
        return errors.assertion_malformed()
    return errors.assertion_failed(application.application_id, used.hex().upper())


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def tenants_from_json(document: dict[str, Any]) -> list[Tenant]:
    """Return what ``to_json`` wrote; raises ``KeyError`` or ``TypeError`` on anything else."""
    return [
        Tenant(
            **{
                **entry,
                "applications": [
                    Application(**{**each, "secrets": [ClientSecret(**secret) for secret in each["secrets"]]})
                    for each in entry["applications"]
                ],
                "service_principals": [ServicePrincipal(**each) for each in entry["service_principals"]],
                "users": [User(**each) for each in entry["users"]],
                "groups": [Group(**each) for each in entry["groups"]],
            }
        )
        for entry in document["tenants"]
    ]


def new_tenant(name: str, domain: str) -> Tenant:
    """Return an empty tenant with a fresh id and its ``onmicrosoft.com`` domain beside *domain*."""
    label = domain.split(".")[0]
    return Tenant(str(uuid.uuid4()), name, [domain, f"{label}.onmicrosoft.com"], "EU")


def register(tenant: Tenant, name: str, now: datetime) -> Application:
    """Register an application with a secret of a year and its service principal, as the portal does."""
    application = Application(
        str(uuid.uuid4()),
        str(uuid.uuid4()),
        name,
        [ClientSecret.make(now + timedelta(days=365), starts=now, name="backup server")],
        created=now.isoformat(),
    )
    tenant.applications.append(application)
    tenant.service_principals.append(ServicePrincipal(str(uuid.uuid4()), application.application_id))
    return application
