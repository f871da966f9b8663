"""What a vault's refusal means: its HTTP error body turned into one finding.

Bodies are ``{"error": {"code", "message", "innererror": {"code"}}}``
(learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses); the texts tell more than
the codes, so caller, action and resource are read out of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codesign_wizard.core.azure import vault_findings as kinds
from codesign_wizard.core.azure.answer_parts import LONGEST, readable, text_of
from codesign_wizard.core.azure.grants import grant_remedies
from codesign_wizard.core.azure.identifiers import guid_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import mixup_findings
from codesign_wizard.core.azure.quoting import powershell
from codesign_wizard.core.azure.signin_findings import tenant_other
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.text import tr

# inner codes that say by themselves what is meant; with any other, also none, the words are read
_CODES = frozenset(
    {
        "ForbiddenByRbac", "ForbiddenByPolicy", "AccessDenied", "ForbiddenByFirewall",
        "ForbiddenByConnection", "KeyDisabled", "CertificateDisabled", "SecretDisabled", "KeyExpired",
        "KeyNotYetValid", "KeyOperationForbidden",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VaultRefusal:
    """A vault's error body. What the text does not tell is ""."""

    status: int
    code: str
    inner: str
    message: str
    application_id: str
    object_id: str
    action: str  # Microsoft.KeyVault/vaults/certificates/read, or "certificates get" of an access policy
    resource: str  # the vault's resource id, when the vault tells it
    address: str  # the client's, as the firewall saw it
    denial: str  # the deny assignment that forbids it
    words: str  # what there is to show of the answer, in one line
    evidence: Evidence

    @property
    def lacks_permission(self) -> bool:
        """Whether the vault says that the caller may not do this, by code or in its known words."""
        return self.status == 403 and (
            self.inner in ("ForbiddenByRbac", "ForbiddenByPolicy")
            or (self.inner == "AccessDenied" and "first party service" not in self.message)
            or (self.inner not in _CODES and (bool(self.action) or _known_words(self.message)))
        )

    @property
    def by_roles(self) -> bool | None:
        """Whether the vault goes by roles (else by access policies); ``None`` when this does not tell."""
        if not self.lacks_permission:
            return None
        if self.inner == "ForbiddenByRbac" or self.action.lower().startswith("microsoft."):
            return True
        # AccessDenied alone is said by both models
        return False if self.inner == "ForbiddenByPolicy" or " " in self.action else None

    @property
    def unavailable(self) -> bool:
        """Whether the service behind the vault has a fault, or no time for this request."""
        return self.status >= 500 or self.status == 408

    @property
    def passing(self) -> bool:
        """Whether the service could not look up by whom the token is signed: that passes (AKV10046)."""
        return self.status == 401 and "AKV10046" in self.message

    @property
    def closed_network(self) -> bool:
        """Whether firewall or private endpoint refused, before any permission was looked at."""
        return self.status == 403 and (_firewall(self) or _private(self))


def read_refusal(
    status: int, body: bytes, headers: Mapping[str, str], more: Mapping[str, str] | None = None
) -> VaultRefusal:
    """Return what a vault's answer other than success says; understands any body.

    Header names are taken in any case. *more* is added to the evidence.
    """
    document = _error_member(body)
    message = text_of(document.get("message"))
    inner = document.get("innererror") or document.get("innerError")
    inner_code = text_of(inner.get("code"))[:200] if isinstance(inner, dict) else ""
    code = text_of(document.get("code"))[:200]
    caller = re.search(r"appid=([0-9a-f-]{36});oid=([0-9a-f-]{36})", message, re.I)
    action = re.search(r"Action: '([\w./*-]{1,200})'", message)
    policy = re.search(r"does not have (\w{1,40}) (\w{1,40}) permission on key\s+vault", message)
    resource = re.search(
        r"Resource: '(/subscriptions/[^/']{1,99}/resourcegroups/[^/']{1,99}"
        r"/providers/[^/']{1,99}/vaults/[^/']{1,30})",
        message,
        re.I,
    )
    address = re.search(r"Client address: ([0-9a-fA-F.:]{2,45})", message)
    denial = re.search(r"DenyAssignmentId: '?([0-9A-Za-z/._-]{1,300})'?", message)
    reason = re.search(r"DecisionReason: '(\w{1,60})'", message)
    words = action[1] if action else f"{policy[1]} {policy[2]}" if policy else ""
    lower = {name.lower(): value for name, value in headers.items()}
    told = {
        "application-id": caller[1] if caller else "",
        "object-id": caller[2] if caller else "",
        "action": words,
        "resource": resource[1] if resource else "",
        "client-address": address[1] if address else "",
        "deny-assignment": denial[1] if denial and denial[1] != "null" else "",
        "decision-reason": reason[1] if reason else "",
    }
    shown = message.strip()[:LONGEST] or readable(body)
    evidence = Evidence(
        status=status,
        code=inner_code or code or None,
        message=shown or None,
        request_id=lower.get("x-ms-request-id") or None,
        time=utc_now(),
        more={
            **(more or {}),
            **{name: value for name, value in told.items() if value},
            **correlation(lower),
        },
    )
    return VaultRefusal(
        status,
        code,
        inner_code,
        message,
        told["application-id"],
        told["object-id"],
        words,
        told["resource"],
        told["client-address"],
        told["deny-assignment"],
        _first_line(shown),
        evidence,
    )


