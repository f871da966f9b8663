"""What the macOS trial says before anything was signed."""

from __future__ import annotations

import pytest

from codesign_wizard.core.apple.trial_words import not_yet_words
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import StepState
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
