"""The page *Start*: profiles, what is wanted, practice and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import (
    CERTIFICATE,
    CERTIFICATE_EXPIRES,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    WINDOWS_TRIAL,
    Flow,
)
from codesign_wizard.core.profile import new_profile
from codesign_wizard.pages.start_words import profile_line
from codesign_wizard.session import Session
from tests.gui.driving import PATIENCE, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


def test_trying_practice_and_going_back_to_ones_own_accounts(
    open_window: Callable[..., MainWindow], session: Session, practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(session, open_practice=practice)
    qtbot.mouseClick(window.page.practice_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.session.practice is not None, timeout=PATIENCE)
    wait_idle(window, qtbot)  # what opened it counts as under way until it has ended
    assert window.header.badge.isVisible()
    assert window.page.own_button.isVisible()
    qtbot.mouseClick(window.page.own_button, Qt.MouseButton.LeftButton)
    assert window.workspace.session is session
    assert window.header.badge.isHidden()
    wait_idle(window, qtbot)


def test_profiles_are_made_renamed_and_forgotten(window: MainWindow, qtbot: QtBot) -> None:
    profiles, page = window.workspace.session.profiles, window.page
    qtbot.mouseClick(page.make, Qt.MouseButton.LeftButton)
    assert (page.keep_name.text(), page.leave_name.text()) == ("Create", "Cancel")
    assert not page.keep_name.isEnabled()
    qtbot.keyClicks(page.name, "Second brand")
    assert page.keep_name.isEnabled()
    qtbot.keyClick(page.name, Qt.Key.Key_Return)
    assert window.workspace.profile.name == "Second brand"
    page = window.page
    assert page.list.count() == 2
    qtbot.mouseClick(page.rename, Qt.MouseButton.LeftButton)
    assert (page.keep_name.text(), page.leave_name.text()) == ("Keep this name", "Leave as it was")
    page.name.setText("Third brand")
    qtbot.mouseClick(page.keep_name, Qt.MouseButton.LeftButton)
    window.workspace.save()
    assert window.header.profile.text() == "Third brand"
    assert sorted(one.name for one in profiles.list()) == ["Own product", "Third brand"]
    qtbot.mouseClick(page.forget, Qt.MouseButton.LeftButton)
    assert "Third brand" in page.forget_text.text()
    qtbot.mouseClick(page.forget_now, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert [one.name for one in profiles.list()] == ["Own product"]
    assert window.workspace.profile.name == "Own product"


def test_what_is_chosen_decides_the_steps_and_the_needs(window: MainWindow, qtbot: QtBot) -> None:
    page = window.page
    qtbot.mouseClick(page.macos, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.server, Qt.MouseButton.LeftButton)
    assert window.workspace.profile.macos_wanted
    assert "server" in [step.key for step in window.workspace.flow.steps()]
    assert [need.key for need in page._need_rows] == [
        "vault",
        "application",
        "certificate",
        "apple",
        "apple-certificates",
        "server",
    ]


def test_a_profile_tells_the_day_of_an_end_as_all_dates_are_told() -> None:
    flow = Flow(new_profile("Mine"))
    flow.record(CERTIFICATE, [], {CERTIFICATE_EXPIRES: "2024-10-27T00:00:00Z"})
    # a month by its name would be English in every language
    assert profile_line(flow.profile).endswith("expired on 2024-10-27")


def test_what_has_ended_comes_first_and_what_ends_soon_is_named_too(window: MainWindow) -> None:
    profile, flow, banner = window.workspace.profile, window.workspace.flow, window.page.banner
    flow.record(WINDOWS_TRIAL, [], {}, inputs="of other settings")

    def ends(days: int) -> str:
        end = datetime.now(UTC) + timedelta(days=days)
        for key in (KEY_VAULT, CERTIFICATE):
            flow.record(key, [], {CERTIFICATE_EXPIRES: end.isoformat()})
        window.workspace.edited()
        return end.date().isoformat()

    ends(200)
    assert (banner.title, banner.text) == ("Out of date: Windows trial.", "")
    ends(20)
    assert (banner.title, banner.text) == (
        "Out of date: Windows trial.",
        "Next expiry: the certificate, in 20 days.",
    )
    day = ends(-9)
    assert (banner.severity, banner.title, banner.text) == (
        Severity.ERROR,
        "Needs attention: Certificate.",
        f"The certificate expired on {day}.",
    )
    ends(200)
    profile.ends.client_secret = "2024-10-27"
    window.workspace.edited()
    assert (banner.title, banner.text) == (
        "Needs attention: Key Vault.",
        "The application secret expired on 2024-10-27.",
    )


def test_options_that_cannot_be_right_are_told_at_the_start(window: MainWindow) -> None:
    window.workspace.profile.windows.azure.vault_name = "harbour_signing"
    window.workspace.edited()
    banner = window.page.banner
    assert (banner.title, banner.text) == ("Needs attention: Key Vault.", "To be corrected: vault name.")


def test_start_praises_nothing_without_what_was_warned_of(window: MainWindow) -> None:
    profile = window.workspace.profile
    profile.macos_wanted = True
    flow = window.workspace.flow
    flow.record(MACOS_TRIAL, [], {})
    window.workspace.edited()
    banner = window.page.banner
    assert (banner.severity, banner.title[:20]) == (Severity.OK, "The trial for macOS ")
    profile.reached.append(MACOS_LEVEL)  # at the level "sign only", which the rail warns of
    window.workspace.edited()
    assert banner.severity is Severity.WARNING
    assert banner.text.startswith("Level and API key: “Sign only”")
