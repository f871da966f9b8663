"""What is asked of the vault, and the signing request (PKCS #10, RFC 2986) that it gives back.

Policy: learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios; why each value,
CA/Browser Forum, baseline requirements for code signing, 6.1.5 (key size) and 6.2.7.4 (hardware).
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from codesign_wizard.core.certificates.subject import Subject
from codesign_wizard.core.certificates.subject_checks import check_subject
from codesign_wizard.core.errors import CodesignError
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Remedy, Severity
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificatePolicy
    from cryptography import x509


CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


_MOST_TAGS = 15


_LONGEST_TAG = 256


EC_WARNING = FindingKind(
    "certificate.request.key-ec",
    Severity.WARNING,
    "Windows does not accept EC keys for programs: choose RSA.",
    "Microsoft's root programme does not support ECDSA for Authenticode, though CAs issue such certificates.",
)


def ec_result() -> str:
    """Return what comes of signing with an EC key."""
    return tr("The vault does sign with an EC key, but Windows then shows an unknown publisher.")


SOFTWARE_KEY = FindingKind(
    "certificate.request.key-software",
    Severity.WARNING,
    "A key outside hardware is refused by every public CA.",
    "Since June 2023 code-signing keys must be made in certified hardware (CA/Browser Forum, 6.2.7.4).",
)


TAGS = FindingKind(
    "certificate.request.tags",
    Severity.ERROR,
    "Key Vault does not take these tags: {why}.",
    "At most 15 tags, names and values of at most 256 characters.",
)


UNREADABLE = FindingKind(
    "certificate.request.unreadable",
    Severity.ERROR,
    "The signing request cannot be read: {why}.",
    "What the vault or a file gave is no certificate signing request (PKCS #10).",
)


class KeyChoice(Enum):
    """Keys that can be asked for: type in the vault (without ``-HSM``), bits, curve in Key Vault's words."""

    RSA_4096 = ("RSA", 4096, None)
    RSA_3072 = ("RSA", 3072, None)
    EC_P256 = ("EC", 256, "P-256")
    EC_P384 = ("EC", 384, "P-384")
    EC_P521 = ("EC", 521, "P-521")

    @property
    def label(self) -> str:
        """Kind and size, as ``RSA 4096`` or ``EC P-384``."""
        kind, size, curve = self.value
        return f"{kind} {curve or size}"

    @property
    def advice(self) -> str:
        """What to know before choosing it, one sentence."""
        match self:
            case KeyChoice.RSA_4096:
                return tr("Advised: every CA and every Windows accepts it.")
            case KeyChoice.RSA_3072:
                return tr("The least that CAs accept; signs a little faster.")
        return tr("For experts: Windows does not accept it for programs.")

    @classmethod
    def named(cls, text: str) -> KeyChoice:
        """Return the choice called *text*, as ``rsa-4096`` or ``p-384``; raises ``KeyError``."""
        wanted = text.upper().replace("-", "").replace(" ", "").replace("HSM", "")
        for choice in cls:
            own = choice.label.upper().replace("-", "").replace(" ", "")
            if wanted in (own, own.removeprefix("EC"), own.removeprefix("RSA")):
                return choice
        raise KeyError(text)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What is asked of the vault. ``tags`` go to the certificate, ``hardware`` means an ``-HSM`` key."""

    subject: Subject
    key: KeyChoice = KeyChoice.RSA_4096
    hardware: bool = True
    validity_months: int = 12
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key_type(self) -> str:
        """The key's type as the vault names it: ``RSA-HSM``, ``EC``, …"""
        kind: str = self.key.value[0]
        return kind + ("-HSM" if self.hardware else "")

    def policy(self) -> dict[str, Any]:
        """Return the policy as the vault's REST interface takes it (member ``policy`` of create)."""
        _, size, curve = self.key.value
        key: dict[str, Any] = {"exportable": False, "kty": self.key_type, "key_size": size}
        if curve is not None:
            key["crv"] = curve
        return {
            "key_props": {**key, "reuse_key": False},
            "secret_props": {"contentType": "application/x-pkcs12"},
            "x509_props": {
                "subject": self.subject.x500(),
                "ekus": [CODE_SIGNING],
                "key_usage": ["digitalSignature"],
                "validity_months": self.validity_months,
            },
            "issuer": {"name": "Unknown"},
        }

    def sdk_policy(self) -> CertificatePolicy:
        """Return the same policy for Microsoft's client."""
        from azure.keyvault.certificates import CertificatePolicy

        policy = self.policy()
        key, shown = policy["key_props"], policy["x509_props"]
        return CertificatePolicy(
            issuer_name=policy["issuer"]["name"],
            subject=shown["subject"],
            key_type=key["kty"],
            key_size=key["key_size"],
            key_curve_name=key.get("crv"),
            exportable=key["exportable"],
            reuse_key=key["reuse_key"],
            enhanced_key_usage=shown["ekus"],
            key_usage=shown["key_usage"],
            content_type=policy["secret_props"]["contentType"],
            validity_in_months=shown["validity_months"],
        )

    def check(self) -> list[Finding]:
        """Return everything that can be said of it without a network."""
        findings = check_subject(self.subject)
        if self.key.value[0] == "EC":
            findings.append(
                EC_WARNING(
                    detail=ec_result(),
                    certainty=Certainty.COMPUTED,
                    remedies=[Remedy(title=tr("Choose RSA with 4096 bits."))],
                )
            )
        if not self.hardware:
            findings.append(
                SOFTWARE_KEY(
                    certainty=Certainty.COMPUTED,
                    detail=tr("It is good for tests with a CA of your own."),
                    remedies=[
                        Remedy(title=tr("Use a vault of the Premium tier, and a key in its hardware."))
                    ],
                )
            )
        why = _tag_fault(self.tags)
        if why:
            findings.append(TAGS(why=why, certainty=Certainty.COMPUTED))
        return findings


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A request as read from its DER. ``usages`` is ``None`` where it asks for none."""

    der: bytes
    subject: Subject
    key: str  # RSA 4096, EC P-384
    key_bits: int
    public_key: bytes  # SubjectPublicKeyInfo in DER
    signature_holds: bool
    signature_algorithm: str
    usages: tuple[str, ...] | None
    key_usage: tuple[str, ...] | None

    @classmethod
    def read(cls, data: bytes) -> SigningRequest:
        """Return the request in *data* (DER, or PEM under either of its two names).

        Raises ``CodesignError`` with ``certificate.request.unreadable``.
        """
        from cryptography import x509

        from codesign_wizard.core.authenticode.trust import BROKEN

        try:
            load = x509.load_pem_x509_csr if b"-----BEGIN " in data else x509.load_der_x509_csr
            return _described(load(data))
        except BROKEN as error:
            raise CodesignError(
                UNREADABLE(why=tr("it is damaged"), evidence=Evidence(message=str(error) or None))
            ) from error

    def pem(self) -> str:
        """Return it as CAs take it (RFC 7468, 7): base64 in lines of 64 characters, ends with a newline."""
        lines = textwrap.wrap(base64.b64encode(self.der).decode(), 64)
        return "\n".join(
            ["-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""]
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 of the public key (SubjectPublicKeyInfo), in hexadecimal."""
        return hashlib.sha256(self.public_key).hexdigest()

    def words(self) -> list[tuple[str, str]]:
        """Return the request for people: pairs of name and value, the subject's attributes first."""
        facts = [
            *self.subject.preview(),
            (tr("Key"), self.key),
            (tr("Signature"), self.signature_algorithm if self.signature_holds else tr("does not hold")),
        ]
        if self.usages is not None:
            facts.append((tr("Asks for"), ", ".join(purpose_name(oid) for oid in self.usages)))
        if self.key_usage is not None:
            facts.append((tr("Key usage"), ", ".join(self.key_usage)))
        return [*facts, (tr("Public key (SHA-256)"), self.fingerprint())]

    def to_json(self) -> dict[str, Any]:
        """Return the request for JSON."""
        return {
            "subject": self.subject.x500(),
            "attributes": [{"oid": oid, "value": value} for oid, value in self.subject.attributes],
            "key": self.key,
            "public_key_sha256": self.fingerprint(),
            "signature_holds": self.signature_holds,
            "usages": None if self.usages is None else list(self.usages),
            "key_usage": None if self.key_usage is None else list(self.key_usage),
            "pem": self.pem(),
        }


