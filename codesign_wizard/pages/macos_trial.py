"""macOS trial: build or take a package or app, sign what is in it, sign it, time-stamp, verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from codesign_wizard.core.apple import key_work
from codesign_wizard.core.apple import later_words as words
from codesign_wizard.core.apple.trial_words import (
    GATEKEEPER,
    gatekeeper_note,
    gatekeeper_words,
    kept_facts,
    level_words,
    not_yet_words,
)
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_LEVEL, MACOS_TRIAL, OPEN
from codesign_wizard.core.job import Job, StageState
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.core.text import tr
from codesign_wizard.pages.macos_submissions import Submissions
from codesign_wizard.pages.trial import Outcome, TrialPage
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import Card, Columns, Facts, button, hairline, label, row
from codesign_wizard.widgets.pieces import FileDrop

if TYPE_CHECKING:
    from codesign_wizard.core.apple.notary_desk import Desk
    from codesign_wizard.core.macos_trial_state import LaterStep, TrialState

_NAME_WIDTH = 128
_SIGNING = ("build", "sign-binaries", "sign-package", "time-stamp", "verify")


class MacosTrialPage(TrialPage):
    """The trial's page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            MACOS_TRIAL,
            tr("macOS trial"),
            tr(
                "An installer package signed here, taken to the chosen level, judged as macOS would judge it."
            ),
            (
                ("build", tr("Build")),
                ("sign-binaries", tr("Programs")),
                ("sign-package", tr("Package")),
                ("time-stamp", tr("Time-stamp")),
                ("verify", tr("Verify")),
                *((key, words.stage_words(key)) for key in words.later_stages(LEVELS[-1])),
            ),
            "",
        )
        self._state: TrialState | None = None  # how far the last trial came
        self._anew = False
        self.fresh = button(tr("Start ane&w"), self._start_anew)
        self.anyway = button(tr("Submit all the sa&me"), self._submit_anyway)
        self.anyway.setToolTip(tr("Apple judges for itself; what is submitted cannot be withdrawn"))
        self._by_all_means = False
        # where what it failed for is mended
        self.first = button("", lambda: self.workspace.go.emit(self._elsewhere()), "primary")
        for place, part in ((0, self.first), (2, self.anyway), (3, self.fresh)):
            part.hide()
            self.action.insertWidget(place, part)
        what = self._what()
        self.used.append(what)
        self.add(Columns(what, self._who(), share=(6, 5), level=True))
        self.submissions = Submissions(workspace)
        self.submissions.link.connect(self.link)
        self.add(self.submissions)
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
            upright=True,
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
        self.level = button(tr("Level and &key…"), lambda: self.workspace.go.emit(MACOS_LEVEL))
        for way in (self.certificates, self.level):
            way.setProperty("reads", True)
        card.body.addLayout(row(self.certificates, self.level, None))
        return card

    def _say_note(self) -> None:
        if self._task is None and self.elsewhere_first():
            self.note.setText("")  # nothing would be asked or sent
            return
        level = self.workspace.profile.macos.level
        # of the button beside it, which stands there disabled while something runs
        self.note.setText(words.asks_words(level, self._left_at() if self._task is None else ""))

    def _runs(self, key: str) -> bool:
        card = self.stages.cards.get(key)  # only those of the level
        return card is not None and card.state is StageState.RUNNING

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
        later = words.later_stages(profile.macos.level)
        if self._task is None:
            self.stages.choose([*_SIGNING, *later])
        self._say_note()
        first = self._elsewhere() if self._task is None else ""
        self.first.setText(
            tr("Apple certificates…") if first == APPLE_CERTIFICATES else tr("Level and API key…")
        )
        self.first.setVisible(bool(first))
        if self._task is None:
            key = self._left_at()
            go_on = tr("&Go on: {stage}").format(stage=words.stage_words(key))
            self.go.setText(go_on if key else tr("Sign and &verify"))
            self.fresh.setVisible(bool(key))
        result = profile.results.get(MACOS_TRIAL)
        found = result.findings if result is not None and self.has_result() else ()
        self.anyway.setVisible(self._task is None and words.may_go_anyway(self._state, found))
        self.submissions.refresh()
        self.show_result()

    def shown(self) -> None:
        """Look how far the last trial came: it may have gone on in a terminal."""
        self._state = self.workspace.session.macos_trial()
        self.submissions.read()
        self.refresh()

    def missing(self) -> str:
        # also where it was interrupted before there was a result to keep
        return tr("The trial has not come to its end yet.") if self.left() is not None else ""

    def _left_at(self) -> str:
        workspace = self.workspace
        level = workspace.profile.macos.level
        return words.left_at(self._state, level, workspace.flow.signing_inputs())

    def left(self) -> object:
        """A trial that was interrupted: it came further than the result that is kept."""
        result = self.workspace.profile.results.get(MACOS_TRIAL)
        key = self._left_at()
        if not key or self._state is None:
            return None
        state = self._state.to_json()
        return None if result is not None and result.details.get("state") == state else (key, str(state))

    def say_left(self) -> bool:
        if self.left() is None or self._state is None:
            return False
        key = self._left_at()
        self.banner.say(Severity.INFO, *words.left_words(self._state, key), mark=Mark.NOW)
        for each in [*_SIGNING, *self._state.done]:
            self.stages.set(each, StageState.DONE)
        for each in words.later_stages(self.workspace.profile.macos.level):
            if each not in self._state.done:
                self.stages.set(each, StageState.WAITING, tr("goes on here") if each == key else "")
        return True

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

    def run(self) -> None:
        super().run()
        for part in (self.first, self.fresh, self.anyway):
            part.hide()
        self._say_note()

    def _start_anew(self) -> None:
        self._anew = True
        self.run()
        self._anew = False

    def _submit_anyway(self) -> None:
        self._by_all_means = True
        self.run()
        self._by_all_means = False

    def _stage(self, key: str, state: StageState, text: str) -> None:
        super()._stage(key, state, text)
        running = state is StageState.RUNNING
        if running and key in words.later_stages(LEVELS[-1]):
            self.banner.say(Severity.INFO, *words.waiting_words(key), mark=Mark.NOW)
            if self._task is not None:
                self._task.name, self._task.stop = words.under_way(key), words.stop_words(key)
            self._say_note()

    def _finished(self, outcome: Outcome) -> None:
        if words.refused_inside(outcome.findings):
            # what was signed here holds: Apple looks at more than that
            self._stage("verify", StageState.ATTENTION, tr("holds, but not enough for Apple"))
        super()._finished(outcome)

    def _progress(self, done: int, total: int | None, text: str) -> None:
        # the card tells how long it has been, the banner what is usual
        self.stages.progress(done, total, "" if self._runs(words.PROCESSING) else text)

    def _over(self) -> None:
        self._state = self.workspace.session.macos_trial()
        self.submissions.read()
        super()._over()
        self.refresh()

    def work(self) -> Callable[[Job], Outcome]:
        session, profile = self.workspace.session, self.workspace.profile
        own = Path(profile.macos.input_file) if profile.macos.input_file else None
        product = profile.product_name or profile.name
        signed_by = self.workspace.flow.signing_inputs()
        own_key = profile.macos.api_key
        ids = key_work.Ids(own_key.key_id, own_key.issuer_id, own_key.named, own_key.accepted)
        state = self._state if self._left_at() and not self._anew else None
        anyway = self._by_all_means
        if anyway and self._state is not None:
            from codesign_wizard.core.macos_trial import not_refused

            state = not_refused(self._state, words.UPLOAD)
        later = bool(words.later_stages(profile.macos.level))

        def keep(state: TrialState) -> None:
            state.data[words.SIGNED_BY] = signed_by
            session.keep_macos_trial(state)

        def sign(job: Job) -> Outcome:
            from codesign_wizard.core.macos_trial import run_macos_trial
            from codesign_wizard.core.macos_trial_state import MacosTrialRequest

            steps: Sequence[LaterStep] = ()
            if later:
                from codesign_wizard.core.apple.notary_steps import later_steps

                # what lacks is told before anything is signed
                key, known = key_work.usable(session, ids)

                def desk() -> Desk:
                    return session.notary_desk(key, known)

                steps = later_steps(desk, session.network, anyway=anyway)
            request = MacosTrialRequest(
                options=session.apple_options(),
                roots=session.apple_roots(),
                timestamper=session.apple_timestamper(),
                output_folder=session.output_folder() if state is None else Path(state.file).parent,
                product_name=product,
                level=session.macos_level(),
                input_file=own,
                later=steps,
                keep=keep if later else lambda _: None,
            )
            result = run_macos_trial(job, request, state)
            reached = result.state.to_json() if result.state is not None else None
            # Apple may be at work still, with which nothing is wrong
            waits = result.pending[0] if result.pending else ""
            return Outcome(result.findings, kept_facts(result), {"state": reached, OPEN: waits})

        return sign

    def show_facts(self, result: StepResult) -> list[tuple[str, str]]:
        facts = result.facts
        state = result.details.get("state") or {}
        notarised = words.PROCESSING in state.get("done", ())
        self.gatekeeper.set(gatekeeper_words(facts, notarised=notarised))
        note = gatekeeper_note(facts, result.findings, notarised=notarised)
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

    def elsewhere_first(self) -> bool:
        return bool(self._elsewhere())

    def _elsewhere(self) -> str:
        result = self.workspace.profile.results.get(MACOS_TRIAL)
        return words.elsewhere(result.findings) if result is not None and self.has_result() else ""

    def clear_words(self, result: StepResult) -> str:
        if result.details.get(OPEN):
            return tr("Signed, but not through the level yet: go on when you like.")
        return words.clear_words(result.facts.get("level", ""), result.findings)

    def shown_findings(self, result: StepResult) -> Sequence[Finding]:
        return words.explained(result.findings)

    def told_besides(self) -> Sequence[str]:
        result = self.workspace.profile.results.get(MACOS_TRIAL)
        found = result.findings if result is not None else []
        return [each.id for each in found if each.id.startswith(GATEKEEPER)]

    def save_pattern(self) -> str:
        return tr("Packages (*.pkg);;All files (*)")

    def relied(self) -> object:
        return self.workspace.flow.state(APPLE_CERTIFICATES)

    def say_not_yet(self) -> None:
        flow, level = self.workspace.flow, self.workspace.profile.macos.level
        severity, title, text = not_yet_words(flow.state(APPLE_CERTIFICATES), level, flow.state(MACOS_LEVEL))
        self.banner.say(severity, title, text, mark=Mark.NOW if severity is Severity.INFO else None)

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
