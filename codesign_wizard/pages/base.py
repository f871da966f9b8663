"""What every page is: a scrolled column that begins with its title."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import label
from codesign_wizard.widgets.confirm import Question
from codesign_wizard.widgets.findings import focus_request

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from codesign_wizard.runner import Task

_WIDEST = 1000
_LAID_OUT_MS = 40


class _Following(QObject):
    """Tells a page of a task while the page is there and the profile is open that it was begun for.

    An object of its own, and the page's child: what Qt connects to a plain function outlives the page.
    """

    def __init__(self, page: Page, task: Task, told: Mapping[str, Callable[..., object]]) -> None:
        super().__init__(page)
        self._page, self._session, self.told = page, page.workspace.session, told
        self.task = task
        task.done.connect(self._done)
        task.failed.connect(self._failed)
        task.cancelled.connect(self._cancelled)
        task.finished.connect(self._finished)

    def _tell(self, kind: str, *values: Any) -> None:
        page = self._page
        if kind in self.told and not page.gone and page.workspace.session is self._session:
            self.told[kind](*values)

    def _done(self, answer: object) -> None:
        self._tell("done", answer)

    def _failed(self, finding: object) -> None:
        self._tell("failed", finding)

    def _cancelled(self) -> None:
        self._tell("cancelled")

    def _finished(self) -> None:
        self._page.following.discard(self)
        self.deleteLater()
        self._tell("finished")


class Page(QScrollArea):
    """A step's page. ``refresh`` is called when it is shown and whenever the profile changed."""

    link = Signal(str)  # an address to open in the browser

    def __init__(self, workspace: Workspace, title: str, subtitle: str) -> None:
        super().__init__()
        self.workspace = workspace
        self.gone = False  # another page stands in its place
        self.following: set[_Following] = set()
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
        wanted = theme.margins(theme.MARGIN, 0, theme.MARGIN, 0)
        # the bar stands where lines end
        if theme.mirrored():
            wanted.setLeft(wanted.left() - bar)
        else:
            wanted.setRight(wanted.right() - bar)
        if (margins.left(), margins.right()) != (wanted.left(), wanted.right()):
            margins.setLeft(wanted.left())
            margins.setRight(wanted.right())
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

    def follow(self, task: Task, **told: Callable[..., object]) -> None:
        """Call what *told* has for the signals of *task*: ``done``, ``failed``, ``cancelled``, ``finished``.

        Nothing is called any more once the page is gone or another profile is open: the answer is none of
        its. The task is abandoned then, unless it is lasting or writes a file that the person named; that it
        failed is told above whatever page is there.
        """
        self.following.add(_Following(self, task, told))

    def end(self) -> None:
        """Called when another page takes this one's place: what it asked for is wanted no more."""
        self.gone = True
        for each in self.following:
            if not (each.task.lasting or each.task.harmless):
                each.task.abandon()
            elif "failed" in each.told:
                each.task.failed.connect(self.workspace.notice)

    def take_focus(self, widget: QWidget) -> None:
        """Put the focus on *widget*, unless the page is not shown: keys would go where nobody sees them."""
        if self.isVisible():
            widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def let_use(self, parts: Iterable[QWidget], allowed: bool) -> None:
        """Open *parts*, or close them while something is under way; the focus then stays on the page.

        Qt would send it on, perhaps to the button that leaves the page, or leave it nowhere.
        """
        parts = list(parts)
        if not allowed:
            focused = self.window().focusWidget()
            if any(part is focused or part.isAncestorOf(focused) for part in parts):
                self.take_focus(self)
        for part in parts:
            part.setEnabled(allowed)

    def show_part(self, part: QWidget) -> None:
        """Scroll to *part*, once it has been laid out: what was shown just now has no place yet."""

        def scroll() -> None:
            if part.isVisible():
                self.ensureWidgetVisible(part, 0, px(20))

        # a layout within layouts asks for its height one level at a time, each in its own turn
        QTimer.singleShot(_LAID_OUT_MS, part, scroll)

    def show_request(self, request_id: str) -> bool:
        """Show the finding that this request led to; tells whether the page has it."""
        return focus_request(self, request_id)

    def told(self) -> Collection[str]:
        """Return the ids of findings that the page tells of in its own way, and that are in no result."""
        return ()

    def missing(self) -> str:
        """Return what is missing for going on, as a sentence, where the page knows more than the flow."""
        return ""

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
