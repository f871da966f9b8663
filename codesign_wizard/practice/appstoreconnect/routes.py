"""The Notary API on the wire ("Notary API", developer.apple.com/documentation/notaryapi)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.appstoreconnect import errors
from codesign_wizard.practice.appstoreconnect.errors import ConnectError
from codesign_wizard.practice.appstoreconnect.models import ROLES, check_token
from codesign_wizard.practice.notary.models import Submission
from codesign_wizard.practice.wire.messages import Request, Response, Service
from codesign_wizard.practice.wire.router import Handler, Router

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

HOST = "appstoreconnect.apple.com"
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_LONGEST_NAME = 1024


def service(world: World) -> Service:
    """Return the service for App Store Connect."""
    return Service("appstoreconnect", (HOST,), _NotaryApi(world).handle)


class _NotaryApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._notary = world.notary
        self._routes: Router[Handler] = Router()
        self._routes.add("GET", "/notary/v2/test", self._test)
        self._routes.add("POST", "/notary/v2/submissions", self._submit)
        self._routes.add("GET", "/notary/v2/submissions", self._history)
        self._routes.add("GET", "/notary/v2/submissions/{id}", self._status)
        self._routes.add("GET", "/notary/v2/submissions/{id}/logs", self._log)

    def handle(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except ConnectError as error:
            if isinstance(error.body, str):
                return _response(error.status, error.body.encode(), "text/plain", close=True)
            return _response(error.status, json.dumps(error.body).encode(), "application/json")

    def _answer(self, request: Request) -> Response:
        handler, known = self._routes.find(request)
        if handler is None and not request.path.startswith("/notary/"):
            raise errors.no_path(request.path)
        scheme, _, token = request.headers.get("Authorization").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.unauthenticated()
        account = self._world.account
        key = check_token(token.strip(), account, self._world.state, self._world.clock.now())
        if account.inaccessible:
            raise errors.team_inaccessible()
        if account.agreement_missing:
            raise errors.agreement_missing()
        if key.role not in ROLES:
            raise errors.role_too_low()
        if handler is None:
            raise errors.wrong_method(request.method) if known else errors.no_path(request.path)
        return handler(request)

    def _test(self, request: Request) -> Response:
        """What notarytool asks to check credentials; its body is not published, the status is what counts."""
        return _ok({})

    def _submit(self, request: Request) -> Response:
        name, digest = _new_submission(request.body)
        if name.lower().endswith((".dmg", ".iso")):
            raise errors.not_played("Its notary opens packages and zip archives, but no disk images.")
        submission, credentials = self._notary.submit(name, digest)
        return _ok(
            {
                "data": {
                    "type": "newSubmissions",
                    "id": submission.submission_id,
                    "attributes": {
                        "awsAccessKeyId": credentials.access_key,
                        "awsSecretAccessKey": credentials.secret,
                        "awsSessionToken": credentials.token,
                        "bucket": credentials.bucket,
                        "object": credentials.key,
                    },
                },
                "meta": {},
            }
        )

    def _history(self, request: Request) -> Response:
        return _ok({"data": [self._described(each) for each in self._notary.history()], "meta": {}})

    def _status(self, request: Request) -> Response:
        submission = self._notary.find(request.values["id"])
        if submission is None:
            raise errors.no_submission(request.values["id"])
        return _ok({"data": self._described(submission), "meta": {}})

    def _log(self, request: Request) -> Response:
        submission = self._notary.find(request.values["id"])
        url = self._notary.log_url(submission) if submission is not None else ""
        if submission is None or not url:
            raise errors.no_log(request.values["id"])
        data = {
            "id": submission.submission_id,
            "type": "submissionsLog",
            "attributes": {"developerLogUrl": url},
        }
        return _ok({"data": data, "meta": {}})

    def _described(self, submission: Submission) -> dict[str, Any]:
        created = datetime.fromtimestamp(submission.created, UTC)
        return {
            "id": submission.submission_id,
            "type": "submissions",
            "attributes": {
                "createdDate": created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03}Z",
                "name": submission.name,
                "status": self._notary.status(submission),
            },
        }


def _new_submission(body: bytes) -> tuple[str, str]:
    """Return name and SHA-256 (hex) of a new submission; raises ``ConnectError``."""
    try:
        document = json.loads(body)
    except ValueError:
        raise errors.invalid("", "is not JSON") from None
    if not isinstance(document, dict):
        raise errors.invalid("", "is not an object")
    name, digest = document.get("submissionName"), document.get("sha256")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise errors.invalid("submissionName", "must be the name of a file")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise errors.invalid("sha256", "must be 64 hexadecimal digits")
    notifications = document.get("notifications", [])
    if not isinstance(notifications, list):
        raise errors.invalid("notifications", "must be a list")
    if notifications:
        raise errors.not_played("It sends no notifications.")
    return name, digest.lower()


def _ok(document: dict[str, Any]) -> Response:
    # the real service does not call its JSON so
    return _response(200, json.dumps(document).encode(), "application/octet-stream")


def _response(status: int, body: bytes, kind: str, *, close: bool = False) -> Response:
    return Response(
        status,
        body,
        [
            ("Server", "daiquiri/5"),
            ("Content-Type", kind),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload"),
        ],
        close=close,
    )
