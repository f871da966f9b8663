"""What a vault holds under one name: versions, their keys, a pending request, or a deleted certificate."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.certificates.request import SigningRequest
from codesign_wizard.core.finding import Finding, iso
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificateProperties, KeyVaultCertificate
    from azure.keyvault.keys import KeyVaultKey

_CURVES = {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}


class NameState(StrEnum):
    """What a name stands for in the vault."""

    FREE = "free"
    PENDING = "pending"  # a first request, and no certificate yet
    CERTIFICATE = "certificate"
    RENEWING = "renewing"  # a certificate that works, and a request for its next version
    DELETED = "deleted"  # soft-deleted: the name is still taken
    TAKEN = "taken"  # a key without a certificate has the name


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key as the vault describes it.

    ``kind`` is the vault's ``kty`` (``RSA-HSM``), ``operations`` its ``key_ops``, ``platform`` its
    ``hsmPlatform`` ("2" FIPS 140-3 level 3, "1" FIPS 140-2 level 2, "0" software, "" not told;
    learn.microsoft.com/azure/key-vault/keys/about-keys), ``public_key`` a SubjectPublicKeyInfo in DER or b"".
    """

    id: str
    kind: str
    operations: tuple[str, ...]
    platform: str = ""
    exportable: bool | None = None
    enabled: bool | None = None
    public_key: bytes = b""

    @property
    def hardware(self) -> bool:
        """Whether the key is of a type that lives in an HSM."""
        return self.kind.upper().endswith("-HSM")

    @classmethod
    def of(cls, key: KeyVaultKey) -> KeyFacts:
        """Return what Microsoft's client gave."""
        shown = key.properties
        return cls(
            str(key.id or ""),
            _text(key.key_type),
            tuple(_text(each) for each in key.key_operations or ()),
            str(shown.hsm_platform if shown.hsm_platform is not None else ""),
            shown.exportable,
            shown.enabled,
            _public_key(key.key),
        )

    @classmethod
    def read(cls, bundle: Mapping[str, Any]) -> KeyFacts:
        """Return what a vault answers to *Get Key*: a KeyBundle, whose ``key`` is a JSON Web Key.

        What is missing or of another type stays untold.
        """
        key, attributes = _mapping(bundle.get("key")), _mapping(bundle.get("attributes"))
        operations = key.get("key_ops")
        platform = attributes.get("hsmPlatform")
        exportable, enabled = attributes.get("exportable"), attributes.get("enabled")
        numbers = SimpleNamespace(
            crv=_text(key.get("crv")), **{name: _number(key.get(name)) for name in ("n", "e", "x", "y")}
        )
        return cls(
            _text(key.get("kid")),
            _text(key.get("kty")),
            tuple(_text(each) for each in operations) if isinstance(operations, list) else (),
            str(platform) if platform is not None else "",
            exportable if isinstance(exportable, bool) else None,
            enabled if isinstance(enabled, bool) else None,
            _public_key(numbers),
        )


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """One version of a certificate. ``key`` is ``None`` where it could not be read, ``newest`` if unknown.

    ``exportable`` and ``reuse_key`` are the policy's, which only the newest version is told with.
    """

    name: str
    version: str
    der: bytes
    key_id: str = ""
    enabled: bool | None = None
    created: datetime | None = None
    updated: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    exportable: bool | None = None
    reuse_key: bool | None = None
    key: KeyFacts | None = None
    newest: bool | None = None

    @classmethod
    def of(
        cls, certificate: KeyVaultCertificate, key: KeyFacts | None, newest: bool | None
    ) -> HeldCertificate:
        """Return what Microsoft's client gave."""
        shown, policy = certificate.properties, certificate.policy
        return cls(
            str(certificate.name or ""),
            str(shown.version or "") if shown else "",
            bytes(certificate.cer or b""),
            str(certificate.key_id or ""),
            shown.enabled if shown else None,
            time_of(shown.created_on) if shown else None,
            time_of(shown.updated_on) if shown else None,
            _mapping(shown.tags) if shown else {},
            policy.exportable if policy else None,
            policy.reuse_key if policy else None,
            key,
            newest,
        )

    def with_newest(self, newest: bool | None) -> HeldCertificate:
        """Return the same, told whether it is the newest version."""
        return dataclasses.replace(self, newest=newest)


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """One line of the list of versions; times in UTC. ``pending`` when it has no certificate yet."""

    version: str
    enabled: bool | None
    created: datetime | None
    not_before: datetime | None
    expires: datetime | None
    thumbprint: str  # SHA-1, lower-case hexadecimal, "" when there is no certificate
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        """Whether the version still waits for its certificate."""
        return not self.thumbprint

    @classmethod
    def of(cls, shown: CertificateProperties) -> VersionSummary:
        """Return what Microsoft's client gave."""
        return cls(
            str(shown.version or ""),
            shown.enabled,
            time_of(shown.created_on),
            time_of(shown.not_before),
            time_of(shown.expires_on),
            bytes(shown.x509_thumbprint or b"").hex(),
            _mapping(shown.tags),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the line for JSON."""
        times = {"created": self.created, "not_before": self.not_before, "expires": self.expires}
        return {
            "version": self.version,
            "enabled": self.enabled,
            **{name: iso(time) if time else None for name, time in times.items()},
            "sha1": self.thumbprint or None,
            "tags": dict(self.tags),
        }


@dataclass(frozen=True, slots=True)
class NameSummary:
    """One line of the list of a vault's certificates; times in UTC, of the newest version.

    ``expires`` is ``None`` for a name that has no certificate yet, or never got one.
    """

    name: str
    enabled: bool | None
    expires: datetime | None
    thumbprint: str  # SHA-1, lower-case hexadecimal, "" when there is no certificate

    @classmethod
    def of(cls, shown: CertificateProperties) -> NameSummary:
        """Return what Microsoft's client gave."""
        thumbprint = bytes(shown.x509_thumbprint or b"").hex()
        return cls(str(shown.name or ""), shown.enabled, time_of(shown.expires_on), thumbprint)

    def to_json(self) -> dict[str, Any]:
        """Return the line for JSON."""
        return {
            "name": self.name,
            "enabled": self.enabled,
            "expires": iso(self.expires) if self.expires else None,
            "sha1": self.thumbprint or None,
        }


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that waits in the vault. ``since`` is ``None`` where the vault does not tell."""

    name: str
    request: SigningRequest
    status: str  # in lower case: inprogress, completed, cancelled, failed
    issuer: str  # Unknown for a CA that Key Vault does not talk to itself
    request_id: str = ""
    since: datetime | None = None
    details: str = ""
    error: str = ""

    @property
    def waits(self) -> bool:
        """Whether it can still be answered."""
        return self.status == "inprogress"

    def to_json(self) -> dict[str, Any]:
        """Return the request for JSON, the PEM with it."""
        return {
            "name": self.name,
            "status": self.status,
            "since": iso(self.since) if self.since else None,
            "request_id": self.request_id or None,
            **self.request.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that the vault says of a name. ``versions`` newest first, without pending ones."""

    name: str
    state: NameState
    certificate: HeldCertificate | None = None
    pending: PendingRequest | None = None
    versions: tuple[VersionSummary, ...] = ()
    deleted: datetime | None = None
    purge: datetime | None = None  # when a deleted one is gone for good
    findings: tuple[Finding, ...] = ()

    @property
    def newest_version(self) -> str:
        """The version that is used where none is named, "" while there is none."""
        return self.certificate.version if self.certificate else ""

    def words(self) -> str:
        """Return the state in one sentence."""
        match self.state:
            case NameState.FREE:
                return tr("The name {name} is free.").format(name=self.name)
            case NameState.PENDING:
                return tr("A signing request waits for the CA's answer.")
            case NameState.CERTIFICATE:
                return tr("The vault holds the certificate {name}.").format(name=self.name)
            case NameState.RENEWING:
                return tr("The certificate {name} works, and a request for its next version waits.").format(
                    name=self.name
                )
            case NameState.DELETED:
                return tr("The certificate {name} is deleted, and can be recovered.").format(name=self.name)
        return tr("A key without a certificate has the name {name}.").format(name=self.name)


def time_of(value: object) -> datetime | None:
    """Return a time as Microsoft's client gives it, ``None`` for what it could not read as one."""
    return value if isinstance(value, datetime) else None


def _text(value: object) -> str:
    return str(getattr(value, "value", value) or "")


def _mapping(value: object) -> Mapping[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _number(value: object) -> bytes:
    """Return a Base64urlUInt (RFC 7518, section 2), b"" when it is none."""
    try:
        return base64.urlsafe_b64decode(f"{value}{'=' * (-len(str(value)) % 4)}") if value else b""
    except ValueError:
        return b""


def _public_key(key: Any) -> bytes:
    """Return a JSON Web Key (RFC 7517) as SubjectPublicKeyInfo in DER, b"" when it is no public key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
        if key.n and key.e:
            numbers = rsa.RSAPublicNumbers(int.from_bytes(key.e, "big"), int.from_bytes(key.n, "big"))
            public = numbers.public_key()
        elif key.x and key.y:
            curve = {"secp256r1": ec.SECP256R1(), "secp384r1": ec.SECP384R1(), "secp521r1": ec.SECP521R1()}[
                _CURVES[_text(key.crv)]
            ]
            x, y = int.from_bytes(key.x, "big"), int.from_bytes(key.y, "big")
            public = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
        else:
            return b""
    except (AttributeError, KeyError, ValueError, UnsupportedAlgorithm):
        return b""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
