"""The notary's API: tokens really checked, submissions from announcement to log, in Apple's shapes."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from codesign_wizard.practice import client_settings
from codesign_wizard.practice.appstoreconnect.models import ApiKey, new_key_id
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.notary import models
from codesign_wizard.practice.state import private_key_pem
from tests.support.notary import BASE, NotaryClient


def test_a_token_as_documented_is_taken(notary: NotaryClient) -> None:
    for token in (notary.token(), notary.token(iat=None), notary.token(aud=["appstoreconnect-v1"])):
        answer = notary.ask("/test", token=token)
        assert answer.status_code == 200, answer.text


def test_what_nobody_here_made_is_refused_in_plain_text(notary: NotaryClient) -> None:
    other = private_key_pem(ec.generate_private_key(ec.SECP256R1())).decode()
    head, body, signature = notary.token().split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "x"}).encode()).decode().rstrip("=")
    for token in (
        "",
        "nonsense",
        notary.token({"kid": "ABCDEFGHJK"}),
        notary.token(key=other),
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        f"{unsigned}.{body}.",
    ):
        answer = notary.ask("/submissions", token=token)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.text.startswith("Unauthenticated\n\nRequest ID: ")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"aud": "appstoreconnect-v2"},
        {"aud": None},
        {"iss": "57246542-96fe-1a63-e053-0824d011072a"},
        {"iss": None, "sub": "user"},
        {"life": 25 * 60},
        {"iat": 4_000_000_000},
    ],
    ids=str,
)
def test_claims_that_do_not_hold_are_refused(notary: NotaryClient, claims: dict[str, Any]) -> None:
    life = claims.pop("life", None)
    if life is not None:
        claims["exp"] = notary.cloud.world.clock.timestamp() + life
    answer = notary.ask("/test", token=notary.token(**claims))
    assert answer.status_code == 401
    (error,) = answer.json()["errors"]
    assert (error["status"], error["code"]) == ("401", "NOT_AUTHORIZED")


def test_twenty_minutes_by_the_clouds_clock(notary: NotaryClient) -> None:
    token = notary.token(exp=notary.cloud.world.clock.timestamp() + 19 * 60)
    assert notary.ask("/test", token=token).status_code == 200
    notary.cloud.world.clock.offset = timedelta(minutes=20)
    assert notary.ask("/test", token=token).status_code == 401


def test_what_stands_against_a_good_token(notary: NotaryClient) -> None:
    account = notary.cloud.world.account

    def refused() -> tuple[int, str, str]:
        answer = notary.ask("/test")
        (error,) = answer.json()["errors"]
        return answer.status_code, error["code"], error["title"]

    account.key.role = "SALES"
    assert refused()[:2] == (403, "FORBIDDEN_ERROR")
    account.agreement_missing = True
    assert refused() == (
        403,
        "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
        "A required agreement is missing or has expired.",
    )
    account.inaccessible = True
    assert refused()[2] == "Invalid or inaccessible developer team ID"
    account.key.individual = True
    assert notary.ask("/test").text.startswith("Unauthenticated")


def test_a_second_key_of_the_account_works_too(notary: NotaryClient) -> None:
    world = notary.cloud.world
    key = ApiKey(new_key_id(), "ADMIN")
    world.account.keys.append(key)
    pem = private_key_pem(key.private_key(world.state)).decode()
    token = notary.token({"kid": key.key_id}, key=pem)
    assert notary.ask("/test", token=token).status_code == 200
    key.revoked = True
    assert notary.ask("/test", token=token).status_code == 401


def test_the_key_file_is_as_apple_gives_it(cloud: PracticeCloud) -> None:
    described = client_settings.description(cloud)
    assert Path(described["api_key_file"]).name == f"AuthKey_{described['api_key_id']}.p8"
    assert len(described["api_key_id"]) == 10
    text = Path(described["api_key_file"]).read_text()
    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert text == cloud.accounts.api_private_key
    assert cloud.accounts.api_private_key not in repr(cloud.accounts)


@pytest.mark.parametrize(
    "body",
    [
        {"submissionName": "a.zip"},
        {"submissionName": "a.zip", "sha256": "abc"},
        {"submissionName": "", "sha256": "0" * 64},
        {"submissionName": 1, "sha256": "0" * 64},
        [],
    ],
    ids=str,
)
def test_an_announcement_has_to_hold(notary: NotaryClient, body: Any) -> None:
    answer = notary.ask("/submissions", method="POST", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "PARAMETER_ERROR.INVALID"


def test_disk_images_are_not_played_and_that_is_said(notary: NotaryClient) -> None:
    body = {"submissionName": "a.dmg", "sha256": "0" * 64}
    answer = notary.ask("/submissions", method="POST", json=body)
    assert answer.status_code == 501
    assert "practice" in answer.json()["errors"][0]["title"]


def test_unknown_submissions_and_paths(notary: NotaryClient) -> None:
    nobody = "5685647e-0125-4343-a068-1c5786499827"
    for path, detail in (
        (f"/submissions/{nobody}", f"There is no resource of type 'submissions' with id '{nobody}'"),
        (f"/submissions/{nobody}/logs", f"There is no resource of type 'submissionsLog' for id '{nobody}'"),
    ):
        answer = notary.ask(path)
        assert answer.status_code == 404
        (error,) = answer.json()["errors"]
        assert (error["code"], error["detail"]) == ("NOT_FOUND", detail)
    assert notary.ask("/nothing").json()["errors"][0]["code"] == "PATH_ERROR"
    assert notary.ask("/test", method="DELETE").status_code == 405


def test_without_an_upload_it_stays_in_progress_and_has_no_log(notary: NotaryClient) -> None:
    made = notary.announce("a.zip", "0" * 64)
    assert made["type"] == "newSubmissions"
    attributes = made["attributes"]
    assert attributes["bucket"] == "notary-submissions-prod"
    assert attributes["object"].endswith(f":{made['id']}")
    assert attributes["awsAccessKeyId"].startswith("ASIA")
    assert notary.status(made["id"]) == "In Progress"
    assert notary.ask(f"/submissions/{made['id']}/logs").status_code == 404


def test_the_history_ends_with_the_last_hundred(
    notary: NotaryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models.LISTED == 100
    monkeypatch.setattr(models, "LISTED", 3)
    for number in range(5):
        notary.cloud.world.notary.submit(f"{number}.zip", "0" * 64)
        notary.cloud.world.clock.offset += timedelta(milliseconds=1)
    listed = notary.ask("/submissions").json()["data"]
    assert len(listed) == 3
    assert [each["attributes"]["name"] for each in listed[:2]] == ["4.zip", "3.zip"]
    assert set(listed[0]) == {"id", "type", "attributes"}
    assert set(listed[0]["attributes"]) == {"createdDate", "name", "status"}


def test_a_log_is_had_by_a_temporary_address(notary: NotaryClient, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no archive at all")
    submission = notary.submit(tmp_path / "a.zip")
    log = notary.log(submission)
    assert log["jobId"] == submission
    assert (log["status"], log["statusCode"]) == ("Invalid", 4000)
    assert log["sha256"] == hashlib.sha256(b"no archive at all").hexdigest()
    assert [each["message"] for each in log["issues"]] == [
        "The contents of the package at a.zip could not be extracted."
    ]
    answer = notary.ask(f"/submissions/{submission}/logs").json()["data"]
    assert answer["type"] == "submissionsLog"
    url = answer["attributes"]["developerLogUrl"]
    assert url.startswith(
        f"https://notary-artifacts-prod.s3.amazonaws.com/prod/{submission}/developer_log.json?"
    )
    assert notary.session.get(url, timeout=20).status_code == 200
    assert notary.session.get(url.replace("Signature=", "Signature=x"), timeout=20).status_code == 403
    notary.cloud.world.clock.offset = timedelta(hours=2)
    late = notary.session.get(url, timeout=20)
    assert late.status_code == 403
    assert "Request has expired" in late.text


def test_signed_addresses_are_not_told(
    notary: NotaryClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(notary.cloud._server, "on_answer", told.append)
    (tmp_path / "a.zip").write_bytes(b"x")
    notary.judged(tmp_path / "a.zip")
    assert any("developer_log.json?… 200" in line for line in told)
    assert not any("Signature" in line or "token" in line for line in told)


def test_processing_takes_its_time(notary: NotaryClient, tmp_path: Path) -> None:
    notary.cloud.world.notary.processing = 600
    (tmp_path / "a.zip").write_bytes(b"x")
    submission = notary.submit(tmp_path / "a.zip")
    time.sleep(0.3)
    assert notary.status(submission) == "In Progress"
    assert notary.ask(f"/submissions/{submission}/logs").status_code == 404
    notary.cloud.world.clock.offset += timedelta(seconds=601)
    assert notary.log(submission)["status"] == "Invalid"


def test_the_notary_can_be_told_to_take_longer() -> None:
    with PracticeCloud(notary_seconds=600) as cloud:
        assert cloud.world.notary.processing == 600


def test_a_team_that_is_not_configured_is_rejected(notary: NotaryClient, tmp_path: Path) -> None:
    notary.cloud.world.account.configured = False
    (tmp_path / "a.zip").write_bytes(b"x")
    submission = notary.submit(tmp_path / "a.zip")
    log = notary.log(submission)
    assert notary.status(submission) == "Rejected"
    assert (log["statusCode"], log["issues"]) == (7000, None)
    assert log["statusSummary"].startswith("Team is not yet configured for notarization")


def test_another_file_than_was_announced(notary: NotaryClient, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"x")
    log = notary.log(notary.submit(tmp_path / "a.zip", sha256="1" * 64))
    assert log["status"] == "Invalid"
    assert "SHA-256" in log["issues"][0]["message"]


def test_submissions_survive_the_cloud(start: Callable[..., Any], tmp_path: Path) -> None:
    """One that was uploaded and not judged is judged by the next cloud, with the same key and id."""
    state = tmp_path / "state"
    notary = NotaryClient(start(state=state).cloud)
    key = notary.cloud.accounts.api_key_id
    notary.cloud.world.notary.processing = 3600
    # the judge is kept from beginning, as by a kill
    notary.cloud.world.storage.on_object = None
    (tmp_path / "a.zip").write_bytes(b"x")
    submission = notary.submit(tmp_path / "a.zip")
    notary.cloud.stop()
    again = NotaryClient(start(state=state).cloud)
    assert again.cloud.accounts.api_key_id == key
    log = again.log(submission)
    assert log["jobId"] == submission
    assert [each["id"] for each in again.ask("/submissions").json()["data"]] == [submission]


def test_the_service_is_at_its_host_alone(notary: NotaryClient) -> None:
    url = BASE.replace("appstoreconnect.apple.com", "appstoreconnect.apple.com.example")
    with pytest.raises(Exception, match="503"):
        notary.session.get(f"{url}/test", timeout=20)
