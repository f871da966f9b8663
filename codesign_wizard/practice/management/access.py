"""Changes of a vault's access policies (``Vaults_UpdateAccessPolicy``): add, replace, remove. Rules only."""

from __future__ import annotations

from typing import Any

from codesign_wizard.practice.entra.models import GUID
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.permissions import OPERATIONS, AccessPolicy
from codesign_wizard.practice.management import errors

_SECRETS = ("all", "get", "list", "set", "delete", "backup", "restore", "recover", "purge")
_STORAGE = (
    "all", "get", "list", "delete", "set", "update", "regeneratekey", "recover", "purge", "backup",
    "restore", "setsas", "listsas", "getsas", "deletesas",
)  # fmt: skip
_NAMES = {
    "keys": {"all", *(name.lower() for group, name in OPERATIONS if group == "keys")},
    "certificates": {"all", *(name.lower() for group, name in OPERATIONS if group == "certificates")},
    "secrets": set(_SECRETS),
    "storage": set(_STORAGE),
}
_MOST = 1024


def change_policies(vault: Vault, operation: str, properties: dict[str, Any]) -> None:
    """Carry *operation* out with the entries of *properties*; raises ``ArmError`` and then changes nothing.

    ``add`` keeps all that is ticked and ticks more; ``replace`` sets an entry anew; ``remove`` takes ticks
    away, and the entry with the last one.
    """
    if operation not in ("add", "replace", "remove"):
        raise errors.path_unknown(f"accessPolicies/{operation}")
    entries = read_policies(properties.get("accessPolicies"), vault.tenant_id)
    kept = list(vault.access.policies)
    for entry in entries:
        held = next((each for each in kept if _whose(each) == _whose(entry)), None)
        changed = _changed(held, entry, operation)
        if held is not None:
            kept.remove(held)
        if changed is not None:
            kept.append(changed)
    if len(kept) > _MOST:
        raise errors.policy_invalid()
    vault.access.policies = kept


def read_policies(given: Any, tenant_id: str) -> list[AccessPolicy]:
    """Return the entries of a request's ``accessPolicies``; raises ``ArmError``."""
    if not isinstance(given, list) or len(given) > _MOST:
        raise errors.policy_invalid()
    return [_entry(each, tenant_id) for each in given]


def _changed(held: AccessPolicy | None, entry: AccessPolicy, operation: str) -> AccessPolicy | None:
    if operation == "replace" or (held is None and operation == "add"):
        return entry
    if held is None:
        return None
    merged: dict[str, list[str]] = {}
    for group, names in held.permissions().items():
        named = {each.lower() for each in entry.permissions()[group]}
        if operation == "remove":
            merged[group] = [each for each in names if each.lower() not in named]
        else:
            known = {each.lower() for each in names}
            merged[group] = [*names, *(x for x in entry.permissions()[group] if x.lower() not in known)]
    if operation == "remove" and not any(merged.values()):
        return None
    return AccessPolicy(held.object_id, **merged, application_id=held.application_id)


def _whose(policy: AccessPolicy) -> tuple[str, str]:
    return policy.object_id, policy.application_id


def _entry(given: Any, tenant_id: str) -> AccessPolicy:
    if not isinstance(given, dict):
        raise errors.policy_invalid()
    object_id, application = given.get("objectId"), given.get("applicationId") or ""
    told = given.get("permissions")
    if (
        str(given.get("tenantId", "")).lower() != tenant_id
        or not isinstance(object_id, str)
        or not GUID.fullmatch(object_id)
        or not isinstance(application, str)
        or not isinstance(told, dict)
    ):
        raise errors.policy_invalid()
    names: dict[str, list[str]] = {}
    for group, ticked in told.items():
        known = _NAMES.get(str(group).lower())
        if known is None or not isinstance(ticked or [], list):
            raise errors.policy_invalid()
        names[str(group).lower()] = list(dict.fromkeys(str(each) for each in ticked or []))
        if any(each.lower() not in known for each in names[str(group).lower()]):
            raise errors.policy_invalid()
    return AccessPolicy(object_id.lower(), **names, application_id=application.lower())
