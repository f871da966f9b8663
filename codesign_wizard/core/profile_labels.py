"""What a profile's members are called where a person fills them in: the page, and the field's label on it."""

from __future__ import annotations

import json
from typing import Any

from codesign_wizard.core.text import mark, tr, translate

_SETTINGS = mark("Settings")
_CHECKED = mark("What was checked")
# by the member's path in the stored document: the step's key or the page's title, and the label there
_FIELDS = {
    "name": ("start", mark("Name of the profile")),
    "product_name": ("start", mark("&Product name")),
    "windows_wanted": ("start", mark("&Windows: an .exe signed by a key in Azure Key Vault")),
    "macos_wanted": ("start", mark("&macOS: a .pkg signed and notarised with Apple's certificates")),
    "server_wanted": ("start", mark("A &Comet Server will receive the settings")),
    "windows.azure.vault_name": ("key-vault", mark("&Vault name")),
    "windows.azure.certificate_name": ("key-vault", mark("C&ertificate name")),
    "windows.azure.application_id": ("key-vault", mark("&Application ID")),
    "windows.azure.tenant_id": ("key-vault", mark("&Tenant ID")),
    "windows.azure.cloud": ("key-vault", mark("Azure clou&d")),
    "windows.azure.secret_revision": ("key-vault", mark("Application sec&ret")),
    "windows.request.key": ("certificate", mark("Kind and size of the key")),
    "windows.request.hardware": ("certificate", mark("Key in the vault's hardware")),
    "windows.timestamp_servers": ("windows-trial", mark("Time stamps")),
    "windows.digest": ("windows-trial", mark("Di&gest")),
    "windows.input_file": ("windows-trial", mark("What will be signed")),
    "windows.description": ("windows-trial", mark("D&escription")),
    "windows.url": ("windows-trial", mark("&URL")),
    "windows.architecture": ("windows-trial", mark("&Architecture")),
    "macos.installer_file": ("apple-certificates", mark("Installer &file")),
    "macos.application_file": ("apple-certificates", mark("&Application file")),
    "macos.password_revision": ("apple-certificates", mark("Pass&word")),
    "macos.team": ("apple-certificates", mark("Team")),
    "macos.level": ("macos-level", mark("Level")),
    "macos.timestamp_servers": ("macos-trial", mark("Time stamps")),
    "macos.input_file": ("macos-trial", mark("What will be signed")),
    "macos.api_key.key_id": ("macos-level", mark("&Key ID")),
    "macos.api_key.issuer_id": ("macos-level", mark("Iss&uer ID")),
    "macos.api_key.named": ("macos-level", mark("App Store Connect API key")),
    "macos.api_key.revision": ("macos-level", mark("App Store Connect API key")),
    "macos.api_key.accepted": ("macos-level", mark("What Apple said")),
    "server.address": ("server", mark("&Address")),
    "server.user": ("server", mark("&User name")),
    "server.plain_http": ("server", mark("Use it without encryption")),
    "server.file_fields": ("server", mark("Which of the server's fields take the .p12 files")),
    "ends.client_secret": ("summary", mark("Secre&t ends on")),
    "ends.apple_membership": ("summary", mark("&Membership ends on")),
    "network.proxy": (_SETTINGS, mark("&Proxy")),
    "network.ca_bundle": (_SETTINGS, mark("&CA bundle")),
    "network.timeout": (_SETTINGS, mark("&Time-out")),
    "extra_roots": (_SETTINGS, mark("Roots for code signing")),
    "extra_timestamp_roots": (_SETTINGS, mark("Roots for time stamps")),
}
_REQUEST, _RESULTS = "windows.request.", "results."


def label(path: str) -> str:
    """Return what the person knows the member at *path* by; a member of a later version by its path."""
    step, words = _FIELDS.get(path, ("", ""))
    if path.startswith(_RESULTS):
        step, words = path.removeprefix(_RESULTS).partition(".")[0], _CHECKED
    elif path.startswith(_REQUEST) and not step:
        step, words = "certificate", _attribute(path.removeprefix(_REQUEST))
    if not words:
        return path
    # no colon: these stand behind one in lists
    return f"{translate(words).replace('&', '')} ({_title(step)})"


def value_words(value: Any) -> str:
    """Return a member's *value* as people read it, "" for an empty one."""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _attribute(key: str) -> str:
    from codesign_wizard.core.certificates.subject import FIELDS

    return next((each.label for each in FIELDS if each.key == key), "")


def _title(step: str) -> str:
    from codesign_wizard.core.flow import STEPS

    return next((each.title for each in STEPS if each.key == step), translate(step))
