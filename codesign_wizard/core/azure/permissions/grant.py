"""Granting with an administrator's token what a plan says, and waiting until the vault knows of it.

``plan.plan_grant`` says what; nothing here takes anything away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codesign_wizard.core.azure.answer_parts import list_of
from codesign_wizard.core.azure.permissions import admin_findings as kinds
from codesign_wizard.core.azure.permissions import remedies
from codesign_wizard.core.azure.permissions.admin import AdminSession
from codesign_wizard.core.azure.permissions.arm import AUTHORIZATION_API, Arm, RefusedError, filtered, odata
from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Permission, Purpose
from codesign_wizard.core.azure.permissions.evaluate import covers, matches
from codesign_wizard.core.azure.permissions.plan import GrantPlan, GrantStep, StepKind, plan_grant
from codesign_wizard.core.azure.permissions.report import Report, Source, State
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Evidence, Finding, Remedy, utc_now
from codesign_wizard.core.job import JobContext
from codesign_wizard.core.network import Network
from codesign_wizard.core.text import tr

__all__ = [
    "GrantPlan",
    "GrantStep",
    "StepKind",
    "Waited",
    "carry_out",
    "plan_grant",
    "wait_until_effective",
]

GRANT_TIMEOUT = 600.0  # seconds; what Microsoft says a role assignment takes at most
_LONGEST_PAUSE = 15.0  # seconds between two looks
_OWN_ANSWERS = (Source.PROBE, Source.OBJECT, Source.SIGNATURE)


def carry_out(
    job: JobContext,
    network: Network,
    admin: AdminSession,
    plan: GrantPlan,
    *,
    done: Callable[[GrantStep, Finding], None] = lambda step, finding: None,
) -> list[Finding]:
    """Do what *plan* says, in order; stops at the first refusal, which is the last finding.

    *done* is told each step that was done, with what came of it, as soon as it was. Raises ``Cancelled``
    between steps: what is granted by then stays granted.
    """
    findings: list[Finding] = []
    try:
        arm = Arm(job, network, admin.cloud, admin.token(job=job), account=admin.account)
        worker = _Worker(arm, plan.resource_id)
        for step in plan.steps:
            job.check_cancelled()
            findings.append(worker.do(step))
            done(step, findings[-1])
    except CodesignError as error:
        findings.append(_with_commands(error.finding, plan.steps[len(findings) :]))
    return findings


@dataclass(frozen=True)
class Waited:
    """How waiting ended: ``report`` is the last look, ``seconds`` how long it took."""

    effective: bool
    report: Report | None
    seconds: float
    findings: list[Finding] = field(default_factory=list)


def wait_until_effective(
    job: JobContext,
    probe_again: Callable[[], Report],
    purpose: Purpose | Collection[Permission],
    *,
    made: bool = True,
    timeout: float = GRANT_TIMEOUT,
    tick: Callable[[float, float], None],
    clock: Callable[[], float] = time.monotonic,
) -> Waited:
    """Look again and again until the vault lets the application do what *purpose* needs.

    *purpose* may be a plan's ``wanted``. *made*: the grant was made just now, not found there. *probe_again*
    should ask the vault, not the management plane. *tick* is told about once a second how many seconds have
    gone and how many are left of *timeout*. A look that fails for the network is repeated as well. Raises
    ``Cancelled``: the grant stays.
    """
    began, pause = clock(), 2.0
    report: Report | None = None
    failure: Finding | None = None
    while True:
        job.check_cancelled()
        try:
            report, failure = probe_again(), None
        except CodesignError as error:
            failure = error.finding
        gone = clock() - began
        if failure is None and report is not None and _works(report, purpose):
            evidence = Evidence(time=utc_now())
            kind = kinds.EFFECTIVE if made else kinds.EFFECTIVE_BY_NOW
            found = kind(seconds=round(gone), evidence=evidence)
            return Waited(True, report, gone, [found])
        if gone >= timeout:
            late = kinds.NOT_YET_EFFECTIVE(
                minutes=round(timeout / 60),
                detail=tr("Nothing needs to be granted again. Check again later."),
                evidence=Evidence(time=utc_now()),
                remedies=[Remedy(title=tr("Check again in a few minutes."), url=remedies.PROPAGATION_URL)],
            )
            return Waited(False, report, gone, [late, *([failure] if failure else [])])
        until = min(gone + pause, timeout)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        while gone < until:
            tick(gone, timeout - gone)
            job.wait(min(1.0, max(until - gone, 0.01)))
            gone = clock() - began


def _works(report: Report, purpose: Purpose | Collection[Permission]) -> bool:
    """Tell whether the vault itself refused none of what is wanted, and let through some of it.

    What an administrator may read says granted from the first moment, so only the vault's own answers count.
    """
    if isinstance(purpose, Purpose):
        rows = [row for row in report.rows if purpose in row.permission.purposes]
    else:
        keys = {each.key for each in purpose}
        rows = [row for row in report.rows if row.permission.key in keys]
    asked = [each for row in rows for each in row.observations if each.source in _OWN_ANSWERS]
    if any(row.state is State.MISSING for row in rows) or any(each.state is State.MISSING for each in asked):
        return False
    return any(each.state in (State.GRANTED, State.LIKELY) for each in asked)


@dataclass(frozen=True)
class _Worker:
    """Does the steps of one plan, on *vault*; ``roles`` are those found in place of planned ones, by ids."""

    arm: Arm
    vault: str
    roles: dict[str, str] = field(default_factory=dict)

    def do(self, step: GrantStep) -> Finding:
        """Return what came of *step*; raises ``CodesignError``."""
        if step.kind is StepKind.ROLE_DEFINITION:
            return self._define(step)
        if step.kind is StepKind.ACCESS_POLICY:
            return self._tick(step)
        return self._assign(step)

    def _put(self, url: str, body: Mapping[str, Any]) -> Evidence:
        """Send one change; return what the answer said. Raises ``RefusedError``."""
        answer = self.arm.send("PUT", f"https://{self.arm.host}{url}", body)
        if answer.status not in (200, 201):
            raise self.arm.refused(answer)
        return Evidence(
            status=answer.status,
            request_id=answer.headers.get("x-ms-request-id") or None,
            time=answer.time or utc_now(),
            more={
                "resource": url.partition("?")[0],
                "correlation-id": answer.headers.get("x-ms-correlation-request-id", ""),
            },
        )

    def _assign(self, step: GrantStep) -> Finding:
        properties = step.body["properties"]
        planned = str(properties["roleDefinitionId"])
        body = {"properties": {**properties, "roleDefinitionId": self.roles.get(planned, planned)}}
        try:
            return kinds.GRANTED(what=step.after, evidence=self._put(step.url, body))
        except RefusedError as error:
            if error.refusal.code == "RoleAssignmentExists":
                return kinds.ALREADY_GRANTED(what=step.after, evidence=error.refusal.evidence)
            raise

    def _define(self, step: GrantStep) -> Finding:
        """Make the role; one that is there keeps all it has, and is given what it lacks.

        Made by our commands, or by hand, it has the same name and another id: then that one is taken.
        """
        role_id = step.url.partition("?")[0]
        wanted_actions = list(step.body["properties"]["permissions"][0]["dataActions"])
        try:
            known = self.arm.get(role_id, AUTHORIZATION_API)
        except RefusedError as error:
            if error.refusal.status != 404:
                raise
            same = self._same_role(step.body["properties"])
            if same:
                self.roles[role_id] = same
                evidence = Evidence(time=utc_now(), more={"resource": same})
                return kinds.ALREADY_GRANTED(what=step.after, evidence=evidence)
            return self._new_role(step, role_id)
        properties = self._members(known.get("properties"))
        first, *rest = [self._members(each) for each in properties.get("permissions") or [{}]]
        added = [each for each in wanted_actions if not any(_holds(one, each) for one in (first, *rest))]
        if not added:
            return kinds.ALREADY_GRANTED(what=step.after, evidence=Evidence(time=utc_now()))
        excluded = [each for each in added if matches(first.get("notDataActions") or (), each)]
        if excluded:
            raise CodesignError(_narrowed(str(properties.get("roleName") or ""), excluded))
        properties["permissions"] = [
            {**first, "dataActions": [*(first.get("dataActions") or ()), *added]},
            *rest,
        ]
        return kinds.GRANTED(what=step.after, evidence=self._put(step.url, {"properties": properties}))

    def _members(self, value: Any) -> dict[str, Any]:
        """Return *value* if it is an object, as what is added to must be; raises ``CodesignError``."""
        if not isinstance(value, dict):
            raise self.arm.odd(tr("what it gives is no document of its own"))
        return dict(value)

    def _same_role(self, wanted: Mapping[str, Any]) -> str:
        """Return the id of a custom role that can be assigned here and is what is *wanted*, else ""."""
        query = filtered(f"roleName eq '{odata(str(wanted['roleName']))}'")
        path = f"{self.vault}/providers/Microsoft.Authorization/roleDefinitions"
        for each in self.arm.pages(path, AUTHORIZATION_API, query):
            properties = each.get("properties")
            if isinstance(properties, dict) and _alike(properties, wanted, self.vault):
                return str(each.get("id") or "")
        return ""

    def _new_role(self, step: GrantStep, role_id: str) -> Finding:
        try:
            return kinds.GRANTED(what=step.after, evidence=self._put(step.url, step.body))
        except RefusedError as error:
            if error.refusal.code != "RoleDefinitionWithSameNameExists":
                raise
        # names are one tenant's: another subscription has made it, or it holds something else, so this
        # one's carries its number
        properties = dict(step.body["properties"])
        properties["roleName"] = f"{properties['roleName']} {role_id.split('/')[2][:8]}"
        return kinds.GRANTED(what=step.after, evidence=self._put(step.url, {"properties": properties}))

    def _tick(self, step: GrantStep) -> Finding:
        """Add to the access policy, with all that is ticked at this moment: nothing can be lost that way."""
        (planned,) = step.body["properties"]["accessPolicies"]
        vault, api = self.arm.vault(step.scope)
        properties = self._members(vault.get("properties"))
        entries = properties.get("accessPolicies") or []
        if not (isinstance(entries, list) and properties.get("tenantId")):
            raise self.arm.odd(tr("what it gives is no document of its own"))
        for entry in entries:
            self._members(self._members(entry).get("permissions") or {})
        ticked = _ticked(properties, planned["objectId"])
        names = {
            kind: _union(ticked.get(kind, ()), planned["permissions"].get(kind, ()))
            for kind in sorted({*ticked, *planned["permissions"]})
        }
        entry = {**planned, "permissions": names}
        url = f"{step.url.partition('?')[0]}?api-version={api}"
        evidence = self._put(url, {"properties": {"accessPolicies": [entry]}})
        return kinds.GRANTED(what=step.title.rstrip("."), evidence=evidence)


def _alike(properties: Mapping[str, Any], wanted: Mapping[str, Any], vault: str) -> bool:
    """Tell whether a role holds what is *wanted*, no more and no less, and can be assigned on *vault*."""
    scopes = map(str, list_of(properties.get("assignableScopes")))
    return (
        str(properties.get("type") or "").lower() == "customrole"
        and str(properties.get("roleName") or "").lower() == str(wanted["roleName"]).lower()
        and _content(properties) == _content(wanted)
        and any(covers(each, vault) for each in scopes)
    )


def _content(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the sets of a role hold, in a form that can be compared."""
    return [
        {
            **{
                name: sorted({str(action).lower() for action in list_of(each.get(name))})
                for name in ("actions", "notActions", "dataActions", "notDataActions")
            },
            "condition": each.get("condition") or None,
        }
        for each in list_of(properties.get("permissions"))
        if isinstance(each, dict)
    ]


