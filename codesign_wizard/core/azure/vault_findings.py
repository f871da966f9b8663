"""What can be wrong with a vault, or with the certificate in it."""

from __future__ import annotations

from codesign_wizard.core.azure.inside import inside
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.quoting import quoted, sh
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

FOUND = FindingKind(
    "azure.vault.found",
    Severity.OK,
    "The vault {vault} exists; its tenant is {tenant}.",
    "The vault answered without any credential and named the tenant it trusts.",
)
UNKNOWN = FindingKind(
    "azure.vault.unknown",
    Severity.ERROR,
    "There is no vault {vault}.",
    "The vault's host name does not resolve: a mistyped name, another cloud, or a deleted vault.",
)
FIREWALL = FindingKind(
    "azure.vault.firewall",
    Severity.ERROR,
    "The firewall of the vault {vault} does not let this computer in.",
    "The vault allows selected networks only (ForbiddenByFirewall).",
)
PRIVATE_ENDPOINT = FindingKind(
    "azure.vault.private-endpoint",
    Severity.ERROR,
    "The vault {vault} can be reached through a private endpoint only.",
    "Public network access is disabled (ForbiddenByConnection).",
)
THROTTLED = FindingKind(
    "azure.vault.throttled",
    Severity.ERROR,
    "The vault {vault} refuses for the moment: too many requests.",
    "The vault answered 429 again and again.",
)
UNAVAILABLE = FindingKind(
    "azure.vault.unavailable",
    Severity.ERROR,
    "The vault {vault} is unavailable (HTTP {status}).",
    "Azure's service behind the vault has a fault.",
)
NOT_A_VAULT = FindingKind(
    "azure.vault.answer-odd",
    Severity.ERROR,
    "What answers at {host} does not speak as a vault does (HTTP {status}).",
    "The answer is none that a vault gives; something on the way may answer in the vault's place.",
)
TOKEN_REFUSED = FindingKind(
    "azure.vault.token-refused",
    Severity.ERROR,
    "The vault {vault} does not accept Entra ID's token.",
    "401 for a token that Entra ID has just given: clock, cloud, or a fault of the service.",
)
PERMISSION_MISSING = FindingKind(
    "azure.permission.missing",
    Severity.ERROR,
    "The application lacks the permission {action} on the vault {vault}.",
    "The vault knows the caller and refuses (ForbiddenByRbac, ForbiddenByPolicy).",
)
CERTIFICATE_MISSING = FindingKind(
    "azure.vault.certificate-missing",
    Severity.ERROR,
    "The vault {vault} has no certificate {name}.",
    "The name is mistyped, or the certificate is deleted or in another vault.",
)
PENDING = FindingKind(
    "azure.vault.certificate-pending",
    Severity.ERROR,
    "The certificate {name} is still a signing request.",
    "The CA's answer has not been merged yet, so there is a key but no certificate.",
)
UNISSUED = FindingKind(
    "azure.vault.certificate-unissued",
    Severity.ERROR,
    "The name {name} is in the vault, but without a certificate, and no signing request waits for one.",
    "The request was dropped, cancelled or failed before a certificate was merged; the empty entry stays.",
)
DISABLED = FindingKind(
    "azure.vault.certificate-disabled",
    Severity.ERROR,
    "The certificate {name}, or its key, is disabled.",
    "The version is switched off in the vault (KeyDisabled).",
)
EXPIRED = FindingKind(
    "azure.vault.certificate-expired",
    Severity.ERROR,
    "The certificate {name} has expired.",
    "The certificate is past its last day; nothing new can be signed with it.",
)
NOT_YET_VALID = FindingKind(
    "azure.vault.certificate-not-yet-valid",
    Severity.ERROR,
    "The certificate {name} is not valid yet.",
    "The first day of the certificate or its key is still to come.",
)
OPERATION_FORBIDDEN = FindingKind(
    "azure.vault.key-may-not-sign",
    Severity.ERROR,
    "The key of the certificate {name} may not be used to sign.",
    "The key's permitted operations do not hold sign (KeyOperationForbidden).",
)
OTHER = FindingKind(
    "azure.vault.other",
    Severity.ERROR,
    "The vault {vault} refused: {words}",
    "A refusal that the program knows nothing about; the words are the vault's.",
)
KEY_UNSUITABLE = FindingKind(
    "azure.vault.key-unsuitable",
    Severity.ERROR,
    "The key of the certificate {name} cannot sign programs: {kind}.",
    "Only RSA keys and EC keys on P-256, P-384 and P-521 are signed with.",
)
SIGNATURE_WORKS = FindingKind(
    "azure.signature.works",
    Severity.OK,
    "The vault signs with the key of {name}, and the signature is good.",
    "A test digest was signed in the vault and checked with the certificate's public key.",
)
SIGNATURE_WRONG = FindingKind(
    "azure.signature.wrong",
    Severity.ERROR,
    "The signature that the vault made does not fit the certificate {name}.",
    "The certificate's public key does not verify what the vault's key signed.",
)
DIGEST = FindingKind(
    "azure.signature.digest-not-possible",
    Severity.ERROR,
    "The key of {name} signs {possible} digests only, not {digest}.",
    "In Key Vault the curve of an EC key decides the digest.",
)


