"""Where the CA's answer is handed in, in whatever form it comes: files dropped or chosen, or pasted text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit

from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import restyle
from codesign_wizard.widgets.pieces import FileDrop

if TYPE_CHECKING:
    from PySide6.QtGui import QDropEvent, QKeyEvent

_QUIET_MS = 600


class FilesDrop(FileDrop):
    """A place for one or several files at once; ``files`` tells their paths."""

    files = Signal(list)

    def __init__(self, prompt: str, choose: str, pattern: str, *, upright: bool = False) -> None:
        super().__init__(prompt, choose, pattern, upright=upright)
        self.chosen.connect(lambda path: self.files.emit([path]))

    def ask(self) -> None:
        """Let the person choose files."""
        paths, _ = QFileDialog.getOpenFileNames(self, self.accessibleName(), "", self._pattern)
        if paths:
            self.files.emit(paths)

    def dropEvent(self, event: QDropEvent) -> None:
        restyle(self, "over", "false")
        paths = dropped_files(event)
        if paths:
            event.acceptProposedAction()
            self.files.emit([str(path) for path in paths])


class AnswerDrop(FilesDrop):
    """A place for the CA's answer."""

    def __init__(self) -> None:
        super().__init__(
            tr("Drop the files here: .cer, .crt, .pem, .p7b, .zip"),
            tr("Choose &files…"),
            tr(
                "The CA's answer (*.cer *.crt *.pem *.p7b *.p7c *.der *.zip *.txt *.eml *.htm *.html *.pfx "
                "*.p12);;All files (*)"
            ),
            upright=True,
        )


def dropped_files(event: QDropEvent) -> Sequence[Path]:
    """Return the local files that the drag holds."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.is_file()]


class PastedAnswer(QPlainTextEdit):
    """A field for text out of a mail or a web page; ``given`` tells it once pasting or typing pauses."""

    given = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Paste the CA's text"))
        self.setPlaceholderText(tr("Or paste the text here, with whatever stands around it in the mail"))
        self.setTabChangesFocus(True)
        self.setProperty("mono", "true")
        self.setFixedHeight(px(84))
        # a private key may be among what is pasted by mistake: nothing of it is to come back
        self.setUndoRedoEnabled(False)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
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
        text = self.toPlainText()
        if text.strip():
            self.forget()
            self.given.emit(text)
