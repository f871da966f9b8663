"""People's sign-ins: device codes, the browser, refresh tokens, and the session of ``az``."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests

from codesign_wizard.practice import client_settings
from codesign_wizard.practice.entra import pages
from tests.practice.conftest import AZURE_CLI, MANAGEMENT

LOGIN = "https://login.microsoftonline.com"
SCOPE = f"{MANAGEMENT}/.default openid profile offline_access"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REDIRECT = "http://localhost:8400"
VERIFIER = "practice-verifier-0123456789-0123456789-0123"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

_SDK = """
import html, json, re, sys, threading, webbrowser
import requests
from azure.identity import AzureCliCredential, DeviceCodeCredential, InteractiveBrowserCredential

front, tenant = sys.argv[1:]
management = "https://management.core.windows.net//.default"

def browse(url):
    session = requests.Session()
    session.trust_env = False  # a browser knows nothing of the practice proxy
    page = front + url.removeprefix("https://")
    who = re.search(r'name="who" value="([^"]+)"', session.get(page).text)[1]
    answer = session.post(page, data={"who": who}).text
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', answer)
    address = html.unescape(re.search(r'action="([^"]+)"', answer)[1])
    session.post(address, data={html.unescape(k): html.unescape(v) for k, v in fields})

def open_browser(url, new=0, autoraise=True):
    threading.Thread(target=browse, args=(url,)).start()
    return True

def prompt(address, code, expires):
    session = requests.Session()
    session.trust_env = False
    page = front + address.removeprefix("https://")
    who = re.search(r'name="who" value="([^"]+)"', session.get(page).text)[1]
    assert "You have signed in" in session.post(page, data={"otc": code.lower(), "who": who}).text

webbrowser.open = open_browser
out = []
for credential in (
    DeviceCodeCredential(tenant_id=tenant, prompt_callback=prompt),
    InteractiveBrowserCredential(tenant_id=tenant),
    InteractiveBrowserCredential(),
):
    record = credential.authenticate(scopes=[management])
    out.append([record.username, record.tenant_id])
    # silently, by the refresh token
    out.append(bool(credential.get_token("https://vault.azure.net/.default").token))
out.append(bool(AzureCliCredential(tenant_id=tenant).get_token(management).token))
print(json.dumps(out))
"""


def device_code(client: Any, **changes: str) -> requests.Response:
    return client.session.post(
        f"{LOGIN}/organizations/oauth2/v2.0/devicecode",
        data={"client_id": AZURE_CLI, "scope": SCOPE} | changes,
        timeout=20,
    )


def redeem(client: Any, **form: str) -> requests.Response:
    return client.session.post(
        f"{LOGIN}/organizations/oauth2/v2.0/token",
        data={"client_id": AZURE_CLI, "scope": SCOPE, "client_info": "1"} | form,
        timeout=20,
    )


def poll(client: Any, begun: dict[str, Any]) -> tuple[int, str, int]:
    answer = redeem(client, grant_type=DEVICE_GRANT, device_code=begun["device_code"])
    body = answer.json()
    return answer.status_code, body.get("error", ""), body.get("error_codes", [0])[0]


def query(**changes: str | None) -> str:
    fields = {
        "client_id": AZURE_CLI,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "a state/&",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "nonce": "n",
    } | changes
    return urlencode({name: value for name, value in fields.items() if value is not None})


def page(client: Any, **changes: str | None) -> str:
    """The address at which a browser is shown who can sign in."""
    where = f"{LOGIN}/organizations/oauth2/v2.0/authorize?{query(**changes)}"
    return str(client.cloud.browser_url(where))


def choose(client: Any, who: str | None = None, **changes: str | None) -> dict[str, str]:
    """Choose on the page, and return what the program at the redirect address is told."""
    who = client.cloud.world.administrator.object_id if who is None else who
    answer = requests.post(page(client, **changes), data={"who": who}, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text
    place, _, told = answer.headers["Location"].partition("?")
    assert place == REDIRECT
    return {name: values[0] for name, values in parse_qs(told).items()}


def redeem_code(client: Any, code: str, **changes: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    return redeem(client, **(form | {"code_verifier": VERIFIER} | changes))


def refusal(answer: requests.Response) -> tuple[int, str, int]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_codes"][0]


def test_azure_identity_with_every_default_on(client: Any) -> None:
    """Device code, browser, and the session of az: the vendor's credentials, unmodified."""
    given = client_settings.environment(client.cloud)
    environment = {name: value for name, value in os.environ.items() if name.lower() not in given}
    environment |= given
    environment["PATH"] = f"{client.cloud.az_folder}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", _SDK, f"{client.cloud.proxy_url}/sign-in/", client.cloud.accounts.tenant_id],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = client.cloud.world.administrator.principal_name
    assert json.loads(done.stdout) == [[name, client.cloud.accounts.tenant_id], True] * 3 + [True]


