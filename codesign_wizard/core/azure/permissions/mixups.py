"""Putting a name to what is wrong with the permissions: which of the known mix-ups the evidence shows.

One cause is one finding. Where the evidence does not tell the cause, the finding says what is missing and how
to look deeper, and guesses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from codesign_wizard.core.azure import explain, vault_findings
from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.catalogue import (
    CRYPTOGRAPHY,
    Model,
    Permission,
    Purpose,
    permissions,
)
from codesign_wizard.core.azure.permissions.evaluate import (
    AccessPolicy,
    RoleAssignment,
    VaultAccess,
    covers,
    decide,
    entries,
    matches,
)
from codesign_wizard.core.azure.permissions.matrix import PROPAGATED, Matrix
from codesign_wizard.core.azure.permissions.own_rights import OwnRights
from codesign_wizard.core.azure.permissions.probes import Asked, Meaning, ProbeResult, permission_for
from codesign_wizard.core.azure.permissions.report import Row, State, verdict
from codesign_wizard.core.azure.signin import CallerIdentity
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, Severity, iso, utc_now
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when

_SHOWN = 12  # permissions named in one sentence


@dataclass(frozen=True)
class Seen:
    """All that was found out."""

    options: AzureOptions
    model: Model
    matrix: Matrix
    probes: ProbeResult
    own: OwnRights = field(default_factory=OwnRights)
    identity: CallerIdentity | None = None
    access: VaultAccess | None = None

    @property
    def missing(self) -> list[Row]:
        """What is asked for and missing, what signing needs first."""
        rows = [row for row in self.matrix.rows if row.permission.asked_for and row.state is State.MISSING]
        return sorted(rows, key=lambda row: _need(row.permission))

    @property
    def signing(self) -> State:
        """Whether what signing needs is there."""
        return verdict(Purpose.SIGN, self.matrix.rows).state

    @property
    def severity(self) -> Severity:
        """How bad a missing permission is: what does not keep a client from being signed is a warning."""
        return Severity.ERROR if self.signing is State.MISSING else Severity.WARNING

    @property
    def object_id(self) -> str:
        """The service principal's object id, by the token or by a refusal."""
        return self.identity.object_id if self.identity is not None else self.probes.object_id

    @property
    def resource_id(self) -> str:
        """The vault's resource id, from whoever told it."""
        told = self.access.resource_id if self.access is not None else ""
        return told or self.probes.resource_id or self.own.resource_id

    def refused(self, *wanted: Permission) -> Asked | None:
        """Return the vault's refusal of the first of *wanted* that it refused."""
        for each in wanted:
            for asked in self.probes.asked:
                told = permission_for(self.model, asked.probe.kind, asked.probe.name)
                if asked.meaning is Meaning.REFUSED and told.key == each.key:
                    return asked
        return None

    def evidence(self) -> Evidence:
        """Return the vault's words that say most: about what signing needs, if that is missing."""
        asked = self.refused(*(row.permission for row in self.missing))
        if asked is not None:
            return asked.observation.evidence
        for row in self.missing:
            return row.observations[0].evidence
        return Evidence(time=utc_now())

    def target(self) -> remedies.Target:
        """Return to whom and where a grant has to go."""
        policy = _own_entry(self)
        if self.access is not None:
            keys, certificates = (policy.keys, policy.certificates) if policy else ((), ())
            return remedies.Target(self.options, self.object_id, self.resource_id, keys, certificates)
        rows = [] if self.model is Model.RBAC else self.matrix.rows
        held = [row.permission for row in rows if row.state in (State.GRANTED, State.LIKELY)]
        return remedies.Target(
            self.options,
            self.object_id,
            self.resource_id,
            tuple(each.name for each in held if each.kind == "keys"),
            tuple(each.name for each in held if each.kind == "certificates"),
            complete=not held,
        )

    def grants(self) -> list[Remedy]:
        """Return the ways to grant what is missing."""
        return remedies.grant_remedies(self.target(), self.model, [row.permission for row in self.missing])


def name(seen: Seen) -> list[Finding]:
    """Return the findings: at most one for each cause, what blocks first."""
    findings = list(_causes(seen))
    findings += _beside(seen)
    return findings


