"""A finding above the page, for what belongs to no step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import button, row
from codesign_wizard.widgets.findings import FindingView
from codesign_wizard.widgets.pieces import Banner

if TYPE_CHECKING:
    from codesign_wizard.core.report import Origin


class ReportStrip(QWidget):
    """Says above every page that a report is open and where it is from, with the way out of it."""

    def __init__(self, close: Callable[[], object]) -> None:
        super().__init__()
        self.banner = Banner()
        self.close_button = button(tr("Close the report"), close)
        box = QHBoxLayout(self)
        box.setContentsMargins(px(theme.MARGIN), px(14), px(theme.MARGIN), 0)
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
        box.setContentsMargins(px(theme.MARGIN), px(14), px(theme.MARGIN), 0)
        box.addWidget(view)

    def dismiss(self) -> None:
        """Take the notice away."""
        self.hide()
        self.deleteLater()
