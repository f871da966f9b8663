"""cpio and how payloads are packed: round trips, foreign forms, hostile names, bombs."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import struct
import tracemalloc
import zlib

import pytest

from codesign_wizard.core.apple import payload
from codesign_wizard.core.apple.cpio import MAXIMUM_SIZE, CpioError, Entry, Reader, Writer, plain_path

ENTRIES = [
    (Entry(".", 0o40755), b""),
    (Entry("a", 0o40775, gid=80, mtime=1_700_000_000), b""),
    (Entry("a/ünïcode name", 0o100755, uid=501, gid=20, mtime=1, size=3), b"abc"),
    (Entry("a/link", 0o120755, link="../elsewhere"), b""),
    (Entry("a/empty", 0o100644), b""),
]


def write(entries: list[tuple[Entry, bytes]]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    for entry, data in entries:
        writer.add(entry)
        out.write(data)
    writer.close()
    return out.getvalue()


def newc(name: bytes, mode: int, data: bytes, links: int = 1) -> bytes:
    """Return an entry in the newer form, padded."""
    numbers = [7, mode, 1, 2, links, 99, len(data), 0, 1, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name + b"\0"
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)


def test_what_is_written_is_read() -> None:
    reader = Reader(io.BytesIO(write(ENTRIES)))
    found = [(entry, b"".join(reader.chunks())) for entry in reader]
    assert [data for _, data in found] == [data for _, data in ENTRIES]
    for (entry, _), (wanted, _) in zip(found, ENTRIES, strict=True):
        for name in ("path", "mode", "uid", "gid", "mtime", "link"):
            assert getattr(entry, name) == getattr(wanted, name), name


def test_the_form_is_apples() -> None:
    data = write(ENTRIES[:1])
    # 76 bytes, no padding, numbered from 1 (POSIX.1-1988, 10.1.2)
    assert (
        data[:78]
        == b"070707000000000001040755000000000000000002000000" + b"0" * 11 + b"000002" + b"0" * 11 + b".\0"
    )
    assert (
        data[78:] == b"070707" + b"0" * 30 + b"000001" + b"0" * 17 + b"000013" + b"0" * 11 + b"TRAILER!!!\0"
    )


def test_data_that_is_not_read_is_skipped() -> None:
    paths = [entry.path for entry in Reader(io.BytesIO(write(ENTRIES)))]
    assert paths == [entry.path for entry, _ in ENTRIES]


def test_the_newer_form_is_read() -> None:
    data = newc(b"./a", 0o40755, b"") + newc(b"a/bc", 0o100644, b"hello") + newc(b"l", 0o120777, b"a/bc")
    reader = Reader(io.BytesIO(data + newc(b"TRAILER!!!", 0, b"")))
    found = [(entry.path, entry.link, b"".join(reader.chunks())) for entry in reader]
    assert found == [("a", "", b""), ("a/bc", "", b"hello"), ("l", "a/bc", b"")]


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "./..", "a/.."])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(CpioError, match="elsewhere"):
        plain_path(name)
    data = newc(name.encode(), 0o100644, b"x") + newc(b"TRAILER!!!", 0, b"")
    with pytest.raises(CpioError, match="elsewhere"):
        list(Reader(io.BytesIO(data)))


def test_names_are_made_plain() -> None:
    assert plain_path("./") == plain_path(".") == "."
    assert plain_path(".//a/./b/") == "a/b"


def test_damage_is_told() -> None:
    whole = write(ENTRIES)
    for cut in range(len(whole)):
        with pytest.raises(CpioError):
            list(Reader(io.BytesIO(whole[:cut])))
    for wrong in (
        b"070708" + whole[6:],
        whole[:6] + b"-00001" + whole[12:],
        whole[:6] + b"00 001" + whole[12:],
    ):
        with pytest.raises(CpioError):
            list(Reader(io.BytesIO(wrong)))


def test_what_does_not_fit_is_refused() -> None:
    writer = Writer(io.BytesIO())
    writer.add(Entry("x", 0o100644, size=MAXIMUM_SIZE))
    for entry in (
        Entry("x", 0o100644, size=MAXIMUM_SIZE + 1),
        Entry("x", 0o100644, uid=1 << 18),
        Entry("x", 1, mtime=-1),
    ):
        with pytest.raises(CpioError, match="fit"):
            writer.add(entry)


def packed(data: bytes, *, plain: bool = False) -> bytes:
    out = io.BytesIO()
    with payload.GzipWriter(out, plain=plain) as writer:
        for start in range(0, len(data), 300_001):
            writer.write(data[start : start + 300_001])
        writer.finish()
    return out.getvalue()


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_payloads_are_packed_as_one_gzip_member(size: int, plain: bool) -> None:
    words = random.Random(3).randbytes(5000)
    data = (words * (size // 5000 + 1))[:size]
    result = packed(data, plain=plain)
    unpacker = zlib.decompressobj(31)
    assert unpacker.decompress(result) == data
    assert unpacker.eof
    assert not unpacker.unused_data
    assert gzip.decompress(result) == data
    assert result[4:8] == b"\0\0\0\0"
    assert result == packed(data, plain=plain)
    if not plain and size > 1 << 20:
        assert len(result) < size / 20


def test_what_does_not_get_smaller_is_stored() -> None:
    noise, words = random.Random(9).randbytes(3 << 20), b"word " * 200_000
    for data in (noise, words + noise + words, noise[: 1 << 19] + words + noise):
        result = packed(data)
        assert gzip.decompress(result) == data
        assert len(result) < len(data) + len(data) // 1000 + 100
    assert len(packed(words + noise)) < len(noise) + len(words) // 4


def pbzx(data: bytes, size: int = 1 << 16) -> bytes:
    out = b"pbzx" + struct.pack(">Q", size)
    for start in range(0, len(data), size):
        part = data[start : start + size]
        small = lzma.compress(part)
        small = small if len(small) < len(part) else part
        out += struct.pack(">QQ", len(part), len(small)) + small
    return out


def test_every_packing_is_read() -> None:
    random_ = random.Random(4)
    cpio = write([(Entry("x", 0o100644, size=300_000), random_.randbytes(150_000) + bytes(150_000))])
    twice = gzip.compress(cpio[:1000]) + gzip.compress(cpio[1000:]) + bytes(512)
    for form in (cpio, gzip.compress(cpio), twice, pbzx(cpio), packed(cpio)):
        assert payload.open_payload(io.BytesIO(form), len(form)).read() == cpio


def test_damaged_packings_are_told() -> None:
    cpio = write([(Entry("x", 0o100644, size=30_000), random.Random(4).randbytes(30_000))])
    whole = gzip.compress(cpio)
    wrong = [
        whole[:-5],
        whole[:500],
        whole[:300] + b"\xff" * 30 + whole[330:],
        b"BZh91AY&SY",
        b"",
        b"\x1f\x8b",
    ]
    boxed = pbzx(bytes(100_000))
    wrong += [boxed[:-5], boxed[:20], boxed[:40] + b"\xff" * 9 + boxed[49:]]
    wrong += [b"pbzx" + struct.pack(">QQQ", 1, 1 << 60, 5), b"pbzx" + struct.pack(">QQQ", 1, 9, 5) + b"xxxxx"]
    for data in wrong:
        with pytest.raises(CpioError):
            payload.open_payload(io.BytesIO(data), len(data)).read()


def test_bombs_are_stopped() -> None:
    zeros = b"\0" * (64 << 20)
    for bomb in (gzip.compress(zeros), pbzx(zeros, 32 << 20)):
        tracemalloc.start()
        stream = payload.open_payload(io.BytesIO(bomb), len(bomb), 1 << 20)
        with pytest.raises(CpioError, match="far more"):
            list(iter(lambda stream=stream: stream.read(1 << 16)[:1], b""))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # an xz stream wants its dictionary of 8 MiB
        assert peak < 12 << 20
