"""What the page Key Vault says: what is missing of the form, what the sign-in told, whom the vault sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from codesign_wizard.core.finding import Finding, Severity, blocks
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import readable, verdict

if TYPE_CHECKING:
    from codesign_wizard.core.azure.options import AzureOptions
    from codesign_wizard.core.profile import AzureSettings
    from codesign_wizard.core.step_result import StepResult

SECRET = "application_secret"  # the key of an option, not a value


def missing(azure: AzureSettings | AzureOptions, *, secret_known: bool) -> tuple[str, ...]:
    """Return the names of the options that are not filled in, in the form's order, the secret last."""
    values = {key: getattr(azure, key) for key in _names() if key != SECRET}
    values[SECRET] = "x" if secret_known else ""
    return tuple(_names()[key] for key, value in values.items() if not value)


def named(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the options whose keys are *fields*, within a sentence."""
    return tuple(_names()[key] for key in fields)


def _names() -> dict[str, str]:
    return {
        "vault_name": tr("vault name"),
        "certificate_name": tr("certificate name"),
        "application_id": tr("application ID"),
        SECRET: tr("application secret"),
        "tenant_id": tr("tenant ID"),
    }


def impossible(azure: AzureSettings | AzureOptions) -> tuple[str, ...]:
    """Return the names of the options, the secret apart, that hold what cannot be right."""
    from codesign_wizard.core.azure.options import impossible as fields

    return named(fields({key: getattr(azure, key) for key in _names() if key != SECRET}))


def comes_first(
    lacking: Sequence[str], wrong: Sequence[str], problems: Sequence[Finding]
) -> tuple[Severity, str, str] | None:
    """Return what a later page says while Key Vault has to be done before it, ``None`` once it has been.

    *lacking* as of ``missing``, *wrong* as of ``impossible``; *problems* are the errors of the last sign-in.
    """
    if lacking or wrong:
        return Severity.INFO, tr("Key Vault comes first."), _to_do(lacking, wrong)
    if problems:
        return Severity.WARNING, tr("Key Vault comes first: signing in did not work."), problems[0].title
    return None


def before_sign_in(
    found: Sequence[Finding] | None,
    lacking: Sequence[str],
    wrong: Mapping[str, Sequence[Finding]] | None = None,
) -> tuple[Severity, str, str]:
    """Return what is to be done next, while nobody has signed in.

    *found*: what the look without the secret told, ``None`` when nobody looked; *lacking* as of ``missing``;
    *wrong*: what the form tells of each option, by its key.
    """
    told = {key: findings for key, findings in (wrong or {}).items() if findings}
    if told:
        wrong_ones = [key for key, findings in told.items() if blocks(findings)]
        text = _to_do(lacking, named(wrong_ones), named(key for key in told if key not in wrong_ones))
        if wrong_ones:
            return Severity.ERROR, tr("Correct what is wrong in the form, then sign in."), text
        return Severity.WARNING, tr("Look at what is doubtful in the form, then sign in."), text
    if found is not None and blocks(found):
        severity, title, text = verdict(found, "", tr("Signing in cannot work yet."))
        return severity, title, text or tr("What was checked without the secret says why.")
    if lacking:
        return Severity.INFO, tr("Fill in what is missing, then sign in."), _to_do(lacking, ())
    return Severity.INFO, tr("All is filled in. Sign in to see whether it works."), ""


def _to_do(lacking: Sequence[str], wrong: Sequence[str], doubtful: Sequence[str] = ()) -> str:
    parts = (
        tr("To be corrected: {names}.").format(names=", ".join(wrong)) if wrong else "",
        tr("Doubtful: {names}.").format(names=", ".join(doubtful)) if doubtful else "",
        tr("Still missing: {names}.").format(names=", ".join(lacking)) if lacking else "",
    )
    return " ".join(filter(None, parts))


def signed_in(result: StepResult, *, permissions_block: bool) -> tuple[Severity, str, str]:
    """Return what the sign-in told; *permissions_block*: the next page lacks something that blocks."""
    if any(each.id == "azure.signature.works" for each in result.findings):
        return verdict(
            result.findings,
            tr("The vault answers, and its key signs for you."),
            tr("The vault's key signs for you, but a problem stands in the way."),
        )
    # who the vault sees is known once there was a token
    blocked = (
        tr("Signed in, but signing with this vault does not work yet.")
        if result.facts.get("object_id")
        else tr("Signing in does not work yet.")
    )
    severity, title, text = verdict(result.findings, tr("Signed in, and the vault answers."), blocked)
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
