"""Judging a macOS package with everything in it: the package, every bundle and program, and one team."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import code_findings
from codesign_wizard.core.apple import package_findings as found
from codesign_wizard.core.apple.certificates import team as team_of
from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.package import BROKEN, Component
from codesign_wizard.core.apple.package_contents import code_in
from codesign_wizard.core.apple.package_sign import open_package
from codesign_wizard.core.apple.package_verify import PackageVerification, verify_package
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Finding, blocks, worst_first
from codesign_wizard.core.job import JobContext

_ONCE = (code_findings.TIMESTAMP_OK.id, code_findings.TIMESTAMP_EXTRA.id)


@dataclass(frozen=True)
class PackageAudit:
    """A package and its code, judged: ``code`` by component and path (``one.pkg/App.app``)."""

    package: PackageVerification
    code: dict[str, CodeReport]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether no check failed, in the package or in what is inside."""
        return not blocks(self.findings)

    @property
    def extra_roots_used(self) -> bool:
        """Whether anything counts only because of a root added by setting."""
        return self.package.extra_roots_used or any(each.extra_roots_used for each in self.code.values())

    def to_json(self) -> dict[str, Any]:
        """Return the audit as documented in docs/json.md."""
        return {
            **self.package.to_json(),
            "ok": self.ok,
            "extra_roots_used": self.extra_roots_used,
            "code": {name: report.to_json() for name, report in self.code.items()},
        }


def audit_package(
    job: JobContext,
    path: Path,
    *,
    roots: AppleRoots | None = None,
    now: datetime | None = None,
    work: Path | None = None,
    look: Callable[[str, Path], None] | None = None,
) -> PackageAudit:
    """Judge the package *path* and all code in it, which is unpacked into a folder made in *work*.

    Without *work* it is made where the system keeps such folders. *now* is for signatures without a time
    stamp. What cannot be unpacked is a finding of the package's own. *look* is given each component's name
    and the folder that it is unpacked in, for as long as that is there.
    Raises ``InputError`` when the file is no package or cannot be read, and ``Cancelled``.
    """
    roots, now = roots or AppleRoots(), now or datetime.now(UTC)
    package = verify_package(job, path, roots=roots, now=now)
    code: dict[str, CodeReport] = {}
    findings = list(package.findings)
    with open_package(path) as opened:
        for component in opened.components:
            for part in ("Payload", "Scripts"):
                try:
                    with tempfile.TemporaryDirectory(prefix="codesign-wizard-", dir=work) as name:
                        folder = Path(name)
                        if opened.extract(job, component, part, folder) is not None:
                            code.update(_judged(job, component, part, folder, roots, now, findings))
                            if look is not None:
                                look(_prefix(component, part), folder)
                except BROKEN as error:
                    findings.append(_broken(component, str(error)))
                except OSError as error:
                    why = error.strerror or str(error)
                    raise InputError(found.UNREADABLE(file=path.name, why=why)) from error
    for report in code.values():
        # each certificate is judged once for all that it signed
        findings += [each for each in report.findings if each not in findings]
    findings += _teams(package, code)
    # stamps of one server hold for all; the last one's time stands for the others
    unique = {(each.id, "" if each.id in _ONCE else each.title): each for each in findings}
    return PackageAudit(package, code, worst_first(unique.values()))


def _judged(
    job: JobContext,
    component: Component,
    part: str,
    folder: Path,
    roots: AppleRoots,
    now: datetime,
    findings: list[Finding],
) -> dict[str, CodeReport]:
    prefix = _prefix(component, part)
    code: dict[str, CodeReport] = {}
    for place in code_in(folder):
        job.check_cancelled()
        name = place.relative_to(folder).as_posix()
        job.progress(len(code), None, shown(name))
        try:
            code[f"{prefix}/{name}"] = verify_code(job, place, trust=roots, now=now)
        except InputError as error:
            # one that is damaged does not hide the others
            findings.append(error.finding)
    return code


def _prefix(component: Component, part: str) -> str:
    return component.name if part == "Payload" else f"{component.name}/{part}"


def _broken(component: Component, why: str) -> Finding:
    return found.CONTENTS_WRONG(component=shown(component.name), why=why, certainty=Certainty.COMPUTED)


def _teams(package: PackageVerification, code: dict[str, CodeReport]) -> list[Finding]:
    """Tell whether package and code were signed by one team; nothing where either is not known."""
    inside = {each.team for report in code.values() for each in report.signatures if each.team}
    own = "" if package.certificate is None else team_of(package.certificate)
    if not own or not inside:
        return []
    if inside == {own}:
        return [found.TEAM_OK(team=own, certainty=Certainty.COMPUTED)]
    others = ", ".join(sorted(inside - {own}))
    return [found.TEAM_DIFFERS(team=own, others=shown(others), certainty=Certainty.COMPUTED)]
