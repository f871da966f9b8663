"""A job that outlives its page, or ends while another is shown: whose answer it is, and who has the focus."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from codesign_wizard.core.certificates.desk import DeskState, Stage
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    MACOS_LEVEL,
    START,
    STEPS,
    WINDOWS_TRIAL,
)
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import Profile
from codesign_wizard.pages.apple_certificates import AppleCertificatesPage
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.pages.macos_level import MacosLevelPage
from codesign_wizard.pages.start import StartPage
from codesign_wizard.pages.trial import Outcome, TrialPage
from codesign_wizard.session import Session
from codesign_wizard.widgets.findings import PassedRow
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

SEEN = FindingKind("test.seen", Severity.OK, "It was seen.", "Only in tests.")


_numbers = itertools.count()


class Held:
    """A job's answer, held back until ``go``."""

    def __init__(self, answer: Any) -> None:
        self.answer, self._gate = answer, threading.Event()

    def __call__(self, *given: Any) -> Any:
        assert self._gate.wait(30)
        return self.answer

    def go(self) -> None:
        self._gate.set()


@pytest.fixture
def raised(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What slots raise, which the window would tell above the page."""
    seen: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: seen.append(error))
    monkeypatch.setattr(window, "unexpected", seen.append)
    return seen


def open_at(window: MainWindow, key: str) -> Any:
    """Open the step *key* of the window's profile, wherever its turn is."""
    profile = window.workspace.profile
    profile.reached = [step.key for step in STEPS]
    profile.windows_wanted = profile.macos_wanted = True
    window.workspace.edited()
    window.show_step(key)
    return window.page


def other(window: MainWindow) -> Session:
    """Return a session on another profile of the same store."""
    former = window.workspace.session
    profile = Profile(id=f"other-{next(_numbers)}", name="Other product")
    former.profiles.save(profile)
    return Session(profile, former.profiles, secrets=former.opened_secrets)


def leave(window: MainWindow, session: Session) -> None:
    """Go on with *session* past every guard, and let the former pages be deleted."""
    window.workspace.replace(session)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


STATE = DeskState(stage=Stage.FREE, vault="first-vault", name="first-name", findings=())


def _made(page: CertificatePage, held: Held) -> bool:
    return page.begin("Making", held, page.requesting._made, changing=True)


def _merged(page: CertificatePage, held: Held) -> bool:
    return page.begin("Merging", held, page.answering._merged, changing=True)


def _checked(page: CertificatePage, held: Held) -> bool:
    return page.begin("Checking", held, lambda found: page.requesting._checked([], page.form.form.asked()))


def _looked(page: CertificatePage, held: Held) -> bool:
    return page.begin("Looking", held, page.record, quiet=True)


def test_a_certificates_answer_lands_in_no_other_profile(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException]
) -> None:
    for begin in (_made, _merged, _checked, _looked):
        for same in (False, True):
            page, held = open_at(window, CERTIFICATE), Held(STATE)
            wait_idle(window, qtbot)
            assert isinstance(page, CertificatePage)
            assert begin(page, held)
            qtbot.waitUntil(lambda: not window.runner._waiting)
            if same:  # as a scenario of the practice does: every page begins anew
                window._replaced()
                QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            else:
                leave(window, other(window))
            held.go()
            wait_idle(window, qtbot)
            assert CERTIFICATE not in window.workspace.profile.results, begin
            assert raised == [], begin


def test_what_apple_certificates_made_is_told_to_no_other_profile(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException]
) -> None:
    page, held = open_at(window, APPLE_CERTIFICATES), Held(None)
    wait_idle(window, qtbot)
    assert isinstance(page, AppleCertificatesPage)
    told: list[object] = []
    page.begin("Writing", held, told.append, lasting=True)
    leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    assert (told, window.workspace.profile.results, raised) == ([], {}, [])


