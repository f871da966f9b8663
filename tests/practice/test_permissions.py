"""The permission engine: roles with wildcards, scopes, groups, denials, conditions; access policies."""

from __future__ import annotations

import pytest

from codesign_wizard.practice.keyvault.permissions import (
    CERTIFICATE_PERMISSIONS,
    KEY_PERMISSIONS,
    OPERATIONS,
    Access,
    AccessPolicy,
    Caller,
)
from codesign_wizard.practice.management.authorization import (
    EVERYONE,
    Authorization,
    DenyAssignment,
    RoleAssignment,
    Subscription,
    management_group,
)
from codesign_wizard.practice.management.conditions import holds, readable
from codesign_wizard.practice.management.roles import BUILT_IN_ROLES, custom_role

VAULT = "/subscriptions/s/resourcegroups/rg/providers/microsoft.keyvault/vaults/v"
KEY = f"{VAULT}/keys/code-signing"
SIGN = "Microsoft.KeyVault/vaults/keys/sign/action"
READ_CERTIFICATE = "Microsoft.KeyVault/vaults/certificates/read"
CALLER = Caller("app", "principal", "https://sts.windows.net/t/", groups=("team",))


def access(*roles: str, scope: str = VAULT, principal: str = "principal") -> Authorization:
    return Authorization(
        subscriptions=[
            Subscription("s", "t", "Production", ["department", "t"]),
            Subscription("other", "t", ""),
        ],
        assignments=[RoleAssignment(principal, BUILT_IN_ROLES[role].role_id, scope) for role in roles],
    )


def granted(given: Authorization, action: str = SIGN, resource: str = KEY, now: float = 0.0) -> bool:
    return given.rule(CALLER.principals, action, resource, now, data=True).granted


def test_what_each_built_in_role_is_good_for() -> None:
    reads_and_signs = {
        role: (granted(access(role), READ_CERTIFICATE, f"{VAULT}/certificates/c"), granted(access(role)))
        for role in BUILT_IN_ROLES
    }
    both, reads, signs = (True, True), (True, False), (False, True)
    useful = {
        "Key Vault Administrator": both,
        "Key Vault Certificates Officer": reads,
        "Key Vault Crypto Officer": signs,
        "Key Vault Certificate User": reads,
        "Key Vault Crypto User": signs,
        "Key Vault Reader": reads,
    }
    assert {role: held for role, held in reads_and_signs.items() if any(held)} == useful
    assert {"Owner", "Contributor", "Reader", "Key Vault Contributor"} <= set(reads_and_signs) - set(useful)


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        ("Owner", "Microsoft.Authorization/roleAssignments/write", True),
        ("Contributor", "Microsoft.Authorization/roleAssignments/write", False),
        ("Contributor", "Microsoft.KeyVault/vaults/accessPolicies/write", True),
        ("Key Vault Contributor", "Microsoft.KeyVault/vaults/accessPolicies/write", True),
        ("Key Vault Contributor", "Microsoft.Authorization/roleAssignments/write", False),
        ("Key Vault Crypto Officer", "Microsoft.Authorization/permissions/read", True),
        # the pattern is vaults/*/read, and the vault itself has no part in between
        ("Key Vault Crypto Officer", "Microsoft.KeyVault/vaults/read", False),
        ("Key Vault Crypto User", "Microsoft.Authorization/permissions/read", False),
        ("Reader", "Microsoft.KeyVault/vaults/read", True),
        ("Role Based Access Control Administrator", "Microsoft.Authorization/roleAssignments/write", True),
        ("Role Based Access Control Administrator", "Microsoft.Authorization/roleDefinitions/write", False),
    ],
)
def test_the_management_side_of_roles(role: str, action: str, allowed: bool) -> None:
    assert access(role).rule(CALLER.principals, action, VAULT, 0, data=False).granted is allowed


def test_data_and_management_actions_are_kept_apart() -> None:
    assert not granted(access("Owner"))
    assert not access("Key Vault Administrator").rule(CALLER.principals, SIGN, KEY, 0, data=False).granted


def test_the_two_officers_together_may_do_all_that_is_asked_for() -> None:
    both = access("Key Vault Certificates Officer", "Key Vault Crypto Officer")
    for operation in OPERATIONS.values():
        asked_for = operation.group != "secrets"
        assert granted(both, operation.action, f"{VAULT}/{operation.group}/x") is asked_for


