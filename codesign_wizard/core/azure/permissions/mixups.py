"""Putting a name to what is wrong with the permissions: which of the known mix-ups the evidence shows.

One cause is one finding. Where the evidence does not tell the cause, the finding says what is missing and how
to look deeper, and guesses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from codesign_wizard.core.azure import explain, vault_findings
from codesign_wizard.core.azure.permissions import mixup_findings as kinds
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.catalogue import (
    CRYPTOGRAPHY,
    Model,
    Permission,
    Purpose,
    permission_for,
    wanted,
)
from codesign_wizard.core.azure.permissions.evaluate import (
    entries,
)
from codesign_wizard.core.azure.permissions.matrix import Contradiction, is_new, lately_changed
from codesign_wizard.core.azure.permissions.mixup_beside import beside
from codesign_wizard.core.azure.permissions.mixup_nothing import nothing_at_all
from codesign_wizard.core.azure.permissions.mixup_principal import wrong_principal
from codesign_wizard.core.azure.permissions.mixup_seen import (
    Seen,
    has_data,
    held_roles,
    of_application,
)
from codesign_wizard.core.azure.permissions.mixup_words import (
    as_grave,
    looking,
    model_remedy,
    more,
    names,
)
from codesign_wizard.core.azure.permissions.probe_answers import OPEN
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.finding import Certainty, Evidence, Finding, Remedy, Severity, blocks, utc_now
from codesign_wizard.core.text import tr
from codesign_wizard.core.verdict import when


def name(seen: Seen) -> list[Finding]:
    """Return the findings: at most one for each cause, what blocks first."""
    findings = list(_causes(seen))
    findings += beside(seen)
    return findings


def _causes(seen: Seen) -> Iterable[Finding]:
    if not seen.missing:
        if seen.matrix.unheard:
            yield _unheard(seen, seen.matrix.unheard[0])
        elif seen.matrix.alone:
            yield _single_object(seen)
        elif any(each.meaning not in OPEN for each in seen.probes.asked) and not blocks(seen.probes.findings):
            vault = seen.options.vault_name
            asked_for = [row.state for row in seen.matrix.rows if row.permission.asked_for]
            likely, open_ones = asked_for.count(State.LIKELY), asked_for.count(State.UNTESTABLE)
            detail = [tr("{count} of them are likely there.").format(count=likely)] if likely else []
            if open_ones:
                text = tr("{count} cannot be tested from here without changing something.")
                if seen.open:
                    text = tr("{count} could not be tested this time, or cannot be from here.")
                detail.append(text.format(count=open_ones))
            yield kinds.ENOUGH(vault=vault, detail=" ".join(detail), evidence=Evidence(time=utc_now()))
        elif seen.access is not None and not seen.probes.asked:
            yield kinds.ENOUGH(
                vault=seen.options.vault_name,
                certainty=Certainty.COMPUTED,
                detail=tr("So say the grants; the vault itself could not be asked."),
                evidence=Evidence(time=utc_now()),
            )
        return
    for judge in (
        _denied,
        _conditional,
        _other_model,
        wrong_principal,
        _propagating,
        _single,
        _template,
        nothing_at_all,
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
                return _denied_by(seen, row.permission, asked.refusal.evidence)
        for one in row.observations:
            if one.state is State.MISSING and "deny-assignment" in one.evidence.more:
                return _denied_by(seen, row.permission, one.evidence)
    return None


def _denied_by(seen: Seen, permission: Permission, evidence: Evidence) -> Finding:
    """Return the finding, with the name that the portal shows where somebody could read it."""
    guid = evidence.more["deny-assignment"].lower().rpartition("/")[2]
    known = seen.access.denials if seen.access is not None else seen.own.denials or ()
    called = next((each.name for each in known if each.id.lower().rpartition("/")[2] == guid), "")
    return as_grave(explain.denied(seen.options, permission.name, evidence, name=called), seen)


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
                evidence=more(evidence, condition=condition),
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
        roles = held_roles(seen)
        if not roles and not (seen.own.opens_vault and seen.own.model in (None, Model.POLICY)):
            return None
        return kinds.ROLES_ON_POLICY(
            vault=vault,
            detail=tr("Roles that do nothing here: {roles}.").format(roles=", ".join(roles))
            if roles
            else tr("Azure Resource Manager lists data actions on it among the application's own rights."),
            evidence=seen.evidence(),
            remedies=[*seen.grants(), model_remedy(seen, to_roles=True)],
        )
    if seen.access is None or not entries(seen.access, seen.object_id):
        return None
    return kinds.POLICIES_ON_RBAC(
        vault=vault,
        detail=tr("What is ticked there counts for nothing, and nothing more needs to be ticked."),
        evidence=seen.evidence(),
        remedies=[*seen.grants(), model_remedy(seen, to_roles=False)],
    )


def _propagating(seen: Seen) -> Finding | None:
    unheard = {each.permission.key for each in seen.matrix.unheard}
    if not any(row.permission.key in unheard for row in seen.missing):
        return None
    return _unheard(seen, next(each for each in seen.matrix.unheard if each.permission.key in unheard))


def _unheard(seen: Seen, told: Contradiction) -> Finding:
    """Azure's grants say yes, and the vault says no."""
    assigned = told.first.evidence.more.get("assigned", "")
    changed = told.first.evidence.more["role-changed"] if lately_changed(told.first) else ""
    # Azure tells when a group got its role, not when the application came into the group
    by_group = "through-group" in told.first.evidence.more
    if not is_new(told.first) and not by_group:
        return kinds.CONTRADICTION(
            action=told.permission.name,
            severity=seen.severity,
            detail=f"{told.first.text} {told.second.text}",
            evidence=more(told.second.evidence, **told.first.evidence.more),
            remedies=[*looking(seen), *seen.grants()],
        )
    since = (
        [tr("It was assigned {time}.").format(time=when(datetime.fromisoformat(assigned)))]
        if assigned
        else []
    )
    if changed:
        since.append(
            tr("The role itself was changed {time}.").format(time=when(datetime.fromisoformat(changed)))
        )
    if by_group:
        since.append(tr("Since when the application is in the group is not told."))
    return kinds.PROPAGATING(
        vault=seen.options.vault_name,
        severity=seen.severity,
        certainty=Certainty.COMPUTED if assigned and not by_group else Certainty.LIKELY,
        detail=" ".join([*since, told.first.text, told.second.text]),
        evidence=more(told.second.evidence, **told.first.evidence.more),
        # a role of the application's own does not depend on the group
        remedies=[kinds.wait_remedy(), *looking(seen), *(seen.grants() if by_group else ())],
    )


