"""The signing request on the page *Certificate*: its form, what is made after a yes, what is dropped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from codesign_wizard.core.certificates.desk import CertificateDesk, DeskState
from codesign_wizard.core.certificates.desk_words import since_words, what_is_made
from codesign_wizard.core.finding import Finding, blocks, worst_first
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.core.windows_results import known_permissions

if TYPE_CHECKING:
    from codesign_wizard.core.certificates.request import RequestOptions
    from codesign_wizard.pages.certificate import CertificatePage


class Requesting(QObject):
    """The request of one page; ``before`` is what was said against it, once the vault was asked."""

    def __init__(self, page: CertificatePage) -> None:
        super().__init__(page)
        self._page = page
        self.writing = False  # whether the form is open
        self.before: list[Finding] | None = None

    # -- the form

    def write(self) -> None:
        """Open the form, filled with what was typed before or with the present certificate's subject."""
        page, form = self._page, self._page.form.form
        settings = page.workspace.profile.windows.request
        typed = {key: str(getattr(settings, key)) for key in form.fields}
        if not any(typed.values()) and page.desk is not None:
            typed = {key: page.desk.subject.get(key, "") for key in form.fields}
        form.set(typed, settings.key, settings.hardware)
        page.form.show_preview()
        self.writing, self.before = True, None
        page.answering.forget()
        page.show_result()
        page.verticalScrollBar().setValue(0)
        form.fields["organization"].edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave(self) -> None:
        """Close the form; what is typed stays."""
        self.keep()
        self.done()
        self._page.question.close_question()
        self._page.show_result()
        self._page.setFocus(Qt.FocusReason.OtherFocusReason)

    def done(self) -> None:
        """Tell that the form is not needed any more."""
        self.writing, self.before = False, None

    def edited(self) -> None:
        """Keep what is typed; what was checked is no longer what stands there."""
        self.keep()
        self._page.question.close_question()
        if self.before is not None:
            self.before = None
            self._page.show_result()

    def changed_elsewhere(self) -> None:
        """Show what another window typed: the next keystroke here must not undo it."""
        if self.writing:
            settings, form = self._page.workspace.profile.windows.request, self._page.form.form
            typed = {key: str(getattr(settings, key)) for key in form.fields}
            form.set(typed, settings.key, settings.hardware)

    def keep(self) -> None:
        """Keep what is typed in the profile."""
        if not self.writing:
            return
        workspace, form = self._page.workspace, self._page.form.form
        settings = workspace.profile.windows.request
        for key, value in form.values().items():
            setattr(settings, key, value)
        settings.key, settings.hardware = form.key_name, not form.software.isChecked()
        workspace.edited()

    # -- making

    def check(self) -> None:
        """Ask the vault whether the request can be made; then show exactly what would be."""
        page = self._page
        if page.form.form.focus_wrong():
            return
        asked = page.form.form.asked()
        tier, permissions = known_permissions(page.workspace.flow)

        def work(desk: CertificateDesk, job: Job) -> list[Finding]:
            return desk.before_request(job, asked, tier=tier, permissions=permissions)

        page.question.close_question()
        page.begin(
            tr("Checking before anything is made"),
            work,
            lambda found: self._checked(found, asked),
            failed=lambda finding: self._checked([finding], asked),
        )

    def _checked(self, found: list[Finding], asked: RequestOptions) -> None:
        self.before = worst_first(found)
        if blocks(found):
            return
        page = self._page
        page.question.ask(
            tr("Make this in the vault?"),
            tr("Nothing has been made so far. This is all that will be:"),
            tr("Make it no&w"),
            lambda: self._make(asked),
            facts=what_is_made(page.workspace.session.azure_options(), asked, renewal=page.held_now),
        )

    def _make(self, asked: RequestOptions) -> None:
        self._page.begin(
            tr("Making the signing request"),
            lambda desk, job: desk.request(job, asked),
            self._made,
            failed=lambda finding: self._checked([finding], asked),
            changing=True,
        )

    def _made(self, desk: DeskState) -> None:
        self.done()
        self._page.record(desk)

    # -- dropping, recovering

    def ask_drop(self) -> None:
        """Ask before the request is dropped, saying plainly what is lost."""
        page, desk = self._page, self._page.desk
        if desk is None or desk.request is None:
            return
        page.question.ask(
            tr("Drop the signing request {name}?").format(name=desk.name),
            since_words(desk.request.since, datetime.now(UTC)),
            tr("&Drop it"),
            self._drop,
            no=tr("Kee&p it"),
            lost=tr(
                "Lost for good: its key. A certificate that the CA issues for this request, even one that is "
                "paid for, can then never be used; the CA would have to issue it anew for another request."
            ),
        )
        page.verticalScrollBar().setValue(0)

    def _drop(self) -> None:
        self._page.begin(tr("Dropping the request"), CertificateDesk.drop, self._page.record, changing=True)

    def ask_recover(self) -> None:
        """Ask before the deleted certificate is brought back."""
        options = self._page.workspace.session.azure_options()
        self._page.question.ask(
            tr("Bring the deleted certificate back?"),
            tr("All its versions come back as they were, and can sign again."),
            tr("&Recover it"),
            lambda: self._page.begin(tr("Recovering"), CertificateDesk.recover, self._made, changing=True),
            facts=[
                (tr("In the vault"), options.vault_name),
                (tr("Certificate"), options.certificate_name),
            ],
        )
