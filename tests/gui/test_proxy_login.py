"""Settings, Proxy: a password that is typed goes to the keyring, and only there."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import PROXY_PASSWORD, MemoryStore
from codesign_wizard.session import Session
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.proxy_login import ProxyLogin
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


class Keyring(MemoryStore):
    """A keyring that must not be asked by the window's own thread."""

    kept = True
    place = "the test's keyring"

    def get(self, profile_id: str, name: str) -> Secret | None:
        assert threading.current_thread() is not threading.main_thread()
        return super().get(profile_id, name)

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        assert threading.current_thread() is not threading.main_thread()
        super().set(profile_id, name, secret)


def test_the_password_is_typed_moved_and_forgotten(
    open_window: Callable[..., MainWindow], store: ProfileStore, qtbot: QtBot
) -> None:
    old = Profile(id="mine-1", name="Own product")
    document = old.to_json()
    document["network"]["proxy"] = "http://ada:hidden-72@proxy:8080"
    store.folder.mkdir(parents=True)
    file = store.folder / "mine-1.json"
    file.write_text(json.dumps(document))
    secrets = Keyring()
    window = open_window(Session(store.load("mine-1"), store, secrets=secrets))

    def kept() -> str | None:
        found = MemoryStore.get(secrets, "mine-1", PROXY_PASSWORD)
        return found and found.reveal()

    def saved() -> str:
        wait_idle(window, qtbot)
        window.workspace.save()
        wait_idle(window, qtbot)
        text = file.read_text()
        assert "hidden" not in text
        proxy: str = json.loads(text)["network"]["proxy"]
        return proxy

    # what an earlier version left in the file moves with the first change
    page = window.open_panel("settings")
    assert page.proxy.text == "http://ada@proxy:8080"
    window.workspace.edited()
    window.workspace.save()
    assert saved() == "http://ada@proxy:8080"
    assert kept() == "hidden-72"
    qtbot.waitUntil(page.login.isVisible, timeout=30_000)
    assert page.login.words.text() == "Its password is kept in the test's keyring."
    assert page.proxy.mark.mark is Mark.OK

    qtbot.mouseClick(page.login.forget, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    qtbot.waitUntil(lambda: not page.login.forget.isVisible(), timeout=30_000)
    assert kept() is None
    assert page.login.words.text().startswith("Its password is not known: type it with the address")
    # a tick above that would contradict it, also once the field is looked at again
    page.proxy.judge(accuse=True)
    assert page.proxy.mark.mark is Mark.INFO

    # half an address is in no file, however long somebody thinks about the rest
    page.proxy.edit.selectAll()
    qtbot.keyClicks(page.proxy.edit, "http://eva:hidden-73")
    window.workspace.edited()
    assert saved() == "http://ada@proxy:8080"
    qtbot.keyClicks(page.proxy.edit, "@proxy:8081")
    qtbot.keyClick(page.proxy.edit, Qt.Key.Key_Return)
    assert saved() == "http://eva@proxy:8081"
    assert kept() == "hidden-73"
    assert page.proxy.text == "http://eva@proxy:8081"
    qtbot.waitUntil(page.login.forget.isVisible, timeout=30_000)

    page.proxy.edit.selectAll()
    qtbot.keyClicks(page.proxy.edit, "http://proxy:8082")
    page.leaving()
    assert saved() == "http://proxy:8082"
    assert kept() is None
    qtbot.waitUntil(lambda: not page.login.isVisible(), timeout=30_000)

    # also when the window closes before the field is left
    page.proxy.edit.selectAll()
    qtbot.keyClicks(page.proxy.edit, "http://ada:hidden-74@proxy:8083")
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    assert json.loads(file.read_text())["network"]["proxy"] == "http://ada@proxy:8083"
    assert kept() == "hidden-74"


def test_without_a_keyring_it_is_said_that_the_password_is_typed_each_time(qtbot: QtBot) -> None:
    login = ProxyLogin()
    qtbot.addWidget(login)
    login.say(False, "memory", "There is no keyring.")
    assert login.words.text().startswith("Its password is not saved: type it each time")
    assert not login.forget.isVisible()
