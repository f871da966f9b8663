"""What every page is: a scrolled column that begins with its title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import label
from codesign_wizard.widgets.confirm import Question

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_WIDEST = 1000


class Page(QScrollArea):
    """A step's page. ``refresh`` is called when it is shown and whenever the profile changed."""

    link = Signal(str)  # an address to open in the browser

    def __init__(self, workspace: Workspace, title: str, subtitle: str) -> None:
        super().__init__()
        self.workspace = workspace
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(title)
        # the page itself takes the focus when it opens: arrow keys scroll, Tab goes to its first control
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().rangeChanged.connect(self._keep_margin)
        inner = self.content = QWidget()
        inner.setProperty("role", "page")
        inner.setMaximumWidth(px(_WIDEST))
        self.box = QVBoxLayout(inner)
        margin = px(theme.MARGIN)
        self.box.setContentsMargins(margin, px(22), margin, px(20))
        self.box.setSpacing(px(14))
        self.title = label(title, "title")
        self.subtitle = label(subtitle, "soft")
        head = QVBoxLayout()
        head.setSpacing(px(3))
        head.addWidget(self.title)
        head.addWidget(self.subtitle)
        self.box.addLayout(head)
        self.setWidget(inner)

    def _keep_margin(self, least: int, most: int) -> None:
        # the bar takes its room out of the margin, so that columns line up with the footer
        bar = self.verticalScrollBar().sizeHint().width() if most > least else 0
        margins = self.box.contentsMargins()
        wanted = px(theme.MARGIN) - bar
        if margins.right() != wanted:
            margins.setRight(wanted)
            self.box.setContentsMargins(margins)

    def add(self, item: QWidget | QLayout) -> None:
        """Put *item* below what is there."""
        if isinstance(item, QWidget):
            self.box.addWidget(item)
        else:
            self.box.addLayout(item)

    def done(self) -> None:
        """Tell that the page is filled: what room is left stays below."""
        self.box.addStretch(1)

    def refresh(self) -> None:
        """Show the profile and its results as they are now."""

    def shown(self) -> None:
        """Called when the page is opened."""

    def leaving(self) -> None:
        """Called when the window closes: what is typed and not kept yet is kept now."""

    def focus_problem(self) -> bool:
        """Put the focus on the first problem; tells whether there is one."""
        return False


class AskingPage(Page):
    """A page that asks before it changes something; ``question`` is put where the page wants it.

    *name_width* is the room for the names of its facts, at a text scale of 1.
    """

    def __init__(self, workspace: Workspace, title: str, subtitle: str, *, name_width: int = 120) -> None:
        super().__init__(workspace, title, subtitle)
        self.question = Question(name_width=name_width)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc anywhere on the page is the answer to a question that changes nothing."""
        if event.key() == Qt.Key.Key_Escape and self.question.asking:
            self.question.decline()
        else:
            super().keyPressEvent(event)
