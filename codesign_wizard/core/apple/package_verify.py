"""Judging a signed macOS package as Installer and Gatekeeper would, every check a finding.

Rules: what ``spctl --list`` prints for *install* (issuer marked 6.2.6, leaf 6.1.14), Apple's notary service
on time stamps, and what made Installer refuse packages. The time that counts is the time stamp's if there is
one that holds, else now. Whether Apple notarised the package is not judged: only a ticket's presence is said.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import bom, cpio, detached, oids
from codesign_wizard.core.apple import package_findings as found
from codesign_wizard.core.apple.bom import Checksum
from codesign_wizard.core.apple.certificates import Kind, classify
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.package import BROKEN as BROKEN_PACKAGE
from codesign_wizard.core.apple.package import Component, Package
from codesign_wizard.core.apple.package_sign import open_package
from codesign_wizard.core.apple.trust import AppleRoots, has_extension, judge
from codesign_wizard.core.apple.xar import SignaturePlace, Xar
from codesign_wizard.core.authenticode import cms
from codesign_wizard.core.authenticode.roots import load
from codesign_wizard.core.authenticode.timestamp import Token, TokenError, check_token, find_certificate
from codesign_wizard.core.authenticode.trust import BROKEN
from codesign_wizard.core.certificate_json import certificate_json
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    blocks,
    iso,
    worst_first,
)
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import size_words, tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement

# a ticket's trailer, the same 16 bytes at its both ends (see ``core.apple``'s facts on stapling)
_TRAILER = struct.Struct("<4sHHII")  # magic, version, type, length of what lies before it, 0
_TRAILER_MAGIC = b"t8lr"
_TERMINATOR, _TICKET = 1, 2

Inspect = Callable[[Component, cpio.Entry, Iterator[bytes]], None]


@dataclass(frozen=True)
class PackageVerification:
    """What the verification of a package found, the worst first."""

    path: Path
    findings: list[Finding]
    digest_algorithm: str = ""
    digest: str = ""
    certificate: x509.Certificate | None = None
    chain: Judgement | None = None
    timestamp: Token | None = None
    components: list[str] = field(default_factory=list)
    stapled: bool = False

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not blocks(self.findings)

    @property
    def extra_roots_used(self) -> bool:
        """Whether anything counts only because of a root added by setting."""
        return found.by_extra_roots(self.findings)

    @property
    def signer(self) -> str:
        """The name macOS shows, or "" when there is no readable certificate."""
        from codesign_wizard.core.authenticode import trust

        return "" if self.certificate is None else trust.name(self.certificate)

    def to_json(self) -> dict[str, Any]:
        """Return the verification as documented in docs/json.md."""
        document: dict[str, Any] = {
            "file": str(self.path),
            "ok": self.ok,
            "extra_roots_used": self.extra_roots_used,
            "digest_algorithm": self.digest_algorithm,
            "digest": self.digest,
            "components": self.components,
            "stapled": self.stapled,
            "signer": None if self.certificate is None else certificate_json(self.certificate),
            "timestamp": None,
        }
        if self.timestamp is not None:
            document["timestamp"] = {
                "time": iso(self.timestamp.time),
                "signer": certificate_json(self.timestamp.certificate),
            }
        return document


def verify_package(
    job: JobContext,
    path: Path,
    *,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
    inspect: Inspect | None = None,
) -> PackageVerification:
    """Judge the package *path*; *now* is for packages without a time stamp.

    *inspect* is called with every ordinary file of every payload, to judge what is inside; it must read the
    chunks to the end. Raises ``InputError`` when the file is no package or cannot be read, and ``Cancelled``.
    """
    with open_package(path) as package:
        try:
            return _Verifier(
                job, path, package, roots or AppleRoots(), now or datetime.now(UTC), inspect
            ).verify()
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(found.UNREADABLE(file=path.name, why=why)) from error


class _Verifier:
    def __init__(
        self,
        job: JobContext,
        path: Path,
        package: Package,
        roots: AppleRoots,
        now: datetime,
        inspect: Inspect | None,
    ) -> None:
        self.job, self.path, self.package, self.roots = job, path, package, roots
        self.now, self.inspect = now, inspect
        self.archive: Xar = package.archive
        self.findings: list[Finding] = []
        self.certificate: x509.Certificate | None = None
        self.chain: Judgement | None = None
        self.token: Token | None = None
        self.stapled = False

    def verify(self) -> PackageVerification:
        self._table()
        self._signatures()
        self._files()
        self._references()
        for component in self.package.components:
            self._contents(component)
        self._end()
        return PackageVerification(
            self.path,
            worst_first(self.findings),
            self.archive.digest_name,
            self.archive.digest.hex(),
            self.certificate,
            self.chain,
            self.token,
            [component.name for component in self.package.components],
            self.stapled,
        )

    def _say(
        self, kind: FindingKind, /, *, evidence: Evidence | None = None, remedy: str = "", **values: Any
    ) -> None:
        remedies = [Remedy(title=remedy)] if remedy else []
        made = kind(certainty=Certainty.COMPUTED, evidence=evidence, remedies=remedies, **values)
        self.findings.append(made)

    def _table(self) -> None:
        archive = self.archive
        digest = archive.digest_name.upper().replace("SHA", "SHA-")
        if archive.digest == archive.recorded:
            self._say(found.TABLE_OK, digest=digest)
        else:
            evidence = Evidence(more={"signed": archive.recorded.hex(), "actual": archive.digest.hex()})
            self._say(found.TABLE_WRONG, evidence=evidence, remedy=tr("Sign the package again."))
        checksums = {
            each[0]
            for entry in archive.entries
            if entry.data is not None
            for each in (entry.data.archived, entry.data.extracted)
            if each is not None
        }
        if {archive.digest_name, *checksums} & {"sha1", "md5"}:
            self._say(found.OLD_DIGEST)

    # signatures

    def _signatures(self) -> None:
        rsa, both = self.archive.signature("RSA"), self.archive.signature("CMS")
        if rsa is None and both is None:
            self._say(found.UNSIGNED, file=self.path.name, remedy=tr("Sign it."))
            return
        first = self._rsa(rsa) if rsa is not None else None
        second = self._cms(both) if both is not None else None
        if rsa is None:
            self._say(found.RSA_MISSING)
        if both is None:
            self._say(found.CMS_MISSING, remedy=tr("Sign the package again, with a time stamp."))
        if first is not None and second is not None and first != second:
            self._say(found.SIGNERS_DIFFER, remedy=tr("Sign the package again."))
        self.certificate = second or first
        if self.certificate is not None:
            place = both if second is not None else rsa
            try:
                self._trust(self.certificate, [] if place is None else place.certificates)
            except BROKEN as error:
                self._say(found.CHAIN_WRONG, signer=tr("the signer"), why=str(error) or type(error).__name__)

    def _rsa(self, place: SignaturePlace) -> x509.Certificate | None:
        from codesign_wizard.core.authenticode import trust

        signature = self.archive.heap_bytes(place.offset, place.size)
        try:
            if not place.certificates:
                self._say(found.RSA_WRONG, why=tr("its certificate is missing"))
                return None
            certificate = load(place.certificates[0])
            problem = _check_rsa(certificate, signature, self.archive)
        except BROKEN as error:
            self._say(found.RSA_WRONG, why=str(error) or type(error).__name__)
            return None
        if problem:
            self._say(found.RSA_WRONG, why=problem, remedy=tr("Sign the package again."))
        else:
            self._say(found.RSA_OK, signer=trust.name(certificate))
        return certificate

    def _cms(self, place: SignaturePlace) -> x509.Certificate | None:
        from codesign_wizard.core.authenticode import trust

        try:
            data = detached.parse(self.archive.heap_bytes(place.offset, place.size))
            if len(data.signers) != 1:
                self._say(found.CMS_WRONG, why=tr("it has another number of signers than one"))
                return None
            signer = data.signers[0]
            certificate = find_certificate(data, signer) or _named(data, signer, place.certificates)
            if certificate is None:
                self._say(found.CMS_WRONG, why=tr("its certificate is missing"))
                return None
            problem = detached.check(signer, self.archive.recorded, certificate)
            if problem:
                self._say(found.CMS_WRONG, why=problem, remedy=tr("Sign the package again."))
            else:
                self._say(found.CMS_OK, signer=trust.name(certificate))
                self._timestamp(signer, certificate)
            return certificate
        except BROKEN as error:
            self._say(found.CMS_WRONG, why=str(error) or type(error).__name__)
            return None

    def _timestamp(self, signer: cms.SignerInfo, certificate: x509.Certificate) -> None:
        from codesign_wizard.core.authenticode import trust

        tokens = signer.unsigned.get(detached.TIMESTAMP_TOKEN, [])
        if not tokens:
            date = certificate.not_valid_after_utc.date().isoformat()
            self._say(found.TIMESTAMP_MISSING, date=date, remedy=tr("Sign again with a time stamp."))
            return
        try:
            token = check_token(tokens[0].encoded, signer.signature, self.roots.timestamp)
        except TokenError as error:
            self._say(found.TIMESTAMP_WRONG, why=str(error))
            return
        if not token.chain.trusted:
            self._say(found.TIMESTAMP_WRONG, why=token.chain.text)
            return
        self.token = token
        kind = found.TIMESTAMP_EXTRA if token.chain.extra else found.TIMESTAMP_OK
        time = token.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        self._say(kind, server=trust.name(token.certificate), time=time)

    def _trust(self, certificate: x509.Certificate, others: list[bytes]) -> None:
        from codesign_wizard.core.authenticode import trust

        when = self.token.time if self.token is not None else self.now
        chain = judge(certificate, others, self.roots, when)
        self.chain = chain
        signer = trust.name(certificate)
        if chain.trusted:
            kind = found.CHAIN_EXTRA if chain.extra else found.CHAIN_OK
            self._say(kind, signer=signer, root=trust.name(chain.path[-1]))
        else:
            self._say(found.CHAIN_WRONG, signer=signer, why=chain.text)
        what = classify(certificate)
        marked = len(chain.path) > 1 and has_extension(chain.path[1], oids.DEVELOPER_ID_AUTHORITY)
        if what is Kind.INSTALLER and (marked or not chain.trusted):
            self._say(found.KIND_OK, kind=what.label)
        else:
            self._say(
                found.KIND_WRONG,
                kind=what.label,
                remedy=tr("Sign with the Developer ID Installer certificate."),
            )

    # contents

    def _files(self) -> None:
        count = 0
        for entry in self.archive.entries:
            if entry.data is None:
                continue
            if entry.data.size and entry.data.archived is None and entry.data.extracted is None:
                why = tr("{name} has no digest, so no signature covers it").format(name=shown(entry.path))
                self._say(found.FILE_WRONG, why=why)
            try:
                done = 0
                for chunk in self.archive.chunks(entry):
                    done += len(chunk)
                    self.job.progress(done, entry.data.size, entry.path)
                count += 1
            except BROKEN_PACKAGE as error:
                self._say(found.FILE_WRONG, why=str(error))
        if not any(finding.id == found.FILE_WRONG.id for finding in self.findings):
            self._say(found.FILES_OK, count=count)

    def _references(self) -> None:
        if self.package.distribution is None:
            return
        for node in self.package.distribution.walk():
            text = node.text.strip()
            # a reference may also be an address on the web, which is none of ours
            if node.tag == "pkg-ref" and text and "://" not in text:
                folder = text.removeprefix("file:").removeprefix("#").removeprefix("./")
                entry = self.archive.get(folder)
                if entry is None or entry.kind != "directory":
                    self._say(found.REFERENCE_WRONG, reference=shown(text))

    def _contents(self, component: Component) -> None:
        entry = self.package.entry(component, "Payload")
        if entry is None:
            return
        try:
            listed = self.package.bom(component)
            with self.package.unpacked(entry) as stream:
                why, count = self._compare(component, cpio.Reader(stream), listed)
        except BROKEN_PACKAGE as error:
            why, count = str(error), 0
        if why:
            self._say(
                found.CONTENTS_WRONG,
                component=shown(component.name),
                why=why,
                remedy=tr("Build the package again."),
            )
        else:
            self._say(found.CONTENTS_OK, component=shown(component.name), count=count)

    def _compare(self, component: Component, reader: cpio.Reader, listed: bom.Bom | None) -> tuple[str, int]:
        """Return "" or what does not agree, and the number of entries."""
        left = {item.path: item for item in listed.items} if listed is not None else {}
        why = "" if listed is not None else tr("there is no bill of materials")
        count = 0
        for entry in reader:
            count += 1
            checksum = Checksum()
            chunks = _counted(reader.chunks(), checksum)
            if entry.is_file and self.inspect is not None:
                self.inspect(component, entry, chunks)
            for _ in chunks:
                self.job.check_cancelled()
            if listed is None:
                continue
            item = left.pop(entry.path, None)
            if item is None:
                why = why or tr("{name} is not in the bill of materials").format(name=shown(entry.path))
            elif not _agrees(entry, item, checksum):
                why = why or tr("{name} is not what the bill of materials says").format(
                    name=shown(entry.path)
                )
        # what Apple's tools make up for extended attributes stands in the bill alone
        missing = [path for path in left if not path.rpartition("/")[2].startswith("._") and path != "."]
        if missing:
            why = why or tr("{name} is missing").format(name=shown(missing[0]))
        return why, count

    def _end(self) -> None:
        rest = self.archive.file_size - self.archive.heap_end
        self.stapled = self._is_ticket(self.archive.heap_end - self.archive.heap, rest)
        if self.stapled:
            self._say(found.TICKET)
            return
        if rest > 0:
            self._say(found.TRAILING, size=size_words(rest))
        if self.archive.signatures:
            self._say(found.NO_TICKET)

    def _is_ticket(self, place: int, length: int) -> bool:
        """Tell whether the last *length* bytes are a stapled ticket between its two trailers."""
        size = length - 2 * _TRAILER.size
        if size <= 0:
            return False
        start = self.archive.section(place, _TRAILER.size).read(_TRAILER.size)
        end = self.archive.section(place + length - _TRAILER.size, _TRAILER.size).read(_TRAILER.size)
        return start == _TRAILER.pack(_TRAILER_MAGIC, 1, _TERMINATOR, 0, 0) and end == _TRAILER.pack(
            _TRAILER_MAGIC, 1, _TICKET, size, 0
        )


def _counted(chunks: Iterator[bytes], checksum: Checksum) -> Iterator[bytes]:
    for chunk in chunks:
        checksum.update(chunk)
        yield chunk


def _agrees(entry: cpio.Entry, item: bom.Item, checksum: Checksum) -> bool:
    # a root that Apple's tools made up has no mode
    if item.mode and (entry.mode, entry.uid, entry.gid) != (item.mode, item.uid, item.gid):
        return False
    if entry.is_link:
        return entry.link == item.link
    return not entry.is_file or (entry.size, checksum.value) == (item.size, item.checksum)


def _check_rsa(certificate: x509.Certificate, signature: bytes, archive: Xar) -> str:
    """Return "" or what does not fit about the plain RSA signature."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return tr("the certificate's key is not RSA")
    digest: hashes.HashAlgorithm = getattr(hashes, archive.digest_name.upper())()
    # rcodesign and old versions of Apple's tools digest the digest once more
    attempts: list[Prehashed | hashes.HashAlgorithm] = [Prehashed(digest), hashes.SHA256(), digest]
    for algorithm in attempts:
        try:
            key.verify(signature, archive.recorded, padding.PKCS1v15(), algorithm)
        except InvalidSignature:
            continue
        except (ValueError, UnsupportedAlgorithm) as error:
            return tr("the signature cannot be checked: {error}").format(error=error)
        return ""
    return tr("it was not made by this key over this package")


def _named(
    data: cms.SignedData, signer: cms.SignerInfo, certificates: list[bytes]
) -> x509.Certificate | None:
    """Return the signer's certificate among those that stand beside the signature."""
    return find_certificate(dataclasses.replace(data, certificates=certificates), signer)
