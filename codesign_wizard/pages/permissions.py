"""Permissions: what the application may do in the vault, and granting what is missing.

The page looks and shows; its table is in ``permissions_table``, the administrator in ``permissions_admin``,
whose card is ``permissions_card``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard.core.azure.permissions.report import all_clear
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, StepState
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.core.windows_results import kept_report, record_diagnosis
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.before_looking import key_vault_first, permissions_preview
from codesign_wizard.pages.permissions_admin import Administering
from codesign_wizard.pages.permissions_table import PermissionsTable
from codesign_wizard.pages.permissions_words import blocked, to_be_granted
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import Columns, announce, button, column, label, restyle, row
from codesign_wizard.widgets.findings import FindingList
from codesign_wizard.widgets.pieces import Banner

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.check import Check, Looked


class PermissionsPage(Page):
    """The third page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Permissions"),
            tr("What the application may do in the vault. Looking changes nothing there."),
        )
        self.task: Task | None = None
        self._inputs = ""
        self._shown: object = None
        self.admin = Administering(self)
        self.banner = Banner()
        self.add(self.banner)
        self.look_button = button(tr("Loo&k at what the application may do"), self.run, "primary")
        self.look_note = label("", "soft")
        self.go_first = button(tr("Go to Ke&y Vault"), lambda: workspace.go.emit(KEY_VAULT), "primary")
        self.go_first.setProperty("reads", True)
        # the card of the administrator stands below the findings, which may be long
        self.fix_button = button(tr("Fi&x it as administrator…"), self._show_admin)
        self.fix_button.hide()
        actions = row(self.go_first, self.look_button, self.fix_button, self.look_note, gap=12)
        actions.setStretch(3, 1)
        self.add(actions)
        self.table = PermissionsTable()
        self.findings = FindingList(tr("What was checked"))
        self.findings.again.connect(lambda finding: self.run())
        self.findings.link.connect(self.link)
        right = QWidget()
        self._beside = column(self.findings, self.admin.card, gap=12)
        right.setLayout(self._beside)
        self.columns = Columns(self.table, right, share=(5, 3))
        # what is about to be granted has the whole width, and is not looked for below the findings
        self._above = QVBoxLayout()
        self.add(self._above)
        self.add(self.columns)
        self.preview = permissions_preview()
        self.add(self.preview)
        self.done()

    # -- showing

    def refresh(self) -> None:
        self._show_result()

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def place_card(self, *, wide: bool) -> None:
        """Put the administrator's card over the whole width, or below the findings."""
        place, card = self._above if wide else self._beside, self.admin.card
        if place.indexOf(card) < 0:
            hidden = card.isHidden()
            place.addWidget(card)
            # Qt would show it a moment later only, when the focus has been lost already
            card.setHidden(hidden)

    def _show_result(self) -> None:
        if self.task is not None:
            return
        workspace = self.workspace
        state = workspace.flow.state(PERMISSIONS)
        result = workspace.profile.results.get(PERMISSIONS)
        first = key_vault_first(workspace) if result is None else None
        shown = (id(result), state, first, self.admin.where())
        if shown == self._shown:
            return
        self._shown = shown
        self.admin.refresh()
        report = kept_report(result) if result is not None else None
        self.columns.setVisible(result is not None)
        self.preview.setVisible(result is None)
        self.go_first.setVisible(first is not None)
        # with nothing to ask by there is nothing to look for
        can_look = first is None or first[0] is not Severity.INFO
        self.look_button.setVisible(can_look)
        self.look_note.setText(
            tr("Asks the vault about each permission, and has one test digest signed. Changes nothing.")
            if can_look
            else tr("Then the vault can be asked about each permission. That changes nothing.")
        )
        if result is None:
            self.fix_button.hide()
            restyle(self.look_button, "kind", "primary" if first is None else "")
            told = first or (
                Severity.INFO,
                tr("Nobody has looked yet at what the application may do."),
                tr("A few seconds, and nothing changes in the vault."),
            )
            self.banner.say(*told, mark=Mark.NOW if told[0] is Severity.INFO else None)
            return
        severity, title, text = verdict(result.findings, all_clear(report), blocked(report))
        stamp = tr("Checked {time}.").format(time=when(result.obtained))
        if state is StepState.OUT_OF_DATE:
            self.banner.say(
                Severity.WARNING,
                tr("Something changed since this was checked. Look again."),
                tr("The result below is of {time}.").format(time=when(result.obtained)),
                mark=Mark.OUT_OF_DATE,
            )
        else:
            self.banner.say(severity, title, f"{text} {stamp}".strip())
        # one accent a page: what is missing is mended with the administrator's account
        stale = state is StepState.OUT_OF_DATE
        to_fix = to_be_granted(result.findings)
        mending = report is not None and (to_fix or self.admin.asks) and not stale
        restyle(self.look_button, "kind", "" if mending or state is StepState.DONE else "primary")
        restyle(self.admin.card.go, "kind", "primary" if mending else "")
        self.fix_button.setVisible(mending and not self.admin.asks)
        if mending:
            self.look_note.setText("")  # what looking does is known by now, and two buttons need the room
        self.look_button.setText(tr("Loo&k again"))
        self.findings.set(result.findings)
        self.admin.card.offer(to_fix=to_fix)
        self.admin.card.setVisible(report is not None)
        self.table.show_report(report)

    def _show_admin(self) -> None:
        self.show_part(self.admin.card.go)
        self.take_focus(self.admin.card.way)

    # -- looking

    def run(self) -> None:
        """Look what the application may do; with the administrator's eyes once somebody signed in."""
        admin = self.admin.session
        check = self.check()
        if check is None:
            return
        self.begin(tr("Looking at the permissions"), lambda job: check.look(job, admin), self.looked)
        self.say_now(
            tr("Looking what the application may do."),
            tr("The vault is asked about each permission; nothing changes."),
        )

    def say_now(self, title: str, text: str = "") -> None:
        """Say what is under way, in place of what was found before."""
        self.banner.say(Severity.INFO, title, text, mark=Mark.NOW)

    def check(self) -> Check | None:
        """Return what looks and grants, ``None`` while something is under way."""
        from codesign_wizard.core.azure.permissions.check import Check

        session = self.workspace.session
        if self.task is not None or not self.workspace.may_begin():
            return None
        return Check(session.network, session.azure_options(), session.application_secret)

    def begin(self, name: str, work: Any, done: Any) -> None:
        """Run *work* on a thread under *name*; *done* takes its answer."""
        workspace = self.workspace
        self._inputs = workspace.flow.inputs(PERMISSIONS)
        self.task = workspace.runner.start(work, name)
        self.follow(self.task, done=done, failed=self._failed, finished=self._over)
        self._let_work(False)

    def looked(self, outcome: Looked) -> None:
        """Keep what was seen."""
        record_diagnosis(
            self.workspace.flow,
            outcome.findings,
            outcome.facts,
            outcome.report,
            inputs=self._inputs,
            asked=PERMISSIONS,
        )
        self.admin.looked(outcome)
        self.workspace.edited()

    def _let_work(self, allowed: bool) -> None:
        self.let_use((self.look_button, self.fix_button, *self.admin.closed_while_working), allowed)

    def _failed(self, finding: Finding) -> None:
        self.workspace.flow.record(PERMISSIONS, [finding], {}, inputs=self._inputs)
        self.workspace.edited()

    def _over(self) -> None:
        self.task = None
        self._shown = None
        self._let_work(True)
        self.admin.over()
        self._show_result()
        self.verticalScrollBar().setValue(0)
        announce(self, self.banner.title, assertive=True)
        if self.admin.asks:
            # what is to be done next, and what is granted by it, stands above the findings
            self.take_focus(self.admin.card.what)
        elif not self.findings.focus_first():
            self.take_focus(self.look_button)
