"""What an identity is, and each mistake people make with one, named with its fix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from codesign_wizard.core.apple.certificates import Kind, describe
from codesign_wizard.core.apple.identity import IdentityReport
from codesign_wizard.core.apple.identity_judge import judge_data, read_identity
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.signing import DigestAlgorithm
from codesign_wizard.practice.apple import authority as ca
from codesign_wizard.practice.state import State
from tests.support import pki
from tests.support.practice_identities import (
    PASSWORD,
    authority,
    errors,
    ids,
    made,
    packed,
    roots,
    several,
    special,
)

NOW = datetime.now(UTC)


def judged(data: bytes, wanted: Kind | None = None, *, now: datetime = NOW) -> IdentityReport:
    return judge_data("it.p12", data, PASSWORD, wanted=wanted, now=now, roots=roots())


@pytest.mark.parametrize(("name", "kind"), [("installer", Kind.INSTALLER), ("application", Kind.APPLICATION)])
def test_a_good_identity_is_described(name: str, kind: Kind) -> None:
    report = judged(made(name), kind)
    assert report.ok
    assert ids(report.findings) == ["chain-completed", "found"]
    assert report.identity is not None
    assert report.identity.kind is kind
    assert report.identity.team == "PRACTICE01"
    assert report.identity.description.owner == "Practice Team"
    assert report.identity.chain == [authority().identity(name)[1], authority().intermediate("G2")]
    assert report.identity.root == authority().root
    assert "Practice Team (team PRACTICE01), valid until 20" in report.findings[-1].title


def test_it_signs() -> None:
    report = judged(made("application"))
    assert report.identity is not None
    signer = report.identity.signer()
    assert len(signer.sign(Job(), b"\0" * 32, DigestAlgorithm.SHA256)) == 256
    assert list(signer.certificate_chain) == report.identity.chain


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("distribution", "Apple Distribution"),
        ("development", "Apple Development"),
        ("store-installer", "Mac Installer Distribution"),
    ],
)
def test_a_certificate_for_the_app_store_is_told_from_developer_id(kind: str, words: str) -> None:
    report = judged(made(kind))
    assert errors(report.findings) == ["apple.identity.wrong-kind"]
    assert words in report.findings[0].title
    assert "Developer ID Application" in report.findings[0].remedies[0].title


def test_a_certificate_for_windows_is_not_apples() -> None:
    issued = pki.leaf("rsa3072")
    report = judged(packed(issued.key, issued.certificate))
    assert errors(report.findings) == ["apple.identity.not-apple"]


@pytest.mark.parametrize("kind", ["installer", "application"])
def test_a_file_in_the_others_place_is_swapped(kind: str) -> None:
    wanted = Kind.APPLICATION if kind == "installer" else Kind.INSTALLER
    report = judged(made(kind), wanted)
    assert errors(report.findings) == ["apple.identity.swapped"]
    assert not report.ok


def test_time_is_judged_by_the_clock_that_is_given() -> None:
    data = special(ca.APPLICATION, start=NOW - timedelta(days=10), days=100)
    for days, expected in (
        (0, None),
        (60, "expiring"),
        (100, "expired"),
        (-20, "not-yet-valid"),
    ):
        found = ids(judged(data, now=NOW + timedelta(days=days)).findings)
        times = [each for each in found if each in ("expiring", "expired", "not-yet-valid")]
        assert times == ([expected] if expected else []), days
        assert "chain" not in found


def test_the_first_authoritys_end_is_said() -> None:
    """Apple's G1 ends on 2027-02-01, and whatever it issued with it."""
    data = special(ca.INSTALLER, generation="G1", start=datetime(2026, 1, 1, tzinfo=UTC))
    report = judged(data, now=datetime(2026, 11, 24, tzinfo=UTC))
    assert report.ok
    finding = next(each for each in report.findings if each.id == "apple.identity.authority-ends")
    assert finding.severity is Severity.WARNING
    assert "2027-02-01" in finding.title
    later = judged(data, now=datetime(2027, 2, 2, tzinfo=UTC))
    assert errors(later.findings) == ["apple.identity.chain"]
    assert "2027-02-01" in later.findings[0].title
    newer = judged(made("installer"), now=NOW)
    assert "authority-ends" not in ids(newer.findings)


def test_a_small_key_and_one_that_is_not_rsa_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    for key, expected in ((small, "key-small"), (curve, "key-kind")):
        certificate = authority().issue(key.public_key(), ca.INSTALLER)
        report = judged(packed(key, certificate))
        assert errors(report.findings) == [f"apple.identity.{expected}"]


def test_a_chain_that_is_not_apples_is_refused() -> None:
    report = judge_data("it.p12", made("installer"), PASSWORD, now=NOW)
    assert errors(report.findings) == ["apple.identity.chain"]
    other = ca.AppleAuthority(State())
    key, certificate = other.identity("installer")
    report = judged(packed(key, certificate, other.certificates()))
    assert errors(report.findings) == ["apple.identity.chain"]
    assert "not Apple's root" in report.findings[0].title


def test_the_certificate_alone_is_named_in_every_form() -> None:
    _, certificate = authority().identity("application")
    report = judged(packed(None, None, [certificate]))
    assert errors(report.findings) == ["apple.identity.no-key"]
    assert report.opened
    for data in (certificate.public_bytes(Encoding.DER), certificate.public_bytes(Encoding.PEM)):
        report = judged(data)
        assert errors(report.findings) == ["apple.identity.certificate-only"]
        assert report.certificate is not None
        assert report.certificate.kind is Kind.APPLICATION
        assert "Export" in report.findings[0].remedies[0].title


def test_a_key_without_its_certificate_is_named() -> None:
    key, _ = authority().identity("application")
    report = judged(packed(key, None, [authority().identity("installer")[1]]))
    assert errors(report.findings) == ["apple.identity.no-certificate"]


def test_other_files_are_called_what_they_are(tmp_path: Path) -> None:
    key, _ = authority().identity("application")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data in (b"", b"hello", pem, b"PK\x03\x04" + b"\0" * 50, b"\xfe\xed\xfa\xcf" + b"\0" * 60):
        assert errors(judged(data).findings) == ["apple.identity.not-p12"], data
    assert errors(read_identity(tmp_path, None).findings) == ["apple.identity.unreadable"]
    assert errors(read_identity(tmp_path / "none", None).findings) == ["apple.identity.unreadable"]


def test_passwords_wrong_and_missing() -> None:
    data = made("installer")
    for password, expected in ((Secret("wrong-canary"), "password-wrong"), (None, "password-missing")):
        report = judge_data("it.p12", data, password, now=NOW, roots=roots())
        assert errors(report.findings) == [f"apple.identity.{expected}"]
        assert not report.opened


def test_of_several_the_one_that_is_wanted_is_used() -> None:
    data = several("development", "installer", "application")
    for wanted in (Kind.INSTALLER, Kind.APPLICATION):
        report = judged(data, wanted)
        assert report.ok
        assert report.identity is not None
        assert report.identity.kind is wanted
        assert len(report.others) == 2
        assert "several" in ids(report.findings)


def test_nothing_secret_is_shown() -> None:
    report = judged(made("installer"))
    shown = repr(report) + str([each.to_json() for each in report.findings])
    assert "canary" not in shown
    assert "PrivateKey" not in shown


def test_a_name_without_apples_form_is_taken_as_it_is() -> None:
    described = describe(pki.leaf("rsa3072").certificate)
    assert described.kind is Kind.OTHER
    assert described.team == ""
    assert described.owner == described.common_name
