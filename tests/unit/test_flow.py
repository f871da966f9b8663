"""The order of the steps, and when a result no longer holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from codesign_wizard.core.finding import Finding, Severity
from codesign_wizard.core.flow import (
    APPLE_CERTIFICATES,
    CERTIFICATE,
    CERTIFICATE_EXPIRES,
    KEY_VAULT,
    MACOS_LEVEL,
    MACOS_TRIAL,
    OPEN,
    PERMISSIONS,
    SERVER,
    START,
    SUMMARY,
    WINDOWS_TRIAL,
    Flow,
    StepState,
)
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.summary import summarise

ERROR = Finding("azure.sign-in.other", Severity.ERROR, "No.")
WARNING = Finding("authenticode.timestamp.server-down", Severity.WARNING, "Hm.")


@pytest.fixture
def flow() -> Flow:
    return Flow(new_profile("Test"))


def test_steps_follow_each_other_and_end(flow: Flow) -> None:
    windows = [KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL]
    assert [step.key for step in flow.steps()] == [START, *windows, SUMMARY]
    following = flow.next(START)
    assert following is not None
    assert following.key == KEY_VAULT
    assert flow.back(START) is None
    assert flow.next(SUMMARY) is None
    assert flow.next("nonsense") is None


def test_a_platform_that_is_not_wanted_has_no_steps(flow: Flow) -> None:
    flow.go(KEY_VAULT)
    flow.profile.windows_wanted = False
    assert [step.key for step in flow.steps()] == [START, SUMMARY]
    assert flow.current().key == START


def test_a_page_of_an_unknown_step_falls_back_to_the_first() -> None:
    assert Flow(Profile(id="p", name="n", page="gone")).current().key == START


def test_a_later_step_opens_only_after_the_one_before(flow: Flow) -> None:
    assert flow.reachable(KEY_VAULT)
    assert not flow.reachable(PERMISSIONS)
    flow.go(KEY_VAULT)
    flow.go(START)
    assert flow.reachable(PERMISSIONS)
    assert not flow.reachable(CERTIFICATE)
    assert flow.reachable(KEY_VAULT)


def test_a_certificate_somebody_has_yet_to_send_is_neither_done_nor_wrong(flow: Flow) -> None:
    flow.go(CERTIFICATE)
    assert flow.reason_not_next(CERTIFICATE) == "Nobody has looked at the certificate yet."
    flow.record(CERTIFICATE, [WARNING], {}, details={OPEN: "pending"})
    assert flow.state(CERTIFICATE) is StepState.IN_PROGRESS
    assert flow.reason_not_next(CERTIFICATE) == "There is no certificate to sign with yet."
    flow.record(CERTIFICATE, [ERROR], {}, details={OPEN: "pending"})
    assert flow.state(CERTIFICATE) is StepState.ATTENTION
    flow.record(CERTIFICATE, [], {}, details={OPEN: ""})
    assert flow.state(CERTIFICATE) is StepState.DONE
    flow.profile.extra_roots.append("/own/root.pem")
    assert flow.state(CERTIFICATE) is StepState.OUT_OF_DATE


def test_a_trial_is_out_of_date_once_the_certificate_was_renewed(flow: Flow) -> None:
    first, second = ({CERTIFICATE_EXPIRES: f"202{year}-01-27T00:00:00Z"} for year in (7, 8))
    flow.record(CERTIFICATE, [], first)
    trial = flow.record(WINDOWS_TRIAL, [], first)
    assert flow.state(WINDOWS_TRIAL) is StepState.DONE
    flow.record(CERTIFICATE, [], second).obtained = trial.obtained + timedelta(days=1)
    assert flow.state(WINDOWS_TRIAL) is StepState.OUT_OF_DATE
    # signed with the new one before anybody looked at it again
    flow.record(CERTIFICATE, [], first).obtained = trial.obtained - timedelta(days=1)
    flow.record(WINDOWS_TRIAL, [], second)
    assert flow.state(WINDOWS_TRIAL) is StepState.DONE


def test_a_state_follows_from_result_and_settings(flow: Flow) -> None:
    assert flow.state(KEY_VAULT) is StepState.NOT_STARTED
    flow.go(KEY_VAULT)
    assert flow.state(KEY_VAULT) is StepState.IN_PROGRESS
    flow.record(KEY_VAULT, [ERROR], {})
    assert flow.state(KEY_VAULT) is StepState.ATTENTION
    assert flow.blocking(KEY_VAULT) == [ERROR]
    assert flow.reason_not_next(KEY_VAULT)
    flow.record(KEY_VAULT, [WARNING], {})
    assert flow.state(KEY_VAULT) is StepState.DONE
    assert flow.reason_not_next(KEY_VAULT) == ""


def test_what_stands_against_a_trial_for_macos_is_signing_or_only_what_comes_after(flow: Flow) -> None:
    flow.profile.macos_wanted = True
    key = Finding("apple.api-key.none", Severity.ERROR, "No key.")
    refused = Finding("apple.notary.role-too-low", Severity.ERROR, "No.")
    identity = Finding("apple.identity.expired", Severity.ERROR, "Over.")
    for errors, reason in (
        ([key], "Apple will notarise nothing until this is mended."),
        ([refused, key], "The file is signed; Apple will not notarise it until this is mended."),
        ([key, identity], "Signing will not work until this is mended."),
    ):
        flow.record(MACOS_TRIAL, errors, {})
        assert flow.reason_not_next(MACOS_TRIAL) == reason


def test_who_is_not_let_in_on_the_server_has_not_seen_whether_it_signs(flow: Flow) -> None:
    password = Finding("server.sign-in.password", Severity.ERROR, "No.")
    loader = Finding("server.prove.loader", Severity.ERROR, "No.")
    flow.record(SERVER, [password], {})
    assert flow.reason_not_next(SERVER) == "The server has not proved yet that it signs."
    flow.record(SERVER, [password, loader], {})
    assert flow.reason_not_next(SERVER) == "Signing will not work until this is mended."


@pytest.mark.parametrize("field", ["vault_name", "certificate_name", "application_id", "tenant_id"])
def test_changing_an_option_makes_everything_that_relied_on_it_out_of_date(flow: Flow, field: str) -> None:
    flow.record(KEY_VAULT, [], {})
    flow.record(WINDOWS_TRIAL, [], {})
    setattr(flow.profile.windows.azure, field, "changed")
    assert flow.state(KEY_VAULT) is StepState.OUT_OF_DATE
    assert flow.state(WINDOWS_TRIAL) is StepState.OUT_OF_DATE
    setattr(flow.profile.windows.azure, field, "")
    assert flow.state(KEY_VAULT) is StepState.DONE


def test_a_setting_of_the_trial_leaves_the_vault_alone(flow: Flow) -> None:
    flow.record(KEY_VAULT, [], {})
    flow.record(WINDOWS_TRIAL, [], {})
    flow.profile.windows.timestamp_servers.reverse()
    assert flow.state(KEY_VAULT) is StepState.DONE
    assert flow.state(WINDOWS_TRIAL) is StepState.OUT_OF_DATE


def test_a_replaced_secret_counts_as_a_change(flow: Flow) -> None:
    flow.record(KEY_VAULT, [], {})
    flow.profile.windows.azure.secret_revision += 1
    assert flow.state(KEY_VAULT) is StepState.OUT_OF_DATE


def test_a_change_made_while_the_work_ran_makes_its_result_out_of_date(flow: Flow) -> None:
    inputs = flow.inputs(KEY_VAULT)
    flow.profile.windows.azure.vault_name = "other"
    flow.record(KEY_VAULT, [], {}, inputs=inputs)
    assert flow.state(KEY_VAULT) is StepState.OUT_OF_DATE


def test_from_start_the_way_goes_on_at_the_first_step_that_is_not_done() -> None:
    flow = Flow(new_profile("Mine"))
    flow.go(START)

    def ahead() -> str:
        """Return the step that is told as the next; Next on Start leads there, and it can be opened."""
        onward, told = flow.onward(START), flow.ahead()
        assert onward is not None
        if told is not None:
            assert onward == told
            assert flow.reachable(told.key)
        return told.key if told is not None else ""

    assert ahead() == KEY_VAULT
    for done, after in (
        (KEY_VAULT, PERMISSIONS),
        (PERMISSIONS, CERTIFICATE),
        (CERTIFICATE, WINDOWS_TRIAL),
        (WINDOWS_TRIAL, SUMMARY),
    ):
        # as on the command line: no page is opened
        flow.record(done, [], {})
        assert ahead() == after
        assert flow.reachable(done), "what was found there can be looked at"
    flow.profile.macos_wanted = True
    assert ahead() == APPLE_CERTIFICATES
    assert not flow.reachable(MACOS_TRIAL)
    flow.profile.macos_wanted = False
    flow.go(SUMMARY)
    assert ahead() == ""
    assert flow.onward(START) == flow.next(START)
    # anywhere else Next is the next page, whatever is done
    assert flow.onward(KEY_VAULT) == flow.next(KEY_VAULT)


def test_what_needs_attention_comes_before_what_is_only_not_done() -> None:
    profile = new_profile("Mine")
    profile.macos_wanted = True
    flow, now = Flow(profile), datetime(2026, 11, 28, tzinfo=UTC)
    ends = {CERTIFICATE_EXPIRES: "2026-11-20T00:00:00Z"}
    for key in (KEY_VAULT, PERMISSIONS, CERTIFICATE, WINDOWS_TRIAL):
        flow.record(key, [], ends)
    told = flow.ahead(now)
    assert told is not None
    assert told.key == CERTIFICATE, "it has ended since it was found to be good"
    assert summarise(profile, now=now).severity is Severity.ERROR
    before = flow.ahead(now - timedelta(days=30))
    assert before is not None
    assert before.key == APPLE_CERTIFICATES
    flow.record(MACOS_TRIAL, [ERROR], {})
    before = flow.ahead(now - timedelta(days=30))
    assert before is not None
    assert before.key == MACOS_TRIAL


def test_the_level_that_asks_for_no_key_is_chosen_once_it_was_seen() -> None:
    profile = new_profile("Mine")
    profile.macos_wanted = True
    flow = Flow(profile)
    assert flow.state(MACOS_LEVEL) is StepState.NOT_STARTED
    flow.go(MACOS_LEVEL)
    assert flow.state(MACOS_LEVEL) is StepState.DONE
