"""Two who have one profile open: what each changes is kept, and nothing is lost unsaid."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.flow import APPLE_CERTIFICATES, KEY_VAULT, Flow, StepState
from codesign_wizard.core.locked import locked
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.profile_labels import label
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.step_result import StepResult

TIME = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


@pytest.fixture
def both(store: ProfileStore) -> tuple[Profile, Profile]:
    """The same profile as two windows opened it."""
    profile = new_profile("Harbour")
    profile.windows.azure.vault_name = "first"
    store.save(profile)
    return store.load(profile.id), ProfileStore(store.folder).load(profile.id)


def ids(findings: object) -> list[str]:
    assert isinstance(findings, list | tuple)
    return [each.id for each in findings if isinstance(each, Finding)]


def test_what_each_changed_is_kept_and_the_second_is_told(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    one, two = both
    one.windows.azure.vault_name = "harbour-signing"
    one.results[KEY_VAULT] = StepResult(TIME, True)
    one.reached = ["start", KEY_VAULT]
    two.macos.team = "ABCDE12345"
    two.windows.timestamp_servers = ["http://one.example"]
    held = two.windows.azure
    assert store.save(one) == []
    (told,) = store.save(two)
    assert told.id == "profile.changed-elsewhere"
    assert "Vault name (Key Vault)" in told.detail
    kept = store.load(one.id)
    assert kept == two
    assert (kept.windows.azure.vault_name, kept.macos.team) == ("harbour-signing", "ABCDE12345")
    assert kept.windows.timestamp_servers == ["http://one.example"]
    assert kept.reached == ["start", KEY_VAULT]
    assert KEY_VAULT in kept.results
    assert held.vault_name == "harbour-signing", "who holds a part of the profile sees it as well"
    assert store.save(two) == [], "told once"
    # and the first catches up without writing anything
    assert ids(store.catch_up(one)) == ["profile.changed-elsewhere"]
    assert one == kept
    assert store.catch_up(one) == []


def test_one_setting_changed_in_two_ways_keeps_the_last_and_tells_the_other(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    one, two = both
    one.windows.azure.vault_name, one.product_name = "one-vault", "Same"
    two.windows.azure.vault_name, two.product_name = "two-vault", "Same"
    store.save(one)
    (told,) = store.save(two)
    assert told.id == "profile.changed-twice"
    assert dict(told.evidence.more) == {"Vault name (Key Vault)": "here two-vault, there one-vault"}
    assert store.load(one.id).windows.azure.vault_name == "two-vault"


def _members(document: Mapping[str, Any], where: str = "") -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _members(value, f"{where}{name}.")
        else:
            yield f"{where}{name}"


def test_every_setting_has_the_label_of_its_page() -> None:
    told = set(_members(new_profile("Harbour").to_json()))
    silent = {"schema", "id", "page", "reached", "results"}
    labels = {path: label(path) for path in told - silent}
    assert [
        path
        for path, words in labels.items()
        if words == path or not words.endswith(")") or ":" in words.partition(" (")[2] or "&" in words
    ] == []
    assert labels["macos.api_key.issuer_id"] == "Issuer ID (Level and API key)"
    assert label(f"results.{KEY_VAULT}") == "What was checked (Key Vault)"
    assert label("of.a.later.version") == "of.a.later.version"


def test_where_each_stands_on_the_way_is_its_own(store: ProfileStore, both: tuple[Profile, Profile]) -> None:
    one, two = both
    Flow(one).go(KEY_VAULT)
    Flow(two).go(APPLE_CERTIFICATES)
    store.save(one)
    assert store.save(two) == []
    assert (two.page, set(two.reached)) == (APPLE_CERTIFICATES, {"start", KEY_VAULT, APPLE_CERTIFICATES})


def test_a_secret_changed_in_both_makes_the_results_of_both_out_of_date(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    one, two = both
    for profile in both:
        profile.windows.azure.secret_revision += 1
        Flow(profile).record(KEY_VAULT, [], {})
    store.save(one)
    assert ids(store.save(two)) == ["profile.changed-elsewhere"]
    # the keyring holds one of the two secrets, and nobody knows with which the kept result was had
    assert Flow(two).state(KEY_VAULT) is StepState.OUT_OF_DATE


def test_of_two_results_of_a_step_the_later_counts(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    one, two = both
    one.results[KEY_VAULT] = StepResult(TIME + timedelta(hours=1), True, facts={"who": "one"})
    two.results[KEY_VAULT] = StepResult(TIME, True, facts={"who": "two"})
    one.results[APPLE_CERTIFICATES] = StepResult(TIME, True, facts={"who": "one"})
    two.results[APPLE_CERTIFICATES] = StepResult(TIME + timedelta(hours=1), True, facts={"who": "two"})
    store.save(one)
    store.save(two)
    kept = store.load(one.id).results
    assert (kept[KEY_VAULT].facts["who"], kept[APPLE_CERTIFICATES].facts["who"]) == ("one", "two")
    # given up here, asked anew there: what was asked anew stays
    del two.results[KEY_VAULT]
    one = store.load(one.id)
    one.results[KEY_VAULT] = StepResult(TIME + timedelta(hours=2), True, facts={"who": "anew"})
    del one.results[APPLE_CERTIFICATES]
    store.save(one)
    store.save(two)
    kept = store.load(one.id).results
    assert (list(kept), kept[KEY_VAULT].facts["who"]) == ([KEY_VAULT], "anew")


def test_a_profile_forgotten_elsewhere_is_kept_by_who_still_works_on_it(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    _, two = both
    store.forget(two.id)
    assert store.catch_up(two) == []
    two.product_name = "Still here"
    assert ids(store.save(two)) == ["profile.removed-elsewhere"]
    assert store.load(two.id).product_name == "Still here"
    assert store.save(two) == []


def test_a_later_version_that_wrote_it_meanwhile_is_not_written_over(
    store: ProfileStore, both: tuple[Profile, Profile]
) -> None:
    path = store.folder / f"{both[0].id}.json"
    path.write_text(path.read_text("utf-8").replace('"schema": 1', '"schema": 99'), "utf-8")
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        store.save(both[0])
    assert error.value.finding.id == "profile.newer"
    assert path.read_bytes() == before


def test_many_who_save_at_once_lose_nothing(store: ProfileStore) -> None:
    profile = new_profile("Busy")
    store.save(profile)
    names = ["common_name", "organization", "street", "locality", "state", "country", "email", "postal_code"]
    opened = [ProfileStore(store.folder).load(profile.id) for _ in names]
    begin = threading.Barrier(len(names))

    def work(name: str, own: Profile) -> None:
        begin.wait(60)
        setattr(own.windows.request, name, f"typed in {name}")
        ProfileStore(store.folder).save(own)

    threads = [threading.Thread(target=work, args=each) for each in zip(names, opened, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    kept = store.load(profile.id).windows.request
    assert {name: getattr(kept, name) for name in names} == {name: f"typed in {name}" for name in names}


def test_a_lock_that_somebody_is_stuck_with_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codesign_wizard.core.locked._PATIENCE", 0.05)
    with locked(tmp_path) as first, locked(tmp_path) as second:
        assert (first, second) == (True, False)
    with locked(tmp_path) as again:
        assert again
    with locked(tmp_path / "missing") as none:
        assert not none
