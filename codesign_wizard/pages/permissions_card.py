"""The administrator's card on the page *Permissions*: ways to sign in, a code, and what would be granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from codesign_wizard.core.azure.permissions.catalogue import Purpose
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
    from codesign_wizard.core.azure.permissions.admin import DeviceCode
    from codesign_wizard.core.azure.permissions.grant import GrantPlan

_NAME_WIDTH = 56  # of the longest, in German too: what is said once stands in line with the rest
_FEW_LINES = 4  # more than that in one grant is folded


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
