"""Bundles: what is signed and sealed in them, and what is refused."""

from __future__ import annotations

import hashlib
import os
import plistlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple import code_directory, code_outside, code_resources, macho, superblob
from codesign_wizard.core.apple.code_resources import Rule
from codesign_wizard.core.apple.sign_bundle import SignedBundle, sign_bundle
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job
from tests.support import apple_bundles, apple_pki
from tests.support import macho as samples

pytestmark = pytest.mark.skipif(os.name == "nt", reason="bundles hold links and modes")


def sign(source: Path, target: Path, time: datetime | None = None) -> SignedBundle:
    signer, roots = apple_pki.signer("application"), apple_pki.roots()
    return sign_bundle(Job(), source, target, signer, timestamp=None, roots=roots, time=time)


def directory_of(path: Path) -> code_directory.CodeDirectory:
    with path.open("rb") as file:
        image = macho.read(file).images[0]
        return code_directory.parse(superblob.parse(macho.signature_data(file, image))[0])


def seal_of(root: Path) -> dict[str, Any]:
    found = plistlib.loads((root / "_CodeSignature" / "CodeResources").read_bytes())
    assert isinstance(found, dict)
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): os.fsencode(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_everything_in_an_app_is_signed_and_sealed(tmp_path: Path) -> None:
    source = apple_bundles.app(tmp_path)
    before = tree(source)
    signed = sign(source, tmp_path / "Signed.app")
    assert tree(source) == before
    assert list(signed.nested) == [
        "Contents/Frameworks/Part.framework",
        "Contents/Frameworks/libinner.dylib",
        "Contents/Library/LoginItems/Inner.app",
        "Contents/MacOS/tool",
        "Contents/Resources/helper",
    ]
    contents = tmp_path / "Signed.app" / "Contents"
    seal = seal_of(contents)
    main = directory_of(contents / "MacOS" / "Example")
    assert main.identifier == "org.example.app"
    assert main.special[1] == hashlib.sha256((contents / "Info.plist").read_bytes()).digest()
    assert (
        main.special[3]
        == hashlib.sha256((contents / "_CodeSignature" / "CodeResources").read_bytes()).digest()
    )
    files2 = seal["files2"]
    assert sorted(files2) == [
        "Frameworks/Part.framework",
        "Frameworks/libinner.dylib",
        "Library/LoginItems/Inner.app",
        "MacOS/tool",
        "Resources/Base.lproj/Main.strings",
        "Resources/en.lproj/Localizable.strings",
        "Resources/helper",
        "Resources/icon.icns",
        "Resources/link",
    ]
    version = contents / "Frameworks" / "Part.framework" / "Versions" / "A"
    assert files2["Frameworks/Part.framework"]["cdhash"] == directory_of(version / "Part").cdhash
    assert files2["MacOS/tool"]["cdhash"] == directory_of(contents / "MacOS" / "tool").cdhash
    assert files2["MacOS/tool"]["requirement"] == signed.nested["Contents/MacOS/tool"].requirement
    # outside the places for code a program is sealed as a file, signed all the same
    helper = (contents / "Resources" / "helper").read_bytes()
    assert files2["Resources/helper"] == {"hash2": hashlib.sha256(helper).digest()}
    assert directory_of(contents / "Resources" / "helper").team == apple_pki.TEAM
    assert files2["Resources/link"] == {"symlink": "icon.icns"}
    assert files2["Resources/en.lproj/Localizable.strings"]["optional"] is True
    assert seal["files"]["Resources/icon.icns"] == hashlib.sha1(b"icns").digest()
    assert "Resources/en.lproj/locversion.plist" not in seal["files"]
    assert sorted(seal_of(version)["files2"]) == ["Resources/Info.plist"]
    assert (contents / "MacOS" / "Example").stat().st_mode & 0o777 == 0o755
    assert {path.name for path in tmp_path.iterdir()} == {"Example.app", "Signed.app"}
    assert [each.id for each in signed.findings] == ["apple.code.no-timestamp"]


def test_signing_in_place_again_drops_the_old_seal_and_ticket(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    # programs in Resources are sealed as files, with the time of their signature
    time = datetime(2026, 11, 24, tzinfo=UTC)
    first = sign(app, app, time=time)
    (app / "Contents" / "CodeResources").write_bytes(b"ticket")
    (app / "Contents" / "_CodeSignature" / "old").write_bytes(b"x")
    second = sign(app, app, time=time)
    assert second.main.cdhash == first.main.cdhash
    assert not (app / "Contents" / "CodeResources").exists()
    assert [path.name for path in (app / "Contents" / "_CodeSignature").iterdir()] == ["CodeResources"]
    assert [path.name for path in tmp_path.iterdir()] == ["Example.app"]


def test_a_script_among_the_programs_is_sealed_and_told(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    apple_bundles.write(app / "Contents" / "MacOS" / "run.sh", b"#!/bin/sh\n", 0o755)
    (app / "Contents" / "Resources" / "out").symlink_to("../../../other")
    signed = sign(app, app)
    ids = {each.id for each in signed.findings}
    assert {"apple.bundle.not-code", "apple.bundle.link-out"} <= ids
    assert "hash2" in seal_of(app / "Contents")["files2"]["MacOS/run.sh"]


def test_a_bundle_without_contents_folder_is_signed(tmp_path: Path) -> None:
    folder = tmp_path / "Flat.bundle"
    apple_bundles.write(folder / "Info.plist", apple_bundles.info("org.example.flat", "Flat"))
    apple_bundles.write(folder / "Flat", samples.thin(file_type=8), 0o755)
    apple_bundles.write(folder / "data.txt", b"x")
    sign(folder, folder)
    assert sorted(seal_of(folder)["files2"]) == ["data.txt"]
    assert "^Resources/" not in seal_of(folder)["rules"]


def test_a_link_in_the_place_of_a_folder_does_not_lead_out(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    outside = tmp_path / "outside"
    (app / "Contents" / "MacOS").rename(outside)
    (app / "Contents" / "MacOS").symlink_to(outside)
    before = tree(outside)
    with pytest.raises(InputError) as caught:
        sign(app, app)
    assert caught.value.finding.id == "apple.bundle.not-a-bundle"
    assert tree(outside) == before


def broken(kind: str, app: Path) -> None:
    contents = app / "Contents"
    match kind:
        case "no-program":
            (contents / "MacOS" / "Example").unlink()
        case "script":
            (contents / "MacOS" / "Example").write_bytes(b"#!/bin/sh\n")
        case "plist":
            (contents / "Info.plist").write_bytes(b"<plist>")
        case "outside":
            (contents / "Info.plist").write_bytes(apple_bundles.info("x", "../../../evil"))
        case "pipe":
            os.mkfifo(contents / "Resources" / "pipe")
        case "damaged":
            (contents / "MacOS" / "tool").write_bytes(samples.thin()[:400])


@pytest.mark.parametrize("kind", ["no-program", "script", "plist", "outside", "pipe", "damaged"])
def test_what_cannot_be_signed_is_refused_and_nothing_is_left(tmp_path: Path, kind: str) -> None:
    app = apple_bundles.app(tmp_path)
    broken(kind, app)
    with pytest.raises(InputError) as caught:
        sign(app, tmp_path / "Signed.app")
    assert "\n" not in caught.value.finding.title
    assert [path.name for path in tmp_path.iterdir()] == ["Example.app"]


def test_neither_a_file_nor_a_plain_folder_is_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder", "missing"):
        with pytest.raises(InputError):
            sign(tmp_path / name, tmp_path / "out.app")
    app = apple_bundles.app(tmp_path)
    with pytest.raises(InputError) as caught:
        sign(app, app / "Contents" / "Signed.app")
    assert caught.value.finding.id == "apple.bundle.target-inside"


def test_cancelling_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    before = tree(app)
    job = Job()
    job.on_log = lambda line: job.cancel()
    with pytest.raises(Cancelled):
        sign_bundle(job, app, app, apple_pki.signer("application"), timestamp=None)
    assert tree(app) == before
    assert [path.name for path in tmp_path.iterdir()] == ["Example.app"]


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("a/link", "file", False),
        ("a/link", "../file", False),
        ("a/link", "../../file", True),
        ("link", "a/../../x", True),
        ("link", "/etc/passwd", True),
        ("link", "/System/../etc/passwd", True),
        ("link", "/System/Library/Frameworks/AppKit.framework", False),
        ("link", "../Example.app2/x", True),
    ],
)
def test_links_that_lead_out_are_known(path: str, target: str, out: bool) -> None:
    top = Path("/Applications/Example.app")
    assert code_outside.leads_out(top / path, target, top) is out


@pytest.mark.parametrize(
    "extra",
    [
        "readme.txt",
        "Contents/Frameworks/Part.framework/readme.txt",
        "Contents/Frameworks/Part.framework/link",
    ],
)
def test_what_no_seal_can_cover_is_refused(tmp_path: Path, extra: str) -> None:
    app = apple_bundles.app(tmp_path)
    if extra.endswith("link"):
        (app / extra).symlink_to("Versions/Other/link")
    else:
        (app / extra).write_bytes(b"x")
    with pytest.raises(InputError, match="where nothing is sealed"):
        sign_bundle(Job(), app, tmp_path / "Signed.app", apple_pki.signer("application"), timestamp=None)
    assert [path.name for path in tmp_path.iterdir()] == ["Example.app"]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("Resources/x.txt", "^Resources/"),
        ("Resources/de.lproj/x", r"^Resources/.*\.lproj/"),
        ("Resources/Base.lproj/x", r"^Resources/Base\.lproj/"),
        ("Resources/a/.DS_Store", r"^(.*/)?\.DS_Store$"),
        (
            "MacOS/tool",
            "^(Frameworks|SharedFrameworks|PlugIns|Plug-ins|XPCServices|Helpers|MacOS"
            "|Library/(Automator|Spotlight|LoginItems))/",
        ),
        ("Info.plist", r"^Info\.plist$"),
        ("Other/x", "^.*"),
        ("top", "^[^/]+$"),
    ],
)
def test_the_strongest_rule_counts(path: str, pattern: str) -> None:
    _, rules2 = code_resources.default_rules(True)
    rule = code_resources.rule_for(rules2, path)
    assert rule is not None
    assert rule.pattern == pattern


