"""The upload to Apple's storage: an Amazon S3 object, in parts that are each sent until they have arrived.

botocore signs and reads (SigV4 with the session token and the digest of every body); the bytes go over our
own network, so that proxy, CA bundle, time-outs and cancelling are the same as everywhere (``before-send``
of botocore's documented events). See ``docs/architecture.md`` for why it is this client.

A part counts as arrived by S3's own word: its answer, or its list of parts. Small files go in one request.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.apple.submissions import Upload
from codesign_wizard.core.apple.upload_body import Body, SentFile, Slice, changed, unreadable
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Remedy, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, call_cancellable
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.network_failure import FailureKind
from codesign_wizard.core.text import size_words, tr

if TYPE_CHECKING:
    import requests

REGION = "us-west-2"
SINGLE = 8 << 20  # up to here one request; above, parts of at least this size
_MAXIMUM_PARTS = 9_000  # S3 takes 10,000
_PART = "upload"
_ATTEMPTS = 7  # failures in a row, with nothing arriving between them
_LONGEST_PAUSE = 30.0
_SLOWEST = 8 << 10  # bytes a second, below which a request is given up
_PASSING = frozenset(
    {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "503", "500", "502", "504"}
)
_EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"})


class AccessEndedError(Exception):
    """The temporary access is over: the upload cannot be continued, only begun with a new submission."""


class UploadGoneError(Exception):
    """S3 no longer knows the multipart upload."""


@dataclass(frozen=True)
class Uploaded:
    """What an upload did in this run, in bytes: sent now, and found there from before."""

    sent: int
    found: int


def part_size(size: int) -> int:
    """Return the part size in bytes for a file of *size* bytes: whole MiB, at most 9,000 parts."""
    least = -(-size // _MAXIMUM_PARTS)
    return max(SINGLE, -(-least // (1 << 20)) * (1 << 20))


def part_length(progress: Upload, size: int, number: int) -> int:
    """Return the length in bytes of a part (from 1) of a file of *size* bytes."""
    return max(0, min(progress.part_size, size - (number - 1) * progress.part_size))


def arrived(progress: Upload, size: int) -> int:
    """Return how many bytes of a file of *size* bytes are noted as arrived."""
    return sum(part_length(progress, size, number) for number in progress.parts)


def upload_file(
    job: JobContext,
    network: Network,
    access: UploadAccess,
    path: Path,
    size: int,
    progress: Upload,
    note: Callable[[], None],
) -> Uploaded:
    """Bring *path* (of *size* bytes) to its place; *progress* says what is there, and is kept up to date.

    *note* is called whenever *progress* has changed and is to be kept. Raises ``AccessEndedError``,
    ``UploadGoneError``, ``CodesignError`` and ``Cancelled``; what arrived stays in *progress*.
    """
    with network.session() as session:
        s3 = _S3(job, network, session, access)
        return _Run(job, s3, path, size, progress, note).run()


class _Run:
    def __init__(
        self, job: JobContext, s3: _S3, path: Path, size: int, progress: Upload, note: Callable[[], None]
    ) -> None:
        self.job, self.s3, self.path, self.size = job, s3, path, size
        self.state, self.note = progress, note
        self.sent = 0

    def run(self) -> Uploaded:
        try:
            with SentFile(self.path) as file:
                if self.size <= SINGLE:
                    self._single(file)
                    return Uploaded(self.size, 0)
                return self._parts(file)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _single(self, file: SentFile) -> None:
        piece = Slice(file, 0, self.size)
        self._tell(0)
        self._patiently(lambda: self.s3.put(piece, self._step(0)), lambda: False)
        self._tell(self.size)

    def _parts(self, file: SentFile) -> Uploaded:
        state = self.state
        if not state.upload_id or not state.part_size:
            state.part_size, state.parts, state.completing = part_size(self.size), {}, False
            state.upload_id = self._patiently(self.s3.begin, lambda: "")
            self.note()
        else:
            try:
                self._compare(file)
            except UploadGoneError:
                if not state.completing:
                    raise
                # killed after S3 had put the parts together, and before that was noted
                self._tell(self.size)
                return Uploaded(0, self.size)
        count = -(-self.size // state.part_size)
        before = arrived(state, self.size)
        done = before
        self._tell(done)
        for number in range(1, count + 1):
            if number in state.parts:
                continue
            self.job.check_cancelled()
            piece = self._slice(file, number)
            state.parts[number] = self._send(number, piece, done)
            self.note()
            done += len(piece)
            self._tell(done)
        if self.path.stat().st_size != self.size:
            raise changed(self.path)
        self._complete()
        return Uploaded(self.size - before, before)

    def _send(self, number: int, piece: Slice, done: int) -> str:
        """Send a part until S3 has it; return its ETag."""
        tag = piece.tag()

        def arrived() -> str:
            # the answer may be what was lost, and not the part
            there = self.s3.parts(self.state.upload_id, number)
            held = (there or {}).get(number)
            return tag if held == (tag, len(piece)) else ""

        def send() -> str:
            return self.s3.part(self.state.upload_id, number, piece, self._step(done))

        return str(self._patiently(send, arrived))

    def _complete(self) -> None:
        asked = False
        self.state.completing = True
        self.note()

        def complete() -> bool:
            nonlocal asked
            try:
                self.s3.complete(self.state.upload_id, self.state.parts)
            except UploadGoneError:
                # asked before, and the answer was lost: then it is complete
                if not asked:
                    raise
            except NetworkError:
                asked = True
                raise
            return True

        self._patiently(complete, lambda: False)

    def _compare(self, file: SentFile) -> None:
        """Hold what was noted against what S3 has, and that against the file."""
        state = self.state
        there = self._patiently(lambda: (self.s3.parts(state.upload_id),), lambda: ())[0]
        if there is None:
            return  # not allowed to look: then our own notes count, and S3 judges them in the end
        parts = {}
        for number, (tag, length) in there.items():
            if not 1 <= number <= -(-self.size // state.part_size) or length != self._length(number):
                continue
            # a bucket with its own encryption keys has other ETags; then what we noted decides
            if tag == self._slice(file, number).tag() or state.parts.get(number) == tag:
                parts[number] = tag
        state.parts = parts
        self.note()

    def _patiently(self, call: Callable[[], Any], arrived: Callable[[], Any]) -> Any:
        """Call until it succeeds; *arrived* says after a failure whether it did in truth."""
        failure: CodesignError | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause = min(_LONGEST_PAUSE, 0.25 * 2**attempt)
                self.s3.network.pause(self.job, pause, tr("Going on in {seconds} s"), part=_PART)
                try:
                    told = arrived()
                except (NetworkError, _PassingError) as error:
                    failure = _as_finding(error)
                    continue
                if told:
                    return told
            try:
                return call()
            except NetworkError as error:
                if error.kind not in (FailureKind.RESET, FailureKind.TIMEOUT, FailureKind.OTHER):
                    raise
                failure = _light(error)
            except _PassingError as error:
                failure = _light(_as_finding(error))
        assert failure is not None
        raise self._given_up(failure) from failure

    def _given_up(self, failure: CodesignError) -> CodesignError:
        done = arrived(self.state, self.size)
        return CodesignError(
            found.UPLOAD_FAILED(
                done=size_words(done),
                total=size_words(self.size),
                detail=tr("The last failure: {title}").format(title=failure.finding.title),
                evidence=failure.finding.evidence,
                remedies=[
                    Remedy(
                        title=tr(
                            "Start again: the upload goes on where it stopped, with the same submission."
                        )
                    ),
                    *failure.finding.remedies,
                ],
            )
        )

    def _slice(self, file: SentFile, number: int) -> Slice:
        return Slice(file, (number - 1) * self.state.part_size, self._length(number))

    def _length(self, number: int) -> int:
        return part_length(self.state, self.size, number)

    def _step(self, done: int) -> Callable[[int], None]:
        return lambda count: self._tell(done + count)

    def _tell(self, done: int) -> None:
        self.job.progress(
            done,
            self.size,
            tr("{done} of {total}").format(done=size_words(done), total=size_words(self.size)),
        )


class _PassingError(Exception):
    """S3 asks for patience; ``finding`` says with what."""

    def __init__(self, finding: Any) -> None:
        super().__init__(finding.title)
        self.finding = finding


def _light(error: CodesignError) -> CodesignError:
    """Return *error* without what led to it: the frames of a request would outlive it, with their buffers."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _as_finding(error: NetworkError | _PassingError) -> CodesignError:
    return error if isinstance(error, NetworkError) else CodesignError(error.finding)


