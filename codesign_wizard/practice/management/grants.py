"""Who asks, and Microsoft.Authorization's operations at a scope: assignments, definitions, denials.

learn.microsoft.com/azure/role-based-access-control: ``role-assignments-list-rest`` (filters),
``role-assignments-rest``, ``custom-roles-rest``, ``deny-assignments-rest``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.entra.models import GUID
from codesign_wizard.practice.management import errors, responses
from codesign_wizard.practice.management.authorization import (
    EVERYONE,
    RoleAssignment,
    Subscription,
    same,
)
from codesign_wizard.practice.management.conditions import readable
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES, RoleDefinition

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_ACTION = re.compile(r"\*|(microsoft\.[a-z]+|\*)(/[a-z0-9.*]+)+", re.IGNORECASE)
_PARTS = {
    "actions": "actions",
    "notActions": "not_actions",
    "dataActions": "data_actions",
    "notDataActions": "not_data_actions",
}


class Manager:
    """The caller of the management plane, as the token tells it."""

    def __init__(self, world: World, claims: Mapping[str, Any]) -> None:
        self._world = world
        self.object_id = str(claims.get("oid", ""))
        self.tenant_id = str(claims.get("tid", ""))
        self.issuer = str(claims.get("iss", ""))
        self._name = str(claims.get("upn") or claims.get("appid") or "")
        groups = claims.get("groups")
        more = map(str, groups) if isinstance(groups, list) else ()
        self.principals = (self.object_id, *more)

    def may(self, action: str, scope: str) -> bool:
        """Tell whether the caller's roles let *action* through at *scope*."""
        now = self._world.clock.now().timestamp()
        return self._world.authorization.rule(self.principals, action, scope, now, data=False).granted

    def demand(self, action: str, scope: str, given: Mapping[str, str] | None = None) -> None:
        """Raise ``ArmError`` unless the caller may; *given* is what conditions may ask of the request."""
        now = self._world.clock.now().timestamp()
        authorization = self._world.authorization
        ruling = authorization.rule(self.principals, action, scope, now, data=False, given=given)
        if ruling.denial is not None:
            denial = ruling.denial
            raise errors.denied(self._name, self.object_id, action, scope, denial.name, denial.deny_id)
        if not ruling.granted:
            raise self.refused(action, scope)

    def refused(self, action: str, scope: str) -> errors.ArmError:
        """Return the refusal of *action*."""
        return errors.forbidden(self._name, self.object_id, action, scope)

    def subscriptions(self) -> list[Subscription]:
        """Return the tenant's subscriptions in which the caller has a role, wherever."""
        return [
            each
            for each in self._world.authorization.subscriptions
            if each.tenant_id == self.tenant_id and self.known_in(each)
        ]

    def known_in(self, subscription: Subscription) -> bool:
        """Tell whether the caller has a role at, above or below *subscription*."""
        authorization, now = self._world.authorization, self._world.clock.now().timestamp()
        return bool(authorization.held(self.principals, subscription.scope, now)) or any(
            each.principal_id in self.principals
            and each.effective_from <= now
            and authorization.covers(subscription.scope, each.scope)
            for each in authorization.assignments
        )


