"""What Apple would say of a file, predicted from our own verification, issue by issue."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple.package_contents import sign_contents
from codesign_wizard.core.apple.preflight import preflight
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.job import Job
from tests.support import apple_bundles, apple_pki, macho, packages

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the sample has links, which not everybody may make there"
)


def _names(path: Path) -> set[str]:
    look = preflight(Job(), path, roots=apple_pki.roots())
    assert look.ok is (not any(each.severity == "error" for each in look.findings))
    return {each.kind.name for each in look.predicted}


def _zip(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent).as_posix()
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120755 << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)
    return target


def _signed(folder: Path, installer: str) -> Path:
    """The sample, signed without a time stamp, as a package by the *installer* of this kind."""
    source, target = folder / "sample.pkg", folder / "signed.pkg"
    build_sample(Job(), "Acme", source)
    signers = apple_pki.signer("application"), apple_pki.signer(installer)
    sign_contents(Job(), source, target, *signers, timestamp=None, roots=apple_pki.roots(), now=NOW)
    return target


def test_an_unsigned_package_is_predicted_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "sample.pkg"
    build_sample(Job(), "Acme", path)
    look = preflight(Job(), path, roots=apple_pki.roots())
    assert not look.ok
    assert {each.kind.name for each in look.predicted} >= {"unsigned"}
    unsigned = next(each for each in look.findings if each.id == "apple.notary.issue-unsigned")
    assert "sample.pkg" in unsigned.evidence.more.values()
    assert unsigned.certainty == "computed"


def test_signed_without_a_time_stamp_is_predicted_for_each_file(tmp_path: Path) -> None:
    look = preflight(Job(), _signed(tmp_path, "installer"), roots=apple_pki.roots())
    assert {each.kind.name for each in look.predicted} == {"timestamp"}
    places = {each.place.words for each in look.predicted}
    assert "signed.pkg" in places
    assert "sample.pkg/Acme.app/Contents/Helpers/sample-helper (arm64)" in places


def test_a_package_signed_with_another_certificate_is_predicted(tmp_path: Path) -> None:
    look = preflight(Job(), _signed(tmp_path, "application"), roots=apple_pki.roots())
    assert [each.place.path for each in look.predicted if each.kind.name == "certificate"] == ["signed.pkg"]
    told = next(each for each in look.findings if each.id == "apple.notary.issue-certificate")
    assert "of the kind “Developer ID Application”" in told.detail, "which certificate it is, is said"


def test_an_app_is_looked_at_in_a_zip_as_it_is_outside(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path / "apps")
    outside = _names(app)
    assert outside
    assert _names(_zip(app, tmp_path / "app.zip")) == outside


def test_code_in_an_archive_inside_is_looked_at_whatever_the_archive_is_called(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("lib/program", macho.thin("arm64"))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "java/tools.jar")
        archive.writestr("java/begins.like", b"PK\3\4 and is none")
    look = preflight(Job(), outer, roots=apple_pki.roots())
    assert {each.kind.name for each in look.predicted} == {"unsigned", "timestamp", "hardened-runtime"}
    assert {each.place.words for each in look.predicted} == {"java/tools.jar/lib/program (arm64)"}
    for finding in look.findings:
        assert finding.remedies[0].title.startswith("tools.jar is an archive")
    # to sign the whole again would not mend what is in it
    unsigned = next(each for each in look.findings if each.id == "apple.notary.issue-unsigned")
    assert len(unsigned.remedies) == 1


def test_a_zip_that_leads_elsewhere_writes_nothing_there(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside", b"x")
        archive.writestr("/absolute", b"x")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120755 << 16
        archive.writestr(link, "../..")
        archive.writestr("link/inside", b"x")
    assert _names(path) == {"no-code"}
    assert [each.name for each in tmp_path.iterdir()] == ["evil.zip"]


def test_what_cannot_be_opened_is_predicted_or_said(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    assert _names(tmp_path / "a.zip") == {"archive"}
    (tmp_path / "a.dmg").write_bytes(b"koly")
    look = preflight(Job(), tmp_path / "a.dmg", roots=apple_pki.roots())
    assert look.skipped
    assert [each.id for each in look.findings] == ["apple.notary.preflight-skipped"]


def test_nothing_speaks_against_a_package_without_code_but_its_own_signature(tmp_path: Path) -> None:
    assert _names(packages.product(tmp_path / "some.pkg")) >= {"unsigned"}
