"""The page *Windows trial*: what is set, a trial that fails, is ended, and goes out of date."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.flow import (
    KEY_VAULT,
    START,
    WINDOWS_TRIAL,
    StepState,
)
from codesign_wizard.core.job import StageState
from codesign_wizard.session import Session
from tests.gui.driving import PATIENCE, errors, rail, sign_in, to_key_vault, to_trial, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

WRONG = FindingKind("test.vault-wrong", Severity.ERROR, "Wrong.", "Only in tests.")


def test_a_trial_without_any_time_stamp_server_fails_at_that_stage(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice("all-timestamps-down")
    session.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    session.profile.page = WINDOWS_TRIAL
    session.overrides.timeout = 2.0
    window = open_window(session)
    window.errors_expected = True
    page = window.page
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, 60_000)
    assert "authenticode.timestamp.none" in errors(window)
    assert page.stages.cards["time-stamp"].state is StageState.FAILED
    assert not page.result_card.isVisible()
    assert rail(window, WINDOWS_TRIAL).step.state is StepState.ATTENTION


def test_a_trial_that_cannot_succeed_leads_to_key_vault_and_can_be_tried_all_the_same(
    window: MainWindow, qtbot: QtBot
) -> None:
    workspace = window.workspace
    workspace.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    azure = workspace.profile.windows.azure
    azure.vault_name, azure.certificate_name = "harbour-signing", "codesign"
    azure.application_id = azure.tenant_id = "0f8fad5b-d9cb-469f-a165-70867728950e"
    window.show_step(WINDOWS_TRIAL)
    page = window.page
    assert not page.go_first.isVisible()
    assert page.go.property("kind") == "primary"
    workspace.flow.record(KEY_VAULT, [WRONG()], {})
    workspace.edited()
    assert page.banner.title == "Key Vault comes first: signing in did not work."
    assert page.go_first.property("kind") == "primary"
    assert page.go.property("kind") == ""
    assert page.go.isEnabled()
    assert window.footer.reason.text() == "Nothing has been signed yet: Key Vault comes first."
    qtbot.mouseClick(page.go_first, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT


def test_a_trial_is_cancelled_by_escape_and_leaves_nothing(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot, tmp_path: Path
) -> None:
    session = practice("timestamp-slow")
    session.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    session.profile.page = WINDOWS_TRIAL
    session.output_folder = lambda: tmp_path / "out"  # type: ignore[method-assign]
    window = open_window(session)
    window.errors_expected = True
    page = window.page
    window.workspace.flow.record(KEY_VAULT, [WRONG()], {})
    window.workspace.edited()
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    assert not page.go_first.isVisible(), "while it runs nothing comes before it"
    running = page.stages.cards["time-stamp"]
    qtbot.waitUntil(lambda: running.state is StageState.RUNNING, timeout=PATIENCE)
    used = [page.go, page.drop, page.architecture, page.description.edit, page.servers]
    assert not any(each.isEnabled() for each in used)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    wait_idle(window, qtbot)
    assert all(each.isEnabled() for each in used)
    assert page.banner.title == "Cancelled. Nothing was left behind."
    assert page.go_first.isVisible()
    assert running.state is StageState.SKIPPED
    assert page.stages.cards["sign"].state is StageState.SKIPPED, "what was done is not kept either"
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_closing_while_the_trial_runs_ends_it_and_it_opens_again_where_it_was(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice("timestamp-slow")
    window = open_window(session)
    window.errors_expected = True
    to_key_vault(window, qtbot)
    sign_in(window, qtbot)
    signed_in = session.profile.results[KEY_VAULT].obtained
    to_trial(window, qtbot)
    wait_idle(window, qtbot)
    trial = window.page
    qtbot.mouseClick(trial.go, Qt.MouseButton.LeftButton)
    stamping = trial.stages.cards["time-stamp"]
    qtbot.waitUntil(lambda: stamping.state is StageState.RUNNING, timeout=PATIENCE)
    began = time.monotonic()
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert time.monotonic() - began < 15, "what runs is cancelled, not waited for"

    stored = session.profiles.load(session.profile.id)
    stored.places = session.profile.places  # as the next start of practice says them
    again = open_window(Session(stored, session.profiles, secrets=session.secrets))
    assert again.key == WINDOWS_TRIAL
    assert rail(again, KEY_VAULT).step.state is StepState.DONE
    assert stored.results[KEY_VAULT].obtained == signed_in
    assert WINDOWS_TRIAL not in stored.results
    assert again.page.go.isEnabled()


def test_a_signed_file_is_out_of_date_when_what_it_relied_on_changes(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    session.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    session.profile.page = WINDOWS_TRIAL
    window = open_window(session)
    page = window.page
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert rail(window, WINDOWS_TRIAL).step.state is StepState.DONE
    qtbot.keyClicks(page.description.edit, "Harbour Backup")
    assert rail(window, WINDOWS_TRIAL).step.state is StepState.OUT_OF_DATE
    assert page.banner.title == "Something changed since this trial. Sign and verify again."
    assert page.result_card.isVisible(), "the former result is kept"
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert rail(window, WINDOWS_TRIAL).step.state is StepState.DONE


def test_the_trial_page_keeps_what_is_set_and_orders_the_servers(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    window.show_step(WINDOWS_TRIAL)
    page, windows = window.page, window.workspace.profile.windows
    before = list(windows.timestamp_servers)
    page.servers.list.setCurrentRow(1)
    qtbot.mouseClick(page.servers.up, Qt.MouseButton.LeftButton)
    assert windows.timestamp_servers == [before[1], before[0], *before[2:]]
    qtbot.mouseClick(page.servers.remove, Qt.MouseButton.LeftButton)
    assert windows.timestamp_servers == [before[0], *before[2:]]
    page.servers.list.item(0).setText("http://timestamp.example/one")
    assert windows.timestamp_servers[0] == "http://timestamp.example/one"
    qtbot.keyClicks(page.description.edit, "Backup client")
    assert windows.description == "Backup client"
    page.drop.chosen.emit("/somewhere/setup.exe")
    assert windows.input_file == "/somewhere/setup.exe"
    assert page.sample.isVisible()
    qtbot.mouseClick(page.sample, Qt.MouseButton.LeftButton)
    assert windows.input_file == ""


def test_saving_the_signed_file_copies_it_whole(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.workspace.profile.reached = [START, KEY_VAULT, WINDOWS_TRIAL]
    window.show_step(WINDOWS_TRIAL)
    source = tmp_path / "a.exe"
    source.write_bytes(b"MZ" * 1000)
    window.page.save_to(source, tmp_path / "b.exe")
    wait_idle(window, qtbot)
    assert (tmp_path / "b.exe").read_bytes() == source.read_bytes()
    window.page.save_to(source, tmp_path / "no-folder" / "b.exe")
    wait_idle(window, qtbot)
    assert window.notices.count() == 1