def test_scopes_reach_downwards_and_not_sideways() -> None:
    role = "Key Vault Crypto User"
    for scope in (
        "/", "/subscriptions/s", "/SUBSCRIPTIONS/s/resourceGroups/RG/", KEY,
        management_group("DEPARTMENT"), management_group("t"),
    ):  # fmt: skip
        assert granted(access(role, scope=scope)), scope
    for scope in (
        f"{VAULT}/keys/other", VAULT + "2", "/subscriptions/s2", "/subscriptions/other",
        management_group("elsewhere"),
    ):  # fmt: skip
        assert not granted(access(role, scope=scope)), scope
    assert not granted(access(role, scope=KEY), resource=f"{VAULT}/keys/wizard-probe")
    assert not granted(access(role, scope=KEY), resource=f"{KEY}-2")
    assert not granted(access(role, scope=KEY), resource=VAULT)
    # the other subscription lies in no management group
    assert not granted(access(role, scope=management_group("t")), resource=KEY.replace("/s/", "/other/"))


def test_groups_count_and_strangers_do_not() -> None:
    assert granted(access("Key Vault Administrator", principal="team"))
    assert not granted(access("Key Vault Administrator", principal="app"))  # a classic: the Application ID


def test_not_data_actions_narrow_their_own_role_only() -> None:
    given = access()
    given.custom_roles = [custom_role("custom", "narrowed", ["Microsoft.KeyVault/vaults/*"], [SIGN.upper()])]
    given.assignments = [RoleAssignment("principal", "CUSTOM", VAULT)]
    assert not granted(given)
    assert granted(given, "Microsoft.KeyVault/vaults/keys/read")
    given.assignments += access("Key Vault Crypto User").assignments
    assert granted(given)


def test_a_definition_that_is_gone_grants_nothing() -> None:
    given = access()
    given.assignments = [RoleAssignment("principal", "custom", VAULT)]
    assert not granted(given)


def test_propagation() -> None:
    given = access("Key Vault Crypto User")
    given.assignments[0].effective_from = 100.0
    assert not granted(given, now=99.0)
    assert granted(given, now=100.0)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("((!(ActionMatches{'Microsoft.KeyVault/vaults/keys/sign/action'})))", False),
        ("((!(ActionMatches{'Microsoft.KeyVault/vaults/keys/SIGN/*'})))", False),
        ("((!(ActionMatches{'Microsoft.KeyVault/vaults/certificates/*'})))", True),
        ("ActionMatches{'Microsoft.KeyVault/vaults/keys/*'}", True),
        ("((!(ActionMatches{'*'})) OR (@Resource[x:name] StringEquals 'y'))", False),
        ("(@Environment[UtcNow] DateTimeGreaterThan '2026-01-01T00:00:00Z')", True),
        ("(@Environment[UtcNow] DateTimeLessThan '2026-01-01T00:00:00.0Z')", False),
        ("@Environment[isPrivateLink] BoolEquals true", False),
        ("NOT (@Environment[isPrivateLink] BoolEquals true) && ActionMatches{'*'}", True),
        ("exists @Request[x:y]", False),
        ("not exists @Request[x:y]", True),
        ("@Principal[x:y] ForAnyOfAnyValues:StringEquals {'a', 'b'} or actionmatches{'*sign*'}", True),
        ("((ActionMatches{'*'})", False),  # not closed
        ("", False),
        ("anything goes", False),
    ],
)
def test_conditions_are_judged(condition: str, expected: bool) -> None:
    given = access("Key Vault Crypto User")
    given.assignments[0].condition = condition
    assert granted(given, now=1_800_000_000.0) is expected
    assert holds(condition, SIGN, 1_800_000_000.0) is expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GuidEquals 'A1'", True),
        ("ForAnyOfAnyValues:GuidEquals {a0, A1}", True),
        ("ForAnyOfAnyValues:GuidEquals {a0}", False),
        ("ForAnyOfAllValues:GuidNotEquals {a0, a2}", True),
        ("ForAnyOfAllValues:GuidNotEquals {a0, a1}", False),
        ("ForAnyOfAnyValues:StringLike {'a*'}", False),  # not known here
    ],
)
def test_conditions_ask_about_an_assignment(comparison: str, expected: bool) -> None:
    condition = f"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] {comparison}"
    assert holds(condition, SIGN, 0.0, {"request:roledefinitionid": "a1"}) is expected
    assert not holds(condition, SIGN, 0.0)


