"""A finding above the page, for what belongs to no step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import button, row
from codesign_wizard.widgets.findings import FindingView
from codesign_wizard.widgets.pieces import Banner

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from codesign_wizard.core.report_open import Origin
    from codesign_wizard.pages.workspace import Workspace
    from codesign_wizard.playing import Offer

_WORDS = 400  # the room that the words of a strip keep beside its buttons, at a text scale of 1


class ReportStrip(QWidget):
    """Says above every page that a report is open and where it is from, with the way out of it."""

    def __init__(self, close: Callable[[], object]) -> None:
        super().__init__()
        self.banner = Banner()
        self.close_button = button(tr("Close the report"), close)
        box = QHBoxLayout(self)
        box.setContentsMargins(px(theme.MARGIN), px(14), px(theme.MARGIN), px(4))
        box.setSpacing(px(12))
        box.addWidget(self.banner, 1)
        box.addWidget(self.close_button)

    def say(self, origin: Origin) -> None:
        """Show where the report is from."""
        self.banner.say(
            Severity.INFO,
            tr("{report}, only to be read.").format(report=origin.words),
            tr(
                "{file}: nothing is run from it, nothing of it is kept. It may have been changed on its way."
            ).format(file=origin.file),
        )


class PlayStrip(QWidget):
    """Says above every page which scenario of the practice is on, with the ways there and out of it."""

    def __init__(self, workspace: Workspace, other: Callable[[], object]) -> None:
        super().__init__()
        self.workspace = workspace
        self.offer: Offer | None = None
        self.banner = Banner()
        self.there = button("", self._go)
        self.other = button(tr("Another…"), other)
        self.other.setAccessibleName(tr("What if: another scenario"))
        self.off = button(tr("Switch off"), lambda: workspace.play(None))
        box = QHBoxLayout(self)
        box.setContentsMargins(px(theme.MARGIN), px(14), px(theme.MARGIN), px(4))
        box.setSpacing(px(12))
        # as high as its words: what stands beside it does not pull them apart
        box.addWidget(self.banner, 1, Qt.AlignmentFlag.AlignVCenter)
        self._buttons = (self.there, self.off, self.other)
        for each in self._buttons:
            each.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._ways = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._ways.setSpacing(px(8))
        for each in self._buttons:
            self._ways.addWidget(each)
        box.addLayout(self._ways)
        box.setAlignment(self._ways, Qt.AlignmentFlag.AlignVCenter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        """Put the buttons beside each other where the words keep enough room, else below each other."""
        shown = [each for each in self._buttons if not each.isHidden()]
        beside = sum(each.sizeHint().width() + px(8) for each in shown)
        wide = self.width() - 2 * px(theme.MARGIN) - beside >= px(_WORDS)
        way = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        if self._ways.direction() is not way:
            self._ways.setDirection(way)

    def say(self, offer: Offer, *, here: str, told: Collection[str] = ()) -> None:
        """Show that *offer* is on; *here* is the key of the page that is open, "" for a panel.

        *told* are the ids of findings that the page tells of in a way of its own.
        """
        from codesign_wizard.playing import fixed_words, page_titles, way_words

        self.offer = offer
        busy = self.workspace.runner.foreground is not None
        how = way_words(self.workspace.profile, offer, here=here, told=told, busy=busy)
        self.banner.say(
            Severity.WARNING, tr("What if: {summary}").format(summary=offer.summary), how, mark=Mark.NOW
        )
        first = page_titles(offer.pages[:1])
        self.there.setText(tr("Go to {page}").format(page=first))
        self.there.setVisible(here != offer.pages[0])
        self.off.setAccessibleName(tr("Switch off: {summary}").format(summary=offer.summary))
        fixed = fixed_words(self.workspace.session)
        for each in (self.off, self.other):
            each.setEnabled(self.workspace.can_play)
            each.setToolTip(fixed or ("" if self.workspace.can_play else tr("Something is under way.")))
        self._place()

    def _go(self) -> None:
        if self.offer is not None:
            self.workspace.go.emit(self.offer.pages[0])


class Notice(QWidget):
    """*finding* with a button that takes it away."""

    link = Signal(str)

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding
        view = FindingView(finding, can_check=False)
        view.link.connect(self.link)
        closer = button(tr("Dismiss"), self.dismiss)
        closer.setAccessibleName(tr("Dismiss: {title}").format(title=finding.title))
        line = row(30, closer, None)
        view.body.addLayout(line)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(theme.MARGIN), px(14), px(theme.MARGIN), px(4))
        box.addWidget(view)

    def dismiss(self) -> None:
        """Take the notice away."""
        self.hide()
        self.deleteLater()
