"""How the server refuses: HTTP 200 with ``Status`` and ``Message`` (the SDKs' CometAPIResponseMessage)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CometError(Exception):
    """A refusal; ``status`` is the document's, not HTTP's."""

    status: int
    message: str


def denied() -> CometError:
    """403: unknown user, wrong password, used or wrong code, ended session: it does not say which."""
    return CometError(403, "Invalid credentials (you may have entered the wrong username or password)")


def code_needed() -> CometError:
    """403: the account wants a one-time code besides."""
    return CometError(403, "ERR_TOTP_REQUIRED")


def not_permitted(what: str) -> CometError:
    """403: signed in, and not allowed to do this."""
    return CometError(403, f"Access denied: this administrator account is not permitted to {what}")


def top_level_only() -> CometError:
    """403: an administrator of a tenant asks for what is the whole server's."""
    return CometError(403, "Access denied: this API is only available to top-level administrators")


def role_off(role: str) -> CometError:
    """403: the role is not enabled on this server."""
    return CometError(403, f"The {role} is not enabled on this server")


def bad_argument(name: str) -> CometError:
    """400: a field is missing or cannot be read."""
    return CometError(400, f"Missing or invalid parameter '{name}'")


def missing(what: str) -> CometError:
    """404: there is none."""
    return CometError(404, f"{what} not found")


def build_failed(why: str) -> CometError:
    """500: the client could not be built."""
    return CometError(500, f"Failed to generate software: {why}")