def not_a_vault(options: AzureOptions, evidence: Evidence) -> Finding:
    """Return that an answer is none of a vault's; *evidence* holds its status and its words."""
    return NOT_A_VAULT(
        host=options.vault_host,
        status=evidence.status,
        evidence=evidence,
        remedies=[
            Remedy(
                title=tr("Ask your network people whether a proxy or a gateway answers for {host}.").format(
                    host=options.vault_host
                )
            )
        ],
    )


# what stands in a command for an address that nobody told: the vault's refusal names this computer's at most
_THIS_COMPUTER, _SERVER = "ADDRESS", "SERVER-ADDRESS"


def firewall_remedies(options: AzureOptions, address: str) -> list[Remedy]:
    """Return how to let *address* and the server in; "" when the vault did not tell it."""
    az, powershell = _openings(options, address)
    return [
        Remedy(
            title=_let_in(address),
            portal=(
                tr("Key vaults, {vault}, Networking, Firewalls and virtual networks.").format(
                    vault=options.vault_name
                ),
                tr("Under Firewall, IP address or CIDR, add {address}.").format(
                    address=address or tr("this computer's public address")
                ),
                tr("Add on a line of its own the public address from which the Comet Server calls; Apply."),
            ),
            az=az,
            powershell=powershell,
        )
    ]


def _let_in(address: str) -> str:
    if address:
        return tr(
            "Let this computer and the Comet Server in. In the commands, put the server's public address in "
            "place of SERVER-ADDRESS."
        )
    return tr(
        "Let this computer and the Comet Server in. In the commands, put their public addresses in place of "
        "ADDRESS and SERVER-ADDRESS."
    )


def _openings(options: AzureOptions, address: str) -> tuple[str, str]:
    """Return what adds this computer's *address* and the server's, as ``az`` and as PowerShell.

    A call for each: a placeholder that was left in is refused without keeping the other from being added.
    """
    vault = quoted(options.vault_name)
    addresses = (address or _THIS_COMPUTER, _SERVER)
    networks = [quoted(f"{each}/128" if ":" in each else f"{each}/32") for each in addresses]
    return (
        "\n".join(f"az keyvault network-rule add --name {vault} --ip-address {each}" for each in networks),
        "\n".join(
            f"Add-AzKeyVaultNetworkRule -VaultName {vault} -IpAddressRange {each}" for each in networks
        ),
    )


def private_remedies(options: AzureOptions) -> list[Remedy]:
    """Return how to reach a vault without public access, or give it some."""
    vault = quoted(options.vault_name)
    az, powershell = _openings(options, "")
    return [
        Remedy(
            title=tr(
                "Allow public access from selected networks, and add this computer and the Comet Server. In "
                "the commands, put their public addresses in place of ADDRESS and SERVER-ADDRESS."
            ),
            portal=(
                tr("Key vaults, {vault}, Networking.").format(vault=options.vault_name),
                tr(
                    "Allow public access from specific virtual networks and IP addresses; add the public "
                    "addresses of this computer and of the Comet Server, each on a line of its own."
                ),
            ),
            az=f"az keyvault update --name {vault} --public-network-access Enabled --default-action Deny\n"
            + az,
            # Deny first: the vault is never open to everybody in between
            powershell=f"Update-AzKeyVaultNetworkRuleSet -VaultName {vault} -DefaultAction Deny\n"
            f"Get-AzKeyVault -VaultName {vault} | Update-AzKeyVault -PublicNetworkAccess Enabled\n"
            + powershell,
        ),
        Remedy(title=tr("Or run the wizard and the server inside the network of the private endpoint.")),
    ]


