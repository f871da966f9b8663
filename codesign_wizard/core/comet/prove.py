"""The proof: the server builds its own clients, and they are judged like the trials.

A loader is validly signed, too: what counts is by whom, and that there is exactly one installer.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.comet import prove_findings as found
from codesign_wizard.core.comet.answers import CometRefusalError, refusal_in
from codesign_wizard.core.comet.client import CometClient, Platform
from codesign_wizard.core.comet.delivered import Delivery, DeliveryError, is_refusal_like, open_delivery
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import replacing
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, blocks, utc_now, worst_first
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import shown, size_words, tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.package_verify import PackageVerification
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.verify import Verification
    from codesign_wizard.core.azure.options import AzureOptions

STAGES = ("build", "unpack", "verify")
BUILD_SECONDS = 1800.0  # stapling alone takes ten minutes and more at the first download
_SNIFFED = 64 << 10
# said of the whole package, with what Apple was asked
_SAID = ("apple.verify.code-gatekeeper", "apple.verify.package-no-ticket")
_NO_TICKET = "apple.ticket.not-found"
_NAME = re.compile(r"filename=\"?([^\";]{1,120})\"?", re.I)
_UNSIGNED = ("authenticode.verify.unsigned", "apple.verify.package-unsigned")
_NO_STAMP = ("authenticode.verify.timestamp-missing", "apple.verify.package-timestamp-missing")


@dataclass(frozen=True)
class Expected:
    """Whose signatures they should be. ``level`` is the server's; ``None`` for what is not known."""

    windows: x509.Certificate | None = None
    installer: x509.Certificate | None = None
    level: int = 0


@dataclass
class ProveRequest:
    """What to prove and by what to judge it. ``build_seconds`` is how long one build may take to begin."""

    platforms: Sequence[Platform]
    output_folder: Path
    expected: Expected
    network: Network
    roots: RootStore
    apple_roots: AppleRoots
    build_seconds: float = BUILD_SECONDS


@dataclass(frozen=True)
class Proof:
    """What came of one platform. ``file`` is the download, kept also when it is not as it should be."""

    platform: Platform
    findings: list[Finding]
    file: Path | None = None
    size: int = 0
    sha256: str = ""
    contents: list[str] = field(default_factory=list)
    windows: Verification | None = None
    package: PackageVerification | None = None
    began: datetime = field(default_factory=utc_now)
    ended: datetime = field(default_factory=utc_now)

    @property
    def ok(self) -> bool:
        """Whether the client is signed as it should be."""
        return not blocks(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the proof as documented in docs/json.md."""
        return {
            "platform": self.platform.number,
            "title": self.platform.title,
            "ok": self.ok,
            "file": None if self.file is None else str(self.file),
            "size": self.size,
            "sha256": self.sha256,
            "contents": self.contents,
            "windows": None if self.windows is None else self.windows.to_json(),
            "macos": None if self.package is None else self.package.to_json(),
        }


def choose_platforms(
    platforms: Sequence[Platform], numbers: Sequence[int], *, windows: bool, macos: bool
) -> list[Platform]:
    """Return the platforms with *numbers*, or one recommended for each wanted system.

    Raises ``InputError`` for a number that the server does not have, or when nothing fits.
    """
    by_number = {each.number: each for each in platforms}
    if numbers:
        missing = [each for each in numbers if each not in by_number]
        if missing:
            raise InputError(_no_platform(", ".join(map(str, missing)), platforms))
        chosen = [by_number[each] for each in numbers]
        for each in chosen:
            if not each.windows and not each.macos:
                raise InputError(
                    found.OTHER_SYSTEM(
                        platform=each.title,
                        certainty=Certainty.COMPUTED,
                        remedies=[Remedy(title=tr("Choose a client for Windows or macOS."))],
                    )
                )
        return chosen
    chosen = []
    for wanted, what in ((windows, "windows"), (macos, "macos")):
        fitting = [each for each in platforms if getattr(each, what)]
        if wanted and fitting:
            chosen.append(next((each for each in fitting if each.recommended), fitting[0]))
    if not chosen:
        wanted_words = ", ".join(name for name, on in (("Windows", windows), ("macOS", macos)) if on)
        raise InputError(_no_platform(wanted_words or tr("none"), platforms))
    return chosen


def prove(job: JobContext, client: CometClient, request: ProveRequest) -> list[Proof]:
    """Let the server build each platform, download and judge it; refusals are findings.

    Raises ``InputError`` for a folder that cannot be used, ``CodesignError`` when the server is not reached
    any more, ``Cancelled``; a download that was not finished leaves nothing.
    """
    return [_one(job, client, request, platform) for platform in request.platforms]


def expected_windows(
    job: JobContext, network: Network, options: AzureOptions, secret: Secret | None
) -> x509.Certificate:
    """Return the vault's present certificate; raises ``CodesignError``."""
    from codesign_wizard.core.azure.signer import KeyVaultSigner

    with KeyVaultSigner.open(job, network, options, secret) as signer:
        return signer.certificate_chain[0]


def _one(job: JobContext, client: CometClient, request: ProveRequest, platform: Platform) -> Proof:
    began = utc_now()
    job.stage("build", StageState.RUNNING, platform.title)
    try:
        client.test_build(job, platform.number)
        proof = _built(job, client, request, platform)
    except CometRefusalError as error:
        job.stage("build", StageState.FAILED, platform.title)
        proof = Proof(platform, [_refused(platform, error.status, error.message)])
    return _timed(proof, began)


def _timed(proof: Proof, began: datetime) -> Proof:
    return replace(proof, began=began, ended=utc_now(), findings=worst_first(proof.findings))


def _built(job: JobContext, client: CometClient, request: ProveRequest, platform: Platform) -> Proof:
    folder = request.output_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".codesign-", dir=folder) as name:
            return _downloaded(job, client, request, platform, Path(name))
    except OSError as error:
        raise InputError(
            found.SAVED(
                folder=str(folder),
                why=error.strerror or str(error),
                evidence=Evidence(code=type(error).__name__),
            )
        ) from error


