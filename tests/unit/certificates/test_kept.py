"""What the step *Certificate* keeps of its looks, and what it says first of what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from codesign_wizard.core.certificates.bundle import Answer
from codesign_wizard.core.certificates.desk import DeskState, ShownRequest, Stage
from codesign_wizard.core.certificates.desk_words import answer_words, form_words, standing_words
from codesign_wizard.core.certificates.kept import (
    kept_desk,
    problems_and_quiet,
    record_failure,
    record_look,
)
from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import CERTIFICATE, Flow, StepState
from codesign_wizard.core.profile import Profile

END = datetime(2027, 3, 1, tzinfo=UTC)
SOON = Finding("certificate.judge.expires-soon", Severity.WARNING, "It ends soon.")
FINE = Finding("certificate.judge.chain-ok", Severity.OK, "Its chain is whole.")
BAD = Finding("certificate.judge.disabled", Severity.ERROR, "It is switched off.")
DOWN = Finding("network.unreachable", Severity.ERROR, "Nobody answers.")


def desk(stage: Stage = Stage.USABLE, *findings: Finding, **more: object) -> DeskState:
    return replace(DeskState("harbour", "code", stage, findings, {"version": "1"}, expires=END), **more)


@pytest.fixture
def flow() -> Flow:
    return Flow(Profile("one", "One"))


def test_a_look_is_kept_and_an_open_step_waits(flow: Flow) -> None:
    assert kept_desk(flow.profile.results.get(CERTIFICATE)) is None
    seen = desk(Stage.USABLE, FINE)
    record_look(flow, seen, "a")
    assert kept_desk(flow.profile.results[CERTIFICATE]) == seen
    record_look(flow, desk(Stage.PENDING), flow.inputs(CERTIFICATE))
    assert flow.state(CERTIFICATE) is StepState.IN_PROGRESS
    flow.profile.results[CERTIFICATE].details["desk"] = {"stage": "of another version"}
    assert kept_desk(flow.profile.results[CERTIFICATE]) is None


def test_a_failure_keeps_what_was_seen_and_when_it_was_first(flow: Flow) -> None:
    record_failure(flow, DOWN, "a")
    result = flow.profile.results[CERTIFICATE]
    assert standing_words(result, StepState.ATTENTION, kept_desk(result)) == (
        Severity.ERROR,
        "What the vault holds could not be seen.",
        "",
    )
    record_look(flow, desk(Stage.USABLE, FINE), "a")
    first = flow.profile.results[CERTIFICATE].obtained
    for _ in range(2):
        record_failure(flow, DOWN, "a")
        result = flow.profile.results[CERTIFICATE]
        shown = kept_desk(result)
        assert shown is not None
        assert (shown.stage, result.facts) == (Stage.USABLE, {"version": "1"})
        severity, title, text = standing_words(result, StepState.ATTENTION, shown)
        assert (severity, title) == (Severity.ERROR, "What the vault holds could not be seen.")
        assert text == f"What is shown below is of {first:%Y-%m-%d %H:%M:%S} UTC."
    record_look(flow, desk(Stage.USABLE, FINE), "a")
    assert "Seen " in standing_words(flow.profile.results[CERTIFICATE], StepState.DONE, desk())[2]


def test_what_is_said_before_a_look_and_after_a_change(flow: Flow) -> None:
    assert standing_words(None, StepState.NOT_STARTED, None)[1].startswith("Nobody has looked yet")
    record_look(flow, desk(Stage.USABLE, FINE), "a")
    result = flow.profile.results[CERTIFICATE]
    severity, title, _ = standing_words(result, StepState.OUT_OF_DATE, desk())
    assert severity is Severity.WARNING
    assert "Look again" in title


def test_the_end_that_is_near_is_no_problem_besides(flow: Flow) -> None:
    seen = desk(Stage.RENEWAL_DUE, SOON, FINE, BAD)
    record_look(flow, seen, "a")
    result = flow.profile.results[CERTIFICATE]
    assert problems_and_quiet(result, seen) == ([BAD], [FINE])
    # of a certificate that is not near its end by this computer's clock, it is news
    assert problems_and_quiet(result, desk(Stage.USABLE)) == ([SOON, BAD], [FINE])
    assert problems_and_quiet(None, None) == ([], [])


@pytest.mark.parametrize(
    ("stage", "days", "waits", "due"),
    [
        (Stage.USABLE, -100, False, False),
        (Stage.RENEWAL_DUE, -20, False, True),
        (Stage.RENEWAL_DUE, -20, True, False),
        (Stage.USABLE, 1, False, True),
        (Stage.UNUSABLE, -100, False, False),
    ],
)
def test_when_a_renewal_is_the_thing_to_do(stage: Stage, days: int, waits: bool, due: bool) -> None:
    request = ShownRequest("-----BEGIN", ()) if waits else None
    assert desk(stage, request=request).to_renew(END + timedelta(days=days)) is due


def test_what_stands_above_the_form_and_the_answer() -> None:
    assert form_words(None, renewal=False)[1] == "Fill in who the certificate is for."
    assert "next version" in form_words(None, renewal=True)[1]
    assert form_words([FINE], renewal=True) == (Severity.OK, "The request can be made like this.", "")
    assert form_words([BAD], renewal=False, wrong=("Country",)) == (
        Severity.ERROR,
        "Correct what is wrong in the form.",
        "To be corrected: Country.",
    )
    assert form_words([BAD, DOWN], renewal=False) == (
        Severity.ERROR,
        "The request cannot be made like this.",
        "Below: 2 problems. Nothing was made.",
    )
    assert answer_words(Answer(findings=[BAD]))[1:] == (
        "This answer cannot be merged.",
        "Nothing was changed in the vault.",
    )
