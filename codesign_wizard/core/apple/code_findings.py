"""The findings of a verification of code: each check has one for all of it, or one for each failure."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.finding import Finding, FindingKind, Severity

UNSIGNED = FindingKind(
    "apple.verify.code-unsigned",
    Severity.ERROR,
    "{place} is not signed.",
    "A program or library has no code signature: notarisation refuses it, and so does Apple silicon.",
)
AD_HOC = FindingKind(
    "apple.verify.code-ad-hoc",
    Severity.ERROR,
    "{place} is signed by nobody: it has only the linker's hashes.",
    "The signature is ad hoc: hashes without a certificate, as linkers make them.",
)
DAMAGED = FindingKind(
    "apple.verify.code-damaged",
    Severity.ERROR,
    "The signature of {place} cannot be read: {why}.",
    "The SuperBlob, a CodeDirectory or the CMS in it contradicts itself.",
)
HASHES_OK = FindingKind(
    "apple.verify.code-hashes-ok",
    Severity.OK,
    "Every page of code is what was signed (signatures: {count}).",
    "The hash of each page in each CodeDirectory is the file's.",
)
HASHES_WRONG = FindingKind(
    "apple.verify.code-changed",
    Severity.ERROR,
    "{place} was changed after it was signed.",
    "The hash of a page of code, or the length that was signed, is not the file's.",
)
SLOTS_OK = FindingKind(
    "apple.verify.code-slots-ok",
    Severity.OK,
    "Info.plist, requirements, entitlements and seals are those that were signed.",
    "The hash of each special slot is that of what belongs in it.",
)
SLOT_WRONG = FindingKind(
    "apple.verify.code-slot-wrong",
    Severity.ERROR,
    "{place} was signed with other {part} than it has now.",
    "A special slot's hash does not fit: Info.plist, requirements, CodeResources or entitlements.",
)
SIGNATURE_OK = FindingKind(
    "apple.verify.code-signature-ok",
    Severity.OK,
    "The signatures were made by the key of {signer}.",
    "Each CMS signature fits its certificate, its signed attributes and every CodeDirectory.",
)
SIGNATURE_WRONG = FindingKind(
    "apple.verify.code-signature-wrong",
    Severity.ERROR,
    "The signature of {place} does not hold: {why}.",
    "The CMS signature or its signed attributes do not fit the certificate or the CodeDirectory.",
)
CHAIN_OK = FindingKind(
    "apple.verify.code-chain-ok",
    Severity.OK,
    "{signer} is vouched for by {root}.",
    "The chain ends in Apple's root, and every certificate counted at the time of signing.",
)
CHAIN_EXTRA = FindingKind(
    "apple.verify.code-chain-extra-root",
    Severity.INFO,
    "{signer} is vouched for by {root}, which counts only because it was added in the settings.",
    "The chain ends in a root that was added by setting; no Mac knows it.",
)
CHAIN_WRONG = FindingKind(
    "apple.verify.code-chain-wrong",
    Severity.ERROR,
    "macOS will not accept {signer}: {why}.",
    "The chain does not end in Apple's root, or a certificate did not count at the time of signing.",
)
KIND_OK = FindingKind(
    "apple.verify.code-kind-ok",
    Severity.OK,
    "The certificate is for apps outside the App Store (Developer ID Application).",
    "The leaf has Apple's mark for Developer ID Application, its issuer the one for Developer ID.",
)
KIND_WRONG = FindingKind(
    "apple.verify.code-kind-wrong",
    Severity.ERROR,
    "{place} is signed with a certificate of another kind: {kind}.",
    "Code is signed with Developer ID Application; Installer is for packages, others for the App Store.",
)
REQUIREMENT_OK = FindingKind(
    "apple.verify.code-requirement-ok",
    Severity.OK,
    "All code fulfils its own designated requirement.",
    "The designated requirement, evaluated on the code's identifier and certificates, is true.",
)
REQUIREMENT_WRONG = FindingKind(
    "apple.verify.code-requirement-wrong",
    Severity.ERROR,
    "{place} does not fulfil the requirement it carries: {requirement}.",
    "The designated requirement names another identifier, certificate or team than the code has.",
)
REQUIREMENT_MISSING = FindingKind(
    "apple.verify.code-requirement-missing",
    Severity.INFO,
    "{place} carries no designated requirement; macOS makes one up from its certificate.",
    "The requirements slot is empty, which is allowed.",
)
HARDENED_OK = FindingKind(
    "apple.verify.code-hardened-ok",
    Severity.OK,
    "The hardened runtime is on for every program.",
    "Flag 0x10000 is set in the CodeDirectory of each main executable.",
)
HARDENED_NOT = FindingKind(
    "apple.verify.code-not-hardened",
    Severity.WARNING,
    "{place} does not have the hardened runtime on, which notarisation asks for.",
    "Flag 0x10000 is missing in the CodeDirectory of a main executable.",
)
TIMESTAMP_OK = FindingKind(
    "apple.verify.code-timestamp-ok",
    Severity.OK,
    "The time stamps hold; the latest says {time} UTC ({server}).",
    "Each time stamp is over its signature, and its own signature and chain hold.",
)
TIMESTAMP_EXTRA = FindingKind(
    "apple.verify.code-timestamp-extra-root",
    Severity.INFO,
    "The time stamps hold ({time} UTC, {server}), but by a root that was added in the settings.",
    "A time stamp's chain ends in a root that was added by setting.",
)
TIMESTAMP_MISSING = FindingKind(
    "apple.verify.code-timestamp-missing",
    Severity.WARNING,
    "{place} has no time stamp, which notarisation asks for; its signature ends on {date}.",
    "The CMS has no RFC 3161 token.",
)
TIMESTAMP_WRONG = FindingKind(
    "apple.verify.code-timestamp-wrong",
    Severity.ERROR,
    "The time stamp of {place} does not hold: {why}.",
    "The time stamp is for other data, its signature is broken, or its chain is not trusted.",
)
TEAM_OK = FindingKind(
    "apple.verify.code-team-ok",
    Severity.OK,
    "All code is of one team: {team}.",
    "The team identifier is that of the certificate, and the same everywhere.",
)
TEAM_DIFFERS = FindingKind(
    "apple.verify.code-team-differs",
    Severity.WARNING,
    "{place} is of team {team}, the rest of {other}: with the hardened runtime it will not be loaded.",
    "Library validation lets a program load only libraries of its own team, or Apple's.",
)
TEAM_WRONG = FindingKind(
    "apple.verify.code-team-wrong",
    Severity.ERROR,
    "{place} says team {team}, but its certificate is of {other}.",
    "The CodeDirectory's team identifier is not the organisational unit of the certificate.",
)
ENTITLEMENTS_DIFFER = FindingKind(
    "apple.verify.code-entitlements-differ",
    Severity.ERROR,
    "The two forms of the entitlements of {place} say different things.",
    "The XML and the DER entitlements do not hold the same.",
)
DEBUGGABLE = FindingKind(
    "apple.verify.code-get-task-allow",
    Severity.WARNING,
    "{place} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.",
    "The entitlements hold com.apple.security.get-task-allow.",
)
SEAL_OK = FindingKind(
    "apple.verify.code-seal-ok",
    Severity.OK,
    "All {count} sealed files are as they were, and nothing was added.",
    "Every path in CodeResources is there with its hash, link or nested code, and no other is.",
)
SEAL_MISSING = FindingKind(
    "apple.verify.code-seal-missing",
    Severity.ERROR,
    "{place} has no readable seal over its files: {why}.",
    "_CodeSignature/CodeResources is missing, is damaged, or is of the old form only.",
)
SEAL_BROKEN = FindingKind(
    "apple.verify.code-seal-broken",
    Severity.ERROR,
    "Not as it was sealed in {place} ({count}): {what}.",
    "Files were changed, added or removed after signing, or nested code is another one.",
)
ATTACHED = FindingKind(
    "apple.verify.code-attached",
    Severity.ERROR,
    "{place} has bytes attached to it that no signature covers, which macOS refuses.",
    "Something follows an image's __LINKEDIT, or fills the room between the parts of a universal file.",
)
UNSEALED = FindingKind(
    "apple.verify.code-unsealed",
    Severity.ERROR,
    "{place} holds what its seal cannot cover, which macOS refuses: {what}.",
    "Files lie beside Contents, beside a framework's Versions, or beside CodeResources in _CodeSignature.",
)
LINK_OUT = FindingKind(
    "apple.verify.code-link-out",
    Severity.ERROR,
    "The link {place} leads out of the bundle, to {target}, which macOS refuses.",
    "A symbolic link is absolute, other than into /System or /Library, or leads outside the bundle.",
)
LINK_BROKEN = FindingKind(
    "apple.verify.code-link-broken",
    Severity.ERROR,
    "The link {place} leads to nothing in the bundle ({target}), which macOS refuses.",
    "What a symbolic link names is not there, or links lead in a circle or, one by one, out of the bundle.",
)
RULE_ODD = FindingKind(
    "apple.verify.code-rule-not-understood",
    Severity.WARNING,
    "A rule of the seal of {place} was not applied: {rule}.",
    "CodeResources has a rule of its own that is too complicated to be tried safely.",
)
NOT_A_BUNDLE = FindingKind(
    "apple.verify.code-no-bundle",
    Severity.ERROR,
    "{folder} is not an app or another bundle: {why}.",
    "The folder has no Info.plist or program where bundles have them.",
)
EXPIRES = FindingKind(
    "apple.verify.code-expires",
    Severity.INFO,
    "The certificate is valid until {date}, {left}.",
    "Days left until a new certificate is needed; a warning below 30.",
)
GATEKEEPER = FindingKind(
    "apple.verify.code-gatekeeper",
    Severity.INFO,
    "Gatekeeper stops it on a customer's Mac until Apple has notarised it.",
    "Signing alone is not enough since macOS 10.15; notarisation is the next step.",
)
TICKET = FindingKind(
    "apple.verify.code-ticket",
    Severity.INFO,
    "A notarisation ticket is stapled to it; what it says was not checked.",
    "Contents/CodeResources is there, where a ticket is stapled to.",
)


def by_extra_roots(findings: Iterable[Finding]) -> bool:
    """Tell whether anything counts only because of a root added by setting."""
    return any(each.id in (CHAIN_EXTRA.id, TIMESTAMP_EXTRA.id) for each in findings)
