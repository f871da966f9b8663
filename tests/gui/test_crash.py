"""An error that nobody foresaw, in a slot and on a thread: told as a finding, and without a secret."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

from codesign_wizard import app
from codesign_wizard.core.job import Job
from codesign_wizard.core.private_key import hide
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.report import build_report, support_text
from codesign_wizard.practice.key_making import generate_key
from codesign_wizard.runner import unexpected
from codesign_wizard.session import Session
from codesign_wizard.widgets.basics import CopyButton
from codesign_wizard.widgets.log_model import as_text
from tests.gui.driving import wait_idle
from tests.support.canary import leaks, parts_of

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

CANARY = "8Q~planted-in-an-error.0123456789+/="


def shown(window: MainWindow) -> str:
    """Return every text that stands in the window, or is told to a screen reader."""
    texts = []
    for each in window.findChildren(QWidget):
        texts += [each.accessibleName(), each.accessibleDescription(), each.toolTip()]
        if isinstance(each, QLabel):
            texts.append(each.text())
        elif isinstance(each, QPlainTextEdit):
            texts.append(each.toPlainText())
    return "\n".join(texts)


def test_neither_window_nor_log_nor_clipboard_has_the_secret_of_a_crash(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window: Any = open_window(session)
    window.errors_expected = True
    Secret(CANARY)
    key = generate_key("rsa-2048")
    assert isinstance(key, rsa.RSAPrivateKey)
    hide(key)  # as of a .p12 that was opened
    packed = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    lines = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().splitlines()[1:]
    keys = [repr(packed), packed.hex(), base64.b64encode(packed).decode(), *lines]
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    app._catch(window)

    def failing(*_: Job) -> None:
        raise RuntimeError(f"could not send {CANARY} and {' '.join(keys)}")

    QTimer.singleShot(0, window, failing)
    qtbot.waitUntil(lambda: window.notices.count() == 1)
    task = window.runner.start(failing, "Failing")
    task.failed.connect(window.notices.show_notice)
    wait_idle(window, qtbot)
    qtbot.waitUntil(lambda: as_text(window.log_model.lines).count("RuntimeError: could not send") >= 4)
    log = as_text(window.log_model.lines)
    copied = []
    for each in window.notices.parentWidget().findChildren(CopyButton):
        each.click()
        copied.append(QGuiApplication.clipboard().text())
    text = shown(window)
    assert unexpected(ValueError()).title in text
    support = support_text(build_report(session.profile))
    assert leaks([CANARY, *parts_of(key)], log, text, support, *copied) == []
