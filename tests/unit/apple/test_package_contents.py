"""The sample package signed inside and out, and packages with code in odd places."""

from __future__ import annotations

import dataclasses
import os
import plistlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple import cpio
from codesign_wizard.core.apple.package import Package
from codesign_wizard.core.apple.package_audit import audit_package
from codesign_wizard.core.apple.package_contents import NO_LINKS, SignedContents, sign_contents
from codesign_wizard.core.apple.package_sign import Seal, change_package
from codesign_wizard.core.apple.package_verify import verify_package
from codesign_wizard.core.apple.sample import build_sample
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.errors import Cancelled, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.samples import macho
from tests.support import apple_pki, packages

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the sample has links, which not everybody may make there"
)


def sign(source: Path, target: Path) -> SignedContents:
    return sign_contents(
        Job(),
        source,
        target,
        apple_pki.signer("application"),
        apple_pki.signer("installer"),
        timestamp=None,
        roots=apple_pki.roots(),
        now=NOW,
    )


def installed(path: Path, part: str = "Payload") -> dict[str, tuple[cpio.Entry, bytes]]:
    with Package(path) as opened:
        entry = opened.entry(opened.components[0], part)
        assert entry is not None
        with opened.unpacked(entry) as stream:
            reader = cpio.Reader(stream)
            return {each.path: (each, b"".join(reader.chunks())) for each in reader}


def test_the_sample_is_signed_inside_and_out(tmp_path: Path) -> None:
    source, target = tmp_path / "sample.pkg", tmp_path / "signed.pkg"
    build_sample(Job(), "Acme Backup", source)
    result = sign(source, target)
    app = "sample.pkg/Acme Backup.app"
    assert set(result.code) == {
        app,
        f"{app}/Contents/Helpers/sample-helper",
        f"{app}/Contents/Frameworks/Sample.framework",
    }
    assert {code.team for code in result.code.values()} == {apple_pki.TEAM}
    assert result.code[app].identifier == "codesign-wizard.sample.acme-backup"
    files, before = installed(target), installed(source)
    contents = "Acme Backup.app/Contents"
    sealed = {
        f"{contents}/_CodeSignature/CodeResources",
        f"{contents}/Frameworks/Sample.framework/Versions/A/_CodeSignature/CodeResources",
    }
    new = files.keys() - before.keys()
    assert {path for path in new if files[path][0].is_file} == sealed
    assert before.keys() <= files.keys()
    for path, (entry, data) in before.items():
        after = files[path][0]
        assert (after.mode, after.uid, after.gid, after.link) == (
            entry.mode,
            entry.uid,
            entry.gid,
            entry.link,
        )
        if data[:4] != b"\xca\xfe\xba\xbe" and entry.is_file:
            assert files[path][1] == data
    for path in new:
        entry = files[path][0]
        assert (entry.uid, entry.gid) == (0, 80)
        assert entry.mode in (0o100644, 0o40755)
    resources = plistlib.loads(files[f"{contents}/_CodeSignature/CodeResources"][1])
    assert resources["files2"]["Frameworks/Sample.framework"]["cdhash"].hex() == (
        result.code[f"{app}/Contents/Frameworks/Sample.framework"].cdhash
    )
    verification = verify_package(Job(), target, roots=apple_pki.roots())
    assert verification.ok, verification.findings


def test_signing_again_gives_the_same(tmp_path: Path) -> None:
    source, first, second = (tmp_path / f"{name}.pkg" for name in ("source", "first", "second"))
    build_sample(Job(), "Acme", source)
    sign(source, first)
    again = sign(first, second)
    assert {path: data for path, (_, data) in installed(first).items()} == {
        path: data for path, (_, data) in installed(second).items()
    }
    assert again.package.digest_hex


def test_loose_programs_and_scripts_are_signed_too(tmp_path: Path) -> None:
    program = macho.program("loose")
    files = {
        ".": (0o40755, b"", ""),
        "usr": (0o40755, b"", ""),
        "usr/local.d": (0o40755, b"", ""),
        "usr/local.d/tool": (0o100755, program, ""),
        "usr/link": (0o120755, b"", "local.d/tool"),
        "usr/readme": (0o100644, b"text", ""),
    }
    scripts = packages.tree({".": (0o40755, b"", ""), "helper": (0o100755, program, "")}, gid=0)
    plan = dataclasses.replace(packages.component(files), scripts=scripts)
    source = packages.product(tmp_path / "a.pkg", plan)
    result = sign(source, source)
    assert set(result.code) == {"one.pkg/usr/local.d/tool", "one.pkg/Scripts/helper"}
    assert len(installed(source)["usr/local.d/tool"][1]) > len(program)
    assert len(installed(source, "Scripts")["helper"][1]) > len(program)


