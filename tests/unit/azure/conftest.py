"""A practice cloud that leaves the tests' own machine alone, and what leads there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.session_network import PRACTICE_PACE


class Person:
    """Who uses a practice cloud: their network, options and secret."""

    def __init__(self, cloud: PracticeCloud, cache: Path, timeout: float = 20.0) -> None:
        self.cloud = cloud
        self.network = Network(
            NetworkSettings(
                proxy=cloud.proxy_url,
                ca_bundle=str(cloud.ca_file),
                timeout=timeout,
                use_environment=False,
                cache=str(cache),
                pace=PRACTICE_PACE,
            )
        )
        accounts = cloud.accounts
        self.options = AzureOptions(
            accounts.vault_name, accounts.certificate_name, accounts.application_id, accounts.tenant_id
        )
        self.secret = Secret(accounts.application_secret)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Return a function that starts a cloud, by a scenario's name, and gives who uses it."""
    clouds: list[PracticeCloud] = []

    def start(scenario: str | None = None, timeout: float = 20.0, state: Path | None = None) -> Person:
        cloud = PracticeCloud(scenario, state=state)
        clouds.append(cloud)
        cloud.start()
        return Person(cloud, tmp_path / "cache", timeout)

    yield start
    for cloud in clouds:
        cloud.stop()
        assert cloud.problems == []
