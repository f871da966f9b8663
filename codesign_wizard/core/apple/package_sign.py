"""Signing macOS packages: the digest of the table of contents, once with plain RSA and once in a CMS.

``signature style="RSA"`` is RSASSA-PKCS1-v1_5 over that digest itself, as libxar has it; ``x-signature
style="CMS"`` is a detached signature over its bytes, with a time stamp. Any key will do that is a ``Signer``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from codesign_wizard.core.apple import detached, xar_write
from codesign_wizard.core.apple import package_findings as found
from codesign_wizard.core.apple.certificates import Kind, classify
from codesign_wizard.core.apple.package import BROKEN, Change, Package, rebuild
from codesign_wizard.core.apple.trust import AppleRoots, judge
from codesign_wizard.core.apple.xar import MAGIC
from codesign_wizard.core.apple.xar_write import Room, Table
from codesign_wizard.core.apple.xml_tree import Node
from codesign_wizard.core.authenticode.refusals import describe
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing, require_file
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import DigestAlgorithm, Signer

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper

STAGE = "sign-package"
_DIGEST = DigestAlgorithm.SHA256
# what a CMS has beside certificates, signature and token
_CMS_ROOM = 1024


@dataclass(frozen=True)
class Seal:
    """How to sign: the key, who stamps the time, the roots that complete the chain, the time to claim."""

    signer: Signer
    timestamp: Timestamper | None = None
    roots: AppleRoots | None = None
    now: datetime | None = None


@dataclass(frozen=True)
class WrittenPackage:
    """What was written: size in bytes, the table's digest, who signed it ("" when nobody did), warnings."""

    path: Path
    size: int
    digest_hex: str
    digest_algorithm: str
    signer_subject: str = ""
    timestamp: Timestamp | None = None
    findings: list[Finding] = field(default_factory=list)


def sign_package(
    job: JobContext,
    source: Path,
    target: Path,
    signer: Signer,
    *,
    timestamp: Timestamper | None = None,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
) -> WrittenPackage:
    """Sign the package *source* into *target* (they may be the same); a former signature is replaced.

    What is inside stays byte for byte. Raises ``InputError`` for a file that cannot be signed,
    ``CodesignError`` when the key or every time-stamp server refuses, ``Cancelled``; *target* is then what it
    was before.
    """
    with open_package(source) as package:
        archive = package.archive
        try:
            places = archive.extents()
        except BROKEN as error:
            raise InputError(found.damaged(source, str(error))) from error
        moved: dict[int, int] = {}
        total = 0
        for offset, length in places:
            moved[offset] = total
            total += length

        def copy(file: BinaryIO) -> None:
            done = 0
            for offset, length in places:
                archive.copy(job, offset, length, file)
                done += length
                job.progress(done, total, source.name)

        seal = Seal(signer, timestamp, roots, now)
        return _written(job, target, archive.toc, lambda offset: moved.get(offset, 0), copy, seal)


def change_package(
    job: JobContext,
    source: Path,
    target: Path,
    change: Change,
    *,
    seal: Seal | None = None,
    work: Path | None = None,
) -> WrittenPackage:
    """Let *change* change what the package installs, build it again into *target*, and sign it with *seal*.

    *change* is called for each component with ``Payload`` or ``Scripts`` and the tree whose folder it may
    write to (see ``package.rebuild``). Folders are made in *work*, or beside *target*. Raises as
    ``sign_package``, and what *change* raises.
    """
    with open_package(source) as package, _spool(target) as spool:
        folder = work or target.resolve().parent
        try:
            toc = rebuild(job, package, spool, change, work=folder)
        except BROKEN as error:
            raise InputError(found.damaged(source, str(error))) from error
        except OSError as error:
            raise InputError(found.UNWRITABLE(file=target.name, why=_why(error))) from error
        length = spool.tell()

        def copy(file: BinaryIO) -> None:
            spool.seek(0)
            xar_write.copy_stream(job, spool, file, length)

        return _written(job, target, toc, lambda offset: offset, copy, seal)


def open_package(path: Path) -> Package:
    """Open *path*; raises ``InputError`` that says what it is instead, or what is wrong with it."""
    try:
        require_file(path)
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            if start != MAGIC:
                what = describe(file, path.stat().st_size)
                raise InputError(found.NOT_A_PACKAGE(file=path.name, what=what))
        return Package(path)
    except OSError as error:
        raise InputError(found.UNREADABLE(file=path.name or str(path), why=_why(error))) from error
    except BROKEN as error:
        raise InputError(found.damaged(path, str(error))) from error


@contextmanager
def _spool(target: Path) -> Iterator[BinaryIO]:
    try:
        # beside the target: there must be room for the package there, and /tmp may be memory
        spool = cast(BinaryIO, tempfile.TemporaryFile(dir=target.resolve().parent))  # noqa: SIM115
    except OSError as error:
        raise InputError(found.UNWRITABLE(file=target.name, why=_why(error))) from error
    with spool:
        yield spool


