"""A small stand-in for App Store Connect, its storage and its ticket service, as an adapter below
``requests``.

Tokens are checked with the public key; a multipart upload is kept part by part. What it is asked is written
down.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from codesign_wizard.core.apple.api_key import ApiKey
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret

ISSUER = "57246542-96fe-1a63-e053-0824d011072a"
KEY_ID = "2X9R4HXF34"
BUCKET = "notary-stand-in"
SECRET = "stand-in-secret-access-key-0123456789abc"
TOKEN = "stand-in-session-token-" + "t" * 1500
PRIVATE = ec.generate_private_key(ec.SECP256R1())


def pem() -> str:
    """Return the private key as Apple hands it out."""
    return PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key() -> ApiKey:
    """Return the key that the stand-in knows."""
    return ApiKey(KEY_ID, ISSUER, Secret(pem()))


class StandIn(BaseAdapter):
    """The services. ``refuse`` answers an API request in their place.

    ``cut`` is asked before each body's read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.refuse: Callable[[str, str], tuple[int, bytes, dict[str, str]] | None] = lambda method, path: (
            None
        )
        self.cut: Callable[[str, int], bool] = lambda operation, sent: False
        self.lose: Callable[[str], bool] = lambda operation: False
        self.submissions: dict[str, dict[str, Any]] = {}
        self.statuses: list[str] = ["Accepted"]
        self.log: dict[str, Any] = {
            "status": "Accepted",
            "statusSummary": "Ready for distribution",
            "issues": None,
        }
        self.uploads: dict[str, dict[int, tuple[str, int]]] = {}
        self.received = 0  # bytes of bodies that came whole
        self.twice: list[int] = []  # parts that were there already
        self.objects: dict[str, str] = {}
        self.tickets: dict[str, list[bytes | None]] = {}
        self.access_ended = False
        self.may_list = True

    def close(self) -> None:
        return

    def send(self, request: Any, **_: Any) -> requests.Response:
        parts = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.asked.append(f"{request.method} {parts.path}")
        host = parts.hostname or ""
        if host == "appstoreconnect.apple.com":
            status, body, headers = self._notary(request, parts.path)
        elif host.endswith("amazonaws.com"):
            status, body, headers = self._storage(request, parts.path, query)
        elif host == "api.apple-cloudkit.com":
            status, body, headers = self._ticket(request)
        elif host == "logs.example":
            status, body, headers = 200, json.dumps(self.log).encode(), {}
        else:
            raise AssertionError(request.url)
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.request, response.url = request, request.url
        response.raw = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
        return response

    # App Store Connect

    def _notary(self, request: Any, path: str) -> tuple[int, bytes, dict[str, str]]:
        refused = self.refuse(request.method, path)
        if refused is not None:
            return refused
        try:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            assert jwt.get_unverified_header(token)["kid"] == KEY_ID
            claims = jwt.decode(
                token, PRIVATE.public_key(), ["ES256"], audience="appstoreconnect-v1", issuer=ISSUER
            )
            assert claims["exp"] - claims["iat"] <= 20 * 60
        except (jwt.InvalidTokenError, AssertionError, KeyError):
            return error(401, "NOT_AUTHORIZED", "Authentication credentials are missing or invalid.")
        if path == "/notary/v2/test":
            return _json({})
        if path == "/notary/v2/submissions" and request.method == "POST":
            told = json.loads(request.body)
            number = f"2efe2717-52ef-43a5-96dc-{len(self.submissions):012d}"
            self.submissions[number] = {**told, "uploaded": False}
            attributes = {
                "awsAccessKeyId": "ASIASTANDIN",
                "awsSecretAccessKey": SECRET,
                "awsSessionToken": TOKEN,
                "bucket": BUCKET,
                "object": f"prod/{number}",
            }
            return _json(
                {"data": {"id": number, "type": "newSubmissions", "attributes": attributes}, "meta": {}}
            )
        if path == "/notary/v2/submissions":
            return _json({"data": [self._listed(each) for each in reversed(self.submissions)], "meta": {}})
        found = re.fullmatch(r"/notary/v2/submissions/([^/]+)(/logs)?", path)
        if found is None or found[1] not in self.submissions:
            return error(404, "NOT_FOUND", "Submission does not exist or does not belong to your team.")
        if found[2]:
            address = f"https://logs.example/{found[1]}?X-Amz-Signature={'f' * 64}"
            return _json(
                {"data": {"id": found[1], "type": "logs", "attributes": {"developerLogUrl": address}}}
            )
        if len(self.statuses) > 1 and self.submissions[found[1]]["uploaded"]:
            self.statuses.pop(0)
        return _json({"data": self._listed(found[1]), "meta": {}})

    def _listed(self, number: str) -> dict[str, Any]:
        told = self.submissions[number]
        status = self.statuses[0] if told["uploaded"] else "In Progress"
        attributes = {
            "createdDate": "2026-11-28T10:00:00.000Z",
            "name": told["submissionName"],
            "status": status,
        }
        return {"id": number, "type": "submissions", "attributes": attributes}

    # Amazon S3

    def _storage(self, request: Any, path: str, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        assert request.headers["X-Amz-Security-Token"] == TOKEN
        assert "x-amz-security-token" in request.headers["Authorization"]
        if self.access_ended:
            return _xml(
                400,
                "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
            )
        number = path.rpartition("/")[2]
        operation = self._operation(request.method, query)
        body = self._body(request, operation)
        digest = hashlib.sha256(body).hexdigest()
        assert request.headers["x-amz-content-sha256"] == digest, operation
        answer = getattr(self, f"_{operation}")(number, query, body)
        if self.lose(operation):
            raise requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer"))
        return answer

    @staticmethod
    def _operation(method: str, query: dict[str, str]) -> str:
        if method == "PUT":
            return "part" if "partNumber" in query else "put"
        if method == "POST":
            return "begin" if "uploads" in query else "complete"
        return "list"

    def _body(self, request: Any, operation: str) -> bytes:
        if request.body is None or isinstance(request.body, bytes):
            return request.body or b""
        body = bytearray()
        while piece := request.body.read(1 << 16):
            body += piece
            if self.cut(operation, len(body)):
                raise requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer"))
        return bytes(body)

    def _put(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        self.received += len(body)
        self._arrived(number, hashlib.sha256(body).hexdigest())
        return 200, b"", {"ETag": _tag(body)}

    def _begin(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        upload = f"upload-{len(self.uploads)}"
        self.uploads[upload] = {}
        return _xml(
            200,
            f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>",
        )

    def _part(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.uploads.get(query["uploadId"])
        if held is None:
            return _xml(404, "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>")
        place = int(query["partNumber"])
        if place in held:
            self.twice.append(place)
        held[place] = (_tag(body), len(body))
        self.received += len(body)
        return 200, b"", {"ETag": _tag(body)}

    def _list(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if not self.may_list:
            return _xml(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        held = self.uploads.get(query["uploadId"])
        if held is None:
            return _xml(404, "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>")
        after, most = int(query.get("part-number-marker", 0)), int(query.get("max-parts", 3))
        left = [each for each in sorted(held) if each > after]
        shown = "".join(
            f"<Part><PartNumber>{each}</PartNumber><ETag>{held[each][0]}</ETag><Size>{held[each][1]}</Size></Part>"
            for each in left[:most]
        )
        more = "true" if len(left) > most else "false"
        last = left[:most][-1] if left else 0
        return _xml(
            200,
            f"<ListPartsResult><IsTruncated>{more}</IsTruncated>"
            f"<NextPartNumberMarker>{last}</NextPartNumberMarker>{shown}</ListPartsResult>",
        )

    def _complete(self, number: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        held = self.uploads.pop(query["uploadId"], None)
        if held is None:
            return _xml(404, "<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>")
        listed = re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)
        assert [int(each) for each in listed] == sorted(held) == list(range(1, len(held) + 1))
        self._arrived(number, "")
        return _xml(200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def _arrived(self, number: str, digest: str) -> None:
        told = self.submissions[number]
        assert digest in ("", told["sha256"])
        told["uploaded"] = True

    # CloudKit

    def _ticket(self, request: Any) -> tuple[int, bytes, dict[str, str]]:
        name = json.loads(request.body)["records"][0]["recordName"]
        waiting = self.tickets.get(name, [None])
        ticket = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if ticket is None:
            record = {"recordName": name, "reason": "Record not found", "serverErrorCode": "NOT_FOUND"}
        else:
            value = base64.b64encode(ticket).decode()
            record = {"recordName": name, "fields": {"signedTicket": {"type": "BYTES", "value": value}}}
        return _json({"records": [record]})


class StandInNetwork(Network):
    """A network that leads to the stand-in."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(NetworkSettings(use_environment=False, timeout=5.0))
        self._stand_in = stand_in

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self._stand_in)
        return session


def error(status: int, code: str, detail: str, title: str = "") -> tuple[int, bytes, dict[str, str]]:
    """Return a refusal as App Store Connect gives it."""
    document = {"errors": [{"status": str(status), "code": code, "title": title or code, "detail": detail}]}
    return status, json.dumps(document).encode(), {"Content-Type": "application/json"}


def _json(document: Any) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(document).encode(), {"Content-Type": "application/json"}


def _xml(status: int, text: str) -> tuple[int, bytes, dict[str, str]]:
    return status, text.encode(), {"Content-Type": "application/xml", "x-amz-request-id": "REQ"}


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
