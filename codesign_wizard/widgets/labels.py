"""The smallest pieces, which are all that the window's frame needs: labels, buttons, what is announced."""

from __future__ import annotations

import re
from collections.abc import Callable
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
_TIE = "\u00a0"  # a space where no line ends
_JOINER = "\u2060"  # of no width: a place where no line ends
_SCHEME = re.compile(r"(?<=\w://)(?=\w)")
_TIED_HYPHEN = "\u2011"  # a hyphen where none does
_TIED = re.compile(f"[{_TIE}{_JOINER}{_TIED_HYPHEN}]")
_ROLES_OF_WORDS = ("title", "heading", "soft", "label")  # and not ids, paths, commands
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?: UTC\b)?")
# a sentence that a moment makes up but for a word or two
_STAMP = re.compile(rf"(?:(?<=[.!?:] )|^)(?:[^\W\d_]+ ){{1,2}}(?={_MOMENT.pattern}\.)")
_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|kB|MB|GB|GiB|[Bb]its?|USD)\b)")
# a number that is not part of a date, a version or a name, and the word that it counts
_COUNTED = re.compile(r"(?<![\w.,:/-])(\d+) (?=[^\W\d_]{1,10}\b)")
# of two parts, as German has them: the first alone at the end of a line reads as another word
_COMPOUND = re.compile(r"\b([^\W\d_]{2,7})-(?=[A-ZÄÖÜ][a-zäöüß]{2,12}\b)")
_LONGEST_PAIR = 26  # letters of two words that are kept in one line


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


def isolated(text: str) -> str:
    """Return *text* so that a mirrored page leaves the order of its words and signs as it is."""
    return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}" if text and theme.mirrored() else text


def accompanied(text: str) -> str:
    """Return *text* with its last two words in one line, so that none stands alone in the last one."""
    words = text.rsplit(" ", 2)
    if len(words) < 3 or len(words[1]) + len(words[2]) > _LONGEST_PAIR:
        return text
    return f"{words[0]} {words[1]}{_TIE}{words[2]}"


def together(text: str) -> str:
    """Return *text* for the screen, with date and time of day, a number and its unit on one line."""
    text = _COUNTED.sub(lambda found: found[1] + _TIE, _UNIT.sub(_TIE, text))
    return _MOMENT.sub(lambda found: found[0].replace(" ", _TIE), text)


def stamped(text: str) -> str:
    """Return *text* as ``together`` does, and what little stands before a moment in its line, too."""
    return together(_STAMP.sub(lambda found: found[0].replace(" ", _TIE), text))


def _joined(text: str) -> str:
    """Return *text* for the screen with each address in one piece up to the end of its host."""
    return _SCHEME.sub(_JOINER, text)


def unbroken(text: str) -> str:
    """Return *text* with short compounds, such as German names of pages, each on one line."""
    return _COMPOUND.sub(rf"\1{_TIED_HYPHEN}", text)


class _Wrapped(QLabel):
    """A text of several lines; its text is what it was given, not what keeps words together in a line."""

    ways: tuple[Callable[[str], str], ...] = (stamped, together)  # the first that has room is taken

    def __init__(self, text: str) -> None:
        super().__init__(_joined(self.ways[0](text)))
        self._given = text

    def setText(self, text: str) -> None:
        self._given = text
        self._suit()

    def text(self) -> str:
        return self._given

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._suit()

    def _suit(self) -> None:
        for way in self.ways:
            shown = _joined(way(self._given))
            # what is tied is not broken: in a narrow column it would be cut
            if all(self._has_room(part) for part in shown.split(" ") if _TIED.search(part)):
                super().setText(shown)
                return
        super().setText(self._given)

    def _has_room(self, part: str) -> bool:
        return self.fontMetrics().horizontalAdvance(part) <= self.contentsRect().width()


class _Words(_Wrapped):
    """Words of several lines, where there is room none of them with a single word."""

    ways = (
        lambda text: unbroken(accompanied(stamped(text))),
        lambda text: accompanied(stamped(text)),
        stamped,
        together,
    )


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
