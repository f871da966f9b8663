"""The grants of a vault as the management plane tells them, and what follows from them: rules, no network.

Role assignments and deny assignments: learn.microsoft.com/azure/role-based-access-control/overview; access
policies: ``…/key-vault/general/assign-access-policy``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, permissions
from codesign_wizard.core.azure.permissions.report import Observation, Source, State
from codesign_wizard.core.finding import Certainty
from codesign_wizard.core.text import tr

_EVERYBODY = "00000000-0000-0000-0000-000000000000"  # the principal of deny assignments for all


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


def evaluate(access: VaultAccess, object_id: str, certificate_name: str) -> dict[str, Observation]:
    """Return what *access* gives the principal *object_id*, by ``Permission.key`` of the vault's model.

    GRANTED is said only of what certainly holds for every object of the vault, or, with *certificate_name*,
    for that certificate and its key (the text says so). A condition, or a deny assignment that may not apply,
    leaves it untestable. Everything is computed.
    """
    if access.model is Model.POLICY:
        return {each.key: _by_policy(access, object_id, each) for each in permissions(Model.POLICY)}
    return {each.key: _by_role(access, object_id, certificate_name, each) for each in permissions(Model.RBAC)}


def matches(patterns: Iterable[str], action: str) -> bool:
    """Tell whether one of *patterns*, with ``*`` for any text, is *action*; case does not count."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE | re.DOTALL)
        for pattern in patterns
    )


def covers(scope: str, resource_id: str) -> bool:
    """Tell whether *scope* is *resource_id* or above it. Of management groups only those above are listed."""
    scope, resource = scope.lower().rstrip("/"), resource_id.lower().rstrip("/")
    if scope.startswith("/providers/microsoft.management/managementgroups/"):
        return True
    return f"{resource}/".startswith(f"{scope}/")


def _by_policy(access: VaultAccess, object_id: str, permission: Permission) -> Observation:
    principals = _principals(access, object_id)
    for entry in access.policies:
        # an entry with an application beside it is for a person who uses that application
        if entry.object_id.lower() not in principals or entry.application_id:
            continue
        held = {name.lower() for name in getattr(entry, permission.kind)}
        if held & {permission.name.lower(), "all"}:
            return _computed(State.GRANTED, tr("Ticked in the access policy of {id}."), entry.object_id)
    return _computed(State.MISSING, tr("No access policy of {id} ticks it."), object_id)


def _by_role(
    access: VaultAccess, object_id: str, certificate_name: str, permission: Permission
) -> Observation:
    principals = _principals(access, object_id)
    vault = access.resource_id
    objects = []
    if certificate_name:
        kind = "keys" if permission.kind == "keys" else "certificates"
        objects.append(f"{vault}/{kind}/{certificate_name}")
    doubtful = ""
    for denial in access.denials:
        if not _denies(denial, principals, permission.action):
            continue
        if denial.condition or denial.does_not_apply_to_child_scopes:
            doubtful = doubtful or tr("The deny assignment {id} may apply.").format(id=denial.name)
        elif any(covers(denial.scope, each) for each in (vault, *objects)):
            return _computed(State.MISSING, tr("The deny assignment {id} forbids it."), denial.name)
    definitions = {each.id.lower(): each for each in access.definitions}
    conditional = single = ""
    for assignment in access.assignments:
        definition = definitions.get(assignment.role_definition_id.lower())
        if (
            definition is None
            or assignment.principal_id.lower() not in principals
            or not matches(definition.data_actions, permission.action)
            or matches(definition.not_data_actions, permission.action)
        ):
            continue
        here = covers(assignment.scope, vault)
        if not here and not any(covers(assignment.scope, each) for each in objects):
            continue
        if assignment.condition:
            conditional = conditional or definition.name
        elif not here:
            single = single or definition.name
        elif doubtful:
            return _computed(State.UNTESTABLE, "{id}", doubtful)
        else:
            return _computed(State.GRANTED, tr("By the role {id}."), definition.name)
    if single and not doubtful:
        return _computed(State.GRANTED, tr("By the role {id}, on this one object only."), single)
    if conditional or single:
        text = tr("The role {id} holds it under a condition, which is not judged here.")
        return (
            _computed(State.UNTESTABLE, "{id}", doubtful)
            if single
            else _computed(State.UNTESTABLE, text, conditional)
        )
    return _computed(State.MISSING, tr("No role that {id} holds here has it."), object_id)


def _denies(denial: DenyAssignment, principals: set[str], action: str) -> bool:
    named = {each.lower() for each in denial.principal_ids}
    spared = {each.lower() for each in denial.excluded_principal_ids}
    return (
        bool(named & (principals | {_EVERYBODY}))
        and not spared & principals
        and matches(denial.data_actions, action)
        and not matches(denial.not_data_actions, action)
    )


def _principals(access: VaultAccess, object_id: str) -> set[str]:
    return {object_id.lower(), *(group.lower() for group in access.groups)}


def _computed(state: State, text: str, id: str) -> Observation:
    return Observation(Source.ADMIN, state, Certainty.COMPUTED, text.format(id=id))
