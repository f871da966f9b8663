"""One practice cloud for the tests that leave it as it was, and a way to start others."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import Grant
from tests.support.clients import session_at
from tests.support.notary import NotaryClient
from tests.support.server_bench import Bench

MANAGEMENT = "https://management.azure.com"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Client:
    """A plain HTTP client led to a practice cloud by proxy and CA alone."""

    def __init__(self, cloud: PracticeCloud) -> None:
        self.cloud = cloud
        self.session = session_at(cloud)
        self._token = ""

    @property
    def vault_url(self) -> str:
        return f"https://{self.cloud.accounts.vault_name}.vault.azure.net"

    @property
    def token_url(self) -> str:
        return f"https://login.microsoftonline.com/{self.cloud.accounts.tenant_id}/oauth2/v2.0/token"

    def form(self, **changes: str | None) -> dict[str, str]:
        """The fields of a good token request, with *changes*; ``None`` leaves a field out."""
        accounts = self.cloud.accounts
        fields: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": accounts.application_id,
            "client_secret": accounts.application_secret,
            "scope": "https://vault.azure.net/.default",
        }
        fields |= changes
        return {name: value for name, value in fields.items() if value is not None}

    def ask_token(self, url: str | None = None, **changes: str | None) -> requests.Response:
        return self.session.post(url or self.token_url, data=self.form(**changes), timeout=60)

    def token(self) -> str:
        answer = self.ask_token()
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def vault(
        self,
        path: str,
        method: str = "GET",
        *,
        token: str | None = None,
        version: str = "7.4",
        body: Any = None,
        **more: Any,
    ) -> requests.Response:
        """Ask the vault, signed in unless *token* says otherwise (empty: not at all)."""
        headers = dict(more.pop("headers", {}))
        if token is None and not self._token:
            self._token = self.token()
        bearer = self._token if token is None else token
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        separator = "&" if "?" in path else "?"
        return self.session.request(
            method,
            f"{self.vault_url}{path}{separator}api-version={version}",
            headers=headers,
            data=None if body is None else json.dumps(body),
            timeout=more.pop("timeout", 60),
            **more,
        )

    def token_for(self, who: str = "administrator", audience: str = MANAGEMENT) -> str:
        """A token as a person's sign-in gives it: for ``administrator`` or ``reader``; or ``application``."""
        world = self.cloud.world
        if who == "application":
            return str(self.ask_token(scope=f"{audience}/.default").json()["access_token"])
        user = getattr(world, who)
        return world.tokens.issue(Grant(world.tenant, AZURE_CLI, user.object_id, audience, user))

    def arm(
        self,
        path: str,
        method: str = "GET",
        *,
        who: str = "administrator",
        token: str | None = None,
        version: str = "2022-04-01",
        query: str = "",
        body: Any = None,
    ) -> requests.Response:
        """Ask Azure Resource Manager."""
        bearer = self.token_for(who) if token is None else token
        parts = [query, f"api-version={version}" if version else ""]
        return self.session.request(
            method,
            f"{MANAGEMENT}{path}?{'&'.join(each for each in parts if each)}",
            headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
            json=body,
            timeout=60,
        )


@pytest.fixture(scope="session")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as running:
        yield running
        assert running.problems == []


@pytest.fixture(scope="session")
def client(cloud: PracticeCloud) -> Client:
    return Client(cloud)


@pytest.fixture(scope="session")
def _apple_cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def notary(_apple_cloud: PracticeCloud) -> Iterator[NotaryClient]:
    """A client of a notary that judges at once. Account, clock and pace are put right afterwards."""
    world = _apple_cloud.world
    account, offset = copy.deepcopy(world.account), world.clock.offset
    world.notary.processing = 0
    yield NotaryClient(_apple_cloud)
    vars(world.account).update(vars(account))
    world.clock.offset, world.tickets.lag, world.tickets.withheld = offset, 0.0, False


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Start a cloud of one's own: ``start("firewall")``, ``start(state=folder)``."""
    running: list[PracticeCloud] = []

    def begin(scenario: str | None = None, *, state: Path | None = None, slow_factor: float = 1.0) -> Client:
        own = PracticeCloud(scenario, state=state, slow_factor=slow_factor)
        running.append(own)
        own.start()
        return Client(own)

    yield begin
    for own in running:
        problems = list(own.problems)
        own.stop()
        assert problems == []


@pytest.fixture(scope="session")
def _server_cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def bench(_server_cloud: PracticeCloud, tmp_path: Path) -> Bench:
    """A fresh Comet-like server and what our side wants there."""
    return Bench(_server_cloud, tmp_path)


@pytest.fixture(scope="session")
def identities(_server_cloud: PracticeCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The practice account's two identities in .p12 files under ``one for both``."""
    folder, apple = tmp_path_factory.mktemp("p12"), _server_cloud.apple
    files = {}
    for kind in ("installer", "application"):
        key, certificate = apple.identity(kind)
        files[kind] = folder / f"{kind}.p12"
        files[kind].write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"x", key, certificate, [apple.intermediate()], BestAvailableEncryption(b"one for both")
            )
        )
    return files
