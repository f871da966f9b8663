"""A place for one of Apple's two identities: drop, choose or paste the path of a .p12; then who it is."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal

from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.identity_desk import SHORT, Look
from codesign_wizard.core.apple.identity_findings import PASSWORD_WRONG
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import readable
from codesign_wizard.theme import SEVERITY_MARKS, Mark, px
from codesign_wizard.widgets.answer import FilesDrop
from codesign_wizard.widgets.basics import Card, Facts, MarkView, button, label, row
from codesign_wizard.widgets.fields import PathEdit
from codesign_wizard.widgets.findings import clear_heading
from codesign_wizard.widgets.pieces import severity_word
from codesign_wizard.widgets.secret_field import SecretField

P12 = "*.p12 *.pfx"


def place_name(kind: Kind) -> str:
    """Return what the place for *kind* is called: Apple's word, and the server's, in every language."""
    return "Installer" if kind is Kind.INSTALLER else "Application"


class IdentitySlot(Card):
    """One of the two places; ``given`` tells the paths put there, ``cleared`` that it was emptied."""

    given = Signal(list)
    cleared = Signal()

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        clear_heading(self)
        self.kind = kind
        name = place_name(kind)
        self.setAccessibleName(name)
        self.mark = MarkView()
        self.remove = button(tr("Remove"), self.cleared.emit, "link")
        self.remove.setProperty("changes", True)
        self.remove.setAccessibleName(tr("Remove the {name} file").format(name=name))
        self.remove.setToolTip(tr("The file itself stays where it is"))
        head = row(self.mark, label(name, "heading"), self.remove, gap=10)
        head.setStretch(1, 1)
        purpose = (
            tr("Signs the package itself (.pkg).")
            if kind is Kind.INSTALLER
            else tr("Signs the programs inside the package.")
        )
        self.drop = FilesDrop(
            "", tr("Choose…"), tr("Identities ({pattern});;All files (*)").format(pattern=P12)
        )
        self.drop.choose.setAccessibleName(tr("Choose the {name} file").format(name=name))
        self.drop.files.connect(self.given)
        self.path = PathEdit()
        self.path.setProperty("mono", "true")
        self.path.setPlaceholderText(tr("or paste its path"))
        self.path.setAccessibleName(tr("Path of the {name} file").format(name=name))
        for done in (self.path.returnPressed, self.path.left, self.path.pasted):
            done.connect(self._path_given)
        self.facts = Facts(name_width=86)
        self.body.addLayout(head)
        self.body.addWidget(label(purpose, "soft"))
        self.body.addWidget(self.drop)
        self.body.addWidget(self.path)
        self.body.addSpacing(px(2))
        self.body.addWidget(self.facts)
        self.body.addStretch(1)
        self._told = ""
        self.show_file("", {}, None)

    def show_file(self, path: str, facts: Mapping[str, str], severity: Severity | None) -> None:
        """Show the file at *path* ("" for none), what is known of it, and how grave the worst of it is."""
        name = place_name(self.kind)
        if path:
            shown = path.replace("\\", "/").rpartition("/")[2]
            self.drop.say(shown, path)
        else:
            self.drop.say(tr("Drop the {name} .p12 here").format(name=name))
        self.drop.choose.setText(tr("Another…") if path else tr("Choose…"))
        self.remove.setVisible(bool(path))
        if self._told != path:
            self._told = path
            self.path.setText(path)
            self.path.setCursorPosition(0)
        if severity is None:
            word = tr("not checked yet") if path else tr("empty")
            self.mark.set(Mark.NOW if path else Mark.EMPTY, f"{name}: {word}")
        else:
            self.mark.set(SEVERITY_MARKS[severity], f"{name}: {severity_word(severity)}")
        shown_facts = _facts(SHORT[self.kind], facts) if path else []
        self.facts.set(shown_facts)
        self.facts.setVisible(bool(shown_facts))

    def _path_given(self) -> None:
        # as Explorer's and Finder's "copy as path" give it
        text = self.path.text().strip().strip("\"'").removeprefix("file://")
        if text == self._told:
            return
        self._told = text
        if text:
            self.given.emit([text])
        else:
            self.cleared.emit()

    def focus(self) -> None:
        """Put the focus where a file is given."""
        self.drop.choose.setFocus(Qt.FocusReason.OtherFocusReason)


def _facts(short: str, facts: Mapping[str, str]) -> list[tuple[str, str]]:
    named = (
        (tr("Certificate"), facts.get(f"{short}_kind", "")),
        (tr("Name"), facts.get(f"{short}_owner", "")),
        (tr("Team"), facts.get(f"{short}_team", "")),
        (tr("Valid until"), readable(facts.get(f"{short}_expires", ""))),
        (tr("Issuers"), facts.get(f"{short}_chain", "")),
        (tr("Protection"), facts.get(f"{short}_protection", "")),
    )
    return [(name, value) for name, value in named if value]


class PasswordCard(Card):
    """The password of the files; a second one only while they are under two."""

    given = Signal(object)  # Secret
    given_other = Signal(object)  # Secret
    forgotten = Signal()

    def __init__(self) -> None:
        super().__init__(
            tr("Password"),
            note=" ",
        )
        hint = tr("Password of the .p12 files")
        self.first = SecretField(tr("&Password"), hint=hint)
        self.first.committed.connect(self.given)
        self.first.forget.connect(self.forgotten)
        self.other = SecretField(tr("The &other password"), hint=tr("Password of the other file"))
        self.other.committed.connect(self.given_other)
        self.other.forget.connect(self.forgotten)
        self.bare = label(tr("The files are not protected by a password."), "soft")
        for part in (self.first, self.other, self.bare):
            self.body.addWidget(part)
        self._shown: object = None
        self.show_state(None, 0, "", "")

    def show_state(self, seen: Look | None, known: int, place: str, reason: str) -> None:
        """Show which password is kept in *place*, which is asked for, and the *reason* if none lasts."""
        shown = (id(seen), known, place)
        if shown == self._shown:
            return
        self._shown = shown
        locked = [seen.files[kind].name for kind in seen.locked] if seen is not None else []
        bare = seen is not None and bool(seen.files) and not locked and max(seen.passwords.values()) < 0
        two = seen is not None and (known > 1 or (known > 0 and bool(locked) and bool(seen.opened)))
        self.note.setText(
            tr("Chosen when the files were exported or written here.")
            if two
            else tr("Chosen when the files were exported or written here, the same for both.")
        )
        self.bare.setVisible(bare)
        self.first.setVisible(not bare)
        self.other.setVisible(two and not bare)
        wrong = [PASSWORD_WRONG(file=name) for name in locked]
        if known and place:
            self.first.show_saved(place, [] if two else wrong)
        else:
            self.first.show_empty()
            if place:
                self.first.set_place(place, reason)
        if known > 1:
            self.other.show_saved(place, wrong)
        else:
            self.other.show_empty()
            if two and place:
                self.other.set_place(place, tr("It is for {file}.").format(file=locked[0]))
