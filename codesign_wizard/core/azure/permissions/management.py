"""What decides about a vault's permissions, read with an administrator's token. It changes nothing.

Vaults: Azure/azure-rest-api-specs, Microsoft.KeyVault. Roles: learn.microsoft.com/azure/role-based-
access-control, pages ``role-assignments-list-rest`` (``assignedTo`` counts what comes through groups; without
``atScope`` also what lies below the scope), ``role-definitions-list``, ``deny-assignments-rest``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from codesign_wizard.core.azure.answer_parts import list_of, members_of, texts_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import admin_findings as kinds
from codesign_wizard.core.azure.permissions.arm import (
    AUTHORIZATION_API,
    RESOURCES_API,
    SUBSCRIPTIONS_API,
    Arm,
    RefusedError,
    filtered,
    odata,
)
from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose, wanted
from codesign_wizard.core.azure.permissions.evaluate import (
    EVERYBODY,
    AccessPolicy,
    DenyAssignment,
    RoleAssignment,
    RoleDefinition,
    VaultAccess,
    decide,
)
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

_TYPE = "Microsoft.KeyVault/vaults"
# another vault, an object in one, or a whole resource group
_ELSEWHERE = re.compile(rf"/{_TYPE}/|^/subscriptions/[^/]+/resourceGroups/[^/]+/?$", re.IGNORECASE)
_ROLES = "/providers/Microsoft.Authorization"


def read_access(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    token: Secret,
    object_id: str,
    *,
    resource_id: str = "",
    account: str = "",
    graph_token: Callable[[], Secret] | None = None,
) -> VaultAccess:
    """Read the vault and everything that grants or denies *object_id* anything on it.

    *token* is for Azure Resource Manager. *resource_id* is the vault's, "" to look for it in every
    subscription that *token* may read. *graph_token* gives a token for Microsoft Graph, which alone knows the
    groups of *object_id*; it is asked only when a group could matter. Roles held on other vaults and resource
    groups of the subscription are among the assignments, as far as they may be read, and where signing is not
    granted those of the application's other ids are ``misplaced``: they explain a mix-up. What could not
    be read stands in ``unknowns``. Raises ``CodesignError`` when the vault itself cannot be read, and
    ``Cancelled``.
    """
    arm = Arm(job, network, options.cloud, token, account=account)
    vault = _vault(arm, resource_id or find_vault(arm, options), options)
    reader = _Reader(arm, object_id)
    return reader.read(vault, options, graph_token)


def unread(access: VaultAccess) -> list[Finding]:
    """Return what could not be read of *access*, as findings: what is judged by it may be incomplete."""
    return [
        kinds.PARTLY_READ(what=what.partition(":")[0], detail=what, evidence=Evidence(time=utc_now()))
        for what in access.unknowns
    ]


def find_vault(arm: Arm, options: AzureOptions) -> str:
    """Return the vault's resource id, from the subscriptions that may be read; raises ``CodesignError``."""
    wanted = filtered(f"resourceType eq '{_TYPE}' and name eq '{odata(options.vault_name)}'")
    seen = 0
    for subscription in arm.pages("/subscriptions", SUBSCRIPTIONS_API):
        path = str(subscription.get("id") or "")
        if not path:
            continue
        seen += 1
        try:
            for each in arm.pages(f"{path}/resources", RESOURCES_API, wanted):
                if str(each.get("name", "")).lower() == options.vault_name.lower():
                    return str(each.get("id") or "")
        except RefusedError as error:
            if error.refusal.status != 403:
                raise
    raise CodesignError(
        kinds.VAULT_NOT_FOUND(
            vault=options.vault_name,
            detail=tr("1 subscription was looked through.")
            if seen == 1
            else tr("{count} subscriptions were looked through.").format(count=seen),
            evidence=Evidence(time=utc_now(), more={"subscriptions": str(seen)}),
            remedies=[
                Remedy(title=tr("Sign in with an account that has at least the role Reader on the vault.")),
                kinds.hand_on_remedy(),
            ],
        )
    )


def deny_assignments(arm: Arm, resource_id: str) -> list[DenyAssignment]:
    """Return every deny assignment at the vault or above it: whom they name is for the evaluation.

    Raises ``CodesignError`` and ``Cancelled``.
    """
    found = []
    path = f"{resource_id}{_ROLES}/denyAssignments"
    for each in arm.pages(path, AUTHORIZATION_API, filtered("atScope()")):
        properties = members_of(each.get("properties"))
        for permission in list_of(properties.get("permissions")):
            told = members_of(permission)
            found.append(
                DenyAssignment(
                    id=str(each.get("id") or ""),
                    name=str(properties.get("denyAssignmentName") or ""),
                    principal_ids=_ids(properties.get("principals")),
                    excluded_principal_ids=_ids(properties.get("excludePrincipals")),
                    scope=str(properties.get("scope") or ""),
                    data_actions=texts_of(told.get("dataActions")),
                    not_data_actions=texts_of(told.get("notDataActions")),
                    does_not_apply_to_child_scopes=properties.get("doNotApplyToChildScopes") is True,
                    condition=str(told.get("condition") or properties.get("condition") or ""),
                )
            )
    return found


