"""Signing Mach-O files: what is written, read back with the module's own readers, and what is refused."""

from __future__ import annotations

import hashlib
import os
import plistlib
import struct
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codesign_wizard.core.apple import (
    code_cms,
    code_directory,
    detached,
    entitlements,
    macho,
    requirements,
    superblob,
)
from codesign_wizard.core.apple.sign_macho import name_of, sign_macho
from codesign_wizard.core.authenticode import cms
from codesign_wizard.core.authenticode.timestamp import Timestamper
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from tests.support import apple_pki, pki
from tests.support import macho as samples

TIME = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENTITLEMENTS = plistlib.dumps({"com.apple.security.cs.allow-jit": True})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "tool"
    path.parent.mkdir()
    path.write_bytes(samples.thin())
    path.chmod(0o755)
    return path


def blobs_of(path: Path) -> Iterator[tuple[macho.Image, dict[int, bytes]]]:
    with path.open("rb") as file:
        for image in macho.read(file).images:
            yield image, superblob.parse(macho.signature_data(file, image))


def check_pages(path: Path) -> None:
    with path.open("rb") as file:
        for image in macho.read(file).images:
            blobs = superblob.parse(macho.signature_data(file, image))
            directory = code_directory.parse(blobs[0])
            assert image.signature is not None
            assert directory.code_limit == image.signature.offset
            pages = code_directory.page_hashes(
                file, image.offset, directory.code_limit, 4096, "sha256", 32, lambda _: None
            )
            assert list(pages) == list(directory.hashes)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64", "i386", "ppc"])
def test_an_unsigned_program_gets_a_whole_signature(tmp_path: Path, architecture: str) -> None:
    source, target = tmp_path / "tool-1.2.3", tmp_path / "signed"
    source.write_bytes(samples.thin(architecture))
    source.chmod(0o751)
    signer = apple_pki.signer("application")
    signed = sign_macho(
        Job(),
        source,
        target,
        signer,
        timestamp=None,
        entitlements=ENTITLEMENTS,
        roots=apple_pki.roots(),
        time=TIME,
    )
    assert signed.size == target.stat().st_size
    if os.name == "posix":
        assert target.stat().st_mode & 0o777 == 0o751
    ((image, blobs),) = blobs_of(target)
    check_pages(target)
    assert list(blobs) == [0, 2, 5, 7, 0x10000]
    directory = code_directory.parse(blobs[0])
    assert directory.identifier == signed.identifier == "tool-1.2.3".removesuffix(".2.3")
    assert directory.team == signed.team == apple_pki.TEAM
    assert directory.flags == code_directory.FLAG_RUNTIME
    assert directory.runtime_version == "15.5.0"
    assert directory.exec_flags == code_directory.EXEC_MAIN_BINARY
    assert directory.exec_limit == image.segments[0].file_size
    assert directory.cdhash.hex() == signed.cdhash == signed.slices[0].cdhash
    for slot in (2, 5, 7):
        assert directory.special[slot] == hashlib.sha256(blobs[slot]).digest()
    assert blobs[5][8:] == ENTITLEMENTS
    assert entitlements.from_der(blobs[7][8:]) == plistlib.loads(ENTITLEMENTS)
    assert str(requirements.parse_set(blobs[2])[3]) == signed.requirement
    assert signed.requirement.startswith('identifier "tool-1" and anchor apple generic and')
    linkedit = image.segment("__LINKEDIT")
    assert linkedit is not None
    assert linkedit.file_offset + linkedit.file_size == image.size
    assert linkedit.vm_size >= linkedit.file_size
    assert linkedit.vm_size % 16384 == 0
    assert [finding.id for finding in signed.findings] == ["apple.code.no-timestamp"]
    assert set(tmp_path.iterdir()) == {source, target}


