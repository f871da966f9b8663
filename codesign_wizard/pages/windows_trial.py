"""Windows trial: build or take an .exe, sign it with the key in the vault, time-stamp, verify."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from codesign_wizard.core.authenticode.checks import accepted
from codesign_wizard.core.files import replacing
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity
from codesign_wizard.core.flow import KEY_VAULT, WINDOWS_TRIAL, StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.profile import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    Columns,
    Facts,
    announce,
    button,
    hairline,
    label,
    row,
)
from codesign_wizard.widgets.fields import PlainField, field_row
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner, FileDrop
from codesign_wizard.widgets.stage_cards import StageCards

if TYPE_CHECKING:
    from codesign_wizard.core.job import JobContext
    from codesign_wizard.core.signing import Signer
    from codesign_wizard.core.trial import WindowsTrialResult

NOT_SAVED = FindingKind(
    "trial.not-saved",
    Severity.ERROR,
    "The signed file could not be saved as {name}.",
    "Copying the trial's signed file to the place the person chose did not work.",
)

_STAGE = "stage."  # facts that remember how a stage ended, to show it again after a restart
_LABEL = 104
_SMART_SCREEN_ID = "trial.windows.smart-screen"


class WindowsTrialPage(Page):
    """The trial's page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Windows trial"),
            tr("An installer signed by the key in your vault, judged as Windows would judge it."),
        )
        self._task: Task | None = None
        self._inputs = ""
        self._shown: object = None
        self._ended: dict[str, tuple[StageState, str]] = {}
        self.banner = Banner()
        self.add(self.banner)
        self.stages = StageCards(
            (
                ("build", tr("Build")),
                ("hash", tr("Hash")),
                ("sign", tr("Sign")),
                ("time-stamp", tr("Time-stamp")),
                ("embed", tr("Embed")),
                ("verify", tr("Verify")),
            )
        )
        self.add(self.stages)
        self.go = button(tr("Sign and &verify"), self.run, "primary")
        note = label(
            tr("Asks the vault for one signature and a time-stamp server for one time stamp."), "soft"
        )
        actions = row(self.go, note, gap=12)
        actions.setStretch(1, 1)
        self.add(actions)
        self.add(self._result_card())
        self.findings = FindingList(tr("How it was judged"))
        self.findings.again.connect(lambda finding: self.run())
        self.findings.link.connect(self.link)
        self.add(self.findings)
        self.add(Columns(self._what(), self._stamps(), share=(6, 5), level=True))
        self.done()

    def _result_card(self) -> Card:
        self.result_card = Card(tr("The signed file"))
        self.facts = Facts(name_width=_LABEL + 12)
        self.show_file = button(tr("Show the &file"), self._show_file)
        self.save_file = button(tr("Sa&ve the signed file…"), self._ask_where)
        self.details = button(tr("&Details"), self._toggle_details)
        self.details.setCheckable(True)
        self.saved = label("", "ok")
        self.saved.hide()
        self.result_card.body.addWidget(self.facts)
        self.result_card.body.addWidget(hairline())
        self.result_card.body.addWidget(label(tr("Will SmartScreen warn?"), "heading"))
        self.smart = label(_smart_screen(), "soft")
        self.result_card.body.addWidget(self.smart)
        buttons = row(self.show_file, self.save_file, self.details, self.saved, None)
        self.result_card.body.addSpacing(px(4))
        self.result_card.body.addLayout(buttons)
        self.result_card.hide()
        return self.result_card

    def _what(self) -> Card:
        card = Card(tr("What will be signed"))
        self.drop = FileDrop("", tr("Use my own .exe…"), tr("Windows programs (*.exe *.dll);;All files (*)"))
        self.drop.chosen.connect(self._own_file)
        self.sample = button(tr("Use the sample"), lambda: self._own_file(""))
        self.architecture = Choice(tr("Architecture"))
        for key, name in (
            ("x64", tr("x64, 64-bit Intel and AMD")),
            ("x86", tr("x86, 32-bit")),
            ("arm64", tr("arm64")),
        ):
            self.architecture.addItem(name, key)
        self.architecture.activated.connect(
            lambda: self._put("architecture", self.architecture.currentData())
        )
        self.architecture_row = field_row(
            tr("&Architecture"), self.architecture, width=_LABEL, room_for_sign=False
        )
        self.description = PlainField(
            tr("D&escription"), hint=tr("shown in Windows' prompt"), label_width=_LABEL
        )
        self.description.edited.connect(lambda text: self._put("description", text))
        self.url = PlainField(tr("&URL"), hint=tr("a page about the program, optional"), label_width=_LABEL)
        self.url.edited.connect(lambda text: self._put("url", text))
        self.digest = Choice(tr("Digest"))
        for key, name in (("sha256", "SHA-256"), ("sha384", "SHA-384"), ("sha512", "SHA-512")):
            self.digest.addItem(name, key)
        self.digest.activated.connect(lambda: self._put("digest", self.digest.currentData()))
        card.body.addWidget(self.drop)
        card.body.addLayout(row(self.sample, None))
        card.body.addWidget(self.architecture_row)
        card.body.addWidget(self.description)
        card.body.addWidget(self.url)
        card.body.addWidget(field_row(tr("Di&gest"), self.digest, width=_LABEL, room_for_sign=False))
        card.body.addStretch(1)
        return card

    def _stamps(self) -> Card:
        card = Card(
            tr("Time stamps"),
            note=tr("Asked from the top; the next one only if it does not answer. Edit with F2."),
        )
        self.servers = ServerList()
        self.servers.changed.connect(lambda servers: self._put("timestamp_servers", servers))
        card.body.addWidget(self.servers)
        card.body.addWidget(
            label(tr("Without a time stamp the signature ends with the certificate."), "label")
        )
        card.body.addStretch(1)
        return card

    def refresh(self) -> None:
        windows = self.workspace.profile.windows
        own = bool(windows.input_file)
        if own:
            self.drop.say(Path(windows.input_file).name, windows.input_file)
            self.drop.choose.setText(tr("Another…"))
        else:
            name = self.workspace.profile.product_name or self.workspace.profile.name
            self.drop.say(
                tr("Sample installer for {product}, or drop your own .exe here").format(product=name)
            )
            self.drop.choose.setText(tr("Use my own .exe…"))
        self.sample.setVisible(own)
        self.architecture_row.setVisible(not own)
        self.architecture.setCurrentIndex(max(0, self.architecture.findData(windows.architecture)))
        self.digest.setCurrentIndex(max(0, self.digest.findData(windows.digest)))
        for field, value in ((self.description, windows.description), (self.url, windows.url)):
            if field.text != value:
                field.set(value)
        self.servers.set(windows.timestamp_servers)
        self._show_result()

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    # -- the trial

    def run(self) -> None:
        """Sign and verify, on a thread."""
        workspace = self.workspace
        if workspace.runner.foreground is not None:
            return
        session, profile = workspace.session, workspace.profile
        windows, options = profile.windows, session.azure_options()
        self._inputs = workspace.flow.inputs(WINDOWS_TRIAL)
        product = profile.product_name or profile.name
        settings = (
            Path(windows.input_file) if windows.input_file else None,
            windows.architecture,
            windows.description or product,
            windows.url,
            tuple(windows.timestamp_servers),
            windows.digest,
        )

        def work(job: Job) -> WindowsTrialResult:
            from codesign_wizard.core.azure.signer import KeyVaultSigner
            from codesign_wizard.core.signing import DigestAlgorithm
            from codesign_wizard.core.trial import WindowsTrialRequest, run_windows_trial

            own, architecture, description, url, servers, digest = settings
            network = session.network

            def open_signer(context: JobContext) -> Signer:
                return KeyVaultSigner.open(context, network, options, session.application_secret())

            request = WindowsTrialRequest(
                open_signer=open_signer,
                network=network,
                roots=session.roots(),
                output_folder=session.output_folder(),
                product_name=product,
                input_file=own,
                architecture=architecture,
                description=description,
                url=url,
                timestamp_servers=servers,
                digest=DigestAlgorithm(digest),
                timestamp_timeout=network.settings.timeout,
            )
            return run_windows_trial(job, request)

        self.stages.reset()
        self._ended = {}
        self.result_card.hide()
        self.findings.hide()
        self.go.setEnabled(False)
        self.banner.say(
            Severity.INFO,
            tr("Signing and verifying."),
            tr("Cancelling leaves everything as it was."),
            mark=Mark.NOW,
        )
        self._task = workspace.runner.start(work, tr("Signing and verifying"))
        self._task.stage.connect(self._stage)
        self._task.progress.connect(self.stages.progress)
        self._task.done.connect(self._finished)
        self._task.failed.connect(self._failed)
        self._task.cancelled.connect(self._cancelled)
        self._task.finished.connect(self._over)
        self.verticalScrollBar().setValue(0)

    def _stage(self, key: str, state: StageState, text: str) -> None:
        self.stages.set(key, state, text)
        self._ended[key] = (state, text)

    def _finished(self, result: WindowsTrialResult) -> None:
        facts = dict(result.facts)
        if result.exe is not None:
            facts["file"] = str(result.exe)
        if result.zip is not None:
            facts["zip"] = str(result.zip)
        self._record(result.findings, facts)

    def _failed(self, finding: Finding) -> None:
        self.stages.stop(StageState.FAILED, "")
        self._record([finding], {})

    def _record(self, findings: list[Finding], facts: dict[str, str]) -> None:
        for key, card in self.stages.cards.items():
            state = StageState.FAILED if card.state is StageState.RUNNING else card.state
            facts[_STAGE + key] = f"{state.value}|{self._ended.get(key, (state, ''))[1]}"
        self.workspace.flow.record(WINDOWS_TRIAL, findings, facts, inputs=self._inputs)
        self.workspace.edited()

    def _cancelled(self) -> None:
        self.stages.stop(StageState.SKIPPED, tr("cancelled"))

    def _over(self) -> None:
        task, self._task = self._task, None
        self.go.setEnabled(True)
        self._shown = None
        if task is not None and task.job.cancel_event.is_set() and not self.has_result():
            self.banner.say(
                Severity.INFO, tr("Cancelled. Nothing was left behind."), mark=Mark.NOT_APPLICABLE
            )
            self._shown = "cancelled"
        else:
            self._show_result()
        announce(self, self.banner.title, assertive=True)
        if not self.findings.focus_first():
            self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def has_result(self) -> bool:
        """Tell whether there is a result for the settings as they are."""
        return self.workspace.flow.state(WINDOWS_TRIAL) in (StepState.DONE, StepState.ATTENTION)

    # -- the result

    def _show_result(self) -> None:
        if self._task is not None:
            return
        workspace = self.workspace
        result = workspace.profile.results.get(WINDOWS_TRIAL)
        state = workspace.flow.state(WINDOWS_TRIAL)
        vault = workspace.flow.state(KEY_VAULT)
        shown = (id(result), state, vault)
        if shown == self._shown or (self._shown == "cancelled" and result is None):
            return
        self._shown = shown
        if result is None:
            self.result_card.hide()
            self.findings.hide()
            self._say_not_yet(vault)
            return
        clear = accepted(result.findings, tr("Signed and verified: Windows will accept it."))
        severity, title, text = verdict(result.findings, clear)
        stamp = tr("Obtained {time}.").format(time=when(result.obtained))
        if state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since this trial. Sign and verify again."),
                tr("The result below is of {time}.").format(time=when(result.obtained)),
                mark=Mark.OUT_OF_DATE,
            )
        else:
            self.banner.say(severity, title, f"{text} {stamp}".strip())
        self._restore_stages(result)
        facts = _published(result.facts)
        self.facts.set(facts)
        exe = Path(result.facts.get("file", ""))
        there = bool(result.facts.get("file")) and exe.is_file()
        self.result_card.setVisible(result.ok and bool(facts))
        self.show_file.setVisible(there)
        self.save_file.setVisible(there)
        self.saved.hide()
        # the card says more of SmartScreen than its finding does
        self.findings.set([one for one in result.findings if one.id != _SMART_SCREEN_ID or not result.ok])
        self._show_details(self.details.isChecked() or not result.ok)

    def _say_not_yet(self, vault: StepState) -> None:
        if vault is StepState.DONE:
            self.banner.say(Severity.INFO, tr("Ready: the vault can sign."), mark=Mark.NOW)
        elif vault is StepState.ATTENTION:
            self.banner.say(
                Severity.WARNING,
                tr("The vault cannot sign yet, so this trial will not succeed."),
                tr("Key Vault says what is missing."),
            )
        else:
            self.banner.say(
                Severity.INFO,
                tr("Nothing has been signed yet."),
                tr("The trial signs in by itself; Key Vault explains what goes wrong on the way."),
                mark=Mark.NOW,
            )

    def _restore_stages(self, result: StepResult) -> None:
        for key in self.stages.cards:
            state, _, text = result.facts.get(_STAGE + key, "").partition("|")
            try:
                self.stages.set(key, StageState(state), text)
            except ValueError:
                self.stages.set(key, StageState.WAITING)

    def _toggle_details(self) -> None:
        self._show_details(self.details.isChecked())

    def _show_details(self, shown: bool) -> None:
        self.findings.show_passed(shown)

    def _show_file(self) -> None:
        result = self.workspace.profile.results.get(WINDOWS_TRIAL)
        if result is not None:
            folder = Path(result.facts.get("file", "")).parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _ask_where(self) -> None:
        result = self.workspace.profile.results.get(WINDOWS_TRIAL)
        if result is None:
            return
        source = Path(result.facts.get("file", ""))
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save the signed file"), source.name, tr("Windows programs (*.exe)")
        )
        if path:
            self.save_to(source, Path(path))

    def save_to(self, source: Path, target: Path) -> None:
        """Copy the signed file to *target*, in one step and on a thread."""

        def work(job: Job) -> Path:
            from codesign_wizard.core.errors import CodesignError

            try:
                with replacing(target) as draft:
                    shutil.copyfile(source, draft)
            except OSError as error:
                raise CodesignError(
                    NOT_SAVED(name=target.name, evidence=Evidence(message=str(error)))
                ) from error
            return target

        task = self.workspace.runner.start(work, tr("Saving the signed file"), quiet=True)
        task.done.connect(self._file_saved)
        task.failed.connect(self.workspace.notice)

    def _file_saved(self, target: Path) -> None:
        self.saved.setText(tr("Saved as {name}").format(name=target.name))
        self.saved.show()
        announce(self.saved, self.saved.text())

    # -- settings

    def _own_file(self, path: str) -> None:
        self._put("input_file", path)

    def _put(self, name: str, value: object) -> None:
        setattr(self.workspace.profile.windows, name, value)
        self.workspace.edited()


