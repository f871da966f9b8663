"""An administrator's sign-in by the real credentials of azure-identity, and what is said when it fails."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.parse
import urllib.request
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from codesign_wizard.core import clouds
from codesign_wizard.core.azure.permissions import admin
from codesign_wizard.core.azure.permissions.admin import AdminSession, AdminWay, DeviceCode, sign_in_admin
from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.job import Job
from tests.support import az
from tests.unit.azure.permissions_admin import vendor
from tests.unit.azure.permissions_admin.vendor import ACCOUNT, TENANT, Call, Reply, VendorNetwork

DEVICE = {
    "user_code": "PRACTICE9",
    "device_code": "device-code-of-the-test",
    "verification_uri": "https://microsoft.com/devicelogin",
    "expires_in": 900,
    "interval": 0,
    "message": "To sign in, use a web browser",
}


def signed_in(
    network: VendorNetwork, way: AdminWay, job: Job | None = None, **more: Callable[..., object]
) -> AdminSession:
    choices = {"show_code": lambda code: None, "open_browser": None, **more}
    return sign_in_admin(job or Job(), network, clouds.PUBLIC, TENANT, way, **choices)  # type: ignore[arg-type]


def refused(network: VendorNetwork, way: AdminWay, **more: Callable[..., object]) -> CodesignError:
    with pytest.raises(CodesignError) as caught:
        signed_in(network, way, **more)
    return caught.value


def device(*polls: Reply) -> Callable[[Call], Reply]:
    """Answer a device code's sign-in; *polls* one after the other, the last for ever."""
    left = list(polls)

    def answer(call: Call) -> Reply:
        before = vendor.configuration(call)
        if before is not None:
            return before
        if call.path.endswith("/devicecode"):
            return Reply(200, DEVICE)
        assert call.path.endswith("/token")
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


PENDING = vendor.refusal(70016, "The authorization is pending.", "authorization_pending")


def test_a_device_code_is_shown_and_waited_for() -> None:
    codes: list[DeviceCode] = []
    network = vendor.network(device(PENDING, PENDING, vendor.tokens()))
    session = signed_in(network, AdminWay.DEVICE_CODE, show_code=codes.append)
    assert [(code.address, code.code) for code in codes] == [(DEVICE["verification_uri"], "PRACTICE9")]
    assert codes[0].expires.tzinfo is not None
    assert (session.account, session.tenant_id) == (ACCOUNT, TENANT)
    assert ACCOUNT in session.finding().title
    calls = len(network.vendor.calls)
    assert session.token().reveal() == session.token(clouds.PUBLIC.management_scope).reveal()
    assert len(network.vendor.calls) == calls
    (begun,) = [call for call in network.vendor.calls if call.path.endswith("/devicecode")]
    assert "https://management.azure.com/.default" in begun.form["scope"]


def test_a_token_for_another_service_needs_nobody() -> None:
    def answer(call: Call) -> Reply:
        if call.path.endswith("/token") and call.form["grant_type"] == "refresh_token":
            assert "graph.microsoft.com" in call.form["scope"]
            return vendor.tokens(audience="https://graph.microsoft.com")
        return device(vendor.tokens())(call)

    network = vendor.network(answer)
    session = signed_in(network, AdminWay.DEVICE_CODE)
    token = session.token(clouds.PUBLIC.graph_scope)
    assert admin.read_claims(token)["aud"] == "https://graph.microsoft.com"


def test_a_session_that_cannot_be_renewed_says_so_and_asks_nobody() -> None:
    def answer(call: Call) -> Reply:
        if call.path.endswith("/token") and call.form["grant_type"] == "refresh_token":
            return vendor.refusal(700082, "The refresh token has expired due to inactivity.")
        return device(vendor.tokens())(call)

    codes: list[DeviceCode] = []
    session = signed_in(vendor.network(answer), AdminWay.DEVICE_CODE, show_code=codes.append)
    with pytest.raises(CodesignError) as caught:
        session.token(clouds.PUBLIC.graph_scope)
    assert caught.value.finding.id == "azure.admin.sign-in-again"
    assert len(codes) == 1


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        (vendor.refusal(53003, "Access has been blocked.", "invalid_grant"), "conditional-access"),
        (vendor.refusal(530035, "Access has been blocked.", "access_denied"), "conditional-access"),
        (vendor.refusal(50076, "You must use multi-factor.", "interaction_required"), "second-factor"),
        (vendor.refusal(50020, "User account does not exist.", "invalid_request"), "account-unknown"),
        (vendor.refusal(65001, "The user has not consented.", "invalid_grant"), "consent"),
        (vendor.refusal(90002, "Tenant not found.", "invalid_request"), "tenant-unknown"),
        (vendor.refusal(70020, "The code has expired.", "expired_token"), "timed-out"),
        (vendor.refusal(70016, "Declined.", "authorization_declined"), "declined"),
        (vendor.refusal(65004, "User declined to consent.", "access_denied"), "declined"),
        (vendor.refusal(90033, "A transient error.", "server_error"), "unavailable"),
        (vendor.refusal(1234567, "Something new.", "invalid_grant"), "sign-in-refused"),
    ],
)
def test_every_refusal_is_told_in_entra_ids_own_words(reply: Reply, finding: str) -> None:
    error = refused(vendor.network(device(reply)), AdminWay.DEVICE_CODE)
    assert error.finding.id == f"azure.admin.{finding}"
    evidence = error.finding.evidence
    assert evidence.code == f"AADSTS{reply.document['error_codes'][0]}"
    assert evidence.message == reply.document["error_description"]
    assert evidence.more["correlation-id"] == reply.document["correlation_id"]
    assert evidence.status == 400


