"""What scenes do with pages: find the one that is open, type, sign in, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Qt

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.text import tr
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.screenshots.studio import NotTaken

if TYPE_CHECKING:
    from PySide6.QtWidgets import QLineEdit

    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow

P = TypeVar("P", bound=Page)


def shown(window: MainWindow, kind: type[P]) -> P:
    """Return the page that is open, which is of *kind*."""
    page = window.page
    assert isinstance(page, kind)
    return page


def focus(window: MainWindow) -> None:
    """Take the focus from whatever has it to the page."""
    window.page.setFocus(Qt.FocusReason.OtherFocusReason)


def type_into(edit: QLineEdit, text: str) -> None:
    """Put *text* in place of what *edit* holds, as a person does."""
    edit.setText(text)
    edit.setModified(True)
    edit.textEdited.emit(text)


def refused_sign_in(studio: Studio, window: MainWindow) -> KeyVaultPage:
    """Sign in to the vault, which is refused; return the page."""
    page = shown(window, KeyVaultPage)
    page.run_sign_in()
    studio.idle(window)
    if not any(view.finding.severity is Severity.ERROR for view in page.findings.views):
        raise NotTaken(tr("The practice accounts should have refused the sign-in, and did not."))
    return page
