"""What may leave the machine: text without secrets, logins in addresses, and this person's folders.

The last line of defence. Settings go into a report by name only (``report.settings``), and what else does has
been redacted when it was made; here every string is looked at once more, whatever it comes from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codesign_wizard.core.redact import HIDDEN, redact, remember
from codesign_wizard.core.text import shown

# Signed links are secrets as well: Azure Storage's sig, S3's X-Amz-…, and whoever else calls it a key.
_IN_LINK = re.compile(
    r"(?i)(?<=[?&])((?:sig|signature|x-amz-[a-z-]+|access_?key(?:id)?|access_?token|token|code|client_secret|"
    r"password|pass(?:phrase)?|session_?key|api_?key|key)=)[^&#\s\"'<>]+"
)
# Microsoft's own pages on an error are named by its number, which is no secret
_ERROR_PAGE = re.compile(r"(?i)https://login\.[a-z0-9.-]+/error\?\Z")
# names that services and people write before a secret, in JSON, in a form, in a header
_NAMED = re.compile(
    r"(?i)((?:client[_-]?secret|pass(?:word|phrase)|session[_-]?key|api[_-]?key|access[_-]?token|"
    r"refresh[_-]?token|authorization)\\?[\"']?\s*[:=]\s*)"
    r"(\"(?:[^\"\\]|\\.)*\"|\\\"(?:(?!\\\").)*\\\"|(?:bearer |basic )?[^\s,;&}\"'\\]+)"
)
_LOGIN = re.compile(r"(?<=://)[^/\s\"'<>]*@")
_HOMES = (
    re.compile(r"(?i)\b[a-z]:[\\/]+(?:users|documents and settings)[\\/]+[^\\/\"'<>|:*?\r\n]+"),
    re.compile(r"(?<![\w.~])/(?:home|Users)/[^/\"'\s:]+"),
    re.compile(r"(?<![\w.~])/root(?=/|$|\s)"),
)
_MARKS = ("\\", "/")


def clean(value: Any) -> Any:
    """Return *value*, a JSON value, with every string in it as it may leave the machine; names included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(name)): clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def clean_text(text: str) -> str:
    """Return *text* redacted, with ``~`` for home folders and without what a terminal would obey."""
    text = redact(text)
    if "=" in text or ":" in text:
        text = _IN_LINK.sub(_hidden, text)
        text = _NAMED.sub(lambda found: found[1] + HIDDEN, text)
        text = _LOGIN.sub("", text)
    return shown(without_home(text), keep="\n\t")


def _hidden(found: re.Match[str]) -> str:
    name, value = found[1], found[0].partition("=")[2]
    page = found.string[max(found.start() - 80, 0) : found.start()]
    if name.lower() == "code=" and value.isdigit() and len(value) < 10 and _ERROR_PAGE.search(page):
        return found[0]
    return name + HIDDEN


def without_home(text: str) -> str:
    """Return *text* with ``~`` in place of home folders: this person's, and those of the usual places."""
    if not any(each in text for each in _MARKS):
        return text
    own = _own_home()
    if own:
        # Windows writes one path in either case and with either bar
        text = re.sub(re.escape(own) + r"(?![\w.-])", "~", text, flags=re.I if os.name == "nt" else 0)
    for home in _HOMES:
        text = home.sub("~", text)
    return text


def without_login(address: str) -> str:
    """Return an *address* without user and password; people write passwords with / and @ in them."""
    return re.sub(r"(?<=://).*@", "", address, flags=re.S)


def remember_logins(*addresses: str) -> None:
    """Hide the user and password in *addresses*, such as a proxy's, in everything from now on."""
    from urllib.parse import unquote

    for address in addresses:
        login = re.search(r"(?:://|\A)(.*)@", address, flags=re.S)
        if login is None:
            continue
        _, mark, password = login[1].partition(":")
        for each in (login[1], password if mark else ""):
            remember(each)
            remember(unquote(each))


def _own_home() -> str:
    try:
        home = str(Path.home())
    except RuntimeError:  # a service's account may have none
        return ""
    return home.rstrip("\\/") if len(home) > 3 else ""
