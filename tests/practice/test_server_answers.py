"""Signing in to a server, whatever it answers, and other people's clients at it."""

from __future__ import annotations

import json
import threading
import time

import pytest

from codesign_wizard.core.errors import Cancelled, CodesignError
from codesign_wizard.core.job import Job
from codesign_wizard.practice.comet.models import HOST
from codesign_wizard.practice.wire.messages import Request, Response
from tests.support.clients import session_at
from tests.support.server_bench import Bench, ids


def test_a_wrong_password_is_tried_once(bench: Bench) -> None:
    with pytest.raises(CodesignError) as raised:
        bench.desk(password="not this one")
    assert raised.value.finding.id == "server.sign-in.refused"
    assert bench.server.attempts == 1


def test_a_one_time_code_is_sent_once_and_the_session_does_the_rest(bench: Bench) -> None:
    bench.server.administrators[0].totp = b"0123456789"
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == "server.sign-in.code-needed"
    code = bench.server.code_now()
    with bench.desk(code=code) as desk:
        desk.apply(Job(), desk.compare(Job(), bench.wanted))
    assert bench.server.attempts == 0
    assert bench.server.open_sessions == 0
    with pytest.raises(CodesignError) as raised:
        bench.desk(code=code)
    assert raised.value.finding.id == "server.sign-in.refused"
    assert bench.server.attempts == 1


def test_an_ended_session_is_told_as_one(bench: Bench) -> None:
    with bench.desk() as desk:
        bench.server._sessions.clear()
        with pytest.raises(CodesignError) as raised:
            desk.look(Job())
    assert raised.value.finding.id == "server.sign-in.session-ended"


def test_a_redirection_is_not_followed(bench: Bench) -> None:
    asked: list[str] = []

    def lead_away(request: Request) -> Response:
        asked.append(request.path)
        return Response(307, b"", [("Location", f"https://{HOST}/elsewhere?x=1")])

    bench.cloud.world.conditions.answers[HOST] = lead_away
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == "server.answer.redirected"
    assert asked == ["/api/v1/admin/account/session-start"]


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (Response(404, b"404 page not found"), "server.answer.not-comet"),
        (Response(200, b"<html>"), "server.answer.not-comet"),
        (Response(200, b'{"Status":200,"Message":"OK"}'), "server.answer.not-comet"),
        (Response(200, b"[" * 100_000), "server.answer.not-comet"),
        (Response(502, b"Bad Gateway"), "server.answer.refused"),
        (Response(200, b'{"Status":500,"Message":"database is locked"}'), "server.answer.refused"),
        (Response(200, b'{"Status":199,"Message":"odd"}'), "server.answer.refused"),
        (Response(401, b""), "server.sign-in.refused"),
    ],
    ids=["no-page", "web-page", "no-key", "nested", "gateway", "own-error", "below-200", "http-401"],
)
def test_other_answers_are_told_as_what_they_are(bench: Bench, answer: Response, finding: str) -> None:
    bench.cloud.world.conditions.answers[HOST] = lambda request: answer
    with pytest.raises(CodesignError) as raised:
        bench.desk()
    assert raised.value.finding.id == finding
    assert raised.value.finding.evidence


def test_versions_and_clocks(bench: Bench) -> None:
    bench.server.version = "22.12.0"
    with bench.desk() as desk:
        comparison = desk.compare(Job(), bench.wanted)
        assert "server.settings.too-old" in ids(comparison.findings)
        assert not comparison.may_apply
    real = bench.server.version_info
    bench.server.version_info = lambda: {**real(), "CurrentTime": 1_000_000_000}  # type: ignore[method-assign]  # a clock of its own
    with bench.desk() as desk:
        assert "server.clock" in ids(desk.look(Job()).findings)


def test_a_build_that_is_cancelled_ends_at_once(bench: Bench) -> None:
    with bench.desk() as desk:
        bench.cloud.world.conditions.holds[HOST] = 20
        job = Job()
        threading.Timer(0.3, job.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            desk.client.build(job, 7, lambda piece: None, first=30)
        assert time.monotonic() - began < 15
        bench.cloud.world.conditions.holds.pop(HOST)


def test_a_build_that_never_begins_ends_by_its_own_time_out(bench: Bench) -> None:
    waited: list[float] = []
    with bench.desk() as desk:
        bench.cloud.world.conditions.holds[HOST] = 20
        with pytest.raises(CodesignError) as raised:
            desk.client.build(Job(), 7, lambda piece: None, first=0.5, waiting=waited.append)
        bench.cloud.world.conditions.holds.pop(HOST)
    assert raised.value.finding.id == "network.timeout"
    assert waited


def test_the_php_sdk_s_requests_are_understood(bench: Bench) -> None:
    """As AsPSR7 of comet-php-sdk 4.46 builds them: form fields, and headers for a multipart body."""
    import requests

    session = session_at(bench.cloud)
    account = bench.server.administrators[0]
    login = {"Username": account.name, "AuthType": "Password", "Password": account.password}

    def call(path: str, **fields: str) -> requests.Response:
        return session.post(f"https://{HOST}/api/v1/admin/{path}", data={**fields, **login}, timeout=60)

    assert call("account/properties").json()["Permissions"]["AllowEditBranding"] is False
    assert call("meta/version").json()["SoftwareBuildRole"] is True
    boundary = "-------------65f0c0ffee"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="upload"; filename="upload"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\nfile\r\n--{boundary}--\r\n"
    )
    headers = {f"X-Comet-Admin-{name}": value for name, value in login.items()}
    headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    told = session.post(
        f"https://{HOST}/api/v1/admin/meta/resource/new", data=body.encode(), headers=headers, timeout=20
    ).json()
    assert bench.server.resources[told["ResourceHash"]] == b"file"
    branding = call("meta/branding-config/get").json()["Branding"]
    branding["PathIcoFile"] = f"resource://{told['ResourceHash']}"
    assert call("meta/branding-config/set", BrandingConfig=json.dumps(branding)).json()["Status"] == 200
    # kept as long as something refers to it
    branding["PathIcoFile"] = ""
    call("meta/branding-config/set", BrandingConfig=json.dumps(branding))
    assert bench.server.resources == {}
    branding["PathIcoFile"] = f"resource://{told['ResourceHash']}"
    refused = call("meta/branding-config/set", BrandingConfig=json.dumps(branding)).json()
    assert refused["Status"] == 404
    days = call("meta/list-available-log-days").json()
    assert "Branding configuration updated" in call("meta/read-logs", Log=str(days[0])).text
    assert set(call("branding/available-platforms").json()) >= {"1", "7", "50"}
    assert call("branding/generate-client/test", Platform="7").json() == {"Status": 200, "Message": "OK"}
    assert call("branding/generate-client/by-platform", Platform="99").json()["Status"] == 400
    assert call("branding/generate-client/by-platform", Platform="7").content[:2] == b"PK"
    assert session.get(f"https://{HOST}/api/v1/admin/meta/version", timeout=60).status_code == 405
