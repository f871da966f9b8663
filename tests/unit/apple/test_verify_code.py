"""Signed code judged: what holds, and each thing that does not."""

from __future__ import annotations

import hashlib
import os
import plistlib
import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from codesign_wizard.core.apple import (
    code_cms,
    code_directory,
    macho,
    oids,
    requirements,
    sign_macho,
    superblob,
)
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.signing import Signer
from tests.support import apple_bundles, apple_pki, pki
from tests.support import macho as samples

P = "apple.verify.code-"


def judged(path: Path, roots: AppleRoots | None = None, now: datetime | None = None) -> CodeReport:
    report = verify_code(Job(), path, trust=roots or apple_pki.roots(), now=now)
    report.to_json()
    assert all("\n" not in each.title for each in report.findings)
    return report


def ids(report: CodeReport, *severities: Severity) -> set[str]:
    return {
        each.id.removeprefix(P) for each in report.findings if not severities or each.severity in severities
    }


def errors(report: CodeReport) -> set[str]:
    assert report.ok == (not ids(report, Severity.ERROR))
    return ids(report, Severity.ERROR)


def signed(folder: Path, data: bytes | None = None, kind: str = "application", **options: object) -> Path:
    source, target = folder / "tool", folder / "signed"
    source.write_bytes(data or samples.thin())
    signer: Signer = apple_pki.signer(kind)
    sign_macho.sign_macho(
        Job(),
        source,
        target,
        signer,
        timestamp=None,
        roots=apple_pki.roots(),
        **options,  # type: ignore[arg-type]  # the function's own
    )
    return target


def test_what_was_just_signed_holds_in_every_respect(tmp_path: Path) -> None:
    plist = plistlib.dumps({"com.apple.security.cs.allow-jit": True})
    source, target = tmp_path / "tool", tmp_path / "signed"
    source.write_bytes(samples.universal(samples.thin("x86_64"), samples.thin("arm64")))
    with pki.tsa(tmp_path / "tsa") as (address, _):
        stamper = Timestamper(Network(NetworkSettings(use_environment=False)), [address])
        sign_macho.sign_macho(
            Job(), source, target, apple_pki.signer("application"), timestamp=stamper, entitlements=plist
        )
    report = judged(target)
    assert report.ok
    assert ids(report, Severity.OK) == {
        "hashes-ok", "slots-ok", "signature-ok", "kind-ok", "requirement-ok", "hardened-ok", "team-ok",
    }  # fmt: skip
    assert ids(report, Severity.INFO) == {
        "chain-extra-root", "timestamp-extra-root", "expires", "gatekeeper",
    }  # fmt: skip
    assert ids(report, Severity.WARNING) == set()
    assert report.extra_roots_used
    first = report.signatures[0]
    assert first.architecture == "x86_64"
    assert first.entitlements == {"com.apple.security.cs.allow-jit": True}
    assert first.timestamp is not None
    assert report.to_json()["signatures"][0]["hardened_runtime"] is True
    # years later it still counts, by the time stamp
    assert judged(target, now=datetime.now(UTC) + timedelta(days=3000)).ok


def test_apples_time_stamps_may_be_signed_with_sha1(tmp_path: Path) -> None:
    # seen on 2026-11-19: "Timestamp Signer ST02" signs with SHA-1, over an imprint with SHA-256
    from codesign_wizard.core.authenticode import timestamp
    from codesign_wizard.core.authenticode.roots import Purpose, RootStore

    authority = pki.Tsa(tmp_path)
    settings = tmp_path / "tsa.cnf"
    settings.write_text(settings.read_text().replace("signer_digest = sha256", "signer_digest = sha1"))
    imprint = hashlib.sha256(b"signature").digest()
    token = timestamp.read_response(authority.reply(timestamp.request(imprint, "sha256", 5)))
    assert timestamp.check_token(token, b"signature", apple_pki.roots().timestamp).chain.trusted
    root = pki.timestamp_root().certificate.public_bytes(Encoding.DER)
    for roots in (None, RootStore(microsoft=False, extra={Purpose.TIME_STAMPING: [root]})):
        with pytest.raises(timestamp.TokenError, match="SHA-1"):
            timestamp.check_token(token, b"signature", roots)


