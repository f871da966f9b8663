"""Judging whatever macOS takes, as macOS would: the signature, what is inside, and Gatekeeper's answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import code_findings, package_findings
from codesign_wizard.core.apple.forms import Form
from codesign_wizard.core.apple.gatekeeper import Gatekeeper, gatekeeper
from codesign_wizard.core.apple.mac_tools import ToolAnswer, ask_macos
from codesign_wizard.core.apple.package_audit import PackageAudit, audit_package
from codesign_wizard.core.apple.sign_any import require_form
from codesign_wizard.core.apple.verify_code import CodeReport, verify_code
from codesign_wizard.core.apple.zipped_app import unpack
from codesign_wizard.core.finding import Finding, blocks, worst_first
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.trust import AppleRoots
    from codesign_wizard.core.authenticode.timestamp import Token

# what Gatekeeper's own finding says better, with the level that was chosen
_SAID_BY_GATEKEEPER = frozenset(
    each.id
    for each in (
        code_findings.GATEKEEPER,
        code_findings.TICKET,
        package_findings.NO_TICKET,
        package_findings.TICKET,
    )
)


@dataclass(frozen=True)
class Verification:
    """What was found, the worst first. ``report`` is that of a package or of code (a zip's apps: several).

    ``tools`` is what macOS' own programs said, empty elsewhere.
    """

    path: Path
    form: Form
    findings: list[Finding]
    gatekeeper: Gatekeeper
    package: PackageAudit | None = None
    code: dict[str, CodeReport] = field(default_factory=dict)
    tools: list[ToolAnswer] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not blocks(self.findings)

    @property
    def extra_roots_used(self) -> bool:
        """Whether anything counts only because of a root added by setting."""
        if self.package is not None:
            return self.package.extra_roots_used
        return any(each.extra_roots_used for each in self.code.values())

    @property
    def certificate(self) -> x509.Certificate | None:
        """The signer's certificate: the package's, else that of the outermost program."""
        return _certificate(self.package, self.code)

    @property
    def chain(self) -> list[x509.Certificate]:
        """The signer's chain, leaf first, with its root where it leads to one."""
        if self.package is not None:
            judged = self.package.package.chain
        else:
            main = _main(self.code)
            judged = None if main is None else main.chain
        return [] if judged is None else list(judged.path)

    @property
    def timestamp(self) -> Token | None:
        """The time stamp of the signature that counts, if it holds."""
        if self.package is not None:
            return self.package.package.timestamp
        main = _main(self.code)
        return None if main is None else main.timestamp

    def to_json(self) -> dict[str, Any]:
        """Return the verification as documented in docs/json.md."""
        document: dict[str, Any] = {}
        if self.package is not None:
            document = self.package.to_json()
        elif self.form is Form.ZIP:
            document = {"code": {name: report.to_json() for name, report in self.code.items()}}
        else:
            for report in self.code.values():
                document = report.to_json()
        return {
            **document,
            "file": str(self.path),
            "form": self.form.value,
            "ok": self.ok,
            "extra_roots_used": self.extra_roots_used,
            "gatekeeper": self.gatekeeper.to_json(),
            "macos": [each.to_json() for each in self.tools],
        }


def verify_any(
    job: JobContext,
    path: Path,
    *,
    roots: AppleRoots,
    level: str,
    now: datetime | None = None,
    work: Path | None = None,
) -> Verification:
    """Judge *path*, by what it is, for *level* (of ``profile.LEVELS``).

    *now* is for signatures without a time stamp; folders are made in *work*, else where the system keeps
    such. On a Mac, macOS' own programs are asked, too. Raises ``InputError`` for what cannot be read or is
    none of it, and ``Cancelled``.
    """
    form = require_form(path)
    package: PackageAudit | None = None
    code: dict[str, CodeReport] = {}
    if form is Form.PACKAGE:
        package = audit_package(job, path, roots=roots, now=now, work=work)
        findings = package.findings
        ticket = package.package.stapled
    elif form is Form.ZIP:
        with tempfile.TemporaryDirectory(prefix="codesign-wizard-", dir=work) as name:
            for app in unpack(job, path, Path(name)):
                code[app.name] = verify_code(job, app, trust=roots, now=now)
        findings = [each for report in code.values() for each in report.findings]
        ticket = _all_tickets(code.values())
    else:
        code[path.name] = verify_code(job, path, trust=roots, now=now)
        findings = code[path.name].findings
        ticket = _all_tickets(code.values())
    certificate = _certificate(package, code)
    answer = gatekeeper(level, acceptable=not blocks(findings), ticket=ticket, certificate=certificate)
    own = [each for each in findings if each.id not in _SAID_BY_GATEKEEPER]
    result = Verification(path, form, [], answer, package, code)
    tools, said = ask_macos(job, path, form, answer, practice=result.extra_roots_used)
    unique = {(each.id, each.title): each for each in [*own, *answer.findings, *said]}
    return replace(result, findings=worst_first(unique.values()), tools=tools)


def accepted(verification: Verification, clear: str) -> str:
    """Return the sentence for a file without errors: *clear*, unless it is so by added roots only."""
    if verification.extra_roots_used:
        return tr("The signature holds, but only with the roots that were added: macOS does not know them.")
    return clear


def _all_tickets(reports: Iterable[CodeReport]) -> bool:
    ticket = code_findings.TICKET.id
    return all(any(each.id == ticket for each in report.findings) for report in reports)


def _main(code: dict[str, CodeReport]) -> Any:
    for report in code.values():
        if report.signatures:
            return report.signatures[-1]
    return None


def _certificate(package: PackageAudit | None, code: dict[str, CodeReport]) -> x509.Certificate | None:
    if package is not None:
        return package.package.certificate
    main = _main(code)
    found: x509.Certificate | None = None if main is None else main.certificate
    return found
