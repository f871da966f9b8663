"""All secrets of a profile at once: forgotten with it, or known so that no output shows them."""

from __future__ import annotations

from codesign_wizard.core import long_secret
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import (
    APPLE_API_KEY,
    APPLE_KEYS_PASSWORD,
    APPLE_OTHER_PASSWORD,
    APPLE_PASSWORD,
    APPLE_UPLOAD,
    APPLICATION_SECRET,
    PROXY_PASSWORD,
    SERVER_PASSWORD,
    SERVER_UNDO,
    SecretStore,
)

_ALL_NAMES = (
    APPLICATION_SECRET,
    APPLE_PASSWORD,
    APPLE_OTHER_PASSWORD,
    APPLE_KEYS_PASSWORD,
    APPLE_API_KEY,
    *APPLE_UPLOAD,
    SERVER_PASSWORD,
    PROXY_PASSWORD,
)


def forget_all(store: SecretStore, profile_id: str) -> None:
    """Remove every secret of the profile; raises ``CodesignError``."""
    for name in _ALL_NAMES:
        store.forget(profile_id, name)
    long_secret.forget(store, profile_id, SERVER_UNDO)


def all_secrets(store: SecretStore, profile_id: str) -> list[Secret]:
    """Return every secret kept of the profile: from then on all of them are hidden from every output.

    Raises ``CodesignError`` when the keyring does not answer.
    """
    found = [store.get(profile_id, name) for name in _ALL_NAMES]
    found.append(long_secret.get(store, profile_id, SERVER_UNDO))
    return [each for each in found if each is not None]
