"""What stands in the way of a request or a merge in the vault, and what its refusals mean.

Texts of the service: learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios and
``…/create-certificate-signing-request``, and recorded answers in public issues.
"""

from __future__ import annotations

from codesign_wizard.core.azure.inside import inside
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.quoting import quoted
from codesign_wizard.core.certificates.answer_findings import other_key_remedies
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

NAME_FREE = FindingKind(
    "certificate.request.name-free",
    Severity.OK,
    "The name {name} is free in the vault.",
    "Neither a certificate nor a request nor a deleted one has the name.",
)
RENEWAL = FindingKind(
    "certificate.request.renewal",
    Severity.INFO,
    "The vault has a certificate {name}: this makes its next version, and the present one keeps signing.",
    "A request under an existing name is a renewal; the old version stays until the answer is merged.",
)
PENDING_EXISTS = FindingKind(
    "certificate.request.pending-exists",
    Severity.ERROR,
    "A request for {name} waits in the vault already.",
    "Key Vault keeps one pending request for a name.",
)
NAME_DELETED = FindingKind(
    "certificate.request.name-deleted",
    Severity.ERROR,
    "A deleted certificate still owns the name {name}.",
    "Soft-deleted objects keep their names until recovered or purged (ObjectIsDeletedButRecoverable).",
)
NAME_TAKEN = FindingKind(
    "certificate.request.name-taken",
    Severity.ERROR,
    "A key or secret in the vault has the name {name} already.",
    "A certificate shares its name with its key and secret, so the name must be free for all three.",
)
VAULT_STANDARD = FindingKind(
    "certificate.request.vault-standard",
    Severity.ERROR,
    "The vault {vault} is of the Standard tier, which has no hardware keys.",
    "RSA-HSM and EC-HSM keys need a vault of the Premium tier.",
)
VAULT_PREMIUM = FindingKind(
    "certificate.request.vault-premium",
    Severity.OK,
    "The vault {vault} makes keys in hardware.",
    "The vault is of the Premium tier, or holds a hardware key already.",
)
VAULT_TIER_UNKNOWN = FindingKind(
    "certificate.request.vault-tier-unknown",
    Severity.INFO,
    "Whether the vault {vault} is of the Premium tier cannot be seen without an administrator.",
    "A Standard vault refuses the request then, and nothing is changed.",
)
PERMISSION_MISSING = FindingKind(
    "certificate.request.permission-missing",
    Severity.ERROR,
    "The application lacks permissions for this: {permissions}.",
    "Requesting needs certificates get, list and create; dropping a request needs update.",
)
SUBJECT_REFUSED = FindingKind(
    "certificate.request.subject-refused",
    Severity.ERROR,
    "The vault does not understand the subject.",
    "Key Vault says that the subject is not a valid X.500 name.",
)
NONE = FindingKind(
    "certificate.request.none",
    Severity.ERROR,
    "No request for {name} waits in the vault.",
    "There is none, or it was answered or dropped meanwhile (PendingCertificateNotFound).",
)
NOT_PENDING = FindingKind(
    "certificate.request.not-waiting",
    Severity.ERROR,
    "The request for {name} no longer waits for an answer: {status}.",
    "The request was completed, cancelled, or failed.",
)
BUSY = FindingKind(
    "certificate.request.busy",
    Severity.ERROR,
    "Somebody else is working on {name} in the vault at this moment.",
    "Two operations on one pending certificate ran at once.",
)
OTHER_ISSUER = FindingKind(
    "certificate.request.other-issuer",
    Severity.ERROR,
    "The request for {name} goes to {issuer} by itself: there is nothing to merge.",
    "The vault talks to this CA itself; only requests for issuer Unknown are answered by hand.",
)
VAULT_OTHER_KEY = FindingKind(
    "certificate.answer.vault-other-key",
    Severity.ERROR,
    "The vault says that the certificate does not belong to the key of {name}.",
    "The service compared the public keys; the request was made anew meanwhile.",
)
VAULT_REFUSED = FindingKind(
    "certificate.answer.vault-refused",
    Severity.ERROR,
    "The vault cannot read the certificates that it was given.",
    "Key Vault refused the content of the merge (BadParameter).",
)
VERSIONS_UNSEEN = FindingKind(
    "certificate.judge.versions-unseen",
    Severity.INFO,
    "The versions of {name} cannot be listed: the permission certificates list is missing.",
    "Without it only the newest version is known.",
)
KEY_UNSEEN = FindingKind(
    "certificate.judge.key-unseen",
    Severity.INFO,
    "How the key of {name} is kept cannot be seen: {why}.",
    "Reading the key's properties needs the permission keys get; signing does not.",
)


