"""``profile``: lists, shows, changes, forgets, exports and imports what is configured."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign_wizard.commands.context import Context
from codesign_wizard.commands.output import Outcome
from codesign_wizard.core.errors import InputError
from codesign_wizard.core.files import require_file, write_atomic
from codesign_wizard.core.finding import FindingKind, Severity
from codesign_wizard.core.profile import Profile, ProfileStore, new_profile
from codesign_wizard.core.redact import Secret
from codesign_wizard.core.report_clean import without_login
from codesign_wizard.core.text import tr

if TYPE_CHECKING:
    from codesign_wizard.session import Session

BAD_SETTING = FindingKind(
    "profile.bad-setting",
    Severity.ERROR,
    "{setting} cannot be set: {why}.",
    "A KEY=VALUE of profile set has an unknown key or a value of the wrong form.",
)
SAVED = FindingKind("profile.saved", Severity.OK, "The profile {name} is saved.", "The change was written.")
FORGOTTEN = FindingKind(
    "profile.forgotten",
    Severity.OK,
    "The profile {name} and its secrets are forgotten.",
    "The profile's file and its entries in the keyring were removed.",
)

PATHS_LEFT_OUT = FindingKind(
    "profile.paths-left-out",
    Severity.WARNING,
    "Files of another computer were left out of the profile: {files}.",
    "An imported profile names extra roots or a CA bundle that are not on this computer.",
)
LOGIN_LEFT_OUT = FindingKind(
    "profile.login-left-out",
    Severity.INFO,
    "The proxy's login was left out of the export.",
    "A proxy address with user and password in it is exported without them.",
)

_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do and the settings or the file for it."""
    parser.add_argument(
        "what", choices=("list", "show", "set", "forget", "export", "import"), help=tr("what to do")
    )
    parser.add_argument("values", nargs="*", metavar="KEY=VALUE or FILE", help=", ".join(sorted(_SETTERS)))
    parser.add_argument(
        "--server-password-stdin",
        action="store_true",
        help=tr("set: keep the Comet Server's password, from standard input, in the keyring"),
    )
    parser.add_argument(
        "--password-stdin",
        "--p12-password-stdin",
        action="store_true",
        help=tr("set: keep the one password of the .p12 files, read from standard input, in the keyring"),
    )
    parser.add_argument("--new", metavar="NAME", help=tr("set: make a new profile with this name first"))


def run(context: Context) -> Outcome:
    """Do what was asked."""
    return {
        "list": _list,
        "show": _show,
        "set": _set,
        "forget": _forget,
        "export": _export,
        "import": _import,
    }[context.options.what](context)


def _store(context: Context) -> ProfileStore:
    """Return the profiles without opening one, which may be the damaged one that is looked for."""
    if context.practising:
        return context.session.profiles
    from codesign_wizard.session import profile_folder

    return ProfileStore(profile_folder(os.environ))


def _session_on(context: Context, profile: Profile) -> Session:
    """Return a session on *profile*, which is not stored yet, without opening another one."""
    from codesign_wizard.session import Session

    return Session(profile, _store(context), secrets=context.session.secrets if context.practising else None)


def _list(context: Context) -> Outcome:
    _values(context, 0)
    store = _store(context)
    (profiles, unreadable), last = store.read_all(), store.last_used
    result = [
        {"id": profile.id, "name": profile.name, "last_used": profile.id == last} for profile in profiles
    ]
    lines = [
        f"{'*' if profile.id == last else ' '} {profile.name}  ({profile.id})" for profile in profiles
    ] or [tr("There is no profile yet.")]
    return Outcome(list(unreadable), result, lines=lines)


def _show(context: Context) -> Outcome:
    _values(context, 0)
    profile = context.session.profile
    document = {key: value for key, value in profile.to_json().items() if key != "results"}
    return Outcome([], document, [(key, value) for key, value in _flat(profile).items()])


def _set(context: Context) -> Outcome:
    options = context.options
    # a secret on standard input is for the keyring here, not for this run
    wants_secret, options.secret_stdin = options.secret_stdin, False
    if wants_secret and options.password_stdin:
        from codesign_wizard.commands.sign import ONE_SECRET

        raise InputError(ONE_SECRET())
    session = context.session
    if options.new is not None:
        if not options.new.strip():
            raise _bad("--new", tr("a profile needs a name"))
        session.profile = new_profile(options.new.strip())
    wants_password = options.server_password_stdin
    wants = [wants_secret, wants_password, options.password_stdin]
    if not options.values and not any(wants) and options.new is None:
        raise _bad(
            "profile set",
            tr("it needs KEY=VALUE, --secret-stdin, --password-stdin or --server-password-stdin"),
        )
    former = session.profile.network.proxy
    for setting in options.values:
        key, mark, value = setting.partition("=")
        if not mark:
            raise _bad(setting, tr("it has no = in it"))
        _setter(key)(session.profile, value.strip())
    proxy, session.profile.network.proxy = session.profile.network.proxy, former
    # what a file of an earlier version still has is not changed here, and moves with the saving
    wants.append(proxy != former and session.set_proxy(proxy))
    findings = []
    if wants_secret:
        session.set_application_secret(Secret(context.read_secret().reveal().strip()))
    if wants_password:
        session.set_server_password(context.read_secret())
    if options.password_stdin:
        session.set_apple_password(context.read_secret())
    if any(wants) and not session.secrets.kept:
        from codesign_wizard.core.secrets import NOT_KEPT

        findings.append(NOT_KEPT(detail=session.secrets.reason))
    findings += session.save()
    if not context.practising:
        session.profiles.set_last_used(session.profile.id)
    return Outcome([*findings, SAVED(name=session.profile.name)], {"id": session.profile.id})


