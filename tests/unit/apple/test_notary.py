"""Notarising from beginning to end, against a stand-in: refusals told apart, interruptions continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.apple import notary, notary_submit, notary_upload, upload_access
from codesign_wizard.core.apple.api_key import ApiKey
from codesign_wizard.core.apple.notary_api import LogIssue, NotaryApi, UploadAccess
from codesign_wizard.core.apple.notary_desk import Desk
from codesign_wizard.core.apple.notary_explain import KnownKey
from codesign_wizard.core.apple.notary_issues import KINDS, Place, Predicted, explain, kind_of, same_place
from codesign_wizard.core.apple.submissions import State, SubmissionStore
from codesign_wizard.core.errors import Cancelled, CodesignError, InputError
from codesign_wizard.core.finding import Certainty
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret, redact
from codesign_wizard.core.secrets import MemoryStore
from tests.support import apple_pki, apple_stand_in
from tests.support.apple_stand_in import ISSUER, KEY_ID, SECRET, TOKEN, StandIn, StandInNetwork, error
from tests.support.canary import leaks

PART = 64 << 10


class Quick(Job):
    """A job whose pauses take no time; ``stop_at`` cancels at the pause of that number."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__(on_log=lambda line: self.lines.append(line.text))
        self.lines: list[str] = []
        self.pauses = 0
        self.stop_at = stop_at

    def wait(self, seconds: float) -> None:
        self.pauses += 1
        if self.pauses == self.stop_at:
            raise Cancelled
        self.check_cancelled()


def desk(
    stand_in: StandIn, folder: Path, secrets: MemoryStore | None = None, known: KnownKey | None = None
) -> Desk:
    api = NotaryApi(StandInNetwork(stand_in), apple_stand_in.key(), known)
    return Desk(
        api, SubmissionStore(folder / "submissions"), secrets or MemoryStore(), "profile", apple_pki.roots()
    )


