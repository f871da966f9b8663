"""What S3 keeps: temporary credentials, objects, multipart uploads. Contents lie in files, however large."""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from codesign_wizard.practice.s3 import errors
from codesign_wizard.practice.s3.credentials import Credentials
from codesign_wizard.practice.state import State, StateError

if TYPE_CHECKING:
    from codesign_wizard.practice.clock import Clock
    from codesign_wizard.practice.s3.body import Payload

SUBMISSIONS = "notary-submissions-prod"
ARTIFACTS = "notary-artifacts-prod"
BUCKETS = (SUBMISSIONS, ARTIFACTS)
MAXIMUM_PUT = 5 << 30
MAXIMUM_PARTS = 10_000
_DOCUMENT = "s3"
_REMEMBERED = 24 * 3600
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass
class Part:
    """A part that arrived; ``etag`` is its MD5 in hex, ``file`` its name in the folder."""

    number: int
    size: int
    etag: str
    modified: float
    file: str
    checksums: dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """A part as a client lists it at the end, with the checksums that it names, by algorithm."""

    number: int
    etag: str
    checksums: dict[str, str]


@dataclass
class Upload:
    """A multipart upload under way."""

    upload_id: str
    bucket: str
    key: str
    initiated: float
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass
class Stored:
    """An object; ``file`` is "" when its content has been removed."""

    bucket: str
    key: str
    size: int
    etag: str
    modified: float
    file: str
    checksums: dict[str, str] = field(default_factory=dict)


