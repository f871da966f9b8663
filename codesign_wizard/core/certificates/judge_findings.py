"""What is found about a certificate in the vault: one finding for each check, passed or not."""

from __future__ import annotations

from urllib.parse import urlsplit

from codesign_wizard.core.azure.inside import inside
from codesign_wizard.core.azure.quoting import quoted
from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

USABLE = FindingKind(
    "certificate.judge.usable",
    Severity.OK,
    "The certificate {name} can sign programs until {date}.",
    "No check stands against signing with it.",
)
UNREADABLE = FindingKind(
    "certificate.judge.unreadable",
    Severity.ERROR,
    "What the vault gave as certificate {name} cannot be read.",
    "The version holds no X.509 certificate that can be understood.",
)
DISABLED = FindingKind(
    "certificate.judge.disabled",
    Severity.ERROR,
    "This version of {name} is switched off in the vault.",
    "The version's attribute Enabled is No; its key refuses to sign.",
)
KEY_DISABLED = FindingKind(
    "certificate.judge.key-disabled",
    Severity.ERROR,
    "The key of {name} is switched off in the vault.",
    "The key's attribute Enabled is No; it refuses to sign.",
)
HARDWARE = FindingKind(
    "certificate.judge.hardware",
    Severity.OK,
    "The key lives in hardware: {level}.",
    "The key's type ends in -HSM; hsmPlatform tells the level.",
)
SOFTWARE = FindingKind(
    "certificate.judge.software-key",
    Severity.WARNING,
    "The key of {name} is kept in software: CAs must revoke such a certificate when they learn of it.",
    "The key's type does not end in -HSM (CA/Browser Forum, 6.2.7.4, since June 2023).",
)
EXPORTABLE = FindingKind(
    "certificate.judge.exportable",
    Severity.WARNING,
    "The key of {name} can be exported: whoever may read secrets in the vault can take it away.",
    "The policy or the key says exportable.",
)
NOT_EXPORTABLE = FindingKind(
    "certificate.judge.not-exportable",
    Severity.OK,
    "The key cannot leave the vault.",
    "The key is not exportable.",
)
OPERATIONS = FindingKind(
    "certificate.judge.key-operations",
    Severity.ERROR,
    "The key of {name} may not sign: it is allowed for {operations} only.",
    "The key's permitted operations (key_ops) lack sign; the key usage of the request decides them.",
)
REUSES_KEY = FindingKind(
    "certificate.judge.reuses-key",
    Severity.INFO,
    "The policy of {name} keeps the same key at renewal; requests made here always make a new one.",
    "The policy says reuse_key; CAs may refuse a request that was used before.",
)
NEWEST = FindingKind(
    "certificate.judge.newest",
    Severity.OK,
    "It is the newest version: what names the certificate without a version uses it.",
    "The server's form names no version, so it takes the newest.",
)
OLDER = FindingKind(
    "certificate.judge.older-version",
    Severity.INFO,
    "Version {version} is not the newest: what names the certificate without a version uses another.",
    "A later version exists under the same name.",
)
TAGS = FindingKind(
    "certificate.judge.tags",
    Severity.INFO,
    "The version has tags: {tags}.",
    "Tags are notes in the vault; they change nothing.",
)
KEY_OK = FindingKind(
    "certificate.judge.key-ok",
    Severity.OK,
    "The key is large enough: {key}.",
    "RSA of at least 3072 bits (CA/Browser Forum, 6.1.5).",
)
KEY_SMALL = FindingKind(
    "certificate.judge.key-small",
    Severity.WARNING,
    "The key is smaller than new certificates may have: {key}.",
    "RSA below 3072 bits; an error below 2048.",
)
KEY_EC = FindingKind(
    "certificate.judge.key-ec",
    Severity.WARNING,
    "The key is {key}, which Windows does not accept for programs.",
    "Microsoft's root programme does not support ECDSA for Authenticode.",
)
KEY_OTHER = FindingKind(
    "certificate.judge.key-other",
    Severity.ERROR,
    "The certificate {name} and the key beside it in the vault do not belong together.",
    "The public keys differ; nothing signed with the key would verify.",
)
ALGORITHM = FindingKind(
    "certificate.judge.algorithm-old",
    Severity.ERROR,
    "The certificate is signed with {digest}, which Windows no longer accepts.",
    "SHA-1 or MD5 in the certificate's own signature.",
)
USAGE_OK = FindingKind(
    "certificate.judge.usage-ok",
    Severity.OK,
    "The certificate is meant for code signing.",
    "The extended key usage holds code signing.",
)
USAGE_WRONG = FindingKind(
    "certificate.judge.usage-wrong",
    Severity.ERROR,
    "The certificate {name} is not meant for code signing, but for {purposes}.",
    "The extended key usage lacks code signing; the portal's own proposal is for web servers.",
)
KEY_USAGE_WRONG = FindingKind(
    "certificate.judge.key-usage-wrong",
    Severity.ERROR,
    "The certificate {name} may not be used for signatures: its key usage is {usages}.",
    "The key usage lacks digitalSignature.",
)
CHAIN_OK = FindingKind(
    "certificate.judge.chain-ok",
    Severity.OK,
    "It leads to {root}, which Windows trusts for code signing.",
    "Every issuer is known, and the root is one of Microsoft's programme that counts for code signing.",
)
CHAIN_EXTRA = FindingKind(
    "certificate.judge.chain-extra-root",
    Severity.INFO,
    "It leads to {root}, which counts only because it was added in the settings.",
    "A customer's Windows does not know this root.",
)
CHAIN_INCOMPLETE = FindingKind(
    "certificate.judge.chain-incomplete",
    Severity.WARNING,
    "The certificate of the issuer {issuer} is not known here, so the chain has a gap.",
    "Neither the vault nor the CA's address gave it; PCs may not name the publisher.",
)
CHAIN_WRONG = FindingKind(
    "certificate.judge.chain-wrong",
    Severity.ERROR,
    "Windows will not name the publisher of what it signs: {why}.",
    "The chain does not end in a root that Windows trusts for code signing.",
)
SELF_SIGNED = FindingKind(
    "certificate.judge.self-signed",
    Severity.ERROR,
    "The certificate {name} vouches only for itself.",
    "It was made by the vault (issuer Self), not by a CA; Windows shows an unknown publisher.",
)
EXPIRED = FindingKind(
    "certificate.judge.expired",
    Severity.ERROR,
    "The certificate {name} expired on {date}.",
    "Nothing new can be signed; what was signed with a time stamp stays good.",
)
NOT_YET = FindingKind(
    "certificate.judge.not-yet-valid",
    Severity.ERROR,
    "The certificate {name} is valid only from {date}.",
    "Its first day is still to come, or this computer's clock is wrong.",
)
EXPIRES_SOON = FindingKind(
    "certificate.judge.expires-soon",
    Severity.WARNING,
    "The certificate {name} expires on {date}, {left}.",
    "60 days or fewer are left (a warning from 30); a CA takes up to two weeks.",
)
VALID = FindingKind(
    "certificate.judge.valid",
    Severity.OK,
    "It is valid until {date}, {left}.",
    "More than 60 days are left.",
)
VALIDITY_RULE = FindingKind(
    "certificate.judge.validity-rule",
    Severity.INFO,
    "Certificates are now issued for at most 460 days: plan to renew every year.",
    "Certificates issued from 2026-03-01 on (CA/Browser Forum, ballot CSC-31).",
)
VALIDITY_TOO_LONG = FindingKind(
    "certificate.judge.validity-too-long",
    Severity.WARNING,
    "It is valid for {days} days, and certificates issued since March 2026 may be for 460 only.",
    "A public CA would have to revoke it (CA/Browser Forum, ballot CSC-31); a CA of your own may do so.",
)
POLICY = FindingKind(
    "certificate.judge.policy",
    Severity.INFO,
    "How its owner was checked: {kind}.",
    "Certificate policies: extended validation, organisation or individual validation, or not stated.",
)
NOT_REVOKED = FindingKind(
    "certificate.judge.not-revoked",
    Severity.OK,
    "The CA says that it is not revoked ({source}).",
    "A valid answer of the CA's responder or list, in date.",
)
REVOKED = FindingKind(
    "certificate.judge.revoked",
    Severity.ERROR,
    "The certificate {name} was revoked on {since}.",
    "The CA took it back; what was signed and time-stamped before that moment stays good.",
)
REVOCATION_NOT_CHECKED = FindingKind(
    "certificate.judge.revocation-not-checked",
    Severity.INFO,
    "Whether it was revoked was not checked: {why}.",
    "No valid answer of the CA could be had.",
)


