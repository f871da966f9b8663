"""What is kept of a trial for macOS, and what Gatekeeper's answer means to a customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import StepState
from codesign_wizard.core.profile import LEVELS
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.core.macos_trial_state import MacosTrialResult

GATEKEEPER = "apple.gatekeeper."  # how the ids of its findings begin


def kept_facts(result: MacosTrialResult) -> dict[str, str]:
    """Return the facts of *result*, with the SHA-256 of the certificates that signed, as *Look* has them."""
    from cryptography.hazmat.primitives import hashes

    facts, verification = dict(result.facts), result.verification
    if verification is None:
        return facts
    if verification.package is not None and verification.package.package.certificate is not None:
        certificate = verification.package.package.certificate
        facts["installer_sha256"] = certificate.fingerprint(hashes.SHA256()).hex()
    inside = verification.package.code if verification.package is not None else verification.code
    for report in inside.values():
        main = report.signatures[-1] if report.signatures else None
        if main is not None and main.certificate is not None:
            facts["application_sha256"] = main.certificate.fingerprint(hashes.SHA256()).hex()
            break
    return facts


def not_yet_words(certificates: StepState, level: str, key: StepState) -> tuple[Severity, str, str]:
    """Return what is to be said before a trial: how grave it is, a sentence, a smaller one.

    *certificates* and *key* are the states of the steps it relies on, *level* one of ``profile.LEVELS``.
    """
    if certificates is StepState.ATTENTION:
        return (
            Severity.WARNING,
            tr("The certificates cannot sign yet, so this trial will not succeed."),
            tr("Apple certificates says what is wrong with them."),
        )
    if certificates is not StepState.DONE:
        return (
            Severity.INFO,
            tr("Nothing has been signed yet."),
            tr("The trial opens the two .p12 files by itself; if they do not open, their page says why."),
        )
    if level == LEVELS[0] or key is StepState.DONE:
        return Severity.INFO, tr("Ready: both certificates can sign."), ""
    if key is StepState.ATTENTION:
        return (
            Severity.WARNING,
            tr("Both certificates can sign, but the API key is not accepted: nothing will be notarised."),
            tr("Level and API key says what is wrong with it."),
        )
    return (
        Severity.INFO,
        tr("Both certificates can sign. Whether Apple accepts the API key is not known yet."),
        tr("Notarising needs it: Level and API key takes it and asks Apple."),
    )


def gatekeeper_words(facts: Mapping[str, str], *, notarised: bool = False) -> list[tuple[str, str]]:
    """Return what happens to a downloaded copy: with a network and without, in words.

    *notarised* tells that Apple accepted the file, which is not seen in it.
    """
    from codesign_wizard.core.apple.gatekeeper import Answer

    words = {
        Answer.OPENS.value: tr("opens"),
        Answer.STOPS.value: tr("is stopped: no ticket is stapled, and Apple cannot be asked")
        if notarised
        else tr("is stopped: Apple has not notarised it"),
        Answer.ONCE_NOTARISED.value: tr("opens: Apple has notarised it, and the Mac asks Apple once")
        if notarised
        else tr("opens once Apple has notarised it"),
    }
    named = (
        (tr("With a network"), facts.get("gatekeeper_online", "")),
        (tr("Without a network"), facts.get("gatekeeper_offline", "")),
    )
    return [(name, words.get(answer, answer)) for name, answer in named if answer]


def gatekeeper_note(facts: Mapping[str, str], findings: Iterable[Finding], *, notarised: bool = False) -> str:
    """Return why that is so, and what would change it; "" where the words say it all."""
    if notarised and facts.get("level") == "notarise":
        return tr("The level “sign, notarise and staple” puts Apple's ticket into the package.")
    from codesign_wizard.core.apple.gatekeeper import STOPS

    told = next((each for each in findings if each.id.startswith(GATEKEEPER)), None)
    if told is None:
        return ""
    if told.id == STOPS.id:
        return tr(
            "At the level “sign only” nothing is sent to Apple, and since macOS 10.15 a signature alone is "
            "not enough for what was downloaded. The levels with notarisation change that."
        )
    return told.title


def accepted(findings: Iterable[Finding], clear: str) -> str:
    """Return *clear*, or where it holds by roots that were added only, the sentence that says so."""
    if any(each.id.endswith("-extra-root") for each in findings):
        return tr("Signed and verified, with the roots that were added: macOS does not know them.")
    return clear


def level_words(level: str) -> str:
    """Return what a level is called."""
    return {
        "sign-only": tr("sign only"),
        "notarise": tr("sign and notarise"),
        "staple": tr("sign, notarise and staple"),
    }.get(level, level)
