"""The mix-ups by name: each made in the practice cloud, looked at with and without an administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codesign_wizard.core.azure.options import AzureOptions
from codesign_wizard.core.azure.permissions.check import Check, Looked
from codesign_wizard.core.azure.permissions.report import State
from codesign_wizard.core.finding import Severity
from codesign_wizard.core.job import Job
from codesign_wizard.core.redact import Secret
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.entra.models import register
from codesign_wizard.practice.keyvault.permissions import CERTIFICATE_PERMISSIONS, AccessPolicy
from codesign_wizard.practice.management.roles import (
    CERTIFICATES_OFFICER,
    CONTRIBUTOR,
    CRYPTO_OFFICER,
    OWNER,
)
from codesign_wizard.practice.scenarios.rbac import documented_policy, principal
from codesign_wizard.practice.world import World
from tests.support.administrator import Administrator
from tests.unit.azure.conftest import Person

BOTH = (CERTIFICATES_OFFICER, CRYPTO_OFFICER)
NONE, POLICY_NONE = "azure.permission.rbac-none", "azure.permission.policy-none"
ROLE_WRONG = "azure.permission.role-wrong-object-id"
POLICY_WRONG = "azure.permission.wrong-object-id"
TEMPLATE = "azure.permission.template-without-crypto"


@pytest.fixture(scope="module")
def who(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """One practice company for all: every mix-up says all of what is granted in it."""
    cloud = PracticeCloud()
    cloud.start()
    yield Person(cloud, tmp_path_factory.mktemp("cache"))
    cloud.stop()
    assert cloud.problems == []


def look(who: Person, *, admin: bool, secret: Secret | None = None, **options: str) -> Looked:
    given = AzureOptions(**{**vars_of(who.options), **options})
    check = Check(who.network, given, lambda: secret or who.secret)
    return check.look(Job(), Administrator(who.cloud) if admin else None)


def vars_of(options: AzureOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__dataclass_fields__}


def policies(world: World, *entries: AccessPolicy, rbac: bool = False) -> None:
    ids = {application(world), registration(world), principal(world)}
    held = world.authorization.assignments
    world.authorization.assignments = [each for each in held if each.principal_id not in ids]
    world.vault.access.rbac = rbac
    world.vault.access.policies = list(entries)


def roles_to(world: World, whom: str, *roles: str, scope: str = "", rbac: bool = True) -> None:
    policies(world, rbac=rbac)
    for role in roles:
        world.assign(whom, role, scope or world.vault.arm_id)


def group_of(world: World) -> str:
    return world.vault.arm_id.partition("/providers/")[0]


def also_above(world: World, whom: str, role: str) -> None:
    roles_to(world, whom, role)
    world.assign(whom, role, group_of(world))


def registration(world: World) -> str:
    return world.tenant.applications[0].object_id


def application(world: World) -> str:
    return world.tenant.applications[0].application_id


def elsewhere(world: World) -> str:
    return group_of(world).rpartition("/")[0] + "/other-group"


MIXUPS: dict[str, tuple[Callable[[World], None], str, str]] = {
    # what is made; what an administrator's view calls it; what its sentences hold beside
    "a policy for the application ID": (
        lambda world: policies(world, documented_policy(application(world))),
        POLICY_WRONG,
        "the application (client) ID",
    ),
    "a policy for the registration": (
        lambda world: policies(world, documented_policy(registration(world))),
        POLICY_WRONG,
        "the object ID of the app registration",
    ),
    "roles for the application ID": (
        lambda world: roles_to(world, application(world), *BOTH),
        ROLE_WRONG,
        "the application (client) ID",
    ),
    "roles for the registration": (
        lambda world: roles_to(world, registration(world), *BOTH),
        ROLE_WRONG,
        "the object ID of the app registration",
    ),
    "roles for the registration on the resource group": (
        lambda world: roles_to(world, registration(world), *BOTH, scope=group_of(world)),
        ROLE_WRONG,
        "Key Vault Certificates Officer",
    ),
    "policies for others on a vault that goes by roles": (
        lambda world: policies(world, documented_policy(registration(world)), rbac=True),
        NONE,
        "The vault's access policies do nothing",
    ),
    "a role for secrets": (
        lambda world: roles_to(world, principal(world), "Key Vault Secrets User"),
        NONE,
        "It holds: Key Vault Secrets User. That opens neither keys nor certificates.",
    ),
    "Owner": (
        lambda world: roles_to(world, principal(world), OWNER),
        "azure.permission.control-plane-only",
        "It holds: Owner.",
    ),
    "Owner, of the resource group as well": (
        lambda world: also_above(world, principal(world), OWNER),
        "azure.permission.control-plane-only",
        "It holds: Owner.",
    ),
    "Contributor on a vault that goes by policies": (
        lambda world: roles_to(world, principal(world), CONTRIBUTOR, rbac=False),
        POLICY_NONE,
        "Roles that do nothing here: Contributor.",
    ),
    "roles on another resource group": (
        lambda world: roles_to(world, principal(world), *BOTH, scope=elsewhere(world)),
        NONE,
        "to which the vault does not belong",
    ),
    "roles on another vault": (
        lambda world: roles_to(
            world,
            principal(world),
            *BOTH,
            scope=f"{elsewhere(world)}/providers/Microsoft.KeyVault/vaults/other-vault",
        ),
        "azure.permission.other-vault",
        "other-vault",
    ),
    "a policy for secrets alone": (
        lambda world: policies(world, AccessPolicy(principal(world), [], [], ["get", "list"])),
        POLICY_NONE,
        "The application's own entry ticks nothing for keys and certificates.",
    ),
    "the template for certificates alone": (
        lambda world: policies(world, AccessPolicy(principal(world), [], [*CERTIFICATE_PERMISSIONS])),
        TEMPLATE,
        "the template Certificate Management",
    ),
}


@pytest.mark.parametrize("name", MIXUPS)
def test_a_mix_up_is_named_by_an_administrators_view(name: str, who: Person) -> None:
    make, expected, words = MIXUPS[name]
    make(who.cloud.world)
    looked = look(who, admin=True)
    (error,) = [each for each in looked.findings if each.severity is Severity.ERROR]
    assert error.id == expected
    assert words in f"{error.title} {error.detail}"
    # what an own grant is is never called somebody else's
    assert f"other principals: {principal(who.cloud.world)}" not in error.detail
    # the remedy is for the one that counts, on this vault
    commands = error.remedies[0].az or ""
    assert principal(who.cloud.world) in commands
    assert who.options.vault_name in commands
    assert registration(who.cloud.world) not in commands


@pytest.mark.parametrize("rbac", [True, False])
def test_without_an_administrator_it_is_said_what_to_look_at(rbac: bool, who: Person) -> None:
    policies(who.cloud.world, rbac=rbac)
    looked = look(who, admin=False)
    (error,) = [each for each in looked.findings if each.severity is Severity.ERROR]
    assert (error.id, error.certainty) == (NONE if rbac else POLICY_NONE, "likely")
    if rbac:
        assert "access policies do nothing on it, and Owner or Contributor do not open it" in error.detail
    else:
        assert "roles do nothing on it" in error.detail
        assert f"the object ID {principal(who.cloud.world)} only" in error.detail


def test_what_is_likely_is_not_called_untestable(who: Person) -> None:
    policies(who.cloud.world, documented_policy(principal(who.cloud.world)))
    looked = look(who, admin=False)
    assert looked.report is not None
    states = [row.state.value for row in looked.report.rows if row.permission.asked_for]
    (enough,) = [each for each in looked.findings if each.id == "azure.permission.enough"]
    assert enough.detail == (
        f"{states.count('likely')} of them are likely there. {states.count('untestable')} cannot be tested "
        "from here without changing something."
    )


def test_whose_a_refused_secret_is(who: Person) -> None:
    world = who.cloud.world
    roles_to(world, principal(world), *BOTH)
    other = register(world.tenant, "Something else", world.clock.now())
    own, value = world.tenant.applications[0].secrets[0].value, other.secrets[0].value
    # secrets are random: the three characters must tell them apart
    for each in other.secrets:
        each.value = value = "zzz" + value[3:]
    told = {
        "secret-of-other-application": Secret(value),
        "secret-begins-alike": Secret(own[:-4]),
        "secret-not-held": Secret("~~~" + value[3:]),
    }
    for expected, secret in told.items():
        looked = look(who, admin=True, secret=secret)
        ids = [each.id for each in looked.findings if each.id.startswith(("azure.admin.", "azure.sign-in."))]
        assert ids == ["azure.sign-in.secret-wrong", "azure.admin.signed-in", f"azure.admin.{expected}"]
        assert secret.reveal()[:3] not in looked.findings[-1].title
        assert ("Something else" in looked.findings[-1].title) == (expected == "secret-of-other-application")
    assert not any(
        each.id.startswith("azure.admin.") for each in look(who, admin=False, secret=secret).findings
    )
    world.tenant.applications.remove(other)


def test_an_object_id_in_the_applications_place_is_told_from_it(who: Person) -> None:
    world = who.cloud.world
    for given in (registration(world), principal(world)):
        looked = look(who, admin=True, application_id=given)
        (found,) = [each for each in looked.findings if each.id == "azure.admin.object-id-given"]
        assert given in found.title
        assert application(world) in found.title


def test_a_secret_id_is_said_once(who: Person, tmp_path: Path) -> None:
    looked = look(who, admin=False, secret=Secret("6b1f6e2a-3b0c-4f0e-9d3a-0c2f4a6b8d10"))
    assert [each.id for each in looked.findings if each.severity is not Severity.OK] == [
        "azure.sign-in.secret-id-pasted"
    ]


@pytest.mark.parametrize("scenario", ["firewall", "private-endpoint"])
def test_a_closed_network_is_told_from_a_missing_permission(scenario: str, who: Person) -> None:
    world, closed = who.cloud.world, f"azure.vault.{scenario}"
    for roles, expected in ((BOTH, []), ((), [NONE])):
        roles_to(world, principal(world), *roles)
        who.cloud.play(scenario)
        try:
            alone, seen = look(who, admin=False), look(who, admin=True)
        finally:
            who.cloud.play(None)
        assert [each.id for each in alone.findings if each.severity is Severity.ERROR] == [closed]
        assert alone.report is None
        # what closes it stands first: no grant opens it
        assert [each.id for each in seen.findings if each.severity is Severity.ERROR] == [closed, *expected]
        assert seen.report is not None
        states = {row.state for row in seen.report.rows if row.permission.asked_for}
        assert states == ({State.GRANTED} if roles else {State.MISSING})
        enough = [each for each in seen.findings if each.id == "azure.permission.enough"]
        assert [each.certainty for each in enough] == (["computed"] if roles else [])
        # whether a grant works could not be found out, so none is offered
        assert seen.access is None


def test_beside_a_closed_network_it_is_told_that_an_administrator_may_not_see_the_vault(who: Person) -> None:
    world = who.cloud.world
    roles_to(world, principal(world), *BOTH)
    held = world.authorization.assignments
    world.authorization.assignments = [
        each for each in held if each.principal_id != world.administrator.object_id
    ]
    who.cloud.play("firewall")
    try:
        seen = look(who, admin=True)
    finally:
        who.cloud.play(None)
        world.authorization.assignments = held
    errors = [each.id for each in seen.findings if each.severity is Severity.ERROR]
    assert errors[:1] == ["azure.vault.firewall"]
    assert "azure.admin.vault-not-found" in [each.id for each in seen.findings]
    assert seen.report is None


def test_a_vaults_name_in_capitals_is_the_same_vault(who: Person) -> None:
    world = who.cloud.world
    roles_to(world, principal(world), *BOTH)
    told = []
    for name in (who.options.vault_name, who.options.vault_name.upper()):
        looked = look(who, admin=False, vault_name=name)
        assert not [each for each in looked.findings if each.severity is Severity.ERROR]
        assert looked.report is not None
        told.append([(row.state, len(row.observations)) for row in looked.report.rows])
    assert told[0] == told[1]
