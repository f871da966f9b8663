"""A proxy's password is in the keyring, its address in the profile; only the network has both together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.proxy_login import joined, names_user, split
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import FAILED, PROXY_PASSWORD, MemoryStore
from codesign_wizard.overrides import Overrides
from codesign_wizard.session import Session

FULL, BARE = "http://ada:p:a/s@s-71@proxy.example:8080", "http://ada@proxy.example:8080"
# a slash would end the host
SENT = "http://ada:p%3Aa%2Fs%40s-71@proxy.example:8080"
PASSWORD = Secret("p:a/s@s-71")


class Keyring(MemoryStore):
    """A keyring that counts the questions, and can be locked."""

    kept = True
    locked = False
    asked = 0

    def get(self, profile_id: str, name: str) -> Secret | None:
        self._ask()
        return super().get(profile_id, name)

    def set(self, profile_id: str, name: str, secret: Secret) -> None:
        self._ask()
        super().set(profile_id, name, secret)

    def forget(self, profile_id: str, name: str) -> None:
        self._ask()
        super().forget(profile_id, name)

    def _ask(self) -> None:
        self.asked += 1
        if self.locked:
            raise CodesignError(FAILED(place=self.place))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring()


@pytest.fixture
def session(tmp_path: Path, keyring: Keyring) -> Session:
    return Session(Profile(id="mine", name="Mine"), ProfileStore(tmp_path), secrets=keyring)


def stored(session: Session) -> str:
    proxy: str = json.loads((session.profiles.folder / "mine.json").read_text())["network"]["proxy"]
    return proxy


def from_earlier_version(session: Session) -> Session:
    """Return the session on a file that has the password in it."""
    document: dict[str, Any] = session.profile.to_json()
    document["network"]["proxy"] = FULL
    (session.profiles.folder / "mine.json").write_text(json.dumps(document))
    return Session(session.profiles.load("mine"), session.profiles, secrets=session.secrets)


@pytest.mark.parametrize(
    ("address", "bare", "password"),
    [
        (FULL, BARE, PASSWORD.reveal()),
        ("ada:secret@proxy:8080", "ada@proxy:8080", "secret"),
        ("http://ada@corp.example:secret@[::1]:8080", "http://ada@corp.example@[::1]:8080", "secret"),
        ("http://:secret@proxy", "http://@proxy", "secret"),
        ("http://proxy:8080", "http://proxy:8080", None),
        ("proxy:8080", "proxy:8080", None),
        ("http://token:@proxy", "http://token:@proxy", None),
        ("", "", None),
    ],
)
def test_an_address_is_taken_apart_and_put_together(address: str, bare: str, password: str | None) -> None:
    found, secret = split(address)
    assert (found, secret and secret.reveal()) == (bare, password)
    assert split(found) == (bare, None)
    if found != "http://@proxy":
        assert joined(found, secret) == address
    assert joined(found, None) == found
    assert names_user(address) is False


def test_the_password_is_kept_apart_and_used_together(session: Session, keyring: Keyring) -> None:
    assert session.networking.set_proxy(FULL)
    session.save()
    assert stored(session) == BARE
    assert keyring.get("mine", PROXY_PASSWORD) == PASSWORD
    keyring.asked = 0
    for _ in range(3):
        network = session.network
        assert (network.settings.proxy, keyring.asked) == (BARE, 0), "nobody has sent anything yet"
    assert [network.proxy_for("https://a.example") for _ in range(3)] == [SENT] * 3
    assert session.network.proxy_for("https://b.example") == SENT
    assert keyring.asked == 1
    # for this run only, and nobody else's password goes there
    session.overrides = Overrides(proxy="http://eva@other.example")
    assert session.network.proxy_for("https://a.example") == "http://eva@other.example"
    assert keyring.asked == 1


def test_another_address_does_not_get_the_password(session: Session, keyring: Keyring) -> None:
    session.networking.set_proxy(FULL)
    session.networking.set_proxy(BARE)
    assert session.network.proxy_for("https://a.example") == SENT
    session.networking.forget_proxy_password()
    assert session.network.proxy_for("https://a.example") == BARE
    session.networking.set_proxy(FULL)
    session.networking.set_proxy("http://ada@elsewhere.example")
    assert session.network.proxy_for("https://a.example") == "http://ada@elsewhere.example"
    assert keyring.get("mine", PROXY_PASSWORD) is None


def test_an_earlier_versions_file_gives_its_password_to_the_keyring(
    session: Session, keyring: Keyring
) -> None:
    session = from_earlier_version(session)
    assert session.network.proxy_for("https://a.example") == SENT
    assert session.save_without_keyring() == []
    assert (stored(session), keyring.asked) == (FULL, 0), "until the keyring has it, it is where it was"
    assert session.save() == []
    assert stored(session) == BARE
    assert session.network.proxy_for("https://a.example") == SENT
    assert keyring.get("mine", PROXY_PASSWORD) == PASSWORD


def test_a_keyring_that_fails_loses_nothing_and_puts_nothing_into_a_file(
    session: Session, keyring: Keyring
) -> None:
    keyring.locked = True
    with pytest.raises(CodesignError):
        session.networking.set_proxy(FULL)
    assert session.profile.network.proxy == ""
    old = from_earlier_version(session)
    old.profile.product_name = "Harbour"
    assert [each.id for each in old.save()] == ["secrets.keyring-failed"]
    assert stored(old) == FULL
    assert old.profiles.load("mine").product_name == "Harbour"
    # what came from elsewhere was in no file of ours
    session.profile.id, session.profile.network.proxy = "other", FULL
    assert [each.id for each in session.save()] == ["secrets.keyring-failed"]
    assert "s@s-71" not in (session.profiles.folder / "other.json").read_text()
    # asked again when something is sent, once it is unlocked
    session.profile.network.proxy = BARE
    network = session.network
    with pytest.raises(CodesignError):
        network.proxy_for("https://a.example")
    keyring.locked = False
    assert network.proxy_for("https://a.example") == BARE
