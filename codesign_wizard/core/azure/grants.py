"""Granting what an application needs on a vault: commands made from what the vault itself told.

Roles: learn.microsoft.com/azure/key-vault/general/rbac-guide. The lists of permissions are those that the
server's documentation asks for.
"""

from __future__ import annotations

import re

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.text import tr

CERTIFICATES_OFFICER = "Key Vault Certificates Officer"
CRYPTO_OFFICER = "Key Vault Crypto Officer"
KEY_PERMISSIONS = (
    "get", "list", "update", "create", "import", "recover", "backup", "restore",
    "decrypt", "encrypt", "unwrapKey", "wrapKey", "verify", "sign",
)  # fmt: skip
CERTIFICATE_PERMISSIONS = (
    "get", "list", "update", "create", "import", "recover", "backup", "restore", "managecontacts",
    "manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers",
)  # fmt: skip


def grant_remedies(options: AzureOptions, object_id: str, action: str, resource: str) -> list[Remedy]:
    """Return how to grant *action*: by role, by access policy, or both where the model is not known.

    *object_id* is the service principal's, *resource* the vault's resource id; either may be "", then the
    commands look it up.
    """
    if action.startswith("Microsoft."):
        return [role_remedy(options, object_id, action, resource)]
    return [policy_remedy(options, object_id, action)]


def role_remedy(options: AzureOptions, object_id: str, action: str, resource: str) -> Remedy:
    """Return how to assign the role that holds *action* (``Microsoft.KeyVault/vaults/keys/sign/action``)."""
    role = CRYPTO_OFFICER if "/keys/" in action.lower() else CERTIFICATES_OFFICER
    vault, application = quoted(options.vault_name), quoted(options.application_id)
    assignee = quoted(object_id) if object_id else f"$(az ad sp show --id {application} --query id -o tsv)"
    scope = quoted(resource) if resource else f"$(az keyvault show --name {vault} --query id -o tsv)"
    found = f"(Get-AzADServicePrincipal -ApplicationId {application}).Id"
    principal = quoted(object_id) if object_id else found
    place = quoted(resource) if resource else f"(Get-AzKeyVault -VaultName {vault}).ResourceId"
    return Remedy(
        title=tr("Give the application the role {role} on the vault.").format(role=role),
        portal=(
            tr("Key vaults, {vault}, Access control (IAM), Add role assignment.").format(
                vault=options.vault_name
            ),
            tr("Role: {role}. Members: choose the application by its name.").format(role=role),
            tr("Review + assign; then wait up to ten minutes, and check again."),
        ),
        az=f"az role assignment create --role '{role}' --assignee-object-id {assignee} "
        f"--assignee-principal-type ServicePrincipal --scope {scope}",
        powershell=f"New-AzRoleAssignment -ObjectId {principal} -RoleDefinitionName '{role}' -Scope {place}",
        url=f"https://{options.cloud.portal_host}/#resource{resource}/users" if resource else None,
    )


def policy_remedy(options: AzureOptions, object_id: str, action: str) -> Remedy:
    """Return how to tick the permissions in the vault's access policy.

    Both commands set a group of permissions as a whole, so they name all that are wanted.
    """
    keys, certificates = " ".join(KEY_PERMISSIONS), " ".join(CERTIFICATE_PERMISSIONS)
    vault, application = quoted(options.vault_name), quoted(options.application_id)
    az_who = f"--object-id {quoted(object_id)}" if object_id else f"--spn {application}"
    who = f"-ObjectId {quoted(object_id)}" if object_id else f"-ServicePrincipalName {application}"
    return Remedy(
        title=tr("Tick the permission in the vault's access policy: {action}.").format(action=action),
        portal=(
            tr("Key vaults, {vault}, Access policies.").format(vault=options.vault_name),
            tr("Choose the application, Edit; or Create, and choose it as Principal by its name."),
            tr("Tick {action}, and what else the documentation asks for; Save.").format(action=action),
        ),
        az=f"az keyvault set-policy --name {vault} {az_who} --key-permissions {keys} "
        f"--certificate-permissions {certificates}",
        powershell=f"Set-AzKeyVaultAccessPolicy -VaultName {vault} {who} -PermissionsToKeys "
        f"{','.join(KEY_PERMISSIONS)} -PermissionsToCertificates {','.join(CERTIFICATE_PERMISSIONS)}",
    )


def quoted(value: str) -> str:
    """Quote for sh and PowerShell alike; what could end the quotes is left out."""
    return "'" + re.sub(r"['‘’‚‛\r\n]", "", value) + "'"
