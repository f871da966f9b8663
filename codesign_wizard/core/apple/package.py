"""macOS packages: component packages and product archives, opened, changed inside, and built again.

A component holds ``PackageInfo``, ``Bom``, ``Payload`` and perhaps ``Scripts``; a product archive holds
``Distribution`` and components in folders. Sources: Apple, "Distribution Definition XML"; hogliux/bomutils,
"Making macOS installer packages"; indygreg/apple-platform-rs, ``apple-flat-package``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from codesign_wizard.core.apple import bom, payload, xar_write, xml_tree
from codesign_wizard.core.apple.bom import Bom, BomError
from codesign_wizard.core.apple.cpio import CpioError
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.tree import Tree, Written
from codesign_wizard.core.apple.xar import Entry, Xar, XarError
from codesign_wizard.core.apple.xml_tree import Node, XmlError
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

MAXIMUM_XML = 8 << 20
MAXIMUM_COMPONENTS = 1000
# of all descriptions together, which stay in memory
_MAXIMUM_TEXT = 32 << 20
_LEAST_FREE = 8 << 20
_CHUNK = 1 << 20


class PackageError(ValueError):
    """The package does not hold; the text says why, for a person."""


BROKEN = (PackageError, XarError, CpioError, BomError, XmlError)


@dataclass(frozen=True)
class Component:
    """A component of a package. ``folder`` is its place in the archive, "" when the package is one itself."""

    folder: str
    identifier: str
    version: str
    install_location: str
    info: Node = field(repr=False)

    @property
    def name(self) -> str:
        """What to call it: its folder, or else its identifier."""
        return self.folder or self.identifier

    def member(self, name: str) -> str:
        """Return the path of *name* (``Payload``) in the archive."""
        return f"{self.folder}/{name}" if self.folder else name


class Package:
    """A package opened for reading; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open and read what describes it; raises ``OSError``, ``PackageError`` and ``XarError``."""
        self.archive = Xar(path)
        self._text, self._nodes = _MAXIMUM_TEXT, xml_tree.MAXIMUM_NODES
        try:
            self.distribution = self._xml("Distribution")
            self.components = list(self._components())
        except BaseException:
            self.archive.close()
            raise
        if not self.components and self.distribution is None:
            self.archive.close()
            raise PackageError(tr("it is a xar archive, but no package"))

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.archive.close()

    @property
    def is_product(self) -> bool:
        """Whether it is a product archive."""
        return self.distribution is not None

    def _xml(self, path: str) -> Node | None:
        entry = self.archive.get(path)
        if entry is None:
            return None
        try:
            data = self.archive.read(entry, min(MAXIMUM_XML, self._text))
            root = xml_tree.parse(data, self._nodes)
            self._text -= len(data)
            self._nodes -= sum(1 for _ in root.walk())
            return root
        except XmlError as error:
            raise PackageError(
                tr("{name} cannot be read: {why}").format(name=shown(path), why=error)
            ) from error

    def _components(self) -> Iterator[Component]:
        count = 0
        for entry in self.archive.entries:
            folder, _, name = entry.path.rpartition("/")
            if name != "PackageInfo" or "/" in folder:
                continue
            count += 1
            if count > MAXIMUM_COMPONENTS:
                raise PackageError(tr("it has more components than any package"))
            info = self._xml(entry.path)
            if info is None or info.tag != "pkg-info":
                raise PackageError(
                    tr("{name} is no description of a component").format(name=shown(entry.path))
                )
            values = info.attributes
            yield Component(
                folder,
                values.get("identifier", ""),
                values.get("version", ""),
                values.get("install-location", "/"),
                info,
            )

    def entry(self, component: Component, name: str) -> Entry | None:
        """Return a component's ``Payload``, ``Scripts`` or ``Bom``, or ``None``."""
        found = self.archive.get(component.member(name))
        return found if found is not None and found.data is not None else None

    @contextmanager
    def unpacked(self, entry: Entry) -> Iterator[BinaryIO]:
        """Open the cpio archive inside *entry*; reading raises ``CpioError`` and ``XarError``."""
        size = 0 if entry.data is None else entry.data.length
        with self.archive.open(entry) as stream:
            free = max(payload.FREE // max(len(self.components), 1), _LEAST_FREE)
            yield payload.open_payload(stream, size, free)

    def bom(self, component: Component) -> Bom | None:
        """Return the bill of materials, or ``None`` where there is none.

        Raises ``BomError`` and ``XarError``.
        """
        entry = self.entry(component, "Bom")
        return None if entry is None else bom.read(self.archive.read(entry, bom.MAXIMUM_SIZE))

    def extract(self, job: JobContext, component: Component, part: str, folder: Path) -> Tree | None:
        """Unpack a component's *part* (``Payload`` or ``Scripts``) into the empty *folder*.

        Returns what was unpacked, or ``None`` where the component has no such part. Raises ``CpioError`` for
        what is damaged or leads elsewhere, ``XarError``, ``OSError``, ``Cancelled``.
        """
        entry = self.entry(component, part)
        if entry is None:
            return None
        tree = Tree(folder)
        with self.unpacked(entry) as stream:
            tree.extract(job, stream)
            # what follows the trailer is read too, so that the digests are checked
            while stream.read(_CHUNK):
                job.check_cancelled()
        return tree


Change = Callable[[Component, str, Tree], None]


def rebuild(
    job: JobContext,
    package: Package,
    spool: BinaryIO,
    change: Change,
    *,
    work: Path | None = None,
    plain: bool = False,
) -> Node:
    """Unpack each component, let *change* change its files, and pack everything again into *spool*.

    *change* is called with the component, ``Payload`` or ``Scripts``, and the tree whose folder it may write
    to; it may raise. Returns the new table of contents, whose offsets count from the start of *spool*; former
    signatures are gone. *work* is where folders are made. Raises ``BROKEN``, ``OSError``, ``Cancelled``.
    """
    return _Rebuilding(job, package, xar_write.Heap(spool, plain=plain), change, work, plain).toc()


class _Rebuilding:
    def __init__(
        self,
        job: JobContext,
        package: Package,
        heap: xar_write.Heap,
        change: Change,
        work: Path | None,
        plain: bool,
    ) -> None:
        self.job, self.package, self.heap = job, package, heap
        self.change, self.work, self.plain = change, work, plain
        self.replaced: dict[str, Node] = {}
        self.kilobytes: dict[str, int] = {}
        self.paths = {id(entry.node): entry.path for entry in package.archive.entries}

    def toc(self) -> Node:
        for component in self.package.components:
            self._component(component)
        for entry in self.package.archive.entries:
            if entry.data is not None and entry.path not in self.replaced and entry.path != "Distribution":
                self._keep(entry)
        distribution = self.package.archive.get("Distribution")
        if distribution is not None and distribution.data is not None:
            text = self.package.archive.read(distribution, MAXIMUM_XML)
            for folder, size in self.kilobytes.items():
                text = _with_size(text, folder, size)
            self._put(distribution.path, text, packed=True)
        toc = self.package.archive.toc
        return Node("toc", dict(toc.attributes), toc.text, list(self._nodes(toc)))

    def _component(self, component: Component) -> None:
        package = self.package
        self._repack(component, "Scripts")
        repacked = self._repack(component, "Payload")
        if repacked is None:
            return
        tree, written = repacked
        self._bom(component, tree, written)
        size = sum(each.size for each in written.values())
        kilobytes = -(-size // 1024)
        info = package.archive.get(component.member("PackageInfo"))
        if info is not None:
            text = package.archive.read(info, MAXIMUM_XML)
            # the root itself is not counted
            text = _with_payload(text, len(tree.entries) - 1, kilobytes)
            self._put(info.path, text, packed=True)
        self.kilobytes[component.folder] = kilobytes

    def _repack(self, component: Component, part: str) -> tuple[Tree, dict[str, Written]] | None:
        with tempfile.TemporaryDirectory(prefix="codesign-wizard-", dir=self.work) as folder:
            tree = self.package.extract(self.job, component, part, Path(folder))
            if tree is None:
                return None
            self.change(component, part, tree)
            tree.refresh()
            sink = self.heap.sink(packed=False)
            with payload.GzipWriter(sink, plain=self.plain) as packer:
                written = tree.write(self.job, packer)
                packer.finish()
            self.replaced[component.member(part)] = xar_write.data_node(sink.finish())
            return tree, written

    def _bom(self, component: Component, tree: Tree, written: dict[str, Written]) -> None:
        entry = self.package.entry(component, "Bom")
        if entry is None:
            return
        data = self.package.archive.read(entry, bom.MAXIMUM_SIZE)
        former = bom.read(data)
        known = {item.path: item for item in former.items}
        items = tree.items(written, known)
        result = None
        if {item.path for item in items} == known.keys() and all(
            _same(item, known[item.path]) for item in items
        ):
            # only contents changed: Apple's own file stays, but for sizes and checksums
            files = {item.path: item for item in items if item.own_kind == bom.FILE}
            changed = {path: (item.size, item.checksum, item.slices) for path, item in files.items()}
            result = bom.update(data, changed)
        self._put(entry.path, bom.write(items, former.info) if result is None else result, packed=True)

    def _put(self, path: str, data: bytes, *, packed: bool) -> None:
        self.replaced[path] = xar_write.data_node(self.heap.add(self.job, [data], packed=packed))

    def _keep(self, entry: Entry) -> None:
        packed = entry.data is not None and entry.data.encoding != "application/octet-stream"
        data = self.heap.add(self.job, self.package.archive.chunks(entry), packed=packed)
        self.replaced[entry.path] = xar_write.data_node(data)

    def _nodes(self, node: Node) -> Iterator[Node]:
        """Yield copies of a node's children with each file's new place; extended attributes are left out."""
        for child in node.children:
            if child.tag == "file":
                yield Node("file", child.attributes, child.text, list(self._nodes(child)))
            elif child.tag == "data":
                yield self.replaced[self.paths[id(node)]]
            elif child.tag != "ea":
                yield child


def _same(new: bom.Item, old: bom.Item) -> bool:
    if new.own_kind != old.own_kind or new.link != old.link:
        return False
    # the mode of a root that Apple's tools made up is 0
    return not old.mode or (new.mode, new.uid, new.gid) == (old.mode, old.uid, old.gid)


def _with_payload(text: bytes, files: int, kilobytes: int) -> bytes:
    """Return a ``PackageInfo`` whose ``payload`` element has new numbers; all else stays, byte for byte."""

    def number(match: re.Match[bytes]) -> bytes:
        element = _with_attribute(match.group(), b"numberOfFiles", files)
        return _with_attribute(element, b"installKBytes", kilobytes)

    return re.sub(rb"<payload\b[^<>]*>", number, text, count=1)


def _with_size(text: bytes, folder: str, kilobytes: int) -> bytes:
    """Return a ``Distribution`` whose reference to the component in *folder* has a new size."""
    name = re.escape(folder.encode())
    pattern = rb"<pkg-ref\b[^<>]*>(?=\s*#?" + name + rb"\s*</pkg-ref>)"
    return re.sub(pattern, lambda match: _with_attribute(match.group(), b"installKBytes", kilobytes), text)


def _with_attribute(element: bytes, name: bytes, value: int) -> bytes:
    return re.sub(rb"(\s" + name + rb"\s*=\s*[\"'])\d*", rb"\g<1>%d" % value, element, count=1)
