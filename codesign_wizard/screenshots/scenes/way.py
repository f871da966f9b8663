"""The pictures of the way to a Windows trial: an empty profile, practice from end to end, another day."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from codesign_wizard.core.flow import CERTIFICATE, PERMISSIONS, START, WINDOWS_TRIAL
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.text import tr
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.permissions import PermissionsPage
from codesign_wizard.pages.settings import SettingsPage
from codesign_wizard.pages.start import StartPage
from codesign_wizard.pages.windows_trial import WindowsTrialPage
from codesign_wizard.screenshots.pages import focus, shown, type_into
from codesign_wizard.session import PRACTICE_PROFILE
from codesign_wizard.widgets.log_pane import LogPane
from codesign_wizard.widgets.pieces import Tabs

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio
    from codesign_wizard.window import MainWindow


def fresh(studio: Studio) -> None:
    """A person's own, empty profile: nothing typed, nothing proved."""
    with studio.own(new_profile("My product")) as window:
        studio.take(window, "start-fresh")
        window.workspace.starting_practice = True
        window.workspace.changed.emit()
        studio.take(window, "start-practice-starting")
        window.workspace.starting_practice = False
        window.go_next()
        studio.idle(window)
        studio.take(window, "key-vault-empty")
        page = shown(window, KeyVaultPage)
        page.none_yet.open()
        studio.take(window, "key-vault-none-yet", at=page.none_yet)
        for tabs in page.none_yet.findChildren(Tabs):
            tabs.bar.setCurrentIndex(1)
        studio.take(window, "key-vault-none-yet-az", at=page.none_yet)
        page.none_yet.open(False)
        for key, text in (("vault_name", "harbour_signing"), ("application_id", "2f6c1a0e-8d1b-4d1c-9b7e")):
            type_into(page.fields[key].edit, text)
            page.fields[key].judge(accuse=True)
        page.recognise("good morning")
        page.secret.edit.setText("0f8fad5b-d9cb-469f-a165-70867728950e")
        page.secret.commit()
        studio.idle(window)
        page.focus_problem()
        studio.take(window, "key-vault-mistakes")
        window.show_step(PERMISSIONS)
        studio.take(window, "permissions-nothing-yet")
        window.show_step(CERTIFICATE)
        studio.take(window, "certificate-nothing-yet")
        window.show_step(WINDOWS_TRIAL)
        studio.take(window, "windows-trial-nothing-yet")
        window.open_panel("settings")
        studio.take(window, "settings")
        settings = shown(window, SettingsPage)
        bundle, timeout = settings.bundle.edit.text(), settings.timeout.edit.text()
        for field, text in (
            (settings.proxy, "ftp://proxy"),
            (settings.bundle, "ca.pem"),
            (settings.timeout, "0"),
        ):
            type_into(field.edit, text)
            field.judge(accuse=True)
        studio.take(window, "settings-mistakes")
        for field, former in ((settings.bundle, bundle), (settings.timeout, timeout)):
            type_into(field.edit, former)
            field.judge(accuse=True)
        type_into(settings.proxy.edit, "http://ada@proxy:8080")
        settings.proxy.edit.editingFinished.emit()
        settings.proxy.judge(accuse=True)  # else it judges itself some time after the last key
        studio.wait(settings.login.isVisible, tr("the proxy's password"))
        studio.idle(window)
        studio.take(window, "settings-proxy-password")
        studio.take(window, "settings-language", at=settings.language)
        window.open_inspect("")
        studio.take(window, "inspect-empty")


