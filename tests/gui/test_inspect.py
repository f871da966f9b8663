"""The page *Inspect*: a file dropped anywhere, and one that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton

from codesign_wizard.widgets.basics import Card
from tests.gui.driving import PATIENCE, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


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
    # once: neither below it nor in a card
    shown = [one.text() for one in window.page.findChildren(QLabel) if one.isVisible()]
    assert [text for text in shown if "not signed" in text] == [window.page.banner.title]


def test_a_password_opens_a_file_and_every_certificate_has_its_heading(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    from codesign_wizard.pages.inspect import InspectPage
    from tests.support.practice_identities import PASSWORD, authority, packed

    keys = tmp_path / "keys.bin"  # not named as one: asked for a password all the same
    key, certificate = authority().identity("installer")
    keys.write_bytes(packed(key, certificate, [authority().intermediate(), authority().root]))
    window.activateWindow()
    window.open_inspect("")
    page = window.page
    assert isinstance(page, InspectPage)
    assert page.welcome.isVisible()
    assert window.focusWidget() is page.welcome.choose
    window.open_inspect(str(keys))
    wait_idle(window, qtbot, PATIENCE)
    assert not page.welcome.isVisible()
    assert window.focusWidget() is page.password
    assert page.findings.views == [], "the banner says it"
    qtbot.keyClicks(page.password, "not the one")
    (reveal,) = (each for each in page.password_row.findChildren(QPushButton) if each.text() == "Reveal")
    qtbot.mousePress(reveal, Qt.MouseButton.LeftButton)
    assert page.password.echoMode() is QLineEdit.EchoMode.Normal
    qtbot.mouseRelease(reveal, Qt.MouseButton.LeftButton)
    assert page.password.echoMode() is QLineEdit.EchoMode.Password
    qtbot.keyClick(page.password, Qt.Key.Key_Return)
    wait_idle(window, qtbot, PATIENCE)
    assert page.banner.title.startswith("The password does not open keys.bin")
    assert page.banner.text.startswith("keys.bin ")
    assert window.focusWidget() is page.password
    qtbot.keyClicks(page.password, PASSWORD.reveal())
    qtbot.keyClick(page.password, Qt.Key.Key_Return)
    wait_idle(window, qtbot, PATIENCE)
    assert not page.password_row.isVisible()
    assert window.focusWidget() is page.findings.views[0], "its root is not Apple's"
    cards = [each for each in page.parts.findChildren(Card) if each.isVisible()]
    assert [(each.heading.text(), each.note.text()) for each in cards] == [
        ("Developer ID Installer: Practice Team (PRACTICE01)", "Leaf certificate"),
        ("Practice Developer ID Certification Authority", "Intermediate certificate"),
        ("Practice Apple-like Root CA", "Root certificate"),
    ]


def test_a_file_that_cannot_be_read_is_one_sentence(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.errors_expected = True
    window.open_inspect(str(tmp_path / "gone.exe"))
    wait_idle(window, qtbot, PATIENCE)
    assert "gone.exe" in window.page.banner.title


def test_what_is_of_no_kind_is_said_once_and_counted_for_nothing_besides(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.cer"
    notes.write_text("Good morning\n")
    window.open_inspect(str(notes))
    wait_idle(window, qtbot, PATIENCE)
    assert window.page.banner.title == "notes.cer is of no kind that is inspected here: it is a text file."
    assert window.page.banner.text == ""
    assert not window.page.findings.isVisible()


def test_once_a_password_opened_a_file_the_focus_is_seen(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    from codesign_wizard.pages.inspect import InspectPage
    from tests.support.practice_identities import PASSWORD, authority, packed

    root = tmp_path / "root.pem"
    root.write_bytes(authority().pem())
    window.workspace.profile.extra_roots = [str(root)]
    keys = tmp_path / "keys.p12"
    key, certificate = authority().identity("installer")
    keys.write_bytes(packed(key, certificate, [authority().intermediate(), authority().root]))
    window.activateWindow()
    window.open_inspect(str(keys))
    page = window.page
    assert isinstance(page, InspectPage)
    wait_idle(window, qtbot, PATIENCE)
    qtbot.keyClicks(page.password, PASSWORD.reveal())
    qtbot.keyClick(page.password, Qt.Key.Key_Return)
    wait_idle(window, qtbot, PATIENCE)
    assert page.findings.views == []
    assert window.focusWidget() is page.drop.choose
    # and so it is when the panel is opened again, for another file
    notes = tmp_path / "notes.cer"
    notes.write_text("Good morning\n")
    window.go_back()
    window.open_inspect(str(notes))
    wait_idle(window, qtbot, PATIENCE)
    assert window.focusWidget() is page.drop.choose
