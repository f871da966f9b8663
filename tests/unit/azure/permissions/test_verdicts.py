"""What grants are enough for: common combinations, as ``permissions show --json`` tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codesign_wizard.core.azure.permissions.catalogue import PREFIX, Model, Permission, Purpose, wanted
from codesign_wizard.core.azure.permissions.check import Check
from codesign_wizard.core.azure.permissions.evaluate import AccessPolicy, VaultAccess, evaluate
from codesign_wizard.core.azure.permissions.matrix import build
from codesign_wizard.core.azure.permissions.remedies import least_actions
from codesign_wizard.core.azure.permissions.report import Report, State
from codesign_wizard.core.job import Job
from codesign_wizard.practice.cloud import PracticeCloud
from codesign_wizard.practice.keyvault import permissions as practice
from codesign_wizard.practice.management.authorization import RoleAssignment
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES, custom_role
from tests.support.command_line import run
from tests.unit.azure.conftest import Person

YES, NO, LIKELY, OPEN = State.GRANTED, State.MISSING, State.LIKELY, State.UNTESTABLE
TICKS = wanted(Model.POLICY, Purpose.DOCUMENTED)
NAME = "mine"
OFFICER, USER = "Key Vault Certificates Officer", "Key Vault Crypto User"
SIGN = ("keys/sign/action", "certificates/read")


@pytest.fixture(scope="module")
def who(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with PracticeCloud() as cloud:
        yield Person(cloud, tmp_path_factory.mktemp("cache"))
        assert cloud.problems == []


@pytest.fixture
def shown(
    who: Person, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, Any]]:
    """Return a function that gives the document of ``permissions show``."""
    options = who.options
    monkeypatch.setenv("AZURE_CLIENT_SECRET", who.secret.reveal())

    def show() -> dict[str, Any]:
        return run(
            capsys, "permissions", "show", "--json", "--vault", options.vault_name,
            "--certificate", options.certificate_name, "--tenant", options.tenant_id,
            "--application", options.application_id, "--proxy", who.cloud.proxy_url,
            "--ca-bundle", who.cloud.ca_file,
        ).document  # fmt: skip

    return show


def principal(who: Person) -> str:
    return who.cloud.world.tenant.service_principals[0].object_id


def give(who: Person, roles: tuple[str, ...], actions: tuple[str, ...] = ()) -> None:
    """Give the application *roles* on the vault, and one of its own with *actions*; nothing else."""
    world, own = who.cloud.world, principal(who)
    world.vault.access.rbac = True
    role_ids = [BUILT_IN_ROLES[each].role_id for each in roles]
    if actions:
        made = custom_role("abababab-0000-4000-8000-000000000001", NAME, [PREFIX + each for each in actions])
        world.authorization.custom_roles = [made]
        role_ids.append(made.role_id)
    world.authorization.assignments = [
        *(each for each in world.authorization.assignments if each.principal_id != own),
        *(RoleAssignment(own, each, world.vault.arm_id) for each in role_ids),
    ]


def tick(who: Person, keys: list[str], certificates: list[str]) -> None:
    give(who, ())
    who.cloud.world.vault.access.rbac = False
    who.cloud.world.vault.access.policies = [practice.AccessPolicy(principal(who), keys, certificates)]


def told(document: dict[str, Any]) -> tuple[State, ...]:
    """Return for each purpose what the rows of *document* say, by the rule of the JSON's description."""
    found = []
    for purpose in Purpose:
        states = {State(row["state"]) for row in document["result"] if purpose.value in row["purposes"]}
        found.append(next(each for each in (NO, OPEN, LIKELY, YES) if each in states))
    return tuple(found)


@pytest.mark.parametrize(
    ("roles", "actions", "expected"),
    [
        ((OFFICER, USER), (), (YES, YES, NO)),
        (("Key Vault Certificate User", USER), (), (YES, NO, NO)),
        (("Key Vault Reader", USER), (), (YES, NO, NO)),
        ((USER,), (), (NO, NO, NO)),
        ((), SIGN, (YES, NO, NO)),
        ((), tuple(each.removeprefix(PREFIX) for each in least_actions(Purpose.LIFE)), (YES, LIKELY, NO)),
    ],
)
def test_what_roles_are_enough_for(
    who: Person,
    shown: Callable[[], dict[str, Any]],
    roles: tuple[str, ...],
    actions: tuple[str, ...],
    expected: tuple[State, ...],
) -> None:
    give(who, roles, actions)
    assert told(shown()) == expected


