"""What no vendor says: shown as it came, never taken for more, and no token goes where it leads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.certificates.vault_reader import VaultReader
from codesign_wizard.core.doctor import DoctorResult, doctor_windows
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import NetworkError
from tests.unit.azure import spoilt
from tests.unit.azure.spoilt import IIS, OPTIONS, SECRET, Reply, Spoilt, refusal

ODD = {
    "nothing": b"",
    "a page": IIS,
    "cut": b'{"error":{"code":"Forbidden","message":"Caller is not auth',
    "a list": b"[1, 2]",
    "null": b"null",
    "a number": b"42",
    "nested too deeply": b'{"error":' * 50_000,
    "UTF-16": '{"error":{"message":"sixteen"}}'.encode("utf-16"),
    "no UTF-8": b'{"error":{"code":"Forbidden","message":"\xff\xfe"}}',
    "other types": b'{"error":{"code":5,"message":{"a":[1]},"innererror":"ForbiddenByRbac"}}',
    "another document": b'{"error":{"code":"Forbidden","message":"Der Aufrufer darf das nicht."}}',
}


@pytest.fixture(autouse=True)
def no_challenge_is_remembered() -> None:
    from azure.keyvault.certificates._shared import http_challenge_cache as certificates
    from azure.keyvault.keys._shared import http_challenge_cache as keys

    certificates.clear()
    keys.clear()


def diagnosed(**spoil: Any) -> tuple[DoctorResult, Spoilt]:
    world = Spoilt(**spoil)
    result = doctor_windows(Job(), world.network, OPTIONS, SECRET)
    json.dumps([each.to_json() for each in result.findings]).encode()
    assert [each for each in world.asked if each.with_token and each.what == "elsewhere"] == []
    return result, world


def errors(result: DoctorResult) -> set[str]:
    return {each.id for each in result.findings if each.severity is Severity.ERROR}


def test_the_world_is_well_where_nothing_is_spoilt() -> None:
    result, _ = diagnosed()
    assert errors(result) == set()
    assert "azure.signature.works" in {each.id for each in result.findings}


@pytest.mark.parametrize("what", ["certificate", "key", "sign"])
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_success_that_is_no_answer_of_a_vault_is_told_as_that(what: str, body: bytes) -> None:
    result, _ = diagnosed(**{what: Reply(body)})
    found = errors(result)
    assert found <= {"azure.vault.answer-odd"}
    assert found or what == "key"  # which is only looked at for what can be said of it
    assert ("azure.signature.works" in {each.id for each in result.findings}) is (what == "key")


@pytest.mark.parametrize("what", ["certificate", "sign"])
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_a_refusal_that_cannot_be_read_is_no_lack_of_a_permission(what: str, body: bytes) -> None:
    result, _ = diagnosed(**{what: Reply(body, 403)})
    assert errors(result) == {"azure.vault.other"}
    (refused,) = [each for each in result.findings if each.id == "azure.vault.other"]
    if body == IIS:
        assert "You do not have permission to view this directory." in refused.title
        assert "margin" not in refused.title
    assert len(refused.title) < 400


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_who_has_not_signed_in_yet_is_told_no_lack_of_a_permission(body: bytes) -> None:
    result, _ = diagnosed(challenge=Reply(body, 403))
    assert errors(result) == {"azure.vault.other"}
    by_rbac = refusal(403, "Forbidden", "Caller is not authorized to perform action.", "ForbiddenByRbac")
    assert errors(diagnosed(challenge=by_rbac)[0]) == {"azure.vault.other"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "what", ["challenge", "openid", "token", "certificate", "sign", "probe", "resources"]
)
def test_nobody_is_followed_elsewhere(what: str, status: int) -> None:
    moved = Reply(b"", status, {"Location": "https://vault.evil.example/x"})
    _, world = diagnosed(**{what: moved})
    assert "elsewhere" not in {each.what for each in world.asked}


@pytest.mark.parametrize(
    "host", ["vault.evil.example", "other.vault.azure.net", f"{OPTIONS.vault_host}.evil.example"]
)
def test_a_key_that_is_in_no_vault_of_ours_is_not_signed_with(host: str) -> None:
    result, world = diagnosed(
        certificate=Reply(Spoilt().certificate(kid=f"https://{host}/keys/code/{spoilt.VERSION}"))
    )
    assert errors(result) == {"azure.vault.other"}
    assert "elsewhere" not in {each.what for each in world.asked}


@pytest.mark.parametrize("host", ["vault.evil.example", "other.vault.azure.net", f"{OPTIONS.vault_host}:444"])
def test_a_list_in_the_vault_is_not_followed_out_of_it(host: str) -> None:
    leads = Reply({"value": [], "nextLink": f"https://{host}/certificates?x=1"})
    world = Spoilt(versions=leads)
    with (
        VaultReader.open(Job(), world.network, OPTIONS, SECRET) as vault,
        pytest.raises(NetworkError) as told,
    ):
        vault.versions(Job())
    assert told.value.finding.id == "network.other"
    assert {each.what for each in world.asked} == {"challenge", "token", "versions"}


def test_a_list_without_end_and_without_lines_ends() -> None:
    world = Spoilt(versions=lambda url: Reply({"value": [], "nextLink": url}))
    with VaultReader.open(Job(), world.network, OPTIONS, SECRET) as vault:
        assert vault.versions(Job()) == []


def test_a_challenge_for_another_services_token_gets_none() -> None:
    other = {"WWW-Authenticate": spoilt.CHALLENGE.replace("https://vault.azure.net", "https://azure.net")}
    result, _ = diagnosed(challenge=Reply({}, 401, other))
    assert errors(result) == {"azure.vault.answer-odd"}


@pytest.mark.parametrize(
    "spoil",
    [
        {"subscriptions": Reply({"value": [{"id": ".evil.example/subscriptions/x"}]})},
        {"resources": Reply({"value": [{"id": ".evil.example/x", "name": OPTIONS.vault_name}]})},
        {"resources": Reply({"value": [{"name": OPTIONS.vault_name}]})},
        {"resources": Reply({"value": 5})},
        {"own": Reply({"value": 5})},
        {"own": Reply({"value": None})},
        {"own": Reply({})},
        {"own": Reply({"value": [], "nextLink": "https://management.azure.com.evil.example/x"})},
        {"own": Reply({"value": [], "nextLink": "https://[bad"})},
        {"own": lambda url: Reply({"value": [], "nextLink": url})},
        {"own": Reply(b"[" * 99_999)},
    ],
)
def test_a_list_that_is_none_or_goes_on_elsewhere_says_nothing_of_roles(
    spoil: dict[str, Reply | Callable[[str], Reply]],
) -> None:
    result, world = diagnosed(**spoil)
    assert errors(result) == set()
    assert "elsewhere" not in {each.what for each in world.asked}
    assert result.permissions is None or all(
        row.state is not State.MISSING for row in result.permissions.rows
    )


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": ["eyJhbGciOi.canary-token.x"]},
        {"access_token": None},
        {"access_token": "canary-token with blanks\r\nX: y"},
        {"access_token": "a.b.c", "expires_in": "soon"},
        {"access_token": "a.b.c", "expires_in": [3600]},
        {"token": "x"},
        [],
    ],
)
def test_a_token_in_no_form_of_one_is_neither_used_nor_shown(document: object) -> None:
    result, world = diagnosed(token=Reply(document))
    assert errors(result) == {"azure.sign-in.other"}
    assert not any(each.with_token for each in world.asked)
    assert "canary-token" not in json.dumps([each.to_json() for each in result.findings])


@pytest.mark.parametrize("seconds", [10**30, 1e300, -5, "3599", True])
def test_a_tokens_life_may_be_any_number(seconds: object) -> None:
    claims = spoilt.base64url(
        json.dumps({"oid": ["x"], "tid": {"a": 1}, "appid": 5, "aud": ["a"], "exp": "never"}).encode()
    )
    document = {"access_token": f"e30.{claims}.c2ln", "expires_in": seconds}
    result, _ = diagnosed(token=Reply(document))
    assert errors(result) == set()
    assert result.identity is not None
    assert (result.identity.object_id, result.identity.tenant_id) == ("", "")
    assert result.identity.application_id == OPTIONS.application_id


@pytest.mark.parametrize("told", ["3600", "soon", "9" * 400, "²", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_service_that_asks_for_a_long_wait_is_told_as_unavailable_at_once(told: str) -> None:
    down = Reply({"error": {"code": "Down", "message": "down"}}, 503, {"Retry-After": told})
    result, world = diagnosed(certificate=down)
    assert errors(result) == {"azure.vault.unavailable"}
    assert len([each for each in world.asked if each.what == "certificate"]) <= 4


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_service_that_asks_for_a_short_wait_is_asked_again(status: int) -> None:
    busy = Reply({"error": {"code": "Busy", "message": "busy"}}, status, {"Retry-After": "2"})
    replies = iter([busy, Reply(Spoilt().certificate()), Reply(Spoilt().certificate())])
    result, _ = diagnosed(certificate=lambda url: next(replies))
    assert errors(result) == set()
    assert "azure.signature.works" in {each.id for each in result.findings}


@pytest.mark.parametrize("kind", ["certificate", "key"])
@pytest.mark.parametrize(
    "other",
    [
        {"cer": "AAAA"}, {"cer": "no base64!"}, {"cer": 5}, {"cer": -1}, {"cer": ["a"]}, {"cer": None},
        {"attributes": 5}, {"attributes": {"created": "never", "enabled": "x"}}, {"policy": "x"},
        {"id": 5}, {"kid": None}, {"kid": 5}, {"n": "A"}, {"n": "é"}, {"n": 5}, {"n": ["a"]}, {"e": "!"},
        {"kty": ["a"]}, {"key_ops": 5}, {"x5t": 5}, {"tags": [1]},
    ],
)  # fmt: skip
def test_a_member_of_any_type_is_understood(kind: str, other: dict[str, Any]) -> None:
    world = Spoilt()
    body = world.certificate(**other) if kind == "certificate" else world.key(**other)
    result, _ = diagnosed(**{kind: Reply(body)})
    assert errors(result) <= {
        "azure.vault.answer-odd", "azure.vault.other", "azure.vault.certificate-unissued",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", ["", "AAAA", "é", 5, None, ["a"], "A" * 512, "A" * 100_000], ids=lambda each: str(each)[:8]
)
def test_a_signature_that_is_none_is_never_a_proof(value: object) -> None:
    result, _ = diagnosed(sign=Reply({"kid": spoilt.KEY, "value": value}))
    assert errors(result) in ({"azure.signature.wrong"}, {"azure.vault.answer-odd"})


def test_a_token_of_another_tenant_names_both() -> None:
    claims = spoilt.base64url(json.dumps({"tid": spoilt.OTHER_GUID, "oid": spoilt.GUID}).encode())
    result, _ = diagnosed(token=Reply({"access_token": f"e30.{claims}.c2ln", "expires_in": 3599}))
    (other,) = [each for each in result.findings if each.id == "azure.sign-in.tenant-other"]
    assert spoilt.GUID in other.detail
    assert spoilt.OTHER_GUID in other.detail


@pytest.mark.parametrize("date", ["soon", "Fri, 31 Dec 9999 23:59:59 -2359", ""])
def test_a_time_that_is_none_tells_nothing_of_the_clock(date: str) -> None:
    challenge = Reply({}, 401, {"WWW-Authenticate": spoilt.CHALLENGE, "Date": date})
    assert errors(diagnosed(challenge=challenge)[0]) == set()


def test_an_answer_without_end_is_not_taken_into_memory() -> None:
    import gzip

    bomb = Reply(gzip.compress(b" " * (12 << 20)), 200, {"Content-Encoding": "gzip"})
    result, _ = diagnosed(certificate=bomb)
    assert errors(result) == {"network.other"}
