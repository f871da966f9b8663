"""Microsoft Graph: who is who in the directory, and who may ask."""

from __future__ import annotations

import json
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
        # what the real one has besides
        ("/v1.0/devices", 501, "NotImplemented"),
        ("/v1.0/me/manager", 501, "NotImplemented"),
        (f"{PATH}?$top=1", 501, "NotImplemented"),
        (f"{PATH}?$Search=x", 501, "NotImplemented"),
        ("/", 400, "BadRequest"),
        ("/v1.0", 400, "BadRequest"),
        (f"{PATH}?$filter=displayName ne null", 400, "Request_UnsupportedQuery"),
        (f"{PATH}?$filter=appId eq 'x' or id eq 'x'", 400, "Request_UnsupportedQuery"),
        (f"{PATH}?$filter=appId eq 'x' and", 400, "Request_UnsupportedQuery"),
        (f"{PATH}?$filter=notes eq 'x'", 400, "Request_UnsupportedQuery"),
    ],
)
def test_what_is_not_there(client: Any, path: str, status: int, code: str) -> None:
    assert refusal(ask(client, path))[:2] == (status, code)


def test_people_groups_and_whose_application_it_is(start: Callable[..., Any]) -> None:
    own = start()
    world, tenant = own.cloud.world, own.cloud.world.tenant
    me = ask(own, "/v1.0/me").json()
    assert (me["id"], me["userPrincipalName"]) == (
        world.administrator.object_id, world.administrator.principal_name,
    )  # fmt: skip
    (owned,) = ask(own, "/v1.0/me/ownedObjects").json()["value"]
    assert owned["@odata.type"] == "#microsoft.graph.application"
    assert owned["appId"] == tenant.applications[0].application_id
    auditor = world.reader.principal_name
    found = ask(own, f"/v1.0/users?$filter=userPrincipalName eq '{auditor.upper()}'&$select=id").json()
    assert found["value"] == [{"id": world.reader.object_id}]
    assert ask(own, f"/v1.0/users/{auditor}").json()["displayName"] == "Practice Auditor"
    tenant.groups.append(Group("11111111-0000-4000-8000-000000000001", "Signers", [world.reader.object_id]))
    assert [
        each["id"] for each in ask(own, f"/v1.0/groups/{tenant.groups[0].object_id}/members").json()["value"]
    ] == [world.reader.object_id]
    ids = [world.reader.object_id, tenant.service_principals[0].object_id, "x"]
    stubs = change(own, "POST", "/v1.0/directoryObjects/getByIds", {"ids": ids, "types": ["user"]}).json()
    assert [each["@odata.type"] for each in stubs["value"]] == [
        "#microsoft.graph.servicePrincipal", "#microsoft.graph.user",
    ]  # fmt: skip
    application = own.token_for("application", GRAPH)
    told = refusal(ask(own, "/v1.0/me", token=application))
    assert told == (400, "BadRequest", "/me request is only valid with delegated authentication flow.")


def change(
    client: Any, method: str, path: str, body: Any, *, who: str = "administrator"
) -> requests.Response:
    headers = {"Authorization": f"Bearer {client.token_for(who, GRAPH)}"}
    return client.session.request(method, f"{GRAPH}{path}", headers=headers, json=body, timeout=20)


def test_an_application_from_its_name_to_a_secret_that_signs_in(start: Callable[..., Any]) -> None:
    own = start()
    made = change(own, "POST", "/v1.0/applications", {"displayName": "New (practice)", "keyCredentials": []})
    assert made.status_code == 201
    application = made.json()
    named = (
        f"/v1.0/applications?$filter=startswith(displayName,'new (') and appId eq '{application['appId']}'"
    )
    assert [each["id"] for each in ask(own, named).json()["value"]] == [application["id"]]
    # without a service principal it is not known to this tenant's sign-in
    path = f"/v1.0/applications/{application['id']}"
    ends = {"displayName": "codesign", "endDateTime": "2199-01-01T00:00:00Z"}
    secret = change(own, "POST", f"{path}/addPassword", {"passwordCredential": ends}).json()
    assert (secret["displayName"], secret["endDateTime"]) == ("codesign", "2199-01-01T00:00:00Z")
    accounts = {"client_id": application["appId"], "client_secret": secret["secretText"]}
    assert "AADSTS7000229" in own.ask_token(**accounts).text
    principal = change(own, "POST", "/v1.0/servicePrincipals", {"appId": application["appId"]})
    assert (principal.status_code, principal.json()["displayName"]) == (201, "New (practice)")
    assert own.ask_token(**accounts).status_code == 200
    again = change(own, "POST", "/v1.0/servicePrincipals", {"appId": application["appId"]})
    assert refusal(again)[:2] == (409, "Request_MultipleObjectsWithSameKeyValue")
    assert again.json()["error"]["details"][0]["code"] == "ObjectConflict"
    nobody = change(own, "POST", "/v1.0/servicePrincipals", {"appId": "11111111-0000-4000-8000-000000000001"})
    assert nobody.json()["error"]["details"][0]["code"] == "NoBackingApplicationObject"
    # only when it is made the secret is told
    (held,) = ask(own, path).json()["passwordCredentials"]
    assert (held["keyId"], held["hint"], held["secretText"]) == (
        secret["keyId"], secret["secretText"][:3], None,
    )  # fmt: skip
    switch = f"/v1.0/servicePrincipals/{principal.json()['id']}"
    assert change(own, "PATCH", switch, {"accountEnabled": False}).status_code == 204
    assert "AADSTS7000112" in own.ask_token(**accounts).text
    change(own, "PATCH", switch, {"accountEnabled": True})
    removed = {"keyId": secret["keyId"]}
    assert change(own, "POST", f"{path}/removePassword", removed).status_code == 204
    assert "AADSTS7000215" in own.ask_token(**accounts).text
    assert (
        "No password credential found" in refusal(change(own, "POST", f"{path}/removePassword", removed))[2]
    )


