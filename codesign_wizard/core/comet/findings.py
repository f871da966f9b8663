"""What can be wrong between here and the server, and on it, by the server's own words."""

from __future__ import annotations

from codesign_wizard.core.finding import FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

ADDRESS_MISSING = FindingKind(
    "server.address.missing",
    Severity.ERROR,
    "The server's address is missing.",
    "The profile, the options and the environment name no Comet Server.",
)
ADDRESS_WRONG = FindingKind(
    "server.address.wrong",
    Severity.ERROR,
    "{address} is not the address of a server: {why}.",
    "The server's address cannot be read, or has a password in it.",
)
ADDRESS_PLAIN = FindingKind(
    "server.address.plain-http",
    Severity.ERROR,
    "{host} would be spoken to without encryption: password and secrets could be read on the way.",
    "An http address leads to another computer than this one; it is used only when that was asked for.",
)
ADDRESS_PLAIN_USED = FindingKind(
    "server.address.plain-http-used",
    Severity.WARNING,
    "{host} is spoken to without encryption: password and secrets can be read on the way.",
    "An http address of another computer is used, as asked.",
)
USER_MISSING = FindingKind(
    "server.sign-in.user-missing",
    Severity.ERROR,
    "The administrator's user name is missing.",
    "The profile, the options and the environment name no administrator of the server.",
)
PASSWORD_MISSING = FindingKind(
    "server.sign-in.password-missing",
    Severity.ERROR,
    "The password of {user} is missing.",
    "Neither keyring nor environment nor standard input has the administrator's password.",
)
SIGN_IN_REFUSED = FindingKind(
    "server.sign-in.refused",
    Severity.ERROR,
    "The server refuses the sign-in of {user}.",
    "User name, password or one-time code are wrong. It was tried once, so that nobody is locked out.",
)
CODE_NEEDED = FindingKind(
    "server.sign-in.code-needed",
    Severity.ERROR,
    "The server asks for a one-time code for {user}.",
    "The account has two-factor authentication (ERR_TOTP_REQUIRED).",
)
SIGNED_IN = FindingKind(
    "server.sign-in.ok",
    Severity.OK,
    "Signed in to {host} as {user}, version {version}.",
    "The server gave a session; it is ended when the work is done.",
)
SESSION_ENDED = FindingKind(
    "server.sign-in.session-ended",
    Severity.ERROR,
    "The session on {host} has ended.",
    "The server no longer takes the session's key: it expired or was revoked.",
)
NOT_ENDED = FindingKind(
    "server.sign-in.not-revoked",
    Severity.WARNING,
    "The session on {host} could not be ended: {why}",
    "The session key stays valid until the server lets it expire.",
)
NO_SERVER = FindingKind(
    "server.answer.not-comet",
    Severity.ERROR,
    "{host} does not answer like a Comet Server.",
    "The answer is no JSON of the server's API: another program, a log-in page or a proxy is there.",
)
REDIRECTED = FindingKind(
    "server.answer.redirected",
    Severity.ERROR,
    "{host} leads elsewhere: to {target}.",
    "The server answered with a redirection, which is not followed: it would carry the password along.",
)
REFUSED = FindingKind(
    "server.answer.refused",
    Severity.ERROR,
    "The server refuses {what}: {words}",
    "The server answered a call with a status of its own outside 200 to 299.",
)
CLOCK = FindingKind(
    "server.clock",
    Severity.WARNING,
    "The server's clock is {offset} {direction} this computer.",
    "The server's time (CurrentTime) differs by five minutes or more: one-time codes and signing suffer.",
)

