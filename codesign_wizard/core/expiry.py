"""What of a profile ends, and when: read off the results that are kept, or typed where nobody tells it.

A step tells an end by a fact whose name ends in ``_expires`` (ISO 8601). So whatever a later step sees
appears here by itself; tokens, which last minutes, do not count. Nothing here asks anybody: what was seen
last is what is known, and each end says when that was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from codesign_wizard.core.certificates.reminders import DAYS_BEFORE, Reminder, uid
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity, iso
from codesign_wizard.core.flow import (
    CERTIFICATE,
    CERTIFICATE_EXPIRES,
    KEY_VAULT,
    OPEN,
    PENDING,
    WINDOWS_TRIAL,
    Flow,
)
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import days_until, in_days, tr

SECRET_EXPIRES = "secret_expires"  # a fact's name, not a value
NEAR_DAYS = 60
# Apple's two intermediates for Developer ID (apple.com/certificateauthority); nothing outlives its issuer
_G1_ENDS = datetime(2027, 2, 1, 22, 12, 15, tzinfo=UTC)
_G2_ENDS = datetime(2031, 9, 17, tzinfo=UTC)
_OURS = (KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL)
_FACT = re.compile(r"([a-z][a-z0-9_]*)_expires")
_NOT_ENDS = ("token", "certificate", "secret")  # tokens last an hour; the others have lines of their own
_AGREEMENT = "apple.notary.agreement-missing"
_MEMBERSHIP = "apple.notary.membership-expired"

ENDED = FindingKind(
    "expiry.ended",
    Severity.ERROR,
    "{what} ended on {date}.",
    "Something that signing needs has expired.",
)
SOON = FindingKind(
    "expiry.soon",
    Severity.WARNING,
    "{what} ends on {date}, {left}.",
    "Something that signing needs ends within the days that were asked for.",
)
UNKNOWN = FindingKind(
    "expiry.unknown",
    Severity.INFO,
    "{what}: when it ends is not known.",
    "Nobody told the end yet, or only a person can look it up.",
)


class Known(StrEnum):
    """How an end is known."""

    SEEN = "seen"  # a service or a certificate told it
    TYPED = "typed"
    COMPUTED = "computed"
    LIKELY = "likely"  # a service told of several, and this is the earliest
    UNKNOWN = "unknown"
    NEVER = "never"  # it has no end


@dataclass(frozen=True, slots=True)
class Ending:
    """One thing that ends. ``key`` is stable; ``what`` begins a sentence; ``ends`` is in UTC where known.

    ``known`` says how it is known, ``note`` what else there is to say; ``seen`` is when it was looked at;
    ``asked_for``: what replaces it is, so that nobody has to begin anew.
    """

    key: str
    what: str
    ends: datetime | None
    known: Known
    note: str = ""
    seen: datetime | None = None
    asked_for: bool = False

    def days(self, now: datetime) -> int | None:
        """Return the days left by the calendar, negative after its day; ``None`` without a known end."""
        return None if self.ends is None else days_until(self.ends, now)

    def near(self, now: datetime, days: int = NEAR_DAYS) -> bool:
        """Tell whether it has ended or ends within *days*."""
        return self.ends is not None and self.ends <= now + timedelta(days=days)

    def to_json(self, now: datetime) -> dict[str, object]:
        """Return the line as docs/json.md has it."""
        return {
            "key": self.key,
            "what": self.what,
            "ends": None if self.ends is None else iso(self.ends),
            "days": self.days(now),
            "known": self.known.value,
            "note": self.note,
            "seen": None if self.seen is None else iso(self.seen),
        }


def endings(profile: Profile) -> list[Ending]:
    """Return what of the profile ends: first what is known, the earliest first, then the rest."""
    found: list[Ending] = []
    if profile.windows_wanted:
        found += [_certificate(profile), _client_secret(profile)]
    if profile.macos_wanted:
        found += [*_apple(profile), _api_key(profile), _membership(profile), *_agreement(profile)]
    else:
        found += _told_by_steps(profile)
    return sorted(found, key=lambda each: (each.ends is None, each.ends or _G2_ENDS))


def parse_end(text: str) -> datetime | None:
    """Return a typed date (2027-05-01: the end of that day, UTC) or time; ``None`` for anything else."""
    text = text.strip()
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    # a time of the year 1 with an offset lies before all time
    except (ValueError, OverflowError):
        return None


def within(found: Iterable[Ending], days: int, *, now: datetime, severity: Severity) -> list[Finding]:
    """Return a finding for each that has ended or ends within *days* (of *severity*), or is not known."""
    findings = []
    for each in found:
        left = each.days(now)
        if each.ends is None or left is None:
            if each.known is Known.UNKNOWN:
                findings.append(UNKNOWN(what=each.what, detail=each.note, certainty=Certainty.COMPUTED))
        elif each.ends <= now:
            findings.append(ENDED(what=each.what, date=_day(each.ends), **_told(each)))
        elif each.near(now, days):
            findings.append(
                SOON(
                    what=each.what, date=_day(each.ends), left=in_days(left), severity=severity, **_told(each)
                )
            )
    return findings


def reminders_of(found: Iterable[Ending], name: str, *, now: datetime | None = None) -> list[Reminder]:
    """Return calendar entries 60, 30 and 14 days before each end and on its day, for the profile *name*."""
    now = now or datetime.now(UTC)
    made = []
    for each in found:
        if each.ends is None:
            continue
        for before in (*DAYS_BEFORE, 0):
            day = each.ends.astimezone(UTC).date() - timedelta(days=before)
            if day < now.astimezone(UTC).date():
                continue
            words = tr("{what} ends in {days} days ({name})") if before else tr("{what} ends today ({name})")
            made.append(
                Reminder(
                    uid(name, each.key, each.ends, before),
                    day,
                    before,
                    words.format(what=each.what, days=before, name=name),
                    tr("{what} ends on {time}. {note}")
                    .format(what=each.what, time=f"{each.ends:%Y-%m-%d %H:%M} UTC", note=each.note)
                    .strip(),
                )
            )
    return sorted(made, key=lambda each: each.day)


def _certificate(profile: Profile) -> Ending:
    what = tr("Code-signing certificate")
    told = _latest(profile, CERTIFICATE_EXPIRES, _OURS)
    if told is None:
        waits = profile.results.get(CERTIFICATE)
        pending = waits is not None and waits.ok and waits.details.get(OPEN) == PENDING
        note = tr("It comes with the CA's answer.") if pending else tr("Sign in: it is read off the vault.")
        return Ending("certificate", what, None, Known.UNKNOWN, note)
    if _asked_for(profile, told[0]):
        note = tr("A request for its next version waits for the CA's answer.")
        return Ending("certificate", what, told[0], Known.SEEN, note, told[1].obtained, asked_for=True)
    # a signature that was time-stamped before stays good
    note = tr("What was signed and time-stamped before stays good.")
    return Ending("certificate", what, told[0], Known.SEEN, note, told[1].obtained)


def _asked_for(profile: Profile, ends: datetime) -> bool:
    """Tell whether a request waited beside the certificate that *ends* then, when somebody looked last.

    Read off what is kept, without the modules that know all of it: the first window shows this.
    """
    result = profile.results.get(CERTIFICATE)
    if result is None or parse_end(result.facts.get(CERTIFICATE_EXPIRES, "")) != ends:
        return False
    desk = result.details.get("desk")
    return isinstance(desk, Mapping) and bool(desk.get("request"))


def _client_secret(profile: Profile) -> Ending:
    what = tr("Application secret")
    flow = Flow(profile)
    fresh = {
        key: result for key, result in profile.results.items() if result.inputs == flow.inputs(key)
    }  # of the present secret
    told = _latest(profile, SECRET_EXPIRES, tuple(fresh))
    if told is not None:
        facts = told[1].facts
        known, note = Known.SEEN, tr("Make the next one before, and put it in everywhere.")
        if facts.get("secret_expires_certainty") == Certainty.LIKELY.value:
            known, note = Known.LIKELY, tr("Several secrets begin alike; this is the first of them to end.")
        seen = parse_end(facts.get("secret_seen", "")) or told[1].obtained
        return Ending("client-secret", what, told[0], known, note, seen)
    typed = parse_end(profile.ends.client_secret)
    if typed is not None:
        return Ending("client-secret", what, typed, Known.TYPED, tr("As typed."))
    return Ending(
        "client-secret",
        what,
        None,
        Known.UNKNOWN,
        tr(
            "The secret itself does not tell it. An administrator's sign-in on Permissions reads it; or see "
            "App registrations > the application > Certificates & secrets, and type it in."
        ),
    )


def _apple(profile: Profile) -> list[Ending]:
    told = _told_by_steps(profile)
    kinds = {
        "application": tr("Developer ID Application certificate"),
        "installer": tr("Developer ID Installer certificate"),
    }
    missing = [
        Ending(f"{key}-certificate", what, None, Known.UNKNOWN, tr("It is read off the .p12 file."))
        for key, what in kinds.items()
        if f"{key}-certificate" not in {each.key for each in told}
    ]
    ends = [each.ends for each in told if each.ends is not None and each.key != "issuer-certificate"]
    issuers = []
    if any(end <= _G1_ENDS for end in ends):
        issuers.append(
            Ending(
                "developer-id-g1",
                tr("Apple's intermediate Developer ID (G1)"),
                _G1_ENDS,
                Known.COMPUTED,
                tr("A certificate that it issued ends with it at the latest; new ones come from G2."),
            )
        )
    if any(end > _G1_ENDS for end in ends):
        issuers.append(
            Ending(
                "developer-id-g2",
                tr("Apple's intermediate Developer ID (G2)"),
                _G2_ENDS,
                Known.COMPUTED,
                tr("It issued a certificate of yours."),
            )
        )
    return [*told, *missing, *issuers]


def _told_by_steps(profile: Profile) -> list[Ending]:
    """Return the ends that any step's facts tell by ``NAME_expires``, of each name the latest look."""
    seen: dict[str, tuple[datetime, StepResult]] = {}
    for result in sorted(profile.results.values(), key=lambda each: each.obtained):
        for fact, text in result.facts.items():
            name = _FACT.fullmatch(fact)
            end = parse_end(text) if name is not None and name[1] not in _NOT_ENDS else None
            if name is not None and end is not None:
                seen[name[1]] = (end, result)
    words = {
        "application": tr("Developer ID Application certificate"),
        "installer": tr("Developer ID Installer certificate"),
        "issuer": tr("Intermediate of the code-signing certificate"),
    }
    if not profile.windows_wanted:
        seen.pop("issuer", None)
    return [
        Ending(
            f"{name}-certificate",
            words.get(name, name.replace("_", " ").capitalize()),
            end,
            Known.SEEN,
            result.facts.get(f"{name}_name", ""),
            result.obtained,
        )
        for name, (end, result) in seen.items()
    ]


