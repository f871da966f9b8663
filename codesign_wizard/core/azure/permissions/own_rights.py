"""What Azure Resource Manager says of the caller itself: one list holds the whole truth about roles.

``GET {scope}/providers/Microsoft.Authorization/permissions`` (learn.microsoft.com/rest/api/authorization/
permissions). It needs the right to read it, which the Officer roles bring along; an application without any
such right is refused, and then this source stays silent. It knows neither deny assignments nor whether the
vault has heard of a grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codesign_wizard.core.azure.answer_parts import members_of, texts_of
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.arm import AUTHORIZATION_API, Arm, RefusedError
from codesign_wizard.core.azure.permissions.catalogue import Model, permissions
from codesign_wizard.core.azure.permissions.evaluate import DenyAssignment, denies, matches, of_denial
from codesign_wizard.core.azure.permissions.report import Observation, Source, State
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, utc_now
from codesign_wizard.core.job import JobContext, LogLevel
from codesign_wizard.core.network import Network, NetworkError
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr


@dataclass(frozen=True, slots=True)
class RightSet:
    """One role's share in the caller's rights; ``condition`` is "" for none."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True)
class OwnRights:
    """The caller's rights on the vault. ``sets`` is ``None`` where Resource Manager did not tell.

    ``model`` and ``sku`` are the vault's, when the caller may read it; ``refusal`` is what was said instead.
    ``denials`` are the deny assignments on the vault, ``None`` where they could not be read; ``object_id`` is
    the caller's, which they may name. ``silent`` tells that no answer came at all.
    """

    resource_id: str = ""
    sets: tuple[RightSet, ...] | None = None
    model: Model | None = None
    sku: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    refusal: Evidence = field(default_factory=Evidence)
    denials: tuple[DenyAssignment, ...] | None = None
    object_id: str = ""
    silent: bool = False

    def observations(self) -> dict[str, Observation]:
        """Return what follows for each permission of an RBAC vault, by ``Permission.key``."""
        if self.sets is None:
            return {}
        return {each.key: self._observation(each.action) for each in permissions(Model.RBAC)}

    @property
    def opens_vault(self) -> bool:
        """Whether any role has data actions on keys or certificates."""
        return any(
            matches(each.data_actions, one.action) and not matches(each.not_data_actions, one.action)
            for each in self.sets or ()
            for one in permissions(Model.RBAC)
        )

    @property
    def manages_vault(self) -> bool:
        """Whether any role has actions on vaults, which open nothing in them."""
        manage = ("Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/write")
        return any(matches(each.actions, one) for each in self.sets or () for one in manage)

    def _observation(self, action: str) -> Observation:
        held = [
            each
            for each in self.sets or ()
            if matches(each.data_actions, action) and not matches(each.not_data_actions, action)
        ]
        if not held:
            text = tr(
                "Azure Resource Manager does not list it among the application's own rights on the vault."
            )
            return self._seen(State.MISSING, text)
        denied = self._denied(action)
        if denied is not None and denied.state is State.MISSING:
            return denied
        free = next((each for each in held if not each.condition), None)
        if free is None:
            text = tr("The application's own rights hold it under a condition only, which is not judged.")
            return self._seen(State.UNTESTABLE, text, condition=held[0].condition)
        if denied is not None:
            return denied
        told = {"data-actions": ", ".join(free.data_actions)}
        if self.denials is None:
            told["deny-assignments"] = tr("could not be read")
        text = tr("Azure Resource Manager lists it among the application's own rights on the vault.")
        return self._seen(State.GRANTED, text, **told)

    def _denied(self, action: str) -> Observation | None:
        """Return what a deny assignment makes of *action*, if one does; which groups count is not known."""
        found: Observation | None = None
        for each in self.denials or ():
            applies = denies(each, {self.object_id.lower()}, action, self.resource_id, groups_known=False)
            if applies is State.MISSING:
                text = tr("The deny assignment {name} forbids it, whatever roles are held.")
                return self._seen(applies, text.format(name=each.name or each.id), **of_denial(each))
            if applies is State.UNTESTABLE and found is None:
                text = tr("A role holds it, but the deny assignment {name} may forbid it.")
                found = self._seen(applies, text.format(name=each.name or each.id), **of_denial(each))
        return found

    def _seen(self, state: State, text: str, **more: str) -> Observation:
        told = self.evidence
        evidence = Evidence(
            told.status, request_id=told.request_id, time=told.time, more={**told.more, **more}
        )
        return Observation(Source.SELF, state, Certainty.COMPUTED, text, evidence)


def own_rights(
    job: JobContext,
    network: Network,
    options: AzureOptions,
    token: Secret,
    resource_id: str = "",
    *,
    object_id: str = "",
) -> OwnRights:
    """Ask Resource Manager about the caller of *token*; what it does not tell is left open.

    *object_id* is the caller's. *resource_id* is the vault's, "" to look for it in the subscriptions that the
    caller sees. Raises ``Cancelled``; nothing else: this source is a help, and its silence is no fault.
    """
    from codesign_wizard.core.azure.permissions.management import deny_assignments, find_vault

    # a help is not waited for again and again
    arm = Arm(job, network, options.cloud, token, retries=1)
    try:
        resource_id = resource_id or find_vault(arm, options)
    except CodesignError as error:
        return OwnRights(refusal=error.finding.evidence, silent=isinstance(error, NetworkError))
    path = f"{resource_id}/providers/Microsoft.Authorization/permissions"
    told, vault, denials = arm.side_by_side(
        lambda: list(arm.pages(path, AUTHORIZATION_API)),
        lambda: arm.vault(resource_id)[0],
        lambda: deny_assignments(arm, resource_id),
    )
    properties = members_of(members_of(vault).get("properties"))
    model = None
    if properties:
        model = Model.RBAC if properties.get("enableRbacAuthorization") is True else Model.POLICY
    sku = str(members_of(properties.get("sku")).get("name") or "").lower()
    if isinstance(told, CodesignError):
        if not isinstance(told, RefusedError):
            job.log(LogLevel.INFO, told.finding.title, part="management")
        return OwnRights(resource_id, None, model, sku, refusal=told.finding.evidence)
    evidence = Evidence(status=200, time=utc_now(), more={"request": f"GET https://{arm.host}{path}"})
    return OwnRights(
        resource_id,
        tuple(map(_set, told)),
        model,
        sku,
        evidence,
        denials=None if isinstance(denials, CodesignError) else tuple(denials),
        object_id=object_id,
    )


def _set(document: Mapping[str, Any]) -> RightSet:
    return RightSet(
        texts_of(document.get("actions")),
        texts_of(document.get("notActions")),
        texts_of(document.get("dataActions")),
        texts_of(document.get("notDataActions")),
        str(document.get("condition") or ""),
    )
