"""Packages: made, opened, changed inside and built again, and never anything written elsewhere."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from codesign_wizard.core.apple import bom, cpio, package, xar_write
from codesign_wizard.core.apple.bom import Checksum
from codesign_wizard.core.apple.cpio import CpioError, Entry
from codesign_wizard.core.apple.package import Component, Package, PackageError
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import Xar, XarError
from codesign_wizard.core.job import Job
from tests.support import packages
from tests.support import xar as archives


def rebuilt(source: Path, target: Path, change: package.Change) -> Path:
    spool = io.BytesIO()
    with Package(source) as opened:
        toc = package.rebuild(Job(), opened, spool, change, work=target.parent)
    table = xar_write.settle(toc, lambda offset: offset, ())
    with target.open("wb") as file:
        xar_write.write(file, table, (), ())
        file.write(spool.getvalue())
    return target


def payload(path: Path, name: str = "Payload") -> dict[str, tuple[Entry, bytes]]:
    """Return the only component's files with their contents."""
    with Package(path) as opened:
        entry = opened.entry(opened.components[0], name)
        assert entry is not None
        with opened.unpacked(entry) as stream:
            reader = cpio.Reader(stream)
            return {each.path: (replace(each, identity=(0, 0)), b"".join(reader.chunks())) for each in reader}


def nothing(_component: Component, _part: str, _tree: Tree) -> None:
    return


def test_a_package_says_what_it_holds(tmp_path: Path) -> None:
    path = packages.product(tmp_path / "a.pkg")
    with Package(path) as opened:
        assert opened.is_product
        (component,) = opened.components
        assert (component.name, component.identifier, component.version) == (
            "one.pkg",
            "com.example.one",
            "1.2",
        )
        assert component.install_location == "/Applications"
        assert component.info.find("scripts") is not None
        assert opened.distribution is not None
        assert opened.distribution.value("title") == "Some & App"
        assert opened.distribution.all("pkg-ref")[-1].text == "#one.pkg"
        found = opened.bom(component)
    assert found is not None
    files = payload(path)
    assert {item.path for item in found.items} == files.keys() == packages.FILES.keys()
    for item in found.items:
        entry, data = files[item.path]
        assert (item.mode, item.uid, item.gid, item.mtime) == (entry.mode, entry.uid, entry.gid, entry.mtime)
        if entry.is_file:
            assert (item.size, item.checksum) == (len(data), Checksum(data).value)
        assert item.link == entry.link == packages.FILES[item.path][2]
    program = next(item for item in found.items if item.path.endswith("program"))
    assert [(part.size, part.checksum) for part in program.slices] == [
        (5000, Checksum(b"x" * 5000).value),
        (4000, Checksum(b"y" * 4000).value),
    ]


def test_equal_plans_give_equal_bytes(tmp_path: Path) -> None:
    for plain in (False, True):
        first = packages.product(tmp_path / "a.pkg", plain=plain).read_bytes()
        assert packages.product(tmp_path / "b.pkg", plain=plain).read_bytes() == first


