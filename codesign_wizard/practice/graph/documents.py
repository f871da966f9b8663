"""Microsoft Graph's JSON documents (REST reference, version 1.0)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from codesign_wizard.practice.entra.models import (
    Application,
    ClientSecret,
    Group,
    ServicePrincipal,
    Tenant,
    User,
)

_AUDIENCE = "AzureADMyOrg"


def of(tenant: Tenant, found: Application | ServicePrincipal | User | Group) -> dict[str, Any]:
    """Return the document of anything in the directory."""
    if isinstance(found, Application):
        return _application(tenant, found)
    if isinstance(found, ServicePrincipal):
        return _service_principal(tenant, found)
    return _user(found) if isinstance(found, User) else _group(found)


def typed(tenant: Tenant, found: Application | ServicePrincipal | User | Group) -> dict[str, Any]:
    """Return the document with its type, as lists of things of several kinds have it."""
    name = type(found).__name__
    return {"@odata.type": f"#microsoft.graph.{name[:1].lower()}{name[1:]}", **of(tenant, found)}


def _application(tenant: Tenant, found: Application) -> dict[str, Any]:
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "appId": found.application_id,
        "createdDateTime": utc(found.created) if found.created else None,
        "displayName": found.name,
        "identifierUris": found.identifier_uris,
        "publisherDomain": tenant.domains[0],
        "signInAudience": _AUDIENCE,
        "keyCredentials": [],
        "passwordCredentials": [credential(each) for each in found.secrets],
    }


def _service_principal(tenant: Tenant, found: ServicePrincipal) -> dict[str, Any]:
    registered = tenant.application(found.application_id)
    name = registered.name if registered else ""
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "accountEnabled": found.enabled,
        "appDisplayName": name,
        "appId": found.application_id,
        "appOwnerOrganizationId": tenant.tenant_id,
        "displayName": name,
        "servicePrincipalNames": [
            found.application_id,
            *(registered.identifier_uris if registered else ()),
        ],
        "servicePrincipalType": "Application",
        "signInAudience": _AUDIENCE,
        "keyCredentials": [],
        "passwordCredentials": [],
    }


def _user(found: User) -> dict[str, Any]:
    return {
        "id": found.object_id,
        "displayName": found.name,
        "mail": found.principal_name,
        "userPrincipalName": found.principal_name,
    }


def _group(found: Group) -> dict[str, Any]:
    return {
        "id": found.object_id,
        "displayName": found.name,
        "securityEnabled": True,
        "mailEnabled": False,
    }


def credential(secret: ClientSecret, *, text: bool = False) -> dict[str, Any]:
    """Return a secret as Graph lists it: its first three characters; with *text* once, when it is made."""
    return {
        "customKeyIdentifier": None,
        "displayName": secret.name or None,
        "endDateTime": utc(secret.expires),
        "hint": secret.hint,
        "keyId": secret.key_id,
        "secretText": secret.value if text else None,
        "startDateTime": utc(secret.starts) if secret.starts else None,
    }


def utc(time: str) -> str:
    """Return an ISO 8601 time with an offset as Graph writes times."""
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
