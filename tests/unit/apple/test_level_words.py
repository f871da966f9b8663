"""What the page *Level and API key* says of ids that are wrong, and of those that are missing."""

from __future__ import annotations

from codesign_wizard.core.apple.level_words import NOTARISE, said
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.flow import Flow
from codesign_wizard.core.profile import new_profile


def test_what_is_wrong_is_a_problem_and_what_is_missing_is_not() -> None:
    profile = new_profile("Mine")
    profile.macos.level, own = NOTARISE, profile.macos.api_key
    flow = Flow(profile)
    own.key_id = "2X9R4HXF34"
    assert said(flow, kept=True) == (Severity.INFO, "The Issuer ID is still missing.", "")
    own.issuer_id = "5724654296fe1a63"
    assert said(flow, kept=True) == (Severity.ERROR, "The Issuer ID cannot be right.", "")
    assert said(flow, kept=False) == (
        Severity.ERROR,
        "The Issuer ID cannot be right.",
        "The API key is still missing.",
    )
    own.key_id, own.issuer_id = "2X9", ""
    assert said(flow, kept=True) == (
        Severity.ERROR,
        "The Key ID cannot be right.",
        "The Issuer ID is still missing.",
    )
