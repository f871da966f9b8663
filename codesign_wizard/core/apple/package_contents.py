"""Signing everything in a macOS package: the code inside with one certificate, the package with another.

Each component is unpacked, its bundles and loose programs are signed, deepest first, and the package is built
again with what changed. Scripts are looked through too: a program among them is signed like any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import bundle, macho
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_sign import Seal, WrittenPackage, change_package
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.sign_macho import SignedCode, sign_macho
from codesign_wizard.core.apple.tree import Tree
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext, StageState
from codesign_wizard.core.signing import Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamper

STAGE = "sign-binaries"
_OBJECT_FILE = 1  # MH_OBJECT: what compilers leave, which nobody runs

NO_LINKS = FindingKind(
    "apple.package.links-not-made",
    Severity.ERROR,
    "{file} holds symbolic links, which this account may not make on Windows.",
    "A bundle with links (a framework) can be sealed only where links can be made.",
)
NOTHING = FindingKind(
    "apple.package.no-code",
    Severity.WARNING,
    "{file} holds no program that could be signed.",
    "No component of the package has a bundle or a Mach-O file in it.",
)


@dataclass(frozen=True)
class SignedContents:
    """What was written; ``code`` has each signature by component and path (``one.pkg/App.app``)."""

    package: WrittenPackage
    code: dict[str, SignedCode]
    findings: list[Finding] = field(default_factory=list)


def sign_contents(
    job: JobContext,
    source: Path,
    target: Path,
    application: Signer,
    installer: Signer | None,
    *,
    timestamp: Timestamper | None,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
    work: Path | None = None,
) -> SignedContents:
    """Sign all code in the package *source* with *application*, and the package with *installer*, if given.

    The result goes to *target* (which may be *source*). Folders are made in *work*, or beside *target*.
    Raises ``InputError`` for what cannot be opened or signed, ``CodesignError`` when a key or every
    time-stamp server refuses, ``Cancelled``; *target* is then what it was before.
    """
    moment = now or datetime.now(UTC)
    signing = _Signing(job, source, application, timestamp, roots, moment)
    seal = None if installer is None else Seal(installer, timestamp, roots, moment)
    package = change_package(job, source, target, signing.component, seal=seal, work=work)
    job.stage(STAGE, StageState.DONE, tr("{count} signed").format(count=len(signing.code)))
    findings = [*signing.findings, *package.findings]
    if not signing.code:
        findings.append(NOTHING(file=source.name))
    return SignedContents(package, signing.code, findings)


class _Signing:
    def __init__(
        self,
        job: JobContext,
        source: Path,
        signer: Signer,
        timestamp: Timestamper | None,
        roots: AppleRoots | None,
        now: datetime,
    ) -> None:
        self.job, self.source, self.signer = job, source, signer
        self.timestamp, self.roots, self.now = timestamp, roots, now
        self.code: dict[str, SignedCode] = {}
        self.findings: list[Finding] = []

    def component(self, component: Component, part: str, tree: Tree) -> None:
        if tree.folder is None:
            return
        if tree.unlinked:
            remedy = Remedy(title=tr("Switch on Windows' Developer Mode, or work on macOS or Linux."))
            raise InputError(NO_LINKS(file=self.source.name, remedies=[remedy]))
        prefix = component.name if part == "Payload" else f"{component.name}/{part}"
        for path in code_in(tree.folder):
            self.job.check_cancelled()
            name = path.relative_to(tree.folder).as_posix()
            self.job.stage(STAGE, StageState.RUNNING, shown(name))
            self._one(path, f"{prefix}/{name}")

    def _one(self, path: Path, name: str) -> None:
        if bundle.is_folder(path):
            signed = sign_bundle(
                self.job, path, path, self.signer, timestamp=self.timestamp, roots=self.roots, time=self.now
            )
            self.code.update({f"{name}/{inner}": each for inner, each in signed.nested.items()})
            self.code[name] = signed.main
            self._remark(signed.findings)
        else:
            loose = sign_macho(
                self.job, path, path, self.signer, timestamp=self.timestamp, roots=self.roots, time=self.now
            )
            self.code[name] = loose
            self._remark(loose.findings)

    def _remark(self, findings: list[Finding]) -> None:
        self.findings += [each for each in findings if each not in self.findings]


def code_in(folder: Path) -> Iterator[Path]:
    """Yield the outermost bundles below *folder*, and Mach-O files outside of them; no link is followed.

    Raises ``OSError``.
    """
    inside = sorted(os.scandir(folder), key=lambda each: each.name)
    for each in inside:
        path = Path(each.path)
        if each.is_symlink():
            continue
        if each.is_dir(follow_symlinks=False):
            if "." in each.name and bundle.looks_like_bundle(path):
                yield path
            else:
                yield from code_in(path)
        elif bundle.holds_macho(path) and not _is_object(path):
            yield path


def _is_object(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return all(image.file_type == _OBJECT_FILE for image in macho.read(file).images)
        except macho.MachoError:
            return False  # signing it says what is wrong
