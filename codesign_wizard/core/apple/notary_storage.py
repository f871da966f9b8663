"""Amazon S3 as the notary service's storage: requests signed by botocore, sent by our own network."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.apple import notary_findings as found
from codesign_wizard.core.apple.notary_api import UploadAccess
from codesign_wizard.core.apple.upload_body import Body, Slice
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Remedy, utc_now
from codesign_wizard.core.job import JobContext, LogLevel, call_cancellable
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    import requests


PART = "upload"  # of the log
REGION = "us-west-2"


_SLOWEST = 8 << 10  # bytes a second, below which a request is given up


_PASSING = frozenset(
    {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "503", "500", "502", "504"}
)


_EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"})


class AccessEndedError(Exception):
    """The temporary access is over: the upload cannot be continued, only begun with a new submission."""


class UploadGoneError(Exception):
    """S3 no longer knows the multipart upload."""


class PassingError(Exception):
    """S3 asks for patience; ``finding`` says with what."""

    def __init__(self, finding: Any) -> None:
        super().__init__(finding.title)
        self.finding = finding


def without_frames(error: CodesignError) -> CodesignError:
    """Return *error* without what led to it: the frames of a request would outlive it, with their buffers."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


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


class Storage:
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
            return PassingError(refused.finding)
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
            self._job.log(LogLevel.WARNING, failure.finding.title, part=PART)
            raise failure from None
        self._job.log(
            LogLevel.DEBUG if status < 400 else LogLevel.WARNING,
            f"{request.method} {url.partition('?')[0].rpartition('/')[0]}/… {status}",
            part=PART,
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
