"""What is configured survives: restarts, later versions, damaged files and hostile names."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Evidence, Finding, Severity
from codesign_wizard.core.profile import SCHEMA, Profile, new_profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.step_result import StepResult


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


def filled() -> Profile:
    profile = new_profile("Älder Backup")
    profile.windows.azure.vault_name = "signing"
    profile.windows.timestamp_servers = ["http://one.example", "http://two.example"]
    profile.network.timeout = 7.5
    finding = Finding(
        "azure.sign-in.other", Severity.ERROR, "No.", evidence=Evidence(status=401, more={"a": "b"})
    )
    profile.results["key-vault"] = StepResult(
        datetime(2026, 11, 23, 10, tzinfo=UTC), False, [finding], {"publisher": "x"}, "f00d"
    )
    return profile


def test_a_saved_profile_comes_back_equal(store: ProfileStore) -> None:
    profile = filled()
    store.save(profile)
    assert store.load(profile.id) == profile
    assert store.load("älder backup") == profile


def test_a_later_schema_is_refused_and_left_alone(store: ProfileStore) -> None:
    profile = filled()
    store.save(profile)
    path = store.folder / f"{profile.id}.json"
    path.write_text(json.dumps({**profile.to_json(), "schema": SCHEMA + 1}))
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        store.load(profile.id)
    assert error.value.finding.id == "profile.newer"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"schema": 1}',
        '{"schema": 1, "id": "a", "name": 5}',
        '{"schema": 1, "id": "a", "name": "b", "windows": []}',
        '{"schema": 1, "id": "a", "name": "b", "windows": {"timestamp_servers": [1]}}',
        '{"schema": true, "id": "a", "name": "b"}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_damaged_file_is_one_finding_and_hides_no_other_profile(store: ProfileStore, text: str) -> None:
    good = filled()
    store.save(good)
    (store.folder / "bad.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    profiles, findings = store.read_all()
    assert [profile.id for profile in profiles] == [good.id]
    assert [finding.id for finding in findings] == ["profile.unreadable"]


@pytest.mark.parametrize("name", ["../outside", "a/b", "", "A" * 500, "x\x00y"])
def test_an_id_never_leads_out_of_the_folder(store: ProfileStore, name: str) -> None:
    with pytest.raises(InputError) as error:
        store.load(name)
    assert error.value.finding.id == "profile.unknown"


def test_a_name_used_twice_asks_for_the_id(store: ProfileStore) -> None:
    for _ in range(2):
        store.save(new_profile("Twin"))
    with pytest.raises(InputError, match="Twin"):
        store.load("Twin")


def test_a_failed_save_leaves_the_former_file(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = filled()
    store.save(profile)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    profile.name = "changed"
    with pytest.raises(InputError) as error:
        store.save(profile)
    assert error.value.finding.id == "profile.not-saved"
    monkeypatch.undo()
    assert store.load(profile.id).name == "Älder Backup"
    assert [path.name for path in store.folder.iterdir()] == [f"{profile.id}.json"]


def test_half_a_character_from_outside_keeps_no_profile_from_being_saved(store: ProfileStore) -> None:
    profile = new_profile("Half \ud800 a character")
    store.save(profile)
    assert store.load(profile.id).name == "Half ? a character"


def test_the_file_is_for_its_owner_only(store: ProfileStore) -> None:
    profile = filled()
    store.save(profile)
    if os.name == "posix":
        assert (store.folder / f"{profile.id}.json").stat().st_mode & 0o077 == 0


def test_the_last_used_profile_is_remembered_until_it_is_gone(store: ProfileStore) -> None:
    assert store.last_used is None
    profile = filled()
    store.save(profile)
    store.set_last_used(profile.id)
    assert store.last_used == profile.id
    store.forget(profile.id)
    assert store.last_used is None
