"""What Microsoft Graph changes in the directory: applications, their secrets, service principals. Rules only.

REST reference version 1.0: ``application-post-applications``, ``application-addpassword``,
``serviceprincipal-post-serviceprincipals`` and what is beside them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from codesign_wizard.practice.entra.models import (
    GUID,
    Application,
    ClientSecret,
    ServicePrincipal,
    Tenant,
)
from codesign_wizard.practice.graph import errors

_NAME_LENGTH = 256
_SECRET_DAYS = 730  # of one that is asked for without an end
_APPLICATION = ("displayName", "identifierUris", "signInAudience")
_SERVICE_PRINCIPAL = ("appId", "accountEnabled")


def make_application(tenant: Tenant, owner: str, body: dict[str, Any], now: datetime) -> Application:
    """Register an application, its creator's; raises ``GraphError``."""
    made = Application(str(uuid.uuid4()), str(uuid.uuid4()), "", owners=[owner], created=now.isoformat())
    if "displayName" not in body:
        raise errors.property_missing("displayName")
    change_application(made, body)
    tenant.applications.append(made)
    return made


def change_application(found: Application, body: dict[str, Any]) -> None:
    """Change what *body* names; raises ``GraphError`` and then changes nothing."""
    _played(body, _APPLICATION)
    name, uris = body.get("displayName", found.name), body.get("identifierUris", found.identifier_uris)
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH:
        raise errors.property_invalid("displayName", "Application")
    if not isinstance(uris, list) or not all(isinstance(each, str) for each in uris):
        raise errors.property_invalid("identifierUris", "Application")
    if body.get("signInAudience", "AzureADMyOrg") != "AzureADMyOrg":
        raise errors.not_played("signInAudience")
    found.name, found.identifier_uris = name, uris


def add_password(found: Application, body: dict[str, Any], now: datetime) -> ClientSecret:
    """Make a secret beside those that are there; raises ``GraphError``."""
    given = body.get("passwordCredential") or {}
    if not isinstance(given, dict):
        raise errors.property_invalid("passwordCredential", "Application")
    name = given.get("displayName") or ""
    if not isinstance(name, str) or len(name) > _NAME_LENGTH:
        raise errors.property_invalid("displayName", "Application")
    starts = _time(given, "startDateTime") or now
    try:
        ends = _time(given, "endDateTime") or starts + timedelta(days=_SECRET_DAYS)
    except OverflowError as error:
        raise errors.property_invalid("startDateTime", "Application") from error
    if ends <= starts:
        raise errors.credential_times_invalid()
    made = ClientSecret.make(ends, starts=starts, name=name)
    found.secrets.append(made)
    return made


def remove_password(found: Application, body: dict[str, Any]) -> None:
    """Remove a secret by its id; raises ``GraphError``."""
    key_id = str(body.get("keyId", ""))
    for secret in found.secrets:
        if secret.key_id == key_id.lower():
            # anew: a sign-in under way must pass over none
            found.secrets = [each for each in found.secrets if each is not secret]
            return
    raise errors.credential_missing(key_id)


def make_service_principal(
    tenant: Tenant, body: dict[str, Any], now: datetime, known: Callable[[Application], bool]
) -> ServicePrincipal:
    """Make the service principal of an application that is *known* by now; raises ``GraphError``."""
    _played(body, _SERVICE_PRINCIPAL)
    application_id = body.get("appId")
    if not isinstance(application_id, str) or not GUID.fullmatch(application_id):
        raise errors.property_invalid("appId", "ServicePrincipal")
    application = tenant.application(application_id.lower())
    if application is None or not known(application):
        raise errors.application_missing(application_id)
    if tenant.service_principal(application.application_id) is not None:
        raise errors.service_principal_exists(application_id)
    made = ServicePrincipal(str(uuid.uuid4()), application.application_id, created=now.isoformat())
    change_service_principal(made, {name: body[name] for name in body if name != "appId"})
    tenant.service_principals.append(made)
    return made


def change_service_principal(found: ServicePrincipal, body: dict[str, Any]) -> None:
    """Switch a service principal on or off; raises ``GraphError``."""
    _played(body, ("accountEnabled",))
    enabled = body.get("accountEnabled", found.enabled)
    if not isinstance(enabled, bool):
        raise errors.property_invalid("accountEnabled", "ServicePrincipal")
    found.enabled = enabled


def _played(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Raise ``GraphError`` for a property that would be lost; empty ones say nothing."""
    for name, value in body.items():
        if name not in names and value not in (None, [], {}, ""):
            raise errors.not_played(name)


def _time(given: dict[str, Any], name: str) -> datetime | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # beyond the first or the last year
        raise errors.property_invalid(name, "Application") from error
