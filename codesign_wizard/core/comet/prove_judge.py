"""A delivered client judged like the trials: by whom it is signed, time-stamped, notarised and stapled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from codesign_wizard.core.comet import prove_findings as found
from codesign_wizard.core.comet.client import Platform
from codesign_wizard.core.comet.delivered import Delivery
from codesign_wizard.core.comet.proof import ProveRequest
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from cryptography import x509

    from codesign_wizard.core.apple.package_verify import PackageVerification
    from codesign_wizard.core.authenticode.verify import Verification


# said of the whole package, with what Apple was asked
_SAID = ("apple.verify.code-gatekeeper", "apple.verify.package-no-ticket")


_NO_TICKET = "apple.ticket.not-found"


_UNSIGNED = ("authenticode.verify.unsigned", "apple.verify.package-unsigned")


_NO_STAMP = ("authenticode.verify.timestamp-missing", "apple.verify.package-timestamp-missing")


def judge_windows(
    job: JobContext,
    request: ProveRequest,
    platform: Platform,
    delivery: Delivery,
    findings: list[Finding],
) -> Verification | None:
    """Judge the program that was delivered; what was found is put to *findings*."""
    from codesign_wizard.core.authenticode import trust
    from codesign_wizard.core.authenticode.verify import verify_file

    title = platform.title
    verified = []
    for path in delivery.windows:
        try:
            verified.append(verify_file(job, path, roots=request.roots))
        except InputError as error:
            findings.append(error.finding)
    if not verified:
        return None
    # nobody is to see where it was unpacked
    first = replace(verified[0], path=Path(verified[0].path.name))
    certificates = [each.signatures[0].certificate for each in verified if each.signatures]
    leaf = certificates[0] if certificates else None
    publisher = trust.name(leaf) if leaf is not None else tr("nobody")
    ours = _is(leaf, request.expected.windows)
    names = [path.name for path in delivery.windows] + delivery.data_files
    more = {"files": ", ".join(names), "publisher": publisher}
    evidence = Evidence(time=utc_now(), more=more)
    if delivery.data_files and not ours:
        remedies = [*found.compare_remedies(), *found.log_remedies()]
        findings.append(found.LOADER(publisher=publisher, evidence=evidence, remedies=remedies))
        # how the loader is signed is the vendor's affair
        return first
    if len(delivery.windows) > 1:
        findings.append(
            found.NOT_ONE(
                platform=title,
                count=len(delivery.windows),
                evidence=evidence,
                remedies=found.compare_remedies(),
            )
        )
    elif delivery.data_files:
        findings.append(found.BESIDE(names=", ".join(delivery.data_files), evidence=evidence))
    _signer(platform, leaf, request.expected.windows, publisher, findings)
    _carry(platform, first.findings, findings)
    return first


def judge_package(
    job: JobContext,
    request: ProveRequest,
    platform: Platform,
    delivery: Delivery,
    work: Path,
    findings: list[Finding],
) -> PackageVerification:
    """Judge the package that was delivered, by the server's level; what was found is put to *findings*."""
    from codesign_wizard.core.apple.package_audit import audit_package
    from codesign_wizard.core.apple.package_verify import verify_package
    from codesign_wizard.core.authenticode import trust

    path, level, title = delivery.packages[0], request.expected.level, platform.title
    if len(delivery.packages) > 1:
        count = len(delivery.packages)
        findings.append(
            found.NOT_ONE(platform=title, count=count, evidence=Evidence(more={"count": str(count)}))
        )
    if level > 0:
        audit = audit_package(job, path, roots=request.apple_roots, work=work)
        package, carried = audit.package, audit.findings
    else:
        # the code inside is signed only for notarising
        package = verify_package(job, path, roots=request.apple_roots)
        carried = package.findings
    package = replace(package, path=Path(path.name if delivery.packed else title))
    leaf = package.certificate
    publisher = trust.name(leaf) if leaf is not None else tr("nobody")
    _signer(platform, leaf, request.expected.installer, publisher, findings)
    _carry(platform, carried, findings)
    more = {"level": str(level), "stapled": str(package.stapled).lower()}
    evidence = Evidence(time=utc_now(), more=more)
    if level >= 2 and not package.stapled:
        findings.append(found.NOT_STAPLED(platform=title, evidence=evidence, remedies=found.log_remedies()))
    elif package.stapled:
        findings += _stapled(job, request.network, platform, path)
    elif level == 1:
        findings.append(_notarised(job, request.network, platform, path))
    elif leaf is not None:
        findings.append(
            found.SIGN_ONLY(
                platform=title,
                evidence=evidence,
                remedies=[_level_remedy()],
            )
        )
    return package