def _downloaded(
    job: JobContext, client: CometClient, request: ProveRequest, platform: Platform, work: Path
) -> Proof:
    draft = work / "download"
    digest, start = hashlib.sha256(), bytearray()
    with draft.open("wb") as file:

        def take(piece: bytes) -> None:
            if len(start) < _SNIFFED:
                start.extend(piece[: _SNIFFED - len(start)])
            digest.update(piece)
            file.write(piece)

        def waiting(seconds: float) -> None:
            text = tr("The server builds {platform}, {seconds} s").format(
                platform=platform.title, seconds=round(seconds)
            )
            job.progress(0, None, text)

        head = client.build(
            job, platform.number, take, first=request.build_seconds, waiting=waiting, text=platform.title
        )
        size = file.tell()
    # a refusal comes as JSON, mostly under HTTP 200: looked at before anything is kept as a file
    told = refusal_in(bytes(start)) if is_refusal_like(bytes(start)) else None
    if told is not None or not 200 <= head.status < 300:
        status, words = told or (head.status, shown(bytes(start[:200]).decode("utf-8", "replace")).strip())
        job.stage("build", StageState.FAILED, platform.title)
        return Proof(platform, [_refused(platform, status, words, http=head.status)])
    job.stage("build", StageState.DONE, f"{platform.title}, {size_words(size)}")
    # what is found in it is told by the name that people will see
    draft = draft.rename(work / _file_name(head.headers, platform))
    return _judged(job, request, platform, draft, size, digest.hexdigest())


def _judged(
    job: JobContext,
    request: ProveRequest,
    platform: Platform,
    draft: Path,
    size: int,
    sha256: str,
) -> Proof:
    job.stage("unpack", StageState.RUNNING)
    unpacked = draft.with_name("unpacked")
    unpacked.mkdir()
    try:
        delivery = open_delivery(job, draft, unpacked)
    except DeliveryError as error:
        job.stage("unpack", StageState.FAILED)
        opening = draft.read_bytes()[:80] if size < _SNIFFED else b""
        return Proof(platform, [_no_file(platform, str(error), opening)], size=size, sha256=sha256)
    job.stage("unpack", StageState.DONE)
    job.stage("verify", StageState.RUNNING)
    findings: list[Finding] = []
    windows: Verification | None = None
    package: PackageVerification | None = None
    if delivery.windows:
        windows = _windows(job, request, platform, delivery, findings)
    elif delivery.packages:
        package = _package(job, request, platform, delivery, draft.parent, findings)
    else:
        findings.append(_no_file(platform, tr("there is no installer in it"), b""))
    job.stage("verify", StageState.FAILED if blocks(findings) else StageState.DONE)
    target = request.output_folder / draft.name
    with replacing(target) as place:
        draft.replace(place)
    contents = [path.name for path in (*delivery.windows, *delivery.packages)] if delivery.packed else []
    return Proof(platform, findings, target, size, sha256, [*contents, *delivery.others], windows, package)


