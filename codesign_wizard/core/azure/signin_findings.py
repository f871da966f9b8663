"""What Entra ID says when it gives no token, by AADSTS number, and what to do about it.

Microsoft warns that texts may change (learn.microsoft.com/entra/identity-platform/reference-error-codes), so
the number decides; an unknown one is shown with Microsoft's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codesign_wizard.core.azure.answer_parts import LONGEST, readable, text_of
from codesign_wizard.core.azure.identifiers import is_guid
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.quoting import quoted
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity, utc_now
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

OK = FindingKind(
    "azure.sign-in.ok",
    Severity.OK,
    "Signed in: the vault sees the application as {object_id}.",
    "Entra ID gave a token for Key Vault; shown is the object ID of the service principal.",
)
SECRET_WRONG = FindingKind(
    "azure.sign-in.secret-wrong",
    Severity.ERROR,
    "The application secret is wrong.",
    "Entra ID knows the application, but not this secret (AADSTS7000215).",
)
SECRET_ID_PASTED = FindingKind(
    "azure.sign-in.secret-id-pasted",
    Severity.ERROR,
    "The Secret ID was given in place of the secret's Value.",
    "Entra ID refused the secret (AADSTS7000215), and it has the form of a Secret ID.",
)
SECRET_EXPIRED = FindingKind(
    "azure.sign-in.secret-expired",
    Severity.ERROR,
    "The application secret has expired.",
    "The secret was right until its last day (AADSTS7000222).",
)
APPLICATION_UNKNOWN = FindingKind(
    "azure.sign-in.application-unknown",
    Severity.ERROR,
    "The tenant has no application with the Application ID {application}.",
    "The Application ID is mistyped, is an object ID, or belongs to another tenant (AADSTS700016, 700038).",
)
APPLICATION_DISABLED = FindingKind(
    "azure.sign-in.application-disabled",
    Severity.ERROR,
    "The application {application} is disabled.",
    "The enterprise application is not enabled for sign-in (AADSTS7000112).",
)
PRINCIPAL_MISSING = FindingKind(
    "azure.sign-in.service-principal-missing",
    Severity.ERROR,
    "The application {application} has no service principal in the tenant.",
    "The application is registered, but no enterprise application was made for it (AADSTS7000229).",
)
TENANT_UNKNOWN = FindingKind(
    "azure.sign-in.tenant-unknown",
    Severity.ERROR,
    "There is no tenant {tenant}.",
    "The Tenant ID is mistyped, or the tenant is in another Azure cloud (AADSTS90002, 900023).",
)
TENANT_OTHER = FindingKind(
    "azure.sign-in.tenant-other",
    Severity.ERROR,
    "The vault {vault} belongs to another tenant than the one given.",
    "The vault trusts one tenant only, and it is not the one of the Tenant ID.",
)
CONDITIONAL_ACCESS = FindingKind(
    "azure.sign-in.conditional-access",
    Severity.ERROR,
    "A Conditional Access policy blocks the application.",
    "The tenant's policies for workload identities let no token out here (AADSTS53003).",
)
RESOURCE_UNKNOWN = FindingKind(
    "azure.sign-in.resource-unknown",
    Severity.ERROR,
    "The tenant {tenant} does not know Key Vault.",
    "The tenant holds no service principal of Key Vault, or the cloud is another (AADSTS500011).",
)
REQUEST_INCOMPLETE = FindingKind(
    "azure.sign-in.option-missing",
    Severity.ERROR,
    "Something that signing in needs was empty.",
    "Entra ID misses a parameter of the request (AADSTS7000218, 900144).",
)
UNAVAILABLE = FindingKind(
    "azure.sign-in.unavailable",
    Severity.ERROR,
    "Entra ID cannot serve the sign-in at the moment (HTTP {status}).",
    "Entra ID is throttling or has a fault (HTTP 429 or 5xx, AADSTS90033).",
)
OTHER = FindingKind(
    "azure.sign-in.other",
    Severity.ERROR,
    "Entra ID refused the sign-in: {words}",
    "A refusal that the program knows nothing about; the words are Microsoft's.",
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Entra ID's error body says: ``number`` is that of AADSTS, 0 if there is none."""

    status: int
    number: int
    error: str
    text: str  # what there is to read of it, without trace, correlation and time
    evidence: Evidence


