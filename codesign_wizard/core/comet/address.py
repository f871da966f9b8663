"""A server's address as people paste it, and as it is called."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from codesign_wizard.core.comet import findings
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import Certainty, Finding, Remedy
from codesign_wizard.core.redact import remember
from codesign_wizard.core.text import shown, tr

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# what stands behind the address when it was copied from a browser or a script
_KNOWN = re.compile(r"/(?:api/v1|gen|admin|login|dashboard|index\.html?|#)(?:/|\Z).*", re.I | re.S)
# http or https with a slash or a colon too few, or twice
_SLIP = re.compile(r"https?(?::/?(?!/)|/|://https?:?/|\Z)", re.I)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True)
class ServerAddress:
    """``url`` ends with a slash; ``host`` is what people call it, with the port if it is unusual."""

    url: str
    host: str
    loopback: bool

    @property
    def encrypted(self) -> bool:
        """Whether it is https."""
        return self.url.startswith("https:")

    @property
    def exposed(self) -> bool:
        """Whether a password would travel unencrypted over a network."""
        return not self.encrypted and not self.loopback


def parse_address(text: str) -> ServerAddress:
    """Return the address in *text*; without a scheme it is https, or http on this computer.

    Raises ``InputError``, also for an address with a password in it.
    """
    text = text.strip().strip("<>\"'").strip()
    if not text:
        raise InputError(
            findings.ADDRESS_MISSING(
                certainty=Certainty.COMPUTED,
                remedies=[Remedy(title=tr("Give the address that opens the server's web page."))],
            )
        )
    if any(char.isspace() for char in text):
        raise _wrong(text, tr("there is a blank or a line's end in it"))
    if ":" in text and _is_address(text):
        text = f"[{text}]"
    bare = not _SCHEME.match(text)
    if _SLIP.match(text):
        raise _wrong(text, tr("it must begin with https://"))
    try:
        parts = urlsplit(f"https://{text.lstrip('/')}" if bare else text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _wrong(text, tr("it cannot be read")) from error
    if parts.scheme not in ("https", "http"):
        raise _wrong(text, tr("it must begin with https://"))
    if parts.username is not None or parts.password is not None:
        remember(parts.password or "")
        raise _wrong(parts.hostname or "?", tr("it has a login in it; give that separately"))
    name = _host(text, host)
    loopback = _is_loopback(name)
    scheme = "http" if bare and loopback else parts.scheme
    usual = port is None or port == (443 if scheme == "https" else 80)
    place = (f"[{name}]" if ":" in name else name) + ("" if usual else f":{port}")
    return ServerAddress(f"{scheme}://{place}{_path(parts)}", place, loopback)


def check_exposed(address: ServerAddress, *, allowed: bool) -> list[Finding]:
    """Return a warning for an unencrypted address that was *allowed*; raises ``InputError`` otherwise."""
    if not address.exposed:
        return []
    if allowed:
        return [findings.ADDRESS_PLAIN_USED(host=address.host, certainty=Certainty.COMPUTED)]
    raise InputError(
        findings.ADDRESS_PLAIN(
            host=address.host,
            certainty=Certainty.COMPUTED,
            remedies=[
                Remedy(title=tr("Use the address that begins with https://.")),
                Remedy(title=tr("If there is none, and only you use this network, allow it: --plain-http.")),
            ],
        )
    )


def _host(text: str, host: str) -> str:
    host = host.rstrip(".")
    if not host:
        raise _wrong(text, tr("it names no host"))
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        pass
    try:
        # requests would do it, too; here it is told before anything is sent
        plain = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise _wrong(text, tr("its host name cannot be used")) from error
    if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in plain.split(".")):
        raise _wrong(text, tr("its host name cannot be used"))
    return plain.lower()


def _path(parts: SplitResult) -> str:
    path = _KNOWN.sub("", parts.path)
    return "/" + "".join(f"{step}/" for step in path.split("/") if step)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _wrong(address: str, why: str) -> InputError:
    return InputError(
        findings.ADDRESS_WRONG(
            address=shown(address[:200]),
            why=why,
            certainty=Certainty.COMPUTED,
            remedies=[
                Remedy(
                    title=tr("Copy it from the browser's address bar, such as https://backup.example.com.")
                )
            ],
        )
    )
