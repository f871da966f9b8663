"""Which of a registration's secrets is the one in use, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.arm import Arm
from codesign_wizard.core.azure.permissions.secret_end import judge
from codesign_wizard.core.azure.permissions.sign_in_seen import seen_by_administrator
from codesign_wizard.core.azure.signin_findings import SECRET_WRONG
from codesign_wizard.core.expiry import Known, endings
from codesign_wizard.core.finding import Evidence
from codesign_wizard.core.flow import KEY_VAULT, PERMISSIONS, Flow
from codesign_wizard.core.profile import new_profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.windows_results import record_diagnosis

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRET = Secret("aB1" + "8Q~" + "not-a-real-one-but-of-forty-letters"[:34])


def held(hint: str | None, days: int, key_id: str = "one", name: str | None = "server") -> dict[str, Any]:
    end = (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
    return {"hint": hint, "endDateTime": end, "keyId": key_id, "displayName": name, "secretText": None}


def test_the_one_that_begins_alike_is_it() -> None:
    found = judge([held("xyz", 10, "other"), held("aB1", 200)], SECRET, NOW)
    assert found.finding.id == "azure.admin.secret-ends"
    assert (found.finding.severity, found.finding.certainty) == ("ok", "observed")
    assert found.finding.title.endswith("ends on 2027-06-16, in 200 days.")
    tomorrow = judge([held("aB1", 1)], SECRET, NOW).finding
    assert tomorrow.title.endswith(", in 1 day.")
    assert found.facts["secret_key_id"] == "one"
    assert found.facts["secret_expires"] == "2027-06-16T12:00:00Z"
    assert SECRET.reveal()[:3] not in str(found.facts) + str(found.finding.to_json())


def test_of_several_that_begin_alike_the_first_to_end_is_told_as_likely() -> None:
    found = judge([held("aB1", 200, "late"), held("aB1", 20, "early")], SECRET, NOW)
    assert (found.finding.severity, found.finding.certainty) == ("warning", "likely")
    assert found.facts["secret_key_id"] == "early"
    assert found.finding.remedies


def test_one_without_a_hint_is_likely_and_one_that_is_past_has_ended() -> None:
    assert judge([held(None, 200)], SECRET, NOW).finding.certainty == "likely"
    ended = judge([held("aB1", -3)], SECRET, NOW).finding
    assert (ended.id, ended.severity) == ("azure.admin.secret-ended", "warning")


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [held("xyz", 10)],
        [held(None, 1), held(None, 2)],
        [{"hint": "aB1"}],
        [{"hint": "aB1", "endDateTime": "soon"}],
    ],
)
def test_where_it_is_not_told_nothing_is_made_up(listed: list[dict[str, Any]]) -> None:
    found = judge(listed, SECRET, NOW)
    assert found.finding.id == "azure.admin.secret-end-unread"
    assert found.finding.severity == "info"
    assert found.facts == {}


def test_what_an_administrator_saw_lasts_as_long_as_the_secret() -> None:
    profile = new_profile("Mine")
    flow = Flow(profile)

    def record(facts: dict[str, str]) -> None:
        record_diagnosis(flow, [], facts, None, inputs=flow.inputs(KEY_VAULT), asked=KEY_VAULT)

    def known() -> tuple[Known, datetime | None, datetime | None]:
        (end,) = [each for each in endings(profile) if each.key == "client-secret"]
        return end.known, end.ends, end.seen

    facts = judge([held("aB1", 200), held("aB1", 300)], SECRET, NOW).facts
    record(facts)
    record({"object_id": "a plain look later"})
    assert profile.results[KEY_VAULT].facts["object_id"]
    assert known() == (Known.LIKELY, NOW + timedelta(days=200), NOW)
    profile.windows.azure.secret_revision += 1
    record({})
    assert known() == (Known.UNKNOWN, None, None)
    assert PERMISSIONS not in profile.results


class Graph:
    """Registrations as Microsoft Graph tells them, the first of them the one that is asked about."""

    def __init__(self, *secrets: Any) -> None:
        self.registrations = [
            {"appId": f"app-{number}", "displayName": f"name {number}", "passwordCredentials": each}
            for number, each in enumerate(secrets)
        ]

    def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self.registrations[0]

    def pages(self, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        return iter(self.registrations)


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ([[held("aB1", 1)]], "begins-alike"),
        ([[held("aB1", 1), held(None, 1)]], "begins-alike"),
        ([[held("xyz", 1)], [held("aB1", 1)]], "of-other-application"),
        ([[], None, [None, held("aB1", 1)]], "of-other-application"),
        ([[held("xyz", 1)], [held(None, 1)]], "not-held"),
        ([[]], "not-held"),
        # what is not told may be the one
        ([[held(None, 1)], [held("aB1", 1)]], ""),
        ([[held("xyz", 1), held(None, 1)]], ""),
        ([None, [held("aB1", 1)]], ""),
        ([5], ""),
        ([[5]], ""),
    ],
)
def test_whose_a_refused_secret_is_is_said_where_graph_tells_how_all_of_them_begin(
    secrets: list[Any], expected: str
) -> None:
    options = AzureOptions("vault", "code", "app-0", "tenant")
    graph = cast("Arm", Graph(*secrets))
    refused = SECRET_WRONG(evidence=Evidence())
    found = [each.id for each in seen_by_administrator(lambda: graph, refused, options, SECRET)]
    prefix = "azure.admin.secret-"
    assert found == ([f"{prefix}{expected}"] if expected else [])
