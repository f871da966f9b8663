"""The whole way on practice accounts, driven as a person drives it, over the real network code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

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
from codesign_wizard.session import Session
from tests.gui.driving import PATIENCE, page_facts, rail, sign_in, to_key_vault, to_trial, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


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
    assert rail(window, KEY_VAULT).step.note.startswith("certificate: in ")
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
    assert rail(window, WINDOWS_TRIAL).step.standing.words == "done"
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
