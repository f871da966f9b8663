"""Certificate policies: read from requests with their defaults, changed, and what requests made of them hold.

learn.microsoft.com/azure/key-vault/certificates/about-certificates, "Certificate policy"; REST reference,
``CertificatePolicy``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from codesign_wizard.practice.key_making import PrivateKey
from codesign_wizard.practice.keyvault import errors, x500
from codesign_wizard.practice.keyvault.crypto import CURVE_NAMES
from codesign_wizard.practice.keyvault.objects import CertificatePolicy

_KEY_SIZES = (2048, 3072, 4096)
_CURVE_OF_SIZE: dict[Any, str] = {256: "P-256", 384: "P-384", 521: "P-521"}
_CURVES = (*_CURVE_OF_SIZE.values(), "P-256K")
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
_SANS = ("dns_names", "emails", "upns")
_UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_ACTIONS = ("EmailContacts", "AutoRenew")
_TRIGGERS = {"lifetime_percentage": range(1, 100), "days_before_expiry": range(1, 3651)}


def read_policy(body: dict[str, Any], now: int) -> CertificatePolicy:
    """Return the policy in a request to create a certificate; raises ``VaultError``."""
    document = body.get("policy")
    if not isinstance(document, dict):
        raise errors.property_invalid("policy")
    return from_document(document, now)


def from_document(document: dict[str, Any], now: int) -> CertificatePolicy:
    """Return the policy that *document* describes, defaults filled in; raises ``VaultError``."""
    key, shown = _object(document, "key_props"), _object(document, "x509_props")
    issuer, secret = _object(document, "issuer"), _object(document, "secret_props")
    subject, sans = shown.get("subject") or "", _sans(shown)
    if not subject and not sans:
        raise errors.bad_parameter("Subject or Subject Alternative Names must be specified in the policy.")
    try:
        if subject:
            x500.parse(str(subject))
    except ValueError as error:
        raise errors.bad_parameter("The subject name provided is not a valid X500 name") from error
    kind = str(key.get("kty") or "RSA")
    size, curve = _key_form(kind, key)
    exportable = key.get("exportable")
    if exportable is None:
        exportable = not kind.endswith("-HSM")
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
    months = shown.get("validity_months")
    months = 12 if months is None else months
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
        sans=sans,
        lifetime_actions=_lifetime_actions(document),
    )


def changed(present: CertificatePolicy, shown: dict[str, Any], body: dict[str, Any], now: int) -> Any:
    """Return *present*, *shown* as its document, with what *body* gives in its place; raises ``VaultError``.

    Only the next version is made by it (REST reference, "Update Certificate Policy").
    """
    merged = dict(shown)
    for name, value in body.items():
        inner = merged.get(name)
        # members that come as null are left as they are: the SDK sends those that were not set
        merged[name] = (
            {**inner, **{part: each for part, each in value.items() if each is not None}}
            if isinstance(inner, dict) and isinstance(value, dict)
            else value
        )
    given = body.get("key_props")
    if isinstance(given, dict) and given.get("key_size") is None and given.get("crv") is not None:
        merged["key_props"].pop("key_size", None)
    return replace(from_document(merged, now), created=present.created)


def of_certificate(
    leaf: x509.Certificate, key: PrivateKey, body: dict[str, Any], now: int
) -> CertificatePolicy:
    """Return the policy of an imported certificate: what *leaf* tells, and what *body* asks for.

    REST reference, "Import Certificate": a policy that is not given is taken from the certificate.
    """
    document = body.get("policy")
    asked = document if isinstance(document, dict) else {}
    given, secret = _object(asked, "key_props"), _object(asked, "secret_props")
    family = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC"
    hardware = str(given.get("kty") or "").endswith("-HSM")
    exportable = given.get("exportable")
    months = (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days * 12 // 365
    return CertificatePolicy(
        subject=x500.text(leaf.subject),
        key_type=family + ("-HSM" if hardware else ""),
        key_size=key.key_size if isinstance(key, rsa.RSAPrivateKey) else None,
        curve=None if isinstance(key, rsa.RSAPrivateKey) else CURVE_NAMES.get(key.curve.name, ""),
        exportable=not hardware if exportable is None else bool(exportable),
        reuse_key=bool(given.get("reuse_key") or False),
        ekus=_ekus_of(leaf),
        key_usage=_usage_of(leaf),
        validity_months=max(months, 1),
        content_type=str(secret.get("contentType") or "application/x-pkcs12"),
        issuer="Unknown",
        created=now,
        updated=now,
        lifetime_actions=_lifetime_actions(asked),
    )


def key_operations(policy: CertificatePolicy) -> list[str]:
    """Return what a key made by *policy* may do (``key_ops``)."""
    every = [each for usage in policy.key_usage for each in _KEY_OPS[usage]]
    return list(dict.fromkeys(every))


def extensions(policy: CertificatePolicy) -> list[tuple[x509.ExtensionType, bool]]:
    """Return the extensions of a request made by *policy*, each with whether it is critical."""
    chosen = {_USAGE_MEMBERS[usage] for usage in policy.key_usage if usage in _USAGE_MEMBERS}
    every = {name: name in chosen for name in _USAGE_MEMBERS.values()}
    agreement = every["key_agreement"]
    usage = x509.KeyUsage(
        **every,
        encipher_only=agreement and "encipherOnly" in policy.key_usage,
        decipher_only=agreement and "decipherOnly" in policy.key_usage,
    )
    found: list[tuple[x509.ExtensionType, bool]] = [
        (usage, True),
        (x509.ExtendedKeyUsage([x509.ObjectIdentifier(each) for each in policy.ekus]), False),
        (x509.BasicConstraints(ca=False, path_length=None), False),
    ]
    if policy.sans:
        found.append((x509.SubjectAlternativeName(_general_names(policy.sans)), not policy.subject))
    return found


def subject(policy: CertificatePolicy) -> x509.Name:
    """Return the name that *policy* asks for, which may be empty."""
    return x500.parse(policy.subject) if policy.subject else x509.Name([])


def _key_form(kind: str, key: dict[str, Any]) -> tuple[int | None, str | None]:
    """Return size or curve of the key that ``key_props`` asks for; raises ``VaultError``."""
    size, curve = key.get("key_size"), key.get("crv")
    if kind not in ("RSA", "RSA-HSM", "EC", "EC-HSM"):
        raise errors.property_invalid("key_props.kty")
    if kind.startswith("RSA"):
        size = 2048 if size is None else size
        if size not in _KEY_SIZES:
            raise errors.property_invalid("key_props.key_size")
        return int(size), None
    curve = curve or _CURVE_OF_SIZE.get(size or 256, "")
    if curve not in _CURVES:
        raise errors.property_invalid("key_props.crv")
    return None, str(curve)


def _sans(shown: dict[str, Any]) -> dict[str, list[str]]:
    given = shown.get("sans")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise errors.property_invalid("x509_props.sans")
    found = {}
    for name in _SANS:
        values = given.get(name) or []
        if not isinstance(values, list) or not all(isinstance(each, str) and each for each in values):
            raise errors.property_invalid(f"x509_props.sans.{name}")
        if name != "upns" and not all(each.isascii() for each in values):
            raise errors.property_invalid(f"x509_props.sans.{name}")
        if values:
            found[name] = values
    return found


def _general_names(sans: dict[str, list[str]]) -> list[x509.GeneralName]:
    from codesign_wizard.practice import der

    return [
        *(x509.DNSName(each) for each in sans.get("dns_names", ())),
        *(x509.RFC822Name(each) for each in sans.get("emails", ())),
        *(x509.OtherName(_UPN, der.utf8_string(each)) for each in sans.get("upns", ())),
    ]


def _lifetime_actions(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is to happen before the end; [] for the service's default; raises ``VaultError``."""
    given = document.get("lifetime_actions") or []
    if not isinstance(given, list):
        raise errors.property_invalid("lifetime_actions")
    found = []
    for each in given:
        trigger = _object(each, "trigger") if isinstance(each, dict) else {}
        action = _object(each, "action") if isinstance(each, dict) else {}
        told = {name: value for name, value in trigger.items() if value is not None}
        if action.get("action_type") not in _ACTIONS or len(told) != 1:
            raise errors.property_invalid("lifetime_actions")
        (name, value), *_ = told.items()
        if name not in _TRIGGERS or not isinstance(value, int) or value not in _TRIGGERS[name]:
            raise errors.property_invalid("lifetime_actions")
        found.append({"trigger": {name: value}, "action": {"action_type": action["action_type"]}})
    return found


def _ekus_of(leaf: x509.Certificate) -> list[str]:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [each.dotted_string for each in usages]


def _usage_of(leaf: x509.Certificate) -> list[str]:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [name for name, member in _USAGE_MEMBERS.items() if getattr(usage, member)]


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.property_invalid(name)
    return value
