"""The Azure CLI judges what is printed for it: the setup script and the remedies, run as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.azure.clipboard import recognise
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.setup_script import setup_remedy
from codesign_wizard.practice.client_settings import environment
from codesign_wizard.practice.cloud import PracticeCloud
from tests.support import command_line
from tests.support.azure_cli import AzureCli
from tests.support.command_line import posix

pytestmark = posix
_GRANT = timedelta(seconds=10)  # by the cloud's clock a new grant works


@dataclass(frozen=True)
class Desk:
    """A practice cloud whose administrator has signed in with ``az``."""

    cloud: PracticeCloud
    az: AzureCli


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("az")

    def look(answer: str) -> None:
        if answer == "POST https://graph.microsoft.com/v1.0/servicePrincipals 400":
            cloud.world.replication = 0.0  # from then on what was made in the directory is known everywhere

    with PracticeCloud(on_answer=look) as cloud:
        cloud.world.dns = 0.0  # az would ask again
        az = AzureCli(cloud, folder)
        az.sign_in(cloud.world.administrator)
        yield Desk(cloud, az)
        assert cloud.problems == []


@pytest.fixture
def ours(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command of ours in the same network, with the accounts of this moment or *more* of others."""

    def run(*words: str, **more: str) -> tuple[dict[str, Any], list[str]]:
        for name, value in {**environment(desk.cloud), **more}.items():
            monkeypatch.setenv(name, value)
        document = command_line.run(capsys, *words, "--json").document
        return document, [each["id"] for each in document["findings"] if each["severity"] == "error"]

    return run


def remedy(document: dict[str, Any], finding: str, title: str = "") -> str:
    """Return the commands of a finding's remedy whose title begins with *title*."""
    (found,) = (each for each in document["findings"] if each["id"] == finding)
    return str(next(x["az"] for x in found["remedies"] if x["az"] and x["title"].startswith(title)))


def script(desk: Desk, vault: str) -> str:
    options = AzureOptions(vault, "code-signing", "", desk.cloud.accounts.tenant_id)
    return setup_remedy(options).az or ""


def accounts(printed: str) -> dict[str, str]:
    """Return the environment of what the script printed, read as the page reads it when it is pasted."""
    found = recognise(printed)
    assert found is not None
    assert found.secret is not None
    return {
        "AZURE_CLIENT_ID": found.values["application_id"],
        "AZURE_TENANT_ID": found.values["tenant_id"],
        "AZURE_CLIENT_SECRET": found.secret.reveal(),
        "CODESIGN_WIZARD_VAULT": found.values["vault_name"],
        "CODESIGN_WIZARD_CERTIFICATE": found.values["certificate_name"],
    }


def test_the_script_makes_what_signing_needs_and_may_run_twice(desk: Desk, ours: Any, tmp_path: Path) -> None:
    world = desk.cloud.world
    world.replication = 3600.0  # what is made in the directory is not known everywhere at once
    at_once = "sleep() { :; }\n"  # in place of ten seconds
    done = desk.az.run(at_once + script(desk, "practice-from-nothing"))
    assert "does not reference a valid application object" in done.stderr
    first = accounts(done.stdout)
    made = world.vaults.named("practice-from-nothing")
    assert (made.sku, made.access.rbac, made.resource_group) == ("premium", True, "code-signing")
    assert ours("doctor", "windows", **first)[1] == ["azure.permission.rbac-none"]
    world.clock.offset += _GRANT
    document, errors = ours("doctor", "windows", **first)
    assert errors == ["azure.vault.certificate-missing"]
    assert "azure.permission.enough" in [each["id"] for each in document["findings"]]
    before = [len(world.tenant.applications), len(world.authorization.assignments), len(world.vaults.all())]
    second = accounts(desk.az.run(script(desk, "practice-from-nothing")).stdout)
    assert before == [
        len(world.tenant.applications), len(world.authorization.assignments), len(world.vaults.all()),
    ]  # fmt: skip
    assert first.pop("AZURE_CLIENT_SECRET") != second["AZURE_CLIENT_SECRET"]
    assert first.items() <= second.items()
    subject = (
        "--organization",
        "Practice Backup Ltd (practice)",
        "--locality",
        "Christchurch",
        "--country",
        "NZ",
    )
    _, errors = ours("csr", "create", str(tmp_path / "request.csr"), *subject, "--yes", **second)
    assert errors == []
    assert (tmp_path / "request.csr").read_bytes().startswith(b"-----BEGIN CERTIFICATE REQUEST-----")


def test_the_script_gives_an_access_policy_where_the_vault_goes_by_them(desk: Desk, ours: Any) -> None:
    desk.cloud.play("policy-none")
    vault = desk.cloud.world.vault
    printed = accounts(desk.az.run(script(desk, vault.name)).stdout)
    assert ours("doctor", "windows", **printed)[1] == []
    assert len(vault.access.policies) == 1
    desk.cloud.play(None)


@pytest.mark.parametrize(
    ("scenario", "title"),
    [
        ("rbac-none", "Least privilege"),
        ("policy-template-without-crypto", "As documented"),
        ("application-disabled", ""),
    ],
)
def test_a_remedy_pasted_as_it_is_printed_mends_what_it_is_for(
    desk: Desk, ours: Any, scenario: str, title: str
) -> None:
    desk.cloud.play(scenario)
    document, errors = ours("doctor", "windows")
    assert len(errors) == 1
    desk.az.run(remedy(document, errors[0], title))
    desk.cloud.world.clock.offset += _GRANT
    assert ours("doctor", "windows")[1] == []
    desk.cloud.play(None)


def test_an_address_is_let_in_and_a_new_secret_signs_in(desk: Desk, ours: Any) -> None:
    desk.cloud.play("firewall")
    document, errors = ours("doctor", "windows")
    # the second line is for the server, whose address nobody but its owner knows
    own, others = remedy(document, errors[0]).splitlines()
    assert "SERVER-ADDRESS" in others
    desk.az.run(own)
    assert ours("doctor", "windows")[1] == []
    desk.cloud.play("secret-expired")
    document, errors = ours("doctor", "windows")
    new = desk.az.run(remedy(document, errors[0])).stdout.strip()
    assert ours("doctor", "windows", AZURE_CLIENT_SECRET=new)[1] == []
    desk.cloud.play(None)


def test_the_auditor_is_refused_in_the_vendors_words(desk: Desk, tmp_path: Path) -> None:
    az = AzureCli(desk.cloud, tmp_path, like=desk.az.folder)
    az.sign_in(desk.cloud.world.reader)
    refused = az.run(script(desk, "practice-from-nothing-2"), check=False)
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert "AuthorizationFailed" in refused.stderr
    application = az.run("az ad app create --display-name x", check=False)
    assert "Insufficient privileges to complete the operation." in application.stderr
