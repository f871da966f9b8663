"""What can go wrong when an administrator signs in, looks at the vault, or grants: each with what to do.

Numbers: learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codesign_wizard.core.azure.quoting import powershell, sh
from codesign_wizard.core.azure.signin_findings import Refusal
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT, Cloud
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.arm_refusal import ArmRefusal

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
VAULT_NOT_FOUND = FindingKind(
    "azure.admin.vault-not-found",
    Severity.ERROR,
    "The administrator's account sees no vault {vault}.",
    "No subscription that the account may read has the vault.",
)
NOT_ALLOWED = FindingKind(
    "azure.admin.not-allowed",
    Severity.ERROR,
    "The administrator's account {account} may not do this: {action}.",
    "Azure Resource Manager refused (403 AuthorizationFailed): the account lacks a role such as Reader.",
)
TOKEN_REFUSED = FindingKind(
    "azure.admin.token-refused",
    Severity.ERROR,
    "Azure Resource Manager does not accept the administrator's token.",
    "401 InvalidAuthenticationToken and the like: another cloud or tenant, or a token that has ended.",
)
ARM_UNAVAILABLE = FindingKind(
    "azure.admin.arm-unavailable",
    Severity.ERROR,
    "Azure Resource Manager is busy or unavailable (HTTP {status}).",
    "429 or 5xx again and again.",
)
REFUSED = FindingKind(
    "azure.admin.refused",
    Severity.ERROR,
    "Azure Resource Manager refused: {words}",
    "A refusal that the program knows nothing about; the words are Microsoft's.",
)
PARTLY_READ = FindingKind(
    "azure.admin.partly-read",
    Severity.WARNING,
    "Not everything about the vault's grants could be read: {what}.",
    "The administrator's account may read the vault, but not all that decides about its permissions.",
)
MAY_NOT_GRANT = FindingKind(
    "azure.admin.may-not-grant",
    Severity.ERROR,
    "The account {account} may not grant this: {action} is refused.",
    "Granting roles needs Owner, User Access Administrator or Role Based Access Control Administrator.",
)
LOCKED = FindingKind(
    "azure.admin.locked",
    Severity.ERROR,
    "A lock on the vault, its resource group or its subscription forbids the change.",
    "409 ScopeLocked: a ReadOnly lock stops access policies, and some locks stop role assignments.",
)
DISALLOWED = FindingKind(
    "azure.admin.disallowed-by-policy",
    Severity.ERROR,
    "A policy of the organisation (Azure Policy) forbids the change.",
    "403 RequestDisallowedByPolicy.",
)
PRINCIPAL_UNKNOWN = FindingKind(
    "azure.admin.principal-unknown",
    Severity.ERROR,
    "The tenant has no service principal with the object ID {object_id}.",
    "400 PrincipalNotFound: deleted, of another tenant, or so new that it is not known everywhere yet.",
)
LIMIT = FindingKind(
    "azure.admin.limit",
    Severity.ERROR,
    "Azure's limit is reached: {words}",
    "RoleAssignmentLimitExceeded, RoleDefinitionLimitExceeded, or 1,024 access policies.",
)
ROLE_NARROWED = FindingKind(
    "azure.admin.role-narrowed",
    Severity.ERROR,
    "The role {role} excludes what is to be granted: {actions}.",
    "Somebody gave a role that this program made notDataActions; what was taken out is not put back.",
)
GRANTED = FindingKind(
    "azure.admin.granted",
    Severity.OK,
    "Granted: {what}.",
    "The management plane accepted the grant; the vault knows it after a while.",
)
ALREADY_GRANTED = FindingKind(
    "azure.admin.already-granted",
    Severity.OK,
    "Was granted already: {what}.",
    "409 RoleAssignmentExists: nothing had to be changed.",
)
EFFECTIVE = FindingKind(
    "azure.admin.effective",
    Severity.OK,
    "The grant works, {seconds} s after it was made.",
    "The vault answered the application as it should.",
)
EFFECTIVE_BY_NOW = FindingKind(
    "azure.admin.effective-by-now",
    Severity.OK,
    "The vault knows the grant now, {seconds} s after waiting began.",
    "Nothing had to be granted: it was there already, and only the vault did not know it yet.",
)
NOT_YET_EFFECTIVE = FindingKind(
    "azure.admin.not-yet-effective",
    Severity.WARNING,
    "The grant is made, but the vault does not know it yet after {minutes} min.",
    "Role assignments take up to ten minutes, through groups or from management groups longer.",
)
WAIT_INTERRUPTED = FindingKind(
    "azure.admin.wait-interrupted",
    Severity.WARNING,
    "Interrupted while waiting. What is granted stays.",
    "Nothing had to be granted; the person ended the wait until the vault knows of what is there.",
)
GRANT_INTERRUPTED = FindingKind(
    "azure.admin.grant-interrupted",
    Severity.WARNING,
    "Interrupted while granting. What was granted by then stays.",
    "The person ended the granting, or the wait until the vault knows of it.",
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


def explain_arm(refusal: ArmRefusal, cloud: Cloud, account: str) -> Finding:
    """Return the finding for a refusal of Azure Resource Manager, or of Microsoft Graph."""
    evidence, code = refusal.evidence, refusal.code
    who = account or tr("that signed in")
    if code == "ScopeLocked":
        return LOCKED(
            evidence=evidence,
            remedies=[
                Remedy(title=tr("Have the lock removed for the change (Locks, on the resource's page)."))
            ],
        )
    if code == "RequestDisallowedByPolicy":
        return DISALLOWED(evidence=evidence)
    if code.endswith("LimitExceeded"):
        return LIMIT(words=refusal.message[:300], evidence=evidence)
    if code == "PrincipalNotFound":
        found = re.search(r"[Pp]rincipal '?([0-9a-fA-F-]{32,36})", refusal.message)
        return PRINCIPAL_UNKNOWN(
            object_id=found[1] if found else "?",
            evidence=evidence,
            remedies=[
                Remedy(title=tr("Compare the object ID under Enterprise applications; try again later."))
            ],
        )
    if refusal.status == 401:
        if "Tenant" in code or "issuer" in refusal.message:
            return TOKEN_REFUSED(
                detail=tr("The token is of another tenant than the subscription."),
                evidence=evidence,
                remedies=[login_remedy(cloud, "")],
            )
        return TOKEN_REFUSED(evidence=evidence, remedies=[login_remedy(cloud, "")])
    if refusal.status == 403 and refusal.action.lower().endswith(("/write", "/action")):
        return MAY_NOT_GRANT(
            account=who, action=refusal.action, evidence=evidence, remedies=[hand_on_remedy()]
        )
    if refusal.status == 403:
        return NOT_ALLOWED(
            account=who,
            action=refusal.action or code or "403",
            evidence=evidence,
            remedies=[
                Remedy(title=tr("Sign in with an account that has at least the role Reader on the vault.")),
                hand_on_remedy(),
            ],
        )
    if refusal.status == 429 or refusal.status >= 500:
        return ARM_UNAVAILABLE(
            status=refusal.status,
            evidence=evidence,
            remedies=[
                Remedy(title=tr("Try again in a few minutes."), url="https://azure.status.microsoft/status")
            ],
        )
    words = refusal.message or evidence.message or f"HTTP {refusal.status}"
    return REFUSED(words=words.partition("\n")[0][:300], evidence=evidence)


def hand_on_remedy() -> Remedy:
    """Return who may grant, when the account that signed in may not."""
    return Remedy(
        title=tr(
            "Hand the commands to an Owner or User Access Administrator of the vault, or sign in as one."
        ),
        portal=(tr("Key vaults, the vault, Access control (IAM), Role assignments: who is Owner."),),
        url="https://learn.microsoft.com/azure/role-based-access-control/role-assignments-steps",
    )
