"""The findings about macOS packages: what cannot be opened, and every check of a verification."""

from __future__ import annotations

from pathlib import Path

from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

NOT_A_PACKAGE = FindingKind(
    "apple.package.not-a-package",
    Severity.ERROR,
    "{file} is not a macOS package: {what}.",
    "The file is of another kind; only flat packages (.pkg) are signed as packages.",
)
DAMAGED = FindingKind(
    "apple.package.damaged",
    Severity.ERROR,
    "{file} is damaged: {why}.",
    "The file begins like a package but contradicts itself, or holds what no package holds.",
)
UNREADABLE = FindingKind(
    "apple.package.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)
UNWRITABLE = FindingKind(
    "apple.package.unwritable",
    Severity.ERROR,
    "{file} cannot be written: {why}.",
    "The folder is missing or full, or the system does not let the file be written.",
)
NOT_SIGNED_ANEW = FindingKind(
    "apple.package.no-timestamp",
    Severity.WARNING,
    "{file} has no time stamp: its signature ends with the certificate, and Apple refuses to notarise it.",
    "The package was signed without a time stamp, as asked.",
)
OTHER_CERTIFICATE = FindingKind(
    "apple.package.other-certificate",
    Severity.WARNING,
    "{file} was signed with a certificate of the kind “{kind}”; packages want Developer ID Installer.",
    "Outside the App Store, Installer refuses a package that no Developer ID Installer certificate signed.",
)

UNSIGNED = FindingKind(
    "apple.verify.package-unsigned",
    Severity.ERROR,
    "{file} is not signed.",
    "The package has no signature; macOS refuses it when it was downloaded.",
)
TABLE_OK = FindingKind(
    "apple.verify.package-table-ok",
    Severity.OK,
    "The package's table of contents is what its digest says ({digest}).",
    "The digest in the archive is that of its table of contents.",
)
TABLE_WRONG = FindingKind(
    "apple.verify.package-table-wrong",
    Severity.ERROR,
    "The package was changed after it was made: its table of contents has another digest.",
    "The digest in the archive is not that of its table of contents.",
)
OLD_DIGEST = FindingKind(
    "apple.verify.package-old-digest",
    Severity.INFO,
    "The package uses SHA-1, as Apple's own tools still do.",
    "The table of contents or a file in the package is digested with SHA-1.",
)
FILES_OK = FindingKind(
    "apple.verify.package-files-ok",
    Severity.OK,
    "Every file in the package is what its digest says ({count}).",
    "Each file's digests, packed and unpacked, were computed and compared.",
)
FILE_WRONG = FindingKind(
    "apple.verify.package-file-wrong",
    Severity.ERROR,
    "A file in the package does not hold: {why}.",
    "A file's size or digest is not the one in the table of contents.",
)
RSA_OK = FindingKind(
    "apple.verify.package-rsa-ok",
    Severity.OK,
    "The package's RSA signature was made by the key of {signer}.",
    "The signature over the digest of the table of contents fits the certificate's key.",
)
RSA_WRONG = FindingKind(
    "apple.verify.package-rsa-wrong",
    Severity.ERROR,
    "The package's RSA signature does not hold: {why}.",
    "The signature over the digest of the table of contents does not fit the certificate's key.",
)
RSA_MISSING = FindingKind(
    "apple.verify.package-rsa-missing",
    Severity.WARNING,
    "The package has no RSA signature, which older versions of macOS look for.",
    "There is a CMS signature only.",
)
CMS_OK = FindingKind(
    "apple.verify.package-cms-ok",
    Severity.OK,
    "The package's CMS signature was made by the key of {signer}.",
    "The detached signature over the digest of the table of contents holds.",
)
CMS_WRONG = FindingKind(
    "apple.verify.package-cms-wrong",
    Severity.ERROR,
    "The package's CMS signature does not hold: {why}.",
    "The detached signature over the digest of the table of contents is damaged or for another table.",
)
CMS_MISSING = FindingKind(
    "apple.verify.package-cms-missing",
    Severity.WARNING,
    "The package has no CMS signature: it has no time stamp, and a ticket cannot be stapled to it.",
    "There is an RSA signature only.",
)
SIGNERS_DIFFER = FindingKind(
    "apple.verify.package-signers-differ",
    Severity.ERROR,
    "The package's two signatures were made with different certificates.",
    "The RSA signature's certificate is not the CMS signature's.",
)
CHAIN_OK = FindingKind(
    "apple.verify.package-chain-ok",
    Severity.OK,
    "{signer} is vouched for by {root}.",
    "The chain ends in Apple's root and held when the package was signed.",
)
CHAIN_EXTRA = FindingKind(
    "apple.verify.package-chain-extra-root",
    Severity.INFO,
    "{signer} is vouched for by {root}, which counts only because it was added in the settings.",
    "The chain ends in a root that was added by setting; a customer's Mac does not know it.",
)
CHAIN_WRONG = FindingKind(
    "apple.verify.package-chain-wrong",
    Severity.ERROR,
    "macOS will not name {signer} as the package's developer: {why}.",
    "The chain does not end in Apple's root, or did not hold when the package was signed.",
)
KIND_OK = FindingKind(
    "apple.verify.package-kind-ok",
    Severity.OK,
    "The certificate is of the kind that signs packages: {kind}.",
    "The certificate has the mark of Developer ID Installer and its issuer that of Developer ID.",
)
KIND_WRONG = FindingKind(
    "apple.verify.package-kind-wrong",
    Severity.ERROR,
    "The package was signed with a certificate of the kind “{kind}”, not Developer ID Installer.",
    "Outside the App Store, Installer refuses a package that no Developer ID Installer certificate signed.",
)
TIMESTAMP_OK = FindingKind(
    "apple.verify.package-timestamp-ok",
    Severity.OK,
    "The time stamp of {server} says {time} UTC and holds.",
    "The time stamp is over this signature, its own signature and chain hold; it outlives the certificate.",
)
TIMESTAMP_EXTRA = FindingKind(
    "apple.verify.package-timestamp-extra-root",
    Severity.INFO,
    "The time stamp of {server} says {time} UTC; its root counts only because it was added in the settings.",
    "The time stamp holds, but its chain ends in a root that was added by setting.",
)
TIMESTAMP_MISSING = FindingKind(
    "apple.verify.package-timestamp-missing",
    Severity.WARNING,
    "There is no time stamp: the signature ends with the certificate, on {date}.",
    "Without a time stamp Apple does not notarise the package, and its signature ends with the certificate.",
)
TIMESTAMP_WRONG = FindingKind(
    "apple.verify.package-timestamp-wrong",
    Severity.ERROR,
    "The time stamp does not hold: {why}.",
    "The time stamp is for other data, its signature is broken, or its chain is not trusted.",
)
CONTENTS_OK = FindingKind(
    "apple.verify.package-contents-ok",
    Severity.OK,
    "The payload of {component} is what its bill of materials says ({count}).",
    "Paths, kinds, modes, owners, sizes, checksums and links of the payload agree with the Bom.",
)
CONTENTS_WRONG = FindingKind(
    "apple.verify.package-contents-wrong",
    Severity.ERROR,
    "The payload of {component} does not hold: {why}.",
    "The payload cannot be unpacked, leads elsewhere, or is not what the bill of materials says.",
)
REFERENCE_WRONG = FindingKind(
    "apple.verify.package-reference-wrong",
    Severity.ERROR,
    "The Distribution refers to {reference}, which is not in the package.",
    "Installer shows “does not have a valid path/URL” and stops.",
)
TEAM_OK = FindingKind(
    "apple.verify.package-team-ok",
    Severity.OK,
    "The package and the programs in it were signed by one team: {team}.",
    "The Installer certificate and every CodeDirectory name the same team identifier.",
)
TEAM_DIFFERS = FindingKind(
    "apple.verify.package-team-differs",
    Severity.WARNING,
    "The package was signed by team {team}, programs in it by {others}.",
    "Installer certificate and code name different teams: a customer is shown two developers.",
)
TICKET = FindingKind(
    "apple.verify.package-ticket",
    Severity.INFO,
    "A notarisation ticket is stapled to the package.",
    "A ticket follows the archive; a Mac without network accepts the package by it.",
)
NO_TICKET = FindingKind(
    "apple.verify.package-no-ticket",
    Severity.INFO,
    "No notarisation ticket is stapled to the package: a Mac asks Apple about it, which takes a network.",
    "No ticket follows the archive. Whether Apple has notarised the package is not known from the file.",
)
TRAILING = FindingKind(
    "apple.verify.package-trailing",
    Severity.WARNING,
    "Something follows the package that belongs to nothing ({size}).",
    "Something that is no ticket was appended to the archive; no signature covers it.",
)


def damaged(path: Path, why: str) -> Finding:
    """Return the finding for a package that contradicts itself."""
    return DAMAGED(
        file=path.name,
        why=why,
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("Build or download the package again."))],
    )


def by_extra_roots(findings: list[Finding]) -> bool:
    """Tell whether anything counts only because of a root added by setting."""
    return any(finding.id in (CHAIN_EXTRA.id, TIMESTAMP_EXTRA.id) for finding in findings)