def _written(
    job: JobContext,
    target: Path,
    toc: Node,
    shift: Callable[[int], int],
    copy: Callable[[BinaryIO], None],
    seal: Seal | None,
) -> WrittenPackage:
    try:
        # a link is followed, so that the link stays one
        with replacing(target.resolve()) as draft, draft.open("r+b") as file:
            result = _sealed(job, file, toc, shift, target, seal)
            copy(file)
            return replace(result, size=file.tell())
    except (EOFError, *BROKEN) as error:
        raise InputError(found.damaged(target, str(error))) from error
    except OSError as error:
        raise InputError(found.UNWRITABLE(file=target.name, why=_why(error))) from error


def _sealed(
    job: JobContext,
    file: BinaryIO,
    toc: Node,
    shift: Callable[[int], int],
    target: Path,
    seal: Seal | None,
) -> WrittenPackage:
    """Write everything before the files, and return what is known of it."""
    if seal is None:
        table = xar_write.settle(toc, shift, ())
        xar_write.write(file, table, (), ())
        return WrittenPackage(target, 0, table.digest.hex(), _DIGEST.value)
    job.stage(STAGE, StageState.RUNNING)
    sealing = _Sealing(job, seal)
    rooms = sealing.rooms()
    table = xar_write.settle(toc, shift, rooms)
    signatures = sealing.signatures(table)
    if len(signatures[-1]) > rooms[-1].size:
        # a time stamp larger than any seen: its size is known now
        rooms[-1] = replace(rooms[-1], size=len(signatures[-1]) + _CMS_ROOM)
        table = xar_write.settle(toc, shift, rooms)
        signatures = sealing.signatures(table)
    xar_write.write(file, table, signatures, rooms)
    stamp = sealing.stamp
    findings = list(stamp.findings) if stamp is not None else [found.NOT_SIGNED_ANEW(file=target.name)]
    leaf = seal.signer.certificate_chain[0]
    kind = classify(leaf)
    if kind is not Kind.INSTALLER:
        findings.append(found.OTHER_CERTIFICATE(file=target.name, kind=kind.label))
    job.stage(STAGE, StageState.DONE, "" if stamp is None else stamp.host)
    return WrittenPackage(
        path=target,
        size=0,
        digest_hex=table.digest.hex(),
        digest_algorithm=_DIGEST.value,
        signer_subject=leaf.subject.rfc4514_string(),
        timestamp=stamp,
        findings=findings,
    )


class _Sealing:
    """Makes the two signatures of one package."""

    def __init__(self, job: JobContext, seal: Seal) -> None:
        self.job, self.seal = job, seal
        self.now = seal.now or datetime.now(UTC)
        self.chain = _whole_chain(seal, self.now)
        self.stamp: Timestamp | None = None

    def rooms(self) -> list[Room]:
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import Encoding

        certificates = [each.public_bytes(Encoding.DER) for each in self.chain]
        key = self.chain[0].public_key()
        rooms = []
        length = 256
        if isinstance(key, rsa.RSAPublicKey):
            length = (key.key_size + 7) // 8
            rooms.append(Room("RSA", length, certificates))
        size = sum(map(len, certificates)) + length + _CMS_ROOM
        size += detached.TOKEN_ROOM if self.seal.timestamp is not None else 0
        return [*rooms, Room("CMS", size, certificates)]

    def signatures(self, table: Table) -> list[bytes]:
        """Return the signatures in the order of ``rooms``."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        signer = self.seal.signer
        result = []
        if isinstance(self.chain[0].public_key(), rsa.RSAPublicKey):
            result.append(signer.sign(self.job, table.digest, _DIGEST))
        # the message is the digest of the table, and is digested once more
        parts = detached.draft(hashlib.new(_DIGEST.value, table.digest).digest(), _DIGEST.value, self.now)
        signature = signer.sign(self.job, hashlib.new(_DIGEST.value, parts.to_sign).digest(), _DIGEST)
        unsigned: list[tuple[str, bytes]] = []
        if self.seal.timestamp is not None:
            self.stamp = self.seal.timestamp.stamp(self.job, signature, _DIGEST)
            unsigned.append((detached.TIMESTAMP_TOKEN, self.stamp.token))
        result.append(detached.assemble(parts, self.chain, signature, unsigned))
        return result


def _whole_chain(seal: Seal, now: datetime) -> Sequence[x509.Certificate]:
    """Return the signer's chain to the root where it is known: Apple's packages carry the root too."""
    from cryptography.hazmat.primitives.serialization import Encoding

    known = list(seal.signer.certificate_chain)
    others = [each.public_bytes(Encoding.DER) for each in known[1:]]
    path = judge(known[0], others, seal.roots or AppleRoots(), now).path
    return path if len(path) > len(known) else known


def _why(error: OSError) -> str:
    return error.strerror or str(error)
