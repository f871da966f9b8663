"""All that was found out about the permissions, and what an administrator's view of it says.

The questions that the mix-ups are told apart by; which of them it is, is told by ``mixups``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.catalogue import (
    Model,
    Permission,
    Purpose,
    permission_for,
    permissions,
)
from codesign_wizard.core.azure.permissions.evaluate import (
    RoleAssignment,
    RoleDefinition,
    VaultAccess,
    covers,
    holds,
    matches,
    own_entry,
)
from codesign_wizard.core.azure.permissions.matrix import Matrix
from codesign_wizard.core.azure.permissions.own_rights import OwnRights
from codesign_wizard.core.azure.permissions.probe_answers import OPEN, Asked, Meaning, ProbeResult
from codesign_wizard.core.azure.permissions.report import Row, State, verdict
from codesign_wizard.core.azure.signin import CallerIdentity
from codesign_wizard.core.finding import Evidence, Remedy, Severity, utc_now

_MANAGING = (
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.KeyVault/vaults/write",
    "Microsoft.Authorization/roleAssignments/write",
)


@dataclass(frozen=True)
class Seen:
    """All that was found out."""

    options: AzureOptions
    model: Model
    matrix: Matrix
    probes: ProbeResult
    own: OwnRights = field(default_factory=OwnRights)
    identity: CallerIdentity | None = None
    access: VaultAccess | None = None

    @property
    def missing(self) -> list[Row]:
        """What is asked for and missing, what signing needs first."""
        rows = [row for row in self.matrix.rows if row.permission.asked_for and row.state is State.MISSING]
        return sorted(rows, key=lambda row: _need(row.permission))

    @property
    def signing(self) -> State:
        """Whether what signing needs is there."""
        return verdict(Purpose.SIGN, self.matrix.rows).state

    @property
    def severity(self) -> Severity:
        """How bad a missing permission is: what does not keep a client from being signed is a warning."""
        return Severity.ERROR if self.signing is State.MISSING else Severity.WARNING

    @property
    def open(self) -> bool:
        """Whether the vault left a question without an answer, or with one that tells nothing."""
        return any(each.meaning in OPEN for each in self.probes.asked)

    @property
    def object_id(self) -> str:
        """The service principal's object id, by the token or by a refusal."""
        return self.identity.object_id if self.identity is not None else self.probes.object_id

    @property
    def resource_id(self) -> str:
        """The vault's resource id, from whoever told it."""
        told = self.access.resource_id if self.access is not None else ""
        return told or self.probes.resource_id or self.own.resource_id

    def refused(self, *wanted: Permission) -> Asked | None:
        """Return the vault's refusal of the first of *wanted* that it refused."""
        for each in wanted:
            for asked in self.probes.asked:
                told = permission_for(self.model, asked.probe.kind, asked.probe.name)
                if asked.meaning is Meaning.REFUSED and told.key == each.key:
                    return asked
        return None

    def evidence(self) -> Evidence:
        """Return the vault's words that say most: about what signing needs, if that is missing."""
        asked = self.refused(*(row.permission for row in self.missing))
        if asked is not None:
            return asked.observation.evidence
        for row in self.missing:
            return row.observations[0].evidence
        return Evidence(time=utc_now())

    def target(self) -> remedies.Target:
        """Return to whom and where a grant has to go."""
        if self.access is not None:
            policy = own_entry(self.access, self.object_id)
            keys, certificates = (policy.keys, policy.certificates) if policy else ((), ())
            return remedies.Target(self.options, self.object_id, self.resource_id, keys, certificates)
        rows = [] if self.model is Model.RBAC else self.matrix.rows
        held = [row.permission for row in rows if row.state in (State.GRANTED, State.LIKELY)]
        return remedies.Target(
            self.options,
            self.object_id,
            self.resource_id,
            tuple(each.name for each in held if each.kind == "keys"),
            tuple(each.name for each in held if each.kind == "certificates"),
            # what was not answered may be ticked
            complete=not held and not self.open,
        )

    def grants(self) -> list[Remedy]:
        """Return the ways to grant what is missing."""
        return remedies.grant_remedies(self.target(), self.model, [row.permission for row in self.missing])


def of_application(seen: Seen) -> list[RoleAssignment]:
    """Return the assignments to the application and to the groups it is in."""
    if seen.access is None:
        return []
    principals = {seen.object_id.lower(), *(group.lower() for group in seen.access.groups)}
    return [each for each in seen.access.assignments if each.principal_id.lower() in principals]


def held_here(seen: Seen) -> list[RoleAssignment]:
    """Return the roles that are held on the vault or above it, whatever they allow."""
    if seen.access is None:
        return []
    return [each for each in of_application(seen) if covers(each.scope, seen.access.resource_id)]


def manages(access: VaultAccess, assignment: RoleAssignment) -> bool:
    """Tell whether the role lets somebody manage a vault, or who may what in it."""
    return any(
        matches(each.actions, action) and not matches(each.not_actions, action)
        for each in _sets(access, assignment)
        for action in _MANAGING
    )


def held_roles(seen: Seen) -> list[str]:
    """Return the names of roles that would open a vault of the other model."""
    if seen.access is None:
        return []
    access = seen.access
    return role_names(access, [each for each in held_here(seen) if has_data(access, each)])


def held_elsewhere(seen: Seen) -> list[RoleAssignment]:
    """Return roles with data actions that are held on what this vault does not belong to."""
    if seen.access is None:
        return []
    own = f"{seen.access.resource_id.lower().rstrip('/')}/"
    return [
        each
        for each in of_application(seen)
        if not covers(each.scope, own)
        and not f"{each.scope.lower().rstrip('/')}/".startswith(own)
        and has_data(seen.access, each)
    ]


def has_data(access: VaultAccess, assignment: RoleAssignment, actions: Iterable[str] = ()) -> bool:
    """Tell whether the role has any of *actions*, by default of those on keys and certificates."""
    wanted = tuple(actions) or tuple(each.action for each in permissions(Model.RBAC))
    return any(holds(each, action) for each in _sets(access, assignment) for action in wanted)


def role_name(access: VaultAccess, assignment: RoleAssignment) -> str:
    """Return the role's name, or its id where the definition was not seen."""
    found = next((each.name for each in _sets(access, assignment)), "")
    return found or assignment.role_definition_id.lower().rpartition("/")[2]


def role_names(access: VaultAccess, assignments: Iterable[RoleAssignment]) -> list[str]:
    """Return the names of the roles, each once: one may be held at several scopes."""
    return list(dict.fromkeys(role_name(access, each) for each in assignments))


def _sets(access: VaultAccess, assignment: RoleAssignment) -> list[RoleDefinition]:
    """Return the role's sets of permissions, as far as they were seen."""
    role = assignment.role_definition_id.lower()
    return [each for each in access.definitions if each.id.lower() == role]


def _need(permission: Permission) -> int:
    """Return 0 and 1 for what signing needs (the signature first), 2 for life, 3 for the rest."""
    if Purpose.SIGN in permission.purposes:
        return 0 if "sign" in permission.name else 1
    return 2 if Purpose.LIFE in permission.purposes else 3