def read_refusal(status: int, body: bytes, headers: Mapping[str, str]) -> Refusal:
    """Return what an answer of Entra ID other than success says; understands any body."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        document = {}
    description = text_of(document.get("error_description"))[:LONGEST]
    found = re.search(r"AADSTS(\d{1,9})", description)
    named = int(found[1]) if found else 0
    listed = document.get("error_codes")
    codes = [each for each in listed if type(each) is int] if isinstance(listed, list) else []
    number = next((each for each in codes if 0 < each < 10**9), named)
    if codes and named and named not in codes:
        number = 0  # it contradicts itself, so nothing is made of either
    more = {}
    for name in ("error", "trace_id", "correlation_id", "timestamp", "suberror", "error_uri"):
        if isinstance(document.get(name), str) and document[name]:
            more[name.replace("_", "-")] = document[name][:300]
    message = description or readable(body)
    evidence = Evidence(
        status=status,
        code=f"AADSTS{number}" if number else None,
        message=message or None,
        request_id=headers.get("x-ms-request-id") or more.get("trace-id") or None,
        time=utc_now(),
        more=more,
    )
    words = re.split(r"\s+Trace ID:", message, maxsplit=1)[0][:600]
    return Refusal(status, number, text_of(document.get("error")), words, evidence)


def explain(refusal: Refusal, options: AzureOptions, secret: Secret | None) -> Finding:
    """Return the finding for a refused sign-in."""
    evidence, application, tenant = refusal.evidence, options.application_id, options.tenant_id
    link = f"https://{options.cloud.authority_host}/error?code={refusal.number}" if refusal.number else None
    match refusal.number:
        case 7000215 if secret is not None and is_guid(secret.reveal()):
            return SECRET_ID_PASTED(
                detail=tr("The Value is in the column beside it, and is shown only when the secret is made."),
                certainty=Certainty.LIKELY,
                evidence=evidence,
                remedies=[new_secret(options, link)],
            )
        case 7000215:
            return SECRET_WRONG(
                detail=tr("It may have been replaced, cut short in copying, or be another application's."),
                evidence=evidence,
                remedies=[new_secret(options, link)],
            )
        case 7000222:
            return SECRET_EXPIRED(
                evidence=evidence,
                remedies=[new_secret(options, link)],
            )
        case 700016 | 700038:
            return APPLICATION_UNKNOWN(
                application=application,
                detail=tr(
                    "An Object ID was often taken: the registration's, or the enterprise application's."
                ),
                evidence=evidence,
                remedies=[_find_application(options, link)],
            )
        case 7000112:
            return APPLICATION_DISABLED(
                application=application, evidence=evidence, remedies=[_enable(options, link)]
            )
        case 7000229:
            return PRINCIPAL_MISSING(
                application=application,
                detail=tr("az ad app create makes the registration only."),
                evidence=evidence,
                remedies=[_make_principal(options, link)],
            )
        case 90002 | 900023 | 900021 | 50059:
            return tenant_unknown(refusal, options)
        case 53003 | 53000 | 53001 | 530003:
            return CONDITIONAL_ACCESS(
                detail=tr("The server signs in from its own address, so it may be let in where this is not."),
                evidence=evidence,
                remedies=[_exclude(options, link)],
            )
        case 500011:
            return RESOURCE_UNKNOWN(tenant=tenant, evidence=evidence, remedies=[_check_cloud(options, link)])
        case 7000218 | 900144:
            return REQUEST_INCOMPLETE(
                evidence=evidence,
                remedies=[Remedy(title=tr("Fill in all five options."), url=link)],
            )
    if refusal.status == 429 or refusal.status >= 500 or refusal.number in (90033, 90019):
        return UNAVAILABLE(
            status=refusal.status,
            evidence=evidence,
            remedies=[Remedy(title=tr("Try again in a few minutes."), url="https://status.cloud.microsoft")],
        )
    return OTHER(
        words=refusal.text or f"HTTP {refusal.status}",
        evidence=evidence,
        remedies=[Remedy(title=tr("Read what Microsoft says about this number."), url=link)] if link else (),
    )


def tenant_unknown(refusal: Refusal, options: AzureOptions, vault_tenant: str | None = None) -> Finding:
    """Return the finding for a tenant that does not exist; *vault_tenant* is the vault's, if it is known."""
    link = f"https://{options.cloud.authority_host}/error?code={refusal.number}" if refusal.number else None
    detail = ""
    if vault_tenant:
        detail = tr("The vault belongs to the tenant {tenant}: most probably that is the one.").format(
            tenant=vault_tenant
        )
    return TENANT_UNKNOWN(
        tenant=options.tenant_id,
        detail=detail,
        evidence=refusal.evidence,
        remedies=[_find_tenant(options, link)],
    )


def tenant_other(
    options: AzureOptions,
    vault_tenant: str,
    evidence: Evidence,
    certainty: Certainty = Certainty.COMPUTED,
    *,
    given: str = "",
) -> Finding:
    """Return the finding for a vault that trusts another tenant; *given* is the token's, if it tells one."""
    return TENANT_OTHER(
        vault=options.vault_name,
        detail=tr("The vault's tenant is {vault}; the one given is {given}.").format(
            vault=vault_tenant, given=given or options.tenant_id
        ),
        certainty=certainty,
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Use an application of the vault's tenant."),
                portal=(
                    tr("The gear at the top, Directories + subscriptions: switch to {tenant}.").format(
                        tenant=vault_tenant
                    ),
                    tr(
                        "App registrations, All applications: if the application is there, only the Tenant "
                        "ID was another's."
                    ),
                    tr("Else New registration; then Certificates & secrets, New client secret."),
                    tr(
                        "Its Application ID, its secret's Value and this Tenant ID go here and to the server."
                    ),
                ),
                # nothing is listed where it is not there
                az=f"az login --tenant {quoted(vault_tenant)}\naz ad app list --app-id "
                f"{quoted(options.application_id)} --query '[].{{name:displayName, appId:appId}}' -o table",
                powershell=f"Connect-AzAccount -Tenant {quoted(vault_tenant)}\n"
                f"Get-AzADApplication -ApplicationId {quoted(options.application_id)} | "
                "Format-Table DisplayName, AppId",
                url=f"https://{options.cloud.portal_host}/#settings/directory",
            ),
            Remedy(title=tr("Or check that the vault's name is the one that is meant.")),
        ],
    )


