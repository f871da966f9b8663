"""The notary service: submissions from the announcement over the upload to log and tickets."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cryptography import x509

from codesign_wizard.core.errors import Cancelled
from codesign_wizard.core.job import Job
from codesign_wizard.practice.notary import issues
from codesign_wizard.practice.notary.issues import Issue
from codesign_wizard.practice.s3 import signature
from codesign_wizard.practice.s3.credentials import Credentials
from codesign_wizard.practice.s3.models import ARTIFACTS, SUBMISSIONS, Storage, Stored
from codesign_wizard.practice.state import State, StateError

if TYPE_CHECKING:
    from codesign_wizard.practice.appstoreconnect.models import Account
    from codesign_wizard.practice.clock import Clock
    from codesign_wizard.practice.notary.code import Judgement
    from codesign_wizard.practice.tickets.models import Tickets

PROCESSING = 1.0  # seconds; Apple usually takes minutes
LISTED = 100
# how long credentials and a log's address work; Apple does not say
UPLOAD_SECONDS = 12 * 3600.0
LOG_SECONDS = 3600
_DOCUMENT = "notary"
_ROLE = "AROAPRACTICE000000000"  # the session name of Apple's role stands before each object's name
IN_PROGRESS = "In Progress"


@dataclass
class Submission:
    """A submission. ``ready`` is when its verdict can be seen (0 before the upload), ``log`` the document."""

    submission_id: str
    name: str
    sha256: str
    created: float
    key: str
    uploaded: float = 0.0
    ready: float = 0.0
    log: dict[str, Any] | None = None
    log_key: str = ""


class Notary:
    """Takes uploads, judges them one by one, and publishes what came out.

    ``processing`` are the seconds from upload to verdict, by the cloud's clock; ``stopping`` ends the work.
    """

    def __init__(
        self,
        state: State,
        storage: Storage,
        tickets: Tickets,
        account: Account,
        clock: Clock,
        trust: Callable[[], tuple[x509.Certificate, Sequence[x509.Certificate]]],
        stopping: threading.Event,
    ) -> None:
        self._state = state
        self._storage = storage
        self._tickets = tickets
        self._account = account
        self._clock = clock
        self._trust = trust
        self._stopping = stopping
        self._lock = threading.RLock()
        self._working = threading.Lock()  # one at a time: judging large packages takes room
        self._submissions: dict[str, Submission] = {}
        self.processing = PROCESSING
        self.problems: list[str] = []
        self._load()
        storage.on_object = self._arrived

    # the API's side

    def submit(self, name: str, sha256: str) -> tuple[Submission, Credentials]:
        """Announce an upload; returns the submission and what to upload it with."""
        submission_id = str(uuid.uuid4())
        key = f"prod/{_ROLE}:{submission_id}"
        credentials = self._storage.issue(SUBMISSIONS, key, UPLOAD_SECONDS, writes=True)
        made = Submission(submission_id, name, sha256, self._now(), key)
        with self._lock:
            self._submissions[submission_id] = made
            self._save()
        return made, credentials

    def find(self, submission_id: str) -> Submission | None:
        """Return a submission of the team."""
        return self._submissions.get(submission_id.lower())

    def history(self) -> list[Submission]:
        """Return the last hundred, the newest first."""
        found = sorted(self._submissions.values(), key=lambda each: each.created, reverse=True)
        return found[:LISTED]

    def status(self, submission: Submission) -> str:
        """Return what the API says of it."""
        log = self._published(submission)
        return IN_PROGRESS if log is None else str(log["status"])

    def log_url(self, submission: Submission) -> str:
        """Return a temporary address of the log, or "" while there is none.

        Signed as Apple's are: version 2, with a session token, against the bucket's own host.
        """
        if self._published(submission) is None:
            return ""
        credentials = self._storage.issue(ARTIFACTS, submission.log_key, LOG_SECONDS, writes=False)
        expires = str(int(self._now()) + LOG_SECONDS)
        resource = f"/{ARTIFACTS}/{submission.log_key}"
        text = signature.version_2_text("GET", expires, credentials.token, resource)
        values = {
            "AWSAccessKeyId": credentials.access_key,
            "Signature": signature.version_2(credentials.secret, text),
            "x-amz-security-token": credentials.token,
            "Expires": expires,
        }
        query = "&".join(f"{name}={quote(value, '')}" for name, value in values.items())
        return f"https://{ARTIFACTS}.s3.amazonaws.com/{submission.log_key}?{query}"

    def _published(self, submission: Submission) -> dict[str, Any] | None:
        return submission.log if submission.log is not None and self._now() >= submission.ready else None

    # the judge's side

    def _arrived(self, stored: Stored) -> None:
        """Take up an upload that is complete."""
        with self._lock:
            found = next((each for each in self._submissions.values() if each.key == stored.key), None)
            if stored.bucket != SUBMISSIONS or found is None or found.uploaded:
                return  # a log of our own, or a second upload: the first one counts
            found.uploaded = self._now()
            found.ready = found.uploaded + self.processing
            self._save()
        self._begin(found, stored)

    def _begin(self, submission: Submission, stored: Stored) -> None:
        threading.Thread(
            target=self._process, args=(submission, stored), name="practice-notary", daemon=True
        ).start()

    def _process(self, submission: Submission, stored: Stored) -> None:
        try:
            with self._working:
                self._judge(submission, stored)
        except Cancelled:
            return  # the cloud stops; one that is kept takes it up again
        except Exception:  # a fault of ours: kept for who looks, and the submission stays in progress
            self.problems.append(traceback.format_exc())

    def _judge(self, submission: Submission, stored: Stored) -> None:
        from codesign_wizard.practice.notary.code import Judgement

        job = Job(cancel_event=self._stopping)
        path = self._storage.path(stored)
        if not self._account.configured:
            log = self._log(submission, issues.NOT_CONFIGURED, Judgement(), _sha256(path, job))
        else:
            digest = _sha256(path, job)
            judgement = self._judgement(submission, path, digest, job)
            bad = any(each.severity == "error" for each in judgement.issues)
            log = self._log(submission, issues.INVALID_ARCHIVE if bad else issues.ACCEPTED, judgement, digest)
            if not bad:
                self._tickets.publish(judgement.ticketed, submission.ready)
        key = f"prod/{submission.submission_id}/developer_log.json"
        self._storage.put_bytes(ARTIFACTS, key, json.dumps(log, indent=2).encode())
        with self._lock:
            submission.log_key, submission.log = key, log
            self._save()
        self._storage.drop_content(stored)

    def _judgement(self, submission: Submission, path: Path, digest: str, job: Job) -> Judgement:
        # what judges comes with the first that is to be judged: few runs submit
        from codesign_wizard.practice.notary import cms
        from codesign_wizard.practice.notary.code import Judgement
        from codesign_wizard.practice.notary.containers import Opening

        if digest != submission.sha256:
            return Judgement([Issue(submission.name, issues.OTHER_FILE)])
        root, timestamp_roots = self._trust()
        folder = Path(tempfile.mkdtemp(prefix="opened-", dir=self._storage.folder))
        try:
            opening = Opening(job, folder, cms.Trust(root, timestamp_roots), self._clock.now())
            return opening.judge(path, submission.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _log(
        self, submission: Submission, outcome: tuple[str, str, int], judgement: Judgement, digest: str
    ) -> dict[str, Any]:
        status, summary, number = outcome
        uploaded = datetime.fromtimestamp(submission.uploaded, UTC)
        return {
            "logFormatVersion": 1,
            "jobId": submission.submission_id,
            "status": status,
            "statusSummary": summary,
            "statusCode": number,
            "archiveFilename": submission.name,
            "uploadDate": uploaded.strftime("%Y-%m-%dT%H:%M:%S.") + f"{uploaded.microsecond // 1000:03}Z",
            "sha256": digest,
            "ticketContents": [each.to_json() for each in judgement.ticketed] if number == 0 else None,
            "issues": [each.to_json() for each in judgement.issues] or None,
        }

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # between runs

    def _save(self) -> None:
        self._state.keep(_DOCUMENT, {"submissions": [asdict(each) for each in self._submissions.values()]})

    def _load(self) -> None:
        document = self._state.document(_DOCUMENT)
        if document is None:
            return
        try:
            for each in document["submissions"]:
                found = Submission(**each)
                self._submissions[found.submission_id] = found
        except (KeyError, TypeError) as error:
            raise StateError(f"{_DOCUMENT}.json: {error!r}") from error

    def resume(self) -> None:
        """Take up what an earlier run left unjudged: uploaded, but no verdict yet."""
        for each in list(self._submissions.values()):
            stored = self._storage.get(SUBMISSIONS, each.key)
            if stored is None or not stored.file or each.log is not None:
                continue
            if not each.uploaded:
                self._arrived(stored)
            else:
                self._begin(each, stored)


def _sha256(path: Path, job: Job) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            job.check_cancelled()
            digest.update(piece)
    return digest.hexdigest()
