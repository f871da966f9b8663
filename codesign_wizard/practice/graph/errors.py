"""What Microsoft Graph says when it refuses (learn.microsoft.com/graph/errors, and real answers)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GraphError(Exception):
    """A refusal, as ``{"error": {"code", "message", "innerError"}}``."""

    status: int
    code: str
    message: str


def _token(message: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message)


def token_missing() -> GraphError:
    """401: no ``Authorization``."""
    return _token("Access token is empty.")


def token_malformed() -> GraphError:
    """401: no token of Entra ID's."""
    return _token("IDX14100: JWT is not well formed, there are no dots (.).")


def token_untrue() -> GraphError:
    """401: the signature is nobody's here."""
    return _token("Access token validation failure. Invalid signature.")


def audience_invalid() -> GraphError:
    """401: a token for another resource."""
    return _token("Access token validation failure. Invalid audience.")


def token_expired() -> GraphError:
    """401: past ``exp``."""
    return _token("Lifetime validation failed, the token is expired.")


def denied() -> GraphError:
    """403: an application that no administrator let read the directory."""
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def missing(name: str) -> GraphError:
    """404: no object of this id in the tenant."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{name}' does not exist or one of its queried reference-property objects are not present.",
    )


def segment_unknown(segment: str) -> GraphError:
    """400: a path that is none, or that practice does not play."""
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def filter_unsupported() -> GraphError:
    """400: a filter other than by application id."""
    return GraphError(
        400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified."
    )
