"""What Apple's notary service would say of a file, predicted by our own verification before any upload."""

from __future__ import annotations

import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from codesign_wizard.core.apple import code_findings, notary_findings, notary_issues, package_findings
from codesign_wizard.core.apple.code_check import CodeSignature
from codesign_wizard.core.apple.code_directory import FLAG_RUNTIME
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.notary_issues import IssueKind, Place, Predicted, predict
from codesign_wizard.core.apple.package_audit import audit_package
from codesign_wizard.core.apple.package_contents import code_in
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Finding, blocks
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

# what macOS lays out with a folder Contents; frameworks are not
_WITH_CONTENTS = (".app", ".appex", ".bundle", ".kext", ".plugin", ".xpc")
_MAXIMUM_FILES = 200_000
_MAXIMUM_DEPTH = 5
_NO_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)
_MAXIMUM_SIZE = 20 << 30

_CODE: dict[str, IssueKind] = {
    code_findings.UNSIGNED.id: notary_issues.UNSIGNED,
    code_findings.AD_HOC.id: notary_issues.CERTIFICATE,
    code_findings.KIND_WRONG.id: notary_issues.CERTIFICATE,
    code_findings.CHAIN_WRONG.id: notary_issues.CERTIFICATE,
    code_findings.TIMESTAMP_MISSING.id: notary_issues.TIMESTAMP,
    code_findings.TIMESTAMP_WRONG.id: notary_issues.TIMESTAMP,
    code_findings.HARDENED_NOT.id: notary_issues.HARDENED,
    code_findings.DEBUGGABLE.id: notary_issues.DEBUG,
    code_findings.HASHES_WRONG.id: notary_issues.SIGNATURE,
    code_findings.SLOT_WRONG.id: notary_issues.SIGNATURE,
    code_findings.SIGNATURE_WRONG.id: notary_issues.SIGNATURE,
    code_findings.DAMAGED.id: notary_issues.SIGNATURE,
    code_findings.SEAL_BROKEN.id: notary_issues.SIGNATURE,
    code_findings.SEAL_MISSING.id: notary_issues.SIGNATURE,
}
_PACKAGE: dict[str, IssueKind] = {
    package_findings.UNSIGNED.id: notary_issues.UNSIGNED,
    package_findings.KIND_WRONG.id: notary_issues.CERTIFICATE,
    package_findings.CHAIN_WRONG.id: notary_issues.CERTIFICATE,
    package_findings.TIMESTAMP_MISSING.id: notary_issues.TIMESTAMP,
    package_findings.TIMESTAMP_WRONG.id: notary_issues.TIMESTAMP,
    package_findings.TABLE_WRONG.id: notary_issues.SIGNATURE,
    package_findings.RSA_WRONG.id: notary_issues.SIGNATURE,
    package_findings.CMS_WRONG.id: notary_issues.SIGNATURE,
    package_findings.FILE_WRONG.id: notary_issues.ARCHIVE,
    package_findings.CONTENTS_WRONG.id: notary_issues.ARCHIVE,
}
# what says more than Apple's sentence: which certificate it is
_TELLING = (package_findings.KIND_WRONG.id, code_findings.KIND_WRONG.id)


