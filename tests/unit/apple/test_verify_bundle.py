"""Bundles judged: what was done to them after signing, what may go, what no seal can cover."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from codesign_wizard.core.apple import (
    oids,
    sign_macho,
)
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from tests.support import apple_bundles, apple_pki
from tests.support import macho as samples
from tests.unit.apple.code_judging import P, errors, ids, judged


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.name == "nt":
        pytest.skip("bundles hold links and modes")
    folder = tmp_path_factory.mktemp("bundle")
    app = apple_bundles.app(folder)
    signer = apple_pki.signer("application")
    sign_bundle(Job(), app, app, signer, timestamp=None, roots=apple_pki.roots())
    return app


@pytest.fixture
def app(original: Path, tmp_path: Path) -> Path:
    target = tmp_path / "Example.app"
    shutil.copytree(original, target, symlinks=True)
    return target


def test_a_signed_bundle_holds(app: Path) -> None:
    report = judged(app)
    assert report.ok
    assert {"seal-ok", "hashes-ok", "slots-ok", "team-ok"} <= ids(report, Severity.OK)
    assert [each.place for each in report.signatures] == [
        f"Example.app/Contents/{each}"
        for each in (
            "Frameworks/Part.framework/Versions/A/Part",
            "Frameworks/libinner.dylib",
            "Library/LoginItems/Inner.app/Contents/MacOS/Inner",
            "MacOS/tool",
            "Resources/helper",
            "MacOS/Example",
            "MacOS/Example",
        )
    ]


def test_what_is_the_same_everywhere_is_said_once(app: Path) -> None:
    (finding,) = [each for each in judged(app).findings if each.id == P + "timestamp-missing"]
    assert finding.detail == "The same holds for 6 others."
    assert finding.evidence.more["also 6"] == "Example.app/Contents/MacOS/Example (arm64)"


def edit(app: Path, what: str) -> None:
    contents = app / "Contents"
    match what:
        case "changed":
            (contents / "Resources" / "icon.icns").write_bytes(b"other")
        case "added":
            (contents / "Resources" / "new.txt").write_bytes(b"new")
        case "removed":
            (contents / "Resources" / "icon.icns").unlink()
        case "link":
            (contents / "Resources" / "link").unlink()
            (contents / "Resources" / "link").symlink_to("en.lproj")
        case "link-made-file":
            (contents / "Resources" / "link").unlink()
            (contents / "Resources" / "link").write_bytes(b"icns")
        case "info":
            plist = contents / "Info.plist"
            plist.write_bytes(plist.read_bytes().replace(b"APPL", b"APPX"))
        case "seal":
            seal = contents / "_CodeSignature" / "CodeResources"
            seal.write_bytes(seal.read_bytes().replace(b"icon.icns", b"icon.icnt"))
        case "no-seal":
            shutil.rmtree(contents / "_CodeSignature")
        case "broken-seal":
            (contents / "_CodeSignature" / "CodeResources").write_bytes(b"<plist")
        case "inner-resource":
            (contents / "Library/LoginItems/Inner.app/Contents/Resources/x.txt").write_bytes(b"y")
        case "other-tool":
            shutil.copy2(contents / "Frameworks" / "libinner.dylib", contents / "MacOS" / "tool")
        case "unsigned-tool":
            (contents / "MacOS" / "tool").write_bytes(samples.thin())
        case "cut-tool":
            (contents / "MacOS" / "tool").write_bytes(samples.thin()[:300])
        case "folder-for-file":
            (contents / "Resources" / "icon.icns").unlink()
            (contents / "Resources" / "icon.icns").mkdir()


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("changed", {"seal-broken"}),
        ("added", {"seal-broken"}),
        ("removed", {"seal-broken", "link-broken"}),
        ("link", {"seal-broken"}),
        ("link-made-file", {"seal-broken"}),
        ("info", {"slot-wrong"}),
        ("seal", {"slot-wrong", "seal-broken"}),
        ("no-seal", {"seal-missing", "slot-wrong"}),
        ("broken-seal", {"seal-missing", "slot-wrong"}),
        ("inner-resource", {"seal-broken"}),
        ("other-tool", {"seal-broken"}),
        ("unsigned-tool", {"seal-broken", "unsigned"}),
        ("cut-tool", {"seal-broken", "damaged"}),
        ("folder-for-file", {"seal-broken"}),
    ],
)
def test_what_was_done_to_a_bundle_is_found(app: Path, what: str, expected: set[str]) -> None:
    edit(app, what)
    assert errors(judged(app)) == expected


@pytest.mark.parametrize("path", ["Resources/.DS_Store", "PkgInfo", "Resources/en.lproj/Localizable.strings"])
def test_what_may_go_may_go(app: Path, path: str) -> None:
    (app / "Contents" / path).unlink()
    assert judged(app).ok


def test_a_root_that_nobody_knows_is_no_change_of_the_nested_code(app: Path) -> None:
    report = judged(app, AppleRoots())
    assert not report.ok
    assert "chain-wrong" in errors(report)
    assert "seal-broken" not in errors(report)
    assert "seal-ok" in ids(report)


def test_a_ticket_is_seen(app: Path) -> None:
    (app / "Contents" / "CodeResources").write_bytes(b"s8ch")
    report = judged(app)
    assert report.ok
    assert "ticket" in ids(report)
    assert "gatekeeper" not in ids(report)


def test_a_library_of_another_team_is_told(app: Path, tmp_path: Path) -> None:
    from codesign_wizard.core.local_signer import LocalSigner

    own = apple_pki.leaf("application")
    other = apple_pki.issue(
        "Developer ID Application: Other (ZYXWV98765)",
        own.key,
        apple_pki.authority(),
        marks=(oids.DEVELOPER_ID_APPLICATION,),
        usage=oids.CODE_SIGNING_USAGE,
        team="ZYXWV98765",
    )
    signer = LocalSigner("other.p12", other.key, [other.certificate, apple_pki.authority().certificate])
    helper = app / "Contents" / "Resources" / "helper"
    sign_macho.sign_macho(Job(), helper, helper, signer, timestamp=None)
    report = judged(app)
    # the seal over it is broken too: it was signed after the app
    assert errors(report) == {"seal-broken"}
    assert "team-differs" in ids(report, Severity.WARNING)
    assert "team-ok" not in ids(report)


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("readme.txt", "unsealed"),
        ("Contents/_CodeSignature/readme.txt", "unsealed"),
        ("Contents/Frameworks/Part.framework/readme.txt", "unsealed"),
        ("Contents/Frameworks/Part.framework/Versions/readme.txt", "unsealed"),
        (".DS_Store", ""),
        ("Contents/Frameworks/Part.framework/.DS_Store", ""),
    ],
)
def test_files_that_no_seal_can_cover(tmp_path: Path, path: str, what: str) -> None:
    app = apple_bundles.app(tmp_path)
    sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    (app / path).write_bytes(b"x")
    assert errors(judged(app)) == ({what} if what else set())


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
def test_links_that_leave_the_bundle(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    (app / "Contents" / "Resources" / "system").symlink_to("/System/Library/Fonts")
    inner = app / "Contents" / "Library" / "LoginItems" / "Inner.app" / "Contents" / "Resources"
    (inner / "outer").symlink_to("../../../../../Resources/icon.icns")
    made = sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    assert "apple.bundle.link-out" not in {each.id for each in made.findings}
    assert errors(judged(app)) == set()
    (app / "Contents" / "Resources" / "out").symlink_to("/etc/passwd")
    sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    assert errors(judged(app)) == {"link-out"}


@pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")
@pytest.mark.parametrize("target", ["nothing", "../Resources/link-2", "../link-out/bin"])
def test_links_that_lead_nowhere(tmp_path: Path, target: str) -> None:
    app = apple_bundles.app(tmp_path)
    resources = app / "Contents" / "Resources"
    (resources / "link-2").symlink_to(target)
    made = sign_bundle(Job(), app, app, apple_pki.signer("application"), timestamp=None)
    assert {each.id for each in made.findings} >= {"apple.bundle.link-broken"}
    assert errors(judged(app)) == {"link-broken"}
