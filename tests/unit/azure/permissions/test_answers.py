"""Answers that are not as documented: the vendor's words are shown, and nothing is concluded from them."""

from __future__ import annotations

import json

import pytest

from codesign_wizard.core.azure import explain, signin_findings
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import mixups
from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.matrix import build
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.azure.permissions.own_rights import OwnRights, RightSet
from codesign_wizard.core.azure.permissions.probe_answers import Asked, Meaning, ProbeResult, read_answer
from codesign_wizard.core.azure.permissions.probes import PROBES, Probe
from codesign_wizard.core.azure.permissions.report import Source, State
from codesign_wizard.core.finding import Certainty, Finding, Severity
from codesign_wizard.core.network_answer import Answer

TENANT = "0d9c1f3e-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
OPTIONS = AzureOptions("contoso", "code-signing", "6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10", TENANT)
SIGN = next(each for each in PROBES if each.words == "keys sign")
PREFIX = "Microsoft.KeyVault/vaults/"
NOT_FOUND = (
    b'{"error":{"code":"KeyNotFound","message":"A key with (name/id) x was not found in this key vault."}}'
)


def answer(status: int, body: bytes) -> Answer:
    return Answer(status, {"x-ms-request-id": "7d0c"}, body, "https://contoso.vault.azure.net/keys/x", 0.1)


def rbac(action: str) -> bytes:
    text = (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
        "role definitions were changed recently, please observe propagation time.\r\nCaller: appid="
        f"{OPTIONS.application_id};oid=77777777-1111-4222-8333-444444444444;iss=https://sts.windows.net/{TENANT}/"
        f"\r\nAction: '{PREFIX}{action}'\r\nResource: '/subscriptions/11111111-2222-4333-8444-555555555555"
        "/resourcegroups/rg/providers/microsoft.keyvault/vaults/contoso/keys/x'\r\nAssignment: (not found)"
        "\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: contoso;location=westeurope\r\n"
    )
    error = {"code": "Forbidden", "message": text, "innererror": {"code": "ForbiddenByRbac"}}
    return json.dumps({"error": error}).encode()


STRANGE = {
    "a proxy's page": (
        b"<html><head><title>Denied</title></head><body>Blocked by policy</body></html>",
        "Blocked",
    ),
    "nothing": (b"", ""),
    "another language": (b'{"error":{"code":"Verboten","message":"Der Aufrufer darf nicht."}}', "Aufrufer"),
    "cut off": (rbac("keys/sign/action")[:60], ""),
    "a list": (b'[{"error": {}}]', ""),
    "an unknown code": (
        b'{"error":{"code":"Forbidden","message":"Quantum says no","innererror":{"code":"ForbiddenByMoon"}}}',
        "Quantum",
    ),
    "no text at all": (bytes(range(256)), ""),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_refusal_decides_nothing(name: str) -> None:
    body, words = STRANGE[name]
    asked = read_answer(SIGN, answer(403, body))
    assert asked.meaning is Meaning.UNKNOWN
    assert asked.observation.state is State.UNTESTABLE
    assert words in asked.observation.text
    assert words in (asked.observation.evidence.message or "")
    assert asked.observation.evidence.request_id == "7d0c"
    told = named([asked])
    assert not [each for each in told if each.severity is Severity.ERROR]
    (untested,) = [each for each in told if each.id == "azure.permission.untested"]
    assert words in untested.detail
    assert not [each for each in told if each.id == "azure.permission.enough"]


@pytest.mark.parametrize("words", ["keys sign", "keys get", "keys list", "certificates managecontacts"])
def test_a_success_that_is_not_the_vaults_decides_nothing(words: str) -> None:
    probe = next(each for each in PROBES if each.words == words)
    for body in (b"<html><body>Please accept the terms of use</body></html>", b"", b'"ok"'):
        asked = read_answer(probe, answer(200, body))
        assert (asked.meaning, asked.observation.state) == (Meaning.UNKNOWN, State.UNTESTABLE)
        assert ("terms of use" in asked.observation.text) is (b"terms" in body)


def test_a_success_for_a_name_that_nobody_has_decides_nothing() -> None:
    for probe in PROBES:
        asked = read_answer(probe, answer(200, b'{"value":[]}'))
        may_be = "{name}" not in probe.path or probe.name == "getrotationpolicy"
        assert asked.meaning is (Meaning.ALLOWED if may_be else Meaning.UNKNOWN), probe


def test_a_refusal_in_known_words_counts_whatever_its_code() -> None:
    document = json.loads(rbac("keys/sign/action"))
    document["error"]["innererror"] = {"code": "SomethingNew"}
    assert read_answer(SIGN, answer(403, json.dumps(document).encode())).meaning is Meaning.REFUSED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"error":{"code":"Unauthorized","message":"AKV10999: The stars are wrong."}}'),
        (418, b'{"error":{"code":"Teapot","message":"AKV10999: The stars are wrong."}}'),
    ],
)
def test_an_unknown_code_of_the_vault_keeps_its_words(status: int, body: bytes) -> None:
    finding = explain.explain(explain.read_refusal(status, body, {}), OPTIONS)
    assert "AKV10999: The stars are wrong." in (finding.evidence.message or "")
    assert "permission" not in finding.id
    assert read_answer(SIGN, answer(status, body)).observation.state is State.UNTESTABLE


