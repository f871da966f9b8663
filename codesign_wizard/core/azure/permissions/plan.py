"""What would have to be granted: a plan that a person sees before anything happens. It only ever adds.

Role assignments: learn.microsoft.com/azure/role-based-access-control/role-assignments-rest (PUT under a new
GUID); custom roles: ``…/custom-roles-rest``; access policies: Azure/azure-rest-api-specs, Microsoft.KeyVault,
``Vaults_UpdateAccessPolicy`` with the operation *add*.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import evaluate, remedies
from codesign_wizard.core.azure.permissions.arm import AUTHORIZATION_API, VAULT_APIS
from codesign_wizard.core.azure.permissions.catalogue import (
    CERTIFICATES_OFFICER,
    CRYPTO_OFFICER,
    Model,
    Permission,
    Purpose,
    permissions,
    wanted,
)
from codesign_wizard.core.azure.permissions.evaluate import VaultAccess
from codesign_wizard.core.azure.permissions.matrix import is_new
from codesign_wizard.core.azure.permissions.report import Observation, Report, State
from codesign_wizard.core.text import tr

_ROLES = "/providers/Microsoft.Authorization"
# where the ids of our own role definitions come from: the same role again gets the same id
_NAMESPACE = uuid.UUID("5b1ed7c0-6f0c-4a9e-9a3e-0f6f6a3f1c57")
ROLE_IDS = {
    CERTIFICATES_OFFICER: "a4417e6f-fecd-4de8-b567-7b0420556985",
    CRYPTO_OFFICER: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
}


class StepKind(StrEnum):
    """What a step makes."""

    ROLE_DEFINITION = "role-definition"
    ROLE_ASSIGNMENT = "role-assignment"
    ACCESS_POLICY = "access-policy"


@dataclass(frozen=True, slots=True)
class GrantStep:
    """One change, as it will be shown and done.

    ``before`` and ``after`` say in words what is held at ``scope``; ``url`` is the path and query at Azure
    Resource Manager, ``body`` what is sent there.
    """

    kind: StepKind
    title: str
    detail: str
    to_whom: str
    scope: str
    before: str
    after: str
    method: str
    url: str
    body: Mapping[str, Any]
    portal: tuple[str, ...] = ()
    az: str = ""
    powershell: str = ""

    def facts(self, *, granted: bool = False) -> list[tuple[str, str]]:
        """Return in words to whom and where something is given, and what is there before and after.

        *granted*: it has been given meanwhile.
        """
        return [
            (tr("To"), self.to_whom),
            (tr("On"), self.scope),
            (tr("Before") if granted else tr("Now"), self.before),
            (tr("Then"), self.after),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the step for a document."""
        return {
            "kind": self.kind.value,
            "title": self.title,
            "detail": self.detail,
            "to": self.to_whom,
            "scope": self.scope,
            "before": self.before,
            "after": self.after,
            "request": {"method": self.method, "url": self.url, "body": self.body},
            "portal": list(self.portal),
            "az": self.az,
            "powershell": self.powershell,
        }


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """What would be granted. ``wanted`` is what the plan is to bring about; ``notes`` what it cannot mend.

    What a deny assignment forbids, or may forbid, is not among ``wanted``: nobody needs to wait for it.
    ``only_to_wait``: all of it is granted of late, and the vault refuses some of it still.
    """

    steps: tuple[GrantStep, ...]
    object_id: str
    resource_id: str
    wanted: tuple[Permission, ...] = ()
    notes: tuple[str, ...] = ()
    only_to_wait: bool = False


