"""S3's answers on the wire: XML documents and headers."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

from codesign_wizard.practice.s3.errors import REGION, S3Error
from codesign_wizard.practice.s3.models import Stored, Upload
from codesign_wizard.practice.wire.messages import Response

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Field = tuple[str, "str | list[Field]"]


def answer(
    status: int, body: bytes = b"", headers: Iterable[tuple[str, str]] = (), *, close: bool = False
) -> Response:
    """Return an answer with the headers that every answer of S3 has."""
    return Response(
        status,
        body,
        [
            ("x-amz-id-2", base64.b64encode(secrets.token_bytes(57)).decode()),
            ("x-amz-request-id", _request_id()),
            *headers,
            ("Server", "AmazonS3"),
        ],
        close=close,
    )


def _request_id() -> str:
    return "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(16))


def document(root: str, fields: list[Field]) -> Response:
    """Return an XML document in S3's namespace."""
    xml = f'{_HEAD}<{root} xmlns="{_NAMESPACE}">{_fields(fields)}</{root}>'
    return answer(200, xml.encode(), [("Content-Type", "application/xml")])


def _fields(fields: list[Field]) -> str:
    return "".join(
        f"<{name}>{escape(value) if isinstance(value, str) else _fields(value)}</{name}>"
        for name, value in fields
    )


def refusal(error: S3Error, method: str, resource: str) -> Response:
    """Return the error document; an answer to HEAD has none."""
    response = answer(error.status, headers=[("Content-Type", "application/xml")])
    if error.status == 301 or error.details.get("Region"):
        response.headers.append(("x-amz-bucket-region", REGION))
    if method == "HEAD":
        return response
    identifiers = {name: value for name, value in response.headers if name.startswith("x-amz-")}
    details = dict(error.details)
    if error.status in (404, 405) or error.code == "AccessDenied":
        details.setdefault("Resource", resource)
    fields: list[Field] = [
        ("Code", error.code),
        ("Message", str(error)),
        *details.items(),
        ("RequestId", identifiers["x-amz-request-id"]),
        ("HostId", identifiers["x-amz-id-2"]),
    ]
    response.body = f"{_HEAD}<Error>{_fields(fields)}</Error>".encode()
    return response


def iso(timestamp: float) -> str:
    """Return a time as S3's documents write it."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def stored_headers(stored: Stored) -> list[tuple[str, str]]:
    """Return the headers that describe an object."""
    modified = datetime.fromtimestamp(int(stored.modified), UTC)
    return [
        ("Last-Modified", format_datetime(modified, usegmt=True)),
        ("ETag", f'"{stored.etag}"'),
        ("x-amz-server-side-encryption", "AES256"),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "binary/octet-stream"),
    ]


def checksum_headers(checksums: dict[str, str]) -> list[tuple[str, str]]:
    """Return the headers that give a client's checksums back."""
    headers = [(f"x-amz-checksum-{algorithm}", value) for algorithm, value in checksums.items()]
    return headers + ([("x-amz-checksum-type", "FULL_OBJECT")] if headers else [])


def parts_document(upload: Upload, after: int, most: int) -> Response:
    """Return a page of ListParts."""
    numbers = sorted(number for number in upload.parts if number > after)
    shown = numbers[:most]
    fields: list[Field] = [
        ("Bucket", upload.bucket),
        ("Key", upload.key),
        ("UploadId", upload.upload_id),
        ("PartNumberMarker", str(after)),
        ("NextPartNumberMarker", str(shown[-1] if shown else 0)),
        ("MaxParts", str(most)),
        ("IsTruncated", "true" if len(numbers) > len(shown) else "false"),
        ("StorageClass", "STANDARD"),
    ]
    for number in shown:
        part = upload.parts[number]
        fields.append(
            (
                "Part",
                [
                    ("PartNumber", str(number)),
                    ("LastModified", iso(part.modified)),
                    ("ETag", f'"{part.etag}"'),
                    ("Size", str(part.size)),
                ],
            )
        )
    return document("ListPartsResult", fields)


def uploads_document(bucket: str, prefix: str, uploads: list[Upload]) -> Response:
    """Return ListMultipartUploads, on one page."""
    fields: list[Field] = [
        ("Bucket", bucket),
        ("KeyMarker", ""),
        ("UploadIdMarker", ""),
        ("Prefix", prefix),
        ("MaxUploads", "1000"),
        ("IsTruncated", "false"),
    ]
    for each in uploads[:1000]:
        fields.append(
            (
                "Upload",
                [
                    ("Key", each.key),
                    ("UploadId", each.upload_id),
                    ("StorageClass", "STANDARD"),
                    ("Initiated", iso(each.initiated)),
                ],
            )
        )
    return document("ListMultipartUploadsResult", fields)
