"""Key Vault: the five options, checked as they are typed, and the sign-in that proves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core.clouds import CLOUDS
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when
from codesign_wizard.pages import key_vault_words as words
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import GAP, Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    Columns,
    Facts,
    MarkView,
    announce,
    button,
    clear,
    column,
    hairline,
    label,
    restyle,
    row,
)
from codesign_wizard.widgets.fields import CheckedField, field_row
from codesign_wizard.widgets.findings import FindingList, PassedRow
from codesign_wizard.widgets.paste_area import PasteArea
from codesign_wizard.widgets.pieces import Banner
from codesign_wizard.widgets.secret_field import SecretField
from codesign_wizard.widgets.setup_steps import SetupSteps

if TYPE_CHECKING:
    from codesign_wizard.core.azure.discovery import Discovery
    from codesign_wizard.core.doctor import DoctorResult

_LOOK_AFTER_MS = 900


class KeyVaultPage(Page):
    """The second page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Key Vault"),
            tr("Where the key is, and who may use it. Looking and signing in change nothing there."),
        )
        self._discovery: Task | None = None
        self._found: list[Finding] | None = None
        self._signing: Task | None = None
        self._inputs = ""
        self._secret_known = False
        self._asked = False  # the keyring: not before somebody looks, since it may ask the person in turn
        self._shown_result: object = None
        self.banner = Banner()
        self.add(self.banner)
        self.findings = FindingList(tr("What was checked"))
        self.findings.again.connect(lambda finding: self.check_again())
        self.findings.link.connect(self.link)
        self.add(self.findings)
        self.add(self._who())
        self.form, self.beside = self._options(), self._clipboard()
        columns = Columns(self.form, self.beside, share=(13, 8), right_first=True)
        columns.turned.connect(self._keep_ids_whole)
        self.add(columns)
        self._keep_ids_whole(True)
        self.add(self._none_yet())
        self.done()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LOOK_AFTER_MS)
        self._timer.timeout.connect(self.look)

    def _options(self) -> Card:
        card = Card(tr("The options of the server's form"))
        self.fields = {
            "vault_name": self._field("vault_name", tr("&Vault name"), tr("such as contoso-signing")),
            "certificate_name": self._field(
                "certificate_name", tr("C&ertificate name"), tr("such as codesign")
            ),
            "application_id": self._field("application_id", tr("&Application ID"), _GUID_HINT),
            "tenant_id": self._field("tenant_id", tr("&Tenant ID"), _GUID_HINT),
        }
        self.secret = SecretField(
            tr("Application sec&ret"),
            check=lambda text: words.mistakes(words.SECRET, text),
            hint=tr("Value, not Secret ID"),
        )
        self.secret.committed.connect(self._secret_given)
        self.secret.forget.connect(self._secret_forgotten)
        self.secret.judged.connect(self._show_result)
        self.cloud = Choice(tr("Azure cloud"))
        for cloud in CLOUDS:
            self.cloud.addItem(cloud.name, cloud.key)
        self.cloud.activated.connect(self._cloud_chosen)
        for name in ("vault_name", "certificate_name", "application_id"):
            card.body.addWidget(self.fields[name])
        card.body.addWidget(self.secret)
        card.body.addWidget(self.fields["tenant_id"])
        card.body.addWidget(field_row(tr("Azure clou&d"), self.cloud))
        self.sign_in = button(tr("Si&gn in"), self.run_sign_in, "primary")
        self.sign_in_note = label(
            tr("Asks Microsoft for a token, reads the certificate, and has one test digest signed."), "soft"
        )
        actions = row(self.sign_in, self.sign_in_note, gap=12)
        actions.setStretch(1, 1)
        card.body.addSpacing(px(4))
        card.body.addLayout(actions)
        return card

    def _keep_ids_whole(self, beside: bool) -> None:
        """Let the fields for ids have the room that one needs; with the whole width they have it anyway."""
        for key in ("application_id", "tenant_id"):
            needed = QFontMetrics(theme.font(11.5, mono=True)).horizontalAdvance(_GUID_HINT)
            self.fields[key].edit.setMinimumWidth(needed + px(_AROUND_TEXT) if beside else 0)

    def _clipboard(self) -> QWidget:
        card = Card(
            tr("On your clipboard already?"), note=tr("What is recognised fills the fields of the form.")
        )
        self.paste = PasteArea()
        self.paste.given.connect(self.recognise)
        self.recognised = label("", "label")
        self.recognised.hide()
        card.body.addLayout(column(self.paste, self.recognised, gap=4))
        self.looked = Card(tr("Checked without the secret"))
        self.looked_box = QVBoxLayout()
        self.looked_box.setSpacing(px(8))
        self.looked.body.addLayout(self.looked_box)
        self.looked.hide()
        side = QWidget()
        side.setLayout(column(card, self.looked, gap=GAP))
        return side

    def _field(self, key: str, name: str, hint: str) -> CheckedField:
        field = CheckedField(
            name,
            check=lambda text: words.mistakes(key, text),
            tidy=lambda text: words.tidied(key, text),
            hint=hint,
        )
        field.edited.connect(lambda text: self._typed(key, text))
        field.judged.connect(self._show_result)
        return field

    def _who(self) -> Card:
        self.who_card = Card(tr("Who the vault sees"))
        self.who = Facts(name_width=140)
        self.who_card.body.addWidget(self.who)
        self.who_card.hide()
        return self.who_card

    def _none_yet(self) -> Card:
        card = Card()
        self.none_yet = SetupSteps()
        self.none_yet.button.toggled.connect(self._offer_steps)
        card.body.addWidget(self.none_yet)
        return card

    def _offer_steps(self) -> None:
        self.none_yet.offer(self.workspace.session.azure_options())

    def refresh(self) -> None:
        azure = self.workspace.profile.windows.azure
        for key, field in self.fields.items():
            if field.text != getattr(azure, key):
                field.set(getattr(azure, key))
        self.cloud.setCurrentIndex(max(0, self.cloud.findData(azure.cloud)))
        self._show_result()

    def shown(self) -> None:
        if not self._asked:
            self._asked = True
            self._ask_keyring()
        if self.workspace.flow.state(KEY_VAULT) in (StepState.NOT_STARTED, StepState.IN_PROGRESS):
            self._timer.start()

    def leaving(self) -> None:
        self._timer.stop()
        self.secret.commit()

    def focus_problem(self) -> bool:
        for key, findings in self._wrong().items():
            if findings:
                self._focus(key)
                return True
        return self.findings.focus_first()

    def _focus(self, key: str) -> None:
        if key == words.SECRET:
            self.secret.take_focus()
        else:
            self.fields[key].edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def _wrong(self) -> dict[str, list[Finding]]:
        """Return what is told of each option, in the form's order."""
        told = {key: field.findings for key, field in self.fields.items()}
        tenant = told.pop("tenant_id")
        return {**told, words.SECRET: self.secret.findings, "tenant_id": tenant}

    # -- typing and pasting

    def recognise(self, text: str) -> None:
        """Fill the fields from what was pasted, and say what it was."""
        from codesign_wizard.core.azure.clipboard import recognise

        found = recognise(text)
        if found is None:
            self._say_recognised(
                tr("Not recognised. It takes JSON from az, an address of a vault, key or certificate."),
                "warning",
            )
            return
        azure = self.workspace.profile.windows.azure
        for key, value in found.values.items():
            if hasattr(azure, key):
                setattr(azure, key, value)
            if key in self.fields:
                self.fields[key].set(value)
        self.paste.forget()
        self._say_recognised(found.what, "ok")
        if found.secret is not None:
            self._secret_given(found.secret)
        self._edited()

    def _say_recognised(self, text: str, role: str) -> None:
        restyle(self.recognised, "role", role)
        self.recognised.setText(text)
        self.recognised.show()
        announce(self.recognised, text)

    def _typed(self, key: str, text: str) -> None:
        setattr(self.workspace.profile.windows.azure, key, text)
        self._edited()

    def _cloud_chosen(self) -> None:
        self.workspace.profile.windows.azure.cloud = self.cloud.currentData()
        self._edited()

    def _edited(self) -> None:
        self._found = None
        self.looked.hide()
        if self._discovery is not None:
            self._discovery.abandon()
            self._discovery = None
        self._timer.start()
        self.workspace.edited()
        self._offer_steps()

    # -- the secret

    def _ask_keyring(self) -> None:
        """Open the keyring on a thread: it can take its time, or ask the person to unlock it."""
        session = self.workspace.session

        def work(job: Job) -> tuple[str, str, list[Finding] | None]:
            store, secret = session.secrets, session.application_secret()
            return (
                store.place,
                store.reason,
                None if secret is None else words.mistakes(words.SECRET, secret.reveal()),
            )

        task = self.workspace.runner.start(work, tr("Asking the keyring"), quiet=True)
        self.follow(task, done=self._keyring_answered)
        task.failed.connect(self.workspace.notice)

    def _keyring_answered(self, answer: tuple[str, str, list[Finding] | None]) -> None:
        place, reason, findings = answer
        self._secret_known = findings is not None
        if findings is not None:
            self.secret.show_saved(place, findings)
        else:
            self.secret.set_place(place, reason)
        self._show_result()

    def _secret_given(self, secret: Secret) -> None:
        session = self.workspace.session

        def work(job: Job) -> str:
            session.set_application_secret(secret)
            return session.secrets.place

        task = self.workspace.runner.start(work, tr("Storing the secret"), quiet=True, lasting=True)
        self.follow(task, done=self._secret_stored, failed=self.secret.show_problem)
        self._keep_change(task)

    def _keep_change(self, task: Task) -> None:
        """Keep in the profile that is open now, when *task* has done it, that its secret is another one."""
        workspace, session = self.workspace, self.workspace.session
        task.done.connect(lambda _: workspace.edited_in(session))

    def _secret_stored(self, place: str) -> None:
        self._secret_known = True
        self.secret.show_saved(place)
        announce(self.secret, tr("The secret is saved in {place}.").format(place=place))

    def _secret_forgotten(self) -> None:
        session = self.workspace.session
        task = self.workspace.runner.start(
            lambda job: session.set_application_secret(None),
            tr("Forgetting the secret"),
            quiet=True,
            lasting=True,
        )
        self.follow(task, done=self._secret_gone)
        self._keep_change(task)
        task.failed.connect(self.workspace.notice)

    def _secret_gone(self, nothing: object) -> None:
        self._secret_known = False
        self.secret.show_empty()
        self.take_focus(self.secret.edit)

    # -- looking without the secret

    def look(self) -> None:
        """Check against the world what needs no secret; only when the names can be right."""
        if self._signing is not None or not self.isVisible():
            return
        options = self.workspace.session.azure_options()
        if not options.vault_name or words.mistakes("vault_name", options.vault_name):
            return
        if options.tenant_id and words.mistakes("tenant_id", options.tenant_id):
            return
        session = self.workspace.session

        def work(job: Job) -> Discovery:
            from codesign_wizard.core.azure.discovery import discover

            return discover(job, session.network, options)

        if self._discovery is not None:
            self._discovery.abandon()
        name = tr("Looking for the vault {name}, without the secret").format(name=options.vault_name)
        self._discovery = self.workspace.runner.start(work, name, quiet=True)
        self.follow(
            self._discovery, done=self._looked, failed=self._not_looked, cancelled=self._look_cancelled
        )
        self._show_looked(None, name)

    def _looked(self, result: Discovery) -> None:
        self._discovery = None
        self._found = list(result.findings)
        self._show_looked(self._found, "")
        self._show_result()

    def _not_looked(self, finding: Finding) -> None:
        self._discovery = None
        self._found = [finding]
        self._show_looked(self._found, "")
        self._show_result()

    def _look_cancelled(self) -> None:
        self._discovery = None
        self._show_looked(None, "")

    def _show_looked(self, findings: list[Finding] | None, text: str) -> None:
        clear(self.looked_box)
        if text:
            self.looked_box.addLayout(
                row(MarkView(Mark.NOW, tr("working")), label(f"{text}…", "soft"), gap=12)
            )
        for place, finding in enumerate(findings or []):
            if place:
                self.looked_box.addWidget(hairline())
            passed = PassedRow(finding)
            passed.link.connect(self.link)
            self.looked_box.addWidget(passed)
        self.looked.setVisible(bool(text or findings))

    # -- signing in

    def run_sign_in(self) -> None:
        """Sign in and diagnose; a field that is wrong, or empty, gets the focus instead."""
        workspace = self.workspace
        if self._signing is not None or not workspace.may_begin():
            return
        for field in self.fields.values():
            if not field.judge(accuse=True) and field.findings:
                field.edit.setFocus(Qt.FocusReason.OtherFocusReason)
                return
        options = workspace.session.azure_options()  # what an option gives for this run is not missing
        fields = self.fields.items()
        empty = next((each for key, each in fields if not (each.text or getattr(options, key))), None)
        if empty is not None and workspace.session.origin is None:  # in a report nothing can be filled in
            # a card for each of them would push the form out of sight
            empty.edit.setFocus(Qt.FocusReason.OtherFocusReason)
            announce(self, f"{self.banner.title} {self.banner.text}", assertive=True)
            return
        self._timer.stop()  # signing in sees more than looking does
        if self._discovery is not None:
            self._discovery.abandon()
            self._discovery = None
        session = workspace.session
        self._inputs = workspace.flow.inputs(KEY_VAULT)

        def work(job: Job) -> DoctorResult:
            from codesign_wizard.core.doctor import doctor_windows

            return doctor_windows(job, session.network, options, session.application_secret())

        self._signing = workspace.runner.start(work, tr("Signing in"))
        self.follow(
            self._signing, done=self._signed_in, failed=self._sign_in_failed, finished=self._sign_in_over
        )
        self._let_work(False)
        self.looked.hide()
        self.findings.hide()
        self.banner.say(
            Severity.INFO,
            tr("Signing in to {vault}.").format(vault=options.vault_name or tr("the vault")),
            tr("Microsoft is asked for a token, then the vault for the certificate and one test signature."),
            mark=Mark.NOW,
        )

    def _let_work(self, allowed: bool) -> None:
        self.let_use((self.form, self.beside, self.findings), allowed)

    def check_again(self) -> None:
        """Check again what a finding was about; a sign-in is what proves every one of them."""
        self.run_sign_in()

    def _signed_in(self, result: DoctorResult) -> None:
        from codesign_wizard.core.windows_results import record_diagnosis

        record_diagnosis(
            self.workspace.flow,
            result.findings,
            result.facts,
            result.permissions,
            inputs=self._inputs,
            asked=KEY_VAULT,
        )
        self.workspace.edited()

    def _sign_in_failed(self, finding: Finding) -> None:
        self.workspace.flow.record(KEY_VAULT, [finding], {}, inputs=self._inputs)
        self.workspace.edited()

    def _sign_in_over(self) -> None:
        self._signing = None
        self._let_work(True)
        self._shown_result = None
        self._show_result()
        self.verticalScrollBar().setValue(0)
        announce(self, self.banner.title, assertive=True)
        if not self.findings.focus_first():
            self.take_focus(self.sign_in)

    # -- results

    def _show_result(self) -> None:
        if self._signing is not None:
            return
        workspace = self.workspace
        state = workspace.flow.state(KEY_VAULT)
        result = workspace.profile.results.get(KEY_VAULT)
        shown: object = (id(result), state)
        if result is None:
            wrong = tuple((key, tuple(findings)) for key, findings in self._wrong().items())
            shown = (None, self._secret_known, id(self._found), self._missing(), wrong)
        # a result that is shown already is not made anew: what was opened or has the focus stays
        if shown == self._shown_result:
            return
        self._shown_result = shown
        # one thing to do next: once somebody has signed in, it is Next
        restyle(self.sign_in, "kind", "" if state is StepState.DONE else "primary")
        if result is None:
            self.findings.hide()
            self.who_card.hide()
            self._say_not_yet()
            return
        severity, title, text = words.signed_in(
            result, permissions_block=bool(workspace.flow.blocking(PERMISSIONS))
        )
        stamp = tr("Checked {time}.").format(time=when(result.obtained))
        if state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since this was checked. Sign in again."),
                tr("The result below is of {time}.").format(time=when(result.obtained)),
                mark=Mark.OUT_OF_DATE,
            )
        else:
            self.banner.say(severity, title, f"{text} {stamp}".strip())
        self.findings.set(result.findings)
        facts = words.identity(result.facts)
        self.who.set(facts)
        self.who_card.setVisible(bool(facts))
        self.looked.hide()

    def _missing(self) -> tuple[str, ...]:
        return words.missing(self.workspace.session.azure_options(), secret_known=self._secret_known)

    def _say_not_yet(self) -> None:
        told = words.before_sign_in(self._found, self._missing(), self._wrong())
        self.banner.say(*told, mark=Mark.NOW if told[0] is Severity.INFO else None)


_GUID_HINT = "00000000-0000-0000-0000-000000000000"
_AROUND_TEXT = 28  # what a field has at both sides of its text, with its frame
