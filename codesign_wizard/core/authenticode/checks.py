"""The findings of a verification: every check has one, passed or not (ids ``authenticode.verify.*``)."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.text import tr

UNSIGNED = FindingKind(
    "authenticode.verify.unsigned",
    Severity.ERROR,
    "{file} is not signed.",
    "There is no certificate table, or no Authenticode signature in it.",
)
TABLE = FindingKind(
    "authenticode.verify.table",
    Severity.ERROR,
    "The certificate table of {file} is damaged: {why}.",
    "An entry's length does not fit, or there is something other than zeros behind a signature.",
)
MALFORMED = FindingKind(
    "authenticode.verify.malformed",
    Severity.ERROR,
    "The {signature} cannot be read: {why}.",
    "The PKCS #7 structure is damaged or is not an Authenticode signature.",
)
DIGEST_OK = FindingKind(
    "authenticode.verify.digest-ok",
    Severity.OK,
    "The file is the one that was signed ({digest}).",
    "The digest in the signature is the file's.",
)
DIGEST_WRONG = FindingKind(
    "authenticode.verify.digest-wrong",
    Severity.ERROR,
    "The file was changed after it was signed.",
    "The digest in the signature is not the file's.",
)
SIGNATURE_OK = FindingKind(
    "authenticode.verify.signature-ok",
    Severity.OK,
    "The signature was made by the key of {signer}.",
    "The signature's value fits the certificate's public key and the signed attributes.",
)
SIGNATURE_WRONG = FindingKind(
    "authenticode.verify.signature-wrong",
    Severity.ERROR,
    "The signature does not hold: {why}.",
    "The signature's value or its signed attributes do not fit the certificate.",
)
CHAIN_OK = FindingKind(
    "authenticode.verify.chain-ok",
    Severity.OK,
    "{publisher} is vouched for by {root}, which Windows trusts for code signing.",
    "The chain ends in a root of Microsoft's programme that counts for code signing at the time of signing.",
)
CHAIN_EXTRA = FindingKind(
    "authenticode.verify.chain-extra-root",
    Severity.INFO,
    "{publisher} is vouched for by {root}, which counts only because it was added in the settings.",
    "The chain ends in a root that was added by setting; a customer's Windows does not know it.",
)
CHAIN_WRONG = FindingKind(
    "authenticode.verify.chain-wrong",
    Severity.ERROR,
    "Windows will not name {publisher} as the publisher: {why}.",
    "The chain does not end in a root that Windows trusts for code signing at the time of signing.",
)
SELF_SIGNED = FindingKind(
    "authenticode.verify.self-signed",
    Severity.ERROR,
    "The certificate of {publisher} vouches only for itself.",
    "The file is signed with a self-signed certificate; Windows shows an unknown publisher.",
)
EXPIRED = FindingKind(
    "authenticode.verify.expired",
    Severity.ERROR,
    "The signature no longer counts: {why}.",
    "A certificate was out of its validity at the time that counts: the time stamp's, else now.",
)
INTERMEDIATES = FindingKind(
    "authenticode.verify.intermediates-missing",
    Severity.WARNING,
    "The certificate of {issuer} is not in the file.",
    "An issuer's certificate is missing; a PC that is offline cannot build the chain.",
)
USAGE_OK = FindingKind(
    "authenticode.verify.usage-ok",
    Severity.OK,
    "The certificate is meant for code signing.",
    "The extended key usage holds code signing, and the key usage digital signature.",
)
USAGE_WRONG = FindingKind(
    "authenticode.verify.usage-wrong",
    Severity.ERROR,
    "The certificate is not meant for code signing.",
    "The extended key usage lacks code signing, or the key usage lacks digital signature.",
)
KEY_OK = FindingKind(
    "authenticode.verify.key-ok",
    Severity.OK,
    "The key is large enough: {key}.",
    "RSA of at least 3072 bits, as the CA/Browser Forum asks since June 2021.",
)
KEY_SMALL = FindingKind(
    "authenticode.verify.key-small",
    Severity.WARNING,
    "The key is smaller than certificates may have today: {key}.",
    "RSA below 3072 bits (CA/Browser Forum, code signing baseline requirements 6.1.5).",
)
KEY_EC = FindingKind(
    "authenticode.verify.key-ec",
    Severity.WARNING,
    "The key is {key}, which Windows does not accept for programs from public CAs.",
    "Microsoft's root programme does not support ECDSA for Authenticode.",
)
OLD_DIGEST = FindingKind(
    "authenticode.verify.old-digest",
    Severity.ERROR,
    "The signature uses {digest}, which Windows no longer accepts.",
    "The file's digest or the signature uses SHA-1 or MD5.",
)
EXPIRES = FindingKind(
    "authenticode.verify.expires",
    Severity.INFO,
    "The certificate is valid until {date}, {left}.",
    "Days left until a new certificate is needed; a warning below 30.",
)
LIFETIME = FindingKind(
    "authenticode.verify.validity-rule",
    Severity.INFO,
    "Certificates are now issued for at most 460 days: plan to renew every year.",
    "Certificates issued from 2026-03-01 are valid for at most 460 days (CA/Browser Forum ballot CSC-31).",
)
POLICY = FindingKind(
    "authenticode.verify.policy",
    Severity.INFO,
    "The certificate says how its owner was checked: {kind}.",
    "Certificate policies: extended validation, organisation or individual validation, or not stated.",
)
TIMESTAMP_OK = FindingKind(
    "authenticode.verify.timestamp-ok",
    Severity.OK,
    "The time stamp of {server} says {time} UTC and holds.",
    "The time stamp is over this signature, its own signature and chain hold; it outlives the certificate.",
)
TIMESTAMP_EXTRA = FindingKind(
    "authenticode.verify.timestamp-extra-root",
    Severity.INFO,
    "The time stamp of {server} says {time} UTC; its root counts only because it was added in the settings.",
    "The time stamp holds, but its chain ends in a root that was added by setting.",
)
TIMESTAMP_MISSING = FindingKind(
    "authenticode.verify.timestamp-missing",
    Severity.WARNING,
    "There is no time stamp: the signature ends with the certificate, on {date}.",
    "Without a time stamp Windows refuses the file once the certificate has expired.",
)
TIMESTAMP_WRONG = FindingKind(
    "authenticode.verify.timestamp-wrong",
    Severity.ERROR,
    "The time stamp does not hold: {why}.",
    "The time stamp is for other data, its signature is broken, or its chain is not trusted.",
)
LEGACY_COUNTERSIGNATURE = FindingKind(
    "authenticode.verify.legacy-time-stamp",
    Severity.WARNING,
    "The time stamp is of the old kind, which is not judged here.",
    "A PKCS #9 countersignature (before RFC 3161); the signature is judged as of now.",
)
REVOCATION = FindingKind(
    "authenticode.verify.revocation-not-checked",
    Severity.INFO,
    "Whether a certificate was revoked was not checked.",
    "The verification works without network; Windows may ask the CA.",
)
WINDOWS_OK = FindingKind(
    "authenticode.verify.windows-ok",
    Severity.OK,
    "Windows itself accepts the signature.",
    "WinVerifyTrust, asked on this computer, accepts the file.",
)
WINDOWS_REFUSES = FindingKind(
    "authenticode.verify.windows-refuses",
    Severity.WARNING,
    "Windows on this computer does not accept the signature: {why}.",
    "WinVerifyTrust, asked on this computer, refuses the file.",
)


def by_extra_roots(findings: Iterable[Finding]) -> bool:
    """Tell whether anything counts only because of a root added by setting."""
    return any(finding.id in (CHAIN_EXTRA.id, TIMESTAMP_EXTRA.id) for finding in findings)


def accepted(findings: Iterable[Finding], clear: str) -> str:
    """Return the sentence for a file without errors: *clear*, unless it is so by added roots only."""
    if by_extra_roots(findings):
        return tr("The signature holds, but only with the roots that were added: Windows does not know them.")
    return clear
