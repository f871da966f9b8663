"""Bills of materials: round trips at every size of tree, changes in place, damage told."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest

from codesign_wizard.core.apple import bom
from codesign_wizard.core.apple.bom import BomError, Checksum, Item, Slice

PARTS = (Slice(0x1000007, 3, 4096, 1), Slice(0x100000C, 0, 5000, 2))
ITEMS = [
    Item(".", 0o40755),
    Item("App.app", 0o40775, 0, 80, 1_700_000_000, 96),
    Item("App.app/tool", 0o100755, 501, 20, 5, 20_000, 3, slices=PARTS),
    Item("App.app/Zed", 0o100644, size=3, checksum=0xFFFFFFFF),
    Item("App.app/ünïcode", 0o100600),
    Item("App.app/link", 0o120755, size=9, checksum=7, link="../target"),
]


def plain(items: list[Item]) -> list[Item]:
    """Return *items* sorted by path, without what only the reader fills in."""
    return sorted((replace(item, kind=0, flags=0) for item in items), key=lambda item: item.path)


def test_checksums_are_those_of_posix_cksum() -> None:
    # printed by GNU coreutils' cksum
    assert Checksum(b"").value == 4294967295
    assert Checksum(b"hello").value == 3287646509
    assert Checksum(bytes(range(256)) * 300).value == 821533005
    pieces = Checksum()
    for _ in range(300):
        pieces.update(bytes(range(256)))
    assert pieces.value == 821533005


def test_what_is_written_is_read() -> None:
    found = bom.read(bom.write(ITEMS))
    assert plain(found.items) == plain(ITEMS)
    # siblings by the bytes of their names, capitals first
    assert [item.path for item in found.items][2:4] == ["App.app/Zed", "App.app/link"]
    again = bom.write(found.items, found.info)
    assert again == bom.write(reversed(found.items), found.info)
    assert bom.read(again) == found


@pytest.mark.parametrize("count", [1, 2, 256, 257, 513, 66_000])
def test_trees_of_every_height(count: int) -> None:
    items = [Item(".", 0o40755)]
    items += [Item(f"{number:05}", 0o100644, size=number) for number in range(1, count)]
    found = bom.read(bom.write(items))
    assert plain(found.items) == items


def test_files_change_in_place() -> None:
    data = bom.write(ITEMS)
    parts = tuple(replace(part, size=9, checksum=8) for part in PARTS)
    result = bom.update(data, {"App.app/tool": (77, 88, parts), "App.app/Zed": (1, 2, ())})
    assert result is not None
    assert len(result) == len(data)
    wanted = [
        replace(item, size=77, checksum=88, slices=parts)
        if item.path == "App.app/tool"
        else replace(item, size=1, checksum=2)
        if item.path == "App.app/Zed"
        else item
        for item in ITEMS
    ]
    assert plain(bom.read(result).items) == plain(wanted)
    assert bom.update(data, {}) == data
    for impossible in ({"new": (1, 2, ())}, {"App.app/tool": (1, 2, ())}, {"App.app": (1, 2, ())}):
        assert bom.update(data, impossible) is None


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(BomError, match="root"):
        bom.write(ITEMS[1:])
    with pytest.raises(BomError, match="folder"):
        bom.write([ITEMS[0], Item("a/b", 0o100644)])
    with pytest.raises(BomError, match="4 GiB"):
        bom.write([ITEMS[0], Item("a", 0o100644, size=1 << 32)])


def test_loops_and_hostile_names_are_refused() -> None:
    for name in (b"..", b"a/b", b""):
        data = bom.write([ITEMS[0], Item("xyz", 0o100644)])
        place = data.index(b"xyz\0")
        hostile = data[:place] + name.ljust(3, b"\0") + data[place + 3 :]
        with pytest.raises(BomError, match="elsewhere"):
            bom.read(hostile)
    data = bytearray(bom.write([ITEMS[0], *(Item(f"{n:03}", 0o100644) for n in range(300))]))
    store = bom._Store(bytes(data))
    child = struct.unpack_from(">I", store.block(store.names["Paths"], 21), 8)[0]
    node = store.place(child, 12)[0]
    first = struct.unpack_from(">I", data, node + 12)[0]
    # the first leaf names itself as the next one
    struct.pack_into(">I", data, store.place(first, 12)[0] + 4, first)
    with pytest.raises(BomError, match="damaged"):
        bom.read(bytes(data))


def test_a_parent_that_is_its_own_is_refused() -> None:
    data = bytearray(bom.write([ITEMS[0], Item("xyz", 0o100644)]))
    place = data.index(b"xyz\0")
    struct.pack_into(">I", data, place - 4, 2)
    with pytest.raises(BomError, match="damaged"):
        bom.read(bytes(data))


def test_mutated_files_are_read_or_refused() -> None:
    random_ = random.Random(20261124)
    original = bom.write(ITEMS)
    outcomes = {"read": 0, "refused": 0}
    sentences: set[str] = set()
    for _ in range(2500):
        data = bytearray(original)
        for _ in range(random_.randint(1, 3)):
            # lengths and numbers lie at both ends; the nodes between are mostly empty
            place = random_.choice(
                [random_.randrange(700), random_.randrange(len(data)), -random_.randint(1, 900)]
            )
            match random_.randrange(4):
                case 0:
                    data[place] ^= 1 << random_.randrange(8)
                case 1:
                    data[place] = random_.choice([0, 1, 0x7F, 0xFF])
                case 2:
                    del data[place:]
                case 3:
                    data[place:place] = random_.randbytes(4)
            if len(data) < 1000:
                break
        try:
            found = bom.read(bytes(data))
            assert all(".." not in item.path.split("/") for item in found.items)
            outcomes["read"] += 1
        except BomError as error:
            outcomes["refused"] += 1
            sentences.add(str(error))
    assert min(outcomes.values()) > 100, outcomes
    assert all(sentence and "\n" not in sentence for sentence in sentences)
