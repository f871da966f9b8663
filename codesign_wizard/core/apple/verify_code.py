"""Judging signed code as macOS would, a Mach-O file or a bundle with everything in it; each check a finding.

Rules: Security framework (SecStaticCode), what ``spctl --list`` prints for *execute*, and what the notary
service demands. The time that counts is the time stamp's if there is one that holds, else now. Nothing is
asked of a network, so revocation and notarisation are not judged.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import bundle as layout
from codesign_wizard.core.apple import certificates, code_outside, code_resources, macho
from codesign_wizard.core.apple import code_findings as found
from codesign_wizard.core.apple.bundle import Bundle, BundleError, Entry
from codesign_wizard.core.apple.code_check import CodeSignature, Surroundings, check_image, context
from codesign_wizard.core.apple.code_resources import Resources, Sealed
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.requirement_check import evaluate
from codesign_wizard.core.apple.requirement_language import compile_text
from codesign_wizard.core.apple.sign_macho import read_binary
from codesign_wizard.core.apple.superblob import BlobError
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.authenticode.refusals import UNREADABLE
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file
from codesign_wizard.core.finding import (
    Certainty,
    Evidence,
    Finding,
    FindingKind,
    Remedy,
    Severity,
    blocks,
    worst_first,
)
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import days_left, days_until, tr

_NOT_FOR_LONG = timedelta(days=30)
_SHOWN = 5
_MAXIMUM_SEAL = 256 << 20
_SIGNED_TYPES = (2, 6, 7, 8, 11)


@dataclass(frozen=True)
class CodeReport:
    """What the verification found, the worst first, and every signature, the outermost program's last."""

    path: Path
    signatures: list[CodeSignature]
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not blocks(self.findings)

    @property
    def extra_roots_used(self) -> bool:
        """Whether anything counts only because of a root added by setting."""
        return found.by_extra_roots(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the report as documented in docs/json.md."""
        return {
            "file": str(self.path),
            "ok": self.ok,
            "extra_roots_used": self.extra_roots_used,
            "signatures": [each.to_json() for each in self.signatures],
        }


def verify_code(job: JobContext, path: Path, *, trust: AppleRoots, now: datetime | None = None) -> CodeReport:
    """Judge the Mach-O file or bundle *path*; *now* is for code without a time stamp.

    Raises ``InputError`` when it is neither or cannot be read, and ``Cancelled``.
    """
    verifier = _Verifier(job, trust, now or datetime.now(UTC), path)
    try:
        if path.is_dir():
            verifier.bundle(path, shown(path.name))
        else:
            require_file(path)
            with path.open("rb") as file:
                binary = read_binary(file, path)
                verifier.images(file, binary, shown(path.name))
    except BundleError as error:
        finding = found.NOT_A_BUNDLE(folder=path.name, why=str(error), certainty=Certainty.COMPUTED)
        raise InputError(finding) from error
    except OSError as error:
        raise InputError(UNREADABLE(file=path.name or str(path), why=error.strerror or str(error))) from error
    return CodeReport(path, verifier.signatures, worst_first(verifier.all_findings()))


class _Verifier:
    def __init__(self, job: JobContext, roots: AppleRoots, now: datetime, top: Path) -> None:
        self.job, self.roots, self.now, self.top = job, roots, now, top
        self.signatures: list[CodeSignature] = []
        self.findings: list[Finding] = []
        self.sealed = 0
        self.ticket = False
        self._done: set[Path] = set()

    # one file

    def images(
        self, file: Any, binary: macho.Binary, place: str, around: Surroundings | None = None
    ) -> list[CodeSignature]:
        made = []
        where = code_outside.attached(file, binary)
        if where is not None:
            evidence = Evidence(more={"offset": str(where)})
            remedies = [Remedy(title=tr("Take it from where it was signed, or build it again and sign it."))]
            self._say(found.ATTACHED(place=place, evidence=evidence, remedies=remedies))
        for image in binary.images:
            total = image.size

            def step(done: int, total: int = total) -> None:
                self.job.progress(done, total, place)

            surroundings = dataclasses.replace(around or Surroundings(self.roots, self.now), step=step)
            made.append(check_image(file, image, place, surroundings))
        self.signatures += made
        return made

    def _file(self, path: Path, place: str) -> list[CodeSignature]:
        with path.open("rb") as file:
            try:
                binary = macho.read(file)
            except macho.MachoError as error:
                self._say(found.DAMAGED(place=place, why=str(error)))
                return []
            if not all(image.file_type in _SIGNED_TYPES for image in binary.images):
                return []
            return self.images(file, binary, place)

    # bundles

    def bundle(self, folder: Path, place: str) -> tuple[list[CodeSignature], Surroundings]:
        """Judge a bundle; return its (current) program's signatures and what they were judged with."""
        result: list[CodeSignature] = []
        around = Surroundings(self.roots, self.now)
        bundles = layout.open_bundles(folder)
        self._unsealed(folder, place)
        for each in bundles:
            name = place if len(bundles) == 1 else f"{place}/Versions/{shown(each.root.name)}"
            if each.executable:
                result, around = self._one(each, name)
        if not result and place == shown(folder.name):
            raise BundleError(tr("there is no program in it"))
        return result, around

    def _unsealed(self, folder: Path, place: str) -> None:
        names = [shown(each) for each in code_outside.unsealed(folder)]
        if names:
            listed = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
            remedies = [Remedy(title=tr("Take it away, or move it to Contents/Resources and sign again."))]
            self._say(found.UNSEALED(place=place, what=listed, remedies=remedies))

    def _one(self, bundle: Bundle, place: str) -> tuple[list[CodeSignature], Surroundings]:
        self._done.add(bundle.program)
        self.ticket |= layout.is_file(bundle.root / layout.RESOURCES_FILE)
        data = self._seal_data(bundle, place)
        resources: Resources | None = None
        if data is not None:
            try:
                resources = code_resources.parse(data)
            except BlobError as error:
                self._say(found.SEAL_MISSING(place=place, why=str(error)))
        inner = place
        if bundle.root != bundle.folder and not place.endswith(f"/{shown(bundle.root.name)}"):
            inner = f"{place}/{shown(bundle.root.relative_to(bundle.folder).as_posix())}"
        self._contents(bundle, resources, place, inner)
        around = Surroundings(self.roots, self.now, bundle.info_data, data, True)
        with bundle.program.open("rb") as file:
            try:
                binary = macho.read(file)
            except macho.MachoError as error:
                self._say(found.DAMAGED(place=place, why=str(error)))
                return [], around
            return self.images(file, binary, f"{inner}/{shown(bundle.executable)}", around), around

    def _seal_data(self, bundle: Bundle, place: str) -> bytes | None:
        path = bundle.resources_file
        if not layout.is_folder(path.parent) or not layout.is_file(path):
            self._say(found.SEAL_MISSING(place=place, why=tr("it is not there")))
            return None
        if path.stat().st_size > _MAXIMUM_SEAL:
            self._say(found.SEAL_MISSING(place=place, why=tr("it is too large")))
            return None
        return path.read_bytes()

    def _contents(self, bundle: Bundle, resources: Resources | None, place: str, inner: str) -> None:
        """Judge everything below the bundle: against the seal, and nested code for itself."""
        sealed: dict[str, Sealed] | None = None if resources is None else resources.files2
        rules = resources.rules2 if resources is not None else []
        if resources is not None and not resources.rules2 and resources.files:
            self._say(found.SEAL_MISSING(place=place, why=tr("it is of the old form only")))
            sealed = None
        for rule in rules:
            if not code_resources.understood(rule):
                self._say(found.RULE_ODD(place=place, rule=shown(rule.pattern)))
        wrong: list[str] = []
        seen: set[str] = set()
        inside: list[str] = []
        for entry in layout.walk(bundle.root):
            self.job.check_cancelled()
            if any(entry.path.startswith(each) for each in inside):
                continue
            if entry.path == bundle.executable or code_resources.excluded(entry.path, bundle.executable):
                continue
            own = None if sealed is None else sealed.get(entry.path)
            if own is not None:
                seen.add(entry.path)
            problem = self._entry(bundle, entry, own, f"{inner}/{shown(entry.path)}", inside)
            if sealed is None or resources is None:
                continue
            if own is None and entry.kind != "folder":
                rule_ = code_resources.rule_for(rules, entry.path)
                if rule_ is not None and not rule_.omit:
                    problem = tr("{path} was added").format(path=shown(entry.path))
            if problem:
                wrong.append(problem)
        if sealed is None or resources is None:
            return
        for path, each in sealed.items():
            if path not in seen and not each.optional:
                wrong.append(tr("{path} is missing").format(path=shown(path)))
        self.sealed += len(seen)
        if wrong:
            listed = ", ".join(wrong[:_SHOWN]) + (" …" if len(wrong) > _SHOWN else "")
            finding = found.SEAL_BROKEN(
                count=len(wrong),
                place=place,
                what=listed,
                evidence=Evidence(more={f"file {n}": each for n, each in enumerate(wrong[:50], 1)}),
                remedies=[Remedy(title=tr("Take the app from where it was signed, or sign it again."))],
            )
            self._say(finding)

    def _entry(self, bundle: Bundle, entry: Entry, own: Sealed | None, place: str, inside: list[str]) -> str:
        """Judge one entry; return what is wrong with it against its seal, or ""."""
        path = bundle.root / entry.path
        if entry.kind == "link":
            self._link(path, entry.target, place)
        codes: list[CodeSignature] = []
        around = Surroundings(self.roots, self.now)
        if entry.kind == "folder":
            if "." not in path.name or not layout.looks_like_bundle(path):
                return tr("{path} is a folder now").format(path=shown(entry.path)) if own is not None else ""
            if own is None:
                # sealed file by file, but code of its own all the same
                return self._inner(path, place)
            codes, around = self.bundle(path, place)
            inside.append(entry.path + "/")
        elif entry.kind == "file" and path not in self._done and layout.holds_macho(path):
            codes = self._file(path, place)
        if own is None:
            return ""
        changed = tr("{path} was changed").format(path=shown(entry.path))
        if own.link is not None:
            return "" if entry.kind == "link" and entry.target == own.link else changed
        if own.cdhash:
            return "" if self._nested_fits(codes, own, around) else changed
        if entry.kind != "file":
            return changed
        old, new = code_resources.hashes(path)
        fits = new == own.hash2 if own.hash2 else old == own.hash1
        return "" if fits else changed

    def _link(self, path: Path, target: str, place: str) -> None:
        remedies = [Remedy(title=tr("Link to something in the bundle, and sign again."))]
        if code_outside.leads_out(path, target, self.top):
            self._say(found.LINK_OUT(place=place, target=shown(target), remedies=remedies))
        elif code_outside.leads_nowhere(path, target, self.top):
            self._say(found.LINK_BROKEN(place=place, target=shown(target), remedies=remedies))

    def _inner(self, folder: Path, place: str) -> str:
        bundles = [each for each in layout.open_bundles(folder) if each.executable]
        if all(each.program in self._done for each in bundles):
            return ""
        self._unsealed(folder, place)
        for each in bundles:
            self._one(each, place)
        return ""

    def _nested_fits(self, codes: list[CodeSignature], own: Sealed, around: Surroundings) -> bool:
        hashes = {each for code in codes for each in code.cdhashes}
        if own.cdhash.hex() not in hashes:
            return False
        if not own.requirement:
            return True
        try:
            expression = compile_text(own.requirement)
        except BlobError:
            return False
        # whose root it ends in is told of the code itself, and is no change of it
        return all(
            evaluate(expression, dataclasses.replace(context(code, around), apple=True)) for code in codes
        )

    # all of it

    def _say(self, finding: Finding) -> None:
        self.findings.append(dataclasses.replace(finding, certainty=Certainty.COMPUTED))

    def all_findings(self) -> list[Finding]:
        """Return what is wrong with each signature, then what holds for all of them."""
        findings = [*self.findings, *_gathered(self.signatures)]
        signed = [each for each in self.signatures if each.certificate is not None]
        ids = {each.id for each in findings}

        def holds(kind: FindingKind, *unless: FindingKind, **values: Any) -> None:
            if not {each.id for each in unless} & ids:
                findings.append(kind(certainty=Certainty.COMPUTED, **values))

        if self.sealed:
            holds(found.SEAL_OK, found.SEAL_BROKEN, found.SEAL_MISSING, count=self.sealed)
        if any(each.cdhashes for each in self.signatures):
            holds(found.HASHES_OK, found.HASHES_WRONG, found.DAMAGED, count=len(self.signatures))
            holds(found.SLOTS_OK, found.SLOT_WRONG, found.DAMAGED)
        if signed:
            findings += self._common(signed, ids)
        if self.ticket:
            findings.append(found.TICKET())
        else:
            findings.append(found.GATEKEEPER())
        return findings

    def _common(self, signed: list[CodeSignature], ids: set[str]) -> list[Finding]:
        from codesign_wizard.core.authenticode import trust as names

        findings: list[Finding] = []

        def holds(kind: FindingKind, *unless: FindingKind, **values: Any) -> None:
            if not {each.id for each in unless} & ids:
                findings.append(kind(certainty=Certainty.COMPUTED, **values))

        main = signed[-1]
        assert main.certificate is not None
        signer = names.name(main.certificate)
        holds(found.SIGNATURE_OK, found.SIGNATURE_WRONG, signer=signer)
        if main.chain is not None and main.chain.trusted:
            extra = any(each.chain is not None and each.chain.extra for each in signed)
            kind = found.CHAIN_EXTRA if extra else found.CHAIN_OK
            holds(kind, found.CHAIN_WRONG, signer=signer, root=names.name(main.chain.path[-1]))
        holds(found.KIND_OK, found.KIND_WRONG)
        holds(found.REQUIREMENT_OK, found.REQUIREMENT_WRONG, found.REQUIREMENT_MISSING)
        if any(each.kind == "executable" for each in signed):
            holds(found.HARDENED_OK, found.HARDENED_NOT)
        stamped = [each.timestamp for each in signed if each.timestamp is not None]
        if stamped:
            last = max(stamped, key=lambda each: each.time)
            added = any(self._is_added(each.chain.path[-1]) for each in stamped)
            holds(
                found.TIMESTAMP_EXTRA if added else found.TIMESTAMP_OK,
                found.TIMESTAMP_WRONG,
                time=last.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
                server=names.name(last.certificate),
            )
        findings += self._teams(signed, main)
        end = main.certificate.not_valid_after_utc
        if self.now <= end:
            findings.append(
                found.EXPIRES(
                    date=end.date().isoformat(),
                    left=days_left(days_until(end, self.now)),
                    severity=Severity.WARNING if end - self.now < _NOT_FOR_LONG else None,
                    certainty=Certainty.COMPUTED,
                )
            )
        return findings

    def _is_added(self, root: Any) -> bool:
        from cryptography.hazmat.primitives.serialization import Encoding

        return bool(root.public_bytes(Encoding.DER) != self.roots.roots[0].encoded)

    def _teams(self, signed: list[CodeSignature], main: CodeSignature) -> list[Finding]:
        teams = Counter(each.team for each in signed)
        if len(teams) == 1 and main.certificate is not None:
            if not main.team or main.team != certificates.team(main.certificate):
                return []
            return [found.TEAM_OK(team=main.team, certainty=Certainty.COMPUTED)]
        others = {each.place: each for each in signed if each.team != main.team}
        return [
            found.TEAM_DIFFERS(
                place=place,
                team=shown(each.team) or "–",
                other=shown(main.team) or "–",
                certainty=Certainty.COMPUTED,
            )
            for place, each in others.items()
        ]


def _gathered(signatures: list[CodeSignature]) -> list[Finding]:
    """Return the signatures' findings; what is wrong with many in the same way is said once."""
    by_id: dict[str, list[tuple[str, Finding]]] = {}
    for signature in signatures:
        for finding in signature.findings:
            by_id.setdefault(finding.id, []).append((signature.name, finding))
    findings: list[Finding] = []
    for found_ in by_id.values():
        if len(found_) <= _SHOWN:
            findings += [each for _, each in found_]
            continue
        first = found_[0][1]
        others = [name for name, _ in found_[1:]]
        evidence = dataclasses.replace(
            first.evidence,
            more={**first.evidence.more, **{f"also {n}": name for n, name in enumerate(others[:50], 1)}},
        )
        more = len(others)
        detail = tr("The same holds for 1 other.")
        if more > 1:
            detail = tr("The same holds for {count} others.").format(count=more)
        findings.append(dataclasses.replace(first, detail=detail, evidence=evidence))
    return findings
