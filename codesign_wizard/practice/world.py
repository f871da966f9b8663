"""The world behind the practice services: one company, its tenant and vault, the CAs it deals with.

Everything made up says so: the company's name has *practice* in it, hosts that no vendor owns end in
``.example`` (RFC 2606).
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509

from codesign_wizard.practice.accounts import PracticeAccounts
from codesign_wizard.practice.apple.authority import TEAM, AppleAuthority
from codesign_wizard.practice.apple.timestamp import AppleTimestampAuthority
from codesign_wizard.practice.appstoreconnect.models import Account
from codesign_wizard.practice.authority import (
    LEAF_DAYS,
    CodeSigningAuthority,
    TimestampAuthority,
    name,
    validity,
)
from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.comet.models import ADDRESS, CometServer, new_server
from codesign_wizard.practice.conditions import Conditions
from codesign_wizard.practice.entra.models import (
    Directory,
    Tenant,
    User,
    new_tenant,
    register,
    tenants_from_json,
)
from codesign_wizard.practice.entra.people import SignIns
from codesign_wizard.practice.entra.tokens import TokenAuthority
from codesign_wizard.practice.keyvault.models import Vault, Vaults
from codesign_wizard.practice.keyvault.objects import code_signing_policy, new_hsm_key
from codesign_wizard.practice.management.authorization import Authorization, RoleAssignment, Subscription
from codesign_wizard.practice.management.roles import (
    BUILT_IN_ROLES,
    CERTIFICATES_OFFICER,
    CRYPTO_OFFICER,
    OWNER,
    READER,
)
from codesign_wizard.practice.notary.models import Notary
from codesign_wizard.practice.s3.models import Storage
from codesign_wizard.practice.state import State, StateError, private_key_pem
from codesign_wizard.practice.tickets.models import Tickets
from codesign_wizard.practice.timestamp.hosts import APPLE, HOSTS
from codesign_wizard.practice.timestamp.models import TimestampUnit

COMPANY = "Practice Backup Ltd (practice)"
PRODUCT = "Practice Backup"
CERTIFICATE = "code-signing"
_GROUP = "rg-code-signing"
_SUBJECT = name(COMPANY, COMPANY, "NZ", "Christchurch")
_OFFICERS = (CERTIFICATES_OFFICER, CRYPTO_OFFICER)
_LONG_AGO = timedelta(days=30)  # when what is there from the start was granted
# how long a role assignment takes to work, in seconds; the real one up to ten minutes
PROPAGATION = 8.0
_DNS = 1.0  # how long a new vault's name takes, in seconds; the real one up to a minute


@dataclass
class World:
    """All state, one attribute an area; services read it, scenarios change it."""

    state: State
    clock: Clock
    conditions: Conditions
    accounts: PracticeAccounts
    directory: Directory
    tokens: TokenAuthority
    sign_ins: SignIns
    vaults: Vaults
    authorization: Authorization
    code_signing: CodeSigningAuthority
    timestamps: TimestampAuthority
    timestamp_units: dict[str, TimestampUnit]
    comet: CometServer
    account: Account
    storage: Storage
    tickets: Tickets
    notary: Notary
    client_address: str = "203.0.113.7"  # what the vendors see of the client (RFC 5737)
    propagation: float = PROPAGATION  # seconds until a new role assignment works
    dns: float = _DNS  # seconds until a new vault's name resolves
    replication: float = 0.0  # seconds until lists and other services know what Graph has made
    lock: threading.RLock = field(default_factory=threading.RLock)  # held while the world is changed

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
        return self.vaults.every()[0]

    @property
    def other_vault(self) -> Vault:
        """The vault in the second tenant."""
        return self.vaults.every()[1]

    @property
    def administrator(self) -> User:
        """Who may do everything in the company's subscription, and nothing in its vault."""
        return self.tenant.users[0]

    @property
    def reader(self) -> User:
        """Who may look at everything in the company's subscription, and change nothing."""
        return self.tenant.users[1]

    def assign(
        self,
        principal_id: str,
        role: str,
        scope: str,
        *,
        principal_type: str = "ServicePrincipal",
        condition: str | None = None,
    ) -> RoleAssignment:
        """Assign *role* (a name) at *scope*, thirty days ago, and return the assignment."""
        then = (self.clock.now() - _LONG_AGO).timestamp()
        made = _assignment(principal_id, role, scope, then, self.administrator.object_id)
        made.principal_type, made.condition = principal_type, condition
        if role not in BUILT_IN_ROLES:
            made.role_id = next(each.role_id for each in self.authorization.custom_roles if each.name == role)
        self.authorization.assignments.append(made)
        return made

    def save(self) -> None:
        """Keep the world for the next start."""
        with self.lock:
            self.state.keep("appstoreconnect", self.account.to_json())
            self.state.keep(
                "world",
                {
                    "schema": _SCHEMA,
                    "directory": self.directory.to_json(),
                    "authorization": self.authorization.to_json(),
                    "vaults": [vault.to_json() for vault in self.vaults.every()],
                    "comet": self.comet.to_json(),
                },
            )


