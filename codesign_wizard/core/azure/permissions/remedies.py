"""What to do about missing permissions: portal steps, ``az`` and PowerShell with the real ids in them.

Portal: learn.microsoft.com/azure/role-based-access-control/role-assignments-portal, ``…/custom-roles-portal``
and ``…/key-vault/general/assign-access-policy``. Commands: ``az role``, ``az keyvault``, Az.Resources,
Az.KeyVault. The ``az`` commands are for sh (also in Cloud Shell), the others for PowerShell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import (
    CERTIFICATES_OFFICER,
    CRYPTO_OFFICER,
    Model,
    Permission,
    Purpose,
    permissions,
    wanted,
)
from codesign_wizard.core.azure.quoting import powershell, sh
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.text import tr

SUBSCRIPTION_PLACEHOLDER = "SUBSCRIPTION-ID"
PROPAGATION_URL = "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"

# the roles that the server's documentation names, by the kind of object
ROLE_OF_KIND = {"certificates": CERTIFICATES_OFFICER, "keys": CRYPTO_OFFICER}
# names of custom roles, one for the whole tenant: they must stay the same, so they are not translated
CUSTOM_ROLES = {
    Purpose.SIGN: "Key Vault Code Signing (sign)",
    Purpose.LIFE: "Key Vault Code Signing (certificate life)",
    Purpose.DOCUMENTED: "Key Vault Code Signing (without delete)",
}

_ROLE_CLASS = "Microsoft.Azure.Commands.Resources.Models.Authorization.PSRoleDefinition"


@dataclass(frozen=True, slots=True)
class Target:
    """To whom and where. What is "" is looked up by the commands themselves, or shown as a placeholder.

    ``object_id`` is the service principal's, ``resource_id`` the vault's; ``keys`` and ``certificates`` are
    what its access policy holds already (both commands replace a kind as a whole, so they repeat it), and
    ``complete`` whether that is all it holds, as far as anybody can tell.
    """

    options: AzureOptions
    object_id: str = ""
    resource_id: str = ""
    keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    complete: bool = True

    @property
    def subscription(self) -> str:
        """The vault's subscription id, or the placeholder for it."""
        found = re.match(r"/subscriptions/([0-9A-Za-z-]{1,64})(?:/|$)", self.resource_id, re.IGNORECASE)
        return found[1] if found else SUBSCRIPTION_PLACEHOLDER

    @property
    def az_principal(self) -> str:
        """The service principal's object id as a word for sh."""
        if self.object_id:
            return sh(self.object_id)
        return f'"$(az ad sp show --id {sh(self.options.application_id)} --query id --output tsv)"'

    @property
    def az_scope(self) -> str:
        """The vault's resource id as a word for sh."""
        if self.resource_id:
            return sh(self.resource_id)
        return f'"$(az keyvault show --name {sh(self.options.vault_name)} --query id --output tsv)"'

    @property
    def powershell_principal(self) -> str:
        """The service principal's object id as a PowerShell expression."""
        if self.object_id:
            return powershell(self.object_id)
        return f"(Get-AzADServicePrincipal -ApplicationId {powershell(self.options.application_id)}).Id"

    @property
    def powershell_scope(self) -> str:
        """The vault's resource id as a PowerShell expression."""
        if self.resource_id:
            return powershell(self.resource_id)
        return f"(Get-AzKeyVault -VaultName {powershell(self.options.vault_name)}).ResourceId"

    @property
    def url(self) -> str:
        """The vault's own page in the portal, or the list of vaults."""
        portal = f"https://{self.options.cloud.portal_host}/"
        if self.resource_id:
            return f"{portal}#resource{self.resource_id}"
        return f"{portal}#browse/Microsoft.KeyVault%2Fvaults"


def grant_remedies(target: Target, model: Model | None, missing: Sequence[Permission] = ()) -> list[Remedy]:
    """Return the ways to grant, the documented one first, then the least for the smallest purpose that fits.

    *missing* decides which roles or ticks are named; empty means all that is documented. Where *model* is not
    known both models' ways are returned.
    """
    if model is None:
        return [documented_remedy(target, Model.RBAC), documented_remedy(target, Model.POLICY)]
    remedies = [documented_remedy(target, model, missing)]
    purposes = [purpose for purpose in Purpose if set(missing) & set(wanted(model, purpose))]
    if missing and purposes:
        remedies.append(least_remedy(target, model, purposes[0]))
    return remedies


def documented_remedy(target: Target, model: Model, missing: Iterable[Permission] = ()) -> Remedy:
    """Return how to grant as the server's documentation says it: the Officer roles, or the ticks."""
    if model is Model.RBAC:
        kinds = {each.kind for each in missing} or set(ROLE_OF_KIND)
        return role_remedy(target, [role for kind, role in ROLE_OF_KIND.items() if kind in kinds])
    return policy_remedy(target, wanted(Model.POLICY, Purpose.DOCUMENTED))


