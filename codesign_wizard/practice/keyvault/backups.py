"""Backups of certificates and keys: a blob that nobody but this cloud can read, and what is made of it again.

learn.microsoft.com/azure/key-vault/general/backup: all versions, encrypted; restored in a vault of the
same subscription only, and only where the name is free.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from codesign_wizard.practice.keyvault import errors, key_life
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.objects import certificate_from_json, key_from_json
from codesign_wizard.practice.state import State

_SECRET = "vault-backups"


def back_up(vault: Vault, state: State, name: str) -> bytes:
    """Return the blob; raises ``VaultError``. Its keys stay where the cloud keeps them, named in it."""
    holder = vault.certificate(name)
    return _seal(vault, state, {"certificate": asdict(holder), "key": asdict(vault.keys[name.lower()])})


def restore(vault: Vault, state: State, blob: bytes) -> str:
    """Bring back what *blob* holds, and return its name; raises ``VaultError``."""
    document = _open(vault, state, blob)
    if "certificate" not in document:  # of a key alone
        raise errors.backup_invalid()
    holder, key = certificate_from_json(document["certificate"]), key_from_json(document["key"])
    folded = holder.name.lower()
    if folded in vault.deleted:
        raise errors.deleted_but_recoverable(holder.name)
    if folded in vault.deleted_keys:
        raise errors.deleted_but_recoverable(holder.name, "Key")
    if folded in vault.certificates or folded in vault.keys or folded in vault.pending:
        raise errors.already_there(holder.name)
    vault.certificates[folded], vault.keys[folded] = holder, key
    return holder.name


def back_up_key(vault: Vault, state: State, name: str) -> bytes:
    """Return the blob of a key that has no certificate; raises ``VaultError``."""
    key, _ = key_life.own(vault, name, "backup")
    return _seal(vault, state, {"key": asdict(key)})


def restore_key(vault: Vault, state: State, blob: bytes) -> str:
    """Bring back the key that *blob* holds, and return its name; raises ``VaultError``."""
    document = _open(vault, state, blob)
    if "certificate" in document:
        raise errors.backup_invalid()
    key = key_from_json(document["key"])
    folded = key.name.lower()
    if folded in vault.deleted or folded in vault.deleted_keys:
        raise errors.deleted_but_recoverable(key.name, "Key")
    if folded in vault.keys or folded in vault.pending:
        raise errors.already_there(key.name, "key")
    vault.keys[folded] = key
    return key.name


def _seal(vault: Vault, state: State, document: dict[str, Any]) -> bytes:
    told = {"subscription": vault.subscription_id, **document}
    return _cipher(state).encrypt(json.dumps(told).encode())


def _open(vault: Vault, state: State, blob: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(_cipher(state).decrypt(blob))
    except (InvalidToken, TypeError, ValueError) as error:
        raise errors.backup_invalid() from error
    if document["subscription"] != vault.subscription_id:
        raise errors.backup_invalid()
    return document


def _cipher(state: State) -> Fernet:
    kept = state.document(_SECRET)
    if kept is None:
        kept = {"key": Fernet.generate_key().decode("ascii")}
        state.keep(_SECRET, kept)
    return Fernet(kept["key"])