def _api_key(profile: Profile) -> Ending:
    what = tr("App Store Connect API key")
    if not profile.macos.api_key.key_id:
        return Ending("api-key", what, None, Known.UNKNOWN, tr("No key has been given yet."))
    note = tr("It has no end; it is good until somebody revokes it.")
    return Ending("api-key", what, None, Known.NEVER, note)


def _membership(profile: Profile) -> Ending:
    what = tr("Apple Developer Program membership")
    lapsed = _found(profile, _MEMBERSHIP)
    if lapsed is not None:
        note = tr("Apple says that it has lapsed.")
        return Ending("apple-membership", what, lapsed.obtained, Known.SEEN, note, lapsed.obtained)
    typed = parse_end(profile.ends.apple_membership)
    if typed is not None:
        return Ending("apple-membership", what, typed, Known.TYPED, tr("As typed."))
    note = tr("Apple's services do not tell it: see developer.apple.com/account, and type it in.")
    return Ending("apple-membership", what, None, Known.UNKNOWN, note)


def _agreement(profile: Profile) -> list[Ending]:
    waits = _found(profile, _AGREEMENT)
    if waits is None:
        return []
    return [
        Ending(
            "apple-agreement",
            tr("Apple's agreement"),
            waits.obtained,
            Known.SEEN,
            tr("The Account Holder has to accept the present one."),
            waits.obtained,
        )
    ]


