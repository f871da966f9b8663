"""A grant that names another id of the application than the one that counts: its service principal's."""

from __future__ import annotations

from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions.catalogue import Model
from codesign_wizard.core.azure.permissions.evaluate import VaultAccess, covers, entries
from codesign_wizard.core.azure.permissions.mixup_seen import Seen, has_data, role_name
from codesign_wizard.core.azure.permissions.mixup_words import more
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.finding import Finding
from codesign_wizard.core.text import tr


def wrong_principal(seen: Seen) -> Finding | None:
    """Return which grant names the wrong id, where nothing that signing needs is granted to the right one."""
    if seen.access is None or seen.signing is not State.MISSING:
        return None
    return _policy(seen, seen.access) if seen.model is Model.POLICY else _role(seen, seen.access)


def _policy(seen: Seen, access: VaultAccess) -> Finding | None:
    application = seen.options.application_id.lower()
    if entries(access, seen.object_id):
        return None
    for entry in access.policies:
        what = _what(seen, access, entry.object_id)
        if what:
            return kinds.WRONG_OBJECT_ID(
                vault=seen.options.vault_name,
                id=entry.object_id,
                what=what,
                object_id=seen.object_id,
                detail=_where(),
                evidence=more(seen.evidence(), **{"policy-of": entry.object_id, "expected": seen.object_id}),
                remedies=seen.grants(),
            )
        if entry.application_id == application:
            return kinds.COMPOUND(
                id=entry.application_id,
                detail=tr("The field Application (optional) of the access policy must be left empty."),
                evidence=more(seen.evidence(), **{"policy-of": entry.object_id}),
                remedies=seen.grants(),
            )
    return None


def _role(seen: Seen, access: VaultAccess) -> Finding | None:
    for each in access.misplaced:
        what = _what(seen, access, each.principal_id.lower())
        if what and has_data(access, each) and covers(each.scope, access.resource_id):
            told = {"role": role_name(access, each), "scope": each.scope, "principal": each.principal_id}
            return kinds.ROLE_WRONG_OBJECT_ID(
                vault=seen.options.vault_name,
                id=each.principal_id,
                role=told["role"],
                what=what,
                object_id=seen.object_id,
                detail=_where(),
                evidence=more(seen.evidence(), **told, expected=seen.object_id),
                remedies=seen.grants(),
            )
    return None


def _what(seen: Seen, access: VaultAccess, object_id: str) -> str:
    """Return which other id of the application *object_id* is, "" where it is none."""
    if object_id and object_id == seen.options.application_id.lower():
        return tr("the application (client) ID")
    if object_id and object_id == access.registration_id.lower():
        return tr("the object ID of the app registration")
    return ""


def _where() -> str:
    return tr("In the portal the right one stands under Enterprise applications, not App registrations.")
