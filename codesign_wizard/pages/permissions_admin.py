"""The administrator on the page *Permissions*: signing in, and granting what the card shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from codesign_wizard.core.azure.permissions.catalogue import Purpose
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.core.text import tr
from codesign_wizard.pages.permissions_card import AdminCard
from codesign_wizard.widgets.basics import announce, button

if TYPE_CHECKING:
    from codesign_wizard.core.azure.permissions.admin import AdminSession, DeviceCode
    from codesign_wizard.core.azure.permissions.check import Looked
    from codesign_wizard.core.azure.permissions.grant import GrantPlan
    from codesign_wizard.core.step_result import StepResult
    from codesign_wizard.pages.permissions import PermissionsPage


class _FromThread(QObject):
    """What the thread at work tells; nobody's child, since it may tell more when the page is gone."""

    code_given = Signal(object)  # DeviceCode
    browser_asked = Signal(str)  # address
    waiting = Signal(float, float)  # seconds since the grant, seconds left


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
                kept.outdate()
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
