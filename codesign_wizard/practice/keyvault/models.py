"""Vaults: who is let in, who may do what, what lies where. Nothing of HTTP here."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography import x509

from codesign_wizard.practice.keyvault import errors
from codesign_wizard.practice.keyvault.objects import (
    Attributes,
    CertificatePolicy,
    CertificateVersion,
    KeyVersion,
    VaultCertificate,
    VaultKey,
    certificate_from_json,
    key_from_json,
)
from codesign_wizard.practice.keyvault.pending import (
    RETENTION_DAYS,
    DeletedCertificate,
    DeletedKey,
    PendingOperation,
)
from codesign_wizard.practice.keyvault.permissions import OPERATIONS, Access, Caller
from codesign_wizard.practice.management.authorization import Authorization
from codesign_wizard.practice.state import State


@dataclass
class Firewall:
    """Networking of a vault. ``allowed`` addresses and ranges (CIDR) count only while ``open`` is off."""

    open: bool = True
    allowed: list[str] = field(default_factory=list)
    private_only: bool = False
    bypass: str = "AzureServices"

    def lets_in(self, address: str) -> bool:
        """Tell whether the rules let *address* in, private links aside."""
        wanted = ipaddress.ip_address(address)
        return self.open or any(wanted in ipaddress.ip_network(each) for each in self.allowed)


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
    tags: dict[str, str] = field(default_factory=dict)
    enabled_for: list[str] = field(default_factory=list)  # Deployment, DiskEncryption, TemplateDeployment
    retention_days: int = RETENTION_DAYS
    purge_protection: bool = False
    resolves_from: float = 0.0  # when the name of a new vault is in DNS; seconds since the epoch
    gone: float = 0.0  # when the vault was deleted, as long as it can be recovered

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

    @property
    def recovery(self) -> dict[str, Any]:
        """What everything in the vault says of its deletion: ``DeletionRecoveryLevel`` and days."""
        customized = "Customized" if self.retention_days != RETENTION_DAYS else ""
        purgeable = "" if self.purge_protection else "+Purgeable"
        return {
            "recoveryLevel": f"{customized}Recoverable{purgeable}",
            "recoverableDays": self.retention_days,
        }

    def admit(self, address: str, caller: str) -> None:
        """Raise ``VaultError`` if the network rules keep *address* out."""
        if self.firewall.private_only:
            raise errors.connection(caller, self.text)
        if not self.firewall.lets_in(address):
            raise errors.firewall(address, caller, self.text)

    def allow_purge(self) -> None:
        """Raise ``VaultError`` if what is deleted stays until its time has come."""
        if self.purge_protection:
            raise errors.purge_protected(self.text)

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


class Vaults:
    """All vaults, by host name, and those that are deleted and can be recovered."""

    def __init__(self, vaults: Sequence[Vault]) -> None:
        self._vaults = list(vaults)

    def find(self, host: str) -> Vault | None:
        """Return the vault with this host name."""
        return next((vault for vault in self.all() if vault.host == host.lower()), None)

    def owner_of(self, name: str) -> Vault | None:
        """Return the vault, maybe deleted, that has the name *name*: names are the whole world's."""
        return next((vault for vault in self._vaults if vault.name.lower() == name.lower()), None)

    def add(self, vault: Vault) -> None:
        """Add a new vault."""
        self._vaults.append(vault)

    def purge(self, vault: Vault) -> None:
        """Remove a deleted vault for good."""
        self._vaults = [each for each in self._vaults if each is not vault]

    def named(self, name: str) -> Vault:
        """Return the vault called *name*; raises ``KeyError``."""
        found = self.find(f"{name}.vault.azure.net")
        if found is None:
            raise KeyError(name)
        return found

    def all(self) -> list[Vault]:
        """Return every vault that is not deleted."""
        return [vault for vault in self._vaults if not vault.gone]

    def deleted(self) -> list[Vault]:
        """Return the vaults that can be recovered."""
        return [vault for vault in self._vaults if vault.gone]

    def every(self) -> list[Vault]:
        """Return every vault, the company's own first."""
        return list(self._vaults)
