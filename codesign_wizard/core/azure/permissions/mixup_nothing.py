"""The application is let in nowhere: what it holds instead, and where, as far as anybody told."""

from __future__ import annotations

from collections.abc import Iterable

from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions.catalogue import Model
from codesign_wizard.core.azure.permissions.evaluate import VaultAccess, own_entry
from codesign_wizard.core.azure.permissions.mixup_seen import (
    Seen,
    held_elsewhere,
    held_here,
    manages,
    role_name,
    role_names,
)
from codesign_wizard.core.azure.permissions.mixup_words import SHOWN, looking, more
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.finding import Certainty, Finding
from codesign_wizard.core.text import tr


def nothing_at_all(seen: Seen) -> Finding | None:
    """Return what it is where nothing at all is granted; ``None`` where something is, or may well be."""
    if any(row.state in (State.GRANTED, State.LIKELY) for row in seen.matrix.rows):
        return None
    listed = seen.access is not None or (seen.model is Model.RBAC and seen.own.sets is not None)
    if seen.open and not listed:
        return None  # what was not answered may be granted
    return _no_policy(seen) if seen.model is Model.POLICY else _no_role(seen)


def _no_policy(seen: Seen) -> Finding:
    about = _unseen_policies(seen) if seen.access is None else _policies(seen, seen.access)
    return kinds.POLICY_NONE(
        vault=seen.options.vault_name,
        detail=" ".join(about),
        certainty=Certainty.LIKELY if seen.access is None else Certainty.COMPUTED,
        evidence=seen.evidence(),
        remedies=[*seen.grants(), *looking(seen)],
    )


def _unseen_policies(seen: Seen) -> Iterable[str]:
    yield tr("It goes by access policies: roles do nothing on it.")
    if seen.object_id:
        text = tr("An entry counts for the object ID {object_id} only, and not for the Application ID.")
        yield text.format(object_id=seen.object_id)


def _policies(seen: Seen, access: VaultAccess) -> Iterable[str]:
    """Yield what there is instead of an access policy that counts."""
    own = seen.object_id.lower()
    if own_entry(access, own) is not None:
        yield tr("The application's own entry ticks nothing for keys and certificates.")
    others = list(dict.fromkeys(each.object_id for each in access.policies if each.object_id != own))
    if others:
        text = tr("It has access policies for other principals: {ids}.")
        yield text.format(ids=", ".join(others[:SHOWN]))
    roles = held_here(seen)
    if roles:
        text = tr("Roles that do nothing here: {roles}.")
        yield text.format(roles=", ".join(role_names(access, roles)))


def _no_role(seen: Seen) -> Finding:
    vault, evidence, ways = seen.options.vault_name, seen.evidence(), [*seen.grants(), *looking(seen)]
    access, held = seen.access, held_here(seen)
    # by name, which says more than the rights they give
    roles = ", ".join(role_names(access, held)) if access is not None else ""
    managing = access is not None and any(manages(access, each) for each in held)
    if managing or (seen.own.manages_vault and not seen.own.opens_vault):
        return kinds.CONTROL_PLANE_ONLY(
            vault=vault,
            detail=tr("It holds: {roles}.").format(roles=roles)
            if roles
            else tr("Its own rights, as Azure Resource Manager lists them, manage the vault only."),
            evidence=evidence,
            remedies=ways,
        )
    elsewhere = held_elsewhere(seen)
    vaults = [each for each in elsewhere if "/vaults/" in each.scope.lower()]
    if vaults and not held:
        return kinds.OTHER_VAULT(
            vault=vault,
            other=vaults[0].scope.rstrip("/").rpartition("/")[2],
            detail=tr("The role is held on: {scope}").format(scope=vaults[0].scope),
            evidence=more(evidence, scope=vaults[0].scope),
            remedies=ways,
        )
    if roles:
        detail = tr("It holds: {roles}. That opens neither keys nor certificates.").format(roles=roles)
    elif access is None:
        detail = tr(
            "Or one was given some minutes ago, and the vault does not know of it yet. The vault goes by "
            "roles: access policies do nothing on it, and Owner or Contributor do not open it."
        )
    elif elsewhere:
        detail = tr("It holds {role} on {scope}, to which the vault does not belong.").format(
            role=role_name(access, elsewhere[0]), scope=elsewhere[0].scope
        )
        evidence = more(evidence, scope=elsewhere[0].scope)
    else:
        detail = tr("The vault's access policies do nothing: it goes by roles.") if access.policies else ""
    # that everything was refused is seen; that no role is held is told by a list of them only
    listed = access is not None or seen.own.sets is not None
    return kinds.RBAC_NONE(
        vault=vault,
        detail=detail,
        certainty=Certainty.COMPUTED if listed else Certainty.LIKELY,
        evidence=evidence,
        remedies=ways,
    )