def test_without_a_time_stamp_it_ends_with_the_certificate(tmp_path: Path) -> None:
    path = signed(tmp_path)
    assert ids(judged(path), Severity.WARNING) == {"timestamp-missing"}
    assert errors(judged(path, now=datetime.now(UTC) + timedelta(days=3000))) == {"chain-wrong"}


def test_nobody_but_the_tests_knows_this_root(tmp_path: Path) -> None:
    report = judged(signed(tmp_path), AppleRoots())
    assert errors(report) == {"chain-wrong", "requirement-wrong"}


def test_what_is_not_signed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(samples.thin())
    assert errors(judged(path)) == {"unsigned"}


def test_a_changed_page_is_found_with_its_number(tmp_path: Path) -> None:
    path = signed(tmp_path)
    data = bytearray(path.read_bytes())
    data[8192 + 5] ^= 1
    path.write_bytes(data)
    report = judged(path)
    assert errors(report) == {"changed"}
    (finding,) = [each for each in report.findings if each.severity is Severity.ERROR]
    assert finding.evidence.more == {"page": "2"}
    assert finding.certainty is Certainty.COMPUTED


def change_blob(path: Path, change: Callable[[dict[int, bytes]], None]) -> None:
    """Put a signature with changed blobs in the place of the one in *path*."""
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        image = macho.read(file).images[0]
        blobs = superblob.parse(macho.signature_data(file, image))
    change(blobs)
    assert image.signature is not None
    made = superblob.build(blobs).ljust(image.signature.size, b"\0")
    data[image.signature.offset :] = made
    path.write_bytes(data)


def without_cms(blobs: dict[int, bytes]) -> None:
    blobs[superblob.SLOT_CMS] = superblob.blob(superblob.MAGIC_CMS, b"")


def other_requirement(blobs: dict[int, bytes]) -> None:
    blobs[2] = requirements.requirement_set(requirements.developer_id("other", apple_pki.TEAM))


def other_directory(blobs: dict[int, bytes]) -> None:
    blobs[0] = blobs[0].replace(b"tool\0", b"toOl\0")


def no_directory(blobs: dict[int, bytes]) -> None:
    del blobs[0]


def second_directory(blobs: dict[int, bytes]) -> None:
    # an attacker's own list of hashes beside the one that is signed
    blobs[0x1000] = blobs[0][:-1] + bytes([blobs[0][-1] ^ 1])


def broken_cms(blobs: dict[int, bytes]) -> None:
    blobs[superblob.SLOT_CMS] = superblob.blob(superblob.MAGIC_CMS, b"\x30\x03abc")


def changed_signature(blobs: dict[int, bytes]) -> None:
    cms = bytearray(blobs[superblob.SLOT_CMS])
    cms[-5] ^= 1
    blobs[superblob.SLOT_CMS] = bytes(cms)


def other_entitlements(blobs: dict[int, bytes]) -> None:
    blobs[5] = superblob.blob(superblob.MAGIC_ENTITLEMENTS, plistlib.dumps({"a": True}))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_cms, {"ad-hoc"}),
        (other_requirement, {"slot-wrong", "requirement-wrong"}),
        (other_directory, {"signature-wrong", "requirement-wrong"}),
        (no_directory, {"damaged"}),
        (second_directory, {"changed", "signature-wrong"}),
        (broken_cms, {"damaged"}),
        (changed_signature, {"signature-wrong"}),
        (other_entitlements, {"slot-wrong"}),
    ],
)
def test_a_changed_part_of_the_signature_is_found(
    tmp_path: Path, change: Callable[[dict[int, bytes]], None], expected: set[str]
) -> None:
    path = signed(tmp_path)
    change_blob(path, change)
    assert errors(judged(path)) == expected


def test_entitlements_that_contradict_each_other_are_found(tmp_path: Path) -> None:
    path = signed(tmp_path, entitlements=plistlib.dumps({"b": True}))
    change_blob(path, other_entitlements)
    assert errors(judged(path)) == {"slot-wrong", "entitlements-differ"}


def test_a_certificate_of_another_kind_is_named(tmp_path: Path) -> None:
    report = judged(signed(tmp_path, kind="installer"))
    assert errors(report) == {"kind-wrong"}
    assert any("Developer ID Installer" in each.title for each in report.findings)


