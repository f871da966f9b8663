"""Scenarios of the area sign-in."""

from __future__ import annotations

import uuid
from datetime import timedelta

from codesign_wizard.core.text import tr
from codesign_wizard.practice.entra.models import Application, ClientSecret, ServicePrincipal
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.world import World, certify

AREA = "sign-in"
_DOCTOR = ("doctor", "windows")


def _application(world: World) -> Application:
    return world.tenant.applications[0]


def typed_secret(world: World) -> ClientSecret:
    """Return the application's secret that people type; one is made where somebody removed it."""
    application, now = _application(world), world.clock.now()
    for held in application.secrets:
        if held.value == world.accounts.application_secret:
            return held
    made = ClientSecret.make(now + timedelta(days=365), starts=now)
    application.secrets = [made, *application.secrets]
    world.accounts.application_secret = made.value
    return made


def _principal(world: World) -> ServicePrincipal:
    return world.tenant.service_principals[0]


@scenario(
    "secret-wrong",
    AREA,
    lambda: tr("The application secret is not one of the application's."),
    command=_DOCTOR,
    expects=["azure.sign-in.secret-wrong"],
)
def secret_wrong(world: World) -> None:
    """The person typed a secret of the right shape that never was this application's."""
    world.accounts.application_secret = ClientSecret.make(world.clock.now()).value


@scenario(
    "secret-id-pasted",
    AREA,
    lambda: tr("The Secret ID was pasted in place of the secret's Value."),
    command=_DOCTOR,
    expects=["azure.sign-in.secret-id-pasted"],
)
def secret_id_pasted(world: World) -> None:
    """The column beside the right one was copied."""
    world.accounts.application_secret = typed_secret(world).key_id


@scenario(
    "secret-expired",
    AREA,
    lambda: tr("The application secret has expired."),
    command=_DOCTOR,
    expects=["azure.sign-in.secret-expired"],
)
def secret_expired(world: World) -> None:
    """The secret is right, and ran out a week ago."""
    typed_secret(world).expires = (world.clock.now() - timedelta(days=7)).isoformat()


@scenario(
    "application-unknown",
    AREA,
    lambda: tr("The Application ID is not one of the tenant's: the registration's object ID was pasted."),
    command=_DOCTOR,
    expects=["azure.sign-in.application-unknown"],
)
def application_unknown(world: World) -> None:
    """The portal shows both ids below each other."""
    world.accounts.application_id = _application(world).object_id


@scenario(
    "application-disabled",
    AREA,
    lambda: tr("The enterprise application is switched off for sign-in."),
    command=_DOCTOR,
    expects=["azure.sign-in.application-disabled"],
)
def application_disabled(world: World) -> None:
    """ "Enabled for users to sign-in" is No."""
    _principal(world).enabled = False


@scenario(
    "service-principal-missing",
    AREA,
    lambda: tr("The application is registered, but has no service principal in the tenant."),
    command=_DOCTOR,
    expects=["azure.sign-in.service-principal-missing"],
)
def service_principal_missing(world: World) -> None:
    """As ``az ad app create`` leaves it."""
    world.tenant.service_principals.clear()


@scenario(
    "tenant-unknown",
    AREA,
    lambda: tr("The Tenant ID is no tenant's."),
    command=_DOCTOR,
    expects=["azure.sign-in.tenant-unknown"],
)
def tenant_unknown(world: World) -> None:
    """A well-formed GUID that is no directory's."""
    world.accounts.tenant_id = str(uuid.uuid4())


@scenario(
    "tenant-other",
    AREA,
    lambda: tr("The vault belongs to another tenant than the application."),
    command=_DOCTOR,
    expects=["azure.sign-in.tenant-other"],
)
def tenant_other(world: World) -> None:
    """The application is sound in its own tenant; the vault named is in the group's."""
    world.accounts.vault_name = world.other_vault.name
    certify(world, world.other_vault)


@scenario(
    "conditional-access",
    AREA,
    lambda: tr("A Conditional Access policy blocks the application."),
    command=_DOCTOR,
    expects=["azure.sign-in.conditional-access"],
)
def conditional_access(world: World) -> None:
    """A policy for workload identities, by location."""
    _principal(world).blocked_by_policy = True


@scenario(
    "clock-wrong",
    AREA,
    lambda: tr("This computer's clock is three hours behind the cloud's."),
    command=_DOCTOR,
    expects=["network.clock-wrong"],
)
def clock_wrong(world: World) -> None:
    """The machine's clock cannot be moved, so the cloud's is: the difference is the same."""
    world.clock.offset = timedelta(hours=3)
