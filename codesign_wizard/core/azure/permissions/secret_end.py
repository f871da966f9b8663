"""When the application secret ends: read off its registration with an administrator's sign-in.

Microsoft Graph lists a registration's secrets without their values, each with its end and its first three
characters (learn.microsoft.com/graph/api/resources/passwordcredential: ``hint``, ``endDateTime``, ``keyId``,
which the portal calls Secret ID). The one in use is told by these three characters; it is *likely* only where
several begin alike, or the one there is has no hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.arm import Arm, odata
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
    iso,
    utc_now,
)
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import days_until, in_days, tr

NEAR_DAYS = 60
HINT = 3  # characters of the value that Graph tells

ENDS = FindingKind(
    "azure.admin.secret-ends",
    Severity.OK,
    "The application secret ends on {date}, {left}.",
    "Microsoft Graph told the end of the secret in use. A warning within sixty days.",
)
ENDED = FindingKind(
    "azure.admin.secret-ended",
    Severity.WARNING,
    "The application secret ended on {date}.",
    "Microsoft Graph told that the secret in use is past its end; a token may work for some minutes yet.",
)
NOT_TOLD = FindingKind(
    "azure.admin.secret-end-unread",
    Severity.INFO,
    "When the application secret ends could not be read.",
    "The administrator's account may not read the app registration, it is another tenant's, or none of its "
    "secrets begins as the one in use.",
)


@dataclass(frozen=True, slots=True)
class SecretEnd:
    """What was found; ``facts`` by stable names, empty where the end is not known."""

    finding: Finding
    facts: dict[str, str] = field(default_factory=dict)


def read_secret_end(graph: Arm, options: AzureOptions, secret: Secret) -> SecretEnd:
    """Return when *secret* ends, as *graph* tells it; what it refuses is a finding. Raises ``Cancelled``."""
    path = f"/v1.0/applications(appId='{odata(options.application_id)}')"
    try:
        held = graph.get(path, query="$select=id,passwordCredentials").get("passwordCredentials")
    except CodesignError as error:
        return not_told(error.finding)
    if not isinstance(held, list):
        return SecretEnd(NOT_TOLD(evidence=Evidence(time=utc_now()), remedies=_by_hand()))
    listed = [each for each in held if isinstance(each, Mapping)]
    return judge(listed, secret, utc_now())


def not_told(refusal: Finding) -> SecretEnd:
    """Return that the end could not be read because of *refusal*."""
    return SecretEnd(NOT_TOLD(detail=refusal.title, evidence=refusal.evidence, remedies=_by_hand()))


def judge(listed: Sequence[Mapping[str, Any]], secret: Secret, now: datetime) -> SecretEnd:
    """Return what the secrets *listed* by Graph say of *secret*."""
    found = [each for each in listed if each.get("hint") == secret.reveal()[:HINT]]
    likely = len(found) > 1
    if not found and len(listed) == 1 and not listed[0].get("hint"):
        found, likely = list(listed), True
    ends = sorted(
        (end, str(each.get("keyId") or ""), str(each.get("displayName") or ""))
        for each in found
        for end in [_time(each.get("endDateTime"))]
        if end is not None
    )
    if not ends:
        detail = tr("The registration has no secret.")
        if listed:
            detail = tr("None of the registration's secrets tells it; it has {n}.").format(n=len(listed))
        return SecretEnd(NOT_TOLD(detail=detail, evidence=Evidence(time=now), remedies=_by_hand()))
    end, key_id, name = ends[0]
    detail = tr("Several secrets begin alike; this is the first of them to end.") if len(ends) > 1 else ""
    more = {tr("Secret ID"): key_id, tr("Description"): name, tr("Ends"): iso(end)}
    evidence = Evidence(time=now, more={word: value for word, value in more.items() if value})
    certainty = Certainty.LIKELY if likely else Certainty.OBSERVED
    facts = {
        "secret_expires": iso(end),
        "secret_expires_certainty": certainty.value,
        "secret_key_id": key_id,
        "secret_seen": iso(now),
    }
    days, date = days_until(end, now), f"{end:%Y-%m-%d}"
    if end <= now:
        return SecretEnd(
            ENDED(date=date, detail=detail, certainty=certainty, evidence=evidence, remedies=_anew()), facts
        )
    near = days < NEAR_DAYS
    return SecretEnd(
        ENDS(
            date=date,
            left=in_days(days),
            detail=detail,
            certainty=certainty,
            evidence=evidence,
            severity=Severity.WARNING if near else Severity.OK,
            remedies=_anew() if near else [],
        ),
        facts,
    )


def _time(text: object) -> datetime | None:
    try:
        told = datetime.fromisoformat(str(text or ""))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _anew() -> list[Remedy]:
    return [
        Remedy(
            title=tr("Make the next secret, and put its value in here and at the server."),
            portal=(
                tr("Microsoft Entra ID, App registrations, the application, Certificates & secrets."),
                tr("New client secret; copy its Value at once, it is shown only then."),
            ),
        )
    ]


def _by_hand() -> list[Remedy]:
    return [
        Remedy(
            title=tr("Look it up, and type it in on Summary."),
            portal=(tr("App registrations, the application, Certificates & secrets: the column Expires."),),
        )
    ]
