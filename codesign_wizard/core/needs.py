"""What a partner needs before signing works, with cost and waiting time, and what of it was found already.

Costs are list prices as their sellers publish them (azure.microsoft.com/pricing/details/key-vault,
developer.apple.com/support/enrollment) and change: they are told as "about".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from codesign_wizard.core.expiry import endings
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    CERTIFICATE_EXPIRES,
    KEY_VAULT,
    SERVER,
)
from codesign_wizard.core.profile import LEVELS, Profile
from codesign_wizard.core.text import days_until, tr
from codesign_wizard.core.text import in_days as day_words


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to have. ``found`` tells that a step has seen it."""

    key: str
    title: str
    cost: str
    waiting: str
    detail: str
    found: bool


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends at ``time`` (UTC). ``gone`` says with ``{date}`` that it has.

    A sentence of its own for each: in other languages the article goes with what it is.
    """

    what: str
    time: datetime
    gone: str = ""

    @property
    def ended(self) -> str:
        """The sentence that it has ended, and on which day."""
        return self.gone.format(date=self.time.date().isoformat())

    def days(self, now: datetime) -> int:
        """Return the days left by the calendar; negative after its day."""
        return days_until(self.time, now)


def needs(profile: Profile) -> list[Need]:
    """Return what the profile's choices ask for, in the order in which to get it."""
    seen = _seen(profile)
    wanted = []
    if profile.windows_wanted:
        wanted += [
            Need(
                "vault",
                tr("Azure subscription with a Premium Key Vault"),
                tr("about 5 USD a month"),
                tr("minutes"),
                tr("The private key lives in its hardware and never leaves it."),
                "azure.vault.found" in seen,
            ),
            Need(
                "application",
                tr("Application registration with a secret"),
                tr("no cost"),
                tr("minutes"),
                tr("What the server signs in as. The secret expires after two years at most."),
                "azure.sign-in.ok" in seen,
            ),
            Need(
                "certificate",
                tr("Code-signing certificate from a public authority"),
                tr("about 200 to 600 USD a year"),
                tr("days to two weeks"),
                tr(
                    "Such as DigiCert, GlobalSign, Sectigo or SSL.com. They check the organisation, and ask "
                    "for proof that the key is in hardware."
                ),
                "azure.signature.works" in seen,
            ),
        ]
    if profile.macos_wanted:
        apple = _apple_found(profile)
        wanted += [
            Need(
                "apple",
                tr("Apple Developer Program"),
                tr("99 USD a year"),
                tr("days to weeks"),
                tr("Organisations need a D-U-N-S number first; every new agreement must be accepted."),
                bool(apple),
            ),
            Need(
                "apple-certificates",
                tr("Developer ID Installer and Developer ID Application certificates"),
                tr("no cost"),
                tr("minutes"),
                tr(
                    "Only the Account Holder can create them, five of each kind at most. No Mac is needed: "
                    "the requests can be made here."
                ),
                len(apple) == 2,
            ),
        ]
        if profile.macos.level != LEVELS[0]:
            wanted.append(
                Need(
                    "apple-api-key",
                    tr("App Store Connect API key"),
                    tr("no cost"),
                    tr("minutes"),
                    tr("A team key with access “Developer”. An administrator makes it; it downloads once."),
                    bool(profile.macos.api_key.accepted),
                )
            )
    if profile.server_wanted:
        wanted.append(
            Need(
                "server",
                tr("Administrator of the Comet Server"),
                tr("no cost"),
                tr("none"),
                tr("With the right to change branding, on a server with the Software Build role."),
                _server_found(profile),
            )
        )
    return wanted


def next_expiry(profile: Profile) -> Expiry | None:
    """Return what of the profile expires first, as far as it is known."""
    ends = [each for each in (windows_expiry(profile), apple_expiry(profile)) if each is not None]
    words = {
        "client-secret": (tr("application secret"), tr("The application secret expired on {date}.")),
        "issuer-certificate": (
            tr("CA's intermediate certificate"),
            tr("The CA's intermediate certificate expired on {date}."),
        ),
        "apple-membership": (tr("Apple membership"), tr("The Apple membership expired on {date}.")),
    }
    ends += [
        Expiry(words[each.key][0], each.ends, words[each.key][1])
        for each in endings(profile)
        if each.key in words and each.ends is not None
    ]
    return min(ends, key=lambda each: each.time, default=None)


def apple_expiry(profile: Profile) -> Expiry | None:
    """Return which of the two Apple certificates expires first, if they are wanted and were seen."""
    result = profile.results.get(APPLE_CERTIFICATES)
    if result is None or not profile.macos_wanted:
        return None
    gone = tr("The Apple certificate expired on {date}.")
    return _expiry(tr("Apple certificate"), result.facts.get(CERTIFICATE_EXPIRES, ""), gone)


def windows_expiry(profile: Profile) -> Expiry | None:
    """Return when the certificate in the vault expires, if it is wanted and was seen.

    Of two steps that saw the certificate the later one counts: it may have been renewed in between.
    """
    if not profile.windows_wanted:
        return None
    seen = [profile.results[key] for key in (KEY_VAULT, CERTIFICATE) if key in profile.results]
    told = [each for each in seen if each.facts.get(CERTIFICATE_EXPIRES)]
    if not told:
        return None
    latest = max(told, key=lambda each: each.obtained)
    gone = tr("The certificate expired on {date}.")
    return _expiry(tr("certificate"), latest.facts[CERTIFICATE_EXPIRES], gone)


def _expiry(what: str, text: str, gone: str) -> Expiry | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return Expiry(what, time if time.tzinfo else time.replace(tzinfo=UTC), gone)


def _apple_found(profile: Profile) -> set[str]:
    """Return for which of the two kinds a good identity was found."""
    result = profile.results.get(APPLE_CERTIFICATES)
    told = result.details.get("severity", {}) if result is not None else {}
    return {kind for kind, severity in told.items() if severity != Severity.ERROR}


def _server_found(profile: Profile) -> bool:
    """Tell whether an administrator signed in who may change the branding of a server that builds clients."""
    result = profile.results.get(SERVER)
    ids = {finding.id for finding in result.findings} if result is not None else set()
    hindered = {"server.settings.denied", "server.build.role-off", "server.build.role-denied"}
    return "server.sign-in.ok" in ids and not ids & hindered


def in_days(expiry: Expiry, now: datetime) -> str:
    """Return how long there is, in words: ``in 311 days``, ``today``, ``expired``."""
    days = expiry.days(now)
    if days < 0 or expiry.time <= now:
        return tr("expired")
    return day_words(days)


def _seen(profile: Profile) -> set[str]:
    result = profile.results.get(KEY_VAULT)
    return {finding.id for finding in result.findings} if result is not None else set()
