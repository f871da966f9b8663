"""What Microsoft Graph says when it refuses (learn.microsoft.com/graph/errors, and real answers)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GraphError(Exception):
    """A refusal, as ``{"error": {"code", "message", "innerError"}}``."""

    status: int
    code: str
    message: str
    detail: str = ""  # the code of the one entry of ``details``, where there is one


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


def not_delegated() -> GraphError:
    """400: an application has no ``/me``."""
    return GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")


def missing(name: str) -> GraphError:
    """404: no object of this id in the tenant."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{name}' does not exist or one of its queried reference-property objects are not present.",
    )


def segment_unknown(segment: str) -> GraphError:
    """400: a path without a version, or with nothing after it."""
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def filter_unsupported() -> GraphError:
    """400: a filter that the directory, or practice, does not know."""
    return GraphError(
        400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified."
    )


def method_wrong() -> GraphError:
    """405: not done to this."""
    return GraphError(
        405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."
    )


def not_played(what: str) -> GraphError:
    """501 in words of the practice cloud's own: real, but not part of it."""
    return GraphError(501, "NotImplemented", f"The practice cloud does not play '{what}'.")


def body_unreadable() -> GraphError:
    """400: no JSON object."""
    return GraphError(
        400,
        "BadRequest",
        "Unable to read JSON request payload. Please ensure Content-Type "
        "header is set and payload is of valid JSON format.",
    )


def property_missing(name: str) -> GraphError:
    """400: it cannot be without."""
    return GraphError(
        400, "Request_BadRequest", f"A value is required for property '{name}' of resource 'Application'."
    )


def property_invalid(name: str, resource: str) -> GraphError:
    """400: a value of another kind."""
    return GraphError(
        400,
        "Request_BadRequest",
        f"Invalid value specified for property '{name}' of resource '{resource}'.",
    )


def credential_times_invalid() -> GraphError:
    """400: a secret that ends before it begins (wording by analogy)."""
    return GraphError(400, "Request_BadRequest", "Credential lifetime is invalid: it ends before it begins.")


def credential_missing(key_id: str) -> GraphError:
    """400: no secret of this id."""
    return GraphError(400, "Request_BadRequest", f"No password credential found with keyId '{key_id}'.")


def application_missing(application_id: str) -> GraphError:
    """400: there is nothing to make a service principal of; also of one that was registered just now."""
    return GraphError(
        400,
        "Request_BadRequest",
        f"The appId '{application_id}' of the service principal does not reference a valid application "
        "object.",
        "NoBackingApplicationObject",
    )


def service_principal_exists(application_id: str) -> GraphError:
    """409: an application has one in each tenant."""
    return GraphError(
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "The service principal cannot be created, updated, or restored because the service principal name "
        f"{application_id} is already in use.",
        "ObjectConflict",
    )
