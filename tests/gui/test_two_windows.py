"""Two windows on one profile: both may be used, each sees what the other did, and nothing is lost unsaid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.pages.notice import Notice
from codesign_wizard.session import Session
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


@pytest.fixture
def second(open_window: Callable[..., MainWindow], window: MainWindow, store: ProfileStore) -> MainWindow:
    """Another window on the profile of the first."""
    own = ProfileStore(store.folder)
    return open_window(Session(own.load("mine-1"), own, secrets=MemoryStore()))


def notices(window: MainWindow) -> list[str]:
    return [one.finding.id for one in window.findChildren(Notice) if one.isVisible()]


def test_both_edit_and_the_one_that_saves_second_is_told(
    window: MainWindow, second: MainWindow, qtbot: QtBot, store: ProfileStore
) -> None:
    for one in (window, second):
        one.show_step(KEY_VAULT)
        wait_idle(one, qtbot)
        one.workspace.save()
    qtbot.keyClicks(window.page.fields["vault_name"].edit, "harbour-signing")
    qtbot.keyClicks(second.page.fields["certificate_name"].edit, "code")
    qtbot.keyClicks(window.page.fields["tenant_id"].edit, "one")
    qtbot.keyClicks(second.page.fields["tenant_id"].edit, "two")
    window.workspace.save()
    second.page.fields["certificate_name"].edit.setFocus()
    second.workspace.save()
    assert notices(window) == []
    assert notices(second) == ["profile.changed-twice"]
    shown = second.page.fields
    assert (shown["vault_name"].text, shown["certificate_name"].text) == ("harbour-signing", "code")
    assert shown["tenant_id"].text == "two"
    kept = store.load("mine-1").windows.azure
    assert (kept.vault_name, kept.certificate_name, kept.tenant_id) == ("harbour-signing", "code", "two")
    # the first sees it when somebody comes back to it
    window.workspace.catch_up()
    assert notices(window) == ["profile.changed-elsewhere"]
    assert window.page.fields["certificate_name"].text == "code"
    assert window.page.fields["tenant_id"].text == "two"


def test_what_is_told_on_leaving_the_profile_is_still_to_be_read(
    window: MainWindow, second: MainWindow, qtbot: QtBot, store: ProfileStore
) -> None:
    for one in (window, second):
        one.show_step(KEY_VAULT)
        wait_idle(one, qtbot)
        one.workspace.save()
    qtbot.keyClicks(window.page.fields["tenant_id"].edit, "one")
    window.workspace.save()
    qtbot.keyClicks(second.page.fields["tenant_id"].edit, "two")
    other = Profile(id="other-1", name="Other")
    store.save(other)
    second.workspace.open_profile(other)
    assert store.load("mine-1").windows.azure.tenant_id == "two"
    assert notices(second) == ["profile.changed-twice"], "the other value is nowhere else"


def test_coming_back_to_a_window_takes_over_what_the_other_did(
    window: MainWindow, second: MainWindow, qtbot: QtBot
) -> None:
    second.workspace.profile.product_name = "Harbour Backup"
    second.workspace.edited()
    second.workspace.save()
    second.activateWindow()
    qtbot.waitUntil(second.isActiveWindow)
    window.activateWindow()
    qtbot.waitUntil(lambda: notices(window) == ["profile.changed-elsewhere"])
    assert window.page.product.text == "Harbour Backup"


def test_an_open_form_does_not_undo_the_other_windows_change(
    window: MainWindow, second: MainWindow, qtbot: QtBot, store: ProfileStore
) -> None:
    for one in (window, second):
        for key in (KEY_VAULT, CERTIFICATE):
            one.workspace.flow.go(key)
        one.show_step(CERTIFICATE)
        wait_idle(one, qtbot)
        one.page.requesting.write()
    qtbot.keyClicks(window.page.form.form.fields["organization"].edit, "Harbour")
    window.workspace.save()
    qtbot.keyClicks(second.page.form.form.fields["locality"].edit, "Wellington")
    second.workspace.save()
    assert second.page.form.form.fields["organization"].edit.text() == "Harbour"
    qtbot.keyClicks(second.page.form.form.fields["locality"].edit, "!")
    second.workspace.save()
    kept = store.load("mine-1").windows.request
    assert (kept.organization, kept.locality) == ("Harbour", "Wellington!")


def test_what_is_half_typed_stays_when_the_other_window_saves(
    window: MainWindow, second: MainWindow, qtbot: QtBot
) -> None:
    window.show_step(KEY_VAULT)
    wait_idle(window, qtbot)
    secret = window.page.secret.edit
    secret.setFocus(Qt.FocusReason.OtherFocusReason)
    qtbot.keyClicks(secret, "half-")
    second.workspace.profile.macos.team = "ABCDE12345"
    second.workspace.edited()
    second.workspace.save()
    window.workspace.catch_up()
    assert secret.text() == "half-"
    wait_idle(window, qtbot)
