"""What people really have on the clipboard: JSON of ``az``, addresses, environment lines, portal pages.

Every pattern has bounded repetition and the text is cut, so that nothing pasted can take long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from codesign_wizard.core.azure.identifiers import (
    cloud_of_host,
    guid_of,
    is_domain,
    parse_identifier,
    strip_slips,
)
from codesign_wizard.core.azure.options import SECRET_FIELD, check_field, field_name, tidy
from codesign_wizard.core.clouds import CLOUDS, Cloud
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.text import tr

_MAXIMUM = 1 << 20
_OBJECTS = 50
_DEEPEST = 6
_LINES = 20_000

# names that values go by in JSON, environment lines and portal pages: letters and digits only, lower case
_NAMES = {
    "application_id": "appid clientid azureclientid armclientid applicationid applicationclientid",
    SECRET_FIELD: "password clientsecret azureclientsecret armclientsecret secrettext applicationsecret",
    "tenant_id": "tenant tenantid azuretenantid armtenantid directorytenantid appownerorganizationid "
    "directoryid",
    "vault_name": "vaultname vault vaulturi vaulturl keyvault keyvaultname keyvaulturl keyvaulturi "
    "azurekeyvaultname azurekeyvaulturl azurekeyvaulturi azurevaulturl azurevaultname codesignwizardvault",
    "certificate_name": "certificatename certificate certname codesignwizardcertificate azurecertificatename",
    "authority": "activedirectoryendpointurl azureauthorityhost",
}
_FIELD_OF = {name: key for key, names in _NAMES.items() for name in names.split()}
_LINE = re.compile(
    r"[ \t]{0,40}(?:(?:export|set|setx)[ \t]{1,8}|\$env:|\$|-)?[\"']?([A-Za-z][A-Za-z0-9_.() -]{1,40}?)[\"']?"
    r"[ \t]{0,40}[:=][ \t]{0,40}(\S.{0,2000})",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s\"'<>]{1,2000}", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w.@/-])[0-9a-z-]{1,63}\.(?:vault\.azure\.net|vault\.usgovcloudapi\.net|vault\.azure\.cn)"
    r"(?::443)?(?:/[^\s\"'<>]{0,300})?",
    re.IGNORECASE,
)
_RESOURCE = re.compile(
    r"/providers/Microsoft\.KeyVault/vaults/([0-9a-z-]{3,24})(?:/(certificates|keys|secrets)/([0-9a-z-]{1,127}))?",
    re.IGNORECASE,
)
_IN_PORTAL = re.compile(r"/(?:appId|applicationId|clientId)/([0-9a-f-]{36})", re.IGNORECASE)
# a Value as Entra ID makes them: 40 or so characters, with digit, Q and ~ from the fourth on
_VALUE = re.compile(r"[A-Za-z0-9_.~-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}")


@dataclass(frozen=True)
class Recognised:
    """The fields found in a text; ``what`` says in a sentence what it was, without the secret."""

    values: dict[str, str] = field(default_factory=dict)
    secret: Secret | None = None
    what: str = ""


def recognise(text: str) -> Recognised | None:
    """Return the options found in *text*, or ``None``. Never raises; at most 1 MiB is read.

    Keys of ``values`` are ``vault_name``, ``certificate_name``, ``application_id``, ``tenant_id`` and
    ``cloud``. A text that is understood and yet decides nothing, as a lone GUID, has no values.
    """
    text = text[:_MAXIMUM].strip()
    if not text:
        return None
    found = _Found()
    for document in _documents(text):
        _take_document(document, found, 0)
    if not found.values and not found.secret:
        _take_lines(text, found)
    _take_addresses(text, found)
    if not found.values and not found.secret:
        return _lone(text)
    secret = Secret(found.secret) if found.secret else None
    given = [field_name(key) for key in found.values if key != "cloud"]
    if secret is not None:
        given.append(field_name(SECRET_FIELD))
    if not given:
        return None
    return Recognised(found.values, secret, tr("Recognised: {fields}.").format(fields=", ".join(given)))


class _Found:
    """What has been found so far; the first of each counts."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.secret = ""

    def put(self, key: str, value: str) -> None:
        """Take *value* for the field *key* if it can be one."""
        if key == SECRET_FIELD:
            value = strip_slips(value)
            if not self.secret and value and len(value) <= 300 and not check_field(key, value):
                self.secret = value
            return
        if key == "authority":
            for cloud in CLOUDS:
                if cloud.authority_host in value.lower():
                    self.values.setdefault("cloud", cloud.key)
            return
        if key == "vault_name":
            identifier = parse_identifier(value)
            if identifier is not None:
                self.identifier(identifier.vault_name, identifier.cloud, identifier.name)
                return
        value = tidy(key, value)
        if value and not check_field(key, value):
            self.values.setdefault(key, value)

    def identifier(self, vault: str, cloud: Cloud, name: str = "") -> None:
        """Take a vault's address, and the name of the object in it."""
        if check_field("vault_name", vault):
            return
        known = self.values.setdefault("vault_name", vault)
        if known == vault:
            self.values.setdefault("cloud", cloud.key)
            if name and not check_field("certificate_name", name):
                self.values.setdefault("certificate_name", name)