def correlation(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the id that the client gave the request, if the vault repeats it: its log has it, too."""
    told = next((value for name, value in headers.items() if name.lower() == "x-ms-client-request-id"), "")
    return {"correlation-id": told} if re.fullmatch(r"[0-9A-Fa-f-]{8,64}", told) else {}


def explain(refusal: VaultRefusal, options: AzureOptions, *, operation: str = "") -> Finding:
    """Return the finding for a vault's refusal.

    *operation* is what was asked for, as ``certificates get`` or ``keys sign``; it stands in where the text
    of the vault does not name it.
    """
    vault, evidence = options.vault_name, refusal.evidence
    if refusal.status == 429:
        return kinds.THROTTLED(
            vault=vault,
            detail=tr("Too many requests came to it within a few seconds, from here or from others."),
            evidence=evidence,
            remedies=[Remedy(title=tr("Try again in a minute."))],
        )
    if refusal.unavailable:
        return kinds.UNAVAILABLE(
            vault=vault,
            status=refusal.status,
            evidence=evidence,
            remedies=[
                Remedy(title=tr("Try again in a few minutes."), url="https://azure.status.microsoft/status")
            ],
        )
    if refusal.status == 401:
        return _unauthorized(refusal, options)
    if refusal.status == 403:
        return _forbidden(refusal, options, operation)
    if refusal.status == 404:
        return _missing(refusal, options)
    return refused(refusal, options)


def challenge_tenant(header: str) -> str:
    """Return the tenant in a vault's ``WWW-Authenticate: Bearer authorization="https://login…/{tenant}"``.

    A vault names it by its GUID; "" where there is none.
    """
    found = re.search(
        r'authorization(?:_uri)?\s*=\s*"?https://[^/",\s]{1,253}/([0-9A-Za-z-]{1,253})', header[:8192]
    )
    return guid_of(found[1]) if found else ""


def _unauthorized(refusal: VaultRefusal, options: AzureOptions) -> Finding:
    if "AKV10032" in refusal.message:
        # the first is the vault's, in the service's own order of words
        wanted = re.search(
            r"Expected one of https://[^/]{1,100}/([0-9a-f-]{36})", refusal.message, re.IGNORECASE
        )
        return tenant_other(
            options, wanted[1] if wanted else tr("not told"), refusal.evidence, Certainty.OBSERVED
        )
    title = tr("Check the clock and the Azure cloud; if both are right, try again later.")
    if refusal.passing:
        title = tr("Try again in a few minutes: it is a fault of Azure's that passes.")
    return kinds.TOKEN_REFUSED(
        vault=options.vault_name,
        detail=tr("Its own words: {words}").format(words=_first_line(refusal.message)),
        evidence=refusal.evidence,
        remedies=[Remedy(title=title)],
    )


def _forbidden(refusal: VaultRefusal, options: AzureOptions, operation: str) -> Finding:
    vault, evidence, inner, text = options.vault_name, refusal.evidence, refusal.inner, refusal.message
    if _private(refusal):
        return kinds.PRIVATE_ENDPOINT(
            vault=vault,
            detail=tr("The server must reach it as well: a hosted server cannot use your private network."),
            evidence=evidence,
            remedies=kinds.private_remedies(options),
        )
    if _firewall(refusal):
        return kinds.FIREWALL(
            vault=vault,
            detail=tr("It sees this computer as {address}. The server must be let in as well.").format(
                address=refusal.address or tr("an address it does not tell")
            ),
            evidence=evidence,
            remedies=kinds.firewall_remedies(options, refusal.address),
        )
    if inner in ("KeyDisabled", "CertificateDisabled", "SecretDisabled") or "on a disabled" in text:
        return kinds.DISABLED(
            name=options.certificate_name, evidence=evidence, remedies=kinds.enable_remedies(options)
        )
    if inner == "KeyExpired" or "on an expired" in text:
        name = options.certificate_name
        return kinds.EXPIRED(name=name, evidence=evidence, remedies=kinds.renew_remedies())
    if inner == "KeyNotYetValid" or "not yet valid" in text:
        return kinds.NOT_YET_VALID(name=options.certificate_name, evidence=evidence)
    if inner == "KeyOperationForbidden" or "is not permitted on this key" in text:
        return kinds.OPERATION_FORBIDDEN(
            name=options.certificate_name, evidence=evidence, remedies=kinds.renew_remedies()
        )
    if refusal.lacks_permission:
        action = refusal.action or _action(operation, refusal.inner)
        if refusal.denial:
            return denied(options, action, evidence)
        return kinds.PERMISSION_MISSING(
            action=action,
            vault=vault,
            detail=_model_words(refusal),
            evidence=evidence,
            remedies=grant_remedies(options, refusal.object_id, action, refusal.resource),
        )
    return refused(refusal, options)


def _action(operation: str, inner: str) -> str:
    """Return *operation* (``keys sign``) in the words of the vault's model, which *inner* tells."""
    if inner != "ForbiddenByRbac":
        return operation
    group, _, verb = operation.partition(" ")
    return f"Microsoft.KeyVault/vaults/{group}/{'read' if verb == 'get' else f'{verb}/action'}"


def denied(options: AzureOptions, action: str, evidence: Evidence, *, name: str = "") -> Finding:
    """Return that a deny assignment forbids *action*, whatever is granted; *name* is its name, if known."""
    detail = tr("It wins over every role. People cannot make one by hand: a deployment did.")
    return mixup_findings.DENIED(
        action=action,
        vault=options.vault_name,
        detail=tr("It is called {name}. {more}").format(name=name, more=detail) if name else detail,
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Find out what made the deny assignment, and have the application left out of it."),
                portal=(
                    tr("Key vaults, {vault}, Access control (IAM), Deny assignments.").format(
                        vault=options.vault_name
                    ),
                    tr(
                        "It belongs to a deployment stack, a managed application or a blueprint: change that."
                    ),
                ),
                powershell=f"Get-AzDenyAssignment -Scope {powershell(resource)}"
                if (resource := evidence.more.get("resource", ""))
                else None,
                url="https://learn.microsoft.com/azure/role-based-access-control/deny-assignments",
            )
        ],
    )


