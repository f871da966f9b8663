"""What a macOS package is and installs, whose it is, and what is wrong with it, for people."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from codesign_wizard.core.apple.names import shown
from codesign_wizard.core.apple.package import Component
from codesign_wizard.core.apple.package_findings import UNSIGNED
from codesign_wizard.core.apple.package_sign import open_package
from codesign_wizard.core.apple.package_verify import PackageVerification, verify_package
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.inspection import Inspection
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.text import tr

_MANY = 20


def inspect_package(job: JobContext, path: Path, roots: AppleRoots | None = None) -> Inspection:
    """Return what the package *path* is; raises ``InputError`` when it cannot be opened."""
    with open_package(path) as package:
        kind = tr("product archive (.pkg)") if package.is_product else tr("component package (.pkg)")
        title = package.distribution.value("title") if package.distribution is not None else ""
        components = package.components
    facts = [(tr("Kind"), kind)]
    if title:
        facts.append((tr("Title"), shown(title)))
    facts += [(tr("Installs"), _described(component)) for component in components[:_MANY]]
    if len(components) > _MANY:
        rest = tr("and {count} more").format(count=len(components) - _MANY)
        facts.append((tr("Installs"), rest))
    result = verify_package(job, path, roots=roots)
    facts += _signature(result)
    if result.certificate is None:
        sentence = tr("{file} is a macOS package that is not signed.").format(file=path.name)
    else:
        sentence = tr("{file} is a macOS package signed by {signer}.").format(
            file=path.name, signer=result.signer
        )
    details = {"verification": result.to_json()}
    says = UNSIGNED.id if result.certificate is None else ""
    return Inspection("macos-package", sentence, facts, result.findings, details, says=says)


def _described(component: Component) -> str:
    return tr("{identifier} {version}, in {place}").format(
        identifier=shown(component.identifier) or tr("without an identifier"),
        version=shown(component.version),
        place=shown(component.install_location),
    )


def _signature(result: PackageVerification) -> list[tuple[str, str]]:
    facts = []
    if result.certificate is not None:
        facts.append((tr("Signature"), result.signer))
    if result.timestamp is not None:
        time = result.timestamp.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        facts.append((tr("Time stamp"), time))
    if result.stapled:
        facts.append((tr("Ticket"), tr("stapled")))
    return facts
