"""The pictures of *Key Vault* in trouble: a secret that is refused, a firewall, a vault that is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, START, WINDOWS_TRIAL
from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.text import tr
from codesign_wizard.pages.key_vault import KeyVaultPage
from codesign_wizard.pages.windows_trial import WindowsTrialPage
from codesign_wizard.screenshots.pages import refused_sign_in, shown
from codesign_wizard.widgets.pieces import Tabs

if TYPE_CHECKING:
    from codesign_wizard.screenshots.studio import Studio


def wrong_secret(studio: Studio) -> None:
    """A sign-in that Microsoft refuses, explained; and the question before going on all the same."""
    with studio.practice("secret-wrong", page=KEY_VAULT) as window:
        page = refused_sign_in(studio, window)
        studio.take(window, "key-vault-wrong-secret")
        seen = page.findings.views[0].seen
        if seen is not None:
            seen.open()
        studio.take(window, "key-vault-wrong-secret-seen", at=seen)
        window.go_next()
        studio.take(window, "key-vault-go-on")
        window.footer.anyway.emit()
        for step in (CERTIFICATE, WINDOWS_TRIAL):  # each opens once the one before it has been seen
            window.show_step(step)
        studio.idle(window)
        shown(window, WindowsTrialPage)
        studio.take(window, "windows-trial-vault-cannot-sign")
        window.show_step(START)
        studio.take(window, "start-attention")
        window.unexpected(RuntimeError("only for the picture"))
        studio.take(window, "notice")


def firewall(studio: Studio) -> None:
    """A vault whose firewall keeps this computer out."""
    with studio.practice("firewall", page=KEY_VAULT) as window:
        page = refused_sign_in(studio, window)
        studio.take(window, "key-vault-firewall")
        for tabs in page.findings.views[0].findChildren(Tabs):
            tabs.bar.setCurrentIndex(1)
        studio.take(window, "key-vault-firewall-az")


def signing_in(studio: Studio) -> None:
    """A sign-in under way at a vault that is slow to answer, and why another profile has to wait for it."""
    with studio.practice("slow", page=KEY_VAULT) as window:
        page = shown(window, KeyVaultPage)
        studio.idle(window)
        page.run_sign_in()
        # before the vault is asked, which keeps one waiting
        with studio.held(window, lambda key, state: key == "network", tr("the sign-in")):
            studio.take(window, "key-vault-signing-in")
            window.workspace.open_profile(new_profile("My product"))
            studio.take(window, "notice-under-way")
