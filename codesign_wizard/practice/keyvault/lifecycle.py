"""A certificate's life in a vault: request, answer, deletion and recovery. Rules only, nothing of HTTP.

learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios and ``…/about-certificates``;
soft delete: ``…/general/soft-delete-overview``. Texts without a captured source say so in ``errors``.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import asdict
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from codesign_wizard.practice.keyvault import errors, x500
from codesign_wizard.practice.keyvault.models import (
    NAME,
    Attributes,
    CertificatePolicy,
    KeyVersion,
    Vault,
    certificate_from_json,
    key_from_json,
    new_version,
)
from codesign_wizard.practice.keyvault.pending import (
    CANCELLED,
    COMPLETED,
    DeletedCertificate,
    PendingOperation,
)
from codesign_wizard.practice.state import PrivateKey, State

RETENTION_DAYS = 90
_KEY_SIZES = (2048, 3072, 4096)
_CURVES = ("P-256", "P-384", "P-521", "P-256K")
_CURVE_OF_SIZE: dict[Any, str] = {256: "P-256", 384: "P-384", 521: "P-521"}
_MOST_TAGS = 15
# which operations a key usage gives the key (about certificates, "composition")
_KEY_OPS = {
    "digitalSignature": ("sign", "verify"),
    "nonRepudiation": ("sign", "verify"),
    "keyEncipherment": ("wrapKey", "unwrapKey"),
    "dataEncipherment": ("encrypt", "decrypt"),
    "keyAgreement": (),
    "keyCertSign": (),
    "cRLSign": (),
    "encipherOnly": (),
    "decipherOnly": (),
}
_USAGE_MEMBERS = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_DEFAULT_EKUS = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]
_DEFAULT_USAGE = ["digitalSignature", "keyEncipherment"]


def read_policy(body: dict[str, Any], now: int) -> CertificatePolicy:
    """Return the policy in a request to create a certificate; raises ``VaultError``."""
    document = body.get("policy")
    if not isinstance(document, dict):
        raise errors.property_invalid("policy")
    key, shown = _object(document, "key_props"), _object(document, "x509_props")
    issuer, secret = _object(document, "issuer"), _object(document, "secret_props")
    subject = shown.get("subject") or ""
    sans = shown.get("sans") or {}
    if not subject and not any(sans.values() if isinstance(sans, dict) else ()):
        raise errors.bad_parameter("Subject or Subject Alternative Names must be specified in the policy.")
    try:
        if subject:
            x500.parse(str(subject))
    except ValueError as error:
        raise errors.bad_parameter("The subject name provided is not a valid X500 name") from error
    kind = str(key.get("kty") or "RSA")
    if kind not in ("RSA", "RSA-HSM", "EC", "EC-HSM"):
        raise errors.property_invalid("key_props.kty")
    size, curve = key.get("key_size"), key.get("crv")
    if kind.startswith("RSA"):
        size = 2048 if size is None else size
        if size not in _KEY_SIZES:
            raise errors.property_invalid("key_props.key_size")
        curve = None
    else:
        curve = curve or _CURVE_OF_SIZE.get(size or 256, "")
        if curve not in _CURVES:
            raise errors.property_invalid("key_props.crv")
        size = None
    exportable = key.get("exportable", not kind.endswith("-HSM"))
    if exportable and kind.endswith("-HSM"):
        raise errors.bad_parameter("Exportable keys are not supported for HSM-protected keys.")
    usage = shown.get("key_usage") or _DEFAULT_USAGE
    if not isinstance(usage, list) or any(each not in _KEY_OPS for each in usage):
        raise errors.property_invalid("x509_props.key_usage")
    ekus = shown.get("ekus") or _DEFAULT_EKUS
    try:
        for each in ekus:
            x509.ObjectIdentifier(each)
    except (TypeError, ValueError) as error:
        raise errors.property_invalid("x509_props.ekus") from error
    months = shown.get("validity_months", 12)
    if not isinstance(months, int) or not 1 <= months <= 120:
        raise errors.property_invalid("x509_props.validity_months")
    return CertificatePolicy(
        subject=str(subject),
        key_type=kind,
        key_size=size,
        curve=curve,
        exportable=bool(exportable),
        reuse_key=bool(key.get("reuse_key", False)),
        ekus=[str(each) for each in ekus],
        key_usage=[str(each) for each in usage],
        validity_months=months,
        content_type=str(secret.get("contentType") or "application/x-pkcs12"),
        issuer=str(issuer.get("name") or ""),
        created=now,
        updated=now,
    )


def create(vault: Vault, state: State, name: str, body: dict[str, Any], now: int) -> PendingOperation:
    """Begin a new version of *name*: make its key and the signing request; raises ``VaultError``."""
    if not NAME.fullmatch(name):
        raise errors.name_invalid(name)
    policy = read_policy(body, now)
    tags = _tags(body)
    if policy.issuer.lower() not in ("unknown", "self"):
        raise errors.issuer_unknown(policy.issuer)
    if policy.key_type.endswith("-HSM") and vault.sku != "premium":
        raise errors.bad_parameter("Hardware key operation not allowed on standard vault")
    folded = name.lower()
    if folded in vault.deleted:
        raise errors.deleted_but_recoverable(name)
    waiting = vault.pending.get(folded)
    if waiting is not None and waiting.waits:
        raise errors.pending_in_progress()
    if folded in vault.keys and folded not in vault.certificates:
        raise errors.name_taken(name)
    kind = f"rsa-{policy.key_size}" if policy.key_size else f"ec-{policy.curve}"
    version = new_version()
    former = vault.keys[folded].versions[-1] if policy.reuse_key and folded in vault.keys else None
    operations = [each for usage in policy.key_usage for each in _KEY_OPS[usage]]
    key = KeyVersion(
        version=version,
        kind=former.kind if former else kind,
        key_type=policy.key_type,
        key_ops=list(dict.fromkeys(operations)),
        attributes=Attributes(created=now, updated=now),
        state_name=former.state_name if former else f"vault-{vault.name}-{name}-{version}",
        exportable=policy.exportable,
        managed=True,
    )
    private = key.private_key(state)
    operation = PendingOperation(
        name=name,
        request_id=uuid.uuid4().hex,
        issuer=policy.issuer,
        csr=base64.b64encode(_request(policy, private)).decode(),
        key=asdict(key),
        policy=asdict(policy),
        tags=tags,
    )
    vault.pending[folded] = operation
    if policy.issuer.lower() == "self":
        _finish(vault, state, operation, _self_signed(policy, private, now), now)
    return operation


def pending(vault: Vault, name: str, request_id: str = "") -> PendingOperation:
    """Return the operation under *name*; raises ``VaultError``."""
    found = vault.pending.get(name.lower())
    if found is None or (request_id and request_id != found.request_id):
        raise errors.pending_missing(name)
    return found


def cancel(vault: Vault, name: str) -> PendingOperation:
    """Ask that the operation be cancelled; raises ``VaultError``."""
    found = pending(vault, name)
    if not found.waits:
        raise errors.pending_over()
    found.cancellation_requested = True
    found.status = CANCELLED
    return found


def drop(vault: Vault, name: str) -> PendingOperation:
    """Delete the operation: an answer to its request can never be merged again; raises ``VaultError``."""
    found = pending(vault, name)
    del vault.pending[name.lower()]
    return found


def merge(vault: Vault, state: State, name: str, body: dict[str, Any], now: int) -> PendingOperation:
    """Merge the CA's answer (``x5c``: leaf first) into the waiting request; raises ``VaultError``."""
    found = pending(vault, name)  # existence before content
    if not found.waits:
        raise errors.pending_missing(name)
    given = body.get("x5c")
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        raise errors.bad_parameter("Property x5c has invalid value X5C must has at least one valid item\r\n")
    certificates = [each for text in given for each in _certificates(text)]
    key = _key_version(found.key)
    private = key.private_key(state)
    if _spki(certificates[0].public_key()) != _spki(private.public_key()):
        raise errors.bad_parameter(
            "The public key of the end-entity certificate in the specified X.509 certificate content does "
            "not match the public part of the specified private key. Please check if certificate is valid"
        )
    if isinstance(body.get("tags"), dict):
        found.tags = _tags(body)
    _finish(vault, state, found, certificates[0], now)
    enabled = body.get("attributes", {}).get("enabled") if isinstance(body.get("attributes"), dict) else None
    if enabled is False:
        holder = vault.certificates[name.lower()]
        holder.versions[-1].attributes.enabled = False
        vault.keys[name.lower()].versions[-1].attributes.enabled = False
    return found


