"""S3 on the wire: both ways of naming a bucket, the operations on objects and on multipart uploads."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

from codesign_wizard.core.apple import xml_tree
from codesign_wizard.core.apple.xml_tree import Node, XmlError
from codesign_wizard.practice.s3 import errors, responses, signature
from codesign_wizard.practice.s3.body import Payload
from codesign_wizard.practice.s3.credentials import Credentials
from codesign_wizard.practice.s3.errors import S3Error
from codesign_wizard.practice.s3.models import BUCKETS, MAXIMUM_PARTS, MAXIMUM_PUT, Storage, Upload, Wanted
from codesign_wizard.practice.s3.signature import Authorized
from codesign_wizard.practice.wire.messages import Request, Response, Service

if TYPE_CHECKING:
    from codesign_wizard.practice.clock import Clock
    from codesign_wizard.practice.world import World

ENDPOINT = f"s3.{errors.REGION}.amazonaws.com"
# by path, and each also with a bucket before it
_ENDPOINTS = (ENDPOINT, "s3-us-west-2.amazonaws.com", "s3.amazonaws.com")
_ELSEWHERE = "s3.us-east-1.amazonaws.com"
ACCELERATED = "s3-accelerate.amazonaws.com"
_BEFORE = (*_ENDPOINTS, _ELSEWHERE, ACCELERATED)
HOSTS = (*_ENDPOINTS, _ELSEWHERE, *(f"*.{host}" for host in _BEFORE))
_MAXIMUM_LIST = 2 << 20
# what would change what an object is, and is not played
_NOT_PLAYED = (
    "x-amz-copy-source",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-object-lock-mode",
    "If-Match",
    "If-None-Match",
    "Range",
)
Handler = Callable[[Request, Authorized], Response]


def service(world: World) -> Service:
    """Return the service for all of S3's hosts."""
    objects = Objects(world.storage, world.clock)
    return Service(
        "s3", HOSTS, objects.handle, ("https", "http"), maximum_body=MAXIMUM_PUT + (64 << 20), streaming=True
    )