def _stapled(job: JobContext, network: Network, platform: Platform, path: Path) -> list[Finding]:
    """Compare the stapled ticket with the one that Apple gives out."""
    from codesign_wizard.core.apple.staple import validate

    try:
        return list(validate(job, network, path).findings)
    except CodesignError as error:
        if error.finding.id == _NO_TICKET:
            return [error.finding]
        return [_unseen(platform, error)]


def _notarised(job: JobContext, network: Network, platform: Platform, path: Path) -> Finding:
    """Ask Apple for the ticket that every notarised package has."""
    from codesign_wizard.core.apple.staple import open_target
    from codesign_wizard.core.apple.ticket import look_up

    try:
        record = open_target(path).record
        look_up(job, network, record, path.name, patience=0.0)
    except CodesignError as error:
        if error.finding.id == _NO_TICKET:
            return found.NOT_NOTARISED(
                platform=platform.title, evidence=error.finding.evidence, remedies=found.log_remedies()
            )
        return _unseen(platform, error)
    return found.NOTARISED(
        platform=platform.title, evidence=Evidence(time=utc_now(), more={"ticket": record})
    )


def _unseen(platform: Platform, error: CodesignError) -> Finding:
    return found.NOTARISING_UNSEEN(
        platform=platform.title, detail=error.finding.title, evidence=error.finding.evidence
    )


def _level_remedy() -> Remedy:
    return Remedy(title=tr("Choose notarising, or notarising and stapling, as the level, and apply it."))


def _signer(
    platform: Platform,
    leaf: x509.Certificate | None,
    expected: x509.Certificate | None,
    publisher: str,
    findings: list[Finding],
) -> None:
    from codesign_wizard.core.authenticode import trust

    if leaf is None:
        return
    more = {"signed by": publisher, "certificate": _thumbprint(leaf)}
    if expected is None:
        evidence = Evidence(time=utc_now(), more=more)
        findings.append(found.NOT_COMPARED(platform=platform.title, publisher=publisher, evidence=evidence))
        return
    evidence = Evidence(time=utc_now(), more={**more, "expected": _thumbprint(expected)})
    if _is(leaf, expected):
        findings.append(found.SIGNED(platform=platform.title, publisher=publisher, evidence=evidence))
    elif leaf.subject == expected.subject:
        findings.append(
            found.EARLIER(
                platform=platform.title,
                publisher=publisher,
                evidence=evidence,
                certainty=Certainty.COMPUTED,
                remedies=found.compare_remedies(),
            )
        )
    else:
        findings.append(
            found.OTHER_SIGNER(
                platform=platform.title,
                publisher=publisher,
                expected=trust.name(expected),
                evidence=evidence,
                remedies=found.compare_remedies(),
            )
        )


def _carry(platform: Platform, seen: Sequence[Finding], findings: list[Finding]) -> None:
    """Take over what the verification found, a missing signature or time stamp in this proof's words."""
    for finding in seen:
        if finding.id in _UNSIGNED:
            findings.append(
                found.UNSIGNED(
                    platform=platform.title,
                    evidence=Evidence(time=utc_now(), more={"found": finding.id}),
                    remedies=[*found.compare_remedies(), *found.log_remedies()],
                )
            )
        elif finding.id in _NO_STAMP:
            findings.append(
                found.NO_TIMESTAMP(
                    platform=platform.title,
                    evidence=Evidence(time=utc_now(), more={"found": finding.id}),
                    remedies=found.log_remedies(),
                )
            )
        elif finding.id not in _SAID:
            findings.append(finding)


def _is(leaf: x509.Certificate | None, expected: x509.Certificate | None) -> bool:
    return leaf is not None and expected is not None and leaf == expected


def _thumbprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()