def unknown_remedies(options: AzureOptions) -> list[Remedy]:
    """Return how to find the vault's right name."""
    vault = quoted(options.vault_name)
    return [
        Remedy(
            title=tr("Copy the vault's name from the portal, and check the Azure cloud."),
            portal=(
                tr("Key vaults: the list shows every vault you may see, in all subscriptions chosen."),
                tr("Overview, Vault URI: it ends in {suffix} if the cloud is right.").format(
                    suffix=options.cloud.vault_suffix
                ),
                tr("A deleted vault is under Manage deleted vaults, and can be recovered."),
            ),
            az="az keyvault list --query '[].name' -o tsv\naz keyvault list-deleted --query "
            + sh(f"[?name=={vault}]"),
            powershell="Get-AzKeyVault | Format-Table VaultName, Location\nGet-AzKeyVault -InRemovedState",
            url=f"https://{options.cloud.portal_host}/#browse/Microsoft.KeyVault%2Fvaults",
        )
    ]


def missing_remedies(options: AzureOptions) -> list[Remedy]:
    """Return how to find the certificate's right name."""
    vault = quoted(options.vault_name)
    return [
        Remedy(
            title=inside(tr("Copy the certificate's name from the vault.")),
            portal=(
                tr("Key vaults, {vault}, Certificates: the first column is the name.").format(
                    vault=options.vault_name
                ),
                tr("A deleted one is under Manage deleted certificates, and can be recovered."),
            ),
            az=f"az keyvault certificate list --vault-name {vault} --query '[].name' -o tsv",
            powershell=f"Get-AzKeyVaultCertificate -VaultName {vault} | Format-Table Name, Enabled, Expires",
        )
    ]


def enable_remedies(options: AzureOptions) -> list[Remedy]:
    """Return how to switch the certificate on."""
    vault, name = quoted(options.vault_name), quoted(options.certificate_name)
    return [
        Remedy(
            title=inside(tr("Enable the certificate's version.")),
            portal=(
                tr("Key vaults, {vault}, Certificates, {name}: choose the current version.").format(
                    vault=options.vault_name, name=options.certificate_name
                ),
                tr("Set Enabled to Yes, and save."),
            ),
            az=f"az keyvault certificate set-attributes --vault-name {vault} --name {name} --enabled true",
            powershell=f"Update-AzKeyVaultCertificate -VaultName {vault} -Name {name} -Enable $true",
        )
    ]


def pending_remedies(options: AzureOptions) -> list[Remedy]:
    """Return how to merge the CA's answer."""
    vault, name = quoted(options.vault_name), quoted(options.certificate_name)
    return [
        Remedy(
            title=inside(tr("Merge the CA's certificate into the request, once the CA has sent it.")),
            portal=(
                tr("Key vaults, {vault}, Certificates, {name}, Certificate Operation.").format(
                    vault=options.vault_name, name=options.certificate_name
                ),
                tr("Merge Signed Request: choose the CA's file."),
            ),
            az=f"az keyvault certificate pending merge --vault-name {vault} --name {name} "
            "--file 'answer.pem'",
            powershell=f"Import-AzKeyVaultCertificate -VaultName {vault} -Name {name} -FilePath 'answer.pem'",
        )
    ]


def unissued_remedies() -> list[Remedy]:
    """Return that the name can be used for another request."""
    return [
        Remedy(
            title=tr("Make a new signing request under the same name: csr create, or the page Certificate.")
        )
    ]


def renew_remedies() -> list[Remedy]:
    """Return that a new certificate is needed."""
    return [Remedy(title=tr("Make a new signing request in the vault, and have the CA issue a certificate."))]
