"""The page macOS level and API key: chosen by keyboard, the key given, mistyped, checked, forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from codesign_wizard.core.apple.level_words import Sign
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import CERTIFICATE, MACOS_LEVEL, MACOS_TRIAL, STEPS, StepState
from codesign_wizard.opening import open_session
from codesign_wizard.pages.macos_level import MacosLevelPage
from codesign_wizard.session import Session
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


@pytest.fixture(params=[None])
def practice(request: pytest.FixtureRequest) -> Iterator[Session]:
    with open_session(practice=True, scenario=request.param) as session:
        session.profile.page = MACOS_LEVEL
        session.profile.macos_wanted = True
        session.profile.reached = [step.key for step in STEPS]
        yield session


@pytest.fixture
def opened(
    open_window: Callable[..., MainWindow], practice: Session, qtbot: QtBot
) -> tuple[MainWindow, MacosLevelPage]:
    window = open_window(practice)
    page = window.page
    assert isinstance(page, MacosLevelPage)
    wait_idle(window, qtbot)
    window.activateWindow()
    return window, page


def needs(page: MacosLevelPage, level: str) -> list[tuple[Sign, str]]:
    return [(each.sign, each.text) for each in page.levels.views[level].lines if each.needed]


def shown_texts(window: MainWindow) -> str:
    texts = [one.text() for one in window.findChildren(QLabel)]
    texts += [one.text() for one in window.findChildren(QLineEdit)]
    texts += [one.accessibleName() + one.toolTip() for one in window.findChildren(QWidget)]
    return "\n".join([*texts, *(line.text for line in window.log_model.lines)])


def test_a_level_is_chosen_by_arrow_keys_and_the_key_is_checked(
    opened: tuple[MainWindow, MacosLevelPage], qtbot: QtBot, tmp_path: Path
) -> None:
    window, page = opened
    session, flow = window.workspace.session, window.workspace.flow
    macos = session.profile.macos
    assert flow.state(MACOS_LEVEL) is StepState.DONE, "nothing is needed for signing only"
    assert page.key.ask.property("kind") == ""
    assert window.footer.next_button.property("kind") == "primary", (
        "one thing to do next, and it is not the key"
    )
    signing, windows = flow.inputs(MACOS_TRIAL), flow.inputs(CERTIFICATE)
    first = page.levels.views["sign-only"].choice
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert macos.level == "notarise"
    qtbot.keyClick(page.levels.views["notarise"].choice, Qt.Key.Key_Right)
    assert macos.level == "staple"
    assert flow.state(MACOS_LEVEL) is StepState.IN_PROGRESS
    assert (Sign.UNCERTAIN, "API key: not checked yet") in needs(page, "staple")
    page.key.ask.setFocus()
    qtbot.keyClick(page.key.ask, Qt.Key.Key_Space)
    used = [page.key.issuer.edit, page.key.key_id.edit, page.key.replace, page.key.forget]
    assert not any(each.isEnabled() for each in used)
    wait_idle(window, qtbot)
    assert all(each.isEnabled() for each in used)
    assert page.banner.title == "Apple accepts the key: this level can be reached."
    assert macos.api_key.accepted
    assert flow.state(MACOS_LEVEL) is StepState.DONE
    assert (Sign.THERE, "API key: accepted by Apple") in needs(page, "notarise")

    # a key that is no key leaves the kept one alone
    wrong = tmp_path / "AuthKey_AB12CD34EF.p8"
    wrong.write_text("-----BEGIN CERTIFICATE-----\n")
    page.take(str(wrong))
    wait_idle(window, qtbot)
    assert page.banner.title.startswith("AuthKey_AB12CD34EF.p8 is a certificate")
    assert session.api_private_key() is not None
    assert flow.state(MACOS_LEVEL) is StepState.DONE

    # another key: what Apple said is of the former one, and the trial's result too; Azure is not concerned
    trial = flow.inputs(MACOS_TRIAL)
    assert trial != signing
    fresh = session.practice.api_key_file  # type: ignore[union-attr]  # this is practice
    fresh.write_text(session.api_private_key().reveal().replace("\n", "\r\n"))  # type: ignore[union-attr]  # kept
    key_id = macos.api_key.key_id
    page.forget()
    wait_idle(window, qtbot)
    assert session.api_private_key() is None
    # its file lies there still, as it was downloaded
    assert (Sign.OPEN, "API key: found, not taken yet") in needs(page, "staple")
    assert page.banner.title == "An API key was found on this computer."
    assert window.footer.reason.text() == "The API key that was found is not taken yet."
    assert not page.key.ask.isEnabled()
    assert page.key.words.text() == "The API key that was found is not taken yet."
    assert needs(page, "sign-only")[0][1].startswith("Developer ID Installer")
    assert len(page.key.offers.findChildren(QLabel)) == 1, "its file was found"
    page.key.given.emit(str(fresh))
    wait_idle(window, qtbot)
    assert page.key.key_id.text == macos.api_key.key_id == key_id
    assert (Sign.OPEN, "API key: its Issuer ID is missing") in needs(page, "staple")
    assert page.key.issuer.edit.hasFocus()
    assert flow.inputs(MACOS_TRIAL) != trial
    assert flow.inputs(CERTIFICATE) == windows
    page.check()
    wait_idle(window, qtbot)
    assert page.banner.title.startswith("The Issuer ID is missing; a key that has none is an individual key")
    page.key.issuer.edit.setFocus()
    qtbot.keyClicks(page.key.issuer.edit, "5724654296fe1a63e0530824d011072a")
    page.key.key_id.edit.setFocus()
    assert "its hyphens are missing" in page.key.issuer.message.text()
    # Apple is not asked with what cannot be right, and the card does not call it unchecked
    assert not page.key.ask.isEnabled()
    assert page.key.ask.property("kind") == ""
    assert page.key.words.text() == "The Issuer ID cannot be right."
    assert (Sign.MISSING, "API key: its Issuer ID cannot be right") in needs(page, "staple")
    page.key.key_id.edit.setFocus()
    qtbot.keyClicks(page.key.key_id.edit, "X")
    assert page.key.words.text() == "Issuer ID and Key ID cannot be right."
    assert (Sign.MISSING, "API key: Issuer ID and Key ID cannot be right") in needs(page, "staple")
    assert (page.banner.severity, page.banner.title) == (Severity.ERROR, page.key.words.text())
    assert page.banner.text.startswith("The result below is of ")
    assert rail(window, MACOS_LEVEL).step.standing.words == "needs attention"
    assert fresh.read_text().splitlines()[1] not in shown_texts(window)


@pytest.mark.parametrize("practice", ["agreement-missing"], indirect=True)
def test_what_apple_wants_first_is_said_on_the_card_with_what_to_do(
    opened: tuple[MainWindow, MacosLevelPage], qtbot: QtBot
) -> None:
    window, page = opened
    window.errors_expected = True  # type: ignore[attr-defined]  # told to the fixture
    page.levels.views["staple"].choice.click()
    page.check()
    wait_idle(window, qtbot)
    assert (Sign.MISSING, "Agreement with Apple: has to be accepted") in needs(page, "staple")
    assert window.workspace.flow.state(MACOS_LEVEL) is StepState.ATTENTION
    (view,) = page.findings.views
    assert view.hasFocus()
    assert "Account Holder" in view.finding.remedies[0].title
    assert page.key.ask.isEnabled()
    assert page.key.ask.property("kind") == "", "to ask again mends nothing"
    assert view.mapTo(page, view.rect().topLeft()).y() < page.levels.y(), "the problem comes first"
    # the agreement is nothing to a level that sends nothing to Apple
    page.levels.views["sign-only"].choice.click()
    assert window.workspace.flow.state(MACOS_LEVEL) is StepState.DONE
