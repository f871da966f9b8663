"""Secrets longer than every keyring takes in one piece: Windows Credential Manager holds 1280 characters.

The pieces stand under ``NAME-0``, ``NAME-1`` and so on; the first begins with their number.
"""

from __future__ import annotations

from codesign_wizard.core.redact import Secret
from codesign_wizard.core.secrets import SecretStore

_PIECE = 1200
MAXIMUM = 64 * _PIECE  # characters


def put(store: SecretStore, profile_id: str, name: str, secret: Secret) -> None:
    """Keep *secret* in place of a former one; raises ``CodesignError``, ``ValueError`` over ``MAXIMUM``."""
    text = secret.reveal()
    if len(text) > MAXIMUM:
        raise ValueError("too long to be kept")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] or [""]
    former = _count(store, profile_id, name)
    # the first piece, which tells the number, comes last: half a secret is none
    for number in reversed(range(len(pieces))):
        head = f"{len(pieces)}:" if number == 0 else ""
        store.set(profile_id, f"{name}-{number}", Secret(f"{head}{pieces[number]}"))
    for number in range(len(pieces), former):
        store.forget(profile_id, f"{name}-{number}")


def get(store: SecretStore, profile_id: str, name: str) -> Secret | None:
    """Return the secret, ``None`` without one or when a piece is missing; raises ``CodesignError``."""
    count = _count(store, profile_id, name)
    pieces = [store.get(profile_id, f"{name}-{number}") for number in range(count)]
    texts = [piece.reveal() for piece in pieces if piece is not None]
    if not count or len(texts) < count:
        return None
    texts[0] = texts[0].partition(":")[2]
    return Secret("".join(texts))


def pieces(store: SecretStore, profile_id: str, name: str) -> dict[str, Secret]:
    """Return what there is of it as it is kept, for another store; raises ``CodesignError``."""
    names = [f"{name}-{number}" for number in range(_count(store, profile_id, name))]
    found = {each: store.get(profile_id, each) for each in names}
    return {each: piece for each, piece in found.items() if piece is not None}


def forget(store: SecretStore, profile_id: str, name: str) -> None:
    """Remove all pieces; raises ``CodesignError``."""
    for number in reversed(range(max(_count(store, profile_id, name), 1))):
        store.forget(profile_id, f"{name}-{number}")


def _count(store: SecretStore, profile_id: str, name: str) -> int:
    first = store.get(profile_id, f"{name}-0")
    told = first.reveal().partition(":")[0] if first is not None else ""
    return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0
