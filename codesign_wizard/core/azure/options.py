"""The options of the server's form, and every rule about them that needs no network.

Rules: vault names, learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates (3 to 24
letters, digits, hyphens; begins with a letter; no double hyphen, none at the end); object names 1 to 127 of
``0-9a-zA-Z-``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from codesign_wizard.core.azure.identifiers import (
    cloud_of_host,
    guid_of,
    is_domain,
    is_guid,
    parse_identifier,
    strip_slips,
)
from codesign_wizard.core.clouds import CLOUDS, PUBLIC, Cloud
from codesign_wizard.core.finding import Certainty, Evidence, Finding, FindingKind, Severity, blocks
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

SECRET_FIELD = "application_secret"
FIELDS = ("vault_name", "certificate_name", "application_id", SECRET_FIELD, "tenant_id")

MISSING = FindingKind(
    "azure.options.missing", Severity.ERROR, "The {field} is missing.", "One of the five options is empty."
)
PLACEHOLDER = FindingKind(
    "azure.options.placeholder",
    Severity.ERROR,
    "The {field} is still a placeholder.",
    "Text such as <vault name>, or a secret masked with asterisks, was copied from a guide or a log.",
)
VAULT_NAME = FindingKind(
    "azure.options.vault-name",
    Severity.ERROR,
    "{name} cannot be the name of a vault: {why}.",
    "The vault's name breaks Azure's rules, so no such vault can exist.",
)
VAULT_SUFFIX = FindingKind(
    "azure.options.vault-suffix",
    Severity.ERROR,
    "{host} is not the address of a vault.",
    "The host name does not end as any Azure cloud's vaults do.",
)
MANAGED_HSM = FindingKind(
    "azure.options.managed-hsm",
    Severity.ERROR,
    "{host} is a Managed HSM, not a Key Vault.",
    "A Managed HSM holds keys but no certificates, and the server's form wants a certificate in a vault.",
)
CERTIFICATE_NAME = FindingKind(
    "azure.options.certificate-name",
    Severity.ERROR,
    "{name} cannot be the name of a certificate in a vault.",
    "Names of certificates are 1 to 127 letters of a to z, digits and hyphens.",
)
CERTIFICATE_IDENTIFIER = FindingKind(
    "azure.options.certificate-identifier",
    Severity.ERROR,
    "This is the identifier of a {kind}, not of a certificate.",
    "A key or secret identifier was given in place of the certificate's name.",
)
APPLICATION_ID = FindingKind(
    "azure.options.application-id",
    Severity.ERROR,
    "{value} is not an Application ID.",
    "Application IDs are GUIDs: 32 hexadecimal digits with hyphens.",
)
TENANT_ID = FindingKind(
    "azure.options.tenant-id",
    Severity.ERROR,
    "{value} is neither a Tenant ID nor a domain of a tenant.",
    "The tenant is named by its GUID, or by one of its verified domains.",
)
ZERO_ID = FindingKind(
    "azure.options.zero-id",
    Severity.ERROR,
    "The {field} is all zeros.",
    "The all-zero GUID stands in examples and is nobody's.",
)
SAME_IDS = FindingKind(
    "azure.options.same-ids",
    Severity.ERROR,
    "Application ID and Tenant ID are the same.",
    "One of the two was pasted into both fields.",
)
SECRET_LOOKS_LIKE_ID = FindingKind(
    "azure.options.secret-looks-like-id",
    Severity.WARNING,
    "This looks like the Secret ID, not the secret's Value.",
    "The application secret has the form of a GUID, as the portal's column Secret ID has.",
)
SECRET_SHAPE = FindingKind(
    "azure.options.secret-shape",
    Severity.WARNING,
    "The application secret has blanks or line ends in it.",
    "Secrets that Entra ID makes have none; something else was copied along.",
)


@dataclass(frozen=True, slots=True)
class AzureOptions:
    """The options as the person gave them, tidied; they may still be wrong.

    A vault name that is a whole host name is split: its suffix decides the cloud.
    """

    vault_name: str
    certificate_name: str
    application_id: str
    tenant_id: str
    cloud: Cloud = PUBLIC

    def __post_init__(self) -> None:
        cloud = cloud_of_host(self.vault_name)
        if cloud is not None:
            object.__setattr__(self, "vault_name", self.vault_name.partition(".")[0])
            object.__setattr__(self, "cloud", cloud)

    @property
    def vault_host(self) -> str:
        """The vault's host name, written as the vault writes it in the ids of its keys."""
        return f"{self.vault_name.lower()}.{self.cloud.vault_suffix}"

    @property
    def vault_url(self) -> str:
        """The vault's address, without a slash at the end."""
        return f"https://{self.vault_host}"


