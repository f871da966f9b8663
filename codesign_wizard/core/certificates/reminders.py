"""Reminders of a certificate's end as a calendar file (iCalendar, RFC 5545) that every calendar takes.

One whole-day event on each of the days 60, 30 and 14 before, and one on the last day itself. An event keeps
its UID however often the file is made, so that importing it again replaces it instead of doubling it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from codesign_wizard.core.text import tr

DAYS_BEFORE = (60, 30, 14)
_LONGEST_LINE = 75  # octets without the line end (3.1)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One event: ``day`` in UTC, ``before`` the days left then (0 on the last day)."""

    uid: str
    day: date
    before: int
    summary: str
    description: str


def reminders(
    vault: str,
    name: str,
    expires: datetime,
    *,
    now: datetime | None = None,
    days: Sequence[int] = DAYS_BEFORE,
) -> list[Reminder]:
    """Return the reminders that are still to come for the certificate *name* in *vault*, by date."""
    now = now or datetime.now(UTC)
    last = expires.astimezone(UTC).date()
    found = []
    for before in sorted({*days, 0}, reverse=True):
        day = last - timedelta(days=before)
        if day < now.astimezone(UTC).date():
            continue
        summary = (
            tr("Renew the code-signing certificate {name}: {days} days left").format(name=name, days=before)
            if before
            else tr("The code-signing certificate {name} expires today").format(name=name)
        )
        description = tr(
            "The certificate {name} in the vault {vault} is valid until {time}. Make a new signing request "
            "under the same name, send it to the CA, and merge the answer; the old version signs meanwhile."
        ).format(name=name, vault=vault, time=expires.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))
        found.append(Reminder(uid(vault, name, expires, before), day, before, summary, description))
    return found


def calendar(found: Sequence[Reminder], *, now: datetime | None = None) -> bytes:
    """Return *found* as a calendar file, UTF-8 with CRLF line ends; *now* is when it is made."""
    stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Codesign Wizard//Reminders//EN", "METHOD:PUBLISH"]
    for each in found:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{each.uid}",
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{each.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{each.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escaped(each.summary)}",
            f"DESCRIPTION:{_escaped(each.description)}",
            "TRANSP:TRANSPARENT",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{_escaped(each.summary)}",
            # nine in the morning, by the calendar's own clock
            "TRIGGER:PT9H",
            "END:VALARM",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def file_name(name: str) -> str:
    """Return a name for the file that every system takes."""
    kept = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in name)
    return f"{kept.strip('-') or 'certificate'}-renewal.ics"


def uid(vault: str, name: str, expires: datetime, before: int) -> str:
    """Return the identity of the reminder *before* days ahead of *expires*: the same each time."""
    seed = f"{vault.lower()}/{name.lower()}/{expires.astimezone(UTC):%Y%m%d%H%M%S}/{before}"
    return hashlib.sha256(seed.encode()).hexdigest()[:32] + "@codesign-wizard"


def _escaped(text: str) -> str:
    """Return *text* as a value of type TEXT (3.3.11); other control characters are left out (3.1)."""
    text = text.replace("\r\n", "\n").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    text = text.replace("\n", "\\n")
    return "".join(each for each in text if unicodedata.category(each) != "Cc" or each == "\t")


def _folded(line: str) -> bytes:
    """Return the content line folded (3.1): never longer than 75 octets, never within a character."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        # a line that goes on begins with a blank
        if len(piece) + len(octets) > _LONGEST_LINE:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"


def reminders_words(count: int) -> str:
    """Return a number of reminders as people read it."""
    return tr("1 reminder") if count == 1 else tr("{n} reminders").format(n=count)
