"""macOS trial: build or take a package or app, sign what is in it, sign it, time-stamp, verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog

from codesign_wizard.core.apple.trial_words import (
    GATEKEEPER,
    accepted,
    gatekeeper_note,
    gatekeeper_words,
    kept_facts,
    level_words,
)
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_TRIAL, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.pages.trial import Outcome, TrialPage
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import Card, Columns, Facts, button, hairline, label, row
from codesign_wizard.widgets.pieces import FileDrop

_NAME_WIDTH = 128


class MacosTrialPage(TrialPage):
    """The trial's page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            MACOS_TRIAL,
            tr("macOS trial"),
            tr("An installer package signed on this computer, judged as macOS would judge it."),
            (
                ("build", tr("Build")),
                ("sign-binaries", tr("Programs")),
                ("sign-package", tr("Package")),
                ("time-stamp", tr("Time-stamp")),
                ("verify", tr("Verify")),
            ),
            tr("Asks Apple's time-stamp server only. Keys and file stay on this computer."),
        )
        self.add(Columns(self._what(), self._who(), share=(6, 5), level=True))
        self.done()

    def add_to_result(self, body: Any) -> None:
        self.gatekeeper = Facts(name_width=_NAME_WIDTH)
        self.gatekeeper_note = label("", "soft")
        body.addWidget(hairline())
        body.addWidget(label(tr("What happens to a copy that a customer downloads?"), "heading"))
        body.addWidget(self.gatekeeper)
        body.addWidget(self.gatekeeper_note)

    def _what(self) -> Card:
        card = Card(tr("What will be signed"))
        self.drop = FileDrop(
            "",
            tr("Use my own…"),
            tr("Packages, apps in a zip, programs (*.pkg *.zip *.app *.dylib);;All files (*)"),
            folders=True,
        )
        self.drop.chosen.connect(self._own_file)
        self.folder = button(tr("Use an &app…"), self._ask_folder)
        self.folder.setToolTip(tr("An app is a folder whose name ends in .app"))
        self.sample = button(tr("Use the sample"), lambda: self._own_file(""))
        card.body.addWidget(self.drop)
        card.body.addLayout(row(self.folder, self.sample, None))
        card.body.addWidget(
            label(
                tr(
                    "The programs inside are signed first, each with the hardened runtime and a time stamp, "
                    "then the package itself. What was signed before is signed anew."
                ),
                "soft",
            )
        )
        card.body.addStretch(1)
        return card

    def _who(self) -> Card:
        card = Card(tr("Signed with"))
        self.identities = Facts(name_width=96)
        self.certificates = button(
            tr("Apple &certificates…"), lambda: self.workspace.go.emit(APPLE_CERTIFICATES)
        )
        card.body.addWidget(self.identities)
        card.body.addStretch(1)
        card.body.addLayout(row(self.certificates, None))
        return card

    def refresh(self) -> None:
        profile = self.workspace.profile
        own = profile.macos.input_file
        if own:
            self.drop.say(Path(own).name, own)
        else:
            product = profile.product_name or profile.name
            self.drop.say(
                tr("Sample package for {product}, or drop your own .pkg or .app here").format(product=product)
            )
        self.drop.choose.setText(tr("Another…") if own else tr("Use my own…"))
        self.drop.choose.setAccessibleName(tr("Choose a package or a program to sign"))
        self.sample.setVisible(bool(own))
        self.identities.set(self._signed_with())
        self.show_result()

    def _signed_with(self) -> list[tuple[str, str]]:
        macos = self.workspace.profile.macos
        seen = self.workspace.profile.results.get(APPLE_CERTIFICATES)
        facts = seen.facts if seen is not None else {}

        def name(short: str, path: str) -> str:
            return facts.get(f"{short}_name", "") or (Path(path).name if path else tr("none yet"))

        return [
            (tr("Package"), name("installer", macos.installer_file)),
            (tr("Programs"), name("application", macos.application_file)),
            (tr("Time stamps"), ", ".join(macos.timestamp_servers)),
            (tr("Level"), level_words(macos.level)),
        ]

    # -- the trial

    def work(self) -> Callable[[Job], Outcome]:
        session, profile = self.workspace.session, self.workspace.profile
        own = Path(profile.macos.input_file) if profile.macos.input_file else None
        product = profile.product_name or profile.name

        def sign(job: Job) -> Outcome:
            from codesign_wizard.core.macos_trial import MacosTrialRequest, run_macos_trial

            request = MacosTrialRequest(
                options=session.apple_options(),
                roots=session.apple_roots(),
                timestamper=session.apple_timestamper(),
                output_folder=session.output_folder(),
                product_name=product,
                level=session.macos_level(),
                input_file=own,
            )
            result = run_macos_trial(job, request)
            state = result.state.to_json() if result.state is not None else None
            return Outcome(result.findings, kept_facts(result), {"state": state})

        return sign

    def show_facts(self, result: StepResult) -> list[tuple[str, str]]:
        facts = result.facts
        self.gatekeeper.set(gatekeeper_words(facts))
        note = gatekeeper_note(facts, result.findings)
        self.gatekeeper_note.setText(note)
        self.gatekeeper_note.setVisible(bool(note))
        names = {
            "publisher": tr("Publisher"),
            "team": tr("Team"),
            "chain": tr("Chain"),
            "timestamp": tr("Time stamp"),
            "programs": tr("Programs"),
            "digest": tr("Digest"),
            "file": tr("File"),
        }
        shown = {**facts, "programs": _programs(facts.get("programs", ""))}
        return [(words, shown[key]) for key, words in names.items() if shown.get(key)]

    def clear_words(self, result: StepResult) -> str:
        return accepted(result.findings, tr("Signed and verified: the signatures hold."))

    def told_besides(self) -> Sequence[str]:
        result = self.workspace.profile.results.get(MACOS_TRIAL)
        found = result.findings if result is not None else []
        return [each.id for each in found if each.id.startswith(GATEKEEPER)]

    def save_pattern(self) -> str:
        return tr("Packages (*.pkg);;All files (*)")

    def relied_state(self) -> StepState:
        return self.workspace.flow.state(APPLE_CERTIFICATES)

    def say_not_yet(self) -> None:
        match self.relied_state():
            case StepState.DONE:
                self.banner.say(Severity.INFO, tr("Ready: both certificates can sign."), mark=Mark.NOW)
            case StepState.ATTENTION:
                self.banner.say(
                    Severity.WARNING,
                    tr("The certificates cannot sign yet, so this trial will not succeed."),
                    tr("Apple certificates says what is wrong with them."),
                )
            case _:
                self.banner.say(
                    Severity.INFO,
                    tr("Nothing has been signed yet."),
                    tr("The trial opens the two .p12 files by itself; their page explains what is wrong."),
                    mark=Mark.NOW,
                )

    # -- settings

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, tr("An app to sign"))
        if path:
            self._own_file(path)

    def _own_file(self, path: str) -> None:
        self.workspace.profile.macos.input_file = path
        self.workspace.edited()


def _programs(count: str) -> str:
    return tr("{n} signed, hardened runtime on").format(n=count) if count else ""
