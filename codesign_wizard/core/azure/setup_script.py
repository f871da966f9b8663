"""For people who have none of it yet: vault, application, secret and grants, in the portal or by one script.

The scripts print one JSON block that ``clipboard.recognise`` understands. They change nothing until a person
runs them; every name they use stands at the top, for the person to choose. They can be run again: what is
there is used as it is, and only a further secret is made (the older ones stay valid). No secret is ever part
of a command, so none gets into a shell's history or the list of processes. Each script is one block (a
subshell, a script block), so a failure ends the block and not the person's shell.
"""

from __future__ import annotations

from codesign_wizard.core.azure.identifiers import guid_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.catalogue import (
    CERTIFICATES_OFFICER,
    CRYPTO_OFFICER,
    Model,
    Purpose,
    wanted,
)
from codesign_wizard.core.azure.quoting import powershell, sh
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.text import tr

# what stands in scripts for the vault's name until one is chosen: names of vaults are the whole world's
PLACEHOLDER = "CHANGE-ME"
_ROLES = (CERTIFICATES_OFFICER, CRYPTO_OFFICER)
_AZ_CLOUDS = {PUBLIC.key: "AzureCloud", US_GOVERNMENT.key: "AzureUSGovernment", CHINA.key: "AzureChinaCloud"}
_REGIONS = {PUBLIC.key: "westeurope", US_GOVERNMENT.key: "usgovvirginia", CHINA.key: "chinaeast2"}


def setup_remedy(options: AzureOptions) -> Remedy:
    """Return the portal's steps, the ``az`` script (bash) and the PowerShell script for *options*."""
    vault = options.vault_name or PLACEHOLDER
    certificate = options.certificate_name or "code-signing"
    return Remedy(
        title=tr("An administrator of the Azure subscription does this once; about 10 minutes."),
        portal=_portal(options.vault_name or tr("<your vault's name>"), certificate),
        az=_bash(vault, certificate, options),
        powershell=_powershell(vault, certificate, options),
        url="https://learn.microsoft.com/azure/key-vault/general/rbac-guide",
    )


def _portal(vault: str, certificate: str) -> tuple[str, ...]:
    return (
        tr(
            "Key vaults, Create: a resource group, the name {vault}, pricing tier Premium (only it keeps "
            "keys in an HSM). Access configuration: Azure role-based access control."
        ).format(vault=vault),
        tr(
            "Microsoft Entra ID, App registrations, New registration: any name; the other settings stay as "
            "they are."
        ),
        tr("Its Overview shows Application (client) ID and Directory (tenant) ID: copy both."),
        tr(
            "Certificates & secrets, Client secrets, New client secret: copy its Value now; it is not shown "
            "again. Secret ID is not what is needed."
        ),
        tr(
            "The vault, Access control (IAM), Add, Add role assignment: Key Vault Certificates Officer, and "
            "again Key Vault Crypto Officer; Members: search for the application by its name."
        ),
        tr("A grant takes up to ten minutes to work."),
        tr("The certificate itself ({certificate}) is made later, with the signing request.").format(
            certificate=certificate
        ),
    )


def _permissions() -> tuple[list[str], list[str]]:
    """Return what is ticked in a vault that goes by access policies: names for keys and for certificates."""
    documented = wanted(Model.POLICY, Purpose.DOCUMENTED)
    return (
        [each.name for each in documented if each.kind == "keys"],
        [each.name for each in documented if each.kind == "certificates"],
    )


