"""Packages signed and judged: what holds, and each thing that does not."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import random
import struct
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from codesign_wizard.core.apple import cpio, detached, payload
from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_sign import Seal, change_package, sign_package
from codesign_wizard.core.apple.package_verify import PackageVerification, verify_package
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.authenticode.timestamp import Timestamp
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.inspect import inspect_file
from codesign_wizard.core.job import Job, JobContext
from codesign_wizard.core.signing import DigestAlgorithm
from tests.support import apple_pki, packages, pki
from tests.support import xar as archives

NOW = datetime.now(UTC)


class Stamper:
    """A time-stamp authority without a network; *size* makes its answers larger."""

    def __init__(self, folder: Path, padding: int = 0) -> None:
        self._tsa, self._padding = pki.Tsa(folder), padding
        self.asked = 0

    def stamp(self, _job: JobContext, signature: bytes, digest: DigestAlgorithm) -> Timestamp:
        from codesign_wizard.core.authenticode import timestamp

        self.asked += 1
        imprint = hashlib.new(digest.value, signature).digest()
        token = timestamp.read_response(self._tsa.reply(timestamp.request(imprint, digest.value, 1 << 62)))
        if self._padding:
            token = _padded(token, self._padding)
        return Timestamp(token, "http://stamp.example", datetime.now(UTC))


def _padded(token: bytes, size: int) -> bytes:
    """Return the token with an unsigned attribute of *size* bytes more."""
    from codesign_wizard.core.authenticode import cms

    return cms.add_unsigned(token, "1.2.3.4", der.octet_string(bytes(size)))


def ids(verification: PackageVerification) -> set[str]:
    return {finding.id.removeprefix("apple.verify.package-") for finding in verification.findings}


def bad(verification: PackageVerification) -> set[str]:
    return {
        finding.id.removeprefix("apple.verify.package-")
        for finding in verification.findings
        if finding.severity in (Severity.ERROR, Severity.WARNING)
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return packages.product(tmp_path / "source.pkg")


def signed(source: Path, kind: str = "installer", now: datetime | None = None) -> Path:
    target = source.with_name(f"{kind}.pkg")
    sign_package(Job(), source, target, apple_pki.signer(kind), roots=apple_pki.roots(), now=now)
    return target


def verify(path: Path, now: datetime | None = None) -> PackageVerification:
    return verify_package(Job(), path, roots=apple_pki.roots(), now=now)


def test_a_signed_package_holds(source: Path, tmp_path: Path) -> None:
    stamper = Stamper(tmp_path)
    target = tmp_path / "signed.pkg"
    written = sign_package(
        Job(),
        source,
        target,
        apple_pki.signer(),
        timestamp=stamper,  # type: ignore[arg-type]  # it stamps without a network
        roots=apple_pki.roots(),
    )
    assert stamper.asked == 1
    assert written.findings == []
    assert written.size == target.stat().st_size
    assert "Developer ID Installer" in written.signer_subject
    verification = verify(target, NOW + timedelta(days=9000))
    assert bad(verification) == set()
    assert ids(verification) == {
        "table-ok",
        "rsa-ok",
        "cms-ok",
        "timestamp-extra-root",
        "chain-extra-root",
        "kind-ok",
        "files-ok",
        "contents-ok",
        "no-ticket",
    }
    assert verification.ok
    assert verification.extra_roots_used
    assert verification.digest == written.digest_hex
    document = verification.to_json()
    assert document["components"] == ["one.pkg"]
    assert document["timestamp"]["signer"]["name"]
    with Xar(target) as archive:
        places = archive.signatures
        # leaf, issuer, root, as Apple's tools write it
        assert [len(place.certificates) for place in places] == [3, 3]
        assert [(place.style, place.offset) for place in places] == [("RSA", 32), ("CMS", 288)]
        names = [x509.load_der_x509_certificate(each).subject for each in places[0].certificates]
        assert names[0] == apple_pki.leaf("installer").certificate.subject
        assert names[2] == apple_pki.root().certificate.subject


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


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("installer", {"timestamp-missing"}),
        ("application", {"timestamp-missing", "kind-wrong"}),
        ("expired", {"timestamp-missing", "chain-wrong"}),
        ("other-ca", {"timestamp-missing", "kind-wrong"}),
        ("ec", {"timestamp-missing", "rsa-missing"}),
    ],
)
def test_each_certificate_is_judged(source: Path, kind: str, wrong: set[str]) -> None:
    assert bad(verify(signed(source, kind))) == wrong


def test_without_the_root_it_does_not_count(source: Path) -> None:
    verification = verify_package(Job(), signed(source))
    assert "chain-wrong" in bad(verification)
    assert not verification.ok


def test_the_wrong_kind_is_said_when_signing(source: Path, tmp_path: Path) -> None:
    written = sign_package(Job(), source, tmp_path / "a.pkg", apple_pki.signer("application"))
    assert [finding.id for finding in written.findings] == [
        "apple.package.no-timestamp",
        "apple.package.other-certificate",
    ]


def test_an_unsigned_package_is_told(source: Path) -> None:
    verification = verify(source)
    assert bad(verification) == {"unsigned"}
    assert verification.to_json()["signer"] is None


def _heap(data: bytearray) -> None:
    data[-700] ^= 1


def _checksum(data: bytearray) -> None:
    data[_heap_of(data) + 3] ^= 1


def _rsa(data: bytearray) -> None:
    data[_heap_of(data) + 40] ^= 1


def _append(data: bytearray) -> None:
    data += b"more"


def _staple(data: bytearray) -> None:
    ticket = b"ticket"
    data += struct.pack("<4sHHII", b"t8lr", 1, 1, 0, 0) + ticket
    data += struct.pack("<4sHHII", b"t8lr", 1, 2, len(ticket), 0)


def _no_ticket(data: bytearray) -> None:
    data += struct.pack("<4sHHII", b"t8lr", 1, 1, 0, 0) + b"anything" * 10


def _heap_of(data: bytearray) -> int:
    return 28 + int.from_bytes(data[8:16], "big")


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        (_heap, {"file-wrong"}),
        (_checksum, {"table-wrong", "rsa-wrong", "cms-wrong"}),
        (_rsa, {"rsa-wrong"}),
        (_append, {"trailing"}),
        (_staple, set()),
        (_no_ticket, {"trailing"}),
    ],
)
def test_what_was_changed_is_found(
    source: Path, damage: Callable[[bytearray], None], wrong: set[str]
) -> None:
    target = signed(source)
    data = bytearray(target.read_bytes())
    damage(data)
    target.write_bytes(data)
    verification = verify(target)
    assert wrong <= bad(verification) | ids(verification)
    assert bad(verification) - wrong <= {"timestamp-missing", "contents-wrong"}
    assert verification.stapled is (damage is _staple)
    assert ("no-ticket" in ids(verification)) is not verification.stapled


def test_signatures_of_two_keys_are_told(source: Path) -> None:
    first, second = signed(source), signed(source, "expired")
    with Xar(first) as archive:
        mine = archive.signature("CMS")
        assert mine is not None
    with Xar(second) as archive:
        other = archive.signature("CMS")
        assert other is not None
        foreign = archive.heap_bytes(other.offset, other.size)
    data = bytearray(first.read_bytes())
    start = _heap_of(data) + mine.offset
    data[start : start + mine.size] = foreign[: mine.size].ljust(mine.size, b"\0")
    first.write_bytes(data)
    found = bad(verify(first))
    assert {"signers-differ", "cms-wrong"} <= found


def test_the_signature_of_rcodesign_counts_as_well(source: Path) -> None:
    """It signs the digest of the digest, as relic found it in older packages too."""
    target = signed(source)
    with Xar(target) as archive:
        place = archive.signature("RSA")
        assert place is not None
        twice = apple_pki.signer().sign(
            Job(), hashlib.sha256(archive.digest).digest(), DigestAlgorithm.SHA256
        )
    data = bytearray(target.read_bytes())
    start = _heap_of(data) + place.offset
    data[start : start + place.size] = twice
    target.write_bytes(data)
    assert "rsa-ok" in ids(verify(target))


def test_signatures_in_ber_are_read(source: Path) -> None:
    """Apple's Security framework writes indefinite lengths."""
    target = signed(source)
    with Xar(target) as archive:
        place = archive.signature("CMS")
        assert place is not None
        encoded = der.read(archive.heap_bytes(place.offset, place.size)).encoded
    kind, wrapped = der.whole(encoded).children()
    body = wrapped.children()[0]
    parts = [part.encoded for part in body.children()]
    loose = b"\x30\x80" + kind.encoded + b"\xa0\x80\x30\x80" + b"".join(parts) + b"\0\0" * 3
    assert detached.to_der(loose) == encoded
    assert detached.to_der(b"\x24\x80\x04\x02ab\x04\x01c\0\0") == b"\x04\x03abc"
    assert detached.to_der(b"\x30\x06\x24\x80\x04\x00\0\0") == b"\x30\x02\x04\x00"
    data = bytearray(target.read_bytes())
    start = _heap_of(data) + place.offset
    data[start : start + place.size] = loose.ljust(place.size, b"\0")
    target.write_bytes(data)
    assert "cms-ok" in ids(verify(target))
    for wrong in (b"\x30\x80" * 5000, b"\x04\x80ab\0\0", b"\x30\x80\x05\x00", b"\x24\x80\x05\x00\0\0", b""):
        with pytest.raises(der.DerError):
            detached.to_der(wrong)


