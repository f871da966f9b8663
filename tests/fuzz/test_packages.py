"""1,500 mutated packages, inside and out: each is refused with one sentence, or reported; nothing else."""

from __future__ import annotations

import gzip
import hashlib
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_audit import audit_package
from codesign_wizard.core.apple.package_sign import change_package, sign_package
from codesign_wizard.core.apple.package_verify import verify_package
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.apple.xar import HEADER, Xar
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.job import Job
from codesign_wizard.core.samples import macho
from tests.support import apple_pki, fuzzing, packages
from tests.support import xar as archives

COUNT = 300
KINDS = ("outside", "table", "Payload", "Bom", "words")
FILES = {
    ".": (0o40755, b"", ""),
    "A.app": (0o40755, b"", ""),
    "A.app/tool": (0o100755, macho.program("x"), ""),
    "A.app/link": (0o120755, b"", "tool"),
    "A.app/file": (0o100644, b"hello", ""),
}
NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"]
TEXTS = [
    b"..",
    b"/",
    b"../../x",
    b"-1",
    b"99999999999999999999",
    b"&lt;",
    b"<a>",
    b"</file>",
    b"\0",
    b"TRAILER!!!",
]
DIGITS = b"0123456789abcdef"


def mutated(random_: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        if not changed:
            break
        place = random_.randrange(len(changed))
        match random_.randrange(8):
            case 0:
                changed[place] ^= 1 << random_.randrange(8)
            case 1:
                changed[place] = random_.randrange(256)
            case 2:
                changed[place : place + 4] = random_.choice(NUMBERS)
            case 3:
                del changed[place:]
            case 4:
                del changed[place : place + random_.randint(1, 16)]
            case 5:
                changed[place:place] = random_.randbytes(random_.randint(1, 16))
            case 6:
                text = random_.choice(TEXTS)
                changed[place : place + len(text)] = text
            case 7:
                changed[place] = random_.choice(DIGITS)
    return bytes(changed)


def table_of(data: bytes) -> tuple[bytes, bytes]:
    """Return a package's table of contents as text, and what follows it."""
    length = HEADER.unpack_from(data)[3]
    return zlib.decompress(data[28 : 28 + length]), data[28 + length :]


def with_table(xml: bytes, heap: bytes) -> bytes:
    """Return a package with another table, whose digest is right."""
    packed = zlib.compress(xml)
    return (
        HEADER.pack(b"xar!", 28, 1, len(packed), len(xml), 3)
        + packed
        + hashlib.sha256(packed).digest()
        + heap[32:]
    )


class Originals:
    """A signed package, and its members for packages that are built around a mutated one."""

    def __init__(self, folder: Path) -> None:
        plan = packages.component(FILES)
        path = packages.product(folder / "o.pkg", plan)
        with Xar(path) as archive:
            self.members = {
                entry.path: archive.read(entry, 1 << 26)
                for entry in archive.entries
                if entry.data is not None
            }
        self.payload = gzip.decompress(self.members["one.pkg/Payload"])
        sign_package(Job(), path, path, apple_pki.signer(), roots=apple_pki.roots())
        self.whole = path.read_bytes()
        path.unlink()

    def write(self, random_: random.Random, kind: str, target: Path) -> None:
        """Write a mutated package."""
        match kind:
            case "outside":
                target.write_bytes(mutated(random_, self.whole))
            case "table":
                xml, heap = table_of(self.whole)
                target.write_bytes(with_table(mutated(random_, xml), heap))
            case _:
                members = dict(self.members)
                if kind == "Payload":
                    members["one.pkg/Payload"] = gzip.compress(mutated(random_, self.payload), 1)
                elif kind == "Bom":
                    # the nodes are mostly empty: what has contents lies after them
                    members["one.pkg/Bom"] = mutated(random_, self.members["one.pkg/Bom"])
                else:
                    name = random_.choice(["Distribution", "one.pkg/PackageInfo"])
                    members[name] = mutated(random_, self.members[name])
                packed = {
                    path: (data, not path.endswith(("Payload", "Scripts"))) for path, data in members.items()
                }
                archives.build(target, packed)


def touched(_component: Component, part: str, tree: Tree) -> None:
    """Change something, as signing does."""
    if part == "Payload" and tree.folder is not None:
        (tree.folder / "added").write_bytes(b"new")


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_package_is_refused_or_reported(tmp_path: Path, kind: str) -> None:
    outer = tmp_path / "outer"
    folder = outer / "folder"
    folder.mkdir(parents=True)
    originals = Originals(tmp_path)
    random_ = fuzzing.dice(kind)
    count = fuzzing.count(COUNT)
    roots, signer = apple_pki.roots(), apple_pki.signer()
    source, target = folder / "fuzz.pkg", folder / "out.pkg"
    sentences: set[str] = set()
    seen = {"refused": 0, "reported": 0, "signed": 0, "changed": 0}
    for number in range(count):
        originals.write(random_, kind, source)
        try:
            judge = verify_package if number % 3 else audit_package
            sentences.update(finding.title for finding in judge(Job(), source, roots=roots).findings)
            seen["reported"] += 1
        except InputError as error:
            sentences.add(error.finding.title)
            seen["refused"] += 1
        try:
            sign_package(Job(), source, target, signer, roots=roots)
        except InputError as error:
            sentences.add(error.finding.title)
        else:
            found = {finding.id for finding in verify_package(Job(), target, roots=roots).findings}
            # what was written now is right, whatever the package was before
            assert {"apple.verify.package-table-ok", "apple.verify.package-cms-ok"} <= found
            seen["signed"] += 1
            target.unlink()
        try:
            change_package(Job(), source, target, touched)
        except InputError as error:
            sentences.add(error.finding.title)
        else:
            found = {finding.id for finding in verify_package(Job(), target, roots=roots).findings}
            assert "apple.verify.package-files-ok" in found
            assert "apple.verify.package-contents-wrong" not in found
            seen["changed"] += 1
            target.unlink()
        assert [path.name for path in folder.iterdir()] == ["fuzz.pkg"]
    assert [path.name for path in outer.iterdir()] == ["folder"]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in sentences)
    assert seen["reported"] + seen["refused"] == count
    assert min(seen["reported"], seen["signed"]) > count // 50, seen
    # whether one of the few damaged tables that can be read cannot be changed is chance
    assert seen["changed"] < seen["reported"] or kind in ("words", "table"), seen


def test_bombs_cost_little(tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(64 << 20), 9)
    payload = b"".join([gzip.compress(b"070707", 9)[:0], zeros])
    members = {
        "PackageInfo": (b"<pkg-info/>", True),
        "Payload": (payload, False),
        "Bom": (bytes(32 << 20), True),
    }
    archives.build(tmp_path / "bomb.pkg", members)
    deep = b"<a>" * 100_000
    archives.build(
        tmp_path / "deep.pkg", {"PackageInfo": (b"<pkg-info/>", True), "Distribution": (deep, True)}
    )
    tracemalloc.start()
    verification = verify_package(Job(), tmp_path / "bomb.pkg")
    assert "apple.verify.package-contents-wrong" in {finding.id for finding in verification.findings}
    for name in ("bomb.pkg", "deep.pkg"):
        with pytest.raises(InputError):
            change_package(Job(), tmp_path / name, tmp_path / "out.pkg", touched)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # a bill of materials is read as a whole; nothing else is
    assert peak < 100 << 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.pkg", "deep.pkg"]
