"""Scenarios of the Comet-like server: who may do what, how it is set, what its builder delivers."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta

from codesign_wizard.core.text import tr
from codesign_wizard.practice.comet.branding import AZURE, PREBUILT
from codesign_wizard.practice.comet.models import ADMINISTRATOR, HOST
from codesign_wizard.practice.entra.models import ClientSecret
from codesign_wizard.practice.scenarios.registry import scenario
from codesign_wizard.practice.scenarios.sign_in import typed_secret
from codesign_wizard.practice.wire.messages import Request, Response
from codesign_wizard.practice.world import World

AREA = "Server"
_SHOW, _DIFF, _PROVE = ("server", "show"), ("server", "diff"), ("server", "prove")


def set_up(world: World) -> None:
    """Give the server the five options as ``server apply`` would."""
    accounts, server = world.accounts, world.comet
    server.set_branding(
        server.branding_text()[:-1]
        + "".join(
            f",{json.dumps(f'WindowsCodeSign{name}')}:{json.dumps(value)}"
            for name, value in (
                ("Method", AZURE),
                ("AzureVaultName", accounts.vault_name),
                ("AzureCertName", accounts.certificate_name),
                ("AzureAppID", accounts.application_id),
                ("AzureAppSecretFormat", 0),
                ("AzureAppSecret", accounts.application_secret),
                ("AzureTenantID", accounts.tenant_id),
            )
        )
        + "}"
    )


@scenario(
    "server-one-time-code",
    AREA,
    lambda: tr("The administrator has two-factor authentication, and no code was given."),
    command=_SHOW,
    expects=["server.sign-in.code-needed"],
)
def one_time_code(world: World) -> None:
    """ERR_TOTP_REQUIRED; ``PracticeCloud.server_code`` is what the telephone shows."""
    world.comet.administrators[0].totp = secrets.token_bytes(20)


@scenario(
    "server-wrong-password",
    AREA,
    lambda: tr("The administrator's password is wrong."),
    command=_SHOW,
    expects=["server.sign-in.refused"],
)
def wrong_password(world: World) -> None:
    """Somebody has changed it since."""
    world.comet.administrators[0].password = secrets.token_urlsafe(12)


@scenario(
    "server-denied",
    AREA,
    lambda: tr("The administrator may not see or change the branding."),
    command=_SHOW,
    expects=["server.settings.denied"],
)
def denied(world: World) -> None:
    """PreventEditServerSettings without AllowEditBranding."""
    world.comet.administrators[0].permissions.prevent_edit_server_settings = True


@scenario(
    "server-tenant-admin",
    AREA,
    lambda: tr("The administrator belongs to a tenant of the server."),
    command=_DIFF,
    expects=["server.account.tenant"],
)
def tenant_admin(world: World) -> None:
    """An OrganizationID; the log is closed to the account."""
    world.comet.administrators[0].organization = secrets.token_hex(16)


@scenario(
    "server-no-build-role",
    AREA,
    lambda: tr("The server's Software Build role is off."),
    command=_DIFF,
    expects=["server.build.role-off"],
)
def no_build_role(world: World) -> None:
    """Settings can be saved, and nothing is built."""
    world.comet.build_role = False


@scenario(
    "server-prebuilt-mode",
    AREA,
    lambda: tr("The server gives out the vendor's pre-built client."),
    command=_DIFF,
    expects=["server.settings.prebuilt"],
)
def prebuilt_mode(world: World) -> None:
    """BuildMode 1."""
    world.comet.change("BuildMode", PREBUILT)


@scenario(
    "server-json-instead-of-file",
    AREA,
    lambda: tr("The server refuses the build as JSON, where a file should come."),
    command=_PROVE,
    expects=["server.prove.refused"],
)
def json_instead_of_file(world: World) -> None:
    """HTTP 200, Status 500, after the test call said that all is well."""
    set_up(world)
    world.comet.faults.refuses = "codesigning: signtool: exit status 1"


@scenario(
    "server-secret-expired",
    AREA,
    lambda: tr("The secret that the server was given has expired; the profile has a newer one."),
    command=_PROVE,
    expects=["server.prove.refused", "azure.sign-in.secret-expired"],
)
def secret_expired(world: World) -> None:
    """The build fails, the log has Entra ID's words, and from here the vault signs."""
    held = typed_secret(world)
    set_up(world)
    application = world.tenant.applications[0]
    now = world.clock.now()
    fresh = ClientSecret.make(now + timedelta(days=365))
    held.expires = (now - timedelta(days=1)).isoformat()
    application.secrets.append(fresh)
    world.accounts.application_secret = fresh.value


@scenario(
    "server-loader-build",
    AREA,
    lambda: tr("The server delivers its loader with a data file, signed by the vendor's partner."),
    command=_PROVE,
    expects=["server.prove.loader"],
)
def loader_build(world: World) -> None:
    """The settings are right, and the builder falls back all the same."""
    set_up(world)
    world.comet.faults.delivers_loader = True


@scenario(
    "server-other-signer",
    AREA,
    lambda: tr("The server's client is signed, but by another company."),
    command=_PROVE,
    expects=["server.prove.other-signer"],
)
def other_signer(world: World) -> None:
    """A single .exe, validly signed and time-stamped, by somebody else."""
    set_up(world)
    world.comet.faults.signs_as_other = True


@scenario(
    "server-changed-meanwhile",
    AREA,
    lambda: tr("Somebody changes the server's settings between the look and the save."),
    command=("server", "apply", "--yes"),
    expects=["server.apply.changed-meanwhile"],
)
def changed_meanwhile(world: World) -> None:
    """A colleague renames the product right after the first read."""
    server = world.comet

    def rename() -> None:
        server.on_read = None
        server.change("ProductName", "Another Backup (practice)")

    server.on_read = rename


@scenario(
    "server-other-program",
    AREA,
    lambda: tr("Something else than a Comet Server answers at the address."),
    command=_SHOW,
    expects=["server.answer.not-comet"],
)
def other_program(world: World) -> None:
    """A web page for every path, as from a router or a hosting company."""

    def page(request: Request) -> Response:
        body = f"<!DOCTYPE html><html><title>It works</title><body>{ADMINISTRATOR}</body></html>"
        return Response(200, body.encode(), [("Content-Type", "text/html; charset=utf-8")])

    world.conditions.answers[HOST] = page
