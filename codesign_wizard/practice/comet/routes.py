"""The server on the wire: ``/api/v1/admin/…``, form fields in, JSON or a file out (the official SDKs)."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.comet import errors
from codesign_wizard.practice.comet.builds import Builder
from codesign_wizard.practice.comet.models import HOST, PLATFORMS, Administrator, CometServer
from codesign_wizard.practice.wire.messages import Request, Response, Service

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_PREFIX = "/api/v1/admin/"
_MAXIMUM = 64 << 20
_HEADERS = ("Username", "AuthType", "Password", "TOTP", "SessionKey")


def service(world: World) -> Service:
    """Return the service."""
    return Service("comet", (HOST,), Comet(world).handle, maximum_body=_MAXIMUM)


class Comet:
    """Checks who calls and what they may, does it, words the answer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._builder = Builder(world)
        self._calls: dict[str, Callable[[Administrator, dict[str, str]], Response]] = {
            "account/session-start": self._session_start,
            "account/session-revoke": self._session_revoke,
            "account/properties": self._properties,
            "meta/version": lambda account, fields: _json(self._server.version_info()),
            "meta/branding-config/get": self._get,
            "meta/branding-config/set": self._set,
            "meta/resource/get": self._resource,
            "meta/list-available-log-days": self._days,
            "meta/read-logs": self._log,
            "branding/available-platforms": self._platforms,
            "branding/generate-client/test": self._test,
            "branding/generate-client/by-platform": self._generate,
        }

    @property
    def _server(self) -> CometServer:
        return self._world.comet

    def handle(self, request: Request) -> Response:
        """Answer *request*."""
        if not request.path.startswith(_PREFIX):
            page = b"<!DOCTYPE html><html><head><title>Backup server</title></head><body></body></html>"
            if request.method in ("GET", "HEAD") and request.path == "/":
                return Response(200, page, [("Content-Type", "text/html; charset=utf-8")])
            return Response(404, b"404 page not found\n", [("Content-Type", "text/plain; charset=utf-8")])
        if request.method != "POST":
            return Response(405, b"Method Not Allowed\n", [("Content-Type", "text/plain; charset=utf-8")])
        call = request.path.removeprefix(_PREFIX).rstrip("/")
        try:
            if call == "meta/resource/new":
                return self._upload(request)
            handler = self._calls.get(call)
            if handler is None:
                return Response(404, b"404 page not found\n", [("Content-Type", "text/plain; charset=utf-8")])
            fields = request.form()
            with self._world.lock:
                account = self._server.authenticate(fields)
            return handler(account, fields)
        except errors.CometError as error:
            return _message(error.status, error.message)

    # accounts

    def _session_start(self, account: Administrator, fields: dict[str, str]) -> Response:
        with self._world.lock:
            key = self._server.start_session(account)
        return _json({"Status": 200, "Message": "OK", "SessionKey": key, "SessionType": "ADMIN"})

    def _session_revoke(self, account: Administrator, fields: dict[str, str]) -> Response:
        if fields.get("AuthType") != "SessionKey":
            raise errors.bad_argument("SessionKey")
        with self._world.lock:
            self._server.revoke_session(fields.get("SessionKey", ""))
        return _message(200, "OK")

    def _properties(self, account: Administrator, fields: dict[str, str]) -> Response:
        return _json(
            {
                "OrganizationID": account.organization,
                "Permissions": account.permissions.to_json(),
                "Security": {
                    "PasswordFormat": 0,
                    "Password": "",
                    "AllowPasswordLogin": not account.totp,
                    "AllowPasswordAndTOTPLogin": bool(account.totp),
                    "TOTPKeyEncryptionFormat": 0,
                    # whether a server blanks it is not documented: the harder case for who reads it
                    "TOTPKey": base64.b32encode(account.totp).decode(),
                    "IPWhitelist": "",
                },
            }
        )

    # settings and files

    def _get(self, account: Administrator, fields: dict[str, str]) -> Response:
        _may_brand(account)
        with self._world.lock:
            body = f'{{"Branding":{self._server.branding_text()}}}'
            if self._server.on_read is not None:
                self._server.on_read()
        return Response(200, body.encode(), [("Content-Type", "application/json; charset=utf-8")])

    def _set(self, account: Administrator, fields: dict[str, str]) -> Response:
        _may_brand(account)
        if "BrandingConfig" not in fields:
            raise errors.bad_argument("BrandingConfig")
        with self._world.lock:
            self._server.set_branding(fields["BrandingConfig"])
            self._world.save()
        return _message(200, "OK")

    def _upload(self, request: Request) -> Response:
        fields = {name: request.headers.get(f"X-Comet-Admin-{name}") for name in _HEADERS}
        with self._world.lock:
            self._server.authenticate(fields)
            data = _part(request, "upload")
            if data is None:
                raise errors.bad_argument("upload")
            key = self._server.upload(data)
        return _json({"Status": 200, "Message": "OK", "ResourceHash": key})

    def _resource(self, account: Administrator, fields: dict[str, str]) -> Response:
        with self._world.lock:
            data = self._server.resources.get(fields.get("Hash", ""))
        if data is None:
            raise errors.missing("Resource")
        return Response(200, data, [("Content-Type", "application/octet-stream")])

    # the log

    def _days(self, account: Administrator, fields: dict[str, str]) -> Response:
        _top_level(account)
        return _json(self._server.log_days())

    def _log(self, account: Administrator, fields: dict[str, str]) -> Response:
        _top_level(account)
        text = self._server.read_log(_number(fields, "Log"))
        return Response(200, text.encode(), [("Content-Type", "text/plain; charset=utf-8")])

    # builds

    def _platforms(self, account: Administrator, fields: dict[str, str]) -> Response:
        self._may_build(account)
        return _json(
            {
                str(number): {"Category": category, "Description": words, "Recommended": recommended}
                for number, category, words, recommended, _, _ in PLATFORMS
            }
        )

    def _test(self, account: Administrator, fields: dict[str, str]) -> Response:
        self._may_build(account)
        _platform(fields)
        return _message(200, "OK")

    def _generate(self, account: Administrator, fields: dict[str, str]) -> Response:
        self._may_build(account)
        name, body = self._builder.build(*_platform(fields))
        return Response(
            200,
            body,
            [
                ("Content-Type", "application/octet-stream"),
                ("Content-Disposition", f'attachment; filename="{name}"'),
            ],
        )

    def _may_build(self, account: Administrator) -> None:
        if not self._server.build_role:
            raise errors.role_off("Software Build Role")
        if not self._server.authentication_role:
            raise errors.role_off("Auth Role")
        if account.permissions.deny_software_build_role:
            raise errors.not_permitted("use the Software Build Role")


