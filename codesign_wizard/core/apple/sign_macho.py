"""Signing a Mach-O file, thin or universal: unsigned, signed ad hoc by the linker, or signed before.

Files are streamed: memory holds the load commands and 32 bytes for every 4096 of code.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from codesign_wizard.core.apple import (
    certificates,
    code_cms,
    code_directory,
    entitlements,
    macho,
    macho_write,
    requirements,
    superblob,
)
from codesign_wizard.core.apple.code_directory import CodeDirectory
from codesign_wizard.core.apple.macho import Binary, Image
from codesign_wizard.core.authenticode.refusals import UNREADABLE, UNWRITABLE, describe
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import replacing, require_file
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper

_CHUNK = 1 << 20
_IDENTIFIER = re.compile(r"[^\0-\x1f\x7f]{1,255}")
_SUFFIXES = re.compile(r"(\.(app|framework|bundle|plugin|dylib|so|appex|xpc|kext))+$", re.I)
_VERSION = re.compile(r"(\.[0-9]+)+$")

NOT_MACHO = FindingKind(
    "apple.code.not-a-program",
    Severity.ERROR,
    "{file} is not a macOS program: {what}.",
    "The file is of another kind than Mach-O, so no code signature can be put into it.",
)
MALFORMED = FindingKind(
    "apple.code.malformed",
    Severity.ERROR,
    "{file} is damaged or cannot be signed: {why}.",
    "The file begins like a macOS program, but its load commands contradict each other or leave no room.",
)
BAD_OPTION = FindingKind(
    "apple.code.bad-option",
    Severity.ERROR,
    "The {name} cannot be put into a signature: {why}.",
    "An identifier is 1 to 255 characters; entitlements are a property list with a dictionary.",
)
NO_TIMESTAMP = FindingKind(
    "apple.code.no-timestamp",
    Severity.WARNING,
    "{file} has no time stamp, which notarisation asks for.",
    "The file was signed without a time stamp, as asked.",
)
GET_TASK_ALLOW = FindingKind(
    "apple.code.get-task-allow",
    Severity.WARNING,
    "{file} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.",
    "The entitlements hold com.apple.security.get-task-allow, which development builds have.",
)
NOT_HARDENED = FindingKind(
    "apple.code.not-hardened",
    Severity.WARNING,
    "{file} was signed without the hardened runtime, which notarisation asks for.",
    "The hardened runtime was switched off for this signature.",
)
TOO_LARGE = FindingKind(
    "apple.code.signature-too-large",
    Severity.ERROR,
    "The signature of {file} is larger than the room that was kept for it.",
    "The time stamp or the certificates take more bytes than expected.",
)


@dataclass(frozen=True)
class SignedSlice:
    """One architecture's signature: the hash that identifies it, in hex, and its length in the file."""

    architecture: str
    cdhash: str
    signature_size: int


@dataclass(frozen=True)
class SignedCode:
    """What was written. ``requirement`` is the designated one as text; ``size`` in bytes."""

    path: Path
    size: int
    identifier: str
    team: str
    slices: list[SignedSlice]
    requirement: str
    requirement_blob: bytes
    signer_subject: str
    timestamp: Timestamp | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def cdhash(self) -> str:
        """The first architecture's hash, which a bundle seals nested code by."""
        return self.slices[0].cdhash


@dataclass(frozen=True)
class _Wish:
    signer: Signer
    chain: list[x509.Certificate]
    identifier: str
    team: str
    entitlements: bytes | None
    hardened: bool
    timestamp: Timestamper | None
    info_plist: bytes | None
    resources: bytes | None
    requirement: requirements.Expression
    time: datetime


