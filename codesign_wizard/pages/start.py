"""Start: which profile, what to sign, what is needed; and the way to try it all first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.core.needs import Need, needs
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.text import tr
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.start_words import is_stale, practice_words, profile_line, verdict
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    Columns,
    MarkView,
    Tick,
    button,
    clear,
    column,
    hairline,
    keep_side,
    label,
    row,
)
from codesign_wizard.widgets.fields import PlainField
from codesign_wizard.widgets.pieces import Banner, FileDrop


class StartPage(Page):
    """The first page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Start"),
            tr("From accounts to a signed, proven installer of your own brand, one step at a time."),
        )
        self.banner = Banner()
        self.add(self.banner)
        left, right = QWidget(), QWidget()
        first, second = QVBoxLayout(left), QVBoxLayout(right)
        for box in (first, second):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(px(14))
        first.addWidget(self._profiles())
        first.addWidget(self._choices())
        second.addWidget(self._practice())
        second.addWidget(self._inspect())
        second.addStretch(1)
        first.addStretch(1)
        self.add(Columns(left, right, share=(5, 4)))
        self.add(self._needs())
        self.done()
        self._listed: list[tuple[str, str, bool]] = []
        self._need_rows: list[Need] = []
        self._making = False
        self._stored: Sequence[Profile] = ()

    def _profiles(self) -> Card:
        card = self.profiles_card = Card(tr("Profile"))
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Profiles"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(self._open)
        self.list.itemClicked.connect(self._open)
        self.make = button(tr("New…"), lambda: self._ask_name(making=True))
        self.make.setAccessibleName(tr("New profile"))
        self.rename = button(tr("Rename…"), lambda: self._ask_name(making=False))
        self.rename.setAccessibleName(tr("Rename the profile"))
        self.forget = button(tr("Forget…"), self._ask_forget)
        self.forget.setAccessibleName(tr("Forget the profile"))
        self.actions_row = QWidget()
        self.actions_row.setLayout(row(self.make, self.rename, self.forget, None))
        self.name = QLineEdit()
        keep_side(self.name)
        self.name.setAccessibleName(tr("Name of the profile"))
        self.name.setPlaceholderText(tr("Name, such as your product's"))
        self.name.returnPressed.connect(self._name_given)
        self.name_row = QWidget()
        self.keep_name = button("", self._name_given)
        self.leave_name = button("", self._close_questions)
        self.name.textChanged.connect(lambda text: self.keep_name.setEnabled(bool(text.strip())))
        self.name_row.setLayout(column(self.name, row(self.keep_name, self.leave_name, None)))
        self.forget_row = QWidget()
        forget_box = QVBoxLayout(self.forget_row)
        forget_box.setContentsMargins(0, 0, 0, 0)
        self.forget_text = label("")
        forget_box.addWidget(self.forget_text)
        self.forget_now = button(tr("Forget it"), self._forget)
        self.forget_keep = button(tr("Keep it"), self._close_questions)
        forget_box.addLayout(row(self.forget_now, self.forget_keep, None))
        for part in (self.list, self.actions_row, self.name_row, self.forget_row):
            card.body.addWidget(part)
        self.name_row.hide()
        self.forget_row.hide()
        return card

    def _choices(self) -> Card:
        card = Card(tr("What will be signed"))
        self.product = PlainField(
            tr("&Product name"), hint=tr("As your customers see it"), label_width=100, room_for_sign=False
        )
        self.product.edited.connect(self._product_edited)
        self.windows = Tick(tr("&Windows: an .exe signed by a key in Azure Key Vault"))
        self.macos = Tick(tr("&macOS: a .pkg signed and notarised with Apple's certificates"))
        self.server = Tick(tr("A &Comet Server will receive the settings"))
        for tick in (self.windows, self.macos, self.server):
            tick.clicked.connect(self._chosen)
        for part in (self.product, self.windows, self.macos, self.server):
            card.body.addWidget(part)
        return card

    def _practice(self) -> Card:
        card = self.practice_card = Card(tr("Try it with practice accounts"))
        self.practice_text = label("", "soft")
        self.practice_button = button(tr("&Try it with practice accounts"), self.workspace.start_practice)
        self.own_button = button(tr("Use my own accounts"), self.workspace.end_practice)
        self.what_if = button(tr("What if…"), self.workspace.what_if.emit)
        self.what_if.setAccessibleName(tr("What if: choose what goes wrong"))
        card.body.addWidget(self.practice_text)
        card.body.addLayout(row(self.practice_button, self.what_if, self.own_button, None))
        return card

    def _inspect(self) -> Card:
        card = Card(tr("Have a file already?"))
        self.drop = FileDrop(
            tr("Drop it here, or anywhere on the window."),
            tr("Choose…"),
            tr(
                "Files that can be inspected (*.exe *.dll *.pkg *.zip *.cer *.crt *.pem *.csr *.p7b *.p12 "
                "*.pfx *.p8);;All files (*)"
            ),
            upright=True,
        )
        self.drop.choose.setAccessibleName(tr("Choose a file to inspect"))
        self.drop.chosen.connect(self.workspace.inspect)
        card.body.addWidget(self.drop)
        return card

    def _needs(self) -> Card:
        card = Card(tr("What you will need"), note=tr("Ticked off as the wizard finds it to be there."))
        self.need_grid = QGridLayout()
        self.need_grid.setHorizontalSpacing(px(14))
        self.need_grid.setVerticalSpacing(px(8))
        card.body.addLayout(self.need_grid)
        return card

    def refresh(self) -> None:
        profile = self.workspace.profile
        stale = Mark.OUT_OF_DATE if is_stale(self.workspace) else None
        self.banner.say(*verdict(self.workspace), mark=stale)
        practising = self.workspace.practising
        if self.product.text != profile.product_name:
            self.product.set(profile.product_name)
        self.windows.setChecked(profile.windows_wanted)
        self.macos.setChecked(profile.macos_wanted)
        self.server.setChecked(profile.server_wanted)
        self._list_profiles()
        self.actions_row.setVisible(
            not practising and self.name_row.isHidden() and self.forget_row.isHidden()
        )
        self.practice_button.setVisible(self.workspace.can_practise)
        self.own_button.setVisible(self.workspace.session.practice is not None)
        self.what_if.setVisible(self.workspace.session.practice is not None)
        self.practice_text.setText(practice_words(self.workspace))
        self._show_needs(needs(profile))

    def shown(self) -> None:
        # read from disk when the page opens, not at every keystroke
        self._stored, unreadable = self.workspace.session.profiles.read_all()
        for finding in unreadable:
            self.workspace.notice.emit(finding)
        self._list_profiles()

    def _list_profiles(self) -> None:
        current = self.workspace.profile
        if self.workspace.practising:
            profiles = [current]
        else:
            profiles = [current if one.id == current.id else one for one in self._stored]
            if current.id not in [one.id for one in profiles]:
                profiles.append(current)
        rows = [(one.id, profile_line(one), one.id == current.id) for one in profiles]
        if rows == self._listed:
            return
        self._listed = rows
        self.list.clear()
        for key, text, is_current in rows:
            item = QListWidgetItem(text)
            item.setData(Qt.ItemDataRole.UserRole, key)
            self.list.addItem(item)
            if is_current:
                self.list.setCurrentItem(item)
        height = self.list.sizeHintForRow(0)
        self.list.setFixedHeight(min(len(rows), 4) * height + 2 * px(3) + 2)

    def _show_needs(self, wanted: list[Need]) -> None:
        if wanted == self._need_rows:
            return
        self._need_rows = wanted
        clear(self.need_grid)
        for place, text in ((1, tr("What")), (2, tr("Cost")), (3, tr("Waiting time"))):
            self.need_grid.addWidget(label(text, "label", wrap=False), 0, place)
        line = 1
        for need in wanted:
            self.need_grid.addWidget(hairline(), line, 0, 1, 4)
            state = tr("found") if need.found else tr("not found yet")
            mark = MarkView(Mark.OK if need.found else Mark.EMPTY, f"{need.title}: {state}")
            self.need_grid.addWidget(mark, line + 1, 0, Qt.AlignmentFlag.AlignTop)
            words = QVBoxLayout()
            words.setSpacing(px(1))
            words.addWidget(label(need.title))
            words.addWidget(label(need.detail, "label"))
            self.need_grid.addLayout(words, line + 1, 1)
            for place, text in ((2, need.cost), (3, need.waiting)):
                cell = label(text, "soft")
                self.need_grid.addWidget(cell, line + 1, place, Qt.AlignmentFlag.AlignTop)
            line += 2
        for place, stretch in ((1, 6), (2, 2), (3, 2)):
            self.need_grid.setColumnStretch(place, stretch)

    def _product_edited(self, text: str) -> None:
        self.workspace.profile.product_name = text
        self.workspace.edited()

    def _chosen(self) -> None:
        profile = self.workspace.profile
        profile.windows_wanted = self.windows.isChecked()
        profile.macos_wanted = self.macos.isChecked()
        profile.server_wanted = self.server.isChecked()
        self.workspace.edited()

    def _open(self, item: QListWidgetItem) -> None:
        key = item.data(Qt.ItemDataRole.UserRole)
        if key == self.workspace.profile.id:
            return
        try:
            profile = self.workspace.session.profiles.load(key)
        except CodesignError as error:
            self.workspace.notice.emit(error.finding)
            return
        self.workspace.open_profile(profile)
        self._mark_current()

    def _mark_current(self) -> None:
        """Let the list mark the profile that is open: another was chosen, and may not be opened now."""
        for number in range(self.list.count()):
            item = self.list.item(number)
            if item.data(Qt.ItemDataRole.UserRole) == self.workspace.profile.id:
                self.list.setCurrentItem(item)

    def _ask_name(self, *, making: bool) -> None:
        self._making = making
        self.keep_name.setText(tr("Create") if making else tr("Keep this name"))
        self.leave_name.setText(tr("Cancel") if making else tr("Leave as it was"))
        self.name.setText("" if making else self.workspace.profile.name)
        self.keep_name.setEnabled(not making)
        self.actions_row.hide()
        self.name_row.show()
        self.name.setFocus()
        self.name.selectAll()

    def _name_given(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.name.setFocus()
            return
        workspace = self.workspace
        if self._making and not workspace.may_leave(tr("The new profile")):
            return  # the name stays where it is typed
        self._close_questions()
        if self._making:
            profile = new_profile(name)
            try:
                workspace.session.profiles.save(profile)
            except CodesignError as error:
                workspace.notice.emit(error.finding)
                return
            workspace.open_profile(profile)
        else:
            workspace.profile.name = name
            workspace.edited()

    def _ask_forget(self) -> None:
        self.forget_text.setText(
            tr(
                "Forget {name}, its settings, results and stored secrets? Nothing changes at Azure or Apple."
            ).format(name=self.workspace.profile.name)
        )
        self.actions_row.hide()
        self.forget_row.show()
        self.forget_keep.setFocus()

    def _close_questions(self) -> None:
        self.name_row.hide()
        self.forget_row.hide()
        self.refresh()

    def _forget(self) -> None:
        workspace = self.workspace
        if not workspace.may_forget():
            return
        session, gone = workspace.session, workspace.profile.id

        def work(job: Job) -> None:
            from codesign_wizard.core.profile_secrets import forget_all

            # the secret first: a profile whose secret cannot be removed is not forgotten
            forget_all(session.secrets, gone)
            session.profiles.forget(gone)

        self.forget_row.hide()
        workspace.save()
        task = workspace.runner.start(work, tr("Forgetting the profile"))
        task.failed.connect(workspace.notice)
        task.done.connect(self._forgotten)

    def _forgotten(self) -> None:
        self.workspace.forgotten()
        left = self.workspace.session.profiles.list()
        self.workspace.take_profile(left[0] if left else new_profile(tr("My product")))
