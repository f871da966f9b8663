"""Reading GUIDs, domains and Key Vault identifiers out of what people paste."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from codesign_wizard.core.clouds import Cloud, of_vault_host

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GUID_PLAIN = re.compile(r"[0-9a-f]{32}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?", re.I)
_PAIRS = ('""', "''", "``", "“”", "‘’", "„“", "«»", "{}", "()")
# what copying from web pages and documents leaves behind: no-break and zero-width blanks, byte order mark
_BLANKS = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"


@dataclass(frozen=True, slots=True)
class VaultIdentifier:
    """A vault's address, or an object's in it: ``kind`` is ``certificates``, ``keys``, ``secrets`` or ""."""

    vault_name: str
    cloud: Cloud
    kind: str = ""
    name: str = ""
    version: str = ""


def strip_slips(text: str) -> str:
    """Return *text* without blanks and quotes around it, also invisible ones."""
    for _ in range(4):
        text = text.strip(_BLANKS)
        if len(text) >= 2 and text[0] + text[-1] in _PAIRS[:7]:
            text = text[1:-1]
        else:
            break
    return text


def guid_of(text: str) -> str:
    """Return *text* as a GUID in lower case with hyphens, braces and ``urn:uuid:`` taken off; "" if none."""
    text = strip_slips(text).lower().removeprefix("urn:uuid:")
    if len(text) >= 2 and text[0] + text[-1] in ("{}", "()"):
        text = text[1:-1].strip(_BLANKS)
    if _GUID_PLAIN.fullmatch(text):
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text if _GUID.fullmatch(text) else ""


def is_guid(text: str) -> bool:
    """Tell whether *text* is a GUID in any of its notations."""
    return bool(guid_of(text))


def is_domain(text: str) -> bool:
    """Tell whether *text* has the form of a domain name with at least one dot."""
    return len(text) <= 253 and bool(_DOMAIN.fullmatch(text))


def cloud_of_host(host: str) -> Cloud | None:
    """Return the cloud whose vaults have host names such as *host*: a single label before the suffix."""
    cloud = of_vault_host(host)
    if cloud is None or host.lower().rstrip(".").removesuffix("." + cloud.vault_suffix).count("."):
        return None
    return cloud


def parse_identifier(text: str) -> VaultIdentifier | None:
    """Return what the address of a vault, or of an object in one, says; ``None`` for anything else.

    Takes host names, with or without scheme, port and path:
    ``https://{vault}.vault.azure.net/certificates/{name}/{version}``.
    """
    text = strip_slips(text)
    if len(text) > 2000:
        return None
    bare = re.sub(r"^https?://", "", text, count=1, flags=re.I)
    host, _, path = bare.partition("/")
    host = re.sub(r":\d{1,5}$", "", host).rstrip(".").lower()
    cloud = cloud_of_host(host)
    if cloud is None:
        return None
    name = host.partition(".")[0]
    parts = [unquote(part) for part in path.partition("?")[0].partition("#")[0].split("/") if part]
    if not parts or parts[0].lower() not in ("certificates", "keys", "secrets"):
        return VaultIdentifier(name, cloud)
    parts += ["", ""]
    return VaultIdentifier(name, cloud, parts[0].lower(), parts[1], parts[2])
