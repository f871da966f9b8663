"""The page *Summary*, and a report that is opened again in the window: read, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from codesign_wizard.core.finding import Evidence, Finding, FindingKind, Severity, iso, utc_now
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_TRIAL,
    PERMISSIONS,
    START,
    SUMMARY,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.report import KEYRING_SILENT, write_report
from codesign_wizard.core.report_open import open_report
from codesign_wizard.pages.held import hold
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.notice import Notice
from codesign_wizard.pages.summary import SummaryPage
from codesign_wizard.theme import Mark
from codesign_wizard.widgets.basics import MarkView
from tests.gui.driving import rail, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.session import Session
    from codesign_wizard.window import MainWindow

REFUSED = FindingKind("azure.permission.test-refused", Severity.ERROR, "A role is missing.", "Only in tests.")


def summary(window: MainWindow) -> SummaryPage:
    window.header.report_button.click()
    assert isinstance(window.page, SummaryPage)
    return window.page


def texts(page: SummaryPage) -> str:
    return "\n".join(each.text() for each in page.findChildren(QLabel) if each.isVisibleTo(page))


def problem(window: MainWindow) -> None:
    evidence = Evidence(403, "ForbiddenByRbac", "not authorised", "0d5c-77")
    window.workspace.profile.windows.azure.vault_name = "harbour"
    flow = window.workspace.flow
    flow.record(KEY_VAULT, [REFUSED(evidence=evidence)], {"certificate_expires": "2046-01-05T00:00:00Z"})
    flow.record(CERTIFICATE, [], {"publisher": "Harbour Ltd"})


def test_the_button_report_opens_the_summary_from_anywhere(window: MainWindow, qtbot: QtBot) -> None:
    problem(window)
    page = summary(window)
    wait_idle(window, qtbot)
    assert window.key == SUMMARY
    assert page.banner.title == "Needs attention: Key Vault. A role is missing."
    shown = texts(page)
    assert "needs attention, 1 problem, checked " in shown
    # in the answer, and where somebody has to do something about it: no third time
    assert shown.count("A role is missing.") == 2
    for words in ("Azure administrator", "2046-01-05", "Harbour Ltd", "Secre&t ends on"):
        assert words in shown
    assert page.membership_end.isHidden()
    page.secret_end.edit.setText("2047-05-01")
    page.secret_end.edit.textEdited.emit("2047-05-01")
    qtbot.waitUntil(lambda: "2047-05-01" in texts(page))
    assert window.workspace.profile.ends.client_secret == "2047-05-01"


def test_what_is_saved_and_copied_holds_the_evidence(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    problem(window)
    page = summary(window)
    wait_idle(window, qtbot)
    page.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "403, ForbiddenByRbac, request 0d5c-77" in copied
    page.save_report(tmp_path / "report.html")
    page.save_calendar(tmp_path / "ends.ics")
    wait_idle(window, qtbot)
    assert page.saved.text() == "Saved as report.html"
    opened = open_report(tmp_path / "report.html")
    assert opened.profile.results[KEY_VAULT].findings[0].evidence.request_id == "0d5c-77"
    assert b"Code-signing certificate" in (tmp_path / "ends.ics").read_bytes()
    page.save_report(tmp_path / "missing.txt")
    wait_idle(window, qtbot)
    assert any("must end in" in each.finding.title for each in window.findChildren(Notice))


def test_what_a_report_lacks_is_told_also_where_its_page_has_gone(
    window: MainWindow, store: ProfileStore, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = summary(window)
    wait_idle(window, qtbot)
    gate = threading.Event()

    def silent(*_: object) -> list[Finding]:
        gate.wait(20)
        return [KEYRING_SILENT()]

    monkeypatch.setattr("codesign_wizard.pages.summary.search_secrets", silent)
    page.save_report(tmp_path / "report.html")
    other = Profile(id="other-1", name="Other")
    store.save(other)
    window.workspace.open_profile(other)
    gate.set()
    wait_idle(window, qtbot)
    assert (tmp_path / "report.html").is_file()
    assert [each.finding.id for each in window.findChildren(Notice) if each.isVisible()] == [
        KEYRING_SILENT.id
    ]


def test_a_report_that_is_opened_is_only_read_and_left_again(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(session)
    problem(window)
    for key in (KEY_VAULT, PERMISSIONS, CERTIFICATE):
        window.show_step(key)
    file = tmp_path / "theirs.html"
    write_report(summary(window)._document(), file)
    wait_idle(window, qtbot)
    window.workspace.profile.results.clear()
    window.workspace.profile.windows.azure.vault_name = "own-vault"
    window.workspace.edited()
    window.workspace.save()
    before = {path: path.read_bytes() for path in session.profiles.folder.iterdir()}

    window.open_inspect(str(file))
    qtbot.waitUntil(lambda: window.workspace.session.origin is not None)
    wait_idle(window, qtbot)
    assert window.notices.report_strip is not None
    assert "only to be read" in window.notices.report_strip.banner.title
    assert isinstance(window.page, SummaryPage)
    assert window.page.banner.title == "Needs attention: Key Vault. A role is missing."
    assert rail(window, KEY_VAULT).step.state is StepState.ATTENTION
    assert rail(window, CERTIFICATE).step.state is StepState.DONE
    assert window.page.save_button.isEnabled()
    assert not window.page.save_button.property("kind"), "not what somebody reads it for"

    window.show_step(KEY_VAULT)
    page = window.page
    assert isinstance(page, KeyVaultPage)
    assert page.fields["vault_name"].text == "harbour"
    assert page.fields["vault_name"].edit.isReadOnly()
    assert not page.sign_in.isEnabled()
    page.run_sign_in()
    wait_idle(window, qtbot)
    # what was seen stands; nothing was run in its place
    assert window.workspace.profile.results[KEY_VAULT].findings[0].id == REFUSED.id
    assert any(each.finding.id == "report.read-only" for each in window.findChildren(Notice))
    for key in (CERTIFICATE, START):
        window.show_step(key)
        wait_idle(window, qtbot)

    window.notices.report_strip.close_button.click()
    wait_idle(window, qtbot)
    assert window.workspace.session is session
    assert window.notices.report_strip.isHidden()
    window.workspace.save()
    after = {path: path.read_bytes() for path in session.profiles.folder.iterdir()}
    assert set(after) == set(before)
    stored = session.profiles.load("mine-1")
    assert (stored.windows.azure.vault_name, stored.results) == ("own-vault", {})


def test_in_a_report_all_that_shows_something_works_and_nothing_that_changes_it(window: MainWindow) -> None:
    def held(key: str) -> Any:
        page = window.page_of(key)
        hold(page)
        return page

    permissions, trial, apple = held(PERMISSIONS), held(MACOS_TRIAL), held(APPLE_CERTIFICATES)
    certificate = held(CERTIFICATE)
    for shows in (
        permissions.table.only_missing,
        permissions.table.only_uncertain,
        permissions.table.everything,
        permissions.go_first,
        held(WINDOWS_TRIAL).details,
        trial.certificates,
        trial.level,
    ):
        assert shows.isEnabled(), shows.text()
    for changes in (
        *(slot.remove for slot in apple.slots.values()),
        apple.requests.made.drop,
        certificate.request.drop,
        permissions.look_button,
        trial.go,
    ):
        assert not changes.isEnabled(), changes.text()


def test_start_tells_what_is_wrong_before_what_is_old_and_warns_of_a_near_end(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    profile, flow = session.profile, Flow(session.profile)
    for key in (KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL):
        flow.record(key, [], {"certificate_expires": iso(utc_now() + timedelta(days=200))})
    window = open_window(session)
    window.show_step(START)
    banner = window.page.banner
    assert (banner.property("severity"), banner.title[:21]) == ("ok", "Windows signing works")
    profile.ends.client_secret = iso(utc_now() + timedelta(days=20))
    window.workspace.edited()
    assert banner.property("severity") == "warning"
    assert banner.text.endswith("Next expiry: the application secret, in 20 days.")
    profile.results[KEY_VAULT].inputs = ""
    window.workspace.edited()
    assert banner.title == "Out of date: Key Vault."
    assert banner.findChild(MarkView).mark is Mark.OUT_OF_DATE, "as in the rail"
    flow.record(WINDOWS_TRIAL, [REFUSED()], {})
    window.workspace.edited()
    assert banner.title == "Needs attention: Windows trial."
    assert banner.findChild(MarkView).mark is Mark.ERROR
    assert window.footer.next_button.text().endswith("Windows trial"), "where attention is needed"
