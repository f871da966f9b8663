"""One program, judged by the rules that Apple publishes for notarisation, architecture by architecture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from codesign_wizard.core.apple import code_directory, entitlements, macho, superblob
from codesign_wizard.core.apple.code_directory import CodeDirectory
from codesign_wizard.core.apple.macho import Image
from codesign_wizard.practice.der import DerError
from codesign_wizard.practice.notary import cms, issues
from codesign_wizard.practice.notary.issues import Issue, Ticketed

_APPLICATION = "1.2.840.113635.100.6.1.13"
_HASHES_PLIST = "1.2.840.113635.100.9.1"
_OBJECT = 1  # MH_OBJECT: what compilers leave, which nobody runs
_MACOS = 1  # PLATFORM_MACOS
_OLDEST_SDK = 0x000A0900
_TASK = "com.apple.security.get-task-allow"
_TYPES = {1: 1, 2: 2, 3: 2, 4: 3}  # of a hash, in a CodeDirectory and in a record's name


@dataclass(frozen=True)
class Surroundings:
    """What a main program's signature seals besides itself; ``intact`` whether the files are as sealed."""

    info: bytes | None = None
    resources: bytes | None = None
    intact: bool = True


@dataclass
class Judgement:
    """What was found: issues for the log, and what a ticket would cover."""

    issues: list[Issue] = field(default_factory=list)
    ticketed: list[Ticketed] = field(default_factory=list)


def judge(path: Path, shown: str, trust: cms.Trust, around: Surroundings | None, now: datetime) -> Judgement:
    """Judge the Mach-O file *path*, which the log calls *shown*; raises ``OSError``.

    *around* is the bundle whose main program it is, if it is one.
    """
    result = Judgement()
    with path.open("rb") as file:
        try:
            binary = macho.read(file)
        except macho.MachoError:
            result.issues.append(Issue(shown, issues.INVALID))
            return result
        for image in binary.images:
            if image.file_type != _OBJECT:
                _Image(file, image, shown, trust, around, now, result).judge()
    return result


