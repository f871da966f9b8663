"""What a kept cloud keeps, and what it does not."""

from __future__ import annotations

import json
import re
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.opening import open_session
from codesign_wizard.practice import client_settings
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.management.roles import KEY_VAULT_READER
from codesign_wizard.practice.state import StateError


def facts(cloud: PracticeCloud) -> dict[str, object]:
    world = cloud.world
    name = cloud.accounts.certificate_name
    version = world.vault.certificates[name].versions[0]
    return {
        "accounts": cloud.accounts,
        "secret": cloud.accounts.application_secret,
        "ca": cloud.ca_file.read_bytes(),
        "roots": cloud.roots_file.read_bytes(),
        "timestamp roots": cloud.timestamp_roots_file.read_bytes(),
        "certificate": version.certificate(world.state),
        "version": version.version,
        "token key": world.tokens.key_id,
        "unit": world.timestamps.unit("a"),
        "vaults": [vault.to_json() for vault in world.vaults.all()],
        "issued": world.code_signing.status(version.certificate(world.state).serial_number),
    }


def test_everything_is_the_same_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    seen = []
    for _ in range(2):
        with PracticeCloud(state=folder) as cloud:
            seen.append(facts(cloud))
    assert seen[0] == seen[1]
    if sys.platform != "win32":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_kept_key_still_signs(start: Callable[..., Any], tmp_path: Path) -> None:
    start(state=tmp_path).cloud.stop()
    own = start(state=tmp_path)
    body = {"alg": "RS256", "value": "A" * 43}
    assert own.vault("/keys/code-signing//sign", "POST", body=body).status_code == 200


def test_what_a_scenario_breaks_is_well_in_the_next_run(start: Callable[..., Any], tmp_path: Path) -> None:
    broken = start("application-disabled", state=tmp_path)
    assert broken.ask_token().json()["error_codes"] == [7000112]
    accounts = broken.cloud.accounts
    broken.cloud.stop()
    well = start(state=tmp_path)
    assert well.cloud.accounts == accounts
    assert well.ask_token().status_code == 200


def test_what_is_done_about_a_kept_scenario_lasts_and_stays_there(tmp_path: Path) -> None:
    def rights(scenario: str | None) -> tuple[PracticeCloud, list[str]]:
        with PracticeCloud(scenario, state=tmp_path) as cloud:
            own = cloud.world.tenant.service_principals[0].object_id
            held = [each for each in cloud.world.authorization.assignments if each.principal_id == own]
            return cloud, [each.scope for each in held]

    assert rights("rbac-none")[1] == []
    with PracticeCloud("rbac-none", state=tmp_path) as cloud:
        principal = cloud.world.tenant.service_principals[0].object_id
        cloud.world.assign(principal, KEY_VAULT_READER, cloud.world.vault.arm_id)
        cloud.world.save()
    again, held = rights("rbac-none")
    assert held == [again.world.vault.arm_id]
    well, held = rights(None)
    assert len(held) == 2
    assert well.accounts == again.accounts
    if sys.platform != "win32":
        modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "scenarios").rglob("*")}
        assert modes == {0o700, 0o600}


def test_a_kept_scenario_without_a_certificate_stays_without_one(tmp_path: Path) -> None:
    for _ in range(2):
        with PracticeCloud("certificate-missing", state=tmp_path) as cloud:
            assert not cloud.world.vault.certificates
    with PracticeCloud(state=tmp_path) as cloud:
        assert cloud.world.vault.certificates