def test_what_is_a_condition() -> None:
    assert readable("(!(ActionMatches{'x'})) OR (@Resource[a:b] StringEquals 'c')")
    for text in ("", "(", "ActionMatches", "@Resource[a]", "@Resource[a] StringEquals", "a AND", "{'x'}"):
        assert not readable(text)


def denied(by: DenyAssignment, action: str = SIGN, resource: str = KEY) -> bool:
    given = access("Key Vault Administrator", scope="/subscriptions/s")
    given.denials = [by]
    ruling = given.rule(CALLER.principals, action, resource, 0.0, data=True)
    assert ruling.denial is (None if ruling.granted else by)
    return not ruling.granted


def test_a_denial_wins() -> None:
    denial = DenyAssignment(["team"], ["Microsoft.KeyVault/vaults/keys/*"], "/subscriptions/s",
                            ["Microsoft.KeyVault/vaults/keys/read"])  # fmt: skip
    assert denied(denial)
    assert not denied(denial, "Microsoft.KeyVault/vaults/keys/read")
    assert not denied(denial, READ_CERTIFICATE)
    denial.excluded_principal_ids = ["principal"]
    assert not denied(denial)


def test_a_denial_of_everybody_at_its_own_scope() -> None:
    assert denied(DenyAssignment([EVERYONE], ["*"], VAULT))
    own = DenyAssignment([EVERYONE], ["*"], VAULT, own_scope_only=True)
    assert denied(own, resource=VAULT)
    assert not denied(own)
    assert not denied(DenyAssignment([EVERYONE], ["*"], VAULT, condition="ActionMatches{'other'}"))


def test_access_policies() -> None:
    sign, get = OPERATIONS["keys", "sign"], OPERATIONS["certificates", "get"]
    given = Access(rbac=False, policies=[AccessPolicy("principal", keys=["Sign"], certificates=["list"])])
    assert given.granted_by_policy(CALLER, sign)
    assert not given.granted_by_policy(CALLER, get)
    given.policies.append(AccessPolicy("team", certificates=["ALL"]))
    assert given.granted_by_policy(CALLER, get)
    assert not given.granted_by_policy(CALLER, OPERATIONS["keys", "get"])


def test_managing_authorities_includes_reading_and_writing_them() -> None:
    given = Access(rbac=False, policies=[AccessPolicy("principal", certificates=["manageissuers"])])
    may = {name for (group, name), each in OPERATIONS.items() if given.granted_by_policy(CALLER, each)}
    assert may == {"manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers"}
    given.policies = [AccessPolicy("principal", certificates=["getissuers"])]
    assert not given.granted_by_policy(CALLER, OPERATIONS["certificates", "manageissuers"])


def test_a_compound_identity_is_the_application_acting_for_the_user_only() -> None:
    sign = OPERATIONS["keys", "sign"]
    given = Access(rbac=False, policies=[AccessPolicy("principal", keys=["sign"], application_id="app")])
    assert not given.granted_by_policy(CALLER, sign)
    user = Caller("app", "principal", CALLER.issuer, for_itself=False)
    assert given.granted_by_policy(user, sign)
    assert not given.granted_by_policy(Caller("else", "principal", CALLER.issuer, for_itself=False), sign)


def test_the_documented_lists() -> None:
    assert len(KEY_PERMISSIONS) == 14
    assert len(CERTIFICATE_PERMISSIONS) == 14
    assert "deleteissuers" in CERTIFICATE_PERMISSIONS
    assert not {"delete", "purge", "release", "rotate"} & {*KEY_PERMISSIONS, *CERTIFICATE_PERMISSIONS}


def test_grants_survive_being_kept() -> None:
    given = access("Key Vault Administrator")
    given.denials = [DenyAssignment(["x"], ["y"], "/z")]
    given.custom_roles = [custom_role("r", "n", ["a"], ["b"], scopes=["/subscriptions/s"])]
    assert Authorization.from_json(given.to_json()) == given
    policies = Access(rbac=False, policies=[AccessPolicy("o", ["sign"], ["get"], application_id="a")])
    assert Access.from_json(policies.to_json()) == policies