class _Image:
    def __init__(
        self,
        file: BinaryIO,
        image: Image,
        shown: str,
        trust: cms.Trust,
        around: Surroundings | None,
        now: datetime,
        result: Judgement,
    ) -> None:
        self.file, self.image, self.shown, self.trust = file, image, shown, trust
        self.around, self.now, self.result = around, now, result

    def judge(self) -> None:
        if 0 < self.image.sdk < _OLDEST_SDK and self.image.platform in (0, _MACOS):
            self._say(issues.OLD_SDK)
        if self.image.signature is None:
            self._say(issues.NOT_SIGNED)
            self._unstamped(None)
            return
        try:
            blobs = superblob.parse(macho.signature_data(self.file, self.image))
            directories = [
                code_directory.parse(blobs[slot])
                for slot in (superblob.SLOT_CODE_DIRECTORY, *superblob.SLOT_ALTERNATES)
                if slot in blobs
            ]
            if superblob.SLOT_CODE_DIRECTORY not in blobs:
                raise superblob.BlobError("no CodeDirectory")
        except (superblob.BlobError, macho.MachoError):
            self._say(issues.INVALID)
            return
        self._signer(blobs, directories)
        if not all(self._intact(each, blobs) for each in directories):
            self._say(issues.INVALID)
        self._entitlements(blobs)
        for each in directories:
            self.result.ticketed.append(
                Ticketed(self.shown, _TYPES[each.hash_type], each.cdhash, self.image.architecture)
            )

    def _say(self, message: str) -> None:
        self.result.issues.append(Issue(self.shown, message, self.image.architecture))

    def _unstamped(self, directory: CodeDirectory | None) -> None:
        self._say(issues.NO_TIMESTAMP)
        self._runtime(directory)

    def _runtime(self, directory: CodeDirectory | None) -> None:
        hardened = directory is not None and directory.flags & code_directory.FLAG_RUNTIME
        if self.image.is_executable and not hardened:
            self._say(issues.NO_RUNTIME)

    def _signer(self, blobs: dict[int, bytes], directories: list[CodeDirectory]) -> None:
        first = directories[0]
        data = b""
        if superblob.SLOT_CMS in blobs:
            try:
                data = superblob.content(blobs[superblob.SLOT_CMS], superblob.MAGIC_CMS)
            except superblob.BlobError:
                data = b""
        try:
            signature = cms.read(data) if data else None
        except cms.CmsError:
            signature = None
        if signature is None:
            self._say(issues.NOT_DEVELOPER_ID)
            self._unstamped(first)
            return
        stamped = self.trust.timestamp(signature)
        if not cms.holds(signature, first.encoded) or not _lists(signature, directories):
            self._say(issues.INVALID)
        elif not self.trust.developer_id(signature, _APPLICATION, stamped or self.now):
            self._say(issues.NOT_DEVELOPER_ID)
        if stamped is None:
            self._say(issues.NO_TIMESTAMP)
        self._runtime(first)

    def _intact(self, directory: CodeDirectory, blobs: dict[int, bytes]) -> bool:
        place = self.image.signature
        assert place is not None, "looked at before"
        if directory.code_limit != place.offset:
            return False
        if list(directory.hashes) != list(_pages(self.file, self.image, directory)):
            return False
        return all(
            self._special(directory, slot, blobs)
            for slot in {*directory.special, superblob.SLOT_REQUIREMENTS, superblob.SLOT_ENTITLEMENTS}
        )

    def _special(self, directory: CodeDirectory, slot: int, blobs: dict[int, bytes]) -> bool:
        given = directory.special.get(slot)
        if self.around is None and slot == superblob.SLOT_INFO:
            content = macho.embedded_info_plist(self.file, self.image)
            return content is not None and given == _hash(directory, content)
        if self.around is None and slot == superblob.SLOT_RESOURCES:
            return False  # signed as a bundle's main program, and there is no such bundle
        if self.around is not None and slot in (superblob.SLOT_INFO, superblob.SLOT_RESOURCES):
            content = self.around.info if slot == superblob.SLOT_INFO else self.around.resources
            sealed = slot != superblob.SLOT_RESOURCES or self.around.intact
            return content is not None and given == _hash(directory, content) and sealed
        content = blobs.get(slot)
        if content is None or given is None:
            return content is None and given is None
        return given == _hash(directory, content)

    def _entitlements(self, blobs: dict[int, bytes]) -> None:
        if superblob.SLOT_ENTITLEMENTS not in blobs or not self.image.is_executable:
            return
        try:
            data = superblob.content(blobs[superblob.SLOT_ENTITLEMENTS], superblob.MAGIC_ENTITLEMENTS)
            values = entitlements.parse(data)
        except (superblob.BlobError, entitlements.EntitlementsError):
            self._say(issues.INVALID)
            return
        if values.get(_TASK) is True:
            self._say(issues.DEBUGGABLE)


def _hash(directory: CodeDirectory, content: bytes) -> bytes:
    return hashlib.new(directory.digest, content).digest()[: directory.hash_size]


def _pages(file: BinaryIO, image: Image, directory: CodeDirectory) -> Iterator[bytes]:
    file.seek(image.offset)
    left = directory.code_limit
    size = directory.page_size or left
    while left > 0:
        page = hashlib.new(directory.digest)
        missing = min(size, left)
        left -= missing
        while missing:
            piece = file.read(min(missing, 1 << 20))
            if not piece:
                return
            page.update(piece)
            missing -= len(piece)
        yield page.digest()[: directory.hash_size]


def _lists(signature: cms.Signature, directories: list[CodeDirectory]) -> bool:
    """Tell whether the signed list of code directories, if there is one, names all that are there."""
    values = signature.attributes.get(_HASHES_PLIST)
    if values is None:
        return len(directories) == 1
    try:
        listed = entitlements.parse(values.children()[0].content)["cdhashes"]
    except (DerError, IndexError, KeyError, entitlements.EntitlementsError):
        return False
    return isinstance(listed, list) and all(each.cdhash in listed for each in directories)
