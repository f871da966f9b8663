"""The trial for Windows from end to end: build or take an installer, sign, time-stamp, verify, pack.

Stages, in order: build, hash, sign, time-stamp, embed, verify. Whatever fails is a finding, and then nothing
is left behind: what stood under the output's names stays what it was. That holds for a file that was signed
but would not be accepted by Windows, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import in_place
from codesign_wizard.core.finding import Finding, FindingKind, Severity, blocks, iso, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr
from codesign_wizard.core.trial_parts import (
    Stages,
    check_replaceable,
    refuse_same,
    size_text,
    work_folder,
)

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.sign import SignedFile
    from codesign_wizard.core.authenticode.verify import Verification
    from codesign_wizard.core.network import Network

STAGES = ("build", "hash", "sign", "time-stamp", "embed", "verify")

SMART_SCREEN = FindingKind(
    "trial.windows.smart-screen",
    Severity.INFO,
    "SmartScreen may still warn at first: it goes by reputation, which grows with downloads.",
    "A valid signature, EV included, gives no instant reputation; a renewed certificate may begin anew.",
)
NOT_KEPT = FindingKind(
    "trial.output.not-kept",
    Severity.INFO,
    "The signed file was not kept, because Windows would not accept it.",
    "The verification found an error; what an earlier trial wrote is still there.",
)


@dataclass
class WindowsTrialRequest:
    """What to do. ``open_signer`` is called once, when the key is needed; times are in seconds.

    ``output_name`` is the file's name when it is not to be made from the product's or the input's.
    """

    open_signer: Callable[[JobContext], Signer]
    network: Network
    roots: RootStore
    output_folder: Path
    product_name: str
    input_file: Path | None = None
    architecture: str = "x64"
    description: str = ""
    url: str = ""
    timestamp_servers: Sequence[str] = ()
    digest: DigestAlgorithm = DigestAlgorithm.SHA256
    append: bool = False
    timestamp_timeout: float = 20.0
    output_name: str = ""


@dataclass(frozen=True)
class WindowsTrialResult:
    """What came of it. ``exe`` and ``zip`` are ``None`` when nothing was written."""

    findings: list[Finding]
    exe: Path | None = None
    zip: Path | None = None
    signed: SignedFile | None = None
    verification: Verification | None = None
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether a signed file was written that verifies."""
        return self.exe is not None and not blocks(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the result as documented in docs/json.md."""
        document: dict[str, Any] = {
            "file": None if self.exe is None else str(self.exe),
            "zip": None if self.zip is None else str(self.zip),
            "facts": self.facts,
            "verification": None if self.verification is None else self.verification.to_json(),
        }
        if self.signed is not None:
            document |= {
                "size": self.signed.size,
                "digest_algorithm": self.signed.digest_algorithm,
                "digest": self.signed.digest_hex,
                "checksum": self.signed.checksum,
                "timestamp_server": None if self.signed.timestamp is None else self.signed.timestamp.server,
            }
        return document


def run_windows_trial(job: JobContext, request: WindowsTrialRequest) -> WindowsTrialResult:
    """Run the trial; refusals are findings in the result.

    Raises ``InputError`` for a file, folder or setting that cannot be used, and ``Cancelled``.
    """
    stages = Stages(job, STAGES)
    try:
        return _run(stages, request)
    except InputError:
        stages.fail()
        raise
    except CodesignError as error:
        stages.fail()
        job.log(LogLevel.ERROR, error.finding.title, part="trial")
        return WindowsTrialResult([error.finding])


class _LateSigner:
    """A ``Signer`` that is opened when it first has to sign, so that signing in is part of that stage."""

    def __init__(self, open_signer: Callable[[JobContext], Signer]) -> None:
        self._open = open_signer
        self._signer: Signer | None = None

    @property
    def certificate_chain(self) -> Sequence[x509.Certificate]:
        return () if self._signer is None else self._signer.certificate_chain

    @property
    def description(self) -> str:
        return "" if self._signer is None else self._signer.description

    @property
    def findings(self) -> Sequence[Finding]:
        return () if self._signer is None else self._signer.findings

    def close(self) -> None:
        """Close what was opened."""
        if self._signer is not None:
            self._signer.close()

    def sign(self, job: JobContext, digest: bytes, algorithm: DigestAlgorithm) -> bytes:
        if self._signer is None:
            job.log(LogLevel.INFO, tr("Opening the key"), part="vault")
            self._signer = self._open(job)
            job.log(
                LogLevel.INFO, tr("Signing with {key}").format(key=self._signer.description), part="vault"
            )
        return self._signer.sign(job, digest, algorithm)


def _run(job: Stages, request: WindowsTrialRequest) -> WindowsTrialResult:
    from codesign_wizard.core.authenticode.sign import sign_file
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.authenticode.verify import verify_file

    timestamper = Timestamper(
        request.network, request.timestamp_servers, timeout=request.timestamp_timeout, roots=request.roots
    )
    with (
        work_folder(request.output_folder) as work,
        closing(_LateSigner(request.open_signer)) as signer,
    ):
        source, target = _source(job, request, work)
        draft = work / target.name
        signed = sign_file(
            job,
            source,
            draft,
            signer,
            digest=request.digest,
            description=request.description,
            url=request.url,
            timestamp=timestamper,
            append=request.append,
        )
        job.stage("verify", StageState.RUNNING)
        verification = verify_file(job, draft, roots=request.roots)
        # nobody is to see the draft's place
        signed, verification = replace(signed, path=target), replace(verification, path=target)
        findings = [*signer.findings, *signed.findings, *verification.findings]
        facts = _facts(signed, verification, signer)
        if not verification.ok:
            job.stage("verify", StageState.FAILED, tr("refused"))
            findings = worst_first([*findings, NOT_KEPT()])
            return WindowsTrialResult(findings, signed=signed, verification=verification, facts=facts)
        archive = _deliver(job, draft, target)
        job.stage("verify", StageState.DONE, tr("accepted"))
    facts["file"] = str(target)
    if archive is not None:
        facts["zip"] = str(archive)
    findings = worst_first([*findings, SMART_SCREEN()])
    return WindowsTrialResult(findings, target, archive, signed, verification, facts)


def _deliver(job: Stages, draft: Path, target: Path) -> Path | None:
    """Put the signed file in its place, and beside it the zip with an installer in it; return the zip."""
    from codesign_wizard.core.sample import zip_single

    # the server gives out one installer; a library alone is nothing that it packs
    archive = _archive(target)
    if archive is None:
        job.check_cancelled()
        draft.replace(target)
        return None
    packed = draft.with_name("packed")
    zip_single(_zip_name(target.name), draft, packed, job=job)
    job.check_cancelled()
    # both or none: Windows, for one, lets no program be replaced while it runs
    with in_place(packed, archive):
        draft.replace(target)
    return archive


def _archive(target: Path) -> Path | None:
    return target.with_suffix(".zip") if target.suffix.casefold() == ".exe" else None


def _zip_name(name: str) -> str:
    """Return *name* without what is no text, such as bytes of another encoding, or would break a line."""
    return "".join(char if char.isprintable() else "_" for char in name)


def _source(job: Stages, request: WindowsTrialRequest, work: Path) -> tuple[Path, Path]:
    """Return the unsigned file, built if none was given, and where the signed one goes."""
    own, folder = request.input_file, request.output_folder
    job.stage("build", StageState.RUNNING)
    if own is None:
        from codesign_wizard.core.sample import build_sample

        source = work / "sample"
        source.write_bytes(build_sample(request.product_name, request.architecture))
        target = folder / (request.output_name or f"{file_name(request.product_name)}-setup.exe")
    else:
        source = own
        target = folder / (request.output_name or f"{own.stem}-signed{own.suffix or '.exe'}")
        refuse_same(own, target)
    # told before the key is used, not after
    for path in (target, _archive(target)):
        if path is not None:
            check_replaceable(path)
    job.stage("build", StageState.DONE, f"{source.name if own else target.name}, {size_text(source)}")
    return source, target


def file_name(product: str) -> str:
    """Return *product* as the beginning of a file's name that every file system takes."""
    plain = unicodedata.normalize("NFKD", product).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60] or "product"


def _facts(signed: SignedFile, verification: Verification, signer: Signer) -> dict[str, str]:
    from codesign_wizard.core.authenticode import trust

    report = verification.signatures[-1] if verification.signatures else None
    facts = {
        "digest": f"{signed.digest_algorithm.upper().replace('SHA', 'SHA-')} {signed.digest_hex}",
        "checksum": f"{signed.checksum:08x}",
        "key": signer.description,
    }
    if report is not None and report.certificate is not None:
        facts["publisher"] = report.publisher
        facts["certificate_expires"] = iso(report.certificate.not_valid_after_utc)
    if report is not None and report.chain is not None:
        facts["chain"] = " → ".join(trust.name(certificate) for certificate in report.chain.path)
    if report is not None and report.timestamp is not None:
        time = report.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts["timestamp"] = f"{time}, {trust.name(report.timestamp.certificate)}"
    return facts
