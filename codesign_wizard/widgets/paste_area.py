"""Fields for whatever people have on the clipboard."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
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
        self._least = px(height)
        self.setFixedHeight(self._least)
        self.setUndoRedoEnabled(False)  # what is pasted may hold a secret
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(quiet_ms)
        self._timer.timeout.connect(self._give)
        self.textChanged.connect(self._changed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # a turn later: while it is being laid out another height would not reach all of it
        QTimer.singleShot(0, self, self._fit)

    def _fit(self) -> None:
        """Be as high as the hint, which has more lines in a narrow column."""
        margin = round(self.document().documentMargin())
        room = QRect(0, 0, self.viewport().width() - 2 * margin, px(10_000))
        hint = self.fontMetrics().boundingRect(room, int(Qt.TextFlag.TextWordWrap), self.placeholderText())
        frame = self.height() - self.viewport().height()
        self.setFixedHeight(max(self._least, hint.height() + 2 * margin + frame))

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