def make_world(state: State, slow_factor: float = 1.0, temporary: Path | None = None) -> World:
    """Return the world kept in *state*, or a new one, kept there; raises ``StateError``.

    *temporary* is a folder for what is too large for memory, when *state* has none.
    """
    clock = Clock()
    kept = state.document("world")
    if kept is None:
        tenants, vaults, authorization = _new_company(clock)
        comet = new_server(clock, PRODUCT, COMPANY)
    else:
        tenants, vaults, authorization = _load(kept)
        comet = _load_comet(clock, kept)
        _check_kept(state, vaults)
    certification = CodeSigningAuthority(state)
    timestamps = TimestampAuthority(state)
    first, application = vaults[0], tenants[0].applications[0]
    directory = Directory(clock, tenants)
    conditions = Conditions(slow_factor=slow_factor)
    apple = AppleAuthority(state)
    account = _account(state)
    storage = Storage(state, temporary or Path(tempfile.gettempdir(), "practice-s3"), clock)
    tickets = Tickets(state, clock, apple.ticket_signer)
    world = World(
        state=state,
        clock=clock,
        conditions=conditions,
        accounts=PracticeAccounts(
            vault_name=first.name,
            certificate_name=CERTIFICATE,
            application_id=application.application_id,
            application_secret=application.secrets[0].value if application.secrets else "",
            tenant_id=tenants[0].tenant_id,
            product_name=PRODUCT,
            timestamp_servers=[f"http://{host}" for host in HOSTS.values()],
            server_address=ADDRESS,
            server_user=comet.administrators[0].name,
            server_password=comet.administrators[0].password,
            api_key_id=account.key.key_id,
            api_issuer_id=account.issuer_id,
            api_private_key=private_key_pem(account.key.private_key(state)).decode(),
        ),
        directory=directory,
        tokens=TokenAuthority(state, clock),
        sign_ins=SignIns(clock, directory),
        vaults=Vaults(vaults),
        authorization=authorization,
        code_signing=certification,
        timestamps=timestamps,
        timestamp_units={
            **{label: TimestampUnit(label, timestamps, clock) for label in HOSTS},
            APPLE: TimestampUnit(APPLE, AppleTimestampAuthority(apple), clock),
        },
        comet=comet,
        account=account,
        storage=storage,
        tickets=tickets,
        notary=Notary(
            state,
            storage,
            tickets,
            account,
            clock,
            lambda: (apple.root, [timestamps.root, apple.root]),
            conditions.stopping,
        ),
    )
    return world


def prepare(world: World, *, certified: bool = True) -> None:
    """Give the vault its certificate. All keys and certificates are made on first use, unless they are kept.

    Unless *certified*, a vault that is empty stays so: that is how a kept scenario has left it.
    """
    state = world.state
    if state.kept:
        # what is made while a scenario is on is not kept, and the next run would have others
        _make(state, "code-signing-root", "timestamp-root", key_name(world.vault), "code-signing-ca")
        world.code_signing.make()
        world.timestamps.make()
    vault = world.vault
    if certified and not (vault.certificates or vault.pending or vault.deleted):
        certify(world, vault)


def _make(state: State, *labels: str) -> None:
    """Make these keys of 3072 bits side by side, as far as they are not there; raises ``StateError``."""
    with ThreadPoolExecutor(len(labels), "practice-keys") as workers:
        for made in [workers.submit(state.key, label, "rsa-3072") for label in labels]:
            made.result()


