"""What Gatekeeper says on a customer's Mac about a downloaded file, with network and without.

The rules are those that ``spctl --list`` prints: Developer ID code and packages are let through when Apple
has notarised them; without notarisation only when the signer's certificate has no date in extension 6.1.33,
or one before 8 April 2019. Whether Apple has notarised a file is not in the file, unless a ticket is stapled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import oids
from codesign_wizard.core.apple.trust import extension_value
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.der import DerError
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

# certificates dated from here on sign for notarisation
NOTARISED_SINCE = datetime(2019, 4, 8, tzinfo=UTC)

REFUSES = FindingKind(
    "apple.gatekeeper.refuses",
    Severity.INFO,
    "Gatekeeper stops a downloaded copy, with a network and without: its signature does not hold.",
    "What is wrong with the signature is among the other findings; notarisation does not mend it.",
)
STOPS = FindingKind(
    "apple.gatekeeper.not-notarised",
    Severity.INFO,
    "Gatekeeper stops a downloaded copy, with a network and without: Apple has not notarised it.",
    "At the level “sign only” nothing is sent to Apple. Since macOS 10.15 a signature alone is not enough.",
)
ONCE_NOTARISED = FindingKind(
    "apple.gatekeeper.once-notarised",
    Severity.INFO,
    "Once Apple has notarised it, Gatekeeper lets a downloaded copy through; without a network it stops it.",
    "No ticket is stapled, so a Mac asks Apple when the file is first opened.",
)
TO_STAPLE = FindingKind(
    "apple.gatekeeper.to-staple",
    Severity.INFO,
    "No ticket is stapled yet: until then a Mac without a network stops a downloaded copy.",
    "The level says that the ticket is stapled, which follows once Apple has notarised the file.",
)
OLD_CERTIFICATE = FindingKind(
    "apple.gatekeeper.old-certificate",
    Severity.INFO,
    "Gatekeeper lets it through without notarisation, because its certificate is of before April 2019.",
    "The certificate has no date in Apple's extension 6.1.33, or one before 8 April 2019.",
)
OPENS = FindingKind(
    "apple.gatekeeper.ticket",
    Severity.INFO,
    "Gatekeeper lets a downloaded copy through, with a network and without, if the ticket belongs to it.",
    "A notarisation ticket is stapled. What it says was not checked here.",
)


class Answer(StrEnum):
    """What happens when a customer opens a downloaded copy."""

    OPENS = "opens"
    STOPS = "stops"
    ONCE_NOTARISED = "opens-once-notarised"


@dataclass(frozen=True)
class Gatekeeper:
    """What Gatekeeper says at a level, and the finding that tells it."""

    level: str
    online: Answer
    offline: Answer
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the judgement as documented in docs/json.md."""
        return {"level": self.level, "online": self.online.value, "offline": self.offline.value}


def gatekeeper(
    level: str, *, acceptable: bool, ticket: bool, certificate: x509.Certificate | None
) -> Gatekeeper:
    """Judge by *level* (of ``profile.LEVELS``); *acceptable* tells whether the signature itself holds.

    *ticket* tells whether one is stapled, *certificate* is the signer's.
    """
    return _answer(level, list(_rules(level, acceptable, ticket, certificate)))


def _rules(
    level: str, acceptable: bool, ticket: bool, certificate: x509.Certificate | None
) -> Iterator[tuple[FindingKind, Answer, Answer]]:
    """Yield what applies, the first one decides."""
    if not acceptable or certificate is None:
        yield REFUSES, Answer.STOPS, Answer.STOPS
    if ticket:
        yield OPENS, Answer.OPENS, Answer.OPENS
    if certificate is not None and not _wants_notarisation(certificate):
        yield OLD_CERTIFICATE, Answer.OPENS, Answer.OPENS
    if level == "sign-only":
        yield STOPS, Answer.STOPS, Answer.STOPS
    if level == "staple":
        yield TO_STAPLE, Answer.ONCE_NOTARISED, Answer.STOPS
    yield ONCE_NOTARISED, Answer.ONCE_NOTARISED, Answer.STOPS


def _answer(level: str, rules: list[tuple[FindingKind, Answer, Answer]]) -> Gatekeeper:
    kind, online, offline = rules[0]
    remedies = []
    if kind is STOPS:
        remedies = [Remedy(title=tr("Choose a level with notarisation for what customers download."))]
    return Gatekeeper(level, online, offline, [kind(certainty=Certainty.COMPUTED, remedies=remedies)])


def _wants_notarisation(certificate: x509.Certificate) -> bool:
    date = certificate_date(certificate)
    return date is not None and date >= NOTARISED_SINCE


def certificate_date(certificate: x509.Certificate) -> datetime | None:
    """Return the date in Apple's extension 6.1.33 (UTC), or ``None`` without one that can be read."""
    value = extension_value(certificate, oids.DEVELOPER_ID_DATE)
    if not value:
        return None
    try:
        # the extension holds its date as a string or a time
        text = der.read_string(der.read(value))
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except (DerError, ValueError):
        return None
