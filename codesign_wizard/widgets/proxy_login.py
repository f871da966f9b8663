"""What is said below a proxy's address of its password."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from codesign_wizard import theme
from codesign_wizard.core.text import tr
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
        # beneath the field: beside its name, and before its sign
        line.setContentsMargins(theme.margins(LABEL_WIDTH + 8, 0, theme.MARK_SIZE + 8, 0))
        self.setLayout(line)
        self.hide()

    def say(self, known: bool, place: str, reason: str) -> None:
        """Tell whether the password is known, the *place* where it is kept, and why not in a keyring."""
        if known:
            text = f"{tr('Its password is kept in {place}.').format(place=place)} {reason}".strip()
        else:
            text = tr("Its password is not known: type it with the address: {example}.")
            if reason:  # there is no keyring
                text = tr("Its password is not saved: type it each time, with the address: {example}.")
            text = text.format(example="http://USER:PASSWORD@HOST:PORT")
        self.words.setText(text)
        self.forget.setVisible(known)
        self.show()