def test_the_cms_says_what_apple_asks_for(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "signed"
    signer = apple_pki.signer("application")
    sign_macho(Job(), source, target, signer, timestamp=None, roots=apple_pki.roots(), time=TIME)
    ((_, blobs),) = blobs_of(target)
    data = detached.parse(superblob.content(blobs[0x10000], superblob.MAGIC_CMS))
    (info,) = data.signers
    assert detached.check(info, blobs[0], apple_pki.leaf("application").certificate) == ""
    assert detached.signing_time(info) == TIME
    # leaf, issuer and root: Apple's tool has the root too
    assert len(data.certificates) == 3
    whole = hashlib.sha256(blobs[0]).digest()
    listed = code_cms.hash_list(info)
    assert listed.short == [whole[:20]]
    assert listed.whole == [("sha256", whole)]
    assert set(info.signed) == {
        cms.CONTENT_TYPE,
        cms.SIGNING_TIME,
        cms.MESSAGE_DIGEST,
        "1.2.840.113635.100.9.1",
        "1.2.840.113635.100.9.2",
    }


def test_a_universal_file_is_signed_part_by_part(tmp_path: Path) -> None:
    one, two = samples.thin("x86_64", code=50_000), samples.thin("arm64", linkedit=4000)
    for wide in (False, True):
        source, target = tmp_path / "lib.1.dylib", tmp_path / "out.dylib"
        source.write_bytes(samples.universal(one, two, wide=wide))
        signed = sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=None)
        assert [each.architecture for each in signed.slices] == ["x86_64", "arm64"]
        assert len({each.cdhash for each in signed.slices}) == 2
        assert signed.identifier == "lib"
        check_pages(target)
        with target.open("rb") as file:
            binary = macho.read(file)
        assert binary.wide == wide
        assert all(image.offset % (1 << 14) == 0 for image in binary.images)


def test_signing_again_leaves_the_code_as_it_was(source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    signer = apple_pki.signer("application")
    first = sign_macho(
        Job(),
        source,
        one,
        signer,
        timestamp=None,
        identifier="org.example",
        entitlements=ENTITLEMENTS,
        time=TIME,
    )
    second = sign_macho(Job(), one, two, signer, timestamp=None, time=TIME)
    assert second.identifier == "org.example"
    assert second.cdhash == first.cdhash
    assert two.read_bytes() == one.read_bytes()
    bare = sign_macho(
        Job(), one, one, signer, timestamp=None, entitlements=b"", hardened_runtime=False, time=TIME
    )
    ((_, blobs),) = blobs_of(one)
    assert 5 not in blobs
    assert code_directory.parse(blobs[0]).flags == 0
    assert {each.id for each in bare.findings} == {"apple.code.no-timestamp", "apple.code.not-hardened"}


def test_what_a_linker_signed_takes_its_name_from_the_file(source: Path, tmp_path: Path) -> None:
    # as ld does it: flags adhoc and linker-signed, no CMS, a made-up identifier
    data = source.read_bytes()
    source.write_bytes(data)
    target = tmp_path / "signed"
    sign_macho(
        Job(), source, target, apple_pki.signer("application"), timestamp=None, identifier="a.out-55554944"
    )
    signed = bytearray(target.read_bytes())
    place = signed.index(struct.pack(">I", superblob.MAGIC_CODE_DIRECTORY))
    struct.pack_into(">I", signed, place + 12, code_directory.FLAG_ADHOC | code_directory.FLAG_LINKER_SIGNED)
    source.write_bytes(signed)
    again = sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=None)
    assert again.identifier == "tool"
    ((_, blobs),) = blobs_of(target)
    assert code_directory.parse(blobs[0]).flags == code_directory.FLAG_RUNTIME


def test_a_library_has_no_entitlements_and_is_no_main_program(tmp_path: Path) -> None:
    source, target = tmp_path / "lib.dylib", tmp_path / "out"
    source.write_bytes(samples.thin(file_type=samples.DYLIB))
    sign_macho(
        Job(), source, target, apple_pki.signer("application"), timestamp=None, entitlements=ENTITLEMENTS
    )
    ((_, blobs),) = blobs_of(target)
    assert list(blobs) == [0, 2, 0x10000]
    assert code_directory.parse(blobs[0]).exec_flags == 0


def test_info_plist_and_resources_get_their_slots(tmp_path: Path) -> None:
    source, target = tmp_path / "tool", tmp_path / "out"
    own = plistlib.dumps({"CFBundleIdentifier": "org.example.inside"})
    source.write_bytes(samples.thin(info_plist=own))
    signer = apple_pki.signer("application")
    signed = sign_macho(Job(), source, target, signer, timestamp=None)
    assert signed.identifier == "org.example.inside"
    ((_, blobs),) = blobs_of(target)
    assert code_directory.parse(blobs[0]).special[1] == hashlib.sha256(own).digest()
    other = plistlib.dumps({"CFBundleIdentifier": "org.example.bundle"})
    signed = sign_macho(Job(), source, target, signer, timestamp=None, info_plist=other, resources=b"R")
    assert signed.identifier == "org.example.bundle"
    ((_, blobs),) = blobs_of(target)
    special = code_directory.parse(blobs[0]).special
    assert special[1] == hashlib.sha256(other).digest()
    assert special[3] == hashlib.sha256(b"R").digest()