def test_a_package_without_code_is_told(tmp_path: Path) -> None:
    files = {".": (0o40755, b"", ""), "readme": (0o100644, b"text", "")}
    source = packages.product(tmp_path / "a.pkg", packages.component(files))
    found = {finding.id for finding in sign(source, tmp_path / "b.pkg").findings}
    assert "apple.package.no-code" in found


def test_what_cannot_be_signed_leaves_the_target(tmp_path: Path) -> None:
    files = {".": (0o40755, b"", ""), "tool": (0o100755, macho.program("x")[:9000], "")}
    source, target = packages.product(tmp_path / "a.pkg", packages.component(files)), tmp_path / "b.pkg"
    target.write_bytes(b"former")
    with pytest.raises(InputError):
        sign(source, target)
    assert target.read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pkg", "b.pkg"]


def test_links_that_cannot_be_made_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = packages.product(tmp_path / "a.pkg")
    extract = Tree.extract

    def without_links(self: Tree, job: Job, stream: object) -> None:
        extract(self, job, stream)  # type: ignore[arg-type]  # the stream it was given
        self.unlinked.update(self.links)

    monkeypatch.setattr(Tree, "extract", without_links)
    with pytest.raises(InputError) as caught:
        sign(source, tmp_path / "b.pkg")
    assert caught.value.finding.id == NO_LINKS.id


def test_the_signed_sample_is_judged_as_a_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "sample.pkg", tmp_path / "signed.pkg"
    build_sample(Job(), "Acme", source)
    result = sign(source, target)
    audit = audit_package(Job(), target, roots=apple_pki.roots(), now=NOW)
    assert audit.ok, audit.findings
    assert audit.extra_roots_used
    assert list(audit.code) == ["sample.pkg/Acme.app"]
    ids = {finding.id for finding in audit.findings}
    assert "apple.verify.package-team-ok" in ids
    assert "apple.verify.code-team-ok" in ids
    document = audit.to_json()
    hashes = {
        each for one in document["code"]["sample.pkg/Acme.app"]["signatures"] for each in one["cdhashes"]
    }
    assert {code.cdhash for code in result.code.values()} <= hashes


def test_a_program_changed_inside_is_found(tmp_path: Path) -> None:
    source, signed, target = (tmp_path / f"{name}.pkg" for name in ("source", "signed", "target"))
    build_sample(Job(), "Acme", source)
    sign(source, signed)

    def change(_component: object, part: str, tree: Tree) -> None:
        helper = tree.place("Acme.app/Contents/Helpers/sample-helper")
        data = bytearray(helper.read_bytes())
        data[0x2000 - 1] ^= 1
        helper.write_bytes(data)

    change_package(Job(), signed, target, change, seal=Seal(apple_pki.signer(), roots=apple_pki.roots()))
    audit = audit_package(Job(), target, roots=apple_pki.roots(), now=NOW)
    assert audit.package.ok
    assert not audit.ok


def test_unsigned_code_of_another_team_or_damaged_is_found(tmp_path: Path) -> None:
    source = tmp_path / "sample.pkg"
    build_sample(Job(), "Acme", source)
    assert not audit_package(Job(), source, roots=apple_pki.roots()).ok
    files = {".": (0o40755, b"", ""), "a": (0o100755, macho.program("x")[:9000], "")}
    broken = packages.product(tmp_path / "a.pkg", packages.component(files))
    audit = audit_package(Job(), broken, roots=apple_pki.roots())
    assert not audit.ok
    assert audit.code == {}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "sample.pkg", tmp_path / "signed.pkg"
    build_sample(Job(), "Acme", source)
    for moment in (1, 5, 20):
        job = Job()
        left = [moment]

        def count(*_: object, job: Job = job, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                job.cancel()

        job.on_progress = job.on_stage = job.on_log = count
        with pytest.raises(Cancelled):
            sign_contents(
                job, source, target, apple_pki.signer("application"), apple_pki.signer(), timestamp=None
            )
        assert [path.name for path in tmp_path.iterdir()] == ["sample.pkg"]
