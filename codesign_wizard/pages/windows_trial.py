"""Windows trial: build or take an .exe, sign it with the key in the vault, time-stamp, verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.authenticode.checks import accepted
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import KEY_VAULT, WINDOWS_TRIAL, StepState
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.pages.before_looking import key_vault_first
from codesign_wizard.pages.trial import STAGE, Outcome, TrialPage
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import Card, Choice, Columns, button, hairline, label, row
from codesign_wizard.widgets.fields import PlainField, field_row
from codesign_wizard.widgets.pieces import FileDrop
from codesign_wizard.widgets.server_list import ServerList

if TYPE_CHECKING:
    from codesign_wizard.core.job import JobContext
    from codesign_wizard.core.signing import Signer
    from codesign_wizard.core.trial import WindowsTrialResult

_LABEL = 104
_SMART_SCREEN_ID = "trial.windows.smart-screen"


class WindowsTrialPage(TrialPage):
    """The trial's page."""

    def __init__(self, workspace: Workspace) -> None:
        self._stage_names = {
            "build": tr("Build"),
            "hash": tr("Hash"),
            "sign": tr("Sign"),
            "time-stamp": tr("Time-stamp"),
            "embed": tr("Embed"),
            "verify": tr("Verify"),
        }
        super().__init__(
            workspace,
            WINDOWS_TRIAL,
            tr("Windows trial"),
            tr("An installer signed by the key in your vault, judged as Windows would judge it."),
            self._stage_names.items(),
            tr("Asks the vault for one signature and a time-stamp server for one time stamp."),
        )
        self.go_first = button(tr("Go to Ke&y Vault"), lambda: workspace.go.emit(KEY_VAULT), "primary")
        self.go_first.hide()
        self.action.insertWidget(0, self.go_first)
        what, stamps = self._what(), self._stamps()
        self.used += [what, stamps]
        self.add(Columns(what, stamps, share=(6, 5), level=True))
        self.done()

    def add_to_result(self, body: Any) -> None:
        self.smart = label(_smart_screen(), "soft")
        body.addWidget(hairline())
        body.addWidget(label(tr("Will SmartScreen warn?"), "heading"))
        body.addWidget(self.smart)

    def _what(self) -> Card:
        card = Card(tr("What will be signed"))
        self.drop = FileDrop(
            "", tr("Use my own .exe…"), tr("Windows programs (*.exe *.dll);;All files (*)"), upright=True
        )
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
            tr("D&escription"), hint=tr("shown in Windows' prompt"), label_width=_LABEL, room_for_sign=False
        )
        self.description.edited.connect(lambda text: self._put("description", text))
        self.url = PlainField(
            tr("&URL"),
            hint=tr("a page about it, optional"),
            label_width=_LABEL,
            room_for_sign=False,
        )
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
        self.go_first.setVisible(self._task is None and self.elsewhere_first())
        self.show_result()

    # -- the trial

    def run(self) -> None:
        super().run()
        self.go_first.hide()

    def work(self) -> Callable[[Job], Outcome]:
        workspace = self.workspace
        session, profile = workspace.session, workspace.profile
        windows, options = profile.windows, session.azure_options()
        product = profile.product_name or profile.name
        settings = (
            Path(windows.input_file) if windows.input_file else None,
            windows.architecture,
            windows.description or product,
            windows.url,
            tuple(windows.timestamp_servers),
            windows.digest,
        )

        def sign(job: Job) -> Outcome:
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
            return _outcome(run_windows_trial(job, request))

        return sign

    def show_facts(self, result: StepResult) -> list[tuple[str, str]]:
        return _published(result.facts)

    def clear_words(self, result: StepResult) -> str:
        return accepted(result.findings, tr("Signed and verified: Windows will accept it."))

    def blocked_words(self, result: StepResult) -> str:
        for key, name in self._stage_names.items():
            if result.facts.get(STAGE + key, "").startswith(StageState.FAILED.value):
                return tr("The trial did not succeed. It ended at: {stage}.").format(stage=name)
        return tr("The trial did not succeed.")

    def told_besides(self) -> Sequence[str]:
        return (_SMART_SCREEN_ID,)

    def save_pattern(self) -> str:
        return tr("Windows programs (*.exe)")

    def relied(self) -> object:
        return self.workspace.flow.state(KEY_VAULT), key_vault_first(self.workspace)

    def elsewhere_first(self) -> bool:
        result = self.workspace.profile.results.get(WINDOWS_TRIAL)
        return result is None and key_vault_first(self.workspace) is not None

    def say_not_yet(self) -> None:
        first = key_vault_first(self.workspace)
        if first is not None:
            self.banner.say(*first, mark=Mark.NOW if first[0] is Severity.INFO else None)
        elif self.workspace.flow.state(KEY_VAULT) is StepState.DONE:
            self.banner.say(Severity.INFO, tr("Ready: the vault can sign."), mark=Mark.NOW)
        else:
            self.banner.say(
                Severity.INFO,
                tr("Nothing has been signed yet."),
                tr("The trial signs in by itself; Key Vault explains what goes wrong on the way."),
                mark=Mark.NOW,
            )

    # -- settings

    def _own_file(self, path: str) -> None:
        self._put("input_file", path)

    def _put(self, name: str, value: object) -> None:
        setattr(self.workspace.profile.windows, name, value)
        self.workspace.edited()


def _outcome(result: WindowsTrialResult) -> Outcome:
    facts = dict(result.facts)
    if result.exe is not None:
        facts["file"] = str(result.exe)
    if result.zip is not None:
        facts["zip"] = str(result.zip)
    return Outcome(result.findings, facts)


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