def _causes(seen: Seen) -> Iterable[Finding]:
    if not seen.missing:
        if seen.matrix.alone:
            yield _single_object(seen)
        elif any(each.meaning is not Meaning.UNKNOWN for each in seen.probes.asked):
            vault = seen.options.vault_name
            open_rows = [
                row for row in seen.matrix.rows if row.permission.asked_for and row.state is not State.GRANTED
            ]
            detail = (
                tr("{count} of them cannot be tested from here without changing something.").format(
                    count=len(open_rows)
                )
                if open_rows
                else ""
            )
            yield kinds.ENOUGH(vault=vault, detail=detail, evidence=Evidence(time=utc_now()))
        return
    for judge in (
        _denied,
        _conditional,
        _other_model,
        _wrong_principal,
        _propagating,
        _single,
        _template,
        _nothing_at_all,
    ):
        found = judge(seen)
        if found is not None:
            yield found
            return
    yield _missing(seen)


def _denied(seen: Seen) -> Finding | None:
    """A deny assignment, by the vault's own words or by what an administrator sees."""
    for row in seen.missing:
        for asked in seen.probes.asked:
            told = permission_for(seen.model, asked.probe.kind, asked.probe.name)
            if told.key == row.permission.key and asked.refusal is not None and asked.refusal.denial:
                return _with(explain.denied(seen.options, row.permission.name, asked.refusal.evidence), seen)
        for one in row.observations:
            if one.state is State.MISSING and "deny-assignment" in one.evidence.more:
                return _with(explain.denied(seen.options, row.permission.name, one.evidence), seen)
    return None


def _conditional(seen: Seen) -> Finding | None:
    for row in seen.missing:
        for one in row.observations:
            condition = one.evidence.more.get("condition")
            if not condition:
                continue
            refusal = seen.refused(row.permission)
            evidence = refusal.observation.evidence if refusal is not None else one.evidence
            return kinds.CONDITIONAL(
                vault=seen.options.vault_name,
                severity=seen.severity,
                detail=tr("{action} is refused. The condition: {condition}").format(
                    action=row.permission.name, condition=condition
                ),
                evidence=_more(evidence, condition=condition),
                remedies=[
                    Remedy(
                        title=tr("Assign the role without a condition, or with one that the server meets."),
                        portal=(
                            tr("Key vaults, {vault}, Access control (IAM), Role assignments.").format(
                                vault=seen.options.vault_name
                            ),
                            tr("In the line of the application, column Condition: View/Edit."),
                        ),
                        url="https://learn.microsoft.com/azure/role-based-access-control/conditions-overview",
                    ),
                    # the role itself cannot be given a second time at the same place
                    *(
                        remedies.least_remedy(seen.target(), seen.model, purpose)
                        for purpose in (Purpose.DOCUMENTED, Purpose.SIGN)
                    ),
                ],
            )
    return None


def _other_model(seen: Seen) -> Finding | None:
    """Grants of the model that the vault does not go by."""
    if seen.signing is not State.MISSING:
        return None
    vault = seen.options.vault_name
    if seen.model is Model.POLICY:
        roles = _held_roles(seen)
        if not roles and not (seen.own.opens_vault and seen.own.model in (None, Model.POLICY)):
            return None
        return kinds.ROLES_ON_POLICY(
            vault=vault,
            detail=tr("Roles that do nothing here: {roles}.").format(roles=", ".join(roles))
            if roles
            else tr("Azure Resource Manager lists data actions on it among the application's own rights."),
            evidence=seen.evidence(),
            remedies=[*seen.grants(), _model_remedy(seen, to_roles=True)],
        )
    if seen.access is None or not entries(seen.access, seen.object_id):
        return None
    return kinds.POLICIES_ON_RBAC(
        vault=vault,
        detail=tr("What is ticked there counts for nothing, and nothing more needs to be ticked."),
        evidence=seen.evidence(),
        remedies=[*seen.grants(), _model_remedy(seen, to_roles=False)],
    )


