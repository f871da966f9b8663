"""Who may do what in a vault: role assignments on data actions, or access policies. Rules only.

Role definitions: learn.microsoft.com/azure/role-based-access-control/built-in-roles/security; evaluation:
``…/overview`` (deny assignments win; an assignment grants its dataActions less its own notDataActions; scopes
reach downwards). Access policies: ``…/key-vault/general/assign-access-policy``. Roles do nothing on an
access-policy vault and policies nothing on an RBAC vault.
"""

from __future__ import annotations

import re
import uuid
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
}

# what the backup server's documentation asks for: everything but delete, and nothing privileged
_NOT_ASKED = {"delete", "purge", "release", "rotate", "getrotationpolicy", "setrotationpolicy"}
CERTIFICATE_PERMISSIONS, KEY_PERMISSIONS = (
    tuple(name for group, name in OPERATIONS if group == wanted and name not in _NOT_ASKED)
    for wanted in ("certificates", "keys")
)


@dataclass(frozen=True)
class Role:
    """A role definition's data side."""

    role_id: str
    name: str
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...] = ()


def _role(role_id: str, name: str, *actions: str) -> Role:
    return Role(role_id, name, tuple(f"{_PREFIX}/{action}" for action in actions))


_SECRET_READS = ("secrets/getSecret/action", "secrets/readMetadata/action")
BUILT_IN_ROLES = {
    role.name: role
    for role in (
        _role("00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator", "*"),
        _role(
            "a4417e6f-fecd-4de8-b567-7b0420556985", "Key Vault Certificates Officer",
            "certificatecas/*", "certificates/*", "certificatecontacts/write",
        ),
        _role(
            "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "Key Vault Crypto Officer",
            "keys/*", "keyrotationpolicies/*",
        ),
        _role(
            "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", "Key Vault Certificate User",
            "certificates/read", *_SECRET_READS, "keys/read",
        ),
        _role(
            "12338af0-0e69-4776-bea7-57ae8d297424", "Key Vault Crypto User",
            "keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action",
            "keys/decrypt/action", "keys/wrap/action", "keys/unwrap/action", "keys/sign/action",
            "keys/verify/action",
        ),
        _role(
            "21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader",
            "*/read", "secrets/readMetadata/action",
        ),
        _role(
            "e147488a-f6f5-4113-8e2d-b22465e65bf6", "Key Vault Crypto Service Encryption User",
            "keys/read", "keys/wrap/action", "keys/unwrap/action",
        ),
        _role("f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor"),
        _role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
        _role("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    )
}  # fmt: skip


@dataclass
class RoleAssignment:
    """A role given to a principal (or a group) at a scope; before ``effective_from`` it still propagates."""

    principal_id: str
    role_id: str
    scope: str
    assignment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    condition: str | None = None
    effective_from: float = 0.0  # seconds since the epoch, by the cloud's clock


@dataclass
class DenyAssignment:
    """Data actions forbidden to principals at a scope."""

    principal_ids: list[str]
    data_actions: list[str]
    scope: str
    not_data_actions: list[str] = field(default_factory=list)
    deny_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class AccessPolicy:
    """What one principal (or group) may do in an access-policy vault; names compare without case."""

    object_id: str
    keys: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Caller:
    """Who asks: the token's ids, and the groups the principal is in."""

    application_id: str
    object_id: str
    issuer: str
    groups: tuple[str, ...] = ()

    def text(self, *, groups: bool = False) -> str:
        """Return the caller as refusals name it."""
        counted = f"numgroups={len(self.groups)};" if groups and self.groups else ""
        return f"appid={self.application_id};oid={self.object_id};{counted}iss={self.issuer}"


@dataclass
class Access:
    """A vault's permission model and grants."""

    rbac: bool = True
    assignments: list[RoleAssignment] = field(default_factory=list)
    denials: list[DenyAssignment] = field(default_factory=list)
    policies: list[AccessPolicy] = field(default_factory=list)
    custom_roles: list[Role] = field(default_factory=list)

    def denied_by(self, caller: Caller, action: str, resource: str) -> DenyAssignment | None:
        """Return the deny assignment that forbids *action* on *resource*, if one does."""
        principals = {caller.object_id, *caller.groups}
        for denial in self.denials:
            if (
                principals & set(denial.principal_ids)
                and _covers(denial.scope, resource)
                and _matches(denial.data_actions, action)
                and not _matches(denial.not_data_actions, action)
            ):
                return denial
        return None

    def granted_by_role(self, caller: Caller, action: str, resource: str, now: float) -> bool:
        """Tell whether a role assignment grants *action* on *resource* (an ARM id) at *now*.

        A condition cannot hold for certificate and key actions here: its attributes are not known, so a
        conditional assignment grants nothing.
        """
        principals = {caller.object_id, *caller.groups}
        roles = {role.role_id: role for role in (*BUILT_IN_ROLES.values(), *self.custom_roles)}
        for assignment in self.assignments:
            role = roles.get(assignment.role_id)
            if (
                role is not None
                and assignment.principal_id in principals
                and assignment.condition is None
                and assignment.effective_from <= now
                and _covers(assignment.scope, resource)
                and _matches(role.data_actions, action)
                and not _matches(role.not_data_actions, action)
            ):
                return True
        return False

    def granted_by_policy(self, caller: Caller, operation: Operation) -> bool:
        """Tell whether an access policy has the permission ticked for the caller or one of its groups."""
        for policy in self.policies:
            if policy.object_id in (caller.object_id, *caller.groups):
                ticked = {name.lower() for name in getattr(policy, operation.group)}
                if operation.permission.lower() in ticked or "all" in ticked:
                    return True
        return False

    def to_json(self) -> dict[str, Any]:
        """Return the grants for keeping."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Access:
        """Return what ``to_json`` wrote; raises ``KeyError`` or ``TypeError`` on anything else."""
        return cls(
            rbac=document["rbac"],
            assignments=[RoleAssignment(**each) for each in document["assignments"]],
            denials=[DenyAssignment(**each) for each in document["denials"]],
            policies=[AccessPolicy(**each) for each in document["policies"]],
            custom_roles=[
                Role(
                    each["role_id"],
                    each["name"],
                    tuple(each["data_actions"]),
                    tuple(each["not_data_actions"]),
                )
                for each in document["custom_roles"]
            ],
        )


def _covers(scope: str, resource: str) -> bool:
    """Tell whether *scope* is *resource* or lies above it; resource ids have no case."""
    scope, resource = scope.lower().rstrip("/"), resource.lower()
    return resource == scope or resource.startswith(scope + "/")


def _matches(patterns: tuple[str, ...] | list[str], action: str) -> bool:
    """Tell whether one of *patterns*, with ``*`` for anything, is *action*; without case."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE)
        for pattern in patterns
    )
