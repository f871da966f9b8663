"""A stand-in for ``az`` with the practice administrator signed in.

The program itself (``az_program.py``) holds nothing: it asks the running cloud, as ``az`` asks its own cache.
"""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.practice import az_program
from codesign_wizard.practice.entra.errors import EntraError
from codesign_wizard.practice.entra.tokens import LIFETIME
from codesign_wizard.practice.wire.messages import Request, Response, json_response

if TYPE_CHECKING:
    from codesign_wizard.practice.world import World

PATH = "/az/"
_MANAGEMENT = "https://management.core.windows.net/"


def install(folder: Path, address: str) -> None:
    """Write ``az`` (``az.cmd`` on Windows) into *folder*, for the cloud at *address*."""
    folder.mkdir(mode=0o700, exist_ok=True)
    program = Path(az_program.__file__).resolve()
    if sys.platform == "win32":
        line = f'"{sys.executable}" -I "{program}" {address} %*'
        text = f"@echo off\r\n{line.replace('%', '%%').replace('%%*', '%*')}\r\n"
        (folder / "az.cmd").write_bytes(text.encode("oem", "replace"))  # what cmd.exe reads
        return
    file = folder / "az"
    # not Python by its own first line: that has little room, and none for blanks
    line = shlex.join([sys.executable, "-I", str(program), address])
    file.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8", errors="surrogateescape")
    os.chmod(file, 0o700)


def answer(world: World, request: Request) -> Response:
    """Answer the stand-in: the document that ``az`` prints, or ``error`` in its words."""
    if request.method != "POST":
        return json_response(405, {"error": "POST only"})
    form = request.form()
    try:
        wanted, held = form.get("subscription", ""), _subscription(world)
        if wanted.lower() not in ("", held.subscription_id, held.name.lower()):
            words = f"The subscription of '{wanted}' doesn't exist in cloud 'AzureCloud'."
            return json_response(400, {"error": words})
        if request.path == f"{PATH}account/show":
            return json_response(200, _account(world))
        if request.path == f"{PATH}account/get-access-token":
            return json_response(200, _token(world, form))
    except EntraError as error:
        # so ends the real one's message, too
        again = "To re-authenticate, please run:\naz login"
        return json_response(400, {"error": f"AADSTS{error.number}: {error.text}\n{again}"})
    return json_response(404, {"error": "no such command"})


def _token(world: World, form: dict[str, str]) -> dict[str, Any]:
    resource = form.get("resource") or form.get("scope", "").removesuffix("/.default") or _MANAGEMENT
    grant = world.sign_ins.session(form.get("tenant", ""), resource, world.administrator, world.tenant)
    expires = world.clock.timestamp() + LIFETIME
    return {
        "accessToken": world.tokens.issue(grant),
        # local time without an offset, as az writes it
        "expiresOn": datetime.fromtimestamp(expires, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f"),
        "expires_on": expires,
        "subscription": _subscription(world).subscription_id,
        "tenant": grant.tenant.tenant_id,
        "tokenType": "Bearer",
    }


def _account(world: World) -> dict[str, Any]:
    tenant, subscription = world.tenant, _subscription(world)
    return {
        "environmentName": "AzureCloud",
        "homeTenantId": tenant.tenant_id,
        "id": subscription.subscription_id,
        "isDefault": True,
        "managedByTenants": [],
        "name": subscription.name,
        "state": "Enabled",
        "tenantDefaultDomain": tenant.domains[0],
        "tenantDisplayName": tenant.name,
        "tenantId": tenant.tenant_id,
        "user": {"name": world.administrator.principal_name, "type": "user"},
    }


def _subscription(world: World) -> Any:
    return next(
        each for each in world.authorization.subscriptions if each.tenant_id == world.tenant.tenant_id
    )