def _private(refusal: VaultRefusal) -> bool:
    # its inner code is not documented, so the words count beside it
    closed = "ublic network access is disabled" in refusal.message or "private link" in refusal.message
    return refusal.inner == "ForbiddenByConnection" or (
        closed and (refusal.inner == "ForbiddenByFirewall" or refusal.inner not in _CODES)
    )


def _firewall(refusal: VaultRefusal) -> bool:
    return refusal.inner == "ForbiddenByFirewall" or (
        refusal.inner not in _CODES and "client address is not authorized" in refusal.message.lower()
    )


def _known_words(text: str) -> bool:
    return "not authorized to perform action" in text or "Operation is not allowed" in text


def _model_words(refusal: VaultRefusal) -> str:
    if refusal.inner == "ForbiddenByRbac" or refusal.action.startswith("Microsoft."):
        return tr(
            "The vault goes by roles (Azure RBAC). Owner and Contributor do not count. A new role takes up "
            "to ten minutes to work."
        )
    return tr("The vault goes by access policies: a tick is missing. Roles do nothing on such a vault.")


def _missing(refusal: VaultRefusal, options: AzureOptions) -> Finding:
    if refusal.code in ("CertificateNotFound", "KeyNotFound", "SecretNotFound", "PendingCertificateNotFound"):
        return kinds.CERTIFICATE_MISSING(
            name=options.certificate_name,
            vault=options.vault_name,
            detail=tr("It may be mistyped, in another vault, or deleted."),
            evidence=refusal.evidence,
            remedies=kinds.missing_remedies(options),
        )
    return refused(refusal, options)


def refused(refusal: VaultRefusal, options: AzureOptions) -> Finding:
    """Return that the vault refused, in its own words, and no more."""
    return kinds.OTHER(
        vault=options.vault_name,
        words=refusal.words or f"HTTP {refusal.status}",
        evidence=refusal.evidence,
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()[:300]


def _error_member(body: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}
