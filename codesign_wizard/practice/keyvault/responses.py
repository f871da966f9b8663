"""Key Vault's JSON documents (REST reference, keys and certificates)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from codesign_wizard.practice.entra.tokens import base64url
from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import rotation
from codesign_wizard.practice.keyvault.crypto import CURVE_NAMES, CURVE_SIZES
from codesign_wizard.practice.keyvault.errors import VaultError
from codesign_wizard.practice.keyvault.models import Vault
from codesign_wizard.practice.keyvault.objects import (
    HSM_PLATFORM,
    Attributes,
    CertificatePolicy,
    CertificateVersion,
    KeyVersion,
    VaultCertificate,
    VaultKey,
    certificate_from_json,
    key_from_json,
)
from codesign_wizard.practice.keyvault.pending import DeletedCertificate, DeletedKey, PendingOperation
from codesign_wizard.practice.state import State, private_key_pem


def error(refusal: VaultError) -> dict[str, Any]:
    """Return a refusal's body."""
    inner = {"innererror": {"code": refusal.inner}} if refusal.inner else {}
    return {"error": {"code": refusal.code, "message": refusal.message, **inner}}


def certificate_bundle(
    vault: Vault, certificate: VaultCertificate, version: CertificateVersion, state: State, *, latest: bool
) -> dict[str, Any]:
    """Return a certificate; only the latest, asked for without a version, comes with its policy."""
    base, name = f"https://{vault.host}", certificate.name
    der = _der(version.certificate(state))
    document: dict[str, Any] = {
        "id": f"{base}/certificates/{name}/{version.version}",
        "kid": f"{base}/keys/{name}/{version.version}",
        "sid": f"{base}/secrets/{name}/{version.version}",
        "x5t": _thumbprint(der),
        "cer": base64.b64encode(der).decode(),
        "attributes": _attributes(version.attributes) | vault.recovery,
    }
    if version.tags:
        document["tags"] = version.tags
    waiting = vault.pending.get(name.lower())
    if waiting is not None:
        document["pending"] = {"id": f"{base}/certificates/{name}/pending"}
    if latest:
        document["policy"] = certificate_policy(vault, certificate)
    return document


def certificate_secret(
    vault: Vault, certificate: VaultCertificate, version: CertificateVersion, state: State, *, item: bool
) -> dict[str, Any]:
    """Return the secret that a certificate is read as, PFX in base64 or PEM, with the key if exportable.

    learn.microsoft.com/azure/key-vault/certificates/about-certificates, "Composition of a certificate". An
    *item* of a list has no value and no version.
    """
    base, name = f"https://{vault.host}", certificate.name
    document: dict[str, Any] = {
        "id": f"{base}/secrets/{name}" + ("" if item else f"/{version.version}"),
        "attributes": _attributes(version.attributes) | vault.recovery,
        "contentType": certificate.policy.content_type,
        "managed": True,
    }
    if item:
        return document
    found = version.certificate(state)
    key = None
    if certificate.policy.exportable:
        _, held = vault.key_version(name, version.version)
        key = held.private_key(state)
    if certificate.policy.content_type == "application/x-pem-file":
        own = private_key_pem(key) if key is not None else b""
        document["value"] = (own + found.public_bytes(serialization.Encoding.PEM)).decode("ascii")
    else:
        value = pkcs12.serialize_key_and_certificates(None, key, found, None, serialization.NoEncryption())
        document["value"] = base64.b64encode(value).decode()
    document["kid"] = f"{base}/keys/{name}/{version.version}"
    return document


def pending_operation(vault: Vault, operation: PendingOperation) -> dict[str, Any]:
    """Return a signing request as ``/pending`` gives it."""
    document: dict[str, Any] = {
        "id": f"https://{vault.host}/certificates/{operation.name}/pending",
        "issuer": {"name": operation.issuer},
        "csr": operation.csr,
        "cancellation_requested": operation.cancellation_requested,
        "status": operation.status,
    }
    if operation.details:
        document["status_details"] = operation.details
    if operation.target:
        document["target"] = operation.target
    return {**document, "request_id": operation.request_id}


def pending_bundle(vault: Vault, operation: PendingOperation) -> dict[str, Any]:
    """Return a version that waits for its certificate: disabled, without ``cer``.

    No captured answer was found; the SDKs' samples show only that there is one, also after its operation was
    deleted.
    """
    base, name, version = f"https://{vault.host}", operation.name, operation.key["version"]
    holder = VaultCertificate(name, CertificatePolicy(**operation.policy), [])
    pending = {} if operation.dropped else {"pending": {"id": f"{base}/certificates/{name}/pending"}}
    return {
        "id": f"{base}/certificates/{name}/{version}",
        "attributes": _pending_attributes(operation) | vault.recovery,
        "policy": certificate_policy(vault, holder),
        **pending,
        **({"tags": operation.tags} if operation.tags else {}),
    }


def pending_item(vault: Vault, operation: PendingOperation, *, whole: bool) -> dict[str, Any]:
    """Return the list entry of a version that waits for its certificate."""
    place = operation.name if whole else f"{operation.name}/{operation.key['version']}"
    return {
        "id": f"https://{vault.host}/certificates/{place}",
        "attributes": _pending_attributes(operation),
        **({"tags": operation.tags} if operation.tags else {}),
        "subject": "",
    }