DENIED = FindingKind(
    "server.settings.denied",
    Severity.ERROR,
    "{user} may not see or change the server's branding.",
    "The administrator account is kept from the branding settings, where signing is set up.",
)
TENANT = FindingKind(
    "server.account.tenant",
    Severity.WARNING,
    "{user} is an administrator of a tenant, not of the whole server.",
    "What is read and changed is most likely the tenant's own branding; the server's log cannot be read.",
)
ROLE_OFF = FindingKind(
    "server.build.role-off",
    Severity.ERROR,
    "The server builds no clients: its Software Build role is off.",
    "The settings can be saved, but no client is built and signed without this role.",
)
ROLE_DENIED = FindingKind(
    "server.build.role-denied",
    Severity.ERROR,
    "{user} may not build clients on this server.",
    "The account has DenySoftwareBuildRole.",
)
PREBUILT = FindingKind(
    "server.settings.prebuilt",
    Severity.ERROR,
    "The server gives out the vendor's pre-built client: the signing settings have no effect.",
    "BuildMode is 1 (pre-built). Only custom builds are signed with the partner's certificate.",
)
TOO_OLD = FindingKind(
    "server.settings.too-old",
    Severity.ERROR,
    "The server is too old for {what}: it has {version}, and {needed} is needed.",
    "The version does not know the fields yet; the version needed is an upper bound.",
)
UNREADABLE = FindingKind(
    "server.settings.unreadable",
    Severity.ERROR,
    "The server's settings cannot be read: {why}.",
    "What the server sent as branding is no JSON object.",
)
SAME = FindingKind(
    "server.settings.same",
    Severity.OK,
    "The server has what the profile holds.",
    "No difference in the signing settings.",
)
ONLY_SECRETS = FindingKind(
    "server.settings.not-compared",
    Severity.INFO,
    "The server has what the profile holds, as far as it can be seen: {count} cannot be compared.",
    "The server does not show its secrets; applying gives it those of the profile once more.",
)
DIFFERENT = FindingKind(
    "server.settings.different",
    Severity.INFO,
    "Not as in the profile: {count} of the server's settings.",
    "The server's signing settings are not what the profile holds.",
)
NOTHING = FindingKind(
    "server.settings.nothing",
    Severity.ERROR,
    "The profile holds nothing yet that could be given to the server.",
    "None of the wanted options is filled in.",
)
INCOMPLETE = FindingKind(
    "server.settings.incomplete",
    Severity.ERROR,
    "The profile lacks {what} for the server.",
    "The server would be given half of what it needs to sign.",
)
FIELD_UNSURE = FindingKind(
    "server.settings.field-unsure",
    Severity.WARNING,
    "The files go into {fields}, which is the likely field: look at it on the server once.",
    "The vendor's documentation does not say which of two fields takes an uploaded .p12.",
)
FAILS_HERE = FindingKind(
    "server.settings.azure-fails-here",
    Severity.WARNING,
    "With the Azure options that the server would be given, the vault does not sign from here: {why}",
    "A test signature from this computer with the five options failed.",
)
FILE_UNREADABLE = FindingKind(
    "server.settings.file",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "A file that the profile names for the server is missing or cannot be used.",
)


def password_remedies() -> list[Remedy]:
    """Return what to do about a refused sign-in."""
    return [
        Remedy(
            title=tr("Check user name and password on the server's own web page; then give them again."),
            portal=(
                tr("Open the server's address in a browser and sign in as the administrator."),
                tr("With two-factor authentication, wait for a fresh code: each works once."),
            ),
        )
    ]


def branding_remedies(user: str) -> list[Remedy]:
    """Return how an administrator gets the right to the branding."""
    return [
        Remedy(
            title=tr(
                "Let a top-level administrator allow {user} to edit the branding, or sign in as one."
            ).format(user=user),
            portal=(
                tr("On the server: Settings, Admin accounts, the account."),
                tr("Untick Prevent editing server settings, or tick Allow editing branding."),
            ),
        )
    ]


def role_remedies() -> list[Remedy]:
    """Return how the Software Build role is switched on."""
    return [
        Remedy(
            title=tr("Switch the role on. A hosted server has it; on a server of your own it is a setting."),
            portal=(
                tr("On the server: Settings, Roles and permissions, Software Build."),
                tr("Tick Enable Software Build role, and save; the server restarts."),
            ),
        )
    ]
