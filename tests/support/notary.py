"""A client of the notary service made of plain requests, PyJWT and Amazon's SDK, and packages to give it."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import boto3
import jwt
import requests
from botocore.config import Config

from codesign_wizard.core.apple.package_contents import sign_contents
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.job import Job
from codesign_wizard.core.local_signer import LocalSigner
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.practice.cloud import PracticeCloud
from tests.support.clients import session_at

BASE = "https://appstoreconnect.apple.com/notary/v2"
TICKETS = (
    "https://api.apple-cloudkit.com/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
)
BUCKET = "notary-submissions-prod"


class NotaryClient:
    """Speaks to a practice cloud as other people's clients do to Apple."""

    def __init__(self, cloud: PracticeCloud) -> None:
        self.cloud = cloud
        self.session = session_at(cloud)

    def token(self, headers: dict[str, Any] | None = None, key: str = "", **claims: Any) -> str:
        """A token as the documentation wants it, with changes; ``None`` leaves a claim out."""
        accounts, now = self.cloud.accounts, self.cloud.world.clock.timestamp()
        all_claims = {
            "iss": accounts.api_issuer_id,
            "iat": now,
            "exp": now + 600,
            "aud": "appstoreconnect-v1",
        } | claims
        kept = {name: value for name, value in all_claims.items() if value is not None}
        head = {"kid": accounts.api_key_id} | (headers or {})
        return jwt.encode(kept, key or accounts.api_private_key, "ES256", headers=head)

    def ask(
        self, path: str, *, token: str | None = None, method: str = "GET", **more: Any
    ) -> requests.Response:
        bearer = self.token() if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self.session.request(method, BASE + path, headers=headers, timeout=20, **more)

    def announce(self, name: str, sha256: str) -> dict[str, Any]:
        body = {"submissionName": name, "sha256": sha256, "notifications": []}
        answer = self.ask("/submissions", method="POST", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def s3(self, attributes: dict[str, str], **config: Any) -> Any:
        """Amazon's own client with the credentials of a submission, all defaults on."""
        return boto3.client(
            "s3",
            region_name=config.pop("region", "us-west-2"),
            aws_access_key_id=attributes["awsAccessKeyId"],
            aws_secret_access_key=attributes["awsSecretAccessKey"],
            aws_session_token=attributes["awsSessionToken"],
            verify=str(self.cloud.ca_file),
            config=Config(
                proxies={"http": self.cloud.proxy_url, "https": self.cloud.proxy_url},
                retries={"total_max_attempts": 1},
                **config,
            ),
        )

    def submit(self, path: Path, *, sha256: str = "") -> str:
        """Submit and upload; returns the id."""
        data = path.read_bytes()
        made = self.announce(path.name, sha256 or hashlib.sha256(data).hexdigest())
        attributes = made["attributes"]
        self.s3(attributes).put_object(Bucket=attributes["bucket"], Key=attributes["object"], Body=data)
        return str(made["id"])

    def status(self, submission_id: str) -> str:
        answer = self.ask(f"/submissions/{submission_id}")
        return str(answer.json()["data"]["attributes"]["status"])

    def log(self, submission_id: str, *, seconds: float = 30) -> dict[str, Any]:
        """Wait for the verdict and return the log."""
        deadline = time.monotonic() + seconds
        while self.status(submission_id) == "In Progress":
            assert time.monotonic() < deadline, "the notary takes too long"
            time.sleep(0.05)
        url = self.ask(f"/submissions/{submission_id}/logs").json()["data"]["attributes"]["developerLogUrl"]
        answer = self.session.get(url, timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def judged(self, path: Path) -> dict[str, Any]:
        """The log of a file."""
        return self.log(self.submit(path))

    def ticket(self, *names: str) -> list[dict[str, Any]]:
        answer = self.session.post(
            TICKETS, json={"records": [{"recordName": name} for name in names]}, timeout=20
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["records"])


def signer(cloud: PracticeCloud, kind: str) -> LocalSigner:
    """The practice team's identity of *kind*, with its whole chain."""
    key, certificate = cloud.apple.identity(kind)
    return LocalSigner(f"{kind}.p12", key, [certificate, cloud.apple.intermediate(), cloud.apple.root])


def roots(cloud: PracticeCloud) -> AppleRoots:
    return AppleRoots.with_files([cloud.apple_roots_file], [cloud.timestamp_roots_file])


def network(cloud: PracticeCloud) -> Network:
    return Network(NetworkSettings(proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), pace=0.01))


def stamper(cloud: PracticeCloud) -> Timestamper:
    return Timestamper(network(cloud), [cloud.accounts.timestamp_servers[0]], roots=roots(cloud).timestamp)


def sample(
    cloud: PracticeCloud,
    folder: Path,
    *,
    application: str = "application",
    installer: str | None = "installer",
    timestamp: bool = True,
    source: Path | None = None,
) -> Path:
    """The sample package, signed by the practice team as asked."""
    plain = source or folder / "plain.pkg"
    if source is None:
        build_sample(Job(), "Practice Backup", plain)
    target = folder / "Practice Backup.pkg"
    sign_contents(
        Job(),
        plain,
        target,
        signer(cloud, application),
        signer(cloud, installer) if installer else None,
        timestamp=stamper(cloud) if timestamp else None,
        roots=roots(cloud),
    )
    return target
