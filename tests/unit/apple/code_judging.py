"""Programs signed for the tests, and what is said of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from codesign_wizard.core.apple import (
    sign_macho,
)
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.signing import Signer
from tests.support import apple_pki
from tests.support import macho as samples

P = "apple.verify.code-"


def judged(path: Path, roots: AppleRoots | None = None, now: datetime | None = None) -> CodeReport:
    report = verify_code(Job(), path, trust=roots or apple_pki.roots(), now=now)
    report.to_json()
    assert all("\n" not in each.title for each in report.findings)
    return report


def ids(report: CodeReport, *severities: Severity) -> set[str]:
    return {
        each.id.removeprefix(P) for each in report.findings if not severities or each.severity in severities
    }


def errors(report: CodeReport) -> set[str]:
    assert report.ok == (not ids(report, Severity.ERROR))
    return ids(report, Severity.ERROR)


def signed(folder: Path, data: bytes | None = None, kind: str = "application", **options: object) -> Path:
    source, target = folder / "tool", folder / "signed"
    source.write_bytes(data or samples.thin())
    signer: Signer = apple_pki.signer(kind)
    sign_macho.sign_macho(
        Job(),
        source,
        target,
        signer,
        timestamp=None,
        roots=apple_pki.roots(),
        **options,  # type: ignore[arg-type]  # the function's own
    )
    return target