def delete(vault: Vault, name: str, now: int) -> DeletedCertificate:
    """Delete a certificate with all versions, its key and its request; raises ``VaultError``."""
    holder = vault.certificate(name)
    folded = name.lower()
    deleted = DeletedCertificate(
        asdict(holder), asdict(vault.keys[folded]), now, now + RETENTION_DAYS * 24 * 3600
    )
    vault.deleted[folded] = deleted
    del vault.certificates[folded], vault.keys[folded]
    vault.pending.pop(folded, None)
    return deleted


def deleted(vault: Vault, name: str) -> DeletedCertificate:
    """Return what was deleted under *name*; raises ``VaultError``."""
    found = vault.deleted.get(name.lower())
    if found is None:
        raise errors.deleted_missing("Certificate", name)
    return found


def recover(vault: Vault, name: str) -> None:
    """Undo a deletion; raises ``VaultError``."""
    found = deleted(vault, name)
    folded = name.lower()
    vault.certificates[folded] = certificate_from_json(found.certificate)
    vault.keys[folded] = key_from_json(found.key)
    del vault.deleted[folded]


def purge(vault: Vault, name: str) -> None:
    """Delete for good; raises ``VaultError``."""
    deleted(vault, name)
    del vault.deleted[name.lower()]


def update(vault: Vault, name: str, version: str, body: dict[str, Any], now: int) -> None:
    """Change whether a version is enabled, and its tags; raises ``VaultError``."""
    _, chosen = vault.certificate_version(name, version)
    attributes = body.get("attributes")
    if isinstance(attributes, dict) and isinstance(attributes.get("enabled"), bool):
        chosen.attributes.enabled = attributes["enabled"]
        _, key = vault.key_version(name, chosen.version)
        key.attributes.enabled = attributes["enabled"]
        chosen.attributes.updated = key.attributes.updated = now
    if isinstance(body.get("tags"), dict):
        chosen.tags = _tags(body)