def test_what_was_made_a_moment_ago_may_not_be_known_everywhere(start: Callable[..., Any]) -> None:
    own = start()
    own.cloud.world.replication = 60.0
    application = change(own, "POST", "/v1.0/applications", {"displayName": "New (practice)"}).json()
    path = f"/v1.0/applications/{application['id']}"
    listed = f"/v1.0/applications?$filter=appId eq '{application['appId']}'"
    principal = {"appId": application["appId"]}
    assert ask(own, listed).json()["value"] == []
    assert ask(own, path).status_code == 200
    early = change(own, "POST", "/v1.0/servicePrincipals", principal)
    assert early.json()["error"]["details"][0]["code"] == "NoBackingApplicationObject"
    own.cloud.world.clock.offset = timedelta(minutes=2)
    assert len(ask(own, listed).json()["value"]) == 1
    assert change(own, "POST", "/v1.0/servicePrincipals", principal).status_code == 201


def test_who_may_not_change_the_directory(start: Callable[..., Any]) -> None:
    own = start()
    tenant = own.cloud.world.tenant
    application, principal = tenant.applications[0], tenant.service_principals[0]
    path = f"/v1.0/applications/{application.object_id}"
    before = tenants(own)
    for method, at, body in (
        ("POST", "/v1.0/applications", {"displayName": "x"}),
        ("POST", "/v1.0/servicePrincipals", {"appId": application.application_id}),
        ("PATCH", path, {"displayName": "x"}),
        ("POST", f"{path}/addPassword", {}),
        ("POST", f"{path}/removePassword", {"keyId": application.secrets[0].key_id}),
        ("PATCH", f"{PATH}/{principal.object_id}", {"accountEnabled": False}),
    ):
        for who in ("reader", "application"):
            told = refusal(change(own, method, at, body, who=who))
            assert told[:2] == (403, "Authorization_RequestDenied")
    assert tenants(own) == before
    # an owner may, without more
    application.owners.append(own.cloud.world.reader.object_id)
    assert change(own, "POST", f"{path}/addPassword", {}, who="reader").status_code == 200


def tenants(own: Any) -> str:
    return json.dumps(own.cloud.world.directory.to_json())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1.0/applications", {}, 400, "Request_BadRequest"),
        ("POST", "/v1.0/applications", {"displayName": ""}, 400, "Request_BadRequest"),
        ("POST", "/v1.0/applications", {"displayName": "x", "web": {"a": "b"}}, 501, "NotImplemented"),
        ("POST", "/v1.0/applications", [], 400, "BadRequest"),
        ("POST", "/v1.0/servicePrincipals", {"appId": "x"}, 400, "Request_BadRequest"),
        ("POST", "/v1.0/users", {}, 501, "NotImplemented"),
        ("POST", "/v1.0/me", {}, 405, "Request_BadRequest"),
        ("DELETE", "/v1.0/applications", {}, 405, "Request_BadRequest"),
        ("DELETE", "/v1.0/applications/{application}", {}, 501, "NotImplemented"),
        ("POST", "/v1.0/applications/{application}/addKey", {}, 501, "NotImplemented"),
        ("POST", "/v1.0/directoryObjects/getByIds", {}, 400, "Request_BadRequest"),
    ],
)
def test_a_change_that_cannot_be_made(
    client: Any, method: str, path: str, body: Any, status: int, code: str
) -> None:
    before = tenants(client)
    path = path.format(application=client.cloud.world.tenant.applications[0].object_id)
    assert refusal(change(client, method, path, body))[:2] == (status, code)
    assert tenants(client) == before


def test_a_secret_ends_after_it_begins(client: Any) -> None:
    path = f"/v1.0/applications/{client.cloud.world.tenant.applications[0].object_id}/addPassword"
    before = tenants(client)
    for ends in ("2001-01-01T00:00:00Z", "tomorrow"):
        told = refusal(change(client, "POST", path, {"passwordCredential": {"endDateTime": ends}}))
        assert told[:2] == (400, "Request_BadRequest")
    assert tenants(client) == before
