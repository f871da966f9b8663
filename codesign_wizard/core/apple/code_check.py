"""Judging the signature of one image (one architecture of a Mach-O file)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from codesign_wizard.core.apple import (
    certificates,
    code_cms,
    code_directory,
    detached,
    entitlements,
    macho,
    oids,
    requirements,
    superblob,
    trust,
)
from codesign_wizard.core.apple import code_findings as found
from codesign_wizard.core.apple.code_directory import CodeDirectory
from codesign_wizard.core.apple.macho import Image
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.requirement_check import evaluate
from codesign_wizard.core.apple.superblob import BlobError
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode import cms
from codesign_wizard.core.authenticode.der import DerError
from codesign_wizard.core.authenticode.timestamp import Token, TokenError, check_token, find_certificate
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, iso
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.trust import Judgement

_PARTS = {
    superblob.SLOT_INFO: "Info.plist",
    superblob.SLOT_REQUIREMENTS: "requirements",
    superblob.SLOT_RESOURCES: "CodeResources",
    superblob.SLOT_ENTITLEMENTS: "entitlements",
    superblob.SLOT_ENTITLEMENTS_DER: "entitlements (DER)",
}


@dataclass
class CodeSignature:
    """One image's signature: who and when, and what identifies the code. ``cdhashes`` in hexadecimal."""

    place: str
    architecture: str
    kind: str
    identifier: str = ""
    team: str = ""
    flags: int = 0
    runtime_version: str = ""
    cdhashes: list[str] = field(default_factory=list)
    entitlements: dict[str, Any] = field(default_factory=dict)
    requirement: str = ""
    certificate: x509.Certificate | None = None
    chain: Judgement | None = None
    timestamp: Token | None = None
    signing_time: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The place and the architecture, as findings name it."""
        return f"{self.place} ({self.architecture})"

    def to_json(self) -> dict[str, Any]:
        """Return the signature as documented in docs/json.md."""
        from codesign_wizard.core.certificate_json import certificate_json, chain_json

        document: dict[str, Any] = {
            "path": self.place,
            "architecture": self.architecture,
            "kind": self.kind,
            "identifier": self.identifier,
            "team": self.team,
            "flags": f"{self.flags:#x}",
            "hardened_runtime": bool(self.flags & code_directory.FLAG_RUNTIME),
            "runtime_version": self.runtime_version,
            "cdhashes": self.cdhashes,
            "entitlements": sorted(self.entitlements),
            "requirement": self.requirement,
            "signer": None if self.certificate is None else certificate_json(self.certificate),
            "chain": chain_json(self.chain),
            "signing_time": None if self.signing_time is None else iso(self.signing_time),
            "timestamp": None,
        }
        if self.timestamp is not None:
            document["timestamp"] = {
                "time": iso(self.timestamp.time),
                "signer": certificate_json(self.timestamp.certificate),
            }
        return document


@dataclass(frozen=True)
class Surroundings:
    """What the checks need besides the file: trusted roots, the time now, a bundle's parts, progress."""

    roots: AppleRoots
    now: datetime
    info_plist: bytes | None = None
    resources: bytes | None = None
    in_bundle: bool = False
    step: Callable[[int], None] = lambda _: None


def check_image(file: BinaryIO, image: Image, place: str, around: Surroundings) -> CodeSignature:
    """Return the image's signature with what is wrong about it; raises ``OSError``."""
    from codesign_wizard.core.authenticode.trust import BROKEN

    signature = CodeSignature(place, image.architecture, image.kind)
    broken: tuple[type[Exception], ...] = (BlobError, macho.MachoError, *BROKEN)
    try:
        _Checker(file, image, signature, around).check()
        signature.to_json()  # what is broken inside a certificate shows only when it is read
    except broken as error:
        why = str(error) or type(error).__name__
        signature.certificate = signature.timestamp = signature.chain = None
        signature.findings.append(_sure(found.DAMAGED(place=signature.name, why=why), tr("Sign it again.")))
    return signature


def _sure(finding: Finding, remedy: str = "") -> Finding:
    import dataclasses

    remedies = (Remedy(title=remedy),) if remedy else finding.remedies
    return dataclasses.replace(finding, certainty=Certainty.COMPUTED, remedies=remedies)


