"""A certificate's life in a vault: request, answer, deletion and recovery. Rules only, nothing of HTTP.

learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios and ``…/about-certificates``;
soft delete: ``…/general/soft-delete-overview``. Texts without a captured source say so in ``errors``.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import asdict, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import errors, policies
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.objects import (
    NAME,
    Attributes,
    CertificatePolicy,
    KeyVersion,
    VaultCertificate,
    VaultKey,
    certificate_from_json,
    key_from_json,
    new_version,
)
from codesign_wizard.practice.keyvault.pending import (
    CANCELLED,
    COMPLETED,
    DROPPED,
    DeletedCertificate,
    PendingOperation,
)
from codesign_wizard.practice.state import State

_MOST_TAGS = 15


def create(vault: Vault, state: State, name: str, body: dict[str, Any], now: int) -> PendingOperation:
    """Begin a new version of *name*: make its key and the signing request; raises ``VaultError``."""
    if not NAME.fullmatch(name):
        raise errors.name_invalid(name)
    policy = policies.read_policy(body, now)
    tags = _tags(body)
    if policy.issuer.lower() not in ("unknown", "self", *vault.issuers):
        raise errors.issuer_unknown(policy.issuer)
    if policy.key_type.endswith("-HSM") and vault.sku != "premium":
        raise errors.hardware_refused()
    folded = name.lower()
    if folded in vault.deleted:
        raise errors.deleted_but_recoverable(name)
    if folded in vault.deleted_keys:
        raise errors.deleted_but_recoverable(name, "Key")
    waiting = vault.pending.get(folded)
    if waiting is not None and waiting.waits:
        raise errors.pending_in_progress()
    if folded in vault.keys and folded not in vault.certificates:
        raise errors.name_taken(name)
    kind = f"rsa-{policy.key_size}" if policy.key_size else f"ec-{policy.curve}"
    version = new_version()
    former = vault.keys[folded].versions[-1] if policy.reuse_key and folded in vault.keys else None
    key = KeyVersion(
        version=version,
        kind=former.kind if former else kind,
        key_type=policy.key_type,
        key_ops=policies.key_operations(policy),
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
        enabled=_enabled(body) is not False,
    )
    vault.pending[folded] = operation
    if policy.issuer.lower() == "self":
        _finish(vault, state, operation, _self_signed(policy, private, now), now)
    return operation


def pending(vault: Vault, name: str, request_id: str = "") -> PendingOperation:
    """Return the operation under *name*; raises ``VaultError``."""
    found = vault.pending.get(name.lower())
    if found is None or found.dropped or (request_id and request_id != found.request_id):
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
    """Delete the operation: an answer to its request can never be merged again; raises ``VaultError``.

    A first version stays, without certificate and switched off: the SDKs' live tests read and delete it then.
    """
    found = pending(vault, name)
    if name.lower() in vault.certificates:
        del vault.pending[name.lower()]
    else:
        vault.pending[name.lower()] = replace(found, status=DROPPED)
    return found


def merge(vault: Vault, state: State, name: str, body: dict[str, Any], now: int) -> PendingOperation:
    """Merge the CA's answer (``x5c``: leaf first) into the waiting request; raises ``VaultError``."""
    found = pending(vault, name)  # existence before content
    if not found.waits:
        raise errors.pending_missing(name)
    if found.integrated:
        raise errors.merge_forbidden(found.issuer)
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
    enabled = _enabled(body)
    if enabled is not None:
        found.enabled = enabled
    _finish(vault, state, found, certificates[0], now)
    return found


def delete(vault: Vault, name: str, now: int) -> DeletedCertificate:
    """Delete a certificate with all versions, its key and its request; raises ``VaultError``."""
    folded, waiting = name.lower(), vault.unmerged(name)
    # what was never merged has no version yet
    holder = (
        vault.certificate(name)
        if waiting is None
        else VaultCertificate(waiting.name, CertificatePolicy(**waiting.policy), [])
    )
    key = vault.keys.pop(folded, None) or VaultKey(holder.name, [])
    vault.certificates.pop(folded, None)
    operation = vault.pending.pop(folded, None)
    deleted = DeletedCertificate(
        asdict(holder),
        asdict(key),
        now,
        now + vault.retention_days * 24 * 3600,
        asdict(operation) if operation is not None else None,
    )
    vault.deleted[folded] = deleted
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
    holder, key = certificate_from_json(found.certificate), key_from_json(found.key)
    if holder.versions:
        vault.certificates[folded], vault.keys[folded] = holder, key
    if found.operation is not None:
        vault.pending[folded] = PendingOperation(**found.operation)
    del vault.deleted[folded]


