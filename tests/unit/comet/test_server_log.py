"""The server's log around a build, filtered to signing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from codesign_wizard.core.comet.server_log import filtered

BEGAN = datetime(2026, 11, 28, 16, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=5)
LOG = """2026-11-28 15:00:00 [info] Codesigning complete
2026-11-28 16:01:00 [info] User logged in
2026-11-28 16:02:00 [error] Codesigning failed: AADSTS7000222
  at certificate line of the same entry
2026/11/28 16:02:30 unreadable time, signing
2026-11-28T17:00:00 [info] signing later
"""


def test_only_lines_about_signing_in_these_minutes() -> None:
    assert filtered(LOG, BEGAN, ENDED) == [
        "2026-11-28 16:02:00 [error] Codesigning failed: AADSTS7000222",
        "at certificate line of the same entry",
        "2026/11/28 16:02:30 unreadable time, signing",
    ]


def test_without_times_the_end_is_taken() -> None:
    assert filtered("signing one\nother\nsigning two\n", BEGAN, ENDED) == ["signing one", "signing two"]


def test_nothing_in_it_commands_the_terminal_or_floods_it() -> None:
    lines = filtered("\n".join(f"sign \x1b[2J {'x' * 1000}" for _ in range(100)), BEGAN, ENDED)
    assert len(lines) == 40
    assert all("\x1b" not in line and len(line) <= 400 for line in lines)


def test_times_that_are_none_are_no_crash() -> None:
    assert filtered("2026-99-99 99:99:99 sign", BEGAN, ENDED) == ["2026-99-99 99:99:99 sign"]