def _bash(vault: str, certificate: str, options: AzureOptions) -> str:
    cloud = _AZ_CLOUDS[options.cloud.key]
    keys, certificates = _permissions()
    grants = "\n".join(
        f'  az role assignment create --role {sh(role)} --assignee-object-id "$object_id" \\\n'
        '    --assignee-principal-type ServicePrincipal --scope "$scope" --output none'
        for role in _ROLES
    )
    login, signed_in = "az login", "az account show --output none 2>/dev/null"
    if options.tenant_id:
        login += f" --tenant {sh(options.tenant_id)}"
    if tenant := guid_of(options.tenant_id):
        # who is signed in elsewhere would make everything there
        signed_in = f'[ "$(az account show --query tenantId --output tsv 2>/dev/null)" = {sh(tenant)} ]'
    return f"""\
(
set -eu
# the names: change them here; the subscription is the one that is chosen now
vault={sh(vault)}
certificate={sh(certificate)}
application="$vault-signing"
group='code-signing'
region={sh(_REGIONS[options.cloud.key])}

[ "$vault" != {PLACEHOLDER} ] || {{ echo "Choose a name for the vault first: the line vault=" >&2; exit 1; }}
[ "$(az cloud show --query name --output tsv)" = {cloud} ] || az cloud set --name {cloud}
{signed_in} || {login} --output none
[ "$(az group exists --name "$group")" = true ] ||
  az group create --name "$group" --location "$region" --output none
az keyvault show --name "$vault" --output none 2>/dev/null ||
  az keyvault create --name "$vault" --resource-group "$group" --location "$region" --sku premium \\
    --enable-rbac-authorization true --output none
lines=$(az keyvault show --name "$vault" --output tsv \\
  --query '[id, properties.vaultUri, properties.enableRbacAuthorization, properties.sku.name]')
{{ read -r scope; read -r address; read -r model; read -r sku; }} <<EOF
$lines
EOF
[ "$sku" = premium ] || echo "The vault is $sku: keys in an HSM need Premium." >&2

app_id=$(az ad app list --filter "displayName eq '$application'" --query '[0].appId' --output tsv)
[ -n "$app_id" ] || app_id=$(az ad app create --display-name "$application" --query appId --output tsv)
object_id=$(az ad sp show --id "$app_id" --query id --output tsv 2>/dev/null) || for try in 1 2 3 4 5 6; do
  # a new application takes a moment to be known everywhere
  object_id=$(az ad sp create --id "$app_id" --query id --output tsv) && break
  [ "$try" -lt 6 ] && sleep 10
done

if [ "$model" = true ]; then
{grants}
else
  az keyvault set-policy --name "$vault" --object-id "$object_id" --output none \\
    --key-permissions {" ".join(keys)} \\
    --certificate-permissions {" ".join(certificates)}
fi

tenant=$(az account show --query tenantId --output tsv)
password=$(az ad app credential reset --id "$app_id" --append --display-name "$application" --years 1 \\
  --query password --output tsv)
printf '{{"appId": "%s", "password": "%s", "tenant": "%s", "vaultName": "%s", ' \\
  "$app_id" "$password" "$tenant" "$vault"
printf '"vaultUri": "%s", "certificateName": "%s"}}\\n' "$address" "$certificate"
)
"""


def _powershell(vault: str, certificate: str, options: AzureOptions) -> str:
    cloud = _AZ_CLOUDS[options.cloud.key]
    keys, certificates = _permissions()
    roles = ", ".join(powershell(role) for role in _ROLES)
    login = f"Connect-AzAccount -Environment {cloud}"
    elsewhere = f"$context.Environment.Name -ne '{cloud}'"
    if options.tenant_id:
        login += f" -Tenant {powershell(options.tenant_id)}"
    if tenant := guid_of(options.tenant_id):
        elsewhere += f" -or $context.Tenant.Id -ne {powershell(tenant)}"
    return f"""\
& {{
$ErrorActionPreference = 'Stop'
# the names: change them here; the subscription is the one that is chosen now
$vault = {powershell(vault)}
$certificate = {powershell(certificate)}
$application = "$vault-signing"
$group = 'code-signing'
$region = {powershell(_REGIONS[options.cloud.key])}

if ($vault -eq '{PLACEHOLDER}') {{ throw 'Choose a name for the vault first: the line $vault =' }}
$context = Get-AzContext
if (-not $context -or {elsewhere}) {{ {login} | Out-Null }}
Register-AzResourceProvider -ProviderNamespace Microsoft.KeyVault | Out-Null
if (-not (Get-AzResourceGroup -Name $group -ErrorAction SilentlyContinue)) {{
  New-AzResourceGroup -Name $group -Location $region | Out-Null
}}
if (-not (Get-AzKeyVault -VaultName $vault)) {{
  New-AzKeyVault -Name $vault -ResourceGroupName $group -Location $region -Sku Premium | Out-Null
}}
$keyVault = Get-AzKeyVault -VaultName $vault
if ($keyVault.Sku -ne 'Premium') {{ Write-Warning 'Keys in an HSM need a Premium vault.' }}

$app = Get-AzADApplication -DisplayName $application | Select-Object -First 1
if (-not $app) {{ $app = New-AzADApplication -DisplayName $application }}
$principal = Get-AzADServicePrincipal -ApplicationId $app.AppId
for ($try = 1; -not $principal; $try++) {{
  # a new application takes a moment to be known everywhere
  try {{ $principal = New-AzADServicePrincipal -ApplicationId $app.AppId }}
  catch {{ if ($try -ge 6) {{ throw }}; Start-Sleep -Seconds 10 }}
}}

if ($keyVault.EnableRbacAuthorization) {{
  foreach ($role in {roles}) {{
    $grant = @{{ ObjectId = $principal.Id; RoleDefinitionName = $role; Scope = $keyVault.ResourceId }}
    if (-not (Get-AzRoleAssignment @grant)) {{
      New-AzRoleAssignment @grant -ObjectType ServicePrincipal | Out-Null
    }}
  }}
}} else {{
  Set-AzKeyVaultAccessPolicy -VaultName $vault -ObjectId $principal.Id `
    -PermissionsToKeys {",".join(keys)} `
    -PermissionsToCertificates {",".join(certificates)}
}}

$secret = New-AzADAppCredential -ApplicationId $app.AppId -EndDate (Get-Date).AddYears(1)
[ordered]@{{ appId = $app.AppId; password = $secret.SecretText; tenant = (Get-AzContext).Tenant.Id
  vaultName = $vault; vaultUri = $keyVault.VaultUri; certificateName = $certificate }} | ConvertTo-Json
}}
"""
