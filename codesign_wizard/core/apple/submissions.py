"""What was submitted to the notary service: a file for each submission, beside the profile.

They are files of their own, and not members of the profile, because a run in a terminal and the window may
be at work on the same profile, and because an upload notes every part that arrived. There is no secret in
them: the temporary access to Apple's storage is in the keyring (``core.apple.upload_access``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.errors import CodesignError, InputError
from codesign_wizard.core.files import write_atomic
from codesign_wizard.core.finding import iso
from codesign_wizard.core.text import tr

_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")
_MAXIMUM = 8 << 20


class State(StrEnum):
    """Where a submission stands. Only ``UPLOADING`` and ``PROCESSING`` are open."""

    UPLOADING = "uploading"
    PROCESSING = "processing"
    ACCEPTED = "accepted"
    INVALID = "invalid"
    REJECTED = "rejected"
    ABANDONED = "abandoned"  # never uploaded to its end; Apple never judges it

    @classmethod
    def of(cls, status: str) -> State:
        """Return the state for Apple's ``status``; what is not known counts as a rejection."""
        return {
            "In Progress": cls.PROCESSING,
            "Accepted": cls.ACCEPTED,
            "Invalid": cls.INVALID,
        }.get(status, cls.REJECTED)


@dataclass
class Upload:
    """How far an upload is: the S3 object, the multipart upload, and ETag by part number (from 1).

    ``completing`` is noted before S3 is asked to put the parts together: if it then knows no such upload, it
    has done so.
    """

    bucket: str
    object: str
    part_size: int = 0
    upload_id: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    completing: bool = False


@dataclass
class Record:
    """One submission. ``created`` and ``finished`` in UTC; ``sha256`` in hexadecimal; ``size`` in bytes."""

    id: str
    name: str
    sha256: str
    size: int
    issuer_id: str
    created: datetime
    file: str = ""
    state: State = State.UPLOADING
    upload: Upload | None = None
    uploaded: datetime | None = None
    finished: datetime | None = None
    summary: str = ""

    @property
    def open(self) -> bool:
        """Whether it is still under way."""
        return self.state in (State.UPLOADING, State.PROCESSING)

    def to_json(self) -> dict[str, Any]:
        """Return the record as stored."""
        document = asdict(self)
        for name in ("created", "uploaded", "finished"):
            value = getattr(self, name)
            document[name] = None if value is None else iso(value)
        document["state"] = self.state.value
        return document

    @classmethod
    def from_json(cls, document: Any) -> Record:
        """Return what ``to_json`` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        upload = document.get("upload")
        return cls(
            id=str(document["id"]),
            name=str(document["name"]),
            sha256=str(document["sha256"]),
            size=int(document["size"]),
            issuer_id=str(document["issuer_id"]),
            created=datetime.fromisoformat(document["created"]),
            file=str(document.get("file", "")),
            state=State(document["state"]),
            upload=None
            if upload is None
            else Upload(
                bucket=str(upload["bucket"]),
                object=str(upload["object"]),
                part_size=int(upload["part_size"]),
                upload_id=str(upload["upload_id"]),
                parts={int(number): str(tag) for number, tag in dict(upload["parts"]).items()},
                completing=upload.get("completing") is True,
            ),
            uploaded=_time(document.get("uploaded")),
            finished=_time(document.get("finished")),
            summary=str(document.get("summary", "")),
        )


class SubmissionStore:
    """The submissions of one profile, in a folder that need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Record]:
        """Return every readable record, the newest first."""
        records = []
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            record = _read(path)
            if record is not None:
                records.append(record)
        return sorted(records, key=lambda each: each.created, reverse=True)

    def get(self, submission_id: str) -> Record | None:
        """Return the record of this submission, or ``None``."""
        return _read(self._path(submission_id)) if _NAME.fullmatch(submission_id) else None

    def find(self, sha256: str, issuer_id: str) -> Record | None:
        """Return the submission of these very bytes by this team that is open or accepted,
        the newest first.
        """
        fitting = [
            each
            for each in self.all()
            if each.sha256 == sha256
            and each.issuer_id == issuer_id
            and (each.open or each.state is State.ACCEPTED)
        ]
        # what Apple has accepted is worth more than what it is still at work on
        fitting.sort(key=lambda each: each.state is not State.ACCEPTED)
        return fitting[0] if fitting else None

    def save(self, record: Record) -> None:
        """Write the record in one step; raises ``CodesignError``."""
        data = json.dumps(record.to_json(), indent=1).encode() + b"\n"
        try:
            write_atomic(self._path(record.id), data, private=True)
        except OSError as error:
            raise CodesignError(found.STATE_UNWRITABLE(why=error.strerror or str(error))) from error

    def save_log(self, submission_id: str, document: dict[str, Any]) -> Path | None:
        """Keep Apple's log beside the record and return its path; ``None`` when it cannot be written."""
        if not _NAME.fullmatch(submission_id):
            return None
        path = self.folder / "logs" / f"{submission_id}.json"
        try:
            write_atomic(path, json.dumps(document, indent=1).encode() + b"\n", private=True)
        except OSError:
            return None  # it can be fetched again
        return path

    @contextmanager
    def lock(self, sha256: str, name: str) -> Iterator[None]:
        """Let nobody else submit these bytes meanwhile; the system lets go when this process ends.

        Raises ``InputError`` when another process has it, ``CodesignError`` when nothing can be written.
        """
        path = self.folder / f"{sha256}.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        except OSError as error:
            raise CodesignError(found.STATE_UNWRITABLE(why=error.strerror or str(error))) from error
        with file:
            try:
                _take(file.fileno())
            except OSError as error:
                raise InputError(
                    found.BUSY(file=name, detail=tr("Wait until it has ended, then ask again."))
                ) from error
            try:
                yield
            finally:
                # removed while it is held: who waits for it opens a new one
                if os.name != "nt":
                    path.unlink(missing_ok=True)
        if os.name == "nt":
            _remove_quietly(path)

    def _path(self, submission_id: str) -> Path:
        if not _NAME.fullmatch(submission_id):
            raise ValueError("not an id")
        return self.folder / f"{submission_id}.json"


def _read(path: Path) -> Record | None:
    try:
        if path.stat().st_size > _MAXIMUM:
            return None
        return Record.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # a note that cannot be read must not stop a submission


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _take(descriptor: int) -> None:
    """Lock the open file for this process, without waiting; raises ``OSError``."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # Windows only
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_quietly(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # somebody else has it open now, and needs it
