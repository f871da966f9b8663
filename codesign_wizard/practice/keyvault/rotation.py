"""Rotation policies of keys: read, kept, and what they give a new version.

learn.microsoft.com/azure/key-vault/keys/how-to-configure-key-rotation; the answers are those of recordings
of the SDKs' live tests: a notice thirty days before the end is always there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from codesign_wizard.practice.keyvault import errors

_NOTICE = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?"
)
_SHORTEST = timedelta(days=28)
_TRIGGERS = ("timeAfterCreate", "timeBeforeExpiry")


def read(body: dict[str, Any], present: dict[str, Any] | None, now: int) -> dict[str, Any]:
    """Return the policy that *body* sets in place of *present*; raises ``VaultError``."""
    attributes, actions = body.get("attributes") or {}, body.get("lifetimeActions") or []
    if not isinstance(attributes, dict):
        raise errors.property_invalid("attributes")
    if not isinstance(actions, list) or len(actions) > 2:
        raise errors.property_invalid("lifetimeActions")
    term = attributes.get("expiryTime")
    if term is not None and _length(term, "expiryTime") < _SHORTEST:
        raise errors.property_invalid("expiryTime")
    kept = [_action(each, term) for each in actions]
    types = [each["action"]["type"] for each in kept]
    if len(set(types)) != len(types):
        raise errors.property_invalid("lifetimeActions")
    if "Notify" not in types:
        kept.append(_NOTICE)
    created = present["attributes"]["created"] if present else now
    times = {"created": created, "updated": now}
    return {"lifetimeActions": kept, "attributes": ({"expiryTime": term} if term else {}) | times}


def default(created: int, updated: int) -> dict[str, Any]:
    """Return the policy of a key that nobody set one for."""
    return {"lifetimeActions": [_NOTICE], "attributes": {"created": created, "updated": updated}}


def expiry(policy: dict[str, Any] | None, now: int) -> int | None:
    """Return when a version made now expires, in seconds since the epoch."""
    term = policy["attributes"].get("expiryTime") if policy else None
    if not term:
        return None
    return int((datetime.fromtimestamp(now, UTC) + _length(term, "expiryTime")).timestamp())


def _action(given: Any, term: str | None) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise errors.property_invalid("lifetimeActions")
    trigger, action = given.get("trigger"), given.get("action")
    if not isinstance(trigger, dict) or not isinstance(action, dict):
        raise errors.property_invalid("lifetimeActions")
    names = {"rotate": "Rotate", "notify": "Notify"}
    kind = names.get(str(action.get("type", "")).lower())
    if kind is None:
        raise errors.property_invalid("type")
    told = {name: trigger[name] for name in _TRIGGERS if trigger.get(name) is not None}
    if len(told) != 1 or (kind == "Notify" and "timeBeforeExpiry" not in told):
        raise errors.property_invalid("trigger")
    for name, value in told.items():
        _length(value, name)
    if kind == "Rotate" and "timeBeforeExpiry" in told and term is None:
        raise errors.property_invalid("timeBeforeExpiry")  # before what never comes
    return {"trigger": told, "action": {"type": kind}}


def _length(value: Any, member: str) -> timedelta:
    """Return an ISO 8601 duration, a month as 30 days and a year as 365; raises ``VaultError``."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise errors.property_invalid(member)
    years, months, weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    length = timedelta(
        days=years * 365 + months * 30 + weeks * 7 + days, hours=hours, minutes=minutes, seconds=seconds
    )
    if not timedelta() < length <= timedelta(days=36500):
        raise errors.property_invalid(member)
    return length
