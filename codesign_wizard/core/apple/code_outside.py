"""What lies outside every signature, where Apple's strict validation lets nothing lie.

Bytes behind or between the images of a program, files beside what a bundle seals, links that leave it.
Source: Security framework, ``macho++.cpp`` (``validateStructure``, gaps between architectures),
``bundlediskrep.cpp`` (``validateFrameworkRoot``, ``validateMetaDirectory``), ``StaticCode.cpp``
(``validateSymlinkResource``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.apple import bundle as layout
from codesign_wizard.core.apple.macho import Binary

_CHUNK = 1 << 20
_BESIDE_CONTENTS = re.compile(r"\.LSOverride|\.DS_Store|Icon\r|\.SoftwareDepot\.tracking")
_DETACHED = re.compile(r"Code(Directory(-[0-9])?|Requirements(-[0-9])?|Signature|Entitlements|RepSpecific)")
_STORE = ".DS_Store"


def attached(file: BinaryIO, binary: Binary) -> int | None:
    """Return where in the open *file* bytes lie that belong to no image, ``None`` when there are none.

    An image ends with its segment __LINKEDIT; zeros between images are how they are aligned.
    """
    for image in binary.images:
        linkedit = image.segment("__LINKEDIT")
        if image.signature is not None and linkedit is not None:
            end = linkedit.file_offset + linkedit.file_size
            if end != image.size:
                return image.offset + min(end, image.size)
    if not binary.universal:
        return None
    end = 8 + len(binary.images) * (32 if binary.wide else 20)
    for image in sorted(binary.images, key=lambda each: each.offset):
        if _holds_something(file, end, image.offset):
            return end
        end = image.offset + image.size
    return end if end < binary.size else None


def _holds_something(file: BinaryIO, start: int, end: int) -> bool:
    file.seek(start)
    while start < end:
        chunk = file.read(min(_CHUNK, end - start))
        if not chunk or chunk.strip(b"\0"):
            return True
        start += len(chunk)
    return False


def unsealed(folder: Path) -> Iterator[str]:
    """Yield the paths below the bundle *folder* that no seal covers and Apple does not allow beside it.

    Raises ``OSError``.
    """
    if layout.is_folder(folder / "Contents"):
        yield from _app_root(folder)
        yield from _meta(folder / "Contents", "Contents/")
    elif (folder / "Versions" / "Current").is_symlink():
        yield from _framework_root(folder)
        for version in os.scandir(folder / "Versions"):
            if version.is_dir(follow_symlinks=False):
                yield from _meta(Path(version.path), f"Versions/{version.name}/")
    else:
        yield from _meta(folder, "")


def _app_root(folder: Path) -> Iterator[str]:
    for each in sorted(os.scandir(folder), key=lambda each: each.name):
        plain = each.is_file(follow_symlinks=False)
        if each.name != "Contents" and not (plain and _BESIDE_CONTENTS.fullmatch(each.name)):
            yield each.name


def _framework_root(folder: Path) -> Iterator[str]:
    current = str((folder / "Versions" / "Current").readlink())
    versions = ("Current", current.removeprefix("./"))
    for each in sorted(os.scandir(folder), key=lambda each: each.name):
        if each.name == "Versions" or (
            each.name in (_STORE, "module.map") and each.is_file(follow_symlinks=False)
        ):
            continue
        # a link must lead to its namesake in the current version
        target = str(Path(each.path).readlink()).removeprefix("./") if each.is_symlink() else ""
        if target not in {f"Versions/{version}/{each.name}" for version in versions}:
            yield each.name
    for each in sorted(os.scandir(folder / "Versions"), key=lambda each: each.name):
        if not each.is_dir(follow_symlinks=False) and each.name not in ("Current", _STORE):
            yield f"Versions/{each.name}"


def _meta(root: Path, prefix: str) -> Iterator[str]:
    """Yield what else lies in ``_CodeSignature``, which is not sealed itself."""
    folder = root / layout.SIGNATURE_FOLDER
    if not layout.is_folder(folder):
        return
    for each in sorted(os.scandir(folder), key=lambda each: each.name):
        known = each.name == layout.RESOURCES_FILE or _DETACHED.fullmatch(each.name) is not None
        if not known or not each.is_file(follow_symlinks=False):
            yield f"{prefix}{layout.SIGNATURE_FOLDER}/{each.name}"


def leads_out(link: Path, target: str, top: Path) -> bool:
    """Tell whether the *link*, which names *target*, leaves the outermost bundle *top*.

    Absolute targets are allowed in ``/System`` and ``/Library`` alone.
    """
    if target.startswith("/"):
        return not os.path.normpath(target).startswith(("/System/", "/Library/"))
    place = os.path.normpath(link.parent / target)
    return os.path.commonpath((place, top)) != str(top)


def leads_nowhere(link: Path, target: str, top: Path) -> bool:
    """Tell whether the *link*, which names *target*, ends at nothing in the outermost bundle *top*.

    Other links on its way are followed. An absolute target is on the customer's Mac, and cannot be told here.
    """
    if target.startswith("/"):
        return False
    try:
        place = Path(os.path.realpath(link, strict=True))
    except (OSError, ValueError):
        return True  # nothing is there, or links lead in a circle
    return not place.is_relative_to(os.path.realpath(top))
