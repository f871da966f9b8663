"""Every setting there is, changed one by one: which steps that puts out of date, and which it leaves be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    PERMISSIONS,
    SERVER,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import LEVELS, Profile, new_profile

STEPS = (
    KEY_VAULT,
    PERMISSIONS,
    CERTIFICATE,
    WINDOWS_TRIAL,
    APPLE_CERTIFICATES,
    MACOS_LEVEL,
    MACOS_TRIAL,
    SERVER,
)
VAULT = {KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL, SERVER}
IDENTITIES = {APPLE_CERTIFICATES, MACOS_TRIAL, SERVER}
API_KEY = {MACOS_LEVEL, MACOS_TRIAL, SERVER}
# what is not here puts nothing out of date
EDITS = {
    "product_name": {WINDOWS_TRIAL, MACOS_TRIAL},
    "windows_wanted": {SERVER},
    "macos_wanted": {SERVER},
    "windows.azure.vault_name": VAULT,
    "windows.azure.certificate_name": VAULT,
    "windows.azure.application_id": VAULT,
    "windows.azure.tenant_id": VAULT,
    "windows.azure.cloud": VAULT,
    # a new secret is another sign-in: all that was seen through it, and nothing of Apple's
    "windows.azure.secret_revision": VAULT,
    "windows.timestamp_servers": {WINDOWS_TRIAL},
    "windows.digest": {WINDOWS_TRIAL},
    "windows.input_file": {WINDOWS_TRIAL},
    "windows.description": {WINDOWS_TRIAL},
    "windows.url": {WINDOWS_TRIAL},
    "windows.architecture": {WINDOWS_TRIAL},
    "macos.installer_file": IDENTITIES,
    "macos.application_file": IDENTITIES,
    "macos.password_revision": IDENTITIES,
    "macos.team": IDENTITIES,
    "macos.level": {MACOS_TRIAL, SERVER},
    "macos.timestamp_servers": {MACOS_TRIAL},
    "macos.input_file": {MACOS_TRIAL},
    "macos.api_key.key_id": API_KEY,
    "macos.api_key.issuer_id": API_KEY,
    "macos.api_key.revision": API_KEY,
    "server.address": {SERVER},
    "server.user": {SERVER},
    "server.file_fields": {SERVER},
    "network.proxy": {*VAULT, *API_KEY},
    "network.ca_bundle": {*VAULT, *API_KEY},
    "extra_roots": {CERTIFICATE, WINDOWS_TRIAL, *IDENTITIES},
    "extra_timestamp_roots": {WINDOWS_TRIAL, MACOS_TRIAL, SERVER},
}
# forms and notes, which no result relies on
HARMLESS = {
    "name",
    "server_wanted",
    "windows.request",
    "macos.api_key.named",
    "macos.api_key.accepted",
    "server.plain_http",
    "network.timeout",
    "ends",
}
_NO_SETTINGS = ("id", "page", "reached", "results", "unknown", "stored", "places")


def settings(part: Any, where: str = "") -> Iterator[str]:
    """Return the path of every setting in a profile."""
    for member in dataclasses.fields(part):
        if member.name in _NO_SETTINGS:
            continue
        value = getattr(part, member.name)
        if dataclasses.is_dataclass(value):
            yield from settings(value, f"{where}{member.name}.")
        else:
            yield where + member.name


ALL = list(settings(new_profile("Every")))


def other(path: str, value: Any) -> Any:
    """Return another value for a setting."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case list():
            return [*value, "another"]
    return LEVELS[1] if path == "macos.level" else f"{value}x"


def edit(profile: Profile, path: str) -> tuple[Any, str]:
    """Return the part of *profile* that holds a setting, and its name there."""
    part: Any = profile
    *parents, name = path.split(".")
    for parent in parents:
        part = getattr(part, parent)
    return part, name


def test_every_setting_is_one_or_the_other() -> None:
    harmless = {path for path in ALL if path in HARMLESS or path.rpartition(".")[0] in HARMLESS}
    assert set(EDITS) | harmless == set(ALL)
    assert not set(EDITS) & harmless


@pytest.mark.parametrize("path", ALL)
def test_an_edit_puts_out_of_date_what_relied_on_it_and_nothing_else(path: str) -> None:
    profile = new_profile("Every")
    profile.macos_wanted = profile.server_wanted = True
    profile.macos.level = LEVELS[2]
    flow = Flow(profile)
    for key in STEPS:
        flow.record(key, [], {})
    assert {flow.state(key) for key in STEPS} == {StepState.DONE}
    part, name = edit(profile, path)
    former = getattr(part, name)
    setattr(part, name, other(path, former))
    gone = {key for key in STEPS if flow.state(key) is StepState.OUT_OF_DATE}
    assert gone == EDITS.get(path, set())
    # nothing is erased, and putting it back makes all of it hold again
    assert set(profile.results) == set(STEPS)
    setattr(part, name, former)
    assert {flow.state(key) for key in STEPS} == {StepState.DONE}
