"""What if…: scenarios switched on and off in a practice that runs, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from codesign_wizard.core.apple.api_key_findings import NONE as NO_KEY
from codesign_wizard.core.apple.notary_findings import ISSUE_UNSIGNED
from codesign_wizard.core.azure.permissions.mixup_findings import RBAC_NONE as NO_ROLE
from codesign_wizard.core.flow import (
    CERTIFICATE,
    KEY_VAULT,
    MACOS_TRIAL,
    PERMISSIONS,
    SERVER,
    START,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import new_profile
from codesign_wizard.opening import open_session
from codesign_wizard.pages.what_if import Row
from codesign_wizard.playing import offers, seen, way_words
from codesign_wizard.session import Session
from codesign_wizard.widgets.findings import FindingView
from tests.gui.driving import rail, wait_idle
from tests.gui.test_access import clashes, cut

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


@pytest.fixture(scope="module")
def practising() -> Iterator[Session]:
    """One practice for all of these: what is switched on is switched off again."""
    with open_session(practice=True) as session:
        assert session.practice is not None
        session.practice.world.notary.processing = 0.1
        yield session


@pytest.fixture
def window(practising: Session, open_window: Callable[..., MainWindow], qtbot: QtBot) -> Iterator[MainWindow]:
    profile = practising.profile
    profile.page, profile.reached, profile.results = START, [START], {}
    profile.macos_wanted = profile.server_wanted = True
    opened = open_window(practising)
    opened.errors_expected = True
    yield opened
    wait_idle(opened, qtbot)
    opened.workspace.play(None)
    wait_idle(opened, qtbot)


def row(window: MainWindow, name: str) -> Row:
    page = window.page
    area = next(page.areas[one.area] for one in page.offers if one.name == name)
    area.open()
    return next(one for one in area.rows if one.offer.name == name)


def shown(window: MainWindow) -> list[str]:
    return [view.finding.id for view in window.page.findChildren(FindingView)]


def switch_on(window: MainWindow, qtbot: QtBot, name: str) -> None:
    qtbot.mouseClick(window.header.what_if_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(row(window, name).switch, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)


def test_one_is_switched_on_seen_explained_and_switched_off(window: MainWindow, qtbot: QtBot) -> None:
    assert window.page.what_if.isVisible(), "Start offers it"
    switch_on(window, qtbot, "firewall")
    strip = window.notices.play_strip
    assert strip is not None
    assert window.key == KEY_VAULT
    assert strip.isVisible()
    assert strip.banner.title == "What if: The vault's firewall does not let this address in."
    assert strip.banner.text == "To see it: Sign in."
    assert strip.there.isHidden()
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    assert not strip.off.isEnabled(), "not while it is looked at"
    wait_idle(window, qtbot)
    assert "azure.vault.firewall" in shown(window)
    assert strip.banner.text == "Seen: it is explained below. Switch it off and check again."
    window.show_step(START)
    assert strip.banner.text == "Seen, and explained on Key Vault."
    assert strip.there.text() == "Go to Key Vault"
    qtbot.mouseClick(strip.there, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    qtbot.mouseClick(strip.off, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert strip.isHidden()
    assert rail(window, KEY_VAULT).step.state is StepState.OUT_OF_DATE
    panel = window.open_panel("what-if")
    assert panel.banner.title == "No scenario is switched on."
    assert panel.banner.text == "What was seen before is out of date. Check again on: Key Vault."
    window.show_step(KEY_VAULT)
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert rail(window, KEY_VAULT).step.state is StepState.DONE
    unseen = window.open_panel("what-if").banner  # nothing was checked yet, so nothing is called good
    assert (unseen.title, unseen.property("severity")) == ("No scenario is switched on.", "info")


def test_what_the_person_was_given_wrong_stands_in_the_fields_and_goes_again(
    window: MainWindow, qtbot: QtBot, practising: Session
) -> None:
    azure, right = practising.profile.windows.azure, practising.application_secret()
    tenant = azure.tenant_id
    switch_on(window, qtbot, "tenant-unknown")
    assert window.page.fields["tenant_id"].edit.text() == azure.tenant_id != tenant
    switch_on(window, qtbot, "secret-wrong")
    assert azure.tenant_id == tenant, "one at a time"
    assert practising.application_secret() != right
    window.workspace.play(None)
    wait_idle(window, qtbot)
    assert practising.application_secret() == right
    assert window.page.fields["tenant_id"].edit.text() == tenant


def test_by_keyboard_alone(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.workspace.what_if.emit()
    page = window.page
    page.search.setFocus()
    qtbot.keyClicks(page.search, "off certificate")
    found = [one for area in page.areas.values() for one in area.rows if area.isVisible()]
    assert [one.offer.name for one in found] == ["certificate-disabled"]
    assert found[0].switch.accessibleName() == "Switch on: The certificate is switched off in the vault."
    found[0].switch.setFocus()
    qtbot.keyClick(found[0].switch, Qt.Key.Key_Space)
    wait_idle(window, qtbot)
    assert window.key == CERTIFICATE
    window.page.look()
    wait_idle(window, qtbot)
    assert window.page.banner.title == "The certificate cannot be used to sign now."
    view = next(one for one in window.page.findChildren(FindingView))
    assert view.finding.title == "This version of code-signing is switched off in the vault."
    assert view.finding.remedies[0].az.endswith("--enabled true")
    window.workspace.what_if.emit()
    assert "switched off in the vault" in window.page.banner.title
    assert row(window, "certificate-disabled").switch.text() == "Switch off"
    qtbot.keyClick(row(window, "certificate-disabled").switch, Qt.Key.Key_Space)
    wait_idle(window, qtbot)
    assert window.page.banner.title == "No scenario is switched on."  # what was seen is still to be checked
    qtbot.keyClick(window.page, Qt.Key.Key_Escape)
    assert window.key == CERTIFICATE


def test_the_trial_takes_the_package_that_the_scenario_is_about(window: MainWindow, qtbot: QtBot) -> None:
    switch_on(window, qtbot, "notary-unsigned")
    page, macos = window.page, window.workspace.profile.macos
    assert (window.key, macos.level) == (MACOS_TRIAL, "notarise")
    page.run()
    wait_idle(window, qtbot)
    assert {"apple.notary.preflight", "apple.notary.issue-unsigned"} <= set(shown(window))
    assert page.anyway.isVisible()
    window.workspace.play(None)
    wait_idle(window, qtbot)
    assert macos.input_file == ""


def test_only_what_the_scenario_is_about_counts_as_seen_and_what_is_mended_is_told() -> None:
    """Every scenario by what the pages record; no practice is needed for that."""
    profile = new_profile("Mine")
    profile.macos_wanted = True
    flow, every = Flow(profile), {one.name: one for one in offers()}
    package, roles, absent = every["notary-unsigned"], every["rbac-none"], every["certificate-missing"]
    flow.record(MACOS_TRIAL, [NO_KEY()], {})
    assert not seen(profile, package), "a problem, and another one"
    assert way_words(profile, package, here=MACOS_TRIAL).startswith("To see it: Sign and verify")
    first = every["secret-wrong"]
    assert way_words(profile, first, here=KEY_VAULT) == "To see it: Sign in."
    assert way_words(profile, first, here=KEY_VAULT, busy=True) == "Under way: it shows in a moment."
    assert way_words(profile, first, here=MACOS_TRIAL, busy=True) == "Shows on Key Vault. Sign in."
    flow.record(MACOS_TRIAL, [ISSUE_UNSIGNED(what="sample-helper")], {})
    assert way_words(profile, package, here=MACOS_TRIAL).startswith("Seen: it is explained below.")
    held = way_words(profile, package, here=MACOS_TRIAL, busy=True)
    assert held == "It was seen. It can be switched off once what is under way has ended."
    assert way_words(profile, package, here="") == "Seen, and explained on macOS trial."
    profile.results[MACOS_TRIAL].inputs = ""
    assert not seen(profile, package), "of before it was switched on"
    flow.record(PERMISSIONS, [NO_ROLE(vault="harbour-signing")], {})
    assert seen(profile, roles)
    flow.record(PERMISSIONS, [], {})
    assert way_words(profile, roles, here=PERMISSIONS).startswith("Nothing of it is seen any more")
    flow.record(CERTIFICATE, [], {}, details={"open": "free"})
    assert seen(profile, absent), "the page says so without a finding"
    code = every["server-one-time-code"]
    assert seen(profile, code, ["server.sign-in.code-needed"])
    assert not seen(profile, code)
    refused = way_words(profile, every["server-wrong-password"], here=SERVER, told=["server.sign-in.refused"])
    assert refused == "Seen: it is explained below. Switch it off and sign in again."


def test_the_ways_stand_beside_each_other_where_there_is_room(window: MainWindow, qtbot: QtBot) -> None:
    switch_on(window, qtbot, "firewall")
    window.show_step(START)
    strip = window.notices.play_strip
    assert strip is not None
    for width, rows in ((1180, 1), (780, 3)):
        window.resize(width, 700)
        qtbot.waitUntil(
            lambda rows=rows: len({each.y() for each in (strip.there, strip.off, strip.other)}) == rows,
            timeout=5000,
        )
        # the words keep their distance, however high the buttons are
        assert strip.banner.height() <= strip.banner.sizeHint().height() + 40


def test_everything_fits_with_a_scenario_on(window: MainWindow, qtbot: QtBot) -> None:
    switch_on(window, qtbot, "server-changed-meanwhile")
    window.resize(860, 640)
    for key in (None, START):
        if key is None:
            window.workspace.what_if.emit()
            for area in window.page.areas.values():
                area.open()
        else:
            window.show_step(key)
        qtbot.waitUntil(lambda: cut(window) == [], timeout=5000)
        assert clashes(window) == []


def test_a_practice_that_keeps_its_scenario_says_so(
    open_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Any
) -> None:
    with open_session(practice=True, scenario="rbac-none", state=tmp_path / "state") as session:
        window = open_window(session)
        assert window.notices.play_strip is not None
        assert window.notices.play_strip.isVisible(), "what it was started with"
        assert not window.notices.play_strip.off.isEnabled()
        window.workspace.what_if.emit()
        assert "start afresh" in window.page.banner.text
        assert not row(window, "firewall").switch.isEnabled()
        window.workspace.play("firewall")
        assert session.practice is not None
        assert session.practice.scenario == "rbac-none"
        window.close()


def test_on_own_accounts_nothing_is_offered(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    window = open_window(session)
    assert not window.header.what_if_button.isVisible()
    window.open_panel("what-if")
    assert window.page.banner.title == "This is for practice accounts."
    assert not row(window, "firewall").switch.isEnabled()
    assert [one.text() for one in window.page.findChildren(QLabel) if "What if" in one.text()]
