"""The CA's answer on the page *Certificate*: taken in, checked against the request, merged after a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from codesign_wizard.core.certificates.desk import DeskState
from codesign_wizard.core.certificates.desk_words import what_is_merged
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.text import tr
from codesign_wizard.pages.certificate_parts import answer_form_words
from codesign_wizard.widgets.certificate import names

if TYPE_CHECKING:
    from codesign_wizard.core.certificates.bundle import Answer
    from codesign_wizard.core.certificates.forms import Piece
    from codesign_wizard.pages.certificate import CertificatePage


class Answering(QObject):
    """The answer of one page: ``given`` as it was judged, ``source`` reads it again."""

    def __init__(self, page: CertificatePage) -> None:
        super().__init__(page)
        self._page = page
        self.given: Answer | None = None
        self.source: Callable[[], Sequence[Piece]] | None = None

    @property
    def fits(self) -> bool:
        """Whether there is an answer that can be merged."""
        return self.given is not None and self.given.ok

    def forget(self) -> None:
        """Forget the answer."""
        self.given = self.source = None
        self._page.answer.say_given("")

    # -- checking

    def take_files(self, paths: list[str]) -> None:
        """Check the files that were dropped or chosen."""
        chosen = [Path(path) for path in paths]

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.bundle import read_files

            return read_files(chosen)

        self.check(read, names([path.name for path in chosen]))

    def take_text(self, text: str) -> None:
        """Check a text that was pasted."""

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.forms import Piece

            return [Piece.of_text(text)]

        self.check(read, tr("the pasted text"))

    def practice_forms(self) -> Sequence[tuple[str, str]]:
        """Return the forms in which the practice CA answers, key and name each; none without practice."""
        cloud = self._page.workspace.session.practice
        forms = cloud.ca_desk.answer_forms if cloud is not None else ()
        return [(form, answer_form_words(form)) for form in forms]

    def practise(self, form: str) -> None:
        """Let the practice CA answer in *form*."""
        cloud, pem = self._page.workspace.session.practice, self._page.request.pem
        if cloud is None:
            return

        def read() -> Sequence[Piece]:
            from codesign_wizard.core.certificates.forms import Piece

            try:
                return [Piece(name, data) for name, data in cloud.ca_desk.answer_request(pem, form)]
            except ValueError as error:
                # as a CA would: by a mail that says why not
                return [Piece.of_text(str(error), tr("the CA's refusal"))]

        self.check(read, tr("the practice CA's answer"))

    def check(self, source: Callable[[], Sequence[Piece]], given: str = "") -> None:
        """Judge what *source* reads; *given* says what was handed in, "" where that is shown already."""
        page = self._page
        page.question.close_question()
        begun = page.begin(
            tr("Checking the CA's answer"),
            lambda desk, job: desk.check(job, source()),
            lambda answer: self._checked(answer, source),
            failed=self._not_checked,
        )
        if begun and given:
            page.answer.say_given(given)

    def _checked(self, answer: Answer, source: Callable[[], Sequence[Piece]]) -> None:
        self.given, self.source = answer, source
        if answer.ok:
            self.ask_merge()

    def _not_checked(self, finding: Finding) -> None:
        from codesign_wizard.core.certificates.bundle import Answer

        self.given, self.source = Answer(findings=[finding]), None

    # -- merging

    def ask_merge(self) -> None:
        """Show exactly what would go into the vault, and ask."""
        page, answer = self._page, self.given
        if answer is None or not answer.ok:
            return
        page.question.ask(
            tr("Merge this into the vault?"),
            tr("It fits the request. The certificate and its issuers go there; the root stays out."),
            tr("Mer&ge it now"),
            lambda: self._merge(answer),
            facts=what_is_merged(page.workspace.session.azure_options(), answer),
        )
        page.verticalScrollBar().setValue(0)

    def _merge(self, answer: Answer) -> None:
        self._page.begin(
            tr("Merging the answer"),
            lambda desk, job: desk.merge(job, answer),
            self._merged,
            failed=self._not_checked,
            changing=True,
        )

    def _merged(self, desk: DeskState) -> None:
        self.forget()
        self._page.record(desk)