def test_a_key_that_is_kept_meanwhile_is_the_first_profiles(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesign_wizard.core.apple import key_work

    page, held = open_at(window, MACOS_LEVEL), Held(None)
    wait_idle(window, qtbot)
    assert isinstance(page, MacosLevelPage)

    def take(keeper: Session, path: Path, ids: object) -> None:
        held()
        keeper.profile.macos.api_key.key_id = "NEWKEY1234"

    monkeypatch.setattr(key_work, "take", take)
    first = window.workspace.session
    page.take("AuthKey_NEWKEY1234.p8")
    leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    assert first.profiles.load(first.profile.id).macos.api_key.key_id == "NEWKEY1234"
    assert window.workspace.profile.macos.api_key.key_id == ""
    assert raised == []


def test_another_profile_is_not_opened_under_a_job_and_that_is_told(window: MainWindow, qtbot: QtBot) -> None:
    page, held = open_at(window, WINDOWS_TRIAL), Held(Outcome([SEEN()], {}))
    assert isinstance(page, TrialPage)
    page.work = lambda: held  # type: ignore[method-assign]
    first, second = window.workspace.session, other(window)
    page.run()
    window.show_step(START)
    start = window.page
    assert isinstance(start, StartPage)
    notices: list[Finding] = []
    window.workspace.notice.connect(notices.append)
    item = next(
        start.list.item(row)
        for row in range(start.list.count())
        if start.list.item(row).data(Qt.ItemDataRole.UserRole) == second.profile.id
    )
    start.list.setCurrentItem(item)
    start._open(item)
    assert start.list.currentItem() is not item
    start._ask_name(making=True)
    start.name.setText("A third")
    start._name_given()
    assert start.name_row.isVisible(), "what was typed stays"
    start._forget()
    window.workspace.start_practice(lambda: second)
    window.workspace._report_opened(second)
    assert {one.id for one in notices} == {"profile.job-under-way"}
    assert len(notices) == 5
    assert "Signing and verifying" in notices[0].title
    assert window.workspace.session is first
    assert len(first.profiles.list()) == 2
    held.go()
    wait_idle(window, qtbot)
    window.workspace.save()
    assert WINDOWS_TRIAL in first.profiles.load(first.profile.id).results
    start._open(item)
    assert window.workspace.profile.id == second.profile.id


def test_keys_never_reach_a_page_that_is_not_shown(window: MainWindow, qtbot: QtBot) -> None:
    page, held = open_at(window, WINDOWS_TRIAL), Held(Outcome([], {}))
    assert isinstance(page, TrialPage)
    begun: list[int] = []

    def work() -> Callable[[Job], Outcome]:
        begun.append(1)
        return held

    page.work = work  # type: ignore[method-assign]
    window.activateWindow()
    page.run()
    window.show_step(START)
    start = window.page
    assert isinstance(start, StartPage)
    start.product.set("")
    start.product.edit.setFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_A)
    held.go()
    wait_idle(window, qtbot)
    for key in (Qt.Key.Key_B, Qt.Key.Key_Space, Qt.Key.Key_C):
        QTest.keyClick(window.windowHandle(), key)
    assert start.product.text == "ab c"
    assert QApplication.focusWidget() is start.product.edit
    assert len(begun) == 1
    assert not window.runner.tasks
    # nor does a question that a hidden page asks, nor its first problem
    certificate = window.page_of(CERTIFICATE)
    assert isinstance(certificate, CertificatePage)
    certificate.question.ask("Really?", "", "Yes", lambda: begun.append(2))
    certificate.problems.set([replace(SEEN(), severity=Severity.ERROR)])
    assert not certificate.focus_problem()
    assert QApplication.focusWidget() is start.product.edit


def test_a_request_whose_finding_is_folded_away_opens_details(window: MainWindow, qtbot: QtBot) -> None:
    page = open_at(window, WINDOWS_TRIAL)
    assert isinstance(page, TrialPage)
    wait_idle(window, qtbot)
    found = [SEEN(evidence=Evidence(request_id="request-7"))]
    flow = window.workspace.flow
    flow.record(WINDOWS_TRIAL, found, {"signer": "x"}, inputs=flow.inputs(WINDOWS_TRIAL))
    page.show_facts = lambda result: [("Signer", "x")]  # type: ignore[method-assign]
    window.workspace.edited()
    window.show_step(START)
    assert not page.details.isChecked()
    assert not page.findChildren(PassedRow)
    window.show_finding("request-7")
    row = QApplication.focusWidget()
    assert isinstance(row, PassedRow)
    assert row.finding.evidence.request_id == "request-7"
    assert row.isVisible()
    assert page.details.isChecked()
    # one that its page keeps to itself is at least told
    page.told_besides = lambda: (SEEN().id,)  # type: ignore[method-assign]
    page.details.setChecked(False)
    page._shown = None
    page.refresh()
    window.show_finding("request-7")
    assert "does not show it" in window.footer.reason.text()
