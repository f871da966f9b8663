"""Random grants, judged by our evaluator, by a naive one written here, and by the practice vault.

The naive one is Microsoft's rules word for word, for one action at a time (learn.microsoft.com/azure:
role-based-access-control/overview, ``…/role-definitions``, ``…/deny-assignments``;
key-vault/general/assign-access-policy).
"""

from __future__ import annotations

import fnmatch
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions import evaluate as ours
from codesign_wizard.core.azure.permissions.catalogue import Model, Permission, permissions
from codesign_wizard.core.azure.permissions.report import Source, State
from codesign_wizard.core.doctor import doctor_windows
from codesign_wizard.core.job import Job
from codesign_wizard.core.network import Network, NetworkSettings
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import Group
from codesign_wizard.practice.keyvault.permissions import OPERATIONS, Access, AccessPolicy, Caller
from codesign_wizard.practice.management.authorization import (
    EVERYONE,
    Authorization,
    DenyAssignment,
    RoleAssignment,
    Subscription,
)
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES, RoleDefinition, custom_role
from tests.support.administrator import Administrator
from tests.support.canary import leaks

WORLDS = 2000
PLAYED = 40
PREFIX = "Microsoft.KeyVault/vaults/"
NAME = "code-signing"
NOW = 1_764_000_000.0
NEVER = (
    "((!(ActionMatches{'Microsoft.KeyVault/vaults/keys/sign/action'})) OR "
    "(@Environment[isPrivateLink] BoolEquals true))"
)
PATTERNS = (
    "*", "keys/*", "certificates/*", "*/read", "keys/*/action", "certificatecas/*", "KEYS/SIGN/ACTION",
    "keys/read", "certificates/read", "keys/sign/action", "certificates/create/action", "secrets/*",
    "certificatecontacts/write", "keyrotationpolicies/*", "*/backup/action", "keys/unwrap/action",
    "certificates/*/action", "keys/s*",
    # what no request can ask without effect
    "keys/create/action", "keys/import/action", "certificates/import/action", "certificatecas/write",
)  # fmt: skip
ROLES = (
    "Key Vault Administrator", "Key Vault Certificates Officer", "Key Vault Crypto Officer", "Contributor",
    "Key Vault Crypto User", "Key Vault Reader", "Key Vault Certificate User", "Owner",
)  # fmt: skip


@dataclass
class Place:
    """Ids of a vault and of who is about."""

    subscription: str = "5a5a5a5a-0000-4000-8000-000000000001"
    vault: str = ""
    above: tuple[str, ...] = ("department", "root")
    principal: str = "77777777-0000-4000-8000-000000000001"
    application: str = "66666666-0000-4000-8000-000000000001"

    def __post_init__(self) -> None:
        self.vault = self.vault or (
            f"/subscriptions/{self.subscription}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"
        )


@dataclass
class RandomWorld:
    """Grants in the practice cloud's own types; groups as ids with their members."""

    place: Place
    rbac: bool
    groups: list[Group] = field(default_factory=list)
    roles: list[RoleDefinition] = field(default_factory=list)
    assignments: list[RoleAssignment] = field(default_factory=list)
    denials: list[DenyAssignment] = field(default_factory=list)
    policies: list[AccessPolicy] = field(default_factory=list)

    @cached_property
    def member_of(self) -> set[str]:
        """The groups of the principal, also through others."""
        found: set[str] = set()
        grown = True
        while grown:
            grown = False
            for each in self.groups:
                if each.object_id not in found and ({self.place.principal} | found) & set(each.members):
                    found.add(each.object_id)
                    grown = True
        return found


