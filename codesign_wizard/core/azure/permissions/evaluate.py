"""The grants of a vault as the management plane tells them, and what follows from them: rules, no network.

Role assignments and deny assignments: learn.microsoft.com/azure/role-based-access-control/overview; access
policies: ``…/key-vault/general/assign-access-policy``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Model, Permission, permissions
from codesign_wizard.core.azure.permissions.report import Observation, Source, State
from codesign_wizard.core.finding import Certainty, Evidence, iso
from codesign_wizard.core.text import tr

_ISSUERS = frozenset(
    ("certificates", name) for name in ("getissuers", "listissuers", "setissuers", "deleteissuers")
)
EVERYBODY = "00000000-0000-0000-0000-000000000000"  # the principal of deny assignments for all


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """What a role allows; actions are patterns with ``*``. ``id`` is its resource id.

    A role of several sets of permissions is several of these under one id: what is excluded in one of them
    is not excluded in the others. ``condition`` is the set's, "" for none; ``updated`` in UTC if told.
    """

    id: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str = ""
    updated: datetime | None = None


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
    """What one entry of an access policy ticks. ``application_id`` is "" unless it is a compound one.

    ``tenant_id`` is whose principal it names, "" where that was not told.
    """

    object_id: str
    application_id: str = ""
    keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    tenant_id: str = ""


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """All that decides about permissions on a vault, as an administrator may read it.

    ``misplaced`` are roles that other ids of the application were given than its service principal's: they
    count for nothing. ``definitions`` are those of both. ``groups`` are the object ids of the principal's
    groups, as far as they are known; ``registration_id`` is the application registration's own, "" where it
    was not needed or not told. ``unknowns`` are sentences: what could not be read; ``unread`` says the same
    for the rules: ``assignments``, ``denials``, ``groups``.
    """

    resource_id: str
    name: str
    model: Model
    sku: str = ""
    tenant_id: str = ""
    location: str = ""
    policies: tuple[AccessPolicy, ...] = ()
    assignments: tuple[RoleAssignment, ...] = ()
    misplaced: tuple[RoleAssignment, ...] = ()
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
    registration_id: str = ""
    unknowns: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()


def evaluate(access: VaultAccess, object_id: str, certificate_name: str) -> dict[str, Observation]:
    """Return what *access* gives the principal *object_id*, by ``Permission.key`` of the vault's model.

    GRANTED is said only of what certainly holds: on the vault for what concerns no single object, else on
    *certificate_name* and its key (on every object where the name is ""). What holds on that object alone
    says so in its text and in its evidence, ``only-on``. A condition, a role whose definition is not known,
    a deny assignment that may apply, a list that could not be read: each leaves it untestable, or likely.
    """
    if access.model is Model.POLICY:
        return {each.key: _by_policy(access, object_id, each) for each in permissions(Model.POLICY)}
    return {each.key: _by_role(access, object_id, certificate_name, each) for each in permissions(Model.RBAC)}


def decide(access: VaultAccess, object_id: str, action: str, resource_id: str) -> Observation:
    """Return whether the roles in *access* let *object_id* do *action* (a data action) on *resource_id*.

    *resource_id* is the vault's id or an object's below it (``…/keys/NAME``). Whatever the vault's model.
    """
    principals = _principals(access, object_id)
    doubt: Observation | None = None
    for denial in access.denials:
        applies = denies(denial, principals, action, resource_id, groups_known="groups" not in access.unread)
        if applies is State.MISSING:
            text = tr("The deny assignment {name} forbids it, whatever roles are held.")
            return _computed(State.MISSING, text.format(name=denial.name or denial.id), of_denial(denial))
        if applies is State.UNTESTABLE and doubt is None:
            text = tr("A role holds it, but the deny assignment {name} may forbid it.")
            doubt = _computed(State.UNTESTABLE, text.format(name=denial.name or denial.id), of_denial(denial))
    definitions: dict[str, list[RoleDefinition]] = {}
    for each in access.definitions:
        definitions.setdefault(each.id.lower(), []).append(each)
    open_point: Observation | None = None
    for assignment in access.assignments:
        if assignment.principal_id.lower() not in principals or not covers(assignment.scope, resource_id):
            continue
        sets = definitions.get(assignment.role_definition_id.lower(), ())
        holding = [each for each in sets if holds(each, action)]
        # a condition of the role's own counts unless another of its sets has the action without one
        definition = next((each for each in holding if not each.condition), next(iter(holding or sets), None))
        more = _of_assignment(assignment, definition, object_id)
        if definition is None:
            text = tr("A role is held whose definition could not be read: {role}.")
            role = assignment.role_definition_id.rpartition("/")[2]
            open_point = open_point or _computed(State.UNTESTABLE, text.format(role=role), more)
        elif not holding:
            continue
        elif condition := assignment.condition or definition.condition:
            text = tr("The role {role} holds it only under a condition, which is not judged here.")
            given = _computed(
                State.UNTESTABLE,
                text.format(role=definition.name),
                {**more, "condition": condition},
            )
            # a condition that is known says more than a role that is not
            open_point = open_point if open_point and open_point.evidence.more.get("condition") else given
        elif doubt is not None:
            return doubt
        elif "denials" in access.unread:
            text = tr("The role {role} holds it; whether something denies it could not be read.")
            return _computed(State.LIKELY, text.format(role=definition.name), more)
        else:
            return _computed(State.GRANTED, _granted_text(definition, assignment, object_id), more)
    if open_point is not None:
        return open_point
    if "assignments" in access.unread:
        return _computed(State.UNTESTABLE, tr("The role assignments could not be read."))
    return _computed(
        State.MISSING, tr("No role that the application holds on this vault, or above it, has it.")
    )


def on_object(action: str) -> str:
    """Return ``keys`` or ``certificates`` when a role with *action* may be held on one object, else ""."""
    found = re.fullmatch(re.escape(PREFIX) + r"(keys|certificates)/(?!restore/)[a-z/]+", action, re.I)
    return found[1].lower() if found else ""


def matches(patterns: Iterable[str], action: str) -> bool:
    """Tell whether one of *patterns*, with ``*`` for any text, is *action*; case does not count."""
    return any(_compiled(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL)


def covers(scope: str, resource_id: str) -> bool:
    """Tell whether *scope* is *resource_id* or above it. Of management groups only those above are listed."""
    scope, resource = scope.lower().rstrip("/"), resource_id.lower().rstrip("/")
    if scope.startswith("/providers/microsoft.management/managementgroups/"):
        return True
    return f"{resource}/".startswith(f"{scope}/")


def entries(access: VaultAccess, object_id: str) -> list[AccessPolicy]:
    """Return the access-policy entries that count for the application *object_id*, its groups' included.

    An entry with an application beside the principal is for a person who uses that application; one of
    another tenant than the vault's names a principal of that tenant.
    """
    return [each for each in _named(access, object_id) if not _of_other_tenant(access, each)]


def own_entry(access: VaultAccess, object_id: str) -> AccessPolicy | None:
    """Return the entry that counts for *object_id* itself, not for a group that it is in."""
    own = object_id.lower()
    return next((each for each in entries(access, object_id) if each.object_id.lower() == own), None)


def _named(access: VaultAccess, object_id: str) -> list[AccessPolicy]:
    principals = _principals(access, object_id)
    return [
        each for each in access.policies if each.object_id.lower() in principals and not each.application_id
    ]


def _of_other_tenant(access: VaultAccess, entry: AccessPolicy) -> bool:
    return bool(entry.tenant_id and access.tenant_id and entry.tenant_id.lower() != access.tenant_id.lower())


def _by_policy(access: VaultAccess, object_id: str, permission: Permission) -> Observation:
    for entry in entries(access, object_id):
        if _ticks(entry, permission):
            text = (
                tr("Ticked in the application's access policy.")
                if entry.object_id.lower() == object_id.lower()
                else tr("Ticked in the access policy of the group {id}, which the application is in.")
            )
            return _computed(State.GRANTED, text.format(id=entry.object_id), {"policy-of": entry.object_id})
    if (permission.kind, permission.name) in _ISSUERS and any(
        "manageissuers" in {name.lower() for name in entry.certificates}
        for entry in entries(access, object_id)
    ):
        # the reference asks for "the certificates/manageissuers/getissuers permission": either may do
        text = tr("Not ticked itself, but Manage Certificate Authorities is, which probably includes it.")
        return replace(_computed(State.LIKELY, text), certainty=Certainty.LIKELY)
    for entry in _named(access, object_id):
        if _ticks(entry, permission):
            text = tr("Ticked in an access policy of another tenant, {tenant}: it hardly counts here.")
            return _computed(
                State.UNTESTABLE, text.format(tenant=entry.tenant_id), {"policy-of": entry.object_id}
            )
    if "groups" in access.unread:
        return _computed(
            State.UNTESTABLE,
            tr("Not ticked for the application itself; which groups it is in could not be read."),
        )
    return _computed(State.MISSING, tr("No access policy ticks it for the application."))


def _ticks(entry: AccessPolicy, permission: Permission) -> bool:
    held = {name.lower() for name in getattr(entry, permission.kind)}
    return bool(held & {permission.name.lower(), "all"})


def _by_role(
    access: VaultAccess, object_id: str, certificate_name: str, permission: Permission
) -> Observation:
    kind = on_object(permission.action) if certificate_name else ""
    at_vault = decide(access, object_id, permission.action, access.resource_id)
    if not kind:
        return at_vault
    resource = f"{access.resource_id}/{kind}/{certificate_name}"
    at_object = decide(access, object_id, permission.action, resource)
    if at_object.state is not State.GRANTED or at_vault.state is State.GRANTED:
        return at_object
    text = tr("{reason} That is on {name} alone, not on the vault.")
    return _computed(
        State.GRANTED,
        text.format(reason=at_object.text, name=certificate_name),
        {**at_object.evidence.more, "only-on": resource},
    )


def holds(definition: RoleDefinition, action: str) -> bool:
    """Tell whether a set of permissions has the data action *action*, whatever its condition."""
    return matches(definition.data_actions, action) and not matches(definition.not_data_actions, action)


def denies(
    denial: DenyAssignment, principals: set[str], action: str, resource_id: str, *, groups_known: bool
) -> State | None:
    """Return MISSING for what certainly is denied, UNTESTABLE for what may be, else ``None``.

    *principals* are in lower case: the caller's object id and, as far as they are known, its groups'.
    """
    named = {each.lower() for each in denial.principal_ids}
    spared = {each.lower() for each in denial.excluded_principal_ids}
    if (
        spared & principals
        or not matches(denial.data_actions, action)
        or matches(denial.not_data_actions, action)
        or not covers(denial.scope, resource_id)
    ):
        return None
    hit = bool(named & (principals | {EVERYBODY}))
    # who is named, or spared, may be a group that the application is in
    may_be_named = bool(named) and not groups_known
    below = denial.scope.lower().rstrip("/") != resource_id.lower().rstrip("/")
    if denial.does_not_apply_to_child_scopes and below:
        # an object may or may not count as a scope below its vault; a vault does below its resource group
        in_vault = "/microsoft.keyvault/vaults/" in denial.scope.lower()
        return State.UNTESTABLE if in_vault and (hit or may_be_named) else None
    if not hit:
        return State.UNTESTABLE if may_be_named else None
    may_be_spared = bool(spared) and not groups_known
    return State.UNTESTABLE if denial.condition or may_be_spared else State.MISSING


def _granted_text(definition: RoleDefinition, assignment: RoleAssignment, object_id: str) -> str:
    if assignment.principal_id.lower() != object_id.lower():
        return tr("The role {role} grants it, through the group {group}.").format(
            role=definition.name, group=assignment.principal_id
        )
    return tr("The role {role} grants it.").format(role=definition.name)


def _of_assignment(
    assignment: RoleAssignment, definition: RoleDefinition | None, object_id: str
) -> dict[str, str]:
    own = assignment.principal_id.lower() == object_id.lower()
    changed = definition.updated if definition else None
    if changed and assignment.created and changed <= assignment.created:
        changed = None  # it was given as it is
    return {
        "role": definition.name if definition else assignment.role_definition_id,
        "scope": assignment.scope,
        "principal": assignment.principal_id,
        **({} if own else {"through-group": assignment.principal_id}),
        **({"assigned": iso(assignment.created)} if assignment.created else {}),
        **({"role-changed": iso(changed)} if changed else {}),
    }


def of_denial(denial: DenyAssignment) -> dict[str, str]:
    """Return what evidence says of *denial*."""
    return {"deny-assignment": denial.id or denial.name, "scope": denial.scope}


def _principals(access: VaultAccess, object_id: str) -> set[str]:
    return {object_id.lower(), *(group.lower() for group in access.groups)}


def _computed(state: State, text: str, more: Mapping[str, str] | None = None) -> Observation:
    return Observation(Source.ADMIN, state, Certainty.COMPUTED, text, Evidence(more=dict(more or {})))
