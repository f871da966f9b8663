"""Vaults and what is in them, and the rules for using it. Nothing of HTTP here."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from codesign_wizard.practice.clock import Clock
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import crypto, errors
from codesign_wizard.practice.keyvault.pending import DeletedCertificate, DeletedKey, PendingOperation
from codesign_wizard.practice.keyvault.permissions import OPERATIONS, Access, Caller
from codesign_wizard.practice.management.authorization import Authorization
from codesign_wizard.practice.state import State, StateError

NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
# with an HSM's key, what the key's platform attribute says: FIPS 140-3 level 3
HSM_PLATFORM = "2"


@dataclass
class Attributes:
    """What keys and certificates share; times in seconds since the epoch."""

    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


@dataclass
class KeyVersion:
    """One version of a key; the private key itself is in the state under ``state_name``."""

    version: str
    kind: str  # as state.generate_key takes it
    key_type: str  # RSA, RSA-HSM, EC, EC-HSM
    key_ops: list[str]
    attributes: Attributes
    state_name: str
    exportable: bool = False
    managed: bool = False  # belongs to a certificate
    tags: dict[str, str] = field(default_factory=dict)

    def private_key(self, state: State) -> PrivateKey:
        """Return the key."""
        return state.key(self.state_name, self.kind)


@dataclass
class CertificatePolicy:
    """How a certificate was asked for; the REST document's members."""

    subject: str
    key_type: str
    key_size: int | None
    curve: str | None
    exportable: bool
    reuse_key: bool
    ekus: list[str]
    key_usage: list[str]
    validity_months: int
    content_type: str
    issuer: str
    created: int
    updated: int
    sans: dict[str, list[str]] = field(default_factory=dict)  # dns_names, emails, upns
    lifetime_actions: list[dict[str, Any]] = field(default_factory=list)  # empty: the service's default


@dataclass
class CertificateVersion:
    """One version of a certificate; its key has the same name and version."""

    version: str
    attributes: Attributes
    state_name: str  # of the certificate in the state
    tags: dict[str, str] = field(default_factory=dict)

    def certificate(self, state: State) -> x509.Certificate:
        """Return the certificate; raises ``StateError`` if its file is gone."""

        def missing() -> x509.Certificate:
            raise StateError(f"{self.state_name}.crt.pem is missing")

        return state.certificate(self.state_name, missing)


@dataclass
class VaultCertificate:
    """A certificate under its name: policy, and versions oldest first."""

    name: str
    policy: CertificatePolicy
    versions: list[CertificateVersion]


@dataclass
class VaultKey:
    """A key under its name: versions oldest first, and the rotation policy somebody set."""

    name: str
    versions: list[KeyVersion]
    rotation: dict[str, Any] | None = None


@dataclass
class Firewall:
    """Networking of a vault. ``allowed`` addresses count only while ``open`` is off."""

    open: bool = True
    allowed: list[str] = field(default_factory=list)
    private_only: bool = False


@dataclass
class Throttle:
    """All authenticated requests after the first ``free`` ones are refused with 429."""

    free: int = 0
    retry_after: int | None = None


