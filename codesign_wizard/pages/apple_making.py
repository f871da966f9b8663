"""What the page *Apple certificates* makes: keys and requests, and .p12 files where the person says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from codesign_wizard.core.apple import identity_work as work
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import PLACES, SHORT
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.pages.apple_requests import made_facts
from codesign_wizard.widgets.basics import announce
from codesign_wizard.widgets.identity import place_name

if TYPE_CHECKING:
    from codesign_wizard.core.apple.identity import Identity
    from codesign_wizard.core.apple.requests import PendingRequest
    from codesign_wizard.pages.apple_certificates import AppleCertificatesPage


class Making(QObject):
    """The makings of one page; ``told`` is what the next look is to tell besides."""

    def __init__(self, page: AppleCertificatesPage) -> None:
        super().__init__(page)
        self._page = page
        self._identities: Mapping[Kind, Identity] = {}
        self._made_here: Sequence[PendingRequest] = ()
        self.told: list[Finding] = []

    # -- keys and requests

    def make_requests(self) -> None:
        """Make the keys and requests that are not there yet."""
        workspace = self._page.workspace
        # keyring and folder know the profile by its id, which must be there again next time
        workspace.edited()
        workspace.save()
        session, name = workspace.session, workspace.profile.product_name or workspace.profile.name
        self._page.begin(
            tr("Making keys and requests"), lambda job: work.make_requests(session, name), lambda made: None
        )

    def ask_where_requests(self) -> None:
        """Let the person choose the folder that the requests are written to."""
        folder = QFileDialog.getExistingDirectory(self._page, tr("Where the signing requests go"))
        if folder:
            self.save_requests(Path(folder))

    def save_requests(self, folder: Path) -> None:
        """Write the requests for Apple's site to *folder*."""
        session = self._page.workspace.session
        self._page.begin(
            tr("Saving the requests"), lambda job: work.save_requests(session, folder), self._requests_saved
        )

    def _requests_saved(self, saved: Sequence[Path]) -> None:
        told = self._page.requests.made.saved
        folder = saved[0].parent.name if saved else ""
        words = tr("1 file saved in {folder}") if len(saved) == 1 else tr("{n} files saved in {folder}")
        told.setText(words.format(n=len(saved), folder=folder))
        told.setToolTip("\n".join(map(str, saved)))
        told.show()
        announce(told, told.text())

    def ask_drop(self) -> None:
        """Ask before the waiting keys are removed, saying plainly what is lost."""
        page = self._page
        page.question.ask(
            tr("Drop the signing requests?"),
            "",
            tr("&Drop them"),
            self._drop,
            no=tr("Kee&p them"),
            facts=made_facts(page.pending),
            lost=tr(
                "Lost for good: their keys. A certificate that Apple makes for them can then never be used, "
                "and counts among the five of each kind that an account may have."
            ),
        )
        page.verticalScrollBar().setValue(0)

    def _drop(self) -> None:
        session = self._page.workspace.session
        self._page.begin(
            tr("Dropping the requests"), lambda job: work.drop_requests(session), lambda nothing: None
        )

    def practise(self) -> None:
        """Let the practice authority answer the requests that wait, as files, the way Apple's site does."""
        page = self._page
        session, pending = page.workspace.session, list(page.pending)

        def answer(job: Job) -> list[str]:
            cloud = session.practice
            if cloud is None:
                return []
            requests = {SHORT[each.kind]: each.request for each in pending}
            return [str(path) for path in cloud.ca_desk.download_apple(requests)]

        page.begin(tr("The practice authority answers"), answer, self._answered)

    def _answered(self, paths: Sequence[str]) -> None:
        if paths:
            self._page.then(lambda: self._page.take_files(paths))

    # -- .p12 files

    def open_assembled(self) -> None:
        """Open the form for what was assembled."""
        made = self._page.assembled
        if made is None:
            return
        self._identities = {identity.kind: identity for identity, _ in made.identities}
        self._made_here = [request for _, request in made.identities]
        from codesign_wizard.core.apple.repack import file_name

        folder = self._page.workspace.session.apple_files_folder()
        self._open(
            tr("Where the .p12 files go"),
            tr("Keep them safe: with them and their password anybody can sign in your name."),
            {kind: folder / file_name(kind) for kind in PLACES if kind in self._identities},
        )

    def open_repack(self) -> None:
        """Open the form for the files in both places, to be written anew."""
        page = self._page
        seen = page.seen
        if seen is None:
            page.look()
            return
        from codesign_wizard.core.apple.repack import file_name

        self._identities, self._made_here = work.to_write(seen), ()
        if not self._identities:
            page.ask_password()  # nothing was opened yet
            return
        targets = {}
        for kind in self._identities:
            path = seen.files[kind]
            shared = len(set(seen.files.values())) < len(seen.files)
            name = file_name(kind) if shared else f"{path.stem}-one-password.p12"
            targets[kind] = path.with_name(name)
        self._open(
            tr("Both under one password"),
            tr("They are written anew, with their whole chain; the files you have stay as they are."),
            targets,
        )

    def _open(self, title: str, note: str, targets: Mapping[Kind, Path]) -> None:
        page = self._page
        names: dict[int, str] = {}
        for kind, number in page.seen.passwords.items() if page.seen is not None else ():
            if number >= 0 and page.seen is not None:
                names.setdefault(number, tr("that of {file}").format(file=page.seen.files[kind].name))
        page.files.begin(title, note, targets, [(name, number) for number, name in sorted(names.items())])
        page.show_again()
        page.verticalScrollBar().setValue(0)
        page.take_focus(page.files.paths[next(iter(targets))].edit)

    def leave_form(self, *, quiet: bool = False) -> None:
        """Close the form; nothing is written, and what was assembled can be given again."""
        page = self._page
        self._identities, self._made_here = {}, ()
        page.files.hide()
        page.files.new.forget()
        page.assembled = None
        page.question.close_question()
        page.show_again()
        if not quiet:
            page.setFocus(Qt.FocusReason.OtherFocusReason)

    def ask_write(self) -> None:
        """Show exactly what would be written, and ask."""
        form = self._page.files
        targets = form.targets
        wrong = form.what_is_wrong()
        form.say(wrong)
        if wrong:
            return
        there = [path.name for path in targets.values() if path.exists()]
        facts = [(place_name(kind), str(path)) for kind, path in targets.items()]
        facts.append((tr("Password"), form.password.currentText()))
        facts.append((tr("Protection"), form.protection.currentText()))
        self._page.question.ask(
            tr("Write these files?"),
            "",
            tr("Write them no&w"),
            self._write,
            facts=facts,
            lost=tr("Replaced: {files}.").format(files=tr(" and ").join(there)) if there else "",
        )
        self._page.verticalScrollBar().setValue(0)

    def _write(self) -> None:
        from codesign_wizard.core.apple.repack import Protection

        page, form = self._page, self._page.files
        session, targets, identities = page.workspace.session, form.targets, self._identities
        protection, made_here = Protection(form.protection.currentData()), self._made_here
        number, typed = form.password.currentData(), form.new.value

        def write(job: Job) -> Finding:
            password = typed if form_new else session.apple_passwords()[number]
            return work.write(session, identities, targets, password, protection, made_here)

        form_new = form.wants_new
        page.begin(
            tr("Writing the .p12 files"), write, lambda told: self._written(targets, told), lasting=True
        )

    def _written(self, targets: Mapping[Kind, Path], told: Finding) -> None:
        self.told = [told]
        self.leave_form(quiet=True)
        self._page.then(lambda: self._page.take_written(targets))