def test_contents_that_the_bill_does_not_name_are_found(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    with Xar(source) as archive:
        members = {
            entry.path: (archive.read(entry, 1 << 20), not entry.path.endswith(("Payload", "Scripts")))
            for entry in archive.entries
            if entry.data is not None
        }
    cases: dict[str, dict[str, tuple[int, bytes, str]]] = {
        "is not in": {**packages.FILES, "evil": (0o100644, b"x", "")},
        "is missing": {path: each for path, each in packages.FILES.items() if not path.endswith("setuid")},
        "is not what": {**packages.FILES, "Some App.app/Contents/setuid": (0o104755, b"#!/bin/s!\n", "")},
    }
    for word, files in cases.items():
        target = tmp_path / "b.pkg"
        out = io.BytesIO()
        with payload.GzipWriter(out) as packer:
            packages.tree(files).write(Job(), packer)
            packer.finish()
        archives.build(target, {**members, "one.pkg/Payload": (out.getvalue(), False)})
        finding = next(each for each in verify(target).findings if each.id.endswith("contents-wrong"))
        assert word in finding.title


def test_a_reference_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    with Xar(source) as archive:
        members = {
            entry.path: (archive.read(entry, 1 << 20), not entry.path.endswith(("Payload", "Scripts")))
            for entry in archive.entries
            if entry.data is not None
        }
    text = members["Distribution"][0].replace(b"#one.pkg", b"#two.pkg")
    archives.build(tmp_path / "b.pkg", {**members, "Distribution": (text, True)})
    assert "reference-wrong" in bad(verify(tmp_path / "b.pkg"))


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


def test_every_file_can_be_looked_at(source: Path) -> None:
    seen: dict[str, int] = {}

    def look(component: Component, entry: cpio.Entry, chunks: object) -> None:
        assert component.name == "one.pkg"
        seen[entry.path] = sum(map(len, chunks))  # type: ignore[call-overload]  # chunks of bytes

    verification = verify_package(Job(), source, roots=apple_pki.roots(), inspect=look)
    assert "contents-ok" in ids(verification)
    assert seen["Some App.app/Contents/Größe.txt"] == 5
    assert len(seen) == 4


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
    with Xar(source) as archive:
        members = {
            entry.path: (archive.read(entry, 1 << 20), not entry.path.endswith(("Payload", "Scripts")))
            for entry in archive.entries
            if entry.data is not None
        }
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


def test_a_package_is_inspected(source: Path, tmp_path: Path) -> None:
    found = inspect_file(Job(), source)
    assert (found.kind, found.title) == ("macos-package", "source.pkg is a macOS package that is not signed.")
    assert ("Title", "Some & App") in found.facts
    assert ("Installs", "com.example.one 1.2, in /Applications") in found.facts
    found = inspect_file(Job(), signed(source), apple_roots=apple_pki.roots())
    assert found.title.endswith(f"signed by Developer ID Installer: Test ({apple_pki.TEAM}).")
    assert found.details["verification"]["ok"]
    (tmp_path / "damaged.pkg").write_bytes(source.read_bytes()[:500])
    with pytest.raises(InputError, match="damaged"):
        inspect_file(Job(), tmp_path / "damaged.pkg")


def test_a_file_without_a_digest_is_covered_by_no_signature(source: Path) -> None:
    from codesign_wizard.core.apple import xar_write

    with Xar(source) as archive:
        for entry in archive.entries:
            if entry.path == "Distribution":
                (data,) = entry.node.all("data")
                data.children = [each for each in data.children if not each.tag.endswith("-checksum")]
        table = xar_write.settle(archive.toc, lambda offset: offset - 32, ())
        heap = archive.heap_bytes(32, archive.heap_end - archive.heap - 32)
    with source.open("wb") as file:
        xar_write.write(file, table, (), ())
        file.write(heap)
    verification = verify(signed(source))
    assert "file-wrong" in bad(verification)
    assert any("no signature covers it" in each.title for each in verification.findings)