def random_world(draw: random.Random, place: Place) -> RandomWorld:
    """Return a world of a few grants that meet, miss and contradict each other."""
    world = RandomWorld(place, draw.random() < 0.6)
    ids = [f"88888888-0000-4000-8000-{draw.getrandbits(48):012x}" for _ in range(3)]
    world.groups = [
        Group(ids[0], "direct", [place.principal] if draw.random() < 0.6 else []),
        Group(ids[1], "through", [ids[0]] if draw.random() < 0.6 else []),
        Group(ids[2], "others", ["99999999-0000-4000-8000-000000000001"]),
    ]
    somebody = [place.principal, place.principal, *ids, "99999999-0000-4000-8000-000000000001"]
    group = place.vault.partition("/providers/")[0]
    above = f"/subscriptions/{place.subscription}"
    wide = [
        *(f"/providers/Microsoft.Management/managementGroups/{each}" for each in place.above),
        above, group, place.vault, place.vault.upper(), place.vault + "2", f"{above}/resourceGroups/rg2",
    ]  # fmt: skip
    objects = [f"{place.vault}/{kind}/{name}" for kind in ("keys", "certificates") for name in (NAME, "x")]

    def pick(*most: int) -> list[str]:
        return [PREFIX + each for each in draw.sample(PATTERNS, draw.choice(most))]

    world.roles = [
        custom_role(
            f"aaaaaaaa-0000-4000-8000-{draw.getrandbits(48):012x}", f"role {n}", pick(1, 2), pick(0, 0, 1)
        )
        for n in range(2)
    ]
    known = [*(BUILT_IN_ROLES[each].role_id for each in ROLES), *(each.role_id for each in world.roles)]
    for _ in range(draw.choice((0, 1, 1, 2, 3, 4))):
        who = draw.choice(somebody)
        world.assignments.append(
            RoleAssignment(
                who,
                draw.choice(known),
                draw.choice(wide + objects),
                principal_type="Group" if who in ids else "ServicePrincipal",
                condition=NEVER if draw.random() < 0.1 else None,
            )
        )
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        world.denials.append(
            DenyAssignment(
                draw.sample([*somebody[1:], EVERYONE], draw.choice((1, 2))),
                pick(1, 2),
                draw.choice(wide),
                not_data_actions=pick(0, 0, 1),
                excluded_principal_ids=[draw.choice(somebody)] if draw.random() < 0.3 else [],
                own_scope_only=draw.random() < 0.2,
            )
        )
    names = {kind: [name for group, name in OPERATIONS if group == kind] for kind in ("keys", "certificates")}

    def ticks(kind: str) -> list[str]:
        if draw.random() < 0.1:
            return ["All"]
        told = draw.sample(names[kind], draw.randrange(len(names[kind])))
        return [draw.choice((each, each.upper(), each.capitalize())) for each in told]

    known_to_policies = list(dict.fromkeys(somebody))
    for who in draw.sample(known_to_policies, draw.choice((0, 1, 1, 2, 3))):
        compound = place.application if draw.random() < 0.15 else ""
        world.policies.append(
            AccessPolicy(who, ticks("keys"), ticks("certificates"), application_id=compound)
        )
    return world


def as_administrators_see_it(world: RandomWorld) -> ours.VaultAccess:
    """Return what the management plane would list of *world*: nothing of scopes that do not touch it."""
    place, principals = world.place, {world.place.principal, *world.member_of}
    definitions = {each.role_id: each for each in [*BUILT_IN_ROLES.values(), *world.roles]}
    prefix = f"/subscriptions/{place.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
    return ours.VaultAccess(
        resource_id=place.vault,
        name="v",
        model=Model.RBAC if world.rbac else Model.POLICY,
        policies=tuple(
            ours.AccessPolicy(
                each.object_id, each.application_id, tuple(each.keys), tuple(each.certificates)
            )
            for each in world.policies
        ),
        assignments=tuple(
            ours.RoleAssignment(
                f"{each.scope}/providers/Microsoft.Authorization/roleAssignments/{each.assignment_id}",
                each.principal_id, each.principal_type, each.scope, prefix + each.role_id,
                each.condition or "",
            )
            for each in world.assignments
            if each.principal_id in principals
        ),
        definitions=tuple(
            ours.RoleDefinition(
                prefix + each.role_id, each.name, each.actions, each.not_actions, each.data_actions,
                each.not_data_actions,
            )
            for each in definitions.values()
        ),
        denials=tuple(
            ours.DenyAssignment(
                each.deny_id, each.name, tuple(each.principal_ids), tuple(each.excluded_principal_ids),
                each.scope, tuple(each.data_actions), tuple(each.not_data_actions), each.own_scope_only,
            )
            for each in world.denials
        ),
        groups=tuple(world.member_of),
    )  # fmt: skip


# --- the naive evaluator -----------------------------------------------------------------------------------


def like(patterns: Any, action: str) -> bool:
    """Tell whether a pattern with ``*`` is *action*; no case."""
    return any(fnmatch.fnmatchcase(action.lower(), each.lower().replace("[", "[[]")) for each in patterns)