def _windows(
    job: JobContext,
    request: ProveRequest,
    platform: Platform,
    delivery: Delivery,
    findings: list[Finding],
) -> Verification | None:
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.verify import verify_file

    title = platform.title
    verified = []
    for path in delivery.windows:
        try:
            verified.append(verify_file(job, path, roots=request.roots))
        except InputError as error:
            findings.append(error.finding)
    if not verified:
        return None
    # nobody is to see where it was unpacked
    first = replace(verified[0], path=Path(verified[0].path.name))
    certificates = [each.signatures[0].certificate for each in verified if each.signatures]
    leaf = certificates[0] if certificates else None
    publisher = trust.name(leaf) if leaf is not None else tr("nobody")
    ours = _is(leaf, request.expected.windows)
    names = [path.name for path in delivery.windows] + delivery.data_files
    more = {"files": ", ".join(names), "publisher": publisher}
    evidence = Evidence(time=utc_now(), more=more)
    if delivery.data_files and not ours:
        remedies = [*found.compare_remedies(), *found.log_remedies()]
        findings.append(found.LOADER(publisher=publisher, evidence=evidence, remedies=remedies))
        # how the loader is signed is the vendor's affair
        return first
    if len(delivery.windows) > 1:
        findings.append(
            found.NOT_ONE(
                platform=title,
                count=len(delivery.windows),
                evidence=evidence,
                remedies=found.compare_remedies(),
            )
        )
    elif delivery.data_files:
        findings.append(found.BESIDE(names=", ".join(delivery.data_files), evidence=evidence))
    _signer(platform, leaf, request.expected.windows, publisher, findings)
    _carry(platform, first.findings, findings)
    return first


def _package(
    job: JobContext,
    request: ProveRequest,
    platform: Platform,
    delivery: Delivery,
    work: Path,
    findings: list[Finding],
) -> PackageVerification:
    from codesign_wizard.core.apple.package_audit import audit_package
    from codesign_wizard.core.apple.package_verify import verify_package
    from codesign_wizard.core.authenticode import trust

    path, level, title = delivery.packages[0], request.expected.level, platform.title
    if len(delivery.packages) > 1:
        count = len(delivery.packages)
        findings.append(
            found.NOT_ONE(platform=title, count=count, evidence=Evidence(more={"count": str(count)}))
        )
    if level > 0:
        audit = audit_package(job, path, roots=request.apple_roots, work=work)
        package, carried = audit.package, audit.findings
    else:
        # the code inside is signed only for notarising
        package = verify_package(job, path, roots=request.apple_roots)
        carried = package.findings
    package = replace(package, path=Path(path.name if delivery.packed else title))
    leaf = package.certificate
    publisher = trust.name(leaf) if leaf is not None else tr("nobody")
    _signer(platform, leaf, request.expected.installer, publisher, findings)
    _carry(platform, carried, findings)
    more = {"level": str(level), "stapled": str(package.stapled).lower()}
    evidence = Evidence(time=utc_now(), more=more)
    if level >= 2 and not package.stapled:
        findings.append(found.NOT_STAPLED(platform=title, evidence=evidence, remedies=found.log_remedies()))
    elif package.stapled:
        findings += _stapled(job, request.network, platform, path)
    elif level == 1:
        findings.append(_notarised(job, request.network, platform, path))
    elif leaf is not None:
        findings.append(
            found.SIGN_ONLY(
                platform=title,
                evidence=evidence,
                remedies=[_level_remedy()],
            )
        )
    return package


def _stapled(job: JobContext, network: Network, platform: Platform, path: Path) -> list[Finding]:
    """Compare the stapled ticket with the one that Apple gives out."""
    from codesign_wizard.core.apple.staple import validate

    try:
        return list(validate(job, network, path).findings)
    except CodesignError as error:
        if error.finding.id == _NO_TICKET:
            return [error.finding]
        return [_unseen(platform, error)]


def _notarised(job: JobContext, network: Network, platform: Platform, path: Path) -> Finding:
    """Ask Apple for the ticket that every notarised package has."""
    from codesign_wizard.core.apple.staple import open_target
    from codesign_wizard.core.apple.ticket import look_up

    try:
        record = open_target(path).record
        look_up(job, network, record, path.name, patience=0.0)
    except CodesignError as error:
        if error.finding.id == _NO_TICKET:
            return found.NOT_NOTARISED(
                platform=platform.title, evidence=error.finding.evidence, remedies=found.log_remedies()
            )
        return _unseen(platform, error)
    return found.NOTARISED(
        platform=platform.title, evidence=Evidence(time=utc_now(), more={"ticket": record})
    )


