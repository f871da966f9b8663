"""Access tokens: JSON Web Tokens (RFC 7519) signed RS256, of Entra's version 1.0 shape; and reading them.

Key Vault checks the tokens it is given with the same key, as the real one does with the published keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from codesign_wizard.practice.authority import build, key_usage, name
from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.entra.models import Grant
from codesign_wizard.practice.state import State

LIFETIME = 3599  # seconds, as Entra's expires_in says
_REMEMBERED = 500  # tokens, of some 2 kB
_BACKDATED = 300  # iat and nbf lie five minutes back in real tokens


class TokenError(ValueError):
    """The text is no token that this cloud has signed. ``header`` is its encoded header."""

    def __init__(self, text: str, header: str = "") -> None:
        super().__init__(text)
        self.header = header


def base64url(data: bytes) -> str:
    """Return *data* in base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return the bytes of base64url or base64, with or without padding; raises ``ValueError``."""
    text = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


class TokenAuthority:
    """Signs and checks access tokens with one key, and publishes it."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        # what a signature was found good for, with the key: a client sends the same token again and again
        self._checked: OrderedDict[str, tuple[rsa.RSAPrivateKey, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def _key(self) -> rsa.RSAPrivateKey:
        key = self._state.key("token-signing", "rsa-2048")
        assert isinstance(key, rsa.RSAPrivateKey), "asked for as RSA"
        return key

    @property
    def _certificate(self) -> x509.Certificate:
        subject = name("accounts.accesscontrol.windows.net (practice)")
        return self._state.certificate(
            "token-signing",
            lambda: build(
                subject,
                self._key.public_key(),
                subject,
                self._key,
                start=datetime.now(UTC) - timedelta(days=30),
                days=5 * 365,
                extensions=[(key_usage("digital_signature"), True)],
            ),
        )

    @property
    def key_id(self) -> str:
        """The key's ``kid``: the base64url SHA-1 thumbprint of its certificate, as Entra does."""
        return _thumbprint(self._certificate)

    def key_set(self, issuer: str | None = None) -> dict[str, Any]:
        """Return the published keys (RFC 7517); the version 2.0 document names the *issuer* with each."""
        numbers = self._key.public_key().public_numbers()
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "kid": self.key_id,
                    "x5t": self.key_id,
                    "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
                    "e": base64url(numbers.e.to_bytes(3, "big")),
                    "x5c": [base64.b64encode(der).decode()],
                    **({"issuer": issuer} if issuer else {}),
                }
            ]
        }

    def issue(self, grant: Grant) -> str:
        """Return a signed access token for *grant*, in the cloud's time.

        Groups are those of this moment: who joins one later needs a new token.
        """
        now = self._clock.timestamp()
        issuer = f"https://sts.windows.net/{grant.tenant.tenant_id}/"
        groups = [group.object_id for group in grant.tenant.groups_of(grant.principal_id)]
        claims: dict[str, Any] = {
            "aud": grant.audience,
            "iss": issuer,
            "iat": now - _BACKDATED,
            "nbf": now - _BACKDATED,
            "exp": now + LIFETIME + 1,
            "aio": base64.b64encode(secrets.token_bytes(24)).decode(),
            "appid": grant.application_id,
            "appidacr": "1" if grant.user is None else "0",
            **({"groups": groups} if groups else {}),
            "idp": issuer,
            "idtyp": "app" if grant.user is None else "user",
            "oid": grant.principal_id,
            "rh": "1." + base64url(secrets.token_bytes(45)) + ".",
            "sub": grant.principal_id if grant.user is None else pairwise(grant),
            "tid": grant.tenant.tenant_id,
            "uti": base64url(uuid.uuid4().bytes),
            "ver": "1.0",
            "xms_ftd": base64url(secrets.token_bytes(32)),
        }
        if grant.user is not None:
            claims |= {
                "acr": "1",
                "amr": ["pwd", "mfa"],
                "name": grant.user.name,
                "scp": "user_impersonation",
                "unique_name": grant.user.principal_name,
                "upn": grant.user.principal_name,
            }
            del claims["idp"]  # only of guests
        return self.sign(claims)

    def issue_identity(self, grant: Grant, nonce: str = "") -> str:
        """Return a version 2.0 ID token (OpenID Connect Core, 2) for the client that asked."""
        assert grant.user is not None, "an application has no ID token"
        now = self._clock.timestamp()
        return self.sign(
            {
                "aud": grant.application_id,
                "iss": f"https://login.microsoftonline.com/{grant.tenant.tenant_id}/v2.0",
                "iat": now - _BACKDATED,
                "nbf": now - _BACKDATED,
                "exp": now + LIFETIME + 1,
                "name": grant.user.name,
                **({"nonce": nonce} if nonce else {}),
                "oid": grant.user.object_id,
                "preferred_username": grant.user.principal_name,
                "rh": "1." + base64url(secrets.token_bytes(45)) + ".",
                "sub": pairwise(grant),
                "tid": grant.tenant.tenant_id,
                "uti": base64url(uuid.uuid4().bytes),
                "ver": "2.0",
            }
        )

    def sign(self, claims: dict[str, Any]) -> str:
        """Return *claims* as a token signed with the published key."""
        header = {"typ": "JWT", "alg": "RS256", "x5t": self.key_id, "kid": self.key_id}
        text = ".".join(
            base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
        )
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64url(signature)}"

    def check(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token this authority signed; raises ``TokenError``.

        Issuer, audience and lifetime are the resource's to judge. Any algorithm but RS256 (``none`` among
        them) is refused (RFC 8725, 3.1).
        """
        key = self._key
        with self._lock:
            known = self._checked.get(token)
        if known is not None and known[0] is key:
            return known[1]
        encoded_header = token.partition(".")[0]
        header = _decode(encoded_header)
        text, _, signature = token.rpartition(".")
        if header.get("alg") != "RS256" or self.key_id not in (header.get("kid"), header.get("x5t")):
            raise TokenError("signed with no key of this cloud", encoded_header)
        try:
            key.public_key().verify(
                from_base64url(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError) as error:
            raise TokenError("the signature is wrong", encoded_header) from error
        claims = _decode(text.partition(".")[2])
        with self._lock:
            self._checked[token] = key, claims
            if len(self._checked) > _REMEMBERED:
                self._checked.popitem(last=False)
        return claims


@lru_cache(maxsize=16)  # every request's token asks for it
def _thumbprint(certificate: x509.Certificate) -> str:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return base64url(hashlib.sha1(der, usedforsecurity=False).digest())


def pairwise(grant: Grant) -> str:
    """Return a user's ``sub``: another one with each application (OpenID Connect Core, 8.1)."""
    return base64url(hashlib.sha256(f"{grant.application_id} {grant.principal_id}".encode()).digest())


@lru_cache(maxsize=_REMEMBERED)
def unchecked_claims(token: str) -> Mapping[str, Any]:
    """Return a token's claims without any check, or nothing; for the words of a refusal only."""
    parts = token.split(".")
    try:
        return _decode(parts[1]) if len(parts) == 3 else {}
    except TokenError:
        return {}


def _decode(part: str) -> dict[str, Any]:
    try:
        document = json.loads(from_base64url(part))
    except (ValueError, RecursionError) as error:  # nested too deeply
        raise TokenError("not a JSON Web Token", part) from error
    if not isinstance(document, dict):
        raise TokenError("not a JSON Web Token", part)
    return document
