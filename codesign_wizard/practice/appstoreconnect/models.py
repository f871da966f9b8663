"""A team's account at App Store Connect: its API keys, and what stands against using them."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from codesign_wizard.practice.appstoreconnect import errors
from codesign_wizard.practice.state import State

AUDIENCE = "appstoreconnect-v1"
LONGEST = 20 * 60  # seconds a token may live (Apple, Generating Tokens for API Requests)
_LEEWAY = 60  # seconds a client's clock may be ahead
# roles whose keys the notary service takes: Developer or above
ROLES = ("ADMIN", "APP_MANAGER", "DEVELOPER")
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass
class ApiKey:
    """An API key: a team's, or of one person (``individual``, which has no issuer)."""

    key_id: str
    role: str
    individual: bool = False
    revoked: bool = False

    @property
    def state_name(self) -> str:
        """The name of its private key in the state."""
        return f"api-key-{self.key_id}"

    def private_key(self, state: State) -> ec.EllipticCurvePrivateKey:
        """Return the key that a person downloads once."""
        key = state.key(self.state_name, "ec-P-256")
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.state_name} is not EC")
        return key


@dataclass
class Account:
    """A team's account. ``issuer_id`` is the same for all of its keys."""

    team_id: str
    issuer_id: str
    keys: list[ApiKey] = field(default_factory=list)
    agreement_missing: bool = False
    inaccessible: bool = False
    configured: bool = True  # for notarisation; a new team may not be, for weeks

    @classmethod
    def new(cls, team_id: str) -> Account:
        """Return a new account with a team key of a developer."""
        return cls(team_id, str(uuid.uuid4()), [ApiKey(new_key_id(), "DEVELOPER")])

    @property
    def key(self) -> ApiKey:
        """The first key: the one that the practice person has."""
        return self.keys[0]

    def to_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Account:
        """Return what was kept; raises ``KeyError`` and ``TypeError``."""
        return cls(**document | {"keys": [ApiKey(**each) for each in document["keys"]]})


def new_key_id() -> str:
    """Return ten signs, as Key IDs have."""
    return "".join(secrets.choice(_SIGNS) for _ in range(10))


def check_token(token: str, account: Account, state: State, now: datetime) -> ApiKey:
    """Return the key that signed *token* (RFC 7519, ES256); raises ``ConnectError``."""
    try:
        head, payload, signature = token.split(".")
        header, claims = _json(head), _json(payload)
        raw = _decoded(signature)
    except (ValueError, binascii.Error):
        raise errors.unauthenticated() from None
    key = next((each for each in account.keys if each.key_id == header.get("kid")), None)
    if key is None or key.revoked or header.get("alg") != "ES256" or header.get("typ", "JWT") != "JWT":
        raise errors.unauthenticated()
    if key.individual or not _signed(key, state, f"{head}.{payload}".encode(), raw):
        raise errors.unauthenticated()
    _check_claims(claims, account, now.timestamp())
    return key


def _check_claims(claims: dict[str, Any], account: Account, now: float) -> None:
    ends, audience = claims.get("exp"), claims.get("aud")
    if claims.get("iss") != account.issuer_id or audience not in (AUDIENCE, [AUDIENCE]):
        raise errors.not_authorized()
    if not _is_time(ends) or not now < ends <= now + LONGEST + _LEEWAY:
        raise errors.not_authorized()
    issued = claims.get("iat", now)  # without it Apple counts a token's life from now
    if not _is_time(issued) or issued > now + _LEEWAY or ends - issued > LONGEST + _LEEWAY:
        raise errors.not_authorized()


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _signed(key: ApiKey, state: State, text: bytes, raw: bytes) -> bool:
    if len(raw) != 64:
        return False
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.private_key(state).public_key().verify(signature, text, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    # RFC 7515, 2: no padding, no other signs
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _json(text: str) -> dict[str, Any]:
    document = json.loads(_decoded(text))
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document
