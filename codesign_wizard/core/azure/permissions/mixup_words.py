"""What the findings about mixed-up permissions say besides: names, evidence, the second way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions.catalogue import (
    Model,
    Permission,
)
from codesign_wizard.core.azure.permissions.mixup_seen import Seen
from codesign_wizard.core.finding import Evidence, Finding, Remedy
from codesign_wizard.core.text import tr

SHOWN = 12  # named in one sentence


def names(wanted: Sequence[Permission]) -> str:
    """Return the permissions in one line, the first of many."""
    shown = [
        each.name.removeprefix("Microsoft.KeyVault/vaults/")
        if each.model is Model.RBAC
        else f"{each.kind} {each.name}"
        for each in wanted
    ]
    if len(shown) > SHOWN:
        return tr("{names} and {count} more").format(names=", ".join(shown[:SHOWN]), count=len(shown) - SHOWN)
    return ", ".join(shown)


def looking(seen: Seen) -> list[Remedy]:
    """Return how to look deeper, unless an administrator has looked already."""
    return [] if seen.access is not None else [kinds.look_deeper()]


def model_remedy(seen: Seen, *, to_roles: bool) -> Remedy:
    """Return how to change the vault's model: it changes who else may do what, so it is the second way."""
    vault = seen.options.vault_name
    model = tr("Azure role-based access control") if to_roles else tr("Vault access policy")
    return Remedy(
        title=tr(
            "Or change the vault's permission model to {model}: that takes all others' grants away."
        ).format(model=model),
        portal=(
            tr("Key vaults, {vault}, Access configuration, Permission model: {model}.").format(
                vault=vault, model=model
            ),
            tr("Only on a vault that nothing else uses: who was granted by the other model is locked out."),
        ),
        url="https://learn.microsoft.com/azure/key-vault/general/rbac-migration",
    )


def more(evidence: Evidence, **told: str) -> Evidence:
    """Return *evidence* with what else was *told*."""
    return replace(evidence, more={**evidence.more, **told})


def as_grave(finding: Finding, seen: Seen) -> Finding:
    """Return *finding* as grave as what it keeps from working."""
    return replace(finding, severity=seen.severity)
