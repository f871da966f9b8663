"""What people really have on the clipboard: JSON of ``az``, addresses, environment lines, portal links."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from codesign_wizard.core.azure.options import is_guid, labels, parse_vault_address, tidy
from codesign_wizard.core.clouds import CHINA, PUBLIC, US_GOVERNMENT
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

_MAXIMUM = 1 << 20
_MAXIMUM_OBJECTS = 50

# names by which the values go in JSON, environment lines and tables; lower case, without - and _
_NAMES = {
    "application_id": (
        "appid",
        "clientid",
        "azureclientid",
        "armclientid",
        "applicationid",
        "applicationclientid",
    ),
    "secret": (
        "password",
        "clientsecret",
        "azureclientsecret",
        "armclientsecret",
        "secret",
        "secrettext",
        "applicationsecret",
        "value",
    ),
    "tenant_id": (
        "tenant",
        "tenantid",
        "azuretenantid",
        "armtenantid",
        "directorytenantid",
        "appownerorganizationid",
    ),
    "vault_name": (
        "vaultname",
        "vault",
        "vaulturi",
        "vaulturl",
        "keyvault",
        "keyvaultname",
        "codesignwizardvault",
    ),
    "certificate_name": ("certificatename", "certificate", "certname", "codesignwizardcertificate"),
}
_FIELD_OF = {name: field_name for field_name, names in _NAMES.items() for name in names}
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+|set[ \t]+|\$env:|\$)?([A-Za-z][A-Za-z0-9_.() -]{1,40}?)"
    r"[ \t]*[:=][ \t]*(\S[^\r\n]{0,400})$",
    re.M,
)
_ADDRESS = re.compile(
    r"(?:https://)?[0-9A-Za-z-]{3,24}\.vault\.(?:azure\.net|usgovcloudapi\.net|azure\.cn)(?:/[0-9A-Za-z/-]{0,300})?",
    re.I,
)
_RESOURCE = re.compile(
    r"/providers/Microsoft\.KeyVault/vaults/([0-9A-Za-z-]{3,24})(?:/(\w+)/([0-9A-Za-z-]{1,127}))?", re.I
)
_PORTALS = {"portal.azure.com": PUBLIC, "portal.azure.us": US_GOVERNMENT, "portal.azure.cn": CHINA}
_PORTAL = re.compile(r"https://(portal\.azure\.(?:com|us|cn))/(?:\?[^#\s]*)?#@([0-9A-Za-z.-]{1,253})/", re.I)


@dataclass(frozen=True)
class Recognised:
    """The fields found in a text; ``what`` says in one sentence what it was, without the secret."""

    values: dict[str, str] = field(default_factory=dict)
    secret: Secret | None = None
    what: str = ""


def recognise(text: str) -> Recognised | None:
    """Return the options in *text*, or ``None``. Never raises; at most 1 MiB is read."""
    text = text[:_MAXIMUM].strip()
    if not text:
        return None
    values: dict[str, str] = {}
    secret: list[str] = []
    for document in _documents(text):
        _take(document, values, secret)
    if not values:
        _take({match[1]: match[2] for match in _LINE.finditer(text)}, values, secret)
    _addresses(text, values)
    if not values and not secret:
        return _lone(text)
    given = [labels()[name] for name in labels() if name in values]
    if secret:
        given.append(labels()["application_secret"])
    what = tr("Recognised: {fields}.").format(fields=", ".join(given))
    return Recognised(values, Secret(secret[0]) if secret else None, what)


def _lone(text: str) -> Recognised | None:
    if is_guid(tidy("application_id", text)):
        return Recognised(
            {}, None, tr("This is an ID, but it does not say which: paste it into the field it belongs to.")
        )
    if re.fullmatch(r"[A-Za-z][0-9A-Za-z]*(?:-[0-9A-Za-z]+)*", text) and 3 <= len(text) <= 24:
        return Recognised({"vault_name": text}, None, tr("Taken as the vault's name."))
    return None


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in *text*, wherever they begin."""
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(_MAXIMUM_OBJECTS):
        position = text.find("{", position)
        if position < 0:
            return
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
            continue
        if isinstance(document, dict):
            yield document


def _take(document: Mapping[str, Any], values: dict[str, str], secret: list[str]) -> None:
    for key, value in document.items():
        if not isinstance(value, str) or not value.strip():
            continue
        name = _FIELD_OF.get(re.sub(r"[^a-z]", "", key.lower().removeprefix("env:")))
        plain = value.strip().strip("\"';,").strip()
        if name is None or not plain:
            continue
        if name == "secret":
            # a lone "value" is the secret only beside an application
            if not secret and (key.lower() != "value" or "application_id" in values):
                secret.append(plain)
        elif name in ("application_id", "tenant_id"):
            tidied = tidy(name, plain)
            if is_guid(tidied) or (name == "tenant_id" and "." in tidied and " " not in tidied):
                values.setdefault(name, tidied)
        elif name == "vault_name" and re.fullmatch(r"[0-9A-Za-z-]{3,24}", tidy(name, plain)):
            values.setdefault(name, tidy(name, plain))
            address = parse_vault_address(plain) if "." in plain else None
            if address is not None:
                values.setdefault("cloud", address.cloud.key)
        elif name == "certificate_name" and re.fullmatch(r"[0-9A-Za-z-]{1,127}", plain):
            values.setdefault(name, plain)


def _addresses(text: str, values: dict[str, str]) -> None:
    found = _ADDRESS.search(text)
    if found is not None:
        address = parse_vault_address(found[0].rstrip("/"))
        if address is not None:
            values.setdefault("vault_name", address.vault_name)
            values.setdefault("cloud", address.cloud.key)
            if address.name:
                values.setdefault("certificate_name", address.name)
    portal = _PORTAL.search(text)
    if portal is not None:
        values.setdefault("cloud", _PORTALS[portal[1].lower()].key)
        values.setdefault("tenant_id", portal[2].lower())
    resource = _RESOURCE.search(unquote(text) if "%2F" in text[:4096] else text)
    if resource is not None:
        values.setdefault("vault_name", resource[1])
        if resource[3] and (resource[2] or "").lower() in ("certificates", "keys", "secrets"):
            values.setdefault("certificate_name", resource[3])
