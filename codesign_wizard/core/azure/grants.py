"""Granting what a refusal names: commands made from what the vault itself told.

Roles: learn.microsoft.com/azure/key-vault/general/rbac-guide. The lists of permissions are those that the
server's documentation asks for (``permissions.catalogue``).
"""

from __future__ import annotations

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Model, Permission, permissions
from codesign_wizard.core.finding import Remedy


def grant_remedies(options: AzureOptions, object_id: str, action: str, resource: str) -> list[Remedy]:
    """Return how to grant *action*: by role, by access policy, or by both where the action is not known.

    *action* is a data action or ``keys sign`` of an access policy, as a 403 names it. *object_id* is the
    service principal's, *resource* the vault's resource id; either may be "", then the commands look it up.
    """
    # a refusal tells what is missing, and nothing of what is ticked
    target = remedies.Target(options, object_id, resource, complete=False)
    permission = permission_of(action)
    if permission is not None:
        return remedies.grant_remedies(target, permission.model, [permission])
    if action.lower().startswith("microsoft."):
        return [remedies.documented_remedy(target, Model.RBAC)]
    return remedies.grant_remedies(target, Model.POLICY if " " in action else None)


def permission_of(action: str) -> Permission | None:
    """Return the permission that a 403 names, as a data action or as ``keys sign``.

    Compares without case; ``None`` for words that no list holds.
    """
    action = action.strip().lower()
    if action.startswith(PREFIX.lower()):
        return next((each for each in permissions(Model.RBAC) if each.name.lower() == action), None)
    kind, _, name = action.partition(" ")
    return next(
        (
            each
            for each in permissions(Model.POLICY)
            if each.kind == kind and each.name.lower() == name.strip()
        ),
        None,
    )
