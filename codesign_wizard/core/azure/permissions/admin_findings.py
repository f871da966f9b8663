"""What can go wrong when an administrator signs in, looks at the vault, or grants: each with what to do.

Numbers: learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

from codesign_wizard.core.azure.quoting import powershell, sh
from codesign_wizard.core.azure.signin_findings import Refusal
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT, Cloud
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

SIGNED_IN = FindingKind(
    "azure.admin.signed-in",
    Severity.OK,
    "Signed in as the administrator {account}.",
    "An administrator's account signed in for Azure Resource Manager.",
)
AZ_MISSING = FindingKind(
    "azure.admin.az-missing",
    Severity.ERROR,
    "The Azure CLI (az) is not installed here, or not on the path.",
    "The administrator's sign-in was to come from the az session, but there is no az.",
)
AZ_NOT_SIGNED_IN = FindingKind(
    "azure.admin.az-not-signed-in",
    Severity.ERROR,
    "The Azure CLI is not signed in.",
    "az is there, but has no account, or its session has ended (AADSTS700082, 70043, 50173 and the like).",
)
AZ_FAILED = FindingKind(
    "azure.admin.az-failed",
    Severity.ERROR,
    "The Azure CLI gave no token.",
    "az could not be run, took too long, or printed something else than a token.",
)
NO_BROWSER = FindingKind(
    "azure.admin.no-browser",
    Severity.ERROR,
    "No browser could be opened for the administrator's sign-in.",
    "There is no browser, no display, or no free port on this computer for the answer.",
)
TIMED_OUT = FindingKind(
    "azure.admin.timed-out",
    Severity.ERROR,
    "Nobody completed the administrator's sign-in in time.",
    "The browser's page was left open, or the device code expired (AADSTS70020).",
)
DECLINED = FindingKind(
    "azure.admin.declined",
    Severity.ERROR,
    "The administrator's sign-in was declined or cancelled.",
    "The person chose Cancel, or No, on Microsoft's page (AADSTS65004, authorization_declined).",
)
CONDITIONAL_ACCESS = FindingKind(
    "azure.admin.conditional-access",
    Severity.ERROR,
    "A Conditional Access policy blocks this way of signing in.",
    "AADSTS53003, 53000, 530003, 530035: device codes are blocked, or a managed device is needed.",
)
MORE_NEEDED = FindingKind(
    "azure.admin.second-factor",
    Severity.ERROR,
    "The administrator's account needs a second factor for this tenant.",
    "AADSTS50074, 50076, 50079, 50158: the session has none, so it must be signed in again.",
)
ACCOUNT_UNKNOWN = FindingKind(
    "azure.admin.account-unknown",
    Severity.ERROR,
    "The account that signed in does not belong to the tenant {tenant}.",
    "AADSTS50020, 50034, 90072: another account, or a personal one, was chosen.",
)
CONSENT = FindingKind(
    "azure.admin.consent",
    Severity.ERROR,
    "The tenant does not let this account use the tool that signs in.",
    "AADSTS65001, 50105, 90094, 650052: Microsoft's Azure CLI application is blocked or not assigned.",
)
TENANT_UNKNOWN = FindingKind(
    "azure.admin.tenant-unknown",
    Severity.ERROR,
    "There is no tenant {tenant} in {cloud}.",
    "AADSTS90002, 900023: a mistyped tenant, or another Azure cloud.",
)
TENANT_OTHER = FindingKind(
    "azure.admin.tenant-other",
    Severity.ERROR,
    "The administrator signed in to the tenant {given}, but the vault belongs to {tenant}.",
    "A token of another tenant can see and change nothing of the vault.",
)
UNAVAILABLE = FindingKind(
    "azure.admin.unavailable",
    Severity.ERROR,
    "Entra ID cannot serve the administrator's sign-in at the moment.",
    "HTTP 429 or 5xx, AADSTS90033.",
)
SIGN_IN_AGAIN = FindingKind(
    "azure.admin.sign-in-again",
    Severity.ERROR,
    "The administrator's sign-in has ended: sign in again.",
    "The session's token could not be renewed without the person.",
)
SIGN_IN_OTHER = FindingKind(
    "azure.admin.sign-in-refused",
    Severity.ERROR,
    "The administrator's sign-in was refused: {words}",
    "A refusal that the program knows nothing about; the words are Microsoft's.",
)

_AZ_CLOUDS = {PUBLIC.key: "AzureCloud", US_GOVERNMENT.key: "AzureUSGovernment", CHINA.key: "AzureChinaCloud"}

_SESSION_ENDED = {50132, 50133, 50173, 70008, 70043, 700081, 700082, 700084}
_SECOND_FACTOR = {50072, 50074, 50076, 50078, 50079, 50158, 500121}
_CONDITIONAL = {53000, 53001, 53002, 53003, 530003, 530031, 530034, 530035, 530036, 530084, 50097, 50199}
_ACCOUNT = {16000, 50020, 50034, 50128, 50178, 51004, 90072, 500014, 500212}
_CONSENT = {50105, 50177, 65001, 65002, 90094, 90095, 650052, 650057, 700016, 7000112}
_TENANT = {90002, 900021, 900023, 50059}
_DECLINED = {65004}
_EXPIRED = {70016, 70018, 70019, 70020}


def explain(refusal: Refusal, cloud: Cloud, tenant_id: str, *, az: bool) -> Finding:
    """Return the finding for Entra ID's refusal; *az* tells that it came through the Azure CLI."""
    number, evidence = refusal.number, refusal.evidence
    link = f"https://{cloud.authority_host}/error?code={number}" if number else None
    again = login_remedy(cloud, tenant_id, link) if az else other_way_remedy(link)
    if number in _SESSION_ENDED:
        kind = AZ_NOT_SIGNED_IN if az else SIGN_IN_AGAIN
        return kind(evidence=evidence, remedies=[again])
    if number in _SECOND_FACTOR:
        return MORE_NEEDED(evidence=evidence, remedies=[login_remedy(cloud, tenant_id, link)])
    if number in _CONDITIONAL:
        return CONDITIONAL_ACCESS(
            detail=tr("Another way often passes: the browser on a managed computer, or az there."),
            evidence=evidence,
            remedies=[other_way_remedy(link)],
        )
    if number in _ACCOUNT:
        return ACCOUNT_UNKNOWN(
            tenant=tenant_id,
            evidence=evidence,
            remedies=[login_remedy(cloud, tenant_id, link) if az else other_account_remedy(tenant_id, link)],
        )
    if number in _CONSENT:
        return CONSENT(evidence=evidence, remedies=[other_way_remedy(link)])
    if number in _TENANT:
        return TENANT_UNKNOWN(
            tenant=tenant_id,
            cloud=cloud.name,
            evidence=evidence,
            remedies=[Remedy(title=tr("Check the Tenant ID and the Azure cloud."), url=link)],
        )
    if number in _DECLINED or refusal.error in ("authorization_declined", "access_denied"):
        return DECLINED(evidence=evidence, remedies=[Remedy(title=tr("Sign in again, and choose Continue."))])
    if number in _EXPIRED or refusal.error in ("expired_token", "authorization_pending", "code_expired"):
        return timed_out(refusal)
    if refusal.status == 429 or refusal.status >= 500 or number in (90033, 90019):
        return UNAVAILABLE(
            evidence=evidence,
            remedies=[Remedy(title=tr("Try again in a few minutes."), url="https://status.cloud.microsoft")],
        )
    words = refusal.text or evidence.message or f"HTTP {refusal.status}"
    return SIGN_IN_OTHER(
        words=words,
        evidence=evidence,
        remedies=[Remedy(title=tr("Read what Microsoft says about this number."), url=link)] if link else (),
    )