def test_hardened_runtime_and_debugging_are_warned_about(tmp_path: Path) -> None:
    plist = plistlib.dumps({"com.apple.security.get-task-allow": True})
    report = judged(signed(tmp_path, hardened_runtime=False, entitlements=plist))
    assert report.ok
    assert {"not-hardened", "get-task-allow"} <= ids(report, Severity.WARNING)
    # a library has no runtime of its own
    library = judged(signed(tmp_path, samples.thin(file_type=samples.DYLIB), hardened_runtime=False))
    assert "not-hardened" not in ids(library)


def test_an_embedded_info_plist_belongs_to_the_signature(tmp_path: Path) -> None:
    own = plistlib.dumps({"CFBundleIdentifier": "org.example.inside"})
    assert judged(signed(tmp_path, samples.thin(info_plist=own))).ok


def test_what_is_neither_program_nor_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "folder").mkdir()
    (tmp_path / "cut").write_bytes(samples.thin()[:300])
    for name in ("text", "folder", "cut", "missing"):
        with pytest.raises(InputError):
            judged(tmp_path / name)


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
    from codesign_wizard.core.apple import oids
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


def test_a_directory_with_a_false_limit_is_found(tmp_path: Path) -> None:
    path = signed(tmp_path)

    def shorten(blobs: dict[int, bytes]) -> None:
        directory = bytearray(blobs[0])
        limit = struct.unpack_from(">I", directory, 32)[0]
        struct.pack_into(">I", directory, 32, limit - 4096)
        blobs[0] = bytes(directory)

    change_blob(path, shorten)
    assert errors(judged(path)) == {"changed", "signature-wrong"}
    assert code_directory.PAGE_SIZE == 4096


def _behind(data: bytearray) -> None:
    data += bytes(16)


def _between(data: bytearray) -> None:
    # the table of a universal file with two parts ends at 48
    data[100] = 1


@pytest.mark.parametrize(
    ("data", "change"),
    [
        (samples.thin(), _behind),
        (samples.universal(samples.thin("x86_64"), samples.thin()), _behind),
        (samples.universal(samples.thin("x86_64"), samples.thin()), _between),
    ],
    ids=["behind", "behind the last part", "between the parts"],
)
def test_bytes_that_no_signature_covers(
    tmp_path: Path, data: bytes, change: Callable[[bytearray], None]
) -> None:
    target = signed(tmp_path, data)
    assert judged(target).ok
    changed = bytearray(target.read_bytes())
    change(changed)
    target.write_bytes(changed)
    assert errors(judged(target)) == {"attached"}


def test_a_further_code_directory_must_be_signed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CMS is over the first one; without Apple's list of hashes the second would be anybody's."""
    build, draft = superblob.build, code_cms.detached.draft

    def two(blobs: dict[int, bytes], *rest: int) -> bytes:
        if superblob.SLOT_CMS in blobs:
            other = bytearray(blobs[superblob.SLOT_CODE_DIRECTORY])
            other[36:38] = bytes((20, 3))  # the same hashes, shortened
            fixed = int.from_bytes(other[16:20], "big")
            special = int.from_bytes(other[24:28], "big")
            start = fixed - 32 * special
            short = b"".join(other[place : place + 20] for place in range(start, len(other), 32))
            other[start:] = short
            other[4:8] = len(other).to_bytes(4, "big")
            other[16:20] = (start + 20 * special).to_bytes(4, "big")
            blobs = {**blobs, superblob.SLOT_ALTERNATES[0]: bytes(other)}
        return build(blobs, *rest)

    monkeypatch.setattr(superblob, "build", two)
    assert errors(judged(signed(tmp_path))) == {"signature-wrong"}

    def without(*values: object) -> object:
        *first, extra = values
        return draft(*first, [each for each in extra if each[0] != oids.HASH_AGILITY_PLIST])

    monkeypatch.setattr(code_cms.detached, "draft", without)
    report = judged(signed(tmp_path))
    assert errors(report) == {"signature-wrong"}
    assert "further CodeDirectories are not signed" in report.findings[0].title


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