@dataclass
class Vault:
    """A vault: where it is, who may do what, what it holds."""

    name: str
    tenant_id: str
    subscription_id: str
    resource_group: str
    location: str = "westeurope"
    sku: str = "premium"
    access: Access = field(default_factory=Access)
    firewall: Firewall = field(default_factory=Firewall)
    throttle: Throttle | None = None
    certificates: dict[str, VaultCertificate] = field(default_factory=dict)
    keys: dict[str, VaultKey] = field(default_factory=dict)
    pending: dict[str, PendingOperation] = field(default_factory=dict)
    deleted: dict[str, DeletedCertificate] = field(default_factory=dict)
    deleted_keys: dict[str, DeletedKey] = field(default_factory=dict)  # those that had no certificate
    issuers: dict[str, dict[str, Any]] = field(default_factory=dict)  # documents, by folded name
    contacts: list[dict[str, str]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The vault's host name, in the public cloud."""
        return f"{self.name}.vault.azure.net".lower()

    @property
    def resource_id(self) -> str:
        """The vault's ARM id, spelled as refusals spell it."""
        return (
            f"/subscriptions/{self.subscription_id}/resourcegroups/{self.resource_group}"
            f"/providers/microsoft.keyvault/vaults/{self.name}"
        ).lower()

    @property
    def arm_id(self) -> str:
        """The vault's ARM id, spelled as Azure Resource Manager spells it."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.KeyVault/vaults/{self.name}"
        )

    @property
    def text(self) -> str:
        """Name and place as refusals give them."""
        return f"{self.name};location={self.location}"

    def admit(self, address: str, caller: str) -> None:
        """Raise ``VaultError`` if the network rules keep *address* out."""
        if self.firewall.private_only:
            raise errors.connection(caller, self.text)
        if not self.firewall.open and address not in self.firewall.allowed:
            raise errors.firewall(address, caller, self.text)

    def count(self) -> None:
        """Count one request; raises ``VaultError`` when the vault is throttled."""
        if self.throttle is not None:
            self.throttle.free -= 1
            if self.throttle.free < 0:
                raise errors.throttled(self.throttle.retry_after)

    def permit(
        self,
        authorization: Authorization,
        caller: Caller,
        group: str,
        permission: str,
        name: str,
        now: float,
    ) -> None:
        """Raise ``VaultError`` unless *caller* has the permission on the object *name* (empty: on all)."""
        operation = OPERATIONS[group, permission]
        if not self.access.rbac:
            if not self.access.granted_by_policy(caller, operation):
                raise errors.policy_missing(caller.text(groups=True), group, permission, self.text)
            return
        resource = f"{self.resource_id}/{group}/{name}".lower() if name else self.resource_id
        ruling = authorization.rule(caller.principals, operation.action, resource, now, data=True)
        if not ruling.granted:
            raise errors.role_missing(
                caller.text(),
                operation.action,
                resource,
                self.text,
                denied=ruling.denial.deny_id if ruling.denial else "",
            )

    def unmerged(self, name: str) -> PendingOperation | None:
        """Return the request of a name that has no certificate yet, also when it is cancelled or dropped."""
        folded = name.lower()
        return self.pending.get(folded) if folded not in self.certificates else None

    def certificate(self, name: str) -> VaultCertificate:
        """Return the certificate, names without case; raises ``VaultError``."""
        found = self.certificates.get(name.lower())
        if found is None or not found.versions:
            raise errors.certificate_missing(name)
        return found

    def certificate_version(self, name: str, version: str) -> tuple[VaultCertificate, CertificateVersion]:
        """Return this version, or the latest for an empty one; raises ``VaultError``."""
        if name.lower() not in self.certificates:
            raise errors.certificate_missing(f"{name}/{version}" if version else name)
        certificate = self.certificate(name)
        for each in reversed(certificate.versions):
            if version.lower() in ("", each.version):
                return certificate, each
        raise errors.certificate_missing(f"{name}/{version}")

    def key_version(self, name: str, version: str) -> tuple[VaultKey, KeyVersion]:
        """Return this version of a key, or the latest for an empty one; raises ``VaultError``."""
        key = self.keys.get(name.lower())
        for each in reversed(key.versions if key else []):
            if key is not None and version.lower() in ("", each.version):
                return key, each
        raise errors.key_missing(f"{name}/{version}" if version else name)

    def add_certificate(
        self,
        state: State,
        name: str,
        key: KeyVersion,
        policy: CertificatePolicy,
        certificate: x509.Certificate,
        now: int,
    ) -> CertificateVersion:
        """Add *certificate* as the newest version of *name*, with its key under the same name and version."""
        times = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return self.promise_certificate(state, name, key, policy, lambda: certificate, times, now)

    def promise_certificate(
        self,
        state: State,
        name: str,
        key: KeyVersion,
        policy: CertificatePolicy,
        make: Callable[[], x509.Certificate],
        times: tuple[datetime, datetime],
        now: int,
    ) -> CertificateVersion:
        """Add a version as ``add_certificate`` does, whose certificate *make* gives when it is asked for.

        *times* are its first and its last moment.
        """
        state_name = f"vault-{self.name}-{name}-{key.version}"
        state.promise(state_name, make)
        start, end = (int(each.timestamp()) for each in times)
        attributes = Attributes(created=now, updated=now, not_before=start, expires=end)
        version = CertificateVersion(key.version, attributes, state_name)
        key.attributes = replace(attributes)
        key.managed = True
        holder = self.certificates.setdefault(name.lower(), VaultCertificate(name, policy, []))
        holder.policy = policy
        holder.versions.append(version)
        self.keys.setdefault(name.lower(), VaultKey(name, [])).versions.append(key)
        return version

    def sign(
        self, state: State, clock: Clock, name: str, version: str, algorithm: str, digest: bytes
    ) -> bytes:
        """Sign *digest* with a key; raises ``VaultError``."""
        key, chosen = self.key_version(name, version)
        private_key = self._usable(state, clock, key, chosen, "sign", algorithm, digest)
        try:
            return crypto.sign(private_key, algorithm, digest)
        except ValueError as error:
            raise errors.property_invalid("value") from error

    def verify(
        self, state: State, clock: Clock, name: str, version: str, algorithm: str, digest: bytes, value: bytes
    ) -> bool:
        """Tell whether *value* is a signature over *digest*; raises ``VaultError``."""
        key, chosen = self.key_version(name, version)
        private_key = self._usable(state, clock, key, chosen, "verify", algorithm, digest)
        return crypto.verify(private_key, algorithm, digest, value)

    def encrypt(
        self,
        state: State,
        clock: Clock,
        name: str,
        version: str,
        operation: str,
        algorithm: str,
        value: bytes,
    ) -> bytes:
        """Carry out ``encrypt``, ``decrypt``, ``wrapKey`` or ``unwrapKey``; raises ``VaultError``."""
        key, chosen = self.key_version(name, version)
        self._check_times(clock, chosen, operation)
        if operation not in chosen.key_ops:
            raise errors.operation_forbidden(operation)
        if algorithm not in crypto.ENCRYPTIONS:
            raise errors.property_invalid("alg")
        private_key = chosen.private_key(state)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise self._incompatible(key, chosen, algorithm)
        try:
            if operation in ("encrypt", "wrapKey"):
                return crypto.encrypt(private_key, algorithm, value)
        except ValueError as error:
            raise errors.property_invalid("value") from error
        try:
            return crypto.decrypt(private_key, algorithm, value)
        except ValueError as error:
            raise errors.decryption_failed() from error

    def _check_times(self, clock: Clock, chosen: KeyVersion, operation: str) -> None:
        """Raise ``VaultError`` unless the key may be used now (about keys: details, "attributes").

        Public operations always may; outside its dates a key still decrypts, unwraps and verifies.
        """
        attributes, now = chosen.attributes, clock.timestamp()
        if operation in ("sign", "decrypt", "unwrapKey") and not attributes.enabled:
            raise errors.key_disabled(operation)
        if operation != "sign":
            return
        if attributes.expires is not None and attributes.expires <= now:
            raise errors.key_expired(operation)
        if attributes.not_before is not None and attributes.not_before > now:
            raise errors.key_not_yet_valid(operation)

    def _incompatible(self, key: VaultKey, chosen: KeyVersion, algorithm: str) -> errors.VaultError:
        return errors.algorithm_incompatible(
            f"https://{self.host}/keys/{key.name}/{chosen.version}",
            chosen.key_type,
            algorithm,
            "'RSA' or 'RSA-HSM'" if algorithm[:2] in ("RS", "PS") else "'EC' or 'EC-HSM'",
        )

    def _usable(
        self, state: State, clock: Clock, key: VaultKey, chosen: KeyVersion, operation: str,
        algorithm: str, digest: bytes,
    ) -> PrivateKey:  # fmt: skip
        self._check_times(clock, chosen, operation)
        if operation not in chosen.key_ops:
            raise errors.operation_forbidden(operation)
        if algorithm not in crypto.ALGORITHMS:
            raise errors.property_invalid("alg")
        private_key = chosen.private_key(state)
        if not crypto.fits(private_key, algorithm):
            raise self._incompatible(key, chosen, algorithm)
        wanted = crypto.digest_size(algorithm)
        if wanted is not None and len(digest) != wanted:
            raise errors.value_length(algorithm, len(digest), wanted)
        return private_key

    def to_json(self) -> dict[str, Any]:
        """Return the vault for keeping; keys and certificates themselves are in the state."""
        return {**asdict(self), "access": self.access.to_json()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Vault:
        """Return what ``to_json`` wrote; raises ``KeyError`` or ``TypeError`` on anything else."""
        certificates = {
            name: certificate_from_json(entry) for name, entry in document["certificates"].items()
        }
        keys = {name: key_from_json(entry) for name, entry in document["keys"].items()}
        pending = {name: PendingOperation(**entry) for name, entry in document.get("pending", {}).items()}
        deleted = {name: DeletedCertificate(**entry) for name, entry in document.get("deleted", {}).items()}
        deleted_keys = {name: DeletedKey(**entry) for name, entry in document.get("deleted_keys", {}).items()}
        throttle = document["throttle"]
        return cls(
            **{
                **document,
                "access": Access.from_json(document["access"]),
                "firewall": Firewall(**document["firewall"]),
                "throttle": Throttle(**throttle) if throttle else None,
                "certificates": certificates,
                "keys": keys,
                "pending": pending,
                "deleted": deleted,
                "deleted_keys": deleted_keys,
            }
        )


def certificate_from_json(entry: dict[str, Any]) -> VaultCertificate:
    """Return a certificate kept as a document; raises ``KeyError`` or ``TypeError`` on anything else."""
    return VaultCertificate(
        entry["name"],
        CertificatePolicy(**entry["policy"]),
        [
            CertificateVersion(**{**each, "attributes": Attributes(**each["attributes"])})
            for each in entry["versions"]
        ],
    )


def key_from_json(entry: dict[str, Any]) -> VaultKey:
    """Return a key kept as a document; raises ``KeyError`` or ``TypeError`` on anything else."""
    return VaultKey(
        entry["name"],
        [
            KeyVersion(**{**each, "attributes": Attributes(**each["attributes"])})
            for each in entry["versions"]
        ],
        entry.get("rotation"),
    )


class Vaults:
    """All vaults, by host name."""

    def __init__(self, vaults: Sequence[Vault]) -> None:
        self._vaults = list(vaults)

    def find(self, host: str) -> Vault | None:
        """Return the vault with this host name."""
        return next((vault for vault in self._vaults if vault.host == host.lower()), None)

    def named(self, name: str) -> Vault:
        """Return the vault called *name*; raises ``KeyError``."""
        found = self.find(f"{name}.vault.azure.net")
        if found is None:
            raise KeyError(name)
        return found

    def all(self) -> list[Vault]:
        """Return every vault."""
        return list(self._vaults)


def new_version() -> str:
    """Return a fresh version: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def new_hsm_key(state_name: str, kind: str, now: int | None = None) -> KeyVersion:
    """Return a key version in the HSM that signs and verifies; *kind* as ``rsa-3072`` or ``ec-P-256``."""
    moment = int(time.time()) if now is None else now
    return KeyVersion(
        version=new_version(),
        kind=kind,
        key_type="RSA-HSM" if kind.startswith("rsa") else "EC-HSM",
        key_ops=["sign", "verify"],
        attributes=Attributes(created=moment, updated=moment),
        state_name=state_name,
    )


def code_signing_policy(subject: str, key: KeyVersion, now: datetime) -> CertificatePolicy:
    """Return the policy that a code-signing certificate from a public CA is asked for with."""
    family, _, size = key.kind.partition("-")
    moment = int(now.timestamp())
    return CertificatePolicy(
        subject=subject,
        key_type=key.key_type,
        key_size=int(size) if family == "rsa" else None,
        curve=size if family == "ec" else None,
        exportable=False,
        reuse_key=False,
        ekus=["1.3.6.1.5.5.7.3.3"],
        key_usage=["digitalSignature"],
        validity_months=12,
        content_type="application/x-pkcs12",
        issuer="Unknown",
        created=moment,
        updated=moment,
    )
