"""Stapling: the ticket is put into the file, so that a Mac accepts it without a network.

A package gets a trailer behind the archive, which no signature covers: 16 bytes ``t8lr``, u16 version 1,
u16 type 1, u32 length 0, u32 0; the ticket; the same 16 bytes with type 2 and the ticket's length (little
endian). An app has the ticket as the file ``Contents/CodeResources``.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from codesign_wizard.core.apple import bundle as layout
from codesign_wizard.core.apple import code_directory, macho, superblob
from codesign_wizard.core.apple import staple_findings as found
from codesign_wizard.core.apple.bundle import BundleError
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.package_sign import open_package
from codesign_wizard.core.apple.ticket import PATIENCE, look_up, record_name
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import replacing, write_atomic
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, worst_first
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

_TRAILER = struct.Struct("<4sHHII")
_MAGIC = b"t8lr"
_TERMINATOR, _TICKET = 1, 2
_MAXIMUM_TICKET = 16 << 20
_CHUNK = 1 << 20
_PART = "staple"


@dataclass(frozen=True)
class Target:
    """What a ticket belongs to: a package or an app, its record in Apple's service, where the ticket goes.

    ``end`` is where a package's archive ends, in bytes. ``ticket`` is what is stapled already; ``damage``
    says why that cannot be read.
    """

    path: Path
    kind: str
    record: str
    end: int = 0
    ticket_path: Path | None = None
    ticket: bytes | None = None
    damage: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name, as it is shown."""
        return shown(self.path.name)


@dataclass(frozen=True)
class Stapled:
    """What came of it: whether a ticket is stapled now, its size in bytes, whether the file was changed."""

    path: Path
    kind: str
    record: str
    findings: list[Finding]
    stapled: bool = False
    changed: bool = False
    size: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the result as documented in docs/json.md."""
        return {
            "file": str(self.path),
            "kind": self.kind,
            "record": self.record,
            "stapled": self.stapled,
            "changed": self.changed,
            "ticket_size": self.size,
        }


def staple(job: JobContext, network: Network, path: Path, *, patience: float = PATIENCE) -> Stapled:
    """Fetch the ticket for *path*, write it, read it back and compare; what is stapled already is replaced.

    Raises ``InputError`` for a file that nothing can be stapled to, ``CodesignError`` when there is no
    ticket, and ``Cancelled``; the file is then what it was.
    """
    target = open_target(path)
    ticket = look_up(job, network, target.record, target.name, patience=patience)
    findings = list(target.findings)
    if target.ticket == ticket:
        findings += [_sure(found.ALREADY, target), _sure(found.VALID, target)]
        return Stapled(path, target.kind, target.record, worst_first(findings), True, False, len(ticket))
    if target.ticket is not None or target.damage:
        findings.append(_sure(found.RENEWED, target))
    job.check_cancelled()
    try:
        _write(job, target, ticket)
    except OSError as error:
        why = error.strerror or str(error)
        raise CodesignError(found.UNWRITABLE(file=target.name, why=why)) from error
    if open_target(path).ticket != ticket:
        raise CodesignError(
            found.UNWRITABLE(file=target.name, why=tr("it was not there when it was read back"))
        )
    job.log(LogLevel.INFO, tr("Stapled {size} bytes").format(size=len(ticket)), part=_PART)
    findings.append(_sure(found.DONE, target))
    return Stapled(path, target.kind, target.record, worst_first(findings), True, True, len(ticket))


def validate(job: JobContext, network: Network, path: Path, *, patience: float = 0.0) -> Stapled:
    """Compare the stapled ticket with the one that Apple gives out; nothing is changed.

    Raises ``InputError`` for a file that nothing can be stapled to, ``CodesignError`` when Apple cannot be
    asked or has no ticket, and ``Cancelled``.
    """
    target = open_target(path)
    findings = list(target.findings)
    again = Remedy(title=tr("Staple it again."))

    def result(*more: Finding, stapled: bool = False) -> Stapled:
        size = len(target.ticket or b"")
        return Stapled(
            path, target.kind, target.record, worst_first([*findings, *more]), stapled, False, size
        )

    if target.damage:
        return result(_sure(found.TICKET_DAMAGED, target, again, why=target.damage))
    if target.ticket is None:
        return result(_sure(found.NOT_STAPLED, target, Remedy(title=tr("Staple it."))))
    ticket = look_up(job, network, target.record, target.name, patience=patience)
    if ticket != target.ticket:
        return result(_sure(found.TICKET_DIFFERS, target, again))
    return result(_sure(found.VALID, target), stapled=True)


def open_target(path: Path) -> Target:
    """Return what a ticket for *path* belongs to; raises ``InputError``."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return _app(path)
    if suffix == ".dmg":
        raise _cannot(path, tr("disk images are not handled here; on a Mac: xcrun stapler staple FILE"))
    if suffix == ".zip":
        raise _cannot(path, tr("a .zip holds no ticket; staple the app in it, then pack it again"))
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise _cannot(path, error.strerror or str(error)) from error
    if macho.is_macho(start):
        raise _cannot(path, tr("a program alone holds no ticket; staple the package or the app around it"))
    return _package(path)


