"""The proof: the server builds its own clients, and they are judged like the trials.

A loader is validly signed, too: what counts is by whom, and that there is exactly one installer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.comet import prove_findings as found
from codesign_wizard.core.comet.answers import CometRefusalError, refusal_in
from codesign_wizard.core.comet.client import CometClient, Platform
from codesign_wizard.core.comet.delivered import DeliveryError, is_refusal_like, open_delivery
from codesign_wizard.core.comet.proof import Proof, ProveRequest
from codesign_wizard.core.comet.prove_judge import judge_package, judge_windows
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import hidden_folder, require_replaceable
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    Remedy,
    Severity,
    blocks,
    utc_now,
    worst_first,
)
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.network import Network
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import shown, size_words, tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.package_verify import PackageVerification
    from codesign_wizard.core.authenticode.verify import Verification
    from codesign_wizard.core.azure.options import AzureOptions


STAGES = ("build", "unpack", "verify")


_SNIFFED = 64 << 10


_NAME = re.compile(r"filename=\"?([^\";]{1,120})\"?", re.I)


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
        with hidden_folder(folder / "download") as work:
            return _downloaded(job, client, request, platform, work)
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
        windows = judge_windows(job, request, platform, delivery, findings)
    elif delivery.packages:
        package = judge_package(job, request, platform, delivery, draft.parent, findings)
    else:
        findings.append(_no_file(platform, tr("there is no installer in it"), b""))
    # the judging itself did work: its stage says what it came to
    state = StageState.DONE
    if blocks(findings):
        state = StageState.FAILED
    elif any(each.severity is Severity.WARNING for each in findings):
        state = StageState.ATTENTION
    job.stage("verify", state, "" if state is StageState.DONE else found.short(findings))
    target = request.output_folder / draft.name
    require_replaceable(target)
    draft.replace(target)
    contents = [path.name for path in (*delivery.windows, *delivery.packages)] if delivery.packed else []
    return Proof(platform, findings, target, size, sha256, [*contents, *delivery.others], windows, package)


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


def _file_name(headers: Any, platform: Platform) -> str:
    """Return a file's name that the server proposes, made harmless."""
    told = _NAME.search(headers.get("content-disposition", ""))
    name = "".join(char for char in (told[1] if told else "") if char.isalnum() or char in "._- ()+")
    name = name.strip(" .") or f"client-{platform.number}"
    return f"server-{platform.number}-{name}"[:150]