def tidy(field: str, text: str) -> str:
    """Return *text* with small slips put right: blanks, quotes, braces, whole addresses reduced to names.

    What cannot be put right is returned as it stands, for ``check_field`` to name. A vault outside the public
    cloud keeps its host name, because that is what tells the cloud.
    """
    if field == SECRET_FIELD:
        return strip_slips(text)
    text = strip_slips(text)
    if field in ("application_id", "tenant_id"):
        return guid_of(text) or (text.lower().rstrip(".") if is_domain(text) else text)
    found = parse_identifier(text)
    if field == "vault_name" and found is not None:
        return found.vault_name if found.cloud is PUBLIC else f"{found.vault_name}.{found.cloud.vault_suffix}"
    if field == "certificate_name" and found is not None and found.kind == "certificates" and found.name:
        return found.name
    if field == "vault_name":
        bare = re.sub(r"^https?://", "", text, flags=re.I).partition("/")[0].partition(":")[0]
        return bare.lower() if "." in bare else text
    return text


def check_field(field: str, text: str) -> list[Finding]:
    """Return what is wrong with one value on its own; nothing for a good or an empty one.

    *field* is one of ``FIELDS``; raises ``KeyError`` for others.
    """
    check = _CHECKS[field]
    if field == SECRET_FIELD:
        Secret(text)  # known from here on to everything that redacts
    text = tidy(field, text)
    if not text:
        return []
    if _is_placeholder(field, text):
        return [
            PLACEHOLDER(
                field=field_name(field),
                detail=tr("Put your own value in its place."),
                evidence=_of(field),
            )
        ]
    return check(text)


def check_options(options: AzureOptions, secret: Secret | None) -> list[Finding]:
    """Return everything that can be said of the options without a network."""
    values = {
        "vault_name": options.vault_name,
        "certificate_name": options.certificate_name,
        "application_id": options.application_id,
        SECRET_FIELD: secret.reveal() if secret is not None else "",
        "tenant_id": options.tenant_id,
    }
    findings: list[Finding] = []
    for field in FIELDS:
        if values[field].strip():
            findings += check_field(field, values[field])
        else:
            findings.append(MISSING(field=field_name(field), evidence=_of(field)))
    application, tenant = guid_of(options.application_id), guid_of(options.tenant_id)
    if application and application == tenant:
        findings.append(
            SAME_IDS(
                detail=tr("The portal shows both on the application's Overview page, below each other."),
                evidence=_of("tenant_id"),
            )
        )
    return findings


