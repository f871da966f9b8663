"""How a step stands for people: no plain *done* beside a warning, or beside what has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from codesign_wizard.core.finding import Finding, FindingKind, Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    CERTIFICATE_EXPIRES,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    PERMISSIONS,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.standing import Standing, standing
from codesign_wizard.core.summary import summarise

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SLOW = FindingKind("azure.vault.test-slow", Severity.WARNING, "It is slow.", "Only in tests.")
NOTE = FindingKind("azure.vault.test-note", Severity.INFO, "By the way.", "Only in tests.")
BAD = FindingKind("azure.vault.test-bad", Severity.ERROR, "It fails.", "Only in tests.")


def test_what_is_done_is_no_plain_done_beside_a_warning() -> None:
    flow = Flow(new_profile("Mine"))
    flow.record(PERMISSIONS, [NOTE()], {})
    assert standing(flow, PERMISSIONS, NOW).words == "done"
    flow.record(PERMISSIONS, [NOTE(), SLOW()], {})
    told = standing(flow, PERMISSIONS, NOW)
    assert (told.state, told.severity, told.words) == (
        StepState.DONE,
        Severity.WARNING,
        "with a warning",
    )
    flow.record(PERMISSIONS, [SLOW(), BAD()], {})
    assert standing(flow, PERMISSIONS, NOW) == Standing(StepState.ATTENTION, note="1 problem", short="1")
    line = next(each for each in summarise(flow.profile, now=NOW).lines if each.step.key == PERMISSIONS)
    assert line.standing == standing(flow, PERMISSIONS, NOW), "the summary and the rail say the same"


def test_what_has_ended_or_ends_soon_takes_the_tick_away() -> None:
    flow = Flow(new_profile("Mine"))

    def seen(days: int) -> Standing:
        for key in (KEY_VAULT, CERTIFICATE):
            flow.record(key, [], {CERTIFICATE_EXPIRES: (NOW + timedelta(days=days)).isoformat()})
        return standing(flow, CERTIFICATE, NOW)

    assert seen(200) == Standing(StepState.DONE, note="in 200 days")
    assert seen(60) == Standing(StepState.DONE, Severity.WARNING, "in 60 days")
    ended = seen(-3)
    assert (ended.severity, ended.words, ended.note) == (Severity.ERROR, "needs attention", "expired")
    # told where it was looked at closest, once
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.DONE)
    del flow.profile.results[CERTIFICATE]
    told = standing(flow, KEY_VAULT, NOW)
    assert (told.note, told.short) == ("certificate: expired", "expired"), "of what, beside the vault's name"
    seen(200)
    del flow.profile.results[CERTIFICATE]
    told = standing(flow, KEY_VAULT, NOW)
    assert (told.note, told.short) == ("certificate: in 200 days", ""), "without room for all of it nothing"


def test_the_end_of_the_secret_is_told_at_key_vault_once_it_is_near() -> None:
    flow = Flow(new_profile("Mine"))
    flow.record(KEY_VAULT, [], {})
    flow.profile.ends.client_secret = "2027-06-01"
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.DONE)
    flow.profile.ends.client_secret = "2026-12-18"
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.DONE, Severity.WARNING, "secret: in 20 days")
    flow.profile.ends.client_secret = "2026-11-27"
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.DONE, Severity.ERROR, "secret: expired")


def test_what_somebody_else_has_to_do_is_noted() -> None:
    flow = Flow(new_profile("Mine"))
    flow.profile.macos_wanted = True
    flow.record(CERTIFICATE, [], {}, details={"open": "pending"})
    flow.record(APPLE_CERTIFICATES, [], {}, details={"open": "installer"})
    assert standing(flow, CERTIFICATE, NOW) == Standing(StepState.IN_PROGRESS, note="at the CA")
    assert standing(flow, APPLE_CERTIFICATES, NOW) == Standing(StepState.IN_PROGRESS, note="1 of 2")
    assert standing(flow, WINDOWS_TRIAL, NOW) == Standing(StepState.NOT_STARTED)


def test_the_five_years_of_apples_certificates_are_noted_towards_their_end() -> None:
    flow = Flow(new_profile("Mine"))
    flow.profile.macos_wanted = True
    for days, note in ((91, ""), (80, "in 80 days")):
        flow.record(APPLE_CERTIFICATES, [], {CERTIFICATE_EXPIRES: (NOW + timedelta(days=days)).isoformat()})
        assert standing(flow, APPLE_CERTIFICATES, NOW) == Standing(StepState.DONE, note=note)


def test_a_warning_about_the_api_key_is_told_in_its_own_words() -> None:
    flow = Flow(new_profile("Mine"))
    flow.profile.macos_wanted, flow.profile.macos.level = True, "notarise"
    flow.record(MACOS_LEVEL, [SLOW()], {})
    line = next(each for each in summarise(flow.profile, now=NOW).lines if each.step.key == MACOS_LEVEL)
    assert (line.standing.severity, line.text) == (Severity.WARNING, "It is slow.")
    flow.profile.macos.level = "sign-only"
    flow.profile.reached = [MACOS_LEVEL, MACOS_TRIAL]
    line = next(each for each in summarise(flow.profile, now=NOW).lines if each.step.key == MACOS_LEVEL)
    assert line.text.startswith("“Sign only”"), "at the level that asks for no key its own is what matters"


def test_a_vault_that_answers_but_signs_nothing_is_no_plain_done() -> None:
    flow = Flow(new_profile("Mine"))
    signs = Finding("azure.signature.works", Severity.OK, "It signs.")
    flow.record(KEY_VAULT, [], {})
    flow.record(PERMISSIONS, [BAD()], {})
    told = standing(flow, KEY_VAULT, NOW)
    assert told == Standing(StepState.DONE, Severity.WARNING, "does not sign yet")
    flow.record(KEY_VAULT, [signs], {})
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.DONE), "another permission is lacking"


def test_a_problem_that_only_the_page_knows_is_one_beside_it() -> None:
    begun = Standing(StepState.IN_PROGRESS, note="at the CA")
    warned = begun.beside(Severity.WARNING)
    assert (warned.severity, warned.words) == (Severity.WARNING, "with a warning")
    old = Standing(StepState.OUT_OF_DATE, note="out of date")
    assert old.beside(Severity.WARNING) == old, "has a mark of its own"
    typed = Standing(StepState.IN_PROGRESS, Severity.ERROR)
    assert typed.beside(Severity.INFO) == Standing(StepState.IN_PROGRESS), "the page decides on what is typed"
    ended = Standing(StepState.DONE, Severity.ERROR, "expired")
    assert ended.beside(Severity.OK) == ended
    assert begun.beside(Severity.ERROR).words == "needs attention"
    counted = Standing(StepState.ATTENTION, note="1 problem", short="1")
    assert counted.beside(Severity.ERROR) == counted


def test_options_that_cannot_be_right_need_attention_wherever_one_is() -> None:
    flow = Flow(new_profile("Mine"))
    azure = flow.profile.windows.azure
    azure.vault_name = "harbour-signing"
    assert standing(flow, KEY_VAULT, NOW) == Standing(StepState.NOT_STARTED), "what is missing is no mistake"
    azure.vault_name = "harbour_signing"
    flow.profile.reached.append(KEY_VAULT)
    told = standing(flow, KEY_VAULT, NOW)
    assert (told.state, told.words) == (StepState.IN_PROGRESS, "needs attention")
    assert told.told == "needs attention, to be corrected"
    assert told.beside(Severity.OK) == Standing(StepState.IN_PROGRESS), "the open page tells first"
    ahead = flow.ahead(NOW)
    assert ahead is not None
    assert ahead.key == KEY_VAULT
    whole = summarise(flow.profile, now=NOW)
    assert (whole.severity, whole.title) == (
        Severity.ERROR,
        "Needs attention: Key Vault. To be corrected: vault name.",
    )
    flow.record(KEY_VAULT, [BAD()], {})
    assert standing(flow, KEY_VAULT, NOW).note == "1 problem", "the sign-in says more"


def test_of_several_notes_the_gravest_is_shown_where_there_is_no_room_for_all() -> None:
    flow = Flow(new_profile("Mine"))
    flow.record(KEY_VAULT, [], {})
    flow.record(PERMISSIONS, [BAD(), BAD()], {})
    flow.profile.ends.client_secret = "2026-12-18"
    told = standing(flow, KEY_VAULT, NOW)
    assert (told.note, told.short) == ("does not sign yet, secret: in 20 days", "does not sign yet")
    told = standing(flow, PERMISSIONS, NOW)
    assert (told.note, told.short) == ("2 problems", "2")
