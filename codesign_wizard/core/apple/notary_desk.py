"""What every question to the notary service begins with and comes to: the desk, its records, an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple.notary_api import NotaryApi, NotaryLog, Submission
from codesign_wizard.core.apple.submissions import Record, State, SubmissionStore
from codesign_wizard.core.apple.trust import AppleRoots
from codesign_wizard.core.finding import Finding, iso, utc_now
from codesign_wizard.core.secrets import SecretStore

UPLOAD, PROCESSING, LOG = "upload", "processing", "log"


STAGES = (UPLOAD, PROCESSING, LOG)


PART = "notary"


@dataclass(frozen=True)
class Desk:
    """What notarising needs.

    The service, where submissions are noted, where secrets are, and trusted roots.
    """

    api: NotaryApi
    submissions: SubmissionStore
    secrets: SecretStore
    profile_id: str
    roots: AppleRoots


@dataclass(frozen=True)
class Outcome:
    """How a submission stands: its record, Apple's log when there is one, and what is to be said."""

    record: Record
    findings: list[Finding]
    log: NotaryLog | None = None
    log_file: Path | None = None

    @property
    def accepted(self) -> bool:
        """Whether Apple has notarised the file."""
        return self.record.state is State.ACCEPTED

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as documented in docs/json.md."""
        return {**record_json(self.record), "log": None if self.log is None else self.log.document}


def record_json(record: Record) -> dict[str, Any]:
    """Return a submission as documented in docs/json.md."""
    return {
        "id": record.id,
        "name": record.name,
        "file": record.file or None,
        "sha256": record.sha256 or None,
        "size": record.size or None,
        "state": record.state.value,
        "created": iso(record.created),
        "uploaded": None if record.uploaded is None else iso(record.uploaded),
        "finished": None if record.finished is None else iso(record.finished),
        "summary": record.summary or None,
    }


def blank_record(path: Path, sha256: str, size: int, desk: Desk) -> Record:
    """Return a record for *path* that Apple has given no id yet."""
    return Record(
        id="",
        name=path.name,
        sha256=sha256,
        size=size,
        issuer_id=desk.api.key.issuer_id,
        created=utc_now(),
        file=str(path.absolute()),
    )


def unknown_record(desk: Desk, submission_id: str, path: Path) -> Record:
    """Return a record for a submission of *path* of which only the id is known."""
    record = blank_record(path, "", 0, desk)
    record.id, record.state = submission_id, State.PROCESSING
    return record


def foreign_record(desk: Desk, submission: Submission) -> Record:
    """Return a record for what was submitted elsewhere: by notarytool, or on another computer."""
    return Record(
        id=submission.id,
        name=submission.name,
        sha256="",
        size=0,
        issuer_id=desk.api.key.issuer_id,
        created=submission.created or utc_now(),
        state=State.of(submission.status),
    )
