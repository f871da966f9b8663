"""A profile's document: what this version does not know, and what is damaged, costs nothing else."""

from __future__ import annotations

from codesign_wizard.core.profile import Profile, new_profile


def filled() -> Profile:
    profile = new_profile("Älder Backup")
    profile.windows.azure.vault_name = "signing"
    return profile


def test_members_of_a_later_version_are_kept() -> None:
    document = filled().to_json()
    document["future"] = {"deep": [1, 2]}
    document["windows"]["azure"]["future"] = "kept"
    again = Profile.from_json(document).to_json()
    assert again["future"] == {"deep": [1, 2]}
    assert again["windows"]["azure"]["future"] == "kept"


def test_a_damaged_result_does_not_lose_the_settings() -> None:
    document = filled().to_json()
    document["results"] = {"key-vault": {"obtained": "yesterday"}}
    profile = Profile.from_json(document)
    assert profile.results == {}
    assert profile.windows.azure.vault_name == "signing"
