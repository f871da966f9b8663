"""What a look at the vault is shown as, kept as, and said in one sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from codesign_wizard.commands.hints import with_hints
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.certificates.desk import (
    DeskState,
    Stage,
    describe,
)
from codesign_wizard.core.certificates.desk_words import days_words, headline, since_words, what_is_made
from codesign_wizard.core.certificates.held import Holding, NameState, PendingRequest, VersionSummary
from codesign_wizard.core.certificates.request import KeyChoice, RequestOptions, SigningRequest
from codesign_wizard.core.certificates.subject import Subject
from codesign_wizard.core.finding import Finding, Severity, blocks
from tests.unit.certificates import answers
from tests.unit.certificates.test_judge import held, judged

OPTIONS = AzureOptions("harbour", "code", "", "")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
JUDGED = datetime.now(UTC)  # the certificates of the tests are made for this moment


def pending() -> PendingRequest:
    return PendingRequest("code", SigningRequest.read(answers.request()), "inprogress", "Unknown", since=NOW)


def certificate(**more: Any) -> DeskState:
    judgement = judged(held(), now=JUDGED, revocation=False)
    assert judgement.expires is not None
    versions = tuple(VersionSummary(each, True, None, None, judgement.expires, "00") for each in ("v1", "v0"))
    state = NameState.RENEWING if "pending" in more else NameState.CERTIFICATE
    holding = Holding("code", state, held(), versions=versions, **more)
    return describe(OPTIONS, holding, judgement, now=JUDGED)


@pytest.mark.parametrize(
    ("holding", "stage", "severity", "words"),
    [
        (Holding("code", NameState.FREE), Stage.FREE, Severity.INFO, "holds no certificate code yet"),
        (
            Holding("code", NameState.PENDING, pending=pending()),
            Stage.PENDING,
            Severity.INFO,
            "waits for the CA's answer",
        ),
        (Holding("code", NameState.DELETED), Stage.DELETED, Severity.ERROR, "no certificate to sign with"),
        (Holding("code", NameState.TAKEN), Stage.TAKEN, Severity.ERROR, "no certificate to sign with"),
    ],
)
def test_each_state_of_a_name_is_one_sentence(
    holding: Holding, stage: Stage, severity: Severity, words: str
) -> None:
    state = describe(OPTIONS, holding, None, now=NOW)
    assert state.stage is stage
    told, title, _ = headline(state, NOW)
    assert told is severity
    assert words in title
    # what nobody has done yet is no fault
    assert blocks(state.findings) == (severity is Severity.ERROR)
    assert stage.open == (severity is Severity.INFO)


def test_a_certificate_is_told_by_the_days_it_has_left_on_the_day_it_is_shown() -> None:
    state = certificate()
    assert state.stage is Stage.USABLE
    assert state.expires is not None
    assert state.chain[0] == state.facts["publisher"] == state.subject["common_name"]
    assert [each.newest for each in state.versions] == [True, False]
    far, near, gone = (state.expires - timedelta(days=days) for days in (200.5, 20.5, -1))
    assert headline(state, far)[1].endswith("200 days left.")
    severity, title, text = headline(state, near)
    assert severity is Severity.WARNING
    assert title.startswith("Time to renew")
    assert "20 days left" in title
    assert text.startswith("It keeps signing until then")
    severity, title, _ = headline(state, gone)
    assert severity is Severity.ERROR
    assert "expired on" in title


def test_a_renewal_under_way_is_told_beside_the_certificate() -> None:
    state = certificate(pending=pending())
    assert state.renewing
    assert state.request is not None
    assert "next version waits" in headline(state, JUDGED)[2]
    assert state.expires is not None
    severity, title, _ = headline(state, state.expires - timedelta(days=20.5))
    # what there was to do is done
    assert severity is Severity.WARNING
    assert title.startswith("The certificate can sign programs until")


def test_what_was_shown_is_the_same_after_a_restart() -> None:
    for state in (certificate(pending=pending()), describe(OPTIONS, Holding("code", NameState.FREE), None)):
        document = json.loads(json.dumps(state.to_json()))
        assert DeskState.from_json(document, state.findings, state.facts) == state
    for broken in ({}, {**document, "stage": "no stage"}, {**document, "request": {"pem": 1}}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            DeskState.from_json(broken)


def test_the_confirmation_names_everything_that_is_made() -> None:
    asked = RequestOptions(Subject.from_form({"common_name": "Harbour, Inc.", "country": "nz"}))
    shown = dict(what_is_made(OPTIONS, asked, renewal=False))
    assert shown["In the vault"] == "harbour (harbour.vault.azure.net)"
    assert shown["Certificate"] == "code: new"
    assert "RSA 4096 (RSA-HSM)" in shown["Key"]
    assert "hardware" in shown["Key"]
    assert shown["Subject"] == 'CN="Harbour, Inc.",C=NZ'
    soft = RequestOptions(asked.subject, KeyChoice.RSA_3072, hardware=False)
    shown = dict(what_is_made(OPTIONS, soft, renewal=True))
    assert "RSA 3072 (RSA), kept in software" in shown["Key"]
    assert "present one keeps signing" in shown["Certificate"]


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "Made today."), (1, "1 day ago"), (12, "12 days ago")],
)
def test_a_request_tells_how_long_it_waits(days: int, words: str) -> None:
    assert words in since_words(NOW - timedelta(days=days), NOW)
    assert since_words(None, NOW) == ""


@pytest.mark.parametrize(
    ("hours", "words"), [(-1, "expired"), (5, "ends today"), (30, "1 day left"), (72, "3 days left")]
)
def test_days_left_in_words(hours: int, words: str) -> None:
    assert days_words(NOW + timedelta(hours=hours), NOW) == words


def test_a_near_end_is_no_call_to_renew_while_the_request_waits() -> None:
    def ending(**more: Any) -> Finding:
        judgement = judged(held(), now=JUDGED, revocation=False)
        assert judgement.expires is not None
        near = judged(held(), now=judgement.expires - timedelta(days=20), revocation=False)
        state = NameState.RENEWING if more else NameState.CERTIFICATE
        desk = describe(OPTIONS, Holding("code", state, held(), **more), near, now=JUDGED)
        return next(each for each in desk.findings if each.id == "certificate.judge.expires-soon")

    assert ending().detail.startswith("Renew it now")
    waits = ending(pending=pending())
    assert "waits for the CA's answer" in waits.detail
    assert [each.title for each in waits.remedies] == ["Hand in the CA's answer when it comes."]
    # the terminal names the command for what is to be done, and no other
    assert [with_hints([each])[0].remedies[-1].title for each in (ending(), waits)] == [
        "Here: certificate renew.",
        "Here: certificate merge FILE… merges it.",
    ]