def _forget(context: Context) -> Outcome:
    from codesign_wizard.core.secrets import forget_all

    _values(context, 0)
    session = context.session
    profile = session.profile
    if all(each.id != profile.id for each in session.profiles.list()):
        raise _bad("profile forget", tr("there is no profile to forget"))
    context.confirm(tr("The profile {name} and its secrets will be removed.").format(name=profile.name))
    forget_all(session.secrets, profile.id)
    session.profiles.forget(profile.id)
    return Outcome([FORGOTTEN(name=profile.name)], {"id": profile.id})


def _export(context: Context) -> Outcome:
    values = _values(context, 1)
    document = context.session.profile.to_json()
    findings = []
    if context.practising:  # the way to this run's cloud leads nowhere once it has ended
        document["network"] |= {"proxy": "", "ca_bundle": ""}
        document |= {"extra_roots": [], "extra_timestamp_roots": []}
    proxy = without_login(context.session.profile.network.proxy)
    if proxy != context.session.profile.network.proxy:
        document["network"]["proxy"] = proxy
        findings.append(LOGIN_LEFT_OUT())
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if not values:
        return Outcome(findings, document, lines=[text])
    try:
        write_atomic(Path(values[0]).absolute(), text.encode() + b"\n")
    except OSError as error:
        raise _bad(values[0], error.strerror or str(error)) from error
    return Outcome(findings, document, lines=[tr("Written to {file}.").format(file=values[0])])


def _import(context: Context) -> Outcome:
    values = _values(context, 1)
    if not values:
        raise _bad("profile import", tr("it needs a file"))
    try:
        text = _input() if values[0] == "-" else _text_of(Path(values[0]))
        document = json.loads(text)
    except OSError as error:
        raise _bad(values[0], error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _bad(values[0], tr("it cannot be read as JSON")) from error
    imported = Profile.from_json(document)
    if not imported.name.strip():
        raise _bad(values[0], tr("the profile in it has no name"))
    # a profile that is there already is not overwritten by one from elsewhere
    imported.id = new_profile(imported.name).id
    left_out = _without_others_files(imported)
    findings = [PATHS_LEFT_OUT(files=", ".join(left_out))] if left_out else []
    findings += _session_on(context, imported).save()
    return Outcome([*findings, SAVED(name=imported.name)], {"id": imported.id})


def _without_others_files(profile: Profile) -> list[str]:
    """Take the files out of *profile* that every step would read and that are not here; return them."""
    gone: list[str] = []

    def here(name: str) -> bool:
        found = not name or Path(name).expanduser().is_file()
        if not found:
            gone.append(name)
        return found

    profile.extra_roots = [each for each in profile.extra_roots if here(each)]
    profile.extra_timestamp_roots = [each for each in profile.extra_timestamp_roots if here(each)]
    if not here(profile.network.ca_bundle):
        profile.network.ca_bundle = ""
    return list(dict.fromkeys(gone))


def _text_of(path: Path) -> str:
    require_file(path)
    return path.read_text("utf-8")


def _input() -> str:
    return "" if sys.stdin is None else sys.stdin.read()


def _values(context: Context, most: int) -> list[str]:
    values: list[str] = context.options.values
    if len(values) > most:
        raise _bad(values[most], tr("profile {what} does not take it").format(what=context.options.what))
    return values


def _bad(setting: str, why: str) -> InputError:
    return InputError(BAD_SETTING(setting=setting, why=why))


def _setter(key: str) -> Callable[[Profile, str], None]:
    if key not in _SETTERS:
        from difflib import get_close_matches

        names = ", ".join(get_close_matches(key, _SETTERS, 3) or sorted(_SETTERS))
        raise _bad(key, tr("it is not a setting; near to it: {names}").format(names=names))
    return _SETTERS[key]


def _name(profile: Profile, value: str) -> None:
    if not value:
        raise _bad("name", tr("a profile needs one"))
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
            raise _bad(value, tr("it must be one of {values}").format(values=", ".join(allowed)))
        _text(*path)(profile, value)

    return put


def _flag(name: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        if value.lower() not in _TRUE + _FALSE:
            raise _bad(value, tr("it must be yes or no"))
        setattr(profile, name, value.lower() in _TRUE)

    return put


def _end(name: str) -> Callable[[Profile, str], None]:
    def put(profile: Profile, value: str) -> None:
        from codesign_wizard.core.expiry import parse_end

        if value and parse_end(value) is None:
            raise _bad(value, tr("it must be a date such as 2027-05-01"))
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
        raise _bad("macos.team", tr("a team identifier is ten letters and digits, such as ABCDE12345"))
    profile.macos.team = team


def _level(profile: Profile, value: str) -> None:
    from codesign_wizard.session import check_level

    profile.macos.level = check_level(value, "macos.level")


def _timeout(profile: Profile, value: str) -> None:
    from codesign_wizard.session import parse_timeout

    profile.network.timeout = parse_timeout(value, "network.timeout")


def _server_address(profile: Profile, value: str) -> None:
    from codesign_wizard.core.comet.address import parse_address

    profile.server.address = parse_address(value).url if value else ""


def _plain_http(profile: Profile, value: str) -> None:
    if value.lower() not in _TRUE + _FALSE:
        raise _bad(value, tr("it must be yes or no"))
    profile.server.plain_http = value.lower() in _TRUE


_SETTERS: dict[str, Callable[[Profile, str], None]] = {
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
    "network.proxy": _text("network", "proxy"),
    "network.ca-bundle": _text("network", "ca_bundle"),
    "network.timeout": _timeout,
    "extra-roots": _list_of("extra_roots"),
    "extra-timestamp-roots": _list_of("extra_timestamp_roots"),
}


def _flat(profile: Profile) -> dict[str, str]:
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
