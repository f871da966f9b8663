"""Certificate authorities a vault may ask by itself, and who is told before a certificate ends.

REST reference, certificate issuers and contacts. No CA stands behind an issuer here: what is asked of one
stays in progress, as an order does that the CA has not looked at.
"""

from __future__ import annotations

import re
from typing import Any

from codesign_wizard.practice.keyvault import errors
from codesign_wizard.practice.keyvault.models import Vault

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_PERSON = ("first_name", "last_name", "email", "phone")
_CONTACT = ("email", "name", "phone")


def get(vault: Vault, name: str) -> dict[str, Any]:
    """Return an issuer's document; raises ``VaultError``."""
    found = vault.issuers.get(name.lower())
    if found is None:
        raise errors.issuer_missing()
    return found


def put(vault: Vault, name: str, body: dict[str, Any], now: int) -> dict[str, Any]:
    """Set an issuer up in place of what was there; raises ``VaultError``."""
    if not _NAME.fullmatch(name) or name.lower() in ("unknown", "self"):
        raise errors.name_invalid(name)
    provider = body.get("provider")
    if not isinstance(provider, str) or not provider:
        raise errors.property_invalid("provider")
    made = {
        "id": f"https://{vault.host}/certificates/issuers/{name}",
        "provider": provider,
        "attributes": {"enabled": True, "created": now, "updated": now},
    }
    vault.issuers[name.lower()] = _filled(made, body, now)
    return vault.issuers[name.lower()]


def patch(vault: Vault, name: str, body: dict[str, Any], now: int) -> dict[str, Any]:
    """Change what *body* gives; raises ``VaultError``."""
    vault.issuers[name.lower()] = _filled(get(vault, name), body, now)
    return vault.issuers[name.lower()]


def delete(vault: Vault, name: str) -> dict[str, Any]:
    """Forget an issuer, and return what it was; raises ``VaultError``."""
    found = get(vault, name)
    del vault.issuers[name.lower()]
    return found


def item(document: dict[str, Any]) -> dict[str, Any]:
    """Return an issuer's list entry."""
    return {"id": document["id"], "provider": document["provider"]}


def contacts(vault: Vault) -> dict[str, Any]:
    """Return who is told; raises ``VaultError`` where nobody is."""
    if not vault.contacts:
        raise errors.contacts_missing()
    return {"id": f"https://{vault.host}/certificates/contacts", "contacts": vault.contacts}


def put_contacts(vault: Vault, body: dict[str, Any]) -> dict[str, Any]:
    """Name who is told in place of all before; raises ``VaultError``."""
    given = body.get("contacts")
    if not isinstance(given, list) or not given:
        raise errors.property_invalid("contacts")
    people = [_texts(each, _CONTACT, "contacts") for each in given]
    if not all(each.get("email") for each in people):
        raise errors.property_invalid("contacts")
    vault.contacts = people
    return contacts(vault)


def delete_contacts(vault: Vault) -> dict[str, Any]:
    """Have nobody told any more, and return who was; raises ``VaultError``."""
    found = contacts(vault)
    vault.contacts = []
    return found


def _filled(present: dict[str, Any], body: dict[str, Any], now: int) -> dict[str, Any]:
    """Return *present* with what *body* gives; the account's password is taken, and never told again."""
    made = dict(present)
    provider = body.get("provider")
    if provider is not None:
        if not isinstance(provider, str) or not provider:
            raise errors.property_invalid("provider")
        made["provider"] = provider
    credentials = _texts(body.get("credentials") or {}, ("account_id",), "credentials")
    if credentials:
        made["credentials"] = credentials
    details = body.get("org_details")
    if details is not None:
        made["org_details"] = _organization(details, made.get("org_details") or {})
    attributes = body.get("attributes")
    enabled = attributes.get("enabled") if isinstance(attributes, dict) else None
    made["attributes"] = {**present["attributes"], "updated": now}
    if isinstance(enabled, bool):
        made["attributes"]["enabled"] = enabled
    return made


def _organization(details: Any, present: dict[str, Any]) -> dict[str, Any]:
    made = {**present, **_texts(details, ("id",), "org_details")}
    admins = details.get("admin_details")
    if admins is not None:
        if not isinstance(admins, list):
            raise errors.property_invalid("org_details.admin_details")
        made["admin_details"] = [_texts(each, _PERSON, "org_details.admin_details") for each in admins]
    return made


def _texts(given: Any, names: tuple[str, ...], where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise errors.property_invalid(where)
    found = {name: given[name] for name in names if given.get(name) is not None}
    if not all(isinstance(value, str) for value in found.values()):
        raise errors.property_invalid(where)
    return found
