"""Scenarios of the area RBAC: what can be wrong with roles on a vault that goes by them."""

from __future__ import annotations

from datetime import timedelta

from codesign_wizard.core.text import tr
from codesign_wizard.practice.keyvault.permissions import (
    CERTIFICATE_PERMISSIONS,
    KEY_PERMISSIONS,
    AccessPolicy,
)
from codesign_wizard.practice.management.authorization import DenyAssignment
from codesign_wizard.practice.management.roles import (
    CERTIFICATES_OFFICER,
    CONTRIBUTOR,
    CRYPTO_OFFICER,
    CRYPTO_USER,
    KEY_VAULT_READER,
)
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.world import World

AREA = "RBAC"
_DOCTOR = ("doctor", "windows")
# who grants what can be seen by an administrator only
_SHOW = ("permissions", "show", "--as", "device-code")
# signing only over a private link, which nobody here has
_CONDITION = (
    "((!(ActionMatches{'Microsoft.KeyVault/vaults/keys/sign/action'})) OR "
    "(@Environment[isPrivateLink] BoolEquals true))"
)


def principal(world: World) -> str:
    """Return the object id of the application's service principal."""
    return world.tenant.service_principals[0].object_id


def take_roles(world: World) -> None:
    """Leave the application without any role."""
    own = principal(world)
    world.authorization.assignments = [
        each for each in world.authorization.assignments if each.principal_id != own
    ]


def only(world: World, *roles: str, scope: str = "") -> None:
    """Leave the application these roles, on its vault unless *scope* says otherwise."""
    take_roles(world)
    for role in roles:
        world.assign(principal(world), role, scope or world.vault.arm_id)


def documented_policy(object_id: str) -> AccessPolicy:
    """Return an access policy with all that the backup server's documentation asks for."""
    return AccessPolicy(object_id, list(KEY_PERMISSIONS), list(CERTIFICATE_PERMISSIONS))


@scenario(
    "rbac-none",
    AREA,
    lambda: tr("The application has no role on the vault."),
    command=_DOCTOR,
    expects=["azure.permission.rbac-none"],
    kept=True,
)
def rbac_none(world: World) -> None:
    """Nobody assigned anything."""
    take_roles(world)


@scenario(
    "rbac-contributor-only",
    AREA,
    lambda: tr("The application is Contributor of the resource group, which opens nothing in the vault."),
    command=_DOCTOR,
    expects=["azure.permission.control-plane-only"],
    kept=True,
)
def rbac_contributor_only(world: World) -> None:
    """The role manages the vault and has no data actions."""
    only(world, CONTRIBUTOR, scope=world.vault.arm_id.partition("/providers/")[0])


@scenario(
    "rbac-reader-only",
    AREA,
    lambda: tr("The application may read what is in the vault, and use nothing."),
    command=_DOCTOR,
    expects=["azure.permission.missing"],
    kept=True,
)
def rbac_reader_only(world: World) -> None:
    """Key Vault Reader."""
    only(world, KEY_VAULT_READER)


@scenario(
    "rbac-certificates-only",
    AREA,
    lambda: tr("The application has the role for certificates, and not the one for keys."),
    command=_DOCTOR,
    expects=["azure.permission.missing"],
    kept=True,
)
def rbac_certificates_only(world: World) -> None:
    """Of the two roles one was forgotten."""
    only(world, CERTIFICATES_OFFICER)


@scenario(
    "rbac-crypto-user-only",
    AREA,
    lambda: tr("The application may use keys, and not read certificates."),
    command=_DOCTOR,
    expects=["azure.permission.missing"],
    kept=True,
)
def rbac_crypto_user_only(world: World) -> None:
    """Enough to sign, if only the certificate could be read."""
    only(world, CRYPTO_USER)


@scenario(
    "rbac-single-object",
    AREA,
    lambda: tr("The application's roles are on one certificate and its key in place of the vault."),
    command=_DOCTOR,
    expects=["azure.permission.single-object"],
    kept=True,
)
def rbac_single_object(world: World) -> None:
    """Signing works; a renewal under another name would not."""
    take_roles(world)
    name, vault = world.accounts.certificate_name, world.vault.arm_id
    world.assign(principal(world), CERTIFICATES_OFFICER, f"{vault}/certificates/{name}")
    world.assign(principal(world), CRYPTO_OFFICER, f"{vault}/keys/{name}")


@scenario(
    "rbac-propagating",
    AREA,
    lambda: tr("The roles were assigned a minute ago, and the vault does not know of them yet."),
    command=_SHOW,
    expects=["azure.permission.propagating"],
    kept=True,
)
def rbac_propagating(world: World) -> None:
    """Microsoft says that it may take ten minutes; here it ends while somebody watches the wait."""
    only(world, CERTIFICATES_OFFICER, CRYPTO_OFFICER)
    now = world.clock.now()
    for each in world.authorization.assignments:
        if each.principal_id == principal(world):
            each.created = (now - timedelta(minutes=1)).timestamp()
            each.effective_from = (now + timedelta(seconds=90)).timestamp()


@scenario(
    "rbac-deny",
    AREA,
    lambda: tr("A deny assignment forbids signing, whatever the roles say."),
    command=_DOCTOR,
    expects=["azure.permission.denied"],
    kept=True,
)
def rbac_deny(world: World) -> None:
    """As a deployment stack or a managed application leaves it."""
    world.authorization.denials.append(
        DenyAssignment(
            [principal(world)],
            ["Microsoft.KeyVault/vaults/keys/sign/action"],
            world.vault.arm_id.partition("/providers/")[0],
            name="Deny assignment of the deployment stack practice-stack",
        )
    )


@scenario(
    "rbac-conditional",
    AREA,
    lambda: tr("The role for keys has a condition: signing over a private link only."),
    command=_DOCTOR,
    expects=["azure.permission.conditional"],
    kept=True,
)
def rbac_conditional(world: World) -> None:
    """The other operations work."""
    only(world, CERTIFICATES_OFFICER)
    world.assign(principal(world), CRYPTO_OFFICER, world.vault.arm_id, condition=_CONDITION)


@scenario(
    "policies-on-rbac-vault",
    AREA,
    lambda: tr("The application has an access policy, but the vault goes by roles."),
    command=_SHOW,
    expects=["azure.permission.policies-on-rbac-vault"],
    kept=True,
)
def policies_on_rbac_vault(world: World) -> None:
    """The guide that was followed is an old one."""
    take_roles(world)
    world.vault.access.policies = [documented_policy(principal(world))]
