"""Microsoft Graph: who is who in the directory, and who may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from codesign_wizard.practice.entra.models import Group

GRAPH = "https://graph.microsoft.com"
PATH = "/v1.0/servicePrincipals"


def ask(client: Any, path: str, *, token: str | None = None, method: str = "GET") -> requests.Response:
    bearer = client.token_for(audience=GRAPH) if token is None else token
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return client.session.request(method, f"{GRAPH}{path}", headers=headers, timeout=20)


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    assert error["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, error["code"], error["message"]


def test_the_two_object_ids_of_an_application(client: Any) -> None:
    tenant = client.cloud.world.tenant
    application, principal = tenant.applications[0], tenant.service_principals[0]
    for kind, held in (("applications", application), ("servicePrincipals", principal)):
        by_key = ask(client, f"/v1.0/{kind}(appId='{application.application_id}')").json()
        assert by_key["id"] == held.object_id
        listed = ask(client, f"/v1.0/{kind}?$filter=appId eq '{application.application_id}'&$select=id")
        assert listed.json()["value"] == [{"id": held.object_id}]
        assert ask(client, f"/v1.0/{kind}/{held.object_id}").json()["appId"] == application.application_id
    assert application.object_id != principal.object_id


def test_a_registration_lists_its_secrets_without_their_values(client: Any) -> None:
    application = client.cloud.world.tenant.applications[0]
    path = f"/v1.0/applications(appId='{application.application_id}')?$select=id,passwordCredentials"
    answer = ask(client, path)
    (held,) = answer.json()["passwordCredentials"]
    secret = application.secrets[0]
    assert (held["keyId"], held["hint"], held["secretText"]) == (secret.key_id, secret.value[:3], None)
    assert held["endDateTime"].endswith("Z")
    assert datetime.fromisoformat(held["endDateTime"]) - datetime.now(UTC) > timedelta(days=360)
    assert secret.value not in answer.text


def test_groups_also_through_groups(start: Callable[..., Any]) -> None:
    own = start()
    tenant = own.cloud.world.tenant
    principal = tenant.service_principals[0].object_id
    inner = Group("11111111-0000-4000-8000-000000000001", "Signers (practice)", [principal])
    outer = Group("11111111-0000-4000-8000-000000000002", "Everybody (practice)", [inner.object_id])
    tenant.groups += [inner, outer]
    whole = ask(own, f"{PATH}/{principal}/transitiveMemberOf?$select=id").json()["value"]
    assert whole == [
        {"@odata.type": "#microsoft.graph.group", "id": each.object_id} for each in (inner, outer)
    ]
    assert [each["id"] for each in ask(own, f"{PATH}/{principal}/memberOf").json()["value"]] == [
        inner.object_id
    ]


def test_who_may_not_ask(client: Any, start: Callable[..., Any]) -> None:
    assert refusal(ask(client, PATH, token=""))[:2] == (401, "InvalidAuthenticationToken")
    assert "not well formed" in refusal(ask(client, PATH, token="garbage"))[2]
    good = client.token_for(audience=GRAPH)
    assert "Invalid signature" in refusal(ask(client, PATH, token=good[:-4] + "AAAA"))[2]
    assert "Invalid audience" in refusal(ask(client, PATH, token=client.token_for()))[2]
    foreign = start()
    assert "Invalid signature" in refusal(ask(foreign, PATH, token=good))[2]
    late = start()
    old = late.token_for(audience=GRAPH)
    late.cloud.world.clock.offset = timedelta(hours=2)
    assert "expired" in refusal(ask(late, PATH, token=old))[2]
    application = client.token_for("application", GRAPH)
    assert refusal(ask(client, PATH, token=application))[:2] == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{PATH}/11111111-0000-4000-8000-000000000009", 404, "Request_ResourceNotFound"),
        ("/v1.0/applications(appId='nothing')", 404, "Request_ResourceNotFound"),
        ("/v1.0/users", 400, "BadRequest"),
        ("/", 400, "BadRequest"),
        ("/v1.0", 400, "BadRequest"),
        (f"{PATH}?$filter=displayName ne null", 400, "Request_UnsupportedQuery"),
    ],
)
def test_what_is_not_there(client: Any, path: str, status: int, code: str) -> None:
    assert refusal(ask(client, path))[:2] == (status, code)


def test_nothing_is_changed(client: Any) -> None:
    for method in ("POST", "PATCH", "DELETE"):
        assert ask(client, PATH, method=method).status_code == 400
