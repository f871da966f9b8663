"""Where the CA's answer is handed in, in whatever form it comes: files dropped or chosen, or pasted text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog

from codesign_wizard.core.text import tr
from codesign_wizard.widgets.basics import restyle
from codesign_wizard.widgets.paste_area import PasteField
from codesign_wizard.widgets.pieces import FileDrop

if TYPE_CHECKING:
    from PySide6.QtGui import QDropEvent

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


class PastedAnswer(PasteField):
    """A field for text out of a mail or a web page, which it forgets once it has given it."""

    def __init__(self) -> None:
        super().__init__(
            tr("Paste the CA's text"),
            tr("Or paste the text here, with whatever stands around it in the mail"),
            height=84,
            quiet_ms=_QUIET_MS,
        )

    def _give(self) -> None:
        text = self.toPlainText()
        self._timer.stop()
        if text.strip():
            # a private key may be among what is pasted by mistake: nothing of it is to stay
            self.forget()
            self.given.emit(text)