def _wrong_principal(seen: Seen) -> Finding | None:
    """Access policies for an id that is not the service principal's."""
    if seen.model is not Model.POLICY or seen.access is None or seen.signing is not State.MISSING:
        return None
    application = seen.options.application_id.lower()
    if entries(seen.access, seen.object_id):
        return None
    for entry in seen.access.policies:
        what = ""
        if entry.object_id == application:
            what = tr("the application (client) ID")
        elif entry.object_id and entry.object_id == seen.access.registration_id.lower():
            what = tr("the object ID of the app registration")
        if what:
            return kinds.WRONG_OBJECT_ID(
                vault=seen.options.vault_name,
                id=entry.object_id,
                what=what,
                object_id=seen.object_id,
                detail=tr(
                    "In the portal the right one stands under Enterprise applications, not App registrations."
                ),
                evidence=_more(seen.evidence(), **{"policy-of": entry.object_id, "expected": seen.object_id}),
                remedies=seen.grants(),
            )
        if entry.application_id == application:
            return kinds.COMPOUND(
                id=entry.application_id,
                detail=tr("The field Application (optional) of the access policy must be left empty."),
                evidence=_more(seen.evidence(), **{"policy-of": entry.object_id}),
                remedies=seen.grants(),
            )
    return None


def _propagating(seen: Seen) -> Finding | None:
    unheard = {each.permission.key for each in seen.matrix.unheard}
    if not any(row.permission.key in unheard for row in seen.missing):
        return None
    told = next(each for each in seen.matrix.unheard if each.permission.key in unheard)
    assigned = told.first.evidence.more.get("assigned", "")
    if _old(seen, assigned):
        return kinds.CONTRADICTION(
            action=told.permission.name,
            severity=seen.severity,
            detail=f"{told.first.text} {told.second.text}",
            evidence=_more(told.second.evidence, **told.first.evidence.more),
            remedies=[*_looking(seen), *seen.grants()],
        )
    since = [tr("Assigned {time}.").format(time=when(datetime.fromisoformat(assigned)))] if assigned else []
    return kinds.PROPAGATING(
        vault=seen.options.vault_name,
        severity=seen.severity,
        certainty=Certainty.COMPUTED if assigned else Certainty.LIKELY,
        detail=" ".join([*since, told.first.text, told.second.text]),
        evidence=_more(told.second.evidence, **told.first.evidence.more),
        remedies=[kinds.wait_remedy(), *_looking(seen)],
    )


def _old(seen: Seen, assigned: str) -> bool:
    """Tell whether a grant of that time must have reached the vault."""
    access = seen.access
    if not assigned or access is None:
        return False
    times = [each.created for each in access.assignments if each.created and iso(each.created) == assigned]
    return bool(times) and utc_now() - times[0] > PROPAGATED


def _single(seen: Seen) -> Finding | None:
    if seen.matrix.alone:
        return _single_object(seen)
    if seen.access is None or seen.model is not Model.RBAC:
        return None
    vault = f"{seen.access.resource_id.lower()}/"
    for each in _of_application(seen):
        if each.scope.lower().startswith(vault) and _has_data(seen.access, each):
            return _single_object(seen, each.scope.rpartition("/")[2], each.scope)
    return None


def _single_object(seen: Seen, other: str = "", scope: str = "") -> Finding:
    name = other or seen.options.certificate_name
    works = seen.signing in (State.GRANTED, State.LIKELY)
    return kinds.SINGLE_OBJECT(
        vault=seen.options.vault_name,
        name=name,
        severity=seen.severity,
        detail=tr("It is enough to sign with it. A certificate under another name could not be requested.")
        if works
        else tr("The server's documentation asks for the roles on the vault."),
        evidence=_more(
            seen.matrix.alone[0].observations[-1].evidence if seen.matrix.alone else seen.evidence(),
            **({"scope": scope} if scope else {}),
        ),
        remedies=[remedies.documented_remedy(seen.target(), Model.RBAC)],
    )


def _template(seen: Seen) -> Finding | None:
    if seen.model is not Model.POLICY:
        return None
    crypto = [row for row in seen.matrix.rows if row.permission.group == CRYPTOGRAPHY]
    others = [row for row in seen.matrix.rows if row.permission.asked_for and row not in crypto]
    if any(row.state is not State.MISSING for row in crypto):
        return None
    if any(row.state is State.MISSING for row in others):
        return None
    if not any(row.state is State.GRANTED for row in others):
        return None
    return kinds.TEMPLATE_WITHOUT_CRYPTO(
        vault=seen.options.vault_name,
        detail=tr("Everything else is there, as after choosing Key & Certificate Management."),
        certainty=Certainty.COMPUTED,
        evidence=seen.evidence(),
        remedies=seen.grants(),
    )