def test_a_token_of_another_tenant_is_refused_before_anything_is_asked_with_it() -> None:
    other = "99999999-5a7b-4c2d-8e6f-1a2b3c4d5e6f"
    error = refused(vendor.network(device(vendor.tokens(tenant=other))), AdminWay.DEVICE_CODE)
    assert error.finding.id == "azure.admin.tenant-other"
    assert other in error.finding.title
    assert TENANT in (error.finding.remedies[0].az or "")


def test_a_dead_network_is_named_as_one() -> None:
    def answer(call: Call) -> Reply:
        import requests

        raise requests.exceptions.ConnectionError(ConnectionRefusedError(111, "Connection refused"))

    error = refused(vendor.network(answer), AdminWay.DEVICE_CODE)
    assert error.finding.id == "network.refused"


def test_cancelling_a_device_code_takes_effect_at_once_and_ends_the_polling() -> None:
    job = Job()
    network = vendor.network(device(PENDING))

    def show(code: DeviceCode) -> None:
        job.cancel()

    began = time.monotonic()
    with pytest.raises(Cancelled):
        signed_in(network, AdminWay.DEVICE_CODE, job, show_code=show)
    assert time.monotonic() - began < 30
    time.sleep(0.1)
    calls = len(network.vendor.calls)
    time.sleep(0.2)
    assert len(network.vendor.calls) == calls


# --- The browser ---


class Browser:
    """A person at the sign-in page: goes where they are sent, and is sent back with an answer."""

    def __init__(self, **answer: str) -> None:
        self.answer = answer
        self.urls: list[str] = []
        self.nonce = ""

    def open(self, url: str) -> bool:
        self.urls.append(url)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.nonce = query["nonce"]
        assert query["code_challenge_method"] == "S256"
        form = urllib.parse.urlencode({"state": query["state"], **self.answer}).encode()

        def post() -> None:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(query["redirect_uri"], form, timeout=60).close()

        threading.Thread(target=post, daemon=True).start()
        return True

    def vendor(self, call: Call) -> Reply:
        before = vendor.configuration(call)
        if before is not None:
            return before
        assert call.form["grant_type"] == "authorization_code"
        assert call.form["code"] == self.answer["code"]
        assert call.form["code_verifier"]
        return vendor.tokens(self.nonce)


