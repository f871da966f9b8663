"""The administrator on the page *Permissions*: signing in, what would be granted, granting it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.pages.permissions_words import clock
from codesign_wizard.theme import px
from codesign_wizard.widgets.basics import (
    Card,
    Choice,
    CodeBox,
    CopyButton,
    Facts,
    announce,
    button,
    clear,
    hairline,
    label,
    row,
)
from codesign_wizard.widgets.pieces import Fold, Tabs, az_box, portal_steps, powershell_box

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.admin import AdminSession, DeviceCode
    from codesign_wizard.core.azure.permissions.check import Looked
    from codesign_wizard.core.azure.permissions.grant import GrantPlan
    from codesign_wizard.core.step_result import StepResult
    from codesign_wizard.pages.permissions import PermissionsPage

_NAME_WIDTH = 56  # of the longest, in German too: what is said once stands in line with the rest
_FEW_LINES = 4  # more than that in one grant is folded


class _FromThread(QObject):
    """What the thread at work tells; nobody's child, since it may tell more when the page is gone."""

    code_given = Signal(object)  # DeviceCode
    browser_asked = Signal(str)  # address
    waiting = Signal(float, float)  # seconds since the grant, seconds left


class AdminCard(Card):
    """How to sign in, the code for it, and what is granted to whom once somebody has."""

    def __init__(
        self, sign_in: Callable[[], object], grant: Callable[[], object], leave: Callable[[], object]
    ) -> None:
        from codesign_wizard.core.azure.permissions.admin import AdminWay

        super().__init__(tr("Fix it with my administrator account"))
        self._plan: GrantPlan | None = None
        self.copy: CopyButton | None = None  # of the code that is shown
        self.text = label(
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
        self.go = button(tr("Si&gn in as administrator…"), sign_in)
        self.code_part = QWidget()
        self.code_box = QVBoxLayout(self.code_part)
        self.code_box.setContentsMargins(0, 0, 0, 0)
        self.code_part.hide()
        self.grant_part = QWidget()
        grant_box = QVBoxLayout(self.grant_part)
        grant_box.setContentsMargins(0, 0, 0, 0)
        grant_box.setSpacing(px(8))
        self.what = Choice(tr("What to grant"))
        for purpose, least, words in (
            (Purpose.DOCUMENTED, False, tr("All that the documentation asks for")),
            (Purpose.LIFE, True, tr("Only what the certificate's life needs")),
            (Purpose.SIGN, True, tr("Only what signing needs")),
        ):
            self.what.addItem(words, (purpose, least))
        self.steps = QVBoxLayout()
        self.steps.setSpacing(px(8))
        self.grant_now = button(tr("&Grant this now"), grant, "primary")
        self.leave = button(tr("Leave it as it is"), leave)
        self.countdown = label("", "soft")
        self.countdown.hide()
        self.by_hand = QVBoxLayout()
        grant_box.addWidget(self.what)
        grant_box.addLayout(self.steps)
        grant_box.addLayout(row(self.grant_now, self.leave, None))
        grant_box.addWidget(self.countdown)
        grant_box.addLayout(self.by_hand)
        self.grant_part.hide()
        self.body.addWidget(self.text)
        self.body.addWidget(self.way)
        self.body.addLayout(row(self.go, None))
        for part in (self.code_part, self.grant_part):
            self.body.addWidget(part)

    def offer(self, *, to_fix: bool) -> None:
        """Say what an administrator's account is good for here: to mend what was found, or to look only."""
        title = tr("Fix it with my administrator account") if to_fix else tr("Look as an administrator")
        self.heading.setText(title)
        self.setAccessibleName(title)

    def show_code(self, code: DeviceCode, opener: QWidget, approve: QWidget | None) -> None:
        """Show the address and *code* to type there, and the buttons that open it or do it here."""
        clear(self.code_box)
        self.code_box.addWidget(label(tr("Open this address on any device, and type the code:")))
        self.code_box.addWidget(CodeBox(f"{code.address}\n{code.code}", tr("Address and code")))
        self.copy = CopyButton(lambda: code.code, tr("Copy the code"), "small")
        self.code_box.addLayout(row(self.copy, opener, None))
        if approve is not None:
            self.code_box.addLayout(row(approve, None))
        self.code_part.show()
        announce(self.code_part, tr("The code is {code}.").format(code=code.code), assertive=True)

    def show_plan(self, plan: GrantPlan) -> None:
        """Show what *plan* grants to whom, and how somebody else can do it."""
        self._plan = plan
        self._show_steps(plan)
        clear(self.by_hand)
        if plan.steps:
            self.by_hand.addWidget(_by_hand(plan))
        self.grant_now.setText(
            tr("&Wait until the vault knows of it") if plan.only_to_wait else tr("&Grant this now")
        )
        self.grant_now.setVisible(bool(plan.steps) or plan.only_to_wait)
        self.leave.setVisible(bool(plan.steps))
        self.grant_part.show()

    def _show_steps(self, plan: GrantPlan, *, granted: bool = False) -> None:
        clear(self.steps)
        if not plan.steps and not plan.notes:
            self.steps.addWidget(label(tr("All of it is granted already."), "ok"))
        # to whom and where is mostly the same for all: said once, and what changes with each
        every = [step.facts(granted=granted) for step in plan.steps]
        places = every[0][:2] if every else []
        common = [each for each in places if all(each in facts for facts in every)]
        if common:
            self.steps.addWidget(Facts(common, name_width=_NAME_WIDTH))
        for step, facts in zip(plan.steps, every, strict=True):
            self.steps.addWidget(hairline())
            self.steps.addWidget(label(step.title, "heading"))
            if step.detail.count("\n") > _FEW_LINES:
                fold = Fold(tr("What is in it"))
                fold.body.addWidget(label(step.detail, "soft"))
                self.steps.addWidget(fold)
            else:
                self.steps.addWidget(label(step.detail, "soft"))
            self.steps.addWidget(
                Facts([each for each in facts if each not in common], name_width=_NAME_WIDTH)
            )
        for note in plan.notes:
            self.steps.addWidget(label(note, "warning"))

    def show_waiting(self, gone: float, left: float) -> None:
        """Show the seconds *gone* since the grant, or since the wait for it began, and those *left*."""
        text = (
            tr(
                "Waiting for {gone}; the vault does not know the grant yet. Asking for {left} more at most. "
                "“Stop waiting” ends this; the grant stays."
            )
            if self._plan is not None and self._plan.only_to_wait
            else tr(
                "Granted {gone} ago; the vault does not know it yet. Asking for {left} more at most. "
                "“Stop waiting” ends this; the grant stays."
            )
        )
        self.countdown.setText(text.format(gone=clock(gone), left=clock(left)))
        if self.countdown.isHidden() and self._plan is not None:
            self._show_steps(self._plan, granted=True)
        self.countdown.show()


class Administering(QObject):
    """The administrator of one page; ``plan`` is what would be granted, once somebody signed in."""

    def __init__(self, page: PermissionsPage) -> None:
        super().__init__(page)
        self._page = page
        self.session: AdminSession | None = None
        self.plan: GrantPlan | None = None
        self._asked_for = self._signed_for = ("", "")  # tenant and cloud
        self._kept: StepResult | None = None  # of the same look as the outcome
        self._outcome: Looked | None = None  # of this run of the program; what is kept has no access in it
        self._before: dict[str, StepResult] = {}  # what was known when a grant began, till somebody looks
        card = self.card = AdminCard(self.sign_in, self.grant, self._leave)
        card.what.activated.connect(lambda place: self.show_plan())
        self.closed_while_working = (card.go, card.what, card.grant_now, card.leave)
        self._thread = _FromThread()
        self._thread.code_given.connect(self._show_code)
        self._thread.browser_asked.connect(self._open_browser)
        self._thread.waiting.connect(self._wait)

    def looked(self, outcome: Looked) -> None:
        """Take over what was seen, and has been kept: a plan is made of it."""
        self._outcome = outcome
        self._kept = self._page.workspace.profile.results.get(PERMISSIONS)
        self._before = {}

    def refresh(self) -> None:
        """Show no plan, and keep no session, for other settings than they were made for."""
        if self.session is None:
            return
        if self._signed_for != self.where():
            self.session = None
            self.card.text.setText(
                tr("The administrator was signed in to another tenant: sign in again for this one.")
            )
        self.show_plan()

    def where(self) -> tuple[str, str]:
        """Return the tenant and the cloud that an administrator is asked for."""
        azure = self._page.workspace.session.azure_options()
        return azure.tenant_id, azure.cloud.key

    def _is_current(self) -> bool:
        """Tell whether the plan is of what was seen last, with the settings as they are now."""
        workspace = self._page.workspace
        kept = workspace.profile.results.get(PERMISSIONS)
        return kept is self._kept and workspace.flow.state(PERMISSIONS) is not StepState.OUT_OF_DATE

    def over(self) -> None:
        """Tell that a job ended, however it did."""
        self.card.code_part.hide()
        self.card.countdown.hide()
        before, self._before = self._before, {}
        if not before:
            return
        # it was ended before anybody looked again, so what is kept is not of today
        self._outcome = None
        self.card.text.setText(tr("Stopped. What was granted by then stays; look again to see it."))
        workspace = self._page.workspace
        for key, kept in before.items():
            if workspace.profile.results.get(key) is kept:
                kept.inputs = ""  # of no settings: what was seen is out of date
        workspace.edited()

    @property
    def asks(self) -> bool:
        """Whether a plan is shown that can be granted, or waited for."""
        return not self.card.grant_part.isHidden() and not self.card.grant_now.isHidden()

    # -- signing in

    def sign_in(self) -> None:
        """Sign in as administrator in the way that is chosen, then look again with those eyes."""
        check = self._page.check()
        if check is None:
            return
        from codesign_wizard.core.azure.permissions.admin import AdminWay

        self._asked_for = self.where()
        way = AdminWay(self.card.way.currentData())  # Qt gives a plain text back
        thread, browser_address = self._thread, self._page.workspace.session.browser_address

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

        self._page.begin(tr("Signing in as administrator"), work, self._signed_in)
        self._page.say_now(
            tr("Signing in as administrator."),
            tr("Then the grants themselves are looked at; nothing changes."),
        )

    def _signed_in(self, both: tuple[AdminSession, Looked]) -> None:
        self.session, outcome = both
        self._signed_for = self._asked_for
        self._page.looked(outcome)

    def _open_browser(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    def _show_code(self, code: DeviceCode) -> None:
        session = self._page.workspace.session
        address = session.browser_address(code.open_address)
        opener = button(tr("Open the address"), lambda: self._open_browser(address), "small")
        approve = None
        if session.practice is not None:
            approve = button(
                tr("Let the practice administrator sign in"),
                lambda: session.approve_sign_in(code.code),
                "small",
            )
        self.card.show_code(code, opener, approve)
        self._page.show_part(self.card.code_part)
        if self.card.copy is not None:
            self._page.take_focus(self.card.copy)

    # -- granting

    def show_plan(self) -> None:
        """Show what would be granted, if an administrator signed in and has looked."""
        from codesign_wizard.core.azure.permissions.check import Check

        card, admin, outcome = self.card, self.session, self._outcome
        card.way.setVisible(admin is None)
        card.go.setVisible(admin is None)
        if admin is None or outcome is None or outcome.access is None or not self._is_current():
            self.plan = None
            card.grant_part.hide()
            self._page.place_card(wide=False)
            return
        card.text.setText(tr("Signed in as {account}.").format(account=admin.account))
        session = self._page.workspace.session
        check = Check(session.network, session.azure_options(), session.application_secret)
        purpose, least = card.what.currentData()
        self.plan = check.plan(outcome, Purpose(purpose), least=least)
        card.show_plan(self.plan)
        self._page.place_card(wide=True)

    def _leave(self) -> None:
        self.session = None
        self.card.text.setText(tr("Nothing was granted."))
        self.show_plan()
        self.card.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def grant(self) -> None:
        """Grant what the plan shows, wait until the vault knows of it, and look again."""
        check = self._page.check()
        admin, outcome, plan = self.session, self._outcome, self.plan
        if check is None or admin is None or outcome is None or plan is None:
            return
        thread = self._thread

        def work(job: Job) -> Any:
            return check.grant(job, outcome, admin, plan, tick=thread.waiting.emit)

        if plan.only_to_wait:
            # nothing changes by it: what was seen before stands if the wait is ended
            self._page.begin(tr("Waiting until the vault knows of it"), work, self._page.looked)
            self._say_waiting()
            return
        results = self._page.workspace.profile.results
        self._before = {key: results[key] for key in (PERMISSIONS, KEY_VAULT) if key in results}
        self._page.begin(tr("Granting"), work, self._page.looked)
        self._page.say_now(
            tr("Granting what is shown."), tr("Then the vault is asked until it knows of the grant.")
        )

    def _wait(self, gone: float, left: float) -> None:
        task = self._page.task
        if task is None:  # the last of it, told when the work has ended already
            return
        begun = self.card.countdown.isHidden()
        if begun:
            # the grant is made: from here on only the vault is waited for
            task.name, task.stop = tr("Waiting until the vault knows of it"), tr("Stop waiting")
            self._say_waiting()
            announce(self._page, self._page.banner.title)
            self._page.workspace.runner.changed.emit()  # the footer says so at once, not with its next second
        self.card.show_waiting(gone, left)
        if begun:
            self._page.show_part(self.card.countdown)

    def _say_waiting(self) -> None:
        self._page.say_now(
            tr("Granted. The vault does not know of it yet."),
            tr("That takes some minutes, and ends by itself."),
        )


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
