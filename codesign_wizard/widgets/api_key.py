"""The App Store Connect API key: its file given or found, both ids, and whether Apple takes it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from codesign_wizard.core.apple.api_key import check_ids, tidy
from codesign_wizard.core.apple.key_work import KeySeen
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.profile import ApiKeySettings
from codesign_wizard.core.text import tr
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import Card, MarkView, button, clear, column, label, restyle, row
from codesign_wizard.widgets.fields import CheckedField, field_row, put_at_first_line
from codesign_wizard.widgets.pieces import FileDrop

_OFFERED = 3  # files found that are offered, the newest
_NO_ISSUER = "0" * 8 + "-0000-0000-0000-" + "0" * 12  # of the right form, where only the other id is judged
_NO_KEY_ID = "0" * 10


class ApiKeyCard(Card):
    """``given`` tells a file's path, ``forgotten`` and ``check`` what was pressed, ``typed`` an id."""

    given = Signal(str)
    forgotten = Signal()
    check = Signal()
    typed = Signal()

    def __init__(self) -> None:
        super().__init__(tr("App Store Connect API key"), note=" ")
        self._named = ""
        self._offered: list[str] = []
        self.offers = QWidget()
        self._offers = QVBoxLayout(self.offers)
        self._offers.setContentsMargins(0, 0, 0, 0)
        self._offers.setSpacing(px(6))
        self.issuer = CheckedField(
            tr("Iss&uer ID"),
            check=_judge_issuer,
            tidy=lambda text: tidy(text).lower(),
            hint=tr("above the list of team keys"),
        )
        self.key_id = CheckedField(
            tr("&Key ID"),
            check=self._judge_key_id,
            tidy=lambda text: tidy(text).upper(),
            hint=tr("ten letters and digits, in the file's name"),
        )
        for field in (self.issuer, self.key_id):
            field.edited.connect(lambda _: self.typed.emit())
        self.drop = FileDrop(
            tr("Drop AuthKey_….p8 here"),
            tr("Choose…"),
            tr("API keys (*.p8 *.json *.pem);;All files (*)"),
        )
        self.drop.choose.setAccessibleName(tr("Choose the API key's file"))
        self.drop.chosen.connect(self.given)
        self.kept = QWidget()
        self.mark = MarkView(Mark.OK)
        self.place = label("")
        self.replace = button(tr("Replace…"), self.drop.ask)
        self.replace.setAccessibleName(tr("Replace the API key"))
        self.forget = button(tr("Forget"), self.forgotten.emit)
        self.forget.setAccessibleName(tr("Forget the API key"))
        self.forget.setToolTip(tr("Takes it out of the keyring, with its ids; the file stays where it is"))
        told = row(self.mark, self.place)
        told.setAlignment(self.mark, Qt.AlignmentFlag.AlignTop)
        told.setStretch(1, 1)
        # the place's name needs a line: beside two buttons it would be broken word by word
        self.kept.setLayout(column(told, row(self.replace, self.forget, None), gap=6))
        key = QWidget()
        both = QVBoxLayout(key)
        both.setContentsMargins(0, 0, 0, 0)
        both.addWidget(self.drop)
        both.addWidget(self.kept)
        self.individual = label(
            tr(
                "The Issuer ID is the same for all keys of a team. A key without one is an individual key: "
                "the notary service does not take it."
            ),
            "label",
        )
        self.ask = button(tr("&Check with Apple"), self.check.emit, "primary")
        self.words = label("", "soft")
        act = row(self.ask, self.words, gap=12)
        act.setStretch(1, 1)
        self.row = field_row(tr("Key"), key)
        self._used = (self.offers, self.issuer, self.key_id, self.row)
        for part in self._used:
            self.body.addWidget(part)
        self.body.addWidget(self.individual)
        self.body.addSpacing(px(2))
        self.body.addLayout(act)

    def show_state(self, own: ApiKeySettings, seen: KeySeen | None, note: str) -> None:
        """Show the ids, whether a key is kept and where, and the files found; *note* goes on top."""
        self._named = own.named
        self.note.setText(note)
        for field, value in ((self.issuer, own.issuer_id), (self.key_id, own.key_id)):
            if field.text != value and not field.edit.hasFocus():
                field.set(value)
        kept = seen is not None and seen.kept
        self.drop.setVisible(not kept)
        self.kept.setVisible(kept)
        put_at_first_line(self.row.name, first=kept)
        # the sign before the place is taller than the words
        self.row.name.setContentsMargins(0, px(2) if kept else 0, 0, 0)
        if seen is not None:
            words = tr("EC P-256 private key, kept in {place}").format(place=seen.place)
            self.place.setText(f"{words}. {seen.reason}".strip() if seen.reason else words)
        self._offer(seen, own)

    def show_check(self, lacks: str, *, busy: bool, first: bool) -> None:
        """Let Apple be asked unless something is under way or *lacks*, which then stands beside it.

        *first* tells whether this is the thing to do next on the page: to ask, or before that to take a key
        that was found.
        """
        restyle(self.ask, "kind", "primary" if first and not lacks else "")
        for use in self.offers.findChildren(QPushButton):
            restyle(use, "kind", "primary" if first and self.kept.isHidden() else "")
        self.ask.setEnabled(not busy and not lacks)
        self.words.setText(lacks or tr("One harmless call. Nothing is submitted."))
        self.ask.setAccessibleDescription(self.words.text())

    def hold(self, held: bool) -> None:
        """Keep ids and key from being changed while they are in use."""
        for part in self._used:
            part.setEnabled(not held)

    def show_ids(self, own: ApiKeySettings) -> None:
        """Show ids that were read off a file, whatever is in the fields."""
        self._named = own.named
        self.issuer.set(own.issuer_id)
        self.key_id.set(own.key_id)

    @property
    def missing(self) -> QWidget:
        """Where something is to be given or mended, to have the focus."""
        fields = (self.issuer, self.key_id)
        wanted = next((each for each in fields if not each.text or each.findings), None)
        return self.drop.choose if self.drop.isVisible() else self.ask if wanted is None else wanted.edit

    def _offer(self, seen: KeySeen | None, own: ApiKeySettings) -> None:
        """Offer what was found, unless it is the key that is kept."""
        found = [] if seen is None else list(seen.found)
        if seen is not None and seen.kept:
            found = [each for each in found if each.key_id != own.key_id]
        offered = [str(each.path) for each in found[:_OFFERED]]
        if offered == self._offered:
            return
        self._offered = offered
        clear(self._offers)
        for each in found[:_OFFERED]:
            path = str(each.path)
            use = button(tr("Use it"), partial(self.given.emit, path))
            use.setAccessibleName(tr("Use {file}").format(file=each.path.name))
            words = label(
                tr("Found {file} in {folder}.").format(file=each.path.name, folder=_folder(each.path))
            )
            words.setToolTip(path)
            line = row(words, use)
            line.setStretch(0, 1)
            self._offers.addLayout(line)
        self.offers.setVisible(bool(offered))

    def _judge_key_id(self, text: str) -> list[Finding]:
        return _of("key-id", check_ids(text, _NO_ISSUER, named=self._named)[2])


def _judge_issuer(text: str) -> list[Finding]:
    return _of("issuer", check_ids(_NO_KEY_ID, text)[2])


def _of(which: str, findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.id.startswith(f"apple.api-key.{which}")]


def _folder(path: Path) -> str:
    """Return the folder as people say it: Downloads by its name, others from the home folder on."""
    try:
        return str(path.parent.relative_to(Path.home()))
    except ValueError:
        return str(path.parent)