def new_secret(options: AzureOptions, link: str | None = None) -> Remedy:
    """Return how to make a new secret for the application."""
    application = quoted(options.application_id)
    return Remedy(
        title=tr("Make a new secret, and give its Value here and in the server's form."),
        portal=(
            tr("Microsoft Entra ID, App registrations, All applications: choose the application."),
            tr("Certificates & secrets, Client secrets, New client secret."),
            tr("Copy the column Value at once: it is never shown again. Secret ID is not what is needed."),
        ),
        az=f"az ad app credential reset --id {application} --append --display-name codesign --years 1 "
        "--query password -o tsv",
        powershell=f"(New-AzADAppCredential -ApplicationId {application} "
        "-EndDate (Get-Date).AddYears(1)).SecretText",
        url=link,
    )


def _find_application(options: AzureOptions, link: str | None) -> Remedy:
    return Remedy(
        title=tr("Copy the Application (client) ID from the registration's Overview page."),
        portal=(
            tr("Microsoft Entra ID, App registrations, All applications: choose the application."),
            tr("Overview: copy Application (client) ID. Object ID is not what is needed."),
            tr("Compare Directory (tenant) ID with the Tenant ID given here."),
        ),
        az="az ad app list --all --query '[].{name:displayName, appId:appId}' -o table",
        powershell="Get-AzADApplication | Format-Table DisplayName, AppId",
        url=link,
    )


def _enable(options: AzureOptions, link: str | None) -> Remedy:
    application = quoted(options.application_id)
    return Remedy(
        title=tr("Enable the enterprise application for sign-in."),
        portal=(
            tr("Microsoft Entra ID, Enterprise applications, All applications: choose the application."),
            tr("Properties: set Enabled for users to sign-in to Yes, and save."),
        ),
        az=f"az ad sp update --id {application} --set accountEnabled=true",
        powershell=f"Get-AzADServicePrincipal -ApplicationId {application} | "
        "Update-AzADServicePrincipal -AccountEnabled:$true",
        url=link,
    )


def _make_principal(options: AzureOptions, link: str | None) -> Remedy:
    application = quoted(options.application_id)
    return Remedy(
        title=tr("Make the service principal."),
        portal=(
            tr("Microsoft Entra ID, App registrations: choose the application."),
            tr("Overview: choose Create Service Principal beside Managed application in local directory."),
        ),
        az=f"az ad sp create --id {application}",
        powershell=f"New-AzADServicePrincipal -ApplicationId {application}",
        url=link,
    )


def _find_tenant(options: AzureOptions, link: str | None) -> Remedy:
    return Remedy(
        title=tr("Copy the Directory (tenant) ID, and check the Azure cloud."),
        portal=(
            tr("Microsoft Entra ID, Overview: copy Tenant ID."),
            tr("A tenant of Azure US Government or Azure China is found only in its own cloud."),
        ),
        az="az account show --query tenantId -o tsv",
        powershell="(Get-AzContext).Tenant.Id",
        url=link,
    )


def _exclude(options: AzureOptions, link: str | None) -> Remedy:
    application = quoted(options.application_id)
    return Remedy(
        title=tr("Ask the tenant's administrator to exclude the application, or to allow its addresses."),
        portal=(
            tr("Microsoft Entra ID, Sign-in logs, Service principal sign-ins: find the failed one."),
            tr("Its tab Conditional Access names the policy."),
            tr("Conditional Access: exclude the workload identity, or add the address as a location."),
        ),
        az=f"az ad sp show --id {application} --query '{{name:displayName, id:id}}'",
        powershell=f"Get-AzADServicePrincipal -ApplicationId {application} | Format-List DisplayName, Id",
        url=link,
    )


def _check_cloud(options: AzureOptions, link: str | None) -> Remedy:
    return Remedy(
        title=tr("Check the Azure cloud: {cloud} is chosen.").format(cloud=options.cloud.name),
        portal=(tr("The vault's address ends in {suffix}?").format(suffix=options.cloud.vault_suffix),),
        az=f"az keyvault show --name {quoted(options.vault_name)} --query properties.vaultUri -o tsv",
        powershell=f"(Get-AzKeyVault -VaultName {quoted(options.vault_name)}).VaultUri",
        url=link,
    )
