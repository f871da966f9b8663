"""The parts that the page Certificate is made of, each for one state of the certificate's life."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QSizePolicy, QVBoxLayout, QWidget

from codesign_wizard.core.certificates.desk import DeskState
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.answer import AnswerDrop, PastedAnswer
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    Columns,
    announce,
    button,
    clear,
    column,
    hairline,
    label,
    row,
)
from codesign_wizard.widgets.pieces import Fold, portal_steps
from codesign_wizard.widgets.subject_form import SubjectForm, SubjectPreview


class BeginPart(QWidget):
    """No certificate yet: what the way is, and where to begin."""

    def __init__(self, write: Callable[[], object], rename: Callable[[], object]) -> None:
        super().__init__()
        way = Card(tr("Make a signing request"))
        way.body.addWidget(
            portal_steps(
                (
                    tr("You say who the certificate is for."),
                    tr("The vault makes a key in its hardware and a request for it: the key never leaves."),
                    tr("You give the request to a CA (DigiCert, GlobalSign, Sectigo, SSL.com and others)."),
                    tr("The CA checks your organisation, in days to two weeks, and sends the certificate."),
                    tr("You drop it here. It is checked against the request, then merged into the vault."),
                )
            )
        )
        self.write = button(tr("&Write a signing request…"), write, "primary")
        way.body.addSpacing(px(4))
        way.body.addLayout(row(self.write, None))
        way.body.addStretch(1)
        other = Card(tr("Is there one already?"))
        self.other_text = label("", "soft")
        self.rename = button(tr("Change the na&me…"), rename)
        other.body.addWidget(self.other_text)
        other.body.addWidget(
            label(
                tr(
                    "A .pfx file from a CA does not help: since June 2023 the key must be made in hardware, "
                    "so it cannot come from outside."
                ),
                "soft",
            )
        )
        other.body.addStretch(1)
        other.body.addLayout(row(self.rename, None))
        self.setLayout(column(Columns(way, other, share=(3, 2), level=True)))

    def show_state(self, state: DeskState) -> None:
        """Say which name was looked for."""
        self.other_text.setText(
            tr(
                "The name {name} was looked for in the vault {vault}. If your certificate has another, "
                "give it."
            ).format(name=state.name, vault=state.vault)
        )


P = TypeVar("P", bound=QWidget)


def flexible(part: P) -> P:
    """Let *part* become higher than it would like to be: in a narrow column its text needs more lines."""
    part.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    return part


class FormPart(QWidget):
    """The form for the request, beside it what it will say."""

    edited = Signal()

    def __init__(self, check: Callable[[], object], leave: Callable[[], object]) -> None:
        super().__init__()
        self.form = SubjectForm()
        self.preview = SubjectPreview()
        self.form.edited.connect(self._edited)
        self.check = button(tr("&Check, then show what is made…"), check, "primary")
        self.leave = button(tr("Close the fo&rm"), leave)
        left = QWidget()
        left.setLayout(column(self.form, row(self.check, self.leave, None), None, gap=14))
        self.setLayout(column(flexible(Columns(left, flexible(self.preview), share=(3, 2)))))

    def show_preview(self) -> None:
        """Show the subject as it would be asked for."""
        self.preview.show_subject(self.form.asked().subject)

    def _edited(self) -> None:
        self.show_preview()
        self.edited.emit()


class AnswerCard(Card):
    """Where the CA's answer is handed in."""

    def __init__(self, merge: Callable[[], object], practise: Callable[[str], object]) -> None:
        super().__init__(
            tr("The CA's answer"),
            note=tr("In any form and order. It is checked before anything is merged."),
        )
        self.drop = AnswerDrop()
        self.paste = PastedAnswer()
        self.given = label("", "label")
        self.given.hide()
        self.merge = button(tr("&Merge it…"), merge)
        self.practice = QWidget()
        self.forms = Choice(tr("Form of the practice CA's answer"))
        self.practise = button(
            tr("Let the practice C&A answer"), lambda: practise(str(self.forms.currentData()))
        )
        box = QVBoxLayout(self.practice)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        box.addWidget(label(tr("Practice: the CA answers at once, not in days."), "label"))
        box.addWidget(self.forms)
        box.addLayout(row(self.practise, None))
        box.addWidget(hairline())
        for part in (self.practice, self.drop, self.paste, self.given):
            self.body.addWidget(part)
        self.body.addLayout(row(self.merge, None))
        self.body.addStretch(1)
        self.practice.hide()
        self.merge.hide()

    def say_given(self, names: str) -> None:
        """Say what was handed in; "" for nothing."""
        self.given.setText(tr("Given: {names}").format(names=names) if names else "")
        self.given.setVisible(bool(names))

    def offer_merge(self, offered: bool) -> None:
        """Show the button that merges only while there is an answer that fits."""
        self.merge.setVisible(offered)

    def offer_practice(self, forms: Sequence[tuple[str, str]]) -> None:
        """Offer the practice CA's answer in *forms*, key and name each; none hides it."""
        if self.forms.count() != len(forms):
            self.forms.clear()
            for key, name in forms:
                self.forms.addItem(name, key)
        self.practice.setVisible(bool(forms))