def test_a_device_waits_until_somebody_types_its_code(client: Any) -> None:
    begun = device_code(client).json()
    assert re.fullmatch(r"[A-Z2-9]{9}", begun["user_code"])
    assert begun["user_code"] in begun["message"]
    assert (begun["expires_in"], begun["interval"]) == (900, 5)
    assert poll(client, begun) == (400, "authorization_pending", 70016)
    assert poll(client, begun)[1] == "slow_down"  # at once again
    client.cloud.approve_sign_in(begun["user_code"])
    answer = redeem(client, grant_type=DEVICE_GRANT, device_code=begun["device_code"]).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    world = client.cloud.world
    assert (claims["aud"], claims["oid"]) == (MANAGEMENT, world.administrator.object_id)
    assert (claims["tid"], claims["appid"]) == (world.tenant.tenant_id, AZURE_CLI)
    assert json.loads(base64.urlsafe_b64decode(answer["client_info"] + "==")) == {
        "uid": world.administrator.object_id,
        "utid": world.tenant.tenant_id,
    }
    # a code is good for one sign-in
    assert poll(client, begun) == (400, "bad_verification_code", 70018)
    with pytest.raises(KeyError):
        client.cloud.approve_sign_in(begun["user_code"])


def test_the_token_of_a_device_opens_the_management_plane(client: Any) -> None:
    begun = device_code(client).json()
    client.cloud.approve_sign_in(begun["user_code"])
    token = redeem(client, grant_type="device_code", device_code=begun["device_code"]).json()["access_token"]
    assert client.arm("/subscriptions", token=token, version="2022-12-01").json()["value"]
    assert client.vault("/keys", token=token).status_code == 401  # the audience is another's


def test_a_device_declined_or_too_late(start: Callable[..., Any]) -> None:
    own = start()
    begun = device_code(own).json()
    form = {"otc": begun["user_code"], "who": ""}
    place = own.cloud.browser_url("https://microsoft.com/devicelogin")
    assert "You have not signed in" in requests.post(place, data=form, timeout=20).text
    assert poll(own, begun) == (400, "authorization_declined", 65004)
    begun = device_code(own).json()
    own.cloud.world.clock.offset = timedelta(minutes=16)
    assert poll(own, begun) == (400, "expired_token", 70020)
    with pytest.raises(KeyError):
        own.cloud.approve_sign_in(begun["user_code"])


def test_a_code_that_no_device_shows(client: Any) -> None:
    place = client.cloud.browser_url("https://microsoft.com/devicelogin")
    who = client.cloud.world.administrator.object_id
    for typed in ("NOSUCHCODE", "", "<script>", "\ud800"):
        form = {"otc": typed.encode("utf-8", "surrogatepass"), "who": who}
        answer = requests.post(place, data=form, timeout=20)
        assert (answer.status_code, "That code did not work" in answer.text) == (200, True)
        assert "<script>" not in answer.text
    shown = requests.get(f"{place}?otc=%22%3E%3Cb%3E", timeout=20).text
    assert 'value="&quot;&gt;&lt;b&gt;"' in shown


def test_the_browser_brings_a_code_that_is_good_once(client: Any) -> None:
    told = choose(client)
    assert told["state"] == "a state/&"
    wrong = redeem_code(client, told["code"], code_verifier=VERIFIER[::-1])
    assert refusal(wrong) == (400, "invalid_grant", 501481)
    assert refusal(redeem_code(client, told["code"], code_verifier=""))[2] == 501481
    other = redeem_code(client, told["code"], redirect_uri="http://localhost:8401")
    assert refusal(other) == (400, "invalid_grant", 500112)
    answer = redeem_code(client, told["code"]).json()
    identity = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (identity["aud"], identity["nonce"]) == (AZURE_CLI, "n")
    assert identity["preferred_username"] == client.cloud.world.administrator.principal_name
    assert refusal(redeem_code(client, told["code"])) == (400, "invalid_grant", 54005)
    assert refusal(redeem_code(client, "never-given")) == (400, "invalid_grant", 9002313)


def test_a_refresh_token_is_good_for_another_resource(client: Any) -> None:
    held = redeem_code(client, choose(client)["code"]).json()["refresh_token"]
    scope = "https://vault.azure.net/.default offline_access"
    answer = redeem(client, grant_type="refresh_token", refresh_token=held, scope=scope).json()
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://vault.azure.net"
    assert "id_token" not in answer  # not asked for
    assert answer["refresh_token"]
    wrong = redeem(client, grant_type="refresh_token", refresh_token=held + "x")
    assert refusal(wrong) == (400, "invalid_grant", 9002313)
    two = redeem(client, grant_type="refresh_token", refresh_token=held, scope=f"{SCOPE} {scope}")
    assert refusal(two)[2] == 28000


