"""What only the terminal knows of a finding: how a value is given, and which command goes on from there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from codesign_wizard.core.finding import Finding, Remedy
from codesign_wizard.core.text import tr

# by field of the Azure options: option, environment variable, setting of the profile
_PLACES = {
    "vault_name": ("--vault NAME", "CODESIGN_WIZARD_VAULT", "profile set windows.vault-name=NAME"),
    "certificate_name": (
        "--certificate NAME",
        "CODESIGN_WIZARD_CERTIFICATE",
        "profile set windows.certificate-name=NAME",
    ),
    "application_id": ("--application ID", "AZURE_CLIENT_ID", "profile set windows.application-id=ID"),
    "application_secret": ("--secret-stdin", "AZURE_CLIENT_SECRET", "profile set --secret-stdin"),
    "tenant_id": ("--tenant ID", "AZURE_TENANT_ID", "profile set windows.tenant-id=ID"),
}

# what is missing is a secret, which the keyring may have
_SECRETS = frozenset({"server.sign-in.password-missing", "apple.api-key.none"})

# by id of a finding: the command that goes on from there
_COMMANDS: dict[str, Callable[[], str]] = {
    "azure.vault.certificate-pending": lambda: tr(
        "Here: csr show shows the request again, certificate merge FILE… merges the answer."
    ),
    "azure.vault.certificate-missing": lambda: tr(
        "Here: certificate list shows what the vault holds, csr create makes a signing request."
    ),
    "azure.vault.certificate-expired": lambda: tr("Here: certificate renew."),
    "certificate.judge.expires-soon": lambda: tr("Here: certificate renew."),
    "certificate.judge.expired": lambda: tr("Here: certificate renew."),
    "certificate.request.name-deleted": lambda: tr("Here: certificate recover brings it back."),
    "certificate.request.pending-exists": lambda: tr(
        "Here: csr save FILE saves it again, csr cancel drops it."
    ),
    "server.address.missing": lambda: tr(
        "Give it with --server URL or in CODESIGN_WIZARD_SERVER, or keep it: profile set server.address=URL."
    ),
    "server.sign-in.user-missing": lambda: tr(
        "Give it with --user NAME or in CODESIGN_WIZARD_SERVER_USER, or keep it: "
        "profile set server.user=NAME."
    ),
    "server.sign-in.password-missing": lambda: tr(
        "Give it on standard input (--password-stdin) or in CODESIGN_WIZARD_SERVER_PASSWORD, or keep it in "
        "the keyring: profile set --server-password-stdin."
    ),
    "server.sign-in.code-needed": lambda: tr(
        "Give it on standard input (--code-stdin) or in CODESIGN_WIZARD_SERVER_CODE."
    ),
    "report.read-only": lambda: tr(
        "Look at it with inspect FILE, or open it in the window: gui --profile FILE."
    ),
    "certificate.request.none": lambda: tr("Here: csr create makes one."),
}


def with_hints(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings*, those about a missing value with how it is given here."""
    return [_with_hint(finding) for finding in findings]


def with_keyring(findings: Iterable[Finding], trouble: str) -> list[Finding]:
    """Return *findings*, those about a missing secret with the *trouble* of the keyring that may have it."""
    return [
        dataclasses.replace(each, detail=" ".join(filter(None, (each.detail, trouble))))
        if trouble and (each.id in _SECRETS or each.evidence.more.get("field") == "application_secret")
        else each
        for each in findings
    ]


def with_remedy(finding: Finding, title: str) -> Finding:
    """Return *finding* with one more remedy."""
    return dataclasses.replace(finding, remedies=(*finding.remedies, Remedy(title=title)))


def _with_hint(finding: Finding) -> Finding:
    if finding.id == "azure.options.missing":
        places = _PLACES.get(finding.evidence.more.get("field", ""))
        if places is not None:
            option, variable, setting = places
            return with_remedy(
                finding,
                tr("Give it with {option} or in {variable}, or keep it: {setting}.").format(
                    option=option, variable=variable, setting=setting
                ),
            )
    if finding.id == "inspect.password-needed":
        return with_remedy(finding, password_hint())
    if finding.id == "certificate.judge.expires-soon" and finding.evidence.more.get("request") == "waits":
        return with_remedy(finding, tr("Here: certificate merge FILE… merges it."))
    if finding.id in _COMMANDS:
        return with_remedy(finding, _COMMANDS[finding.id]())
    return finding


def password_hint() -> str:
    """Return how a .p12's password is given."""
    return tr("Give the password on standard input (--password-stdin), or in CODESIGN_WIZARD_P12_PASSWORD.")