@functools.cache
def _botocore() -> Any:
    """Return botocore's session, whose tables of services are read once."""
    import botocore.session

    return botocore.session.Session(
        # nobody's own AWS settings: what Apple gave is all there is
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )


class _S3:
    """The five operations, on one object."""

    def __init__(
        self, job: JobContext, network: Network, session: requests.Session, access: UploadAccess
    ) -> None:
        from botocore.config import Config

        self._job, self.network, self._session = job, network, session
        self._place = {"Bucket": access.bucket, "Key": access.object}
        self._progress: Callable[[int], None] = lambda _: None
        self._client: Any = _botocore().create_client(
            "s3",
            region_name=REGION,
            aws_access_key_id=access.access_key.reveal(),
            aws_secret_access_key=access.secret_key.reveal(),
            aws_session_token=access.session_token.reveal(),
            config=Config(
                user_agent="codesign-wizard",
                retries={"total_max_attempts": 1},
                signature_version="s3v4",
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"payload_signing_enabled": True, "addressing_style": "virtual"},
                ignore_configured_endpoint_urls=True,
            ),
        )
        self._client.meta.events.register("before-send.s3", self._transport)

    def put(self, data: Slice, progress: Callable[[int], None]) -> bool:
        """Send the whole object."""
        self._call("put_object", progress, Body=data)
        return True

    def begin(self) -> str:
        """Begin an upload in parts and return its id."""
        return str(self._call("create_multipart_upload")["UploadId"])

    def part(self, upload_id: str, number: int, data: Slice, progress: Callable[[int], None]) -> str:
        """Send one part and return its ETag."""
        answer = self._call("upload_part", progress, UploadId=upload_id, PartNumber=number, Body=data)
        return str(answer["ETag"])

    def parts(self, upload_id: str, only: int | None = None) -> dict[int, tuple[str, int]] | None:
        """Return ETag and size by number of what is there; ``None`` when it may not be asked."""
        there: dict[int, tuple[str, int]] = {}
        marker = 0 if only is None else only - 1
        while True:
            values: dict[str, Any] = {"UploadId": upload_id, "PartNumberMarker": marker}
            if only is not None:
                values["MaxParts"] = 1
            try:
                answer = self._call("list_parts", **values)
            except _DeniedError:
                return None
            for each in answer.get("Parts") or []:
                there[int(each["PartNumber"])] = (str(each["ETag"]), int(each["Size"]))
            following = int(answer.get("NextPartNumberMarker") or 0)
            if only is not None or not answer.get("IsTruncated") or following <= marker:
                return there
            marker = following

    def complete(self, upload_id: str, parts: dict[int, str]) -> None:
        """Put the parts together."""
        listed = [{"PartNumber": number, "ETag": parts[number]} for number in sorted(parts)]
        self._call("complete_multipart_upload", UploadId=upload_id, MultipartUpload={"Parts": listed})

    def _call(self, name: str, progress: Callable[[int], None] = lambda _: None, **values: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        self._progress = progress
        try:
            return getattr(self._client, name)(**self._place, **values)
        except ClientError as error:
            raise self._explained(name, error) from None
        except BotoCoreError as error:
            raise self._refused(type(error).__name__, str(error), None, {}) from None

    def _explained(self, name: str, error: Any) -> Exception:
        about = error.response.get("Error", {})
        meta = error.response.get("ResponseMetadata", {})
        code, message = str(about.get("Code", "")), str(about.get("Message", ""))
        status = meta.get("HTTPStatusCode")
        status = status if isinstance(status, int) else None
        if code in _EXPIRED:
            return AccessEndedError(message or code)
        if code == "NoSuchUpload":
            return UploadGoneError(message or code)
        if name == "list_parts" and code in ("AccessDenied", "403"):
            return _DeniedError(message)
        refused = self._refused(code or str(status or "?"), message, status, meta)
        if code in _PASSING or (status is not None and status >= 500):
            return _PassingError(refused.finding)
        return refused

    def _refused(self, code: str, message: str, status: int | None, meta: dict[str, Any]) -> CodesignError:
        from codesign_wizard.core.network_clock import CLOCK_TOLERANCE

        remedies = [Remedy(title=tr("Start again; if it stays so, make a new submission: submit --anew."))]
        if code == "RequestTimeTooSkewed":
            remedies = [
                Remedy(
                    title=tr("Set this computer's clock: Amazon allows {minutes} minutes.").format(
                        minutes=3 * CLOCK_TOLERANCE.seconds // 60
                    )
                )
            ]
        return CodesignError(
            found.UPLOAD_REFUSED(
                code=code,
                evidence=Evidence(
                    status=status,
                    code=code,
                    message=message or None,
                    request_id=str(meta.get("RequestId") or "") or None,
                    time=utc_now(),
                    more={"bucket": str(self._place["Bucket"])},
                ),
                remedies=remedies,
            )
        )

    # the bytes

    def _transport(self, request: Any, **_: Any) -> Any:
        """Send what botocore has signed over our own network.

        Called by botocore in place of its own sending.
        """
        from botocore.awsrequest import AWSResponse

        body = request.body or b""
        data = Body(self._job, body, self._progress) if isinstance(body, Slice) else body
        url = str(request.url)
        proxy = self.network.proxy_for(url)
        self._session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        seconds = self.network.settings.timeout
        headers = {
            str(name): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
            # 100-continue is a round trip more for every part, and many proxies do not know it
            if str(name).lower() != "expect"
        }

        def send() -> Any:
            with self._session.request(
                str(request.method),
                url,
                headers=headers,
                data=data,
                timeout=(min(seconds, 10.0), max(seconds, 60.0)),
                allow_redirects=False,
            ) as answer:
                return answer.status_code, dict(answer.headers), answer.content

        longest = 2 * max(seconds, 60.0) + len(body) / _SLOWEST
        try:
            status, told, content = call_cancellable(self._job, send, timeout=longest, name="upload")
        except Exception as error:
            failure = self.network.failure(error, url, seconds)
            if failure is None:
                raise
            self._job.log(LogLevel.WARNING, failure.finding.title, part=_PART)
            raise failure from None
        self._job.log(
            LogLevel.DEBUG if status < 400 else LogLevel.WARNING,
            f"{request.method} {url.partition('?')[0].rpartition('/')[0]}/… {status}",
            part=_PART,
            request_id=told.get("x-amz-request-id", ""),
        )
        return AWSResponse(url, status, told, _Content(content))


class _DeniedError(Exception):
    """Looking is not allowed."""


class _Content(io.BytesIO):
    """An answer's bytes as botocore reads them."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield everything."""
        while data := self.read(1 << 16):
            yield data