def reaches(world: RandomWorld, scope: str, resource: str) -> bool:
    """Tell whether *scope* holds for *resource*: every part of it begins the resource's id."""
    parts = [each for each in scope.lower().split("/") if each]
    if "managementgroups" in parts:
        return parts[-1] in world.place.above
    return [each for each in resource.lower().split("/") if each][: len(parts)] == parts


def asked_at(world: RandomWorld, permission: Permission) -> str:
    """Return the resource that a request is about: the object, where the operation is on one."""
    group, _, operation = permission.action.removeprefix(PREFIX).partition("/")
    if group in ("keys", "certificates") and operation != "restore/action":
        return f"{world.place.vault}/{group}/{NAME}"
    return world.place.vault


def naive(world: RandomWorld, permission: Permission) -> bool | None:
    """Return whether the vault lets the principal do it on the certificate or its key.

    ``None`` is for what the rules leave open: the meaning of a condition, whether an object is a child scope.
    """
    me = {world.place.principal, *world.member_of}
    if not world.rbac:
        for each in world.policies:
            held = [name.lower() for name in (each.keys if permission.kind == "keys" else each.certificates)]
            ticked = permission.name.lower() in held or "all" in held
            if ticked and each.object_id in me and each.application_id == "":
                return True
        return False
    target = asked_at(world, permission)
    unsure = False
    for denial in world.denials:
        if any(each in me for each in denial.excluded_principal_ids):
            continue
        if EVERYONE not in denial.principal_ids and not any(each in me for each in denial.principal_ids):
            continue
        if not like(denial.data_actions, permission.action) or like(
            denial.not_data_actions, permission.action
        ):
            continue
        if denial.own_scope_only and denial.scope.lower() != target.lower():
            # of a vault's own scope the rules do not say whether the objects in it are below
            unsure = unsure or denial.scope.lower() == world.place.vault.lower()
            continue
        if reaches(world, denial.scope, target):
            return False
    roles = {each.role_id: each for each in [*BUILT_IN_ROLES.values(), *world.roles]}
    held_under_condition = False
    for assignment in world.assignments:
        role = roles[assignment.role_id]
        if assignment.principal_id not in me or not reaches(world, assignment.scope, target):
            continue
        if like(role.data_actions, permission.action) and not like(role.not_data_actions, permission.action):
            if assignment.condition is None:
                return None if unsure else True
            held_under_condition = True
    return None if held_under_condition else False


# --- the practice vault, in-process ------------------------------------------------------------------------


def practised(world: RandomWorld, permission: Permission) -> bool:
    """Return what the practice vault rules, for the certificate or its key."""
    place = world.place
    caller = Caller(place.application, place.principal, "https://sts.windows.net/t/", tuple(world.member_of))
    if not world.rbac:
        access = Access(False, world.policies)
        operation = OPERATIONS[permission.kind, permission.name]
        return access.granted_by_policy(caller, operation)
    authorization = Authorization(
        [Subscription(place.subscription, "t", "s", list(place.above))],
        world.assignments, world.denials, world.roles,
    )  # fmt: skip
    target = asked_at(world, permission)
    return authorization.rule(caller.principals, permission.action, target, NOW, data=True).granted


def test_three_judges_agree_on_random_grants() -> None:
    draw = random.Random(20261124)
    seen: dict[tuple[Model, State], int] = {}
    for number in range(WORLDS):
        world = random_world(draw, Place())
        access = as_administrators_see_it(world)
        told = ours.evaluate(access, world.place.principal, NAME)
        for permission in permissions(access.model):
            judged = told[permission.key].state
            expected, ruled = naive(world, permission), practised(world, permission)
            about = f"world {number}, {permission.key}: {judged}, {expected}, {ruled}"
            seen[access.model, judged] = seen.get((access.model, judged), 0) + 1
            if judged is State.GRANTED:
                assert ruled, about
                assert expected is True, about
            elif judged is State.MISSING:
                assert not ruled, about
                assert expected is False, about
            elif judged is State.LIKELY:
                assert (permission.model, permission.name[-7:]) == (Model.POLICY, "issuers"), about
            else:
                assert expected is None, about
    # the worlds are not all alike
    for model in Model:
        assert seen[model, State.GRANTED] > 4000
        assert seen[model, State.MISSING] > 5000
    assert seen[Model.RBAC, State.UNTESTABLE] > 200