def _unseen(platform: Platform, error: CodesignError) -> Finding:
    return found.NOTARISING_UNSEEN(
        platform=platform.title, detail=error.finding.title, evidence=error.finding.evidence
    )


def _level_remedy() -> Remedy:
    return Remedy(title=tr("Choose notarising, or notarising and stapling, as the level, and apply it."))


def _signer(
    platform: Platform,
    leaf: x509.Certificate | None,
    expected: x509.Certificate | None,
    publisher: str,
    findings: list[Finding],
) -> None:
    from codesign_wizard.core.authenticode import trust

    if leaf is None:
        return
    more = {"signed by": publisher, "certificate": _thumbprint(leaf)}
    if expected is None:
        evidence = Evidence(time=utc_now(), more=more)
        findings.append(found.NOT_COMPARED(platform=platform.title, publisher=publisher, evidence=evidence))
        return
    evidence = Evidence(time=utc_now(), more={**more, "expected": _thumbprint(expected)})
    if _is(leaf, expected):
        findings.append(found.SIGNED(platform=platform.title, publisher=publisher, evidence=evidence))
    elif leaf.subject == expected.subject:
        findings.append(
            found.EARLIER(
                platform=platform.title,
                publisher=publisher,
                evidence=evidence,
                certainty=Certainty.COMPUTED,
                remedies=found.compare_remedies(),
            )
        )
    else:
        findings.append(
            found.OTHER_SIGNER(
                platform=platform.title,
                publisher=publisher,
                expected=trust.name(expected),
                evidence=evidence,
                remedies=found.compare_remedies(),
            )
        )


def _carry(platform: Platform, seen: Sequence[Finding], findings: list[Finding]) -> None:
    """Take over what the verification found, a missing signature or time stamp in this proof's words."""
    for finding in seen:
        if finding.id in _UNSIGNED:
            findings.append(
                found.UNSIGNED(
                    platform=platform.title,
                    evidence=Evidence(time=utc_now(), more={"found": finding.id}),
                    remedies=[*found.compare_remedies(), *found.log_remedies()],
                )
            )
        elif finding.id in _NO_STAMP:
            findings.append(
                found.NO_TIMESTAMP(
                    platform=platform.title,
                    evidence=Evidence(time=utc_now(), more={"found": finding.id}),
                    remedies=found.log_remedies(),
                )
            )
        elif finding.id not in _SAID:
            findings.append(finding)


def _refused(platform: Platform, status: int, words: str, *, http: int | None = None) -> Finding:
    return found.REFUSED(
        platform=platform.title,
        evidence=Evidence(http, code=str(status), message=words, time=utc_now()),
        remedies=found.log_remedies(),
    )


def _no_file(platform: Platform, why: str, opening: bytes) -> Finding:
    message = shown(opening.decode("utf-8", "replace")).strip() or None
    return found.NO_FILE(
        platform=platform.title,
        why=why,
        evidence=Evidence(message=message, time=utc_now(), more={"platform": str(platform.number)}),
        remedies=found.log_remedies(),
    )


def _no_platform(wanted: str, platforms: Sequence[Platform]) -> Finding:
    offered = "; ".join(f"{each.number} {each.title}" for each in platforms)
    return found.NO_PLATFORM(
        wanted=wanted,
        detail=tr("It offers: {platforms}").format(platforms=offered or tr("nothing")),
        evidence=Evidence(time=utc_now(), more={"offered": str(len(platforms))}),
        remedies=[Remedy(title=tr("Choose one of them with --platform NUMBER."))],
    )


def _is(leaf: x509.Certificate | None, expected: x509.Certificate | None) -> bool:
    return leaf is not None and expected is not None and leaf == expected


def _thumbprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()


def _file_name(headers: Any, platform: Platform) -> str:
    """Return a file's name that the server proposes, made harmless."""
    told = _NAME.search(headers.get("content-disposition", ""))
    name = "".join(char for char in (told[1] if told else "") if char.isalnum() or char in "._- ()+")
    name = name.strip(" .") or f"client-{platform.number}"
    return f"server-{platform.number}-{name}"[:150]