def _holds(permission_set: Mapping[str, Any], action: str) -> bool:
    return (
        matches(permission_set.get("dataActions") or (), action)
        and not matches(permission_set.get("notDataActions") or (), action)
        and not permission_set.get("condition")
    )


def _narrowed(role: str, excluded: Sequence[str]) -> Finding:
    return kinds.ROLE_NARROWED(
        role=role,
        actions=", ".join(each.removeprefix(PREFIX) for each in excluded),
        detail=tr("It is left as it is, and not assigned: it would not be enough."),
        evidence=Evidence(time=utc_now()),
        remedies=[
            Remedy(
                title=tr("Grant the documented roles in place of it, or take the exclusion out of the role."),
                portal=(tr("Subscriptions, Access control (IAM), Roles: {role}, Edit.").format(role=role),),
                url="https://learn.microsoft.com/azure/role-based-access-control/custom-roles-portal",
            )
        ],
    )


def _ticked(properties: Mapping[str, Any], object_id: str) -> dict[str, list[str]]:
    """Return what the principal's entry holds now, by kind: secrets and storage, too."""
    for entry in properties.get("accessPolicies") or ():
        own = str(entry.get("objectId", "")).lower() == object_id.lower() and not entry.get("applicationId")
        tenant = str(properties.get("tenantId") or "").lower()
        if own and str(entry.get("tenantId") or tenant).lower() == tenant:
            return {
                str(kind).lower(): [str(name) for name in names or ()]
                for kind, names in (entry.get("permissions") or {}).items()
            }
    return {}


def _union(held: Iterable[str], added: Iterable[str]) -> list[str]:
    names = list(held)
    known = {name.lower() for name in names}
    if "all" in known:
        return names
    return names + [name for name in added if name.lower() not in known]


def _with_commands(finding: Finding, steps: Sequence[GrantStep]) -> Finding:
    """Return *finding* with the commands of what was not done, for whoever may."""
    if not steps or finding.id == kinds.ROLE_NARROWED.id:  # they would assign that role as it is
        return finding
    handed_on = Remedy(
        title=tr("For whoever may: the commands of what is not granted yet."),
        portal=_portal(steps),
        az="\n".join(step.az for step in steps if step.az),
        powershell="\n".join(step.powershell for step in steps if step.powershell),
    )
    return replace(finding, remedies=(*finding.remedies, handed_on))


def _portal(steps: Sequence[GrantStep]) -> tuple[str, ...]:
    """Return the portal's steps of all of *steps*, to be gone through once."""
    if steps[0].kind is StepKind.ROLE_DEFINITION:
        return steps[0].portal  # the assignment is among them
    lines = [line for step in steps for line in step.portal]
    # what is waited for at the end is waited for once
    return (*(line for line in lines[:-1] if line != lines[-1]), *lines[-1:])
