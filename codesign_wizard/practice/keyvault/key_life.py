"""A key's life of its own, without a certificate: made or imported, changed, rotated, deleted, brought back.

learn.microsoft.com/azure/key-vault/keys/about-keys-details; REST reference, keys. A certificate's key is
"managed": read and used like any other, and everything else is done to the certificate (about-certificates).
Rules only, nothing of HTTP. Texts without a captured source say so in ``errors``.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, replace
from typing import Any

from codesign_wizard.practice.keyvault import errors, jwk, rotation
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.objects import (
    NAME,
    Attributes,
    KeyVersion,
    VaultKey,
    key_from_json,
    new_version,
)
from codesign_wizard.practice.keyvault.pending import DeletedKey
from codesign_wizard.practice.state import State

_KINDS = ("RSA", "RSA-HSM", "EC", "EC-HSM")
_SIZES = (2048, 3072, 4096)
_CURVES = ("P-256", "P-256K", "P-384", "P-521")
_EC_OPERATIONS = ("sign", "verify")
# in the order of recorded answers
_RSA_OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
_MOST_TAGS = 15


def create(vault: Vault, name: str, body: dict[str, Any], now: int) -> KeyVersion:
    """Make a new key, or a new version of *name*; raises ``VaultError``."""
    _free(vault, name, "create")
    key_type = body.get("kty")
    if key_type not in _KINDS:
        raise errors.property_invalid("kty")
    kind = _rsa(body) if key_type.startswith("RSA") else _ec(body)
    return _add(vault, name, kind, key_type, _operations(body.get("key_ops"), kind, "key_ops"), body, now)


def import_key(vault: Vault, state: State, name: str, body: dict[str, Any], now: int) -> KeyVersion:
    """Take a key made elsewhere, a JSON Web Key, as the newest version of *name*; raises ``VaultError``."""
    _free(vault, name, "import")
    given = body.get("key")
    if not isinstance(given, dict):
        raise errors.property_invalid("key")
    if given.get("key_hsm"):
        raise errors.not_played("import of a transfer blob")
    private, kind = jwk.read(given)
    hardware = given.get("kty", "").endswith("-HSM") or body.get("Hsm") is True
    key_type = kind.partition("-")[0].upper() + ("-HSM" if hardware else "")
    operations = _operations(given.get("key_ops"), kind, "key_ops")
    made = _add(vault, name, kind, key_type, operations, body, now)
    state.put_key(made.state_name, private)
    return made


def update(vault: Vault, name: str, version: str, body: dict[str, Any], now: int) -> KeyVersion:
    """Change what a version may do, its dates and tags; raises ``VaultError``."""
    _, chosen = own(vault, name, "update", version)
    attributes = _attributes(body, chosen.attributes)
    operations = (
        chosen.key_ops
        if body.get("key_ops") is None
        else _operations(body["key_ops"], chosen.kind, "key_ops")
    )
    tags = chosen.tags if body.get("tags") is None else _tags(body)
    chosen.key_ops, chosen.tags, chosen.attributes = operations, tags, replace(attributes, updated=now)
    return chosen


def rotate(vault: Vault, name: str, now: int) -> KeyVersion:
    """Make a new version like the latest, with the dates that the rotation policy gives."""
    key, latest = own(vault, name, "rotate")
    fresh = new_version()
    made = replace(
        deepcopy(latest),
        version=fresh,
        attributes=Attributes(created=now, updated=now, expires=rotation.expiry(key.rotation, now)),
        state_name=f"vault-{vault.name}-{key.name}-{fresh}",
    )
    key.versions.append(made)
    return made


def set_rotation(vault: Vault, name: str, body: dict[str, Any], now: int) -> VaultKey:
    """Set the rotation policy; raises ``VaultError``."""
    key, _ = own(vault, name, "setrotationpolicy")
    key.rotation = rotation.read(body, key.rotation, now)
    return key


def delete(vault: Vault, name: str, now: int) -> DeletedKey:
    """Delete a key with all its versions; raises ``VaultError``."""
    key, _ = own(vault, name, "delete")
    gone = DeletedKey(asdict(key), now, now + vault.retention_days * 24 * 3600)
    vault.deleted_keys[name.lower()] = gone
    del vault.keys[name.lower()]
    return gone


def all_deleted(vault: Vault) -> list[DeletedKey]:
    """Return what was deleted, by name, the keys that went with their certificates among them."""
    found = dict(vault.deleted_keys)
    for name, gone in vault.deleted.items():
        if gone.key["versions"]:
            found[name] = DeletedKey(gone.key, gone.deleted, gone.purge_at)
    return [found[name] for name in sorted(found)]


def deleted(vault: Vault, name: str) -> DeletedKey:
    """Return what was deleted under *name*; raises ``VaultError``."""
    for gone in all_deleted(vault):
        if gone.key["name"].lower() == name.lower():
            return gone
    raise errors.deleted_missing("Key", name)


def recover(vault: Vault, name: str) -> VaultKey:
    """Undo a deletion; raises ``VaultError``."""
    gone = _deleted_own(vault, name, "recover")
    vault.keys[name.lower()] = key_from_json(gone.key)
    del vault.deleted_keys[name.lower()]
    return vault.keys[name.lower()]


def purge(vault: Vault, name: str) -> None:
    """Delete for good; raises ``VaultError``."""
    _deleted_own(vault, name, "purge")
    vault.allow_purge()
    del vault.deleted_keys[name.lower()]


def own(vault: Vault, name: str, operation: str, version: str = "") -> tuple[VaultKey, KeyVersion]:
    """Return a key that belongs to no certificate; raises ``VaultError``, existence first."""
    key, chosen = vault.key_version(name, version)
    if chosen.managed:
        raise errors.key_managed(operation)
    return key, chosen


def _deleted_own(vault: Vault, name: str, operation: str) -> DeletedKey:
    gone = deleted(vault, name)
    if name.lower() not in vault.deleted_keys:
        raise errors.key_managed(operation)
    return gone


def _free(vault: Vault, name: str, operation: str) -> None:
    """Raise ``VaultError`` unless a key of its own may get a version under *name*."""
    if not NAME.fullmatch(name):
        raise errors.name_invalid(name)
    folded = name.lower()
    if folded in vault.deleted_keys or folded in vault.deleted:
        raise errors.deleted_but_recoverable(name, "Key")
    # the key of a certificate that is only asked for has the name already (create-certificate)
    if folded in vault.certificates or folded in vault.pending:
        raise errors.key_managed(operation)


def _add(
    vault: Vault, name: str, kind: str, key_type: str, operations: list[str], body: dict[str, Any], now: int
) -> KeyVersion:
    if key_type.endswith("-HSM") and vault.sku != "premium":
        raise errors.hardware_refused()
    attributes = body.get("attributes")
    if body.get("release_policy") or (isinstance(attributes, dict) and attributes.get("exportable")):
        raise errors.not_played("release")
    version = new_version()
    folded = name.lower()
    spelled = vault.keys[folded].name if folded in vault.keys else name
    made = KeyVersion(
        version=version,
        kind=kind,
        key_type=key_type,
        key_ops=operations,
        attributes=_attributes(body, Attributes(created=now, updated=now)),
        state_name=f"vault-{vault.name}-{spelled}-{version}",
        tags=_tags(body),
    )
    vault.keys.setdefault(folded, VaultKey(spelled, [])).versions.append(made)
    return made


def _rsa(body: dict[str, Any]) -> str:
    size, exponent = body.get("key_size"), body.get("public_exponent")
    if size is None:
        size = 2048
    if isinstance(size, bool) or size not in _SIZES:
        raise errors.property_invalid("key_size")
    if exponent not in (None, 65537):  # vaults take no other; Managed HSM does (about-keys-details)
        raise errors.property_invalid("public_exponent")
    return f"rsa-{size}"


def _ec(body: dict[str, Any]) -> str:
    curve, size = body.get("crv"), body.get("key_size")
    if curve is None:
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}.get(size, "P-256") if size else "P-256"
    if curve not in _CURVES:
        raise errors.property_invalid("crv")
    return f"ec-{curve}"


def _operations(given: Any, kind: str, member: str) -> list[str]:
    possible = _RSA_OPERATIONS if kind.startswith("rsa") else _EC_OPERATIONS
    if given is None:
        return list(possible)
    if not isinstance(given, list) or any(each not in possible for each in given):
        raise errors.property_invalid(member)
    return list(dict.fromkeys(given))


def _attributes(body: dict[str, Any], present: Attributes) -> Attributes:
    given = body.get("attributes")
    if given is None:
        return present
    if not isinstance(given, dict):
        raise errors.property_invalid("attributes")
    enabled = given.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise errors.property_invalid("enabled")
    times: dict[str, int | None] = {}
    for member in ("nbf", "exp"):
        value = given.get(member)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise errors.property_invalid(member)
        times[member] = value
    changed = replace(
        present,
        enabled=present.enabled if enabled is None else enabled,
        not_before=present.not_before if times["nbf"] is None else times["nbf"],
        expires=present.expires if times["exp"] is None else times["exp"],
    )
    starts, ends = changed.not_before, changed.expires
    if starts is not None and ends is not None and ends <= starts:
        raise errors.property_invalid("exp")
    return changed


def _tags(body: dict[str, Any]) -> dict[str, str]:
    tags = body.get("tags") or {}
    if not isinstance(tags, dict) or len(tags) > _MOST_TAGS:
        raise errors.property_invalid()
    return {str(name): str(value) for name, value in tags.items()}
