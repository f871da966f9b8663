"""Looking tickets up ("CloudKit Web Services Reference, Fetching Records by Record Name")."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice.tickets import errors
from codesign_wizard.practice.tickets.errors import CloudKitError
from codesign_wizard.practice.wire.messages import Request, Response, Service

if TYPE_CHECKING:
    from codesign_wizard.practice.tickets.models import Ticket
    from codesign_wizard.practice.world import World

HOST = "api.apple-cloudkit.com"
PATH = "/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
_MOST = 200  # records a request


def service(world: World) -> Service:
    """Return the service for CloudKit's public database of tickets."""

    def handle(request: Request) -> Response:
        try:
            if request.path != PATH:
                raise errors.no_path()
            if request.method != "POST":
                return Response(405, b"", [("Allow", "POST")])
            return _response(200, {"records": [_record(world, name) for name in _names(request.body)]})
        except CloudKitError as error:
            return _response(error.status, error.document)

    return Service("tickets", (HOST,), handle)


def _names(body: bytes) -> list[str]:
    try:
        document = json.loads(body)
    except ValueError:
        raise errors.bad_request("BadRequestException: could not parse request body") from None
    records = document.get("records") if isinstance(document, dict) else None
    if isinstance(records, dict):
        records = [records]  # staplers are around that send one without a list
    if not isinstance(records, list) or not records:
        raise errors.bad_request("BadRequestException: missing required field 'records'")
    if len(records) > _MOST:
        raise errors.bad_request(f"BadRequestException: more than {_MOST} records")
    names = [each.get("recordName") if isinstance(each, dict) else None for each in records]
    if not all(isinstance(name, str) and name for name in names):
        raise errors.bad_request("BadRequestException: missing required field 'recordName'")
    return [str(name) for name in names]


def _record(world: World, name: str) -> dict[str, Any]:
    ticket = world.tickets.find(name)
    if ticket is None:
        return errors.not_found(name)
    return {
        "recordName": name,
        "recordType": "DeveloperIDTicket",
        "fields": {
            "signedTicket": {"value": base64.b64encode(bytes.fromhex(ticket.data)).decode(), "type": "BYTES"}
        },
        "pluginFields": {},
        "recordChangeTag": ticket.change_tag,
        "created": _event(ticket),
        "modified": _event(ticket),
        "deleted": False,
    }


def _event(ticket: Ticket) -> dict[str, Any]:
    return {"timestamp": int(ticket.published * 1000), "userRecordName": ticket.user, "deviceID": "2"}


def _response(status: int, document: dict[str, Any]) -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(
        status,
        body,
        [
            ("Server", "AppleHttpServer/2f080fc0"),
            ("Content-Type", "application/json; charset=UTF-8"),
            ("Cache-Control", "no-cache"),
        ],
    )