def test_a_code_too_late(start: Callable[..., Any]) -> None:
    own = start()
    told = choose(own)
    own.cloud.world.clock.offset = timedelta(minutes=11)
    assert refusal(redeem_code(own, told["code"])) == (400, "invalid_grant", 70008)


def test_cancel_and_what_the_program_asked_wrongly_go_back_to_it(client: Any) -> None:
    told = choose(client, "")
    assert (told["error"], told["state"]) == ("access_denied", "a state/&")
    assert told["error_description"].startswith("AADSTS65004: ")
    for changes, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S1"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ):
        assert choose(client, **changes)["error"] == error  # type: ignore[arg-type]  # one value each


@pytest.mark.parametrize(
    "redirect",
    [
        "https://example.com/", "http://example.com/", "http://localhost.example.com/", "localhost:8400",
        "http://localhost@example.com/", "http://user@localhost:8400/", "http://localhost:8400/#x",
        "javascript:alert(1)", "http://localhost:99999/", "http://[::1", "http://localhost:8400/\r\nX-Y: z",
        'http://localhost:8400/"><script>', "",
    ],
)  # fmt: skip
def test_no_code_leaves_this_computer(client: Any, redirect: str) -> None:
    who = client.cloud.world.administrator.object_id
    for method in ("GET", "POST"):
        answer = requests.request(
            method, page(client, redirect_uri=redirect), data={"who": who}, allow_redirects=False, timeout=20
        )
        assert (answer.status_code, "AADSTS" in answer.text) == (400, True)
        assert "Location" not in answer.headers
        assert "X-Y" not in answer.headers
        assert "<script>" not in answer.text


def test_a_form_carries_the_answer_where_it_is_asked_for(client: Any) -> None:
    who = client.cloud.world.administrator.object_id
    where = page(client, response_mode="form_post", redirect_uri="http://127.0.0.1:9/cb?x=1&y=2")
    answer = requests.post(where, data={"who": who}, timeout=20).text
    action = re.search(r'action="([^"]+)"', answer)
    assert action is not None
    assert html.unescape(action[1]) == "http://127.0.0.1:9/cb?x=1&y=2"
    assert re.search(r'name="state" value="a state/&amp;"', answer)
    script = re.search(r"<script>(.*)</script>", answer)
    assert script is not None
    # the page's own rule lets this script run, and no other
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    rule = dict(pages.form_post("http://localhost", {}).headers)["Content-Security-Policy"]
    assert f"script-src 'sha256-{digest}'" in rule
    fragment = requests.post(
        page(client, response_mode="fragment"), data={"who": who}, allow_redirects=False, timeout=20
    )
    assert urlsplit(fragment.headers["Location"]).fragment.startswith("code=")


@pytest.mark.parametrize(
    ("tenant", "client_id", "number"),
    [
        ("0ddba115-0000-4000-8000-000000000001", AZURE_CLI, 90002),
        ("consumers", AZURE_CLI, 50059),
        ("organizations", "nobody", 700038),
        ("organizations", "0ddba115-0000-4000-8000-000000000001", 700016),
        ("organizations", "", 900144),
    ],
)
def test_unknown_tenants_and_clients(client: Any, tenant: str, client_id: str, number: int) -> None:
    form = {"client_id": client_id, "scope": SCOPE}
    answer = client.session.post(f"{LOGIN}/{tenant}/oauth2/v2.0/devicecode", data=form, timeout=20)
    assert answer.json()["error_codes"] == [number]
    where = f"{LOGIN}/{tenant}/oauth2/v2.0/authorize?{query(client_id=client_id)}"
    shown = requests.get(client.cloud.browser_url(where), timeout=20)
    assert (shown.status_code, f"AADSTS{number}: " in shown.text) == (400, True)


def test_an_application_with_a_secret_signs_no_person_in(client: Any) -> None:
    application, secret = client.cloud.accounts.application_id, client.cloud.accounts.application_secret
    answer = device_code(client, client_id=application)
    assert refusal(answer) == (401, "invalid_client", 7000218)
    code = redeem_code(client, "of nobody", client_id=application, client_secret=secret)
    assert refusal(code)[1:] == ("invalid_grant", 9002313)


