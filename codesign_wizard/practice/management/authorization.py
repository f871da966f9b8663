"""Who is given which role where, who is denied what, and the ruling that follows. Rules only.

learn.microsoft.com/azure/role-based-access-control: ``overview`` ("how Azure RBAC determines if a user has
access": deny assignments first, then the union of the role assignments), ``scope-overview`` (scopes reach
downwards: management group, subscription, resource group, resource, object in a vault), ``deny-assignments``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from codesign_wizard.practice.management.conditions import holds
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES, RoleDefinition, matches

EVERYONE = "00000000-0000-0000-0000-000000000000"  # a deny assignment's "all principals"
_GROUPS = "/providers/microsoft.management/managementgroups/"
_BUILT_IN = {role.role_id: role for role in BUILT_IN_ROLES.values()}


@dataclass
class Subscription:
    """A subscription; ``management_groups`` from the nearest up to the tenant's root group."""

    subscription_id: str
    tenant_id: str
    name: str
    management_groups: list[str] = field(default_factory=list)
    resource_groups: dict[str, str] = field(default_factory=dict)  # locations, by name; replaced, not changed

    @property
    def scope(self) -> str:
        """The subscription's id as a scope."""
        return f"/subscriptions/{self.subscription_id}"

    def resource_group(self, name: str) -> str:
        """Return the name of a resource group as it was given, names without case; "" if there is none."""
        return next((each for each in self.resource_groups if each.lower() == name.lower()), "")


@dataclass
class RoleAssignment:
    """A role given to a principal at a scope; before ``effective_from`` it still propagates.

    Times in seconds since the epoch, by the cloud's clock.
    """

    principal_id: str
    role_id: str
    scope: str
    assignment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    principal_type: str = "ServicePrincipal"
    condition: str | None = None
    description: str | None = None
    created: float = 0.0
    created_by: str = ""
    effective_from: float = 0.0


@dataclass
class DenyAssignment:
    """Actions forbidden to principals at a scope, and below it unless ``own_scope_only``."""

    principal_ids: list[str]
    data_actions: list[str]
    scope: str
    not_data_actions: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    not_actions: list[str] = field(default_factory=list)
    excluded_principal_ids: list[str] = field(default_factory=list)
    own_scope_only: bool = False
    condition: str | None = None
    name: str = "Practice deny assignment"
    description: str = ""
    deny_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Ruling:
    """What was decided, and by what."""

    granted: bool
    assignment: RoleAssignment | None = None
    denial: DenyAssignment | None = None


@dataclass
class Authorization:
    """Everything that Azure RBAC decides by, in all tenants: scopes keep them apart."""

    subscriptions: list[Subscription] = field(default_factory=list)
    assignments: list[RoleAssignment] = field(default_factory=list)
    denials: list[DenyAssignment] = field(default_factory=list)
    custom_roles: list[RoleDefinition] = field(default_factory=list)

    def rule(
        self,
        principals: Collection[str],
        action: str,
        resource: str,
        now: float,
        *,
        data: bool,
        given: Mapping[str, str] | None = None,
    ) -> Ruling:
        """Decide on *action* on *resource* (an ARM id) at *now*.

        *principals* are the caller's object id and those of all groups it is in; *data* for data actions;
        *given* is what conditions may ask of the request.
        """
        denial = self._denial(principals, action, resource, now, data=data)
        if denial is not None:
            return Ruling(False, denial=denial)
        for assignment in self.held(principals, resource, now):
            role = self.role(assignment.role_id)
            if (
                role is not None
                and role.allows(action, data=data)
                and all(
                    each is None or holds(each, action, now, given)
                    for each in (assignment.condition, role.condition)
                )
            ):
                return Ruling(True, assignment)
        return Ruling(False)

    def held(self, principals: Collection[str], resource: str, now: float) -> list[RoleAssignment]:
        """Return the assignments that work for *principals* on *resource* at *now*, conditions aside."""
        return [
            each
            for each in self.assignments
            if each.principal_id in principals
            and each.effective_from <= now
            and self.covers(each.scope, resource)
        ]

    def _denial(
        self, principals: Collection[str], action: str, resource: str, now: float, *, data: bool
    ) -> DenyAssignment | None:
        for each in self.denials:
            forbidden, spared = (
                (each.data_actions, each.not_data_actions) if data else (each.actions, each.not_actions)
            )
            if (
                (EVERYONE in each.principal_ids or any(one in each.principal_ids for one in principals))
                and not any(one in each.excluded_principal_ids for one in principals)
                and (same(each.scope, resource) if each.own_scope_only else self.covers(each.scope, resource))
                and matches(forbidden, action)
                and not matches(spared, action)
                and (each.condition is None or holds(each.condition, action, now))
            ):
                return each
        return None

    def role(self, role_id: str) -> RoleDefinition | None:
        """Return a role definition by its GUID."""
        wanted = role_id.lower()
        return _BUILT_IN.get(wanted) or next(
            (role for role in self.custom_roles if role.role_id == wanted), None
        )

    def covers(self, scope: str, resource: str) -> bool:
        """Tell whether *scope* is *resource* or lies above it; ids have no case."""
        scope, resource = scope.lower().rstrip("/"), resource.lower().rstrip("/")
        if not scope or resource == scope or resource.startswith(scope + "/"):
            return True
        if not scope.startswith(_GROUPS):
            return False
        wanted = scope.removeprefix(_GROUPS)
        return any(wanted == each.lower() for each in self._groups_above(resource))

    def _groups_above(self, resource: str) -> Iterable[str]:
        """Return the management groups that *resource* lies in."""
        if resource.startswith(_GROUPS):
            own = resource.removeprefix(_GROUPS)
            for subscription in self.subscriptions:
                chain = [each.lower() for each in subscription.management_groups]
                if own in chain:
                    return chain[chain.index(own) :]
            return ()
        found = self.subscription(resource)
        return found.management_groups if found is not None else ()

    def subscription(self, resource: str) -> Subscription | None:
        """Return the subscription that the ARM id *resource* (or bare GUID) names."""
        parts = resource.lower().strip("/").split("/")
        wanted = parts[1] if parts[0] == "subscriptions" and len(parts) > 1 else parts[0]
        return next((each for each in self.subscriptions if each.subscription_id.lower() == wanted), None)

    def to_json(self) -> dict[str, Any]:
        """Return everything for keeping."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Authorization:
        """Return what ``to_json`` wrote; raises ``KeyError`` or ``TypeError`` on anything else."""
        tuples = ("actions", "not_actions", "data_actions", "not_data_actions", "assignable_scopes")
        return cls(
            subscriptions=[Subscription(**each) for each in document["subscriptions"]],
            assignments=[RoleAssignment(**each) for each in document["assignments"]],
            denials=[DenyAssignment(**each) for each in document["denials"]],
            custom_roles=[
                RoleDefinition(**{**each, **{name: tuple(each[name]) for name in tuples}})
                for each in document["custom_roles"]
            ],
        )


def same(one: str, other: str) -> bool:
    """Tell whether two ARM ids are the same."""
    return one.lower().strip("/") == other.lower().strip("/")


def management_group(name: str) -> str:
    """Return the scope of the management group called *name*."""
    return f"/providers/Microsoft.Management/managementGroups/{name}"
