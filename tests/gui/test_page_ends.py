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

from codesign_wizard.core import doctor
from codesign_wizard.core.azure.permissions.check import Check, Looked
from codesign_wizard.core.azure.permissions.plan import GrantPlan
from codesign_wizard.core.certificates.desk import CertificateDesk, DeskState, Stage
from codesign_wizard.core.comet import kept, work
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    PERMISSIONS,
    SERVER,
    START,
    STEPS,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.job import Job
from codesign_wizard.core.profile import AzureSettings, Profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.pages.apple_certificates import AppleCertificatesPage
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.macos_level import MacosLevelPage
from codesign_wizard.pages.permissions import PermissionsPage
from codesign_wizard.pages.server import ServerPage
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
        self.answer, self._gate, self.reached = answer, threading.Event(), threading.Event()

    def __call__(self, *given: Any) -> Any:
        self.reached.set()
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


@pytest.mark.parametrize("given", [True, False])
def test_a_secret_that_is_kept_meanwhile_leaves_the_first_profiles_result_out_of_date(
    given: bool,
    window: MainWindow,
    qtbot: QtBot,
    raised: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, held = open_at(window, KEY_VAULT), Held(None)
    wait_idle(window, qtbot)
    assert isinstance(page, KeyVaultPage)
    window.workspace.flow.record(KEY_VAULT, [SEEN()], {})
    window.workspace.edited()
    first, keep = window.workspace.session, Session.set_application_secret

    def late(session: Session, secret: Secret | None) -> None:
        held()
        keep(session, secret)

    monkeypatch.setattr(Session, "set_application_secret", late)
    if given:
        page._secret_given(Secret("typed-a-moment-ago"))
    else:
        page._secret_forgotten()
    leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    kept = first.profiles.load(first.profile.id)
    assert kept.windows.azure.secret_revision == 1
    assert Flow(kept).state(KEY_VAULT) is StepState.OUT_OF_DATE
    assert raised == []


@pytest.mark.parametrize("given", [True, False])
def test_so_does_a_password_of_the_files(
    given: bool,
    window: MainWindow,
    qtbot: QtBot,
    raised: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, held = open_at(window, APPLE_CERTIFICATES), Held(None)
    wait_idle(window, qtbot)
    assert isinstance(page, AppleCertificatesPage)
    first, keep = window.workspace.session, Session.keep_apple_passwords

    def late(session: Session, *passwords: Secret | None) -> None:
        held()
        keep(session, *passwords)

    monkeypatch.setattr(Session, "keep_apple_passwords", late)
    if given:
        page._password_given(Secret("typed-a-moment-ago"), other=False)
    else:
        page._forget_passwords()
    qtbot.waitUntil(held.reached.is_set)
    leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    assert first.profiles.load(first.profile.id).macos.password_revision == 1
    assert raised == []


def test_a_password_that_is_being_kept_is_kept_though_other_files_are_given_meanwhile(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, held = open_at(window, APPLE_CERTIFICATES), Held(None)
    wait_idle(window, qtbot)
    assert isinstance(page, AppleCertificatesPage)
    first, keep = window.workspace.session, Session.keep_apple_passwords

    def late(session: Session, *passwords: Secret | None) -> None:
        held()
        keep(session, *passwords)

    monkeypatch.setattr(Session, "keep_apple_passwords", late)
    page._password_given(Secret("typed-a-moment-ago"), other=False)
    qtbot.waitUntil(held.reached.is_set)
    page.look()  # its answer is the one that is wanted now
    leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    assert first.profiles.load(first.profile.id).macos.password_revision == 1
    assert raised == []


def test_a_profile_that_is_forgotten_stays_so_whatever_is_typed_meanwhile(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, page, forgetting = window.workspace.session, open_at(window, START), Held(None)
    wait_idle(window, qtbot)
    window.workspace.save()
    assert first.profiles.load(first.profile.id)
    assert isinstance(page, StartPage)
    monkeypatch.setattr("codesign_wizard.core.profile_secrets.forget_all", forgetting)
    page._forget()
    qtbot.waitUntil(forgetting.reached.is_set)
    page.product.edit.setText("Harbour Backup")
    page.product.edited.emit("Harbour Backup")
    forgetting.go()
    wait_idle(window, qtbot)
    assert window.workspace.session is not first
    assert first.profile.id not in [each.id for each in first.profiles.list()]
    assert raised == []


def test_a_secret_that_is_given_while_its_profile_is_forgotten_is_forgotten_with_it(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, start, forgetting = window.workspace.session, open_at(window, START), Held(None)
    wait_idle(window, qtbot)
    window.workspace.save()
    assert isinstance(start, StartPage)
    with monkeypatch.context() as patch:
        patch.setattr("codesign_wizard.core.profile_secrets.forget_all", forgetting)
        start._forget()
        qtbot.waitUntil(forgetting.reached.is_set)
    page, held, keep = open_at(window, KEY_VAULT), Held(None), Session.set_application_secret
    assert isinstance(page, KeyVaultPage)

    def late(session: Session, secret: Secret | None) -> None:
        held()
        keep(session, secret)

    monkeypatch.setattr(Session, "set_application_secret", late)
    page._secret_given(Secret("typed-a-moment-ago"))
    forgetting.go()
    qtbot.waitUntil(lambda: window.workspace.session is not first)
    held.go()
    wait_idle(window, qtbot)
    assert first.profile.id not in [each.id for each in first.profiles.list()]
    assert first.application_secret() is None
    assert raised == []


def test_a_profile_is_not_forgotten_before_the_keyring_has_its_secret(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, held, notices = open_at(window, KEY_VAULT), Held(None), []
    wait_idle(window, qtbot)
    assert isinstance(page, KeyVaultPage)
    window.workspace.notice.connect(notices.append)
    first, keep = window.workspace.session, Session.set_application_secret

    def late(session: Session, secret: Secret | None) -> None:
        held()
        keep(session, secret)

    monkeypatch.setattr(Session, "set_application_secret", late)
    page._secret_given(Secret("typed-a-moment-ago"))
    start = open_at(window, START)
    assert isinstance(start, StartPage)
    start._forget()
    assert [each.title for each in notices] == [
        "The removal of the profile has to wait: “Storing the secret” is under way."
    ]
    held.go()
    wait_idle(window, qtbot)
    assert first.application_secret() is not None
    start._forget()
    wait_idle(window, qtbot)
    assert window.workspace.session is not first
    assert first.application_secret() is None
    assert raised == []


class ServersDesk:
    """A session on a server, which can be closed, and then could not be ended there."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> list[Finding]:
        self.closed += 1
        return [SEEN()]


def _seen_server() -> work.Seen:
    looked = kept.Looked("first.example", "admin", "24.9", 0.0, [], [], [SEEN()])
    return work.Seen(None, [], looked)  # type: ignore[arg-type]  # nothing is changed by it


def _signing_in(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(doctor.DoctorResult([SEEN()]))
    patch.setattr(doctor, "doctor_windows", held)
    window.workspace.profile.windows.azure = azure()
    page = open_at(window, KEY_VAULT)
    assert isinstance(page, KeyVaultPage)
    page.run_sign_in()
    return held


def _looking(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(Looked([SEEN()]))
    patch.setattr(Check, "look", held)
    page = open_at(window, PERMISSIONS)
    assert isinstance(page, PermissionsPage)
    page.run()
    return held


def _administrating(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(Looked([SEEN()]))
    patch.setattr(Check, "sign_in", lambda *_, **__: None)
    patch.setattr(Check, "look", held)
    page = open_at(window, PERMISSIONS)
    assert isinstance(page, PermissionsPage)
    page.admin.sign_in()
    return held


def _granting(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(Looked([SEEN()]))

    def grant(check: Check, job: Job, outcome: object, admin: object, plan: object, *, tick: Any) -> Looked:
        answer: Looked = held()
        tick(1.0, 2.0)  # as a grant tells while it is waited for, whoever looks
        return answer

    patch.setattr(Check, "grant", grant)
    page = open_at(window, PERMISSIONS)
    assert isinstance(page, PermissionsPage)
    admin = page.admin
    admin.session, admin._outcome = object(), Looked([])  # type: ignore[assignment]
    admin.plan = GrantPlan((), "", "")
    admin.grant()
    return held


def _connecting(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(_seen_server())
    patch.setattr(work, "connect", lambda *_, **__: ServersDesk())
    patch.setattr(work, "look", held)
    page = open_at(window, SERVER)
    assert isinstance(page, ServerPage)
    page.jobs.connect_server()
    return held


def _recovering(window: MainWindow, patch: pytest.MonkeyPatch) -> Held:
    held = Held(STATE)
    patch.setattr(CertificateDesk, "recover", held)
    page = open_at(window, CERTIFICATE)
    assert isinstance(page, CertificatePage)
    page.requesting.ask_recover()
    page.question.yes.click()
    return held


def azure() -> AzureSettings:
    return AzureSettings(
        vault_name="first-vault",
        certificate_name="first-name",
        application_id="66666666-7777-4888-8999-aaaaaaaaaaaa",
        tenant_id="11111111-2222-4333-8444-555555555555",
    )


Begin = Callable[["MainWindow", pytest.MonkeyPatch], Held]
JOBS = {
    _signing_in: KEY_VAULT,
    _looking: PERMISSIONS,
    _administrating: PERMISSIONS,
    _granting: PERMISSIONS,
    _connecting: SERVER,
    _recovering: CERTIFICATE,
}


@pytest.mark.parametrize("begin", JOBS)
def test_what_a_held_job_finds_is_for_the_profile_it_was_begun_for(
    begin: Begin,
    window: MainWindow,
    qtbot: QtBot,
    raised: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another profile is wanted meanwhile, and not opened; then it is."""
    window.workspace.profile.server_wanted = True
    first, second = window.workspace.session, other(window)
    held = begin(window, monkeypatch)
    notices: list[Finding] = []
    window.workspace.notice.connect(notices.append)
    (task,) = (each for each in window.runner.tasks if not each.quiet)
    window.show_step(START)
    window.workspace.open_profile(second.profile)
    (told,) = notices
    assert (told.id, told.title) == (
        "profile.job-under-way",
        f"The profile {second.profile.name} has to wait: “{task.name}” is under way.",
    )
    assert window.workspace.session is first
    held.go()
    wait_idle(window, qtbot)
    window.workspace.save()
    window.workspace.open_profile(second.profile)
    assert window.workspace.profile.id == second.profile.id
    wait_idle(window, qtbot)
    assert JOBS[begin] in first.profiles.load(first.profile.id).results
    assert (window.workspace.profile.results, raised) == ({}, [])


@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("begin", JOBS)
def test_what_a_held_job_finds_is_told_to_no_page_that_came_after(
    begin: Begin,
    same: bool,
    deleted: bool,
    window: MainWindow,
    qtbot: QtBot,
    raised: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Past every guard: another profile, or, as with a scenario of the practice, every page anew.

    A page that is gone is deleted a moment later, and not while something waits for an answer above it.
    """
    window.workspace.profile.server_wanted = True
    unforeseen: list[Finding] = []
    held = begin(window, monkeypatch)
    for task in window.runner.tasks:
        task.failed.connect(unforeseen.append)
    qtbot.waitUntil(held.reached.is_set)
    gone = window.page
    gone.setObjectName("gone")
    if not deleted:
        monkeypatch.setattr(type(gone), "deleteLater", lambda page: None)
    if same:
        window._replaced()
    else:
        window.workspace.replace(other(window))
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    held.go()
    wait_idle(window, qtbot)
    assert JOBS[begin] not in window.workspace.profile.results
    assert (raised, unforeseen) == ([], [])
    if not deleted:
        monkeypatch.undo()
        gone.deleteLater()


def test_a_session_that_stays_open_after_a_sign_in_that_failed_is_told(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    window.workspace.profile.server_wanted = True
    notices: list[Finding] = []
    window.workspace.notice.connect(notices.append)

    def failing(*_: object) -> work.Seen:
        raise InputError(SEEN(severity=Severity.ERROR))

    held = _connecting(window, monkeypatch)
    monkeypatch.setattr(work, "look", failing)
    wait_idle(window, qtbot)
    assert not held.reached.is_set()
    assert ([each.id for each in notices], raised) == ([SEEN.id], [])


@pytest.mark.parametrize("same", [True, False])
def test_a_secret_that_could_not_be_kept_is_told_though_the_page_is_gone(
    same: bool, window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, name in ((KEY_VAULT, "set_application_secret"), (SERVER, "set_server_password")):
        notices: list[Finding] = []
        window.workspace.notice.connect(notices.append)
        window.workspace.profile.server_wanted = True
        page, held = open_at(window, key), Held(None)
        wait_idle(window, qtbot)

        def refused(session: Session, secret: object, held: Held = held) -> None:
            held()
            raise InputError(SEEN(severity=Severity.ERROR))

        monkeypatch.setattr(Session, name, refused)
        given = page._secret_given if key == KEY_VAULT else page._password_given
        given(Secret("typed-a-moment-ago"))
        qtbot.waitUntil(held.reached.is_set)
        if same:
            window._replaced()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        else:
            leave(window, other(window))
        held.go()
        wait_idle(window, qtbot)
        window.workspace.notice.disconnect(notices.append)
        assert ([each.id for each in notices], raised) == ([SEEN.id], []), key


def test_a_session_that_stays_open_on_the_server_is_told_though_the_page_is_gone(
    window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    window.workspace.profile.server_wanted = True
    _connecting(window, monkeypatch).go()
    wait_idle(window, qtbot)
    page = window.page
    notices: list[Finding] = []
    assert isinstance(page, ServerPage)
    assert page.jobs.desk is not None
    window.workspace.notice.connect(notices.append)
    leave(window, other(window))
    wait_idle(window, qtbot)
    assert ([each.id for each in notices], raised) == ([SEEN.id], [])


@pytest.mark.parametrize("same", [True, False])
def test_a_sign_in_for_a_page_that_is_gone_is_ended_on_the_server(
    same: bool, window: MainWindow, qtbot: QtBot, raised: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    window.workspace.profile.server_wanted = True
    notices: list[Finding] = []
    desk = ServersDesk()
    held = _connecting(window, monkeypatch)
    monkeypatch.setattr(work, "connect", lambda *_, **__: desk)  # which is not asked for before this ends
    qtbot.waitUntil(held.reached.is_set)
    window.workspace.notice.connect(notices.append)
    if same:
        window._replaced()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    else:
        leave(window, other(window))
    held.go()
    wait_idle(window, qtbot)
    assert (desk.closed, [each.id for each in notices], raised) == (1, [SEEN.id], [])


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
