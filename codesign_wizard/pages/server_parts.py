"""The parts of the page *Server*: the sign-in, the differences, and the proof by the server's own clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard.core.comet import words
from codesign_wizard.core.comet.kept import Client, Kept, KeptPlatform, Looked
from codesign_wizard.core.comet.settings import FileFields, Part
from codesign_wizard.core.comet.work import recommended
from codesign_wizard.core.job import StageState
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    Columns,
    Facts,
    Tick,
    button,
    clear,
    column,
    label,
    row,
)
from codesign_wizard.widgets.differences import DifferenceTable
from codesign_wizard.widgets.fields import LABEL_WIDTH, CheckedField, PlainField, field_row
from codesign_wizard.widgets.secret_field import SecretField
from codesign_wizard.widgets.stage_cards import StageCards

STAGES = ("build", "unpack", "verify")
_STAGE = "stage."  # facts that remember how a client's stages ended
_FACT_WIDTH = 110


class SignInCard(Card):
    """Address, administrator, password, and a one-time code once it is asked for; or who is signed in."""

    edited = Signal()

    def __init__(self, connect: Callable[[], object], practise: Callable[[], object]) -> None:
        super().__init__(tr("The Comet Server"))
        self.address = CheckedField(
            tr("&Address"),
            check=words.check_address,
            tidy=words.tidy_address,
            hint="https://backup.example.com/",
        )
        self.user = PlainField(tr("&User name"), hint=tr("An administrator who may change the branding"))
        self.password = SecretField(tr("Pass&word"))
        self.plain = Tick(tr("Use it without encryption"))
        self.code = CheckedField(
            tr("&One-time code"), short=110, note=tr("From the authenticator app; each works once.")
        )
        self.practise = button(tr("Take the practice code"), practise)
        self.go = button(tr("Si&gn in and look"), connect, "primary")
        self.note = label(
            tr("Asks the server for its version, rights and settings; changes nothing."), "soft"
        )
        self.form = QWidget()
        box = QVBoxLayout(self.form)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        self.plain_row = field_row("", self.plain)
        self.code_row = QWidget()
        self.code_row.setLayout(column(self.code, row(LABEL_WIDTH + 8, self.practise, None), gap=6))
        action = row(self.go, self.note, gap=12)
        action.setStretch(1, 1)
        for part in (self.address, self.plain_row, self.user, self.password, self.code_row):
            box.addWidget(part)
        box.addSpacing(px(4))
        box.addLayout(action)
        self.who, self.what = Facts(name_width=_FACT_WIDTH), Facts(name_width=_FACT_WIDTH)
        self.again = button(tr("Look again"))
        self.out = button(tr("Sign out"))
        self.signed_in = QWidget()
        told = QVBoxLayout(self.signed_in)
        told.setContentsMargins(0, 0, 0, 0)
        told.setSpacing(px(10))
        told.addWidget(Columns(self.who, self.what, share=(1, 1), stacked_gap=Facts.GAP))
        told.addLayout(row(self.again, self.out, None))
        self.body.addWidget(self.form)
        self.body.addWidget(self.signed_in)
        self._shown: Looked | None = None
        for field in (self.address, self.user):
            field.edited.connect(lambda text: self.edited.emit())
        self.plain.toggled.connect(lambda checked: self.edited.emit())
        self.code.edit.returnPressed.connect(connect)
        self.code_row.hide()
        self.practise.hide()

    def show_profile(self, profile: Profile) -> None:
        """Show what the profile holds, unless it is what was typed just now."""
        server = profile.server
        if self.address.text != server.address and words.may_be_kept(self.address.edit.text()):
            self.address.set(server.address)
        if self.user.text != server.user:
            self.user.set(server.user)
        self.plain.blockSignals(True)
        self.plain.setChecked(server.plain_http)
        self.plain.blockSignals(False)
        address = words.address_of(self.address.text)
        exposed = address is not None and address.exposed
        self.plain_row.setVisible(exposed)

    def show_session(self, looked: Looked | None) -> None:
        """Show who is signed in, or with ``None`` the form."""
        self.form.setVisible(looked is None)
        self.signed_in.setVisible(looked is not None)
        if looked is not None and looked is not self._shown:
            self._shown = looked
            facts = words.server_facts(looked)
            self.who.set(facts[:3])
            self.what.set(facts[3:])

    def ask_code(self, asked: bool, *, practising: bool = False) -> None:
        """Show or hide the field for a one-time code."""
        self.code.edit.clear()
        self.code_row.setVisible(asked)
        self.practise.setVisible(asked and practising)


class DifferencesCard(Card):
    """What the server has beside the profile, and what to do about it."""

    def __init__(
        self, apply: Callable[[], object], undo: Callable[[], object], fields: Callable[[FileFields], object]
    ) -> None:
        super().__init__(tr("The server's settings beside this profile"))
        self.table = DifferenceTable()
        self.table.changed.connect(self._count)
        self.fields = Choice(tr("Which of the server's fields take the .p12 files"))
        for key, title in words.fields_words():
            self.fields.addItem(title, key.value)
        self.fields.activated.connect(lambda place: fields(FileFields(self.fields.itemData(place))))
        self.fields_row = field_row(tr("Files go into"), self.fields, room_for_sign=False)
        self.unsure = label(
            tr(
                "Likely, not sure: the vendor's documentation does not say which pair of fields takes an "
                "uploaded .p12. Save one file in the server's own form and look again: the field that it "
                "fills is the one. Or choose the other pair if the server does not find the certificates."
            ),
            "warning",
        )
        self.last = label("", "ok")
        self.go = button(tr("Appl&y…"), apply)
        self.undo = button(tr("&Undo the last change…"), undo)
        self.reason = label("", "soft")
        line = column(row(self.go, self.undo, None, gap=12), self.reason)
        self.body.addWidget(self.table)
        self.body.addSpacing(px(4))
        self.body.addWidget(self.fields_row)
        self.body.addWidget(self.unsure)
        self.body.addWidget(self.last)
        self.body.addLayout(line)
        self._connected = False
        self._looked: Looked | None = None
        self._shown: tuple[Looked, tuple[Part, ...], bool] | None = None

    def show_look(self, kept: Kept, chosen: Sequence[Part], *, connected: bool, fields: str) -> None:
        """Show the last look and the last change, with the parts of *chosen* ticked."""
        looked = kept.looked
        self._connected, self._looked = connected, looked
        if looked is None:
            return
        self.last.setText(words.change_words(kept.changed, looked))
        self.last.setVisible(bool(self.last.text()))
        self.unsure.setVisible(any(each.id == words.FIELD_UNSURE for each in looked.findings))
        can_choose = connected and looked.may_apply
        shown = (looked, tuple(chosen), can_choose)
        if shown != self._shown:  # its many parts take a moment to be made anew
            self._shown = shown
            self.table.show_look(looked, chosen, can_choose=can_choose)
        self.fields.setCurrentIndex(max(self.fields.findData(fields), 0))
        self.fields_row.setVisible(bool(looked.part_lines(Part.CERTIFICATES)))
        self.undo.setVisible(looked.can_undo)
        self.undo.setEnabled(connected)
        self._count()

    def _count(self) -> None:
        looked = self._looked
        count = len(words.change_lines(looked, self.table.chosen())) if looked is not None else 0
        self.go.setEnabled(self._connected and looked is not None and looked.may_apply and bool(count))
        if looked is None or not self.table.ticks:
            reason = tr("There is nothing to apply.") if looked is not None and looked.lines else ""
        elif not self._connected:
            reason = tr("Sign in to change anything.")
        elif not looked.may_apply:
            reason = tr("The server does not let these settings be changed.")
        elif not count:
            reason = tr("Nothing is chosen.")
        elif count == 1:
            reason = tr("1 setting would be given to the server; you see it first.")
        else:
            reason = tr("{n} settings would be given to the server; you see them first.").format(n=count)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))


class ClientRow(QWidget):
    """One of the server's clients on its way: built, unpacked, judged; and what came of it."""

    def __init__(self, platform: KeptPlatform) -> None:
        super().__init__()
        self.platform = platform
        names = dict(zip(STAGES, (tr("Build"), tr("Unpack"), tr("Judge")), strict=True))
        self.stages = StageCards([(f"{key}.{platform.number}", names[key]) for key in STAGES])
        self.facts = Facts(name_width=_FACT_WIDTH)
        self.show_file = button(tr("Show the file"), self._show_file)
        self.show_file.setAccessibleName(tr("Show the file of {client}").format(client=platform.title))
        self._file = ""
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        box.addWidget(label(platform.title, "heading"))
        box.addWidget(self.stages)
        box.addWidget(self.facts)
        box.addLayout(row(self.show_file, None))
        self.facts.hide()
        self.show_file.hide()

    def show_client(self, client: Client) -> None:
        """Show how the client was judged."""
        for key in STAGES:
            state, _, text = client.facts.get(_STAGE + key, "").partition("|")
            if state:
                self.stages.set(f"{key}.{self.platform.number}", StageState(state), text)
        self.facts.set(words.client_facts(client))
        self.facts.show()
        self._file = client.facts.get("file", "")
        self.show_file.setVisible(bool(self._file) and Path(self._file).exists())

    def _show_file(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._file).parent)))


