"""Entra ID's answers, word for word where its words are known."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests

from codesign_wizard.practice.entra.models import ServicePrincipal

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UNKNOWN = "0ddba115-0000-4000-8000-000000000001"


def _words(answer: requests.Response) -> str:
    """Return the description without its tail, having checked the tail and the rest of the body."""
    body = answer.json()
    tail = re.search(rf" Trace ID: ({_GUID}) Correlation ID: ({_GUID}) Timestamp: ([\d-]+ [\d:]+Z)$",
                     body["error_description"])  # fmt: skip
    assert tail is not None
    assert (body["trace_id"], body["correlation_id"], body["timestamp"]) == tail.groups()
    number = re.match(r"AADSTS(\d+): ", body["error_description"])
    assert number is not None
    assert body["error_codes"] == [int(number[1])]
    assert answer.headers["x-ms-request-id"] == body["trace_id"]
    return str(body["error_description"][: tail.start()])


def test_a_token_says_who_signs_in_and_is_signed_with_the_published_key(client: Any) -> None:
    answer = client.ask_token()
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["token_type", "expires_in", "ext_expires_in", "access_token"]
    assert (body["token_type"], body["expires_in"], body["ext_expires_in"]) == ("Bearer", 3599, 3599)
    tenant = client.cloud.accounts.tenant_id
    keys = client.session.get(f"https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys").json()[
        "keys"
    ]
    header = jwt.get_unverified_header(body["access_token"])
    assert header["kid"] == header["x5t"] == keys[0]["kid"] == keys[0]["x5t"]
    claims = jwt.decode(
        body["access_token"],
        jwt.PyJWK(keys[0]).key,
        algorithms=["RS256"],
        audience="https://vault.azure.net",
        issuer=f"https://sts.windows.net/{tenant}/",
    )
    principal = client.cloud.world.tenant.service_principals[0]
    assert claims["appid"] == client.cloud.accounts.application_id
    assert claims["oid"] == claims["sub"] == principal.object_id
    assert (claims["tid"], claims["idtyp"], claims["ver"]) == (tenant, "app", "1.0")
    assert claims["exp"] - claims["iat"] == 3900


def test_basic_authentication_and_the_older_endpoint_sign_in_too(client: Any) -> None:
    accounts = client.cloud.accounts
    basic = client.session.post(
        client.token_url,
        data={"grant_type": "client_credentials", "scope": "https://vault.azure.net/.default"},
        auth=(accounts.application_id, requests.utils.quote(accounts.application_secret, safe="")),
    )
    assert basic.status_code == 200
    older = client.ask_token(
        client.token_url.replace("/v2.0", ""), scope=None, resource="https://vault.azure.net"
    ).json()
    assert older["resource"] == "https://vault.azure.net"
    assert older["expires_in"] == "3599"  # text, in version 1
    assert older["expires_on"].isdigit()


def test_an_applications_certificate_is_not_registered(client: Any) -> None:
    """As MSAL proves one, by either thumbprint; and what is no proof at all."""
    application = client.cloud.accounts.application_id

    def refused(assertion: str) -> Any:
        return client.ask_token(client_secret=None, client_assertion=assertion).json()

    for name, told in (("x5t", "0102FF"), ("x5t#S256", "0102FF"), ("kid", "")):
        answer = refused(jwt.encode({}, "x" * 32, "HS256", headers={name: "AQL_"}))
        words = (
            f"The key was not found., Thumbprint of key used by client: '{told}', Please"
            if told
            else ("The key was not found., Please")
        )
        assert answer["error_codes"] == [700027]
        assert words in answer["error_description"]
        assert f"configured keys for app Id '{application}'." in answer["error_description"]
    for assertion in ("x.y.z", "W10.e30.", "é", "."):
        assert refused(assertion)["error_codes"] == [50027]


def test_openids_scopes_beside_a_resources_are_passed_over(client: Any) -> None:
    """MSAL for Go sends them with client credentials, too."""
    told = client.ask_token(scope="https://vault.azure.net/.default openid offline_access profile").json()
    assert client.vault("/keys", token=told["access_token"]).status_code == 200
    for scope in ("openid profile", "https://vault.azure.net/.default https://graph.microsoft.com/.default"):
        assert client.ask_token(scope=scope).json()["error"] == "invalid_scope"


def test_discovery_documents_by_guid_by_domain_and_for_common(client: Any) -> None:
    tenant = client.cloud.world.tenant
    for identifier in (tenant.tenant_id, tenant.domains[0], tenant.domains[0].upper()):
        document = client.session.get(
            f"https://login.microsoftonline.com/{identifier}/v2.0/.well-known/openid-configuration"
        ).json()
        base = f"https://login.microsoftonline.com/{tenant.tenant_id}"
        assert document["issuer"] == f"{base}/v2.0"
        assert document["token_endpoint"] == f"{base}/oauth2/v2.0/token"
        assert document["jwks_uri"] == f"{base}/discovery/v2.0/keys"
        assert document["cloud_instance_name"] == "microsoftonline.com"
    first = client.session.get(
        f"https://login.microsoftonline.com/{tenant.tenant_id}/.well-known/openid-configuration"
    ).json()
    assert first["issuer"] == f"https://sts.windows.net/{tenant.tenant_id}/"
    common = client.session.get(
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
    ).json()
    assert common["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"


def test_instance_discovery_knows_the_clouds_and_nobody_else(client: Any) -> None:
    place = (
        "https://login.microsoftonline.com/common/discovery/instance?api-version=1.1&authorization_endpoint="
    )
    document = client.session.get(f"{place}https://login.microsoftonline.com/x/oauth2/authorize").json()
    assert document["tenant_discovery_endpoint"] == (
        "https://login.microsoftonline.com/x/v2.0/.well-known/openid-configuration"
    )
    assert document["metadata"][0] == {
        "preferred_network": "login.microsoftonline.com",
        "preferred_cache": "login.windows.net",
        "aliases": [
            "login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
        ],
    }  # fmt: skip
    refused = client.session.get(f"{place}https://login.example/x/oauth2/authorize")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_instance")


@pytest.mark.parametrize(
    ("host", "identifier", "error", "words"),
    [
        (
            "login.microsoftonline.com", _UNKNOWN, "invalid_tenant",
            f"AADSTS90002: Tenant '{_UNKNOWN}' not found. Check to make sure you have the correct tenant ID "
            "and are signing into the correct cloud. Check with your subscription administrator, this may "
            "happen if there are no active subscriptions for the tenant.",
        ),
        (
            "login.microsoftonline.com", "My Company", "invalid_request",
            "AADSTS900023: Specified tenant identifier 'My Company' is neither a valid DNS name, nor a valid "
            "external domain.",
        ),
        ("login.microsoftonline.us", None, "invalid_tenant", None),
        ("login.chinacloudapi.cn", None, "invalid_tenant", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["v2.0/.well-known/openid-configuration", "oauth2/v2.0/token"])
def test_unknown_tenants(
    client: Any, host: str, identifier: str | None, error: str, words: str | None, path: str
) -> None:
    identifier = identifier or client.cloud.accounts.tenant_id  # known in the public cloud only
    url = f"https://{host}/{identifier}/{path}"
    answer = client.ask_token(url) if path.endswith("token") else client.session.get(url)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    said = _words(answer)
    assert said == words if words else said.startswith("AADSTS90002: ")


_ORDERED: list[tuple[dict[str, str | None], int, str, str]] = [
    ({"grant_type": None}, 400, "invalid_request",
     "AADSTS900144: The request body must contain the following parameter: 'grant_type'."),
    ({"grant_type": "no_such_grant"}, 400, "unsupported_grant_type",
     "AADSTS70003: The app requested an unsupported grant type 'no_such_grant'."),
    ({"client_id": None}, 400, "invalid_request",
     "AADSTS900144: The request body must contain the following parameter: 'client_id'."),
    ({"scope": None}, 400, "invalid_request",
     "AADSTS900144: The request body must contain the following parameter: 'scope'."),
    ({"scope": "vault"}, 400, "invalid_scope",
     "AADSTS70011: The provided request must include a 'scope' input parameter. The provided value for the "
     "input parameter 'scope' is not valid. The scope vault is not valid."),
    ({"scope": "https://vault.azure.net/user_impersonation"}, 400, "invalid_scope",
     "AADSTS1002012: The provided value for scope https://vault.azure.net/user_impersonation is not valid. "
     "Client credential flows must have a scope value with /.default suffixed to the resource identifier "
     "(application ID URI)."),
    ({"scope": "api://nothing/.default"}, 400, "invalid_resource",
     "AADSTS500011: The resource principal named api://nothing was not found in the tenant named {tenant}. "
     "This can happen if the application has not been installed by the administrator of the tenant or "
     "consented to by any user in the tenant. You might have sent your authentication request to the wrong "
     "tenant."),
    ({"client_id": "my-app"}, 400, "unauthorized_client",
     "AADSTS700038: my-app is not a valid application identifier."),
    ({"client_id": "00000000-0000-0000-0000-000000000000"}, 400, "unauthorized_client",
     "AADSTS700038: 00000000-0000-0000-0000-000000000000 is not a valid application identifier."),
    ({"client_id": _UNKNOWN}, 400, "unauthorized_client",
     f"AADSTS700016: Application with identifier '{_UNKNOWN}' was not found in the directory '{{name}}'. "
     "This can happen if the application has not been installed by the administrator of the tenant or "
     "consented to by any user in the tenant. You may have sent your authentication request to the wrong "
     "tenant."),
    ({"client_secret": None}, 401, "invalid_client",
     "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or "
     "'client_secret'."),
    ({"client_secret": "wrong"}, 401, "invalid_client",
     "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the "
     "client secret value, not the client secret ID, for a secret added to app '{app}'."),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "error", "words"), _ORDERED)
def test_refusals_word_for_word(
    client: Any, changes: dict[str, str | None], status: int, error: str, words: str
) -> None:
    answer = client.ask_token(**changes)
    tenant = client.cloud.world.tenant
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert _words(answer) == words.format(
        tenant=tenant.tenant_id, name=tenant.name, app=client.cloud.accounts.application_id
    )


def test_the_first_fault_in_order_is_the_one_reported(client: Any) -> None:
    """Each request has its own fault and all later ones."""
    for position in range(len(_ORDERED)):
        changes: dict[str, str | None] = {}
        for later, *_ in reversed(_ORDERED[position:]):
            changes |= later
        code = _ORDERED[position][3].partition(":")[0]
        assert _words(client.ask_token(**changes)).startswith(f"{code}: ")


def test_error_uri_is_where_real_bodies_have_it(client: Any) -> None:
    with_uri = client.ask_token(client_secret="wrong").json()
    assert with_uri["error_uri"] == "https://login.microsoftonline.com/error?code=7000215"
    assert "error_uri" not in client.ask_token(client_id="my-app").json()


def test_the_callers_correlation_id_comes_back(client: Any) -> None:
    mine = "6d0c4a2e-1111-4222-8333-94444d5e6f70"
    answer = client.session.post(
        client.token_url,
        data=client.form(client_secret="wrong"),
        headers={"client-request-id": mine, "return-client-request-id": "true"},
    )
    assert answer.json()["correlation_id"] == answer.headers["client-request-id"] == mine


def test_a_get_of_the_token_endpoint_is_told_to_post(client: Any) -> None:
    assert client.session.get(client.token_url).json()["error_codes"] == [900561]


def test_states_of_an_application(start: Callable[..., Any]) -> None:
    own = start()
    world, accounts = own.cloud.world, own.cloud.accounts
    secret = world.tenant.applications[0].secrets[0]
    good_until = secret.expires
    secret.expires = (world.clock.now() - timedelta(seconds=1)).isoformat()
    answer = own.ask_token()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert _words(answer) == (
        f"AADSTS7000222: The provided client secret keys for app '{accounts.application_id}' are expired. "
        "Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider "
        "using certificate credentials for added security: https://aka.ms/certCreds."
    )
    secret.expires = good_until

    principal: ServicePrincipal = world.tenant.service_principals[0]
    principal.enabled = False
    name = world.tenant.applications[0].name
    assert _words(own.ask_token()) == (
        f"AADSTS7000112: Application '{accounts.application_id}'({name}) is disabled."
    )
    principal.enabled = True

    principal.blocked_by_policy = True
    answer = own.ask_token()
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [53003])
    principal.blocked_by_policy = False

    world.tenant.service_principals.clear()
    answer = own.ask_token(client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert _words(answer) == (
        f"AADSTS7000229: The client application {accounts.application_id} is missing service principal in "
        f"the tenant {accounts.tenant_id}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
    )


def test_a_secret_looks_like_one_and_is_no_guid(client: Any) -> None:
    value = client.cloud.accounts.application_secret
    assert len(value) == 40
    assert value[3:6] == "8Q~"


def test_tokens_are_not_readable_by_accident_as_something_else(client: Any) -> None:
    header = client.token().split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"] == "RS256"