class Storage:
    """The buckets. *temporary* holds the contents of a cloud that is not kept.

    ``on_object`` is told of each object that has been stored, outside of any lock.
    """

    def __init__(self, state: State, temporary: Path, clock: Clock) -> None:
        self._state = state
        self._temporary = temporary
        self._clock = clock
        self._lock = threading.RLock()
        self._credentials: dict[str, Credentials] = {}
        self._objects: dict[tuple[str, str], Stored] = {}
        self._uploads: dict[str, Upload] = {}
        self.on_object: Callable[[Stored], None] | None = None
        self._load()

    @property
    def folder(self) -> Path:
        """Where contents lie."""
        folder = self._state.large_files(_DOCUMENT, self._temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # credentials

    def issue(self, bucket: str, key: str, seconds: float, *, writes: bool) -> Credentials:
        """Return new temporary credentials for one object, in the shape of Amazon's."""
        made = Credentials(
            "ASIA" + "".join(secrets.choice(_BASE32) for _ in range(16)),
            base64.b64encode(secrets.token_bytes(30)).decode(),
            base64.b64encode(b"\x17\x0a\x19practice" + secrets.token_bytes(220)).decode(),
            bucket,
            key,
            writes,
            self._clock.now().timestamp() + seconds,
        )
        now = self._now()
        with self._lock:
            # those that ended lately are still told that they did
            kept = [each for each in self._credentials.values() if each.expires > now - _REMEMBERED]
            self._credentials = {each.access_key: each for each in [*kept, made]}
            self._save()
        return made

    def find(self, access_key: str) -> Credentials | None:
        """Return the credentials of an access key."""
        return self._credentials.get(access_key)

    # objects

    def put(self, bucket: str, key: str, payload: Payload) -> Stored:
        """Store an object as it comes; raises ``S3Error`` and leaves nothing when it does not hold."""
        file, size = self._receive(payload.chunks())
        stored = Stored(bucket, key, size, payload.etag, self._now(), file, dict(payload.checksums))
        self._replace(stored)
        return stored

    def put_bytes(self, bucket: str, key: str, data: bytes) -> Stored:
        """Store a small object that the service itself makes."""
        file, size = self._receive([data])
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        stored = Stored(bucket, key, size, etag, self._now(), file)
        self._replace(stored)
        return stored

    def get(self, bucket: str, key: str) -> Stored | None:
        """Return what is stored under a key."""
        return self._objects.get((bucket, key))

    def path(self, stored: Stored) -> Path:
        """Return the file that holds the content."""
        return self.folder / stored.file

    def drop_content(self, stored: Stored) -> None:
        """Remove the content and keep the record."""
        with self._lock:
            file, stored.file = stored.file, ""
            self._save()
        if file:
            (self.folder / file).unlink(missing_ok=True)

    def _replace(self, stored: Stored) -> None:
        with self._lock:
            former = self._objects.get((stored.bucket, stored.key))
            self._objects[(stored.bucket, stored.key)] = stored
            self._save()
        if former is not None and former.file:
            (self.folder / former.file).unlink(missing_ok=True)
        if self.on_object is not None:
            self.on_object(stored)

    # multipart uploads

    def create_upload(self, bucket: str, key: str) -> Upload:
        """Begin a multipart upload."""
        upload = Upload(secrets.token_urlsafe(84).replace("-", "."), bucket, key, self._now())
        with self._lock:
            self._uploads[upload.upload_id] = upload
            self._save()
        return upload

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an upload under way; raises ``S3Error``."""
        found = self._uploads.get(upload_id)
        if found is None or (found.bucket, found.key) != (bucket, key):
            raise errors.no_upload(upload_id)
        return found

    def uploads(self, bucket: str, prefix: str) -> list[Upload]:
        """Return the uploads under way whose keys begin with *prefix*, in S3's order."""
        found = [
            each for each in self._uploads.values() if each.bucket == bucket and each.key.startswith(prefix)
        ]
        return sorted(found, key=lambda each: (each.key, each.initiated))

    def put_part(self, upload: Upload, number: int, payload: Payload) -> Part:
        """Take a part as it comes, in place of a former one of this number; raises ``S3Error``."""
        file, size = self._receive(payload.chunks())
        part = Part(number, size, payload.etag, self._now(), file, dict(payload.checksums))
        with self._lock:
            gone = self._uploads.get(upload.upload_id) is not upload
            former = None if gone else upload.parts.get(number)
            if not gone:
                upload.parts[number] = part
                self._save()
        if gone:
            (self.folder / file).unlink(missing_ok=True)
            raise errors.no_upload(upload.upload_id)
        if former is not None:
            (self.folder / former.file).unlink(missing_ok=True)
        return part

    def complete(self, upload: Upload, wanted: list[Wanted]) -> Stored:
        """Make the object of the parts *wanted*; raises ``S3Error``."""
        with self._lock:
            if self._uploads.get(upload.upload_id) is not upload:
                raise errors.no_upload(upload.upload_id)
            parts = _chosen(upload, wanted)
            file, size = self._receive(self._joined(parts))
            digests = b"".join(bytes.fromhex(part.etag) for part in parts)
            etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
            stored = Stored(upload.bucket, upload.key, size, etag, self._now(), file)
            del self._uploads[upload.upload_id]
        self._replace(stored)
        self._remove(upload)
        return stored

    def abort(self, upload: Upload) -> None:
        """End an upload and drop its parts; raises ``S3Error``."""
        with self._lock:
            if self._uploads.pop(upload.upload_id, None) is None:
                raise errors.no_upload(upload.upload_id)
            self._save()
        self._remove(upload)

    def _joined(self, parts: Iterable[Part]) -> Iterator[bytes]:
        for part in parts:
            with (self.folder / part.file).open("rb") as source:
                while piece := source.read(1 << 20):
                    yield piece

    def _remove(self, upload: Upload) -> None:
        for part in upload.parts.values():
            (self.folder / part.file).unlink(missing_ok=True)

    # files

    def _receive(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Write *chunks* to a new file and return its name and size; none is left when they fail."""
        with self._new_file() as (name, file):
            for chunk in chunks:
                file.write(chunk)
            return name, file.tell()

    @contextmanager
    def _new_file(self) -> Iterator[tuple[str, BinaryIO]]:
        name = uuid.uuid4().hex
        path = self.folder / name
        try:
            with path.open("xb") as file:
                yield name, file
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # between runs

    def _save(self) -> None:
        self._state.keep(
            _DOCUMENT,
            {
                "credentials": [asdict(each) for each in self._credentials.values()],
                "objects": [asdict(each) for each in self._objects.values()],
                "uploads": [
                    asdict(each) | {"parts": [asdict(part) for part in each.parts.values()]}
                    for each in self._uploads.values()
                ],
            },
        )

    def _load(self) -> None:
        document = self._state.document(_DOCUMENT)
        if document is None:
            return
        try:
            for each in document["credentials"]:
                found = Credentials(**each)
                self._credentials[found.access_key] = found
            for each in document["objects"]:
                stored = Stored(**each)
                self._objects[(stored.bucket, stored.key)] = stored
            for each in document["uploads"]:
                upload = _upload(each)
                self._uploads[upload.upload_id] = upload
            self._tidy()
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"{_DOCUMENT}.json: {error!r}") from error
        except OSError as error:
            raise StateError(f"{self.folder}: {error.strerror or error}") from error

    def _tidy(self) -> None:
        """Remove what a run that was killed left half written."""
        known = {each.file for each in self._objects.values()}
        known |= {part.file for upload in self._uploads.values() for part in upload.parts.values()}
        for path in self.folder.iterdir():
            if path.name not in known:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _upload(document: dict[str, Any]) -> Upload:
    parts = [Part(**each) for each in document["parts"]]
    return Upload(**document | {"parts": {part.number: part for part in parts}})


def _chosen(upload: Upload, wanted: list[Wanted]) -> list[Part]:
    """Return the parts that a client lists, or raise what is wrong with the list."""
    numbers = [each.number for each in wanted]
    if numbers != sorted(set(numbers)):
        raise errors.part_order(upload.upload_id)
    parts = []
    for each in wanted:
        part = upload.parts.get(each.number)
        if part is None or part.etag != each.etag:
            raise errors.invalid_part(upload.upload_id, each.number, each.etag)
        if any(part.checksums.get(name, value) != value for name, value in each.checksums.items()):
            raise errors.invalid_part(upload.upload_id, each.number, each.etag)
        parts.append(part)
    for part in parts[:-1]:
        if part.size < errors.MINIMUM_PART:
            raise errors.too_small(part.size, part.number, part.etag)
    return parts