def read_trailer(file: BinaryIO, start: int, size: int) -> bytes | None:
    """Return the ticket in the *size* bytes after a package's archive, or ``None`` where there is none.

    Raises ``ValueError``, in words, for a trailer that contradicts itself.
    """
    if size < _TRAILER.size:
        return None
    file.seek(start)
    magic, version, kind, length, _ = _TRAILER.unpack(file.read(_TRAILER.size))
    if magic != _MAGIC:
        return None
    if version != 1 or kind != _TERMINATOR or length:
        raise ValueError(tr("its first trailer is of another form"))
    count = size - 2 * _TRAILER.size
    if not 0 < count <= _MAXIMUM_TICKET:
        raise ValueError(tr("it is cut short"))
    ticket = file.read(count)
    magic, version, kind, length, _ = _TRAILER.unpack(file.read(_TRAILER.size))
    if (magic, version, kind) != (_MAGIC, 1, _TICKET) or length != count:
        raise ValueError(tr("its last trailer does not fit it"))
    return ticket


def trailer(ticket: bytes) -> bytes:
    """Return what follows a package's archive for *ticket*."""
    first = _TRAILER.pack(_MAGIC, 1, _TERMINATOR, 0, 0)
    return first + ticket + _TRAILER.pack(_MAGIC, 1, _TICKET, len(ticket), 0)


def _package(path: Path) -> Target:
    with open_package(path) as package:
        archive = package.archive
        if not archive.signatures:
            raise _refused(found.UNSIGNED, path, tr("Sign it, and let Apple notarise it."))
        try:
            record = record_name(archive.digest_name, archive.recorded)
        except KeyError:
            raise _cannot(path, tr("its table of contents has a digest of another kind")) from None
        findings = []
        if archive.signature("CMS") is None:
            findings.append(
                found.NO_CMS(
                    file=shown(path.name),
                    certainty=Certainty.COMPUTED,
                    remedies=[Remedy(title=tr("Sign the package again, and submit it again."))],
                )
            )
        end, size = archive.heap_end, archive.file_size
    ticket, damage = None, ""
    try:
        with path.open("rb") as file:
            ticket = read_trailer(file, end, size - end)
    except ValueError as error:
        damage = str(error)
    if ticket is None and not damage and size > end:
        raise _cannot(
            path, tr("{count} bytes that belong to nothing follow the package").format(count=size - end)
        )
    return Target(path, "package", record, end, None, ticket, damage, findings)


def _app(path: Path) -> Target:
    try:
        bundle = layout.open_bundles(path)[-1]
        if bundle.root != path / "Contents" or not bundle.executable:
            raise _cannot(path, tr("it is no app: there is no program in Contents/MacOS"))
        record = _code_record(bundle.program)
        place = bundle.root / layout.RESOURCES_FILE
        ticket: bytes | None = None
        damage = ""
        if layout.is_file(place):
            if place.stat().st_size > _MAXIMUM_TICKET:
                damage = tr("it is too large")
            else:
                ticket = place.read_bytes()
                damage = "" if ticket else tr("it is empty")
                ticket = ticket or None
        elif place.is_symlink():
            # what old bundles had there: a link to the seal
            damage = tr("a link is in its place")
    except BundleError as error:
        raise _cannot(path, str(error)) from error
    except OSError as error:
        raise _cannot(path, error.strerror or str(error)) from error
    if not record:
        raise _refused(found.UNSIGNED, path, tr("Sign it, and let Apple notarise it."))
    return Target(path, "app", record, 0, place, ticket, damage)


def _code_record(program: Path) -> str:
    """Return the record of a program's code directory (the first architecture's best one), "" if unsigned.

    A ticket covers every code directory of what was notarised, so that any one of them leads to it.
    """
    with program.open("rb") as file:
        try:
            binary = macho.read(file)
            for image in binary.images:
                data = macho.signature_data(file, image)
                if not data:
                    continue
                blobs = superblob.parse(data)
                slots = (superblob.SLOT_CODE_DIRECTORY, *superblob.SLOT_ALTERNATES)
                found_ = [code_directory.parse(blobs[slot]) for slot in slots if slot in blobs]
                if found_:
                    best = max(found_, key=lambda each: (each.hash_size, each.hash_type))
                    return record_name(best.digest, best.full_hash)
        except (macho.MachoError, superblob.BlobError, KeyError):
            return ""
    return ""


def _cannot(path: Path, why: str) -> InputError:
    return InputError(found.CANNOT(file=shown(path.name) or str(path), why=why, certainty=Certainty.COMPUTED))


def _refused(kind: FindingKind, path: Path, remedy: str) -> InputError:
    return InputError(
        kind(file=shown(path.name), certainty=Certainty.COMPUTED, remedies=[Remedy(title=remedy)])
    )


def _sure(kind: FindingKind, target: Target, *remedies: Remedy, **values: Any) -> Finding:
    return kind(
        file=target.name,
        certainty=Certainty.COMPUTED,
        evidence=Evidence(more={"record": target.record}),
        remedies=remedies,
        **values,
    )


def _write(job: JobContext, target: Target, ticket: bytes) -> None:
    if target.ticket_path is not None:
        if target.ticket_path.is_symlink():
            target.ticket_path.unlink()
        write_atomic(target.ticket_path, ticket)
        return
    size = target.end + len(ticket)
    with replacing(target.path) as draft, target.path.open("rb") as source, draft.open("r+b") as file:
        done = 0
        while done < target.end:
            job.check_cancelled()
            chunk = source.read(min(_CHUNK, target.end - done))
            if not chunk:
                raise OSError(tr("it became shorter meanwhile"))
            file.write(chunk)
            done += len(chunk)
            job.progress(done, size, target.name)
        job.check_cancelled()
        file.write(trailer(ticket))
        file.flush()
        os.fsync(file.fileno())
