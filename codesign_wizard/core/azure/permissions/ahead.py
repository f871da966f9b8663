"""What a look at the permissions asks about and what it may answer, told before anybody has looked."""

from __future__ import annotations

from codesign_wizard.core.azure.permissions.catalogue import Model, Purpose, wanted
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.text import tr


def asked_about() -> list[tuple[Purpose, tuple[str, ...]]]:
    """Return each purpose with what it needs besides the one before, in an access policy's words.

    The vault's model is known only once it was asked; roles grant the same under longer names.
    """
    told: list[tuple[Purpose, tuple[str, ...]]] = []
    before: set[str] = set()
    for purpose in Purpose:
        needed = {each.key: None for each in wanted(Model.POLICY, purpose)}
        told.append((purpose, tuple(each for each in needed if each not in before)))
        before |= set(needed)
    return told


def answers() -> list[tuple[State, str]]:
    """Return each state that a permission can be found in, and what it then means."""
    return [
        (State.GRANTED, tr("The vault let it through.")),
        (State.MISSING, tr("The vault refused it: it has to be granted.")),
        (State.LIKELY, tr("Other answers speak for it; nobody has tried it.")),
        (State.UNTESTABLE, tr("Trying it would change something, so it is not tried.")),
    ]
