"""Opening a session: on a stored profile, on practice accounts, or on somebody's report."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.preferences import config_folder
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.core.text import tr
from codesign_wizard.overrides import Overrides
from codesign_wizard.session import Session


def open_session(
    *,
    profile: str | None = None,
    practice: bool = False,
    scenario: str | None = None,
    state: Path | None = None,
    overrides: Overrides | None = None,
    environment: Mapping[str, str] | None = None,
    signing: Collection[str] = (),
) -> Session:
    """Open a session on a stored profile, or on practice accounts.

    *profile* is an id, a name, or the file of a report, which is then only read; without it the one used
    last, or a new empty one that is not saved until something is. In practice mode the environment is not
    asked and no real profile or keyring is touched; *state* keeps accounts and profile between runs; of the
    systems in *signing*, ``windows`` and ``macos``, practice makes the keys at once in the background. Raises
    ``InputError``; ``KeyError`` for an unknown scenario.
    """
    overrides = overrides or Overrides()
    if practice:
        from codesign_wizard.practice_session import open_practice

        return open_practice(scenario, state, overrides, signing)
    if profile is not None and is_report_path(profile):
        return report_session(Path(profile))
    environment = os.environ if environment is None else environment
    store = ProfileStore(profile_folder(environment))
    name = profile or environment.get("CODESIGN_WIZARD_PROFILE") or store.last_used
    if name:
        chosen = store.load(name)
    else:
        existing = store.list()
        chosen = existing[0] if existing else new_profile(tr("My product"))
    return Session(chosen, store, overrides=overrides.over(Overrides.from_environment(environment)))


def is_report_path(name: str) -> bool:
    """Tell whether the *name* of a profile is meant as the file of a report: no id and no name ends so."""
    return Path(name).suffix.lower() in (".html", ".htm", ".json")


def report_session(path: Path) -> Session:
    """Return a session on the report at *path*: read only, in memory, without network and keyring.

    Raises ``InputError``.
    """
    from codesign_wizard.core.report_open import open_report

    opened = open_report(path)
    return Session(
        opened.profile,
        _ReportStore(opened.profile),
        secrets=MemoryStore(tr("A report holds no secrets.")),
        origin=opened.origin,
    )


class _ReportStore(ProfileStore):
    """The one profile that a report holds; nothing is kept of it."""

    def __init__(self, profile: Profile) -> None:
        # a path that no file can be made under
        super().__init__(Path(os.devnull) / "profiles")
        self._profile = profile

    def read_all(self) -> tuple[Sequence[Profile], Sequence[Finding]]:
        return [self._profile], []

    def load(self, name: str) -> Profile:
        return self._profile

    def save(self, profile: Profile) -> Sequence[Finding]:
        from codesign_wizard.core.report import READ_ONLY

        raise CodesignError(READ_ONLY())

    def catch_up(self, profile: Profile) -> Sequence[Finding]:
        return []

    def forget(self, profile_id: str) -> None:
        self.save(self._profile)

    def set_last_used(self, profile_id: str) -> None:
        """Remember nothing."""


def profile_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the stored profiles."""
    return config_folder(environment) / "profiles"
