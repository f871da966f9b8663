"""A time-stamp authority and roots for the whole run of a test module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from codesign_wizard.core.authenticode.roots import RootStore
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.network import Network, NetworkSettings
from tests.support import judges, pki


@dataclass(frozen=True)
class Bench:
    """What signing and judging needs."""

    roots_file: Path
    timestamp_roots_file: Path
    roots: RootStore
    timestamper: Timestamper


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    judges.program("openssl")
    folder = tmp_path_factory.mktemp("pki")
    roots_file, timestamp_roots_file = folder / "root.pem", folder / "tsroot.pem"
    roots_file.write_bytes(pki.root().pem)
    timestamp_roots_file.write_bytes(pki.timestamp_root().pem)
    roots = RootStore.microsoft([roots_file], [timestamp_roots_file])
    network = Network(NetworkSettings(use_environment=False))
    with pki.tsa(folder / "tsa") as (url, _):
        yield Bench(roots_file, timestamp_roots_file, roots, Timestamper(network, [url], roots=roots))
