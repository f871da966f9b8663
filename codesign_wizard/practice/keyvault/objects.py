"""What lies in a vault: keys and certificates, each under its name with its versions."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509

from codesign_wizard.practice.key_making import PrivateKey
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
