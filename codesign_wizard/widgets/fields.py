"""Fields that check themselves, and the field for a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionFrame,
    QWidget,
)

from codesign_wizard import theme
from codesign_wizard.core.finding import Finding, Severity, worst_first
from codesign_wizard.core.text import tr
from codesign_wizard.theme import SEVERITY_MARKS, Mark, px
from codesign_wizard.widgets.basics import (
    MarkView,
    announce,
    button,
    keep_ltr,
    keep_side,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.pieces import severity_word

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent


_QUIET_MS = 500  # typing is over when nothing was typed for so long


_LEAST_OF_FOLDER = 4  # characters of a folder that are worth showing before the file's name


LABEL_WIDTH = 132


class PasteEdit(QLineEdit):
    """A line edit that tells when something was pasted, and when it is left."""

    pasted = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        keep_side(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        from PySide6.QtGui import QKeySequence

        super().keyPressEvent(event)
        if event.matches(QKeySequence.StandardKey.Paste):
            self.pasted.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        # a menu over the field or another window is no leaving
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self.left.emit()


class PathEdit(PasteEdit):
    """A line edit for a path: where it is longer than the field, its middle gives way until it is edited.

    The name of the file is shown whole where there is room for it. The whole path stands in the tool tip, and
    is what a screen reader gets.
    """

    def __init__(self) -> None:
        super().__init__()
        keep_ltr(self)
        self.textChanged.connect(self.setToolTip)

    @property
    def shortened(self) -> str:
        """What is shown while nobody edits it: the whole path, where there is room."""
        text, width, metrics = self.text(), self._room().width(), self.fontMetrics()
        if metrics.horizontalAdvance(text) <= width:
            return text
        cut = max(text.rfind("/"), text.rfind("\\"), 0)
        left = width - metrics.horizontalAdvance(text[cut:])
        if left < metrics.horizontalAdvance("…"):
            return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width)
        if left < metrics.horizontalAdvance(text[:_LEAST_OF_FOLDER] + "…"):
            return "…" + text[cut:]
        return metrics.elidedText(text[:cut], Qt.TextElideMode.ElideRight, left) + text[cut:]

    def _room(self) -> QRect:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        inner = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        # as far from the frame as Qt puts the text that is edited
        return inner.marginsRemoved(self.textMargins()).adjusted(2, 0, -2, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus() or self.shortened == self.text():
            super().paintEvent(event)
            return
        painter, option = QPainter(self), QStyleOptionFrame()
        self.initStyleOption(option)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option, painter, self)
        painter.setLayoutDirection(self.layoutDirection())  # it would be the program's
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self._room(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), self.shortened)
        painter.end()


class CheckedField(QWidget):
    """A named line edit, its sign, and below it what is wrong.

    Good news is told as soon as typing pauses; a complaint only when the field is left or was pasted into.
    *check* takes the text and returns findings (none for a good value); *tidy* corrects small slips. *short*
    is the width of a field for a number or a word, at a text scale of 1; *note* then stands beside it.
    *path*: it is a file's, which is shown by beginning and end. The sign has a column of its own, kept where
    there is none, so that all fields of a form end at one edge; ``room_for_sign`` is for a form without any.
    """

    edited = Signal(str)  # tidied text, at every keystroke
    judged = Signal()  # what is told of the value is another than before

    def __init__(
        self,
        name: str,
        *,
        check: Callable[[str], list[Finding]] | None = None,
        tidy: Callable[[str], str] | None = None,
        hint: str = "",
        mono: bool = True,
        label_width: int = LABEL_WIDTH,
        short: int = 0,
        note: str = "",
        path: bool = False,
        room_for_sign: bool = True,
    ) -> None:
        super().__init__()
        self._check = check
        self._good, self._good_word = Mark.OK, severity_word(Severity.OK)
        self._tidy = tidy or str.strip
        self._told: list[Finding] = []
        self.edit = PathEdit() if path else PasteEdit()
        self.edit.setPlaceholderText(hint)
        self.edit.setProperty("mono", "true" if mono else "false")
        if mono:
            keep_ltr(self.edit)
        plain = name.replace("&", "")
        self.edit.setAccessibleName(plain)
        self.label = name_label(name, self.edit, label_width)
        self.mark = MarkView()
        self.message = label("", "label")
        self.message.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(3))
        grid.addWidget(self.label, 0, 0)
        self._line = row(self.edit)
        if short:
            self.edit.setFixedWidth(px(short))
            self._line.addWidget(label(note, "label"), 1)
        grid.addLayout(self._line, 0, 1)
        if room_for_sign:
            grid.addWidget(self.mark, 0, 2)
        else:
            self.mark.setParent(self)  # never shown
        grid.addWidget(self.message, 1, 1)
        grid.setColumnStretch(1, 1)
        keep = self.mark.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.mark.setSizePolicy(keep)
        self.mark.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(lambda: self.judge(accuse=False))
        self.edit.textEdited.connect(self._typed)
        self.edit.pasted.connect(self._pasted)
        self.edit.left.connect(lambda: self.judge(accuse=True))

    @property
    def text(self) -> str:
        """The tidied value."""
        return self._tidy(self.edit.text())

    @property
    def findings(self) -> list[Finding]:
        """What is told of the value at the moment."""
        return self._told

    def put_beside(self, part: QWidget) -> None:
        """Put *part*, such as a button, between the line edit and the sign."""
        self._line.addWidget(part)

    def grade(self, severity: Severity) -> None:
        """Let a value that nothing is wrong with have the sign of *severity* from now on."""
        self._good, self._good_word = SEVERITY_MARKS[severity], severity_word(severity)
        if not self._told:
            self.mark.set(self._good, self._good_word)

    def set(self, text: str) -> None:
        """Show *text* from elsewhere, and judge it; ``edited`` is not emitted."""
        if self.edit.text() != text:
            self.edit.setText(text)
        self.judge(accuse=True)

    def judge(self, *, accuse: bool) -> bool:
        """Check the value; complaints are shown only with *accuse*. Tells whether it is good."""
        self._timer.stop()
        if accuse and self.edit.text() != self.text:
            self.edit.setText(self.text)
        if self._check is None or not self.text:
            self._say([], shown=False)
            return self._check is None
        findings = complaints(self._check(self.text))
        if findings and not accuse:
            return False
        self._say(findings, shown=True)
        return not findings

    def _typed(self, text: str) -> None:
        # what was said of the former value no longer holds
        self._say([], shown=False)
        self._timer.start()
        self.edited.emit(self._tidy(text))

    def _pasted(self) -> None:
        self.judge(accuse=True)
        self.edited.emit(self.text)

    def _say(self, findings: list[Finding], *, shown: bool) -> None:
        changed = findings != self._told
        self._told = findings
        worst = findings[0] if findings else None
        restyle(self.edit, "state", worst.severity.value if worst is not None else "")
        self.mark.setVisible(shown)
        if worst is not None:
            self.mark.set(SEVERITY_MARKS[worst.severity], severity_word(worst.severity))
        else:
            self.mark.set(self._good, self._good_word)
        text = worst.title if worst is not None else ""
        if worst is not None and worst.detail:
            text = f"{text} {worst.detail}"
        self.message.setText(text)
        self.message.setVisible(bool(text))
        restyle(self.message, "role", worst.severity.value if worst is not None else "label")
        self.edit.setAccessibleDescription(text)
        if text and changed:
            announce(self.edit, text)
        if changed:
            self.judged.emit()


class PlainField(CheckedField):
    """A named line edit without any check, for free text."""

    def __init__(
        self,
        name: str,
        *,
        hint: str = "",
        label_width: int = LABEL_WIDTH,
        mono: bool = False,
        path: bool = False,
        room_for_sign: bool = True,
    ) -> None:
        super().__init__(
            name, hint=hint, mono=mono, label_width=label_width, path=path, room_for_sign=room_for_sign
        )


def name_label(name: str, control: QWidget, width: int) -> QLabel:
    """Return the label of *control*, *width* or its longest word wide; a longer *name* wraps."""
    made = label(name)
    made.setTextFormat(Qt.TextFormat.AutoText)
    made.setBuddy(control)
    words = name.replace("&", "").split() or [""]
    longest = max(map(QFontMetrics(theme.font()).horizontalAdvance, words))
    policy = made.sizePolicy()
    policy.setHorizontalPolicy(QSizePolicy.Policy.Fixed)
    made.setSizePolicy(policy)
    made.setFixedWidth(max(px(width), longest + 2))
    return made


def put_at_first_line(name: QLabel, *, first: bool) -> None:
    """Let the *name* of a control stand at its *first* line, where it has several; else at its middle."""
    place = Qt.AlignmentFlag.AlignTop if first else Qt.AlignmentFlag.AlignVCenter
    name.setAlignment(name.alignment() & Qt.AlignmentFlag.AlignHorizontal_Mask | place)


class FieldRow(QWidget):
    """A control with its ``name`` in the same columns as the fields above and below it."""

    def __init__(self, name: QLabel) -> None:
        super().__init__()
        self.name = name


def field_row(
    name: str, control: QWidget, note: str = "", *, width: int = LABEL_WIDTH, room_for_sign: bool = True
) -> FieldRow:
    """Return *control* with its name in the same columns as the fields above and below it."""
    words = name_label(name, control, width)
    holder = FieldRow(words)
    grid = QGridLayout(holder)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(px(8))
    grid.setVerticalSpacing(px(3))
    grid.addWidget(words, 0, 0)
    grid.addWidget(control, 0, 1)
    if note:
        grid.addWidget(label(note, "label"), 1, 1)
    grid.setColumnStretch(1, 1)
    if room_for_sign:
        empty = QWidget()
        empty.setFixedSize(px(theme.MARK_SIZE), 1)
        grid.addWidget(empty, 0, 2)
    return holder


def complaints(findings: Iterable[Finding]) -> list[Finding]:
    """Return what of *findings* is to be mended, worst first."""
    return [one for one in worst_first(findings) if one.severity in (Severity.ERROR, Severity.WARNING)]


def path_row(field: CheckedField, choose: Callable[[], object]) -> QWidget:
    """Return *field* for a path with a button that lets a person choose the file."""
    chooser = button(tr("Choose…"), choose)
    chooser.setAccessibleName(tr("Choose a file: {name}").format(name=field.edit.accessibleName()))
    field.put_beside(chooser)
    return field
