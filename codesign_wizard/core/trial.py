"""The trial for Windows from end to end: build or take an installer, sign, time-stamp, verify, pack.

Stages, in order: build, hash, sign, time-stamp, embed, verify. Whatever fails is a finding, and then nothing
is left behind: what stood under the output's names stays what it was.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Finding, FindingKind, Severity, blocks, worst_first
from codesign_wizard.core.job import JobContext, LogLevel, StageState
from codesign_wizard.core.signing import DigestAlgorithm, Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
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
OUTPUT = FindingKind(
    "trial.output.unwritable",
    Severity.ERROR,
    "The folder {folder} cannot be written: {why}.",
    "The output folder cannot be made, is no folder, or is full.",
)


@dataclass
class WindowsTrialRequest:
    """What to do. ``open_signer`` is called once, when the key is needed; times are in seconds."""

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
    stages = _Stages(job)
    try:
        return _run(stages, request)
    except InputError:
        stages.fail()
        raise
    except CodesignError as error:
        stages.fail()
        job.log(LogLevel.ERROR, error.finding.title, part="trial")
        return WindowsTrialResult([error.finding])


class _Stages:
    """The job, remembering which stage is under way so that a failure is shown where it happened."""

    def __init__(self, job: JobContext) -> None:
        self._job = job
        self._present = STAGES[0]
        self.progress = job.progress
        self.log = job.log
        self.check_cancelled = job.check_cancelled
        self.wait = job.wait

    def stage(self, key: str, state: StageState, text: str = "") -> None:
        self._present = key
        self._job.stage(key, state, text)

    def fail(self) -> None:
        self._job.stage(self._present, StageState.FAILED)
        for key in STAGES[STAGES.index(self._present) + 1 :]:
            self._job.stage(key, StageState.SKIPPED)


def _run(job: _Stages, request: WindowsTrialRequest) -> WindowsTrialResult:
    from codesign_wizard.core.authenticode.sign import sign_file
    from codesign_wizard.core.authenticode.timestamp import Timestamper
    from codesign_wizard.core.authenticode.verify import verify_file
    from codesign_wizard.core.sample import zip_single

    timestamper = Timestamper(
        request.network, request.timestamp_servers, timeout=request.timestamp_timeout, roots=request.roots
    )
    folder = request.output_folder
    with _work_folder(folder) as work:
        job.stage("build", StageState.RUNNING)
        source, name = _source(request, work)
        job.stage("build", StageState.DONE, f"{name}, {_size(source)}")
        job.log(LogLevel.INFO, tr("Opening the key"), part="vault")
        job.check_cancelled()
        signer = request.open_signer(job)
        job.log(LogLevel.INFO, tr("Signing with {key}").format(key=signer.description), part="vault")
        draft = work / "signed.exe"
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
        state = StageState.DONE if verification.ok else StageState.FAILED
        try:
            packed = work / "packed.zip"
            zip_single(name, draft, packed, job=job)
            exe, archive = folder / name, folder / f"{Path(name).stem}.zip"
            _place(draft, exe)
            _place(packed, archive)
        except OSError as error:
            raise InputError(OUTPUT(folder=str(folder), why=error.strerror or str(error))) from error
        job.stage("verify", state, tr("accepted") if verification.ok else tr("refused"))
    findings = worst_first([*signed.findings, *verification.findings, SMART_SCREEN()])
    return WindowsTrialResult(
        findings,
        exe,
        archive,
        signed,
        verification,
        _facts(signed, verification, signer, exe, archive),
    )


class _work_folder:  # noqa: N801  # used like a function
    """A folder of our own inside the output folder, so that moving from it is a rename; gone at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Path] = []
        self._work: Path | None = None

    def __enter__(self) -> Path:
        try:
            missing = self._folder
            while not missing.exists():
                self._made.append(missing)
                missing = missing.parent
            self._folder.mkdir(parents=True, exist_ok=True)
            self._work = Path(tempfile.mkdtemp(prefix=".codesign-", dir=self._folder))
        except OSError as error:
            raise InputError(OUTPUT(folder=str(self._folder), why=error.strerror or str(error))) from error
        return self._work

    def __exit__(self, *_: object) -> None:
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        for folder in self._made:
            # only if it stayed empty: a failed trial leaves no folder behind
            try:
                folder.rmdir()
            except OSError:
                return


def _source(request: WindowsTrialRequest, work: Path) -> tuple[Path, str]:
    if request.input_file is not None:
        return request.input_file, f"{request.input_file.stem}-signed{request.input_file.suffix or '.exe'}"
    from codesign_wizard.core.sample import build_sample

    source = work / "sample.exe"
    source.write_bytes(build_sample(request.product_name, request.architecture))
    return source, f"{file_name(request.product_name)}-setup.exe"


def file_name(product: str) -> str:
    """Return *product* as the beginning of a file's name that every file system takes."""
    plain = unicodedata.normalize("NFKD", product).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60] or "product"


def _place(draft: Path, target: Path) -> None:
    draft.replace(target)


def _facts(
    signed: SignedFile, verification: Verification, signer: Signer, exe: Path, archive: Path
) -> dict[str, str]:
    from codesign_wizard.core.authenticode import trust

    report = verification.signatures[-1] if verification.signatures else None
    facts = {
        "digest": f"{signed.digest_algorithm.upper()} {signed.digest_hex}",
        "key": signer.description,
        "file": str(exe),
        "zip": str(archive),
    }
    if report is not None and report.certificate is not None:
        facts["publisher"] = report.publisher
        facts["certificate_expires"] = report.certificate.not_valid_after_utc.isoformat()
    if report is not None and report.chain is not None:
        facts["chain"] = " → ".join(trust.name(certificate) for certificate in report.chain.path)
    if report is not None and report.timestamp is not None:
        time = report.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts["timestamp"] = f"{time}, {trust.name(report.timestamp.certificate)}"
    return facts


def _size(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return tr("not readable")
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
