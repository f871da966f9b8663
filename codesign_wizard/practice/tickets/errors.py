"""Refusals of CloudKit's web services ("CloudKit Web Services Reference, Error Dictionary")."""

from __future__ import annotations

import uuid
from typing import Any


class CloudKitError(Exception):
    """A request that is refused as a whole."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.document: dict[str, Any] = {
            "uuid": str(uuid.uuid4()),
            "serverErrorCode": code,
            "reason": reason,
        }


def bad_request(reason: str) -> CloudKitError:
    """The body does not read as it must."""
    return CloudKitError(400, "BAD_REQUEST", reason)


def no_path() -> CloudKitError:
    """No such database or operation."""
    return CloudKitError(404, "NOT_FOUND", "no such container, environment, database or operation")


def not_found(record_name: str) -> dict[str, Any]:
    """Return what stands in place of a record that is not there; the answer's status stays 200."""
    return {"recordName": record_name, "reason": "Record not found", "serverErrorCode": "NOT_FOUND"}