def _account(state: State) -> Account:
    """Return the account kept in *state*, or a new one; raises ``StateError``."""
    kept = state.document("appstoreconnect")
    if kept is None:
        return Account.new(TEAM.identifier)
    try:
        return Account.from_json(kept)
    except (KeyError, TypeError) as error:
        raise StateError(f"appstoreconnect.json: {error!r}") from error


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
    start = now - timedelta(days=30)

    def make() -> x509.Certificate:
        return world.code_signing.issue_for(key.private_key(world.state).public_key(), _SUBJECT, start=start)

    subject = f'CN="{COMPANY}", O="{COMPANY}", L=Christchurch, C=NZ'
    policy = code_signing_policy(subject, key, now)
    times = validity(start, LEAF_DAYS)
    vault.promise_certificate(world.state, CERTIFICATE, key, policy, make, times, int(now.timestamp()))


def _new_company(clock: Clock) -> tuple[list[Tenant], list[Vault], Authorization]:
    now = clock.now()
    then = (now - _LONG_AGO).timestamp()
    tail = secrets.token_hex(3)
    tenants = [
        new_tenant(COMPANY, f"practice-backup-{tail}.example"),
        new_tenant("Practice Backup Group (practice)", f"practice-group-{tail}.example"),
    ]
    vaults, authorization = [], Authorization()
    for tenant, label in zip(tenants, ("practice", "practice-group"), strict=True):
        application = register(tenant, "Backup client code signing", now)
        for person, user in (("Practice Administrator", "admin"), ("Practice Auditor", "auditor")):
            tenant.users.append(User(str(uuid.uuid4()), person, f"{user}@{tenant.domains[0]}"))
        administrator, reader = (user.object_id for user in tenant.users)
        application.owners.append(administrator)
        subscription = Subscription(
            str(uuid.uuid4()),
            tenant.tenant_id,
            f"{tenant.name}: production",
            [f"{label}-it", tenant.tenant_id],
            {_GROUP: "westeurope"},
        )
        authorization.subscriptions.append(subscription)
        vault = Vault(f"{label}-{tail}", tenant.tenant_id, subscription.subscription_id, _GROUP)
        vaults.append(vault)
        principal = tenant.service_principals[0].object_id
        authorization.assignments += [
            *(_assignment(principal, role, vault.arm_id, then, administrator) for role in _OFFICERS),
            *(
                _assignment(user, role, subscription.scope, then, administrator, "User")
                for user, role in ((administrator, OWNER), (reader, READER))
            ),
        ]
    return tenants, vaults, authorization


def _assignment(
    principal_id: str, role: str, scope: str, then: float, by: str, principal_type: str = "ServicePrincipal"
) -> RoleAssignment:
    built_in = BUILT_IN_ROLES.get(role)
    return RoleAssignment(
        principal_id,
        built_in.role_id if built_in else "",
        scope,
        principal_type=principal_type,
        created=then,
        created_by=by,
        effective_from=then,
    )


_SCHEMA = 2  # 1 had no people, groups, subscriptions


def _load(document: dict[str, Any]) -> tuple[list[Tenant], list[Vault], Authorization]:
    try:
        if document["schema"] != _SCHEMA:
            raise StateError("world.json was written by another version of this program")
        vaults = [Vault.from_json(each) for each in document["vaults"]]
        authorization = Authorization.from_json(document["authorization"])
        for vault in vaults:  # kept by a version that knew resource groups by their vaults alone
            subscription = authorization.subscription(vault.subscription_id)
            if subscription is not None and not subscription.resource_group(vault.resource_group):
                subscription.resource_groups[vault.resource_group] = vault.location
        return tenants_from_json(document["directory"]), vaults, authorization
    except (KeyError, TypeError, AttributeError) as error:
        raise StateError(f"world.json: {error!r}") from error


def _load_comet(clock: Clock, document: dict[str, Any]) -> CometServer:
    kept = document.get("comet")
    if kept is None:  # kept by a version without it
        return new_server(clock, PRODUCT, COMPANY)
    try:
        return CometServer.from_json(clock, kept)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"world.json: {error!r}") from error
