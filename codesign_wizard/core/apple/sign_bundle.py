"""Signing a bundle: everything that is code in it, deepest first, each sealed by what holds it.

The bundle is copied beside its target, signed there, and put in the target's place when all is done.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import bundle as layout
from codesign_wizard.core.apple import code_outside, code_resources, macho
from codesign_wizard.core.apple.bundle import Bundle, BundleError, Entry
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.sign_macho import NO_TIMESTAMP, NOT_HARDENED, SignedCode, sign_macho
from codesign_wizard.core.authenticode.refusals import UNREADABLE, UNWRITABLE
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import replacing_folder
from codesign_wizard.core.finding import Certainty, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.signing import Signer
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamper

_SIGNED_TYPES = (2, 6, 7, 8, 11)  # programs, libraries, dyld, bundles, kernel extensions

NOT_A_BUNDLE = FindingKind(
    "apple.bundle.not-a-bundle",
    Severity.ERROR,
    "{folder} is not an app or another bundle that can be signed: {why}.",
    "The folder has no Info.plist or program where bundles have them, or holds what no bundle may hold.",
)
NOT_CODE = FindingKind(
    "apple.bundle.not-code",
    Severity.WARNING,
    "{path} lies where macOS expects programs, but it is none: it is sealed as a plain file.",
    "A file in MacOS, Frameworks, Helpers or the like is no Mach-O; put scripts and data into Resources.",
)
LINK_OUT = FindingKind(
    "apple.bundle.link-out",
    Severity.WARNING,
    "The link {path} leads out of the bundle, to {target}, which macOS refuses.",
    "A symbolic link in the bundle is absolute or leads outside.",
)
LINK_BROKEN = FindingKind(
    "apple.bundle.link-broken",
    Severity.WARNING,
    "The link {path} leads to nothing in the bundle ({target}), which macOS refuses.",
    "What a symbolic link names is not there, or links lead in a circle or, one by one, out of the bundle.",
)
TARGET_INSIDE = FindingKind(
    "apple.bundle.target-inside",
    Severity.ERROR,
    "{target} lies inside the bundle that is to be signed.",
    "The result cannot be written into its own source.",
)


@dataclass(frozen=True)
class SignedBundle:
    """What was written: the main program's signature, and every nested one's by path, innermost first."""

    path: Path
    main: SignedCode
    nested: dict[str, SignedCode]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Wish:
    signer: Signer
    hardened: bool
    timestamp: Timestamper | None
    roots: AppleRoots | None
    time: datetime


def sign_bundle(
    job: JobContext,
    source: Path,
    target: Path,
    signer: Signer,
    *,
    timestamp: Timestamper | None,
    identifier: str = "",
    entitlements: bytes | None = None,
    hardened_runtime: bool = True,
    roots: AppleRoots | None = None,
    time: datetime | None = None,
) -> SignedBundle:
    """Sign the bundle *source* into *target* (they may be the same) and return what was written.

    *identifier* and *entitlements* are for the main program; nested code keeps its own entitlements. Every
    Mach-O program and library is signed, wherever it lies, as notarisation asks. Raises ``InputError`` for a
    folder that cannot be signed, ``CodesignError`` when the key or every time-stamp server refuses,
    ``Cancelled``; *target* is then what it was before.
    """
    wish = _Wish(signer, hardened_runtime, timestamp, roots, time or datetime.now(UTC))
    try:
        if not layout.is_folder(source):
            raise _refused(source, tr("it is no folder"))
        if source.resolve() in target.resolve().parents:
            raise InputError(TARGET_INSIDE(target=target.name))
        layout.open_bundles(source)
        _copyable(job, source)
    except BundleError as error:
        raise _refused(source, str(error)) from error
    except OSError as error:
        raise InputError(UNREADABLE(file=source.name, why=error.strerror or str(error))) from error
    try:
        with replacing_folder(target) as draft:
            _copy(job, source, draft)
            worker = _Worker(job, draft, wish, target.name)
            main = worker.bundle(draft, "", identifier, entitlements)
            if main is None:
                raise _refused(source, tr("there is no program in it"))
            main = dataclasses.replace(main, path=target)
            return SignedBundle(target, main, worker.signed, worker.findings)
    except BundleError as error:
        raise _refused(source, str(error)) from error
    except OSError as error:
        raise InputError(UNWRITABLE(file=target.name, why=error.strerror or str(error))) from error


def _refused(folder: Path, why: str) -> InputError:
    return InputError(NOT_A_BUNDLE(folder=folder.name, why=why, certainty=Certainty.COMPUTED))


def _copyable(job: JobContext, source: Path) -> None:
    # pipes and devices are found before anything is written
    for _ in layout.walk(source):
        job.check_cancelled()


def _copy(job: JobContext, source: Path, draft: Path) -> None:
    def copy(one: str, two: str) -> None:
        job.check_cancelled()
        shutil.copy2(one, two)

    try:
        shutil.copytree(source, draft, symlinks=True, copy_function=copy, dirs_exist_ok=True)
    except shutil.Error as error:
        first = error.args[0][0][2] if error.args and error.args[0] else str(error)
        raise OSError(None, str(first)) from error


class _Worker:
    """Signs in place below ``top``; ``signed`` has every nested signature by its path from there."""

    def __init__(self, job: JobContext, top: Path, wish: _Wish, name: str) -> None:
        self.job, self.top, self.wish, self.name = job, top, wish, name
        self.signed: dict[str, SignedCode] = {}
        self.findings: list[Finding] = []

    def bundle(
        self, folder: Path, prefix: str, identifier: str = "", entitlements: bytes | None = None
    ) -> SignedCode | None:
        """Sign the bundle in *folder*; return its program's signature, ``None`` when it has no program."""
        result = None
        bundles = layout.open_bundles(folder)
        for each in bundles:
            self._clear(each)
        outside = next(code_outside.unsealed(folder), None)
        if outside is not None:
            path = shown(f"{prefix}{outside}")
            raise BundleError(
                tr("{path} lies where nothing is sealed and macOS allows nothing").format(path=path)
            )
        for each in bundles:
            if each.executable:
                result = self._one(each, prefix, identifier, entitlements)
        return result

    def _one(self, bundle: Bundle, prefix: str, identifier: str, entitlements: bytes | None) -> SignedCode:
        root = bundle.root
        inner = f"{prefix}{root.relative_to(bundle.folder).as_posix()}/".removeprefix("./")
        if root == bundle.folder:
            inner = prefix
        entries = list(layout.walk(root))
        code = self._nested(bundle, entries, inner)
        # sizes and contents are read anew: nested code was signed meanwhile
        made = code_resources.seal(
            root,
            entries if not code else list(layout.walk(root)),
            bundle.executable,
            code,
            resources=bundle.has_resources,
            step=lambda path: self.job.progress(0, None, path),
        )
        self._remark(made, entries, bundle, inner)
        sealed = made.to_plist()
        bundle.resources_file.parent.mkdir()
        bundle.resources_file.write_bytes(sealed)
        signed = self._sign(
            bundle.program,
            identifier=identifier or bundle.identifier,
            entitlements=entitlements,
            info_plist=bundle.info_data,
            resources=sealed,
        )
        if prefix:
            self.signed[prefix.rstrip("/")] = signed
        return signed

    def _clear(self, bundle: Bundle) -> None:
        """Remove a former seal, and a ticket stapled to it, which is for a signature that goes."""
        folder = bundle.root / layout.SIGNATURE_FOLDER
        if layout.is_folder(folder):
            shutil.rmtree(folder)
        elif os.path.lexists(folder):
            folder.unlink()
        ticket = bundle.root / layout.RESOURCES_FILE
        if os.path.lexists(ticket) and not layout.is_folder(ticket):
            ticket.unlink()

    def _nested(self, bundle: Bundle, entries: list[Entry], inner: str) -> dict[str, tuple[bytes, str]]:
        """Sign all code below the bundle; return what its seal needs of it, by path."""
        code: dict[str, tuple[bytes, str]] = {}
        done: list[str] = []
        for entry in entries:
            self.job.check_cancelled()
            if any(entry.path.startswith(each) for each in done) or entry.path == bundle.executable:
                continue
            path = bundle.root / entry.path
            signed: SignedCode | None = None
            if entry.kind == "folder" and "." in path.name and layout.looks_like_bundle(path):
                signed = self.bundle(path, f"{inner}{entry.path}/")
                done.append(entry.path + "/")
            elif entry.kind == "file" and layout.holds_macho(path) and _is_signed_type(path):
                signed = self._sign(path)
                self.signed[inner + entry.path] = signed
            if signed is not None:
                code[entry.path] = (bytes.fromhex(signed.cdhash), signed.requirement)
        return code

    def _sign(
        self,
        path: Path,
        *,
        identifier: str = "",
        entitlements: bytes | None = None,
        info_plist: bytes | None = None,
        resources: bytes | None = None,
    ) -> SignedCode:
        self.job.log(
            LogLevel.INFO,
            tr("Signing {path}").format(path=path.relative_to(self.top).as_posix()),
            part="sign",
        )
        signed = sign_macho(
            self.job,
            path,
            path,
            self.wish.signer,
            identifier=identifier,
            entitlements=entitlements,
            hardened_runtime=self.wish.hardened,
            timestamp=self.wish.timestamp,
            info_plist=info_plist,
            resources=resources,
            roots=self.wish.roots,
            time=self.wish.time,
        )
        # what was asked for is the same for all of them, and said once
        said = {each.id for each in self.findings} & {NO_TIMESTAMP.id, NOT_HARDENED.id}
        self.findings += [
            each for each in signed.findings if each not in self.findings and each.id not in said
        ]
        return signed

    def _remark(
        self, made: code_resources.Resources, entries: list[Entry], bundle: Bundle, inner: str
    ) -> None:
        for entry in entries:
            link = bundle.root / entry.path
            if entry.kind == "link":
                self._remark_link(link, entry.target, f"{self.name}/{inner}{entry.path}")
            sealed = made.files2.get(entry.path)
            if entry.kind != "file" or sealed is None or sealed.cdhash:
                continue
            rule = code_resources.rule_for(made.rules2, entry.path)
            if rule is not None and rule.nested:
                remedy = Remedy(title=tr("Move it to Contents/Resources and leave a link in its place."))
                self.findings.append(
                    NOT_CODE(path=shown(f"{self.name}/{inner}{entry.path}"), remedies=[remedy])
                )

    def _remark_link(self, link: Path, target: str, path: str) -> None:
        if code_outside.leads_out(link, target, self.top):
            self.findings.append(LINK_OUT(path=shown(path), target=shown(target)))
        elif code_outside.leads_nowhere(link, target, self.top):
            remedy = Remedy(title=tr("Take the link away, or put there what it leads to."))
            self.findings.append(LINK_BROKEN(path=shown(path), target=shown(target), remedies=[remedy]))


def _is_signed_type(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            images = macho.read(file).images
        except macho.MachoError:
            return True  # signing it says what is wrong
    return all(image.file_type in _SIGNED_TYPES for image in images)
