"""The page *Permissions* on practice accounts: looking, evidence, an administrator's sign-in, granting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from codesign_wizard import theme
from codesign_wizard.core import network_attempt
from codesign_wizard.core.azure.permissions.admin import AdminWay
from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.report import Row, State
from codesign_wizard.core.finding import Certainty
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, START, StepState
from codesign_wizard.core.language import ENGLISH, use_language
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.opening import open_session
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.permissions import PermissionsPage
from codesign_wizard.screenshots.measuring import clipped
from codesign_wizard.session import Session
from codesign_wizard.widgets.basics import Card, CodeBox, label
from codesign_wizard.widgets.findings import RemedyView
from codesign_wizard.widgets.matrix import Column, Matrix
from tests.gui.driving import rail, still_cut, wait_idle

if TYPE_CHECKING:
    import requests
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow

PATIENCE = 30_000
Opening = Callable[..., tuple["MainWindow", PermissionsPage]]


@pytest.fixture
def opening(open_window: Callable[..., MainWindow]) -> Iterator[Opening]:
    """Return a function that opens the page on practice accounts."""
    opened: list[Session] = []

    def opening(scenario: str | None = None) -> tuple[MainWindow, PermissionsPage]:
        session = open_session(practice=True, scenario=scenario)
        opened.append(session)
        session.profile.reached = [START, KEY_VAULT, PERMISSIONS]
        session.profile.page = PERMISSIONS
        window = open_window(session)
        window.errors_expected = scenario is not None
        page = window.page
        assert isinstance(page, PermissionsPage)
        return window, page

    yield opening
    for session in opened:
        session.close()


def look(window: MainWindow, page: PermissionsPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.look_button, Qt.MouseButton.LeftButton)
    assert window.runner.foreground is not None
    wait_idle(window, qtbot, PATIENCE)


def errors(page: PermissionsPage) -> list[str]:
    return [view.finding.id for view in page.findings.views if view.finding.severity == "error"]


def ask_for_a_code(window: MainWindow, page: PermissionsPage, qtbot: QtBot) -> str:
    """Look, then ask for an administrator's sign-in by a device code; return the code."""
    if not page.admin.card.isVisible():
        look(window, page, qtbot)
    page.admin.card.way.setCurrentIndex(page.admin.card.way.findData(AdminWay.DEVICE_CODE))
    qtbot.mouseClick(page.admin.card.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.admin.card.code_part.isVisible, timeout=PATIENCE)
    _, code = page.admin.card.code_part.findChild(CodeBox).toPlainText().splitlines()
    return str(code)


def by_code(window: MainWindow, page: PermissionsPage, qtbot: QtBot) -> None:
    """Sign the practice administrator in with a device code, as the page offers it."""
    window.workspace.session.approve_sign_in(ask_for_a_code(window, page, qtbot))
    wait_idle(window, qtbot, 60_000)


