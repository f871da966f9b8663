"""The practice wire under attack: garbage, too much, too slow, and tokens that are not what they seem.

Nothing may answer 500, hang, reach what it should not, or disturb others. The session's cloud checks
at its end that no handler failed.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests

from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.people import AZURE_CLI
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES
from tests.practice.conftest import MANAGEMENT
from tests.practice.test_network import connect, talk
from tests.support.keys import rsa_key

LOGIN = "https://login.microsoftonline.com"
GRAPH = "https://graph.microsoft.com"
VAULT = "https://vault.azure.net"
_PAYLOADS = (
    b"", b"\x00" * 64, b"\xff\xfe\xfa", b"{" * 5000, b"[" * 200_000, b'{"value": [[[]]]}', b"null", b"[]",
    b'"x"', b"1e999999", b'{"x5c": [1, null, {}]}', b'{"alg": [], "value": {}}', b'{"properties": 7}',
    b'{"properties": {"accessPolicies": [null, 1, {"permissions": []}]}}',
    b'{"properties": {"roleDefinitionId": 3, "principalId": [], "condition": {}}}',
    '{"value": "x"}'.encode("utf-16"), b'{"value": "\\ud800"}', b"a=%ff%00&a=b&=&&client_id",
    b"grant_type=refresh_token&refresh_token=%00&client_id=x&scope=%ed%a0%80",
)  # fmt: skip

_PLAYED = (*range(200, 500), 501)  # 501 is said of what the real service has, and practice does not play


def targets(client: Any) -> list[tuple[str, str]]:
    """An address of each kind, and the audience of the tokens it takes ("" for none)."""
    world, vault = client.cloud.world, client.vault_url
    tenant, arm = world.tenant.tenant_id, f"{MANAGEMENT}{world.vault.arm_id}"
    roles = f"{arm}/providers/Microsoft.Authorization"
    return [
        *(
            (f"{LOGIN}/{tenant}/{path}", "")
            for path in (
                "oauth2/v2.0/token", "oauth2/token", "oauth2/v2.0/devicecode", "oauth2/v2.0/authorize",
                "oauth2/deviceauth", "v2.0/.well-known/openid-configuration", "discovery/instance",
            )
        ),
        ("https://microsoft.com/devicelogin", ""),
        *(
            (f"{vault}/{path}?api-version=7.4", VAULT)
            for path in (
                "certificates", "certificates/code-signing", "certificates/n/create", "keys/n/create",
                "certificates/n/import", "certificates/n/pending/merge", "certificates/restore",
                "keys/code-signing/sign", "keys/code-signing/x/decrypt", "certificates/contacts",
                "certificates/issuers/n", "certificates/code-signing/policy", "deletedcertificates/n/recover",
            )
        ),
        (f"{arm}?api-version=2023-07-01", MANAGEMENT),
        (f"{arm}/accessPolicies/add?api-version=2023-07-01", MANAGEMENT),
        (f"{roles}/roleAssignments?api-version=2022-04-01&$filter=%27%27%28%29", MANAGEMENT),
        (f"{roles}/roleAssignments/{tenant}?api-version=2022-04-01", MANAGEMENT),
        (f"{roles}/roleDefinitions/{tenant}?api-version=2022-04-01", MANAGEMENT),
        (f"{GRAPH}/v1.0/applications?$filter=appId eq '&$select=,,", GRAPH),
        (f"{GRAPH}/v1.0/servicePrincipals(appId='')/transitiveMemberOf", GRAPH),
        (client.cloud.browser_url(f"{LOGIN}/common/oauth2/v2.0/authorize?client_id=%00"), ""),
        (client.cloud.browser_url("https://microsoft.com/devicelogin"), ""),
        (f"{client.cloud.proxy_url}/az/account/get-access-token", ""),
    ]  # fmt: skip


def bearer(client: Any, audience: str) -> str:
    if not audience:
        return ""
    who = "application" if audience == VAULT else "administrator"
    return str(client.token_for(who, audience))


def send(client: Any, method: str, url: str, *, token: str = "", **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    proxies = {"http": "", "https": ""} if url.startswith(client.cloud.proxy_url) else None
    return client.session.request(
        method, url, headers=headers | more.pop("headers", {}), proxies=proxies, timeout=20,
        allow_redirects=False, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def target(cloud: PracticeCloud) -> Any:
    """A cloud of its own: what gets through may change it."""
    from tests.practice.conftest import Client

    with PracticeCloud() as own:
        yield Client(own)
        assert own.problems == []


def test_garbage_is_refused_everywhere(target: Any) -> None:
    """Every address, every body, with a token that would be good."""
    tokens = {audience: bearer(target, audience) for audience in ("", VAULT, MANAGEMENT, GRAPH)}
    kinds = ("application/json", "application/x-www-form-urlencoded")
    calls = [
        (method, url, tokens[audience], payload, kinds[number % 2])
        for url, audience in targets(target)
        for number, payload in enumerate(_PAYLOADS)
        for method in ("POST", ("PUT", "PATCH")[number // 2 % 2])
    ]

    def call(each: tuple[str, str, str, bytes, str]) -> tuple[int, str, str, bytes]:
        method, url, token, payload, kind = each
        answer = send(target, method, url, token=token, data=payload, headers={"Content-Type": kind})
        return answer.status_code, method, url, payload[:60]

    with ThreadPoolExecutor(8) as pool:
        faults = [each for each in pool.map(call, calls) if each[0] not in _PLAYED]
    assert faults == []
    assert target.cloud.problems == []


def test_wrong_methods_are_refused(target: Any) -> None:
    for url, audience in targets(target):
        token = bearer(target, audience)
        for method in ("DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"):
            if method == "DELETE" and url.partition("?")[0].endswith(target.cloud.world.vault.arm_id):
                continue  # an administrator may
            answer = send(target, method, url, token=token)
            # a certificate that is not there may be deleted, a role definition too
            assert answer.status_code in _PLAYED, (method, url)
            assert "access_token" not in answer.text
    assert target.cloud.problems == []


def test_values_that_no_calculation_bears_are_refused(target: Any) -> None:
    """What an administrator writes: the first and last days, half characters, nesting without end."""
    world = target.cloud.world
    tokens = {audience: bearer(target, audience) for audience in (MANAGEMENT, GRAPH)}
    application = f"{GRAPH}/v1.0/applications/{world.tenant.applications[0].object_id}"
    roles = f"{MANAGEMENT}{world.vault.arm_id}/providers/Microsoft.Authorization"
    grant = {
        "roleDefinitionId": BUILT_IN_ROLES["Key Vault Reader"].role_id,
        "principalId": world.tenant.service_principals[0].object_id,
    }
    group = f"{MANAGEMENT}{world.vault.arm_id.partition('/providers/')[0]}"

    def refused(method: str, url: str, body: Any) -> None:
        token = tokens[GRAPH if url.startswith(GRAPH) else MANAGEMENT]
        answer = send(target, method, url, token=token, data=json.dumps(body))
        assert 400 <= answer.status_code < 500, (url, answer.text)

    for moment in ("9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "9999-12-31", 5, "\ud800"):
        secret = {"passwordCredential": {"startDateTime": moment}}
        refused("POST", f"{application}/addPassword", secret)
    for name in ([1], "x" * 300):
        refused("POST", f"{application}/addPassword", {"passwordCredential": {"displayName": name}})
    refused("POST", f"{application}/removePassword", {"keyId": "\ud800"})
    for condition in ("(" * 4000, "!" * 4000, "\ud800", [1]):
        body = {"properties": {**grant, "condition": condition}}
        refused("PUT", f"{roles}/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01", body)
    for place in ("\ud800", [1]):
        refused("PUT", f"{group}-2?api-version=2024-11-01", {"location": place})
    # half a character in a name is kept and shown as well as it can be
    made = send(
        target, "POST", f"{GRAPH}/v1.0/applications", token=tokens[GRAPH], data='{"displayName":"a\\ud800"}'
    )
    assert made.json()["displayName"] == "a?"
    assert send(target, "GET", application, token=tokens[GRAPH]).status_code == 200
    assert target.cloud.problems == []


def test_random_paths(target: Any) -> None:
    chance = random.Random(4)
    pieces = ["", ".", "..", "%2e%2e", "%00", "%ff", "%2f", "certificates", "keys", "v1.0", "subscriptions",
              "x" * 3000, "%F0%9F%98%80", "providers", "oauth2", "sign-in", "az", ";", "@",
              "a b"]  # fmt: skip
    hosts = [(target.vault_url, VAULT), (MANAGEMENT, MANAGEMENT), (GRAPH, GRAPH), (LOGIN, ""),
             (target.cloud.proxy_url, "")]  # fmt: skip
    tokens = {audience: bearer(target, audience) for _, audience in hosts}
    for _ in range(150):
        path = "/".join(chance.choices(pieces, k=chance.randint(1, 6)))
        base, audience = chance.choice(hosts)
        answer = send(target, "GET", f"{base}/{path}?api-version=7.4", token=tokens[audience])
        assert answer.status_code in _PLAYED, path
    assert target.cloud.problems == []


def forged(client: Any, audience: str) -> dict[str, str]:
    """Tokens that say the right thing, and are not to be believed."""
    good = bearer(client, audience)
    header, claims, signature = good.split(".")
    world = client.cloud.world
    told = jwt.decode(good, options={"verify_signature": False})

    def part(document: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    key = rsa_key(2048)
    public = world.tokens.key_set()["keys"][0]
    named = {"kid": public["kid"], "x5t": public["x5t"], "typ": "JWT"}
    more = told | {"exp": told["exp"] + 99999}
    return {
        "garbage": "garbage",
        "dots": "..",
        "alg none": f"{part(named | {'alg': 'none'})}.{claims}.",
        "alg none, signed": f"{part(named | {'alg': 'none'})}.{claims}.{signature}",
        "the public key as a secret": jwt.encode(told, public["n"], "HS256", headers=named),
        "another key under our name": jwt.encode(told, key, "RS256", headers=named),
        "other claims": f"{header}.{part(more)}.{signature}",
        "no signature": f"{header}.{claims}.",
        "claims are a list": world.tokens.sign([]),
        "an object as audience": world.tokens.sign(told | {"aud": {}}),
        "many audiences": world.tokens.sign(told | {"aud": [audience] * 3}),
        "another audience": world.tokens.sign(told | {"aud": "https://storage.azure.com"}),
        "expired": world.tokens.sign(told | {"exp": told["iat"] - 3600}),
        "no end": world.tokens.sign({name: value for name, value in told.items() if name != "exp"}),
        "an end in words": world.tokens.sign(told | {"exp": "tomorrow"}),
        "long": "a" * 60_000,
        "nested": f"{base64.urlsafe_b64encode(b'[' * 40_000).decode()}.{claims}.{signature}",
    }


@pytest.mark.parametrize("audience", [VAULT, MANAGEMENT, GRAPH])
def test_no_forged_token_opens_anything(client: Any, audience: str) -> None:
    url = {
        VAULT: f"{client.vault_url}/certificates?api-version=7.4",
        MANAGEMENT: f"{MANAGEMENT}{client.cloud.world.vault.arm_id}?api-version=2023-07-01",
        GRAPH: f"{GRAPH}/v1.0/applications",
    }[audience]
    assert send(client, "GET", url, token=bearer(client, audience)).status_code == 200
    for name, token in forged(client, audience).items():
        assert send(client, "GET", url, token=token).status_code == 401, name
    assert client.cloud.problems == []


@pytest.mark.parametrize("audience", [VAULT, MANAGEMENT, GRAPH])
def test_another_clouds_token_opens_nothing_here(
    client: Any, start: Callable[..., Any], audience: str
) -> None:
    other = start()
    other.cloud.world.clock.offset = timedelta(seconds=1)
    url = {
        VAULT: f"{client.vault_url}/certificates?api-version=7.4",
        MANAGEMENT: f"{MANAGEMENT}/subscriptions?api-version=2022-12-01",
        GRAPH: f"{GRAPH}/v1.0/applications",
    }[audience]
    assert send(client, "GET", url, token=bearer(other, audience)).status_code == 401


def test_a_refresh_token_of_another_cloud(client: Any, start: Callable[..., Any]) -> None:
    other = start()
    wish = other.cloud.world.sign_ins.wish(
        "common", {"client_id": AZURE_CLI, "scope": f"{MANAGEMENT}/.default"}, public=True
    )
    code = other.cloud.world.sign_ins.begin_device(wish)
    other.cloud.approve_sign_in(code.user_code)
    form = {"grant_type": "device_code", "client_id": AZURE_CLI, "device_code": code.device_code}
    answer = send(client, "POST", f"{LOGIN}/common/oauth2/v2.0/token", data=form)
    assert answer.json()["error_codes"] == [70018]


def test_the_clouds_own_address_gives_nothing_to_other_sites(client: Any) -> None:
    address = client.cloud.proxy_url
    host = address.removeprefix("http://")
    page = client.cloud.browser_url("https://microsoft.com/devicelogin").removeprefix(address)
    # a name that somebody leads to 127.0.0.1
    for name in ("evil.example", f"evil.example:{host.rpartition(':')[2]}", "127.0.0.1", ""):
        answer = talk(
            client.cloud, f"GET {page} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
        )
        assert answer.startswith(b"HTTP/1.1 400 "), name
        assert b"<form" not in answer
    for origin in ("https://evil.example", "null", f"https://{host}"):
        for path in (page, "/az/account/get-access-token"):
            refused = requests.post(f"{address}{path}", headers={"Origin": origin}, timeout=20)
            assert (refused.status_code, refused.content) == (403, b"")
    own = requests.post(f"{address}{page}", headers={"Origin": address}, timeout=20)
    assert own.status_code == 200
    assert "frame-ancestors 'none'" in own.headers["Content-Security-Policy"]


def test_the_clouds_own_address_leads_to_sign_in_pages_only(client: Any) -> None:
    tenant = client.cloud.accounts.tenant_id
    for url in (
        f"{LOGIN}/{tenant}/oauth2/v2.0/token", f"{LOGIN}/{tenant}/oauth2/v2.0/devicecode",
        f"{client.vault_url}/devicelogin", f"{client.vault_url}/certificates", "https://example.com/devicelogin",
        f"{LOGIN}/{tenant}/oauth2/v2.0/authorize/../token", "nonsense", "", "https://[::1/devicelogin"[:8],
    ):  # fmt: skip
        for method in ("GET", "POST"):
            answer = requests.request(method, client.cloud.browser_url(url), data=client.form(), timeout=20)
            assert (answer.status_code, "access_token" in answer.text) == (404, False), url


def test_too_much_is_refused_before_it_is_read(client: Any) -> None:
    host = client.cloud.proxy_url.removeprefix("http://")
    head = f"POST /az/account/show HTTP/1.1\r\nHost: {host}\r\nContent-Length: 65537\r\n\r\n"
    assert talk(client.cloud, head.encode(), end=False).startswith(b"HTTP/1.1 413 ")
    many = f"GET / HTTP/1.1\r\nHost: {host}\r\n" + "".join(f"X-{n}: {'y' * 100}\r\n" for n in range(2000))
    assert talk(client.cloud, many.encode() + b"\r\n").startswith(b"HTTP/1.1 431 ")


def test_clients_that_dawdle_hold_nobody_up(client: Any) -> None:
    host = client.cloud.proxy_url.removeprefix("http://")
    head = f"POST /az/account/show HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n".encode()
    slow: list[socket.socket] = []
    try:
        for sent in (b"", b"P", head[:20], head, head + b"12345") * 8:
            connection = connect(client.cloud)
            connection.sendall(sent)
            slow.append(connection)
        began = time.monotonic()
        assert client.ask_token().status_code == 200
        assert time.monotonic() - began < 15
    finally:
        for connection in slow:
            connection.close()


def test_a_delay_is_each_callers_own() -> None:
    """Twenty at once take as long as one."""
    from tests.practice.conftest import Client

    with PracticeCloud(delay=0.5) as cloud:
        own = Client(cloud)
        began = time.monotonic()
        assert own.ask_token().status_code == 200
        assert time.monotonic() - began >= 0.5

        def call(_: int) -> float:
            one = Client(cloud)  # a connection of its own
            started = time.monotonic()
            assert one.vault("/certificates", token="").status_code == 401
            return time.monotonic() - started

        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            assert min(pool.map(call, range(20))) >= 0.5
        assert time.monotonic() - began < 20 * 0.5  # one after the other they would take that at least
