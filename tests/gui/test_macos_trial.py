"""The page macOS trial on practice accounts: by keyboard, with a file of one's own, refused and cancelled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from codesign_wizard.core.flow import MACOS_LEVEL, MACOS_TRIAL, STEPS, WINDOWS_TRIAL, StepState
from codesign_wizard.core.job import StageState
from codesign_wizard.core.redact import Secret
from codesign_wizard.opening import open_session
from codesign_wizard.pages.macos_trial import MacosTrialPage
from codesign_wizard.pages.trial import _copy_folder
from codesign_wizard.session import Session
from codesign_wizard.widgets.basics import CodeBox
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

PATIENCE = 60_000


@pytest.fixture
def practice() -> Iterator[Session]:
    with open_session(practice=True) as session:
        session.profile.page = MACOS_TRIAL
        session.profile.macos_wanted = True
        session.profile.reached = [step.key for step in STEPS]
        yield session


@pytest.fixture
def opened(open_window: Callable[..., MainWindow], practice: Session) -> tuple[MainWindow, MacosTrialPage]:
    window = open_window(practice)
    page = window.page
    assert isinstance(page, MacosTrialPage)
    return window, page


def ids(page: MacosTrialPage) -> list[str]:
    return [each.finding.id for each in page.findings.views]


def test_by_keyboard_then_saved_and_out_of_date(
    opened: tuple[MainWindow, MacosTrialPage], qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    window.activateWindow()
    page.setFocus()
    assert page.banner.title == "Nothing has been signed yet."
    assert window.footer.reason.text() == "Nothing has been signed yet."
    qtbot.keyClick(page, Qt.Key.Key_V, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.result_card.isVisible, timeout=PATIENCE)
    wait_idle(window, qtbot)
    assert page.go.hasFocus()
    assert {card.state for card in page.stages.cards.values()} == {StageState.DONE}
    told = dict(page.show_facts(window.workspace.profile.results[MACOS_TRIAL]))
    assert told["Team"] == "PRACTICE01"
    assert told["Programs"] == "3 signed, hardened runtime on"
    assert "timestamp" in told["Time stamp"].casefold()
    assert not page.findings.passed.isVisible()
    qtbot.keyClick(page.go, Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.findings.passed.isVisible)

    target = tmp_path / "signed.pkg"
    page.save_to(Path(told["File"]), target)
    wait_idle(window, qtbot)
    assert page.saved.text() == "Saved as signed.pkg"
    assert target.read_bytes() == Path(told["File"]).read_bytes()

    flow, profile = window.workspace.flow, window.workspace.profile
    windows = flow.inputs(WINDOWS_TRIAL)
    profile.macos.installer_file = str(tmp_path / "another.p12")
    window.workspace.edited()
    assert flow.state(MACOS_TRIAL) is StepState.OUT_OF_DATE
    assert page.banner.title == "Something changed since this trial. Sign and verify again."
    # what happens to Apple's files is nothing to Azure
    assert flow.inputs(WINDOWS_TRIAL) == windows


def test_what_cannot_be_signed_is_said_and_nothing_is_left(
    opened: tuple[MainWindow, MacosTrialPage], qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    window.errors_expected = True  # type: ignore[attr-defined]  # told to the fixture
    output = tmp_path / "output"
    window.workspace.session.output_folder = lambda: output  # type: ignore[method-assign]  # for this one only
    window.workspace.session.set_apple_password(Secret("not-the-one"))
    page.run()
    wait_idle(window, qtbot, PATIENCE)
    assert set(ids(page)) == {"apple.identity.password-wrong"}
    states = [card.state for card in page.stages.cards.values()]
    assert states == [StageState.DONE, StageState.FAILED, *[StageState.SKIPPED] * 3]
    assert not page.result_card.isVisible()
    text = tmp_path / "notes.pkg"
    text.write_text("no package")
    page.drop.chosen.emit(str(text))
    assert page.sample.isVisible()
    page.run()
    wait_idle(window, qtbot, PATIENCE)
    assert len(page.findings.views) == 1
    assert page.stages.cards["build"].state is StageState.FAILED
    assert window.workspace.flow.state(MACOS_TRIAL) is StepState.ATTENTION
    qtbot.mouseClick(page.sample, Qt.MouseButton.LeftButton)
    assert window.workspace.profile.macos.input_file == ""
    former = window.workspace.profile.results[MACOS_TRIAL]
    # a trial that comes to its end before it is cancelled is no cancelled one
    page.work = lambda: lambda job: job.wait(PATIENCE)  # type: ignore[method-assign]  # for this one only
    page.run()
    window.runner.cancel()
    wait_idle(window, qtbot, PATIENCE)
    assert window.workspace.profile.results[MACOS_TRIAL] is former
    assert not output.exists()


def test_left_while_apple_is_at_work_then_gone_on_with_and_stapled(
    opened: tuple[MainWindow, MacosTrialPage], open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window, page = opened
    workspace = window.workspace
    practice = workspace.session.practice
    assert practice is not None
    notary = practice.world.notary
    notary.processing = 600.0
    practice.world.tickets.lag = -600.0  # there as soon as the result is
    workspace.profile.macos.level = "notarise"
    workspace.edited()
    shown = [key for key, card in page.stages.cards.items() if card.isVisible()]
    assert shown[-2:] == ["upload", "processing"]
    page.run()
    cancel = window.footer.cancel_button
    qtbot.waitUntil(lambda: cancel.text() == "Stop waiting", timeout=PATIENCE)
    assert cancel.accessibleName() == "Stop waiting"
    assert page.banner.title == "Apple is looking at it: usually 2 to 15 minutes."
    assert page.note.text().startswith("Sends the signed package"), "as the button beside it does"
    cancel.click()
    wait_idle(window, qtbot, PATIENCE)
    assert cancel.text() == "Cancel", "the next job's is one again"
    assert page.note.text() == "Asks Apple for the result; nothing is sent."
    assert page.banner.title == "practice-backup-setup.pkg is with Apple; nobody waits for the result now."
    (sent,) = notary.history()
    assert sent.submission_id in page.banner.text
    assert MACOS_TRIAL not in workspace.profile.results
    assert page.go.text() == "&Go on: Apple"

    # closed and opened again, it is the same
    window.close()
    later = open_window(workspace.session)
    page = later.page
    assert isinstance(page, MacosTrialPage)
    assert page.stages.cards["upload"].state is StageState.DONE
    assert page.submissions.isVisible()
    sent.ready = 0.0
    page.go.click()
    wait_idle(later, qtbot, PATIENCE)
    assert page.banner.title.startswith("Signed and notarised, with the roots that were added")
    with_network, without = [one.toPlainText() for one in page.gatekeeper.findChildren(CodeBox)][:2]
    assert with_network == "opens: Apple has notarised it, and the Mac asks Apple once"
    assert without.startswith("is stopped: no ticket")
    assert page.fresh.isHidden()

    # a higher level goes on with the same file
    later.workspace.profile.macos.level = "staple"
    later.workspace.edited()
    assert later.workspace.flow.state(MACOS_TRIAL) is StepState.OUT_OF_DATE
    assert page.go.text() == "&Go on: Staple"
    page.go.click()
    wait_idle(later, qtbot, PATIENCE)
    assert page.banner.title.startswith("Signed, notarised and stapled, with the roots that were added")
    assert len(notary.history()) == 1, "nothing was submitted twice"
    page.submissions.ask(page.submissions.records[0])
    wait_idle(later, qtbot)
    assert page.submissions.findings.passed is not None


def test_what_apple_would_refuse_is_submitted_all_the_same_where_that_is_wanted(
    open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    with open_session(practice=True, scenario="notary-unsigned") as session:
        assert session.practice is not None
        notary = session.practice.world.notary
        notary.processing = 0.0
        profile = session.profile
        profile.page, profile.macos_wanted, profile.macos.level = MACOS_TRIAL, True, "notarise"
        profile.reached = [step.key for step in STEPS]
        window = open_window(session)
        window.errors_expected = True  # type: ignore[attr-defined]  # told to the fixture
        page = window.page
        assert isinstance(page, MacosTrialPage)
        assert Path(profile.macos.input_file).name == "Practice Backup.pkg"
        assert page.sample.isVisible()
        assert page.anyway.isHidden()
        page.run()
        wait_idle(window, qtbot, PATIENCE)
        assert ids(page)[0] == "apple.notary.preflight"
        verify = page.stages.cards["verify"]
        assert (verify.state, verify.words.text()) == (
            StageState.ATTENTION,
            "holds, but not enough for Apple",
        )
        titles = [each.finding.title for each in page.findings.views]
        assert "sample-helper in tools.zip is not signed." in titles
        assert page.stages.cards["upload"].state is StageState.FAILED
        assert notary.history() == []
        assert page.anyway.isVisible()
        page.anyway.click()
        wait_idle(window, qtbot, PATIENCE)
        # what was signed before was sent, and Apple says of it what was predicted
        states = {key: card.state for key, card in page.stages.cards.items() if card.isVisible()}
        assert states.pop("processing") is StageState.FAILED
        assert states.pop("verify") is StageState.ATTENTION
        assert set(states.values()) == {StageState.DONE}
        issues = [each for each in ids(page) if each.startswith("apple.notary.")]
        assert issues == [
            "apple.notary.invalid",
            "apple.notary.issue-unsigned",
            "apple.notary.issue-timestamp",
            "apple.notary.issue-hardened-runtime",
        ]
        assert len(notary.history()) == 1
        assert window.workspace.flow.reason_not_next(MACOS_TRIAL).startswith("The file is signed;")
        assert page.anyway.isHidden()
        assert page.go.text() == "Sign and &verify"
        assert page.go.property("kind") == "primary"
        # without the key another trial is of no use: where to give it comes first
        session.set_api_key(None)
        page.run()
        wait_idle(window, qtbot, PATIENCE)
        assert page.first.isVisible()
        assert page.note.text() == "", "nothing would be sent"
        assert page.first.property("kind") == "primary"
        assert page.go.property("kind") == ""
        assert page.banner.text.startswith("Checked ")
        page.first.click()
        assert window.key == MACOS_LEVEL


def test_an_upload_is_cancelled_and_gone_on_with(
    opened: tuple[MainWindow, MacosTrialPage], qtbot: QtBot
) -> None:
    window, page = opened
    workspace = window.workspace
    practice = workspace.session.practice
    assert practice is not None
    practice.world.notary.processing = 0.0
    conditions = practice.world.conditions
    conditions.holds["notary-submissions-prod.s3.us-west-2.amazonaws.com"] = 600.0
    workspace.profile.macos.level = "notarise"
    workspace.edited()
    page.run()
    upload = page.stages.cards["upload"]
    qtbot.waitUntil(lambda: bool(practice.world.notary.history()), timeout=PATIENCE)
    # the page hears of it a little after the notary
    qtbot.waitUntil(lambda: upload.state is StageState.RUNNING, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.banner.title == "Uploading to Apple.", timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.footer.reason.text().startswith("Uploading to Apple"), timeout=PATIENCE)
    assert not page.drop.isEnabled()
    window.runner.cancel()
    wait_idle(window, qtbot, PATIENCE)
    assert page.drop.isEnabled()
    assert page.banner.title.endswith("is signed; the upload to Apple is not finished.")
    assert page.go.text() == "&Go on: Upload"
    assert window.footer.reason.text() == "The trial has not come to its end yet."
    conditions.holds.clear()
    page.go.click()
    wait_idle(window, qtbot, PATIENCE)
    assert page.banner.title.startswith("Signed and notarised")
    assert len(practice.world.notary.history()) == 1, "nothing was submitted twice"


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links")
def test_an_app_is_saved_with_its_links_and_over_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "A.app", tmp_path / "saved" / "A.app"
    (source / "Contents").mkdir(parents=True)
    (source / "Contents" / "program").write_bytes(b"program")
    (source / "link").symlink_to("Contents/program")
    target.parent.mkdir()
    _copy_folder(source, target)
    assert (target / "link").readlink() == Path("Contents/program")
    assert (target / "Contents" / "program").read_bytes() == b"program"
    (target / "mine").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="this name already"):
        _copy_folder(source, target)
    assert [path.name for path in target.parent.iterdir()] == ["A.app"]
    assert (target / "mine").exists()
