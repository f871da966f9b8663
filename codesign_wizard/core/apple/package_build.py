"""Making a product archive from scratch: component packages with their descriptions, and a Distribution.

What Installer insists on is in hogliux/bomutils' issues 18 and 43: ``Payload`` and ``Scripts`` are not packed
a second time, and a component is referred to by ``#`` and the name of its folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from codesign_wizard.core.apple import bom, payload, xar_write, xml_tree
from codesign_wizard.core.apple.tree import Tree, Written
from codesign_wizard.core.apple.xar import Data
from codesign_wizard.core.apple.xar_write import Heap
from codesign_wizard.core.apple.xml_tree import Node
from codesign_wizard.core.job import JobContext

_COMPONENT_MODE = 0o700
_FILE_MODE = 0o644


@dataclass(frozen=True)
class Bundle:
    """A bundle in a payload: path from the payload's root, identifier, and its two versions."""

    path: str
    identifier: str
    short_version: str
    version: str


@dataclass(frozen=True)
class ComponentPlan:
    """A component to be made: ``name`` is its folder, ending in ``.pkg``, ``tree`` what it installs."""

    name: str
    identifier: str
    version: str
    install_location: str
    tree: Tree
    bundles: Sequence[Bundle] = ()
    scripts: Tree | None = None


@dataclass(frozen=True)
class ProductPlan:
    """A product archive to be made. ``architectures`` are Apple's names, ``minimum_os`` such as ``11.0``."""

    title: str
    components: Sequence[ComponentPlan]
    time: datetime
    architectures: Sequence[str] = ("x86_64", "arm64")
    minimum_os: str = "11.0"


def build(job: JobContext, heap: Heap, plan: ProductPlan, *, plain: bool = False) -> Node:
    """Write the product's files to *heap* and return its table of contents.

    Equal plans give equal bytes; with *plain* also on every system. Raises ``CpioError``, ``BomError``,
    ``OSError`` and ``Cancelled``.
    """
    numbers = iter(range(1, 1 << 30))

    def node(name: str, data: Data | None, mode: int = _FILE_MODE) -> Node:
        return xar_write.file_node(next(numbers), name, data, mode=mode, time=plan.time)

    files = []
    sizes = []
    for component in plan.components:
        folder = node(component.name, None, _COMPONENT_MODE)
        size, members = _component(job, heap, component, plain)
        folder.children += [node(name, data) for name, data in members]
        files.append(folder)
        sizes.append(size)
    text = xml_tree.write(distribution(plan, sizes))
    files.append(node("Distribution", heap.add(job, [text], packed=True)))
    return xar_write.new_toc(files, plan.time)


def _component(
    job: JobContext, heap: Heap, plan: ComponentPlan, plain: bool
) -> tuple[int, list[tuple[str, Data]]]:
    """Return the installed size in bytes, and the members in the heap."""
    data, written = _packed(job, heap, plan.tree, plain)
    members = [("Payload", data)]
    if plan.scripts is not None:
        members.append(("Scripts", _packed(job, heap, plan.scripts, plain)[0]))
    listed = bom.write(plan.tree.items(written, {}))
    members.insert(0, ("Bom", heap.add(job, [listed], packed=True)))
    size = sum(each.size for each in written.values())
    info = xml_tree.write(package_info(plan, size))
    members.append(("PackageInfo", heap.add(job, [info], packed=True)))
    return size, members


def _packed(job: JobContext, heap: Heap, tree: Tree, plain: bool) -> tuple[Data, dict[str, Written]]:
    sink = heap.sink(packed=False)
    with payload.GzipWriter(sink, plain=plain) as packer:
        written = tree.write(job, packer)
        packer.finish()
    return sink.finish(), written


def package_info(plan: ComponentPlan, size: int) -> Node:
    """Return the ``PackageInfo`` of a component that installs *size* bytes."""
    root = Node(
        "pkg-info",
        {
            "overwrite-permissions": "true",
            "relocatable": "false",
            "identifier": plan.identifier,
            "postinstall-action": "none",
            "version": plan.version,
            "format-version": "2",
            "install-location": plan.install_location,
            "auth": "root",
        },
    )
    # the root itself is not counted
    root.add("payload", numberOfFiles=str(len(plan.tree.entries) - 1), installKBytes=str(-(-size // 1024)))
    for bundle in plan.bundles:
        root.children.append(_bundle(bundle))
    if plan.bundles:
        for tag in ("bundle-version", "upgrade-bundle", "strict-identifier"):
            inside = root.add(tag)
            for bundle in plan.bundles:
                inside.add("bundle", id=bundle.identifier)
    if plan.scripts is not None:
        scripts = root.add("scripts")
        for name in ("preinstall", "postinstall"):
            if name in plan.scripts.entries:
                scripts.add(name, file=f"./{name}")
    return root


def _bundle(bundle: Bundle) -> Node:
    attributes = {
        "path": f"./{bundle.path}",
        "id": bundle.identifier,
        "CFBundleShortVersionString": bundle.short_version,
        "CFBundleVersion": bundle.version,
    }
    return Node("bundle", attributes)


def distribution(plan: ProductPlan, sizes: Sequence[int]) -> Node:
    """Return the ``Distribution`` of a product whose components install *sizes* bytes."""
    root = Node("installer-gui-script", {"minSpecVersion": "2"})
    root.add("title", plan.title)
    options = {
        "customize": "never",
        "require-scripts": "false",
        "hostArchitectures": ",".join(plan.architectures),
    }
    root.children.append(Node("options", options))
    root.add("volume-check").add("allowed-os-versions").add("os-version", min=plan.minimum_os)
    outline = root.add("choices-outline").add("line", choice="default")
    root.add("choice", id="default", title=plan.title)
    for component, size in zip(plan.components, sizes, strict=True):
        outline.add("line", choice=component.identifier)
        choice = root.add("choice", id=component.identifier, title=plan.title, visible="false")
        choice.add("pkg-ref", id=component.identifier)
        attributes = {
            "id": component.identifier,
            "version": component.version,
            "onConclusion": "none",
            "installKBytes": str(-(-size // 1024)),
        }
        root.children.append(Node("pkg-ref", attributes, f"#{component.name}"))
    return root