def stage_facts(number: int, ended: Mapping[str, tuple[StageState, str]]) -> dict[str, str]:
    """Return how the stages of client *number* ended, as facts of a ``Client``."""
    facts = {}
    for key in STAGES:
        state, text = ended.get(f"{key}.{number}", (StageState.SKIPPED, ""))
        facts[_STAGE + key] = f"{(StageState.FAILED if state is StageState.RUNNING else state).value}|{text}"
    return facts


class ProveCard(Card):
    """The clients to choose from, and each on its way."""

    chosen_changed = Signal(list)

    def __init__(self, prove: Callable[[], object]) -> None:
        super().__init__(
            tr("Prove it"),
            note=tr(
                "The server builds its own clients. They are downloaded and judged like the trials: signed "
                "at all, by you, with a time stamp, and for macOS notarised as the level says."
            ),
        )
        self.ticks: dict[int, Tick] = {}
        self._tick_box = QVBoxLayout()
        self._tick_box.setSpacing(px(2))
        self._row_box = QVBoxLayout()
        self._row_box.setSpacing(px(14))
        self.rows: dict[int, ClientRow] = {}
        self.go = button(tr("&Prove it"), prove)
        self.reason = label("", "soft")
        line = row(self.go, self.reason, gap=12)
        line.setStretch(1, 1)
        self.body.addLayout(self._tick_box)
        self.body.addSpacing(px(4))
        self.body.addLayout(line)
        self.body.addSpacing(px(6))
        self.body.addLayout(self._row_box)
        self._platforms: list[KeptPlatform] = []

    def show_look(self, kept: Kept, profile: Profile, *, connected: bool, busy: bool) -> None:
        """Offer the clients of the last look; while something is under way (*busy*) nothing can be chosen."""
        looked = kept.looked
        platforms = list(looked.platforms) if looked is not None else []
        if platforms != self._platforms:
            self._platforms = platforms
            clear(self._tick_box)
            self.ticks = {}
            for each in platforms:
                tick = self.ticks[each.number] = Tick(each.title)
                tick.toggled.connect(lambda checked: self._toggled())
                self._tick_box.addWidget(tick)
        usual = (
            recommended(looked, windows=profile.windows_wanted, macos=profile.macos_wanted)
            if looked is not None
            else []
        )
        for number, tick in self.ticks.items():
            tick.blockSignals(True)
            tick.setChecked(number in (kept.chosen or usual))
            tick.blockSignals(False)
            tick.setEnabled(connected and not busy)
        can = connected and looked is not None and looked.can_build and bool(self.chosen())
        self.go.setEnabled(can and not busy)
        self._say(looked, profile, connected=connected)

    def _say(self, looked: Looked | None, profile: Profile, *, connected: bool) -> None:
        if not connected:
            reason = tr("Sign in first.")
        elif looked is not None and not looked.can_build:
            reason = tr("This server builds no clients.")
        elif not self.ticks:
            reason = tr("The server offers no client for Windows or macOS.")
        elif not self.chosen():
            reason = tr("Choose a client.")
        else:
            macos = any(each.system == "macos" for each in self.platforms())
            reason = words.build_note(profile.macos.level if macos else "")
        self.reason.setText(reason)

    def chosen(self) -> list[int]:
        """Return the numbers of the ticked clients."""
        return [number for number, tick in self.ticks.items() if tick.isChecked()]

    def show_clients(self, clients: Sequence[Client]) -> None:
        """Show clients that were judged."""
        self.begin([each.platform for each in clients])
        for each in clients:
            self.rows[each.platform.number].show_client(each)

    def begin(self, platforms: Sequence[KeptPlatform]) -> None:
        """Show *platforms* before anything has come of them."""
        clear(self._row_box)
        self.rows = {}
        for each in platforms:
            made = self.rows[each.number] = ClientRow(each)
            self._row_box.addWidget(made)

    def platforms(self) -> list[KeptPlatform]:
        """Return the ticked clients."""
        chosen = self.chosen()
        return [each for each in self._platforms if each.number in chosen]

    def _toggled(self) -> None:
        self.chosen_changed.emit(self.chosen())
