"""What can be taken along from the page *Certificate*: the request for the CA, reminders for a calendar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QWidget

from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.widgets.basics import announce

if TYPE_CHECKING:
    from codesign_wizard.pages.certificate import CertificatePage


class Saving:
    """The files of one page, each written where the person says."""

    def __init__(self, page: CertificatePage) -> None:
        self._page = page

    def ask_where_request(self) -> None:
        """Let the person choose the file that the request is written to."""
        desk = self._page.desk
        if desk is None or desk.request is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self._page,
            tr("Save the signing request"),
            f"{desk.name}.csr",
            tr("Signing requests (*.csr *.pem)"),
        )
        if path:
            self.save_request(Path(path))

    def save_request(self, target: Path) -> None:
        """Save the request as PEM for the CA."""
        request = self._page.request
        self._save(target, request.pem.encode("ascii"), request.saved)

    def ask_where_reminders(self) -> None:
        """Let the person choose the file that the reminders are written to."""
        from codesign_wizard.core.certificates.reminders import file_name

        desk = self._page.desk
        if desk is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self._page,
            tr("Save reminders for the calendar"),
            file_name(desk.name),
            tr("Calendar files (*.ics)"),
        )
        if path:
            self.save_reminders(Path(path))

    def save_reminders(self, target: Path) -> None:
        """Save a calendar file with the days 60, 30 and 14 before the end."""
        from codesign_wizard.core.certificates.reminders import calendar, reminders

        desk = self._page.desk
        if desk is not None and desk.expires is not None:
            found = reminders(desk.vault, desk.name, desk.expires)
            self._save(target, calendar(found), self._page.held_card.saved)

    def _save(self, target: Path, data: bytes, told: QWidget) -> None:
        def work(job: Job) -> Path:
            from codesign_wizard.core.authenticode.refusals import UNWRITABLE
            from codesign_wizard.core.errors import InputError
            from codesign_wizard.core.files import write_atomic

            try:
                write_atomic(target, data)
            except OSError as error:
                raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error
            return target

        workspace = self._page.workspace
        name = tr("Saving {name}").format(name=target.name)
        task = workspace.runner.start(work, name, quiet=True, harmless=True)
        self._page.follow(task, done=lambda path: _tell_saved(told, path))
        task.failed.connect(workspace.notice)


def _tell_saved(told: Any, path: Path) -> None:
    told.setText(tr("Saved as {name}").format(name=path.name))
    told.show()
    announce(told, told.text())
