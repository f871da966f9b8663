"""Where .p12 files are to be written, under which password, and protected how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import PLACES
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import Card, Choice, announce, button, label, row
from codesign_wizard.widgets.fields import PasteEdit, PlainField, field_row, path_row
from codesign_wizard.widgets.identity import place_name

_LABEL = 124
NEW = -1  # the choice of a password that is yet to be typed


class NewPassword(QWidget):
    """A new password: hidden, shown while *Reveal* is pressed. It is emptied by ``forget``."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.edit = PasteEdit()
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.edit.setProperty("mono", "true")
        self.edit.setAccessibleName(tr("New password"))
        self.edit.textEdited.connect(lambda text: self.changed.emit())
        self.reveal = button(tr("Reveal"))
        self.reveal.setAccessibleName(tr("Reveal the new password while pressed"))
        self.reveal.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.reveal.pressed.connect(lambda: self.edit.setEchoMode(QLineEdit.EchoMode.Normal))
        self.reveal.released.connect(lambda: self.edit.setEchoMode(QLineEdit.EchoMode.Password))
        line = row(self.edit, self.reveal)
        line.setStretch(0, 1)
        self.setLayout(line)

    @property
    def value(self) -> Secret:
        """What was typed, without blanks around it."""
        return Secret(self.edit.text().strip())

    def forget(self) -> None:
        """Empty the field; there is nothing to undo."""
        self.edit.clear()


class IdentityFiles(Card):
    """The form for files to be written; ``write`` asks for it, ``leave`` closes it."""

    write = Signal()
    leave = Signal()

    def __init__(self) -> None:
        super().__init__(" ")
        self.paths = {
            kind: PlainField(_file_label(kind), label_width=_LABEL, mono=True, path=True, room_for_sign=False)
            for kind in PLACES
        }
        self.rows = {kind: path_row(field, self._chooser(kind, field)) for kind, field in self.paths.items()}
        self.password = Choice(tr("Password of the files"))
        self.password.activated.connect(lambda: self._show_new())
        self.password_row = field_row(tr("Pass&word"), self.password, width=_LABEL, room_for_sign=False)
        self.new = NewPassword()
        self.new_row = field_row(
            tr("New passwor&d"),
            self.new,
            tr("Letters and digits are understood by every program. It is kept with the profile's secrets."),
            width=_LABEL,
            room_for_sign=False,
        )
        self.protection = Choice(tr("Protection of the files"))
        for key, name in (
            ("modern", tr("AES-256 and SHA-256, for today's programs")),
            ("legacy", tr("3DES and SHA-1, as Keychain Access writes, for older importers")),
        ):
            self.protection.addItem(name, key)
        for choice in (self.password, self.protection):
            # in a narrow window the words are cut short in the field; the list shows them whole
            choice.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(12)
        self.wrong = label("", "error")
        self.wrong.hide()
        self.go = button(tr("&Write them…"), self.write.emit, "primary")
        self.close_button = button(tr("&Leave it"), self.leave.emit)
        for part in (
            *self.rows.values(),
            self.password_row,
            self.new_row,
            field_row(tr("Pro&tection"), self.protection, width=_LABEL, room_for_sign=False),
            self.wrong,
        ):
            self.body.addWidget(part)
        self.body.addSpacing(px(4))
        self.body.addLayout(row(self.go, self.close_button, None))
        self.hide()

    def begin(
        self, title: str, note: str, targets: Mapping[Kind, Path], passwords: Sequence[tuple[str, int]]
    ) -> None:
        """Open the form for *targets*; *passwords* are those known, name and number each."""
        self.heading.setText(title)
        self.setAccessibleName(title)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        for kind, line in self.rows.items():
            line.setVisible(kind in targets)
            self.paths[kind].set(str(targets.get(kind, "")))
        self.password.clear()
        for name, number in passwords:
            self.password.addItem(name, number)
        self.password.addItem(tr("A new one"), NEW)
        self.password_row.setVisible(bool(passwords))
        self.new.forget()
        self.say("")
        self._show_new()
        self.show()

    @property
    def targets(self) -> dict[Kind, Path]:
        """Where each is to be written."""
        return {kind: Path(self.paths[kind].text) for kind in PLACES if not self.rows[kind].isHidden()}

    @property
    def wants_new(self) -> bool:
        """Whether a new password is asked for."""
        return bool(self.password.currentData() == NEW)

    def what_is_wrong(self) -> str:
        """Return one sentence on why nothing can be written yet; "" when all is filled in."""
        targets = self.targets
        for kind, path in targets.items():
            if not path.is_absolute():
                return tr("Say where the {name} file goes, with the whole path.").format(
                    name=place_name(kind)
                )
        if len(set(targets.values())) < len(targets):
            return tr("Give each file a name of its own.")
        if self.wants_new and not self.new.value:
            return tr("Choose a password: a file with a private key is never written without one.")
        return ""

    def say(self, wrong: str) -> None:
        """Say what is wrong with the form; "" for nothing."""
        self.wrong.setText(wrong)
        self.wrong.setVisible(bool(wrong))
        if wrong:
            announce(self.wrong, wrong, assertive=True)

    def _show_new(self) -> None:
        self.new_row.setVisible(self.wants_new)

    def _chooser(self, kind: Kind, field: PlainField) -> Callable[[], None]:
        def choose() -> None:
            path, _ = QFileDialog.getSaveFileName(
                self, tr("Where {name} goes").format(name=place_name(kind)), field.text, "PKCS #12 (*.p12)"
            )
            if path:
                field.set(path)

        return choose


def _file_label(kind: Kind) -> str:
    return tr("Installer &file") if kind is Kind.INSTALLER else tr("&Application file")