def sign_macho(
    job: JobContext,
    source: Path,
    target: Path,
    signer: Signer,
    *,
    identifier: str = "",
    entitlements: bytes | None = None,
    hardened_runtime: bool = True,
    timestamp: Timestamper | None,
    info_plist: bytes | None = None,
    resources: bytes | None = None,
    roots: AppleRoots | None = None,
    time: datetime | None = None,
) -> SignedCode:
    """Sign *source* into *target* (they may be the same) and return what was written.

    *identifier* is else taken from the Info.plist, a former signature or the file's name. *entitlements* is a
    property list; ``None`` keeps those of a former signature, ``b""`` leaves none. *info_plist* and
    *resources* are the octets of a bundle's Info.plist and CodeResources. *time* is the signing time, else
    now. Raises ``InputError`` for a file that cannot be signed, ``CodesignError`` when the key or every
    time-stamp server refuses, ``Cancelled``; *target* is then what it was before.
    """
    _check_options(identifier, entitlements)
    moment = (time or datetime.now(UTC)).replace(microsecond=0)
    try:
        require_file(source)
        mode = stat.S_IMODE(source.stat().st_mode)
        with source.open("rb") as file:
            binary = read_binary(file, source)
            former = _former(file, binary)
            info = info_plist or _embedded(file, binary)
            name = identifier or _identifier(source, info, former)
            chain = code_cms.full_chain(signer, moment, roots)
            team = certificates.team(chain[0])
            wish = _Wish(
                signer,
                chain,
                name,
                team,
                former_entitlements(former) if entitlements is None else entitlements or None,
                hardened_runtime,
                timestamp,
                info_plist,
                resources,
                designated(name, chain[0]),
                moment,
            )
            try:
                with replacing(target.resolve()) as draft:
                    with draft.open("r+b") as out:
                        signed = _signed(job, file, out, binary, target, wish)
                        out.flush()
                        os.fsync(out.fileno())
                    os.chmod(draft, mode)
                os.chmod(target, mode)
            except OSError as error:
                raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error
            return signed
    except macho.MachoError as error:
        raise InputError(malformed(source, str(error))) from error
    except superblob.BlobError as error:
        raise InputError(malformed(source, str(error))) from error
    except OSError as error:
        raise InputError(UNREADABLE(file=source.name, why=error.strerror or str(error))) from error


def read_binary(file: BinaryIO, path: Path) -> Binary:
    """Return the Mach-O in the open *file*; raises ``InputError`` naming what it is instead."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(8)
    if not macho.is_macho(start):
        raise InputError(NOT_MACHO(file=path.name, what=describe(file, size), certainty=Certainty.COMPUTED))
    try:
        return macho.read(file)
    except macho.MachoError as error:
        raise InputError(malformed(path, str(error))) from error


def malformed(path: Path, why: str) -> Finding:
    """Return the finding for a program that contradicts itself or has no room."""
    return MALFORMED(
        file=path.name,
        why=why,
        certainty=Certainty.COMPUTED,
        remedies=[Remedy(title=tr("Build or download the file again."))],
    )


def designated(identifier: str, leaf: x509.Certificate) -> requirements.Expression:
    """Return the designated requirement that Apple's tool would give code signed by *leaf*."""
    team = certificates.team(leaf)
    if team and certificates.classify(leaf) is certificates.Kind.APPLICATION:
        return requirements.developer_id(identifier, team)
    return requirements.self_reference(identifier, leaf)


def _check_options(identifier: str, plist: bytes | None) -> None:
    if identifier and not _IDENTIFIER.fullmatch(identifier):
        why = tr("it is longer than 255 characters or has control characters")
        raise InputError(BAD_OPTION(name=tr("identifier"), why=why))
    if plist:
        try:
            entitlements.to_der(entitlements.parse(plist))
        except entitlements.EntitlementsError as error:
            raise InputError(BAD_OPTION(name=tr("entitlements"), why=str(error))) from error


def _former(file: BinaryIO, binary: Binary) -> dict[int, bytes]:
    """Return the blobs of the first readable former signature."""
    for image in binary.images:
        try:
            data = macho.signature_data(file, image)
            if data:
                return superblob.parse(data)
        except (macho.MachoError, superblob.BlobError):
            continue  # it is replaced anyway
    return {}


def former_entitlements(blobs: dict[int, bytes]) -> bytes | None:
    """Return the entitlements of a former signature, if they can be read and hold anything."""
    try:
        plist = superblob.content(blobs.get(superblob.SLOT_ENTITLEMENTS, b""), superblob.MAGIC_ENTITLEMENTS)
        value = entitlements.parse(plist)
        entitlements.to_der(value)
    except superblob.BlobError:
        return None
    return plist if value else None


def _embedded(file: BinaryIO, binary: Binary) -> bytes | None:
    for image in binary.images:
        found = macho.embedded_info_plist(file, image)
        if found is not None:
            return found
    return None


