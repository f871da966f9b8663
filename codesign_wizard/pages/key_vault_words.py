"""What the page Key Vault says: what is missing of the form, what the sign-in told, whom the vault sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import readable, verdict

if TYPE_CHECKING:
    from codesign_wizard.core.profile import AzureSettings
    from codesign_wizard.core.step_result import StepResult


def missing(azure: AzureSettings, *, secret_known: bool) -> tuple[str, ...]:
    """Return the names of the options that are not filled in, in the form's order, the secret last."""
    names = {
        tr("vault name"): azure.vault_name,
        tr("certificate name"): azure.certificate_name,
        tr("application ID"): azure.application_id,
        tr("tenant ID"): azure.tenant_id,
        tr("application secret"): "x" if secret_known else "",
    }
    return tuple(name for name, value in names.items() if not value)


def before_sign_in(found: Sequence[Finding] | None, lacking: Sequence[str]) -> tuple[Severity, str, str]:
    """Return what is to be done next, while nobody has signed in.

    *found*: what the look without the secret told, ``None`` when nobody looked; *lacking* as of ``missing``.
    """
    if found is not None and blocks(found):
        return verdict(found, "")
    if lacking:
        title = tr("Fill in what is missing, then sign in.")
        return Severity.INFO, title, tr("Still missing: {names}.").format(names=", ".join(lacking))
    return Severity.INFO, tr("All is filled in. Sign in to see whether it works."), ""


def signed_in(result: StepResult, *, permissions_block: bool) -> tuple[Severity, str, str]:
    """Return what the sign-in told; *permissions_block*: the next page lacks something that blocks."""
    if any(each.id == "azure.signature.works" for each in result.findings):
        return verdict(result.findings, tr("The vault answers, and its key signs for you."))
    severity, title, text = verdict(result.findings, tr("Signed in, and the vault answers."))
    if severity is not Severity.ERROR and permissions_block:
        more = tr("But the application may not do all that it needs: the next page says what is missing.")
        return Severity.WARNING, title, more
    return severity, title, text


def mistakes(field: str, text: str) -> list[Finding]:
    """Return what is wrong with *text* in the option *field* of ``AzureOptions``."""
    from codesign_wizard.core.azure.options import check_field

    return [finding for finding in check_field(field, text) if finding.severity is not Severity.OK]


def tidied(field: str, text: str) -> str:
    """Return *text* as the option *field* keeps it: without stray blanks and quotes."""
    from codesign_wizard.core.azure.options import tidy

    return tidy(field, text)


def identity(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return whom the vault sees and what was found there, name and value each, as far as *facts* tell."""
    names = {
        "application_id": tr("Application ID"),
        "object_id": tr("Object ID"),
        "tenant_id": tr("Tenant ID"),
        "token_expires": tr("Token valid until"),
        "certificate": tr("Certificate"),
        "publisher": tr("Publisher"),
        "issuer": tr("Issued by"),
        "key": tr("Key"),
        "certificate_expires": tr("Certificate valid until"),
    }
    return [(words, readable(facts[name])) for name, words in names.items() if facts.get(name)]
