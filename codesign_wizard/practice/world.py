"""The world behind the practice services: one company, its tenant and vault, the CAs it deals with.

Everything made up says so: the company's name has *practice* in it, hosts that no vendor owns end in
``.example`` (RFC 2606).
"""

from __future__ import annotations

import secrets
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from codesign_wizard.practice.accounts import PracticeAccounts
from codesign_wizard.practice.authority import CodeSigningAuthority, TimestampAuthority, name
from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.conditions import Conditions
from codesign_wizard.practice.entra.models import Directory, Tenant, new_tenant, register, tenants_from_json
from codesign_wizard.practice.entra.tokens import TokenAuthority
from codesign_wizard.practice.keyvault.models import Vault, Vaults, code_signing_policy, new_hsm_key
from codesign_wizard.practice.keyvault.permissions import BUILT_IN_ROLES, RoleAssignment
from codesign_wizard.practice.state import State, StateError
from codesign_wizard.practice.timestamp.models import TimestampUnit
from codesign_wizard.practice.timestamp.routes import HOSTS

COMPANY = "Practice Backup Ltd (practice)"
PRODUCT = "Practice Backup"
CERTIFICATE = "code-signing"
_SUBJECT = name(COMPANY, COMPANY, "NZ", "Christchurch")
_OFFICERS = ("Key Vault Certificates Officer", "Key Vault Crypto Officer")


@dataclass
class World:
    """All state, one attribute an area; services read it, scenarios change it."""

    state: State
    clock: Clock
    conditions: Conditions
    accounts: PracticeAccounts
    directory: Directory
    tokens: TokenAuthority
    vaults: Vaults
    code_signing: CodeSigningAuthority
    timestamps: TimestampAuthority
    timestamp_units: dict[str, TimestampUnit]
    client_address: str = "203.0.113.7"  # what the vendors see of the client (RFC 5737)

    @property
    def tenant(self) -> Tenant:
        """The company's tenant."""
        return self.directory.tenants[0]

    @property
    def other_tenant(self) -> Tenant:
        """A second tenant of the same company, with a vault of its own."""
        return self.directory.tenants[1]

    @property
    def vault(self) -> Vault:
        """The company's vault."""
        return self.vaults.all()[0]

    @property
    def other_vault(self) -> Vault:
        """The vault in the second tenant."""
        return self.vaults.all()[1]

    def save(self) -> None:
        """Keep the world for the next start."""
        self.state.keep(
            "world",
            {
                "schema": 1,
                "directory": self.directory.to_json(),
                "vaults": [vault.to_json() for vault in self.vaults.all()],
            },
        )


def make_world(state: State, slow_factor: float = 1.0) -> World:
    """Return the world kept in *state*, or a new one, kept there; raises ``StateError``."""
    clock = Clock()
    kept = state.document("world")
    if kept is None:
        tenants, vaults = _new_company(clock)
    else:
        tenants, vaults = _load(kept)
        _check_kept(state, vaults)
    authority = CodeSigningAuthority(state)
    timestamps = TimestampAuthority(state)
    first, application = vaults[0], tenants[0].applications[0]
    world = World(
        state=state,
        clock=clock,
        conditions=Conditions(slow_factor=slow_factor),
        accounts=PracticeAccounts(
            vault_name=first.name,
            certificate_name=CERTIFICATE,
            application_id=application.application_id,
            application_secret=application.secrets[0].value,
            tenant_id=tenants[0].tenant_id,
            product_name=PRODUCT,
            timestamp_servers=[f"http://{host}" for host in HOSTS.values()],
        ),
        directory=Directory(clock, tenants),
        tokens=TokenAuthority(state, clock),
        vaults=Vaults(vaults),
        code_signing=authority,
        timestamps=timestamps,
        timestamp_units={label: TimestampUnit(label, timestamps, clock) for label in HOSTS},
    )
    return world


def prepare(world: World) -> None:
    """Make the keys and certificates that nearly every run needs; the rest is made on first use.

    An RSA key takes some tenths of a second, and its making lets other threads run.
    """
    wanted = ("code-signing-root", "timestamp-root", key_name(world.vault), "code-signing-ca")
    failures: list[StateError] = []

    def make(label: str) -> None:
        try:
            world.state.key(label, "rsa-3072")
        except StateError as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(label,), daemon=True) for label in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    if not world.vault.certificates:
        certify(world, world.vault)


def _check_kept(state: State, vaults: list[Vault]) -> None:
    """Raise ``StateError`` if a key or certificate is not the one kept: nothing made anew would fit."""
    for label in ("tls-ca", "token-signing", "code-signing-root", "code-signing-ca", "timestamp-root"):
        if state.holds(f"{label}.crt.pem") and not state.holds(f"{label}.key.pem"):
            raise StateError(f"{label}.key.pem is missing")
    for vault in vaults:
        for holder in vault.certificates.values():
            for version in holder.versions:
                _, key = vault.key_version(holder.name, version.version)
                if not state.holds(f"{key.state_name}.key.pem"):
                    raise StateError(f"{key.state_name}.key.pem is missing")
                if version.certificate(state).public_key() != key.private_key(state).public_key():
                    raise StateError(
                        f"{key.state_name}.key.pem is not the key of {version.state_name}.crt.pem"
                    )


def key_name(vault: Vault) -> str:
    """Return the name in the state of the first key of a vault's code-signing certificate."""
    return f"vault-{vault.name}-{CERTIFICATE}"


def certify(world: World, vault: Vault) -> None:
    """Give *vault* a code-signing certificate from the practice CA, thirty days old."""
    now = world.clock.now()
    key = new_hsm_key(key_name(vault), "rsa-3072", int(now.timestamp()))
    certificate = world.code_signing.issue_for(
        key.private_key(world.state).public_key(), _SUBJECT, start=now - timedelta(days=30)
    )
    subject = f'CN="{COMPANY}", O="{COMPANY}", L=Christchurch, C=NZ'
    policy = code_signing_policy(subject, key, now)
    vault.add_certificate(world.state, CERTIFICATE, key, policy, certificate, int(now.timestamp()))


def _new_company(clock: Clock) -> tuple[list[Tenant], list[Vault]]:
    now = clock.now()
    tail = secrets.token_hex(3)
    tenants = [
        new_tenant(COMPANY, f"practice-backup-{tail}.example"),
        new_tenant("Practice Backup Group (practice)", f"practice-group-{tail}.example"),
    ]
    vaults = []
    for tenant, label in zip(tenants, ("practice", "practice-group"), strict=True):
        register(tenant, "Backup client code signing", now)
        vault = Vault(f"{label}-{tail}", tenant.tenant_id, str(uuid.uuid4()), "rg-code-signing")
        vault.access.assignments = [
            RoleAssignment(
                tenant.service_principals[0].object_id,
                BUILT_IN_ROLES[role].role_id,
                vault.resource_id,
            )
            for role in _OFFICERS
        ]
        vaults.append(vault)
    return tenants, vaults


def _load(document: dict[str, Any]) -> tuple[list[Tenant], list[Vault]]:
    try:
        if document["schema"] != 1:
            raise StateError("world.json was written by a later version")
        return tenants_from_json(document["directory"]), [
            Vault.from_json(each) for each in document["vaults"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise StateError(f"world.json: {error!r}") from error
