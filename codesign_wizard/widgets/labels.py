"""The smallest pieces, which are all that the window's frame needs: labels, buttons, what is announced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from codesign_wizard import theme
from codesign_wizard.theme import px

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QLineEdit

# begins a part of a text whose direction is its own, and ends it (Unicode Standard Annex 9)
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = "\u200f"  # of no width: the text that it begins is of this direction
_ROLES_OF_WORDS = ("title", "heading", "soft", "label")  # and not ids, paths, commands


def begin() -> Qt.AlignmentFlag:
    """Return the side where lines begin in this layout, whatever a text is written in.

    Qt aligns a text by its own direction otherwise: a name, an id, what is not translated would stand at the
    other side of a mirrored page.
    """
    side = Qt.AlignmentFlag.AlignRight if theme.mirrored() else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter


def end() -> Qt.AlignmentFlag:
    """Return the side where lines end in this layout."""
    side = Qt.AlignmentFlag.AlignLeft if theme.mirrored() else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter


def beginning(text: str) -> str:
    """Return *text*, a sign and a word, so that the sign stands where lines begin on a mirrored page."""
    return f"{_RIGHT_TO_LEFT}{text}" if text and theme.mirrored() else text


def isolated(text: str) -> str:
    """Return *text* so that a mirrored page leaves the order of its words and signs as it is."""
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}" if text and theme.mirrored() else text


class _Wrapped(QLabel):
    """A text of several lines; its text is what it was given, not what keeps words together in a line."""

    def __init__(self, text: str) -> None:
        # made once for a text: it is laid out several times before it is seen
        self._known: Sequence[str] = self._ways(text) if text else ()
        super().__init__(self._known[0] if text else "")
        self._given = text

    def setText(self, text: str) -> None:
        if text != self._given:
            self._given, self._known = text, self._ways(text) if text else ()
        self._suit()

    def text(self) -> str:
        return self._given

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._suit()

    def _ways(self, text: str) -> Sequence[str]:
        """Return *text* as it can be shown; the first that has room is taken."""
        # here, not above: the first window has no such text yet
        from codesign_wizard.widgets import ties

        return [ties.joined(way(text)) for way in (ties.stamped, ties.together)]

    def _suit(self) -> None:
        if not self._given:
            super().setText("")
            return
        from codesign_wizard.widgets.ties import TIED

        for shown in self._known:
            # what is tied is not broken: in a narrow column it would be cut
            if all(self._has_room(part) for part in shown.split(" ") if TIED.search(part)):
                super().setText(shown)
                return
        super().setText(self._given)

    def _has_room(self, part: str) -> bool:
        return self.fontMetrics().horizontalAdvance(part) <= self.contentsRect().width()


class _Words(_Wrapped):
    """Words of several lines, where there is room none of them with a single word."""

    def _ways(self, text: str) -> Sequence[str]:
        from codesign_wizard.widgets import ties

        words = ties.accompanied(ties.stamped(text))
        return [ties.joined(ties.unbroken(words)), ties.joined(words), *super()._ways(text)]


class _Isolated(QPushButton):
    """A button of a mirrored page: the order within its words stays; its text is what it was given."""

    def __init__(self, text: str) -> None:
        super().__init__(isolated(text))
        self._given = text

    def setText(self, text: str) -> None:
        self._given = text
        super().setText(isolated(text))

    def text(self) -> str:
        return self._given


def announce(widget: QWidget, text: str, *, assertive: bool = False) -> None:
    """Let a screen reader say *text* without moving the focus (WCAG 2.2, 4.1.3)."""
    # here, not above: its enumerations cost the first window time
    from codesign_wizard.widgets.spoken import say

    say(widget, text, assertive=assertive)


def restyle(widget: QWidget, name: str, value: object) -> None:
    """Set the property *name* that the style sheet asks for, and have it applied."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def keep_ltr(widget: QWidget) -> None:
    """Let *widget*, which holds ids, paths or commands, read from left to right in every language."""
    if not theme.mirrored():
        return
    widget.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    from PySide6.QtWidgets import QLineEdit

    if isinstance(widget, QLabel | QLineEdit):
        # what it stands below or beside begins at the right
        widget.setAlignment(begin())


def keep_side(edit: QLineEdit) -> None:
    """Let what is typed into *edit* begin where all lines of the page do, in whatever direction it runs."""
    if theme.mirrored():
        edit.setAlignment(begin())


def label(text: str = "", role: str = "", *, wrap: bool = True) -> QLabel:
    """Return a label for plain text; *role* is ``title``, ``heading``, ``soft``, ``label``, ``mono``…"""
    # what can be copied stays as it is
    kind = _Words if role in _ROLES_OF_WORDS else QLabel if role == "mono" else _Wrapped
    made = kind(text) if wrap else QLabel(text)
    if theme.mirrored():
        made.setAlignment(begin())
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    if role == "mono":
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        keep_ltr(made)
    if wrap:
        # a wrapped label may become narrow; without this its longest word decides the page's width
        policy = made.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        made.setSizePolicy(policy)
        made.setMinimumWidth(px(40))
    return made


def button(text: str, clicked: Callable[[], object] | None = None, kind: str = "") -> QPushButton:
    """Return a push button; *kind* is ``primary``, ``small``, ``flat``, ``link``, ``pill`` or plain."""
    made = _Isolated(text) if theme.mirrored() else QPushButton(text)
    made.setAutoDefault(False)
    if kind:
        made.setProperty("kind", kind)
    if kind in ("flat", "link"):
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    if clicked is not None:
        made.clicked.connect(lambda: clicked())
    return made
