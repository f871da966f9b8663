"""Refusals of App Store Connect, in its words and shapes.

Seen with other people's clients: errors are JSON:API documents with an ``id`` each; what the gateway before
the service refuses is plain text. Which refusal of a token comes in which shape is not published.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

_GATEWAY = "Unauthenticated\n\nRequest ID: {request}.0.0\n"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class ConnectError(Exception):
    """A refusal: HTTP status and the body, a document or plain text."""

    def __init__(self, status: int, body: dict[str, Any] | str) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def _error(status: int, code: str, title: str, detail: str, **more: Any) -> ConnectError:
    error = {"id": str(uuid.uuid4()), "status": str(status), "code": code, "title": title, "detail": detail}
    return ConnectError(status, {"errors": [error | more]})


def unauthenticated() -> ConnectError:
    """No token, one that nobody here made, or one of a key that the service does not take: plain text."""
    request = "".join(secrets.choice(_BASE32) for _ in range(26))
    return ConnectError(401, _GATEWAY.format(request=request))


def not_authorized() -> ConnectError:
    """A token of a known key whose claims do not hold: expired, for too long, of another issuer."""
    return _error(
        401,
        "NOT_AUTHORIZED",
        "Authentication credentials are missing or invalid.",
        "Provide a properly configured and signed bearer token, and make sure that it has not expired. Learn "
        "more about Generating Tokens for API Requests https://developer.apple.com/go/?id=api-generating-tokens",
    )


def agreement_missing() -> ConnectError:
    """The account holder has to accept something first."""
    return _error(
        403,
        "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
        "A required agreement is missing or has expired.",
        "This request requires an in-effect agreement that has not been signed or has expired.",
        links={"see": "/business"},
    )


def role_too_low() -> ConnectError:
    """The key's role does not include notarisation."""
    return _error(
        403,
        "FORBIDDEN_ERROR",
        "This request is forbidden for security reasons",
        "The API key in use does not allow this request",
    )


def team_inaccessible() -> ConnectError:
    """The team is gone from the programme, or the key's owner from the team."""
    title = "Invalid or inaccessible developer team ID"
    return _error(
        403,
        "FORBIDDEN_ERROR",
        title,
        f"{title}. Ensure the Team ID is correct and that you are a member of that team.",
    )


def no_submission(submission_id: str) -> ConnectError:
    """No submission of this id in the team."""
    return _error(
        404,
        "NOT_FOUND",
        "The specified resource does not exist",
        f"There is no resource of type 'submissions' with id '{submission_id}'",
    )


def no_log(submission_id: str) -> ConnectError:
    """No log of this id: also while the submission is in progress."""
    return _error(
        404,
        "NOT_FOUND",
        "The specified resource does not exist",
        f"There is no resource of type 'submissionsLog' for id '{submission_id}'",
    )


def invalid(field: str, why: str) -> ConnectError:
    """The body of a new submission does not hold; the real service's words are not known."""
    return _error(
        400,
        "PARAMETER_ERROR.INVALID",
        "A parameter has an invalid value",
        f"'{field}' {why}",
        source={"pointer": f"/{field}"},
    )


def no_path(path: str) -> ConnectError:
    """Nothing is at this path."""
    return _error(404, "PATH_ERROR", "The URL path is not valid", f"The URL path '{path}' is not valid")


def wrong_method(method: str) -> ConnectError:
    """The path knows other methods."""
    return _error(
        405,
        "METHOD_NOT_ALLOWED",
        "The request method is not valid for the resource path.",
        f"The request method used for this request is not valid for the resource path. ({method})",
    )


def not_played(what: str) -> ConnectError:
    """What Apple does and the practice cloud does not."""
    return _error(
        501,
        "NOT_IMPLEMENTED",
        "The practice cloud does not play this.",
        f"{what} Apple's notary service does.",
    )
