"""What ends when: read off results, typed, or not known; reminders and findings made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from codesign_wizard.core.expiry import Known, endings, parse_end, reminders_of, within
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.flow import CERTIFICATE, KEY_VAULT, MACOS_LEVEL, SUMMARY, Flow, StepState
from codesign_wizard.core.needs import in_days, next_expiry
from codesign_wizard.core.profile import Profile, new_profile
from codesign_wizard.core.summary import Party, summarise
from codesign_wizard.core.text import days_until

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
AGREEMENT = "apple.notary.agreement-missing"
ROLE = FindingKind("azure.permission.test-role", Severity.ERROR, "A role is missing.", "Only in tests.")


def both() -> Profile:
    made = new_profile("Mine")
    made.macos_wanted = True
    return made


def by_key(profile: Profile) -> dict[str, tuple[str | None, Known]]:
    return {
        each.key: (None if each.ends is None else f"{each.ends:%Y-%m-%d}", each.known)
        for each in endings(profile)
    }


def test_without_results_everything_is_named_and_nothing_is_known() -> None:
    found = by_key(both())
    assert found == {
        "certificate": (None, Known.UNKNOWN),
        "client-secret": (None, Known.UNKNOWN),
        "application-certificate": (None, Known.UNKNOWN),
        "installer-certificate": (None, Known.UNKNOWN),
        "api-key": (None, Known.UNKNOWN),
        "apple-membership": (None, Known.UNKNOWN),
    }
    profile = both()
    profile.macos.api_key.key_id = "AB12CD34EF"
    assert by_key(profile)["api-key"] == (None, Known.NEVER), "only a key that is there has no end"


def test_ends_are_read_off_whatever_step_tells_them_the_latest_look_first() -> None:
    profile = both()
    flow = Flow(profile)
    flow.record(KEY_VAULT, [], {"certificate_expires": "2027-01-05T00:00:00Z", "token_expires": "2026-11-28"})
    facts = {"application_expires": "2027-02-01T22:12:15Z", "installer_expires": "2031-03-01T00:00:00Z"}
    flow.record("a-later-step", [], {**facts, "seal_expires": "2029-01-01T00:00:00Z"})
    flow.record(CERTIFICATE, [], {"certificate_expires": "2028-01-05T00:00:00Z"})
    profile.results[CERTIFICATE].obtained += timedelta(seconds=5)
    found = by_key(profile)
    assert found["certificate"] == ("2028-01-05", Known.SEEN)
    assert found["application-certificate"] == ("2027-02-01", Known.SEEN)
    assert found["installer-certificate"] == ("2031-03-01", Known.SEEN)
    assert found["seal-certificate"] == ("2029-01-01", Known.SEEN)
    assert found["developer-id-g1"] == ("2027-02-01", Known.COMPUTED)
    assert found["developer-id-g2"] == ("2031-09-17", Known.COMPUTED)
    assert "token-certificate" not in found
    assert endings(profile)[0].key in ("application-certificate", "developer-id-g1")


def test_a_typed_end_counts_until_somebody_tells_it_and_only_for_the_present_secret() -> None:
    profile = both()
    profile.ends.client_secret, profile.ends.apple_membership = "2027-03-01", "2026-12-01"
    assert by_key(profile)["client-secret"] == ("2027-03-01", Known.TYPED)
    assert by_key(profile)["apple-membership"] == ("2026-12-01", Known.TYPED)
    Flow(profile).record(KEY_VAULT, [], {"secret_expires": "2027-05-01T00:00:00Z"})
    assert by_key(profile)["client-secret"] == ("2027-05-01", Known.SEEN)
    profile.windows.azure.secret_revision += 1
    assert by_key(profile)["client-secret"] == ("2027-03-01", Known.TYPED)


def test_dates_as_people_type_them() -> None:
    assert parse_end("2027-05-01") == datetime(2027, 5, 1, 23, 59, 59, tzinfo=UTC)
    assert parse_end(" 2027-05-01T02:00:00+02:00 ") == datetime(2027, 5, 1, tzinfo=UTC)
    for text in ("", "1.5.2027", "2027-13-01", "0001-01-01T00:00:00+14:00", "soon"):
        assert parse_end(text) is None


def test_what_ends_within_the_days_is_found_to_the_day() -> None:
    profile = both()
    profile.ends.apple_membership = (NOW + timedelta(days=30)).isoformat()
    ids = [each.id for each in within(endings(profile), 29, now=NOW, severity=Severity.ERROR)]
    assert set(ids) == {"expiry.unknown"}
    (soon,) = [
        each
        for each in within(endings(profile), 30, now=NOW, severity=Severity.ERROR)
        if each.id == "expiry.soon"
    ]
    assert soon.severity is Severity.ERROR
    assert soon.title == "Apple Developer Program membership ends on 2026-12-28, in 30 days."
    later = NOW + timedelta(days=31)
    assert "expiry.ended" in [
        each.id for each in within(endings(profile), 0, now=later, severity=Severity.ERROR)
    ]


def test_reminders_keep_their_identity_and_leave_out_what_is_past() -> None:
    profile = both()
    profile.ends.apple_membership = "2026-12-20"
    found = reminders_of(endings(profile), "Mine", now=NOW)
    assert [each.before for each in found] == [14, 0]
    assert found[0].summary == "Apple Developer Program membership ends in 14 days (Mine)"
    assert [each.uid for each in reminders_of(endings(profile), "Mine", now=NOW)] == [
        each.uid for each in found
    ]


def test_each_party_is_told_what_is_theirs() -> None:
    profile = both()
    profile.ends.apple_membership = "2026-12-20"
    flow = Flow(profile)
    flow.record("permissions", [ROLE()], {})
    flow.record(CERTIFICATE, [], {}, details={"open": "pending"})
    summary = summarise(profile, now=NOW)
    told = {party: [each.what for each in summary.moves if each.party is party] for party in Party}
    assert told[Party.AZURE] == ["A role is missing."]
    assert told[Party.CA] == ["Check the order and issue the certificate for the signing request."]
    assert told[Party.APPLE] == ["Apple Developer Program membership ends on 2026-12-20: renew it before."]
    assert told[Party.SERVER] == []
    assert "Hand in the CA's answer when it comes." in told[Party.PARTNER]
    membership = next(each for each in summary.moves if each.party is Party.APPLE)
    assert membership.page == MACOS_LEVEL, "where the account is asked about"
    certificate = next(each for each in summary.endings if each.key == "certificate")
    assert certificate.note == "It comes with the CA's answer."
    assert any(
        each == "Application secret: look up when it ends, and type it in above."
        for each in told[Party.PARTNER]
    )
    assert summary.severity is Severity.ERROR
    assert summary.title == "Needs attention: Permissions. A role is missing."


def test_the_verdict_goes_from_nothing_to_all_proved_to_ended() -> None:
    profile = new_profile("Mine")
    flow = Flow(profile)
    assert summarise(profile, now=NOW).title == "0 of 4 steps are done."
    for step in flow.steps():
        if step.key not in ("start", SUMMARY):
            flow.record(step.key, [], {"certificate_expires": "2027-10-01T00:00:00Z"})
    assert flow.state(SUMMARY) is StepState.DONE
    good = summarise(profile, now=NOW)
    assert (good.severity, good.title) == (
        Severity.OK,
        "Signing works for Windows: all was checked and proved.",
    )
    flow.record("permissions", [ROLE(severity=Severity.WARNING)], {})
    warned = summarise(profile, now=NOW)
    assert (warned.severity, warned.title) == (Severity.WARNING, good.title), "it works, and is not all green"
    assert warned.text == "Permissions: A role is missing."
    flow.record("permissions", [], {})
    assert summarise(profile, now=datetime(2027, 9, 1, tzinfo=UTC)).severity is Severity.WARNING
    assert summarise(profile, now=datetime(2027, 11, 1, tzinfo=UTC)).severity is Severity.ERROR


def test_a_level_that_customers_macs_stop_is_no_green_summary() -> None:
    profile = new_profile("Mine")
    profile.windows_wanted, profile.macos_wanted = False, True
    flow = Flow(profile)
    profile.reached = [step.key for step in flow.steps()]
    for step in flow.steps():
        if step.key not in ("start", SUMMARY, MACOS_LEVEL):
            flow.record(step.key, [], {})
    told = summarise(profile, now=NOW)
    assert told.severity is Severity.WARNING
    assert "macOS 10.15 and later will stop what customers download." in told.text
    profile.macos.level = "staple"
    flow.record(MACOS_LEVEL, [], {})
    flow.record("macos-trial", [], {})
    assert summarise(profile, now=NOW).severity is Severity.OK


def test_two_ends_on_one_date_are_as_many_days_away() -> None:
    profile = both()
    flow = Flow(profile)
    flow.record(CERTIFICATE, [], {"certificate_expires": "2027-10-05T00:00:01Z"})
    profile.ends.client_secret = "2027-10-05"  # the end of that day
    days = {each.key: each.days(NOW) for each in endings(profile) if each.ends is not None}
    assert days == {"certificate": 311, "client-secret": 311}
    expiry = next_expiry(profile)
    assert expiry is not None
    assert in_days(expiry, NOW) == "in 311 days"
    # over within the day, and still to come on it
    assert days_until(NOW - timedelta(hours=1), NOW) == days_until(NOW + timedelta(hours=1), NOW) == 0
    assert days_until(NOW + timedelta(hours=13), NOW) == 1


def test_while_the_next_certificate_is_asked_for_nobody_is_sent_to_ask() -> None:
    profile = both()
    ends = NOW + timedelta(days=20)
    facts = {"certificate_expires": ends.isoformat()}
    flow = Flow(profile)
    flow.record(CERTIFICATE, [], facts, details={"desk": {"request": {"pem": "…"}}})
    ending = next(each for each in endings(profile) if each.key == "certificate")
    assert ending.asked_for
    assert "waits for the CA's answer" in ending.note
    told = within([ending], 60, now=NOW, severity=Severity.WARNING)
    assert [each.title for each in told[0].remedies] == ["Hand in the CA's answer when it comes."]
    moves = [each.what for each in summarise(profile, now=NOW).moves if "ends on" in each.what]
    assert moves == [f"Code-signing certificate ends on {ends:%Y-%m-%d}: what replaces it is asked for."]
    # seen elsewhere since: it may be the one that was asked for
    later = {"certificate_expires": (ends + timedelta(days=300)).isoformat()}
    flow.record("windows-trial", [], later).obtained += timedelta(seconds=1)
    assert not next(each for each in endings(profile) if each.key == "certificate").asked_for
