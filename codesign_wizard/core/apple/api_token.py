"""Tokens for App Store Connect: short-lived, made anew on the way.

A JSON Web Token (RFC 7519), ES256, header ``kid``, claims ``iss``, ``iat``, ``exp`` (at most 20 minutes after
``iat``) and ``aud`` (developer.apple.com, *Generating Tokens for API Requests*).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from codesign_wizard.core.apple.api_key import ApiKey, load_private_key
from codesign_wizard.core.redact import remember

AUDIENCE = "appstoreconnect-v1"
_LIFE = 15 * 60  # seconds
_RENEW = 3 * 60
_SLACK = 20  # a token from the future is refused, and clocks are never quite the same


class TokenSource:
    """Makes tokens with one key; a token is used until three minutes before its end."""

    def __init__(self, key: ApiKey, clock: Callable[[], float] = time.time) -> None:
        """Raises ``InputError`` for a private key that cannot be read."""
        self.key = key
        self._private = load_private_key(key)
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._made = 0.0

    def token(self) -> str:
        """Return a token that is good for some minutes."""
        now = self._clock()
        # also when the clock was set back, or the computer slept
        if not self._token or not self._made <= now < self._until - _RENEW:
            self._make(now)
        return self._token

    @property
    def age(self) -> float:
        """Seconds since the present token was made."""
        return self._clock() - self._made

    def forget(self) -> None:
        """Make a new token next time."""
        self._token = ""

    def _make(self, now: float) -> None:
        import jwt

        claims = {
            "iss": self.key.issuer_id,
            "iat": int(now) - _SLACK,
            "exp": int(now) + _LIFE,
            "aud": AUDIENCE,
        }
        self._token = jwt.encode(claims, self._private, algorithm="ES256", headers={"kid": self.key.key_id})
        remember(self._token)
        self._made, self._until = now, now + _LIFE