def test_a_role_of_all_that_is_ticked_lacks_only_what_nobody_would_tick(
    who: Person, shown: Callable[[], dict[str, Any]]
) -> None:
    """As after the least grant for all that is documented: what it leaves out is no warning."""
    give(who, (), tuple(each.removeprefix(PREFIX) for each in least_actions(Purpose.DOCUMENTED)))
    document = shown()
    assert told(document) == (YES, LIKELY, NO)
    assert [row["name"] for row in document["result"] if row["state"] == "missing"] == [
        f"{PREFIX}keyrotationpolicies/read"
    ]
    (found,) = [each for each in document["findings"] if each["id"] == "azure.permission.partial"]
    assert found["severity"] == "info"
    assert "ticks" in found["detail"]


def test_where_nothing_is_refused_what_holds_in_both_models_is_said(who: Person) -> None:
    give(who, ("Key Vault Administrator",))
    looked = Check(who.network, who.options, lambda: who.secret).look(Job())
    assert "azure.permission.model-unknown" in [each.id for each in looked.findings]
    report = looked.report
    assert report is not None
    assert (report.model, report.rows) == (None, ())
    assert tuple(each.state for each in report.verdicts()) == (YES, LIKELY, OPEN)
    again = Report.from_json(report.to_json())
    assert [each.to_json() for each in again.verdicts()] == [each.to_json() for each in report.verdicts()]


@pytest.mark.parametrize(
    ("keys", "certificates", "expected"),
    [
        (["get", "sign"], [], (NO, NO, NO)),
        (["sign"], ["get"], (YES, NO, NO)),
        (["all"], ["all"], (YES, LIKELY, OPEN)),
        (["GET", "Sign"], ["Get", "LIST", "create", "Update"], (YES, LIKELY, NO)),
    ],
)
def test_what_ticks_are_enough_for(
    who: Person,
    shown: Callable[[], dict[str, Any]],
    keys: list[str],
    certificates: list[str],
    expected: tuple[State, ...],
) -> None:
    tick(who, keys, certificates)
    assert told(shown()) == expected


def computed(held: list[str], *, spelled: Callable[[str], str] = str) -> tuple[list[str], tuple[State, ...]]:
    """Return what an administrator's view lacks of the documented ticks with *held*, and the verdicts."""
    names = [(each.partition("/")[0], spelled(each.partition("/")[2])) for each in held]
    entry = AccessPolicy(
        "me",
        "",
        tuple(name for kind, name in names if kind == "keys"),
        tuple(name for kind, name in names if kind == "certificates"),
    )
    access = VaultAccess(
        resource_id="/subscriptions/s/vault", name="v", model=Model.POLICY, policies=(entry,)
    )
    seen = {key: [one] for key, one in evaluate(access, "me", "code-signing").items()}
    report = Report(Model.POLICY, build(Model.POLICY, seen, "code-signing").rows)
    missing = [row.permission.key for row in report.rows if row.permission.asked_for and row.state is NO]
    return missing, tuple(each.state for each in report.verdicts())


ISSUERS = ("getissuers", "listissuers", "setissuers", "deleteissuers")


@pytest.mark.parametrize("left", TICKS, ids=lambda each: each.key)
def test_of_the_documented_ticks_each_one_counts(left: Permission) -> None:
    missing, verdicts = computed([each.key for each in TICKS if each is not left])
    if left.name in ISSUERS:
        # managing authorities is said to include the rest of them, which nobody has proved
        assert (missing, verdicts) == ([], (YES, YES, LIKELY))
        return
    assert missing == [left.key]
    assert verdicts == tuple(NO if purpose in left.purposes else YES for purpose in Purpose)


@pytest.mark.parametrize("spelled", [str, str.upper, str.capitalize])
def test_the_documented_ticks_are_enough_however_they_are_spelled(spelled: Callable[[str], str]) -> None:
    assert computed([each.key for each in TICKS], spelled=spelled) == ([], (YES, YES, YES))
    assert computed(["keys/all", "certificates/all"], spelled=spelled) == ([], (YES, YES, YES))
