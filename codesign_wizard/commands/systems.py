"""Which systems a command is about."""

from __future__ import annotations

from codesign_wizard.core.profile import Profile


def windows_and_macos(profile: Profile, what: str) -> tuple[bool, bool]:
    """Return which systems *what* (``windows``, ``macos``, ``all``) stands for with this profile."""
    if what != "all":
        return what == "windows", what == "macos"
    azure, apple = profile.windows.azure, profile.macos
    macos = profile.macos_wanted or bool(apple.application_file or apple.installer_file)
    windows = profile.windows_wanted or bool(azure.vault_name)
    return windows or not macos, macos