def renew_remedies() -> list[Remedy]:
    """Return to make the next version."""
    return [
        Remedy(title=tr("Make a new signing request under the same name; the old version stays meanwhile."))
    ]


def enable_remedies(key_id: str, name: str) -> list[Remedy]:
    """Return how to switch the version of *name* on; *key_id* is its key's address, which tells the vault."""
    vault = (urlsplit(key_id).hostname or "").partition(".")[0]
    words = tr("Switch this version on again, if it was not switched off on purpose.")
    if not vault:
        return [Remedy(title=words)]
    return [
        Remedy(
            title=inside(words),
            portal=(
                tr("Key vaults, {vault}, Certificates, {name}: choose the current version.").format(
                    vault=vault, name=name
                ),
                tr("Set Enabled to Yes, and save."),
            ),
            az=f"az keyvault certificate set-attributes --vault-name {quoted(vault)} --name {quoted(name)} "
            "--enabled true",
            powershell=f"Update-AzKeyVaultCertificate -VaultName {quoted(vault)} -Name {quoted(name)} "
            "-Enable $true",
        )
    ]


def merge_again_remedies() -> list[Remedy]:
    """Return how to close a gap in the chain."""
    return [Remedy(title=tr("Allow the CA's address in proxy and firewall, or ask the CA for its chain."))]


def revoked_remedies() -> list[Remedy]:
    """Return what to do about a revoked certificate."""
    return [
        Remedy(
            title=tr("Ask the CA why, then make a new signing request."),
            portal=(tr("If the key may be known to others, sign anew what was signed since."),),
        )
    ]
