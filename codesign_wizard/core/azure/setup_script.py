"""For people who have none of it yet: vault, application, secret and grants, in the portal or by one script.

The script prints one JSON block that ``clipboard.recognise`` understands. It changes nothing until a person
runs it; every name it uses stands at its top.
"""

from __future__ import annotations

import shlex

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.text import tr

_ROLES = ("Key Vault Certificates Officer", "Key Vault Crypto Officer")
_AZ_CLOUDS = {PUBLIC.key: "AzureCloud", US_GOVERNMENT.key: "AzureUSGovernment", CHINA.key: "AzureChinaCloud"}
_REGIONS = {PUBLIC.key: "westeurope", US_GOVERNMENT.key: "usgovvirginia", CHINA.key: "chinaeast2"}


def setup_remedy(options: AzureOptions) -> Remedy:
    """Return the portal's steps, the ``az`` script (bash) and the PowerShell script for *options*."""
    vault = options.vault_name or "signing-CHANGE-ME"
    certificate = options.certificate_name or "code-signing"
    return Remedy(
        title=tr("An administrator of the Azure subscription does this once; about 10 minutes."),
        portal=_portal(vault),
        az=_bash(vault, certificate, options),
        powershell=_powershell(vault, certificate, options),
        url="https://learn.microsoft.com/azure/key-vault/general/rbac-guide",
    )


def _portal(vault: str) -> tuple[str, ...]:
    return (
        tr("Key vaults, Create: name {vault}, pricing tier Premium, permission model Azure RBAC.").format(
            vault=vault
        ),
        tr("Entra ID, App registrations, New registration: any name; the other settings stay as they are."),
        tr("Its overview shows Application (client) ID and Directory (tenant) ID: copy both."),
        tr("Certificates & secrets, New client secret: copy its Value now; it is not shown again."),
        tr(
            "The vault, Access control (IAM), Add role assignment: Key Vault Certificates Officer, and again "
            "Key Vault Crypto Officer, for the application."
        ),
        tr("A grant takes up to ten minutes to work."),
    )


def _bash(vault: str, certificate: str, options: AzureOptions) -> str:
    grants = "\n".join(
        f'az role assignment create --role {shlex.quote(role)} --assignee-object-id "$object_id" \\\n'
        '  --assignee-principal-type ServicePrincipal --scope "$scope" --output none'
        for role in _ROLES
    )
    return f"""\
set -eu
vault={shlex.quote(vault)}
certificate={shlex.quote(certificate)}
group=code-signing
region={_REGIONS[options.cloud.key]}
az cloud set --name {_AZ_CLOUDS[options.cloud.key]}
az account show --output none 2>/dev/null || az login --output none
az group create --name "$group" --location "$region" --output none
az keyvault show --name "$vault" --output none 2>/dev/null || az keyvault create --name "$vault" \\
  --resource-group "$group" --location "$region" --sku premium --enable-rbac-authorization true --output none
scope=$(az keyvault show --name "$vault" --query id --output tsv)
app_id=$(az ad app list --filter "displayName eq '$vault-signing'" --query '[0].appId' --output tsv)
[ -n "$app_id" ] || app_id=$(az ad app create --display-name "$vault-signing" --query appId --output tsv)
object_id=$(az ad sp show --id "$app_id" --query id --output tsv 2>/dev/null ||
  az ad sp create --id "$app_id" --query id --output tsv)
{grants}
tenant=$(az account show --query tenantId --output tsv)
password=$(az ad app credential reset --id "$app_id" --append --years 1 --query password --output tsv)
printf '{{"appId": "%s", "password": "%s", "tenant": "%s", "vaultName": "%s", "certificateName": "%s"}}\\n' \\
  "$app_id" "$password" "$tenant" "$vault" "$certificate"
"""


def _powershell(vault: str, certificate: str, options: AzureOptions) -> str:
    grants = "\n".join(
        f"New-AzRoleAssignment -ObjectId $principal.Id -RoleDefinitionName {_quoted(role)} "
        "-Scope $keyVault.ResourceId -ErrorAction SilentlyContinue | Out-Null"
        for role in _ROLES
    )
    return f"""\
$ErrorActionPreference = 'Stop'
$vault = {_quoted(vault)}
$certificate = {_quoted(certificate)}
$group = 'code-signing'
$region = '{_REGIONS[options.cloud.key]}'
if (-not (Get-AzContext)) {{ Connect-AzAccount -Environment {_AZ_CLOUDS[options.cloud.key]} | Out-Null }}
New-AzResourceGroup -Name $group -Location $region -Force | Out-Null
$keyVault = Get-AzKeyVault -VaultName $vault
if (-not $keyVault) {{
  $keyVault = New-AzKeyVault -Name $vault -ResourceGroupName $group -Location $region -Sku Premium
}}
$app = Get-AzADApplication -DisplayName "$vault-signing" | Select-Object -First 1
if (-not $app) {{ $app = New-AzADApplication -DisplayName "$vault-signing" }}
$principal = Get-AzADServicePrincipal -ApplicationId $app.AppId
if (-not $principal) {{ $principal = New-AzADServicePrincipal -ApplicationId $app.AppId }}
{grants}
$secret = New-AzADAppCredential -ApplicationId $app.AppId -EndDate (Get-Date).AddYears(1)
[ordered]@{{ appId = $app.AppId; password = $secret.SecretText; tenant = (Get-AzContext).Tenant.Id
  vaultName = $vault; certificateName = $certificate }} | ConvertTo-Json
"""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
