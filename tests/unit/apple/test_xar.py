"""xar archives: what is written is read, and what does not hold is refused in one sentence."""

from __future__ import annotations

import hashlib
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from codesign_wizard.core.apple import stored, xml_tree
from codesign_wizard.core.apple.xar import HEADER, Xar, XarError
from codesign_wizard.core.apple.xml_tree import XmlError
from tests.support import xar as build

FILES = {
    "Distribution": (b"<installer-gui-script/>" * 50, True),
    "one.pkg/Payload": (bytes(range(256)) * 300, False),
    "one.pkg/Bom": (b"", True),
}


def archive(path: Path, toc: str, heap: bytes = b"", *, digest: bytes | None = None, kind: int = 3) -> Path:
    """Write an archive around hand-made XML; *toc* may name ``DIGEST`` as its checksum element."""
    standard = '<checksum style="sha256"><offset>0</offset><size>32</size></checksum>'
    xml = toc.replace("DIGEST", standard).encode()
    packed = zlib.compress(xml)
    digest = hashlib.sha256(packed).digest() if digest is None else digest
    path.write_bytes(HEADER.pack(b"xar!", 28, 1, len(packed), len(xml), kind) + packed + digest + heap)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pkg"
    build.build(path, FILES)
    with Xar(path) as archive_:
        assert archive_.digest == archive_.recorded
        assert archive_.digest_name == "sha256"
        assert archive_.heap_end == path.stat().st_size
        assert {entry.path for entry in archive_.entries} == {*FILES, "one.pkg"}
        for name, (data, packed) in FILES.items():
            entry = archive_.get(name)
            assert entry is not None
            assert archive_.read(entry, 1 << 20) == data
            assert archive_.open(entry).read() == data
            assert entry.data is not None
            assert (entry.data.encoding == "application/x-gzip") is packed


def test_plain_archives_are_the_same_everywhere(tmp_path: Path) -> None:
    first, second = tmp_path / "1.pkg", tmp_path / "2.pkg"
    build.build(first, FILES, plain=True)
    build.build(second, FILES, plain=True)
    assert first.read_bytes() == second.read_bytes()
    # fixed: a change here changes every sample
    assert hashlib.sha256(first.read_bytes()).hexdigest()[:16] == "8c2560dec3af08f1"


def test_stored_streams_are_streams() -> None:
    data = random.Random(1).randbytes(200_001)
    packer, zipper = stored.ZlibPacker(), stored.GzipPacker()
    assert (
        zlib.decompress(packer.compress(data[:70_000]) + packer.compress(data[70_000:]) + packer.flush())
        == data
    )
    assert zlib.decompress(zipper.compress(data) + zipper.flush(), 31) == data
    assert zlib.decompress(stored.ZlibPacker().flush()) == b""


