"""Each scenario makes exactly the one thing wrong that it says, seen from the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.scenarios import all_scenarios, find_scenario

NAMES = {
    "sign-in": {
        "secret-wrong", "secret-id-pasted", "secret-expired", "application-unknown", "application-disabled",
        "service-principal-missing", "tenant-unknown", "tenant-other", "conditional-access", "clock-wrong",
    },
    "network": {
        "vault-unknown", "firewall", "private-endpoint", "tls-inspected", "proxy-login", "throttled",
        "service-down", "slow", "connection-reset",
    },
    "RBAC": {
        "rbac-none", "rbac-contributor-only", "rbac-reader-only", "rbac-certificates-only",
        "rbac-crypto-user-only", "rbac-single-object", "rbac-propagating", "rbac-deny", "rbac-conditional",
        "policies-on-rbac-vault",
    },
    "access policy": {
        "policy-none", "policy-template-without-crypto", "policy-wrong-object-id", "policy-documented",
        "policy-excess", "roles-on-policy-vault",
    },
    "certificate": {
        "certificate-missing", "certificate-pending", "certificate-deleted", "certificate-disabled",
        "certificate-expired", "certificate-expiring", "certificate-tls", "certificate-software-key",
        "certificate-exportable", "certificate-ec", "certificate-rsa2048", "certificate-self-signed",
        "key-without-sign", "vault-standard", "merge-other-key", "issuer-missing",
    },
    "Windows trial": {"timestamp-down", "timestamp-slow", "timestamp-wrong", "all-timestamps-down"},
}  # fmt: skip


_COMMANDS = (
    ["doctor", "windows"], ["permissions", "show"], ["trial", "windows"], ["certificate", "show"],
    ["certificate", "merge"], ["csr", "create"], ["notary", "check"], ["notary", "submit"],
    ["server", "show"], ["server", "diff"], ["server", "apply"], ["server", "prove"],
)  # fmt: skip


def test_every_scenario_is_there_and_described() -> None:
    found: dict[str, set[str]] = {}
    for scenario in all_scenarios():
        found.setdefault(scenario.area, set()).add(scenario.name)
        assert scenario.summary.endswith(".")
        assert scenario.command[:2] in _COMMANDS
        assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+){1,3}", each) for each in scenario.expects)
        assert scenario.expects
    for area, names in NAMES.items():
        assert names <= found[area]


def test_an_unknown_name_is_refused_at_once() -> None:
    with pytest.raises(KeyError):
        PracticeCloud("no-such-scenario")
    with pytest.raises(KeyError):
        find_scenario("no-such-scenario")


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("secret-wrong", 7000215),
        ("secret-id-pasted", 7000215),
        ("secret-expired", 7000222),
        ("application-unknown", 700016),
        ("application-disabled", 7000112),
        ("service-principal-missing", 7000229),
        ("tenant-unknown", 90002),
        ("conditional-access", 53003),
    ],
)
def test_sign_in_fails_as_said_and_the_vault_is_well(
    start: Callable[..., Any], scenario: str, code: int
) -> None:
    own = start(scenario)
    assert own.ask_token().json()["error_codes"] == [code]
    assert own.vault("/certificates", token="").status_code == 401


def test_the_pasted_secret_id_is_a_guid(start: Callable[..., Any]) -> None:
    value = start("secret-id-pasted").cloud.accounts.application_secret
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)


def test_the_vault_of_another_tenant(start: Callable[..., Any]) -> None:
    own = start("tenant-other")
    tenant = own.cloud.accounts.tenant_id
    challenge = own.vault("/certificates", token="").headers["WWW-Authenticate"]
    assert tenant not in challenge
    refused = own.vault("/certificates")  # signing in works, in the application's own tenant
    assert refused.json()["error"]["message"].startswith("AKV10032: Invalid issuer.")
    assert tenant in refused.json()["error"]["message"]


def test_the_clouds_clock_is_off_everywhere_and_nothing_else(start: Callable[..., Any]) -> None:
    own = start("clock-wrong")
    answers = [own.ask_token(), own.vault("/certificates"), own.session.get("http://pki.example/ca.crt")]
    for answer in answers:
        assert answer.status_code == 200
        off = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
        assert abs(off - timedelta(hours=3)) < timedelta(minutes=1)


def test_an_unknown_vault_has_no_name(start: Callable[..., Any]) -> None:
    own = start("vault-unknown")
    with pytest.raises(requests.exceptions.ProxyError, match="503"):
        own.vault("/certificates", token="")
    assert own.ask_token().status_code == 200


@pytest.mark.parametrize(
    ("scenario", "status", "inner"),
    [("firewall", 403, "ForbiddenByFirewall"), ("private-endpoint", 403, "ForbiddenByConnection")],
)
def test_the_vault_keeps_the_address_out(
    start: Callable[..., Any], scenario: str, status: int, inner: str
) -> None:
    answer = start(scenario).vault("/certificates")
    assert (answer.status_code, answer.json()["error"]["innererror"]["code"]) == (status, inner)


# the path, whether the application is let through: read the certificate, read the key, make a signature
_READ = "/certificates/code-signing"
_RIGHTS = {
    "rbac-none": (False, False, False),
    "rbac-contributor-only": (False, False, False),
    "rbac-reader-only": (True, True, False),
    "rbac-certificates-only": (True, False, False),
    "rbac-crypto-user-only": (False, True, True),
    "rbac-single-object": (True, True, True),
    "rbac-propagating": (False, False, False),
    "rbac-deny": (True, True, False),
    "rbac-conditional": (True, True, False),
    "policies-on-rbac-vault": (False, False, False),
    "policy-none": (False, False, False),
    "policy-template-without-crypto": (True, True, False),
    "policy-wrong-object-id": (False, False, False),
    "policy-documented": (True, True, True),
    "policy-excess": (True, True, True),
    "roles-on-policy-vault": (False, False, False),
}


@pytest.mark.parametrize("scenario", _RIGHTS)
def test_what_the_application_may_do(start: Callable[..., Any], scenario: str) -> None:
    own = start(scenario)
    version = own.cloud.world.vault.certificates["code-signing"].versions[0].version
    signed = own.vault(f"/keys/code-signing/{version}/sign", "POST", body={"alg": "RS256", "value": "A" * 43})
    answers = (own.vault(_READ), own.vault("/keys/code-signing"), signed)
    assert tuple(answer.status_code == 200 for answer in answers) == _RIGHTS[scenario]
    assert {answer.status_code for answer in answers} <= {200, 403}
    inner = {answer.json()["error"]["innererror"]["code"] for answer in answers if answer.status_code == 403}
    by_policy = scenario.startswith("policy-") or scenario == "roles-on-policy-vault"
    assert inner <= {"ForbiddenByPolicy" if by_policy else "ForbiddenByRbac"}
    # a name that is not there is refused, not missing, where only one object was granted
    other = own.vault("/certificates/another").status_code
    assert other == (403 if scenario == "rbac-single-object" or not _RIGHTS[scenario][0] else 404)


def test_throttled_and_down(start: Callable[..., Any]) -> None:
    throttled = start("throttled")
    assert throttled.vault("/certificates").status_code == 429
    assert throttled.vault("/certificates", token="").status_code == 401
    down = start("service-down")
    answer = down.vault("/certificates", token="")
    assert (answer.status_code, "Service Unavailable" in answer.text) == (503, True)
    assert down.ask_token().status_code == 200


@pytest.mark.parametrize(
    ("scenario", "first", "second"),
    [("timestamp-down", 503, 405), ("all-timestamps-down", 503, 503), ("timestamp-wrong", 405, 405)],
)
def test_time_stamp_servers(start: Callable[..., Any], scenario: str, first: int, second: int) -> None:
    own = start(scenario)
    servers = own.cloud.accounts.timestamp_servers
    assert [own.session.get(server).status_code for server in servers] == [first, second]


def test_a_slow_time_stamp_server(start: Callable[..., Any]) -> None:
    own = start("timestamp-slow")
    with pytest.raises(requests.exceptions.ReadTimeout):
        own.session.get(own.cloud.accounts.timestamp_servers[0], timeout=0.3)
    assert own.session.get(own.cloud.accounts.timestamp_servers[1], timeout=5).status_code == 405


def test_what_a_person_removed_keeps_no_scenario_from_being_played(start: Callable[..., Any]) -> None:
    own = start()
    world, name = own.cloud.world, own.cloud.accounts.certificate_name
    for path in ("certificates", "deletedcertificates"):
        assert own.vault(f"/{path}/{name}", "DELETE").ok
    application = world.tenant.applications[0]
    typed = application.secrets.pop().value
    for scenario in all_scenarios():
        own.cloud.play(scenario.name)
        if scenario.name.endswith("secret-expired"):
            assert "AADSTS7000222" in own.ask_token(client_secret=application.secrets[0].value).text
        if scenario.name == "certificate-disabled":
            assert not world.vault.certificate(name).versions[0].attributes.enabled
    own.cloud.play(None)
    assert (application.secrets, own.cloud.accounts.application_secret) == ([], typed)
    assert not world.vault.certificates