def impossible(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return which of the fields hold what cannot be right: the keys of *values*, which are of ``FIELDS``."""
    return tuple(field for field, text in values.items() if blocks(check_field(field, text)))


def field_name(field: str) -> str:
    """Return the words for *field*, as the form has them."""
    return {
        "vault_name": tr("vault name"),
        "certificate_name": tr("certificate name"),
        "application_id": tr("Application ID"),
        SECRET_FIELD: tr("application secret"),
        "tenant_id": tr("Tenant ID"),
    }[field]


def _check_vault(text: str) -> list[Finding]:
    lower = text.lower()
    for cloud in CLOUDS:
        if lower == cloud.managed_hsm_suffix or lower.endswith("." + cloud.managed_hsm_suffix):
            return [
                MANAGED_HSM(
                    host=text,
                    detail=tr("It holds keys but no certificates. Use a Key Vault of the Premium tier."),
                    evidence=_of("vault_name"),
                )
            ]
    cloud_found = cloud_of_host(lower)
    name = lower.partition(".")[0] if cloud_found is not None else text
    if cloud_found is None and ("." in text or "/" in text):
        return [_suffix_finding(text)]
    why = _vault_name_fault(name)
    return [VAULT_NAME(name=name, why=why, evidence=_of("vault_name"))] if why else []


def _suffix_finding(host: str) -> Finding:
    suffix = host.lower().partition(".")[2]
    near = difflib.get_close_matches(suffix[:100], [cloud.vault_suffix for cloud in CLOUDS], n=1, cutoff=0.6)
    if near:
        detail = tr("Vaults end in {suffix}: is {wanted} meant?").format(
            suffix=near[0], wanted=f"{host.partition('.')[0]}.{near[0]}"
        )
    else:
        detail = tr("Give the vault's name alone, or its address, which ends in {suffix}.").format(
            suffix=PUBLIC.vault_suffix
        )
    return VAULT_SUFFIX(host=host, detail=detail, evidence=_of("vault_name"))


def _vault_name_fault(name: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z-]*", name):
        return tr("only letters of a to z, digits and hyphens are allowed")
    if not 3 <= len(name) <= 24:
        return tr("it must have 3 to 24 characters")
    if not name[0].isalpha():
        return tr("it must begin with a letter")
    if "--" in name:
        return tr("two hyphens may not follow each other")
    if name.endswith("-"):
        return tr("it may not end with a hyphen")
    return ""


def _check_certificate(text: str) -> list[Finding]:
    found = parse_identifier(text)
    if found is not None:
        kind = {"keys": tr("key"), "secrets": tr("secret")}.get(found.kind, tr("vault"))
        detail = tr("Give the certificate's name.")
        if found.kind in ("keys", "secrets") and found.name:
            detail = tr("A certificate's key and secret bear its name: this one's may be {name}.").format(
                name=found.name
            )
        return [CERTIFICATE_IDENTIFIER(kind=kind, detail=detail, evidence=_of("certificate_name"))]
    if re.fullmatch(r"[0-9a-zA-Z-]{1,127}", text):
        return []
    detail = tr("Names are 1 to 127 letters of a to z, digits and hyphens; no blanks, dots or underscores.")
    return [CERTIFICATE_NAME(name=text[:140], detail=detail, evidence=_of("certificate_name"))]


def _check_application(text: str) -> list[Finding]:
    if is_guid(text):
        return _zero("application_id", text)
    detail = tr("It is the Application (client) ID on the app registration's Overview page.")
    if is_domain(text):
        detail = tr("This looks like a domain, which can stand for the tenant only.") + " " + detail
    return [APPLICATION_ID(value=text[:80], detail=detail, evidence=_of("application_id"))]


def _check_tenant(text: str) -> list[Finding]:
    if is_guid(text):
        return _zero("tenant_id", text)
    if is_domain(text):
        return []
    detail = tr("It is the Directory (tenant) ID on the app registration's Overview page.")
    if text.lower() in ("common", "organizations", "consumers"):
        detail = tr("An application signs in to one tenant; this word stands for all of them.") + " " + detail
    return [TENANT_ID(value=text[:80], detail=detail, evidence=_of("tenant_id"))]


def _check_secret(text: str) -> list[Finding]:
    if is_guid(text):
        return [
            SECRET_LOOKS_LIKE_ID(
                detail=tr(
                    "The portal shows both side by side; the Value is shown only when the secret is made."
                ),
                certainty=Certainty.LIKELY,
                evidence=_of(SECRET_FIELD),
            )
        ]
    if re.search(r"\s", text):
        return [SECRET_SHAPE(certainty=Certainty.LIKELY, evidence=_of(SECRET_FIELD))]
    return []


def _zero(field: str, text: str) -> list[Finding]:
    if text.strip("0-"):
        return []
    return [ZERO_ID(field=field_name(field), evidence=_of(field))]


def _is_placeholder(field: str, text: str) -> bool:
    if field == SECRET_FIELD:
        # a real Value may hold any of these signs, but not consist of them
        return bool(re.fullmatch(r"[*•.…xX]{3,}|<[^<>]*>|\[[^\[\]]*\]|\$\{?\w+\}?", text))
    return bool(re.search(r"\*{2,}|[<>•]|^\$\{?\w+\}?$|^\{\{.*\}\}$", text)) or bool(
        re.match(r"(?i)(your|my)[-_ ](key[-_ ]?)?(vault|tenant|app|application|client|certificate)\b", text)
    )


def _of(field: str) -> Evidence:
    return Evidence(more={"field": field})


_CHECKS = {
    "vault_name": _check_vault,
    "certificate_name": _check_certificate,
    "application_id": _check_application,
    "tenant_id": _check_tenant,
    SECRET_FIELD: _check_secret,
}
