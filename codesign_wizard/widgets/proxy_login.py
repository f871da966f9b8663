"""What is said below a proxy's address of its password."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import button, label, row
from codesign_wizard.widgets.fields import LABEL_WIDTH


class ProxyLogin(QWidget):
    """Below the proxy's address: where the password of its user is kept, and forgetting it."""

    def __init__(self) -> None:
        super().__init__()
        self.words = label("", "label")
        self.forget = button(tr("Forget"), kind="small")
        self.forget.setAccessibleName(tr("Forget the proxy's password"))
        line = row(self.words, self.forget, gap=8)
        line.setStretch(0, 1)
        line.setContentsMargins(px(LABEL_WIDTH) + px(8), 0, 0, 0)
        self.setLayout(line)
        self.hide()

    def say(self, known: bool, place: str, reason: str) -> None:
        """Tell whether the password is known, the *place* where it is kept, and why not in a keyring."""
        if known:
            text = f"{tr('Its password is kept in {place}.').format(place=place)} {reason}".strip()
        else:
            text = tr("No password is kept: type it as well, as in http://USER:PASSWORD@HOST:PORT.")
        self.words.setText(text)
        self.forget.setVisible(known)
        self.show()
