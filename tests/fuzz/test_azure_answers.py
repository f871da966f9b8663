"""Answers of Azure's services, changed at random: read and told, or refused in a finding; nothing else."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from codesign_wizard.core.azure import explain, signin_findings
from codesign_wizard.core.azure.permissions import admin_findings
from codesign_wizard.core.azure.permissions.arm_refusal import read_refusal
from codesign_wizard.core.azure.permissions.evaluate import evaluate
from codesign_wizard.core.azure.permissions.management import read_access
from codesign_wizard.core.azure.permissions.own_rights import own_rights
from codesign_wizard.core.azure.permissions.probe_answers import Meaning, read_answer
from codesign_wizard.core.azure.permissions.probes import PROBES, verify_body
from codesign_wizard.core.azure.permissions.secret_end import judge
from codesign_wizard.core.azure.signin import read_claims
from codesign_wizard.core.certificates.held import KeyFacts
from codesign_wizard.core.clouds import PUBLIC
from codesign_wizard.core.doctor import doctor_windows
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Finding, utc_now
from codesign_wizard.core.job import Job
from codesign_wizard.core.network_answer import Answer, parse_http_date
from codesign_wizard.core.redact import Secret
from tests.support.fuzzing import count, dice
from tests.unit.azure import spoilt
from tests.unit.azure.permissions_admin import vendor
from tests.unit.azure.permissions_admin.arm_world import PRINCIPAL, VAULT_ID, ArmWorld
from tests.unit.azure.permissions_admin.vendor import Call, Reply
from tests.unit.azure.spoilt import OPTIONS, SECRET, Spoilt

ODD: tuple[Any, ...] = (
    None, 0, 5, -1, 1e300, 10**20, True, "", "x", "é\ud800\x00\x1b[31m", "A" * 5000, [], [1], ["a"], [[]],
    {}, {"a": 1}, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "https://[", "/", "*", "../..",
)  # fmt: skip
TOKEN = Secret("token-of-the-test")
SECRETS = [{"endDateTime": "2026-01-01T00:00:00Z", "hint": "can", "keyId": "x", "displayName": "y"}]
FORBIDDEN = {"code": "Forbidden", "message": "Caller: appid=x\r\nAction: 'z'", "innererror": {"code": "X"}}
ENTRA = {"error": "invalid_client", "error_description": "AADSTS7000215: x. Trace ID: 1"}
REFUSALS: tuple[Any, ...] = (
    {"error": FORBIDDEN},
    {**ENTRA, "error_codes": [7000215], "trace_id": "1", "timestamp": "2"},
    {"value": [{"id": "x"}], "nextLink": "x"},
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of *document* with each of its keys."""
    keys: Any = document if isinstance(document, dict) else range(len(document))
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


