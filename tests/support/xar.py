"""Small xar archives for tests."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from codesign_wizard.core.apple import xar_write
from codesign_wizard.core.apple.xml_tree import Node
from codesign_wizard.core.job import Job

TIME = datetime(2026, 11, 24, tzinfo=UTC)


def build(path: Path, files: dict[str, tuple[bytes, bool]], *, plain: bool = False) -> None:
    """Write an unsigned archive; a file is (bytes, packed), and its path may have folders."""
    spool = io.BytesIO()
    heap = xar_write.Heap(spool, plain=plain)
    top: list[Node] = []
    folders: dict[str, Node] = {}
    for number, (name, (data, packed)) in enumerate(files.items(), 1):
        place = heap.add(Job(), [data], packed=packed)
        folder, _, leaf = name.rpartition("/")
        node = xar_write.file_node(number, leaf, place, mode=0o644, time=TIME)
        if not folder:
            top.append(node)
            continue
        if folder not in folders:
            folders[folder] = xar_write.file_node(1000 + number, folder, None, mode=0o700, time=TIME)
            top.append(folders[folder])
        folders[folder].children.append(node)
    table = xar_write.settle(xar_write.new_toc(top, TIME), lambda offset: offset, (), plain=plain)
    with path.open("wb") as target:
        xar_write.write(target, table, (), ())
        target.write(spool.getvalue())