def purpose_name(oid: str) -> str:
    """Return the words for an extended key usage, or the OID itself."""
    names = {
        CODE_SIGNING: tr("code signing"),
        "1.3.6.1.5.5.7.3.1": tr("TLS servers"),
        "1.3.6.1.5.5.7.3.2": tr("TLS clients"),
        "1.3.6.1.5.5.7.3.4": tr("e-mail"),
        "1.3.6.1.5.5.7.3.8": tr("time stamps"),
        "1.3.6.1.5.5.7.3.9": tr("OCSP answers"),
        "2.5.29.37.0": tr("anything"),
    }
    return names.get(oid, oid)


def key_name(public_key: object) -> tuple[str, int]:
    """Return kind and size of a public key for people, as ``RSA 4096`` or ``EC P-384``, and its bits."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(public_key, rsa.RSAPublicKey):
        return f"RSA {public_key.key_size}", public_key.key_size
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        name = public_key.curve.name
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}.get(name, name)
        return f"EC {curve}", public_key.curve.key_size
    return type(public_key).__name__.removesuffix("PublicKey"), 0


def public_key_bytes(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280, 4.1) in DER; raises one of ``trust.BROKEN``."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _described(request: x509.CertificateSigningRequest) -> SigningRequest:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    key, bits = key_name(request.public_key())
    digest = request.signature_hash_algorithm
    usages: tuple[str, ...] | None = None
    key_usage: tuple[str, ...] | None = None
    for extension in request.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            usages = tuple(each.dotted_string for each in extension.value)
        elif isinstance(extension.value, x509.KeyUsage):
            key_usage = tuple(key_usage_names(extension.value))
    return SigningRequest(
        request.public_bytes(Encoding.DER),
        Subject.from_name(request.subject),
        key,
        bits,
        public_key_bytes(request),
        request.is_signature_valid,
        digest.name.upper().replace("SHA", "SHA-") if digest is not None else tr("unknown"),
        usages,
        key_usage,
    )


def key_usage_names(usage: x509.KeyUsage) -> list[str]:
    """Return the bits that are set, by their names in RFC 5280, 4.2.1.3."""
    names = {
        "digitalSignature": usage.digital_signature,
        "nonRepudiation": usage.content_commitment,
        "keyEncipherment": usage.key_encipherment,
        "dataEncipherment": usage.data_encipherment,
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return [name for name, is_set in names.items() if is_set]


def _tag_fault(tags: Mapping[str, str]) -> str:
    if len(tags) > _MOST_TAGS:
        return tr("there are {count}, and {most} are allowed").format(count=len(tags), most=_MOST_TAGS)
    if any(len(text) > _LONGEST_TAG for pair in tags.items() for text in pair):
        return tr("one is longer than {most} characters").format(most=_LONGEST_TAG)
    return ""


def computed(finding: Finding) -> Finding:
    """Return *finding* as one that was computed here, not told by a service."""
    return dataclasses.replace(finding, certainty=Certainty.COMPUTED)
