"""Signed code judged: what holds, and each thing that does not."""

from __future__ import annotations

import hashlib
import plistlib
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
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from tests.support import apple_pki, pki
from tests.support import macho as samples
from tests.unit.apple.code_judging import errors, ids, judged, signed


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