def _vault(arm: Arm, resource_id: str, options: AzureOptions) -> dict[str, Any]:
    try:
        return arm.vault(resource_id)[0]
    except RefusedError as error:
        if error.refusal.status != 404:
            raise
        raise CodesignError(
            kinds.VAULT_NOT_FOUND(vault=options.vault_name, evidence=error.refusal.evidence)
        ) from error


@dataclass
class _Reader:
    """Reads the lists beside the vault; what is refused is noted in ``unknowns``, in Microsoft's words."""

    arm: Arm
    object_id: str

    def __post_init__(self) -> None:
        self.unknowns: list[str] = []
        self.unread: set[str] = set()

    def read(
        self, vault: Mapping[str, Any], options: AzureOptions, graph_token: Callable[[], Secret] | None
    ) -> VaultAccess:
        """Return everything about *vault*."""
        resource_id = str(vault.get("id") or "")
        properties = members_of(vault.get("properties"))
        policies = tuple(_policies(properties))
        assigned, denied, elsewhere = self.arm.side_by_side(
            lambda: self._assignments(resource_id),
            lambda: deny_assignments(self.arm, resource_id),
            lambda: self._assignments("/".join(resource_id.split("/")[:3])),
        )
        assignments = self._or_nothing(assigned, tr("role assignments"), "assignments")
        if not isinstance(elsewhere, CodesignError):  # it decides nothing here, so it need not be readable
            known = {each.id.lower() for each in assignments}
            assignments += [
                each for each in elsewhere if _ELSEWHERE.search(each.scope) and each.id.lower() not in known
            ]
        denials = self._or_nothing(denied, tr("deny assignments"), "denials")
        definitions = self._definitions({each.role_definition_id for each in assignments})
        # also those of another tenant, "ForeignGroup"
        groups = {each.principal_id for each in assignments if each.principal_type.endswith("Group")}
        # role assignments tell the groups that matter to them; policies and denials only name principals
        named = (
            {each.object_id for each in policies}
            if _model(properties) is Model.POLICY
            else {one for each in denials for one in (*each.principal_ids, *each.excluded_principal_ids)}
            - {EVERYBODY}
        )
        if named - groups - {self.object_id.lower()}:
            groups |= self._groups(graph_token)
        own = {self.object_id.lower(), *groups}
        # only where nothing counts does it matter whose ids are named instead
        lost = _model(properties) is Model.POLICY and not any(each.object_id in own for each in policies)
        registration = self._registration(graph_token, options) if policies and lost else ""
        acls = members_of(properties.get("networkAcls"))
        access = VaultAccess(
            resource_id=resource_id,
            name=str(vault.get("name") or options.vault_name),
            model=_model(properties),
            sku=str(members_of(properties.get("sku")).get("name") or "").lower(),
            tenant_id=str(properties.get("tenantId") or "").lower(),
            location=str(vault.get("location") or ""),
            policies=policies,
            assignments=tuple(assignments),
            definitions=tuple(definitions),
            denials=tuple(denials),
            public_network=str(properties.get("publicNetworkAccess") or ""),
            default_action=str(acls.get("defaultAction") or ""),
            ip_rules=tuple(str(members_of(each).get("value") or "") for each in list_of(acls.get("ipRules"))),
            bypass=str(acls.get("bypass") or ""),
            soft_delete=properties.get("enableSoftDelete") is not False,
            purge_protection=properties.get("enablePurgeProtection") is True,
            private_endpoints=len(list_of(properties.get("privateEndpointConnections"))),
            groups=tuple(sorted(groups)),
            registration_id=registration,
            unknowns=tuple(self.unknowns),
            unread=frozenset(self.unread),
        )
        lacks = access.model is Model.RBAC and any(
            decide(access, self.object_id, each.action, resource_id).state is State.MISSING
            for each in wanted(Model.RBAC, Purpose.SIGN)
        )
        return self._with_misplaced(access, options, graph_token) if lacks else access

    def _with_misplaced(
        self, access: VaultAccess, options: AzureOptions, graph_token: Callable[[], Secret] | None
    ) -> VaultAccess:
        """Return *access* with the roles that the application's other ids were given."""
        registration = self._registration(graph_token, options)
        others = sorted({options.application_id.lower(), registration} - {"", self.object_id.lower()})
        told = self.arm.side_by_side(
            *(
                lambda one=each: self._assignments(access.resource_id, f"principalId eq '{odata(one)}'")
                for each in others
            )
        )
        # it names a mix-up at best, so it need not be readable
        found = [each for one in told if not isinstance(one, CodesignError) for each in one]
        known = {each.id.lower() for each in access.definitions}
        roles = {each.role_definition_id for each in found if each.role_definition_id.lower() not in known}
        return replace(
            access,
            misplaced=tuple(found),
            definitions=(*access.definitions, *self._definitions(roles)),
            registration_id=registration,
        )

    def _or_nothing(self, result: Any, what: str, key: str) -> list[Any]:
        if isinstance(result, CodesignError):
            self.unread.add(key)
            self.unknowns.append(f"{what}: {result.finding.evidence.message or result.finding.title}")
            return []
        return list(result)

    def _assignments(self, resource_id: str, whose: str = "") -> list[RoleAssignment]:
        """Return the assignments at, above and below *resource_id*: the principal's own, or *whose*."""
        query = filtered(whose or f"assignedTo('{odata(self.object_id)}')")
        return [
            RoleAssignment(
                id=str(each.get("id") or ""),
                principal_id=str(properties.get("principalId") or "").lower(),
                principal_type=str(properties.get("principalType") or ""),
                scope=str(properties.get("scope") or ""),
                role_definition_id=str(properties.get("roleDefinitionId") or ""),
                condition=str(properties.get("condition") or ""),
                created=_time(properties.get("createdOn")),
            )
            for each in self.arm.pages(f"{resource_id}{_ROLES}/roleAssignments", AUTHORIZATION_API, query)
            for properties in [members_of(each.get("properties"))]
        ]

    def _definitions(self, ids: Iterable[str]) -> list[RoleDefinition]:
        wanted = sorted({each.lower(): each for each in ids if each}.values())
        answers = self.arm.side_by_side(
            *(lambda path=each: self.arm.get(path, AUTHORIZATION_API) for each in wanted)
        )
        found = []
        for role_id, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, CodesignError):
                self._or_nothing(
                    answer, tr("role definition {id}").format(id=role_id.rpartition("/")[2]), "definitions"
                )
                continue
            # of one without permissions nothing is known, and the evaluation says so
            found += _definition(role_id, members_of(answer.get("properties")))
        return found

    def _graph(self, token: Callable[[], Secret]) -> Arm:
        arm = self.arm
        return Arm(arm.job, arm.network, arm.cloud, token(), host=arm.cloud.graph_host)

    def _groups(self, graph_token: Callable[[], Secret] | None) -> set[str]:
        """Return the groups of the principal, also through other groups; from Microsoft Graph."""
        what = tr("groups of the application")
        if graph_token is None:
            self.unknowns.append(what)
            self.unread.add("groups")
            return set()
        try:
            graph = self._graph(graph_token)
            path = f"/v1.0/servicePrincipals/{self.object_id}/transitiveMemberOf"
            return {
                str(each["id"]).lower()
                for each in graph.pages(path, query="$select=id")
                if each.get("id")
                and str(each.get("@odata.type", "#microsoft.graph.group")).endswith(".group")
            }
        except CodesignError as error:
            self._or_nothing(error, what, "groups")
            return set()

    def _registration(self, graph_token: Callable[[], Secret] | None, options: AzureOptions) -> str:
        """Return the object id of the app registration, "" where Microsoft Graph does not tell it."""
        if graph_token is None:
            return ""
        try:
            graph = self._graph(graph_token)
            path = f"/v1.0/applications(appId='{odata(options.application_id)}')"
            return str(graph.get(path, query="$select=id").get("id") or "").lower()
        except CodesignError as error:
            # it names a mix-up at best; that grants are complete does not hang on it
            self.arm.job.log(LogLevel.INFO, error.finding.title, part="management")
            return ""


