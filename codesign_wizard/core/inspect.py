"""What a file is, whose, until when, and what is wrong with it; told from its content, not its name."""

from __future__ import annotations

import hashlib
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import Certainty, FindingKind, Remedy, Severity
from codesign_wizard.core.inspect_certificates import inspect_certificates, inspect_wrapped
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.roots import RootStore


_MAXIMUM_SMALL = 4 << 20  # certificates and key files are far smaller


_CHUNK = 4 << 20


UNREADABLE = FindingKind(
    "inspect.unreadable",
    Severity.ERROR,
    "{file} cannot be read: {why}.",
    "The file is missing, is a folder, or the system does not let it be read.",
)


UNKNOWN = FindingKind(
    "inspect.unknown",
    Severity.WARNING,
    "{file} is of no kind that is inspected here: {what}.",
    "The file is no Windows program, certificate or .p12.",
)


PROFILE = FindingKind(
    "inspect.profile",
    Severity.INFO,
    "{file} holds settings without secrets; nothing of it is taken over by looking at it.",
    "A profile that profile export wrote.",
)


def inspect_file(
    job: JobContext,
    path: Path,
    password: Secret | None = None,
    *,
    roots: RootStore | None = None,
    apple_roots: AppleRoots | None = None,
) -> Inspection:
    """Say what *path* is; *roots* are what a program's signatures are judged by (Microsoft's without).

    *apple_roots* are the same for what is signed for macOS.

    Raises ``InputError`` when it cannot be read or begins like something it is not, and ``Cancelled``.
    """
    try:
        if path.is_dir() and _is_bundle(path):
            from codesign_wizard.core.apple.code_inspect import inspect_code

            return inspect_code(job, path, apple_roots)
        require_file(path)
        with path.open("rb") as file:
            start = file.read(2048)
        size = path.stat().st_size
        from codesign_wizard.core.report_open import is_report

        if start[:2] == b"MZ":
            return _program(job, path, roots)
        if start[:4] == b"xar!":
            from codesign_wizard.core.apple.package_inspect import inspect_package

            return inspect_package(job, path, apple_roots)
        if _is_macho(start):
            from codesign_wizard.core.apple.code_inspect import inspect_code

            return inspect_code(job, path, apple_roots)
        if is_report(start):
            return _report(path)
        if start.lstrip()[:1] == b"{":
            held = _profile(path)
            if held is not None:
                return held
        data = path.read_bytes() if size <= _MAXIMUM_SMALL else b""
        if b"-----BEGIN " in data[:65536] or data[:1] == b"\x30":
            found = inspect_certificates(path, data, password, roots, apple_roots)
            if found is not None:
                return found
        return inspect_wrapped(path, data, roots) or _other(job, path)
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name or str(path), why=error.strerror or str(error))) from error


def _report(path: Path) -> Inspection:
    from codesign_wizard.core.report_open import open_report

    opened = open_report(path)
    verdict, profile = opened.document["verdict"], opened.profile
    facts = [
        (tr("Profile"), profile.name),
        (tr("Made"), opened.origin.words),
        (tr("Verdict"), " ".join(str(verdict[each]) for each in ("title", "detail") if verdict[each])),
    ]
    grave = (Severity.ERROR, Severity.WARNING)
    findings = [
        each for result in profile.results.values() for each in result.findings if each.severity in grave
    ]
    title = tr("{file} is a report of Codesign Wizard on {name}.").format(file=path.name, name=profile.name)
    return Inspection("report", title, facts, findings, {"report": opened.document})


def _profile(path: Path) -> Inspection | None:
    """Return what a profile is that somebody exported, ``None`` for any other JSON."""
    import json

    from codesign_wizard.core.profile import Profile

    if path.stat().st_size > _MAXIMUM_SMALL:
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict) or not {"schema", "id", "name", "windows", "macos"} <= set(
            document
        ):
            return None
        held = Profile.from_json(document)
    except (ValueError, RecursionError, InputError):
        return None
    azure, title = held.windows.azure, tr("{file} is a profile of Codesign Wizard: {name}.")
    facts = [
        (tr("Vault"), azure.vault_name),
        (tr("Certificate"), azure.certificate_name),
        (tr("Application ID"), azure.application_id),
        (tr("Tenant ID"), azure.tenant_id),
        (tr("Apple team"), held.macos.team),
        (tr("Server"), held.server.address),
    ]
    found = PROFILE(
        file=path.name,
        remedies=[
            Remedy(
                title=tr("Take it in beside your own: codesign-wizard profile import {file}").format(
                    file=path.name
                )
            )
        ],
    )
    return Inspection(
        "profile",
        title.format(file=path.name, name=held.name),
        [fact for fact in facts if fact[1]],
        [found],
        {"profile": {"id": held.id, "name": held.name}},
    )


def _is_bundle(path: Path) -> bool:
    from codesign_wizard.core.apple.bundle import looks_like_bundle

    return looks_like_bundle(path)


def _is_macho(start: bytes) -> bool:
    from codesign_wizard.core.apple.macho import is_macho

    return is_macho(start)


def _program(job: JobContext, path: Path, roots: RootStore | None) -> Inspection:
    from codesign_wizard.core.authenticode.checks import UNSIGNED
    from codesign_wizard.core.authenticode.roots import RootStore
    from codesign_wizard.core.authenticode.verify import verify_file

    result = verify_file(job, path, roots=roots or RootStore.microsoft())
    facts = [(tr("Kind"), tr("Windows program, {machine}").format(machine=result.architecture))]
    for report in result.signatures:
        facts.append((report.place.capitalize(), report.publisher or tr("not readable")))
        if report.description:
            facts.append((tr("Description"), report.description))
        if report.timestamp is not None:
            time = report.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            facts.append((tr("Time stamp"), time))
    if not result.signatures:
        title = tr("{file} is a Windows program that is not signed.").format(file=path.name)
    else:
        title = tr("{file} is a Windows program signed by {publisher}.").format(
            file=path.name, publisher=result.signatures[0].publisher or tr("somebody unreadable")
        )
    details = {"verification": result.to_json()}
    says = "" if result.signatures else UNSIGNED.id
    return Inspection("windows-program", title, facts, result.findings, details, says=says)


def _other(job: JobContext, path: Path) -> Inspection:
    from codesign_wizard.core.authenticode.refusals import describe

    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = path.stat().st_size
        what = describe(file, size)
        done = 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            job.progress(done, size, path.name)
    finding = UNKNOWN(file=path.name, what=what, certainty=Certainty.COMPUTED)
    # what it is says the sentence already
    facts = [(tr("Size"), tr("{n} bytes").format(n=size)), (tr("SHA-256"), digest.hexdigest())]
    return Inspection("other", finding.title, facts, [finding], {"sha256": digest.hexdigest()})
