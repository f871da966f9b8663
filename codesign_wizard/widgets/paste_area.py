"""Fields for whatever people have on the clipboard."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPlainTextEdit

from codesign_wizard.core.text import tr
from codesign_wizard.theme import px


class PasteField(QPlainTextEdit):
    """A field to paste into; ``given`` tells its text once pasting or typing pauses."""

    given = Signal(str)

    def __init__(self, name: str, hint: str, *, height: int, quiet_ms: int) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)
        self.setProperty("mono", "true")
        self.setFixedHeight(px(height))
        self.setUndoRedoEnabled(False)  # what is pasted may hold a secret
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(quiet_ms)
        self._timer.timeout.connect(self._give)
        self.textChanged.connect(self._changed)

    def forget(self) -> None:
        """Empty the field; there is nothing to undo."""
        self._timer.stop()
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.matches(QKeySequence.StandardKey.Paste):
            self._give()

    def _changed(self) -> None:
        if self.toPlainText().strip():
            self._timer.start()
        else:
            self._timer.stop()

    def _give(self) -> None:
        self._timer.stop()
        text = self.toPlainText().strip()
        if text:
            self.given.emit(text)


class PasteArea(PasteField):
    """One field for all that Key Vault's page can use; it keeps nothing of it."""

    def __init__(self) -> None:
        super().__init__(
            tr("Paste what you have"),
            tr(
                "Paste here: JSON from az ad sp create-for-rbac, a vault's address, a key or certificate "
                "identifier, a portal link"
            ),
            height=76,
            quiet_ms=300,
        )