def import_certificate(
    vault: Vault, state: State, name: str, body: dict[str, Any], now: int
) -> tuple[str, str]:
    """Import a PKCS #12 file or PEM with its key; return name and version. Raises ``VaultError``."""
    if not NAME.fullmatch(name):
        raise errors.name_invalid(name)
    folded = name.lower()
    waiting = vault.pending.get(folded)
    if folded in vault.deleted:
        raise errors.deleted_but_recoverable(name)
    if waiting is not None and waiting.waits:
        raise errors.pending_in_progress()
    private, leaf = _identity(body)
    if isinstance(private, rsa.RSAPrivateKey):
        kind, size, curve = f"rsa-{private.key_size}", private.key_size, None
    else:
        names = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}
        size, curve = None, names.get(private.curve.name, "")
        kind = f"ec-{curve}"
    given = body.get("policy") if isinstance(body.get("policy"), dict) else {}
    asked = given.get("key_props") or {} if isinstance(given, dict) else {}
    hardware = str(asked.get("kty", "")).endswith("-HSM")
    if hardware and vault.sku != "premium":
        raise errors.bad_parameter("Hardware key operation not allowed on standard vault")
    family = "RSA" if size else "EC"
    version = new_version()
    key = KeyVersion(
        version=version,
        kind=kind,
        key_type=family + ("-HSM" if hardware else ""),
        key_ops=["sign", "verify", *(("wrapKey", "unwrapKey", "encrypt", "decrypt") if size else ())],
        attributes=Attributes(created=now, updated=now),
        state_name=f"vault-{vault.name}-{name}-{version}",
        exportable=bool(asked.get("exportable", not hardware)),
        managed=True,
    )
    state.put_key(key.state_name, private)
    policy = CertificatePolicy(
        subject=leaf.subject.rfc4514_string(),
        key_type=key.key_type,
        key_size=size,
        curve=curve,
        exportable=key.exportable,
        reuse_key=False,
        ekus=_DEFAULT_EKUS,
        key_usage=_DEFAULT_USAGE,
        validity_months=12,
        content_type="application/x-pkcs12",
        issuer="Unknown",
        created=now,
        updated=now,
    )
    made = vault.add_certificate(state, name, key, policy, leaf, now)
    made.tags = _tags(body)
    return name, version


