"""The pictures of *macOS level and API key*: the cards in every state, the key found, typed, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_LEVEL
from codesign_wizard.core.profile import LEVELS

if TYPE_CHECKING:
    from pathlib import Path

    from codesign_wizard.pages.macos_level import MacosLevelPage
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow


def level(studio: Studio) -> None:
    """The three levels: nothing there, key found, ids mistyped, checked, forgotten."""
    with studio.practice(page=APPLE_CERTIFICATES) as window:
        studio.idle(window)  # the certificates are judged
        window.show_step(MACOS_LEVEL)
        studio.idle(window)
        page = _level(window)
        studio.take(window, "level-sign-only")
        _choose(page, LEVELS[2])
        studio.take(window, "level-not-checked")
        page.why.open()
        studio.take(window, "level-why", at=page.why)
        page.why.open(False)
        page.check()
        studio.idle(window)
        studio.take(window, "level-accepted")
        key = _key_file(window)
        page.forget()
        studio.idle(window)
        studio.take(window, "level-key-found")
        page.take(str(key))
        studio.idle(window)
        _type(page, "d64d4a9ce0f4f8a2b6a1", "2x9r4hxf3")
        studio.take(window, "level-mistyped", at=page.key)
        key.unlink()
        page.forget()
        studio.idle(window)
        (key.parent / "AuthKey_AB12CD34EF.p8").write_text("-----BEGIN CERTIFICATE-----\n")
        page.take(str(key.parent / "AuthKey_AB12CD34EF.p8"))
        studio.idle(window)
        studio.take(window, "level-no-key")


def level_empty(studio: Studio) -> None:
    """Nothing is there yet: every level says what it lacks."""
    from codesign_wizard.core.profile import new_profile

    profile = new_profile("My product")
    profile.macos_wanted = True
    profile.macos.level = LEVELS[2]
    profile.reached = ["start", MACOS_LEVEL]
    with studio.own(profile, page=MACOS_LEVEL) as window:
        studio.idle(window)
        studio.take(window, "level-empty")


def level_refused(studio: Studio) -> None:
    """Apple does not take the key: an agreement waits, or the key is gone."""
    for scenario, name in (("agreement-missing", "level-agreement"), ("api-key-unknown", "level-refused")):
        with studio.practice(scenario, page=APPLE_CERTIFICATES) as window:
            studio.idle(window)
            window.show_step(MACOS_LEVEL)
            studio.idle(window)
            page = _level(window)
            _choose(page, LEVELS[2])
            page.check()
            studio.idle(window)
            studio.take(window, name)
            studio.take(window, f"{name}-what-to-do", at=page.findings)


def _level(window: MainWindow) -> MacosLevelPage:
    from codesign_wizard.pages.macos_level import MacosLevelPage

    page = window.page
    assert isinstance(page, MacosLevelPage)
    return page


def _choose(page: MacosLevelPage, chosen: str) -> None:
    page.levels.views[chosen].choice.click()


def _key_file(window: MainWindow) -> Path:
    """Lay the practice team's key where downloads are."""
    practice = window.workspace.session.practice
    assert practice is not None
    path = practice.api_key_file
    path.write_text(practice.accounts.api_private_key)
    return path


def _type(page: MacosLevelPage, issuer: str, key_id: str) -> None:
    for field, text in ((page.key.issuer, issuer), (page.key.key_id, key_id)):
        field.edit.setText(text)
        field.edit.textEdited.emit(text)
        field.judge(accuse=True)
