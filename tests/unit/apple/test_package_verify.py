"""Signed packages judged: what holds, and each thing that does not."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from codesign_wizard.core.apple import cpio, detached, payload
from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_sign import sign_package
from codesign_wizard.core.apple.package_verify import verify_package
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.authenticode import der
from codesign_wizard.core.job import Job
from codesign_wizard.core.signing import DigestAlgorithm
from tests.support import apple_pki, packages
from tests.support import xar as archives
from tests.unit.apple.package_judging import Stamper, bad, heap_of, ids, members_of, signed, verify


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return packages.product(tmp_path / "source.pkg")


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
    verification = verify(target, datetime.now(UTC) + timedelta(days=9000))
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


def test_an_unsigned_package_is_told(source: Path) -> None:
    verification = verify(source)
    assert bad(verification) == {"unsigned"}
    assert verification.to_json()["signer"] is None


def _heap(data: bytearray) -> None:
    data[-700] ^= 1


def _checksum(data: bytearray) -> None:
    data[heap_of(data) + 3] ^= 1


def _rsa(data: bytearray) -> None:
    data[heap_of(data) + 40] ^= 1


def _append(data: bytearray) -> None:
    data += b"more"


def _staple(data: bytearray) -> None:
    ticket = b"ticket"
    data += struct.pack("<4sHHII", b"t8lr", 1, 1, 0, 0) + ticket
    data += struct.pack("<4sHHII", b"t8lr", 1, 2, len(ticket), 0)


def _no_ticket(data: bytearray) -> None:
    data += struct.pack("<4sHHII", b"t8lr", 1, 1, 0, 0) + b"anything" * 10


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
    start = heap_of(data) + mine.offset
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
    start = heap_of(data) + place.offset
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
    start = heap_of(data) + place.offset
    data[start : start + place.size] = loose.ljust(place.size, b"\0")
    target.write_bytes(data)
    assert "cms-ok" in ids(verify(target))
    for wrong in (b"\x30\x80" * 5000, b"\x04\x80ab\0\0", b"\x30\x80\x05\x00", b"\x24\x80\x05\x00\0\0", b""):
        with pytest.raises(der.DerError):
            detached.to_der(wrong)


def test_contents_that_the_bill_does_not_name_are_found(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    members = members_of(source)
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
    members = members_of(source)
    text = members["Distribution"][0].replace(b"#one.pkg", b"#two.pkg")
    archives.build(tmp_path / "b.pkg", {**members, "Distribution": (text, True)})
    assert "reference-wrong" in bad(verify(tmp_path / "b.pkg"))


def test_every_file_can_be_looked_at(source: Path) -> None:
    seen: dict[str, int] = {}

    def look(component: Component, entry: cpio.Entry, chunks: object) -> None:
        assert component.name == "one.pkg"
        seen[entry.path] = sum(map(len, chunks))  # type: ignore[call-overload]  # chunks of bytes

    verification = verify_package(Job(), source, roots=apple_pki.roots(), inspect=look)
    assert "contents-ok" in ids(verification)
    assert seen["Some App.app/Contents/Größe.txt"] == 5
    assert len(seen) == 4


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
