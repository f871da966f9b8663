"""Mutated parts of Apple's formats, each by its own reader: refused in words, or read, at bounded cost."""

from __future__ import annotations

import io
import os
import plistlib
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codesign_wizard.core.apple import bom, cpio, detached, entitlements, requirements, superblob
from codesign_wizard.core.apple.bundle import BundleError, open_bundles
from codesign_wizard.core.apple.code_resources import Resources, Sealed, default_rules, parse
from codesign_wizard.core.apple.package import BROKEN, Package
from codesign_wizard.core.apple.payload import open_payload
from codesign_wizard.core.apple.requirement_check import evaluate
from codesign_wizard.core.apple.requirement_language import compile_text
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.core.authenticode.der import DerError
from codesign_wizard.core.job import Job
from tests.fuzz.test_packages import mutated, table_of, with_table
from tests.support import apple_pki, fuzzing, packages
from tests.support.clocks import at_most

COUNT = 1000
SECONDS = 5
MEGABYTES = 64


@pytest.fixture
def bounded() -> Iterator[None]:
    """Fail when all of it together ever holds more than ``MEGABYTES``."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTES << 20


def tried(
    name: str,
    originals: list[bytes],
    read: Callable[[bytes], object],
    refusals: type[Exception] | tuple[type[Exception], ...],
    change: Callable[[random.Random, bytes], bytes] = mutated,
    usual: int = COUNT,
) -> dict[str, int]:
    """Let *read* read what *change* made of the originals; return how many were read and refused."""
    dice = fuzzing.dice(name)
    seen = {"read": 0, "refused": 0}
    for _ in range(fuzzing.count(usual)):
        data = change(dice, dice.choice(originals))
        with at_most(SECONDS, data.hex()):
            try:
                read(data)
                seen["read"] += 1
            except refusals as error:
                words = str(error)
                assert words, data.hex()
                assert words.isprintable(), words
                seen["refused"] += 1
    assert all(seen.values()), seen
    return seen


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.product(tmp_path_factory.mktemp("package") / "a.pkg")


def member(package: Path, name: str) -> bytes:
    with Xar(package) as archive:
        entry = archive.get(name)
        assert entry is not None
        return archive.read(entry, 1 << 26)


def in_blocks(dice: random.Random, data: bytes) -> bytes:
    """Change a bill of materials where something is: its nodes are mostly empty."""
    changed = bytearray(mutated(dice, data) if dice.random() < 0.2 else data)
    for _ in range(dice.randint(1, 3)):
        places = [dice.randrange(max(len(changed), 1)) & ~3 for _ in range(20)]
        place = next((each for each in places if any(changed[each : each + 4])), 0)
        changed[place : place + 4] = dice.choice(
            [
                b"\0\0\0\0",
                b"\xff\xff\xff\xff",
                b"\0\0\0\1",
                dice.randbytes(4),
                bytes((0, 0, 0, dice.randrange(64))),
            ]
        )
    return bytes(changed)


@pytest.mark.usefixtures("bounded")
def test_bills_of_materials(package: Path) -> None:
    large = [bom.Item(".", 0o40755), *(bom.Item(f"{n:04}", 0o100644, size=n) for n in range(700))]

    def read(data: bytes) -> None:
        found = bom.read(data)
        for item in found.items:
            assert ".." not in item.path.split("/")
            assert not item.path.startswith("/")
        bom.update(data, {"Some App.app/Contents/empty": (1, 2, ())})
        again = bom.read(bom.write(found.items, found.info))
        assert {each.path for each in again.items} == {each.path for each in found.items}

    tried("bom", [*[member(package, "one.pkg/Bom")] * 30, bom.write(large)], read, bom.BomError, in_blocks)


def test_cpio_archives_write_nothing_outside(package: Path, tmp_path: Path) -> None:
    """Whatever names, links and sizes an archive has: its folder is where it stays."""
    outer = tmp_path / "outer"
    folder = outer / "folder"
    outer.mkdir()
    (outer / "bystander").write_bytes(b"x")
    packed = member(package, "one.pkg/Payload")
    odc = open_payload(io.BytesIO(packed), len(packed)).read()
    names = [b"../../x", b"/tmp/xx", b"./../x", b"a/../..", b"..", b".", b"", b"Current/x", b"outside/x"]

    def change(dice: random.Random, data: bytes) -> bytes:
        if dice.random() < 0.5:
            return mutated(dice, data)
        # another name or link of the same length, so that the archive stays whole
        known = [
            b"./Some App.app/Contents/empty",
            b"./Some App.app/Contents/setuid",
            b"/usr/local/bin",
            b"MacOS",
        ]
        old = dice.choice(known)
        new = dice.choice(names)[: len(old)]
        return data.replace(old, new + b"/" * (len(old) - len(new)), dice.choice([1, -1]))

    def read(data: bytes) -> None:
        folder.mkdir()
        try:
            tree = Tree(folder)
            tree.extract(Job(), io.BytesIO(data))
            tree.refresh()
            tree.write(Job(), io.BytesIO())
        finally:
            assert sorted(each.name for each in outer.iterdir()) == ["bystander", "folder"]
            assert (outer / "bystander").read_bytes() == b"x"
            _remove(folder)

    newc = _newc([(b"a", 0o40755, b""), (b"a/b", 0o100644, b"hello"), (b"a/c", 0o120777, b"b")])
    tried("cpio", [odc, newc], read, cpio.CpioError, change, COUNT // 2)
    assert not Path("/tmp/xx").exists()


def _remove(folder: Path) -> None:
    # no link is followed, and no mode stands in the way
    for root, folders, files in os.walk(folder, topdown=False):
        for name in files:
            (Path(root) / name).unlink()
        for name in folders:
            path = Path(root) / name
            path.unlink() if path.is_symlink() else path.rmdir()
    folder.rmdir()


def _newc(files: list[tuple[bytes, int, bytes]]) -> bytes:
    parts = []
    for number, (name, mode, data) in enumerate([*files, (cpio.TRAILER, 0, b"")]):
        values = (number, mode, 0, 80, 1, 1_700_000_000, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % value for value in values) + name + b"\0"
        parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
    return b"".join(parts)


@pytest.mark.usefixtures("bounded")
def test_property_lists() -> None:
    document = {
        "com.apple.security.cs.allow-jit": True,
        "groups": ["a", "b", "ü" * 20],
        "n": 1 << 40,
        "inner": {"deep": [{"a": {"b": [1, 2, 3]}}]},
    }
    forms = [plistlib.dumps(document, fmt=each) for each in (plistlib.FMT_XML, plistlib.FMT_BINARY)]
    forms += [b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + forms[0]]

    def read(data: bytes) -> None:
        value = entitlements.parse(data)
        entitlements.exec_flags(value)
        encoded = entitlements.to_der(value)
        assert entitlements.to_der(entitlements.from_der(encoded)) == encoded

    tried("plist", forms, read, entitlements.EntitlementsError, usual=2 * COUNT)
    der = entitlements.to_der({key: value for key, value in document.items() if key != "n"})
    tried("entitlements der", [der], entitlements.from_der, DerError)


@pytest.mark.usefixtures("bounded")
def test_seals_and_requirements() -> None:
    rules, rules2 = default_rules(True)
    files = {
        "a": Sealed(bytes(20), bytes(32)),
        "b": Sealed(link="a"),
        "c.app": Sealed(cdhash=bytes(20), requirement="always"),
    }
    seal = Resources({"a": files["a"]}, files, rules, rules2).to_plist()
    tried("seal", [seal], lambda data: parse(data).to_plist(), superblob.BlobError)
    expression = requirements.developer_id("org.example.tool", apple_pki.TEAM)
    blob = requirements.requirement_set(expression)
    context = requirements.Context("org.example.tool", apple=True)

    def judged(data: bytes) -> None:
        for each in requirements.parse_set(data).values():
            evaluate(each, context)
            str(each)

    tried("requirements", [blob], judged, superblob.BlobError, usual=2 * COUNT)
    text = str(expression).encode()

    def compiled(data: bytes) -> None:
        again = compile_text(data.decode("utf-8", "replace"))
        assert compile_text(str(again)) == again

    tried("requirement text", [text], compiled, superblob.BlobError)


@pytest.mark.usefixtures("bounded")
def test_info_plists_lead_nowhere(tmp_path: Path) -> None:
    contents = tmp_path / "A.app" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    (contents / "MacOS" / "tool").write_bytes(b"x")
    (tmp_path / "tool").write_bytes(b"x")
    info = plistlib.dumps({"CFBundleExecutable": "tool", "CFBundleIdentifier": "org.example"})

    def read(data: bytes) -> None:
        (contents / "Info.plist").write_bytes(data)
        for each in open_bundles(contents.parent):
            assert each.executable in ("", "MacOS/tool")

    tried("info", [info], read, BundleError, usual=COUNT // 3)


@pytest.mark.usefixtures("bounded")
def test_cms() -> None:
    issued = apple_pki.leaf("application")
    parts = detached.draft(bytes(32), "sha256", packages.TIME)
    whole = detached.assemble(parts, [issued.certificate], bytes(256), [])
    # the frame, and not so often the certificates in it
    ber = b"\x30\x80" + whole[4:] + b"\0\0"
    tried("cms", [whole, ber], detached.parse, (DerError, ValueError))


@pytest.mark.usefixtures("bounded")
def test_xar_archives(package: Path, tmp_path: Path) -> None:
    path = tmp_path / "fuzz.pkg"
    whole = package.read_bytes()

    def change(dice: random.Random, data: bytes) -> bytes:
        if dice.random() < 0.3:
            return mutated(dice, data[:200]) + data[200:]
        xml, heap = table_of(data)
        return with_table(mutated(dice, xml), heap)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        with Package(path) as opened:
            opened.archive.extents()
            for entry in opened.archive.entries:
                parts = entry.path.split("/")
                assert not {"", ".", ".."} & set(parts)
                for _ in opened.archive.chunks(entry):
                    pass

    tried("xar", [whole], read, BROKEN, change, COUNT // 2)
    assert [each.name for each in tmp_path.iterdir()] == ["fuzz.pkg"]
    assert zlib.crc32(package.read_bytes()) == zlib.crc32(whole)
