"""Signing whatever macOS takes: a package with everything in it, an app, a program, an app in a zip."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple.bundle import is_folder, looks_like_bundle
from codesign_wizard.core.apple.certificates import Kind
from codesign_wizard.core.apple.forms import Form, form_of
from codesign_wizard.core.apple.options import Identities
from codesign_wizard.core.apple.package_contents import SignedContents, sign_contents
from codesign_wizard.core.apple.package_sign import sign_package
from codesign_wizard.core.apple.sign_bundle import sign_bundle
from codesign_wizard.core.apple.sign_macho import SignedCode, sign_macho
from codesign_wizard.core.apple.zipped_app import changed_zip
from codesign_wizard.core.authenticode.refusals import UNREADABLE
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Finding, FindingKind, Remedy, Severity, iso
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Timestamp, Timestamper

NOT_FOR_MACOS = FindingKind(
    "apple.sign.other-kind",
    Severity.ERROR,
    "{file} is nothing that is signed for macOS: {what}.",
    "Packages (.pkg), apps (.app, also in a zip) and Mach-O programs are.",
)
NOT_REPLACED = FindingKind(
    "apple.sign.not-replaced",
    Severity.ERROR,
    "{target} is there and is no app: it is not replaced by one.",
    "The signed app would take the place of a file, or of a folder with other things in it.",
)


@dataclass(frozen=True)
class SigningOptions:
    """How to sign. ``contents`` false leaves what is in a package as it is and signs the package alone.

    ``identifier``, ``entitlements`` (a property list; ``None`` keeps those that are there) and
    ``hardened_runtime`` are for programs and apps, and for what is in a package its own are kept.
    """

    contents: bool = True
    identifier: str = ""
    entitlements: bytes | None = None
    hardened_runtime: bool = True

    def kinds(self, form: Form) -> Sequence[Kind]:
        """Return the kinds of certificate that signing *form* needs."""
        if form is not Form.PACKAGE:
            return (Kind.APPLICATION,)
        return (Kind.APPLICATION, Kind.INSTALLER) if self.contents else (Kind.INSTALLER,)


@dataclass(frozen=True)
class SignedFile:
    """What was written: ``size`` in bytes (0 for a folder), ``digest`` of a package's table in hex, else "".

    ``code`` has each signature by its place. ``chain`` is the signer's, leaf first; ``timestamp`` the last.
    """

    path: Path
    form: Form
    size: int
    digest_algorithm: str
    digest: str
    signer_subject: str
    chain: list[x509.Certificate]
    key: str
    team: str
    code: dict[str, SignedCode]
    timestamp: Timestamp | None
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what was written as documented in docs/json.md."""
        from codesign_wizard.core.authenticode import trust

        return {
            "file": str(self.path),
            "form": self.form.value,
            "size": self.size,
            "digest_algorithm": self.digest_algorithm,
            "digest": self.digest,
            "signer": self.signer_subject,
            "key": self.key,
            "team": self.team,
            "chain": [trust.name(each) for each in self.chain],
            "timestamp": None
            if self.timestamp is None
            else {"server": self.timestamp.server, "time": iso(self.timestamp.time)},
            "code": [
                {
                    "path": place,
                    "identifier": code.identifier,
                    "team": code.team,
                    "requirement": code.requirement,
                    "signer": code.signer_subject,
                    "timestamp": None if code.timestamp is None else iso(code.timestamp.time),
                    "architectures": [
                        {"architecture": each.architecture, "cdhash": each.cdhash} for each in code.slices
                    ],
                }
                for place, code in self.code.items()
            ],
        }


def sign_any(
    job: JobContext,
    source: Path,
    target: Path,
    identities: Identities,
    *,
    timestamp: Timestamper | None,
    roots: AppleRoots | None = None,
    options: SigningOptions | None = None,
    now: datetime | None = None,
    work: Path | None = None,
) -> SignedFile:
    """Sign *source* into *target* (they may be the same), by what it is, and return what was written.

    Folders are made in *work*, or beside *target*. Raises ``InputError`` for what cannot be signed,
    ``CodesignError`` when a key or every time-stamp server refuses, ``Cancelled``; *target* is then what it
    was before.
    """
    form = require_form(source)
    if form is Form.BUNDLE:
        require_place_for_bundle(target)
    return _Signing(job, source, target, identities, timestamp, roots, options, now, work).run(form)


def require_form(path: Path) -> Form:
    """Return the form of *path*; raises ``InputError`` saying what it is instead."""
    form = form_of(path)
    if form is not None:
        return form
    from codesign_wizard.core.authenticode.refusals import describe
    from codesign_wizard.core.files import require_file

    try:
        require_file(path)
        with path.open("rb") as file:
            what = describe(file, path.stat().st_size)
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name or str(path), why=error.strerror or str(error))) from error
    raise InputError(NOT_FOR_MACOS(file=path.name, what=what))


