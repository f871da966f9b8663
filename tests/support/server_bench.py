"""A fresh Comet-like server for each test, and what our side of it wants there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codesign_wizard.core.comet.address import parse_address
from codesign_wizard.core.comet.desk import ServerDesk
from codesign_wizard.core.comet.document import Members
from codesign_wizard.core.comet.journal import Journal
from codesign_wizard.core.comet.settings import MacosWanted, Part, Wanted
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import MemoryStore
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.comet.models import HOST, CometServer, new_server
from codesign_wizard.session import Session

AZURE_KEYS = {
    "WindowsCodeSignMethod",
    "WindowsCodeSignAzureVaultName",
    "WindowsCodeSignAzureCertName",
    "WindowsCodeSignAzureAppID",
    "WindowsCodeSignAzureAppSecretFormat",
    "WindowsCodeSignAzureAppSecret",
    "WindowsCodeSignAzureTenantID",
}


P12 = b"0\x82 not opened by anybody here"


class Bench:
    """A fresh server in the shared cloud, and desks at it."""

    def __init__(self, cloud: PracticeCloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        world = cloud.world
        world.comet = new_server(world.clock, "Practice Backup", "Practice")
        world.conditions.answers.pop(HOST, None)
        world.conditions.holds.pop(HOST, None)
        self.secrets = MemoryStore()
        self.network = Network(
            NetworkSettings(proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), use_environment=False)
        )
        self.wanted = Wanted(
            azure=Session(practice_profile(cloud), None).azure_options(),  # type: ignore[arg-type]  # no store is used
            secret=Secret(cloud.accounts.application_secret),
        )

    @property
    def server(self) -> CometServer:
        return self.cloud.world.comet

    @property
    def journal(self) -> Journal:
        return Journal(self.folder, "one", self.secrets)

    def desk(self, *, password: str | None = None, code: str | None = None) -> ServerDesk:
        return ServerDesk.open(
            Job(),
            self.network,
            parse_address(self.cloud.accounts.server_address),
            self.server.administrators[0].name,
            Secret(self.server.administrators[0].password if password is None else password),
            self.journal,
            code=Secret(code) if code is not None else None,
        )

    def apply(self, wanted: Wanted | None = None, parts: list[Part] | None = None, **more: Any) -> Any:
        with self.desk() as desk:
            return desk.apply(Job(), desk.compare(Job(), wanted or self.wanted, parts, **more))

    def undo(self) -> None:
        with self.desk() as desk:
            desk.undo(Job())

    def members(self) -> dict[str, str]:
        members = Members(self.server.branding_text())
        return {name: members.raw(name) for name in members}


def practice_profile(cloud: PracticeCloud) -> Profile:
    """Return a profile on the accounts of *cloud*."""
    profile = Profile("one", "One")
    azure, accounts = profile.windows.azure, cloud.accounts
    azure.vault_name, azure.certificate_name = accounts.vault_name, accounts.certificate_name
    azure.application_id, azure.tenant_id = accounts.application_id, accounts.tenant_id
    return profile


def ids(findings: Any) -> set[str]:
    return {finding.id for finding in findings}


def macos(tmp_path: Path, level: int = 2) -> MacosWanted:
    paths = {}
    for name in ("installer.p12", "application.p12"):
        paths[name] = tmp_path / name
        paths[name].write_bytes(P12 + name.encode())
    return MacosWanted(
        level,
        paths["installer.p12"],
        paths["application.p12"],
        Secret("one for both"),
        "57246542-96fe-1a63-e053-0824d011072a",
        "2X9R4HXF34",
        Secret("the text of a key"),
    )
