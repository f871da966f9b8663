"""A typed client of Apple's notary API, version 2 (developer.apple.com, *Notary API*).

Every refusal is raised as ``CodesignError`` with the finding that explains it. Whatever Apple sends is
checked for its form; what has another is told as such, not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.api_key import ApiKey
from codesign_wizard.core.apple.api_token import TokenSource
from codesign_wizard.core.apple.notary_explain import KnownKey, evidence_of, refusal
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, FindingKind, Remedy, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network
from codesign_wizard.core.network_answer import Answer
from codesign_wizard.core.redact import Secret, remember
from codesign_wizard.core.text import tr

BASE = "https://appstoreconnect.apple.com/notary/v2"
IN_PROGRESS, ACCEPTED, INVALID, REJECTED = "In Progress", "Accepted", "Invalid", "Rejected"
_PART = "notary"
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_MAXIMUM_LOG = 64 << 20
_FRESH = 60.0  # seconds in which a token cannot have gone bad by itself


@dataclass(frozen=True)
class Submission:
    """A submission as Apple lists it; ``created`` in UTC, as far as Apple tells it."""

    id: str
    name: str
    status: str
    created: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether Apple has come to a result."""
        return self.status != IN_PROGRESS


@dataclass(frozen=True)
class UploadAccess:
    """Where the file goes, and the temporary access to it: an Amazon S3 object and STS credentials."""

    bucket: str
    object: str
    access_key: Secret
    secret_key: Secret
    session_token: Secret


@dataclass(frozen=True)
class LogIssue:
    """One issue of a log, in Apple's words; ``path`` begins with the name of the file submitted."""

    severity: str
    message: str
    path: str = ""
    architecture: str = ""
    code: str = ""
    url: str = ""


@dataclass(frozen=True)
class NotaryLog:
    """Apple's log of a submission; ``document`` is all of it, as it came."""

    id: str
    status: str
    summary: str
    code: int | None
    name: str
    sha256: str
    issues: list[LogIssue] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Any) -> NotaryLog:
        """Return the log in *document*; raises ``ValueError`` when it is none."""
        if not isinstance(document, dict) or not ("status" in document or "jobId" in document):
            raise ValueError("not a log")
        issues = document.get("issues") or []
        if not isinstance(issues, list):
            raise ValueError("not a log")
        code = document.get("statusCode")
        return cls(
            id=_string(document, "jobId"),
            status=_string(document, "status"),
            summary=_string(document, "statusSummary"),
            code=code if isinstance(code, int) else None,
            name=_string(document, "archiveFilename"),
            sha256=_string(document, "sha256"),
            issues=[_issue(each) for each in issues if isinstance(each, dict)],
            document=document,
        )


