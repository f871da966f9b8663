"""The address of a proxy, and the password in it: apart from it, so that only the keyring keeps it."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from codesign_wizard.core.redact import Secret


def is_address(text: str) -> bool:
    """Tell whether *text* is the address of a proxy that we can use: by http or https, with a host."""
    # a password may hold what ends a host in an address
    text = split(text)[0]
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and not any(map(str.isspace, text))


def split(address: str) -> tuple[str, Secret | None]:
    """Return a proxy's *address* without the password, and the password, ``None`` where there is none.

    ``http://user:password@host:port``, with or without scheme. Both are as typed, percent-encoded or not;
    people write passwords with ``:``, ``/`` and ``@`` in them: the host begins after the last ``@``.
    """
    start, (login, host) = _parts(address)
    user, _, password = login.partition(":")
    if not password or not host:
        return address, None
    return f"{start}{user}@{host}", Secret(password)


def joined(address: str, password: Secret | None) -> str:
    """Return what ``split`` took apart; without *password* the *address* as it is."""
    if password is None or not names_user(address):
        return address
    start, (login, host) = _parts(address)
    return f"{start}{login}:{password.reveal()}@{host}"


def usable(address: str) -> str:
    """Return *address* as a client can read it: what would end the host (RFC 3986, 3.2) is encoded in it."""
    start, (login, host) = _parts(address)
    if not login:
        return address
    user, colon, password = login.partition(":")
    # a percent sign stands: who knew to encode has done it already
    return f"{start}{quote(user, safe='%')}{colon}{quote(password, safe='%')}@{host}"


def names_user(address: str) -> bool:
    """Tell whether *address* has a user's name and no password, not even an empty one."""
    _, (login, host) = _parts(address)
    return bool(login and host) and ":" not in login


def _parts(address: str) -> tuple[str, tuple[str, str]]:
    """Return the scheme with its ``://``, the login, and what comes after it."""
    scheme, mark, rest = address.partition("://")
    start, rest = (scheme + mark, rest) if mark else ("", address)
    login, at, host = rest.rpartition("@")
    return start, (login, host) if at else ("", rest)