def changed(chance: random.Random, document: Any) -> Any:
    """Return *document* with members dropped, doubled or of another type."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2, 4))):
        found = list(places(document)) if isinstance(document, dict | list) else []
        if not found:
            return chance.choice(ODD)
        holder, key = chance.choice(found)
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case _:
                holder[key] = copy.deepcopy(chance.choice(ODD))
    return document


def garbled(chance: random.Random, document: Any) -> bytes:
    """Return *document* as JSON, often with bytes flipped, cut off or doubled."""
    data = bytearray(json.dumps(document).encode())
    for _ in range(chance.choice((0, 0, 1, 3))):
        place = chance.randrange(len(data) or 1)
        match chance.randrange(3):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place:]
            case _:
                data[place:place] = data[: chance.randrange(20)]
    return bytes(data)


def told(finding: Finding) -> None:
    """A finding can be shown and sent, whatever came."""
    json.loads(json.dumps(finding.to_json()))
    assert len(finding.title) < 1000
    assert len(finding.evidence.message or "") <= 4000


def test_any_refusal_is_read_and_told() -> None:
    chance = dice("azure refusals")
    for _ in range(count(1500)):
        body = garbled(chance, changed(chance, chance.choice(REFUSALS)))
        status = chance.choice((200, 301, 400, 401, 403, 404, 409, 429, 503))
        headers = {
            "x-ms-request-id": "r",
            "date": chance.choice(("", "x", "Fri, 31 Dec 9999 23:59:59 -2359")),
        }
        parse_http_date(headers["date"])
        answer = Answer(status, headers, body, f"{OPTIONS.vault_url}/certificates", 0.1)
        told(explain.explain(explain.read_refusal(status, body, headers), OPTIONS, operation="keys sign"))
        refusal = signin_findings.read_refusal(status, body, headers)
        told(signin_findings.explain(refusal, OPTIONS, SECRET))
        told(admin_findings.explain(refusal, PUBLIC, "", az=False))
        told(admin_findings.explain_arm(read_refusal(answer), PUBLIC, ""))
        asked = read_answer(chance.choice(PROBES), answer)
        assert asked.meaning is not Meaning.ALLOWED or status in (200, 404)
        read_claims(Secret(f"a.{spoilt.base64url(body)}.b"))


def test_any_key_and_any_secret_are_read() -> None:
    chance, world, now = dice("azure keys"), Spoilt(), utc_now()
    for _ in range(count(500)):
        bundle = changed(chance, world.key())
        if isinstance(bundle, dict):
            KeyFacts.read(bundle)
            if isinstance(bundle.get("key"), dict):
                json.dumps(verify_body(bundle["key"]))
        listed = changed(chance, SECRETS)
        if isinstance(listed, list):
            told(judge([each for each in listed if isinstance(each, dict)], SECRET, now).finding)


def test_any_answer_of_resource_manager_is_read_or_refused() -> None:
    chance = dice("resource manager")
    for _ in range(count(120)):
        world = ArmWorld(rbac=chance.random() < 0.5)
        world.assign(chance.choice(list(world.definitions)), VAULT_ID)

        def answer(call: Call, world: ArmWorld = world) -> Reply:
            reply = world.answer(call)
            assert call.host in (PUBLIC.management_host, PUBLIC.graph_host), "a token went elsewhere"
            if chance.random() < 0.3:
                return Reply(reply.status, changed(chance, reply.document))
            return reply

        network = vendor.network(answer)
        try:
            access = read_access(
                Job(), network, OPTIONS, TOKEN, PRINCIPAL,
                resource_id=VAULT_ID, graph_token=lambda: TOKEN,
            )  # fmt: skip
            evaluate(access, PRINCIPAL, "code")
        except CodesignError as error:
            told(error.finding)
        own_rights(Job(), network, OPTIONS, TOKEN, VAULT_ID, object_id=PRINCIPAL).observations()


def test_any_answer_on_the_way_ends_a_diagnosis_in_findings() -> None:
    chance = dice("azure diagnosis")
    well = Spoilt()
    bodies: dict[str, Any] = {
        "certificate": well.certificate(),
        "key": well.key(),
        "sign": {"kid": spoilt.KEY, "value": "AA"},
        "verify": {"value": False},
        "token": {"access_token": "e30.e30.e30", "expires_in": 3599},
        "openid": {"issuer": f"https://x/{spoilt.GUID}"},
        "list": {"value": [{"id": "x"}]},
        "own": {"value": [{"dataActions": ["*"], "notDataActions": []}]},
        "vault": {"id": spoilt.RESOURCE, "properties": {"sku": {"name": "premium"}}},
        "denials": {"value": [{"properties": {"permissions": [{"dataActions": ["*"]}], "principals": []}}]},
    }
    for _ in range(count(60)):
        what = chance.choice(list(bodies))
        status = chance.choice((200, 200, 403, 404))
        spoil = spoilt.Reply(garbled(chance, changed(chance, bodies[what])), status)
        world = Spoilt(**{what: spoil})
        for finding in doctor_windows(Job(), world.network, OPTIONS, SECRET).findings:
            told(finding)
        assert not any(each.with_token for each in world.asked if each.what == "elsewhere")
