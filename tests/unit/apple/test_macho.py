"""Mach-O: what is read from load commands, and what is refused."""

from __future__ import annotations

import io
import struct

import pytest

from codesign_wizard.core.apple import code_directory, macho, superblob
from tests.support import macho as samples


def read(data: bytes) -> macho.Binary:
    return macho.read(io.BytesIO(data))


@pytest.mark.parametrize("architecture", ["arm64", "x86_64", "i386", "ppc"])
def test_a_thin_file_is_read_whatever_its_width_and_byte_order(architecture: str) -> None:
    data = samples.thin(architecture)
    (image,) = read(data).images
    assert image.architecture == architecture
    assert image.kind == "executable"
    assert image.sdk == 0x000F0500
    assert [each.name for each in image.segments] == ["__TEXT", "__LINKEDIT"]
    assert image.content_end == len(data)
    assert image.first_content == len(image.header) + 64
    assert image.signature is None


@pytest.mark.parametrize("wide", [False, True])
def test_a_universal_file_gives_its_parts_in_order(wide: bool) -> None:
    one, two = samples.thin("x86_64"), samples.thin("arm64", code=333)
    binary = read(samples.universal(one, two, wide=wide))
    assert binary.universal
    assert binary.wide == wide
    assert [image.architecture for image in binary.images] == ["x86_64", "arm64"]
    assert [image.size for image in binary.images] == [len(one), len(two)]
    assert all(image.offset % (1 << 14) == 0 for image in binary.images)


def test_the_info_plist_inside_a_program_is_found() -> None:
    data = samples.thin(info_plist=b"<plist/>")
    (image,) = read(data).images
    assert macho.embedded_info_plist(io.BytesIO(data), image) == b"<plist/>"


def test_a_java_class_is_not_macho() -> None:
    assert not macho.is_macho(b"\xca\xfe\xba\xbe\0\0\0\x34")
    assert macho.is_macho(b"\xca\xfe\xba\xbe\0\0\0\x02")


def patched(data: bytes, place: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, place, *values)
    return bytes(changed)


THIN = samples.thin()
FAT = samples.universal(samples.thin("x86_64"), samples.thin("arm64"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a macOS program"),
        (THIN[:20], "cut short"),
        (THIN[:200], "cut short"),
        (patched(THIN, 16, "<I", 1 << 20), "more load commands"),
        (patched(THIN, 36, "<I", 3), "length does not fit"),
        (patched(THIN, 36, "<I", 1 << 20), "length does not fit"),
        (patched(THIN, 96, "<I", 5), "cut short"),
        (patched(THIN, 96, "<I", 1 << 16), "more segments or sections"),
        (patched(THIN, 80, "<Q", 1 << 40), "outside the file"),
        (patched(FAT, 16, ">I", 1 << 30), "outside the file"),
        (patched(FAT, 36, ">I", struct.unpack_from(">I", FAT, 16)[0]), "overlap"),
        (patched(FAT, 24, ">I", 40), "alignment"),
        (patched(FAT, 8, ">I", 12), "another processor"),
    ],
)
def test_what_contradicts_itself_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(macho.MachoError, match=words):
        read(data)


def test_a_superblob_is_read_as_written() -> None:
    blobs = {0: superblob.blob(superblob.MAGIC_CODE_DIRECTORY, b"abc"), 2: superblob.blob(1, b"")}
    assert superblob.parse(superblob.build(blobs) + bytes(100)) == blobs


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"abc", "cut short"),
        (bytes(40), "does not begin like one"),
        (struct.pack(">III", superblob.MAGIC_SIGNATURE, 4000, 1), "table does not fit"),
        (struct.pack(">IIIII", superblob.MAGIC_SIGNATURE, 20, 1, 0, 18), "outside"),
        (struct.pack(">IIIIIII", superblob.MAGIC_SIGNATURE, 28, 1, 0, 20, 0, 4000), "outside"),
    ],
)
def test_a_superblob_that_does_not_fit_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(superblob.BlobError, match=words):
        superblob.parse(data)


def make(**changes: object) -> code_directory.CodeDirectory:
    values: dict[str, object] = {
        "identifier": "org.example.tool",
        "team": "ABCDE12345",
        "flags": code_directory.FLAG_RUNTIME,
        "hash_type": 2,
        "page_size": 4096,
        "code_limit": 5000,
        "special": {2: bytes([2]) * 32, 5: bytes([5]) * 32},
        "hashes": [b"a" * 32, b"b" * 32],
        "exec_limit": 4096,
        "exec_flags": 1,
        "runtime": 0x000F0500,
    }
    return code_directory.CodeDirectory(**(values | changes))  # type: ignore[arg-type]  # as above


def test_a_code_directory_is_read_as_written() -> None:
    made = make()
    encoded = code_directory.build(made)
    assert len(encoded) == code_directory.size_of(made.identifier, made.team, 5, 5000)
    read_back = code_directory.parse(encoded)
    for name in ("identifier", "team", "flags", "code_limit", "exec_limit", "exec_flags", "runtime"):
        assert getattr(read_back, name) == getattr(made, name)
    assert read_back.special == made.special
    assert list(read_back.hashes) == list(made.hashes)
    assert read_back.runtime_version == "15.5.0"
    assert read_back.cdhash == read_back.full_hash[:20]


def test_code_beyond_four_gigabytes_uses_the_wide_limit() -> None:
    made = make(code_limit=5 << 30, hashes=[])
    assert code_directory.parse(code_directory.build(made)).code_limit == 5 << 30


@pytest.mark.parametrize(
    ("place", "value"),
    [(8, 0x10000), (16, 0xFFFFFF), (20, 0xFFFFFF), (24, 1000), (28, 1 << 30), (36, 0), (44, 5)],
)
def test_a_code_directory_that_contradicts_itself_is_refused(place: int, value: int) -> None:
    data = bytearray(code_directory.build(make()))
    struct.pack_into(">I", data, place, value)
    with pytest.raises(code_directory.DirectoryError):
        code_directory.parse(bytes(data))


def test_pages_are_hashed_alike_in_whatever_pieces_they_come() -> None:
    import hashlib

    data = bytes(n % 253 for n in range(20_000))
    expected = [hashlib.sha256(data[n : n + 4096]).digest() for n in range(0, len(data), 4096)]
    for piece in (1, 100, 4095, 4096, 4097, 9000, 50_000):
        hasher = code_directory.PageHasher()
        for start in range(0, len(data), piece):
            hasher.update(data[start : start + piece])
        assert hasher.finish() == expected
    told: list[int] = []
    streamed = code_directory.page_hashes(io.BytesIO(data), 0, len(data), 4096, "sha256", 32, told.append)
    assert list(streamed) == expected
    assert told == [20_000]