def purge(vault: Vault, name: str) -> None:
    """Delete for good; raises ``VaultError``."""
    deleted(vault, name)
    vault.allow_purge()
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


def update_bare(operation: PendingOperation, body: dict[str, Any]) -> None:
    """Change a version that has no certificate yet; raises ``VaultError``."""
    enabled = _enabled(body)
    if enabled is not None:
        operation.enabled = enabled
    if isinstance(body.get("tags"), dict):
        operation.tags = _tags(body)


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
    if folded in vault.deleted_keys:
        raise errors.deleted_but_recoverable(name, "Key")
    if waiting is not None and waiting.waits:
        raise errors.pending_in_progress()
    if folded in vault.keys and folded not in vault.certificates:
        raise errors.name_taken(name)
    private, leaf = _identity(body)
    policy = policies.of_certificate(leaf, private, body, now)
    hardware = policy.key_type.endswith("-HSM")
    if hardware and vault.sku != "premium":
        raise errors.hardware_refused()
    if hardware and policy.exportable:
        raise errors.bad_parameter("Exportable keys are not supported for HSM-protected keys.")
    tags, version = _tags(body), new_version()
    key = KeyVersion(
        version=version,
        kind=f"rsa-{policy.key_size}" if policy.key_size else f"ec-{policy.curve}",
        key_type=policy.key_type,
        key_ops=[
            *("sign", "verify"),
            *(("wrapKey", "unwrapKey", "encrypt", "decrypt") if policy.key_size else ()),
        ],
        attributes=Attributes(created=now, updated=now),
        state_name=f"vault-{vault.name}-{name}-{version}",
        exportable=policy.exportable,
        managed=True,
    )
    state.put_key(key.state_name, private)
    if waiting is not None and waiting.dropped:
        del vault.pending[folded]
    made = vault.add_certificate(state, name, key, policy, leaf, now)
    made.tags = tags
    if _enabled(body) is False:
        made.attributes.enabled = vault.keys[folded].versions[-1].attributes.enabled = False
    return name, version


def change_policy(vault: Vault, name: str, shown: dict[str, Any], body: dict[str, Any], now: int) -> None:
    """Change the policy, *shown* as its document, by which the next version is made."""
    waiting = vault.unmerged(name)
    if waiting is not None:
        present = CertificatePolicy(**waiting.policy)
        waiting.policy = asdict(policies.changed(present, shown, body, now))
    else:
        holder = vault.certificate(name)
        holder.policy = policies.changed(holder.policy, shown, body, now)


def _finish(
    vault: Vault, state: State, operation: PendingOperation, leaf: x509.Certificate, now: int
) -> None:
    key = _key_version(operation.key)
    version = vault.add_certificate(
        state, operation.name, key, CertificatePolicy(**operation.policy), leaf, now
    )
    version.tags = dict(operation.tags)
    if not operation.enabled:
        version.attributes.enabled = key.attributes.enabled = False
    operation.status = COMPLETED
    operation.target = f"https://{vault.host}/certificates/{operation.name}"


def _key_version(members: dict[str, Any]) -> KeyVersion:
    return KeyVersion(**{**members, "attributes": Attributes(**members["attributes"])})


def _tags(body: dict[str, Any]) -> dict[str, str]:
    tags = body.get("tags") or {}
    if not isinstance(tags, dict) or len(tags) > _MOST_TAGS:
        raise errors.property_invalid()
    return {str(name): str(value) for name, value in tags.items()}


def _enabled(body: dict[str, Any]) -> bool | None:
    attributes = body.get("attributes")
    enabled = attributes.get("enabled") if isinstance(attributes, dict) else None
    return enabled if isinstance(enabled, bool) else None


def _request(policy: CertificatePolicy, key: PrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(policies.subject(policy))
    for extension, critical in policies.extensions(policy):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _self_signed(policy: CertificatePolicy, key: PrivateKey, now: int) -> x509.Certificate:
    from datetime import UTC, datetime, timedelta

    start = datetime.fromtimestamp(now, UTC)
    subject = policies.subject(policy)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(minutes=10))
        .not_valid_after(start + timedelta(days=round(policy.validity_months * 30.4)))
    )
    for extension, critical in policies.extensions(policy):
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
        # PEM comes as it is from some clients, and once more in base64 from the SDKs
        data = value.encode() if "-----BEGIN" in value else base64.b64decode(value)
        if b"-----BEGIN" in data:
            leaf = x509.load_pem_x509_certificates(data)[0]
            key: Any = load_pem_private_key(data, secret)
        else:
            key, found, _ = pkcs12.load_key_and_certificates(data, secret)
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