def _nothing_at_all(seen: Seen) -> Finding | None:
    if any(row.state in (State.GRANTED, State.LIKELY) for row in seen.matrix.rows):
        return None
    vault, evidence, ways = seen.options.vault_name, seen.evidence(), [*seen.grants(), *_looking(seen)]
    if seen.model is Model.POLICY:
        return kinds.POLICY_NONE(
            vault=vault,
            detail=_unknown_entries(seen),
            certainty=Certainty.LIKELY if seen.access is None else Certainty.COMPUTED,
            evidence=evidence,
            remedies=ways,
        )
    held = _held_here(seen)  # by name, which says more than the rights they give
    if held or (seen.own.manages_vault and not seen.own.opens_vault):
        return kinds.CONTROL_PLANE_ONLY(
            vault=vault,
            detail=tr("It holds: {roles}.").format(roles=", ".join(held))
            if held
            else tr("Its own rights, as Azure Resource Manager lists them, manage the vault only."),
            evidence=evidence,
            remedies=ways,
        )
    elsewhere = _elsewhere(seen)
    if elsewhere:
        return kinds.OTHER_VAULT(
            vault=vault,
            other=elsewhere[0].scope.rpartition("/")[2],
            detail=tr("The role is held on: {scope}").format(scope=elsewhere[0].scope),
            evidence=_more(evidence, scope=elsewhere[0].scope),
            remedies=ways,
        )
    # that everything was refused is seen; that no role is held is told by a list of them only
    listed = seen.access is not None or seen.own.sets is not None
    return kinds.RBAC_NONE(
        vault=vault,
        detail=""
        if seen.access is not None
        else tr("Or one was given some minutes ago, and the vault does not know of it yet."),
        certainty=Certainty.COMPUTED if listed else Certainty.LIKELY,
        evidence=evidence,
        remedies=ways,
    )


def _missing(seen: Seen) -> Finding:
    missing = [row.permission for row in seen.missing]
    detail = _names(missing)
    if seen.model is Model.RBAC:
        roles = [
            role for kind, role in remedies.ROLE_OF_KIND.items() if any(each.kind == kind for each in missing)
        ]
        detail = tr("What is missing belongs to the role {roles}: {names}").format(
            roles=" + ".join(roles), names=detail
        )
    else:
        detail = tr("Not ticked in the access policy: {names}").format(names=detail)
    evidence, ways = seen.evidence(), [*seen.grants(), *_looking(seen)]
    if seen.signing is not State.MISSING:
        return kinds.PARTIAL(
            vault=seen.options.vault_name,
            count=len(missing),
            detail=detail,
            evidence=evidence,
            remedies=ways,
        )
    return vault_findings.PERMISSION_MISSING(
        action=missing[0].name if seen.model is Model.RBAC else f"{missing[0].kind} {missing[0].name}",
        vault=seen.options.vault_name,
        detail=detail,
        evidence=evidence,
        remedies=ways,
    )


def _beside(seen: Seen) -> Iterable[Finding]:
    """Yield what is worth a line beside the cause."""
    found = seen.probes.object_id
    if found and seen.identity is not None and found != seen.identity.object_id.lower():
        yield kinds.OTHER_CALLER(
            vault=seen.options.vault_name,
            seen=found,
            expected=seen.identity.object_id,
            evidence=seen.evidence(),
        )
    for each in seen.matrix.contradictions[:1]:
        yield kinds.CONTRADICTION(
            action=each.permission.name,
            detail=f"{each.first.text} {each.second.text}",
            evidence=_more(each.second.evidence, **each.first.evidence.more),
        )
    odd = [each for each in seen.probes.asked if each.meaning is Meaning.UNKNOWN]
    if odd and not seen.probes.findings:
        yield kinds.UNTESTED(
            vault=seen.options.vault_name,
            detail=odd[0].observation.text,
            evidence=odd[0].observation.evidence,
        )
    excess = _excess(seen)
    if excess:
        yield kinds.EXCESS(vault=seen.options.vault_name, what=excess, evidence=Evidence(time=utc_now()))


