"""What can be wrong with the Apple account, with a package that is notarised, and on the way."""

from __future__ import annotations

from codesign_wizard.core.text import tr
from codesign_wizard.practice.s3.routes import ENDPOINT
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.world import World

AREA = "Apple"
_CHECK = ("notary", "check")
_SUBMIT = ("notary", "submit")
# Apple's own words are wanted: what the look beforehand finds would end it sooner
_ANYWAY = (*_SUBMIT, "--anyway")
_STAPLE = (*_SUBMIT, "--staple")
_SLOW = 40.0  # seconds, by the cloud's clock
_LATE = 1.0
_UPLOADS = f"notary-submissions-prod.{ENDPOINT}"


@scenario(
    "agreement-missing",
    AREA,
    lambda: tr("An agreement of Apple's waits to be accepted by the Account Holder."),
    command=_CHECK,
    expects=["apple.notary.agreement-missing"],
)
def agreement_missing(world: World) -> None:
    """Apple renews its agreement, and nothing works until it is accepted."""
    world.account.agreement_missing = True


@scenario(
    "api-key-unknown",
    AREA,
    lambda: tr("The API key was revoked, or is another team's."),
    command=_CHECK,
    expects=["apple.api-key.not-authorized"],
)
def api_key_unknown(world: World) -> None:
    """Apple says Unauthenticated, in plain text, and nothing more."""
    world.account.key.revoked = True


@scenario(
    "api-role-too-low",
    AREA,
    lambda: tr("The API key's role does not include notarisation."),
    command=_CHECK,
    expects=["apple.notary.role-too-low"],
)
def api_role_too_low(world: World) -> None:
    """A key of Sales or Finance."""
    world.account.key.role = "SALES"


@scenario(
    "team-not-configured",
    AREA,
    lambda: tr("Apple has not set the team up for notarisation yet."),
    command=_SUBMIT,
    expects=["apple.notary.team-not-configured"],
)
def team_not_configured(world: World) -> None:
    """Status code 7000, as some new teams get for weeks."""
    world.account.configured = False


@scenario(
    "notary-unsigned",
    AREA,
    lambda: tr("The practice company's build leaves its package and programs unsigned."),
    command=_ANYWAY,
    expects=[
        "apple.notary.invalid",
        "apple.notary.issue-unsigned",
        "apple.notary.issue-timestamp",
        "apple.notary.issue-hardened-runtime",
    ],
)
def notary_unsigned(world: World) -> None:
    """The build's output, as it came out."""
    world.accounts.package = "unsigned"


@scenario(
    "notary-no-hardened-runtime",
    AREA,
    lambda: tr("The practice company's build signs its programs without the hardened runtime."),
    command=_ANYWAY,
    expects=["apple.notary.invalid", "apple.notary.issue-hardened-runtime"],
)
def notary_no_hardened_runtime(world: World) -> None:
    """Nobody passed --options runtime."""
    world.accounts.package = "no-hardened-runtime"


@scenario(
    "notary-no-timestamp",
    AREA,
    lambda: tr("The practice company's build signs package and programs without a time stamp."),
    command=_ANYWAY,
    expects=["apple.notary.invalid", "apple.notary.issue-timestamp"],
)
def notary_no_timestamp(world: World) -> None:
    """Nobody passed --timestamp."""
    world.accounts.package = "no-timestamp"


@scenario(
    "notary-wrong-certificate",
    AREA,
    lambda: tr("The practice company's build signs with Apple Distribution in place of Developer ID."),
    command=_ANYWAY,
    expects=["apple.notary.invalid", "apple.notary.issue-certificate"],
)
def notary_wrong_certificate(world: World) -> None:
    """A certificate for the App Store."""
    world.accounts.package = "wrong-certificate"


@scenario(
    "notary-slow",
    AREA,
    lambda: tr("Apple takes longer than one wants to wait."),
    command=(*_SUBMIT, "--wait-at-most", "0.02"),
    expects=["apple.notary.in-progress"],
)
def notary_slow(world: World) -> None:
    """In Progress, for now; the submission goes on at Apple."""
    world.notary.processing = _SLOW


@scenario(
    "upload-fails",
    AREA,
    lambda: tr("A firewall tears every upload to Amazon S3 down."),
    command=_SUBMIT,
    expects=["apple.notary.upload-failed"],
)
def upload_fails(world: World) -> None:
    """Apple's own hosts are allowed, Amazon's are not."""
    world.conditions.resets.add(_UPLOADS)


@scenario(
    "ticket-late",
    AREA,
    lambda: tr("The ticket lags behind Apple's result."),
    command=_STAPLE,
    expects=["apple.staple.done"],
)
def ticket_late(world: World) -> None:
    """It is not there at first, and patience brings it."""
    world.tickets.lag = _LATE


@scenario(
    "ticket-missing",
    AREA,
    lambda: tr("Accepted, but there is no ticket."),
    command=_STAPLE,
    expects=["apple.ticket.not-found"],
)
def ticket_missing(world: World) -> None:
    """Record not found, however often one asks."""
    world.tickets.withheld = True
