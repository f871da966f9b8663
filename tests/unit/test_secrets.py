"""Secrets go to the keyring and nowhere else, and a keyring that fails is explained."""

from __future__ import annotations

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.backends.null
import pytest

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.profile_secrets import forget_all
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import APPLICATION_SECRET, KeyringStore, MemoryStore, open_store


class Memory(keyring.backend.KeyringBackend):
    priority = 1  # type: ignore[assignment]  # the documented way to declare it

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


class Windows(Memory):
    """Named like keyring's Windows module, with its limit."""


Windows.__module__ = "keyring.backends.Windows"


class Broken(Memory):
    def get_password(self, service: str, username: str) -> str | None:
        raise OSError(1783, "The stub received bad data")


def use(backend: keyring.backend.KeyringBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


def test_a_secret_is_stored_read_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Memory()
    use(backend, monkeypatch)
    store = open_store()
    assert store.kept
    store.set("p", APPLICATION_SECRET, Secret("canary-0001"))
    assert store.get("p", APPLICATION_SECRET) == Secret("canary-0001")
    assert store.get("other", APPLICATION_SECRET) is None
    forget_all(store, "p")
    forget_all(store, "p")
    assert backend.entries == {}


@pytest.mark.parametrize(
    "backend", [keyring.backends.fail.Keyring(), keyring.backends.null.Keyring(), Broken()]
)
def test_without_a_usable_keyring_secrets_last_for_this_run_and_the_reason_is_told(
    backend: keyring.backend.KeyringBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(backend, monkeypatch)
    store = open_store()
    assert isinstance(store, MemoryStore)
    assert not store.kept
    assert store.reason


def test_a_keyring_that_drops_secrets_is_noticed() -> None:
    with pytest.raises(CodesignError) as error:
        KeyringStore(keyring.backends.null.Keyring()).set("p", "n", Secret("canary-0002"))
    assert error.value.finding.id == "secrets.keyring-failed"
    assert "canary" not in str(error.value.finding.to_json())


def test_an_error_of_the_system_is_a_finding() -> None:
    with pytest.raises(CodesignError) as error:
        KeyringStore(Broken()).get("p", "n")
    assert error.value.finding.evidence.message == "[Errno 1783] The stub received bad data"


def test_the_limit_of_windows_is_said_before_it_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Windows()
    use(backend, monkeypatch)
    store = open_store()
    assert store.place == "Windows Credential Manager"
    assert vars(backend)["persist"] == "local machine"
    store.set("p", "n", Secret("x" * 1280))
    with pytest.raises(CodesignError) as error:
        store.set("p", "n", Secret("y" * 1281))
    assert error.value.finding.id == "secrets.too-long"
    assert store.get("p", "n") == Secret("x" * 1280)


def test_a_keyring_that_hangs_does_not_hang_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from codesign_wizard.core import secrets

    class Hanging(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            threading.Event().wait(30)
            return None

    monkeypatch.setattr(secrets, "_PATIENCE", 0.2)
    use(Hanging(), monkeypatch)
    assert isinstance(open_store(), MemoryStore)
