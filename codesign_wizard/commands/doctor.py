"""``doctor``: looks for what keeps signing from working, from names to a test signature. Changes nothing."""

from __future__ import annotations

import argparse

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.text import tr

NOT_HERE = FindingKind(
    "usage.windows-only",
    Severity.INFO,
    "This version looks at Windows signing only; macOS and server come later.",
    "The word all stands for what this version can do.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to look at."""
    parser.add_argument(
        "what", nargs="?", choices=("windows", "all"), default="all", help=tr("what to look at")
    )


def run(context: Context) -> Outcome:
    """Diagnose the profile's Windows options."""
    from codesign_wizard.core.doctor import doctor_windows

    context.reaches_out()
    session = context.session
    result = doctor_windows(
        context.job, session.network, session.azure_options(), context.application_secret()
    )
    findings = list(result.findings)
    if context.options.what == "all":
        findings.append(NOT_HERE())
    names = _names()
    return Outcome(
        findings,
        {"facts": dict(result.facts)},
        [(names.get(name, name), value) for name, value in result.facts.items()],
        clear=tr("Signing for Windows works: the vault signs, and the signature is good."),
        blocked=tr("Signing for Windows will not work until this is mended."),
    )


def _names() -> dict[str, str]:
    return {
        "vault_tenant": tr("Vault's tenant"),
        "application_id": tr("Application"),
        "object_id": tr("Seen by the vault as"),
        "tenant_id": tr("Tenant"),
        "token_expires": tr("Signed in until"),
        "certificate": tr("Certificate"),
        "publisher": tr("Publisher"),
        "issuer": tr("Issuer"),
        "key": tr("Key"),
        "certificate_expires": tr("Expires"),
    }
