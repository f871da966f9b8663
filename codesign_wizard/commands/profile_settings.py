"""What ``profile set`` can set, each by its key and judged as it is taken; and all of it shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codesign_wizard.core.errors import InputError
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.profile import Profile
from codesign_wizard.core.text import tr

BAD_SETTING = FindingKind(
    "profile.bad-setting",
    Severity.ERROR,
    "{setting} cannot be set: {why}.",
    "A KEY=VALUE of profile set has an unknown key or a value of the wrong form.",
)


_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def bad_setting(setting: str, why: str) -> InputError:
    """Return the error for a *setting* that cannot be taken."""
    return InputError(BAD_SETTING(setting=setting, why=why))


def setter(key: str) -> Callable[[Profile, str], None]:
    """Return what sets *key* and judges its value; raises ``InputError`` for a key that there is not."""
    if key not in SETTERS:
        from difflib import get_close_matches

        names = ", ".join(get_close_matches(key, SETTERS, 3) or sorted(SETTERS))
        raise bad_setting(key, tr("it is not a setting; near to it: {names}").format(names=names))
    return SETTERS[key]


def _name(profile: Profile, value: str) -> None:
    if not value:
        raise bad_setting("name", tr("a profile needs one"))
    profile.name = value


def _text(*path: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        target: Any = profile
        for name in path[:-1]:
            target = getattr(target, name)
        setattr(target, path[-1], value)

    return put


def _azure(field: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        from codesign_wizard.core.azure.options import check_field, tidy

        wrong = [finding for finding in check_field(field, value) if finding.severity is Severity.ERROR]
        if wrong:
            raise InputError(wrong[0])
        setattr(profile.windows.azure, field, tidy(field, value))

    return put


def _choice(allowed: tuple[str, ...], *path: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        if value not in allowed:
            raise bad_setting(value, tr("it must be one of {values}").format(values=", ".join(allowed)))
        _text(*path)(profile, value)

    return put


def _flag(name: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        if value.lower() not in _TRUE + _FALSE:
            raise bad_setting(value, tr("it must be yes or no"))
        setattr(profile, name, value.lower() in _TRUE)

    return put


def _end(name: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        from codesign_wizard.core.expiry import parse_end

        if value and parse_end(value) is None:
            raise bad_setting(value, tr("it must be a date such as 2027-05-01"))
        setattr(profile.ends, name, value)

    return put


def _list_of(*path: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        target: Any = profile
        for name in path[:-1]:
            target = getattr(target, name)
        setattr(target, path[-1], [each.strip() for each in value.split(",") if each.strip()])

    return put


def _servers(profile: Profile, value: str) -> None:
    profile.windows.timestamp_servers = _checked_servers(value)


def _apple_servers(profile: Profile, value: str) -> None:
    profile.macos.timestamp_servers = _checked_servers(value)


def _checked_servers(value: str) -> list[str]:
    from codesign_wizard.core.authenticode.timestamp import check_server

    servers = [each.strip() for each in value.split(",") if each.strip()]
    for server in servers:
        check_server(server)
    return servers


def _file(name: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        # the profile is used from any folder
        setattr(profile.macos, name, str(Path(value).expanduser().absolute()) if value else "")

    return put


def _team(profile: Profile, value: str) -> None:
    team = value.upper()
    if team and not re.fullmatch(r"[A-Z0-9]{10}", team):
        raise bad_setting("macos.team", tr("a team identifier is ten letters and digits, such as ABCDE12345"))
    profile.macos.team = team


def _level(profile: Profile, value: str) -> None:
    from codesign_wizard.overrides import check_level

    profile.macos.level = check_level(value, "macos.level")


def _timeout(profile: Profile, value: str) -> None:
    from codesign_wizard.overrides import parse_timeout

    profile.network.timeout = parse_timeout(value, "network.timeout")


def _proxy(profile: Profile, value: str) -> None:
    from codesign_wizard.overrides import check_proxy

    profile.network.proxy = check_proxy(value, "network.proxy")


def _ca_bundle(profile: Profile, value: str) -> None:
    from codesign_wizard.core.network import Network, NetworkSettings

    # the profile is used from any folder
    bundle = str(Path(value).expanduser().absolute()) if value else ""
    Network(NetworkSettings(ca_bundle=bundle, use_environment=False)).ssl_context()
    profile.network.ca_bundle = bundle


def _server_address(profile: Profile, value: str) -> None:
    from codesign_wizard.core.comet.address import parse_address

    profile.server.address = parse_address(value).url if value else ""


def _plain_http(profile: Profile, value: str) -> None:
    if value.lower() not in _TRUE + _FALSE:
        raise bad_setting(value, tr("it must be yes or no"))
    profile.server.plain_http = value.lower() in _TRUE


SETTERS: dict[str, Callable[[Profile, str], None]] = {
    "name": _name,
    "product-name": _text("product_name"),
    "windows": _flag("windows_wanted"),
    "macos": _flag("macos_wanted"),
    "server": _flag("server_wanted"),
    "windows.vault-name": _azure("vault_name"),
    "windows.certificate-name": _azure("certificate_name"),
    "windows.application-id": _azure("application_id"),
    "windows.tenant-id": _azure("tenant_id"),
    "windows.cloud": _choice(("public", "us-government", "china"), "windows", "azure", "cloud"),
    "windows.timestamp-servers": _servers,
    "windows.digest": _choice(("sha256", "sha384", "sha512"), "windows", "digest"),
    "windows.architecture": _choice(("x64", "x86", "arm64"), "windows", "architecture"),
    "windows.input-file": _text("windows", "input_file"),
    "windows.description": _text("windows", "description"),
    "windows.url": _text("windows", "url"),
    "server.address": _server_address,
    "server.user": _text("server", "user"),
    "server.plain-http": _plain_http,
    "server.file-fields": _choice(("auto", "file", "name"), "server", "file_fields"),
    "macos.application-file": _file("application_file"),
    "macos.installer-file": _file("installer_file"),
    "macos.team": _team,
    "macos.level": _level,
    "macos.timestamp-servers": _apple_servers,
    "macos.input-file": _text("macos", "input_file"),
    "ends.client-secret": _end("client_secret"),
    "ends.apple-membership": _end("apple_membership"),
    "network.proxy": _proxy,
    "network.ca-bundle": _ca_bundle,
    "network.timeout": _timeout,
    "extra-roots": _list_of("extra_roots"),
    "extra-timestamp-roots": _list_of("extra_timestamp_roots"),
}


def flat(profile: Profile) -> dict[str, str]:
    """Return everything that can be set, and the id, by its key."""
    windows, azure, network = profile.windows, profile.windows.azure, profile.network
    macos = profile.macos
    return {
        "id": profile.id,
        "name": profile.name,
        "product-name": profile.product_name,
        "windows.vault-name": azure.vault_name,
        "windows.certificate-name": azure.certificate_name,
        "windows.application-id": azure.application_id,
        "windows.tenant-id": azure.tenant_id,
        "windows.cloud": azure.cloud,
        "windows.timestamp-servers": ", ".join(windows.timestamp_servers),
        "windows.digest": windows.digest,
        "windows.architecture": windows.architecture,
        "windows.input-file": windows.input_file,
        "windows.description": windows.description,
        "windows.url": windows.url,
        "server.address": profile.server.address,
        "server.user": profile.server.user,
        "server.plain-http": "yes" if profile.server.plain_http else "no",
        "server.file-fields": profile.server.file_fields,
        "macos.application-file": macos.application_file,
        "macos.installer-file": macos.installer_file,
        "macos.team": macos.team,
        "macos.level": macos.level,
        "macos.timestamp-servers": ", ".join(macos.timestamp_servers),
        "macos.input-file": macos.input_file,
        "ends.client-secret": profile.ends.client_secret,
        "ends.apple-membership": profile.ends.apple_membership,
        "network.proxy": network.proxy,
        "network.ca-bundle": network.ca_bundle,
        "network.timeout": f"{network.timeout:g}",
        "extra-roots": ", ".join(profile.extra_roots),
        "extra-timestamp-roots": ", ".join(profile.extra_timestamp_roots),
    }