def _excess(seen: Seen) -> str:
    """Return in words what an administrator sees granted beyond what is asked for."""
    if seen.access is None:
        return ""
    if seen.model is Model.POLICY:
        return _names(
            [
                row.permission
                for row in seen.matrix.rows
                if row.state is State.GRANTED and not row.permission.asked_for
            ]
        )
    vault = seen.access.resource_id.lower().rstrip("/")
    wide = [
        each
        for each in _of_application(seen)
        if covers(each.scope, vault)
        and each.scope.lower().rstrip("/") != vault
        and _has_data(seen.access, each)
    ]
    return "; ".join(
        tr("{role} on {scope}").format(role=_role(seen.access, each), scope=each.scope) for each in wide
    )


def _looking(seen: Seen) -> list[Remedy]:
    return [] if seen.access is not None else [kinds.look_deeper()]


def _unknown_entries(seen: Seen) -> str:
    if seen.access is None or not seen.access.policies:
        return ""
    return tr("It has access policies for other principals: {ids}.").format(
        ids=", ".join(each.object_id for each in seen.access.policies[:_SHOWN])
    )


def _own_entry(seen: Seen) -> AccessPolicy | None:
    if seen.access is None:
        return None
    own = seen.object_id.lower()
    return next(
        (each for each in seen.access.policies if each.object_id == own and not each.application_id), None
    )


def _of_application(seen: Seen) -> list[RoleAssignment]:
    if seen.access is None:
        return []
    principals = {seen.object_id.lower(), *(group.lower() for group in seen.access.groups)}
    return [each for each in seen.access.assignments if each.principal_id.lower() in principals]


def _held_here(seen: Seen) -> list[str]:
    """Return the names of roles that are held on the vault or above it and open nothing in it."""
    if seen.access is None:
        return []
    return [
        _role(seen.access, each)
        for each in _of_application(seen)
        if covers(each.scope, seen.access.resource_id)
    ]


def _held_roles(seen: Seen) -> list[str]:
    """Return the names of roles that would open a vault of the other model."""
    if seen.access is None:
        return []
    access, held = seen.access, []
    for each in _of_application(seen):
        if covers(each.scope, access.resource_id) and _has_data(access, each):
            held.append(_role(access, each))
    signs = next(each for each in permissions(Model.RBAC) if each.name.endswith("/keys/sign/action"))
    granted = decide(access, seen.object_id, signs.action, access.resource_id).state
    return list(dict.fromkeys(held)) if held or granted is State.GRANTED else []


def _elsewhere(seen: Seen) -> list[RoleAssignment]:
    """Return roles with data actions that are held on another vault."""
    if seen.access is None:
        return []
    own = f"{seen.access.resource_id.lower().rstrip('/')}/"
    return [
        each
        for each in _of_application(seen)
        if "/microsoft.keyvault/vaults/" in each.scope.lower()
        and not f"{each.scope.lower().rstrip('/')}/".startswith(own)
        and _has_data(seen.access, each)
    ]


def _has_data(access: VaultAccess, assignment: RoleAssignment) -> bool:
    wanted = assignment.role_definition_id.lower()
    return any(
        matches(definition.data_actions, each.action)
        and not matches(definition.not_data_actions, each.action)
        for definition in access.definitions
        if definition.id.lower() == wanted
        for each in permissions(Model.RBAC)
    )


def _role(access: VaultAccess, assignment: RoleAssignment) -> str:
    wanted = assignment.role_definition_id.lower()
    found = next((each.name for each in access.definitions if each.id.lower() == wanted), "")
    return found or wanted.rpartition("/")[2]


def _model_remedy(seen: Seen, *, to_roles: bool) -> Remedy:
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


def _names(wanted: Sequence[Permission]) -> str:
    shown = [
        each.name.removeprefix("Microsoft.KeyVault/vaults/")
        if each.model is Model.RBAC
        else f"{each.kind} {each.name}"
        for each in wanted
    ]
    if len(shown) > _SHOWN:
        return tr("{names} and {count} more").format(
            names=", ".join(shown[:_SHOWN]), count=len(shown) - _SHOWN
        )
    return ", ".join(shown)


def _need(permission: Permission) -> int:
    """Return 0 and 1 for what signing needs (the signature first), 2 for life, 3 for the rest."""
    if Purpose.SIGN in permission.purposes:
        return 0 if "sign" in permission.name else 1
    return 2 if Purpose.LIFE in permission.purposes else 3


def _more(evidence: Evidence, **more: str) -> Evidence:
    return replace(evidence, more={**evidence.more, **more})


def _with(finding: Finding, seen: Seen) -> Finding:
    return replace(finding, severity=seen.severity)
