"""Two .p12 files given as Installer and Application: what does not fit is named, with its fix."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple.identity_pair import check_pair
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.apple import authority as ca
from tests.support.practice_identities import PASSWORD, authority, errors, ids, made, packed, roots, special

NOW = datetime.now(UTC)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "installer.p12", tmp_path / "application.p12"
    for path, kind in zip(paths, ("installer", "application"), strict=True):
        path.write_bytes(made(kind))
    return paths


def test_a_pair_that_fits(pair: tuple[Path, Path]) -> None:
    report = check_pair(*pair, PASSWORD, PASSWORD, now=NOW, roots=roots())
    assert report.ok
    assert report.one_password
    assert ids(report.findings)[-1] == "pair"


def test_a_pair_that_changed_places(pair: tuple[Path, Path]) -> None:
    report = check_pair(pair[1], pair[0], PASSWORD, PASSWORD, now=NOW, roots=roots())
    assert report.swapped
    assert errors(report.findings) == ["apple.identity.swapped"] * 2


def test_the_same_kind_twice_names_the_missing_one(pair: tuple[Path, Path]) -> None:
    report = check_pair(pair[0], pair[0], PASSWORD, PASSWORD, now=NOW, roots=roots())
    assert errors(report.findings) == ["apple.identity.both-same"]
    assert "Developer ID Application one is missing" in report.findings[-1].title


def test_two_teams(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(special(ca.APPLICATION, ca.OTHER_TEAM))
    report = check_pair(*pair, PASSWORD, PASSWORD, now=NOW, roots=roots())
    assert errors(report.findings) == ["apple.identity.teams-differ"]
    title = report.findings[-1].title
    assert "PRACTICE01" in title
    assert "PRACTICE02" in title


def test_two_passwords(pair: tuple[Path, Path]) -> None:
    other = Secret("another-canary")
    pair[1].write_bytes(packed(*authority().identity("application"), password=other))
    report = check_pair(*pair, PASSWORD, other, now=NOW, roots=roots())
    assert errors(report.findings) == ["apple.identity.passwords-differ"]
    assert not report.one_password
    wrong = check_pair(*pair, PASSWORD, PASSWORD, now=NOW, roots=roots())
    assert errors(wrong.findings) == ["apple.identity.password-wrong"]
