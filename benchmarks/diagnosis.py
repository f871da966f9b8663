"""The diagnosis with every probe: one with a far network, and two hundred profiles in one go.

Far: the practice cloud takes 100 ms for every answer; timed from the token on, median of ``RUNS``. Many: a
whole process, ``doctor windows --all-profiles --json``, against a practice cloud of another process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from codesign_wizard.core.azure.credential import ApplicationCredential
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.diagnosis import diagnose
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.profile_store import ProfileStore
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud

RUNS = 5
DELAY = 0.1  # seconds a call
FAR_LIMIT = 1.0  # seconds
PROFILES = 200
MANY_LIMIT = 20.0  # seconds


def run() -> list[dict[str, Any]]:
    """Time both."""
    far = _far()
    many = _many()
    return [
        _row("full diagnosis, 100 ms a call, after the token", statistics.median(far), FAR_LIMIT, runs=far),
        _row(f"doctor windows, {PROFILES} profiles, whole process", many, MANY_LIMIT),
    ]


def _row(name: str, seconds: float, limit: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "ours": seconds, "peer": None, "ratio": None, "limit": limit, "unit": "s", **more}


def _far() -> list[float]:
    with PracticeCloud(delay=DELAY) as cloud, tempfile.TemporaryDirectory() as cache:
        own = cloud.accounts
        network = Network(
            NetworkSettings(
                proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), use_environment=False, cache=cache
            )
        )
        options = AzureOptions(own.vault_name, own.certificate_name, own.application_id, own.tenant_id)
        secret = Secret(own.application_secret)
        # the first imports the vault's clients, fills the cache of certificates, and is not counted
        return [_once(network, options, secret) for _ in range(RUNS + 1)][1:]


def _once(network: Network, options: AzureOptions, secret: Secret) -> float:
    job = Job()
    credential = ApplicationCredential(job, network, options, secret)
    signed_in = credential.sign_in()
    started = time.perf_counter()
    result = diagnose(job, network, options, credential, identity=signed_in.identity)
    seconds = time.perf_counter() - started
    # a diagnosis that was cut short must not count as a quick one
    if (
        result.proof.works is None
        or result.report is None
        or len(result.probes.asked if result.probes else ()) < 20
    ):
        raise RuntimeError(f"the diagnosis was not full: {[each.id for each in result.findings]}")
    if any(row.state is State.MISSING for row in result.report.rows):
        raise RuntimeError("something was found missing where nothing is")
    return seconds


def _many() -> float:
    with PracticeCloud() as cloud, tempfile.TemporaryDirectory() as folder:
        store, own = ProfileStore(Path(folder) / "profiles"), cloud.accounts
        for number in range(PROFILES):
            profile = Profile(id=f"partner-{number:03d}", name=f"Partner {number:03d}")
            azure = profile.windows.azure
            azure.vault_name, azure.certificate_name = own.vault_name, own.certificate_name
            azure.application_id, azure.tenant_id = own.application_id, own.tenant_id
            profile.network.proxy, profile.network.ca_bundle = cloud.proxy_url, str(cloud.ca_file)
            store.save(profile)
        environment = {
            **os.environ,
            "CODESIGN_WIZARD_CONFIG": folder,
            "CODESIGN_WIZARD_CACHE": str(Path(folder) / "cache"),
            "AZURE_CLIENT_SECRET": own.application_secret,
        }
        command = [
            sys.executable,
            "-P",
            "-m",
            "codesign_wizard",
            "doctor",
            "windows",
            "--all-profiles",
            "--json",
        ]
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        seconds = time.perf_counter() - started
    told = json.loads(done.stdout)["result"]["profiles"] if not done.returncode else []
    if sum(each["ok"] for each in told) != PROFILES:
        raise RuntimeError(f"not every profile was well, exit code {done.returncode}: {done.stderr[-2000:]}")
    return seconds
