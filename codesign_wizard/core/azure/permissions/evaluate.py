"""The grants of a vault as the management plane tells them, and what follows from them: rules, no network.

Role assignments and deny assignments: learn.microsoft.com/azure/role-based-access-control/overview; access
policies: ``…/key-vault/general/assign-access-policy``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from codesign_wizard.core.azure.permissions.catalogue import Model


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """What a role allows; actions are patterns with ``*``. ``id`` is its resource id."""

    id: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role given to a principal at a scope. ``condition`` is "" for none; ``created`` in UTC if told."""

    id: str
    principal_id: str
    principal_type: str
    scope: str
    role_definition_id: str
    condition: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class DenyAssignment:
    """Data actions forbidden to principals at a scope, whoever grants them."""

    id: str
    name: str
    principal_ids: tuple[str, ...]
    excluded_principal_ids: tuple[str, ...]
    scope: str
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...] = ()
    does_not_apply_to_child_scopes: bool = False
    condition: str = ""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What one entry of an access policy ticks. ``application_id`` is "" unless it is a compound one."""

    object_id: str
    application_id: str = ""
    keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """All that decides about permissions on a vault, as an administrator may read it.

    ``definitions`` are those of ``assignments``. ``groups`` are the object ids of the principal's groups, as
    far as they are known. ``unknowns`` are sentences: what could not be read.
    """

    resource_id: str
    name: str
    model: Model
    sku: str = ""
    tenant_id: str = ""
    location: str = ""
    policies: tuple[AccessPolicy, ...] = ()
    assignments: tuple[RoleAssignment, ...] = ()
    definitions: tuple[RoleDefinition, ...] = ()
    denials: tuple[DenyAssignment, ...] = ()
    public_network: str = ""
    default_action: str = ""
    ip_rules: tuple[str, ...] = ()
    bypass: str = ""
    soft_delete: bool = True
    purge_protection: bool = False
    private_endpoints: int = 0
    groups: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