def require_place_for_bundle(target: Path) -> None:
    """Raise ``InputError`` where something other than a bundle stands, which must not give way to one."""
    if os.path.lexists(target) and not (is_folder(target) and looks_like_bundle(target)):
        remedy = Remedy(title=tr("Choose a name that is not there yet, such as Name.app."))
        raise InputError(NOT_REPLACED(target=str(target), remedies=[remedy]))


class _Signing:
    def __init__(
        self,
        job: JobContext,
        source: Path,
        target: Path,
        identities: Identities,
        timestamp: Timestamper | None,
        roots: AppleRoots | None,
        options: SigningOptions | None,
        now: datetime | None,
        work: Path | None,
    ) -> None:
        self.job, self.source, self.target, self.identities = job, source, target, identities
        self.timestamp, self.roots, self.now, self.work = timestamp, roots, now, work
        self.options = options or SigningOptions()

    def run(self, form: Form) -> SignedFile:
        if form is Form.PACKAGE:
            return self._package()
        if form is Form.BUNDLE:
            return self._result(form, self._bundle(self.source, self.target))
        if form is Form.ZIP:
            return self._zip()
        return self._result(form, self._program())

    def _package(self) -> SignedFile:
        installer = self.identities.installer_signer
        if self.options.contents:
            signed = sign_contents(
                self.job,
                self.source,
                self.target,
                self.identities.application_signer,
                installer,
                timestamp=self.timestamp,
                roots=self.roots,
                now=self.now,
                work=self.work,
            )
        else:
            package = sign_package(
                self.job,
                self.source,
                self.target,
                installer,
                timestamp=self.timestamp,
                roots=self.roots,
                now=self.now,
            )
            signed = SignedContents(package, {}, package.findings)
        made = signed.package
        assert self.identities.installer is not None
        return SignedFile(
            self.target,
            Form.PACKAGE,
            made.size,
            made.digest_algorithm,
            made.digest_hex,
            made.signer_subject,
            list(installer.certificate_chain),
            installer.description,
            self.identities.installer.team,
            signed.code,
            made.timestamp,
            [*self.identities.findings, *signed.findings],
        )

    def _bundle(self, source: Path, target: Path) -> tuple[dict[str, SignedCode], list[Finding]]:
        signed = sign_bundle(
            self.job,
            source,
            target,
            self.identities.application_signer,
            timestamp=self.timestamp,
            identifier=self.options.identifier,
            entitlements=self.options.entitlements,
            hardened_runtime=self.options.hardened_runtime,
            roots=self.roots,
            time=self.now,
        )
        name = target.name
        code = {f"{name}/{inner}": each for inner, each in signed.nested.items()}
        return {**code, name: signed.main}, signed.findings

    def _program(self) -> tuple[dict[str, SignedCode], list[Finding]]:
        signed = sign_macho(
            self.job,
            self.source,
            self.target,
            self.identities.application_signer,
            timestamp=self.timestamp,
            identifier=self.options.identifier,
            entitlements=self.options.entitlements,
            hardened_runtime=self.options.hardened_runtime,
            roots=self.roots,
            time=self.now,
        )
        return {self.target.name: signed}, signed.findings

    def _zip(self) -> SignedFile:
        code: dict[str, SignedCode] = {}
        findings: list[Finding] = []

        def change(app: Path) -> None:
            signed, noticed = self._bundle(app, app)
            code.update(signed)
            findings.extend(each for each in noticed if each not in findings)

        changed_zip(self.job, self.source, self.target, change, work=self.work)
        return self._result(Form.ZIP, (code, findings))

    def _result(self, form: Form, signed: tuple[dict[str, SignedCode], list[Finding]]) -> SignedFile:
        code, findings = signed
        main = list(code.values())[-1]
        signer = self.identities.application_signer
        return SignedFile(
            self.target,
            form,
            0 if form is Form.BUNDLE else self.target.stat().st_size,
            "sha256",
            "" if form is Form.ZIP else main.cdhash,
            main.signer_subject,
            list(signer.certificate_chain),
            signer.description,
            main.team,
            code,
            main.timestamp,
            [*self.identities.findings, *findings],
        )


def moved(signed: SignedFile, path: Path) -> SignedFile:
    """Return *signed* as it stands at *path*: nobody is to see a draft's place."""
    return dataclasses.replace(signed, path=path)


def digest_text(signed: SignedFile) -> str:
    """Return what identifies the file, for people."""
    if not signed.digest:
        return ""
    if signed.form is Form.PACKAGE:
        return f"{signed.digest_algorithm.upper().replace('SHA', 'SHA-')} {signed.digest}"
    return tr("CDHash {hash}").format(hash=signed.digest)
