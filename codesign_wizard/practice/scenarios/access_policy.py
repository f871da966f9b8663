"""Scenarios of the area access policy: what can be wrong with the ticks of a vault that goes by them."""

from __future__ import annotations

from codesign_wizard.core.text import tr
from codesign_wizard.practice.keyvault.permissions import AccessPolicy
from codesign_wizard.practice.scenarios.rbac import documented_policy, principal, take_roles
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.world import World

AREA = "access policy"
_DOCTOR = ("doctor", "windows")
_SHOW = ("permissions", "show", "--as", "device-code")
# what the portal's template "Key, Secret, & Certificate Management" ticks
_TEMPLATE_KEYS = (
    "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore",
    "getrotationpolicy", "setrotationpolicy", "rotate",
)  # fmt: skip
_TEMPLATE_CERTIFICATES = (
    "get", "list", "update", "create", "import", "delete", "recover", "backup", "restore",
    "managecontacts", "manageissuers", "getissuers", "listissuers", "setissuers", "deleteissuers",
)  # fmt: skip
_TEMPLATE_SECRETS = ("get", "list", "set", "delete", "recover", "backup", "restore")


def _by_policy(world: World, *policies: AccessPolicy) -> None:
    """Let the vault go by these access policies; the application has no role."""
    take_roles(world)
    world.vault.access.rbac = False
    world.vault.access.policies = list(policies)


@scenario(
    "policy-none",
    AREA,
    lambda: tr("The vault has no access policy for the application."),
    command=_DOCTOR,
    expects=["azure.permission.policy-none"],
    kept=True,
)
def policy_none(world: World) -> None:
    """Nobody ticked anything."""
    _by_policy(world)


@scenario(
    "policy-template-without-crypto",
    AREA,
    lambda: tr("The portal's template was taken, which does not tick the cryptographic operations."),
    command=_DOCTOR,
    expects=["azure.permission.template-without-crypto"],
    kept=True,
)
def policy_template_without_crypto(world: World) -> None:
    """Everything but what signing needs."""
    template = AccessPolicy(
        principal(world), list(_TEMPLATE_KEYS), list(_TEMPLATE_CERTIFICATES), list(_TEMPLATE_SECRETS)
    )
    _by_policy(world, template)


@scenario(
    "policy-wrong-object-id",
    AREA,
    lambda: tr("The access policy names the object ID of the app registration."),
    command=_SHOW,
    expects=["azure.permission.wrong-object-id"],
    kept=True,
)
def policy_wrong_object_id(world: World) -> None:
    """Two object ids look alike, and only the enterprise application's counts."""
    _by_policy(world, documented_policy(world.tenant.applications[0].object_id))


@scenario(
    "policy-documented",
    AREA,
    lambda: tr("The access policy is what the documentation asks for: all is well."),
    command=_DOCTOR,
    expects=["azure.signature.works"],
    kept=True,
)
def policy_documented(world: World) -> None:
    """Twenty-eight ticks."""
    _by_policy(world, documented_policy(principal(world)))


@scenario(
    "policy-excess",
    AREA,
    lambda: tr("The access policy has more than is asked for: deleting and purging, too."),
    command=_SHOW,
    expects=["azure.permission.excess"],
    kept=True,
)
def policy_excess(world: World) -> None:
    """Somebody pressed "Select all"."""
    policy = documented_policy(principal(world))
    policy.keys += ["delete", "purge"]
    policy.certificates += ["delete", "purge"]
    _by_policy(world, policy)


@scenario(
    "roles-on-policy-vault",
    AREA,
    lambda: tr("The application has the roles, but the vault goes by access policies."),
    command=_SHOW,
    expects=["azure.permission.roles-on-policy-vault"],
    kept=True,
)
def roles_on_policy_vault(world: World) -> None:
    """The guide that was followed is a newer one than the vault."""
    world.vault.access.rbac = False
    world.vault.access.policies = []