@pytest.mark.parametrize(
    ("toc", "word"),
    [
        ("<xar><toc></toc></xar>", "digest"),
        ("<xar/>", "missing"),
        ("<toc/>", "missing"),
        ("<xar><toc>", "well-formed"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xar><toc>&b;</toc></xar>', "entities"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><xar><toc>&a;</toc></xar>', "entities"),
        ("<xar>" * 100 + "</xar>" * 100, "deeply"),
        ("<xar><toc>DIGEST<file><name>..</name></file></toc></xar>", "elsewhere"),
        ("<xar><toc>DIGEST<file><name>a/b</name></file></toc></xar>", "elsewhere"),
        ("<xar><toc>DIGEST<file><name>/etc</name></file></toc></xar>", "elsewhere"),
        ("<xar><toc>DIGEST<file><name>C:\\x</name></file></toc></xar>", "elsewhere"),
        ('<xar><toc>DIGEST<file><name enctype="base64">Li4=</name></file></toc></xar>', "elsewhere"),
        ("<xar><toc>DIGEST<file/></toc></xar>", "elsewhere"),
        ("<xar><toc>DIGEST" + "<file><name>a</name></file>" * 2 + "</toc></xar>", "same name"),
        (
            "<xar><toc>DIGEST<file><name>a</name><data><offset>32</offset><length>9</length><size>9</size>"
            "</data></file></toc></xar>",
            "short",
        ),
        (
            "<xar><toc>DIGEST<file><name>a</name><data><offset>-1</offset><length>9</length><size>9</size>"
            "</data></file></toc></xar>",
            "number",
        ),
        (
            '<xar><toc>DIGEST<signature style="RSA"><offset>32</offset><size>256</size></signature>'
            "</toc></xar>",
            "outside",
        ),
        (
            '<xar><toc><checksum style="sha1"><offset>0</offset><size>20</size></checksum></toc></xar>',
            "differ",
        ),
        (
            '<xar><toc><checksum style="sha256"><offset>0</offset><size>9</size></checksum></toc></xar>',
            "length",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, toc: str, word: str) -> None:
    with pytest.raises(XarError, match=word):
        Xar(archive(tmp_path / "a.pkg", toc))


def test_sizes_are_bounded_before_anything_is_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(b"\0" * (64 << 20), 9)
    path = tmp_path / "bomb.pkg"
    tracemalloc.start()
    for packed, size in ((len(bomb), 64 << 20), (len(bomb), 1000), (1 << 40, 10), (len(bomb), 1 << 60)):
        path.write_bytes(HEADER.pack(b"xar!", 28, 1, packed, size, 3) + bomb)
        with pytest.raises(XarError):
            Xar(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_a_file_that_unpacks_to_more_than_it_says_is_stopped(tmp_path: Path) -> None:
    bomb = zlib.compress(b"\0" * (32 << 20), 9)
    toc = (
        "<xar><toc>DIGEST<file><name>a</name><data><offset>32</offset>"
        f"<length>{len(bomb)}</length><size>1000</size><encoding style='application/x-gzip'/>"
        "</data></file></toc></xar>"
    )
    with Xar(archive(tmp_path / "a.pkg", toc, bomb)) as archive_:
        entry = archive_.entries[0]
        tracemalloc.start()
        with pytest.raises(XarError, match="longer"):
            archive_.read(entry, 10_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 << 20


def test_a_changed_file_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.pkg"
    build.build(path, FILES)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    data[-9000] ^= 1
    path.write_bytes(data)
    with Xar(path) as archive_:
        entry = archive_.get("one.pkg/Payload")
        assert entry is not None
        with pytest.raises(XarError, match="digest"):
            archive_.read(entry, 1 << 20)


def test_another_version_or_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pkg"
    for header in (
        struct.pack(">4sHHQQI", b"xar!", 28, 2, 0, 0, 3),
        struct.pack(">4sHHQQI", b"xar!", 20, 1, 0, 0, 3),
        struct.pack(">4sHHQQI", b"xar!", 28, 1, 0, 0, 9),
        b"xar!",
        b"",
    ):
        path.write_bytes(header)
        with pytest.raises(XarError):
            Xar(path)


def test_xml_is_written_as_it_was_read() -> None:
    text = '<a b="1 &lt; &quot;2&quot;&#10;"><c>x &amp; y</c><d/><e f="ü">  z </e></a>'
    once = xml_tree.write(xml_tree.parse(text.encode()))
    assert xml_tree.write(xml_tree.parse(once)) == once
    root = xml_tree.parse(once)
    assert root.attributes == {"b": '1 < "2"\n'}
    assert root.value("c") == "x & y"
    assert root.children[2].text == "  z "
    assert [node.tag for node in root.walk()] == ["a", "c", "d", "e"]
    for wrong in (b"", b"<a>", b"\xff\xfe", b'<?xml version="1.0" encoding="nonsense"?><a/>', b"<a/><b/>"):
        with pytest.raises(XmlError):
            xml_tree.parse(wrong)


def with_table(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Write the archive anew with a changed table of contents, whose digest is right."""
    data = path.read_bytes()
    length = HEADER.unpack_from(data)[3]
    xml = change(zlib.decompress(data[28 : 28 + length]))
    packed = zlib.compress(xml)
    head = HEADER.pack(b"xar!", 28, 1, len(packed), len(xml), 3) + packed
    path.write_bytes(head + hashlib.sha256(packed).digest() + data[28 + length + 32 :])


def test_the_same_bytes_named_again_and_again_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xar"
    build.build(path, {"file": (bytes(1 << 20), True)})
    with Xar(path) as archive:
        assert len(archive.entries) == 1

    def repeat(xml: bytes) -> bytes:
        start, end = xml.index(b"<file"), xml.index(b"</toc>")
        entry = xml[start:end]
        copies = [entry.replace(b">file<", b">file%d<" % number) for number in range(5000)]
        return xml[:start] + b"".join(copies) + xml[end:]

    with_table(path, repeat)
    with pytest.raises(XarError, match="overlap"):
        Xar(path)


def test_an_archive_does_not_unpack_to_more_than_is_real(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xar"
    build.build(path, {"file": (bytes(1 << 20), True)})
    with_table(path, lambda xml: xml.replace(b"<size>1048576<", b"<size>%d<" % (1 << 40)))
    with pytest.raises(XarError, match="far more"):
        Xar(path)
    build.build(path, {"file": (bytes(20 << 20), True)})
    with Xar(path) as archive, pytest.raises(XarError, match="larger than any"):
        archive.read(archive.entries[0], 1 << 30)
