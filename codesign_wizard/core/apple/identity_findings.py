"""What is found about Apple identities: each mistake that people make, with its way out."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

CERTIFICATES_PAGE = "https://developer.apple.com/account/resources/certificates/list"

UNREADABLE = FindingKind(
    "apple.identity.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)
NOT_P12 = FindingKind(
    "apple.identity.not-p12",
    Severity.ERROR,
    "{file} is no .p12 file: {what}.",
    "The file is of another kind, whatever its name says.",
)
CERTIFICATE_ONLY = FindingKind(
    "apple.identity.certificate-only",
    Severity.ERROR,
    "{file} is a certificate without its private key ({name}).",
    "A .cer file, perhaps renamed to .p12: Apple's site gives the certificate only; the key stays put.",
)
DAMAGED = FindingKind(
    "apple.identity.damaged",
    Severity.ERROR,
    "{file} is damaged: it begins like a .p12 file but cannot be read to its end.",
    "The file was cut short or changed on its way.",
)
PASSWORD_WRONG = FindingKind(
    "apple.identity.password-wrong",
    Severity.ERROR,
    "The password does not open {file}.",
    "The password is another one, or, less probably, the file was changed.",
)
PASSWORD_MISSING = FindingKind(
    "apple.identity.password-missing",
    Severity.ERROR,
    "{file} is protected by a password.",
    "The file opens neither without a password nor with an empty one.",
)
TOO_COSTLY = FindingKind(
    "apple.identity.too-costly",
    Severity.ERROR,
    "{file} asks for more work than any .p12 file needs and is not opened.",
    "The file is over 1 MiB, has over 32 keys, or wants millions of key-derivation rounds.",
)
UNSUPPORTED = FindingKind(
    "apple.identity.unsupported",
    Severity.ERROR,
    "{file} is protected in a way that cannot be opened here: {what}.",
    "The encryption or the kind of key is one that this program's cryptography does not know.",
)
CONTENT = FindingKind(
    "apple.identity.content",
    Severity.ERROR,
    "The password opens {file}, but the key or certificate in it cannot be read.",
    "A key of a kind that Apple does not certify (such as Ed25519), or one that is not in its standard form.",
)
NO_KEY = FindingKind(
    "apple.identity.no-key",
    Severity.ERROR,
    "{file} holds certificates but no private key, so nothing can be signed with it.",
    "Only the certificate was exported, not the identity.",
)
NO_CERTIFICATE = FindingKind(
    "apple.identity.no-certificate",
    Severity.ERROR,
    "{file} holds a private key, but no certificate that belongs to it.",
    "The key was exported without its certificate, or with another key's.",
)
EMPTY = FindingKind(
    "apple.identity.empty",
    Severity.ERROR,
    "{file} holds neither a key nor a certificate.",
    "The .p12 file opens but nothing is in it.",
)
SEVERAL = FindingKind(
    "apple.identity.several",
    Severity.WARNING,
    "{file} holds {count} identities; {name} is the one that is used.",
    "Several identities were exported into one file; programs differ in which one they take.",
)
MORE_POSSIBLE = FindingKind(
    "apple.identity.more-keys-possible",
    Severity.INFO,
    "{file} hides its keys behind the password, so only the first one is seen.",
    "Keys and certificates were encrypted together; whether there is a second identity cannot be told.",
)
WRONG_KIND = FindingKind(
    "apple.identity.wrong-kind",
    Severity.ERROR,
    "{file} holds a certificate “{kind}”, which does not sign for distribution outside the App Store.",
    "A development, App Store or other certificate in place of a Developer ID one.",
)
NOT_APPLE = FindingKind(
    "apple.identity.not-apple",
    Severity.ERROR,
    "{file} holds a certificate that Apple did not make for signing ({name}, issued by {issuer}).",
    "The certificate has none of Apple's marks: self-made, or meant for Windows or a web site.",
)
SWAPPED = FindingKind(
    "apple.identity.swapped",
    Severity.ERROR,
    "{file} is the {kind} certificate, not the {wanted} one.",
    "The Installer and the Application file changed places.",
)
BOTH_SAME = FindingKind(
    "apple.identity.both-same",
    Severity.ERROR,
    "Both files are {kind} certificates; the {missing} one is missing.",
    "The same kind of certificate was given twice.",
)
TEAMS_DIFFER = FindingKind(
    "apple.identity.teams-differ",
    Severity.ERROR,
    "The two files belong to two teams: {first} and {second}.",
    "The Installer certificate is of one team, the Application certificate of another.",
)
PASSWORDS_DIFFER = FindingKind(
    "apple.identity.passwords-differ",
    Severity.ERROR,
    "The two files are under two passwords; the server takes one for both.",
    "The Installer and the Application file were exported under different passwords.",
)
EXPIRED = FindingKind(
    "apple.identity.expired",
    Severity.ERROR,
    "The certificate in {file} expired on {date}.",
    "Nothing new can be signed with an expired certificate; what is signed and time-stamped stays valid.",
)
NOT_YET = FindingKind(
    "apple.identity.not-yet-valid",
    Severity.ERROR,
    "The certificate in {file} is valid only from {date}.",
    "The certificate's time has not begun, or this computer's clock is wrong.",
)
EXPIRING = FindingKind(
    "apple.identity.expiring",
    Severity.WARNING,
    "The certificate in {file} expires on {date}, {left}.",
    "The certificate ends within 60 days.",
)
AUTHORITY_ENDS = FindingKind(
    "apple.identity.authority-ends",
    Severity.WARNING,
    "The certificate in {file} was issued by Apple's first Developer ID authority, which ends on {date}.",
    "The issuing certificate (G1) ends before the certificate itself, or soon; nothing new is signed then.",
)
KEY_SMALL = FindingKind(
    "apple.identity.key-small",
    Severity.ERROR,
    "The RSA key in {file} has only {bits} bits; Apple asks for 2048.",
    "The key is smaller than Apple and macOS accept.",
)
KEY_KIND = FindingKind(
    "apple.identity.key-kind",
    Severity.ERROR,
    "The key in {file} is not an RSA key; Developer ID certificates have RSA keys.",
    "The key is of a kind that Apple does not certify for Developer ID.",
)
NO_TEAM = FindingKind(
    "apple.identity.no-team",
    Severity.ERROR,
    "The certificate in {file} names no team.",
    "The subject has no organisational unit of ten letters and digits, where Apple writes the team.",
)
CHAIN_UNTRUSTED = FindingKind(
    "apple.identity.chain",
    Severity.ERROR,
    "The certificate in {file} does not lead to Apple's root: {why}.",
    "The chain of issuers is broken, ends elsewhere, or a link has expired.",
)
CHAIN_COMPLETED = FindingKind(
    "apple.identity.chain-completed",
    Severity.INFO,
    "{file} lacks Apple's intermediate certificate; it is added from this program.",
    "Keychain Access exports the identity alone; signing puts the intermediate certificate beside it.",
)
UNWRITABLE = FindingKind(
    "apple.identity.unwritable",
    Severity.ERROR,
    "{file} cannot be written: {why}.",
    "The folder is missing or full, or the system does not let the file be written.",
)
NEW_PASSWORD_MISSING = FindingKind(
    "apple.identity.new-password-missing",
    Severity.ERROR,
    "A password is needed for the .p12 files that are to be written.",
    "A file with a private key is never written without a password.",
)
WRITTEN = FindingKind(
    "apple.identity.written",
    Severity.OK,
    "Written, with key and whole chain: {files}.",
    "The .p12 files were written and opened again with their password.",
)
REQUESTED = FindingKind(
    "apple.request.made",
    Severity.OK,
    "The key and signing request for {kind} are ready: {file}.",
    "A key was made here and kept, encrypted; its signing request was written for Apple's site.",
)
REQUEST_WAITS = FindingKind(
    "apple.request.waits",
    Severity.INFO,
    "A signing request for {kind} of {date} waits already, and is given out again: {file}.",
    "The same key is used; a request anew would not fit a certificate that Apple makes meanwhile.",
)
NO_KEYRING = FindingKind(
    "apple.request.no-keyring",
    Severity.ERROR,
    "This system has no keyring to keep the keys' password in.",
    "The keys wait on disk, encrypted, until the certificates arrive; their password must outlive this run.",
)
KEYS_LOCKED = FindingKind(
    "apple.request.keys-locked",
    Severity.ERROR,
    "The key for {kind} that was made here does not open with the password kept for it.",
    "The keyring was emptied, or the key comes from another computer or user.",
)
NOT_OURS = FindingKind(
    "apple.request.not-ours",
    Severity.ERROR,
    "{file} ({name}) does not belong to any key that was made here.",
    "The certificate was made for another signing request: another computer, user or profile has its key.",
)
NOTHING_ASKED = FindingKind(
    "apple.request.none",
    Severity.ERROR,
    "No signing request was made here that a certificate could belong to.",
    "There are no keys that wait for a certificate in this profile.",
)
NO_CERTIFICATES = FindingKind(
    "apple.request.no-certificate",
    Severity.ERROR,
    "{file} holds no certificate: {what}.",
    "Another file than the .cer from Apple's site was given.",
)
FOUND = FindingKind(
    "apple.identity.found",
    Severity.OK,
    "{file}: {kind} of {name} (team {team}), valid until {date}.",
    "A Developer ID identity with its key, good to sign with.",
)
PAIR_FITS = FindingKind(
    "apple.identity.pair",
    Severity.OK,
    "Installer and Application belong to the same team, {team}, and open with one password.",
    "Both files fit together as the server wants them.",
)


def export_with_key() -> Remedy:
    """How to export an identity from Keychain Access, with its key."""
    return Remedy(
        title=tr("Export the certificate together with its key, on the Mac that made the request."),
        portal=(
            tr("Open Keychain Access, keychain “login”, category “My Certificates”."),
            tr("Unfold the certificate: a private key must appear below it, or this is another Mac."),
            tr("Select the certificate, File > Export Items, format .p12, and choose a password."),
        ),
        url="https://support.apple.com/guide/keychain-access/kyca35961/mac",
    )


def make_anew(kind: str) -> Remedy:
    """How to get a certificate of *kind* from Apple's site."""
    return Remedy(
        title=tr("Create a {kind} certificate on Apple's site.").format(kind=kind),
        portal=(
            tr("Sign in as the Account Holder: only that role creates Developer ID certificates."),
            tr("Certificates, + (add), under Software choose {kind}.").format(kind=kind),
            tr("Choose G2 Sub-CA, upload the signing request, and download the .cer file."),
        ),
        url=CERTIFICATES_PAGE,
    )


def choose_other_field() -> Remedy:
    """Where a swapped file belongs."""
    return Remedy(title=tr("Give each file in the other's place."))


def repack() -> Remedy:
    """How both files come under one password."""
    return Remedy(
        title=tr("Re-export both files under one password."),
        portal=(tr("Run `codesign-wizard identity repack` with both files."),),
    )


def type_password() -> Remedy:
    """What to try when a password does not fit."""
    return Remedy(
        title=tr("Type the password that was chosen when the file was exported."),
        portal=(
            tr("It is not the password of the Mac or of the Apple account, unless the same was chosen."),
            tr("If it is lost, export the file again: a .p12 cannot be opened without it."),
        ),
    )


def assemble() -> Remedy:
    """Where the key of a certificate may wait here."""
    return Remedy(
        title=tr("If its signing request was made here, put the .cer together with the key that waits."),
        portal=(tr("Run `codesign-wizard identity assemble` with the .cer file."),),
    )
