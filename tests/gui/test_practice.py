"""The wizard on practice accounts, driven as a person drives it, over the real network code."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication

from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_TRIAL,
    START,
    WINDOWS_TRIAL,
    StepState,
)
from codesign_wizard.core.job import StageState
from codesign_wizard.core.redact import Secret
from codesign_wizard.session import Session
from codesign_wizard.theme import Mark
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

PATIENCE = 30_000


def to_key_vault(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT
    wait_idle(window, qtbot)


def to_trial(window: MainWindow, qtbot: QtBot) -> None:
    """Go on to the trial; the steps between look by themselves where they do, and hold nobody up."""
    for _ in window.workspace.flow.steps():
        if window.key != WINDOWS_TRIAL:
            qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    assert window.key == WINDOWS_TRIAL


def sign_in(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    assert window.runner.foreground is not None
    wait_idle(window, qtbot, PATIENCE)


def errors(window: MainWindow) -> list[str]:
    return [view.finding.id for view in window.page.findings.views if view.finding.severity == "error"]


def test_the_whole_way_on_practice_accounts(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice())
    assert window.header.badge.isVisible()
    to_key_vault(window, qtbot)
    page = window.page
    assert page.fields["vault_name"].edit.text()
    assert page.secret.saved.isVisible(), "practice fills the secret in, stored"
    sign_in(window, qtbot)
    assert page.banner.title == "The vault answers, and its key signs for you."
    assert rail(window, KEY_VAULT).step.state is StepState.DONE
    assert rail(window, KEY_VAULT).step.note.startswith("in ")
    assert "Object ID" in [name for name, _ in page_facts(window)]

    to_trial(window, qtbot)
    wait_idle(window, qtbot)
    assert rail(window, CERTIFICATE).step.state is StepState.DONE
    assert rail(window, CERTIFICATE).step.note.startswith("in ")
    assert rail(window, KEY_VAULT).step.note == ""
    trial = window.page
    qtbot.mouseClick(trial.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert trial.banner.title.startswith("The signature holds, but only with the roots that were added")
    assert {card.state for card in trial.stages.cards.values()} == {StageState.DONE}
    assert trial.result_card.isVisible()
    result = window.workspace.profile.results[WINDOWS_TRIAL]
    assert Path(result.facts["file"]).read_bytes()[:2] == b"MZ"
    assert rail(window, WINDOWS_TRIAL).step.state is StepState.DONE
    window.show_step(START)
    assert window.page.banner.title == "Windows signing works: the trial was signed and verified."
    assert window.page.banner.text.startswith("Next step: Summary. Next expiry: ")
    qtbot.mouseClick(window.page.macos, Qt.MouseButton.LeftButton)
    assert window.page.banner.title == "Windows signing works. Next step: Apple certificates."
    assert [need.found for need in window.page._need_rows] == [True] * 3 + [False] * 2

    window.workspace.flow.go(WINDOWS_TRIAL)
    window.go_next()
    wait_idle(window, qtbot)
    assert window.page.banner.title == "Both certificates can sign, for Practice Team (team PRACTICE01)."
    window.go_next()
    wait_idle(window, qtbot)
    assert window.page.banner.title.startswith("“Sign only”: macOS 10.15 and later will stop")
    window.go_next()
    trial = window.page
    qtbot.mouseClick(trial.go, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert trial.banner.title.startswith("Signed and verified, with the roots that were added")
    assert {card.state for card in trial.stages.cards.values()} == {StageState.DONE}
    result = window.workspace.profile.results[MACOS_TRIAL]
    assert Path(result.facts["file"]).read_bytes()[:4] == b"xar!"
    # the answer for a customer's Mac is in the card, not among what was checked
    assert trial.gatekeeper.isVisible()
    assert "apple.gatekeeper.not-notarised" in [each.id for each in result.findings]
    window.show_step(START)
    assert window.page.banner.title == "Windows and macOS signing works: the trial was signed and verified."
    assert [need.found for need in window.page._need_rows] == [True] * 5
    # the same file holds another certificate now: the trial is of the former one, Windows is not concerned
    seen = window.workspace.profile.results[APPLE_CERTIFICATES]
    seen.obtained = result.obtained + timedelta(seconds=1)
    seen.facts["application_sha256"] = "00"
    assert window.workspace.flow.state(MACOS_TRIAL) is StepState.OUT_OF_DATE
    assert window.workspace.flow.state(WINDOWS_TRIAL) is StepState.DONE

    # every answer of a vendor carries its request id into the log, and no secret
    lines = window.log_model.lines
    assert any(line.request_id for line in lines)
    secret = window.workspace.session.application_secret()
    assert secret is not None
    assert not any(secret.reveal() in line.text for line in lines)


def page_facts(window: MainWindow) -> list[tuple[str, str]]:
    from codesign_wizard.widgets.basics import CodeBox

    pairs = []
    for box in window.page.who.findChildren(CodeBox):
        name, _, value = box.accessibleName().partition(": ")
        pairs.append((name, value))
    return pairs


def test_a_wrong_secret_is_explained_and_mended_on_the_page(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    window.errors_expected = True
    right = session.application_secret()
    assert right is not None
    to_key_vault(window, qtbot)
    page = window.page
    window.activateWindow()
    qtbot.mouseClick(page.secret.replace, Qt.MouseButton.LeftButton)
    QGuiApplication.clipboard().setText("  wrong~value-of-a-secret-0123456789abcdef \n")
    qtbot.keyClick(page.secret.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert session.application_secret() == Secret("wrong~value-of-a-secret-0123456789abcdef")
    sign_in(window, qtbot)
    assert errors(window) == ["azure.sign-in.secret-wrong"]
    view = page.findings.views[0]
    assert page.banner.title == view.finding.title
    # of its window: offscreen, no window is the active one for sure
    assert window.focusWidget() is view, "the focus goes to the first problem"
    view.seen.open()
    assert not page._timer.isActive(), "no look without the secret comes after a sign-in"
    page._keyring_answered((page.secret.place, "", []))
    window._changed()
    assert page.findings.views[0] is view, "what was opened and has the focus is not made anew"
    assert window.focusWidget() is view
    assert "AADSTS7000215" in view.seen.button.text()
    assert rail(window, KEY_VAULT).step.note == "1 problem"

    page._secret_given(right)
    qtbot.waitUntil(lambda: session.application_secret() == right)
    wait_idle(window, qtbot)
    assert rail(window, KEY_VAULT).step.state is StepState.OUT_OF_DATE
    qtbot.mouseClick(page.findings.views[0].recheck, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert errors(window) == []
    assert rail(window, KEY_VAULT).step.state is StepState.DONE


def test_what_az_prints_fills_the_fields_and_the_secret_goes_to_its_store(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    window = open_window(session)
    to_key_vault(window, qtbot)
    page = window.page
    page.paste.setFocus()
    QGuiApplication.clipboard().setText(
        '{"appId": "2f6c1a0e-8d1b-4d1c-9b7e-0a1b2c3d4e5f", "displayName": "signing",'
        ' "password": "abc8Q~practice.value-0123456789abcdefghi",'
        ' "tenant": "7c9d2e10-5b3a-4c8e-a1f0-112233445566"}'
    )
    qtbot.keyClick(page.paste, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert page.fields["application_id"].edit.text() == "2f6c1a0e-8d1b-4d1c-9b7e-0a1b2c3d4e5f"
    assert page.fields["tenant_id"].edit.text() == "7c9d2e10-5b3a-4c8e-a1f0-112233445566"
    assert page.paste.toPlainText() == "", "nothing with a secret in it stays in a field"
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert session.application_secret() == Secret("abc8Q~practice.value-0123456789abcdefghi")
    window.workspace.save()
    stored = (session.profiles.folder / "mine-1.json").read_text("utf-8")
    assert "2f6c1a0e" in stored
    assert "abc8Q~" not in stored


def test_the_secret_id_in_place_of_the_value_is_noticed_at_once(window: MainWindow, qtbot: QtBot) -> None:
    to_key_vault(window, qtbot)
    page = window.page
    page.secret.edit.setFocus()
    QGuiApplication.clipboard().setText("0f8fad5b-d9cb-469f-a165-70867728950e")
    qtbot.keyClick(page.secret.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "Secret ID" in page.secret.message.text()
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert "Secret ID" in page.secret.message.text(), "it is kept as given, and still said to be wrong"
    assert page.secret.mark.mark is not Mark.OK
    wait_idle(window, qtbot)
    window.workspace.replaced.emit()
    again = window.page
    qtbot.waitUntil(lambda: again.secret.saved.isVisible())
    assert "Secret ID" in again.secret.message.text(), "also when the page is opened another day"


def test_what_is_still_missing_is_told_anew_with_every_key(window: MainWindow, qtbot: QtBot) -> None:
    to_key_vault(window, qtbot)
    page = window.page
    assert "vault name, certificate name" in page.banner.text
    qtbot.keyClicks(page.fields["vault_name"].edit, "harbour-signing")
    assert "vault name" not in page.banner.text
    assert "certificate name" in page.banner.text


def test_forgetting_the_secret_empties_its_store(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    to_key_vault(window, qtbot)
    qtbot.mouseClick(window.page.secret.forget_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.page.secret.edit.isVisible())
    assert session.application_secret() is None
    wait_idle(window, qtbot)  # the practice ends before the window does


def test_the_vault_is_looked_for_without_the_secret(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("vault-unknown"))
    window.errors_expected = True
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    page = window.page
    qtbot.waitUntil(lambda: page._found is not None, timeout=PATIENCE)
    assert [finding.id for finding in page._found if finding.severity == "error"] == ["azure.vault.unknown"]
    assert page.looked.isVisible()
    assert page.banner.title == next(one.title for one in page._found if one.id == "azure.vault.unknown")


def test_a_sign_in_is_cancelled_in_the_middle_and_nothing_is_recorded(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("slow"))
    window.errors_expected = True
    to_key_vault(window, qtbot)
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    end = time.monotonic() + 0.4
    qtbot.waitUntil(lambda: time.monotonic() > end)
    assert window.footer.cancel_button.isVisible()
    began = time.monotonic()
    qtbot.mouseClick(window.footer.cancel_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert time.monotonic() - began < 15  # the vault holds its answer for 30 s
    assert KEY_VAULT not in window.workspace.profile.results
    assert window.page.sign_in.isEnabled()


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
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    running = page.stages.cards["time-stamp"]
    qtbot.waitUntil(lambda: running.state is StageState.RUNNING, timeout=PATIENCE)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    wait_idle(window, qtbot)
    assert page.banner.title == "Cancelled. Nothing was left behind."
    assert running.state is StageState.SKIPPED
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


def test_closing_looks_for_no_vault_any_more_and_keeps_a_typed_secret(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    to_key_vault(window, qtbot)
    page = window.page
    qtbot.mouseClick(page.secret.replace, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.secret.edit, "typed~value-of-a-secret-0123456789abcdef")
    qtbot.keyClicks(page.fields["vault_name"].edit, "x")
    page._timer.setInterval(0)  # due at the next turn of the event loop, which closing does not wait for
    page._timer.start()
    window.close()
    page.look()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=5000)
    page.look()
    assert page._discovery is None
    assert session.application_secret() == Secret("typed~value-of-a-secret-0123456789abcdef")


def test_a_file_dropped_anywhere_is_inspected(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    from codesign_wizard.core.sample import build_sample

    program = tmp_path / "tool.exe"
    program.write_bytes(build_sample("Tool", "x64"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(program))])
    event = QDropEvent(
        QPoint(400, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.errors_expected = True
    window.dropEvent(event)
    wait_idle(window, qtbot, PATIENCE)
    assert window.page.title.text() == "Inspect a file"
    assert window.page.banner.title == "tool.exe is a Windows program that is not signed."


def test_a_file_that_cannot_be_read_is_one_sentence(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.errors_expected = True
    window.open_inspect(str(tmp_path / "gone.exe"))
    wait_idle(window, qtbot, PATIENCE)
    assert "gone.exe" in window.page.banner.title


def test_trying_practice_and_going_back_to_ones_own_accounts(
    open_window: Callable[..., MainWindow], session: Session, practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(session, open_practice=practice)
    qtbot.mouseClick(window.page.practice_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.session.practice is not None, timeout=PATIENCE)
    assert window.header.badge.isVisible()
    assert window.page.own_button.isVisible()
    qtbot.mouseClick(window.page.own_button, Qt.MouseButton.LeftButton)
    assert window.workspace.session is session
    assert window.header.badge.isHidden()
    wait_idle(window, qtbot)


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


def test_profiles_are_made_renamed_and_forgotten(window: MainWindow, qtbot: QtBot) -> None:
    profiles, page = window.workspace.session.profiles, window.page
    qtbot.mouseClick(page.make, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.name, "Second brand")
    qtbot.keyClick(page.name, Qt.Key.Key_Return)
    assert window.workspace.profile.name == "Second brand"
    page = window.page
    assert page.list.count() == 2
    qtbot.mouseClick(page.rename, Qt.MouseButton.LeftButton)
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


def test_the_first_window_is_there_without_the_heavy_parts(tmp_path: Path) -> None:
    code = """
import sys
from codesign_wizard import app
from PySide6.QtWidgets import QApplication
QApplication.exec = staticmethod(lambda: QApplication.processEvents())
app.run_gui()
heavy = {"azure", "requests", "cryptography", "keyring", "urllib3", "msal", "asyncio"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
print([name for name in sys.modules if name.startswith("codesign_wizard.practice")])
print([name for name in sys.modules if name.startswith("codesign_wizard.pages.")])
"""
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "CODESIGN_WIZARD_CONFIG": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        check=True,
    )
    heavy, practice, pages = done.stdout.splitlines()
    assert heavy == "[]"
    assert practice == "[]"
    assert "key_vault" not in pages
    assert "windows_trial" not in pages
