"""The page Server on practice accounts: with a code, compared, changed, proved, undone, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from codesign_wizard.core.comet.findings import PREBUILT
from codesign_wizard.core.comet.journal import Phase
from codesign_wizard.core.comet.kept import KeptLine, Looked
from codesign_wizard.core.comet.settings import Part
from codesign_wizard.core.comet.words import build_note, for_a_page
from codesign_wizard.core.finding import Remedy
from codesign_wizard.core.flow import SERVER, STEPS, StepState
from codesign_wizard.core.job import StageState
from codesign_wizard.core.needs import needs
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.verdict import when
from codesign_wizard.opening import open_session
from codesign_wizard.pages.server import ServerPage
from codesign_wizard.session import Session
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import CodeBox
from codesign_wizard.widgets.differences import DifferenceTable
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

PATIENCE = 60_000
Open = Callable[..., "MainWindow"]


@contextmanager
def practice(scenario: str | None = None) -> Iterator[Session]:
    with open_session(practice=True, scenario=scenario) as session:
        session.profile.page = SERVER
        session.profile.server_wanted = True
        session.profile.reached = [step.key for step in STEPS]
        yield session


def opened(open_window: Open, session: Session, qtbot: QtBot) -> tuple[MainWindow, ServerPage]:
    window = open_window(session)
    page = window.page
    assert isinstance(page, ServerPage)
    wait_idle(window, qtbot)
    window.activateWindow()
    page.setFocus()
    return window, page


def press(page: ServerPage, key: Qt.Key, qtbot: QtBot) -> None:
    """Press Alt with *key*; the button that it stands for is clicked a moment later."""
    qtbot.keyClick(page, key, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: page.jobs.task is not None or page.question.isVisible())


def ids(page: ServerPage) -> list[str]:
    return [each.finding.id for each in page.problems.views]


def test_by_keyboard_from_a_code_to_the_proof(open_window: Open, qtbot: QtBot) -> None:
    with practice("server-one-time-code") as session:
        window, page = opened(open_window, session, qtbot)
        cloud = session.practice
        assert cloud is not None
        server = cloud.world.comet
        flow, profile = window.workspace.flow, session.profile
        assert page.banner.title == "Nobody has signed in to the server yet."
        assert not page.sign_in.code_row.isVisible()
        press(page, Qt.Key.Key_G, qtbot)
        wait_idle(window, qtbot)
        # being asked for a code is no failure, and nothing to keep
        assert page.banner.title == "The server asks for a one-time code for practice-admin."
        assert SERVER not in profile.results
        assert page.sign_in.code.edit.hasFocus()
        qtbot.keyClicks(page.sign_in.code.edit, cloud.server_code())
        qtbot.keyClick(page.sign_in.code.edit, Qt.Key.Key_Return)
        wait_idle(window, qtbot)
        assert page.banner.title == "Not as in this profile: 6 of the server's settings."
        assert page.sign_in.code.edit.text() == ""
        assert flow.state(SERVER) is StepState.IN_PROGRESS
        assert next(each for each in needs(profile) if each.key == "server").found
        assert page.differences.table.chosen() == [Part.AZURE]

        # shown first; Esc changes nothing
        before = server.branding_text()
        press(page, Qt.Key.Key_Y, qtbot)
        assert page.question.yes.hasFocus()
        told = page.question.accessibleDescription()
        assert f"Azure Key Vault name: empty → {cloud.accounts.vault_name}." in told
        assert cloud.accounts.application_secret not in told
        qtbot.keyClick(page.question.yes, Qt.Key.Key_Escape)
        assert not page.question.isVisible()
        assert server.branding_text() == before
        press(page, Qt.Key.Key_Y, qtbot)
        qtbot.keyClick(page.question.yes, Qt.Key.Key_Space)
        wait_idle(window, qtbot)
        assert (
            page.banner.title == "The server has what this profile holds, as far as it can be compared. "
            "Whether it signs is not proved yet."
        )
        assert (
            "6 settings were changed and read back; 1 of them cannot be compared."
            in page.differences.last.text()
        )
        # the secret cannot be compared, and was given from here: not offered to be given again unasked
        assert page.differences.table.chosen() == []
        assert not page.differences.go.isEnabled()

        page._platforms_chosen([5])
        assert page.proof.reason.text() == "Takes minutes."  # nothing is stapled
        press(page, Qt.Key.Key_P, qtbot)
        # what it was begun with is not to be changed meanwhile; what comes of it is there to be read
        parts = [page.proof.go, *page.proof.ticks.values(), page.sign_in, page.differences]
        assert not any(each.isEnabled() for each in parts)
        assert page.proof.rows[5].isEnabled()
        wait_idle(window, qtbot, PATIENCE)
        assert all(each.isEnabled() for each in parts)
        assert page.banner.title == "Proved: the server signs its clients as you."
        assert flow.state(SERVER) is StepState.DONE
        (client,) = page.kept().proved.clients  # type: ignore[union-attr]
        assert client.facts["publisher"] == "Practice Backup Ltd (practice)"
        assert not page.proof.rows[5].show_file.isHidden()
        assert client.facts["file"].endswith("-windows-anycpu.zip")  # of the platform that was asked for

        # the old values again; the proof was of others
        press(page, Qt.Key.Key_U, qtbot)
        assert page.question.yes.text() == "Undo the change"
        qtbot.keyClick(page.question.yes, Qt.Key.Key_Space)
        wait_idle(window, qtbot)
        assert server.branding_text().replace(" ", "") == before.replace(" ", "")
        assert flow.state(SERVER) is StepState.IN_PROGRESS
        assert "before the last change" in page.banner.text

        profile.windows.azure.certificate_name = "another"
        window.workspace.edited()
        assert flow.state(SERVER) is StepState.OUT_OF_DATE
        assert page.banner.title == "Something changed since the server was looked at. Look again."

        # leaving ends the session there, not only here
        assert server.open_sessions == 1
        window.close()
        qtbot.waitUntil(lambda: not server.open_sessions)


def test_an_interrupted_change_is_told_and_a_package_that_is_signed_only_is_a_warning(
    open_window: Open, qtbot: QtBot
) -> None:
    with practice() as session:
        session.profile.macos_wanted, session.profile.macos.level = True, LEVELS[0]
        window, page = opened(open_window, session, qtbot)
        page.jobs.connect_server()
        wait_idle(window, qtbot)
        page.jobs._apply(page.differences.table.chosen())
        wait_idle(window, qtbot)

        # as a run leaves it that is killed before it has read the settings back
        page.jobs.sign_out()
        wait_idle(window, qtbot)
        journal = session.server_journal()
        record = journal.read()
        assert record is not None
        record.phase = Phase.SENT
        journal.write(record)
        page.shown()
        wait_idle(window, qtbot)
        assert page.banner.title == "A change of the server's settings was interrupted."
        assert f"began {when(record.time)} was interrupted. Sign in" in page.banner.text
        page.jobs.connect_server()
        wait_idle(window, qtbot)
        assert "interrupted" not in page.banner.title + page.banner.text
        kept = page.kept().findings(window.workspace.flow.inputs(SERVER))
        assert "server.apply.interrupted-saved" in [each.id for each in kept]
        assert not page.problems.passed.isHidden()  # type: ignore[union-attr]  # it tells so

        page._platforms_chosen([8])
        page.jobs.prove()
        wait_idle(window, qtbot, PATIENCE)
        assert ids(page) == ["server.prove.sign-only"]
        assert page.banner.title == "Proved: the server signs its clients as you."
        (client,) = page.kept().proved.clients  # type: ignore[union-attr]
        assert client.facts["ticket"] == "none"
        judged = page.proof.rows[8].stages.cards["verify.8"]
        assert (judged.state, judged.words.text()) == (StageState.ATTENTION, "signed only")


def test_the_page_says_where_the_build_mode_is_mended() -> None:
    finding = PREBUILT(remedies=[Remedy(title="server apply --only build-mode", portal=("There.",))])
    ((remedy,),) = (each.remedies for each in for_a_page([finding]))
    assert remedy.title == "Tick “Build mode” below, and apply it."
    assert remedy.portal == ("There.",)


def test_what_goes_wrong_is_said_and_nothing_is_lost(open_window: Open, qtbot: QtBot) -> None:
    with practice("server-loader-build") as session:
        window, page = opened(open_window, session, qtbot)
        window.errors_expected = True  # type: ignore[attr-defined]  # told to the fixture
        cloud = session.practice
        assert cloud is not None
        right = session.server_password()
        page.sign_in.password.replace.click()
        page.sign_in.password.edit.setText("not-the-one")
        page.jobs.connect_server()  # commits what is typed
        wait_idle(window, qtbot)
        assert ids(page) == ["server.sign-in.refused"]
        assert window.workspace.flow.state(SERVER) is StepState.ATTENTION
        assert "not-the-one" not in str(session.profile.to_json())
        assert right is not None
        page._password_given(right)
        page.jobs.connect_server()
        # typed while the job signs in: it goes on with what it began with, and its session is ended then
        page.sign_in.address.edit.setText("https://admin:hidden-word@backup.example.com/")
        page._edited()
        assert "hidden-word" not in str(session.profile.to_json())
        wait_idle(window, qtbot)
        assert ids(page) == []
        assert page.jobs.desk is None
        assert window.workspace.flow.state(SERVER) is StepState.OUT_OF_DATE
        assert cloud.world.comet.open_sessions == 0
        page.sign_in.address.edit.setText(cloud.accounts.server_address)
        page._edited()
        page.jobs.connect_server()
        wait_idle(window, qtbot)
        assert ids(page) == []
        assert page.jobs.desk is not None

        page._platforms_chosen([5])
        page.jobs.prove()
        window.runner.cancel()
        wait_idle(window, qtbot, PATIENCE)
        assert page.banner.title == "Cancelled. Nothing was changed."
        assert page.kept().proved is None
        page.jobs.prove()
        wait_idle(window, qtbot, PATIENCE)
        assert ids(page)[0] == "server.prove.loader"
        judged = page.proof.rows[5].stages.cards["verify.5"]
        assert (judged.state, judged.words.text()) == (StageState.FAILED, "not signed by you")
        assert window.workspace.flow.state(SERVER) is StepState.ATTENTION

        # another administrator is quicker: nothing is changed, and it is said
        page.jobs.look_again()
        wait_idle(window, qtbot)
        cloud.world.comet.change("ProductName", "Another (practice)")
        before = cloud.world.comet.branding_text()
        page.jobs._apply([Part.AZURE])
        wait_idle(window, qtbot)
        assert cloud.world.comet.branding_text() == before
        assert "server.apply.changed-meanwhile" in ids(page)


def test_the_settings_names_wrap_only_where_the_values_would_have_too_little_room(qtbot: QtBot) -> None:
    setting = "Developer ID Application certificate"
    line = KeptLine(setting, Part.CERTIFICATES.value, "empty", "a095a721-e728-43d1-ab5c-59a4aa0a0617", "same")
    page, table = QWidget(), DifferenceTable()
    qtbot.addWidget(page)
    box = QVBoxLayout(page)
    box.setContentsMargins(0, 0, 0, 0)
    box.addWidget(table)
    table.show_look(Looked("backup.example", "admin", "25.9.8", 0, [line], [], []), [], can_choose=False)
    page.show()
    # an empty side leaves its room to the ids
    values = table.findChildren(CodeBox)
    page.resize(700, 400)
    QApplication.processEvents()
    assert values[1].width() > 1.5 * values[0].width()
    name = next(each for each in table.findChildren(QLabel) if each.text() == setting)
    needed = name.fontMetrics().horizontalAdvance(setting)
    for width, fits in ((900, True), (needed + 2 * 110 + 80, True), (needed + 150, False)):
        page.resize(width, 400)
        QApplication.processEvents()
        assert (name.width() >= needed) is fits, width


def test_a_files_name_is_not_broken_in_its_midst_and_the_same_id_alike_on_both_sides(qtbot: QtBot) -> None:
    id_, setting = "a095a721-e728-43d1-ab5c-59a4aa0a0617", "Developer ID Application certificate"
    lines = [
        KeptLine(setting, Part.CERTIFICATES.value, id_, id_, "same"),
        KeptLine("API Key file", Part.API_KEY.value, "an uploaded file", "AuthKey_ZBKVYWNUMG.p8", "same"),
    ]
    page, table = QWidget(), DifferenceTable()
    qtbot.addWidget(page)
    box = QVBoxLayout(page)
    box.setContentsMargins(0, 0, 0, 0)
    box.addWidget(table)
    table.show_look(Looked("backup.example", "admin", "25.9.8", 0, lines, [], []), [], can_choose=False)
    page.show()
    # as wide as it gets in the narrowest window, in the usual one, and in a wide one
    for width, whole in ((526, False), (846, True), (1000, True)):
        page.resize(width, 500)
        QApplication.processEvents()
        assert table.width() == width
        at_server, here, _, file = table.findChildren(CodeBox)
        assert file.fontMetrics().horizontalAdvance(file.toPlainText()) <= file.viewport().width(), width
        assert (at_server.height() == here.height()) or not whole, width
        one_line = file.height() + 2
        assert max(at_server.height(), here.height()) <= 3 * one_line, width
        assert (here.height() <= one_line) is whole, width


def test_only_stapling_is_said_to_take_long() -> None:
    assert build_note(LEVELS[0]) == build_note("") == "Takes minutes."
    assert "stapling" in build_note(LEVELS[-1])


def test_a_refused_password_is_told_once(open_window: Open, qtbot: QtBot) -> None:
    with practice("server-wrong-password") as session:
        window, page = opened(open_window, session, qtbot)
        window.errors_expected = True  # type: ignore[attr-defined]
        press(page, Qt.Key.Key_G, qtbot)
        wait_idle(window, qtbot)
        assert ids(page) == ["server.sign-in.refused"]
        sentence = page.problems.views[0].finding.title
        shown = [each.text() for each in page.findChildren(QLabel) if each.isVisibleTo(page)]
        assert sum(sentence in each for each in shown) == 1
        assert page.banner.title == "Signing in to the server did not work."
        # the field says that it may be the one, and is marked
        assert page.sign_in.password.message.text() == "This may be wrong."
        assert page.sign_in.password.mark.mark is Mark.ERROR
        assert page.banner.text.startswith("Tried ")
        assert page.problems.views[0].seen is not None
        assert page.problems.views[0].seen.button.text() == "What we saw: HTTP 200, code 403"
