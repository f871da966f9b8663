"""Everything that is shown went through ``tr``, and has room for longer words than the English ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit

from codesign_wizard.core import language
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, STEPS, WINDOWS_TRIAL
from codesign_wizard.core.preferences import LANGUAGE, keep_preference, read_preference
from codesign_wizard.core.text import install_translator, tr
from codesign_wizard.screenshots.measuring import clipped
from codesign_wizard.session import Session
from tests.gui.driving import pause, wait_idle
from tests.gui.measuring import texts
from tests.support.pseudo import pseudo, unmarked

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

REFUSED = FindingKind("test.words", Severity.ERROR, "The application may not sign.", "Only in tests.")

# what is called the same in every language, and what the person or the vendors named
NAMES = re.compile(
    r"Own product|WINDOWS|MACOS|Windows|macOS|Azure( US Government| China \(21Vianet\))?|SHA-\d+|RSA \d+|"
    r"English|Deutsch|Installer|Application|timestamp\.[a-z.]+|https?://\S+|Certificate(File|Name)|"
    r"AppCertificate(File|Name)|az|PowerShell|PKCS|UTC|\.\w+( \.\w+)*"
)
WORD = re.compile(r"[^\W\d_]{3}")
# the smallest window that is promised
SMALLEST = (1024, 700)


def finding() -> Finding:
    return REFUSED(
        detail=tr("Granted."),
        remedies=[Remedy(tr("Install it."), portal=(tr("Go on"),), az="az 1", powershell="1")],
    )


@pytest.fixture
def spoken(open_window: Callable[..., MainWindow], session: Session) -> Iterator[Callable[..., MainWindow]]:
    """Return a function that opens the wizard, with results, in what a translator says."""

    def opened(translator: Callable[[str], str]) -> MainWindow:
        install_translator(translator)
        session.profile.reached = [step.key for step in STEPS]
        session.profile.macos_wanted = session.profile.server_wanted = True
        window = open_window(session)
        for key in (KEY_VAULT, CERTIFICATE, WINDOWS_TRIAL):
            window.workspace.flow.record(key, [finding()], {})
        window.resize(*SMALLEST)
        return window

    yield opened
    install_translator(None)


def pages(window: MainWindow, qtbot: QtBot) -> Iterator[str]:
    """Yield the key of each page once it stands."""
    for key in (*(step.key for step in STEPS), "inspect", "settings"):
        if key in ("inspect", "settings"):
            window.open_panel(key)
        else:
            window.show_step(key)
        wait_idle(window, qtbot)
        pause(qtbot, 60)
        yield key


def test_nothing_is_shown_that_was_not_translated_and_labels_have_room(
    spoken: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window = spoken(pseudo)
    bare: set[str] = set()
    cut: set[str] = set()
    marked = 0
    for key in pages(window, qtbot):
        for shown in texts(window):
            marked += shown.text != unmarked(shown.text)
            if WORD.search(NAMES.sub("", unmarked(shown.text))):
                bare.add(f"{key}: {shown}")
        cut |= {f"{key}: {each}" for each in clipped(window) if isinstance(each.widget, QLabel | QCheckBox)}
    assert marked > 300
    assert not bare, "\n".join(sorted(bare))
    assert not cut, "\n".join(sorted(cut))


def test_german_has_room_on_every_page(spoken: Callable[..., MainWindow], qtbot: QtBot) -> None:
    words = language.catalogue("de")
    window = spoken(lambda text: words.get(text, text))
    cut: set[str] = set()
    for key in pages(window, qtbot):
        cut |= {f"{key}: {each}" for each in clipped(window) if not isinstance(each.widget, QLineEdit)}
    assert not cut, "\n".join(sorted(cut))
    assert window.rail.buttons[-1].step.title == "Zusammenfassung"


def test_the_language_is_kept_for_the_whole_program(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESIGN_WIZARD_CONFIG", str(tmp_path))
    window.open_panel("settings")
    card = window.page.language
    choice = card.chosen
    assert [choice.itemText(place) for place in range(choice.count())] == [
        "As the system",
        "English",
        "Deutsch",
    ]
    choice.setCurrentIndex(choice.findData("de"))
    assert read_preference(LANGUAGE) == "de"
    assert "next start" in card.note.text()
    choice.setCurrentIndex(0)
    assert read_preference(LANGUAGE) == ""
    (tmp_path / "settings.json").unlink()
    tmp_path.joinpath("settings.json").mkdir()  # it cannot be written
    choice.setCurrentIndex(1)
    assert "could not be kept" in card.note.text()
    with pytest.raises(OSError, match="folder"):
        keep_preference(LANGUAGE, "de")