def test_what_microsofts_support_asks_for_is_in_the_evidence() -> None:
    told = Answer(
        403,
        {"x-ms-request-id": "7d0c", "X-Ms-Client-Request-Id": "2f2f2f2f-0000-4000-8000-000000000001"},
        rbac("keys/sign/action"),
        "https://contoso.vault.azure.net/keys/x/sign?api-version=7.6",
        0.1,
    )
    seen = read_answer(SIGN, told).observation.evidence.to_json()
    assert seen["request_id"] == "7d0c"
    assert seen["correlation-id"] == "2f2f2f2f-0000-4000-8000-000000000001"
    assert seen["time"].endswith("Z")
    assert seen["application-id"] == OPTIONS.application_id
    assert seen["object-id"] == "77777777-1111-4222-8333-444444444444"
    assert seen["resource"].endswith("/vaults/contoso")
    # who stands between may put anything there
    odd = Answer(403, {"x-ms-client-request-id": "<b>" * 99}, b"", "https://contoso.vault.azure.net/", 0.1)
    assert "correlation-id" not in read_answer(SIGN, odd).observation.evidence.to_json()


def test_an_unknown_code_of_entra_keeps_its_words_and_numbers() -> None:
    body = json.dumps(
        {
            "error": "invalid_moon",
            "error_description": "AADSTS999999: The moon is full. Trace ID: t Correlation ID: c Timestamp: x",
            "error_codes": [999999],
            "trace_id": "2f2f2f2f-0000-4000-8000-000000000001",
            "correlation_id": "3f3f3f3f-0000-4000-8000-000000000001",
        }
    ).encode()
    finding = signin_findings.explain(signin_findings.read_refusal(400, body, {}), OPTIONS, None)
    assert finding.id == "azure.sign-in.other"
    assert "The moon is full." in (finding.evidence.message or "")
    assert "3f3f3f3f-0000-4000-8000-000000000001" in json.dumps(finding.to_json())


def named(asked: list[Asked], own: OwnRights | None = None) -> list[Finding]:
    """What is concluded from *asked* and *own* on an RBAC vault."""
    told = ProbeResult(Model.RBAC, tuple(asked))
    found = told.by_model(Model.RBAC)
    for key, one in (own or OwnRights()).observations().items():
        found.setdefault(key, []).append(one)
    matrix = build(Model.RBAC, found, OPTIONS.certificate_name)
    return mixups.name(Seen(OPTIONS, Model.RBAC, matrix, told, own or OwnRights()))


def allowed(probe: Probe, real: str = "") -> Asked:
    return read_answer(probe, answer(404, NOT_FOUND) if not real else answer(200, b"{}"), real=real)


def rights(*patterns: str) -> OwnRights:
    return OwnRights("/subscriptions/x", (RightSet(data_actions=tuple(PREFIX + each for each in patterns)),))


def test_granted_by_azure_and_refused_by_the_vault_is_likely_propagation() -> None:
    asked = [read_answer(SIGN, answer(403, rbac("keys/sign/action")))]
    found = named(asked, rights("keys/*", "certificates/*"))
    (error,) = [each for each in found if each.severity is Severity.ERROR]
    assert (error.id, error.certainty) == ("azure.permission.propagating", Certainty.LIKELY)


def test_what_contradicts_itself_is_said_and_not_decided_away() -> None:
    get = next(each for each in PROBES if each.words == "keys get")
    found = named([allowed(get), allowed(SIGN)], rights("certificates/*", "keys/sign/action"))
    (warning,) = [each for each in found if each.id == "azure.permission.contradiction"]
    assert "keys/read" in warning.title
    assert "taken away" in warning.detail
    assert warning.severity is Severity.WARNING


def test_the_same_question_answered_both_ways_is_a_contradiction() -> None:
    get = next(each for each in PROBES if each.words == "keys get")
    asked = [read_answer(get, answer(403, rbac("keys/read")), real="code-signing"), allowed(get)]
    found = named(asked)
    assert "azure.permission.contradiction" in [each.id for each in found]


LIST = next(each for each in PROBES if each.words == "keys list")
GET = next(each for each in PROBES if each.words == "keys get")


def test_one_refusal_among_grants_is_no_role_on_one_object() -> None:
    """As while a role spreads: the certificate's key and a random name are let through, the list is not."""
    list_refused = read_answer(LIST, answer(403, rbac("keys/read")))
    asked = [allowed(GET, "code-signing"), allowed(GET), list_refused]
    found = {each.id.removeprefix("azure.permission.") for each in named(asked)}
    assert "contradiction" in found
    assert "single-object" not in found
    # with a grant on the vault beside it, it is known what it is
    found = {each.id.removeprefix("azure.permission.") for each in named(asked, rights("*"))}
    assert "propagating" in found
    assert not found & {"single-object", "enough"}
    # where nothing else is let through, it is the object's own
    found = {each.id.removeprefix("azure.permission.") for each in named([asked[0], list_refused])}
    assert "single-object" in found


def test_a_404_where_no_order_is_published_is_likely_only() -> None:
    asked = allowed(SIGN)
    assert (asked.observation.state, asked.observation.certainty) == (State.LIKELY, Certainty.LIKELY)
    matrix = build(Model.RBAC, ProbeResult(Model.RBAC, (asked,)).by_model(Model.RBAC), "code-signing")
    row = next(each for each in matrix.rows if each.permission.name.endswith("keys/sign/action"))
    assert (row.state, row.certainty) == (State.LIKELY, Certainty.LIKELY)


def test_no_probe_can_change_anything_by_what_it_is() -> None:
    known = {(each.kind, each.name) for each in permissions(Model.POLICY)}
    for each in PROBES:
        assert (each.kind, each.name) in known
        assert each.method in ("GET", "POST", "PATCH")
        # what is not read is asked of a name that nobody has, or of nothing at all
        assert each.method == "GET" or "{name}" in each.path or each.path == "/certificates/restore"
        assert "/create" not in each.path
        assert "/import" not in each.path
    assert Source.PROBE in {allowed(each).observation.source for each in PROBES}
