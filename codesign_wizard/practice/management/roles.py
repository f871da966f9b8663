"""Role definitions: Azure's own that matter to a vault, custom ones, and how their patterns match.

learn.microsoft.com/azure/role-based-access-control, ``built-in-roles/security``, ``…/privileged``,
``…/general``, and ``role-definitions``: an action is granted when a pattern of ``actions`` (for data:
``dataActions``) matches it and none of the same definition's ``notActions`` does; ``*`` stands for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

_PREFIX = "Microsoft.KeyVault/vaults/"


@dataclass(frozen=True)
class RoleDefinition:
    """A role. ``role_id`` is its GUID; custom roles say where they may be assigned, others anywhere.

    ``condition`` is its own, beside those of its assignments: one of Azure's roles has one. ``created`` and
    ``updated`` are seconds since the epoch.
    """

    role_id: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    description: str = ""
    custom: bool = False
    assignable_scopes: tuple[str, ...] = ("/",)
    created: float = 1_431_648_000.0
    updated: float = 1_636_675_200.0
    condition: str | None = None

    def allows(self, action: str, *, data: bool) -> bool:
        """Tell whether the role holds *action*, of the data plane or of the management plane."""
        granted, withheld = (
            (self.data_actions, self.not_data_actions) if data else (self.actions, self.not_actions)
        )
        return matches(granted, action) and not matches(withheld, action)


def matches(patterns: Iterable[str], action: str) -> bool:
    """Tell whether one of *patterns* is *action*, without case."""
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # several in a row are one: each by itself would be tried at every place
    parts = re.split(r"\*+", pattern)
    return re.compile(".*".join(map(re.escape, parts)), re.IGNORECASE | re.DOTALL)


# what every role of Key Vault with rights on the management plane begins with
_SURROUNDINGS = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
)
_VAULT_READS = (
    *_SURROUNDINGS,
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)


def _data(
    role_id: str, name: str, description: str, *data: str, actions: Iterable[str] = ()
) -> RoleDefinition:
    data_actions = tuple(_PREFIX + each for each in data)
    return RoleDefinition(
        role_id, name, actions=tuple(actions), data_actions=data_actions, description=description
    )


def _only_roles(*role_ids: str) -> str:
    """Return the condition that no others than these roles are given or taken away."""
    among = f"ForAnyOfAnyValues:GuidEquals{{{', '.join(role_ids)}}}"
    parts = [
        f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR "
        f"({source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] {among}))"
        for action, source in (("write", "@Request"), ("delete", "@Resource"))
    ]
    return " AND ".join(parts)


_RBAC_ONLY = ' Only works for key vaults that use the "Azure role-based access control" permission model.'
_SECRET_READS = ("secrets/getSecret/action", "secrets/readMetadata/action")

OWNER, CONTRIBUTOR, READER = "Owner", "Contributor", "Reader"
KEY_VAULT_CONTRIBUTOR, KEY_VAULT_READER = "Key Vault Contributor", "Key Vault Reader"
KEY_VAULT_ADMINISTRATOR = "Key Vault Administrator"
CERTIFICATES_OFFICER, CRYPTO_OFFICER = "Key Vault Certificates Officer", "Key Vault Crypto Officer"
CRYPTO_USER = "Key Vault Crypto User"

BUILT_IN_ROLES = {
    role.name: role
    for role in (
        _data(
            "00482a5a-887f-4fb3-b363-3b7fe8e74483", KEY_VAULT_ADMINISTRATOR,
            "Perform all data plane operations on a key vault and all objects in it, including "
            "certificates, keys, and secrets. Cannot manage key vault resources or manage role "
            "assignments." + _RBAC_ONLY,
            "*", actions=_VAULT_READS,
        ),
        _data(
            "a4417e6f-fecd-4de8-b567-7b0420556985", CERTIFICATES_OFFICER,
            "Perform any action on the certificates of a key vault, except manage permissions." + _RBAC_ONLY,
            "certificatecas/*", "certificates/*", "certificatecontacts/write", actions=_VAULT_READS,
        ),
        _data(
            "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", CRYPTO_OFFICER,
            "Perform any action on the keys of a key vault, except manage permissions." + _RBAC_ONLY,
            "keys/*", "keyrotationpolicies/*", actions=_VAULT_READS,
        ),
        _data(
            "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer",
            "Perform any action on the secrets of a key vault, except manage permissions." + _RBAC_ONLY,
            "secrets/*", actions=_VAULT_READS,
        ),
        _data(
            "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", "Key Vault Certificate User",
            "Read certificate contents." + _RBAC_ONLY,
            "certificates/read", *_SECRET_READS, "keys/read",
        ),
        _data(
            "12338af0-0e69-4776-bea7-57ae8d297424", CRYPTO_USER,
            "Perform cryptographic operations using keys." + _RBAC_ONLY,
            "keys/read", "keys/update/action", "keys/backup/action", "keys/encrypt/action",
            "keys/decrypt/action", "keys/wrap/action", "keys/unwrap/action", "keys/sign/action",
            "keys/verify/action",
        ),
        _data(
            "4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User",
            "Read secret contents." + _RBAC_ONLY,
            *_SECRET_READS,
        ),
        _data(
            "21090545-7ca7-4776-b22c-e363652d74d2", KEY_VAULT_READER,
            "Read metadata of key vaults and its certificates, keys, and secrets. Cannot read sensitive "
            "values such as secret contents or key material." + _RBAC_ONLY,
            "*/read", "secrets/readMetadata/action", actions=_VAULT_READS,
        ),
        _data(
            "e147488a-f6f5-4113-8e2d-b22465e65bf6", "Key Vault Crypto Service Encryption User",
            "Read metadata of keys and perform wrap/unwrap operations." + _RBAC_ONLY,
            "keys/read", "keys/wrap/action", "keys/unwrap/action",
            actions=(
                "Microsoft.EventGrid/eventSubscriptions/write",
                "Microsoft.EventGrid/eventSubscriptions/read",
                "Microsoft.EventGrid/eventSubscriptions/delete",
            ),
        ),
        _data(
            "08bbd89e-9f13-488c-ac41-acfcb10c90ab", "Key Vault Crypto Service Release User",
            "Release keys." + _RBAC_ONLY,
            "keys/release/action",
        ),
        RoleDefinition(
            "8b54135c-b56d-4d72-a534-26097cfdc8d8", "Key Vault Data Access Administrator",
            actions=(
                "Microsoft.Authorization/roleAssignments/write",
                "Microsoft.Authorization/roleAssignments/delete",
                "Microsoft.Authorization/*/read",
                "Microsoft.Resources/deployments/*",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Resources/subscriptions/read",
                "Microsoft.Management/managementGroups/read",
                "Microsoft.Support/*",
                "Microsoft.KeyVault/vaults/*/read",
            ),
            description="Manage access to Azure Key Vault by adding or removing role assignments for the "
            "Key Vault Administrator, Key Vault Certificates Officer, Key Vault Crypto Officer, Key Vault "
            "Crypto Service Encryption User, Key Vault Crypto User, Key Vault Reader, Key Vault Secrets "
            "Officer, or Key Vault Secrets User roles. Includes an ABAC condition to constrain role "
            "assignments.",
            condition=_only_roles(
                "00482a5a-887f-4fb3-b363-3b7fe8e74483", "a4417e6f-fecd-4de8-b567-7b0420556985",
                "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "e147488a-f6f5-4113-8e2d-b22465e65bf6",
                "12338af0-0e69-4776-bea7-57ae8d297424", "21090545-7ca7-4776-b22c-e363652d74d2",
                "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "4633458b-17de-408a-b874-0445c86b69e6",
            ),
        ),
        RoleDefinition(
            "f25e0fa2-a7c8-4377-a976-54943a77a395", KEY_VAULT_CONTRIBUTOR,
            actions=(*_SURROUNDINGS, "Microsoft.KeyVault/*"),
            not_actions=(
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                "Microsoft.KeyVault/hsmPools/*",
                "Microsoft.KeyVault/managedHsms/*",
            ),
            description="Manage key vaults, but does not allow you to assign roles in Azure RBAC, and does "
            "not allow you to access secrets, keys, or certificates.",
        ),
        RoleDefinition(
            "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", OWNER,
            actions=("*",),
            description="Grants full access to manage all resources, including the ability to assign roles "
            "in Azure RBAC.",
        ),
        RoleDefinition(
            "b24988ac-6180-42a0-ab88-20f7382dd24c", CONTRIBUTOR,
            actions=("*",),
            not_actions=(
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
                "Microsoft.Compute/galleries/share/action",
                "Microsoft.Purview/consents/write",
                "Microsoft.Purview/consents/delete",
                "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
                "Microsoft.Subscription/cancel/action",
                "Microsoft.Subscription/enable/action",
            ),
            description="Grants full access to manage all resources, but does not allow you to assign roles "
            "in Azure RBAC, manage assignments in Azure Blueprints, or share image galleries.",
        ),
        RoleDefinition(
            "acdd72a7-3385-48ef-bd42-f606fba81ae7", READER,
            actions=("*/read",),
            description="View all resources, but does not allow you to make any changes.",
        ),
        RoleDefinition(
            "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator",
            actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
            description="Lets you manage user access to Azure resources.",
        ),
        RoleDefinition(
            "f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator",
            actions=(
                "Microsoft.Authorization/roleAssignments/write",
                "Microsoft.Authorization/roleAssignments/delete",
                "*/read",
                "Microsoft.Support/*",
            ),
            description="Manage access to Azure resources by assigning roles using Azure RBAC.",
        ),
    )
}  # fmt: skip


def custom_role(
    role_id: str,
    name: str,
    data_actions: Iterable[str],
    not_data_actions: Iterable[str] = (),
    *,
    scopes: Iterable[str] = ("/",),
) -> RoleDefinition:
    """Return a custom role on data actions alone."""
    return replace(
        RoleDefinition(role_id, name, custom=True),
        data_actions=tuple(data_actions),
        not_data_actions=tuple(not_data_actions),
        assignable_scopes=tuple(scopes),
    )
