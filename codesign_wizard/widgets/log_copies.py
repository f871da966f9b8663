"""Copies of the log: its selected lines or all of it to the clipboard, all of it to a file; redacted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton

from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.text import tr
from codesign_wizard.runner import Runner
from codesign_wizard.widgets.basics import announce
from codesign_wizard.widgets.labels import isolated
from codesign_wizard.widgets.log_model import as_text
from codesign_wizard.widgets.log_view import LogView


class LogCopies(QObject):
    """Makes the copies; *button* says for a moment what became of the last one."""

    def __init__(self, runner: Runner, view: LogView, button: QPushButton) -> None:
        super().__init__(view)
        self._runner = runner
        self._view = view
        self._button = button

    def copy_selected(self) -> None:
        """Copy the selected lines as text, in their order; a folded job's row stands for all of its lines."""
        rows = sorted({index.row() for index in self._view.selectionModel().selectedRows()})
        if rows:
            model = self._view.log
            self._put(as_text(line for number in rows for line in model.lines_of(number)))

    def copy_all(self) -> None:
        """Copy every line, put together on a thread."""
        lines = self._view.log.lines
        task = self._runner.start(lambda job: as_text(lines), tr("Collecting the log"), quiet=True)
        task.done.connect(self._put)

    def ask_where(self) -> None:
        """Ask for a file and save the log there."""
        path, _ = QFileDialog.getSaveFileName(self._view, tr("Save the log"), "codesign-wizard.log", "*.log")
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Write every line to *path*, on a thread."""
        lines = self._view.log.lines
        task = self._runner.start(
            lambda job: write_atomic(path, as_text(lines).encode()), tr("Saving the log"), quiet=True
        )
        task.done.connect(lambda result: announce(self._view, tr("The log was saved.")))

    def _put(self, text: str) -> None:
        clipboard = QGuiApplication.clipboard()
        clipboard.setText(text)
        if clipboard.text() == text:
            said = isolated(tr("Copied ✓"))
            announce(self._view, tr("The lines were copied."))
        else:
            said = tr("Not copied")
        button = self._button
        button.setText(said)
        QTimer.singleShot(2000, button, lambda: button.setText(tr("Copy all")))