class Grants:
    """Operations of Microsoft.Authorization at one scope; raises ``ArmError``."""

    def __init__(self, world: World, manager: Manager, scope: str) -> None:
        self._world = world
        self._authorization = world.authorization
        self._manager = manager
        self._scope = scope
        self._tenant = world.directory.tenant(manager.tenant_id)

    def _demand(self, action: str, scope: str = "", *, given: Mapping[str, str] | None = None) -> None:
        self._manager.demand(f"Microsoft.Authorization/{action}", scope or self._scope, given)

    def permissions(self) -> list[dict[str, Any]]:
        """Return what the caller's own roles hold here, a set for each role."""
        self._demand("permissions/read")
        now = self._world.clock.now().timestamp()
        sets = []
        for assignment in self._authorization.held(self._manager.principals, self._scope, now):
            role = self._authorization.role(assignment.role_id)
            if role is None:
                continue
            document = responses.permissions(role)
            if assignment.condition:
                document |= {"condition": assignment.condition, "conditionVersion": "2.0"}
            if document not in sets:
                sets.append(document)
        return sets

    # role assignments

    def assignments(self, text: str) -> list[dict[str, Any]]:
        """Return the role assignments that *text* (``$filter``) asks for."""
        self._demand("roleAssignments/read")
        at_scope, principals = self._filter(text)
        return [
            responses.role_assignment(each)
            for each in self._authorization.assignments
            if self._concerns(each.scope, at_scope=at_scope)
            and (principals is None or each.principal_id in principals)
        ]

    def assignment(self, name: str) -> dict[str, Any]:
        """Return one role assignment."""
        self._demand("roleAssignments/read")
        return responses.role_assignment(self._assignment(name))

    def _assignment(self, name: str) -> RoleAssignment:
        for each in self._authorization.assignments:
            if each.assignment_id == name.lower() and same(each.scope, self._scope):
                return each
        raise errors.assignment_missing(name)

    def assign(self, name: str, properties: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Make a role assignment, or change one's condition; return whether it is new, and the document."""
        self._demand("roleAssignments/write", given=self._asked(properties))
        if not GUID.fullmatch(name):
            raise errors.assignment_name_invalid(name)
        self._check_scope()
        with self._world.lock:
            made = self._judged(name.lower(), properties)
            held = self._authorization.assignments
            index = next((i for i, each in enumerate(held) if each.assignment_id == made.assignment_id), -1)
            if index < 0:
                held.append(made)
            else:
                held[index] = made
            self._world.save()
        return index < 0, responses.role_assignment(made)

    def _asked(self, properties: dict[str, Any]) -> dict[str, str]:
        """Return what conditions may ask of a new assignment (conditions-authorization)."""
        principal = str(properties.get("principalId") or "").lower()
        return {
            "request:roledefinitionid": str(properties.get("roleDefinitionId") or "").rpartition("/")[2],
            "request:principalid": principal,
            "request:principaltype": self._tenant.kind_of(principal)
            or str(properties.get("principalType") or ""),
        }

    def _check_scope(self) -> None:
        """Raise ``ArmError`` if the scope is, or lies in, a resource group or vault that does not exist."""
        parts = self._scope.strip("/").split("/")
        if len(parts) < 4 or parts[2].lower() != "resourcegroups":
            return
        subscription = self._authorization.subscription(self._scope)
        if subscription is None or not subscription.resource_group(parts[3]):
            raise errors.group_missing(parts[3])
        if len(parts) > 7 and not any(
            same("/".join(parts[:8]), vault.arm_id) for vault in self._world.vaults.all()
        ):
            raise errors.resource_missing("/".join(parts[5:7]), parts[7], parts[3])

    def _judged(self, name: str, properties: dict[str, Any]) -> RoleAssignment:
        role_id = _text(properties, "roleDefinitionId").rpartition("/")[2].lower()
        principal_id = _text(properties, "principalId").lower()
        if not GUID.fullmatch(principal_id):
            raise errors.request_malformed(f"'{principal_id}' is not a valid GUID")
        role = self._authorization.role(role_id)
        if role is None:
            raise errors.role_missing(role_id)
        covered = any(self._authorization.covers(each, self._scope) for each in role.assignable_scopes)
        if role.custom and not covered:
            raise errors.role_not_assignable(role_id, self._scope)
        kind = self._kind(principal_id, str(properties.get("principalType") or ""))
        condition = properties.get("condition")
        if condition and not readable(str(condition)):
            raise errors.condition_invalid()
        now = self._world.clock.now().timestamp()
        made = RoleAssignment(
            principal_id,
            role_id,
            self._scope,
            assignment_id=name,
            principal_type=kind,
            condition=str(condition) if condition else None,
            description=str(properties["description"]) if properties.get("description") else None,
            created=now,
            created_by=self._manager.object_id,
            effective_from=now + self._world.propagation * self._world.conditions.slow_factor,
        )
        for each in self._authorization.assignments:
            alike = (
                each.principal_id == principal_id
                and each.role_id.lower() == role_id
                and same(each.scope, self._scope)
            )
            if each.assignment_id == name and not alike:
                raise errors.assignment_fixed()
            if each.assignment_id == name:
                return replace(made, created=each.created, created_by=each.created_by)
            if alike:
                raise errors.assignment_exists(each.assignment_id)
        return made

    def _kind(self, principal_id: str, given: str) -> str:
        actual = self._tenant.kind_of(principal_id)
        if not actual and not given:
            raise errors.principal_missing(principal_id, self._manager.tenant_id)
        if actual and given and actual.lower() != given.lower():
            raise errors.principal_unmatched(principal_id, actual, given)
        return actual or given

    def remove(self, name: str) -> dict[str, Any] | None:
        """Delete a role assignment and return it, or nothing if there is none."""
        with self._world.lock:
            try:
                found = self._assignment(name)
            except errors.ArmError:
                self._demand("roleAssignments/delete")
                return None
            asked = {
                "resource:roledefinitionid": found.role_id,
                "resource:principalid": found.principal_id,
                "resource:principaltype": found.principal_type,
            }
            self._demand("roleAssignments/delete", given=asked)
            # anew: a judgement under way must pass over none
            self._authorization.assignments = [
                each for each in self._authorization.assignments if each is not found
            ]
            self._world.save()
        return responses.role_assignment(found)

    # role definitions

    def definitions(self, text: str) -> list[dict[str, Any]]:
        """Return the role definitions that can be assigned here."""
        self._demand("roleDefinitions/read")
        wanted = _comparisons(text, ("roleName", "type"))
        return [
            responses.role_definition(role, self._scope)
            for role in (*BUILT_IN_ROLES.values(), *self._authorization.custom_roles)
            if self._visible(role)
            and wanted.get("rolename", role.name).lower() == role.name.lower()
            and wanted.get("type", "CustomRole" if role.custom else "BuiltInRole").lower()
            == ("customrole" if role.custom else "builtinrole")
        ]

    def _visible(self, role: RoleDefinition) -> bool:
        covers = self._authorization.covers
        return not role.custom or any(
            covers(each, self._scope) or covers(self._scope, each) for each in role.assignable_scopes
        )

    def definition(self, name: str) -> dict[str, Any]:
        """Return one role definition."""
        if self._scope != "/":
            self._demand("roleDefinitions/read")
        role = self._authorization.role(name)
        if role is None or not self._visible(role):
            raise errors.role_missing(name)
        return responses.role_definition(role, self._scope)

    def define(self, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Make a custom role, or change one."""
        self._demand("roleDefinitions/write")
        if not GUID.fullmatch(name):
            raise errors.role_incomplete("id")
        with self._world.lock:
            held = self._authorization.role(name)
            if held is not None and not held.custom:
                raise errors.role_built_in()
            made = self._role(name.lower(), properties)
            others = [each for each in self._authorization.custom_roles if each.role_id != made.role_id]
            if any(each.name.lower() == made.name.lower() for each in others):
                raise errors.role_name_taken(made.name)
            if held is not None:
                made = replace(made, created=held.created)
            self._authorization.custom_roles = [*others, made]
            self._world.save()
        return responses.role_definition(made, self._scope)

    def undefine(self, name: str) -> dict[str, Any] | None:
        """Delete a custom role and return it, or nothing if there is none.

        ``custom-roles``: the right to is needed in all of its assignable scopes; nobody may hold it any more.
        """
        self._demand("roleDefinitions/delete")
        with self._world.lock:
            role = self._authorization.role(name)
            if role is None or not self._visible(role):
                return None
            if not role.custom:
                raise errors.role_built_in()
            for each in role.assignable_scopes:
                self._demand("roleDefinitions/delete", each)
            if any(each.role_id.lower() == role.role_id for each in self._authorization.assignments):
                raise errors.role_in_use()
            self._authorization.custom_roles = [
                each for each in self._authorization.custom_roles if each.role_id != role.role_id
            ]
            self._world.save()
        return responses.role_definition(role, self._scope)

    def _role(self, role_id: str, properties: dict[str, Any]) -> RoleDefinition:
        role_name = _text(properties, "roleName")
        scopes = _texts(properties.get("assignableScopes"), "assignableScopes")
        if not scopes or any(
            self._authorization.subscription(each) is None and "/managementgroups/" not in each.lower()
            for each in scopes
        ):
            raise errors.role_incomplete("assignableScopes")
        for each in scopes:
            self._demand("roleDefinitions/write", each)
        sets = properties.get("permissions")
        if not isinstance(sets, list) or len(sets) != 1 or not isinstance(sets[0], dict):
            raise errors.role_incomplete("permissions")
        parts = {ours: tuple(_texts(sets[0].get(theirs), theirs)) for theirs, ours in _PARTS.items()}
        for action in (action for part in parts.values() for action in part):
            if not _ACTION.fullmatch(action):
                raise errors.action_unknown(action)
        now = self._world.clock.now().timestamp()
        return RoleDefinition(
            role_id,
            role_name,
            **parts,
            description=str(properties.get("description") or ""),
            custom=True,
            assignable_scopes=tuple(scopes),
            created=now,
            updated=now,
            condition=None,
        )

    # deny assignments

    def denials(self, text: str) -> list[dict[str, Any]]:
        """Return the deny assignments that *text* (``$filter``) asks for."""
        self._demand("denyAssignments/read")
        at_scope, principals = self._filter(text)
        return [
            responses.deny_assignment(each, self._tenant.kind_of)
            for each in self._authorization.denials
            if self._concerns(each.scope, at_scope=at_scope)
            and (principals is None or {EVERYONE, *principals} & set(each.principal_ids))
        ]

    def denial(self, name: str) -> dict[str, Any]:
        """Return one deny assignment."""
        self._demand("denyAssignments/read")
        for each in self._authorization.denials:
            if each.deny_id == name.lower() and self._authorization.covers(each.scope, self._scope):
                return responses.deny_assignment(each, self._tenant.kind_of)
        raise errors.ArmError(404, "DenyAssignmentNotFound", f"The deny assignment '{name}' is not found.")

    def _concerns(self, scope: str, *, at_scope: bool) -> bool:
        """Tell whether *scope* is at or above this one; or below it, unless *at_scope* only."""
        covers = self._authorization.covers
        return covers(scope, self._scope) or (not at_scope and covers(self._scope, scope))

    def _filter(self, text: str) -> tuple[bool, set[str] | None]:
        """Return whether only this scope and those above it count, and whose principals, if it matters."""
        at_scope, principals = False, None
        for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
            assigned = re.fullmatch(r"assignedTo\(\s*'([^']*)'\s*\)", part, re.IGNORECASE)
            compared = re.fullmatch(r"principalId\s+eq\s+'([^']*)'", part, re.IGNORECASE)
            if re.fullmatch(r"atScope\(\)", part, re.IGNORECASE):
                at_scope = True
            elif assigned:
                principals = self._and_groups(assigned[1].lower())
            elif compared:
                principals = {compared[1].lower()}
            else:
                raise errors.filter_unsupported(text)
        return at_scope, principals

    def _and_groups(self, principal_id: str) -> set[str]:
        if self._tenant.kind_of(principal_id) not in ("User", "ServicePrincipal"):
            return set()  # the filter is for these alone
        return {principal_id, *(group.object_id for group in self._tenant.groups_of(principal_id))}


def _text(properties: dict[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise errors.request_malformed(f"Required property '{name}' not found in JSON.")
    return value


def _texts(value: Any, name: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise errors.request_malformed(f"Unexpected value of '{name}'.")
    return list(value)


def _comparisons(text: str, names: Iterable[str]) -> dict[str, str]:
    """Return the comparisons of a filter on role definitions; raises ``ArmError``."""
    found: dict[str, str] = {}
    known = {name.lower() for name in names}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        if re.fullmatch(r"atScopeAndBelow\(\)", part, re.IGNORECASE):
            continue  # what may be assigned below may be listed here
        compared = re.fullmatch(r"(\w+)\s+eq\s+'((?:[^']|'')*)'", part)
        if compared is None or compared[1].lower() not in known:
            raise errors.filter_unsupported(text)
        found[compared[1].lower()] = compared[2].replace("''", "'")
    return found