def _finish(
    vault: Vault, state: State, operation: PendingOperation, leaf: x509.Certificate, now: int
) -> None:
    key = _key_version(operation.key)
    version = vault.add_certificate(
        state, operation.name, key, CertificatePolicy(**operation.policy), leaf, now
    )
    version.tags = dict(operation.tags)
    operation.status = COMPLETED
    operation.target = f"https://{vault.host}/certificates/{operation.name}"


def _key_version(members: dict[str, Any]) -> KeyVersion:
    return KeyVersion(**{**members, "attributes": Attributes(**members["attributes"])})


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.property_invalid(name)
    return value


def _tags(body: dict[str, Any]) -> dict[str, str]:
    tags = body.get("tags") or {}
    if not isinstance(tags, dict) or len(tags) > _MOST_TAGS:
        raise errors.property_invalid()
    return {str(name): str(value) for name, value in tags.items()}


def _extensions(policy: CertificatePolicy) -> list[tuple[x509.ExtensionType, bool]]:
    chosen = {_USAGE_MEMBERS[usage] for usage in policy.key_usage if usage in _USAGE_MEMBERS}
    every = {name: name in chosen for name in _USAGE_MEMBERS.values()}
    agreement = every["key_agreement"]
    usage = x509.KeyUsage(
        **every,
        encipher_only=agreement and "encipherOnly" in policy.key_usage,
        decipher_only=agreement and "decipherOnly" in policy.key_usage,
    )
    return [
        (usage, True),
        (x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in policy.ekus]), False),
        (x509.BasicConstraints(ca=False, path_length=None), False),
    ]


def _subject(policy: CertificatePolicy) -> x509.Name:
    return x500.parse(policy.subject) if policy.subject else x509.Name([])


def _request(policy: CertificatePolicy, key: PrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(policy))
    for extension, critical in _extensions(policy):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _self_signed(policy: CertificatePolicy, key: PrivateKey, now: int) -> x509.Certificate:
    from datetime import UTC, datetime, timedelta

    start = datetime.fromtimestamp(now, UTC)
    subject = _subject(policy)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(minutes=10))
        .not_valid_after(start + timedelta(days=round(policy.validity_months * 30.4)))
    )
    for extension, critical in _extensions(policy):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def _certificates(text: str) -> list[x509.Certificate]:
    """Return the certificates in one item of ``x5c``.

    The live service takes DER in base64, DER in base64 twice, and PKCS #7 with certificates only (recordings
    of the SDKs' live tests).
    """
    try:
        data = base64.b64decode(text, validate=True)
        if not data.startswith(b"\x30"):
            data = base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error) as error:
        raise errors.bad_parameter("ASN1 bad tag value met.\r\n") from error
    try:
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        try:
            found = pkcs7.load_der_pkcs7_certificates(data)
        except ValueError as error:
            raise errors.bad_parameter("ASN1 bad tag value met.\r\n") from error
        if not found:
            raise errors.bad_parameter("ASN1 bad tag value met.\r\n") from None
        return found


def _identity(body: dict[str, Any]) -> tuple[PrivateKey, x509.Certificate]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

    value, password = body.get("value"), body.get("pwd")
    if not isinstance(value, str) or not value:
        raise errors.property_invalid("value")
    secret = password.encode() if isinstance(password, str) and password else None
    try:
        if "-----BEGIN" in value:
            leaf = x509.load_pem_x509_certificates(value.encode())[0]
            key: Any = load_pem_private_key(value.encode(), secret)
        else:
            key, found, _ = pkcs12.load_key_and_certificates(base64.b64decode(value), secret)
            if found is None:
                raise ValueError("no certificate")
            leaf = found
    except (ValueError, TypeError, binascii.Error) as error:
        raise errors.bad_parameter(
            "The specified PKCS#12 X.509 certificate content can not be read. Please check if certificate is "
            "in valid PKCS#12 format.\r\n"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise errors.property_invalid("value")
    return key, leaf


def _spki(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