def _found(profile: Profile, finding: str) -> StepResult | None:
    for result in sorted(profile.results.values(), key=lambda each: each.obtained, reverse=True):
        if any(each.id == finding for each in result.findings):
            return result
    return None


def _latest(profile: Profile, fact: str, steps: Sequence[str]) -> tuple[datetime, StepResult] | None:
    """Return the end that the latest look told under *fact*; it may have been renewed in between."""
    told = [
        (end, result)
        for key, result in profile.results.items()
        if key in steps
        for end in [parse_end(result.facts.get(fact, ""))]
        if end is not None
    ]
    return max(told, key=lambda each: each[1].obtained, default=None)


def _day(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d}"


def _told(ending: Ending) -> dict[str, Any]:
    more = {tr("Known"): ending.known.value} if ending.known is not Known.SEEN else {}
    return {
        "detail": ending.note,
        "certainty": {Known.SEEN: Certainty.OBSERVED, Known.LIKELY: Certainty.LIKELY}.get(
            ending.known, Certainty.COMPUTED
        ),
        "evidence": Evidence(time=ending.seen, more=more),
        "remedies": remedies_for(ending.key, asked_for=ending.asked_for),
    }


def remedies_for(key: str, *, asked_for: bool = False) -> list[Remedy]:
    """Return what to do before the end *key* comes; *asked_for*: what replaces it is already."""
    match key:
        case "certificate" if asked_for:
            words = tr("Hand in the CA's answer when it comes.")
        case "certificate":
            words = tr(
                "Renew it: certificate renew makes the signing request beside the one that signs meanwhile."
            )
        case "client-secret":
            words = tr(
                "Let the owner of the app registration make a new secret, and put its value in here and at "
                "the server."
            )
        case "application-certificate" | "installer-certificate" | "developer-id-g1":
            words = tr(
                "Let Apple's Account Holder make a new one: identity request makes what Apple asks for."
            )
        case "issuer-certificate":
            words = tr("Renew the certificate: a new one comes below the CA's newer intermediate.")
        case "apple-membership":
            words = tr("Let the Account Holder renew the membership at developer.apple.com/account.")
        case "apple-agreement":
            words = tr("Let the Account Holder accept it at developer.apple.com/account.")
        case _:
            return []
    return [Remedy(title=words)]