def least_remedy(target: Target, model: Model, purpose: Purpose) -> Remedy:
    """Return how to grant no more than *purpose* needs: a custom role, or an exact access policy."""
    if model is Model.RBAC:
        return custom_role_remedy(target, purpose)
    return policy_remedy(target, wanted(Model.POLICY, purpose), purpose)


def role_remedy(target: Target, roles: Sequence[str]) -> Remedy:
    """Return how to assign *roles*, built-in ones, on the vault."""
    names = " + ".join(roles)
    return Remedy(
        title=tr("As documented: give the application {roles} on the vault.").format(roles=names),
        portal=_assign_steps(target, roles),
        az="\n".join(_az_assignment(target, role) for role in roles),
        powershell="\n".join(_powershell_assignment(target, role) for role in roles),
        url=f"{target.url}/users" if target.resource_id else target.url,
    )


def custom_role_remedy(target: Target, purpose: Purpose) -> Remedy:
    """Return how to make a role that holds exactly what *purpose* needs, and assign it on the vault."""
    name = CUSTOM_ROLES[purpose]
    definition = custom_role(target, purpose)
    az, command = custom_role_commands(definition)
    steps = [
        tr("Subscriptions, {subscription}, Access control (IAM), Add, Add custom role.").format(
            subscription=target.subscription
        ),
        tr("Name: {role}. Baseline: Start from scratch. Tab JSON, Edit: replace dataActions; Save.").format(
            role=name
        ),
        tr("dataActions: {actions}").format(actions=", ".join(definition["DataActions"])),
        tr("Review + create."),
        *_assign_steps(target, [name]),
    ]
    if target.subscription == SUBSCRIPTION_PLACEHOLDER:
        steps.insert(
            0,
            tr("In the commands replace {placeholder} by the ID of the vault's subscription.").format(
                placeholder=SUBSCRIPTION_PLACEHOLDER
            ),
        )
    return Remedy(
        title=tr("Least privilege ({purpose}): a role of your own with data actions ({count}).").format(
            purpose=purpose.words, count=len(definition["DataActions"])
        ),
        portal=tuple(steps),
        az=f"{az}\n{_az_assignment(target, name)}",
        powershell=f"{command}\n{_powershell_assignment(target, name)}",
        url="https://learn.microsoft.com/azure/role-based-access-control/custom-roles",
    )


def custom_role_commands(definition: Mapping[str, Any]) -> tuple[str, str]:
    """Return what makes the role *definition* where there is none of its name: for sh, and for PowerShell.

    A second role of the same name is refused (RoleDefinitionWithSameNameExists), so running them twice would
    fail; one that is there may be another's, so it is not overwritten.
    """
    name, (scope,) = definition["Name"], definition["AssignableScopes"]
    actions = ", ".join(powershell(action) for action in definition["DataActions"])
    known = f"az role definition list --name {sh(name)} --scope {sh(scope)} --query 'length(@)' --output tsv"
    return (
        f'[ "$({known})" = 1 ] || az role definition create --role-definition {sh(json.dumps(definition))}',
        f"$role = [{_ROLE_CLASS}]::new()\n"
        f"$role.Name = {powershell(name)}\n"
        f"$role.Description = {powershell(definition['Description'])}\n"
        "$role.IsCustom = $true\n"
        f"$role.DataActions = @({actions})\n"
        f"$role.AssignableScopes = @({powershell(scope)})\n"
        f"if (-not (Get-AzRoleDefinition -Name {powershell(name)} -Scope {powershell(scope)})) "
        "{ New-AzRoleDefinition -Role $role }",
    )


def custom_role(target: Target, purpose: Purpose) -> dict[str, Any]:
    """Return the custom role for *purpose* in the form that ``az`` and the portal take."""
    return {
        "Name": CUSTOM_ROLES[purpose],
        "IsCustom": True,
        "Description": "What signing with a certificate in Key Vault needs, and no more.",
        "Actions": [],
        "NotActions": [],
        "DataActions": least_actions(purpose),
        "NotDataActions": [],
        "AssignableScopes": [f"/subscriptions/{target.subscription}"],
    }


def least_actions(purpose: Purpose) -> list[str]:
    """Return the data actions that mean what an access policy for *purpose* would hold, each once."""
    return list(dict.fromkeys(each.action for each in wanted(Model.POLICY, purpose)))