def test_azure_powershell_is_a_client_as_well(client: Any) -> None:
    powershell = "1950a258-227b-4e31-a9cf-717495945fc2"
    assert "Microsoft Azure PowerShell asks for it." in requests.get(page(client, client_id=powershell)).text
    # it asks for the management plane by its older name, with a slash at the end
    scope = "https://management.core.windows.net//.default openid offline_access"
    begun = device_code(client, client_id=powershell, scope=scope).json()
    client.cloud.approve_sign_in(begun["user_code"])
    form = {"grant_type": DEVICE_GRANT, "device_code": begun["device_code"]}
    assert refusal(redeem(client, **form))[2] == 70018  # another's code
    told = redeem(client, **form, client_id=powershell, scope=scope).json()
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (claims["appid"], claims["aud"]) == (powershell, "https://management.core.windows.net/")
    assert client.arm("/subscriptions", token=told["access_token"], version="2022-12-01").json()["value"]


def test_people_of_one_tenant_only(client: Any) -> None:
    """The other tenant's page shows its own people, and takes nobody else."""
    other = client.cloud.world.other_tenant
    where = client.cloud.browser_url(f"{LOGIN}/{other.tenant_id}/oauth2/v2.0/authorize?{query()}")
    assert other.users[0].principal_name in requests.get(where, timeout=20).text
    mine = client.cloud.world.administrator
    again = requests.post(where, data={"who": mine.object_id}, allow_redirects=False, timeout=20)
    assert (again.status_code, mine.principal_name in again.text) == (200, False)


def test_what_is_under_way_is_bounded(start: Callable[..., Any]) -> None:
    own = start()
    sign_ins = own.cloud.world.sign_ins
    wish = sign_ins.wish("common", {"client_id": AZURE_CLI, "scope": SCOPE}, public=True)
    first = sign_ins.begin_device(wish)
    last = [sign_ins.begin_device(wish) for _ in range(500)][-1]
    with pytest.raises(KeyError):
        sign_ins.waiting(first.user_code)
    assert sign_ins.waiting(f" {last.user_code[:4].lower()}-{last.user_code[4:]} ") is last


def test_discovery_for_every_tenant_names_addresses_that_work(client: Any) -> None:
    document = client.session.get(
        f"{LOGIN}/organizations/v2.0/.well-known/openid-configuration", timeout=20
    ).json()
    assert document["issuer"] == f"{LOGIN}/{{tenantid}}/v2.0"
    form = {"client_id": AZURE_CLI, "scope": SCOPE}
    begun = client.session.post(document["device_authorization_endpoint"], data=form, timeout=20)
    assert begun.status_code == 200


def run_az(client: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = client.cloud.az_folder / ("az.cmd" if os.name == "nt" else "az")
    # a proxy in the environment is not asked for this computer's own cloud
    environment = os.environ | {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_az_shows_its_account_and_refuses_in_its_words(client: Any) -> None:
    shown = json.loads(run_az(client, "account", "show", "-o", "json").stdout)
    world = client.cloud.world
    assert shown["user"] == {"name": world.administrator.principal_name, "type": "user"}
    assert shown["tenantId"] == world.tenant.tenant_id
    token = json.loads(run_az(client, "account", "get-access-token", f"--scope={MANAGEMENT}/.default").stdout)
    assert client.arm("/subscriptions", token=token["accessToken"], version="2022-12-01").status_code == 200
    other = run_az(client, "account", "get-access-token", "--tenant", world.other_tenant.tenant_id)
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr.startswith("ERROR: AADSTS50020: ")
    for wrong in (("keyvault", "list"), (), ("account",), ("account", "show", "--nothing")):
        refused = run_az(client, *wrong)
        assert (refused.returncode, refused.stdout) == (2, "")


def test_az_hands_one_member_on_as_scripts_ask_for_it(client: Any) -> None:
    ask = ("account", "get-access-token", "--resource", MANAGEMENT, "--query", "accessToken", "--output")
    token = run_az(client, *ask, "tsv").stdout.removesuffix("\n")
    assert client.arm("/subscriptions", token=token, version="2022-12-01").status_code == 200
    name = client.cloud.world.authorization.subscription(client.cloud.world.vault.arm_id).name
    found = run_az(client, "account", "show", "--subscription", name, "--query=tenantId", "-o", "json")
    assert json.loads(found.stdout) == client.cloud.world.tenant.tenant_id
    assert run_az(client, "account", "show", "--output", "none").stdout == ""
    missing = run_az(client, "account", "show", "--subscription", "nothing")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "The subscription of 'nothing' doesn't exist" in missing.stderr
    assert run_az(client, "account", "show", "--query", "user.name").returncode == 2


def test_az_after_the_end_of_its_cloud(start: Callable[..., Any]) -> None:
    own = start()
    from codesign_wizard.practice import az_program

    address = own.cloud.proxy_url
    own.cloud.stop()
    done = subprocess.run(
        [sys.executable, "-I", az_program.__file__, address, "account", "show"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ERROR: the practice cloud has ended: ")
