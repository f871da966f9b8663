"""The keyring of the practice company's computer: in the state folder, so that a killed run can be continued.

What it holds is as made up as the accounts, and its file is as private as the keys beside it.
"""

from __future__ import annotations

import threading

from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr
from codesign_wizard.practice.state import State, StateError

_NAME = "keyring"


class PracticeKeyring:
    """Secrets by profile and name, kept between runs (``core.secrets.SecretStore``).

    *given* are those that the cloud decides at each start, by the same pair; they are not written down.
    Raises ``StateError`` when the folder cannot be used.
    """

    kept = True
    reason = ""

    def __init__(self, state: State, given: dict[tuple[str, str], Secret]) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._given = dict(given)
        held = state.document(_NAME) or {}
        if not all(isinstance(value, str) for value in held.values()):
            raise StateError(f"{_NAME}.json: not texts")
        self._held = {name: Secret(value) for name, value in held.items()}

    @property
    def place(self) -> str:
        """The store in words."""
        return tr("the folder of this practice")

    def get(self, profile_id: str, name: str) -> Secret | None:
        """Return the secret, or ``None``."""
        with self._lock:
            return self._given.get((profile_id, name)) or self._held.get(f"{profile_id}/{name}")

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        """Keep the secret; raises ``StateError``."""
        with self._lock:
            self._given.pop((profile_id, name), None)
            if self._held.get(f"{profile_id}/{name}") != secret:
                self._held[f"{profile_id}/{name}"] = secret
                self._write()

    def forget(self, profile_id: str, name: str) -> None:
        """Remove the secret, if there is one; raises ``StateError``."""
        with self._lock:
            self._given.pop((profile_id, name), None)
            if self._held.pop(f"{profile_id}/{name}", None) is not None:
                self._write()

    def _write(self) -> None:
        self._state.keep(_NAME, {name: secret.reveal() for name, secret in sorted(self._held.items())})
