"""What the page Key Vault says, without the page."""

from __future__ import annotations

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.vault_findings import SIGNATURE_WORKS
from codesign_wizard.core.finding import FindingKind, Severity, utc_now
from codesign_wizard.core.profile import AzureSettings
from codesign_wizard.core.step_result import StepResult
from codesign_wizard.pages import key_vault_words as words

FINE = FindingKind("test.fine", Severity.OK, "Fine.", "Only in tests.")
WRONG = FindingKind("test.wrong", Severity.ERROR, "Wrong.", "Only in tests.")


WRONG_TOO = FindingKind("test.wrong-too", Severity.ERROR, "Wrong, too.", "Only in tests.")
DOUBTFUL = FindingKind("test.doubtful", Severity.WARNING, "Doubtful.", "Only in tests.")


def told(
    *findings: FindingKind, permissions_block: bool = False, facts: dict[str, str] | None = None
) -> tuple[Severity, str, str]:
    made = [each(name="harbour") for each in findings]
    result = StepResult(utc_now(), ok=True, findings=made, facts=facts or {})
    return words.signed_in(result, permissions_block=permissions_block)


def test_what_is_missing_is_named_in_the_forms_order_and_said_before_anything_else() -> None:
    azure = AzureSettings(vault_name="harbour", tenant_id="one")
    lacking = words.missing(azure, secret_known=False)
    assert lacking == ("certificate name", "application ID", "application secret")
    assert "application secret" not in words.missing(azure, secret_known=True)
    said = words.before_sign_in(None, lacking)
    assert said == (
        Severity.INFO,
        "Fill in what is missing, then sign in.",
        "Still missing: certificate name, application ID, application secret.",
    )
    assert words.before_sign_in([FINE()], ())[1] == "All is filled in. Sign in to see whether it works."
    assert words.before_sign_in([WRONG()], lacking)[:2] == (Severity.ERROR, "Signing in cannot work yet.")


def test_what_is_wrong_is_named_before_what_is_missing() -> None:
    wrong = {"vault_name": [WRONG()], "certificate_name": [], "tenant_id": [WRONG()]}
    assert words.before_sign_in([WRONG()], ("application ID",), wrong) == (
        Severity.ERROR,
        "Correct what is wrong in the form, then sign in.",
        "To be corrected: vault name, tenant ID. Still missing: application ID.",
    )
    doubtful = {"application_secret": [DOUBTFUL()]}
    assert words.before_sign_in(None, (), doubtful) == (
        Severity.WARNING,
        "Look at what is doubtful in the form, then sign in.",
        "Doubtful: application secret.",
    )
    both = words.before_sign_in(None, (), {"vault_name": [WRONG()], **doubtful})
    assert (both[0], both[2]) == (
        Severity.ERROR,
        "To be corrected: vault name. Doubtful: application secret.",
    )


def test_a_later_page_says_that_key_vault_comes_first_as_long_as_it_does() -> None:
    azure = AzureOptions("no_vault", "code", "", "contoso.com")
    assert words.impossible(azure) == ("vault name",)
    lacking = words.missing(azure, secret_known=True)
    assert words.comes_first(lacking, words.impossible(azure), ()) == (
        Severity.INFO,
        "Key Vault comes first.",
        "To be corrected: vault name. Still missing: application ID.",
    )
    assert words.comes_first((), (), [WRONG()]) == (
        Severity.WARNING,
        "Key Vault comes first: signing in did not work.",
        "Wrong.",
    )
    assert words.comes_first((), (), ()) is None


def test_a_signature_outweighs_what_permissions_lack_and_a_mere_sign_in_does_not() -> None:
    assert told(SIGNATURE_WORKS, permissions_block=True)[:2] == (
        Severity.OK,
        "The vault answers, and its key signs for you.",
    )
    assert told(FINE)[:2] == (Severity.OK, "Signed in, and the vault answers.")
    severity, title, text = told(FINE, permissions_block=True)
    assert (severity, title) == (Severity.WARNING, "Signed in, and the vault answers.")
    assert text.endswith("the next page says what is missing.")
    assert told(WRONG, permissions_block=True)[:2] == (Severity.ERROR, "Signing in does not work yet.")
    assert told(WRONG, facts={"object_id": "2f"})[1] == (
        "Signed in, but signing with this vault does not work yet."
    )
    assert told(WRONG, WRONG_TOO, DOUBTFUL)[2] == "Below: 2 problems, 1 warning."


def test_whom_the_vault_sees_is_told_as_far_as_it_is_known() -> None:
    facts = {"publisher": "Harbour Ltd", "object_id": "2f", "token_expires": "2026-11-28T22:00:00+00:00"}
    assert words.identity(facts) == [
        ("Object ID", "2f"),
        ("Token valid until", "2026-11-28 22:00:00 UTC"),
        ("Publisher", "Harbour Ltd"),
    ]
