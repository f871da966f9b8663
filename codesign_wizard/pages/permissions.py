"""Permissions: what the application may do in the vault, and granting what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose
from codesign_wizard.core.azure.permissions.report import Observation, Report, Row, State
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import verdict, when
from codesign_wizard.core.windows_results import kept_report, record_diagnosis
from codesign_wizard.pages.base import Page
from codesign_wizard.pages.workspace import Workspace
from codesign_wizard.runner import Task
from codesign_wizard.theme import Mark, px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    CodeBox,
    Columns,
    CopyButton,
    Facts,
    announce,
    button,
    clear,
    hairline,
    label,
    restyle,
    row,
    set_pill,
)
from codesign_wizard.widgets.findings import FindingList, evidence_lines
from codesign_wizard.widgets.labels import end
from codesign_wizard.widgets.matrix import Matrix, missing_rows, short_name, state_words
from codesign_wizard.widgets.pieces import Banner, Fold, Tabs, az_box, portal_steps, powershell_box

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.admin import AdminSession, DeviceCode
    from codesign_wizard.core.azure.permissions.check import Looked
    from codesign_wizard.core.azure.permissions.grant import GrantPlan

_FEW_LINES = 4  # more than that in one grant is folded


class _FromThread(QObject):
    """What the thread at work tells; nobody's child, since it may tell more when the page is gone."""

    code_given = Signal(object)  # DeviceCode
    browser_asked = Signal(str)  # address
    waiting = Signal(float, float)  # seconds since the grant, seconds left


