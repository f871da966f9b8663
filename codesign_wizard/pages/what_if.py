"""What if…: every scenario of the practice, area by area, switched on and off with one click."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from codesign_wizard.core.finding import Severity
from codesign_wizard.core.text import tr
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.playing import (
    Offer,
    area_title,
    fixed_words,
    off_words,
    offers,
    page_titles,
    playing,
    way_words,
)
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    MarkView,
    announce,
    button,
    clear,
    column,
    hairline,
    label,
    restyle,
)
from codesign_wizard.widgets.pieces import Banner, Fold
from codesign_wizard.widgets.search import SearchEdit


class WhatIfPage(Page):
    """The panel. Rows are made when their area is first opened."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("What if…"),
            tr(
                "Switch on one thing that goes wrong in this practice, see how the wizard explains it, and "
                "switch it off again. Nothing real is touched."
            ),
        )
        self.banner = Banner()
        self.add(self.banner)
        self.search = SearchEdit()
        self.search.setPlaceholderText(tr("Find: firewall, expired, agreement…"))
        self.search.setAccessibleName(tr("Find a scenario"))
        self.search.textChanged.connect(self._typed)
        self.add(self.search)
        self.offers = offers()
        self.areas = {area: Area(self, area) for area in dict.fromkeys(one.area for one in self.offers)}
        for area in self.areas.values():
            self.add(area)
        self.nothing = label(tr("No scenario has these words."), "soft")
        self.nothing.hide()
        self.add(self.nothing)
        self.done()

    def of_area(self, area: str) -> list[Offer]:
        """Return what is offered of *area*, by what is typed to find."""
        wanted = self.search.text().casefold().split()
        return [one for one in self.offers if one.area == area and _has(one, wanted)]

    def refresh(self) -> None:
        session = self.workspace.session
        on = playing(session)
        if self.workspace.practising and session.practice is None:
            self.banner.say(Severity.INFO, tr("The practice accounts are being started."))
        elif session.practice is None:
            self.banner.say(
                Severity.INFO,
                tr("This is for practice accounts."),
                tr("On your own accounts nothing is made wrong. Start offers practice accounts."),
            )
        elif on is None:
            self.banner.say(*off_words(self.workspace.flow))
        else:
            text = fixed_words(session) or way_words(self.workspace.profile, on, here="")
            self.banner.say(Severity.WARNING, tr("On: {summary}").format(summary=on.summary), text)
        for area in self.areas.values():
            area.refresh(on)

    def shown(self) -> None:
        on = playing(self.workspace.session)
        opened = on.area if on is not None else next(iter(self.areas))
        if not any(area.button.isChecked() for area in self.areas.values()):
            self.areas[opened].open()

    def _typed(self, text: str) -> None:
        found = 0
        for area in self.areas.values():
            held = len(self.of_area(area.area))
            found += held
            area.setVisible(bool(held))
            area.count(held)
            area.fill()
            if text.strip() and held:
                area.open()
        self.nothing.setVisible(not found)
        self.refresh()
        words = tr("1 scenario") if found == 1 else tr("{n} scenarios").format(n=found)
        announce(self.search, words)


class Area(Fold):
    """The scenarios of one area."""

    def __init__(self, page: WhatIfPage, area: str) -> None:
        super().__init__("")
        self.page, self.area = page, area
        self.count(len([one for one in page.offers if one.area == area]))
        self.rows: list[Row] = []
        self.body.setContentsMargins(0, 0, 0, 0)
        self.card = Card()
        self.card.setAccessibleName(area_title(area))
        self._list = QVBoxLayout()
        self._list.setSpacing(px(8))
        self.card.body.addLayout(self._list)
        self.body.addWidget(self.card)
        self.button.toggled.connect(self._opened)

    def count(self, held: int) -> None:
        """Show how many there are, or were found."""
        self.button.setText(tr("{area} ({n})").format(area=area_title(self.area), n=held))

    def _opened(self, opened: bool) -> None:
        if opened and not self.rows:
            self.fill()
            self.page.refresh()

    def fill(self) -> None:
        """Make the rows anew, if they have been made or are seen."""
        if not self.rows and not self.button.isChecked():
            return
        clear(self._list)
        self.rows = []
        for place, offer in enumerate(self.page.of_area(self.area)):
            if place:
                self._list.addWidget(hairline())
            row = Row(self.page.workspace, offer)
            self.rows.append(row)
            self._list.addWidget(row)

    def refresh(self, on: Offer | None) -> None:
        """Show which is on."""
        for row in self.rows:
            row.refresh(on)


class Row(QWidget):
    """One scenario: what goes wrong, where it shows, and the switch."""

    def __init__(self, workspace: Workspace, offer: Offer) -> None:
        super().__init__()
        self.workspace, self.offer = workspace, offer
        self.mark = MarkView(Mark.EMPTY, tr("off"))
        self.switch = button("", self._switch, "small")
        shows = tr("Shows on {page}. {how}").format(page=page_titles(offer.pages[:1]), how=offer.how)
        self.words = label(offer.summary)
        self.setToolTip(tr("Can show on {pages}").format(pages=page_titles(offer.pages)))
        box = QHBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(12))
        box.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        box.addLayout(column(self.words, label(shows, "label"), gap=1), 1)
        box.addWidget(self.switch, 0, Qt.AlignmentFlag.AlignVCenter)
        self._on: bool | None = None
        self.refresh(playing(workspace.session))

    def refresh(self, on: Offer | None) -> None:
        """Show whether it is on, and whether it can be switched."""
        mine = on is not None and on.name == self.offer.name
        if mine is not self._on:
            self._on = mine
            self.mark.set(Mark.WARNING if mine else Mark.EMPTY, tr("on") if mine else tr("off"))
            self.switch.setText(tr("Switch off") if mine else tr("Switch on"))
            name = tr("Switch off: {summary}") if mine else tr("Switch on: {summary}")
            self.switch.setAccessibleName(name.format(summary=self.offer.summary))
            restyle(self.words, "role", "heading" if mine else "")
        self.switch.setEnabled(self.workspace.can_play)
        self.switch.setToolTip(fixed_words(self.workspace.session))

    def _switch(self) -> None:
        self.workspace.play(None if self._on else self.offer.name)


def _has(offer: Offer, wanted: list[str]) -> bool:
    text = f"{offer.name} {area_title(offer.area)} {offer.summary} {page_titles(offer.pages[:1])}".casefold()
    return all(word in text for word in wanted)
