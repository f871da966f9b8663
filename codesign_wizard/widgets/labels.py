"""The smallest pieces, which are all that the window's frame needs: labels, buttons, what is announced."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from codesign_wizard import theme
from codesign_wizard.theme import px


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
        widget.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def label(text: str = "", role: str = "", *, wrap: bool = True) -> QLabel:
    """Return a label for plain text; *role* is ``title``, ``heading``, ``soft``, ``label``, ``mono``…"""
    made = QLabel(text)
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
    made = QPushButton(text)
    made.setAutoDefault(False)
    if kind:
        made.setProperty("kind", kind)
    if kind in ("flat", "link"):
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    if clicked is not None:
        made.clicked.connect(lambda: clicked())
    return made
