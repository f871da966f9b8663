"""What a Mach-O file or an app bundle is, whose it is, and what is wrong with it, for people."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from codesign_wizard.core.apple.code_check import CodeSignature
from codesign_wizard.core.apple.code_findings import UNSIGNED
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import verify_code
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr


def inspect_code(job: JobContext, path: Path, roots: AppleRoots | None = None) -> Inspection:
    """Return what the Mach-O file or bundle *path* is; raises ``InputError`` when it cannot be read."""
    report = verify_code(job, path, trust=roots or AppleRoots())
    bundle = path.is_dir()
    main = report.signatures[-1] if report.signatures else None
    mains = [each for each in report.signatures if main is not None and each.place == main.place]
    what = tr("app or other bundle for macOS") if bundle else _kind(mains)
    architectures = ", ".join(each.architecture for each in mains)
    facts = [(tr("Kind"), f"{what} ({architectures})")]
    if main is not None:
        facts += _facts(main)
    if bundle:
        count = len({each.place for each in report.signatures})
        facts.append((tr("Programs and libraries"), str(count)))
    signer, says = "" if main is None else _signer(main), ""
    if signer:
        title = tr("{file} is code for macOS signed by {signer}.").format(
            file=shown(path.name), signer=signer
        )
    elif main is not None and main.cdhashes:
        title = tr("{file} is code for macOS, signed by nobody: only hashed by its linker.").format(
            file=shown(path.name)
        )
    else:
        title, says = (
            tr("{file} is code for macOS that is not signed.").format(file=shown(path.name)),
            UNSIGNED.id,
        )
    kind = "macos-bundle" if bundle else "macos-program"
    details = {"verification": report.to_json()}
    return Inspection(kind, title, facts, report.findings, details, says=says)


def _kind(images: list[CodeSignature]) -> str:
    kind = images[0].kind if images else ""
    if kind == "executable":
        return tr("program for macOS")
    if kind == "dylib":
        return tr("library for macOS")
    return tr("Mach-O file of the kind {kind}").format(kind=kind)


def _signer(signature: CodeSignature) -> str:
    from codesign_wizard.core.authenticode import trust

    return "" if signature.certificate is None else trust.name(signature.certificate)


def _facts(main: CodeSignature) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if main.identifier:
        facts.append((tr("Identifier"), shown(main.identifier)))
    signer = _signer(main)
    if signer:
        facts.append((tr("Signature"), signer))
    if main.team:
        facts.append((tr("Team"), shown(main.team)))
    if main.timestamp is not None:
        time = main.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts.append((tr("Time stamp"), time))
    if main.runtime_version:
        facts.append((tr("Hardened runtime"), main.runtime_version))
    if main.entitlements:
        facts.append((tr("Entitlements"), shown(", ".join(sorted(main.entitlements)))))
    if main.cdhashes:
        facts.append(("CDHash", main.cdhashes[-1]))
    return facts