def zipped(folder: Path, size: int = 1000) -> Path:
    path = folder / "some.zip"
    path.write_bytes(bytes(range(256)) * (size // 256 + 1))
    return path


Refusal = tuple[int, bytes, dict[str, str]]
# far enough off, however long the tests before take
LATE = format_datetime(datetime.now(UTC) + timedelta(hours=7), usegmt=True)
NOW = format_datetime(datetime.now(UTC), usegmt=True)
PLAIN = (401, b"Unauthenticated", {"Content-Type": "text/plain", "Date": NOW})


@pytest.mark.parametrize(
    ("refusal", "known", "expected"),
    [
        (PLAIN, KnownKey(), "apple.api-key.not-authorized"),
        (
            error(401, "NOT_AUTHORIZED", "Provide a properly configured token."),
            KnownKey(),
            "apple.api-key.not-authorized",
        ),
        (PLAIN, KnownKey(named=KEY_ID), "apple.api-key.issuer-refused"),
        (PLAIN, KnownKey(named="ABCDEFGHIJ"), "apple.api-key.not-authorized"),
        (PLAIN, KnownKey(accepted="2026-11-01T00:00:00Z"), "apple.api-key.revoked"),
        ((401, b"Unauthenticated", {"Date": LATE}), KnownKey(), "network.clock-wrong"),
        (
            error(
                403,
                "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
                "A required agreement is missing or has expired.",
            ),
            KnownKey(),
            "apple.notary.agreement-missing",
        ),
        (
            error(403, "FORBIDDEN_ERROR", "The API key in use does not allow this request"),
            KnownKey(),
            "apple.notary.role-too-low",
        ),
        (
            error(403, "FORBIDDEN", "Your membership has expired."),
            KnownKey(),
            "apple.notary.membership-expired",
        ),
        (
            (403, b"Invalid or inaccessible developer team ID", {}),
            KnownKey(),
            "apple.notary.team-inaccessible",
        ),
        ((403, b"no", {}), KnownKey(), "apple.notary.forbidden"),
        (error(429, "RATE_LIMIT_EXCEEDED", "too many"), KnownKey(), "apple.notary.throttled"),
        ((503, b"<html>", {"Content-Type": "text/html"}), KnownKey(), "apple.notary.service-down"),
        (error(422, "ENTITY_ERROR", "sha256 is wrong"), KnownKey(), "apple.notary.request-refused"),
    ],
)
def test_every_refusal_is_told_apart(
    refusal: Refusal, known: KnownKey, expected: str, tmp_path: Path
) -> None:
    stand_in = StandIn()
    if refusal[2].get("Date") == NOW:  # the time when this file was read, minutes ago in a long run
        now = format_datetime(datetime.now(UTC), usegmt=True)
        refusal = (refusal[0], refusal[1], {**refusal[2], "Date": now})
    stand_in.refuse = lambda method, path: refusal
    with pytest.raises(CodesignError) as caught:
        desk(stand_in, tmp_path, known=known).api.test(Quick())
    finding = caught.value.finding
    assert finding.id == expected
    assert finding.remedies
    assert finding.evidence.status == refusal[0]


def test_the_check_accepts_the_right_key_and_no_other(tmp_path: Path) -> None:
    stand_in = StandIn()
    desk(stand_in, tmp_path).api.test(Quick())
    for key in (
        ApiKey("ABCDEFGHIJ", ISSUER, Secret(apple_stand_in.pem())),
        ApiKey(KEY_ID, ISSUER.replace("5", "6"), Secret(apple_stand_in.pem())),
    ):
        with pytest.raises(CodesignError) as caught:
            NotaryApi(StandInNetwork(stand_in), key).test(Quick())
        assert caught.value.finding.id == "apple.api-key.not-authorized"


def test_without_the_undocumented_call_the_check_lists(tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.refuse = lambda method, path: (404, b"", {}) if path.endswith("/test") else None
    desk(stand_in, tmp_path).api.test(Quick())
    assert stand_in.asked[-1] == "GET /notary/v2/submissions"


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"data": 1}', b'{"data": {"id": "x"}}', b"[" * 90_000, b"<html>"]
)
def test_an_answer_of_another_form_is_told_as_such(answer: bytes, tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.refuse = lambda method, path: (200, answer, {"Content-Type": "text/html"})
    api = desk(stand_in, tmp_path).api
    calls: list[Callable[[], Any]] = [
        lambda: api.submissions(Quick()),
        lambda: api.create(Quick(), "a", "b"),
        lambda: api.status(Quick(), "id"),
        lambda: api.log(Quick(), "id"),
    ]
    for call in calls:
        with pytest.raises(CodesignError) as caught:
            call()
        assert caught.value.finding.id == "apple.notary.unexpected-answer"


def test_ids_that_are_none_are_not_asked_for(tmp_path: Path) -> None:
    stand_in = StandIn()
    with pytest.raises(CodesignError) as caught:
        notary.status(Quick(), desk(stand_in, tmp_path), "../../x")
    assert caught.value.finding.id == "apple.notary.submission-unknown"
    assert not stand_in.asked
    with pytest.raises(CodesignError) as caught:
        notary.status(Quick(), desk(stand_in, tmp_path), "2efe2717-52ef-43a5-96dc-0797e4ca1041")
    assert caught.value.finding.id == "apple.notary.submission-unknown"
    with pytest.raises(CodesignError) as caught:
        notary.fetch_log(Quick(), desk(stand_in, tmp_path), "2efe2717-52ef-43a5-96dc-0797e4ca1041")
    assert caught.value.finding.id == "apple.notary.log-not-ready"


def test_accepted_from_beginning_to_end_and_no_secret_is_left_anywhere(tmp_path: Path) -> None:
    stand_in, secrets, job = StandIn(), MemoryStore(), Quick()
    stand_in.statuses = ["In Progress", "In Progress", "Accepted"]
    at, path = desk(stand_in, tmp_path, secrets), zipped(tmp_path)
    brought = notary_submit.submit(job, at, path, look_first=False)
    assert brought.record.state is State.PROCESSING
    outcome = notary.wait(job, at, brought.record)
    assert outcome.accepted
    assert [each.id for each in outcome.findings] == ["apple.notary.accepted"]
    assert outcome.log_file is not None
    assert json.loads(outcome.log_file.read_text())["status"] == "Accepted"
    # the access to the storage is of no use any more
    assert upload_access.recall(secrets, "profile", brought.record.id) is None
    for secret in (SECRET, TOKEN, "f" * 64, apple_stand_in.pem()[30:80]):
        assert leaks(secret, tmp_path / "submissions", "\n".join(job.lines)) == []
    # the same bytes again: nothing is sent
    before = len(stand_in.asked)
    again = notary_submit.submit(job, at, path, look_first=False)
    assert again.record.id == brought.record.id
    assert [each.id for each in again.findings] == ["apple.notary.already-submitted"]
    assert len(stand_in.asked) == before
    anew = notary_submit.submit(job, at, path, look_first=False, anew=True)
    assert anew.record.id != brought.record.id
    assert redact(f"x {SECRET}") == "x ••••••"


def test_the_bytes_of_an_open_submission_are_not_submitted_again(tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.statuses = ["In Progress"]
    at, path = desk(stand_in, tmp_path), zipped(tmp_path)
    first = notary_submit.submit(Quick(), at, path, look_first=False)
    with pytest.raises(Cancelled):
        notary.wait(Quick(stop_at=3), at, first.record)
    waiting = notary.wait(Quick(), at, first.record, patience=0.0)
    assert [each.id for each in waiting.findings] == ["apple.notary.in-progress"]
    second = notary_submit.submit(Quick(), desk(stand_in, tmp_path), path, look_first=False)
    assert second.record.id == first.record.id
    assert len(stand_in.submissions) == 1
    stand_in.statuses = ["Accepted"]
    assert notary.wait(Quick(), at, second.record).accepted


def test_an_interrupted_upload_goes_on_with_the_same_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notary_upload, "SINGLE", PART)
    monkeypatch.setattr(notary_upload, "part_size", lambda size: PART)
    stand_in, secrets = StandIn(), MemoryStore()
    path = zipped(tmp_path, 6 * PART)
    size, job = path.stat().st_size, Quick()

    def stop(operation: str, sent: int) -> bool:
        if operation == "part" and stand_in.received >= 3 * PART:
            job.cancel()
        return False

    stand_in.cut = stop
    with pytest.raises(Cancelled):
        notary_submit.submit(job, desk(stand_in, tmp_path, secrets), path, look_first=False)
    stand_in.cut = lambda operation, sent: False
    record = desk(stand_in, tmp_path).submissions.all()[0]
    assert record.state is State.UPLOADING
    assert record.upload is not None
    assert len(record.upload.parts) == 3
    outcome = notary_submit.submit(Quick(), desk(stand_in, tmp_path, secrets), path, look_first=False)
    assert outcome.record.id == record.id
    assert "apple.notary.upload-resumed" in [each.id for each in outcome.findings]
    assert (stand_in.received, stand_in.twice, len(stand_in.submissions)) == (size, [], 1)


@pytest.mark.parametrize("why", ["not kept", "ended", "gone"])
def test_an_upload_that_cannot_go_on_becomes_a_new_submission(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notary_upload, "SINGLE", PART)
    monkeypatch.setattr(notary_upload, "part_size", lambda size: PART)
    stand_in, secrets, path = StandIn(), MemoryStore(), zipped(tmp_path, 3 * PART)
    job = Quick()
    stand_in.cut = lambda operation, sent: (
        operation == "part" and stand_in.received > 0 and (job.cancel() or False)
    )
    with pytest.raises(Cancelled):
        notary_submit.submit(job, desk(stand_in, tmp_path, secrets), path, look_first=False)
    stand_in.cut = lambda operation, sent: False
    first = desk(stand_in, tmp_path).submissions.all()[0]
    if why == "not kept":
        secrets = MemoryStore()
    elif why == "gone":
        stand_in.uploads.clear()
    else:
        original = stand_in._storage

        def ended(request: Any, where: str, query: dict[str, str]) -> Any:
            stand_in.access_ended = where.endswith(first.id)
            return original(request, where, query)

        monkeypatch.setattr(stand_in, "_storage", ended)
    outcome = notary_submit.submit(Quick(), desk(stand_in, tmp_path, secrets), path, look_first=False)
    assert outcome.record.id != first.id
    assert [each.id for each in outcome.findings] == ["apple.notary.upload-lost"]
    kept = desk(stand_in, tmp_path).submissions.get(first.id)
    assert kept is not None
    assert kept.state is State.ABANDONED


def test_two_runs_do_not_submit_the_same_bytes_at_once(tmp_path: Path) -> None:
    stand_in, path = StandIn(), zipped(tmp_path)
    at = desk(stand_in, tmp_path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with at.submissions.lock(sha256, path.name), pytest.raises(InputError) as caught:
        notary_submit.submit(Quick(), at, path, look_first=False)
    assert caught.value.finding.id == "apple.notary.busy"
    assert notary_submit.submit(Quick(), at, path, look_first=False).record.id


def test_a_session_token_longer_than_windows_takes_is_kept_in_pieces() -> None:
    store = MemoryStore()
    access = UploadAccess("b", "o", Secret("key-" * 5), Secret("secret-" * 6), Secret("t" * 3000))
    assert upload_access.keep(store, "p", "id", access)
    assert upload_access.recall(store, "p", "id") == access
    assert upload_access.recall(store, "p", "other") is None
    assert upload_access.keep(store, "p", "id2", UploadAccess("b", "o", *[Secret("short")] * 3))
    assert upload_access.recall(store, "p", "id2") is not None
    upload_access.forget(store, "p")
    assert upload_access.recall(store, "p", "id2") is None
    assert not upload_access.keep(store, "p", "id", UploadAccess("b", "o", *[Secret("x" * 3000)] * 3))


LOG = {
    "jobId": "j",
    "status": "Invalid",
    "statusSummary": "Archive contains critical validation errors",
    "statusCode": 4000,
    "archiveFilename": "some.zip",
    "sha256": "",
    "issues": [
        {
            "severity": "error",
            "code": None,
            "path": f"some.zip/A.app/Contents/MacOS/{name}",
            "message": message,
            "docUrl": None,
            "architecture": "arm64",
        }
        for name in ("one", "two", "three")
        for message in ("The binary is not signed.", "The signature does not include a secure timestamp.")
    ]
    + [
        {
            "severity": "warning",
            "code": 7,
            "path": "some.zip/x",
            "message": "Something new.",
            "docUrl": "https://developer.apple.com/x",
            "architecture": None,
        }
    ],
}


def test_an_invalid_submission_is_explained_issue_by_issue(tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.statuses, stand_in.log = ["Invalid"], LOG
    at = desk(stand_in, tmp_path)
    brought = notary_submit.submit(Quick(), at, zipped(tmp_path), look_first=False)
    outcome = notary.wait(Quick(), at, brought.record)
    assert [each.id for each in outcome.findings] == [
        "apple.notary.invalid",
        "apple.notary.issue-unsigned",
        "apple.notary.issue-timestamp",
        "apple.notary.issue-other",
    ]
    unsigned = outcome.findings[1]
    assert unsigned.evidence.message == "The binary is not signed."
    assert next(iter(unsigned.evidence.more.values())) == "some.zip/A.app/Contents/MacOS/one (arm64)"
    assert "2 more" in unsigned.title
    assert unsigned.remedies[0].title
    assert outcome.findings[3].severity == "warning"
    # it may be submitted again: nothing of it is open
    assert (
        notary_submit.submit(Quick(), at, zipped(tmp_path), look_first=False).record.id != brought.record.id
    )


def test_a_team_that_is_not_set_up_is_sent_to_apples_support(tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.statuses = ["Rejected"]
    stand_in.log = {
        "status": "Rejected",
        "statusSummary": "Team is not yet configured for notarization",
        "statusCode": 7000,
        "issues": None,
    }
    at = desk(stand_in, tmp_path)
    outcome = notary.wait(
        Quick(), at, notary_submit.submit(Quick(), at, zipped(tmp_path), look_first=False).record
    )
    assert [each.id for each in outcome.findings] == ["apple.notary.team-not-configured"]


def test_what_was_submitted_elsewhere_is_explained_too(tmp_path: Path) -> None:
    stand_in = StandIn()
    elsewhere = desk(stand_in, tmp_path / "elsewhere")
    number = notary_submit.submit(Quick(), elsewhere, zipped(tmp_path), look_first=False).record.id
    outcome = notary.status(Quick(), desk(stand_in, tmp_path), number)
    assert outcome.accepted
    rows = notary.history(Quick(), desk(stand_in, tmp_path))
    assert [(row[0].id if row[0] else "", row[1] is not None) for row in rows] == [(number, True)]


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("The binary is not signed.", "unsigned"),
        ("The binary is not signed with a valid Developer ID certificate.", "certificate"),
        ("The signature does not include a secure timestamp.", "timestamp"),
        ("The executable does not have the hardened runtime enabled.", "hardened-runtime"),
        ("The executable requests the com.apple.security.get-task-allow entitlement.", "get-task-allow"),
        ("The signature of the binary is invalid.", "signature"),
        ("The binary uses an SDK older than the 10.9 SDK.", "sdk"),
        ("The contents of the package at x.pkg could not be extracted.", "archive"),
    ],
)
def test_apples_sentences_are_known(sentence: str, name: str) -> None:
    kind = kind_of(sentence)
    assert kind is not None
    assert kind.name == name
    (finding,) = explain([LogIssue("error", sentence, "a.pkg/b", "arm64")])
    assert finding.id == f"apple.notary.issue-{name}"
    assert finding.remedies[0].title
    assert finding.remedies[0].url
    assert kind.meaning() in finding.detail


def test_what_apple_says_of_a_file_without_a_signature_follows_from_that() -> None:
    plain, other = "a.pkg/b", "a.pkg/c"
    issues = [
        LogIssue("error", "The binary is not signed.", plain, "arm64"),
        LogIssue("error", "The signature does not include a secure timestamp.", plain, "arm64"),
        LogIssue("error", "The executable does not have the hardened runtime enabled.", other, "arm64"),
    ]
    unsigned, stamp, hardened = explain(issues)
    assert "no signature at all" in unsigned.detail
    assert "follows from its not being signed" in stamp.detail
    assert stamp.evidence.message == issues[1].message
    assert "follows" not in hardened.detail  # that file is signed


def test_our_own_look_is_compared_with_apples() -> None:
    issue = LogIssue(
        "error",
        "The binary is not signed.",
        "a.pkg/one.pkg Contents/Payload/Applications/A.app/Contents/MacOS/a",
        "arm64",
    )
    kind = next(each for each in KINDS if each.name == "unsigned")
    same = Predicted(kind, Place("one.pkg/Applications/A.app/Contents/MacOS/a", "arm64"))
    assert "shows the same" in explain([issue], [same])[0].detail
    other = Predicted(
        kind, Place("one.pkg/Applications/A.app/Contents/MacOS/a", "x86_64"), Certainty.COMPUTED
    )
    assert "does not show it" in explain([issue], [other])[0].detail
    assert "Looked at" not in explain([issue], None)[0].detail
    assert same_place(Place("x.zip/A.app/Contents/MacOS/a"), Place("A.app/Contents/MacOS/a"))
    assert not same_place(Place("x.zip/B.app/Contents/MacOS/a"), Place("A.app/Contents/MacOS/b"))


def test_the_look_before_the_upload_is_not_told_as_the_upload(tmp_path: Path) -> None:
    from codesign_wizard.core.apple.sample import build_sample

    package = tmp_path / "sample.pkg"
    build_sample(Quick(), "Practice Backup", package)
    told: list[tuple[int | None, str]] = []
    job = Quick()
    job.on_progress = lambda done, total, text: told.append((total, text))
    outcome = notary_submit.submit(job, desk(StandIn(), tmp_path), package)
    assert outcome.record.id == "", "it is not signed"
    looks = [total for total, text in told if text.startswith("first looking at ")]
    assert looks
    assert set(looks) == {None}, "how far the look is says nothing of the upload"
    assert not [text for _, text in told if text.startswith("Practice Backup")]


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.exe", b"MZ"), ("a.pkg", b""), ("a.app", None), ("tool", b"\xcf\xfa\xed\xfe\x07\x00\x00\x01")],
)
def test_what_apple_does_not_take_is_told_before_anything_is_sent(
    name: str, data: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    stand_in = StandIn()
    with pytest.raises(InputError) as caught:
        notary_submit.submit(Quick(), desk(stand_in, tmp_path), path)
    assert caught.value.finding.id == "apple.notary.wrong-file"
    assert not stand_in.asked