def _may_brand(account: Administrator) -> None:
    if not account.permissions.may_edit_branding:
        raise errors.not_permitted("view or edit the branding configuration")


def _top_level(account: Administrator) -> None:
    if account.organization:
        raise errors.top_level_only()


def _number(fields: dict[str, str], name: str) -> int:
    text = fields.get(name, "")
    if not text.isascii() or not text.isdigit():
        raise errors.bad_argument(name)
    return int(text)


def _platform(fields: dict[str, str]) -> tuple[str, str]:
    number = _number(fields, "Platform")
    for known, _, _, _, kind, architecture in PLATFORMS:
        if known == number:
            return kind, architecture
    raise errors.bad_argument("Platform")


def _part(request: Request, name: str) -> bytes | None:
    """Return the part *name* of a multipart/form-data body (RFC 7578)."""
    kind = request.headers.get("Content-Type")
    if not kind.lower().startswith("multipart/form-data"):
        return None
    head = f"Content-Type: {kind}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    for part in parsed.iter_parts() if parsed.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == name:
            return bytes(part.get_payload(decode=True) or b"")
    return None


def _json(document: Any) -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(200, body, [("Content-Type", "application/json; charset=utf-8")])


def _message(status: int, message: str) -> Response:
    return _json({"Status": status, "Message": message})