def policy_remedy(
    target: Target, needed: Collection[Permission], purpose: Purpose = Purpose.DOCUMENTED
) -> Remedy:
    """Return how to tick *needed* in the vault's access policy, beside what is ticked already.

    A data action among them stands for every tick that means it. Where it is not known what is ticked, there
    are no commands for less than what is documented: they would take the rest away.
    """
    actions = {each.action for each in needed if each.model is Model.RBAC}
    names = {each.key for each in needed}
    needed = tuple(each for each in permissions(Model.POLICY) if each.key in names or each.action in actions)
    keys, certificates = (
        merged(target.keys, needed, "keys"),
        merged(target.certificates, needed, "certificates"),
    )
    vault = target.options.vault_name
    application = target.options.application_id
    az_who = f"--object-id {sh(target.object_id)}" if target.object_id else f"--spn {sh(application)}"
    who = (
        f"-ObjectId {powershell(target.object_id)}"
        if target.object_id
        else f"-ServicePrincipalName {powershell(application)}"
    )
    ticks = [
        tr("{group}: {labels}.").format(group=group, labels=", ".join(labels))
        for group, labels in by_group(needed).items()
    ]
    title = (
        tr("As documented: tick the {count} permissions in the vault's access policy.")
        if purpose is Purpose.DOCUMENTED
        else tr("Least privilege ({purpose}): tick permissions in the vault's access policy ({count}).")
    )
    az = f"az keyvault set-policy --name {sh(vault)} {az_who}"
    command = f"Set-AzKeyVaultAccessPolicy -VaultName {powershell(vault)} {who}"
    if keys:
        az += f" --key-permissions {' '.join(keys)}"
        command += f" -PermissionsToKeys {','.join(keys)}"
    if certificates:
        az += f" --certificate-permissions {' '.join(certificates)}"
        command += f" -PermissionsToCertificates {','.join(certificates)}"
    notes: tuple[str, ...] = ()
    if not target.complete and purpose is Purpose.DOCUMENTED:
        notes = (
            tr(
                "az and PowerShell set these ticks in place of those that are there now: Delete, Purge and "
                "the like would go. The portal leaves them."
            ),
        )
    elif not target.complete:
        az = command = ""
        notes = (
            tr(
                "No command for this: it would take the ticks away that cannot be seen from here. With an "
                "administrator's sign-in there is one."
            ),
        )
    return Remedy(
        title=title.format(count=len(needed), purpose=purpose.words),
        portal=(
            tr("Key vaults, {vault}, Access policies: choose the application and Edit, or Create.").format(
                vault=vault
            ),
            *ticks,
            tr("What is ticked already stays as it is. A template does not tick cryptographic operations."),
            tr("Principal: search for {application}. Application (optional): leave it empty.").format(
                application=application
            ),
            tr("Review + create, Create (or Save)."),
            *notes,
        ),
        az=az or None,
        powershell=command or None,
        url=f"{target.url}/access_policies" if target.resource_id else target.url,
    )


def merged(held: Iterable[str], needed: Iterable[Permission], kind: str) -> tuple[str, ...]:
    """Return the names of an access policy's *kind*: those *held*, then what is *needed* beside them.

    Only letters pass (a name goes into a command unquoted); ``all`` stands for every name.
    """
    names = [name for name in held if re.fullmatch(r"[A-Za-z]{1,40}", name)]
    known = {name.lower() for name in names}
    if "all" in known:
        return tuple(names)
    spelled = {each.name.lower(): each.name for each in permissions(Model.POLICY) if each.kind == kind}
    names = [spelled.get(name.lower(), name) for name in names]
    names += [each.name for each in needed if each.kind == kind and each.name.lower() not in known]
    return tuple(names)


def by_group(needed: Iterable[Permission]) -> dict[str, list[str]]:
    """Return the portal's labels of *needed* under the portal's headings."""
    groups: dict[str, list[str]] = {}
    for each in needed:
        groups.setdefault(each.group, []).append(each.label)
    return groups


def _assign_steps(target: Target, roles: Sequence[str]) -> tuple[str, ...]:
    vault = target.options.vault_name
    steps = [
        tr("Key vaults, {vault}, Access control (IAM), Add, Add role assignment.").format(vault=vault),
        tr("Role: search for {role}, choose it, Next.").format(role=roles[0]),
        tr("Members: User, group, or service principal; Select members: search for the application by its "
           "name (Application ID {application}), Select.").format(application=target.options.application_id),
        tr("Review + assign, twice."),
    ]  # fmt: skip
    steps += [tr("The same again with the role {role}.").format(role=role) for role in roles[1:]]
    steps.append(tr("Wait up to ten minutes, and check again."))
    return tuple(steps)


def _az_assignment(target: Target, role: str) -> str:
    return (
        f"az role assignment create --role {sh(role)} --assignee-object-id {target.az_principal} "
        f"--assignee-principal-type ServicePrincipal --scope {target.az_scope}"
    )


def _powershell_assignment(target: Target, role: str) -> str:
    # a second time it would be refused, other than by az, which looks first
    return (
        "$grant = @{\n"
        f"  ObjectId = {target.powershell_principal}\n"
        f"  RoleDefinitionName = {powershell(role)}\n"
        f"  Scope = {target.powershell_scope}\n"
        "}\n"
        "if (-not (Get-AzRoleAssignment @grant)) { New-AzRoleAssignment @grant }"
    )