def refined(finding: Finding, options: AzureOptions, name: str) -> Finding:
    """Return what a vault's refusal means for requests and answers; others come back as they are.

    *finding* is one of ``core.azure.explain``: its evidence holds the vault's own status, code and words.
    """
    evidence = finding.evidence
    text, status = evidence.message or "", evidence.status
    if evidence.code == "PendingCertificateNotFound" or text.startswith("Pending certificate not found"):
        return NONE(name=name, evidence=evidence)
    if evidence.code == "ObjectIsDeletedButRecoverable" or "deleted but recoverable state" in text:
        return name_deleted(options, name, evidence)
    if status == 409 and "while a pending key vault certificate" in text:
        return pending_exists(options, name, evidence)
    if status == 409 and "conflict while" in text:
        return BUSY(name=name, evidence=evidence, remedies=[Remedy(title=tr("Try again in a minute."))])
    if status == 409:
        return NAME_TAKEN(name=name, evidence=evidence, remedies=other_name_remedies())
    if "not allowed on standard vault" in text:
        return vault_standard(options, evidence)
    if "not a valid X500 name" in text:
        return SUBJECT_REFUSED(
            evidence=evidence,
            remedies=[Remedy(title=tr("Leave out quotes, backslashes and rare signs, and try again."))],
        )
    if "end-entity certificate" in text and "does not match" in text:
        return VAULT_OTHER_KEY(name=name, evidence=evidence, remedies=other_key_remedies())
    if "Merge is forbidden on pending object" in text:
        issuer = text.rpartition("issuer :")[2].strip().partition(" ")[0]
        return OTHER_ISSUER(name=name, issuer=issuer or tr("its CA"), evidence=evidence)
    if "Pending status must be in progress" in text:
        return NOT_PENDING(name=name, status=tr("the vault does not say why"), evidence=evidence)
    if status == 400 and any(each in text for each in ("x5c", "ASN1", "X.509")):
        return VAULT_REFUSED(evidence=evidence)
    return finding


def pending_exists(options: AzureOptions, name: str, evidence: Evidence | None = None) -> Finding:
    """Return that a request waits already: go on with it, or drop it."""
    vault, quoted_name = quoted(options.vault_name), quoted(name)
    return PENDING_EXISTS(
        name=name,
        evidence=evidence,
        remedies=[
            Remedy(title=tr("Go on with it: save it again, send it to the CA, and merge the answer.")),
            Remedy(
                title=inside(
                    tr("Or drop it and begin anew; an answer to it that still comes is then of no use.")
                ),
                portal=(
                    tr("Key vaults, {vault}, Certificates, {name}, Certificate Operation.").format(
                        vault=options.vault_name, name=name
                    ),
                    tr("Delete."),
                ),
                az=f"az keyvault certificate pending delete --vault-name {vault} --name {quoted_name}",
                powershell=f"Remove-AzKeyVaultCertificateOperation -VaultName {vault} -Name {quoted_name}",
            ),
        ],
    )


def name_deleted(options: AzureOptions, name: str, evidence: Evidence | None = None) -> Finding:
    """Return that a deleted certificate owns the name: another name, or recover it."""
    vault, quoted_name = quoted(options.vault_name), quoted(name)
    return NAME_DELETED(
        name=name,
        evidence=evidence,
        remedies=[
            *other_name_remedies(),
            Remedy(
                title=inside(tr("Or recover the deleted one, and make its next version.")),
                portal=(
                    tr("Key vaults, {vault}, Certificates, Manage deleted certificates.").format(
                        vault=options.vault_name
                    ),
                    tr("Choose {name}, Recover.").format(name=name),
                ),
                az=f"az keyvault certificate recover --vault-name {vault} --name {quoted_name}",
                powershell=f"Undo-AzKeyVaultCertificateRemoval -VaultName {vault} -Name {quoted_name}",
            ),
        ],
    )


def vault_standard(options: AzureOptions, evidence: Evidence | None = None) -> Finding:
    """Return that the vault has no hardware keys: a Premium vault, or a software key for tests."""
    vault = quoted(options.vault_name)
    return VAULT_STANDARD(
        vault=options.vault_name,
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Make the vault Premium, or make another vault of the Premium tier."),
                portal=(
                    tr("Key vaults, Create: choose the pricing tier Premium."),
                    tr("The tier of a vault that exists is changed by a command only."),
                ),
                az=f"az keyvault update --name {vault} --set properties.sku.name=premium",
                powershell=f"$vault = Get-AzKeyVault -VaultName {vault}\n"
                "Set-AzResource -ResourceId $vault.ResourceId "
                '-Properties @{sku = @{family = "A"; name = "premium"}} -UsePatchSemantics -Force',
            ),
            Remedy(title=tr("For tests only: a key in software, which every public CA refuses.")),
        ],
    )


def other_name_remedies() -> list[Remedy]:
    """Return to choose another name."""
    return [Remedy(title=tr("Choose another name for the certificate, here and in the server's form."))]