def _documents(text: str) -> Iterator[Any]:
    """Yield the JSON objects in *text*, wherever they begin."""
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(_OBJECTS):
        position = text.find("{", position)
        if position < 0:
            return
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
            continue
        yield document


def _take_document(document: Any, found: _Found, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(document, list):
        for each in document[:_OBJECTS]:
            _take_document(each, found, depth + 1)
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        if isinstance(value, str):
            key = _FIELD_OF.get(_plain(name))
            if key is not None:
                found.put(key, value[:2000])
        else:
            _take_document(value, found, depth + 1)


def _take_lines(text: str, found: _Found) -> None:
    """Read ``NAME=value``, ``Name : value``, and a portal page's name with its value on a line below."""
    waiting: str | None = None
    for line in text.splitlines()[:_LINES]:
        plain = line.strip(" \t:").strip()
        if not plain:
            continue
        if waiting is not None:
            found.put(waiting, plain[:2000])
            waiting = None
            continue
        match = _LINE.match(line)
        key = _FIELD_OF.get(_plain(match[1])) if match else None
        if match and key is not None:
            value = match[2].strip()
            # a whole assignment may stand in quotes, as in: set "NAME=value"
            found.put(key, value.rstrip(";,").strip() if value[:1] in "\"'" else value.rstrip("\"';,"))
        elif len(plain) <= 60:
            waiting = _FIELD_OF.get(_plain(plain))


def _take_addresses(text: str, found: _Found) -> None:
    for match in list(_URL.finditer(text))[:_OBJECTS]:
        _take_url(match[0].rstrip(".,;)]"), found)
    for match in list(_HOST.finditer(text))[:_OBJECTS]:
        identifier = parse_identifier(match[0].rstrip(".,;)]/"))
        if identifier is not None:
            found.identifier(identifier.vault_name, identifier.cloud, identifier.name)
    _take_resource(text, found)


def _take_url(url: str, found: _Found) -> None:
    identifier = parse_identifier(url)
    if identifier is not None:
        found.identifier(identifier.vault_name, identifier.cloud, identifier.name)
        return
    host, _, path = url.partition("//")[2].partition("/")
    for cloud in CLOUDS:
        if host.lower() == cloud.authority_host:
            tenant = path.partition("/")[0]
            if guid_of(tenant) or is_domain(tenant):
                found.put("tenant_id", tenant)
                found.values.setdefault("cloud", cloud.key)
        if host.lower() == cloud.portal_host:
            _take_portal(unquote(unquote(path)), cloud, found)


def _take_portal(path: str, cloud: Cloud, found: _Found) -> None:
    before = len(found.values)
    directory = re.search(r"#@([0-9A-Za-z.-]{1,253})/", path)
    if directory is not None:
        found.put("tenant_id", directory[1])
    application = _IN_PORTAL.search(path)
    if application is not None:
        found.put("application_id", application[1])
    inner = path.find("https://")
    if inner >= 0:
        identifier = parse_identifier(path[inner:])
        if identifier is not None:
            found.identifier(identifier.vault_name, cloud, identifier.name)
    _take_resource(path, found)
    if len(found.values) > before:
        found.values.setdefault("cloud", cloud.key)


def _take_resource(text: str, found: _Found) -> None:
    resource = _RESOURCE.search(text)
    if resource is None:
        return
    found.put("vault_name", resource[1])
    if resource[3]:
        found.put("certificate_name", resource[3])


def _lone(text: str) -> Recognised | None:
    plain = strip_slips(text)
    if guid_of(plain):
        return Recognised(
            what=tr("This is an ID, but it does not say which: paste it into the field it belongs to.")
        )
    if _VALUE.fullmatch(plain):
        return Recognised({}, Secret(plain), tr("Taken as the application secret."))
    if cloud_of_host(plain) is None and "." not in plain and not check_field("vault_name", plain):
        return Recognised({"vault_name": plain}, None, tr("Taken as the vault name."))
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:80].lower())