class NotaryApi:
    """The notary service, asked with one API key over one network."""

    def __init__(self, network: Network, key: ApiKey, known: KnownKey | None = None) -> None:
        """*known* is what else is known of the key. Raises ``InputError`` for a key that cannot be read."""
        self.network = network
        self.key = key
        self._known = known
        self._tokens = TokenSource(key)

    def test(self, job: JobContext) -> None:
        """Make the call that ``notarytool`` checks credentials with; raises ``CodesignError``."""
        answer = self._ask(job, "GET", f"{BASE}/test")
        if answer.status == 404:
            # not documented; listing submissions is, and as harmless
            self.submissions(job)
            return
        self._require(answer)

    def submissions(self, job: JobContext) -> list[Submission]:
        """Return the team's latest submissions (Apple gives at most 100), the newest first."""
        answer = self._ask(job, "GET", f"{BASE}/submissions")
        self._require(answer)
        data = self._member(answer, "data", list)
        return [self._submission(answer, each) for each in data]

    def create(self, job: JobContext, name: str, sha256: str) -> tuple[str, UploadAccess]:
        """Announce a file by name and SHA-256 (hexadecimal); return the submission's id and where to upload.

        This is asked once: an answer that is lost leaves an empty submission, which Apple never judges.
        """
        body = {"submissionName": name, "sha256": sha256, "notifications": []}
        answer = self._ask(job, "POST", f"{BASE}/submissions", json=body)
        self._require(answer)
        data = self._member(answer, "data", dict)
        attributes = data.get("attributes")
        values = attributes if isinstance(attributes, dict) else {}
        names = ("awsAccessKeyId", "awsSecretAccessKey", "awsSessionToken", "bucket", "object")
        told = [_string(values, each) for each in names]
        if not all(told) or not _ID.fullmatch(_string(data, "id")):
            raise self._unexpected(answer, tr("it does not say where the file goes"))
        access = UploadAccess(told[3], told[4], Secret(told[0]), Secret(told[1]), Secret(told[2]))
        return _string(data, "id"), access

    def status(self, job: JobContext, submission_id: str) -> Submission:
        """Return the submission as it stands; raises ``CodesignError``, also for one that is not known."""
        answer = self._ask(job, "GET", f"{BASE}/submissions/{self._quoted(submission_id)}")
        mend = tr("Compare the id; notary history lists what the team submitted.")
        self._require_known(answer, found.SUBMISSION_UNKNOWN, submission_id, mend)
        return self._submission(answer, self._member(answer, "data", dict))

    def log(self, job: JobContext, submission_id: str) -> NotaryLog:
        """Return Apple's log; raises ``CodesignError``, also when there is none yet."""
        answer = self._ask(job, "GET", f"{BASE}/submissions/{self._quoted(submission_id)}/logs")
        mend = tr("Ask for the status; the log is there once Apple has finished.")
        self._require_known(answer, found.LOG_NOT_READY, submission_id, mend)
        data = self._member(answer, "data", dict)
        attributes = data.get("attributes")
        address = _string(attributes, "developerLogUrl") if isinstance(attributes, dict) else ""
        if urlsplit(address).scheme != "https":
            raise self._unexpected(answer, tr("it does not say where the log is"))
        _hide(address)
        # the address carries its own access; our token is none of its business
        log = self.network.request(job, "GET", address, part=_PART, max_body=_MAXIMUM_LOG)
        if log.status != 200:
            raise self._unexpected(log, tr("the log cannot be fetched"))
        try:
            return NotaryLog.from_json(log.json())
        except ValueError as error:
            raise self._unexpected(log, tr("what is called the log is none")) from error

    # the wire

    def _ask(self, job: JobContext, method: str, url: str, *, json: object | None = None) -> Answer:
        answer = self._once(job, method, url, json)
        if answer.status == 401 and self._tokens.age > _FRESH:
            # a computer that slept, or a clock that was set, leaves a token that is too old
            job.log(LogLevel.INFO, tr("Making a new token"), part=_PART)
            self._tokens.forget()
            answer = self._once(job, method, url, json)
        return answer

    def _once(self, job: JobContext, method: str, url: str, json: object | None) -> Answer:
        headers = {"Authorization": f"Bearer {self._tokens.token()}", "Accept": "application/json"}
        return self.network.request(job, method, url, headers=headers, json=json, part=_PART)

    def _require(self, answer: Answer) -> None:
        if not 200 <= answer.status < 300:
            raise CodesignError(refusal(answer, self.key, self._known))

    def _require_known(self, answer: Answer, missing: FindingKind, submission_id: str, mend: str) -> None:
        """Raise for 404 that what was asked for is *missing*, and for other refusals what they mean."""
        if answer.status == 404:
            evidence = evidence_of(answer)
            raise CodesignError(missing(id=submission_id, evidence=evidence, remedies=[Remedy(title=mend)]))
        self._require(answer)

    def _member(self, answer: Answer, name: str, kind: type[Any]) -> Any:
        try:
            value = answer.json()[name]
        except (ValueError, LookupError, TypeError) as error:
            raise self._unexpected(answer, tr("it is not what the service's documentation says")) from error
        if not isinstance(value, kind):
            raise self._unexpected(answer, tr("it is not what the service's documentation says"))
        return value

    def _submission(self, answer: Answer, data: object) -> Submission:
        attributes = data.get("attributes") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(attributes, dict) or not _string(data, "id"):
            raise self._unexpected(answer, tr("it holds no submission"))
        return Submission(
            _string(data, "id"),
            _string(attributes, "name"),
            _string(attributes, "status"),
            _time(_string(attributes, "createdDate")),
        )

    def _quoted(self, submission_id: str) -> str:
        if not _ID.fullmatch(submission_id):
            raise CodesignError(
                found.SUBMISSION_UNKNOWN(
                    id=submission_id[:80],
                    evidence=Evidence(time=utc_now()),
                    remedies=[Remedy(title=tr("An id is letters, digits and hyphens, as submit prints it."))],
                )
            )
        return submission_id

    def _unexpected(self, answer: Answer, why: str) -> CodesignError:
        kind = answer.headers.get("content-type", "")
        words = answer.body[:300].decode("utf-8", "replace") if "html" in kind else ""
        evidence = Evidence(
            status=answer.status,
            message=words or None,
            request_id=answer.request_id or None,
            time=answer.time or utc_now(),
            more={"content-type": kind} if kind else {},
        )
        return CodesignError(
            found.UNEXPECTED(
                why=why,
                evidence=evidence,
                remedies=[
                    Remedy(title=tr("Look whether a proxy answers in Apple's place; else try again later."))
                ],
            )
        )


def _hide(address: str) -> None:
    """Let nothing show the temporary address, nor the access it carries."""
    parts = urlsplit(address)
    remember(address)
    if parts.query:
        remember(parts.query)
        remember(f"{parts.path}?{parts.query}")
    for _, value in parse_qsl(parts.query):
        if len(value) >= 16:
            remember(value)


def _issue(document: dict[str, Any]) -> LogIssue:
    return LogIssue(
        severity=_string(document, "severity") or "error",
        message=_string(document, "message"),
        path=_string(document, "path"),
        architecture=_string(document, "architecture"),
        code=str(document["code"]) if isinstance(document.get("code"), int | str) else "",
        url=_string(document, "docUrl"),
    )


def _string(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _time(text: str) -> datetime | None:
    try:
        found_ = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found_ if found_.tzinfo is not None else None
