"""Small macOS packages for tests: a component with folders, a program, links and scripts in a product."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from pathlib import Path

from codesign_wizard.core.apple import package_build, xar_write
from codesign_wizard.core.apple.cpio import Entry
from codesign_wizard.core.apple.package_build import Bundle, ComponentPlan, ProductPlan
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.job import Job

TIME = datetime(2026, 11, 24, tzinfo=UTC)


def universal(first: bytes = b"x" * 5000, second: bytes = b"y" * 4000) -> bytes:
    """Return a universal file of two parts that are no programs."""
    parts = [(0x1000007, 3, 4096, len(first)), (0x100000C, 0, 16384, len(second))]
    head = struct.pack(">II", 0xCAFEBABE, 2) + b"".join(struct.pack(">IIIII", *part, 12) for part in parts)
    return (head.ljust(4096, b"\0") + first).ljust(16384, b"\0") + second


FILES: dict[str, tuple[int, bytes, str]] = {
    ".": (0o40755, b"", ""),
    "Some App.app": (0o40775, b"", ""),
    "Some App.app/Contents": (0o40775, b"", ""),
    "Some App.app/Contents/MacOS": (0o40755, b"", ""),
    "Some App.app/Contents/MacOS/program": (0o100755, universal(), ""),
    "Some App.app/Contents/Größe.txt": (0o100664, b"hello", ""),
    "Some App.app/Contents/empty": (0o100600, b"", ""),
    "Some App.app/Contents/setuid": (0o104755, b"#!/bin/sh\n", ""),
    "Some App.app/Contents/Current": (0o120755, b"", "MacOS"),
    "Some App.app/Contents/outside": (0o120755, b"", "/usr/local/bin"),
}


def tree(files: dict[str, tuple[int, bytes, str]], *, gid: int = 80) -> Tree:
    """Return a tree in memory; a file is (mode, contents, link)."""
    result = Tree()
    for path, (mode, data, link) in files.items():
        result.add(Entry(path, mode, 0, gid, 1_700_000_000, link=link), data)
    return result


def component(files: dict[str, tuple[int, bytes, str]] | None = None, name: str = "one") -> ComponentPlan:
    """Return the plan of a component with a postinstall script."""
    return ComponentPlan(
        f"{name}.pkg",
        f"com.example.{name}",
        "1.2",
        "/Applications",
        tree(FILES if files is None else files),
        [Bundle("Some App.app", "com.example.app", "1.2", "3")],
        tree({".": (0o40755, b"", ""), "postinstall": (0o100755, b"#!/bin/sh\nexit 0\n", "")}, gid=0),
    )


def product(path: Path, *components: ComponentPlan, plain: bool = False) -> Path:
    """Write an unsigned product archive and return its path."""
    spool = io.BytesIO()
    plan = ProductPlan("Some & App", components or (component(),), TIME)
    toc = package_build.build(Job(), xar_write.Heap(spool, plain=plain), plan, plain=plain)
    table = xar_write.settle(toc, lambda offset: offset, (), plain=plain)
    with path.open("wb") as target:
        xar_write.write(target, table, (), ())
        target.write(spool.getvalue())
    return path