# --- the practice vault, over HTTP -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cloud() -> Iterator[PracticeCloud]:
    with PracticeCloud() as started:
        yield started
        assert started.problems == []


def network(cloud: PracticeCloud, folder: Path) -> Network:
    return Network(
        NetworkSettings(
            proxy=cloud.proxy_url, ca_bundle=str(cloud.ca_file), use_environment=False, cache=str(folder)
        )
    )


def options(cloud: PracticeCloud) -> AzureOptions:
    own = cloud.accounts
    return AzureOptions(own.vault_name, own.certificate_name, own.application_id, own.tenant_id)


def test_nothing_is_called_granted_that_the_vault_refuses(cloud: PracticeCloud, tmp_path: Path) -> None:
    draw = random.Random(4)
    played = cloud.world
    application = cloud.accounts.application_id
    principal = played.tenant.service_principals[0].object_id
    subscription = played.authorization.subscriptions[0]
    place = Place(
        subscription.subscription_id,
        played.vault.arm_id,
        tuple(subscription.management_groups),
        principal,
        application,
    )
    kept = [each for each in played.authorization.assignments if each.principal_id != principal]
    reach, secret = network(cloud, tmp_path), Secret(cloud.accounts.application_secret)
    judged = dict.fromkeys(State, 0)
    for number in range(PLAYED):
        world = random_world(draw, place)
        late = [each for each in world.assignments if draw.random() < 0.15]
        for each in late:
            each.created, each.effective_from = (
                played.clock.now().timestamp() - 60,
                played.clock.now().timestamp() + 900,
            )
        with played.lock:
            played.tenant.groups = world.groups
            played.authorization.assignments = [*kept, *world.assignments]
            played.authorization.custom_roles = world.roles
            played.authorization.denials = world.denials
            played.vault.access = Access(world.rbac, world.policies)
        admin: Any = Administrator(cloud) if number % 2 else None
        result = doctor_windows(Job(), reach, options(cloud), secret, admin=admin)
        about = f"world {number}: {[each.id for each in result.findings]}"
        report = result.permissions
        assert report is not None, about
        effective = replace(
            world, assignments=[each for each in world.assignments if each not in late or not world.rbac]
        )
        for row in report.rows:
            judged[row.state] += 1
            allowed = practised(effective, row.permission)
            if row.state is State.GRANTED:
                assert allowed, f"{about} {row}"
            seen = {each.source for each in row.observations}
            if row.state is State.MISSING and seen & {Source.OBJECT, Source.SIGNATURE}:
                assert not allowed, f"{about} {row}"
        errors = [each.id for each in result.findings if each.severity.value == "error"]
        assert len(errors) == len(set(errors)) <= 1, about
        signs = report.verdicts()[0].state if report.rows else None
        assert (signs is State.MISSING) == bool(errors), f"{about} {signs}"
    assert all(judged.values()), judged


def test_a_diagnosis_changes_nothing_and_writes_no_secret(tmp_path: Path) -> None:
    cache, state = tmp_path / "cache", tmp_path / "state"
    canary = f"canary-{uuid.uuid4()}"
    with PracticeCloud(state=state) as cloud:
        application = cloud.world.tenant.applications[0]
        application.secrets[0].value = canary
        told: list[str] = []
        job = Job(on_log=lambda line: told.append(str(line)))
        admin: Any = Administrator(cloud)
        # the first time the practice network's servers make their own keys
        doctor_windows(job, network(cloud, cache), options(cloud), Secret(canary), admin=admin)
        cloud.world.save()
        before = {path.relative_to(state): path.read_bytes() for path in files(state)}
        authorization, vault = cloud.world.authorization.to_json(), cloud.world.vault.to_json()
        result = doctor_windows(job, network(cloud, cache), options(cloud), Secret(canary), admin=admin)
        assert result.permissions is not None
        assert result.permissions.verdicts()[-1].state is not State.MISSING
        assert (cloud.world.authorization.to_json(), cloud.world.vault.to_json()) == (authorization, vault)
        cloud.world.save()
        assert {path.relative_to(state): path.read_bytes() for path in files(state)} == before
    told += [str(each.to_json()) for each in result.findings]
    told += [str(result.permissions.to_json()), str(result.facts)]
    assert leaks(canary, "\n".join(told), cache) == []
    assert "eyJ" not in "\n".join(told)  # how every token begins


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