def test_a_seal_is_read_as_written(tmp_path: Path) -> None:
    app = apple_bundles.app(tmp_path)
    sign(app, app)
    data = (app / "Contents" / "_CodeSignature" / "CodeResources").read_bytes()
    parsed = code_resources.parse(data)
    assert parsed.to_plist() == data


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"files2": []},
        {"files2": {"a": 5}},
        {"files2": {"../a": {}}},
        {"files2": {"/a": {}}},
        {"files2": {"a": {"hash2": "text"}}},
        {"files2": {"a": {"symlink": 5}}},
        {"rules2": {"^a": "x"}},
        {"rules2": {"^a": {"weight": "x"}}},
        {"rules2": {str(number): True for number in range(300)}},
    ],
)
def test_a_damaged_seal_is_refused(value: object) -> None:
    with pytest.raises(code_resources.ResourcesError):
        code_resources.parse(plistlib.dumps(value))


def test_patterns_that_could_take_forever_are_not_tried() -> None:
    for pattern in ("^(a+)+$", "(.*.*)*x", ".*a.*a.*a.*a", "[", "(a|aa)*$"):
        assert not code_resources.understood(Rule(pattern))
        assert code_resources.rule_for([Rule(pattern)], "a" * 1000) is None
    assert code_resources.understood(Rule(r"^Resources/.*\.nib/"))
