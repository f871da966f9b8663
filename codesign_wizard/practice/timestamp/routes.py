"""Time-stamp servers on the wire (RFC 3161, 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign_wizard.practice.timestamp.hosts import APPLE, APPLE_HOST, APPLE_PATH, HOSTS
from codesign_wizard.practice.timestamp.models import TimestampUnit
from codesign_wizard.practice.wire.messages import Request, Response, Service

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World


def service(world: World) -> Service:
    """Return the service for all time-stamp hosts: Apple's at its path, the others at any."""
    hosts = {**HOSTS, APPLE: APPLE_HOST}
    units = {hosts[label]: unit for label, unit in world.timestamp_units.items()}
    return Service(
        "timestamp", tuple(units), lambda request: _handle(request, units[request.host]), schemes=("http",)
    )


def _handle(request: Request, unit: TimestampUnit) -> Response:
    plain = [("Content-Type", "text/plain; charset=utf-8")]
    if request.host == APPLE_HOST and request.path != APPLE_PATH:
        return Response(404, b"Not found.\n", plain)
    if request.method != "POST":
        return Response(405, b"Send a time-stamp request with POST.\n", [*plain, ("Allow", "POST")])
    kind = request.headers.get("Content-Type").partition(";")[0].strip().lower()
    if kind != "application/timestamp-query":
        return Response(415, b"The content type is not application/timestamp-query.\n", plain)
    return Response(200, unit.answer(request.body), [("Content-Type", "application/timestamp-reply")])
