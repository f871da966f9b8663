"""Which roots are trusted: read once, and again when their file has changed."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.network import Network, NetworkSettings
from tests.support.pki import issue, key


def root(common_name: str) -> bytes:
    return issue(common_name, key(f"p256-{common_name}"), None, ca=True, usage=None).pem


def context(bundle: str) -> ssl.SSLContext:
    return Network(NetworkSettings(ca_bundle=bundle, use_environment=False)).ssl_context()


def names(of: ssl.SSLContext) -> set[str]:
    return {
        part[0][1] for each in of.get_ca_certs() for part in each["subject"] if part[0][0] == "commonName"
    }


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there the system judges")
def test_a_bundle_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    bundle, other = tmp_path / "roots.pem", tmp_path / "other.pem"
    bundle.write_bytes(root("First root (test)"))
    other.write_bytes(root("Other root (test)"))
    first = context(str(bundle))
    assert context(str(bundle)) is first
    assert "First root (test)" in names(first)
    bundle.write_bytes(bundle.read_bytes() + root("Second root (test)"))
    assert {"First root (test)", "Second root (test)"} <= names(context(str(bundle)))
    # what one profile trusts, no other does
    assert "Second root (test)" not in names(first) | names(context(str(other))) | names(context(""))


def test_every_server_is_verified_with_its_name(tmp_path: Path) -> None:
    bundle = tmp_path / "roots.pem"
    bundle.write_bytes(root("First root (test)"))
    for made in (context(""), context(str(bundle))):
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert made.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_bundle_that_holds_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "roots.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(InputError) as caught:
        context(str(bundle))
    assert str(bundle) in caught.value.finding.title