def test_the_browser_goes_where_it_is_sent_and_comes_back() -> None:
    person = Browser(code="code-of-the-test")
    session = signed_in(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=person.open)
    assert session.account == ACCOUNT
    assert len(person.urls) == 1
    assert person.urls[0].startswith(f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/authorize?")


def test_what_opens_the_browser_may_use_the_standard_library_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = Browser(code="code-of-the-test")
    system: list[str] = []

    class System(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            system.append(url)
            return True

    signed_in(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=person.open)
    monkeypatch.setattr(webbrowser, "_tryorder", ["codesign-wizard-sign-in", "system-of-the-test"])
    webbrowser.register("system-of-the-test", None, System())

    def through_the_library(url: str) -> bool:
        return webbrowser.open("http://127.0.0.1/mapped") and person.open(url)

    signed_in(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=through_the_library)
    assert system == ["http://127.0.0.1/mapped"]


def test_a_browser_that_cannot_be_opened_is_said_and_no_other_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def system(*_: object) -> bool:
        raise AssertionError("the system's browser was opened")

    person = Browser(code="x")
    signed_in(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=person.open)
    monkeypatch.setattr(webbrowser, "_tryorder", ["codesign-wizard-sign-in", "never-of-the-test"])
    monkeypatch.setattr(webbrowser.GenericBrowser, "open", system)
    webbrowser.register("never-of-the-test", None, webbrowser.GenericBrowser("false"))
    began = time.monotonic()
    network = vendor.network(person.vendor)
    error = refused(network, AdminWay.BROWSER, open_browser=lambda url: False)
    assert error.finding.id == "azure.admin.no-browser"
    assert time.monotonic() - began < 30


def test_a_browser_that_ends_only_with_its_page_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    person, answered = Browser(code="code-of-the-test"), threading.Event()

    class Waiting(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            return person.open(url) and answered.wait(60)

    signed_in(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=person.open)
    monkeypatch.setattr(admin, "_BROWSER_STARTS", 0.05)
    monkeypatch.setattr(webbrowser, "_tryorder", ["codesign-wizard-sign-in", "waiting-of-the-test"])
    webbrowser.register("waiting-of-the-test", None, Waiting())

    def vendors(call: Call) -> Reply:
        reply = person.vendor(call)
        if call.path.endswith("/token"):
            answered.set()
        return reply

    session = signed_in(vendor.network(vendors), AdminWay.BROWSER, open_browser=admin.open_system_browser)
    assert session.account == ACCOUNT
    assert answered.is_set()


def test_a_browser_that_ended_with_the_job_has_not_failed() -> None:
    job = Job()

    def open_browser(url: str) -> bool:
        job.cancel()  # Ctrl-C reaches every program of the terminal
        return False

    with pytest.raises(Cancelled):
        signed_in(vendor.network(Browser().vendor), AdminWay.BROWSER, job, open_browser=open_browser)


def test_a_person_who_says_no_is_understood() -> None:
    person = Browser(
        error="access_denied", error_description="AADSTS65004: User declined to consent to access the app."
    )
    error = refused(vendor.network(person.vendor), AdminWay.BROWSER, open_browser=person.open)
    assert error.finding.id == "azure.admin.declined"
    assert error.finding.evidence.code == "AADSTS65004"


def test_cancelling_the_browsers_sign_in_frees_its_port() -> None:
    job = Job()
    urls: list[str] = []

    def open_browser(url: str) -> bool:
        urls.append(url)
        job.cancel()
        return True

    began = time.monotonic()
    with pytest.raises(Cancelled):
        signed_in(vendor.network(Browser(code="x").vendor), AdminWay.BROWSER, job, open_browser=open_browser)
    assert time.monotonic() - began < 30
    (redirect,) = parse_qs(urlsplit(urls[0]).query)["redirect_uri"]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(redirect, timeout=0.5)
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the sign-in still waits")


# --- az ---

_AZ = """#!{python}
import json, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.stdout.write({out!r})
sys.stderr.write({err!r})
sys.exit({code})
"""


@pytest.fixture
def az_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that puts an ``az`` on the path that prints this."""

    def install(out: str = "", err: str = "", code: int = 0) -> Path:
        calls = tmp_path / "calls"
        program = _AZ.format(python=sys.executable, calls=str(calls), out=out, err=err, code=code)
        monkeypatch.setenv("PATH", str(az.install(tmp_path, program)))
        return calls

    return install


def nobody(call: Call) -> Reply:
    raise AssertionError(f"az speaks to Entra ID, not this program: {call}")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a #! line")
def test_the_session_of_az_is_used_for_the_vaults_tenant(az_session: Callable[..., Path]) -> None:
    token = vendor.tokens().document["access_token"]
    calls = az_session(json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600}))
    session = signed_in(vendor.network(nobody), AdminWay.AZ)
    assert (session.account, session.tenant_id, session.token().reveal()) == (ACCOUNT, TENANT, token)
    (words,) = [json.loads(line) for line in calls.read_text().splitlines()]
    name, options = az.parse(words)
    assert (name, options.tenant) == ("account get-access-token", TENANT)
    assert options.resource == "https://management.azure.com"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a #! line")
@pytest.mark.parametrize(
    ("err", "finding"),
    [
        ("ERROR: Please run 'az login' to setup account.\n", "az-not-signed-in"),
        ("ERROR: AADSTS50020: User account 'x' does not exist in tenant. Trace ID: t\n", "account-unknown"),
        ("ERROR: AADSTS700082: The refresh token has expired due to inactivity.\n", "az-not-signed-in"),
        ("ERROR: AADSTS50076: Due to a configuration change, use multi-factor.\n", "second-factor"),
        ("ERROR: The command failed with an unexpected error.\n", "az-failed"),
    ],
)
def test_what_az_says_is_understood(az_session: Callable[..., Path], err: str, finding: str) -> None:
    az_session("", err, 1)
    found = refused(vendor.network(nobody), AdminWay.AZ).finding
    assert found.id == f"azure.admin.{finding}"
    if finding != "az-not-signed-in" or "AADSTS" in err:
        assert err.strip() in (found.evidence.message or "")
    assert f"az login --tenant '{TENANT}'" in (found.remedies[0].az or "")


def test_no_az_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(vendor.network(nobody), AdminWay.AZ).finding.id == "azure.admin.az-missing"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a #! line")
def test_an_az_that_cannot_run_is_no_fault_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(az.install(tmp_path, "#!/nowhere/at/all\n")))
    found = refused(vendor.network(nobody), AdminWay.AZ).finding
    assert found.id == "azure.admin.az-failed"
    assert "Failed to execute" in (found.evidence.message or "")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a #! line")
def test_what_az_prints_by_mistake_shows_no_token(az_session: Callable[..., Path]) -> None:
    az_session('{"accessToken": "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2ln", "nothing": 1}')
    found = refused(vendor.network(nobody), AdminWay.AZ).finding
    assert found.id == "azure.admin.az-failed"
    assert "eyJ" not in json.dumps(found.to_json())
