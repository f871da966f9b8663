"""Names out of archives, as a sentence may show them."""

from __future__ import annotations

_LIMIT = 200


def shown(name: str) -> str:
    """Return *name* on one line and not too long; what cannot be printed becomes a replacement sign."""
    plain = "".join(char if char.isprintable() else "\ufffd" for char in name)
    return plain if len(plain) <= _LIMIT else f"…{plain[-_LIMIT:]}"