def _definition(role_id: str, properties: Mapping[str, Any]) -> list[RoleDefinition]:
    """Return a role definition, once for each of its sets of permissions."""
    return [
        RoleDefinition(
            id=role_id,
            name=str(properties.get("roleName") or ""),
            actions=texts_of(each.get("actions")),
            not_actions=texts_of(each.get("notActions")),
            data_actions=texts_of(each.get("dataActions")),
            not_data_actions=texts_of(each.get("notDataActions")),
            condition=str(each.get("condition") or ""),
            updated=_time(properties.get("updatedOn")),
        )
        for each in map(members_of, list_of(properties.get("permissions")))
    ]


def _model(properties: Mapping[str, Any]) -> Model:
    return Model.RBAC if properties.get("enableRbacAuthorization") is True else Model.POLICY


def _policies(properties: Mapping[str, Any]) -> Iterable[AccessPolicy]:
    for entry in list_of(properties.get("accessPolicies")):
        told = members_of(entry)
        # the answer capitalises as it likes, also the members' names
        ticks = {str(name).lower(): value for name, value in members_of(told.get("permissions")).items()}
        yield AccessPolicy(
            object_id=str(told.get("objectId") or "").lower(),
            application_id=str(told.get("applicationId") or "").lower(),
            keys=texts_of(ticks.get("keys")),
            certificates=texts_of(ticks.get("certificates")),
            secrets=texts_of(ticks.get("secrets")),
            tenant_id=str(told.get("tenantId") or "").lower(),
        )


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(str(members_of(each).get("id") or "").lower() for each in list_of(value))


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
        return time.astimezone(UTC) if time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
