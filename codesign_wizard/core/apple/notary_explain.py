"""What a refusal of App Store Connect means: Apple's answer in, a finding with evidence and remedies out.

Errors come as ``{"errors": [{"id", "status", "code", "title", "detail"}]}``; a 401 may be plain text
(``Unauthenticated``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from codesign_wizard.core.apple import api_key_findings as keys
from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.api_key import ApiKey
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.network_clock import clock_finding
from codesign_wizard.core.text import tr

HOST = "appstoreconnect.apple.com"
STATUS_PAGE = "https://developer.apple.com/system-status/"
SUPPORT = "https://developer.apple.com/contact/topic/select"
# a token is good from 20 s before now to 15 minutes after it, and may live 20 minutes
CLOCK_TOLERANCE = timedelta(minutes=2)
_MAXIMUM_MESSAGE = 1000


@dataclass(frozen=True)
class KnownKey:
    """What is known of the key besides its ids: the Key ID in the file's name, when it last worked (ISO)."""

    named: str = ""
    accepted: str = ""


@dataclass(frozen=True)
class Said:
    """Apple's words: ``code``, and title and detail in one."""

    code: str
    message: str


def said(answer: Answer) -> Said:
    """Return the first error in the answer, or its text where it is no JSON."""
    try:
        error = answer.json()["errors"][0]
        title, detail = str(error.get("title") or ""), str(error.get("detail") or "")
        words = " ".join(each for each in (title, detail) if each)
        return Said(str(error.get("code") or ""), words[:_MAXIMUM_MESSAGE])
    except (ValueError, LookupError, TypeError, AttributeError):
        text = answer.body[: 4 * _MAXIMUM_MESSAGE].decode("utf-8", "replace").strip()
        return Said("", text[:_MAXIMUM_MESSAGE])


def refusal(answer: Answer, key: ApiKey, known: KnownKey | None = None) -> Finding:
    """Return what an answer other than 2xx and 404 means."""
    words = said(answer)
    evidence = evidence_of(answer, words)
    if answer.status == 401:
        return _unauthorized(answer, key, known or KnownKey(), evidence)
    if answer.status == 403:
        return _forbidden(words, key, evidence)
    if answer.status == 429:
        return found.THROTTLED(evidence=evidence, remedies=[Remedy(title=tr("Try again in an hour."))])
    # 501 is no fault that passes
    if answer.status >= 500 and answer.status != 501:
        return found.SERVICE_DOWN(status=answer.status, evidence=evidence, remedies=[_look_at_status()])
    return found.REFUSED(
        status=answer.status,
        evidence=evidence,
        remedies=[Remedy(title=tr("Send Apple's words and the time to the support of this program."))],
    )


def evidence_of(answer: Answer, words: Said | None = None) -> Evidence:
    """Return what was seen in an answer."""
    words = words or said(answer)
    return Evidence(
        status=answer.status,
        code=words.code or None,
        message=words.message or None,
        request_id=answer.request_id or None,
        time=answer.time or utc_now(),
    )


def _unauthorized(answer: Answer, key: ApiKey, known: KnownKey, evidence: Evidence) -> Finding:
    clock = clock_finding(answer, HOST, tolerance=CLOCK_TOLERANCE)
    if clock is not None:
        return clock
    individual = tr(
        "An individual key, which belongs to a person and has no Issuer ID, is refused in the same way, "
        "and so is a key for push notifications, whose file is called AuthKey_….p8, too."
    )
    checked = tr("What was checked here: the file is an EC P-256 key, and this computer's clock is right.")
    if known.accepted:
        return keys.REVOKED(
            key_id=key.key_id,
            date=known.accepted[:10],
            detail=tr("Key and ids are the same as then. {checked}").format(checked=checked),
            certainty=Certainty.LIKELY,
            evidence=evidence,
            remedies=[
                keys.compare_ids(),
                Remedy(
                    title=tr("Is it still Active there? Then Apple may have a fault: try again later."),
                    url=STATUS_PAGE,
                ),
                keys.where_it_comes_from(),
            ],
        )
    if known.named and known.named == key.key_id:
        return keys.ISSUER_REFUSED(
            key_id=key.key_id,
            detail=tr(
                "The Key ID is the one in the file's name, so the Issuer ID is most likely another team's; "
                "or "
                "the key was revoked. {checked} {individual}"
            ).format(checked=checked, individual=individual),
            certainty=Certainty.LIKELY,
            evidence=evidence,
            remedies=[keys.compare_ids(), keys.where_it_comes_from()],
        )
    return keys.NOT_AUTHORIZED(
        detail=f"{checked} {individual}",
        certainty=Certainty.LIKELY,
        evidence=evidence,
        remedies=[keys.compare_ids(), keys.where_it_comes_from()],
    )


def _forbidden(words: Said, key: ApiKey, evidence: Evidence) -> Finding:
    text = f"{words.code} {words.message}".lower()
    if "membership" in text and "agreement" not in words.code.lower():
        return found.MEMBERSHIP_EXPIRED(
            certainty=Certainty.LIKELY, evidence=evidence, remedies=[_renew_membership()]
        )
    if "agreement" in text:
        return found.AGREEMENT_MISSING(
            detail=tr(
                "Only the Account Holder of the team can do it. Apple says the same when the membership "
                "has ended."
            ),
            evidence=evidence,
            remedies=[_accept_agreement(), _renew_membership()],
        )
    if "developer team" in text or "team id" in text:
        return found.TEAM_INACCESSIBLE(
            certainty=Certainty.LIKELY,
            evidence=evidence,
            detail=tr(
                "The key is real, but its team cannot be used: ended, suspended, or not in the programme."
            ),
            remedies=[
                Remedy(
                    title=tr("Look whether the team is a paid member of the Apple Developer Program."),
                    portal=(tr("developer.apple.com > Account > Membership details."),),
                    url="https://developer.apple.com/account",
                ),
                keys.compare_ids(),
            ],
        )
    if "forbidden" in words.code.lower() or "does not allow" in text or "role" in text:
        return found.ROLE_TOO_LOW(
            key_id=key.key_id,
            certainty=Certainty.LIKELY,
            detail=tr("A key's access cannot be changed afterwards: a new key is needed."),
            evidence=evidence,
            remedies=[keys.where_it_comes_from()],
        )
    return found.FORBIDDEN(evidence=evidence, remedies=[keys.compare_ids(), _look_at_status()])


def _accept_agreement() -> Remedy:
    return Remedy(
        title=tr("Let the Account Holder accept the agreement that waits."),
        portal=(
            tr("Who it is: App Store Connect > Users and Access, the person with the role Account Holder."),
            tr(
                "developer.apple.com > Account: a banner asks to review the Apple Developer Program "
                "License Agreement."
            ),
            tr("App Store Connect > Business (Agreements): accept what is shown as new or updated."),
            tr("It may take some minutes, seldom a day, until the notary service knows. Then check again."),
        ),
        url="https://developer.apple.com/account",
    )


def _renew_membership() -> Remedy:
    return Remedy(
        title=tr("If nothing waits to be accepted, look whether the membership has ended, and renew it."),
        portal=(tr("developer.apple.com > Account > Membership details: the expiry date, Renew."),),
        url="https://developer.apple.com/account",
    )


def _look_at_status() -> Remedy:
    return Remedy(
        title=tr("Look at Apple's status page for “Developer ID Notary Service”, and try again later."),
        url=STATUS_PAGE,
    )