def test_what_is_not_changed_stays(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    target = rebuilt(source, tmp_path / "b.pkg", nothing)
    assert payload(target) == payload(source)
    assert payload(target, "Scripts") == payload(source, "Scripts")
    with Package(source) as old, Package(target) as new:
        assert new.bom(new.components[0]) == old.bom(old.components[0])
        for name in ("Distribution", "one.pkg/PackageInfo", "one.pkg/Bom"):
            entries = old.archive.get(name), new.archive.get(name)
            assert entries[0] is not None
            assert entries[1] is not None
            assert new.archive.read(entries[1], 1 << 20) == old.archive.read(entries[0], 1 << 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pkg", "b.pkg"]


def test_changed_contents_are_taken_up_everywhere(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    program = packages.universal(b"X" * 6000, b"Z" * 900_000)

    def change(component: Component, part: str, tree: Tree) -> None:
        assert component.identifier == "com.example.one"
        if part == "Payload":
            tree.place("Some App.app/Contents/MacOS/program").write_bytes(program)

    target = rebuilt(source, tmp_path / "b.pkg", change)
    files, before = payload(target), payload(source)
    entry, data = files.pop("Some App.app/Contents/MacOS/program")
    assert data == program
    assert entry.mode == 0o100755
    before.pop("Some App.app/Contents/MacOS/program")
    assert files == before
    with Package(target) as opened:
        found = opened.bom(opened.components[0])
        assert found is not None
        item = next(each for each in found.items if each.path.endswith("program"))
        assert (item.size, item.checksum) == (len(program), Checksum(program).value)
        assert [part.size for part in item.slices] == [6000, 900_000]
        kilobytes = str(-(-(len(program) + 5 + 10 + 5 + 14) // 1024))
        info = opened.components[0].info.find("payload")
        assert info is not None
        assert info.attributes == {"numberOfFiles": "9", "installKBytes": kilobytes}
        assert opened.distribution is not None
        assert opened.distribution.all("pkg-ref")[-1].attributes["installKBytes"] == kilobytes


@pytest.mark.skipif(os.name == "nt", reason="links are made by some people only")
def test_new_and_removed_files_are_taken_up(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")

    def change(_component: Component, part: str, tree: Tree) -> None:
        if part != "Payload":
            return
        folder = tree.place("Some App.app/Contents/_CodeSignature")
        folder.mkdir()
        (folder / "CodeResources").write_bytes(b"<plist/>")
        tree.place("Some App.app/Contents/empty").unlink()
        (tree.place("Some App.app/Contents") / "again").symlink_to("MacOS/../MacOS//program")

    target = rebuilt(source, tmp_path / "b.pkg", change)
    files = payload(target)
    entry, data = files["Some App.app/Contents/_CodeSignature/CodeResources"]
    assert data == b"<plist/>"
    assert (entry.mode, entry.uid, entry.gid) == (0o100644, 0, 80)
    assert files["Some App.app/Contents/_CodeSignature"][0].mode == 0o40755
    assert files["Some App.app/Contents/again"][0].link == "MacOS/../MacOS//program"
    assert "Some App.app/Contents/empty" not in files
    with Package(target) as opened:
        found = opened.bom(opened.components[0])
        assert found is not None
        assert {item.path for item in found.items} == files.keys()
        info = opened.components[0].info.find("payload")
        assert info is not None
        assert info.attributes["numberOfFiles"] == "11"


def test_several_components_and_a_bare_one(tmp_path: Path) -> None:
    source = packages.product(
        tmp_path / "a.pkg", packages.component(name="one"), packages.component(name="two")
    )
    seen: list[tuple[str, str]] = []
    rebuilt(source, tmp_path / "b.pkg", lambda component, part, _tree: seen.append((component.name, part)))
    assert seen == [
        ("one.pkg", "Scripts"),
        ("one.pkg", "Payload"),
        ("two.pkg", "Scripts"),
        ("two.pkg", "Payload"),
    ]
    with Xar(source) as archive:
        members = {}
        for name in ("Bom", "Payload", "PackageInfo"):
            entry = archive.get(f"one.pkg/{name}")
            assert entry is not None
            members[name] = (archive.read(entry, 1 << 20), name != "Payload")
    archives.build(tmp_path / "bare.pkg", members)
    target = rebuilt(tmp_path / "bare.pkg", tmp_path / "c.pkg", nothing)
    with Package(target) as opened:
        assert not opened.is_product
        assert [component.name for component in opened.components] == ["com.example.one"]
    assert payload(target) == payload(source)


def test_other_archives_are_no_packages(tmp_path: Path) -> None:
    path = tmp_path / "a.xar"
    archives.build(path, {"readme": (b"hello", False)})
    with pytest.raises(PackageError, match="no package"):
        Package(path)
    archives.build(path, {"one.pkg/PackageInfo": (b"<other/>", False)})
    with pytest.raises(PackageError, match="no description"):
        Package(path)


HOSTILE: list[list[tuple[Entry, bytes]]] = [
    [(Entry("link", 0o120755, link="/tmp"), b""), (Entry("link/evil", 0o100644, size=4), b"evil")],
    [(Entry("link", 0o120755, link=".."), b""), (Entry("link/evil", 0o100644, size=4), b"evil")],
    [(Entry("a", 0o100644, size=1), b"1"), (Entry("a/evil", 0o100644, size=4), b"evil")],
    [(Entry("link", 0o120755, link="/etc/passwd"), b""), (Entry("link", 0o100644, size=4), b"evil")],
    [(Entry("device", 0o20666), b"")],
    [(Entry("block", 0o60666), b"")],
    [(Entry("pipe", 0o10666), b"")],
    [(Entry("socket", 0o140666), b"")],
    [(Entry("/".join("d" * 300), 0o100644, size=4), b"evil")],
    [(Entry(".", 0o120755, link="/tmp"), b"")],
    [(Entry(".", 0o100644, size=4), b"evil")],
]


def test_a_strange_name_stays_on_its_line(tmp_path: Path) -> None:
    out = io.BytesIO()
    writer = cpio.Writer(out)
    writer.add(Entry("Icon\r\n\x1b[2J" + "x" * 300, 0o20666))
    writer.close()
    with pytest.raises(CpioError) as caught:
        Tree(tmp_path).extract(Job(), io.BytesIO(out.getvalue()))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_nothing_is_written_elsewhere(tmp_path: Path, number: int) -> None:
    out = io.BytesIO()
    writer = cpio.Writer(out)
    for entry, data in HOSTILE[number]:
        writer.add(entry)
        out.write(data)
    writer.close()
    folder = tmp_path / "deep" / "target"
    folder.mkdir(parents=True)
    with pytest.raises(CpioError):
        Tree(folder).extract(Job(), io.BytesIO(out.getvalue()))
    assert [path for path in tmp_path.rglob("evil") if path.is_file()] == []
    assert not Path("/tmp/evil").exists()


def test_a_name_on_windows_that_means_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codesign_wizard.core.apple.tree.os.name", "nt")
    tree = Tree(tmp_path)
    for name in ("C:evil", "..\\evil", "a/NUL", "con.txt", "a.", "a ", "what?", "a/b\\c"):
        with pytest.raises(CpioError, match="Windows"):
            tree._check(Entry(name, 0o100644))
    tree._check(Entry("contents/a.txt", 0o100644))


@pytest.mark.skipif(os.name == "nt", reason="links are made by some people only")
def test_links_are_unpacked_as_links(tmp_path: Path) -> None:
    out = io.BytesIO()
    packages.tree(packages.FILES).write(Job(), out)
    tree = Tree(tmp_path)
    tree.extract(Job(), io.BytesIO(out.getvalue()))
    link = tmp_path / "Some App.app" / "Contents" / "outside"
    assert link.is_symlink()
    assert str(link.readlink()) == "/usr/local/bin"
    assert tree.links == {
        "Some App.app/Contents/Current": "MacOS",
        "Some App.app/Contents/outside": "/usr/local/bin",
    }
    assert (tmp_path / "Some App.app" / "Contents" / "setuid").stat().st_mode & 0o7777 == 0o700


def test_further_names_of_one_file_get_its_bytes(tmp_path: Path) -> None:
    def form(name: str, data: bytes) -> bytes:
        numbers = (0, 7, 0o100644, 0, 0, 2, 0)
        head = b"070707" + b"".join(b"%06o" % number for number in numbers)
        return head + b"%011o%06o%011o" % (0, len(name) + 1, len(data)) + name.encode() + b"\0" + data

    out = io.BytesIO()
    cpio.Writer(out).close()
    tree = Tree(tmp_path)
    tree.extract(Job(), io.BytesIO(form("a", b"bytes") + form("b", b"") + out.getvalue()))
    assert (tmp_path / "b").read_bytes() == b"bytes"
    assert tree.entries["b"].size == 5


def test_the_bill_of_materials_stays_apples_own_where_only_contents_change(tmp_path: Path) -> None:
    source = packages.product(tmp_path / "a.pkg")
    with Xar(source) as archive:
        members = {}
        for name in ("Bom", "Payload", "PackageInfo"):
            entry = archive.get(f"one.pkg/{name}")
            assert entry is not None
            members[name] = (archive.read(entry, 1 << 20), name != "Payload")
    # a byte in the unused part of the header that only this file has
    marked = bytearray(members["Bom"][0])
    marked[400] = 0x5A
    members["Bom"] = (bytes(marked), True)
    archives.build(tmp_path / "bare.pkg", members)

    def change(_component: Component, _part: str, tree: Tree) -> None:
        tree.place("Some App.app/Contents/empty").write_bytes(b"no more")

    target = rebuilt(tmp_path / "bare.pkg", tmp_path / "c.pkg", change)
    with Package(target) as opened:
        entry = opened.entry(opened.components[0], "Bom")
        assert entry is not None
        data = opened.archive.read(entry, 1 << 20)
    assert data[400] == 0x5A
    assert next(item for item in bom.read(data).items if item.path.endswith("empty")).size == 7


def test_descriptions_are_bounded_together(tmp_path: Path) -> None:
    """Each may be large; a thousand of them would fill the memory."""
    info = b"<pkg-info>" + b"<a/>" * 60_000 + b"</pkg-info>"
    path = tmp_path / "bomb.pkg"
    archives.build(path, {"0.pkg/PackageInfo": (info, True)})
    with Package(path) as opened:
        assert len(opened.components) == 1
    archives.build(path, {f"{number}.pkg/PackageInfo": (info, True) for number in range(3)})
    with pytest.raises(PackageError, match="too many"):
        Package(path)
    words = b"<pkg-info>" + b"x" * (7 << 20) + b"</pkg-info>"
    archives.build(path, {f"{number}.pkg/PackageInfo": (words, True) for number in range(5)})
    with pytest.raises(XarError, match="larger than any"):
        Package(path)