@dataclass(frozen=True)
class Preflight:
    """What was predicted; ``skipped`` says why nothing could be, else it is ""."""

    predicted: list[Predicted] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against uploading."""
        return not blocks(self.findings)


def preflight(job: JobContext, path: Path, *, roots: AppleRoots | None = None) -> Preflight:
    """Look at a .pkg, a .zip or an .app as the notary service does.

    Raises ``InputError`` for a file that cannot be read at all, and ``Cancelled``.
    """
    roots = roots or AppleRoots()
    suffix = path.suffix.lower()
    if suffix == ".pkg":
        predicted = _package(job, path, roots)
    elif path.is_dir():
        predicted = list(_code(verify_code(job, path, trust=roots), ""))
        predicted += _archives(job, path, path.name, roots)
    elif suffix == ".zip":
        try:
            with _unzipped(job, path) as folder:
                predicted = list(_folder(job, folder, path.name, roots))
        except _NO_ZIP:
            predicted = [Predicted(notary_issues.ARCHIVE, Place(path.name))]
    else:
        why = tr("disk images are not opened here")
        return Preflight(
            findings=[notary_findings.PREFLIGHT_SKIPPED(file=shown(path.name), why=why)], skipped=why
        )
    findings = predict(predicted)
    if not findings:
        findings = [notary_findings.PREFLIGHT_OK(file=shown(path.name), certainty=Certainty.COMPUTED)]
    return Preflight(predicted, findings)


def _package(job: JobContext, path: Path, roots: AppleRoots) -> list[Predicted]:
    packed: list[Predicted] = []

    def look(component: str, folder: Path) -> None:
        packed.extend(_archives(job, folder, component, roots))

    audit = audit_package(job, path, roots=roots, look=look)
    own = Place(path.name)
    found = [
        Predicted(_PACKAGE[each.id], own, why=each.title if each.id in _TELLING else "")
        for each in audit.package.findings
        if each.id in _PACKAGE
    ]
    for name, report in audit.code.items():
        found += _code(report, name.rpartition("/")[0])
    damaged = [each for each in audit.findings if each.id == "apple.macho.damaged"]
    found += [Predicted(notary_issues.SIGNATURE, own) for _ in damaged]
    return list(dict.fromkeys([*found, *packed]))


def _archives(
    job: JobContext, folder: Path, above: str, roots: AppleRoots, depth: int = 1
) -> Iterator[Predicted]:
    """Yield what is wrong with code in zip archives below *folder*; Apple opens them by whatever name."""
    for path in sorted(folder.rglob("*")):
        job.check_cancelled()
        if path.is_symlink() or not path.is_file() or not _is_zip(path):
            continue
        place = f"{above}/{path.relative_to(folder).as_posix()}".removeprefix("/")
        try:
            with _unzipped(job, path) as inside:
                yield from _programs(job, inside, place, roots)
                if depth < _MAXIMUM_DEPTH:
                    yield from _archives(job, inside, place, roots, depth + 1)
        except _NO_ZIP:
            continue  # a file that only begins like an archive is nobody's program


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _folder(job: JobContext, folder: Path, name: str, roots: AppleRoots) -> Iterator[Predicted]:
    found = [*_programs(job, folder, "", roots), *_archives(job, folder, "", roots)]
    if not found and next(code_in(folder), None) is None:
        yield Predicted(notary_issues.NO_CODE, Place(name), Certainty.LIKELY)
    yield from found


def _programs(job: JobContext, folder: Path, above: str, roots: AppleRoots) -> Iterator[Predicted]:
    """Yield what is wrong with each program and bundle below *folder*, whose places are below *above*."""
    for place in code_in(folder):
        job.check_cancelled()
        inside = place.relative_to(folder)
        parent = Path(above) / inside.parent
        try:
            yield from _code(
                verify_code(job, place, trust=roots), "" if parent == Path() else parent.as_posix()
            )
        except InputError:
            yield Predicted(notary_issues.SIGNATURE, Place((Path(above) / inside).as_posix()))


def _code(report: CodeReport, above: str) -> Iterator[Predicted]:
    """Yield what is wrong with each signature of *report*, whose places are below *above*."""
    prefix = f"{above}/" if above else ""
    seen: set[str] = set()
    for signature in report.signatures:
        place = Place(prefix + _path(signature.place), signature.architecture)
        telling = next((each.title for each in signature.findings if each.id in _TELLING), "")
        for kind, certainty in _signature(signature):
            seen.add(kind.name)
            yield Predicted(kind, place, certainty, telling if kind is notary_issues.CERTIFICATE else "")
    if notary_issues.UNSIGNED.name in seen:
        return  # that what is not signed has no seal is not a second fault
    for finding in report.findings:
        # what is about a bundle's seal, and no signature's own, counts against its program
        whole = _CODE.get(finding.id)
        if whole is not None and whole.name not in seen:
            main = report.signatures[-1].place if report.signatures else report.path.name
            yield Predicted(whole, Place(prefix + _path(main)))


def _path(place: str) -> str:
    """Return a signature's place as a path in the file system.

    Ours leave out an app's folder ``Contents``.
    """
    parts = place.split("/")
    whole = []
    for number, part in enumerate(parts):
        whole.append(part)
        if part.endswith(_WITH_CONTENTS) and parts[number + 1 : number + 2] not in ([], ["Contents"]):
            whole.append("Contents")
    return "/".join(whole)


def _signature(signature: CodeSignature) -> Iterator[tuple[IssueKind, Certainty]]:
    ids = {each.id for each in signature.findings}
    kinds = {_CODE[each].name: _CODE[each] for each in ids if each in _CODE}
    if notary_issues.UNSIGNED.name in kinds:
        kinds = {notary_issues.UNSIGNED.name: notary_issues.UNSIGNED}
    if {code_findings.AD_HOC.id, code_findings.UNSIGNED.id} & ids:
        # signed by nobody is signed without a time stamp, too: Apple says each for itself
        kinds.setdefault(notary_issues.TIMESTAMP.name, notary_issues.TIMESTAMP)
        if signature.kind == "executable" and not signature.flags & FLAG_RUNTIME:
            kinds.setdefault(notary_issues.HARDENED.name, notary_issues.HARDENED)
    for kind in kinds.values():
        # Apple usually refuses it, and has let some pass
        yield kind, Certainty.LIKELY if kind is notary_issues.DEBUG else Certainty.COMPUTED


@contextmanager
def _unzipped(job: JobContext, path: Path) -> Iterator[Path]:
    """Unpack a zip, links and modes included, and yield the folder; what leads out of it is left out."""
    try:
        with tempfile.TemporaryDirectory(prefix="codesign-wizard-") as name, zipfile.ZipFile(path) as archive:
            folder = Path(name).resolve()
            _unpack(job, archive, folder)
            yield folder
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(notary_findings.FILE_UNREADABLE(file=shown(path.name), why=why)) from error


def _unpack(job: JobContext, archive: zipfile.ZipFile, folder: Path) -> None:
    members = archive.infolist()
    if len(members) > _MAXIMUM_FILES or sum(each.file_size for each in members) > _MAXIMUM_SIZE:
        raise zipfile.BadZipFile("larger than any app")
    links: list[tuple[Path, str]] = []
    for member in members:
        job.check_cancelled()
        parts = [part for part in member.filename.split("/") if part not in ("", ".")]
        # resource forks travel beside the files, and hold no code
        if ".." in parts or not parts or parts[0] == "__MACOSX" or any("\\" in part for part in parts):
            continue
        target = folder.joinpath(*parts)
        mode = member.external_attr >> 16
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(mode):
            links.append((target, archive.read(member).decode("utf-8", "replace")))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as file:
                while chunk := source.read(1 << 20):
                    job.check_cancelled()
                    file.write(chunk)
    # links last, so that nothing is written through one
    for target, text in links:
        inside = os.path.normpath(os.path.join(target.parent, text))  # noqa: PTH118  # lexically, on purpose
        if not text.startswith("/") and Path(inside).is_relative_to(folder):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(text)
