"""What each operation in a vault needs, and what access policies grant. Rules only.

Roles are ``management.authorization``'s. Access policies: learn.microsoft.com/azure/key-vault/general/
assign-access-policy. Roles do nothing on an access-policy vault and policies nothing on an RBAC vault.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

_PREFIX = "Microsoft.KeyVault/vaults"


@dataclass(frozen=True)
class Operation:
    """What a request needs: the access-policy permission, and the data action of RBAC."""

    group: str  # keys, certificates, secrets
    permission: str
    action: str


def _operations(group: str, actions: dict[str, str]) -> dict[tuple[str, str], Operation]:
    return {
        (group, permission): Operation(group, permission, f"{_PREFIX}/{action}")
        for permission, action in actions.items()
    }


# by (group, permission as access policies spell it in 403 texts)
OPERATIONS = {
    **_operations(
        "certificates",
        {
            "get": "certificates/read",
            "list": "certificates/read",
            "update": "certificates/update/action",
            "create": "certificates/create/action",
            "import": "certificates/import/action",
            "delete": "certificates/delete",
            "recover": "certificates/recover/action",
            "backup": "certificates/backup/action",
            "restore": "certificates/restore/action",
            "purge": "certificates/purge/action",
            "managecontacts": "certificatecontacts/write",
            "manageissuers": "certificatecas/write",
            "getissuers": "certificatecas/read",
            "listissuers": "certificatecas/read",
            "setissuers": "certificatecas/write",
            "deleteissuers": "certificatecas/delete",
        },
    ),
    **_operations(
        "keys",
        {
            "get": "keys/read",
            "list": "keys/read",
            "update": "keys/update/action",
            "create": "keys/create/action",
            "import": "keys/import/action",
            "delete": "keys/delete",
            "recover": "keys/recover/action",
            "backup": "keys/backup/action",
            "restore": "keys/restore/action",
            "purge": "keys/purge/action",
            "encrypt": "keys/encrypt/action",
            "decrypt": "keys/decrypt/action",
            "wrapKey": "keys/wrap/action",
            "unwrapKey": "keys/unwrap/action",
            "sign": "keys/sign/action",
            "verify": "keys/verify/action",
            "release": "keys/release/action",
            "rotate": "keys/rotate/action",
            "getrotationpolicy": "keyrotationpolicies/read",
            "setrotationpolicy": "keyrotationpolicies/write",
        },
    ),
    # a certificate's own secret can be read; other secrets the practice vault does not hold
    **_operations(
        "secrets",
        {
            "get": "secrets/getSecret/action",
            "list": "secrets/readMetadata/action",
            "set": "secrets/setSecret/action",
            "delete": "secrets/delete",
            "recover": "secrets/recover/action",
            "backup": "secrets/backup/action",
            "restore": "secrets/restore/action",
            "purge": "secrets/purge/action",
        },
    ),
}

# what the backup server's documentation asks for: everything but delete, and nothing privileged
_NOT_ASKED = {"delete", "purge", "release", "rotate", "getrotationpolicy", "setrotationpolicy"}
CERTIFICATE_PERMISSIONS, KEY_PERMISSIONS = (
    tuple(name for group, name in OPERATIONS if group == wanted and name not in _NOT_ASKED)
    for wanted in ("certificates", "keys")
)


# the reference names two permissions for these: either will do ("requires the certificates/manageissuers/
# getissuers permission")
_ALTERNATIVES = {
    ("certificates", name): "manageissuers"
    for name in ("getissuers", "listissuers", "setissuers", "deleteissuers")
}


@dataclass
class AccessPolicy:
    """What one principal (or group) may do in an access-policy vault; names compare without case.

    With ``application_id`` the entry is for that application acting for the user or group ("compound
    identity"), and counts for nothing when the application acts for itself.
    """

    object_id: str
    keys: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    storage: list[str] = field(default_factory=list)
    application_id: str = ""

    def permissions(self) -> dict[str, list[str]]:
        """Return what is ticked, by group."""
        return {
            "keys": self.keys,
            "certificates": self.certificates,
            "secrets": self.secrets,
            "storage": self.storage,
        }


@dataclass(frozen=True)
class Caller:
    """Who asks: the token's ids, and the groups the principal is in."""

    application_id: str
    object_id: str
    issuer: str
    groups: tuple[str, ...] = ()
    for_itself: bool = True  # an application without a user

    @property
    def principals(self) -> tuple[str, ...]:
        """The object ids under which grants count for the caller."""
        return (self.object_id, *self.groups)

    def text(self, *, groups: bool = False) -> str:
        """Return the caller as refusals name it."""
        counted = f"numgroups={len(self.groups)};" if groups and self.groups else ""
        return f"appid={self.application_id};oid={self.object_id};{counted}iss={self.issuer}"


@dataclass
class Access:
    """A vault's permission model, and its access policies, which count only without ``rbac``."""

    rbac: bool = True
    policies: list[AccessPolicy] = field(default_factory=list)

    def granted_by_policy(self, caller: Caller, operation: Operation) -> bool:
        """Tell whether an access policy has the permission ticked for the caller or one of its groups."""
        wanted = {operation.permission.lower(), "all"}
        wanted.add(_ALTERNATIVES.get((operation.group, operation.permission), "all"))
        for policy in self.policies:
            if policy.object_id not in caller.principals:
                continue
            if policy.application_id and (
                caller.for_itself or policy.application_id != caller.application_id
            ):
                continue
            if wanted & {name.lower() for name in policy.permissions()[operation.group]}:
                return True
        return False

    def to_json(self) -> dict[str, Any]:
        """Return the model and the policies for keeping."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Access:
        """Return what ``to_json`` wrote; raises ``KeyError`` or ``TypeError`` on anything else."""
        return cls(rbac=document["rbac"], policies=[AccessPolicy(**each) for each in document["policies"]])