def plan_grant(
    report: Report,
    access: VaultAccess,
    *,
    object_id: str,
    purpose: Purpose,
    least: bool,
    options: AzureOptions | None = None,
) -> GrantPlan:
    """Return what must be added on the vault of *access* so that *object_id* may do what *purpose* needs.

    *least* takes a custom role, or the exact ticks, in place of what the documentation names: for
    ``Purpose.DOCUMENTED`` everything but deleting. *options* adds the application's id to the words.
    """
    target = _target(access, object_id, options)
    needed = wanted(access.model, purpose)
    # the same role cannot be given a second time at the same place without the condition
    custom = access.model is Model.RBAC and (least or _conditional_here(access, object_id))
    if custom:
        actions = set(remedies.least_actions(purpose))
        needed = tuple(each for each in permissions(Model.RBAC) if each.action in actions)
    # without a certificate's name a grant on a single object counts for nothing, and it is not enough
    held = evaluate.evaluate(access, object_id, "")
    lacking = _not_held(access, held, needed)
    # what is held and denied is not granted a second time: it would help against nothing
    missing = _not_held(access, evaluate.evaluate(replace(access, denials=()), object_id, ""), lacking)
    steps: tuple[GrantStep, ...]
    if not missing:
        steps = ()
    elif access.model is Model.POLICY:
        steps = (_policy_step(target, access, missing),)
    elif custom:
        steps = _custom_role_steps(target, access, purpose)
    else:
        kinds = {each.kind for each in missing}
        steps = tuple(
            _assignment_step(target, role, _role_id(access, ROLE_IDS[role]))
            for kind, role in remedies.ROLE_OF_KIND.items()
            if kind in kinds and not _assigned(access, object_id, ROLE_IDS[role])
        )
    denied = dict.fromkeys(_denied(access, lacking))
    refused = [] if steps or denied else _refused(report, needed)
    notes = [*denied]
    if refused:
        notes.append(tr("All of it is granted; what the vault still refuses, it may not know yet."))
    granted = [held[each.key] for each in refused]
    unheard = bool(granted) and all(each.state is State.GRANTED and is_new(each) for each in granted)
    possible = tuple(each for each in needed if "deny-assignment" not in held[each.key].evidence.more)
    return GrantPlan(steps, object_id, access.resource_id, possible, tuple(notes), unheard)


def _not_held(
    access: VaultAccess, held: Mapping[str, Observation], needed: Iterable[Permission]
) -> list[Permission]:
    enough = [State.GRANTED]
    if access.model is Model.RBAC:
        # likely: a role is held, and only the deny assignments could not be read
        enough.append(State.LIKELY)
    return [each for each in needed if held[each.key].state not in enough]


def _refused(report: Report, needed: Sequence[Permission]) -> list[Permission]:
    """Return what is missing of what is *needed*, as the vault has it."""
    missing = {row.permission.key for row in report.rows if row.state is State.MISSING}
    return [each for each in needed if each.key in missing]


def _policy_step(target: remedies.Target, access: VaultAccess, added: Sequence[Permission]) -> GrantStep:
    keys = remedies.merged(target.keys, added, "keys")
    certificates = remedies.merged(target.certificates, added, "certificates")
    remedy = remedies.policy_remedy(target, added)
    entry = {
        "tenantId": access.tenant_id,
        "objectId": target.object_id,
        "permissions": {"keys": list(keys), "certificates": list(certificates)},
    }
    return GrantStep(
        kind=StepKind.ACCESS_POLICY,
        title=(
            tr("Tick 1 permission in the access policy of the vault {vault}.")
            if len(added) == 1
            else tr("Tick {count} permissions in the access policy of the vault {vault}.")
        ).format(count=len(added), vault=access.name),
        detail="\n".join(
            f"{group}: {', '.join(labels)}" for group, labels in remedies.by_group(added).items()
        ),
        to_whom=_whom(target),
        scope=access.resource_id,
        before=_ticks(target.keys, target.certificates),
        after=_ticks(keys, certificates),
        method="PUT",
        url=f"{access.resource_id}/accessPolicies/add?api-version={VAULT_APIS[0]}",
        body={"properties": {"accessPolicies": [entry]}},
        portal=remedy.portal,
        az=remedy.az or "",
        powershell=remedy.powershell or "",
    )


def _ticks(keys: Sequence[str], certificates: Sequence[str]) -> str:
    if not keys and not certificates:
        return tr("nothing")
    nothing = tr("nothing")
    return tr("keys: {keys}; certificates: {certificates}").format(
        keys=", ".join(keys) or nothing, certificates=", ".join(certificates) or nothing
    )


def _whom(target: remedies.Target) -> str:
    if target.options.application_id:
        return tr("service principal {object_id} (application {application})").format(
            object_id=target.object_id, application=target.options.application_id
        )
    return tr("service principal {object_id}").format(object_id=target.object_id)


