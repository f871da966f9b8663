"""Calendar files that calendars take: folded, escaped, with the same identity each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from codesign_wizard.core.certificates.reminders import calendar, file_name, reminders

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
EXPIRES = datetime(2027, 10, 1, 23, 59, 59, tzinfo=UTC)


def parsed(data: bytes) -> list[tuple[str, str]]:
    """Read content lines as RFC 5545, 3.1, says, and refuse what it forbids."""
    assert data.endswith(b"\r\n")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    for line in data.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no character is torn
    lines = data.decode().replace("\r\n ", "").split("\r\n")[:-1]
    pairs = []
    for line in lines:
        name, _, value = line.partition(":")
        pairs.append((name, value))
    return pairs


def unescaped(value: str) -> str:
    out, text = "", iter(value)
    for each in text:
        if each == "\\":
            following = next(text)
            out += "\n" if following in "nN" else following
        else:
            assert each not in ";,"
            out += each
    return out


def events(data: bytes) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    stack: list[str] = []
    for name, value in parsed(data):
        if name == "BEGIN":
            stack.append(value)
            if value == "VEVENT":
                found.append({})
        elif name == "END":
            assert stack.pop() == value
        elif stack[-1] == "VEVENT":
            assert name not in found[-1]
            found[-1][name] = value
        elif stack[-1] == "VALARM":
            found[-1][f"alarm {name}"] = value
    assert stack == []
    return found


def made(name: str = "code", **more: Any) -> list[dict[str, str]]:
    return events(calendar(reminders("vault", name, EXPIRES, now=NOW, **more), now=NOW))


def test_events_stand_60_30_and_14_days_before_and_on_the_last_day() -> None:
    found = made()
    last = date(2027, 10, 1)
    days = [(last - timedelta(days=each)).strftime("%Y%m%d") for each in (60, 30, 14, 0)]
    assert [each["DTSTART;VALUE=DATE"] for each in found] == days
    assert found[3]["DTEND;VALUE=DATE"] == "20271002"
    assert {each["DTSTAMP"] for each in found} == {"20261123T100000Z"}
    assert {each["alarm ACTION"] for each in found} == {"DISPLAY"}
    assert {each["alarm TRIGGER"] for each in found} == {"PT9H"}
    assert "60 days left" in unescaped(found[0]["SUMMARY"])
    assert "expires today" in unescaped(found[3]["SUMMARY"])
    assert "2027-10-01 23:59 UTC" in unescaped(found[0]["DESCRIPTION"])
    header = dict(parsed(calendar([], now=NOW)))
    assert header["VERSION"] == "2.0"
    assert header["PRODID"]


def test_hard_names_survive_folding_and_escaping() -> None:
    for name in ("a,b;c\\d", "備" * 60, "ü" * 80, "line\nbreak\x07", "🗄" * 40):
        found = made(name)
        assert name.replace("\x07", "") in unescaped(found[0]["SUMMARY"])
        assert name.replace("\x07", "") in unescaped(found[0]["alarm DESCRIPTION"])


def test_the_same_certificate_keeps_its_events_and_another_has_others() -> None:
    def uids(*arguments: Any, now: datetime = NOW) -> set[str]:
        return {each.uid for each in reminders(*arguments, now=now)}

    first = uids("vault", "code", EXPIRES)
    assert len(first) == 4
    assert uids("Vault", "code", EXPIRES.astimezone(timezone(timedelta(hours=9)))) == first
    assert uids("vault", "code", EXPIRES, now=EXPIRES - timedelta(days=20)) < first
    assert not first & uids("vault", "other", EXPIRES)
    assert not first & uids("vault", "code", EXPIRES + timedelta(days=365))


def test_what_is_past_is_left_out() -> None:
    assert [each.before for each in reminders("v", "c", EXPIRES, now=EXPIRES - timedelta(days=29))] == [14, 0]
    assert reminders("v", "c", EXPIRES, now=EXPIRES + timedelta(days=2)) == []
    assert file_name("a/b_5") == "a-b_5-renewal.ics"
    assert file_name("../..") == "certificate-renewal.ics"