def test_a_time_stamp_is_over_the_signature(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "signed"
    with pki.tsa(tmp_path / "tsa") as (address, _):
        stamper = Timestamper(Network(NetworkSettings(use_environment=False)), [address])
        signed = sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=stamper)
    assert signed.timestamp is not None
    assert signed.findings == []
    ((_, blobs),) = blobs_of(target)
    data = detached.parse(superblob.content(blobs[0x10000], superblob.MAGIC_CMS))
    (token,) = data.signers[0].unsigned[detached.TIMESTAMP_TOKEN]
    assert token.encoded == signed.timestamp.token


def test_a_debuggable_program_is_warned_about(source: Path, tmp_path: Path) -> None:
    plist = plistlib.dumps({"com.apple.security.get-task-allow": True})
    signed = sign_macho(
        Job(), source, tmp_path / "x", apple_pki.signer("application"), timestamp=None, entitlements=plist
    )
    assert "apple.code.get-task-allow" in [each.id for each in signed.findings]


def test_a_certificate_that_is_not_developer_id_is_named_by_its_hash(source: Path, tmp_path: Path) -> None:
    signed = sign_macho(Job(), source, tmp_path / "x", pki.signer("p256"), timestamp=None)
    assert signed.team == ""
    assert "certificate leaf = H" in signed.requirement
    check_pages(tmp_path / "x")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"MZ" + bytes(100), "not a macOS program"),
        (b"#!/bin/sh\n", "script"),
        (samples.thin(room=8), "no room"),
        (samples.thin(file_type=samples.OBJECT), "object file"),
        (samples.thin() + b"payload", "attached behind"),
        (samples.thin()[:-10], "outside the file"),
        (samples.universal(samples.thin(), b"!<arch>\n" + bytes(40)), "static library"),
    ],
)
def test_what_cannot_be_signed_is_refused_in_one_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    source, target = tmp_path / "tool", tmp_path / "out"
    source.write_bytes(data)
    with pytest.raises(InputError) as caught:
        sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=None)
    assert words in caught.value.finding.title
    assert "\n" not in caught.value.finding.title
    assert list(tmp_path.iterdir()) == [source]


def test_bad_options_are_refused(source: Path, tmp_path: Path) -> None:
    for options in ({"identifier": "a\0b"}, {"identifier": "x" * 300}, {"entitlements": b"<plist"}):
        with pytest.raises(InputError) as caught:
            sign_macho(
                Job(),
                source,
                tmp_path / "x",
                apple_pki.signer("application"),
                timestamp=None,
                **options,  # type: ignore[arg-type]  # one of them
            )
        assert caught.value.finding.id == "apple.code.bad-option"


def test_when_the_key_or_the_person_says_no_nothing_changes(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"before")
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        sign_macho(job, source, target, apple_pki.signer("application"), timestamp=None)
    stamper = Timestamper(Network(NetworkSettings(use_environment=False)), [])
    with pytest.raises(CodesignError):
        sign_macho(Job(), source, target, apple_pki.signer("application"), timestamp=stamper)
    assert target.read_bytes() == b"before"
    assert {each.name for each in tmp_path.iterdir()} == {"in", "out"}


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "big", tmp_path / "out"
    data = samples.thin(linkedit=16)
    sparse = 200 << 20
    # a hole in the middle of __LINKEDIT
    image_start = bytearray(data)
    linkedit = data.index(b"__LINKEDIT") - 8
    struct.pack_into("<Q", image_start, linkedit + 32, sparse + 16384)
    struct.pack_into("<Q", image_start, linkedit + 48, sparse)
    with source.open("wb") as file:
        file.write(image_start)
        file.truncate(len(data) - 16 + sparse)
    signer = apple_pki.signer("application")
    sign_macho(Job(), source, target, signer, timestamp=None)
    tracemalloc.start()
    try:
        sign_macho(Job(), source, target, signer, timestamp=None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("tool", "tool"),
        ("libz.1.2.dylib", "libz"),
        ("Some Thing.app", "Some Thing"),
        ("_rust.abi3.so", "_rust.abi3"),
        (".1", ".1"),
    ],
)
def test_a_name_gives_an_identifier(name: str, identifier: str) -> None:
    assert name_of(Path(name)) == identifier
