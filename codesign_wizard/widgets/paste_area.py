"""The field for whatever people have on the clipboard."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QPlainTextEdit

from codesign_wizard.core.text import tr
from codesign_wizard.theme import px


class PasteArea(QPlainTextEdit):
    """One field for whatever people have on the clipboard; it keeps nothing of it."""

    given = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Paste what you have"))
        self.setPlaceholderText(
            tr(
                "Paste here: JSON from az ad sp create-for-rbac, a vault's address, a key or certificate "
                "identifier, a portal link"
            )
        )
        self.setTabChangesFocus(True)
        self.setProperty("mono", "true")
        self.setFixedHeight(px(76))
        self.setUndoRedoEnabled(False)  # what is pasted may hold a secret
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(300)
        self._timer.timeout.connect(self._give)
        self.textChanged.connect(self._changed)

    def clear_for_good(self) -> None:
        """Empty the field; there is nothing to undo."""
        self._timer.stop()
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)

    def keyPressEvent(self, event: Any) -> None:
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