class ServerList(QWidget):
    """The time-stamp servers in their order: edit in place, add, remove, move."""

    changed = Signal(list)

    def __init__(self) -> None:
        super().__init__()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Time-stamp servers, in the order in which they are asked"))
        self.list.setFixedHeight(px(112))
        self.list.setEditTriggers(
            QListWidget.EditTrigger.DoubleClicked | QListWidget.EditTrigger.EditKeyPressed
        )
        self.list.itemChanged.connect(lambda item: self._tell())
        self.add = button(tr("Add"), self._add, "small")
        self.add.setAccessibleName(tr("Add a time-stamp server"))
        self.remove = button(tr("Remove"), self._remove, "small")
        self.remove.setAccessibleName(tr("Remove the selected time-stamp server"))
        self.up = button(tr("Up"), lambda: self._move(-1), "small")
        self.up.setAccessibleName(tr("Move the selected time-stamp server up"))
        self.down = button(tr("Down"), lambda: self._move(1), "small")
        self.down.setAccessibleName(tr("Move the selected time-stamp server down"))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(8))
        box.addWidget(self.list)
        box.addLayout(row(self.add, self.remove, self.up, self.down, None, gap=6))

    def set(self, servers: list[str]) -> None:
        """Show *servers*; what is being edited stays."""
        if servers == self.servers or self.list.state() is QListWidget.State.EditingState:
            return
        chosen = self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        for server in servers:
            self._item(server)
        self.list.blockSignals(False)
        self.list.setCurrentRow(min(max(chosen, 0), len(servers) - 1))

    @property
    def servers(self) -> list[str]:
        """The addresses as shown, without empty ones."""
        texts = [self.list.item(place).text().strip() for place in range(self.list.count())]
        return [text for text in texts if text]

    def _item(self, text: str) -> QListWidgetItem:
        item = QListWidgetItem(text)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        self.list.addItem(item)
        return item

    def _tell(self) -> None:
        self.changed.emit(self.servers)

    def _add(self) -> None:
        item = self._item("http://")
        self.list.setCurrentItem(item)
        self.list.editItem(item)

    def _remove(self) -> None:
        place = self.list.currentRow()
        if place >= 0:
            self.list.takeItem(place)
            self._tell()

    def _move(self, step: int) -> None:
        place = self.list.currentRow()
        if place < 0 or not 0 <= place + step < self.list.count():
            return
        self.list.blockSignals(True)
        item = self.list.takeItem(place)
        self.list.insertItem(place + step, item)
        self.list.setCurrentRow(place + step)
        self.list.blockSignals(False)
        self._tell()


def _published(facts: dict[str, str]) -> list[tuple[str, str]]:
    names = {
        "publisher": tr("Publisher"),
        "key": tr("Key"),
        "chain": tr("Chain"),
        "timestamp": tr("Time stamp"),
        "digest": tr("Digest"),
        "file": tr("File"),
        "zip": tr("For the server"),
    }
    return [(words, facts[key]) for key, words in names.items() if facts.get(key)]


def _smart_screen() -> str:
    # Microsoft decides this, and says how only in outline (facts: DigiCert ALERT91 of June 2026)
    return tr(
        "Perhaps, at first. SmartScreen goes by the reputation of the file and its publisher, which grows "
        "with downloads; a valid signature alone does not give it, nor does an EV certificate since 2024. "
        "A renewed certificate, or one of another authority, may begin anew. Nobody can promise that no "
        "warning appears."
    )
