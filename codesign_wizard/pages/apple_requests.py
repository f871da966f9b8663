"""Apple's certificates without a Mac: the requests made here, what to click at Apple, what it gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from codesign_wizard.core.apple.identity_findings import CERTIFICATES_PAGE
from codesign_wizard.core.text import tr
from codesign_wizard.pages.certificate_parts import flexible
from codesign_wizard.theme import GAP
from codesign_wizard.widgets.answer import FilesDrop
from codesign_wizard.widgets.basics import Card, Columns, Facts, button, column, label, row
from codesign_wizard.widgets.identity import place_name
from codesign_wizard.widgets.pieces import portal_steps

if TYPE_CHECKING:
    from codesign_wizard.core.apple.requests import PendingRequest


def made_facts(pending: Sequence[PendingRequest]) -> list[tuple[str, str]]:
    """Return what waits: which request, and when it was made."""
    return [
        (place_name(each.kind), tr("made {date}").format(date=each.made.date().isoformat()))
        for each in pending
    ]


class MakeCard(Card):
    """The two keys and requests: not made yet, or waiting."""

    def __init__(
        self, make: Callable[[], object], save: Callable[[], object], drop: Callable[[], object]
    ) -> None:
        super().__init__(tr("1. The two signing requests"))
        self.words = label("", "soft")
        self.waiting = Facts(name_width=86)
        self.make = button(tr("&Make the signing requests"), make)
        self.save = button(tr("Sa&ve both files…"), save)
        self.saved = label("", "ok")
        self.saved.hide()
        self.drop = button(tr("Drop the requests…"), drop, "link")
        self.drop.setProperty("changes", True)
        self.body.addWidget(self.words)
        self.body.addWidget(self.waiting)
        self.body.addLayout(row(self.make, self.save, None))
        self.body.addWidget(self.saved)
        self.body.addStretch(1)
        self.body.addLayout(row(self.drop, None))

    def show_pending(self, pending: Sequence[PendingRequest]) -> None:
        """Show what waits, a request of each kind at most."""
        if pending:
            self.words.setText(
                tr("Their keys wait on this computer, encrypted. You can close the wizard meanwhile.")
            )
            self.save.setText(tr("Sa&ve both files…") if len(pending) > 1 else tr("Sa&ve the file…"))
        else:
            self.words.setText(
                tr(
                    "Two keys are made on this computer, and a request for each. The keys wait here, "
                    "encrypted under a password that is kept with your other secrets."
                )
            )
        self.waiting.set(made_facts(pending))
        self.waiting.setVisible(bool(pending))
        self.make.setVisible(len(pending) < 2)
        self.make.setText(
            tr("&Make the other request") if len(pending) == 1 else tr("&Make the signing requests")
        )
        self.save.setVisible(bool(pending))
        self.drop.setVisible(bool(pending))
        if not pending:
            self.saved.hide()


class SiteCard(Card):
    """What to click on Apple's site."""

    link = Signal(str)

    def __init__(self) -> None:
        from codesign_wizard.core.apple.requests import site_steps

        super().__init__(tr("2. On Apple's site"))
        self.open = button(tr("Open Apple's page"), lambda: self.link.emit(CERTIFICATES_PAGE), "link")
        self.open.setToolTip(CERTIFICATES_PAGE)
        self.body.addWidget(portal_steps(site_steps()))
        self.body.addLayout(row(self.open, None))
        self.body.addStretch(1)


class CertificatesCard(Card):
    """Where the downloaded .cer files are handed in."""

    files = Signal(list)

    def __init__(self, practise: Callable[[], object]) -> None:
        super().__init__(
            tr("3. What Apple gave you"),
            note=tr(
                "Each certificate finds its key here by itself. Both become .p12 files, with their chain."
            ),
        )
        self.drop = FilesDrop(
            tr("Drop the two .cer files here"),
            tr("Choose &files…"),
            tr("Apple's certificates (*.cer *.crt *.pem *.der);;All files (*)"),
        )
        self.drop.files.connect(self.files)
        self.practice = QWidget()
        self.practise = button(tr("Let the practice &authority answer"), practise)
        told = label(tr("Practice: nobody has to click at Apple."), "label")
        line = row(self.practise, told, gap=12)
        line.setStretch(1, 1)
        self.practice.setLayout(line)
        self.body.addWidget(self.practice)
        self.body.addWidget(self.drop)
        self.body.addStretch(1)


class RequestsPart(QWidget):
    """The whole way in three cards."""

    def __init__(
        self,
        make: Callable[[], object],
        save: Callable[[], object],
        drop: Callable[[], object],
        practise: Callable[[], object],
    ) -> None:
        super().__init__()
        self.made = MakeCard(make, save, drop)
        self.site = SiteCard()
        self.answer = CertificatesCard(practise)
        columns = Columns(flexible(self.made), flexible(self.site), share=(4, 5), level=True)
        self.setLayout(column(flexible(columns), self.answer, gap=GAP))

    def show_pending(self, pending: Sequence[PendingRequest], *, practising: bool) -> None:
        """Show what waits; only then can Apple have answered."""
        self.made.show_pending(pending)
        self.answer.setVisible(bool(pending))
        self.answer.practice.setVisible(practising)
