"""rcodesign, unmodified, notarises and staples against what ``practice serve`` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.staple import open_target, staple, validate
from codesign_wizard.core.job import Job
from codesign_wizard.practice import client_settings
from tests.support import apple_bundles, judges
from tests.support import notary as support
from tests.support.notary import NotaryClient

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the sample has links, which not everybody may make there"
)


def rcodesign(notary: NotaryClient, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it with the environment that the cloud prints, and nothing else of ours."""
    return subprocess.run(
        [judges.program("rcodesign"), *map(str, arguments)],
        env=dict(os.environ) | client_settings.environment(notary.cloud),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )


@pytest.fixture
def key_file(notary: NotaryClient, tmp_path: Path) -> Path:
    """The API key in the form that rcodesign keeps it in, made by rcodesign from Apple's file."""
    accounts = notary.cloud.accounts
    target = tmp_path / "key.json"
    done = rcodesign(
        notary,
        "encode-app-store-connect-api-key",
        "-o",
        target,
        accounts.api_issuer_id,
        accounts.api_key_id,
        notary.cloud.api_key_file,
    )
    assert done.returncode == 0, done.stdout
    return target


def test_rcodesign_notarises_and_staples(notary: NotaryClient, key_file: Path, tmp_path: Path) -> None:
    package = support.sample(notary.cloud, tmp_path)
    plain = tmp_path / "copy.pkg"
    shutil.copy(package, plain)
    done = rcodesign(notary, "notary-submit", "--api-key-file", key_file, "--wait", "--staple", package)
    assert done.returncode == 0, done.stdout
    assert '"status": "Accepted"' in done.stdout
    stapled = package.read_bytes()
    assert stapled[-16:].startswith(b"t8lr\x01\x00\x02\x00")
    with Package(plain) as opened:
        record = f"2/2/{opened.archive.digest[:20].hex()}"
    assert f"looking up notarization ticket for {record}" in done.stdout
    # anybody may staple what Apple has accepted
    assert rcodesign(notary, "staple", plain).returncode == 0
    assert plain.read_bytes() == stapled
    # ours finds right what it stapled, and staples the same
    network = support.network(notary.cloud)
    assert validate(Job(), network, package).stapled
    plain.write_bytes(stapled[: open_target(plain).end])
    assert staple(Job(), network, plain).changed
    assert plain.read_bytes() == stapled
    listed = rcodesign(notary, "notary-list", "--api-key-file", key_file)
    assert "Practice Backup.pkg" in listed.stdout, listed.stdout


def test_rcodesign_and_we_staple_apps_alike(notary: NotaryClient, key_file: Path, tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    who, when = support.signer(notary.cloud, "application"), support.stamper(notary.cloud)
    sign_bundle(Job(), app, app, who, timestamp=when, roots=support.roots(notary.cloud))
    ours = tmp_path / "ours" / app.name
    shutil.copytree(app, ours, symlinks=True)
    done = rcodesign(notary, "notary-submit", "--api-key-file", key_file, "--wait", "--staple", app)
    assert done.returncode == 0, done.stdout
    network = support.network(notary.cloud)
    assert validate(Job(), network, app).stapled
    assert staple(Job(), network, ours).changed
    ticket = Path("Contents") / "CodeResources"
    assert (ours / ticket).read_bytes() == (app / ticket).read_bytes()
    told = rcodesign(notary, "print-signature-info", ours).stdout
    assert "bundle_code_signature_file: NotarizationTicket" in told


def test_rcodesign_is_told_what_is_wrong(notary: NotaryClient, key_file: Path, tmp_path: Path) -> None:
    package = support.sample(notary.cloud, tmp_path, timestamp=False)
    done = rcodesign(notary, "notary-submit", "--api-key-file", key_file, "--wait", package)
    assert done.returncode != 0
    assert "The signature does not include a secure timestamp." in done.stdout
    assert "notarization invalid" in done.stdout.lower()
    missing = rcodesign(notary, "staple", package)
    assert missing.returncode != 0
    assert "Record not found" in missing.stdout
