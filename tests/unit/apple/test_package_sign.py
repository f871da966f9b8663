"""Packages signed: what is written, and what is left as it was."""

from __future__ import annotations

import base64
import dataclasses
import io
import random
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple import cpio, payload
from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_sign import Seal, change_package, sign_package
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import Job
from tests.support import apple_pki, packages
from tests.support import xar as archives
from tests.unit.apple.package_judging import Stamper, bad, ids, members_of, signed, verify


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return packages.product(tmp_path / "source.pkg")


def test_the_contents_stay_byte_for_byte(source: Path) -> None:
    target = signed(source)
    again = source.with_name("again.pkg")
    sign_package(Job(), target, again, apple_pki.signer("ec"), roots=apple_pki.roots())
    with Xar(source) as before:
        data = {entry.path: before.read(entry, 1 << 30) for entry in before.entries if entry.data}
    for path in (target, again):
        with Xar(path) as after:
            assert {entry.path: after.read(entry, 1 << 30) for entry in after.entries if entry.data} == data
            assert len(after.toc.all("signature")) + len(after.toc.all("x-signature")) == len(
                after.signatures
            )
    sign_package(Job(), again, again, apple_pki.signer(), roots=apple_pki.roots())
    assert verify(again).ok


def test_the_same_key_and_time_give_the_same_bytes(source: Path) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    first = signed(source, now=now).read_bytes()
    assert signed(source, now=now).read_bytes() == first


def test_a_time_stamp_larger_than_any_is_given_room(source: Path, tmp_path: Path) -> None:
    stamper = Stamper(tmp_path, padding=30_000)
    target = tmp_path / "signed.pkg"
    sign_package(
        Job(),
        source,
        target,
        apple_pki.signer(),
        timestamp=stamper,  # type: ignore[arg-type]  # it stamps without a network
        roots=apple_pki.roots(),
    )
    assert stamper.asked == 2
    assert {"cms-ok", "timestamp-extra-root"} <= ids(verify(target))


def test_the_wrong_kind_is_said_when_signing(source: Path, tmp_path: Path) -> None:
    written = sign_package(Job(), source, tmp_path / "a.pkg", apple_pki.signer("application"))
    assert [finding.id for finding in written.findings] == [
        "apple.package.no-timestamp",
        "apple.package.other-certificate",
    ]


def test_changing_and_signing_in_one_go(source: Path, tmp_path: Path) -> None:
    def change(_component: Component, part: str, tree: Tree) -> None:
        if part == "Payload":
            tree.place("Some App.app/Contents/empty").write_bytes(b"signed")

    target = tmp_path / "out" / "b.pkg"
    target.parent.mkdir()
    seal = Seal(apple_pki.signer(), roots=apple_pki.roots())
    written = change_package(Job(), source, target, change, seal=seal)
    assert written.digest_hex == verify(target).digest
    assert bad(verify(target)) == {"timestamp-missing"}
    plain = change_package(Job(), target, target, lambda *_: None)
    assert plain.signer_subject == ""
    assert bad(verify(target)) == {"unsigned"}
    assert [path.name for path in target.parent.iterdir()] == ["b.pkg"]


def test_memory_stays_flat(tmp_path: Path) -> None:
    size = 64 << 20
    folder = tmp_path / "tree"
    folder.mkdir()
    # half of it cannot be packed, so that both sides of the packing are large
    block = random.Random(5).randbytes(1 << 19) + bytes(1 << 19)
    with (folder / "large").open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)
    tree = Tree(folder)
    tree.entries["."] = cpio.Entry(".", 0o40755)
    tree.refresh()
    plan = dataclasses.replace(packages.component(), tree=tree)
    tracemalloc.start()
    source = packages.product(tmp_path / "source.pkg", plan)
    assert source.stat().st_size > size // 2
    # the test itself held the package
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    target = tmp_path / "target.pkg"
    change_package(
        Job(), source, target, lambda *_: None, seal=Seal(apple_pki.signer(), roots=apple_pki.roots())
    )
    sign_package(Job(), target, target, apple_pki.signer(), roots=apple_pki.roots())
    assert "contents-ok" in ids(verify(target))
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 24 << 20


def test_what_is_no_package_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pkg"
    cases = {
        b"PK\x03\x04" + bytes(50): "apple.package.not-a-package",
        b"": "apple.package.not-a-package",
        b"xar!" + bytes(50): "apple.package.damaged",
    }
    for data, wanted in cases.items():
        path.write_bytes(data)
        for work in (
            lambda: verify(path),
            lambda: sign_package(Job(), path, tmp_path / "b.pkg", apple_pki.signer()),
            lambda: change_package(Job(), path, tmp_path / "b.pkg", lambda *_: None),
        ):
            with pytest.raises(InputError) as caught:
                work()
            assert caught.value.finding.id == wanted
    for missing in (tmp_path, tmp_path / "none.pkg"):
        with pytest.raises(InputError) as caught:
            verify(missing)
        assert caught.value.finding.id == "apple.package.unreadable"
    with pytest.raises(InputError) as caught:
        sign_package(Job(), packages.product(path), tmp_path / "no" / "b.pkg", apple_pki.signer())
    assert caught.value.finding.id == "apple.package.unwritable"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.pkg"]


def test_a_hostile_payload_leaves_nothing(tmp_path: Path) -> None:
    files = {**packages.FILES, "Some App.app/Contents/Current/evil": (0o100644, b"evil", "")}
    source = packages.product(tmp_path / "a.pkg", packages.component(dict(packages.FILES)))
    out = io.BytesIO()
    with payload.GzipWriter(out) as packer:
        packages.tree(files).write(Job(), packer)
        packer.finish()
    members = members_of(source)
    archives.build(source, {**members, "one.pkg/Payload": (out.getvalue(), False)})
    with pytest.raises(InputError) as caught:
        change_package(Job(), source, tmp_path / "b.pkg", lambda *_: None)
    assert caught.value.finding.id == "apple.package.damaged"
    assert [each.name for each in tmp_path.iterdir()] == ["a.pkg"]


def test_certificates_stand_beside_the_signature_in_base64(source: Path) -> None:
    with Xar(signed(source)) as archive:
        node = archive.toc.all("signature")[0]
        texts = [each.text for each in node.walk() if each.tag == "X509Certificate"]
    assert all(base64.b64decode(text, validate=True) for text in texts)
    assert len(texts) == 3
