"""A secret typed or pasted: kept in its store, never shown, told to be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard.core.finding import Finding, worst_first
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.theme import SEVERITY_MARKS, Mark, px
from codesign_wizard.widgets.basics import MarkView, announce, button, keep_ltr, label, restyle, row
from codesign_wizard.widgets.fields import LABEL_WIDTH, PasteEdit, complaints, name_label, put_at_first_line
from codesign_wizard.widgets.pieces import severity_word

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent, QObject


def reveal_button(edit: QLineEdit, name: str) -> QPushButton:
    """Return a button that shows what is in *edit*, a password of that *name*, while it is pressed."""
    made = button(tr("Reveal"))
    made.setAccessibleName(tr("Reveal {name} while pressed").format(name=name))
    made.setToolTip(tr("Shown while pressed"))
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.pressed.connect(lambda: edit.setEchoMode(QLineEdit.EchoMode.Normal))
    made.released.connect(lambda: edit.setEchoMode(QLineEdit.EchoMode.Password))
    return made


class SecretField(QWidget):
    """A secret: hidden, revealed only while pressed, and taken out of the field once it is stored.

    Stored, only the fact is shown, with *Replace* and *Forget*; the value never comes back into a field.
    """

    committed = Signal(object)  # Secret
    forget = Signal()
    judged = Signal()  # what is told of the secret is another than before
    typing = Signal(bool)  # whether something is in the field that is not stored yet

    def __init__(
        self, name: str, *, check: Callable[[str], list[Finding]] | None = None, hint: str = ""
    ) -> None:
        super().__init__()
        self._check = check
        self._told: list[Finding] = []  # what was found wrong with the value that was given last
        plain = name.replace("&", "")
        self._name = plain
        self.edit = PasteEdit()
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.edit.setAccessibleName(plain)
        self.edit.setProperty("mono", "true")
        keep_ltr(self.edit)
        self.edit.setPlaceholderText(hint)
        self.edit.installEventFilter(self)
        self.reveal = reveal_button(self.edit, plain)
        self.reveal.setToolTip(tr("Shown while pressed, or while Alt+F8 is held in the field"))
        self.saved = label("", wrap=True)
        self.replace = button(tr("Replace"), self.start_over)
        self.replace.setAccessibleName(tr("Replace {name}").format(name=plain))
        self.forget_button = button(tr("Forget"), self.forget.emit)
        self.forget_button.setAccessibleName(tr("Forget {name}").format(name=plain))
        self.label = name_label(name, self.edit, LABEL_WIDTH)
        self.mark = MarkView()
        self.message = label("", "label")
        self.place = ""

        self._entry = QWidget()
        entry = QHBoxLayout(self._entry)
        entry.setContentsMargins(0, 0, 0, 0)
        entry.setSpacing(px(8))
        entry.addWidget(self.edit, 1)
        entry.addWidget(self.reveal)
        self._kept = QWidget()
        kept = QVBoxLayout(self._kept)
        kept.setContentsMargins(0, 0, 0, 0)
        kept.setSpacing(px(4))
        # the place's name needs a line: beside two buttons it would be broken word by word
        kept.addWidget(self.saved)
        kept.addLayout(row(self.replace, self.forget_button, None))
        both = QVBoxLayout()
        both.setSpacing(0)
        both.addWidget(self._entry)
        both.addWidget(self._kept)
        grid = self._grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(3))
        grid.addWidget(self.label, 0, 0)
        grid.addLayout(both, 0, 1)
        grid.addWidget(self.mark, 0, 2)
        grid.addWidget(self.message, 1, 1)
        grid.setColumnStretch(1, 1)
        keep: QSizePolicy = self.mark.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.mark.setSizePolicy(keep)
        self._mode(kept=False)
        self.mark.hide()
        self.edit.textEdited.connect(self._typed)
        for given in (self.edit.pasted, self.edit.left, self.edit.returnPressed):
            given.connect(self.commit)

    @property
    def findings(self) -> list[Finding]:
        """What is told of the secret at the moment."""
        return self._told

    def take_focus(self) -> None:
        """Put the focus where another secret is given."""
        (self.edit if self._kept.isHidden() else self.replace).setFocus(Qt.FocusReason.OtherFocusReason)

    def set_place(self, place: str, reason: str = "") -> None:
        """Say where the secret is or will be stored; *reason* when it is not kept beyond this run."""
        self.place = place
        text = tr("Will be stored in {place}.").format(place=place) if self._entry.isVisibleTo(self) else ""
        self._note(f"{text} {reason}".strip(), "label")

    def show_saved(self, place: str, findings: Iterable[Finding] | None = None) -> None:
        """Show that a secret is stored in *place*, and what is wrong with it.

        *findings* are of a secret that was stored before; without them, those of the one just given stay.
        """
        self.place = place
        if findings is not None:
            self._tell(complaints(findings))
        typing = self.edit.hasFocus()
        self.edit.clear()
        self.saved.setText(tr("Saved in {place}").format(place=place))
        self._mode(kept=True)
        if typing:  # Qt would send the focus on to whatever comes first in the window
            self.replace.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._told:
            self._say(self._told)
        else:
            self._note("", "label")
            self.mark.set(Mark.OK, tr("In order"))

    def show_empty(self) -> None:
        """Show that no secret is stored."""
        self._tell([])
        self.mark.hide()
        self._mode(kept=False)
        restyle(self.edit, "state", "")
        self._note("", "label")
        if self.place:
            self.set_place(self.place)

    def show_problem(self, finding: Finding) -> None:
        """Show why the secret was not stored."""
        self._say([finding])

    def start_over(self) -> None:
        """Let a new secret be given in place of the stored one."""
        self.show_empty()
        self.edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        from PySide6.QtCore import QEvent
        from PySide6.QtGui import QKeyEvent

        # Alt+F8 reveals while held, as Windows' password boxes do
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_F8 and not event.isAutoRepeat():
            if event.type() is QEvent.Type.KeyPress and event.modifiers() & Qt.KeyboardModifier.AltModifier:
                self._show(True)
                return True
            if event.type() is QEvent.Type.KeyRelease:
                self._show(False)
                return True
        if event.type() is QEvent.Type.FocusOut:
            self._show(False)
        return super().eventFilter(watched, event)

    def _show(self, shown: bool) -> None:
        self.edit.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)

    def _typed(self, text: str) -> None:
        if self._told:
            # what was said of the former value no longer holds
            self._tell([])
            self._note("", "label")
        self.mark.hide()
        restyle(self.edit, "state", "")
        self.typing.emit(bool(text.strip()))

    def commit(self) -> None:
        """Give what is in the field, if anything is, to be stored."""
        value = self.edit.text().strip()
        if not value:
            return
        if value != self.edit.text():
            self.edit.setText(value)
        self._tell(complaints(self._check(value)) if self._check is not None else [])
        if self._told:
            self._say(self._told)
        self.committed.emit(Secret(value))

    def _tell(self, findings: list[Finding]) -> None:
        changed, self._told = findings != self._told, findings
        if changed:
            self.judged.emit()

    def _say(self, findings: Iterable[Finding]) -> None:
        worst = worst_first(findings)[0]
        self.mark.setVisible(True)
        self.mark.set(SEVERITY_MARKS[worst.severity], severity_word(worst.severity))
        restyle(self.edit, "state", worst.severity.value)
        self._note(f"{worst.title} {worst.detail}".strip(), worst.severity.value)
        announce(self.edit, worst.title)

    def _note(self, text: str, role: str) -> None:
        restyle(self.message, "role", role)
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.edit.setAccessibleDescription(text)

    def _mode(self, *, kept: bool) -> None:
        self._entry.setVisible(not kept)
        self._kept.setVisible(kept)
        self.mark.setVisible(kept)
        self.label.setBuddy(self.replace if kept else self.edit)
        put_at_first_line(self.label, first=kept)
        self._grid.setAlignment(self.mark, Qt.AlignmentFlag.AlignTop if kept else Qt.AlignmentFlag(0))