class Objects:
    """Answers requests for buckets and objects."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def handle(self, request: Request) -> Response:
        """Answer a request to one of ``HOSTS``."""
        return self.answer(request, *_place(request.host, request.path))

    def answer(self, request: Request, bucket: str, key: str) -> Response:
        """Answer a request for *key*, decoded, in *bucket*; "" for the bucket, or for all of them."""
        try:
            return self._answer(request, bucket, key)
        except S3Error as error:
            return responses.refusal(error, request.method, f"/{bucket}/{key}")

    def _answer(self, request: Request, bucket: str, key: str) -> Response:
        if request.host.endswith(_ELSEWHERE) and bucket in BUCKETS:
            raise errors.elsewhere(bucket, ENDPOINT)
        # version 2 signs the path as it was sent, with the bucket before it
        within = _by_host(request.host) != ""
        resource = f"/{bucket}{request.path}" if within else request.path
        by = signature.verify(request, resource, self._storage.find, self._clock.now())
        if not bucket:
            raise errors.access_denied()
        if bucket not in BUCKETS:
            raise errors.no_bucket(bucket)
        query = request.query
        operation = self._operation(request.method, query, bool(key))
        if operation is None:
            raise errors.not_allowed(request.method)
        _allowed(by.credentials, request.method, bucket, key or query.get("prefix", ""))
        for name in _NOT_PLAYED:
            if name in request.headers:
                raise errors.not_implemented(name)
        request.values = {"bucket": bucket, "key": key}
        return operation(request, by)

    def _operation(self, method: str, query: dict[str, str], of_object: bool) -> Handler | None:
        if not of_object:
            return self._list_uploads if method == "GET" and "uploads" in query else None
        if "uploadId" in query:
            number = "partNumber" in query
            return {
                ("PUT", True): self._upload_part,
                ("GET", False): self._list_parts,
                ("POST", False): self._complete,
                ("DELETE", False): self._abort,
            }.get((method, number))
        if "uploads" in query:
            return self._create if method == "POST" else None
        return {"PUT": self._put, "HEAD": self._head, "GET": self._get}.get(method)

    # objects

    def _put(self, request: Request, by: Authorized) -> Response:
        payload = Payload(request, by)
        if payload.size > MAXIMUM_PUT:
            raise errors.too_large(payload.size, MAXIMUM_PUT)
        stored = self._storage.put(request.values["bucket"], request.values["key"], payload)
        return responses.answer(
            200,
            headers=[
                ("x-amz-server-side-encryption", "AES256"),
                *responses.checksum_headers(stored.checksums),
                ("ETag", f'"{stored.etag}"'),
            ],
        )

    def _head(self, request: Request, by: Authorized) -> Response:
        stored = self._storage.get(request.values["bucket"], request.values["key"])
        if stored is None:
            raise errors.no_key(request.values["key"])
        headers = responses.stored_headers(stored)
        if request.headers.get("x-amz-checksum-mode").upper() == "ENABLED":
            headers += responses.checksum_headers(stored.checksums)
        return responses.answer(200, headers=[*headers, ("Content-Length", str(stored.size))])

    def _get(self, request: Request, by: Authorized) -> Response:
        stored = self._storage.get(request.values["bucket"], request.values["key"])
        if stored is None or not stored.file:
            raise errors.no_key(request.values["key"])
        data = self._storage.path(stored).read_bytes()  # logs only: nobody may read a submission
        return responses.answer(200, data, responses.stored_headers(stored))

    # multipart uploads

    def _create(self, request: Request, by: Authorized) -> Response:
        upload = self._storage.create_upload(request.values["bucket"], request.values["key"])
        return responses.document(
            "InitiateMultipartUploadResult",
            [("Bucket", upload.bucket), ("Key", upload.key), ("UploadId", upload.upload_id)],
        )

    def _upload_part(self, request: Request, by: Authorized) -> Response:
        upload = self._found(request)
        text = request.query["partNumber"]
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAXIMUM_PARTS:
            raise errors.invalid_argument(
                "Part number must be an integer between 1 and 10000, inclusive", "partNumber", text
            )
        payload = Payload(request, by)
        if payload.size > MAXIMUM_PUT:
            raise errors.too_large(payload.size, MAXIMUM_PUT)
        part = self._storage.put_part(upload, int(text), payload)
        return responses.answer(
            200,
            headers=[
                ("x-amz-server-side-encryption", "AES256"),
                *responses.checksum_headers(part.checksums)[: len(part.checksums)],
                ("ETag", f'"{part.etag}"'),
            ],
        )

    def _list_parts(self, request: Request, by: Authorized) -> Response:
        query = request.query
        after = _number(query, "part-number-marker", 0)
        return responses.parts_document(
            self._found(request), after, min(_number(query, "max-parts", 1000), 1000)
        )

    def _list_uploads(self, request: Request, by: Authorized) -> Response:
        bucket, prefix = request.values["bucket"], request.query.get("prefix", "")
        return responses.uploads_document(bucket, prefix, self._storage.uploads(bucket, prefix))

    def _complete(self, request: Request, by: Authorized) -> Response:
        upload = self._found(request)
        stored = self._storage.complete(upload, _listed(Payload(request, by)))
        return responses.document(
            "CompleteMultipartUploadResult",
            [
                ("Location", f"https://{stored.bucket}.{ENDPOINT}/{signature.quote(stored.key)}"),
                ("Bucket", stored.bucket),
                ("Key", stored.key),
                ("ETag", f'"{stored.etag}"'),
            ],
        )

    def _abort(self, request: Request, by: Authorized) -> Response:
        self._storage.abort(self._found(request))
        return responses.answer(204)

    def _found(self, request: Request) -> Upload:
        return self._storage.upload(
            request.values["bucket"], request.values["key"], request.query["uploadId"]
        )


def _by_host(host: str) -> str:
    """Return the bucket that a host names, or "" for an endpoint."""
    bucket, _, rest = host.partition(".")
    return bucket if host not in HOSTS and rest in _BEFORE else ""


def _place(host: str, path: str) -> tuple[str, str]:
    """Return bucket and key that a request is for, decoded."""
    decoded = urllib.parse.unquote(path).removeprefix("/")
    bucket = _by_host(host)
    if bucket:
        return bucket, decoded
    bucket, _, key = decoded.partition("/")
    return bucket, key


def _allowed(credentials: Credentials, method: str, bucket: str, key: str) -> None:
    """Raise ``S3Error`` unless the credentials are for this object and this kind of access.

    Which actions Apple's credentials allow is not published: here they write one object, or read one log.
    """
    reads = method in ("GET", "HEAD")
    if (bucket, key) != (credentials.bucket, credentials.key) or not (credentials.writes or reads):
        raise errors.access_denied()
    if credentials.writes and method == "GET" and not key:
        raise errors.access_denied()


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) > 1 << 31:
        raise errors.invalid_argument(f"Provided {name} not an integer or within integer range", name, text)
    return int(text)


def _listed(payload: Payload) -> list[Wanted]:
    """Return what CompleteMultipartUpload lists; raises ``S3Error``."""
    if payload.size > _MAXIMUM_LIST:
        raise errors.malformed_xml()
    try:
        root = xml_tree.parse(b"".join(payload.chunks()))
        if root.tag != "CompleteMultipartUpload" or not root.children:
            raise errors.malformed_xml()
        return [_wanted(node) for node in root.children]
    except (XmlError, KeyError, ValueError) as error:
        raise errors.malformed_xml() from error


def _wanted(node: Node) -> Wanted:
    values = {child.tag: child.text for child in node.children}
    if node.tag != "Part":
        raise errors.malformed_xml()
    given = {
        name.lower().removeprefix("checksum"): value
        for name, value in values.items()
        if name.startswith("Checksum")
    }
    return Wanted(int(values["PartNumber"]), values["ETag"].strip().strip('"'), given)
