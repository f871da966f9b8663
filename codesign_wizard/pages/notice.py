"""A finding above the page, for what belongs to no step."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import button, row
from codesign_wizard.widgets.findings import FindingView


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
