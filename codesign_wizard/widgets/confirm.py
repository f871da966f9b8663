"""A question before something is changed: exactly what would happen, and both answers, in the page itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea

from codesign_wizard import theme
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import (
    Card,
    Facts,
    MarkView,
    announce,
    button,
    column,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.findings import clear_heading

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent


class Question(Card):
    """Hidden until ``ask``; either answer hides it again. Esc is the answer that changes nothing.

    *name_width* is the room for the names of its facts, at a text scale of 1.
    """

    changed = Signal()  # a question is there, or gone

    def __init__(self, *, name_width: int = 120) -> None:
        super().__init__()
        clear_heading(self)
        self._then: Callable[[], object] | None = None
        self._else: Callable[[], object] | None = None
        self.title = label("", "heading")
        self.text = label("", "soft")
        self.mark = MarkView(Mark.NOW)
        self.facts = Facts(name_width=name_width)
        self.lost = label("", "warning")
        self.yes = button("", self._agree)
        self.no = button("", self.decline)
        head = row(self.mark, column(self.title, self.text, gap=2), gap=12)
        head.setAlignment(self.mark, Qt.AlignmentFlag.AlignTop)
        head.setStretch(1, 1)
        self.body.addLayout(head)
        inner = column(self.facts, self.lost, row(self.yes, self.no, None), gap=10)
        inner.setContentsMargins(theme.margins(30, 0, 0, 0))
        self.body.addLayout(inner)
        self.setProperty("active", "true")
        self.hide()

    def ask(
        self,
        title: str,
        text: str,
        yes: str,
        then: Callable[[], object],
        *,
        no: str = "",
        facts: Iterable[tuple[str, str]] = (),
        lost: str = "",
        otherwise: Callable[[], object] | None = None,
    ) -> None:
        """Ask; *then* is called on *yes*, *otherwise* on *no*. *lost* names what cannot be had back."""
        self._then, self._else = then, otherwise
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        shown = list(facts)
        self.facts.set(shown)
        self.facts.setVisible(bool(shown))
        self.lost.setText(lost)
        self.lost.setVisible(bool(lost))
        self.mark.set(Mark.WARNING if lost else Mark.NOW, tr("Warning") if lost else tr("Question"))
        self.yes.setText(yes)
        self.no.setText(no or tr("Not yet"))
        # what destroys something is never the easy answer
        restyle(self.yes, "kind", "" if lost else "primary")
        self.setAccessibleName(title)
        told = [text, *(f"{name}: {value}." for name, value in shown), lost]
        self.setAccessibleDescription(" ".join(each for each in told if each))
        self.show()
        if self.isVisible():  # else it is asked on a page that is not shown, where no key may answer it
            (self.no if lost else self.yes).setFocus(Qt.FocusReason.OtherFocusReason)
        announce(self, title, assertive=True)
        self.changed.emit()

    @property
    def asking(self) -> bool:
        """Whether an answer is awaited."""
        return self._then is not None

    def close_question(self) -> None:
        """Take the question away without an answer."""
        self._then = self._else = None
        if not self.isHidden():
            if self.yes.hasFocus() or self.no.hasFocus():
                self._leave_focus()
            self.hide()
            self.changed.emit()

    def _leave_focus(self) -> None:
        # hidden with the focus it would hand it to whatever comes next, which may be far from the page
        around = self.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if around is not None:
            around.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.decline()
        else:
            super().keyPressEvent(event)

    def _agree(self) -> None:
        then = self._then
        self.close_question()
        if then is not None:
            then()

    def decline(self) -> None:
        """Answer that nothing is to change."""
        otherwise = self._else
        self.close_question()
        if otherwise is not None:
            otherwise()
