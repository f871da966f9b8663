"""The page *Certificate* in each state of a certificate's life: what it shows, keeps and offers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from codesign_wizard.core.certificates.desk import CertificateDesk, Stage
from codesign_wizard.core.certificates.vault import CertificateVault
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, START, StepState
from codesign_wizard.core.job import Job
from codesign_wizard.pages.certificate import CertificatePage
from codesign_wizard.session import Session
from tests.gui.driving import wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow
from tests.gui.certificate_driving import NAME, Opening, answer, fill, make, primaries, stage


def test_a_certificate_that_works_is_judged_and_done(page_on: Opening) -> None:
    window, page = page_on()
    assert page.banner.title.startswith("The certificate can sign programs until ")
    assert page.held.isVisible()
    assert not page.pending.isVisible()
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE
    assert len(page.chain.links.children()) == 3
    assert page.judged.passed is not None
    assert primaries(page) == []


def test_the_request_is_found_again_in_the_vault_after_a_restart(
    page_on: Opening, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    window, page = page_on(NAME)
    make(window, page, qtbot)
    pem = page.request.pem
    session = window.workspace.session
    window.close()
    # shown at once from the profile, as it was seen
    session.profile.windows.request.organization = ""
    again = open_window(session)
    assert isinstance(again.page, CertificatePage)
    assert again.page.request.pem == pem
    again.close()
    # and without anything remembered here
    session.profile.results.clear()
    fresh = open_window(session)
    assert isinstance(fresh.page, CertificatePage)
    assert not fresh.page.pending.isVisible()
    fresh.page.look()
    wait_idle(fresh, qtbot)
    assert fresh.page.request.pem == pem


def test_a_renewal_leaves_the_present_version_signing(page_on: Opening, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = page_on()
    before = window.workspace.profile.results[CERTIFICATE].facts["version"]
    qtbot.mouseClick(page.held_card.renew, Qt.MouseButton.LeftButton)
    form = page.form.form
    publisher = window.workspace.profile.results[CERTIFICATE].facts["publisher"]
    assert form.asked().subject.get("common_name") == publisher
    page.requesting.check()
    wait_idle(window, qtbot)
    assert page.question.isVisible(), page.banner.title
    page.question.yes.click()
    wait_idle(window, qtbot)
    assert page.held.isVisible()
    assert page.pending.isVisible()
    assert "next version waits" in page.banner.text
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE, "the old version signs meanwhile"
    page.answering.take_files([str(answer(page, tmp_path))])
    wait_idle(window, qtbot)
    page.question.yes.click()
    wait_idle(window, qtbot)
    assert window.workspace.profile.results[CERTIFICATE].facts["version"] != before
    assert not page.pending.isVisible()


def test_a_request_that_somebody_else_made_meanwhile_is_gone_on_with(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    page.requesting.write()
    fill(page)
    session = window.workspace.session
    desk = CertificateDesk(
        session.network, session.azure_options(), session.application_secret, session.roots
    )
    desk.request(Job(), page.form.form.asked())
    page.requesting.check()
    wait_idle(window, qtbot)
    assert [view.finding.id for view in page.problems.views] == ["certificate.request.pending-exists"]
    assert not page.question.isVisible()
    ways = page.ways.findChildren(QPushButton)
    qtbot.mouseClick(ways[0], Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.pending.isVisible()
    assert not page.form.isVisible()


def test_a_deleted_certificate_is_recovered_where_it_stands(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on()
    session = window.workspace.session
    options, secret = session.azure_options(), session.application_secret()
    with CertificateVault.open(Job(), session.network, options, secret) as vault:
        vault._clients.certificates.begin_delete_certificate(options.certificate_name).result()
    page.look()
    wait_idle(window, qtbot)
    assert [view.finding.id for view in page.problems.views] == ["certificate.request.name-deleted"]
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    recover = page.ways.findChildren(QPushButton)[0]
    assert recover.text() == "Recover the deleted one…"
    qtbot.mouseClick(recover, Qt.MouseButton.LeftButton)
    assert stage(session) is Stage.DELETED, "nothing happens before somebody says so"
    qtbot.mouseClick(page.question.yes, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.held.isVisible()
    assert window.workspace.flow.state(CERTIFICATE) is StepState.DONE


def test_a_look_that_fails_keeps_what_was_seen(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    window.errors_expected = True
    make(window, page, qtbot)
    pem = page.request.pem
    window.workspace.profile.network.proxy = "http://127.0.0.1:9"
    page.look()
    wait_idle(window, qtbot)
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    assert page.problems.views
    assert page.banner.text.startswith("What is shown below is of ")
    assert page.pending.isVisible()
    assert page.request.pem == pem


def test_reminders_are_saved_for_the_calendar(page_on: Opening, qtbot: QtBot, tmp_path: Path) -> None:
    window, page = page_on()
    target = tmp_path / "renewal.ics"
    page.saving.save_reminders(target)
    wait_idle(window, qtbot)
    text = target.read_text("utf-8")
    assert text.count("BEGIN:VEVENT") == 4
    assert page.held_card.saved.text() == "Saved as renewal.ics"


def test_time_to_renew_is_told_and_is_the_thing_to_do(page_on: Opening) -> None:
    window, page = page_on()
    result = window.workspace.profile.results[CERTIFICATE]
    soon = (datetime.now(UTC) + timedelta(days=20, hours=1)).isoformat()
    result.details["desk"] = {**result.details["desk"], "stage": "renewal-due", "expires": soon}
    page._shown = None
    page.refresh()
    assert page.banner.title.startswith("Time to renew")
    assert "20 days left" in page.banner.title
    assert primaries(page) == [page.held_card.renew.text()]


def test_the_page_looks_by_itself_once_when_signing_in_has_worked(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice(page=CERTIFICATE)
    from codesign_wizard.core.flow import Flow

    Flow(session.profile).record(KEY_VAULT, [], {})
    window = open_window(session)
    wait_idle(window, qtbot)
    page = window.page
    assert isinstance(page, CertificatePage)
    assert page.held.isVisible()
    seen = window.workspace.profile.results[CERTIFICATE]
    window.show_step(KEY_VAULT)
    window.show_step(CERTIFICATE)
    wait_idle(window, qtbot)
    assert window.workspace.profile.results[CERTIFICATE] is seen


def test_without_a_vault_the_way_leads_back_to_key_vault(window: MainWindow, qtbot: QtBot) -> None:
    window.workspace.profile.reached = [START, KEY_VAULT, "permissions", CERTIFICATE]
    window.workspace.profile.windows.azure.vault_name = "no_vault"
    window.show_step(CERTIFICATE)
    page = window.page
    assert isinstance(page, CertificatePage)
    assert page.banner.title == "Key Vault comes first."
    assert page.banner.text.startswith("To be corrected: vault name. Still missing: certificate name")
    assert page.preview.isVisible(), "what will be judged"
    assert primaries(page) == [page.go_first.text()]
    assert not page.look_button.isVisible()
    page.look()
    wait_idle(window, qtbot)
    assert window.workspace.flow.state(CERTIFICATE) is StepState.ATTENTION
    assert page.problems.views
    assert not page.preview.isVisible()
    assert not page.go_first.isVisible()
    assert page.look_button.isVisible()


def test_a_sign_in_that_failed_is_mended_before_anybody_looks(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    from codesign_wizard.core.flow import Flow

    session = practice(page=CERTIFICATE)
    wrong = FindingKind("test.sign-in", Severity.ERROR, "The secret is wrong.", "Only in tests.")
    Flow(session.profile).record(KEY_VAULT, [wrong()], {})
    window = open_window(session)
    page = window.page
    assert isinstance(page, CertificatePage)
    assert page.banner.text == "The secret is wrong."
    assert primaries(page) == [page.go_first.text()]
    assert page.look_button.isVisible(), "whoever mended it elsewhere may look"
    qtbot.mouseClick(page.go_first, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT


def test_what_is_wrong_in_the_form_is_named_above_and_gets_the_focus(page_on: Opening, qtbot: QtBot) -> None:
    window, page = page_on(NAME)
    page.requesting.write()
    fill(page, country="UK", organization="-")
    assert page.banner.title == "Fill in who the certificate is for."
    qtbot.mouseClick(page.form.check, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert page.banner.text == "To be corrected: Organisation, Country."
    form = page.form.form
    assert window.focusWidget() is form.fields["organization"].edit
    assert form.fields["country"].message.text() == "UK is not a country code. Is GB meant?"
    fill(page)
    assert page.banner.title == "Fill in who the certificate is for."