def way(studio: Studio) -> None:
    """The whole way on practice accounts, all in order; then the same profile opened again."""
    with studio.practice() as window:
        studio.take(window, "start-practice")
        window.go_next()
        studio.idle(window)
        page = shown(window, KeyVaultPage)
        studio.wait(lambda: page._found is not None, tr("the look without the secret"))
        studio.take(window, "key-vault-filled")
        studio.take(window, "key-vault-looked", at=page.looked)
        page.run_sign_in()
        studio.idle(window)
        focus(window)
        studio.take(window, "key-vault-signed-in")
        studio.take(window, "key-vault-options", at=page.sign_in.parentWidget())
        window.go_next()
        studio.take(window, "permissions-good")
        permissions = shown(window, PermissionsPage)
        studio.take(window, "permissions-evidence", at=permissions.table.matrix)
        window.go_next()
        studio.idle(window)
        studio.take(window, "certificate-good")
        window.go_next()
        studio.take(window, "windows-trial-ready")
        trial = shown(window, WindowsTrialPage)
        trial.run()
        studio.idle(window)
        focus(window)
        studio.take(window, "windows-trial-good")
        studio.take(window, "windows-trial-settings", at=trial.drop)
        trial.details.click()
        studio.take(window, "windows-trial-details", at=trial.findings)
        trial.details.click()
        window.show_log()
        studio.take(window, "log")
        pane = window.log_dock.findChildren(LogPane)[0]
        pane.bar.folder.click()
        studio.take(window, "log-folded")
        pane.bar.folder.click()
        pane.bar.search.setText("no line has this")
        studio.wait(lambda: pane.model.rowCount() == 0, tr("the search"))
        studio.take(window, "log-nothing-found")
        pane.bar.search.clear()
        window.log_dock.hide()
        signed = window.workspace.profile.results[WINDOWS_TRIAL].facts["file"]
        window.open_inspect(signed)
        studio.idle(window)
        studio.take(window, "inspect-signed")
        window.open_panel("settings")
        studio.take(window, "settings-practice")
        window.show_step(START)
        studio.take(window, "start-done")
        studio.take(window, "start-needs", at=shown(window, StartPage).need_grid.parentWidget())
        done = deepcopy(window.workspace.profile)
    again(studio, done)


def again(studio: Studio, done: Profile) -> None:
    """Profiles with results, opened another day: where it was left, with the times of what was found."""
    profiles = [deepcopy(done) for _ in range(3)]
    for profile, name in zip(profiles, ("My product", "Second brand", "Old brand"), strict=True):
        profile.id, profile.name = f"{PRACTICE_PROFILE}-{name.casefold().replace(' ', '-')}", name
    for profile, days in ((profiles[1], 20), (profiles[2], -9)):
        # one moment for all: of two the trial would be of another certificate, and out of date
        ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        for result in profile.results.values():
            if "certificate_expires" in result.facts:
                result.facts["certificate_expires"] = ends
    with studio.own(*profiles) as window:
        studio.take(window, "start-profiles")
        page = shown(window, StartPage)
        page.make.click()
        studio.take(window, "start-new-profile")
        page.name.clear()
        page.rename.click()
        studio.take(window, "start-rename-profile")
        page._close_questions()
        page.forget.click()
        studio.take(window, "start-forget-profile")
        page._close_questions()
        _elsewhere(window)
        studio.take(window, "start-two-windows")
        for profile, name in ((profiles[1], "start-expires-soon"), (profiles[2], "start-expired")):
            window.workspace.open_profile(profile)
            window.show_step(START)
            studio.take(window, name)
    with studio.own(*profiles, page=WINDOWS_TRIAL) as window:
        studio.take(window, "resume")
        trial = shown(window, WindowsTrialPage)
        type_into(trial.description.edit, "Backup client")
        studio.take(window, "windows-trial-out-of-date")


def _elsewhere(window: MainWindow) -> None:
    """Change the profile and spoil another one, as a second window and another program do."""
    store = window.workspace.session.profiles
    other = ProfileStore(store.folder)
    profile = other.load(window.workspace.profile.id)
    profile.product_name = "Harbour Backup"
    other.save(profile)
    (store.folder / "spoilt.json").write_text("{", encoding="utf-8")
    window.workspace.catch_up()
    window.show_step(START)