class PermissionsPage(Page):
    """The third page."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            tr("Permissions"),
            tr("What the application may do in the vault. Looking changes nothing there."),
        )
        self._task: Task | None = None
        self._inputs = ""
        self._shown: object = None
        self._report: Report | None = None
        self._outcome: Looked | None = None  # of this run of the program; what is kept has no access in it
        self._admin: AdminSession | None = None
        self._plan: GrantPlan | None = None
        self._granting = False
        self.banner = Banner()
        self.add(self.banner)
        self.look_button = button(tr("&Look what the application may do"), self.run, "primary")
        self.look_note = label(
            tr("Asks the vault about each permission, and has one test digest signed. Changes nothing."),
            "soft",
        )
        actions = row(self.look_button, self.look_note, gap=12)
        actions.setStretch(1, 1)
        self.add(actions)
        self.left = left = QWidget()
        self.right = right = QWidget()
        self._fill(left, (self._table(), self._detail()))
        self.findings = FindingList(tr("What was checked"))
        self.findings.again.connect(lambda finding: self.run())
        self.findings.link.connect(self.link)
        self._fill(right, (self.findings, self._admin_card()))
        self.columns = Columns(left, right, share=(5, 3))
        # what is about to be granted has the whole width, and is not looked for below the findings
        self.plan_place = QVBoxLayout()
        self.add(self.plan_place)
        self.add(self.columns)
        self.done()
        self._thread = _FromThread()
        self._thread.code_given.connect(self._show_code)
        self._thread.browser_asked.connect(self._open_browser)
        self._thread.waiting.connect(self._show_waiting)
        self._closed_while_working = (
            self.look_button, self.admin_go, self.what, self.grant_now, self.leave,
        )  # fmt: skip

    def _fill(self, part: QWidget, items: tuple[QWidget, ...]) -> None:
        box = QVBoxLayout(part)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(12))
        for item in items:
            box.addWidget(item)

    def _filters(self) -> QWidget:
        whole = QWidget()
        self.only_missing, self.everything = button("", kind="pill"), button("", kind="pill")
        set_pill(self.only_missing, tr("Only what is missing"))
        group = QButtonGroup(self)
        for pill in (self.only_missing, self.everything):
            pill.setCheckable(True)
            group.addButton(pill)
        self.only_missing.setAccessibleName(tr("Show only what is missing"))
        self.everything.setAccessibleName(tr("Show all permissions"))
        self.everything.setChecked(True)
        group.buttonClicked.connect(lambda clicked: self._show_rows())
        self.model_words = label("", "soft")
        self.model_words.setAlignment(end())
        line = row(self.only_missing, self.everything, self.model_words, gap=6)
        line.setStretch(2, 1)
        whole.setLayout(line)
        return whole

    def _table(self) -> QWidget:
        whole = QWidget()
        box = QVBoxLayout(whole)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(px(10))
        self.matrix = Matrix()
        self.matrix.chosen.connect(self._show_detail)
        self.nothing_missing = label(tr("Nothing that is asked for is missing."), "soft")
        self.verdicts = QVBoxLayout()
        self.verdicts.setSpacing(px(4))
        box.addLayout(self.verdicts)
        box.addWidget(self._filters())
        box.addWidget(self.matrix)
        box.addWidget(self.nothing_missing)
        return whole

    def _detail(self) -> Card:
        self.detail = Card()
        self.detail_box = QVBoxLayout()
        self.detail_box.setSpacing(px(8))
        self.detail.body.addLayout(self.detail_box)
        return self.detail

    def _admin_card(self) -> Card:
        from codesign_wizard.core.azure.permissions.admin import AdminWay

        card = self.admin_card = Card(tr("Fix it with my administrator account"))
        self.admin_text = label(
            tr(
                "It sees the grants themselves and when the application's secret ends, and can add what is "
                "missing. You see what is granted first."
            ),
            "soft",
        )
        self.way = Choice(tr("How to sign in"))
        for way, words in (
            (AdminWay.BROWSER, tr("In the browser")),
            (AdminWay.DEVICE_CODE, tr("With a code on another device")),
            (AdminWay.AZ, tr("With the session of az on this computer")),
        ):
            self.way.addItem(words, way)
        self.admin_go = button(tr("Si&gn in as administrator…"), self.sign_in_admin)
        self.code_part = QWidget()
        self.code_box = QVBoxLayout(self.code_part)
        self.code_box.setContentsMargins(0, 0, 0, 0)
        self.code_part.hide()
        self.grant_part = QWidget()
        self.grant_box = QVBoxLayout(self.grant_part)
        self.grant_box.setContentsMargins(0, 0, 0, 0)
        self.grant_box.setSpacing(px(8))
        self.what = Choice(tr("What to grant"))
        for purpose, least, words in (
            (Purpose.DOCUMENTED, False, tr("All that the documentation asks for")),
            (Purpose.LIFE, True, tr("Only what the certificate's life needs")),
            (Purpose.SIGN, True, tr("Only what signing needs")),
        ):
            self.what.addItem(words, (purpose, least))
        self.what.activated.connect(lambda place: self._show_plan())
        self.steps = QVBoxLayout()
        self.steps.setSpacing(px(8))
        self.grant_now = button(tr("&Grant this now"), self.grant, "primary")
        self.leave = button(tr("Leave it as it is"), self._leave_plan)
        self.grant_buttons = row(self.grant_now, self.leave, None)
        self.by_hand = QVBoxLayout()
        self.grant_box.addWidget(self.what)
        self.grant_box.addLayout(self.steps)
        self.countdown = label("", "soft")
        self.countdown.hide()
        self.grant_box.addLayout(self.grant_buttons)
        self.grant_box.addWidget(self.countdown)
        self.grant_box.addLayout(self.by_hand)
        self.grant_part.hide()
        card.body.addWidget(self.admin_text)
        card.body.addWidget(self.way)
        card.body.addLayout(row(self.admin_go, None))
        for part in (self.code_part, self.grant_part):
            card.body.addWidget(part)
        return card

    # -- showing

    def refresh(self) -> None:
        self._show_result()

    def focus_problem(self) -> bool:
        return self.findings.focus_first()

    def _show_result(self) -> None:
        if self._task is not None:
            return
        workspace = self.workspace
        state = workspace.flow.state(PERMISSIONS)
        result = workspace.profile.results.get(PERMISSIONS)
        shown = (id(result), state)
        if shown == self._shown:
            return
        self._shown = shown
        self._report = kept_report(result) if result is not None else None
        report = self._report
        self.columns.setVisible(result is not None)
        if result is None:
            self.banner.say(
                Severity.INFO,
                tr("Nobody has looked yet what the application may do."),
                tr("A few seconds, and nothing changes in the vault."),
                mark=Mark.NOW,
            )
            return
        severity, title, text = verdict(result.findings, tr("The application may do all that is needed."))
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
        mending = report is not None and severity is Severity.ERROR
        restyle(self.look_button, "kind", "" if mending or state is StepState.DONE else "primary")
        restyle(self.admin_go, "kind", "primary" if mending else "")
        self.look_button.setText(tr("&Look again"))
        self.findings.set(result.findings)
        self.admin_card.setVisible(report is not None)
        missing = bool(report is not None and missing_rows(report))
        (self.only_missing if missing else self.everything).setChecked(True)
        self._show_rows()

    def _show_rows(self) -> None:
        report = self._report
        known = report is not None and bool(report.rows)
        self.left.setVisible(known)
        clear(self.verdicts)
        if report is None or not known:
            self.nothing_missing.hide()
            return
        asked = [each for each in report.rows if each.permission.asked_for or each.state is State.GRANTED]
        missing = missing_rows(report)
        set_pill(self.everything, tr("All {n}").format(n=len(asked)))
        chosen = missing if self.only_missing.isChecked() else asked
        self.nothing_missing.setVisible(not chosen)
        self.matrix.setVisible(bool(chosen))
        self.detail.setVisible(bool(chosen))
        model = tr("Azure RBAC") if report.model is Model.RBAC else tr("access policy")
        self.model_words.setText(tr("Model: {model}").format(model=model))
        self.matrix.set(chosen)
        for each in report.verdicts():
            words = {
                State.GRANTED: tr("yes"),
                State.MISSING: tr("no"),
                State.LIKELY: tr("likely"),
                State.UNTESTABLE: tr("not known"),
            }[each.state]
            role = {State.GRANTED: "ok", State.MISSING: "error"}.get(each.state, "warning")
            line = row(label(f"{each.purpose.words}:", "soft"), label(words, role, wrap=False))
            line.setStretch(0, 1)
            self.verdicts.addLayout(line)

    def _show_detail(self, chosen: Row) -> None:
        clear(self.detail_box)
        permission = chosen.permission
        self.detail.setAccessibleName(f"{short_name(permission)}: {state_words(chosen)}")
        self.detail_box.addWidget(label(short_name(permission), "heading"))
        self.detail_box.addWidget(label(f"{permission.group}: {permission.label}", "soft"))
        self.detail_box.addWidget(label(state_words(chosen), _role(chosen)))
        for seen in chosen.observations:
            self.detail_box.addWidget(hairline())
            self.detail_box.addWidget(label(seen.text))
            fold = _evidence(seen)
            if fold is not None:
                self.detail_box.addWidget(fold)

    # -- looking

    def run(self) -> None:
        """Look what the application may do; with the administrator's eyes once somebody signed in."""
        admin = self._admin
        check = self._check()
        if check is None:
            return
        self._begin(tr("Looking at the permissions"), lambda job: check.look(job, admin), self._looked)
        self.banner.say(
            Severity.INFO,
            tr("Looking what the application may do."),
            tr("The vault is asked about each permission; nothing changes."),
            mark=Mark.NOW,
        )

    def _check(self) -> Any:
        from codesign_wizard.core.azure.permissions.check import Check

        session = self.workspace.session
        if self.workspace.runner.foreground is not None:
            return None
        return Check(session.network, session.azure_options(), session.application_secret)

    def _begin(self, name: str, work: Any, done: Any) -> None:
        workspace = self.workspace
        self._inputs = workspace.flow.inputs(PERMISSIONS)
        self._task = workspace.runner.start(work, name)
        self.follow(self._task, done=done, failed=self._failed, finished=self._over)
        for part in self._closed_while_working:
            part.setEnabled(False)

    def _looked(self, outcome: Looked) -> None:
        self._outcome = outcome
        self._granting = False
        record_diagnosis(
            self.workspace.flow,
            outcome.findings,
            outcome.facts,
            outcome.report,
            inputs=self._inputs,
            asked=PERMISSIONS,
        )
        self.workspace.edited()

    def _failed(self, finding: Finding) -> None:
        self.workspace.flow.record(PERMISSIONS, [finding], {}, inputs=self._inputs)
        self.workspace.edited()

    def _over(self) -> None:
        self._task = None
        self._shown = None
        for part in self._closed_while_working:
            part.setEnabled(True)
        self.code_part.hide()
        self.countdown.hide()
        if self._granting:  # it was ended before anybody looked again, so what is kept is not of today
            self._granting, self._outcome = False, None
            self.admin_text.setText(tr("Stopped. What was granted by then stays; look again to see it."))
        self._show_result()
        self._show_plan()
        announce(self, self.banner.title, assertive=True)
        if not self.findings.focus_first():
            self.take_focus(self.look_button)

    # -- the administrator

    def sign_in_admin(self) -> None:
        """Sign in as administrator in the way that is chosen, then look again with those eyes."""
        check = self._check()
        if check is None:
            return
        from codesign_wizard.core.azure.permissions.admin import AdminWay

        way = AdminWay(self.way.currentData())  # Qt gives a plain text back
        thread, browser_address = self._thread, self.workspace.session.browser_address

        def open_browser(address: str) -> bool:
            thread.browser_asked.emit(browser_address(address))
            return True

        def work(job: Job) -> Any:
            admin = check.sign_in(
                job,
                way,
                show_code=thread.code_given.emit,
                open_browser=open_browser,
            )
            return admin, check.look(job, admin)

        self._begin(tr("Signing in as administrator"), work, self._admin_looked)

    def _open_browser(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    def _show_code(self, code: DeviceCode) -> None:
        clear(self.code_box)
        self.code_box.addWidget(label(tr("Open this address on any device, and type the code:")))
        self.code_box.addWidget(CodeBox(f"{code.address}\n{code.code}", tr("Address and code")))
        copy = CopyButton(lambda: code.code, tr("Copy the code"), "small")
        session = self.workspace.session
        address = session.browser_address(code.open_address)
        opener = button(tr("Open the address"), lambda: self._open_browser(address), "small")
        self.code_box.addLayout(row(copy, opener, None))
        if session.practice is not None:
            approve = button(
                tr("Let the practice administrator sign in"),
                lambda: session.approve_sign_in(code.code),
                "small",
            )
            self.code_box.addLayout(row(approve, None))
        self.code_part.show()
        announce(self.code_part, tr("The code is {code}.").format(code=code.code), assertive=True)

    def _admin_looked(self, both: tuple[AdminSession, Looked]) -> None:
        self._admin, outcome = both
        self._looked(outcome)

    def _show_plan(self) -> None:
        from codesign_wizard.core.azure.permissions.check import Check

        admin, outcome = self._admin, self._outcome
        self.way.setVisible(admin is None)
        self.admin_go.setVisible(admin is None)
        if admin is None or outcome is None or outcome.access is None:
            self.grant_part.hide()
            self._place_card(wide=False)
            return
        self.admin_text.setText(tr("Signed in as {account}.").format(account=admin.account))
        session = self.workspace.session
        check = Check(session.network, session.azure_options(), session.application_secret)
        purpose, least = self.what.currentData()
        self._plan = plan = check.plan(outcome, Purpose(purpose), least=least)
        self._show_steps(plan)
        clear(self.by_hand)
        if plan.steps:
            self.by_hand.addWidget(_by_hand(plan))
        self.grant_now.setVisible(bool(plan.steps))
        self.leave.setVisible(bool(plan.steps))
        self.grant_part.show()
        self._place_card(wide=True)

    def _place_card(self, *, wide: bool) -> None:
        """Put the administrator's card over the whole width, or below the findings."""
        place = self.plan_place if wide else self.right.layout()
        if place is not None and place.indexOf(self.admin_card) < 0:
            hidden = self.admin_card.isHidden()
            place.addWidget(self.admin_card)
            # Qt would show it a moment later only, when the focus has been lost already
            self.admin_card.setHidden(hidden)

    def _show_steps(self, plan: GrantPlan) -> None:
        clear(self.steps)
        if not plan.steps and not plan.notes:
            self.steps.addWidget(label(tr("All of it is granted already."), "ok"))
        # to whom and where is mostly the same for all: said once, and what changes with each
        every = [step.facts() for step in plan.steps]
        places = every[0][:2] if every else []
        common = [each for each in places if all(each in facts for facts in every)]
        if common:
            self.steps.addWidget(Facts(common, name_width=40))
        for step, facts in zip(plan.steps, every, strict=True):
            self.steps.addWidget(hairline())
            self.steps.addWidget(label(step.title, "heading"))
            if step.detail.count("\n") > _FEW_LINES:
                fold = Fold(tr("What is in it"))
                fold.body.addWidget(label(step.detail, "soft"))
                self.steps.addWidget(fold)
            else:
                self.steps.addWidget(label(step.detail, "soft"))
            self.steps.addWidget(Facts([each for each in facts if each not in common], name_width=40))
        for note in plan.notes:
            self.steps.addWidget(label(note, "warning"))

    def _leave_plan(self) -> None:
        self._admin = None
        self.admin_text.setText(tr("Nothing was granted."))
        self._show_plan()
        self.admin_go.setFocus(Qt.FocusReason.OtherFocusReason)

    def grant(self) -> None:
        """Grant what the plan shows, wait until the vault knows of it, and look again."""
        check = self._check()
        admin, outcome, plan = self._admin, self._outcome, self._plan
        if check is None or admin is None or outcome is None or plan is None:
            return

        thread = self._thread

        def work(job: Job) -> Any:
            return check.grant(job, outcome, admin, plan, tick=thread.waiting.emit)

        self._granting = True
        self._begin(tr("Granting"), work, self._looked)

    def _show_waiting(self, gone: float, left: float) -> None:
        self.countdown.setText(
            tr(
                "Granted {n} s ago; the vault does not know it yet. Asking for {m} s more at most. "
                "Cancel ends the waiting; the grant stays."
            ).format(n=int(gone), m=int(left))
        )
        self.countdown.show()


def _by_hand(plan: GrantPlan) -> Fold:
    """Return how somebody else, or another program, does what *plan* says."""
    fold = Fold(tr("By hand, or for somebody else to do: portal, az, PowerShell"))
    tabs = Tabs(tr("Ways to do it"))
    portal = QWidget()
    box = QVBoxLayout(portal)
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(px(8))
    for step in plan.steps:
        if step.portal:
            box.addWidget(label(step.title, "heading"))
            box.addWidget(portal_steps(step.portal))
    tabs.add(tr("Portal"), portal)
    tabs.add("az", az_box("\n".join(step.az for step in plan.steps), tr("az command")))
    shell = "\n".join(step.powershell for step in plan.steps)
    tabs.add("PowerShell", powershell_box(shell, tr("PowerShell command")))
    fold.body.addWidget(tabs)
    return fold


def _role(chosen: Row) -> str:
    return {State.GRANTED: "ok", State.MISSING: "error"}.get(chosen.state, "warning")


def _evidence(seen: Observation) -> Fold | None:
    lines = evidence_lines(seen.evidence)
    if not lines:
        return None
    fold = Fold(tr("What we saw"))
    fold.button.setAccessibleName(tr("What we saw"))
    text = "\n".join(f"{name}: {value}" for name, value in lines)
    fold.body.addWidget(CodeBox(text, tr("What we saw")))
    copy = CopyButton(lambda: text, kind="small")
    copy.setAccessibleName(tr("Copy what we saw"))
    fold.body.addLayout(row(copy, None))
    return fold