def _identifier(source: Path, info: bytes | None, former: dict[int, bytes]) -> str:
    if info:
        name = info_value(info, "CFBundleIdentifier")
        if name and _IDENTIFIER.fullmatch(name):
            return name
    try:
        directory = code_directory.parse(former.get(superblob.SLOT_CODE_DIRECTORY, b""))
        # a linker makes its names up
        if not directory.flags & code_directory.FLAG_LINKER_SIGNED and _IDENTIFIER.fullmatch(
            directory.identifier
        ):
            return directory.identifier
    except superblob.BlobError:
        pass  # a former signature that cannot be read names nothing
    return name_of(source)


def name_of(source: Path) -> str:
    """Return the identifier that a file's name gives: without known suffixes and version numbers."""
    name = _VERSION.sub("", _SUFFIXES.sub("", source.name)) or source.name
    return name if _IDENTIFIER.fullmatch(name) else "code"


def info_value(info: bytes, key: str) -> str:
    """Return a text from an Info.plist, or "" when it is not there or the plist cannot be read."""
    try:
        document: Any = entitlements.parse_plist(info)
    except entitlements.EntitlementsError:
        return ""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""


def _signed(
    job: JobContext, file: BinaryIO, out: BinaryIO, binary: Binary, target: Path, wish: _Wish
) -> SignedCode:
    for image in binary.images:
        if image.file_type == macho.MH_OBJECT:
            raise macho.MachoError(tr("it is an object file for a linker, which is not signed"))
        _check_tail(file, image)
    room = code_cms.room(wish.chain, timestamp=wish.timestamp is not None)
    fixed = [_fixed_blobs(image, wish) for image in binary.images]
    special = [
        _special(blobs, wish, wish.info_plist or macho.embedded_info_plist(file, image))
        for image, blobs in zip(binary.images, fixed, strict=True)
    ]
    plans = [
        macho_write.plan(image, _room(image, blobs, max(hashes, default=0), wish) + room)
        for image, blobs, hashes in zip(binary.images, fixed, special, strict=True)
    ]
    places = macho_write.place(binary, plans)
    out.write(macho_write.table(binary, plans, places))
    total = sum(plan.signature_offset for plan in plans)
    done = 0
    slices: list[SignedSlice] = []
    stamp: Timestamp | None = None
    findings: list[Finding] = []
    for number, (image, blobs, plan, place) in enumerate(
        zip(binary.images, fixed, plans, places, strict=True)
    ):
        job.stage("hash", StageState.RUNNING, image.architecture)
        out.seek(place)
        hashes = _copy(job, file, out, image, plan, (done, total, target.name))
        done += plan.signature_offset
        job.stage("hash", StageState.DONE, image.architecture)
        directory = code_directory.build(_directory(image, special[number], plan, wish, hashes))
        container, stamp = code_cms.sign(job, wish.signer, wish.chain, directory, wish.timestamp, wish.time)
        parts = {superblob.SLOT_CODE_DIRECTORY: directory, **blobs}
        parts[superblob.SLOT_CMS] = superblob.blob(superblob.MAGIC_CMS, container)
        signature = superblob.build(parts)
        if len(signature) > plan.signature_size:
            raise CodesignError(TOO_LARGE(file=target.name))
        out.write(signature)
        out.write(bytes(plan.signature_size - len(signature)))
        cdhash = code_directory.slot_hash(directory, size=20).hex()
        slices.append(SignedSlice(image.architecture, cdhash, len(signature)))
        if stamp is not None:
            findings += [each for each in stamp.findings if each not in findings]
    return SignedCode(
        path=target,
        size=out.tell(),
        identifier=wish.identifier,
        team=wish.team,
        slices=slices,
        requirement=str(wish.requirement),
        requirement_blob=requirements.single_blob(wish.requirement),
        signer_subject=wish.chain[0].subject.rfc4514_string(),
        timestamp=stamp,
        findings=[*findings, *_remarks(binary, target, wish)],
    )


def _remarks(binary: Binary, target: Path, wish: _Wish) -> list[Finding]:
    findings = []
    if wish.timestamp is None:
        findings.append(NO_TIMESTAMP(file=target.name))
    if not wish.hardened:
        findings.append(NOT_HARDENED(file=target.name))
    programs = any(image.is_executable for image in binary.images)
    asked = entitlements.parse(wish.entitlements) if wish.entitlements and programs else {}
    if asked.get(entitlements.GET_TASK_ALLOW) is True:
        remedy = Remedy(title=tr("Build it for release, without this entitlement."))
        findings.append(GET_TASK_ALLOW(file=target.name, certainty=Certainty.LIKELY, remedies=[remedy]))
    return findings