def deleted_certificate(
    vault: Vault, gone: DeletedCertificate, state: State, *, item: bool = False
) -> dict[str, Any]:
    """Return a deleted certificate, or its list entry (*item*)."""
    holder = certificate_from_json(gone.certificate)
    if not holder.versions:
        assert gone.operation is not None, "without one there is nothing that could be deleted"
        operation = PendingOperation(**gone.operation)
        document = pending_item(vault, operation, whole=True) if item else pending_bundle(vault, operation)
    elif item:
        document = certificate_item(vault, holder, holder.versions[-1], state, whole=True)
    else:
        document = certificate_bundle(vault, holder, holder.versions[-1], state, latest=True)
    return {
        "recoveryId": f"https://{vault.host}/deletedcertificates/{holder.name}",
        "deletedDate": gone.deleted,
        "scheduledPurgeDate": gone.purge_at,
        **document,
    }


def certificate_policy(vault: Vault, certificate: VaultCertificate) -> dict[str, Any]:
    """Return a certificate's policy."""
    policy = certificate.policy
    key: dict[str, Any] = {"exportable": policy.exportable, "kty": policy.key_type}
    if policy.key_size:
        key["key_size"] = policy.key_size
    key["reuse_key"] = policy.reuse_key
    if policy.curve:
        key["key_size"] = CURVE_SIZES[policy.curve]
        key["crv"] = policy.curve
    actions = policy.lifetime_actions or [
        {"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}
    ]
    return {
        "id": f"https://{vault.host}/certificates/{certificate.name}/policy",
        "key_props": key,
        "secret_props": {"contentType": policy.content_type},
        "x509_props": {
            "subject": policy.subject,
            "sans": policy.sans,
            "ekus": policy.ekus,
            "key_usage": policy.key_usage,
            "validity_months": policy.validity_months,
            "basic_constraints": {"ca": False},
        },
        "lifetime_actions": actions,
        "issuer": {"name": policy.issuer},
        "attributes": {"enabled": True, "created": policy.created, "updated": policy.updated},
    }


def certificate_item(
    vault: Vault, certificate: VaultCertificate, version: CertificateVersion, state: State, *, whole: bool
) -> dict[str, Any]:
    """Return a list entry: the certificate (*whole*), or one of its versions."""
    place = certificate.name if whole else f"{certificate.name}/{version.version}"
    return {
        "id": f"https://{vault.host}/certificates/{place}",
        "x5t": _thumbprint(_der(version.certificate(state))),
        "attributes": _attributes(version.attributes),
        **({"tags": version.tags} if version.tags else {}),
        "subject": "",
    }


def key_bundle(vault: Vault, key: VaultKey, version: KeyVersion, state: State) -> dict[str, Any]:
    """Return a key: its public part as a JSON Web Key, and its attributes."""
    kid = f"https://{vault.host}/keys/{key.name}/{version.version}"
    jwk = {"kid": kid, "kty": version.key_type, "key_ops": version.key_ops}
    return {
        "key": jwk | _public_numbers(version.private_key(state)),
        "attributes": _key_attributes(vault, version),
        **({"tags": version.tags} if version.tags else {}),
        **({"managed": True} if version.managed else {}),
    }


def key_item(vault: Vault, key: VaultKey, version: KeyVersion, *, whole: bool) -> dict[str, Any]:
    """Return a list entry: the key (*whole*), or one of its versions."""
    place = key.name if whole else f"{key.name}/{version.version}"
    return {
        "kid": f"https://{vault.host}/keys/{place}",
        "attributes": _key_attributes(vault, version),
        **({"tags": version.tags} if version.tags else {}),
        **({"managed": True} if version.managed else {}),
    }


def deleted_key(vault: Vault, gone: DeletedKey, state: State, *, item: bool = False) -> dict[str, Any]:
    """Return a deleted key, or its list entry (*item*)."""
    key = key_from_json(gone.key)
    newest = key.versions[-1]
    return {
        "recoveryId": f"https://{vault.host}/deletedkeys/{key.name}",
        "deletedDate": gone.deleted,
        "scheduledPurgeDate": gone.purge_at,
        **(key_item(vault, key, newest, whole=True) if item else key_bundle(vault, key, newest, state)),
    }


def rotation_policy(vault: Vault, key: VaultKey) -> dict[str, Any]:
    """Return the rotation policy of a key: the one that was set, or the service's own."""
    times = key.versions[-1].attributes
    policy = key.rotation or rotation.default(times.created, times.updated)
    return {"id": f"https://{vault.host}/keys/{key.name}/rotationpolicy", **policy}


def _pending_attributes(operation: PendingOperation) -> dict[str, Any]:
    times = operation.key["attributes"]
    return {"enabled": False, "created": times["created"], "updated": times["updated"]}


def _key_attributes(vault: Vault, version: KeyVersion) -> dict[str, Any]:
    platform = HSM_PLATFORM if version.key_type.endswith("-HSM") else "0"
    own = {"exportable": version.exportable, "hsmPlatform": platform}
    return _attributes(version.attributes) | vault.recovery | own


def _attributes(attributes: Attributes) -> dict[str, Any]:
    times = {"nbf": attributes.not_before, "exp": attributes.expires}
    return {
        "enabled": attributes.enabled,
        **{name: value for name, value in times.items() if value is not None},
        "created": attributes.created,
        "updated": attributes.updated,
    }


def _public_numbers(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"n": _number(numbers.n), "e": _number(numbers.e)}
    size = (key.curve.key_size + 7) // 8
    point = key.public_key().public_numbers()
    return {
        "crv": CURVE_NAMES[key.curve.name],
        "x": base64url(point.x.to_bytes(size, "big")),
        "y": base64url(point.y.to_bytes(size, "big")),
    }


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _thumbprint(der: bytes) -> str:
    return base64url(hashlib.sha1(der, usedforsecurity=False).digest())