def test_clouds_without_a_folder_have_nothing_in_common() -> None:
    with PracticeCloud() as one, PracticeCloud() as other:
        assert one.accounts.tenant_id != other.accounts.tenant_id
        assert one.accounts.application_secret != other.accounts.application_secret
        assert one.ca_file.read_bytes() != other.ca_file.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("world.json", b"{"),
        ("world.json", b"[]"),
        ("world.json", b"{}"),
        ("world.json", b'{"schema": 2}'),
        ("code-signing-root.key.pem", b"junk"),
        ("code-signing-root.crt.pem", b"junk"),
    ],
)
def test_a_damaged_folder_is_named_and_left_alone(tmp_path: Path, name: str, content: bytes) -> None:
    with PracticeCloud(state=tmp_path):
        pass
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StateError, match=name):
        PracticeCloud(state=tmp_path).start()
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize("pattern", ["vault-*.key.pem", "vault-*.crt.pem", "code-signing-ca.key.pem"])
def test_a_missing_file_is_noticed_at_the_start(tmp_path: Path, pattern: str) -> None:
    with PracticeCloud(state=tmp_path):
        pass
    (gone,) = tmp_path.glob(pattern)
    gone.unlink()
    with pytest.raises(StateError, match=re.escape(gone.name)):
        PracticeCloud(state=tmp_path).start()
    assert not gone.exists()  # nothing is made anew over what was kept


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="file"):
        PracticeCloud(state=tmp_path / "file").start()


def test_before_the_start_there_is_nothing_to_see() -> None:
    cloud = PracticeCloud()
    for name in ("world", "proxy_url", "folder", "accounts"):
        with pytest.raises(RuntimeError, match=r"started|running"):
            getattr(cloud, name)
    cloud.stop()


def test_the_description_has_all_that_another_program_needs(client: Any) -> None:
    described = client_settings.description(client.cloud)
    accounts = client.cloud.accounts
    assert described["proxy_url"] == client.cloud.proxy_url
    assert described["application_secret"] == accounts.application_secret
    assert described["certificate_id"] == f"{client.vault_url}/certificates/code-signing"
    assert Path(described["ca_file"]).is_file()
    assert Path(described["timestamp_roots_file"]).is_file()
    assert described["environment"]["AZURE_CLIENT_SECRET"] == accounts.application_secret
    assert accounts.application_secret not in repr(accounts)


def test_the_password_of_a_copied_practice_file_is_known_in_the_next_run(tmp_path: Path) -> None:
    folder, mine = tmp_path / "state", tmp_path / "mine"
    mine.mkdir()
    with open_session(practice=True, state=folder) as session:
        macos = session.profile.macos
        password = session.apple_password()
        session.apple_options()
        for place in ("application_file", "installer_file"):
            file = Path(getattr(macos, place))
            setattr(macos, place, str(shutil.copy(file, mine)))
        session.profiles.save(session.profile)
    with open_session(practice=True, state=folder) as session:
        assert Path(session.profile.macos.application_file).parent == mine
        assert password is not None
        assert session.apple_password() == password
    for file in mine.iterdir():
        file.write_bytes(b"somebody's own")
    with open_session(practice=True, state=folder) as session:
        assert Path(session.profile.macos.application_file).parent == mine
        assert session.apple_password() is None, "of another file nothing is known"


def test_a_folder_of_before_vaults_could_be_made_is_read(tmp_path: Path) -> None:
    with PracticeCloud(state=tmp_path) as cloud:
        before = facts(cloud)
    file = tmp_path / "world.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    for subscription in kept["authorization"]["subscriptions"]:
        del subscription["resource_groups"]
    for vault in kept["vaults"]:
        for name in ("tags", "enabled_for", "retention_days", "purge_protection", "resolves_from", "gone"):
            del vault[name]
        del vault["firewall"]["bypass"]
    for tenant in kept["directory"]["tenants"]:
        for application in tenant["applications"]:
            for name in ("identifier_uris", "owners", "created"):
                del application[name]
    file.write_text(json.dumps(kept), encoding="utf-8")
    with PracticeCloud(state=tmp_path) as cloud:
        assert facts(cloud) == before
        assert cloud.world.authorization.subscriptions[0].resource_groups == {"rg-code-signing": "westeurope"}
