"""The server has its package notarised, and staples the ticket, as its level says.

The Notary API with a token of its own making ("Notary API", developer.apple.com; RFC 7515, ES256), asked as
over the wire. The upload goes straight into the bucket that the answer names. The trailer of a stapled
package is that of Apple's stapler.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt

from codesign_wizard.core.apple.xar import Xar
from codesign_wizard.practice.appstoreconnect.models import AUDIENCE
from codesign_wizard.practice.appstoreconnect.routes import HOST
from codesign_wizard.practice.appstoreconnect.routes import service as connect
from codesign_wizard.practice.wire.messages import Headers, Request

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

_PATH = "/notary/v2/submissions"
_LIFE = 900  # seconds
_PATIENCE = 120.0
_PAUSE = 0.1
_TRAILER = struct.Struct("<4sHHII")
_DIGEST_TYPES = {"sha1": 1, "sha256": 2}


class NotarisingError(Exception):
    """Apple's service refused, or found something; the text is the server's log line."""


@dataclass(frozen=True)
class ApiKey:
    """The App Store Connect API key as it stands in the settings; ``pem`` is the uploaded .p8."""

    issuer_id: str
    key_id: str
    pem: bytes


def notarise(world: World, key: ApiKey, name: str, package: bytes) -> None:
    """Have *package* notarised and wait for the verdict; raises ``NotarisingError``."""
    digest = hashlib.sha256(package).hexdigest()
    told = _ask(world, key, "POST", _PATH, {"submissionName": name, "sha256": digest})
    attributes, submission_id = told["data"]["attributes"], told["data"]["id"]
    world.storage.put_bytes(attributes["bucket"], attributes["object"], package)
    world.comet.write(f"Notarisation submitted: {submission_id}")
    ends = time.monotonic() + _PATIENCE
    status = "In Progress"
    while status == "In Progress":
        if time.monotonic() > ends or world.conditions.stopping.wait(_PAUSE):
            raise NotarisingError(f"notarisation {submission_id} is still in progress")
        status = _ask(world, key, "GET", f"{_PATH}/{submission_id}")["data"]["attributes"]["status"]
    world.comet.write(f"Notarisation {submission_id}: {status}")
    if status != "Accepted":
        submission = world.notary.find(submission_id)
        issues = (submission.log or {}).get("issues") if submission is not None else None
        words = "; ".join(f"{each.get('path')}: {each.get('message')}" for each in issues or [])
        raise NotarisingError(f"notarisation {submission_id}: {status}: {words}")


def staple(world: World, path: Path) -> bytes:
    """Return the package *path* with its ticket; raises ``NotarisingError`` where there is none."""
    with Xar(path) as archive:
        kind = _DIGEST_TYPES[archive.digest_name]
        record = f"2/{kind}/{archive.digest[:20].hex()}"
    ends = time.monotonic() + _PATIENCE
    while (ticket := world.tickets.find(record)) is None:
        if time.monotonic() > ends or world.conditions.stopping.wait(_PAUSE):
            raise NotarisingError(f"stapling: no ticket for {record}")
    data = bytes.fromhex(ticket.data)
    world.comet.write("Stapled the ticket")
    first = _TRAILER.pack(b"t8lr", 1, 1, 0, 0)
    return path.read_bytes() + first + data + _TRAILER.pack(b"t8lr", 1, 2, len(data), 0)


def _ask(world: World, key: ApiKey, method: str, path: str, body: Any = None) -> dict[str, Any]:
    now = world.clock.timestamp()
    claims = {"iss": key.issuer_id, "iat": now, "exp": now + _LIFE, "aud": AUDIENCE}
    try:
        token = jwt.encode(claims, key.pem.decode(), "ES256", headers={"kid": key.key_id})
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise NotarisingError(f"the API key cannot be used: {error}") from error
    headers = Headers([("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")])
    data = b"" if body is None else json.dumps(body).encode()
    answer = connect(world).handle(Request(method, path, "HTTP/1.1", headers, data, "https", HOST, 443))
    if answer.status >= 400:
        raise NotarisingError(
            f"App Store Connect: HTTP {answer.status} {answer.body.decode('utf-8', 'replace')}"
        )
    document: dict[str, Any] = json.loads(answer.body)
    return document
