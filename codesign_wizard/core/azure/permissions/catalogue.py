"""Every permission on certificates and keys, in the words of both models, and which are wanted for what.

Data actions: learn.microsoft.com/azure/role-based-access-control/permissions/security, Microsoft.KeyVault;
names and groups of access policies: ``…/key-vault/general/assign-access-policy`` and the portal's page. What
is *asked for* is the backup server's documentation, literally: by roles Key Vault Certificates Officer and
Key Vault Crypto Officer; by access policy all key management, cryptographic and certificate management
operations but the two items *Delete*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from codesign_wizard.core.text import mark, translate

PREFIX = "Microsoft.KeyVault/vaults/"

# what opens secrets: nothing here asks for it
SECRETS = (f"{PREFIX}secrets/getSecret/action",)


class Model(StrEnum):
    """By which of its two models a vault judges."""

    RBAC = "rbac"
    POLICY = "access-policy"


class Purpose(StrEnum):
    """What permissions are for, the smallest first."""

    SIGN = "sign"
    LIFE = "certificate-life"
    DOCUMENTED = "documented"

    @property
    def words(self) -> str:
        """The purpose in the person's language."""
        return translate(_PURPOSES[self])


_PURPOSES = {
    Purpose.SIGN: mark("Enough to sign a client"),
    Purpose.LIFE: mark("Enough for the certificate's whole life"),
    Purpose.DOCUMENTED: mark("All that the server's documentation asks for"),
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One line of the matrix.

    ``name`` is the model's own word: a data action (``Microsoft.KeyVault/vaults/keys/sign/action``) or the
    name in an access policy (``sign``). ``kind`` is ``keys`` or ``certificates``; ``action`` is the data
    action, for an access policy the one that means the same. ``group`` is the portal's heading for it, or the
    role that the documentation names for it, and ``label`` what the portal calls it: both in English, as they
    are looked for on an English portal.
    """

    model: Model
    kind: str
    name: str
    group: str
    label: str
    action: str
    purposes: frozenset[Purpose]

    @property
    def key(self) -> str:
        """A stable name within the model: ``keys/sign``, or the data action."""
        return self.name if self.model is Model.RBAC else f"{self.kind}/{self.name}"

    @property
    def asked_for(self) -> bool:
        """Whether the documentation asks for it."""
        return Purpose.DOCUMENTED in self.purposes


KEY_MANAGEMENT = "Key Management Operations"
CRYPTOGRAPHY = "Cryptographic Operations"
PRIVILEGED_KEYS = "Privileged Key Operations"
ROTATION = "Rotation Policy Operations"
CERTIFICATE_MANAGEMENT = "Certificate Management Operations"
PRIVILEGED_CERTIFICATES = "Privileged Certificate Operations"

# (name, data action after the prefix, label of the portal)
_KEY_ROWS = (
    ("get", "keys/read", "Get"),
    ("list", "keys/read", "List"),
    ("update", "keys/update/action", "Update"),
    ("create", "keys/create/action", "Create"),
    ("import", "keys/import/action", "Import"),
    ("delete", "keys/delete", "Delete"),
    ("recover", "keys/recover/action", "Recover"),
    ("backup", "keys/backup/action", "Backup"),
    ("restore", "keys/restore/action", "Restore"),
)
_CRYPTO_ROWS = (
    ("decrypt", "keys/decrypt/action", "Decrypt"),
    ("encrypt", "keys/encrypt/action", "Encrypt"),
    ("unwrapKey", "keys/unwrap/action", "Unwrap Key"),
    ("wrapKey", "keys/wrap/action", "Wrap Key"),
    ("verify", "keys/verify/action", "Verify"),
    ("sign", "keys/sign/action", "Sign"),
)
_PRIVILEGED_KEY_ROWS = (
    ("purge", "keys/purge/action", "Purge"),
    ("release", "keys/release/action", "Release"),
)
_ROTATION_ROWS = (
    ("rotate", "keys/rotate/action", "Rotate"),
    ("getrotationpolicy", "keyrotationpolicies/read", "Get Rotation Policy"),
    ("setrotationpolicy", "keyrotationpolicies/write", "Set Rotation Policy"),
)
_CERTIFICATE_ROWS = (
    ("get", "certificates/read", "Get"),
    ("list", "certificates/read", "List"),
    ("update", "certificates/update/action", "Update"),
    ("create", "certificates/create/action", "Create"),
    ("import", "certificates/import/action", "Import"),
    ("delete", "certificates/delete", "Delete"),
    ("recover", "certificates/recover/action", "Recover"),
    ("backup", "certificates/backup/action", "Backup"),
    ("restore", "certificates/restore/action", "Restore"),
    ("managecontacts", "certificatecontacts/write", "Manage Contacts"),
    ("manageissuers", "certificatecas/write", "Manage Certificate Authorities"),
    ("getissuers", "certificatecas/read", "Get Certificate Authorities"),
    ("listissuers", "certificatecas/read", "List Certificate Authorities"),
    ("setissuers", "certificatecas/write", "Set Certificate Authorities"),
    ("deleteissuers", "certificatecas/delete", "Delete Certificate Authorities"),
)
_PRIVILEGED_CERTIFICATE_ROWS = (("purge", "certificates/purge/action", "Purge"),)

# certificates get and keys sign: what clients that sign through a vault use
_SIGN = {"certificates/read", "keys/sign/action"}
# request and merge (create), cancel a request (update), see versions and how the key is kept, sign
_LIFE = {*_SIGN, "certificates/create/action", "certificates/update/action", "keys/read"}
_SIGN_NAMES = {("certificates", "get"), ("keys", "sign")}
_LIFE_NAMES = {
    *_SIGN_NAMES,
    ("certificates", "list"), ("certificates", "create"), ("certificates", "update"), ("keys", "get"),
}  # fmt: skip
_NOT_ASKED_GROUPS = (PRIVILEGED_KEYS, ROTATION, PRIVILEGED_CERTIFICATES)

CERTIFICATES_OFFICER = "Key Vault Certificates Officer"
CRYPTO_OFFICER = "Key Vault Crypto Officer"
ADMINISTRATOR = "Key Vault Administrator"


def _policy(kind: str, group: str, rows: Iterable[tuple[str, str, str]]) -> list[Permission]:
    made = []
    for name, action, label in rows:
        purposes = set()
        if (kind, name) in _SIGN_NAMES:
            purposes.add(Purpose.SIGN)
        if (kind, name) in _LIFE_NAMES:
            purposes.add(Purpose.LIFE)
        if group not in _NOT_ASKED_GROUPS and name != "delete":
            purposes.add(Purpose.DOCUMENTED)
        made.append(Permission(Model.POLICY, kind, name, group, label, PREFIX + action, frozenset(purposes)))
    return made


def _rbac(kind: str, role: str, rows: Iterable[tuple[str, str, str]]) -> list[Permission]:
    made: dict[str, Permission] = {}
    for _, action, label in rows:
        purposes = {Purpose.DOCUMENTED}
        if action in _SIGN:
            purposes.add(Purpose.SIGN)
        if action in _LIFE:
            purposes.add(Purpose.LIFE)
        name = PREFIX + action
        made.setdefault(name, Permission(Model.RBAC, kind, name, role, label, name, frozenset(purposes)))
    return list(made.values())


POLICY_PERMISSIONS: tuple[Permission, ...] = (
    *_policy("keys", KEY_MANAGEMENT, _KEY_ROWS),
    *_policy("keys", CRYPTOGRAPHY, _CRYPTO_ROWS),
    *_policy("certificates", CERTIFICATE_MANAGEMENT, _CERTIFICATE_ROWS),
    *_policy("keys", PRIVILEGED_KEYS, _PRIVILEGED_KEY_ROWS),
    *_policy("keys", ROTATION, _ROTATION_ROWS),
    *_policy("certificates", PRIVILEGED_CERTIFICATES, _PRIVILEGED_CERTIFICATE_ROWS),
)
RBAC_PERMISSIONS: tuple[Permission, ...] = (
    *_rbac(
        "certificates", CERTIFICATES_OFFICER, (*_CERTIFICATE_ROWS, *_PRIVILEGED_CERTIFICATE_ROWS)
    ),
    *_rbac("keys", CRYPTO_OFFICER, (*_KEY_ROWS, *_CRYPTO_ROWS, *_PRIVILEGED_KEY_ROWS, *_ROTATION_ROWS)),
)  # fmt: skip


def permissions(model: Model) -> tuple[Permission, ...]:
    """Return every permission of *model*, in the order of the portal's page or of the roles."""
    return RBAC_PERMISSIONS if model is Model.RBAC else POLICY_PERMISSIONS


def wanted(model: Model, purpose: Purpose) -> tuple[Permission, ...]:
    """Return the permissions that *purpose* needs."""
    return tuple(each for each in permissions(model) if purpose in each.purposes)


@cache
def permission_for(model: Model, kind: str, name: str) -> Permission:
    """Return the permission of *model* that means what an access policy calls *name*; raises ``KeyError``."""
    for each in permissions(Model.POLICY):
        if (each.kind, each.name) == (kind, name):
            if model is Model.POLICY:
                return each
            return next(one for one in permissions(Model.RBAC) if one.action == each.action)
    raise KeyError(f"{kind}/{name}")
