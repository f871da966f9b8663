"""The window's pages: each is made at its first use, or before it while nobody waits for anything."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from codesign_wizard.core import flow as steps

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStackedWidget

    from codesign_wizard.pages.base import Page
    from codesign_wizard.pages.workspace import Workspace

_PAGES = {
    steps.START: ("start", "StartPage"),
    steps.KEY_VAULT: ("key_vault", "KeyVaultPage"),
    steps.PERMISSIONS: ("permissions", "PermissionsPage"),
    steps.CERTIFICATE: ("certificate", "CertificatePage"),
    steps.WINDOWS_TRIAL: ("windows_trial", "WindowsTrialPage"),
    steps.APPLE_CERTIFICATES: ("apple_certificates", "AppleCertificatesPage"),
    steps.MACOS_LEVEL: ("macos_level", "MacosLevelPage"),
    steps.MACOS_TRIAL: ("macos_trial", "MacosTrialPage"),
    steps.SERVER: ("server", "ServerPage"),
    steps.SUMMARY: ("summary", "SummaryPage"),
    "inspect": ("inspect", "InspectPage"),
    "settings": ("settings", "SettingsPage"),
    "what-if": ("what_if", "WhatIfPage"),
}
# a panel is made when somebody asks for it
_PREPARED = tuple(step.key for step in steps.STEPS)
MODULES = tuple(f"codesign_wizard.pages.{module}" for module, _ in _PAGES.values())


class PageBook:
    """The pages of *workspace* in *stack*; *connect* is called with each that is made.

    ``opened`` are those that have been asked for, by their keys: only they show something, keep what is typed
    and are told of changes.
    """

    def __init__(
        self, workspace: Workspace, stack: QStackedWidget, connect: Callable[[Page], object]
    ) -> None:
        self._workspace = workspace
        self._stack = stack
        self._connect = connect
        self._ready: dict[str, Page] = {}  # made, and not asked for yet
        self.opened: dict[str, Page] = {}

    def get(self, key: str) -> Page:
        """Return the page *key*, made at its first use."""
        if key not in self.opened:
            page = self._ready.pop(key, None)
            self.opened[key] = page if page is not None else self._make(key)
        return self.opened[key]

    def prepare(self) -> bool:
        """Make one page that will be asked for; tell whether there was any left."""
        for key in _PREPARED:
            if key not in self.opened and key not in self._ready:
                self._ready[key] = self._make(key)
                return True
        return False

    def end(self) -> None:
        """Let all of them go; what is asked for next is made anew."""
        for page in (*self.opened.values(), *self._ready.values()):
            page.end()
            self._stack.removeWidget(page)
            page.deleteLater()
        self.opened, self._ready = {}, {}

    def _make(self, key: str) -> Page:
        module, name = _PAGES[key]
        kind: Callable[[Workspace], Page] = getattr(import_module(f"codesign_wizard.pages.{module}"), name)
        page = kind(self._workspace)
        self._connect(page)
        self._stack.addWidget(page)
        return page