def answer_form_words(form: str) -> str:
    """Return what the practice CA's answer in *form* is, in words."""
    names = {
        "pem": tr("PEM, certificate and issuer"),
        "der": tr("DER, the certificate alone"),
        "p7b-der": tr("PKCS #7 (.p7b)"),
        "p7b-pem": tr("PKCS #7 as text (.p7b)"),
        "zip": tr("a zip with a readme"),
        "files": tr("three files"),
        "text": tr("text in a mail"),
        "root-first": tr("root first"),
        "extra": tr("twice, with strangers"),
    }
    return names.get(form, form)


class CaCard(Card):
    """What to do at the CA."""

    def __init__(self, prove: Callable[[], object]) -> None:
        super().__init__(tr("At the CA"))
        self.body.addWidget(
            portal_steps(
                (
                    tr(
                        "Order a code-signing certificate (OV or EV). For the key choose your own HSM or "
                        "Azure Key Vault, not a USB token."
                    ),
                    tr("Give it the request: the file, or the whole text with first and last line."),
                    tr("Answer its questions: trade register, a telephone call, an agreement."),
                    tr("Download what it sends, with the chain if it offers one."),
                )
            )
        )
        self.fold = Fold(tr("It wants pr&oof of the hardware"))
        self.fold.button.setAccessibleName(tr("The CA wants proof that the key is in hardware"))
        self.proof_text = label(
            tr(
                "Most CAs are content with the vault's tier and the key's type: in the portal, the key's "
                "page shows RSA-HSM, and the vault's overview the tier Premium. Some take a statement of "
                "the service."
            ),
            "soft",
        )
        self.prove = button(tr("Ask the vault for a statement"), prove)
        self.fold.body.addWidget(self.proof_text)
        self.fold.body.addLayout(row(self.prove, None))
        self.body.addWidget(self.fold)

    def show_proof(self, proof: bytes | None) -> None:
        """Let the person save *proof*, or say that there is none."""
        if proof is None:
            self.proof_text.setText(
                tr(
                    "This vault gives no statement: Microsoft has it for Managed HSM only. Show the CA the "
                    "key's page in the portal (RSA-HSM) and the vault's tier (Premium)."
                )
            )
            announce(self.proof_text, self.proof_text.text())
            return
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the proof"), "attestation.pem", "PEM (*.pem)")
        if path:
            from pathlib import Path

            from codesign_wizard.core.files import write_atomic

            write_atomic(Path(path), proof)


Ways = Mapping[str, Sequence[tuple[str, str]]]  # of a finding's id: key and words of each way


class WaysOn(QWidget):
    """Buttons for what can be done at once about the problems shown; ``chosen`` tells which.

    *ways* are a page's own; without it those of *Certificate*.
    """

    chosen = Signal(str)

    def __init__(self, ways: Callable[[], Ways] | None = None) -> None:
        super().__init__()
        self._ways = ways or _ways
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def offer(self, findings: Iterable[Finding]) -> None:
        """Offer what helps against *findings*."""
        clear(self._box)
        found = {each.id for each in findings}
        line = row(gap=8)
        for finding_id, ways in self._ways().items():
            if finding_id in found:
                for key, words in ways:
                    line.addWidget(button(words, partial(self.chosen.emit, key)))
        line.addStretch(1)
        # in this order: what is added to what is shown already comes to sight only a turn later
        self.hide()
        self._box.addLayout(line)
        self.setVisible(line.count() > 1)


def _ways() -> Ways:
    return {
        "certificate.request.pending-exists": (("resume", tr("Go on with the request that waits")),),
        "certificate.request.name-deleted": (
            ("recover", tr("Recover the deleted one…")),
            ("name", tr("Choose another name…")),
        ),
        "certificate.request.name-taken": (("name", tr("Choose another name…")),),
        "certificate.request.vault-standard": (("software", tr("Take a software key, for tests only")),),
        "certificate.request.permission-missing": (("permissions", tr("Open Permissions")),),
        "azure.permission.missing": (("permissions", tr("Open Permissions")),),
    }
