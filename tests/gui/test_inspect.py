"""The page *Inspect*: a file dropped anywhere, and one that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

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


def test_a_file_that_cannot_be_read_is_one_sentence(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.errors_expected = True
    window.open_inspect(str(tmp_path / "gone.exe"))
    wait_idle(window, qtbot, PATIENCE)
    assert "gone.exe" in window.page.banner.title
