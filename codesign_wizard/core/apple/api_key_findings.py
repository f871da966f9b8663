"""The findings about the App Store Connect API key: its file, its ids, and what Apple says to it."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

ACCESS = "https://appstoreconnect.apple.com/access/integrations/api"

UNREADABLE = FindingKind(
    "apple.api-key.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The API key's file is missing, is a folder, or the system does not let it be read.",
)
NOT_A_KEY = FindingKind(
    "apple.api-key.not-a-key",
    Severity.ERROR,
    "{file} is not the API key: {what}.",
    "The file is of another kind: a public key, a .p12, a text.",
)
CERTIFICATE = FindingKind(
    "apple.api-key.certificate",
    Severity.ERROR,
    "{file} is a certificate, not the API key.",
    "A certificate was given where the private key AuthKey_….p8 belongs.",
)
ENCRYPTED = FindingKind(
    "apple.api-key.encrypted",
    Severity.ERROR,
    "{file} is encrypted; the API key comes from Apple without a password.",
    "The private key is protected by a password, which Apple's file never is.",
)
WRONG_KIND = FindingKind(
    "apple.api-key.wrong-kind",
    Severity.ERROR,
    "{file} holds a key of another kind ({kind}); Apple's API keys are EC P-256.",
    "The private key is RSA, Ed25519 or the like.",
)
WRONG_CURVE = FindingKind(
    "apple.api-key.wrong-curve",
    Severity.ERROR,
    "{file} holds an EC key of the curve {curve}; Apple's API keys are of P-256.",
    "The private key is on another curve than P-256.",
)
DAMAGED = FindingKind(
    "apple.api-key.damaged",
    Severity.ERROR,
    "{file} is cut short or damaged: {why}.",
    "The file begins like a private key but cannot be read to its end.",
)
OTHER_PURPOSE = FindingKind(
    "apple.api-key.other-purpose",
    Severity.WARNING,
    "{file} is named like a key for in-app purchases, not for App Store Connect.",
    "Keys for in-app purchases are called SubscriptionKey_….p8; the notary service does not know them.",
)
NONE = FindingKind(
    "apple.api-key.none",
    Severity.ERROR,
    "There is no App Store Connect API key yet.",
    "No key is in the keyring, and none was given.",
)
KEY_ID_MISSING = FindingKind(
    "apple.api-key.key-id-missing",
    Severity.ERROR,
    "The Key ID is missing.",
    "The Key ID was not given, and the file's name does not tell it.",
)
KEY_ID_WRONG = FindingKind(
    "apple.api-key.key-id-wrong",
    Severity.ERROR,
    "{value} is not a Key ID: {why}.",
    "A Key ID is ten capital letters and digits.",
)
KEY_ID_CASE = FindingKind(
    "apple.api-key.key-id-case",
    Severity.INFO,
    "The Key ID was taken in capital letters: {value}.",
    "Key IDs are capital letters and digits; what was typed had small ones.",
)
KEY_ID_DIFFERS = FindingKind(
    "apple.api-key.key-id-differs",
    Severity.WARNING,
    "The Key ID is {value}, but the file's name says {named}.",
    "Apple names the file after its key; another Key ID beside it is usually a mistake.",
)
ISSUER_MISSING = FindingKind(
    "apple.api-key.issuer-missing",
    Severity.ERROR,
    "The Issuer ID is missing; a key that has none is an individual key, which the notary service refuses.",
    "Team keys have an Issuer ID, above the list of keys; individual keys have none and cannot notarise.",
)
ISSUER_WRONG = FindingKind(
    "apple.api-key.issuer-wrong",
    Severity.ERROR,
    "{value} is not an Issuer ID: {why}.",
    "An Issuer ID is a UUID: 8-4-4-4-12 hexadecimal digits.",
)
ACCEPTED = FindingKind(
    "apple.api-key.accepted",
    Severity.OK,
    "Apple accepts the API key {key_id}.",
    "The notary service answered a request that was signed with the key.",
)
NOT_AUTHORIZED = FindingKind(
    "apple.api-key.not-authorized",
    Severity.ERROR,
    "Apple does not accept the key: Key ID, Issuer ID and file do not belong together, or it was revoked.",
    "401; Apple does not say which. The clock was compared and is right.",
)
ISSUER_REFUSED = FindingKind(
    "apple.api-key.issuer-refused",
    Severity.ERROR,
    "Apple does not know the key {key_id} under this Issuer ID.",
    "401, with a Key ID that stands in the file's name: the Issuer ID is another team's, or the key is gone.",
)
REVOKED = FindingKind(
    "apple.api-key.revoked",
    Severity.ERROR,
    "Apple no longer accepts the key {key_id}, which worked on {date}.",
    "401, with ids that were accepted before: the key was revoked, or Apple's service has a fault.",
)

KINDS = (NOT_AUTHORIZED, ISSUER_REFUSED, REVOKED)


def where_it_comes_from() -> Remedy:
    """Return how a team key is made, which can be downloaded once."""
    return Remedy(
        title=tr("Make a team key in App Store Connect and download it; that can be done once for each key."),
        portal=(
            tr("App Store Connect > Users and Access > Integrations > App Store Connect API > Team Keys."),
            tr("Generate API Key: a name, access “Developer”. An administrator has to do it."),
            tr("Download the file AuthKey_….p8. The Issuer ID stands above the list, the Key ID in it."),
        ),
        url=ACCESS,
    )


def take_it_anew() -> Remedy:
    """Return how a damaged file is replaced."""
    return Remedy(
        title=tr("Take the file anew from where it was downloaded to, or from a backup."),
        portal=(
            tr("It is a short text: “-----BEGIN PRIVATE KEY-----”, four lines, “-----END PRIVATE KEY-----”."),
            tr("Give the file itself: copying its text from a mail or a web page often loses a line."),
        ),
    )


def take_the_password_off() -> Remedy:
    """Return how a key that somebody encrypted becomes Apple's file again."""
    return Remedy(
        title=tr("Give the file as Apple gave it, or take the password off."),
        portal=(
            tr("Where OpenSSL is installed: {command}").format(
                command="openssl pkcs8 -in AuthKey_….p8 -out AuthKey.p8"
            ),
            tr("It asks for the password. Delete the new file once it was given here: the keyring has it."),
        ),
    )


def compare_ids() -> Remedy:
    """Return where the ids stand."""
    return Remedy(
        title=tr("Compare both ids with App Store Connect."),
        portal=(
            tr("App Store Connect > Users and Access > Integrations > App Store Connect API > Team Keys."),
            tr("Issuer ID: above the list; it is the same for all keys of a team."),
            tr("Key ID: in the key's line. A key that is not under Active was revoked."),
        ),
        url=ACCESS,
    )