def test_all_is_granted_and_each_line_has_its_evidence(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening()
    assert not page.columns.isVisible()
    assert window.rail.buttons[2].step.state is StepState.IN_PROGRESS
    look(window, page, qtbot)
    assert errors(page) == []
    assert page.banner.title == "The application may do all that is needed."
    assert page.admin.card.heading.text() == "Look as an administrator", "there is nothing to fix"
    assert not page.fix_button.isVisible()
    assert window.rail.buttons[2].step.state is StepState.DONE
    assert window.rail.buttons[1].step.state is StepState.DONE, "the sign-in was proved on the way"
    assert page.table.everything.isChecked()
    rows = page.table.matrix.rows.rows
    assert len(rows) >= 28
    assert {row.state for row in rows} <= {State.GRANTED, State.UNTESTABLE, State.LIKELY}
    # by the keyboard alone: every line tells what was seen
    page.table.matrix.setFocus()
    said = set()
    for row in rows:
        said.add(page.table.detail.accessibleName())
        assert all(seen.text for seen in row.observations)
        qtbot.keyClick(page.table.matrix, Qt.Key.Key_Down)
    assert len(said) == len(rows)


def test_only_what_is_missing_is_shown_first(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-certificates-only")
    look(window, page, qtbot)
    assert errors(page) == ["azure.permission.missing"]
    assert page.table.only_missing.isChecked()
    assert page.admin.card.heading.text() == "Fix it with my administrator account"
    # it stands below the findings, and is one click away
    assert page.admin.card.go.visibleRegion().isEmpty()
    qtbot.mouseClick(page.fix_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.admin.card.go.visibleRegion().isEmpty())
    assert page.admin.card.way.hasFocus()
    missing = page.table.matrix.rows.rows
    assert missing[0].permission.name.endswith("keys/sign/action"), "what signing needs comes first"
    assert all(row.state is State.MISSING for row in missing)
    assert page.table.only_missing.text() == f"Missing {len(missing)}"
    qtbot.mouseClick(page.table.only_uncertain, Qt.MouseButton.LeftButton)
    uncertain = page.table.matrix.rows.rows
    assert page.table.only_uncertain.text() == f"Uncertain {len(uncertain)}"
    assert {row.state for row in uncertain} <= {State.UNTESTABLE, State.LIKELY}
    qtbot.mouseClick(page.table.only_missing, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.table.everything, Qt.MouseButton.LeftButton)
    assert len(page.table.matrix.rows.rows) > len(missing)
    chosen = page.table.matrix.rows.row(page.table.matrix.currentIndex().row())
    assert chosen is not None
    assert chosen.permission == missing[0].permission
    # the vendor's own words are one click away
    boxes = [box.toPlainText() for box in page.table.detail.findChildren(CodeBox)]
    assert any("ForbiddenByRbac" in text for text in boxes)
    assert window.rail.buttons[1].step.state is StepState.DONE, "signing in is no problem"
    assert window.rail.buttons[2].step.state is StepState.ATTENTION


def test_all_of_it_stands_below_the_portals_headings(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("policy-excess")
    look(window, page, qtbot)
    assert page.banner.title == "The application may sign, and nothing is missing as far as can be tested."
    matrix = page.table.matrix
    assert all(not isinstance(line, str) for line in matrix.rows.lines), "in the order of need"
    qtbot.mouseClick(page.table.everything, Qt.MouseButton.LeftButton)
    headings = [place for place, line in enumerate(matrix.rows.lines) if isinstance(line, str)]
    assert [matrix.rows.index(place, 0).data() for place in headings] == [
        "Key Management Operations: 2 of 8 granted",
        "Cryptographic Operations: 2 of 6 granted",
        "Certificate Management Operations: 3 of 14 granted",
    ]
    assert all(matrix.columnSpan(place, 0) == len(Column) for place in headings)
    # the keys pass over a heading, and bring it into view with the first line below it
    matrix.setFocus()
    qtbot.keyClick(matrix, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert matrix.currentIndex().row() == matrix.rows.rowCount() - 1
    walked = []
    for _ in matrix.rows.rows:
        walked.append(matrix.currentIndex().row())
        qtbot.keyClick(matrix, Qt.Key.Key_Up)
    assert walked == sorted(set(range(matrix.rows.rowCount())) - set(headings), reverse=True)
    assert matrix.verticalScrollBar().value() == 0
    # what the table leaves out where it is narrow is said below it
    told = [each.text() for each in page.table.detail.findChildren(QLabel)]
    assert "Needed to: request, renew" in told
    spoken = [matrix.rows.index(1, column).data(Qt.ItemDataRole.AccessibleTextRole) for column in Column]
    assert spoken == ["keys/get: Granted, request, renew", "keys/get: request, renew", "keys/get: Granted"]


def test_what_is_granted_already_wants_waiting(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-propagating")
    by_code(window, page, qtbot)
    assert errors(page) == ["azure.permission.propagating"]
    assert page.admin.card.heading.text() == "Look as an administrator"
    assert not page.admin.card.go.isVisible()
    # nothing is left to grant, and it can be waited for in place of looking again and again
    assert page.look_button.property("kind") == ""
    assert page.admin.card.grant_now.text() == "&Wait until the vault knows of it"
    assert not page.admin.card.leave.isVisible()
    qtbot.mouseClick(page.admin.card.grant_now, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.admin.card.countdown.isVisible, timeout=PATIENCE)
    assert page.admin.card.countdown.text().startswith("Waiting for ")
    assert window.footer.cancel_button.text() == "Stop waiting"
    qtbot.mouseClick(window.footer.cancel_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    # nothing changed by that: what was seen stands, and can be waited for once more
    assert errors(page) == ["azure.permission.propagating"]
    assert page.admin.asks
    practice = window.workspace.session.practice
    assert practice is not None
    for each in practice.world.authorization.assignments:
        each.effective_from = 0.0
    qtbot.mouseClick(page.admin.card.grant_now, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert errors(page) == []
    assert not page.admin.asks


def test_what_cannot_be_tested_is_not_said_to_be_there(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("policy-template-without-crypto")
    look(window, page, qtbot)
    assert errors(page) == ["azure.permission.template-without-crypto"]
    assert page.findings.views[0].finding.detail.startswith("Nothing else is missing, as far as it can be")
    by_code(window, page, qtbot)
    assert page.findings.views[0].finding.detail.startswith("Everything else is there")


def test_what_is_missing_is_granted_with_the_administrators_account(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-none")
    look(window, page, qtbot)
    assert errors(page) == ["azure.permission.rbac-none"]
    before = list(window.workspace.session.practice.world.authorization.assignments)
    by_code(window, page, qtbot)
    assert page.admin.card.grant_part.isVisible()
    assert list(window.workspace.session.practice.world.authorization.assignments) == before, (
        "shown, and not done"
    )
    plan = page.admin.plan
    assert plan is not None
    assert [step.title for step in plan.steps]
    shown = " ".join(each.toPlainText() for each in page.admin.card.grant_part.findChildren(CodeBox))
    for step in plan.steps:
        assert step.to_whom in shown
        assert step.scope in shown
    assert window.workspace.session.practice.world.tenant.service_principals[0].object_id in shown
    qtbot.mouseClick(page.admin.card.grant_now, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, 60_000)
    assert errors(page) == []
    assert window.rail.buttons[2].step.state is StepState.DONE
    after = window.workspace.session.practice.world.authorization.assignments
    assert all(each in after for each in before), "it only ever adds"


def test_the_wait_can_be_ended_and_the_grant_stays(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-none")
    world = window.workspace.session.practice.world
    world.propagation = 600.0
    by_code(window, page, qtbot)
    before = len(world.authorization.assignments)
    qtbot.mouseClick(page.admin.card.grant_now, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.admin.card.countdown.isVisible, timeout=PATIENCE)
    assert "for 9 min 5" in page.admin.card.countdown.text()
    assert page.banner.title == "Granted. The vault does not know of it yet."
    # the footer says what is waited for, and what its button does
    assert window.footer.cancel_button.text() == "Stop waiting"
    assert window.footer.reason.text().startswith("Waiting until the vault knows of it")
    assert "“Stop waiting” ends this" in page.admin.card.countdown.text()
    assert window.notices.play_strip is not None
    assert "Switch it off" not in window.notices.play_strip.banner.text

    def names() -> list[str]:
        return [each.text() for each in page.admin.card.grant_part.findChildren(QLabel) if each.isVisible()]

    qtbot.waitUntil(lambda: "Before" in names())  # what is put into a layout is shown a turn later
    assert "Now" not in names(), "it was granted"
    assert not page.admin.card.leave.isEnabled()
    qtbot.mouseClick(window.footer.cancel_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert len(world.authorization.assignments) == before + 2
    # the plan of before must not be shown as if nothing had happened
    assert not page.admin.card.grant_part.isVisible()
    assert not page.admin.card.countdown.isVisible()
    assert page.admin.card.text.text().startswith("Stopped. What was granted by then stays")
    assert page.look_button.isEnabled()
    # nor what was seen before the grant as if it were so now
    assert page.banner.title == "Something changed since this was checked. Look again."
    assert [rail(window, key).step.state for key in (KEY_VAULT, PERMISSIONS)] == [StepState.OUT_OF_DATE] * 2


def test_a_plan_is_not_offered_for_another_vault_than_it_was_made_for(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-none")
    by_code(window, page, qtbot)
    assert page.admin.asks
    azure = window.workspace.profile.windows.azure
    right, tenant = azure.vault_name, azure.tenant_id
    azure.vault_name = "another-vault"
    window.workspace.edited()
    assert not page.admin.asks
    assert page.admin.plan is None
    assert page.look_button.property("kind") == "primary"
    azure.vault_name = right
    window.workspace.edited()
    assert page.admin.asks, "as it was"
    # somebody else may have mended it meanwhile, as the page before can see
    window.workspace.flow.record(PERMISSIONS, [], {})
    window.workspace.edited()
    assert not page.admin.asks
    # an administrator of one tenant sees nothing of another's vault
    azure.tenant_id = "00000000-0000-4000-8000-000000000000"
    window.workspace.edited()
    assert page.admin.session is None
    assert page.admin.card.text.text().startswith("The administrator was signed in to another tenant")
    azure.tenant_id = tenant


def test_leaving_it_as_it_is_grants_nothing(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("policy-none")
    by_code(window, page, qtbot)
    policies = list(window.workspace.session.practice.world.vault.access.policies)
    qtbot.mouseClick(page.admin.card.leave, Qt.MouseButton.LeftButton)
    assert not page.admin.card.grant_part.isVisible()
    assert page.admin.card.go.isVisible()
    assert list(window.workspace.session.practice.world.vault.access.policies) == policies


def test_a_sign_in_can_be_given_up(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-none")
    ask_for_a_code(window, page, qtbot)
    qtbot.mouseClick(window.footer.cancel_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert not page.admin.card.code_part.isVisible()
    assert page.admin.card.go.isEnabled()


def test_the_sign_in_on_the_page_before_fills_this_one_too(opening: Opening, qtbot: QtBot) -> None:
    window, _ = opening("rbac-crypto-user-only")
    window.show_step(KEY_VAULT)
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert "next page" in window.page.banner.text
    window.show_step(PERMISSIONS)
    page = window.page
    assert isinstance(page, PermissionsPage)
    assert errors(page) == ["azure.permission.missing"]
    assert page.table.matrix.rows.rows


def test_the_script_for_those_who_have_nothing_has_the_names_that_are_typed(
    opening: Opening, qtbot: QtBot
) -> None:
    window, _ = opening()
    window.show_step(KEY_VAULT)
    page = window.page
    assert isinstance(page, KeyVaultPage)
    page.none_yet.open()

    def scripts() -> list[str]:
        return [each.toPlainText() for each in page.none_yet.findChildren(CodeBox) if not each.isHidden()]

    tabs = page.none_yet.tabs
    assert tabs is not None
    tabs.bar.setCurrentIndex(1)
    page.fields["vault_name"].edited.emit("chosen-later")
    tabs = page.none_yet.tabs
    assert tabs is not None
    assert tabs.index == 1
    assert any("vault='chosen-later'" in each for each in scripts())
    page.none_yet.open(False)
    page.fields["vault_name"].edited.emit("unseen")
    page.none_yet.open()
    assert any("vault='unseen'" in each for each in scripts())


def test_no_card_cuts_its_text_off_at_any_width(qtbot: QtBot, qapp: QApplication) -> None:
    holder, card = QWidget(), Card("A heading")
    text = label("It sees the grants themselves, and can add what is missing. You see what is granted first.")
    card.body.addWidget(text)
    box = QVBoxLayout(holder)
    box.addWidget(card)
    box.addStretch(1)
    qtbot.addWidget(holder)
    holder.show()
    for width in (*range(240, 640, 16), *range(640, 240, -16)):
        holder.resize(width, 400)
        for _ in range(3):
            qapp.processEvents()
        assert text.height() >= text.heightForWidth(text.width()), width


def test_a_sentence_about_a_code_can_be_copied(opening: Opening, qtbot: QtBot) -> None:
    window, page = opening("rbac-none")
    code = ask_for_a_code(window, page, qtbot)
    buttons = page.admin.card.code_part.findChildren(type(page.look_button))
    copy = next(one for one in buttons if "Copy" in one.text())
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == code
    window.runner.cancel()
    wait_idle(window, qtbot)


def test_a_line_is_chosen_right_to_left_too(qapp: QApplication, qtbot: QtBot) -> None:
    """What is said of the chosen line stands below the table; without one an empty box would."""
    rows = [Row(each, State.GRANTED, Certainty.OBSERVED, ()) for each in permissions(Model.POLICY)[:3]]
    before = qapp.layoutDirection()
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        matrix = Matrix()
        qtbot.addWidget(matrix)
        told: list[Row] = []
        matrix.chosen.connect(told.append)
        matrix.set(rows)
        assert told == rows[:1]
        assert matrix.currentIndex().row() == 0
    finally:
        qapp.setLayoutDirection(before)


def test_what_a_permission_is_needed_for_gives_way_to_its_name(qapp: QApplication, qtbot: QtBot) -> None:
    rows = [Row(each, State.MISSING, Certainty.LIKELY, ()) for each in permissions(Model.POLICY)]
    matrix = Matrix()
    qtbot.addWidget(matrix)
    matrix.show()
    matrix.set(rows)
    longest = QFontMetrics(theme.font(11.5, mono=True)).horizontalAdvance("certificates/managecontacts")
    seen = set()
    for width in range(300, 800, 20):
        matrix.resize(width, 300)
        QApplication.processEvents()
        if not matrix.isColumnHidden(Column.PURPOSE):
            assert matrix.columnWidth(Column.NAME) > longest
        seen.add(matrix.isColumnHidden(Column.PURPOSE))
    assert seen == {True, False}


def test_in_a_small_window_nothing_is_cut_and_the_table_keeps_its_share(
    opening: Opening, qtbot: QtBot
) -> None:
    """Also with the longer words of another language, and three buttons in one line of a finding."""
    use_language("de")
    try:
        window, page = opening("policy-template-without-crypto")
        window.resize(1024, 700)
        look(window, page, qtbot)
        page.table.everything.click()
        assert not still_cut(qtbot, lambda: clipped(page))
        assert page.table.width() > page.findings.width()
        # with more room it is told what each permission is needed for
        window.resize(1180, 760)
        qtbot.waitUntil(lambda: not page.table.matrix.isColumnHidden(Column.PURPOSE))
        # Tab goes through the buttons as they stand
        remedy = page.findings.views[0].findChildren(RemedyView)[-1]
        stops = [page.findings.views[0].recheck, remedy.opener]
        assert all(each is not None for each in stops)
        assert stops[0].nextInFocusChain() is stops[1]
    finally:
        use_language(ENGLISH)


def test_before_anybody_looked_the_page_tells_what_will_be_asked(
    opening: Opening, window: MainWindow, qtbot: QtBot
) -> None:
    practising, page = opening()
    assert page.preview.isVisible()
    assert page.look_button.property("kind") == "primary"
    assert not page.go_first.isVisible()
    texts = [one.toPlainText() for one in page.preview.findChildren(CodeBox)]
    assert "keys/sign, certificates/get" in texts
    look(practising, page, qtbot)
    assert not page.preview.isVisible()
    # with nothing to ask by, the one thing to do is on the page before
    window.workspace.profile.reached = [START, KEY_VAULT, PERMISSIONS]
    window.show_step(PERMISSIONS)
    empty = window.page
    assert isinstance(empty, PermissionsPage)
    assert empty.banner.title == "Key Vault comes first."
    assert not empty.look_button.isVisible()
    qtbot.mouseClick(empty.go_first, Qt.MouseButton.LeftButton)
    assert window.key == KEY_VAULT


def test_the_verdict_is_what_comes_of_it_and_the_card_says_what_was_seen(
    opening: Opening, qtbot: QtBot
) -> None:
    window, page = opening("rbac-certificates-only")
    look(window, page, qtbot)
    assert page.banner.title == "The application may not sign yet."
    assert page.findings.views[0].finding.title not in page.banner.text


def test_answers_that_cannot_be_read_are_shown_as_they_came_and_kept(
    opening: Opening, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, page = opening()
    window.errors_expected = True
    body = b'{"error":{"code":"Forbidden","message":"half \\ud800 <b>of</b> it\\u0000"}}'
    send, read = network_attempt.Attempt.run, network_attempt.bounded
    vault = page.workspace.session.azure_options().vault_host

    def answered(attempt: network_attempt.Attempt) -> Answer:
        answer = send(attempt)
        asked = vault in attempt.url and "Authorization" in attempt.headers
        return replace(answer, status=403, body=body) if asked else answer

    def bounded(answer: requests.Response, **more: Any) -> None:
        read(answer, **more)
        if vault in answer.url and "Authorization" in answer.request.headers:
            answer.status_code, answer._content = 403, body

    monkeypatch.setattr(network_attempt.Attempt, "run", answered)
    monkeypatch.setattr(network_attempt, "bounded", bounded)
    look(window, page, qtbot)
    assert page.banner.title == "What the application may do could not be found out."
    (untested,) = [
        each.finding for each in page.findings.views if each.finding.id == "azure.permission.untested"
    ]
    assert "<b>of</b> it" in untested.detail
    assert "azure.permission.missing" not in {each.finding.id for each in page.findings.views}
    page.workspace.save()
