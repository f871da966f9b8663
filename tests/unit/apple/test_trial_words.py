"""What the macOS trial says before anything was signed."""

from __future__ import annotations

import pytest

from codesign_wizard.core.apple import api_key_findings, identity_findings
from codesign_wizard.core.apple.later_words import elsewhere
from codesign_wizard.core.apple.trial_words import not_yet_words
from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.flow import APPLE_CERTIFICATES, MACOS_LEVEL, StepState
from codesign_wizard.core.profile import LEVELS


@pytest.mark.parametrize(
    ("certificates", "level", "key", "severity", "begins"),
    [
        (StepState.NOT_STARTED, LEVELS[2], StepState.DONE, Severity.INFO, "Nothing has been signed yet."),
        (StepState.ATTENTION, LEVELS[2], StepState.DONE, Severity.WARNING, "The certificates cannot sign"),
        (StepState.DONE, LEVELS[0], StepState.IN_PROGRESS, Severity.INFO, "Ready:"),
        (StepState.DONE, LEVELS[1], StepState.DONE, Severity.INFO, "Ready:"),
        (
            StepState.DONE,
            LEVELS[1],
            StepState.NOT_STARTED,
            Severity.INFO,
            "Both certificates can sign. W",
        ),
        (
            StepState.DONE,
            LEVELS[2],
            StepState.OUT_OF_DATE,
            Severity.INFO,
            "Both certificates can sign. W",
        ),
        (
            StepState.DONE,
            LEVELS[2],
            StepState.ATTENTION,
            Severity.WARNING,
            "Both certificates can sign, but",
        ),
    ],
)
def test_ready_is_said_only_where_all_that_the_level_needs_is_there(
    certificates: StepState, level: str, key: StepState, severity: Severity, begins: str
) -> None:
    how, title, _ = not_yet_words(certificates, level, key)
    assert how is severity
    assert title.startswith(begins)


def test_a_trial_leads_to_the_one_step_that_mends_all_it_failed_for() -> None:
    kinds = {kind.id: kind for kind in vars(identity_findings).values() if isinstance(kind, FindingKind)} | {
        kind.id: kind for kind in vars(api_key_findings).values() if isinstance(kind, FindingKind)
    }
    wrong = Finding("apple.identity.password-wrong", Severity.ERROR, "wrong")
    key = Finding("apple.api-key.missing", Severity.ERROR, "missing")
    warned = Finding("apple.timestamp.slow", Severity.WARNING, "slow")
    assert wrong.id in kinds, "an id that there is"
    assert elsewhere([wrong, warned]) == APPLE_CERTIFICATES
    assert elsewhere([key]) == MACOS_LEVEL
    assert elsewhere([wrong, key]) == ""
    assert elsewhere([warned]) == ""
