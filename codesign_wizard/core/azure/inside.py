"""Who can do what a remedy asks for inside a vault: being its owner opens nothing there."""

from __future__ import annotations

from codesign_wizard.core.text import tr


def inside(title: str) -> str:
    """Return *title*, a remedy's, with the permission that its steps and commands need."""
    needs = tr(
        "Being Owner is not enough for this: it takes Key Vault Certificates Officer on the vault, or its "
        "access policy for certificates."
    )
    return f"{title} {needs}"
