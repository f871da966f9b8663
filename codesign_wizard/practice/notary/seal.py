"""A bundle's files, compared with the list that its signature seals (Security framework, resources.cpp)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codesign_wizard.core.apple import bundle, code_directory, code_resources, macho, superblob
from codesign_wizard.core.apple.bundle import Bundle, BundleError
from codesign_wizard.core.apple.code_resources import Resources, Rule, Sealed
from codesign_wizard.practice.notary.code import Surroundings

_MAXIMUM_FILES = 200_000
_CHUNK = 1 << 20
# what signing and stapling add, and what no seal covers
_OUTSIDE = ("_CodeSignature/", "_MASReceipt/", "CodeResources")


@dataclass(frozen=True)
class _Item:
    path: str
    place: Path


def surroundings(found: Bundle) -> Surroundings:
    """Return what the signature of the bundle's main program seals; raises ``OSError``."""
    try:
        data = found.resources_file.read_bytes() if bundle.is_file(found.resources_file) else None
    except OSError:
        data = None
    intact = data is None or _intact(found, data)
    return Surroundings(found.info_data, data, intact)


def _intact(found: Bundle, data: bytes) -> bool:
    try:
        seal = code_resources.parse(data)
    except code_resources.ResourcesError:
        return False
    if not seal.files2:
        return not seal.files  # version 1 seals are refused since macOS 10.10
    missing = set(seal.files2)
    nested = {path for path, each in seal.files2.items() if each.cdhash}
    count = 0
    for item in _files(found.root):
        count += 1
        if count > _MAXIMUM_FILES:
            return False
        if item.path == found.executable or item.path.startswith(_OUTSIDE):
            continue
        inside = next((path for path in nested if item.path.startswith(f"{path}/")), None)
        if inside is not None:
            missing.discard(inside)
            continue
        sealed = seal.files2.get(item.path)
        if sealed is None:
            if not _left_out(seal, item.path):
                return False
            continue
        missing.discard(item.path)
        if not _fits(item.place, sealed):
            return False
    if any(not seal.files2[path].optional for path in missing):
        return False
    return all(_nested_fits(found.root.joinpath(*path.split("/")), seal.files2[path]) for path in nested)


def _files(root: Path) -> Iterator[_Item]:
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*files, *links]):
            yield _Item(f"{prefix}{name}", Path(folder) / name)


def _left_out(seal: Resources, path: str) -> bool:
    """Tell whether no rule wants the file sealed: the strongest one that fits decides."""
    fitting = [rule for rule in seal.rules2 if _fits_rule(rule, path)]
    if not fitting:
        return True
    return max(fitting, key=lambda rule: rule.weight).omit


def _fits_rule(rule: Rule, path: str) -> bool:
    # only patterns as Apple's tools write them; a slow one would hold the notary up
    if len(rule.pattern) > 200 or rule.pattern.count("*") > 3:
        return False
    try:
        return re.search(rule.pattern, path) is not None
    except re.error:
        return False


def _fits(place: Path, sealed: Sealed) -> bool:
    if place.is_symlink():
        return sealed.link is not None and str(place.readlink()) == sealed.link
    if sealed.cdhash:
        return True  # looked at below
    if sealed.link is not None or not place.is_file():
        return False
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    return digest.digest() == sealed.hash2


def _nested_fits(place: Path, sealed: Sealed) -> bool:
    """Tell whether nested code is the one that was sealed, by the hash of one of its code directories."""
    try:
        program = bundle.open_bundles(place)[-1].program if place.is_dir() else place
        return sealed.cdhash in set(_cdhashes(program))
    except (BundleError, OSError, macho.MachoError, superblob.BlobError):
        return False


def _cdhashes(program: Path) -> Iterator[bytes]:
    with program.open("rb") as file:
        for image in macho.read(file).images:
            if image.signature is None:
                continue
            blobs = superblob.parse(macho.signature_data(file, image))
            for slot in (superblob.SLOT_CODE_DIRECTORY, *superblob.SLOT_ALTERNATES):
                if slot in blobs:
                    yield code_directory.parse(blobs[slot]).cdhash