def _single(seen: Seen) -> Finding | None:
    if seen.matrix.alone:
        return _single_object(seen)
    if seen.access is None or seen.model is not Model.RBAC:
        return None
    vault = f"{seen.access.resource_id.lower()}/"
    for each in of_application(seen):
        if each.scope.lower().startswith(vault) and has_data(seen.access, each):
            kind, *below = each.scope[len(vault) :].split("/")
            # the name, also where the scope is one version of it
            return _single_object(seen, next(iter(below), kind), each.scope)
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
        evidence=more(
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
    if not any(row.state is State.GRANTED for row in others):
        return None
    known = all(row.state is not State.UNTESTABLE and row.state is not State.LIKELY for row in others)
    of_keys = [row.state for row in others if row.permission.kind == "keys"]
    # the templates that leave keys out
    without_keys = State.MISSING in of_keys and not {State.GRANTED, State.LIKELY} & set(of_keys)
    left = [row for row in others if row.permission.kind != "keys"] if without_keys else others
    if any(row.state is State.MISSING for row in left):
        return None
    if without_keys:
        detail = tr("It ticks nothing for keys, as after choosing the template Certificate Management.")
    elif known:
        detail = tr(
            "Everything else is there, as after choosing the template Key, Secret & Certificate Management."
        )
    else:
        detail = tr(
            "Nothing else is missing, as far as it can be tested; it is as after choosing the template "
            "Key, Secret & Certificate Management."
        )
    return kinds.TEMPLATE_WITHOUT_CRYPTO(
        vault=seen.options.vault_name,
        detail=detail,
        certainty=Certainty.COMPUTED,
        evidence=seen.evidence(),
        remedies=seen.grants(),
    )


def _missing(seen: Seen) -> Finding:
    missing = [row.permission for row in seen.missing]
    detail = names(missing)
    if seen.model is Model.RBAC:
        roles = [
            role for kind, role in remedies.ROLE_OF_KIND.items() if any(each.kind == kind for each in missing)
        ]
        detail = tr("What is missing belongs to the role {roles}: {names}").format(
            roles=" + ".join(roles), names=detail
        )
    else:
        detail = tr("Not ticked in the access policy: {names}").format(names=detail)
    evidence, ways = seen.evidence(), [*seen.grants(), *looking(seen)]
    if seen.signing in (State.GRANTED, State.LIKELY):
        # as after the least grant for all that is documented, which leaves out what the ticks leave out
        ticked = {each.action for each in wanted(Model.POLICY, Purpose.DOCUMENTED)}
        beyond = seen.model is Model.RBAC and not ticked & {each.action for each in missing}
        if beyond:
            more_words = tr("The documentation's ticks for an access policy do not ask for them.")
            detail = f"{detail}. {more_words}"
        return kinds.PARTIAL(
            vault=seen.options.vault_name,
            severity=Severity.INFO if beyond else Severity.WARNING,
            count=len(missing),
            detail=detail,
            evidence=evidence,
            remedies=ways,
        )
    return vault_findings.PERMISSION_MISSING(
        action=missing[0].name if seen.model is Model.RBAC else f"{missing[0].kind} {missing[0].name}",
        vault=seen.options.vault_name,
        severity=seen.severity,
        detail=detail,
        evidence=evidence,
        remedies=ways,
    )
