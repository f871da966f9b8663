"""The page *Key Vault*: what is typed and pasted, the look without the secret, the sign-in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QGuiApplication

from codesign_wizard.core.flow import (
    KEY_VAULT,
    PERMISSIONS,
    START,
    StepState,
)
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.overrides import Overrides
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.notice import Notice
from codesign_wizard.screenshots.measuring import clipped, overlapping
from codesign_wizard.session import Session
from codesign_wizard.theme import Mark
from tests.gui.driving import PATIENCE, errors, rail, sign_in, still_cut, to_key_vault, wait_idle

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from codesign_wizard.window import MainWindow


def test_a_wrong_secret_is_explained_and_mended_on_the_page(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    window.errors_expected = True
    right = session.application_secret()
    assert right is not None
    to_key_vault(window, qtbot)
    page = window.page
    window.activateWindow()
    qtbot.mouseClick(page.secret.replace, Qt.MouseButton.LeftButton)
    QGuiApplication.clipboard().setText("  wrong~value-of-a-secret-0123456789abcdef \n")
    qtbot.keyClick(page.secret.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert session.application_secret() == Secret("wrong~value-of-a-secret-0123456789abcdef")
    sign_in(window, qtbot)
    assert errors(window) == ["azure.sign-in.secret-wrong"]
    view = page.findings.views[0]
    assert page.banner.title == "Signing in does not work yet.", "what comes of it; the card says what it is"
    assert view.finding.title not in page.banner.title + page.banner.text
    # of its window: offscreen, no window is the active one for sure
    assert window.focusWidget() is view, "the focus goes to the first problem"
    view.seen.open()
    assert not page._timer.isActive(), "no look without the secret comes after a sign-in"
    page._keyring_answered((page.secret.place, "", []))
    window._changed()
    assert page.findings.views[0] is view, "what was opened and has the focus is not made anew"
    assert window.focusWidget() is view
    assert "AADSTS7000215" in view.seen.button.text()
    assert rail(window, KEY_VAULT).accessibleName() == "Key Vault: needs attention, 1 problem"

    page._secret_given(right)
    qtbot.waitUntil(lambda: session.application_secret() == right)
    wait_idle(window, qtbot)
    assert rail(window, KEY_VAULT).step.state is StepState.OUT_OF_DATE
    qtbot.mouseClick(page.findings.views[0].recheck, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot, PATIENCE)
    assert errors(window) == []
    assert rail(window, KEY_VAULT).step.state is StepState.DONE


def test_what_az_prints_fills_the_fields_and_the_secret_goes_to_its_store(
    open_window: Callable[..., MainWindow], session: Session, qtbot: QtBot
) -> None:
    window = open_window(session)
    to_key_vault(window, qtbot)
    page = window.page
    page.paste.setFocus()
    QGuiApplication.clipboard().setText(
        '{"appId": "2f6c1a0e-8d1b-4d1c-9b7e-0a1b2c3d4e5f", "displayName": "signing",'
        ' "password": "abc8Q~practice.value-0123456789abcdefghi",'
        ' "tenant": "7c9d2e10-5b3a-4c8e-a1f0-112233445566"}'
    )
    qtbot.keyClick(page.paste, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert page.fields["application_id"].edit.text() == "2f6c1a0e-8d1b-4d1c-9b7e-0a1b2c3d4e5f"
    assert page.fields["tenant_id"].edit.text() == "7c9d2e10-5b3a-4c8e-a1f0-112233445566"
    assert page.paste.toPlainText() == "", "nothing with a secret in it stays in a field"
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert session.application_secret() == Secret("abc8Q~practice.value-0123456789abcdefghi")
    window.workspace.save()
    stored = (session.profiles.folder / "mine-1.json").read_text("utf-8")
    assert "2f6c1a0e" in stored
    assert "abc8Q~" not in stored


def test_the_secret_id_in_place_of_the_value_is_noticed_at_once(window: MainWindow, qtbot: QtBot) -> None:
    to_key_vault(window, qtbot)
    page = window.page
    page.secret.edit.setFocus()
    QGuiApplication.clipboard().setText("0f8fad5b-d9cb-469f-a165-70867728950e")
    qtbot.keyClick(page.secret.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "Secret ID" in page.secret.message.text()
    qtbot.waitUntil(lambda: page.secret.saved.isVisible())
    assert "Secret ID" in page.secret.message.text(), "it is kept as given, and still said to be wrong"
    assert page.secret.mark.mark is not Mark.OK
    wait_idle(window, qtbot)
    window.workspace.replaced.emit()
    again = window.page
    qtbot.waitUntil(lambda: again.secret.saved.isVisible())
    assert "Secret ID" in again.secret.message.text(), "also when the page is opened another day"


def test_signing_in_with_an_empty_field_leads_to_it_and_accuses_nobody(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.workspace.profile.reached = ["start", KEY_VAULT]
    window.show_step(KEY_VAULT)
    wait_idle(window, qtbot)
    page = window.page
    assert isinstance(page, KeyVaultPage)
    window.activateWindow()
    page.fields["vault_name"].set("harbour-signing")
    qtbot.mouseClick(page.sign_in, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is page.fields["certificate_name"].edit
    assert page.banner.title == "Fill in what is missing, then sign in."
    assert window.runner.foreground is None
    assert KEY_VAULT not in window.workspace.profile.results


def test_what_an_option_or_the_environment_gives_need_not_be_filled_in(
    open_window: Callable[..., MainWindow], store: ProfileStore, qtbot: QtBot
) -> None:
    given = Overrides(vault_name="harbour-signing", tenant_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    profile = Profile(id="mine-1", name="Own product", page=KEY_VAULT, reached=["start", KEY_VAULT])
    store.save(profile)
    window = open_window(Session(profile, store, secrets=MemoryStore(), overrides=given))
    page = window.page
    assert isinstance(page, KeyVaultPage)
    wait_idle(window, qtbot)
    window.activateWindow()
    qtbot.mouseClick(page.sign_in, Qt.MouseButton.LeftButton)
    assert window.focusWidget() is page.fields["certificate_name"].edit, "the vault is named already"


def test_a_secret_that_was_typed_and_kept_leaves_the_focus_with_its_field(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.workspace.profile.reached = ["start", KEY_VAULT]
    window.show_step(KEY_VAULT)
    wait_idle(window, qtbot)
    page = window.page
    assert isinstance(page, KeyVaultPage)
    window.activateWindow()
    page.secret.edit.setFocus()
    qtbot.keyClicks(page.secret.edit, "canary~long-enough-to-be-one-0123456789ab")
    qtbot.keyClick(page.secret.edit, Qt.Key.Key_Return)
    wait_idle(window, qtbot)
    assert window.focusWidget() is page.secret.replace


def test_what_is_still_missing_is_told_anew_with_every_key(window: MainWindow, qtbot: QtBot) -> None:
    to_key_vault(window, qtbot)
    page = window.page
    assert "vault name, certificate name" in page.banner.text
    qtbot.keyClicks(page.fields["vault_name"].edit, "harbour-signing")
    assert "vault name" not in page.banner.text
    assert "certificate name" in page.banner.text


def test_an_id_is_whole_in_its_field_in_a_small_window(window: MainWindow, qtbot: QtBot) -> None:
    to_key_vault(window, qtbot)
    page = window.page
    assert isinstance(page, KeyVaultPage)

    def shows_its_hint() -> bool:
        hint = page.paste.fontMetrics().boundingRect(
            QRect(0, 0, page.paste.viewport().width() - 8, 10_000),
            int(Qt.TextFlag.TextWordWrap),
            page.paste.placeholderText(),
        )
        return bool(page.paste.viewport().height() >= hint.height())

    for width in (1024, 860):  # beside what is on the clipboard, and below it
        window.resize(width, 700)
        qtbot.waitUntil(shows_its_hint)  # a turn later
        assert not still_cut(qtbot, lambda: [*clipped(page), *overlapping(page)])
        assert shows_its_hint()


def test_forgetting_the_secret_empties_its_store(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    to_key_vault(window, qtbot)
    qtbot.mouseClick(window.page.secret.forget_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.page.secret.edit.isVisible())
    assert session.application_secret() is None
    wait_idle(window, qtbot)  # the practice ends before the window does


def test_the_vault_is_looked_for_without_the_secret(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("vault-unknown"))
    window.errors_expected = True
    qtbot.mouseClick(window.footer.next_button, Qt.MouseButton.LeftButton)
    page = window.page
    qtbot.waitUntil(lambda: page._found is not None, timeout=PATIENCE)
    assert [finding.id for finding in page._found if finding.severity == "error"] == ["azure.vault.unknown"]
    assert page.looked.isVisible()
    assert page.banner.title == "Signing in cannot work yet."
    assert page.banner.text == "What was checked without the secret says why."


def test_a_sign_in_is_cancelled_in_the_middle_and_nothing_is_recorded(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("slow"))
    window.errors_expected = True
    to_key_vault(window, qtbot)
    qtbot.mouseClick(window.page.sign_in, Qt.MouseButton.LeftButton)
    end = time.monotonic() + 0.4
    qtbot.waitUntil(lambda: time.monotonic() > end)
    assert window.footer.cancel_button.isVisible()
    page = window.page
    used = [page.sign_in, page.secret.replace, page.cloud, page.paste, page.fields["vault_name"].edit]
    assert not any(each.isEnabled() for each in used)
    began = time.monotonic()
    qtbot.mouseClick(window.footer.cancel_button, Qt.MouseButton.LeftButton)
    wait_idle(window, qtbot)
    assert time.monotonic() - began < 15  # the vault holds its answer for 30 s
    assert KEY_VAULT not in window.workspace.profile.results
    assert all(each.isEnabled() for each in used)


def test_what_has_to_wait_for_another_pages_job_is_told_so(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    window = open_window(practice("slow", page=KEY_VAULT))
    window.errors_expected = True
    wait_idle(window, qtbot)
    window.page.run_sign_in()
    signing = window.runner.foreground
    assert signing is not None
    window.page.run_sign_in()
    assert not window.findChildren(Notice), "of itself it does not speak"
    window.show_step(PERMISSIONS)
    qtbot.mouseClick(window.page.look_button, Qt.MouseButton.LeftButton)
    assert window.runner.foreground is signing
    told = [each.finding.title for each in window.findChildren(Notice)]
    assert told == ["What you asked for has to wait: “Signing in” is under way."]


def test_closing_looks_for_no_vault_any_more_and_keeps_a_typed_secret(
    open_window: Callable[..., MainWindow], practice: Callable[..., Session], qtbot: QtBot
) -> None:
    session = practice()
    window = open_window(session)
    to_key_vault(window, qtbot)
    page = window.page
    qtbot.mouseClick(page.secret.replace, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.secret.edit, "typed~value-of-a-secret-0123456789abcdef")
    qtbot.keyClicks(page.fields["vault_name"].edit, "x")
    page._timer.setInterval(0)  # due at the next turn of the event loop, which closing does not wait for
    page._timer.start()
    window.close()
    page.look()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=5000)
    page.look()
    assert page._discovery is None
    assert session.application_secret() == Secret("typed~value-of-a-secret-0123456789abcdef")


def test_the_banner_names_what_is_wrong_and_the_focus_goes_to_the_first_of_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.workspace.profile.reached = ["start", KEY_VAULT]
    window.show_step(KEY_VAULT)
    wait_idle(window, qtbot)
    page = window.page
    assert isinstance(page, KeyVaultPage)
    window.activateWindow()
    page.secret.edit.setText("0f8fad5b-d9cb-469f-a165-70867728950e")
    page.secret.commit()
    wait_idle(window, qtbot)
    assert page.banner.text.startswith("Doubtful: application secret. Still missing: vault name")
    assert page.focus_problem()
    assert window.focusWidget() is page.secret.replace
    vault = page.fields["vault_name"].edit
    vault.setFocus()
    qtbot.keyClicks(vault, "no_vault")
    assert "vault name" not in page.banner.text, "no complaint while typing"
    assert rail(window, KEY_VAULT).step.standing.words == "with a warning", "of the secret"
    qtbot.keyClick(vault, Qt.Key.Key_Tab)
    assert page.banner.title == "Correct what is wrong in the form, then sign in."
    assert rail(window, KEY_VAULT).step.standing.words == "needs attention", "as the page says it"
    window.show_step(START)
    stands = rail(window, KEY_VAULT).step.standing
    assert stands.state is StepState.IN_PROGRESS, "nothing was found: it is only typed"
    assert stands.words == "needs attention"
    window.show_step(KEY_VAULT)
    assert rail(window, KEY_VAULT).step.state is StepState.ATTENTION
    assert page.banner.text.startswith("To be corrected: vault name. Doubtful: application secret. Still")
    assert page.focus_problem()
    assert window.focusWidget() is vault
    vault.selectAll()
    qtbot.keyClicks(vault, "harbour-signing")
    qtbot.mouseClick(page.secret.replace, Qt.MouseButton.LeftButton)
    assert page.banner.title == "Fill in what is missing, then sign in."