def timed_out(refusal: Refusal | None = None) -> Finding:
    """Return the finding for a sign-in that nobody completed."""
    return TIMED_OUT(
        detail=tr("Nothing was changed."),
        evidence=refusal.evidence if refusal else None,
        remedies=[Remedy(title=tr("Sign in again; a code is good for about fifteen minutes."))],
    )


def login_remedy(cloud: Cloud, tenant_id: str, link: str | None = None) -> Remedy:
    """Return how to sign ``az`` and PowerShell in to *tenant_id* ("" for the account's own)."""
    az, command = "az login", f"Connect-AzAccount -Environment {_AZ_CLOUDS[cloud.key]}"
    if tenant_id:
        az += f" --tenant {sh(tenant_id)}"
        command += f" -Tenant {powershell(tenant_id)}"
    if cloud is not PUBLIC:
        az = f"az cloud set --name {_AZ_CLOUDS[cloud.key]}\n{az}"
    return Remedy(
        title=tr("Sign in again with an administrator's account of the vault's tenant."),
        az=az,
        powershell=command,
        url=link,
    )


def other_way_remedy(link: str | None = None) -> Remedy:
    """Return that another way of signing in may pass, and that the commands can be handed on."""
    return Remedy(
        title=tr("Sign in another way (browser, device code, az), or hand the commands to an administrator."),
        url=link,
    )


def other_account_remedy(tenant_id: str, link: str | None = None) -> Remedy:
    """Return that another account must be chosen."""
    return Remedy(
        title=tr("Sign in again, and choose an administrator's account of the tenant {tenant}.").format(
            tenant=tenant_id
        ),
        url=link,
    )


def install_remedy() -> Remedy:
    """Return how to get ``az``, or do without it."""
    return Remedy(
        title=tr("Sign in through the browser or with a device code, or install the Azure CLI."),
        url="https://learn.microsoft.com/cli/azure/install-azure-cli",
    )
