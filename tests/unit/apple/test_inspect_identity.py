"""``inspect`` says of Apple's files what they are, and judges them as Apple's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.apple.keychain import export
from tests.support import pki
from tests.support.practice_identities import PASSWORD, authority, made, packed, roots, several


def look(folder: Path, data: bytes, password: Secret | None = PASSWORD) -> Inspection:
    path = folder / "a.p12"
    path.write_bytes(data)
    return inspect_file(Job(), path, password, apple_roots=roots())


def ids(found: Inspection) -> list[str]:
    return [each.id for each in found.findings]


def test_an_identity_is_judged_as_apples(tmp_path: Path) -> None:
    found = look(tmp_path, made("application"))
    assert found.kind == "p12"
    assert "Developer ID Application: Practice Team (PRACTICE01)" in found.title
    assert ids(found) == ["apple.identity.chain-completed", "apple.identity.found"]
    assert found.details["keys"] == 1
    assert found.details["encryption"] == ["AES-256"]
    old = look(tmp_path, export([authority().identity("installer")], PASSWORD.reveal()))
    assert old.details["encryption"] == ["RC2-40", "3DES"]
    assert old.details["mac"] == "SHA-1"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    _, certificate = authority().identity("application")
    assert ids(look(tmp_path, packed(None, None, [certificate]))) == ["apple.identity.no-key"]
    windows = look(tmp_path, packed(None, None, [pki.leaf("rsa3072").certificate]))
    assert "identity.p12.no-key" in ids(windows)
    assert "no key" in windows.title
    key, _ = authority().identity("application")
    alone = look(tmp_path, packed(key, None))
    assert ids(alone) == ["identity.p12.no-certificate"]
    assert alone.details["certificates"] == []
    empty = look(tmp_path, export([], PASSWORD.reveal()))
    assert ids(empty) == ["apple.identity.empty"]


def test_several_identities_are_all_shown(tmp_path: Path) -> None:
    found = look(tmp_path, several("installer", "application"))
    assert "2 keys" in found.title
    assert len(found.details["certificates"]) == 2
    assert "apple.identity.several" in ids(found)


@pytest.mark.parametrize(
    ("password", "expected"), [(None, "inspect.password-needed"), (Secret("x"), "inspect.password-wrong")]
)
def test_passwords(tmp_path: Path, password: Secret | None, expected: str) -> None:
    assert ids(look(tmp_path, made("installer"), password)) == [expected]


def test_a_damaged_file_is_not_a_wrong_password(tmp_path: Path) -> None:
    assert ids(look(tmp_path, made("installer")[:-100])) == ["apple.identity.damaged"]


def test_a_certificate_of_apples_is_not_measured_by_windows(tmp_path: Path) -> None:
    _, certificate = authority().identity("installer")
    found = look(tmp_path, certificate.public_bytes(Encoding.DER), None)
    assert found.kind == "certificates"
    assert ids(found) == ["inspect.certificate-purpose", "inspect.certificate-apple"]
    assert "Developer ID Installer, of team PRACTICE01" in found.findings[-1].title
    with pytest.raises(InputError):
        inspect_file(Job(), tmp_path / "none", None)