def _check_tail(file: BinaryIO, image: Image) -> None:
    """Raise ``MachoError`` when something other than zeros lies behind what the load commands name."""
    linkedit = image.segment("__LINKEDIT")
    end = 0 if linkedit is None else linkedit.file_offset + linkedit.file_size
    if image.signature is not None:
        end = max(end, image.signature.offset + image.signature.size)
    file.seek(image.offset + end)
    left = image.size - end
    while left > 0:
        chunk = file.read(min(_CHUNK, left))
        if not chunk or chunk.strip(b"\0"):
            raise macho.MachoError(tr("something is attached behind the program"))
        left -= len(chunk)


def _fixed_blobs(image: Image, wish: _Wish) -> dict[int, bytes]:
    """Return the blobs between the CodeDirectory and the CMS, in Apple's order."""
    blobs = {superblob.SLOT_REQUIREMENTS: requirements.requirement_set(wish.requirement)}
    if wish.entitlements and image.is_executable:
        encoded = entitlements.to_der(entitlements.parse(wish.entitlements))
        blobs[superblob.SLOT_ENTITLEMENTS] = superblob.blob(superblob.MAGIC_ENTITLEMENTS, wish.entitlements)
        blobs[superblob.SLOT_ENTITLEMENTS_DER] = superblob.blob(superblob.MAGIC_ENTITLEMENTS_DER, encoded)
    return blobs


def _special(blobs: dict[int, bytes], wish: _Wish, info: bytes | None) -> dict[int, bytes]:
    special = {slot: code_directory.slot_hash(data) for slot, data in blobs.items()}
    if info is not None:
        special[superblob.SLOT_INFO] = code_directory.slot_hash(info)
    if wish.resources is not None:
        special[superblob.SLOT_RESOURCES] = code_directory.slot_hash(wish.resources)
    return special


def _room(image: Image, blobs: dict[int, bytes], special: int, wish: _Wish) -> int:
    directory = code_directory.size_of(wish.identifier, wish.team, special, macho_write.code_limit(image))
    # the table has an entry for the directory and the CMS, which has a header of its own
    return 12 + 8 * (len(blobs) + 2) + 8 + directory + sum(len(data) for data in blobs.values())


def _directory(
    image: Image, special: dict[int, bytes], plan: macho_write.Plan, wish: _Wish, hashes: list[bytes]
) -> CodeDirectory:
    text = image.segment("__TEXT")
    flags = code_directory.EXEC_MAIN_BINARY if image.is_executable else 0
    if image.is_executable and wish.entitlements:
        flags |= entitlements.exec_flags(entitlements.parse(wish.entitlements))
    return CodeDirectory(
        identifier=wish.identifier,
        team=wish.team,
        flags=code_directory.FLAG_RUNTIME if wish.hardened else 0,
        hash_type=2,
        page_size=code_directory.PAGE_SIZE,
        code_limit=plan.signature_offset,
        special=special,
        hashes=hashes,
        exec_base=text.file_offset if text is not None else 0,
        exec_limit=text.file_size if text is not None else 0,
        exec_flags=flags,
        runtime=image.sdk if wish.hardened else 0,
    )


def _copy(
    job: JobContext,
    file: BinaryIO,
    out: BinaryIO,
    image: Image,
    plan: macho_write.Plan,
    progress: tuple[int, int, str],
) -> list[bytes]:
    """Copy the image's code with its new header, padded to where the signature begins; hash its pages."""
    before, total, name = progress
    hasher = code_directory.PageHasher()
    file.seek(image.offset + len(plan.header))
    out.write(plan.header)
    hasher.update(plan.header)
    place = len(plan.header)
    while place < plan.copied:
        chunk = file.read(min(_CHUNK, plan.copied - place))
        if not chunk:
            raise macho.MachoError(tr("it was changed while it was being signed"))
        out.write(chunk)
        hasher.update(chunk)
        place += len(chunk)
        job.progress(before + place, total, name)
    padding = bytes(plan.signature_offset - place)
    out.write(padding)
    hasher.update(padding)
    return hasher.finish()
