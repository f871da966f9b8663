"""Signing a Windows program: hash, have the digest signed, time-stamp, embed. The key may be anywhere."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.authenticode import cms, pe
from codesign_wizard.core.authenticode.der import DerError
from codesign_wizard.core.authenticode.refusals import UNREADABLE, UNWRITABLE, malformed
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing, require_file
from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import seconds_words, tr

if TYPE_CHECKING:
    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper

_MAXIMUM_TEXT = 1024

NO_TIMESTAMP = FindingKind(
    "authenticode.sign.no-timestamp",
    Severity.WARNING,
    "{file} has no time stamp: its signature ends with the certificate.",
    "The file was signed without a time stamp, as asked.",
)
BAD_TEXT = FindingKind(
    "authenticode.sign.bad-text",
    Severity.ERROR,
    "The {name} cannot be put into a signature: {why}.",
    "A description is at most 1024 characters; an address begins with http:// or https:// in plain ASCII.",
)
CANNOT_APPEND = FindingKind(
    "authenticode.sign.cannot-append",
    Severity.ERROR,
    "A signature cannot be added to {file}: {why}.",
    "The file has no signature to add to, or the one it has cannot be read.",
)


@dataclass(frozen=True)
class SignedFile:
    """What was written: size in bytes, the image's digest, the header's checksum, and warnings."""

    path: Path
    size: int
    digest_hex: str
    digest_algorithm: str
    checksum: int
    signer_subject: str
    timestamp: Timestamp | None
    findings: list[Finding] = field(default_factory=list)


def sign_file(
    job: JobContext,
    source: Path,
    target: Path,
    signer: Signer,
    *,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    description: str = "",
    url: str = "",
    timestamp: Timestamper | None = None,
    append: bool = False,
) -> SignedFile:
    """Sign *source* into *target* (they may be the same) and return what was written.

    An existing signature is replaced, or kept with the new one nested in it when *append* is true
    (1.3.6.1.4.1.311.2.4.1). Raises ``InputError`` for a file that cannot be signed, ``CodesignError`` when
    the key or every time-stamp server refuses, ``Cancelled``; *target* is then what it was before.
    """
    _check_texts(description, url)
    source = _readable(source)
    try:
        with source.open("rb") as file:
            layout = pe.read_layout(file, source)
            former = _former(file, layout, source) if append else b""
    except OSError as error:
        raise InputError(UNREADABLE(file=source.name, why=_why(error))) from error
    try:
        # a link is followed, so that the link stays one; one that leads to itself is told by what follows
        with replacing(Path(os.path.realpath(target))) as draft:
            return _signed(
                job, source, target, draft, layout, signer, digest, (description, url), timestamp, former
            )
    except OSError as error:
        raise InputError(UNWRITABLE(file=target.name or str(target), why=_why(error))) from error


def _signed(
    job: JobContext,
    source: Path,
    target: Path,
    draft: Path,
    layout: pe.Layout,
    signer: Signer,
    digest: DigestAlgorithm,
    texts: tuple[str, str],
    timestamper: Timestamper | None,
    former: bytes,
) -> SignedFile:
    job.stage("hash", StageState.RUNNING)
    began = time.monotonic()
    total = layout.content_end
    try:
        scan = pe.scan_and_copy(
            source, draft, layout, digest.value, lambda done: job.progress(done, total, source.name)
        )
    except ValueError as error:
        raise InputError(malformed(source, str(error))) from error
    job.stage(
        "hash",
        StageState.DONE,
        f"{digest.value.upper().replace('SHA', 'SHA-')}, {_duration(time.monotonic() - began)}",
    )

    job.stage("sign", StageState.RUNNING)
    began = time.monotonic()
    parts = cms.draft(scan.digest, digest.value, *texts)
    signature = signer.sign(job, hashlib.new(digest.value, parts.to_sign).digest(), digest)
    job.stage(
        "sign",
        StageState.DONE,
        _duration(time.monotonic() - began),
    )

    stamp = None
    if timestamper is not None:
        job.stage("time-stamp", StageState.RUNNING)
        stamp = timestamper.stamp(job, signature, digest)
        job.stage("time-stamp", StageState.ATTENTION if stamp.findings else StageState.DONE, stamp.host)
    else:
        job.stage("time-stamp", StageState.SKIPPED)

    job.stage("embed", StageState.RUNNING)
    unsigned = [(cms.RFC3161_TOKEN, stamp.token)] if stamp is not None else []
    container = cms.assemble(parts, signer.certificate_chain, signature, unsigned)
    if former:
        container = cms.add_unsigned(former, cms.NESTED_SIGNATURE, container)
    job.check_cancelled()
    try:
        with draft.open("r+b") as file:
            checksum = pe.finish(file, layout, scan.words, container)
            size = file.seek(0, 2)
    except ValueError as error:
        raise InputError(malformed(source, str(error))) from error
    job.stage("embed", StageState.DONE)
    findings = list(stamp.findings) if stamp is not None else [NO_TIMESTAMP(file=target.name)]
    return SignedFile(
        path=target,
        size=size,
        digest_hex=scan.digest.hex(),
        digest_algorithm=digest.value,
        checksum=checksum,
        signer_subject=signer.certificate_chain[0].subject.rfc4514_string(),
        timestamp=stamp,
        findings=findings,
    )


def _former(file: object, layout: pe.Layout, source: Path) -> bytes:
    try:
        entries = pe.read_entries(file, layout)  # type: ignore[arg-type]  # an open file, see the caller
        signatures = [entry for entry in entries if entry.kind == pe.WIN_CERT_TYPE_PKCS]
        if not signatures:
            raise InputError(CANNOT_APPEND(file=source.name, why=tr("it is not signed yet")))
        if len(entries) > 1:
            # they would be lost: Windows finds a second signature nested in the first
            why = tr("its certificate table has {count} entries in place of one").format(count=len(entries))
            raise InputError(CANNOT_APPEND(file=source.name, why=why))
        return cms.parse(signatures[0].data).encoded
    except (DerError, ValueError) as error:
        raise InputError(CANNOT_APPEND(file=source.name, why=str(error))) from error


def _check_texts(description: str, url: str) -> None:
    if len(description) > _MAXIMUM_TEXT or any(ord(char) < 0x20 for char in description):
        why = tr("it is longer than 1024 characters or has control characters")
        raise InputError(BAD_TEXT(name=tr("description"), why=why))
    if url and (
        len(url) > _MAXIMUM_TEXT
        or not url.lower().startswith(("http://", "https://"))
        or not url.isascii()
        or any(char.isspace() or ord(char) < 0x20 for char in url)
    ):
        why = tr("it is not an address that begins with http:// or https://, in plain ASCII")
        raise InputError(BAD_TEXT(name=tr("address"), why=why))


def _duration(seconds: float) -> str:
    if seconds < 1:
        return tr("{milliseconds} ms").format(milliseconds=round(seconds * 1000))
    return seconds_words(seconds)


def _readable(source: Path) -> Path:
    try:
        require_file(source)
    except OSError as error:
        raise InputError(UNREADABLE(file=source.name or str(source), why=_why(error))) from error
    return source


def _why(error: OSError) -> str:
    return error.strerror or str(error)