def _assignment_step(target: remedies.Target, role: str, role_id: str) -> GrantStep:
    remedy = remedies.role_remedy(target, [role])
    return GrantStep(
        kind=StepKind.ROLE_ASSIGNMENT,
        title=tr("Give the role {role} on the vault {vault}.").format(
            role=role, vault=target.options.vault_name
        ),
        detail=tr("On this vault only, and on nothing else of the subscription."),
        to_whom=_whom(target),
        scope=target.resource_id,
        before=tr("the role is not held here"),
        after=tr("the role {role} on the vault").format(role=role),
        method="PUT",
        url=f"{target.resource_id}{_ROLES}/roleAssignments/{uuid.uuid4()}?api-version={AUTHORIZATION_API}",
        body={
            "properties": {
                "roleDefinitionId": role_id,
                "principalId": target.object_id,
                # said, so that a principal made a moment ago is not looked up where it is not known yet
                "principalType": "ServicePrincipal",
            }
        },
        portal=remedy.portal,
        az=remedy.az or "",
        powershell=remedy.powershell or "",
    )


def _custom_role_steps(
    target: remedies.Target, access: VaultAccess, purpose: Purpose
) -> tuple[GrantStep, ...]:
    definition = remedies.custom_role(target, purpose)
    name = str(definition["Name"])
    remedy = remedies.custom_role_remedy(target, purpose)
    guid = str(uuid.uuid5(_NAMESPACE, f"{target.subscription.lower()}/{purpose.value}"))
    role_id = _role_id(access, guid)
    az, powershell = remedies.custom_role_commands(definition)
    definition_step = GrantStep(
        kind=StepKind.ROLE_DEFINITION,
        title=tr("Make the role {role} with data actions ({count}).").format(
            role=name, count=len(definition["DataActions"])
        ),
        detail="\n".join(definition["DataActions"]),
        to_whom=tr("nobody yet"),
        scope=definition["AssignableScopes"][0],
        before=tr("no such role"),
        after=tr("a role that can be assigned in this subscription"),
        method="PUT",
        url=f"{role_id}?api-version={AUTHORIZATION_API}",
        body={
            "properties": {
                "roleName": name,
                "description": definition["Description"],
                "type": "CustomRole",
                "permissions": [
                    {
                        "actions": [],
                        "notActions": [],
                        "dataActions": definition["DataActions"],
                        "notDataActions": [],
                    }
                ],
                "assignableScopes": definition["AssignableScopes"],
            }
        },
        portal=remedy.portal,
        az=az,
        powershell=powershell,
    )
    return (definition_step, _assignment_step(target, name, role_id))


def _role_id(access: VaultAccess, guid: str) -> str:
    """Return the resource id of the role definition *guid* in the vault's subscription."""
    subscription = "/".join(access.resource_id.split("/")[:3])
    return f"{subscription}{_ROLES}/roleDefinitions/{guid}"


def _assigned(access: VaultAccess, object_id: str, guid: str) -> bool:
    """Tell whether the principal itself holds the role on the vault or above it, without a condition."""
    return any(
        each.principal_id.lower() == object_id.lower()
        and not each.condition
        and each.role_definition_id.lower().endswith(f"/{guid}")
        and evaluate.covers(each.scope, access.resource_id)
        for each in access.assignments
    )


def _conditional_here(access: VaultAccess, object_id: str) -> bool:
    """Tell whether the principal holds one of the Officer roles on the vault itself under a condition."""
    return any(
        each.principal_id.lower() == object_id.lower()
        and bool(each.condition)
        and each.scope.lower().rstrip("/") == access.resource_id.lower().rstrip("/")
        and each.role_definition_id.lower().rpartition("/")[2] in ROLE_IDS.values()
        for each in access.assignments
    )


def _denied(access: VaultAccess, missing: Sequence[Permission]) -> Iterable[str]:
    """Yield a sentence for each deny assignment: no grant helps against it."""
    for each in access.denials:
        if any(
            evaluate.matches(each.data_actions, one.action)
            and not evaluate.matches(each.not_data_actions, one.action)
            for one in missing
        ):
            yield tr("The deny assignment {name} may stand against it; no grant overrides that.").format(
                name=each.name or each.id.rpartition("/")[2]
            )


def _target(access: VaultAccess, object_id: str, options: AzureOptions | None) -> remedies.Target:
    entry = evaluate.own_entry(access, object_id)
    return remedies.Target(
        options or AzureOptions(access.name, "", "", access.tenant_id),
        object_id,
        access.resource_id,
        entry.keys if entry else (),
        entry.certificates if entry else (),
    )
