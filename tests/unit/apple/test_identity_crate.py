"""Real files: what the crate ``apple-codesign`` keeps for its own tests, certificates by Apple among them.

They are not ours to keep: cargo brings them along with rcodesign, or APPLE_CODESIGN_TESTDATA names a
folder with them; without either these tests are skipped, and fail in CI.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core import redact
from codesign_wizard.core.apple.certificates import Kind, describe, read_certificates
from codesign_wizard.core.apple.identity_judge import judge_data
from codesign_wizard.core.apple.trust import AppleRoots, judge
from codesign_wizard.core.redact import Secret
from tests.support import judges

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KINDS = {
    "apple-development": Kind.DEVELOPMENT,
    "apple-distribution": Kind.DISTRIBUTION,
    "developer-id-application": Kind.APPLICATION,
    "developer-id-installer": Kind.INSTALLER,
    "mac-installer-distribution": Kind.STORE_INSTALLER,
    "3rd-party-mac": Kind.STORE_INSTALLER,
}


def _cargo() -> Path:
    if os.environ.get("CARGO_HOME"):
        return Path(os.environ["CARGO_HOME"])
    if sys.platform == "win32":
        return Path.home() / ".cargo"
    import pwd

    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cargo"


def folder() -> Path | None:
    told = os.environ.get("APPLE_CODESIGN_TESTDATA")
    if told:
        return Path(told)
    # the tests have a home of their own; cargo's is the person's
    found = sorted(_cargo().glob("registry/src/*/apple-codesign-*/src/testdata"))
    return found[-1] if found else None


DATA = folder()
pytestmark = pytest.mark.filterwarnings("ignore:Attribute.s length must be")


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    # ordinary words as passwords would be hidden in what later tests read
    monkeypatch.setattr(redact, "_known", redact._known.copy())


def files(pattern: str) -> list[Path]:
    return sorted(DATA.glob(pattern)) if DATA is not None else []


def expected(path: Path) -> Kind:
    return next(kind for name, kind in KINDS.items() if name in path.name)


def test_none_is_left_out() -> None:
    if DATA is None:
        judges.missing("the source of the crate apple-codesign")
    tried = {*files("apple-signed-*"), *files("self-signed-rsa-*.p12"), *files("self-signed-ed25519-*.p12")}
    assert len(tried) == 16
    assert {*files("*.cer"), *files("*.p12"), *files("*.pfx")} <= tried


@pytest.mark.parametrize("path", files("apple-signed-*"), ids=lambda path: path.name)
def test_apples_own_certificates(path: Path) -> None:
    (certificate,) = read_certificates(path.read_bytes())
    described = describe(certificate)
    assert described.kind is expected(path)
    assert described.team == "MK22MZP987"
    report = judge_data(path.name, path.read_bytes(), None)
    assert [each.id for each in report.findings] == ["apple.identity.certificate-only"]
    if described.kind.is_developer_id:
        when = described.since.replace(tzinfo=UTC)
        judged = judge(certificate, [], AppleRoots(), when)
        assert judged.trusted
        assert len(judged.path) == 3


@pytest.mark.parametrize("path", files("self-signed-rsa-*.p12"), ids=lambda path: path.name)
def test_identities_that_vouch_for_themselves(path: Path) -> None:
    report = judge_data(path.name, path.read_bytes(), Secret("password"), now=NOW)
    assert report.identity is not None
    assert report.identity.kind is expected(path)
    assert report.structure is not None
    assert report.structure.schemes == ("RC2-40", "3DES")
    wanted = (
        ["apple.identity.no-team", "apple.identity.chain"]
        if expected(path).is_developer_id
        else ["apple.identity.wrong-kind"]
    )
    assert [each.id for each in report.findings] == wanted


@pytest.mark.parametrize("path", files("self-signed-ed25519-*.p12"), ids=lambda path: path.name)
def test_ed25519_is_no_key_for_apple_and_no_wrong_password(path: Path) -> None:
    """Their certificates and keys are not in standard form either: OpenSSL does not read them."""
    report = judge_data(path.name, path.read_bytes(), Secret("password"), now=NOW)
    assert [each.id for each in report.findings] == ["apple.identity.content"]
    wrong = judge_data(path.name, path.read_bytes(), Secret("wrong-canary"), now=NOW)
    assert [each.id for each in wrong.findings] == ["apple.identity.password-wrong"]


def test_what_keychain_access_exported() -> None:
    path = DATA.parent / "apple-codesign-testuser.p12" if DATA is not None else Path()
    if not path.is_file():
        judges.missing("the identity in the crate apple-codesign")
    report = judge_data(path.name, path.read_bytes(), Secret("password123"), now=NOW)
    assert report.opened
    assert report.identity is not None
