"""The permission engine: roles with wildcards, scopes, denials; access policies."""

from __future__ import annotations

from codesign_wizard.practice.keyvault.permissions import (
    BUILT_IN_ROLES,
    CERTIFICATE_PERMISSIONS,
    KEY_PERMISSIONS,
    OPERATIONS,
    Access,
    AccessPolicy,
    Caller,
    DenyAssignment,
    Role,
    RoleAssignment,
)

VAULT = "/subscriptions/s/resourcegroups/rg/providers/microsoft.keyvault/vaults/v"
KEY = f"{VAULT}/keys/code-signing"
SIGN = "Microsoft.KeyVault/vaults/keys/sign/action"
READ_CERTIFICATE = "Microsoft.KeyVault/vaults/certificates/read"
CALLER = Caller("app", "principal", "https://sts.windows.net/t/", groups=("team",))


def access(*roles: str, scope: str = VAULT, principal: str = "principal") -> Access:
    return Access(
        assignments=[RoleAssignment(principal, BUILT_IN_ROLES[role].role_id, scope) for role in roles]
    )


def granted(given: Access, action: str = SIGN, resource: str = KEY, now: float = 0.0) -> bool:
    return given.granted_by_role(CALLER, action, resource, now)


def test_what_each_built_in_role_is_good_for() -> None:
    reads_and_signs = {
        role: (granted(access(role), READ_CERTIFICATE, f"{VAULT}/certificates/c"), granted(access(role)))
        for role in BUILT_IN_ROLES
    }
    assert reads_and_signs == {
        "Key Vault Administrator": (True, True),
        "Key Vault Certificates Officer": (True, False),
        "Key Vault Crypto Officer": (False, True),
        "Key Vault Certificate User": (True, False),
        "Key Vault Crypto User": (False, True),
        "Key Vault Reader": (True, False),
        "Key Vault Crypto Service Encryption User": (False, False),
        "Key Vault Contributor": (False, False),
        "Owner": (False, False),
        "Contributor": (False, False),
    }


def test_the_two_officers_together_may_do_all_that_is_asked_for() -> None:
    both = access("Key Vault Certificates Officer", "Key Vault Crypto Officer")
    for operation in OPERATIONS.values():
        assert granted(both, operation.action, f"{VAULT}/{operation.group}/x")


def test_scopes_reach_downwards_and_not_sideways() -> None:
    role = "Key Vault Crypto User"
    assert granted(access(role, scope="/subscriptions/s"))
    assert granted(access(role, scope="/SUBSCRIPTIONS/s/resourceGroups/RG/"))
    assert granted(access(role, scope=KEY))
    assert not granted(access(role, scope=f"{VAULT}/keys/other"))
    assert not granted(access(role, scope=KEY), resource=f"{VAULT}/keys/wizard-probe")
    assert not granted(access(role, scope=KEY), resource=f"{KEY}-2")
    assert not granted(access(role, scope=VAULT + "2"))


def test_groups_count_and_strangers_do_not() -> None:
    assert granted(access("Key Vault Administrator", principal="team"))
    assert not granted(access("Key Vault Administrator", principal="app"))  # a classic: the Application ID


def test_not_data_actions_narrow_their_own_role_only() -> None:
    narrowed = Role("custom", "narrowed", ("Microsoft.KeyVault/vaults/*",), (SIGN.upper(),))
    given = Access(assignments=[RoleAssignment("principal", "custom", VAULT)], custom_roles=[narrowed])
    assert not granted(given)
    assert granted(given, "Microsoft.KeyVault/vaults/keys/read")
    given.assignments += access("Key Vault Crypto User").assignments
    assert granted(given)


def test_conditions_and_propagation() -> None:
    given = access("Key Vault Crypto User")
    given.assignments[0].effective_from = 100.0
    assert not granted(given, now=99.0)
    assert granted(given, now=100.0)
    given.assignments[0].condition = "@Resource[...] StringEquals 'x'"
    assert not granted(given, now=100.0)


def test_a_denial_wins() -> None:
    given = access("Key Vault Administrator")
    given.denials = [DenyAssignment(["team"], ["Microsoft.KeyVault/vaults/keys/*"], "/subscriptions/s",
                                    ["Microsoft.KeyVault/vaults/keys/read"])]  # fmt: skip
    assert given.denied_by(CALLER, SIGN, KEY) is given.denials[0]
    assert given.denied_by(CALLER, "Microsoft.KeyVault/vaults/keys/read", KEY) is None
    assert given.denied_by(CALLER, SIGN, "/subscriptions/other/x") is None


def test_access_policies() -> None:
    sign, get = OPERATIONS["keys", "sign"], OPERATIONS["certificates", "get"]
    given = Access(rbac=False, policies=[AccessPolicy("principal", keys=["Sign"], certificates=["list"])])
    assert given.granted_by_policy(CALLER, sign)
    assert not given.granted_by_policy(CALLER, get)
    given.policies.append(AccessPolicy("team", certificates=["ALL"]))
    assert given.granted_by_policy(CALLER, get)
    assert not given.granted_by_policy(CALLER, OPERATIONS["keys", "get"])


def test_the_documented_lists() -> None:
    assert len(KEY_PERMISSIONS) == 14
    assert len(CERTIFICATE_PERMISSIONS) == 14
    assert "deleteissuers" in CERTIFICATE_PERMISSIONS
    assert not {"delete", "purge", "release", "rotate"} & {*KEY_PERMISSIONS, *CERTIFICATE_PERMISSIONS}


def test_grants_survive_being_kept() -> None:
    given = access("Key Vault Administrator")
    given.denials = [DenyAssignment(["x"], ["y"], "/z")]
    given.policies = [AccessPolicy("o", ["sign"], ["get"])]
    given.custom_roles = [Role("r", "n", ("a",), ("b",))]
    assert Access.from_json(given.to_json()) == given