class _Checker:
    def __init__(self, file: BinaryIO, image: Image, signature: CodeSignature, around: Surroundings) -> None:
        self.file, self.image, self.signature, self.around = file, image, signature, around
        self.name = signature.name

    def say(self, finding: Finding, remedy: str = "") -> None:
        self.signature.findings.append(_sure(finding, remedy))

    def check(self) -> None:
        data = macho.signature_data(self.file, self.image)
        if not data:
            self.say(found.UNSIGNED(place=self.name), tr("Sign it."))
            return
        blobs = superblob.parse(data)
        directories = [code_directory.parse(blob) for blob in self._directories(blobs)]
        best = max(directories, key=lambda each: (each.hash_size, each.hash_type))
        signature = self.signature
        signature.identifier, signature.team, signature.flags = best.identifier, best.team, best.flags
        signature.runtime_version = best.runtime_version
        signature.cdhashes = [each.cdhash.hex() for each in directories]
        for directory in directories:
            self._pages(directory)
            self._slots(directory, blobs)
        if any(
            (each.identifier, each.team, each.flags) != (best.identifier, best.team, best.flags)
            for each in directories
        ):
            self.say(found.DAMAGED(place=self.name, why=tr("its CodeDirectories contradict each other")))
        self._entitlements(blobs)
        container = superblob.content(
            blobs.get(superblob.SLOT_CMS) or superblob.blob(superblob.MAGIC_CMS, b""), superblob.MAGIC_CMS
        )
        if not container or best.flags & code_directory.FLAG_ADHOC:
            self.say(found.AD_HOC(place=self.name), tr("Sign it with Developer ID Application."))
            return
        self._signature(detached.parse(container), directories)
        self._requirement(blobs, best)
        if self.image.is_executable and not best.flags & code_directory.FLAG_RUNTIME:
            self.say(found.HARDENED_NOT(place=self.name), tr("Sign it again with the hardened runtime."))

    def _directories(self, blobs: dict[int, bytes]) -> list[bytes]:
        if superblob.SLOT_CODE_DIRECTORY not in blobs:
            raise BlobError(tr("there is no CodeDirectory"))
        slots = [superblob.SLOT_CODE_DIRECTORY, *superblob.SLOT_ALTERNATES]
        return [blobs[slot] for slot in slots if slot in blobs]

    def _pages(self, directory: CodeDirectory) -> None:
        image = self.image
        signed = image.signature.offset if image.signature is not None else 0
        size = directory.page_size
        count = -(-directory.code_limit // size) if size else 1
        fits = directory.code_limit == signed and len(directory.hashes) == count
        wrong = -1
        if fits:
            pages = code_directory.page_hashes(
                self.file,
                image.offset,
                directory.code_limit,
                size,
                directory.digest,
                directory.hash_size,
                self.around.step,
            )
            for number, (actual, wanted) in enumerate(zip(pages, directory.hashes, strict=True)):
                if actual != wanted and wrong < 0:
                    wrong = number
        if not fits or wrong >= 0:
            finding = found.HASHES_WRONG(
                place=self.name, evidence=Evidence(more={"page": str(wrong)} if wrong >= 0 else {})
            )
            self.say(finding, tr("Take it from where it was signed, or sign it again."))

    def _contents(self, blobs: dict[int, bytes]) -> Iterator[tuple[int, bytes | None]]:
        info = self.around.info_plist
        if info is None and not self.around.in_bundle:
            info = macho.embedded_info_plist(self.file, self.image)
        yield superblob.SLOT_INFO, info
        yield superblob.SLOT_RESOURCES, self.around.resources
        for slot in (
            superblob.SLOT_REQUIREMENTS,
            superblob.SLOT_ENTITLEMENTS,
            superblob.SLOT_ENTITLEMENTS_DER,
        ):
            yield slot, blobs.get(slot)

    def _slots(self, directory: CodeDirectory, blobs: dict[int, bytes]) -> None:
        for slot, content in self._contents(blobs):
            signed = directory.special.get(slot)
            if content is None and signed is None:
                continue
            # what lies beside a program may be there without being signed; parts of the signature may not
            if signed is None and slot == superblob.SLOT_INFO and not self.around.in_bundle:
                continue
            if (
                content is None
                or signed is None
                or code_directory.slot_hash(content, directory.digest, directory.hash_size) != signed
            ):
                self.say(found.SLOT_WRONG(place=self.name, part=_PARTS[slot]), tr("Sign it again."))

    def _entitlements(self, blobs: dict[int, bytes]) -> None:
        plist = blobs.get(superblob.SLOT_ENTITLEMENTS)
        encoded = blobs.get(superblob.SLOT_ENTITLEMENTS_DER)
        if plist is None:
            return
        body = superblob.content(plist, superblob.MAGIC_ENTITLEMENTS)
        self.signature.entitlements = entitlements.parse(body) if body.strip() else {}
        if encoded is not None:
            other = entitlements.from_der(superblob.content(encoded, superblob.MAGIC_ENTITLEMENTS_DER))
            if other != self.signature.entitlements:
                self.say(found.ENTITLEMENTS_DIFFER(place=self.name), tr("Sign it again."))
        if self.signature.entitlements.get(entitlements.GET_TASK_ALLOW) is True:
            self.say(found.DEBUGGABLE(place=self.name), tr("Build it for release, without this entitlement."))

    def _signature(self, data: cms.SignedData, directories: list[CodeDirectory]) -> None:
        if len(data.signers) != 1:
            raise DerError(tr("it has another number of signers than one"))
        signer = data.signers[0]
        certificate = find_certificate(data, signer)
        if certificate is None:
            raise DerError(tr("the signer's certificate is not in it"))
        self.signature.certificate = certificate
        self.signature.signing_time = detached.signing_time(signer)
        # the CMS is over the first CodeDirectory, the attributes name the others
        problem = detached.check(signer, directories[0].encoded, certificate)
        if not problem:
            problem = self._listed(signer, directories)
        if problem:
            self.say(found.SIGNATURE_WRONG(place=self.name, why=problem), tr("Sign it again."))
        self._timestamp(signer, certificate)
        self._chain(data, certificate)

    def _listed(self, signer: cms.SignerInfo, directories: list[CodeDirectory]) -> str:
        listed = code_cms.hash_list(signer)
        hashes = {each.cdhash for each in directories}
        if listed.short and set(listed.short) != hashes:
            return tr("its list of hashes is another one")
        whole = {each.full_hash for each in directories}
        named = {value for _, value in listed.whole}
        if not named <= whole:
            return tr("its list of hashes is another one")
        # the CMS itself is over the first one only
        if len(directories) > 1 and not listed.short and named != whole:
            return tr("its further CodeDirectories are not signed")
        return ""

    def _timestamp(self, signer: cms.SignerInfo, certificate: x509.Certificate) -> None:
        tokens = signer.unsigned.get(detached.TIMESTAMP_TOKEN, [])
        if not tokens:
            date = certificate.not_valid_after_utc.date().isoformat()
            remedy = tr("Sign it again with a time stamp.")
            self.say(found.TIMESTAMP_MISSING(place=self.name, date=date), remedy)
            return
        try:
            token = check_token(tokens[0].encoded, signer.signature, self.around.roots.timestamp)
        except TokenError as error:
            self.say(found.TIMESTAMP_WRONG(place=self.name, why=str(error)))
            return
        if token.chain.trusted:
            self.signature.timestamp = token
        else:
            self.say(found.TIMESTAMP_WRONG(place=self.name, why=token.chain.text))

    def _chain(self, data: cms.SignedData, certificate: x509.Certificate) -> None:
        from codesign_wizard.core.authenticode import trust as names

        stamp = self.signature.timestamp
        when = stamp.time if stamp is not None else self.around.now
        chain = trust.judge(certificate, data.certificates, self.around.roots, when)
        self.signature.chain = chain
        if not chain.trusted:
            self.say(found.CHAIN_WRONG(signer=names.name(certificate), why=chain.text))
        kind = certificates.classify(certificate)
        marked = len(chain.path) > 1 and trust.has_extension(chain.path[1], oids.DEVELOPER_ID_AUTHORITY)
        usable = oids.CODE_SIGNING_USAGE in trust.usages(certificate)
        if kind is not certificates.Kind.APPLICATION or not usable or (chain.trusted and not marked):
            remedy = tr("Sign it with the Developer ID Application certificate.")
            self.say(found.KIND_WRONG(place=self.name, kind=kind.label), remedy)
        team = certificates.team(certificate)
        if self.signature.team != team:
            self.say(
                found.TEAM_WRONG(place=self.name, team=shown(self.signature.team) or "–", other=team or "–")
            )

    def _requirement(self, blobs: dict[int, bytes], directory: CodeDirectory) -> None:
        expression = None
        if superblob.SLOT_REQUIREMENTS in blobs:
            parsed = requirements.parse_set(blobs[superblob.SLOT_REQUIREMENTS])
            expression = parsed.get(requirements.DESIGNATED)
        if expression is None:
            self.say(found.REQUIREMENT_MISSING(place=self.name))
            return
        self.signature.requirement = str(expression)
        if not evaluate(expression, self.context()):
            finding = found.REQUIREMENT_WRONG(place=self.name, requirement=shown(str(expression)))
            self.say(finding, tr("Sign it again."))

    def context(self) -> requirements.Context:
        """Return what requirements are asked of."""
        return context(self.signature, self.around)


def context(signature: CodeSignature, around: Surroundings) -> requirements.Context:
    """Return what requirements are asked of, for a signature that was checked."""
    info: Any = {}
    if around.info_plist is not None:
        try:
            info = entitlements.parse_plist(around.info_plist)
        except entitlements.EntitlementsError:
            info = {}  # a requirement on it is then not fulfilled
    chain = signature.chain
    return requirements.Context(
        identifier=signature.identifier,
        cdhashes=[bytes.fromhex(each) for each in signature.cdhashes],
        chain=chain.path if chain is not None else [],
        # expired or not, the anchor is Apple's; the chain has a finding of its own
        apple=chain is not None and chain.root is not None,
        info=info if isinstance(info, dict) else {},
        entitlements=signature.entitlements,
    )
